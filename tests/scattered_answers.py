"""What answers to a prompt are worth whose own log odds scatter around the curve, by brute force."""

from __future__ import annotations

import numpy as np
from scipy import stats


def log_likelihood(first: float, other: float, logit: float, scale: float) -> float:
    """log of the mean of p^first (1 - p)^other, with log odds of Student's t with 4 degrees of freedom: a trapezoid
    over places that are dense both around the curve, far into the tails, and around the answers."""
    seen, width = np.log((first + 0.5) / (other + 0.5)), np.sqrt(1.0 / (first + 0.5) + 1.0 / (other + 0.5))
    steps = np.geomspace(1e-4, 1e6, 30_001)
    around = logit + scale * np.concatenate([-steps[::-1], steps])
    at = np.unique(np.concatenate([around, seen + width * np.linspace(-40.0, 40.0, 80_001)]))
    answers = first * at - (first + other) * np.logaddexp(0.0, at)
    inside = np.exp(answers - answers.max() + stats.t.logpdf(at, 4, loc=logit, scale=scale))
    return float(answers.max() + np.log(np.trapezoid(inside, at)))
