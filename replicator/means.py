"""Mean answers of every question asked for a number, a rating or an allocation, with their spread.

The input is the table of choices of one population, as for `shares`; no theory enters here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from replicator import intervals
from replicator.intervals import Floats
from replicator.response import read_division
from replicator.shares import (
    DRAWN,
    PerUnit,
    Unit,
    independent,
    matrix,
    over_prompts,
    per_unit,
    questions,
    unit_of,
    usable,
)

QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Mean:
    """The answers to one question of one population in short, in the experiment's unit."""

    population: str
    item: str
    condition: str
    account: str | None
    """Of an allocation, whose part this is."""
    mean: float
    low: float
    """Ends of the interval of the mean; NaN where nothing varies independently."""
    high: float
    sd: float
    """Of single answers, not of their mean."""
    quartiles: tuple[float, float, float]
    minimum: float | None
    """The ends of what could be answered; None where there is none."""
    maximum: float | None
    n: int
    unit: Unit


def means(frame: pd.DataFrame, accounts: tuple[str, ...] = ()) -> list[Mean]:
    """Every item and condition with a usable answer, in order of first appearance; of an allocation one entry
    an account."""
    return [mean for rows in questions(frame) for mean in _question(usable(rows), rows, accounts)]


def _question(rows: pd.DataFrame, asked: pd.DataFrame, accounts: tuple[str, ...]) -> Iterator[Mean]:
    """From the usable rows among all that were asked."""
    if rows.empty:
        return
    options = [str(option) for option in rows["options"].iloc[0]]
    weights = matrix(rows["probabilities"])
    if accounts:
        parts = np.array([read_division(option) for option in options])
        for place, account in enumerate(accounts):
            yield _mean(rows, asked, weights, parts[:, place], account)
    elif options:
        yield _mean(rows, asked, weights, np.array([float(option) for option in options]), None)
    else:
        yield _mean(rows, asked, None, rows["value"].to_numpy(dtype=np.float64), None)


def _mean(rows: pd.DataFrame, asked: pd.DataFrame, weights: Floats | None, values: Floats, account: str | None) -> Mean:
    """From weights (rows, k) over values (k,), or from one value a row where the answers cannot be listed."""
    listed = weights is not None
    base, span = float(values.min()), float(np.ptp(values)) or 1.0
    scaled = (values - base) / span
    each = weights @ scaled if weights is not None else scaled
    unit = unit_of(asked)
    per = per_unit(rows, asked, each[:, None], unit)
    if set(rows["elicitation"]) <= DRAWN and np.ptp(each) < intervals.EDGE:
        # Draws that all agree still leave room for what was not seen, whatever they were sorted into; those of one
        # person no less than one of them.
        low, high = _unvaried(each, independent(rows), bounded=listed)
    else:
        low, high = _interval(per, unit, bounded=listed)
    mean = float(per.value.mean())
    mass = weights.mean(axis=0) if weights is not None else np.full(len(values), 1.0 / len(values))
    spread = math.sqrt(max(0.0, float(mass @ values**2) - float(mass @ values) ** 2))
    first, middle, last = _quantiles(values, mass)
    return Mean(
        population=str(rows["model"].iloc[0]),
        item=str(rows["item"].iloc[0]),
        condition=str(rows["condition"].iloc[0]),
        account=account,
        mean=base + span * mean,
        low=base + span * low,
        high=base + span * high,
        sd=spread,
        quartiles=(first, middle, last),
        minimum=base if listed else None,
        maximum=float(values.max()) if listed else None,
        n=int(per.unit.max()) + 1,
        unit=unit,
    )


def _interval(per: PerUnit, unit: Unit, *, bounded: bool) -> tuple[float, float]:
    """As `shares` has it for a mean within known ends; without ends a plain t-interval."""
    if bounded:
        both = over_prompts(per, unit) or intervals.mean_over_people(per.value, per.unit)
        return float(both[0][0]), float(both[1][0])
    reach = _reach(per, unit)
    return float(per.value.mean()) - reach, float(per.value.mean()) + reach


def _reach(per: PerUnit, unit: Unit) -> float:
    """Half-width of the interval without ends; NaN where nothing varies independently."""
    if unit == "persona":
        return float(intervals.crossed_reach(per.value, per.unit, per.wording)[0])
    groups = int(per.unit.max()) + 1
    if groups < 2:
        return math.nan
    return intervals.t_reach(np.array([per.value[per.unit == one].mean() for one in range(groups)]))


def _unvaried(values: Floats, person: NDArray[np.int64], *, bounded: bool) -> tuple[float, float]:
    if not bounded:
        return math.nan, math.nan
    low, high = intervals.mean_over_people(values[:, None], person)
    return float(low[0]), float(high[0])


def _quantiles(values: Floats, mass: Floats) -> tuple[float, float, float]:
    """The smallest values below which a quarter, half and three quarters of the answers lie."""
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(mass[order])
    first, middle, last = (
        float(values[order][min(int(np.searchsorted(cumulated, share - 1e-12)), len(order) - 1)]) for share in QUARTILES
    )
    return first, middle, last
