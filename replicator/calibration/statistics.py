"""Is a posterior what it says? Exact tests of coverage, of ranks, and of many cells at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy import stats

FAMILYWISE = 0.01
"""Probability that any cell fails where all are calibrated."""
NOMINAL = 0.95
"""Of the intervals."""
POOLED = (0.935, 0.965)
"""Where the coverage of all cells together must lie."""
LEAST = 0.90
"""Coverage that a fixed truth, away from the prior's centre, must not fall below."""
RANK_DRAWS = 99
"""Draws that the truth is ranked among: few enough of a posterior's to be nearly independent."""

_SIMULATIONS = 20_000
"""Of uniform samples, for the null distribution of `rank_p_value`; the least p-value told is 1 in so many."""


def coverage_p_value(covered: int, fits: int, nominal: float = NOMINAL) -> float:
    """Two-sided exact binomial test that so many of these fits' intervals hold their truths."""
    return float(stats.binomtest(covered, fits, nominal).pvalue)


def too_low_p_value(covered: int, fits: int, least: float = LEAST) -> float:
    """One-sided exact binomial test that the coverage is at least `least`."""
    return float(stats.binomtest(covered, fits, least, alternative="less").pvalue)


def rank_p_value(ranks: Sequence[int], draws: int = RANK_DRAWS, seed: int = 0) -> float:
    """Whether ranks of truths among `draws` posterior draws (0 to `draws`) are uniform, anywhere in their range.

    A rank becomes a uniform variable within its step. Sorted, the i-th of n is Beta(i, n + 1 - i); the most surprising
    one, two-sided, is compared with that of uniform samples, so that bands hold for the whole curve at once
    (Aldor-Noiman et al. 2013, doi:10.1080/00031305.2013.847865; Sailynoja, Burkner & Vehtari 2022,
    doi:10.1007/s11222-022-10090-6).
    """
    given = np.asarray(ranks)
    within = np.random.default_rng([seed, len(given)]).random(len(given))
    found = _surprise(np.sort((given + within) / (draws + 1))[None, :])[0]
    null = _null(len(given))
    return float((1 + np.searchsorted(null, found, side="right")) / (1 + len(null)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for how many there are (Holm 1979): reject those of at most the familywise level."""
    given = np.asarray(p_values, dtype=float)
    order = np.argsort(given)
    adjusted = np.empty(len(given))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1)))
    return [float(p) for p in adjusted]


def exact_interval(covered: int, fits: int) -> tuple[float, float]:
    """95% interval of a share (Clopper and Pearson)."""
    found = stats.binomtest(covered, fits).proportion_ci(0.95, method="exact")
    return float(found.low), float(found.high)


def _surprise(uniform: np.ndarray) -> np.ndarray:
    """(samples,) least two-sided probability of any order statistic; `uniform` is (samples, n), sorted."""
    n = uniform.shape[1]
    below = stats.beta.cdf(uniform, np.arange(1, n + 1), np.arange(n, 0, -1))
    return np.asarray(2.0 * np.minimum(below, 1.0 - below).min(axis=1))


@cache
def _null(n: int) -> np.ndarray:
    return np.sort(_surprise(np.sort(np.random.default_rng(n).random((_SIMULATIONS, n)), axis=1)))
