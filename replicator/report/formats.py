"""Numbers as a reader wants them: enough digits to tell them apart and no more."""

from __future__ import annotations

import math
from collections.abc import Sequence

UNKNOWN = "–"


def number(value: float | int | None, digits: int = 3) -> str:
    """Three significant digits, thousands separated, a true minus: 1.937 -> "1.94", 13232 -> "13,232"."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return UNKNOWN
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    size = abs(value)
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    text = f"{size:,.{min(decimals, 6)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"−{text}" if value < 0 and text != "0" else text


def signed(value: float) -> str:
    """With its sign: "+0.12", "−0.3"."""
    text = number(value)
    return text if text.startswith("−") or text == "0" else f"+{text}"


def percent(share: float | None) -> str:
    """A share as a percentage: .955 -> "95.5%"; never "100%" for less than all, nor "0%" for some."""
    if share is None or math.isnan(share):
        return UNKNOWN
    value = 100 * share
    if 0 < value < 0.1:
        return "less than 0.1%"
    if 99.9 < value < 100:
        return "more than 99.9%"
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return f"−{text[1:]}%" if text.startswith("-") else f"{text}%"


def whole_percent(share: float) -> str:
    """A share in whole per cent, for prose: .584 -> "58%"; the ends only where they are exact."""
    return percent(share if 0 < share < 0.01 or 0.99 < share < 1 else round(share, 2))


def interval_text(bounds: Sequence[float | None] | None) -> str:
    """ "0.36 to 0.48"."""
    if not bounds:
        return UNKNOWN
    low, high = (UNKNOWN if bound is None else number(bound) for bound in bounds)
    return f"{low} to {high}"


def set_text(bounds: Sequence[float | None]) -> str:
    """Values that explain choices equally well: "any in −0.14 to 0.14", "only 0"."""
    return f"only {number(bounds[0])}" if bounds[0] == bounds[1] else f"any in {interval_text(bounds)}"
