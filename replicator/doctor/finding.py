"""What was looked at, what was found, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Status = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Finding:
    """One line of a diagnosis."""

    check: str
    status: Status
    found: str
    remedy: str | None = None
    """None where nothing is to be done."""

    def document(self) -> dict[str, str | None]:
        return asdict(self)
