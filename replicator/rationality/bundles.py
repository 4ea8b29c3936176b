"""What options give, compared without a taste: first-order stochastic dominance.

An option is a *bundle*: for every recipient, date and state a lottery over amounts. More is better for whoever gets it,
a gain is better sooner and a loss later; nothing else is assumed. With several payments at different dates no
discounting is assumed either: they are compared date by date.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

OWN = "self"
"""The recipient who chooses."""

TOLERANCE = 1e-9
"""Differences of probabilities below this are rounding."""

Key = tuple[str, float, str]
"""Recipient, days from now, state ("" where none)."""

Branch = tuple[float, float, float]
"""An amount with the lowest and the highest probability that it may have."""

Bundle = tuple[tuple[Key, tuple[Branch, ...]], ...]
"""Lotteries by key, in order; keys under which nothing is ever paid are left out, so () is nothing at all."""


def bundle(outcomes: Iterable[Mapping[str, Any]]) -> Bundle | None:
    """The outcomes of one option (rows of the column `outcomes`); None where a number is unknown.

    Numbers are rounded to twelve digits, so that .3 and 1 - .7 are the same.
    """
    lotteries: dict[Key, dict[float, list[float]]] = {}
    for outcome in outcomes:
        numbers = [outcome[name] for name in ("amount", "probability_low", "probability_high", "delay")]
        if any(number is None or not math.isfinite(number) for number in numbers):
            return None
        amount, low, high, delay = (float(f"{number:.12g}") + 0.0 for number in numbers)
        if round(high, 12) > 0.0:
            key = (str(outcome["to"]), delay, str(outcome.get("state") or ""))
            mass = lotteries.setdefault(key, {}).setdefault(amount, [0.0, 0.0])
            mass[0], mass[1] = mass[0] + low, mass[1] + high
    return tuple(
        (key, tuple((amount, round(low, 11), round(high, 11)) for amount, (low, high) in sorted(masses.items())))
        for key, masses in sorted(lotteries.items())
        if set(masses) != {0.0}
    )


def bundles(outcomes: Sequence[Mapping[str, Any]] | None, options: Sequence[str]) -> tuple[Bundle, ...] | None:
    """Every option's bundle; None where outcomes are unknown, or an option has none and so is known by words alone."""
    if outcomes is None or not len(outcomes):
        return None
    by_option: dict[str, list[Mapping[str, Any]]] = {name: [] for name in options}
    for outcome in outcomes:
        if outcome["option"] in by_option:
            by_option[outcome["option"]].append(outcome)
    found = [bundle(rows) if rows else None for rows in by_option.values()]
    known = tuple(one for one in found if one is not None)
    return known if len(known) == len(found) else None


@dataclass(frozen=True)
class _Lotteries:
    """P(at least z) of n bundles under one key, the lowest and the highest it may be; each (n, z)."""

    low: Floats
    high: Floats


@dataclass(frozen=True)
class _Dates:
    """Of n bundles' payments to one recipient, (n,): whether they are certain to fall on one date, and on which."""

    single: Bools
    day: Floats
    gains: Bools
    """No amount is negative."""
    losses: Bools
    """No amount is positive."""


