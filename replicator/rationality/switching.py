"""Switches in an ordered list of two options: arithmetic on the probabilities of one responder.

Along a list the second option grows better row by row, so a responder with any taste takes the first option in the
first rows and the second in the last ones, and switches once at most.
"""

from __future__ import annotations

import numpy as np

from replicator.rationality.bundles import Bools, Floats


def expected_switches(second: Floats) -> Floats:
    """Expected number of switches, (r, n) probabilities of the second option row by row -> (r,).

    Choices at different rows are independent given the probabilities:
    E = sum_k p_k (1 - p_k+1) + (1 - p_k) p_k+1. At random it is (n - 1) / 2.
    """
    here, next_ = second[:, :-1], second[:, 1:]
    return np.asarray((here * (1.0 - next_) + (1.0 - here) * next_).sum(axis=1), dtype=np.float64)


def multiple_switching(second: Floats) -> Floats:
    """Probability of more than one switch, (r, n) -> (r,): 1 less that of none, or of one in either direction."""
    return 1.0 - _runs(second, rising=True) - _runs(second, rising=False) + _constant(second)


def wrong_way(second: Floats) -> Floats:
    """Probability of a single switch, from the second option to the first although the second grows better, (r,)."""
    return _runs(second, rising=False) - _constant(second)


def rows_at_random(n: int) -> tuple[float, float]:
    """Expected switches and the probability of more than one, for choices at random in n rows: (n - 1) / 2 and
    1 - 2n / 2^n."""
    return (n - 1) / 2.0, 1.0 - 2.0 * n / 2.0**n


def reversals(second: Floats, better: Bools) -> Floats:
    """Expected share of ordered pairs of questions that are answered against their order, (r, n) -> (r,).

    `better[i, j]`: the second option is better placed at j than at i. A pair is reversed where the second option is
    taken at i and the first at j, with probability p_i (1 - p_j): a quarter at random. NaN for a responder without a
    pair of answers (NaN in `second`).
    """
    known = ~np.isnan(second)
    p = np.where(known, second, 0.0)
    q = np.where(known, 1.0 - second, 0.0)
    pairs = np.einsum("ri,ij,rj->r", known.astype(float), better.astype(float), known.astype(float), optimize=True)
    against = np.einsum("ri,ij,rj->r", p, better.astype(float), q, optimize=True)
    shares: Floats = np.divide(against, pairs, out=np.full(len(second), np.nan), where=pairs > 0)
    return shares


def _runs(second: Floats, rising: bool) -> Floats:
    """Probability that choices never fall (or never rise) along the rows, those without a switch among them, (r,):
    the sum over k of prod_(i <= k) (1 - p_i) prod_(i > k) p_i."""
    p = second if rising else 1.0 - second
    r = len(p)
    before = np.concatenate([np.ones((r, 1)), np.cumprod(1.0 - p, axis=1)], axis=1)
    after = np.concatenate([np.cumprod(p[:, ::-1], axis=1)[:, ::-1], np.ones((r, 1))], axis=1)
    return np.asarray((before * after).sum(axis=1), dtype=np.float64)


def _constant(second: Floats) -> Floats:
    return np.asarray(second.prod(axis=1) + (1.0 - second).prod(axis=1), dtype=np.float64)
