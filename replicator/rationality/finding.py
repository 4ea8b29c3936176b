"""One number about the consistency of one population's answers: an entry of `results.json`'s `rationality`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from replicator import intervals, shares
from replicator.rationality.bundles import Floats
from replicator.shares import PerUnit, Unit

Measure = Literal[
    "dominance",
    "dominance-checks",
    "pareto",
    "monotonicity",
    "multiple-switching",
    "switches",
    "intransitivity",
    "weak-stochastic-transitivity",
    "strong-stochastic-transitivity",
    "afriat-index",
    "afriat-percentile",
    "garp",
]

Pooled = Literal["person", "persona", "wording", "answer", "share"]
"""Whose answers vary together, or `share` where everybody's answers were averaged before."""

EVERYWHERE = "all"
"""The condition of a finding over all conditions."""


@dataclass(frozen=True)
class Finding:
    """What one measure found. Unknown numbers are NaN; a design on which the measure says nothing has words alone."""

    condition: str
    measure: Measure
    words: str
    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    n: int = 0
    """Units behind the value."""
    unit: Pooled | None = None
    over: int = 0
    """Questions, pairs, lists, triples or budgets behind the value."""
    baseline: float = np.nan
    """The same measure for choices at random, every option equally likely."""
    human: float = np.nan
    """The same measure of people's published shares at these questions."""
    reference: str | None = None
    """Where these shares are from."""


@dataclass(frozen=True)
class Average:
    """A mean over units with its interval; NaN where it is unknown."""

    value: float
    low: float
    high: float
    n: int
    unit: Pooled


UNKNOWN = Average(np.nan, np.nan, np.nan, 0, "answer")

PRESENTATION = ("subject", "wording", "labels", "order", "language", "layout")
"""Columns that tell apart the presentations of a model's questions."""


@dataclass(frozen=True)
class Responders:
    """Whose answers belong together: a person's; of a model those in one presentation, because choices that follow the
    position are consistent in each presentation and would look random in their mean; everybody's where answers are
    nobody's in particular."""

    unit: Unit
    code: NDArray[np.int64]
    """(rows,) Each answer's responder, from 0 on."""
    keys: pd.DataFrame
    """One row a responder."""
    drawn: bool
    """Whether answers are single draws of a model."""

    @property
    def people(self) -> int:
        """How many persons or personas there are; the responders where neither is known."""
        return int(self.keys["subject"].nunique()) if self.unit in ("person", "persona") else len(self.keys)

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Responders:
        unit = shares.unit_of(rows)
        drawn = unit in ("wording", "persona") and set(rows["elicitation"]) <= shares.DRAWN
        names = {"person": ["subject"], "answer": []}.get(unit, [key for key in PRESENTATION if key in rows])
        if not names:
            return cls(unit, np.zeros(len(rows), dtype=np.int64), pd.DataFrame(index=[0]), drawn)
        named = rows[names].fillna("").astype(str)
        code = np.asarray(named.groupby(names, sort=False).ngroup(), dtype=np.int64)
        return cls(unit, code, named.drop_duplicates().reset_index(drop=True), drawn)

    def table(self, values: Floats, column: NDArray[np.int64], columns: int) -> Floats:
        """(responders, columns) Each responder's mean of `values` (rows,) in each column; NaN where it gave none."""
        total, count = np.zeros((2, len(self.keys), columns))
        np.add.at(total, (self.code, column), values)
        np.add.at(count, (self.code, column), 1.0)
        means: Floats = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        return means

    def average(self, values: Floats, most: float = 1.0) -> Average:
        """The mean over units of one value in [0, most] a responder, (responders,), NaN where it has none.

        Presentations of one wording (and persona) are averaged first.
        """
        known = ~np.isnan(values)
        if not known.any():
            return Average(np.nan, np.nan, np.nan, 0, self.unit)
        share: Floats = np.clip(values[known] / most, 0.0, 1.0)
        who = wording = np.arange(len(share))
        if self.unit in ("wording", "persona"):
            keys = self.keys[known].reset_index(drop=True)
            means = pd.Series(share).groupby([keys["subject"], keys["wording"]], sort=False).mean()
            wording = _codes(means.index.get_level_values("wording"))
            who = _codes(means.index.get_level_values("subject")) if self.unit == "persona" else wording
            share = np.asarray(means, dtype=np.float64)
        per = PerUnit(share[:, None], who, wording)
        mean = float(share.mean())
        low, high = (float(end[0]) for end in _ends(per, self.unit))
        if self.drawn:
            low, high = unvaried(mean, low, high, int(who.max()) + 1 if self.unit == "persona" else int(known.sum()))
        return Average(most * mean, most * low, most * high, int(who.max()) + 1, self.unit)


def pooled(values: Floats) -> Floats:
    """(1, columns) The mean over the responders that have one, NaN where none has."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    means: Floats = np.divide(total, known.sum(axis=0), out=np.full(len(total), np.nan), where=known.any(axis=0))
    return means[None, :]


def unvaried(mean: float, low: float, high: float, n: int) -> tuple[float, float]:
    """The interval of a share of draws; n that all agree still leave room for what was not seen."""
    if mean not in (0.0, 1.0):
        return low, high
    bound = intervals.unvaried_bound(n)
    return mean * (1.0 - bound), mean + (1.0 - mean) * bound


def _ends(per: PerUnit, unit: Unit) -> tuple[Floats, Floats]:
    over = shares.over_prompts(per, unit)
    if over is not None:
        return over
    if unit == "answer":  # one responder made of everybody's answers
        return np.full(1, np.nan), np.full(1, np.nan)
    whole = np.isin(per.value, (0.0, 1.0)).all()
    return (intervals.over_people if whole else intervals.mean_over_people)(per.value, per.unit)


def _codes(names: Any) -> NDArray[np.int64]:
    return np.asarray(pd.factorize(names)[0], dtype=np.int64)
