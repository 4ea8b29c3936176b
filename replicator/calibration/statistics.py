"""Is a posterior what it says? Exact tests of coverage, of ranks, and of many cells at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special, stats

FAMILYWISE = 0.01
"""Of each test (coverage, ranks, fixed truths): probability that any cell fails it where all are calibrated."""
NOMINAL = 0.95
"""Of the intervals."""
POOLED = (0.935, 0.965)
"""Where the coverage of all cells together must lie."""
LEAST = 0.90
"""Coverage that a fixed truth, away from the prior's centre, must not fall below."""
RANK_DRAWS = 99
"""Draws that the truth is ranked among: few enough of a posterior's to be nearly independent."""


def coverage_p_value(covered: int, fits: int, nominal: float = NOMINAL) -> float:
    """Two-sided exact binomial test that so many of these fits' intervals hold their truths."""
    return float(stats.binomtest(covered, fits, nominal).pvalue)


def too_low_p_value(covered: int, fits: int, least: float = LEAST) -> float:
    """One-sided exact binomial test that the coverage is at least `least`."""
    return float(stats.binomtest(covered, fits, least, alternative="less").pvalue)


def rank_p_value(ranks: Sequence[int], draws: int = RANK_DRAWS, seed: int = 0) -> float:
    """Whether ranks of truths among `draws` posterior draws (0 to `draws`) are uniform, anywhere in their range.

    A rank becomes a uniform variable within its step. Sorted, the i-th of n is Beta(i, n + 1 - i). The most surprising
    one, two-sided, sets the level of bands around all of them; the p-value is the probability that uniform variables
    leave these bands anywhere, which is exact (Aldor-Noiman et al. 2013, doi:10.1080/00031305.2013.847865; Sailynoja,
    Burkner & Vehtari 2022, doi:10.1007/s11222-022-10090-6).
    """
    given = np.asarray(ranks)
    n = len(given)
    within = np.random.default_rng([seed, n]).random(n)
    uniform = np.sort((given + within) / (draws + 1))
    first, last = np.arange(1, n + 1), np.arange(n, 0, -1)
    below, above = stats.beta.cdf(uniform, first, last), stats.beta.sf(uniform, first, last)
    level = float(np.minimum(below, above).min())
    return 1.0 - stays_within(stats.beta.ppf(level, first, last), stats.beta.isf(level, first, last))


def stays_within(low: np.ndarray, high: np.ndarray) -> float:
    """P(low_i < U_(i) < high_i for all i) of n sorted uniform variables; both bounds ascend.

    How many of them lie below t is followed from bound to bound: at high_i there are at least i, at low_i fewer.
    From t to t' each of those left falls in between with probability (t' - t) / (1 - t).
    """
    n = len(low)
    count = np.arange(n + 1)
    more = np.maximum(count[None, :] - count[:, None], 0)  # from so many to so many
    factorial = special.gammaln(count + 1)
    ways = factorial[n - count][:, None] - factorial[more] - factorial[n - count][None, :]
    ways[np.tril_indices(n + 1, -1)] = -np.inf
    bounds = sorted([(t, 0, i) for i, t in enumerate(low)] + [(t, 1, i) for i, t in enumerate(high)])
    probability, at = (count == 0).astype(float), 0.0
    for t, upper, i in bounds:
        q = (t - at) / (1.0 - at) if at < 1.0 else 0.0
        if q > 0.0:
            q = min(q, 1.0 - np.finfo(float).eps)
            probability = probability @ np.exp(ways + np.log(q) * more + np.log1p(-q) * (n - count))
            at = t
        probability[count <= i if upper else count > i] = 0.0
    return float(probability.sum())


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for how many there are (Holm 1979): reject those of at most the familywise level."""
    given = np.asarray(p_values, dtype=float)
    order = np.argsort(given)
    adjusted = np.empty(len(given))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1)))
    return [float(p) for p in adjusted]


def exact_interval(covered: int, fits: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of a share (Clopper and Pearson)."""
    found = stats.binomtest(covered, fits).proportion_ci(level, method="exact")
    return float(found.low), float(found.high)
