"""Attitude to ambiguity: probabilities that are known within limits alone."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from replicator.theories.loss_aversion import curvature, power_marginal_utility
from replicator.theories.priors import prior
from replicator.theories.prospect import gain_inverse, gain_utility
from replicator.theories.theory import Array, Parameter, Parameters, Stimuli, Theory, by_scale


def decision_weights(xp: ModuleType, parameters: Parameters, stimuli: Stimuli) -> Array:
    """(..., q, k, b) (1+b)/2 times the worst probabilities within the limits plus (1-b)/2 times the best.

    With two outcomes of which the better one's probability p is known up to a width A it is p - b A / 2 (Levy et al.
    2010, doi:10.1152/jn.00853.2009), in general alpha-maxmin with alpha = (1+b)/2.
    """
    best, worst = extremes(stimuli)
    attitude = parameters["ambiguity_attitude"]
    return (best + worst) / 2.0 - attitude * (best - worst) / 2.0


def extremes(stimuli: Stimuli) -> tuple[np.ndarray, np.ndarray]:
    """(q, k, b) probabilities within the limits under which every option is best, and under which it is worst.

    Each branch has at least the lower end of its interval; what remains goes to the best (worst) amounts first, as
    far as their upper ends allow. Utility increases in the amount, so that it plays no part in this.
    """
    probability = np.asarray(stimuli.probability, dtype=float)
    if stimuli.ambiguity is None:
        return probability, probability
    width = np.asarray(stimuli.ambiguity, dtype=float)
    low = np.maximum(probability - width / 2.0, 0.0)
    order = np.argsort(-np.asarray(stimuli.amount), axis=-1, kind="stable")
    return _filled(low, width, order), _filled(low, width, order[..., ::-1])


def _filled(low: np.ndarray, width: np.ndarray, order: np.ndarray) -> np.ndarray:
    room = np.take_along_axis(width, order, axis=-1)
    left = np.maximum(1.0 - low.sum(axis=-1, keepdims=True) - (np.cumsum(room, axis=-1) - room), 0.0)
    found = np.take_along_axis(low, order, axis=-1) + np.minimum(room, left)
    back = np.empty_like(found)
    np.put_along_axis(back, order, found, axis=-1)
    return np.asarray(back)


_PARAMETERS = (
    Parameter(
        name="ambiguity_attitude",
        symbol="b",
        scale="identity",
        unit="",
        description="share of what is unknown that is taken to be bad: 0 is neutral, 1 expects the worst, -1 the best",
        neutral=0.0,
        prior=prior("ambiguity", "ambiguity_attitude"),
    ),
    curvature("ambiguity"),
)

AMBIGUITY = Theory(
    name="ambiguity",
    title="Ambiguity attitude with power utility",
    equation="u(x) = x^rho; value = (1-b)/2 of the best and (1+b)/2 of the worst expected utility that the limits of "
    "the probabilities allow; with two outcomes (p - b A/2) u(x)",
    response="choice",
    parameters=_PARAMETERS,
    derived=(),
    natural=by_scale(_PARAMETERS),
    utility=gain_utility,
    marginal_utility=power_marginal_utility,
    inverse=gain_inverse,
    decision_weights=decision_weights,
    humans=("ambiguity_premium",),
    reads=frozenset({"ambiguity"}),
    needs="lotteries over gains with known probabilities, which show the curvature, besides those with unknown ones: "
    "with unknown ones alone, b and rho trade off",
    citation="Levy, Snell, Nelson, Rustichini & Glimcher 2010, doi:10.1152/jn.00853.2009; Ghirardato, Maccheroni & "
    "Marinacci 2004, doi:10.1016/j.jet.2003.12.004",
)
