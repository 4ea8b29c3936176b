"""Revealed preference over linear budgets: Afriat's efficiency index. Pure arithmetic on prices and bundles.

Budget i has prices p_i, so scaled that all that can be spent is 1: bundles x with p_i x = 1.
"""

from __future__ import annotations

import numpy as np

from replicator.rationality.bundles import Bools, Floats

ROUNDING = 1e-9
"""Cost ratios nearer to 1 than this are 1."""


def cost_ratios(prices: Floats, chosen: Floats) -> Floats:
    """What the bundle of budget j costs at the prices of i, as a part of the budget: (n, k) and (..., n, k) ->
    (..., n, n), r_ij = p_i x_j / p_i x_i."""
    costs = np.einsum("ik,...jk->...ij", prices, chosen)
    own = np.diagonal(costs, axis1=-2, axis2=-1)[..., :, None]
    ratios = np.divide(costs, own, out=np.ones_like(costs), where=own > 0)
    return np.where(np.abs(ratios - 1.0) < ROUNDING, 1.0, ratios)


def efficiency(prices: Floats, chosen: Floats) -> Floats:
    """Afriat's critical cost efficiency index of choices from n budgets, (n, k) and (..., n, k) -> (...).

    The largest e at which choices obey the generalised axiom of revealed preference when every budget is shrunk to the
    part e of itself (Afriat 1972, doi:10.2307/2525986; Varian 1990, doi:10.1016/0304-4076(90)90051-T). Below e, x_i is
    revealed preferred to x_j where r_ij < e, and the axiom forbids circles; so the index is the smallest, over all
    circles, of the largest r_ij in the circle, and 1 at most. That is a bottleneck path, exact after n steps of Floyd
    and Warshall; no search over e is needed.
    """
    reach = cost_ratios(prices, chosen).copy()
    n = reach.shape[-1]
    for k in range(n):
        reach = np.minimum(reach, np.maximum(reach[..., :, k, None], reach[..., k, None, :]))
    circle = np.maximum(reach, np.swapaxes(reach, -1, -2))
    circle[..., np.arange(n), np.arange(n)] = 1.0
    return np.asarray(np.minimum(circle.min(axis=(-2, -1)), 1.0), dtype=np.float64)


def obeys(prices: Floats, chosen: Floats, e: float = 1.0) -> Bools:
    """Whether choices obey the axiom when budgets are shrunk to the part e, (n, k) and (..., n, k) -> (...).

    With x_i R x_j where e >= r_ij, and its transitive closure, no x_j with x_i R x_j may be strictly dearer at its own
    prices than x_i: e > r_ji (Varian 1982, doi:10.2307/1912771).
    """
    ratios = cost_ratios(prices, chosen)
    revealed = ratios <= e
    for k in range(ratios.shape[-1]):
        revealed = revealed | (revealed[..., :, k, None] & revealed[..., k, None, :])
    strictly = np.swapaxes(ratios < e, -1, -2)
    return np.asarray(~(revealed & strictly).any(axis=(-2, -1)), dtype=np.bool_)


def crossing(prices: Floats) -> bool:
    """Whether any two budgets cross, (n, k): each has a bundle that the other cannot pay. Without that no choice could
    ever break the axiom."""
    dearer = (prices[:, None, :] > prices[None, :, :] * (1.0 + ROUNDING)).any(axis=2)
    return bool((dearer & dearer.T).any())
