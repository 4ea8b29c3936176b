"""Types of cooperation: what kind of schedule answers other people's contributions to a public good.

A schedule says for every contribution x of others how much somebody contributes, y(x). Its type is a description and
not a theory: it has no parameters, and a person has exactly one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from replicator.errors import DataError
from replicator.intervals import PROBABILITY

CooperationType = Literal["conditional", "free-rider", "triangle", "unconditional", "other"]
TYPES: tuple[CooperationType, ...] = get_args(CooperationType)
Rule = Literal["thoni-volk", "fischbacher"]

CORRELATION = 0.5
"""Pearson correlation from which a schedule follows others' contributions though it is not monotone (Thoni & Volk 2018,
doi:10.1016/j.econlet.2018.06.022)."""

SIGNIFICANCE = 0.01
"""Level of Spearman's rank correlation from which it does (Fischbacher, Gachter & Fehr 2001,
doi:10.1016/S0165-1765(01)00394-9)."""

JEFFREYS = 0.5
"""Each type's count before any schedule is seen: Jeffreys' prior of a multinomial."""

ROUNDING = 1e-9
"""By how much a correlation, or a difference of contributions, may miss a bound because of its arithmetic."""


@dataclass(frozen=True)
class TypeShare:
    """Posterior of the share of one type among the people whom those at hand are drawn from."""

    type: CooperationType
    count: int
    mean: float
    low: float
    high: float
    """The interval has probability .95 and equal tails."""


def classify(others: ArrayLike, own: ArrayLike, rule: Rule = "thoni-volk") -> CooperationType:
    """The type of a schedule: contributions `own` (n,) to contributions `others` (n,) of the rest of the group.

    In this order:

    * free-rider: nothing, whatever others contribute
    * unconditional: always the same positive contribution
    * conditional: never less where others contribute more, and somewhere more; or a correlation with others'
      contributions that is at least `CORRELATION` (Pearson; "thoni-volk") or positive with a two-sided p below
      `SIGNIFICANCE` (Spearman; "fischbacher")
    * triangle: rises in that sense up to a contribution of others between their smallest and their largest, and falls
      from there on
    * other

    Several answers to one contribution of others are averaged first. Raises ValueError for fewer than two
    contributions of others, unlike lengths, or numbers that are negative or none.
    """
    x, y = _schedule(others, own)
    if (y < ROUNDING).all():
        return "free-rider"
    if np.ptp(y) < ROUNDING:
        return "unconditional"
    if _rises(x, y, rule):
        return "conditional"
    peak = _peak(x, y, rule)
    return "other" if peak is None else "triangle"


def conditional_slope(others: ArrayLike, own: ArrayLike) -> float:
    """Least-squares slope b of y = a + b x: 1 matches others' contributions, 0 ignores them.

    Raises ValueError as `classify` does.
    """
    x, y = _schedule(others, own)
    return float(np.cov(x, y, bias=True)[0, 1] / np.var(x))


def type_shares(types: Sequence[CooperationType]) -> tuple[TypeShare, ...]:
    """Share of each type among people like these, in the order of `TYPES`.

        shares ~ Dirichlet(1/2 + n_1, ..., 1/2 + n_5)

    so that share k is Beta(1/2 + n_k, 5/2 - 1/2 + n - n_k). Raises ValueError without people.
    """
    if not len(types):
        raise ValueError("no schedules")
    counts = [sum(each == kind for each in types) for kind in TYPES]
    prior, n = JEFFREYS * len(TYPES), len(types)
    found = []
    for kind, count in zip(TYPES, counts, strict=True):
        share = stats.beta(JEFFREYS + count, prior - JEFFREYS + n - count)
        low, high = share.interval(PROBABILITY)
        found.append(TypeShare(kind, count, float(share.mean()), float(low), float(high)))
    return tuple(found)


def schedules(rows: pd.DataFrame, others: str) -> Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Person -> (others' contributions, own contributions), from a table of choices.

    `rows` are one population's, each an amount in answer to the contribution in the column `stimulus.OTHERS`. Whoever
    did not answer every contribution that the others were asked about is left out, since types need whole schedules.

    Raises DataError where there is no such column, or nobody has a whole schedule.
    """
    column = f"stimulus.{others}"
    if column not in rows:
        known = [str(name).removeprefix("stimulus.") for name in rows if str(name).startswith("stimulus.")]
        raise DataError(f"there is no stimulus {others!r}.", remedy=f"There is: {', '.join(known) or 'none'}.")
    answered = rows[(rows["status"] == "valid") & rows["value"].notna() & rows["subject"].notna()]
    asked = answered[column].nunique()
    found = {
        str(person): (own[column].to_numpy(dtype=float), own["value"].to_numpy(dtype=float))
        for person, own in answered.groupby("subject", sort=True)
        if own[column].nunique() == asked
    }
    if not found or asked < 2:
        raise DataError("nobody answered two contributions of others, or all that were asked about.")
    return found


def _schedule(others: ArrayLike, own: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distinct contributions of others in rising order, and the mean answer to each."""
    x, y = np.asarray(others, dtype=float).ravel(), np.asarray(own, dtype=float).ravel()
    if x.shape != y.shape:
        raise ValueError(f"{len(x)} contributions of others have {len(y)} answers")
    if not (np.isfinite(x).all() and np.isfinite(y).all() and (x >= 0).all() and (y >= 0).all()):
        raise ValueError("contributions are numbers that are not negative")
    distinct, which = np.unique(x, return_inverse=True)
    if len(distinct) < 2:
        raise ValueError("a schedule answers two contributions of others at least")
    return distinct, np.bincount(which, weights=y) / np.bincount(which)


def _rises(x: NDArray[np.float64], y: NDArray[np.float64], rule: Rule) -> bool:
    """Whether contributions rise with those of others, by step or by correlation."""
    steps = np.diff(y)
    if not (steps > ROUNDING).any():
        return False
    if (steps >= -ROUNDING).all():
        return True
    if rule == "thoni-volk":
        return bool(np.corrcoef(x, y)[0, 1] >= CORRELATION - ROUNDING)
    if len(x) < 3:
        return False
    rank = stats.spearmanr(x, y)
    return bool(rank.statistic > 0 and rank.pvalue < SIGNIFICANCE)


def _peak(x: NDArray[np.float64], y: NDArray[np.float64], rule: Rule) -> float | None:
    """The contribution of others at which a schedule turns from rising to falling; None where it does not."""
    for place in np.flatnonzero(y >= y.max() - ROUNDING):
        if 0 < place < len(x) - 1:
            up = _rises(x[: place + 1], y[: place + 1], rule)
            down = _rises(-x[place:][::-1], y[place:][::-1], rule)
            if up and down:
                return float(x[place])
    return None
