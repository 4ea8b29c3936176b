"""Decision weights: what probabilities count for where they are distorted, outcome by outcome in order of rank.

Of gains x_1 > x_2 > ... the weights are differences of the weight of doing at least so well, of losses those of doing
at least so badly (Tversky & Kahneman 1992, doi:10.1007/BF00122574):

    pi_i = w(p_1 + ... + p_i) - w(p_1 + ... + p_(i-1))

ordered from the best gain downwards, and for losses from the worst upwards. Nothing won or lost counts as a gain.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from replicator.theories.theory import Array, Parameters, Stimuli, Theory


def weights(xp: ModuleType, theory: Theory, parameters: Parameters, stimuli: Stimuli) -> Array:
    """(..., q, k, b) weight of every branch; its probability where the theory does not distort them."""
    if theory.decision_weights is not None:
        return theory.decision_weights(xp, parameters, stimuli)
    if theory.weight is None:
        return stimuli.probability
    outside, inside = cumulated(np.asarray(stimuli.amount), np.asarray(stimuli.probability))
    return _weight(xp, theory, parameters, outside) - _weight(xp, theory, parameters, inside)


def cumulated(amount: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(q, k, b) probability of an outcome of the same sign ranked at or beyond each branch, and strictly beyond it.

    Of equal amounts one is ranked before the other, which changes nothing: their weights add up all the same.
    """
    gain = amount >= 0
    order = np.argsort(np.where(gain, -amount, amount), axis=-1, kind="stable")
    sorted_gain = np.take_along_axis(gain, order, axis=-1)
    sorted_p = np.take_along_axis(probability, order, axis=-1)
    reached = np.where(
        sorted_gain,
        np.cumsum(np.where(sorted_gain, sorted_p, 0.0), axis=-1),
        np.cumsum(np.where(sorted_gain, 0.0, sorted_p), axis=-1),
    )
    outside = np.empty_like(probability)
    np.put_along_axis(outside, order, np.clip(reached, 0.0, 1.0), axis=-1)
    return outside, np.maximum(outside - probability, 0.0)


def _weight(xp: ModuleType, theory: Theory, parameters: Parameters, probability: np.ndarray) -> Array:
    """w(p) with w(0) = 0 and w(1) = 1 exactly, and slopes that stay finite there."""
    assert theory.weight is not None
    between = (probability > 1e-12) & (probability < 1.0 - 1e-12)
    weighed = theory.weight(xp, parameters, np.where(between, probability, 0.5))
    return xp.where(between, weighed, np.round(probability))
