"""What a table of the report is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from replicator.report import terms
from replicator.report.terms import Document


@dataclass(frozen=True)
class Cell:
    text: str
    look: str = ""
    """ "number", "good", "bad", "quiet" or empty."""
    meter: float | None = None
    """A share to be drawn as a bar behind the number."""


@dataclass(frozen=True)
class Table:
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = field(default=())


def table(
    caption: str, columns: tuple[str, ...], rows: Sequence[tuple[Cell, ...]], notes: tuple[str, ...]
) -> Table | None:
    """A table, or None where it would have no rows."""
    return Table(caption, columns, tuple(rows), notes) if rows else None


def who(estimate: Document) -> str:
    """Whose estimate of what, and where: "MobLab classrooms: mean share given, stakes=20"."""
    where = condition(estimate)
    name = f"{estimate['population']}: {terms.parameter_name(estimate)}"
    return f"{name}, {where}" if where != "all" else name


def together(estimates: Sequence[Document]) -> str:
    """What several estimates of one population are of: "risk aversion r, sensitivity s (stakes=1, stakes=20)"."""
    places: dict[str, dict[str, None]] = {}
    for estimate in estimates:
        places.setdefault(terms.parameter_name(estimate), {})[condition(estimate)] = None
    names: dict[tuple[str, ...], list[str]] = {}
    for name, some in places.items():
        names.setdefault(tuple(some), []).append(name)
    parts = [", ".join(group) + ("" if some == ("all",) else f" ({', '.join(some)})") for some, group in names.items()]
    return "; ".join(parts)


def condition(estimate: Document) -> str:
    """The treatment cell, "all" without one."""
    return str(estimate.get("condition") or "all")


def model(estimate: Document) -> str:
    """Theory, noise and intercept: "loss-aversion, logit, with intercept"."""
    noise = estimate.get("noise")
    text = str(estimate["theory"]) + (f", {noise}" if noise not in (None, "none") else "")
    return text + (", with intercept" if estimate.get("intercept") else "")
