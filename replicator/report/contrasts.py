"""What was chosen at the two levels of a planned contrast, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from replicator.experiment import format_value
from replicator.report.formats import whole_percent
from replicator.report.terms import Document, who


def planned(results: Document, population: str) -> Mapping[str, Any] | None:
    """The option, the factor and its two levels; None where the plan compares no shares of an option."""
    for estimate in results.get("estimates") or []:
        found: Mapping[str, Any] | None = estimate.get("contrast")
        if estimate["population"] == population and estimate.get("primary") and found and found["option"]:
            return found
    return None


def by_level(results: Document, population: str, rows: Sequence[Document]) -> str | None:
    """ "chose sure 64% of the time at frame=gain and 36% at frame=loss (people 72% and 22% ...)"; None without a
    contrast of options, or without answers at both levels."""
    contrast = planned(results, population)
    if contrast is None:
        return None
    factors = {(item["item"], item["condition"]): item["factors"] for item in results.get("items") or []}
    at: list[list[Document]] = []
    for level in contrast["levels"]:
        said = format_value(level)
        at.append([
            row
            for row in rows
            if row["option"] == contrast["option"]
            and format_value(factors[row["item"], row["condition"]].get(contrast["factor"], "")) == said
        ])  # fmt: skip
    if not all(at):
        return None
    places = [f"{contrast['factor']}={format_value(level)}" for level in contrast["levels"]]
    own = [_mean(here, "share") for here in at]
    text = f"chose {contrast['option']} {own[0]} of the time at {places[0]} and {own[1]} at {places[1]}"
    known = [[row for row in here if row.get("human_share") is not None] for here in at]
    if not all(known):
        return f"{text}."
    theirs = [_mean(here, "human_share") for here in known]
    n = max(len(here) for here in known)
    whole = all(len(here) == len(all_) for here, all_ in zip(known, at, strict=True))
    where = "" if whole else f" over the {n} question{'s' if n > 1 else ''} where this is known"
    return f"{text}; {who([*known[0], *known[1]])} {theirs[0]} and {theirs[1]}{where}."


def _mean(rows: Sequence[Document], column: str) -> str:
    return whole_percent(sum(float(row[column]) for row in rows) / len(rows))
