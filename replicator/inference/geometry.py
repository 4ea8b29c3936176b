"""How informative the data are about each unit, so whether its effects are sampled centred, and where to start.

One Gauss-Newton step from the pooled optimum gives every unit a rough deviation and a standard error. Where
deviations are large against their errors the effect is centred (weight 1); where they are all noise it is not
(weight 0). The weight changes the sampler's coordinates and never the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from replicator import theories
from replicator.inference.data import ChoiceData
from replicator.inference.structure import Structure
from replicator.theories import noise as noises
from replicator.theories.theory import Theory

_STEP = 1e-4

_PULL = 0.03
"""Of the prior centre on the pooled optimum, so that it exists where the data say nothing."""


_NUDGE = 1e-4


@dataclass(frozen=True)
class Geometry:
    """How the sampler walks: which effects are centred, and where it starts."""

    centring: dict[str, float]
    """Effect -> 1 (centred) or 0 (not centred)."""
    start: dict[str, np.ndarray]
    """Variable of the builder -> its starting value: the pooled optimum, and rough deviations around it."""


def geometry(structure: Structure, data: ChoiceData, *, stake: np.ndarray, sensitivity_unit: np.ndarray) -> Geometry:
    """The coordinates and the starting point that these data call for."""
    theory = theories.get(structure.theory)
    names = [*(p.name for p in theory.parameters), "sensitivity"]
    if structure.intercept:
        names.append("response_intercept")
    predict = _predictor(structure, data, theory, stake, sensitivity_unit)
    start = np.array(
        [*(p.prior.mean for p in theory.parameters), np.log(10.0) if structure.noise == "contextual" else 0.0]
    )
    start = np.concatenate([start, np.zeros(len(names) - len(start)), [np.log(0.02 / 0.98)]])
    asked, observed, weight = _pooled(data)

    def residuals(theta: np.ndarray) -> np.ndarray:
        misfit = np.sqrt(weight) * (observed - predict(theta)[asked])
        return np.concatenate([misfit.ravel(), _PULL * (theta - start)])

    best = optimize.least_squares(residuals, start, loss="soft_l1", max_nfev=200).x
    fitted = predict(best)
    centring: dict[str, float] = {}
    values: dict[str, np.ndarray] = {f"{name}_first": np.array(best[i]) for i, name in enumerate(names)}
    values["lapse"] = np.array(np.clip(special.expit(best[-1]), 1e-6, 0.1))
    off = _by_question(data, asked, weight * (observed - fitted[asked])) / _by_question(data, asked, weight)
    left, precision = _by_row(data, fitted + off if structure.item_misfit else fitted)
    if structure.position:
        values["position_effect"] = _position(data, left)
    if structure.units > 1:
        slopes = [(predict(best + _STEP * e) - fitted) / _STEP for e in np.eye(len(best))[: len(names)]]
        deviation, error = _units(data, np.stack(slopes, axis=-1)[data.question], left, precision)
        for i, name in enumerate(names):
            centring[name] = _weight(float(np.var(deviation[:, i], ddof=1)), float(error[:, i].mean()))
            values[f"{name}_raw"] = centring[name] * (best[i] + deviation[:, i])
    if structure.item_misfit:
        error_of_question = float(np.mean(1.0 / _by_question(data, data.question, precision)))
        centring["item_misfit"] = _weight(float(np.mean(off**2)), error_of_question)
        values["item_misfit_raw"] = centring["item_misfit"] * (fitted + off)
    # A hair off the optimum: the sampler takes its first scales from the gradient, which must not be exactly zero.
    nudge = np.random.default_rng(1)
    return Geometry(centring, {name: value + _NUDGE * nudge.random(value.shape) for name, value in values.items()})


def _predictor(
    structure: Structure, data: ChoiceData, theory: Theory, stake: np.ndarray, unit: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """theta -> (q, contrast) log odds of one agent: coordinates, log sensitivity, intercept, logit of lapse."""
    count = len(theory.parameters)
    away = 1.0 - data.status_quo.astype(float)

    def predict(theta: np.ndarray) -> np.ndarray:
        coordinates = {p.name: np.array(theta[i]) for i, p in enumerate(theory.parameters)}
        natural = theory.natural(np, coordinates)
        value = noises.values(np, structure.noise, theory, natural, data.stimuli, stake=stake)
        eta = unit[:, None] * np.exp(theta[count]) * (value[:, :-1] - value[:, -1:])
        if structure.intercept:
            eta = eta + theta[count + 1] * (away[:-1] - away[-1])
        return np.asarray(noises.lapsed(np, eta, special.expit(theta[-1]), structure.options))

    return predict


def _pooled(data: ChoiceData) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Questions (r,), observed logits (r, contrast) and their weights, for one agent.

    Exact probabilities stand row by row; counts are summed by question and smoothed by half an answer an option.
    """
    if data.kind == "probabilities":
        return data.question, data.logits, np.ones_like(data.logits)
    smooth = _by_question(data, data.question, data.counts) + 0.5
    logits = np.log(smooth[:, :-1]) - np.log(smooth[:, -1:])
    return np.arange(len(smooth)), logits, 1.0 / (1.0 / smooth[:, :-1] + 1.0 / smooth[:, -1:])


def _by_row(data: ChoiceData, curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(row, contrast) working residuals around a (q, contrast) curve, and their precisions.

    For counts those of one Fisher scoring step: (k - n p) / (n p (1 - p)) with precision n p (1 - p).
    """
    here = curve[data.question]
    if data.kind == "probabilities":
        left = data.logits - here
        scale = float(np.median(np.abs(left)) / 0.6745) ** 2
        return left, np.full_like(left, 1.0 / max(scale, 0.05**2))
    pair = data.counts[:, :-1] + data.counts[:, -1:]
    p = special.expit(here)
    precision = np.maximum(pair * p * (1.0 - p), 1e-9)
    return (data.counts[:, :-1] - pair * p) / precision, precision


def _by_question(data: ChoiceData, question: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(q, column) sum of (row, column) values."""
    total = np.zeros((len(data.questions), rows.shape[1]))
    np.add.at(total, question, rows)
    return total


def _position(data: ChoiceData, left: np.ndarray) -> np.ndarray:
    """(label set, contrast) rough position effects: twice the mean residual of the first option where it is shown
    first. With more than two options the start is zero."""
    found = np.zeros((len(data.label_sets), left.shape[1]))
    if left.shape[1] == 1 and data.position is not None:
        first = data.position[:, 0] == 0
        for label in range(len(data.label_sets)):
            here = data.label_set == label
            if (here & first).any() and (here & ~first).any():
                found[label, 0] = (left[here & first].mean() - left[here & ~first].mean()) / 2.0
    return found


def _units(
    data: ChoiceData, slopes: np.ndarray, left: np.ndarray, precision: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(unit, coordinate) one-step deviations and their variances; `slopes` is (row, contrast, coordinate)."""
    size = slopes.shape[-1]
    deviations, errors = np.zeros((2, len(data.units), size))
    for unit in range(len(data.units)):
        rows = data.unit == unit
        columns = slopes[rows].reshape(-1, size)
        weight = precision[rows].reshape(-1)
        inverse = np.linalg.inv(columns.T @ (weight[:, None] * columns) + np.eye(size))
        deviations[unit] = inverse @ (columns.T @ (weight * left[rows].reshape(-1)))
        errors[unit] = np.diag(inverse)
    return deviations, errors


def _weight(spread: float, error: float) -> float:
    """1 where at least half of the observed spread is not error, else 0.

    Weights between would couple the raw effects to their sd wherever the location is far from zero.
    """
    return float(spread > 2.0 * error)
