"""How informative the data are about each unit, and so whether its effects are sampled centred or not.

One Gauss-Newton step from the pooled optimum gives every unit a rough deviation and a standard error. Where
deviations are large against their errors the effect is centred (weight 1); where they are all noise it is not
(weight 0). The weight changes the sampler's coordinates and never the model.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import optimize, special

from replicator import theories
from replicator.inference.data import ChoiceData
from replicator.inference.structure import Structure
from replicator.theories import noise as noises
from replicator.theories.theory import Theory

Centring = dict[str, float]
"""Effect -> weight in [0, 1]."""

_STEP = 1e-4


def centring(structure: Structure, data: ChoiceData, *, stake: float, sensitivity_unit: float) -> Centring:
    """The weight of every unit effect and of the item misfit."""
    theory = theories.get(structure.theory)
    names = [p.name for p in theory.parameters] + ["sensitivity"]
    predict = _predictor(structure, data, theory, stake, sensitivity_unit)
    start = np.array([p.prior.mean for p in theory.parameters] + [np.log(10.0) if structure.noise == "contextual" else 0.0])
    extra = structure.options - 1
    start = np.concatenate([start, np.zeros(extra), [np.log(0.02 / 0.98)]])
    observed, weight = _working(data)

    def residuals(theta: np.ndarray) -> np.ndarray:
        misfit = np.sqrt(weight) * (observed - predict(theta))
        return np.concatenate([misfit.ravel(), 0.3 * (theta - start)])

    best = optimize.least_squares(residuals, start, loss="soft_l1", max_nfev=200).x
    fitted = predict(best)
    jacobian = np.stack(
        [(predict(best + _STEP * e) - fitted) / _STEP for e in np.eye(len(best))], axis=-1
    )  # (row, contrast, parameter)
    left = observed - fitted
    scale = float(np.median(np.abs(left)) / 0.6745) ** 2 if data.kind == "probabilities" else 1.0
    precision = weight / max(scale, 0.05**2)
    weights: Centring = {}
    if structure.units > 1:
        weights = _unit_weights(data, jacobian, left, precision)
    result = {name: weights.get(str(i), 0.0) for i, name in enumerate(names)} if structure.units > 1 else {}
    if structure.units > 1 and (structure.tilt or structure.intercept):
        tendency = float(np.mean([weights.get(str(len(names) + j), 0.0) for j in range(extra)]))
        result["tilt" if structure.tilt else "response_intercept"] = tendency
    if structure.item_misfit:
        result["item_misfit"] = _item_weight(data, left, precision)
    return result


def _predictor(
    structure: Structure, data: ChoiceData, theory: Theory, stake: float, unit: float
) -> Callable[[np.ndarray], np.ndarray]:
    """theta -> (row, contrast) log odds of one agent: coordinates, log sensitivity, tendencies, logit of lapse."""
    count = len(theory.parameters)

    def predict(theta: np.ndarray) -> np.ndarray:
        coordinates = {p.name: np.array(theta[i]) for i, p in enumerate(theory.parameters)}
        natural = theory.natural(np, coordinates)
        value = noises.values(np, structure.noise, theory, natural, data.stimuli, stake=stake)
        eta = unit * np.exp(theta[count]) * (value[:, :-1] - value[:, -1:]) + theta[count + 1 : -1]
        return np.asarray(_lapsed(eta, special.expit(theta[-1]))[data.question])

    return predict


def _lapsed(eta: np.ndarray, lapse: float) -> np.ndarray:
    """Log odds after lapses; see `builder`."""
    options = eta.shape[1] + 1
    log_w = np.log(lapse / options) - np.log1p(-lapse)
    total = log_w + np.logaddexp(special.logsumexp(eta, axis=1, keepdims=True), 0.0)
    return np.asarray(np.logaddexp(eta, total) - np.logaddexp(0.0, total))


def _working(data: ChoiceData) -> tuple[np.ndarray, np.ndarray]:
    """(row, contrast) observed logits and their weights; counts are smoothed by half an answer an option."""
    if data.kind == "probabilities":
        return data.logits, np.ones_like(data.logits)
    smooth = data.counts + 0.5
    logits = np.log(smooth[:, :-1]) - np.log(smooth[:, -1:])
    return logits, 1.0 / (1.0 / smooth[:, :-1] + 1.0 / smooth[:, -1:])


def _unit_weights(
    data: ChoiceData, jacobian: np.ndarray, left: np.ndarray, precision: np.ndarray
) -> dict[str, float]:
    deviations, errors = [], []
    size = jacobian.shape[-1]
    for unit in range(len(data.units)):
        rows = data.unit == unit
        columns = jacobian[rows].reshape(-1, size)
        weight = precision[rows].reshape(-1)
        information = columns.T @ (weight[:, None] * columns) + np.eye(size)
        inverse = np.linalg.inv(information)
        deviations.append(inverse @ (columns.T @ (weight * left[rows].reshape(-1))))
        errors.append(np.diag(inverse))
    spread, error = np.var(deviations, axis=0, ddof=1), np.mean(errors, axis=0)
    return {str(i): _weight(spread[i], error[i]) for i in range(size)}


def _item_weight(data: ChoiceData, left: np.ndarray, precision: np.ndarray) -> float:
    total = np.zeros((len(data.questions), left.shape[1]))
    information = np.zeros_like(total)
    np.add.at(total, data.question, precision * left)
    np.add.at(information, data.question, precision)
    return _weight(float(np.mean((total / information) ** 2)), float(np.mean(1.0 / information)))


def _weight(spread: float, error: float) -> float:
    """Share of the observed spread that is not error."""
    return float(np.clip(1.0 - error / spread, 0.0, 1.0)) if spread > 0 else 0.0
