"""Counts of prompts whose own log odds scatter around the curve, Student-t as those of exact answers: the scatter is
summed over, whatever the number of answers.

Of k of n answers, with l the prompt's own log odds, m those expected and s the scale of the scatter,

    L(m, s) = integral of f(l) t4((l - m) / s) / s dl,   f(l) = p^k (1 - p)^(n - k),   logit p = l

f is replaced by a quadratic spline F that the counts decide once and for all: parabolas between knots y_j, where only
the second derivative jumps, by d_j. With T ~ t4, whose variance is 2,

    L = F(m) + s^2 F''(m) + s^2 sum_j d_j sign(y_j - m) K(|m - y_j| / s)
    K(x) = E max(T - x, 0)^2 / 2 = (v (1 + q + q^2) - x r^3 + x^2 P(T > x)) / 2
    r = 1 / sqrt(1 + x^2 / 4),   q = x r / 2,   v = 1 - q = r^2 / (1 + q),   P(T > x) = v^2 (3 - v) / 4

since the mean of a parabola is known, and what a jump adds to it has a closed form. It holds for scales from next to
nothing up to hundreds; only beyond, differences of large numbers are lost. log L is off by less than .01 where L is
above a fiftieth of its peak and by less than .2 down to a ten-thousandth of it; at scales near .05 by four times that
(`tests/test_scatter.py`).
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

_STEP = 0.45
"""Between nodes, in rough standard errors of the log odds."""

_CUT = -14.0
"""Logarithm of f against its peak where nodes end."""

_NOTHING = 1e-5
"""Of the peak: what f is less than at an end of the nodes is taken to be zero from there on."""

_FAR = 25.0
"""Logits from the peak beyond which f, where it has not fallen by then, is taken to stay as it is."""

_FARTHEST = 300.0
"""Logits off the answers beyond which a proposal of the sampler is as far off as can be told."""

_FLAT = 1e-4
"""By which f may be short of its limit where nodes end and answers are all alike."""


def splines(counts: np.ndarray) -> Arrays:
    """Of (n, 2) counts, which need not be whole: what `log_likelihood` reads of them.

    `scatter_first` and `scatter_step` (n,) place the m nodes, halfway between which the knots are. `scatter_weight`
    (n, m + 4) are those of quadratic B-splines centred at the nodes and up to two steps beyond, `scatter_jump`
    (n, m + 1) the d_j, and `scatter_peak` (n,) is log f at its peak, against which it is counted. Below and above its
    nodes f is zero or, where answers are all alike, stays as it is.
    """
    pairs, row = np.unique(counts, axis=0, return_inverse=True)
    spans = [_span(*pair) for pair in pairs]
    size = max((int(np.ceil((high - low) / step)) + 1 for low, high, step in spans), default=2)
    first = np.array([low for low, _, _ in spans])
    step = np.array([(high - low) / (size - 1) for low, high, _ in spans])
    at = first[:, None] + step[:, None] * np.arange(-1, size + 1)
    height = np.stack([np.exp(_relative(pair[0], pair[1], places)) for pair, places in zip(pairs, at, strict=True)])
    # Quadratic B-splines with the heights for weights are too wide by an eighth of the second difference. Not more than
    # half is taken off, where f falls within a step.
    weight = height[:, 1:-1] * np.maximum(1.0 - np.diff(height, 2) / 8.0 / height[:, 1:-1], 0.5)
    weight[:, [0, -1]] *= weight[:, [0, -1]] > _NOTHING
    weight = np.pad(weight, ((0, 0), (2, 2)), mode="edge")
    found = {
        "first": first,
        "step": step,
        "weight": weight,
        "jump": np.diff(weight, 3) / step[:, None] ** 2,
        "peak": np.array([_peak(*pair) for pair in pairs]),
    }
    return {f"scatter_{name}": values[row.ravel()] for name, values in found.items()}


def log_likelihood(xp: Any, given: Mapping[str, Any], logit: Any, scale: Any) -> Any:
    """(n,) log likelihood of the counts that `splines` were made of, around (n,) log odds, up to the binomial
    coefficient.

    `xp` is numpy or pytensor's.
    """
    weight, jump, step = given["scatter_weight"], given["scatter_jump"], given["scatter_step"]
    steps = (xp.clip(logit, -_FARTHEST, _FARTHEST) - given["scatter_first"]) / step
    inside = xp.clip(steps, -1.0, weight.shape[1] - 4.0)
    node, rows = xp.floor(inside + 0.5), xp.arange(weight.shape[0])
    u, place = inside - node, xp.where(xp.isnan(node), 0.0, node).astype("int64")
    left, here, right = (weight[rows, place + beside] for beside in (1, 2, 3))
    parabola = 0.5 * left * (0.5 - u) ** 2 + here * (0.75 - u * u) + 0.5 * right * (0.5 + u) ** 2
    curved = (left - 2.0 * here + right) / step**2
    apart = xp.arange(jump.shape[1]) - 0.5 - steps[:, None]
    x = xp.abs(apart) * (step / scale)[:, None]
    jumps = (jump * xp.sign(apart) * (squares_beyond(x) if xp is np else _squares_beyond()(x))).sum(axis=1)
    return given["scatter_peak"] + xp.log(parabola + scale**2 * (curved + jumps))


@cache
def _squares_beyond() -> Any:
    """K in pytensor with its derivative, -G: the one that would be derived from its formula takes several times as
    long."""
    x = pt.dmatrix("x")

    def pulled(at: Any, _: Any, given: Any) -> Any:
        return [-given[0] * beyond(at[0])]

    return OpFromGraph([x], [squares_beyond(x)], inline=True, lop_overrides=pulled)


def squares_beyond(x: Any) -> Any:
    """K(x) = E max(T - x, 0)^2 / 2 of a Student's t with four degrees of freedom, x >= 0."""
    square, q, v = _parts(x)
    return 0.5 * (v * (1.0 + q + q * q) - 2.0 * q * square + 0.25 * x * x * v * v * (3.0 - v))


def beyond(x: Any) -> Any:
    """G(x) = E max(T - x, 0) = r^3 / 2 - x P(T > x)."""
    square, _, v = _parts(x)
    return 0.5 * square * square**0.5 - 0.25 * x * v * v * (3.0 - v)


def _parts(x: Any) -> tuple[Any, Any, Any]:
    """r^2, q and v."""
    square = 1.0 / (1.0 + 0.25 * x * x)
    q = 0.5 * x * square**0.5
    return square, q, square / (1.0 + q)


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
