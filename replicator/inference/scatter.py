"""Counts of prompts whose own log odds scatter around the curve, Student-t as those of exact answers: the scatter is
summed over, whatever the number of answers.

Of k of n answers, with l the prompt's own log odds, m those expected and s the scale of the scatter,

    L(m, s) = integral of f(l) t4((l - m) / s) / s dl,   f(l) = p^k (1 - p)^(n - k),   logit p = l

f is replaced by straight lines between nodes y_j that the counts decide once and for all. With F its heights there,
c_j how much its slope changes, and T ~ t4,

    L = F(m) + s sum_j c_j G(|m - y_j| / s)
    G(x) = E max(T - x, 0) = r^3 / 2 - x P(T > x),   r = 1 / sqrt(1 + x^2 / 4)

since a line's mean is its value at the mean, and what a bend adds to it has a closed form. It holds for every scale,
as small or large as it may be.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.compile.builders import OpFromGraph
from scipy import optimize, special

Arrays = dict[str, np.ndarray]

_STEP = 0.4
"""Between nodes, in rough standard errors of the log odds."""

_CUT = -14.0
"""Logarithm of f against its peak where nodes end."""

_NOTHING = 1e-5
"""Of the peak: what f is less than at an end of the nodes is taken to be zero from there on."""

_FAR = 25.0
"""Logits from the peak beyond which f, where it has not fallen by then, is taken to stay as it is."""

_FLAT = 1e-4
"""By which f may be short of its limit where nodes end and answers are all alike."""


def lines(counts: np.ndarray) -> Arrays:
    """Of (n, 2) counts, which need not be whole: what `log_likelihood` reads of them.

    `scatter_first` and `scatter_step` (n,) place the nodes, `scatter_height` (n, m) is f at them against its peak,
    `scatter_bend` (n, m) the change of its slope, and `scatter_peak` (n,) is log f at its peak. Below and above its
    nodes f is zero or, where answers are all alike, stays as it is.
    """
    pairs, row = np.unique(counts, axis=0, return_inverse=True)
    spans = [_span(*pair) for pair in pairs]
    size = max((int(np.ceil((high - low) / step)) + 1 for low, high, step in spans), default=2)
    first = np.array([low for low, _, _ in spans])
    step = np.array([(high - low) / (size - 1) for low, high, _ in spans])
    at = first[:, None] + step[:, None] * np.arange(-1, size + 1)
    height = np.stack([np.exp(_relative(pair[0], pair[1], places)) for pair, places in zip(pairs, at, strict=True)])
    # Lines between points of a curve lie inside it: to fourth order, the points have to be moved out by a twelfth of
    # the second difference. Not by more than half, where f falls off within a step.
    moved = np.maximum(1.0 - np.diff(height, 2) / 12.0 / height[:, 1:-1], 0.5)
    height = height[:, 1:-1] * moved
    height[:, [0, -1]] *= height[:, [0, -1]] > _NOTHING
    found = {
        "first": first,
        "step": step,
        "height": height,
        "bend": np.diff(np.pad(height, ((0, 0), (1, 1)), mode="edge"), 2) / step[:, None],
        "peak": np.array([_peak(*pair) for pair in pairs]),
    }
    return {f"scatter_{name}": values[row.ravel()] for name, values in found.items()}


def log_likelihood(xp: Any, given: Mapping[str, Any], logit: Any, scale: Any) -> Any:
    """(n,) log likelihood of the counts that `lines` were made of, around (n,) log odds, up to the binomial
    coefficient.

    `xp` is numpy or pytensor's.
    """
    height, step = given["scatter_height"], given["scatter_step"]
    rows, nodes = (xp.arange(size) for size in height.shape)
    steps = (logit - given["scatter_first"]) / step
    inside = xp.clip(steps, 0.0, nodes[-1])
    below = xp.minimum(xp.floor(inside), nodes[-1] - 1.0)
    left, right = (height[rows, below.astype("int64") + side] for side in (0, 1))
    line = left + (inside - below) * (right - left)
    x = xp.abs(steps[:, None] - nodes) * (step / scale)[:, None]
    bends = (given["scatter_bend"] * (beyond(x) if xp is np else _beyond()(x))).sum(axis=1)
    return given["scatter_peak"] + xp.log(line + scale * bends)


@cache
def _beyond() -> Any:
    """G in pytensor with its derivative, -P(T > x): the one that would be derived from its formula takes five times as
    long."""
    x = pt.dmatrix("x")
    return OpFromGraph([x], [beyond(x)], inline=True, lop_overrides=lambda at, _, given: [-given[0] * above(at[0])])


def beyond(x: Any) -> Any:
    """G(x) = E max(T - x, 0) of a Student's t with four degrees of freedom, x >= 0: r^3 / 2 - x P(T > x)."""
    square = 1.0 / (1.0 + 0.25 * x * x)
    return 0.5 * square * square**0.5 - x * above(x)


def above(x: Any) -> Any:
    """P(T > x) = v^2 (3 - v) / 4,   v = r^2 / (1 + x r / 2)."""
    square = 1.0 / (1.0 + 0.25 * x * x)
    v = square / (1.0 + 0.5 * x * square**0.5)
    return 0.25 * v * v * (3.0 - v)


def _span(first: float, other: float) -> tuple[float, float, float]:
    """Where nodes start and end, and at most how far apart they are."""
    centre = float(np.log((first + 0.5) / (other + 0.5)))
    error = float(np.sqrt(1.0 / (first + 1.5) + 1.0 / (other + 1.5)))
    return centre - _reach(first, other, -1.0), centre + _reach(first, other, 1.0), _STEP * error


def _reach(first: float, other: float, side: float) -> float:
    """Logits from the centre, below it (`side` -1) or above, to where f is next to nothing or near its limit."""
    centre = float(np.log((first + 0.5) / (other + 0.5)))
    if (first if side < 0.0 else other) == 0.0:
        return float(np.log(max(first + other, 1.0) / _FLAT)) + side * centre

    def left(far: float) -> float:
        return float(_relative(first, other, centre + side * far)) - _CUT

    return _FAR if left(_FAR) > 0.0 else float(optimize.brentq(left, 0.0, _FAR))


def _relative(first: float, other: float, at: Any) -> Any:
    """log f against its peak."""
    return first * at - (first + other) * np.logaddexp(0.0, at) - _peak(first, other)


def _peak(first: float, other: float) -> float:
    """log f where it is largest, at p = k / n."""
    total = max(first + other, 1.0)
    return float(special.xlogy(first, first / total) + special.xlogy(other, other / total))
