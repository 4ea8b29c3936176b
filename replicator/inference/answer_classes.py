"""Answers in numbers as options: many of them are put together into classes of neighbours.

Each amount of a grid is an option with a value of its own. Of 101 amounts most are never given, and those that are
pile up at round numbers; classes around every tenth of the range keep what a theory can speak about, how far up the
grid an answer lies, and its ends. The probability of a class is the sum of its members' under any theory.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from replicator.amounts import format_amount
from replicator.theories import stimuli
from replicator.theories.theory import Array

MOST_APART = 21
"""Answers up to this many stand each for itself."""

CLASSES = 11
"""Of longer grids: around nothing, every tenth of the range, and everything."""

_FAR = -60.0
"""Log of a member's odds to the likeliest answer, below which it says the same."""


def numbers(options: Sequence[str]) -> np.ndarray | None:
    """(a,) what the options stand for where they are a grid of numbers, or of divisions; None of other options."""
    return stimuli.numbers(options, divisions=True)


def classes(answers: np.ndarray | None) -> np.ndarray | None:
    """(a,) class of every answer, from 0 up; None where each is one of its own."""
    if answers is None or len(answers) <= MOST_APART:
        return None
    relative = (answers - answers[0]) / (answers[-1] - answers[0])
    return np.asarray(np.floor(relative * (CLASSES - 1) + 0.5), dtype=int)


def grouped(answers: tuple[str, ...]) -> tuple[np.ndarray | None, tuple[str, ...], np.ndarray | None]:
    """The grid (a,) that the answers are, None of other options; the (k) options to choose among; and `classes`."""
    grid = numbers(answers)
    index = classes(grid)
    return grid, answers if grid is None or index is None else names(grid, index), index


def names(answers: np.ndarray, index: np.ndarray) -> tuple[str, ...]:
    """Each class by its ends: "5 to 14"."""
    ends = [answers[index == c][[0, -1]] for c in range(int(index.max()) + 1)]
    return tuple(f"{format_amount(float(low))} to {format_amount(float(high))}" for low, high in ends)


def summed(values: np.ndarray, index: np.ndarray | None) -> np.ndarray:
    """(n, k) sums over the members of each class of (n, a) counts or probabilities."""
    return values if index is None else np.asarray(values @ _members(index))


def sizes(index: np.ndarray | None) -> np.ndarray | None:
    """(k,) share of all answers that each class holds; None where each answer is a class of its own."""
    return None if index is None else np.asarray(np.bincount(index) / len(index))


def log_odds(xp: ModuleType, eta: Array, index: np.ndarray | None) -> Array:
    """(..., k - 1) log odds of classes against the last class, from (..., a - 1) of answers against the last answer.

    log odds_c = log sum_(i in c) exp(eta_i) - log sum_(i in last) exp(eta_i)
    """
    if index is None:
        return eta
    whole = xp.concatenate([eta, xp.zeros_like(eta[..., :1])], axis=-1)
    odds = xp.exp(xp.maximum(whole - xp.max(whole, axis=-1, keepdims=True), _FAR))
    logs = xp.log(xp.dot(odds, _members(index)))
    return logs[..., :-1] - logs[..., -1:]


def _members(index: np.ndarray) -> np.ndarray:
    """(a, k) 1 where an answer belongs to a class."""
    return np.asarray(np.eye(int(index.max()) + 1)[index])