class Comparison:
    """n bundles side by side. Bundles are named by their places, arrays of integers that broadcast."""

    def __init__(self, some: Sequence[Bundle]) -> None:
        self.some = some
        self.codes: NDArray[np.int64] = _codes(some)
        """Equal bundles have equal codes."""
        keys = sorted({key for one in some for key, _ in one})
        self.recipients = sorted({OWN} | {key[0] for key in keys})
        self._by_date = {who: [_lotteries(some, [key]) for key in keys if key[0] == who] for who in self.recipients}
        self._pooled = {who: _lotteries(some, [key for key in keys if key[0] == who]) for who in self.recipients}
        self._dates = {who: _dates(some, who) for who in self.recipients}
        self.exact = np.array([all(low == high for _, lottery in one for _, low, high in lottery) for one in some])
        """(n,) Whether all probabilities are known."""

    def at_least(self, a: NDArray[np.int64], b: NDArray[np.int64], who: str = OWN) -> Bools:
        """Whether a recipient is at least as well off with bundle a as with b, whatever the unknown probabilities.

        Lottery by lottery P(x >= z) is nowhere smaller under a (first-order stochastic dominance; Hadar & Russell 1969,
        Quirk & Saposnik 1962), at every date and in every state; or all payments of each fall on one date, and those of
        a dominate and come no later where they are gains, no sooner where they are losses.
        """
        by_date = np.ones(np.broadcast_shapes(a.shape, b.shape), dtype=bool)
        for lottery in self._by_date[who]:
            by_date &= _dominates(lottery, a, b)
        dates = self._dates[who]
        sooner = (dates.day[a] < dates.day[b]) & (dates.gains[a] | dates.gains[b])
        later = (dates.day[a] > dates.day[b]) & (dates.losses[a] | dates.losses[b])
        timely = (dates.day[a] == dates.day[b]) | sooner | later
        moved = dates.single[a] & dates.single[b] & timely & _dominates(self._pooled[who], a, b)
        return np.asarray(by_date | moved | (self.codes[a] == self.codes[b]), dtype=np.bool_)

    def others_at_least(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> Bools:
        """Whether everybody else is at least as well off with a."""
        good = np.ones(np.broadcast_shapes(a.shape, b.shape), dtype=bool)
        for who in self.recipients:
            if who != OWN:
                good &= self.at_least(a, b, who)
        return good

    def advantage(self, x: NDArray[np.int64], y: NDArray[np.int64], who: str = OWN) -> Floats:
        """(n, z) P(at least z) under x less that under y, over all dates, states and levels z."""
        parts = [lottery.low[x] - lottery.low[y] for lottery in self._by_date[who]]
        return np.concatenate(parts, axis=1) if parts else np.zeros((len(x), 0))


def _dominates(lottery: _Lotteries, a: NDArray[np.int64], b: NDArray[np.int64]) -> Bools:
    return np.asarray((lottery.low[a] >= lottery.high[b] - TOLERANCE).all(axis=-1), dtype=np.bool_)


def _lotteries(some: Sequence[Bundle], keys: Sequence[Key]) -> _Lotteries:
    """All branches under any of these keys as one lottery; a bundle without them pays nothing for certain."""
    wanted = set(keys)
    branches = [[branch for key, lottery in one if key in wanted for branch in lottery] for one in some]
    levels = np.array(sorted({0.0} | {amount for own in branches for amount, _, _ in own}))
    low, high = np.zeros((2, len(some), len(levels)))
    for place, own in enumerate(branches):
        amount, least, most = np.array(own or [(0.0, 1.0, 1.0)]).T
        if math.isclose(least.sum(), most.sum(), abs_tol=TOLERANCE) and most.sum() < 1.0 - TOLERANCE:
            rest = 1.0 - most.sum()  # what is not said to be paid is not paid
            amount, least, most = np.append(amount, 0.0), np.append(least, rest), np.append(most, rest)
        above = amount[None, :] >= levels[:, None]
        low[place] = np.maximum(above @ least, 1.0 - ~above @ most)
        high[place] = np.minimum(above @ most, 1.0 - ~above @ least)
    return _Lotteries(low, high)


def _dates(some: Sequence[Bundle], who: str) -> _Dates:
    own = [[(key, lottery) for key, lottery in one if key[0] == who] for one in some]
    amounts = [[amount for _, lottery in one for amount, _, _ in lottery] for one in own]
    return _Dates(
        single=np.array([len(one) == 0 or (len(one) == 1 and one[0][0][2] == "") for one in own]),
        day=np.array([one[0][0][1] if one else 0.0 for one in own]),
        gains=np.array([all(amount >= 0.0 for amount in paid) for paid in amounts]),
        losses=np.array([all(amount <= 0.0 for amount in paid) for paid in amounts]),
    )


def _codes(some: Sequence[Bundle]) -> NDArray[np.int64]:
    places: dict[Bundle, int] = {}
    return np.array([places.setdefault(one, len(places)) for one in some], dtype=np.int64)
