"""The one builder of choice models: theory + noise + wording or person + position + lapse + likelihood.

For option k against the last option K, in question q put to unit u (a wording or a person) in cell n:

    eta = s_u (V_k - V_K) + intercept_u + tilt_uk + misfit_qk + slot_k - slot_K
    P   = (1 - lapse) softmax(eta) + lapse / K

`V` is the theory's value on the scale of the noise. Exact probabilities are Student-t around logit P with a
floor on the scale; counts are binomial or multinomial. Every unit has its own parameters, drawn around the
location that the fit reports; the draw of a token is never a unit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from replicator import theories
from replicator.inference.data import ChoiceData
from replicator.inference.geometry import Centring
from replicator.inference.structure import Structure
from replicator.inference.tabulation import Table, tabulate, values
from replicator.theories import priors
from replicator.theories.theory import Stimuli, Theory

DEGREES_OF_FREEDOM = 4.0
"""Of the Student-t around logits: heavy enough that a few odd cells do not bend the curve."""

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Design:
    """What is fixed when a model is compiled: which questions were put how to whom."""

    table: Table
    unit: np.ndarray
    """(n,)"""
    question: np.ndarray
    """(n,)"""
    condition: np.ndarray
    """(q,)"""
    label_set: np.ndarray
    """(n,)"""
    position: np.ndarray | None
    """(n, k)"""
    leaves_status_quo: np.ndarray
    """(k,)"""
    sensitivity_unit: float

    @property
    def condition_of_question(self) -> np.ndarray:
        """(condition, q) 1 where the question belongs to the condition."""
        return np.eye(int(self.condition.max()) + 1)[:, self.condition]

    @cached_property
    def key(self) -> str:
        """Two designs with one key can share a compiled model."""
        digest = hashlib.sha256()
        for part in (self.table.noise, self.table.stake, self.sensitivity_unit):
            digest.update(repr(part).encode())
        for array in (
            self.table.amount, self.table.expected, self.table.high, self.table.low, self.unit, self.question,
            self.condition, self.label_set, self.leaves_status_quo, self.position if self.position is not None else np.zeros(0),
        ):  # fmt: skip
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def design(noise: str, data: ChoiceData) -> Design:
    """The fixed part of a data set."""
    return Design(
        table=tabulate(noise, data.stimuli, stake=stake(data.stimuli)),
        unit=data.unit,
        question=data.question,
        condition=data.condition,
        label_set=data.label_set,
        position=data.position,
        leaves_status_quo=1.0 - data.status_quo.astype(float),
        sensitivity_unit=sensitivity_unit(noise, data),
    )


def arrays(structure: Structure, data: ChoiceData, centring: Centring) -> Arrays:
    """What may be swapped without compiling anew: the answers and the sampler's coordinates."""
    given: Arrays = {f"centring_{name}": np.array(weight) for name, weight in centring.items()}
    if structure.likelihood == "probabilities":
        return given | {"observed": data.logits}
    return given | {"observed": data.counts.astype(int), "total": data.counts.sum(axis=1).astype(int)}


def build(structure: Structure, fixed: Design, given: Arrays, coords: Mapping[str, Any]) -> pm.Model:
    """The model of one structure and design, holding the answers in swappable containers."""
    theory = theories.get(structure.theory)
    with pm.Model(coords=dict(coords)) as model:
        data = {name: pm.Data(name, values) for name, values in given.items()}
        locations, deviations = {}, {}
        for parameter in theory.parameters:
            prior = parameter.prior
            locations[parameter.name] = _location(parameter.name, prior.mean, prior.sd, structure.conditions)
            deviations[parameter.name] = _deviation(
                parameter.name, locations[parameter.name][0], prior.sd, structure, data
            )
        value = _values(theory, fixed, locations, deviations)
        eta = _sensitivity(structure, fixed, data) * (value[:, :, :-1] - value[:, :, -1:])
        eta = eta + _tendency(structure, fixed, data)
        if structure.item_misfit:
            misfit_sd = pm.HalfNormal("item_misfit_sd", priors.prior("common", "item_misfit").sd)
            eta = eta + _effect("item_misfit", misfit_sd, data, dims=("question", "contrast"))[None, :, :]
        contrasts = structure.options - 1
        eta = eta.reshape((structure.units * structure.questions, contrasts))
        eta = eta[fixed.unit * structure.questions + fixed.question]
        if structure.position:
            eta = eta + _slots(fixed)
        if structure.cells:
            cell_sd = pm.HalfNormal("cell_sd", priors.prior("common", "item_misfit").sd)
            eta = eta + cell_sd * pm.Normal("cell", 0.0, 1.0, dims=("cell", "contrast"))
        _likelihood(structure, data, _lapsed(eta, structure.options))
    return model


