"""How many steps ahead people think: the Poisson distribution of levels, and sums of probabilities by their logarithms.

Levels stand on the last axis, where outcomes have their branches, so that parameters broadcast against them.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
from scipy.special import gammaln

from replicator.theories.priors import prior
from replicator.theories.theory import Array, Parameter

_FARTHEST = 60
"""Levels summed for the tail; those beyond hold less than 1e-9 of the people up to a mean of 25."""


def thinking_steps(theory: str) -> Parameter:
    """The mean number of steps, with the prior of one theory."""
    return Parameter(
        name="thinking_steps",
        symbol="tau",
        scale="log",
        unit="steps",
        description="mean number of steps of thinking ahead: near 0 nobody thinks of what others do",
        neutral=None,
        prior=prior(theory, "thinking_steps"),
    )


def log_shares(xp: ModuleType, steps: Array, highest: int, *, open_ended: bool) -> Array:
    """(..., highest + 1) logarithm of the share of people at each level, from their mean `steps` (..., 1).

        f_k = (tau^k / k!) / sum_h (tau^h / h!)    (Camerer, Ho & Chong 2004, doi:10.1162/0033553041502225)

    Open-ended, the last share is that of `highest` and of all levels above it; otherwise nobody thinks further.
    """
    level = np.arange((_FARTHEST if open_ended else highest) + 1.0)
    logs = level * xp.log(steps) - gammaln(level + 1.0)
    last = log_sum(xp, logs[..., highest:], axis=-1)
    return xp.concatenate([logs[..., :highest], last], axis=-1) - log_sum(xp, logs, axis=-1)


def log_sum(xp: ModuleType, logs: Array, *, axis: int) -> Array:
    """Logarithm of the sum of exp(logs) over an axis, which is kept with length 1; no exponential overflows."""
    largest = logs.max(axis=axis, keepdims=True)
    return largest + xp.log(xp.exp(logs - largest).sum(axis=axis, keepdims=True))


def mixture(xp: ModuleType, shares: Array, answers: Array) -> Array:
    """(..., q, k) log probability of every answer: log shares (..., q, 1, l) of levels, whose answers have
    probabilities proportional to exp(answers), (..., q, k, l)."""
    each = answers - log_sum(xp, answers, axis=-2)
    return log_sum(xp, shares + each, axis=-1)[..., 0]


def by_level(parameter: Array) -> Array:
    """A parameter with axes for question, answer and level, whatever it came with."""
    return parameter + np.zeros((1, 1, 1))
