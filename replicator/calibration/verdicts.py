"""What the rows say, cell by cell and together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from replicator import theories
from replicator.calibration.plan import Cell
from replicator.calibration.refits import Row
from replicator.calibration.statistics import (
    FAMILYWISE,
    POOLED,
    coverage_p_value,
    exact_interval,
    holm,
    rank_p_value,
    too_low_p_value,
)

Rows = Mapping[Cell, Sequence[Row]]


@dataclass(frozen=True)
class Verdict:
    """One quantity in one cell; p-values are adjusted for the number of quantities in all cells."""

    cell: Cell
    quantity: str
    fits: int
    covered: int
    coverage_p: float
    rank_p: float | None
    """None for fixed truths, whose ranks need not be uniform."""

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against it at the familywise level."""
        return self.coverage_p > FAMILYWISE and (self.rank_p is None or self.rank_p > FAMILYWISE)


def calibration(rows: Rows) -> list[Verdict]:
    """Of truths from the prior: coverage of .95 and uniform ranks."""
    groups = _groups(rows, "prior")
    covered = [sum(row.covered for row in group) for *_, group in groups]
    coverage = holm([coverage_p_value(c, len(group)) for c, (*_, group) in zip(covered, groups, strict=True)])
    ranks = holm([rank_p_value([row.rank for row in group]) for *_, group in groups])
    return [
        Verdict(cell, quantity, len(group), c, p, rank)
        for (cell, quantity, group), c, p, rank in zip(groups, covered, coverage, ranks, strict=True)
    ]


def recovery(rows: Rows) -> list[Verdict]:
    """Of fixed truths: coverage of at least .90, of the theory's parameters and the sensitivity."""
    groups = [(cell, name, group) for cell, name, group in _groups(rows, "fixed") if is_location(cell, name)]
    covered = [sum(row.covered for row in group) for *_, group in groups]
    adjusted = holm([too_low_p_value(c, len(group)) for c, (*_, group) in zip(covered, groups, strict=True)])
    return [
        Verdict(cell, quantity, len(group), c, p, None)
        for (cell, quantity, group), c, p in zip(groups, covered, adjusted, strict=True)
    ]


def pooled(verdicts: Sequence[Verdict]) -> tuple[int, int]:
    """(covered, intervals) of all locations: parameters, sensitivities and intercepts."""
    here = [verdict for verdict in verdicts if is_location(verdict.cell, verdict.quantity)]
    return sum(verdict.covered for verdict in here), sum(verdict.fits for verdict in here)


@dataclass(frozen=True)
class Together:
    """Coverage of many quantities, of truths from the prior."""

    of: str
    fits: int
    covered: int
    intervals: int
    error: float
    """Standard error of the share over fits: quantities of one fit are not independent."""
    locations: tuple[int, int]
    """(covered, intervals) of locations among them."""


def together(rows: Rows) -> list[Together]:
    """Of every kind of answers, of fits whose diagnostics passed and of those whose did not."""
    fits: dict[tuple[Cell, int], list[Row]] = {}
    for cell, here in rows.items():
        for row in here:
            if row.purpose == "prior":
                fits.setdefault((cell, row.number), []).append(row)
    kinds = dict.fromkeys(cell.kind for cell, _ in fits)
    groups = {str(kind): {key: fit for key, fit in fits.items() if key[0].kind == kind} for kind in kinds}
    groups["diagnostics passed"] = {key: fit for key, fit in fits.items() if fit[0].passed}
    groups["diagnostics failed"] = {key: fit for key, fit in fits.items() if not fit[0].passed}
    return [_of_fits(name, group) for name, group in groups.items() if group]


def _of_fits(name: str, fits: Mapping[tuple[Cell, int], Sequence[Row]]) -> Together:
    covered = np.array([sum(row.covered for row in fit) for fit in fits.values()])
    size = np.array([len(fit) for fit in fits.values()])
    share, n = covered.sum() / size.sum(), len(fits)
    error = np.sqrt(((covered - share * size) ** 2).sum() * n / max(n - 1, 1)) / size.sum()
    located = [row.covered for (cell, _), fit in fits.items() for row in fit if is_location(cell, row.quantity)]
    return Together(name, n, int(covered.sum()), int(size.sum()), float(error), (sum(located), len(located)))


def pooled_word(rows: Rows, covered: int, intervals: int) -> str:
    """Of the coverage of all locations: "holds", "fails", or "too few fits to tell".

    Once all planned fits are done it must lie where it should; before, it fails where no coverage in there would leave
    so many or so few (exact, at the familywise level).
    """
    done = all(len(fits_of(here, "prior")) >= cell.fits for cell, here in rows.items())
    if done and intervals:
        return "holds" if POOLED[0] <= covered / intervals <= POOLED[1] else "fails"
    low, high = exact_interval(covered, intervals, 1.0 - FAMILYWISE) if intervals else (0.0, 1.0)
    return "fails" if high < POOLED[0] or low > POOLED[1] else "too few fits to tell"


def is_location(cell: Cell, quantity: str) -> bool:
    """Whether the quantity is where the population stands, not a scale, a lapse or an effect of position."""
    theory = theories.get(cell.theory)
    return quantity in {p.name for p in (*theory.parameters, *theory.derived)} | {"sensitivity", "response_intercept"}


def fits_of(rows: Sequence[Row], purpose: str) -> dict[int, Row]:
    """Number -> one row of each fit."""
    return {row.number: row for row in rows if row.purpose == purpose}


def _groups(rows: Rows, purpose: str) -> list[tuple[Cell, str, list[Row]]]:
    found: dict[tuple[Cell, str], list[Row]] = {}
    for cell, here in rows.items():
        for row in here:
            if row.purpose == purpose:
                found.setdefault((cell, row.quantity), []).append(row)
    return [(cell, quantity, group) for (cell, quantity), group in found.items()]