def _values(theory: Theory, fixed: Design, locations: Mapping[str, Any], deviations: Mapping[str, Any]) -> Any:
    """(unit, question, option) values; questions of one condition share its locations."""
    table, blocks, order = fixed.table, [], []
    for condition in range(int(fixed.condition.max()) + 1):
        questions = np.flatnonzero(fixed.condition == condition)
        coordinates = {
            name: (locations[name][condition] + deviations[name])[:, None] for name in locations
        }
        blocks.append(values(pt, theory, theory.natural(pt, coordinates), table.of(questions)))
        order.append(questions)
    value = pt.concatenate(blocks, axis=1) if len(blocks) > 1 else blocks[0]
    back = np.argsort(np.concatenate(order))
    return value if (back == np.arange(len(back))).all() else value[:, back]


def coords(structure: Structure, data: ChoiceData) -> dict[str, Any]:
    """Names of the model's dimensions."""
    named: dict[str, Any] = {
        "condition": list(data.conditions),
        "unit": list(data.units),
        "question": list(data.questions),
        "contrast": list(data.options[:-1]),
        "label_set": list(data.label_sets) if structure.position else [""],
    }
    if structure.cells:
        named["cell"] = list(range(structure.cells))
    return named


def stake(stimuli: Stimuli) -> float:
    """The design's typical stake: mean absolute amount that is not zero, in the experiment's unit."""
    size = np.abs(np.asarray(stimuli.amount))
    return float(size[size > 0].mean()) if (size > 0).any() else 1.0


def sensitivity_unit(noise: str, data: ChoiceData) -> float:
    """What a sensitivity of exp(coordinate) is counted in: 1 for contextual utility; for money, the sensitivity
    at which one interquartile range of expected-value differences moves the logit by 4."""
    if noise == "contextual":
        return 1.0
    expected = (data.stimuli.probability * data.stimuli.amount).sum(axis=-1)
    differences = (expected[:, :-1] - expected[:, -1:]).ravel()
    spread = float(np.subtract(*np.percentile(differences, [75, 25])))
    return 4.0 / spread if spread > 0 else 4.0 / max(stake(data.stimuli), 1e-12)


def _location(name: str, mean: float, sd: float, conditions: int) -> Any:
    """(condition,) locations, each with the same prior, in coordinates of the first and its contrasts.

    A deviation of the unit that all conditions share makes the locations strongly correlated; their contrasts
    are not.
    """
    first = pm.Normal(f"{name}_first", mean, sd)
    locations = first[None]
    if conditions > 1:
        contrast = pm.Flat(f"{name}_contrast", shape=conditions - 1)
        others = first + contrast
        pm.Potential(f"{name}_prior", pm.logp(pm.Normal.dist(mean, sd), others).sum())
        locations = pt.concatenate([locations, others])
    return pm.Deterministic(f"{name}_coordinate", locations, dims="condition")


def _deviation(name: str, first: Any, sd: float, structure: Structure, data: Mapping[str, Any]) -> Any:
    """(unit,) deviations from the location; zero where there is a single unit."""
    if structure.units == 1:
        return pt.zeros(1)
    spread = pm.HalfNormal(f"{name}_sd", sd)
    return _effect(name, spread, data, dims=("unit",), around=first)


def _effect(name: str, sd: Any, data: Mapping[str, Any], *, dims: tuple[str, ...], around: Any = 0.0) -> Any:
    """Deviations ~ Normal(0, sd) in a partially centred form: weight w = 1 is centred, 0 is not.

        raw ~ Normal(w m, sd^w),   deviation = sd^(1-w) (raw - w m)

    (Papaspiliopoulos, Roberts & Skold 2007, doi:10.1214/088342307000000014); `geometry` sets w from the data.
    """
    weight = data[f"centring_{name}"]
    raw = pm.Normal(f"{name}_raw", weight * around, sd**weight, dims=dims)
    return sd ** (1.0 - weight) * (raw - weight * around)


