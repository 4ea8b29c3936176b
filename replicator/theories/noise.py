"""Noise: how differences in value become probabilities of choice.

logit P(first) = sensitivity x D, where D is the difference between two columns of `values`. The sensitivity
is the same in every question, and larger is more consistent. What is estimated is its logarithm.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from replicator.theories.ranks import weights
from replicator.theories.theory import Array, Parameters, Stimuli, Theory

NOISES = ("contextual", "logit", "equivalent")
"""Names accepted in an analysis plan for theories of choice."""

_CERTAIN = 40.0
"""Log odds beyond which the other option comes from lapses alone."""


def values(
    xp: ModuleType, noise: str, theory: Theory, parameters: Parameters, stimuli: Stimuli, *, stake: Array
) -> Array:
    """Value of every option (..., q, k) on the scale of the noise; `stake` (q,) matters to "logit" alone.

    Raises ValueError for a noise that the theory does not go with.
    """
    if noise not in theory.noises:
        raise ValueError(f'{theory.name} has no values under the noise "{noise}"')
    if noise == "equivalent":
        return equivalent(xp, theory, parameters, stimuli)
    if theory.value is not None:
        return theory.value(xp, parameters, stimuli)
    if noise == "contextual":
        return contextual(xp, theory, parameters, stimuli)
    return money(xp, theory, parameters, stimuli, stake=stake)


def contextual(xp: ModuleType, theory: Theory, parameters: Parameters, stimuli: Stimuli) -> Array:
    """Expected utility as a fraction of the question's range of utilities (Wilcox 2011,
    doi:10.1016/j.jeconom.2009.10.012).

        V_k = (sum_b p_kb u(x_kb) - u(smallest)) / (u(largest) - u(smallest))

    with decision weights in the place of p where the theory distorts probabilities.
    Parameters broadcast against (..., q, k, b); the result is (..., q, k). It is free of the currency's unit.
    """
    size = np.maximum(np.abs(stimuli.largest), np.abs(stimuli.smallest))
    scale = unit_of(theory, stimuli, np.where(size > 0, size, 1.0))
    at = _utility(theory)
    utility = at(xp, parameters, stimuli.amount / scale[:, None, None])
    high = at(xp, parameters, (stimuli.largest / scale)[:, None, None])
    low = at(xp, parameters, (stimuli.smallest / scale)[:, None, None])
    span = (high - low)[..., 0]
    expected = (weights(xp, theory, parameters, stimuli) * utility).sum(axis=-1) - low[..., 0]
    flat = (stimuli.largest <= stimuli.smallest)[:, None]
    return xp.where(flat, 0.0, expected / xp.where(flat, 1.0, span))


def money(xp: ModuleType, theory: Theory, parameters: Parameters, stimuli: Stimuli, *, stake: Array) -> Array:
    """Expected utility in money: V_k = sum_b p_kb u(x_kb) / u'(stake), in the experiment's unit; p are decision
    weights where the theory distorts probabilities.

    `stake` (q,) is the typical amount of the question's condition. Dividing by the marginal utility there leaves
    the likelihood as it is and keeps sensitivity and curvature nearly uncorrelated. Shapes as in `contextual`.
    """
    if theory.marginal_utility is None:
        raise ValueError(f"{theory.name} has no utility of money")
    unit = unit_of(theory, stimuli, stake)
    utility = _utility(theory)(xp, parameters, stimuli.amount / unit[:, None, None])
    slope = theory.marginal_utility(xp, parameters, (stake / unit)[:, None, None])
    return unit[:, None] * ((weights(xp, theory, parameters, stimuli) * utility).sum(axis=-1)) / slope[..., 0]


def equivalent(xp: ModuleType, theory: Theory, parameters: Parameters, stimuli: Stimuli) -> Array:
    """What every option is worth in money for certain, now and for oneself, as a fraction of what is at stake.

        V_k = u^-1(sum_b p_kb u(x_kb)) / (largest - smallest)

    `smallest` is at most 0, so that what is at stake in a choice between gains is the largest of them. It is free of
    the currency's unit. Shapes as in `contextual`.
    """
    scale = at_stake(stimuli)
    if theory.value is not None:
        return theory.value(xp, parameters, stimuli) / scale[:, None]
    if theory.inverse is None:
        raise ValueError(f"{theory.name} has no certainty equivalents")
    unit = unit_of(theory, stimuli, scale)
    utility = _utility(theory)(xp, parameters, stimuli.amount / unit[:, None, None])
    expected = (weights(xp, theory, parameters, stimuli) * utility).sum(axis=-1)
    return (unit / scale)[:, None] * theory.inverse(xp, parameters, expected[..., None])[..., 0]


def unit_of(theory: Theory, stimuli: Stimuli, convenient: np.ndarray) -> np.ndarray:
    """(q,) what amounts are divided by: what is convenient where that changes nothing, else the reference amount."""
    if theory.scale_free:
        return np.asarray(convenient, dtype=float)
    return np.ones(len(convenient)) if stimuli.reference is None else np.asarray(stimuli.reference, dtype=float)


def at_stake(stimuli: Stimuli) -> np.ndarray:
    """(q,) from the smallest to the largest amount of the question, and nothing; what another person gets with it."""
    other = 0.0 if stimuli.other is None else np.asarray(stimuli.other)
    together = np.asarray(stimuli.amount) + np.asarray(other)[..., None]
    spread = np.maximum(together.max(axis=(1, 2)), 0.0) - np.minimum(together.min(axis=(1, 2)), 0.0)
    return np.asarray(np.where(spread > 0, spread, 1.0))


def sensitivity(xp: ModuleType, coordinate: Array, floor: float) -> Array:
    """s = 1 / sqrt(e^-2x + floor^2), elementwise: e^x for whoever is noisy, and never more than 1 / floor.

    Nobody tells the last thousandth of a stake apart. Of somebody whose choices never contradict each other, answers
    say of e^x only that it is large, and where e^x may be anything, indifference is a cliff in the other parameters.
    """
    sharp = xp.exp(coordinate)
    return sharp / xp.sqrt(1.0 + (floor * sharp) ** 2) if floor else sharp


def odds(xp: ModuleType, eta: Array, lapse: Array) -> tuple[Array, Array]:
    """What the probabilities of the first of two options and of the second are proportional to, elementwise.

    The first has probability p = (1 - lapse) / (1 + e^-eta) + lapse / 2, and p and 1 - p are to each other as

        1 - lapse / 2 + lapse / 2 e^-eta  and  lapse / 2 + (1 - lapse / 2) e^-eta
    """
    against, other = xp.exp(-xp.clip(eta, -_CERTAIN, _CERTAIN)), lapse / 2.0
    return 1.0 - other + other * against, other + (1.0 - other) * against


def lapsed(xp: ModuleType, eta: Array, lapse: Array, options: int, sizes: np.ndarray | None = None) -> Array:
    """(row, options - 1) log odds against the last option after lapses, from those before.

    `sizes` (options,) is the share of all possible answers that each option holds, all alike where it is None: a lapse
    is any answer. With x_k = exp(eta_k), x_K = 1 and w_k = size_k lapse / (1 - lapse):

        log odds_k = log(x_k + w_k sum x) - log(1 + w_K sum x)

    """
    if options == 2 and sizes is None:
        first, second = odds(xp, eta, lapse)
        return xp.log(first) - xp.log(second)
    log_w = xp.log(lapse) - xp.log1p(-lapse)
    total = xp.logaddexp(0.0, eta[:, :1])
    for k in range(1, options - 1):
        total = _log_sum(xp, total, eta[:, k : k + 1])
    share = np.log(np.full(options, 1.0 / options) if sizes is None else sizes)
    return _log_sum(xp, eta, log_w + share[:-1] + total) - xp.logaddexp(0.0, log_w + share[-1] + total)


def _log_sum(xp: ModuleType, a: Array, b: Array) -> Array:
    """log(e^a + e^b) in a form whose gradient stays finite however large they are."""
    return a + xp.logaddexp(0.0, b - a)


def _utility(theory: Theory):  # type: ignore[no-untyped-def]
    if theory.utility is None:
        raise ValueError(f"{theory.name} has no utility of lotteries")
    return theory.utility
