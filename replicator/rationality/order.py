"""Which questions between two options are ordered, whatever the taste: the lists in a design."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from replicator.rationality.bundles import OWN, TOLERANCE, Bools, Bundle, Comparison, Floats

Pair = tuple[Bundle, Bundle]
"""What the first and the second option of one question give."""

SHORTEST = 3
"""Rows of a list: with two there is at most one switch."""


@lru_cache(maxsize=32)
def better_placed(pairs: tuple[Pair, ...]) -> Bools:
    """(n, n) Whether the second option is better placed against the first in question j than in question i.

    That is, who takes it at i takes it at j, because

    - the second option gives at least as much at j as at i, and the first no more; or
    - expected utility says so for every utility that rises with one's own payments, date by date: the difference of
      P(x >= z) between the two options is nowhere smaller at j, for
      EU(second) - EU(first) = sum_z [u(z) - u(z - 1)] [P_second(x >= z) - P_first(x >= z)].
      So Holt and Laury's rows are ordered although both of their lotteries grow better.

    What others get must be the same throughout, or else all grow (or all fall) with it; which of the two is taken
    from whichever orders more pairs.
    """
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    n = len(pairs)
    compared = Comparison([*first, *second])
    x, y = np.arange(n), np.arange(n, 2 * n)
    exact = compared.exact[x] & compared.exact[y]
    grows = np.zeros((n, n), dtype=bool)
    for i in x:  # row by row: n x n comparisons of whole lotteries would not fit into memory
        no_better = np.flatnonzero(compared.at_least(np.array([i]), x))
        grows[i, no_better] = compared.at_least(y[no_better], np.array([i + n]))
    rises = grows | (_nowhere_less(compared.advantage(y, x)) & exact[:, None] & exact[None, :])
    strict = rises & ~rises.T
    others = [compared.advantage(y, x, who) for who in compared.recipients if who != OWN]
    ways = [strict.copy(), strict.copy()]
    for gain in others:
        ways[0] &= _nowhere_less(gain)
        ways[1] &= _nowhere_less(-gain)
    found: Bools = max(ways, key=lambda way: int(way.sum()))
    found.flags.writeable = False  # populations share it
    return found


def chain(better: Bools) -> NDArray[np.int64] | None:
    """The places of n questions in order, worst placed first, where every two are ordered; None where some are not."""
    below = better.sum(axis=0)
    if sorted(below) != list(range(len(better))):
        return None
    return np.argsort(below).astype(np.int64)


def lists(pairs: Sequence[Pair], better: Bools) -> list[NDArray[np.int64]]:
    """The ordered lists of at least three rows among n different questions, as places in order.

    All questions where every two are ordered; otherwise those that differ in a single amount, in a single date, in
    probabilities alone or in the payments of one option alone. A question may stand in several.
    """
    whole = chain(better)
    if whole is not None:
        return [whole] if len(whole) >= SHORTEST else []
    found: dict[tuple[int, ...], NDArray[np.int64]] = {}
    for group in _groups(pairs):
        if len(group) >= SHORTEST:
            ordered = chain(better[np.ix_(group, group)])
            if ordered is not None:
                found[tuple(sorted(group))] = np.asarray(group, dtype=np.int64)[ordered]
    return [rows for key, rows in found.items() if not any(set(key) < set(other) for other in found)]


def _groups(pairs: Sequence[Pair]) -> Iterable[list[int]]:
    """Questions that are alike but for something that a list may vary."""
    shapes: dict[tuple[object, ...], list[int]] = {}
    for place, pair in enumerate(pairs):
        shape = tuple(tuple((key[0], key[2], len(lottery)) for key, lottery in option) for option in pair)
        shapes.setdefault(shape, []).append(place)
    for places in shapes.values():
        numbers, kinds = zip(*(_numbers(pairs[place]) for place in places), strict=True)
        columns = np.array(numbers)
        kind = np.array(kinds[0]) if kinds[0] else np.empty((0, 2), dtype=int)
        singles = [np.array([column]) for column in np.flatnonzero(kind[:, 0] != _PROBABILITY)]
        together = [np.flatnonzero(kind[:, 0] == _PROBABILITY)]
        together += [np.flatnonzero((kind[:, 0] == _AMOUNT) & (kind[:, 1] == option)) for option in (0, 1)]
        for varied in (*singles, *together):
            if len(varied):
                rest = np.delete(columns, varied, axis=1)
                alike: dict[tuple[float, ...], list[int]] = {}
                for place, row in zip(places, rest, strict=True):
                    alike.setdefault(tuple(row), []).append(place)
                yield from alike.values()


_AMOUNT, _PROBABILITY, _DATE = 0, 1, 2


def _numbers(pair: Pair) -> tuple[list[float], list[tuple[int, int]]]:
    """Every number of a question, with its kind and its option."""
    numbers: list[float] = []
    kinds: list[tuple[int, int]] = []
    for option, one in enumerate(pair):
        for key, lottery in one:
            numbers.append(key[1])
            kinds.append((_DATE, option))
            for amount, low, high in lottery:
                numbers += [amount, low, high]
                kinds += [(_AMOUNT, option), (_PROBABILITY, option), (_PROBABILITY, option)]
    return numbers, kinds


def _nowhere_less(gain: Floats) -> Bools:
    """(n, n) Whether row j is nowhere below row i."""
    n = len(gain)
    if gain.shape[1] == 0:
        return np.ones((n, n), dtype=bool)
    return np.stack([(gain >= row - TOLERANCE).all(axis=1) for row in gain]) if n else np.zeros((0, 0), dtype=bool)