def _sensitivity(structure: Structure, fixed: Design, data: Mapping[str, Any]) -> Any:
    """(unit, question, 1) sensitivity of choice to differences in value."""
    prior = priors.prior("common", f"sensitivity_{structure.noise}")
    location = _location("sensitivity", prior.mean, prior.sd, structure.conditions)
    spread = priors.prior("common", "between_units").sd
    deviation = _deviation("sensitivity", location[0], spread, structure, data)
    each = fixed.sensitivity_unit * pt.exp(location[None, :] + deviation[:, None])
    return pt.dot(each, fixed.condition_of_question)[:, :, None]


def _tendency(structure: Structure, fixed: Design, data: Mapping[str, Any]) -> Any:
    """(unit, question, contrast) tendency toward options as such: the response intercept, or the wordings' tilt."""
    spread = priors.prior("common", "between_units_tilt").sd
    if structure.intercept:
        prior = priors.prior("common", "response_intercept")
        location = _location("response_intercept", prior.mean, prior.sd, structure.conditions)
        deviation = _deviation("response_intercept", location[0], spread, structure, data)
        away = fixed.leaves_status_quo
        each = pt.dot(location[None, :] + deviation[:, None], fixed.condition_of_question)
        return each[:, :, None] * (away[:-1] - away[-1])[None, None, :]
    if structure.tilt:
        tilt_sd = pm.HalfNormal("tilt_sd", spread)
        return _effect("tilt", tilt_sd, data, dims=("unit", "contrast"))[:, None, :]
    return 0.0


def _slots(fixed: Design) -> Any:
    """(row, contrast) difference between the constants of the displayed positions, per label set.

    The constants sum to zero; with two options they are +b/2 and -b/2.
    """
    assert fixed.position is not None
    prior = priors.prior("common", "position")
    free = pm.Normal("position_effect", prior.mean, prior.sd, dims=("label_set", "contrast"))
    rows, options = fixed.position.shape
    # Row by row: which slot constant is added for option k, and which is subtracted for the last option.
    shown = np.eye(options)[fixed.position]
    difference = shown[:, :-1] - shown[:, -1:]
    of_free = (difference[:, :, :-1] - difference[:, :, -1:]) / 2.0
    by_set = np.eye(free.type.shape[0] or int(fixed.label_set.max()) + 1)[fixed.label_set]
    loading = by_set[:, None, :, None] * of_free[:, :, None, :]
    return pt.dot(loading.reshape((rows * (options - 1), -1)), free.ravel()).reshape((rows, options - 1))


def _lapsed(eta: Any, options: int) -> Any:
    """(row, contrast) log odds against the last option after lapses.

    With x_k = exp(eta_k), x_K = 1 and w = lapse / (K (1 - lapse)):

        log odds_k = log(x_k + w sum x) - log(1 + w sum x)
    """
    given = priors.document("common")["parameters"]["lapse"]
    lapse = pm.Beta("lapse", given["alpha"], given["beta"])
    if options == 2:
        # One logit instead of two sums: with v = w / (1 + w), log((x + v) / (1 + v x)).
        log_v = pt.log(lapse / 2.0) - pt.log1p(-lapse / 2.0)
        return log_v + pt.softplus(eta - log_v) - pt.softplus(eta + log_v)
    log_w = pt.log(lapse / options) - pt.log1p(-lapse)
    total = log_w + pt.logsumexp(pt.concatenate([eta, pt.zeros_like(eta[:, :1])], axis=1), axis=1, keepdims=True)
    return pt.logaddexp(eta, total) - pt.logaddexp(0.0, total)


def _likelihood(structure: Structure, data: Mapping[str, Any], logits: Any) -> None:
    if structure.likelihood == "probabilities":
        residual = priors.document("common")["parameters"]["residual"]
        sigma = residual["floor"] + pm.HalfNormal("residual", residual["sd"])
        pm.StudentT("choices", nu=DEGREES_OF_FREEDOM, mu=logits, sigma=sigma, observed=data["observed"])
    elif structure.options == 2:
        pm.Binomial("choices", n=data["total"], logit_p=logits[:, 0], observed=data["observed"][:, 0])
    else:
        full = pt.concatenate([logits, pt.zeros_like(logits[:, :1])], axis=1)
        pm.Multinomial("choices", n=data["total"], p=pt.special.softmax(full, axis=1), observed=data["observed"])
