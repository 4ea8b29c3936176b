"""How far two choice distributions are from each other.

Every function takes distributions over the same options on the last axis, shape (..., k), non-negative and
summing to one, and returns one number per leading index, shape (...). Where a distance is not symmetric its
first argument is people's distribution, the second the population's that is judged. All are 0 where the two
agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def uniform(k: int) -> Floats:
    """The distribution of somebody who picks any of `k` options alike, shape (k,)."""
    return np.full(k, 1.0 / k)


def total_variation(people: ArrayLike, model: ArrayLike) -> Floats:
    """Total variation, 1/2 sum |p - q|: the largest difference in the probability of any set of options.

    Range 0 to 1; symmetric. Source: Levin & Peres 2017, Markov Chains and Mixing Times, proposition 4.2.
    """
    p, q = _pair(people, model)
    return np.asarray(0.5 * np.abs(p - q).sum(axis=-1))


def kullback_leibler(people: ArrayLike, model: ArrayLike) -> Floats:
    """Relative entropy in bits, sum p log2(p / q): what is lost by coding people with the model's
    probabilities.

    Range 0 to infinity: infinite where the model excludes what some people do. Not symmetric. Source:
    Kullback & Leibler 1951, doi:10.1214/aoms/1177729694.
    """
    # Rounding may leave a sum a hair below zero, which no relative entropy is.
    return np.asarray(np.maximum(_relative_bits(*_pair(people, model)), 0.0))


def jensen_shannon(people: ArrayLike, model: ArrayLike) -> Floats:
    """Jensen-Shannon distance: the square root of the divergence in bits, sqrt((KL(p|m) + KL(q|m)) / 2), m
    = (p + q) / 2.

    Range 0 to 1 (base 2; with natural logarithms it would end at sqrt(log 2) = .833); symmetric; a metric.
    Source: Endres & Schindelin 2003, doi:10.1109/TIT.2003.813506.
    """
    p, q = _pair(people, model)
    # KL(p|m) = 1 + sum p log2(p / (p + q)): halving p + q would make the smallest numbers zero.
    divergence = 1.0 + (_relative_bits(p, p + q) + _relative_bits(q, p + q)) / 2.0
    return np.asarray(np.sqrt(np.maximum(divergence, 0.0)))


def earth_movers(people: ArrayLike, model: ArrayLike, amounts: ArrayLike) -> Floats:
    """Earth mover's (first Wasserstein) distance between gifts, as a fraction of the grid's range.

    sum_j |P_j - Q_j| (x_{j+1} - x_j) / (x_k - x_1), with P and Q cumulated over the ascending amounts x,
    shape (k,). Range 0 to 1: .1 means that on average a tenth of the endowment has to change hands to turn
    one into the other. Source: Vallender 1974, doi:10.1137/1118101. (Feeding two probability vectors to a
    function that expects samples, as is sometimes done, compares their sorted entries and forgets the
    amounts.)
    """
    p, q = _pair(people, model)
    grid = np.asarray(amounts, dtype=np.float64)
    gaps = np.diff(grid)
    if grid.shape != p.shape[-1:] or np.any(gaps <= 0.0):
        raise ValueError("The amounts must ascend strictly, one per option.")
    apart = np.abs(np.cumsum(p - q, axis=-1))[..., :-1]
    return np.asarray((apart * gaps).sum(axis=-1) / (grid[-1] - grid[0]))


def simbench(people: Sequence[ArrayLike], model: Sequence[ArrayLike]) -> float:
    """SimBench's score of one data set: the mean over items i of 100 (1 - TV(p_i, q_i) / Z).

    Z is the mean over the data set's items of TV(p_j, uniform_j); items may differ in their number of
    options, and those with one option say nothing and are left out. 100: people's shares exactly; 0: no
    nearer than uniform choice; unbounded below. A denominator per item, which explodes where people are
    split evenly, is not SimBench. NaN where people choose uniformly throughout (Z = 0) or no item is left.
    Source: Hu et al. 2025, arXiv:2510.17516, equation 2.
    """
    pairs = [_pair(p, q) for p, q in zip(people, model, strict=True)]
    pairs = [(p, q) for p, q in pairs if p.shape[-1] > 1]
    if not pairs:
        return float("nan")
    z = float(np.mean([total_variation(p, uniform(p.shape[-1])) for p, _ in pairs]))
    if z == 0.0:
        return float("nan")
    return 100.0 * (1.0 - float(np.mean([total_variation(p, q) for p, q in pairs])) / z)


def _relative_bits(p: Floats, q: Floats) -> Floats:
    """sum p log2(p / q) over the last axis; nothing is added where p is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(p > 0.0, p * (np.log2(p) - np.log2(q)), 0.0).sum(axis=-1))


def _pair(people: ArrayLike, model: ArrayLike) -> tuple[Floats, Floats]:
    p, q = np.asarray(people, dtype=np.float64), np.asarray(model, dtype=np.float64)
    if p.shape[-1:] != q.shape[-1:]:
        raise ValueError(f"Distributions over {p.shape[-1:]} and {q.shape[-1:]} options cannot be compared.")
    return p, q
