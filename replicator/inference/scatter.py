"""Sums over the scatter of a prompt's own log odds around the curve: Student-t, as those of exact answers."""

from __future__ import annotations

import numpy as np
from scipy import stats

from replicator.inference.structure import DEGREES_OF_FREEDOM

_FIRST, _MORE = 25, 6
"""Nodes for one answer a prompt, and for each answer more: the likelihood of n answers is about 2 / sqrt(n) wide."""

_REACH = 5.0
"""Of v at the last node: sinh(5) = 74 scales."""


def nodes(answers: int) -> tuple[np.ndarray, np.ndarray]:
    """(m,) deviations t in scales of the scatter, and the logarithms of their (m,) weights, for so many answers.

        integral of f(t) p(t) dt = sum over v of f(sinh v) p(sinh v) cosh(v) h

    The trapezoid rule in v reaches the heavy tails with few nodes.
    """
    v = np.linspace(-_REACH, _REACH, _FIRST + _MORE * (answers - 1))
    t = np.sinh(v)
    return t, stats.t.logpdf(t, DEGREES_OF_FREEDOM) + np.log(np.cosh(v) * (v[1] - v[0]))
