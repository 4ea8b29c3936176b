"""The one builder of choice models: theory + noise + wording or person + position + lapse + likelihood.

For option k against the last option K, in question q put to unit u (a wording, a person, or a persona in a wording)
in cell n:

    eta        = s_u (V_k - V_K) + intercept_u + slot_k - slot_K
    P          = (1 - lapse) softmax(eta) + lapse / K
    log odds_k = log(P_k / P_K) + misfit_qk

`V` is the theory's value on the scale of the noise, `s` the sensitivity (see `noise.sensitivity`; people who chose have
a floor under their noise). Log odds of a prompt are Student-t around that, with a floor on the scale, whether they are
seen exactly or through the counts of a model's samples (binomial or multinomial given the prompt's own odds); with more
than two options that is one multivariate Student-t a prompt. People's choices have no such scatter. Every unit has its
own parameters, drawn around the location that the fit reports; those of a persona in a wording are the location with an
effect of the persona and one of the wording. The draw of a token is never a unit. Where there is a regression on
attributes x_u of the units, the parameters of unit u are drawn around the location + x_u . slope.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from replicator import theories
from replicator.inference import answer_classes, censored, likelihoods
from replicator.inference.data import ChoiceData
from replicator.inference.structure import Structure, contrasts
from replicator.inference.tabulation import Direct, Table, compared, sensitivity_unit, stake, valued
from replicator.inference.walk import Geometry
from replicator.theories import priors
from replicator.theories.noise import lapsed, odds, sensitivity
from replicator.theories.theory import Theory

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Design:
    """What is fixed when a model is compiled: which questions were put how to whom."""

    table: Table | Direct
    direct: Direct
    """The same, option by option."""
    unit: np.ndarray
    """(n,) the unit; of personas the pair of persona and wording, wordings running fastest."""
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
    sensitivity_unit: np.ndarray
    """(q,)"""
    classes: np.ndarray | None
    """(a,) option that every possible answer belongs to; None where each is one of its own."""

    def key(self, structure: Structure) -> str:
        """Two designs with one key and one structure can share a compiled model: on a grid whoever answered what."""
        digest = hashlib.sha256()
        digest.update(self.table.noise.encode())
        rows = () if structure.grid else (self.unit, self.question, self.label_set)
        for array in (
            *self.table.arrays(), *rows, self.condition, self.leaves_status_quo, self.sensitivity_unit,
            np.zeros(0) if self.position is None else self.position,
            np.zeros(0) if self.classes is None else self.classes,
        ):  # fmt: skip
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def design(theory: Theory, noise: str, data: ChoiceData) -> Design:
    """The fixed part of a data set."""
    typical = stake(data.stimuli, data.condition)
    return Design(
        table=valued(theory, noise, data.stimuli, stake=typical),
        direct=Direct(noise, data.stimuli, typical),
        unit=data.unit * len(data.wordings) + data.wording if data.wordings else data.unit,
        question=data.question,
        condition=data.condition,
        label_set=data.label_set,
        position=data.position,
        leaves_status_quo=1.0 - data.status_quo.astype(float),
        sensitivity_unit=sensitivity_unit(noise, data.stimuli, data.condition),
        classes=data.classes,
    )


def arrays(structure: Structure, data: ChoiceData, geometry: Geometry) -> Arrays:
    """What may be swapped without compiling anew: the answers, the sampler's coordinates and its start."""
    given: Arrays = {f"centring_{name}": np.array(weight) for name, weight in geometry.centring.items()}
    given |= {f"start_{name}": value for name, value in geometry.start.items()}
    if structure.regressors:
        given["regressed"] = data.regressed
    if structure.likelihood == "probabilities":
        return given | {"observed": data.logits}
    counts = _on_grid(structure, data) if structure.grid else data.counts
    return given | likelihoods.counted(structure, counts)


def _on_grid(structure: Structure, data: ChoiceData) -> np.ndarray:
    """(unit, question, k) counts, none where there is no answer: the likelihood then gathers nothing by index."""
    counts = np.zeros((structure.units, structure.questions, structure.options))
    np.add.at(counts, (data.unit, data.question), data.counts)
    return counts


def build(structure: Structure, fixed: Design, given: Arrays, coords: Mapping[str, Any]) -> pm.Model:
    """The model of one structure and design, holding the answers in swappable containers."""
    with pm.Model(coords=dict(coords)) as model:
        data = {name: pm.Data(name, values) for name, values in given.items()}
        locations, deviations = {}, {}
        for name, (mean, sd, spread) in _coordinates(structure).items():
            common, apart = 0.0, None
            if structure.wordings:
                common, apart = crossed(name, "wording", structure.wordings, spread, data)
            start, alike = data[f"start_{name}_first"], structure.shared and name in structure.parameters
            locations[name] = location(name, mean, sd, structure.conditions, start, common, alike=alike)
            deviations[name] = _deviation(name, locations[name][0], spread, structure, data)
            if apart is not None:
                # (persona, 1) + (1, wording) -> (persona x wording)
                deviations[name] = (deviations[name][:, None] + apart[None, :]).ravel()
        eta = _curve(structure, fixed, locations, deviations)
        lapse = _lapse(data)
        sizes = answer_classes.sizes(fixed.classes)
        misfit = None
        if structure.item_misfit:
            typical = lapsed(pt, eta.mean(axis=0), lapse, structure.options, sizes) if structure.curve_seen else 0.0
            misfit_sd = pm.HalfNormal(
                "item_misfit_sd", priors.prior("common", "item_misfit").sd, initval=data["start_item_misfit_sd"]
            )
            misfit = effect("item_misfit", misfit_sd, data, dims=("question", "contrast"), around=typical)
            misfit = pm.Deterministic("item_misfit", misfit, dims=("question", "contrast"))
        if structure.grid:
            likelihoods.binomial_counts(
                data, odds(pt, eta[:, :, 0], lapse), None if misfit is None else misfit[None, :, 0]
            )
            return model
        rows = slice(None) if structure.sparse else fixed.unit * structure.questions + fixed.question
        logits = eta.reshape((-1, structure.options - 1))[rows]
        if structure.position:
            assert fixed.position is not None
            logits = logits + slots(fixed.position, fixed.label_set, data)
        if structure.likelihood == "counts" and structure.options == 2 and not structure.cells:
            both = odds(pt, logits[:, 0], lapse)
            likelihoods.binomial_counts(data, both, None if misfit is None else misfit[fixed.question, 0])
        else:
            logits = lapsed(pt, logits, lapse, structure.options, sizes)
            likelihoods.likelihood(structure, data, logits if misfit is None else logits + misfit[fixed.question])
    return model


def coordinate_names(structure: Structure) -> tuple[str, ...]:
    """What has a location per condition: the theory's parameters, the sensitivity, and perhaps an intercept."""
    return tuple(_coordinates(structure))


def _coordinates(structure: Structure) -> dict[str, tuple[float, float, float]]:
    """Name -> prior mean and sd of the location, and the scale of the half-normal prior of its sd over units."""
    found = {p.name: (p.prior.mean, p.prior.sd, p.prior.sd) for p in theories.get(structure.theory).parameters}
    if structure.sensitive:
        noise = priors.prior("common", f"sensitivity_{structure.noise}")
        found["sensitivity"] = (noise.mean, noise.sd, priors.prior("common", "between_units").sd)
    if structure.intercept:
        intercept = priors.prior("common", "response_intercept")
        found["response_intercept"] = (
            intercept.mean, intercept.sd, priors.prior("common", "between_units_tilt").sd,
        )  # fmt: skip
    return found


def _curve(structure: Structure, fixed: Design, locations: Mapping[str, Any], deviations: Mapping[str, Any]) -> Any:
    """(unit, question, contrast) eta of the theory: sensitivity x difference in value, plus the intercept.

    Of a long grid it is that of classes of answers; of a sparse design (1, row, contrast).
    """
    theory, blocks, asked = theories.get(structure.theory), [], []
    away = fixed.leaves_status_quo
    for condition in range(structure.conditions):
        own = {name: locations[name][condition] + deviations[name] for name in locations}
        if structure.sparse:
            places = np.flatnonzero(fixed.condition[fixed.question] == condition)
            questions = fixed.question[places]
            offered: Table | Direct = fixed.direct.of(questions)
            here = {name: value[fixed.unit[places]][None, :] for name, value in own.items()}
        else:
            places = np.flatnonzero(fixed.condition == condition)
            questions, offered = places, fixed.table.of(places)
            here = {name: value[:, None] for name, value in own.items()}
        natural = theory.natural(pt, {p.name: here[p.name] for p in theory.parameters})
        eta = compared(offered, pt, theory, natural, thresholds=structure.thresholds)
        if structure.sensitive:
            unit = fixed.sensitivity_unit[questions][0]
            eta = unit * sensitivity(pt, here["sensitivity"], structure.noise_floor)[:, :, None] * eta
        put_together = censored.log_odds if structure.thresholds else answer_classes.log_odds
        eta = put_together(pt, eta, fixed.classes)
        if structure.intercept:
            eta = eta + here["response_intercept"][:, :, None] * (away[:-1] - away[-1])[None, None, :]
        blocks.append(eta)
        asked.append(places)
    if len(blocks) == 1:
        return blocks[0]
    joined = pt.concatenate(blocks, axis=1)
    back = np.argsort(np.concatenate(asked))
    return joined if (back == np.arange(len(back))).all() else joined[:, back]


def coords(structure: Structure, data: ChoiceData) -> dict[str, Any]:
    """Names of the model's dimensions."""
    named: dict[str, Any] = {
        "condition": list(data.conditions),
        "unit": list(data.units),
        "question": list(data.questions),
        "contrast": list(data.options[:-1]),
        "label_set": list(data.label_sets) if structure.position else [""],
    }
    if structure.regressors:
        named["attribute"] = list(data.regressors)
    if structure.wordings:
        named["wording_contrast"] = list(data.wordings[:-1])
    if structure.prompts_sampled:
        named["cell"] = [str(cell) for cell in range(structure.cells)]
    return named


def location(
    name: str, mean: float, sd: float, conditions: int, start: Any, common: Any, *, alike: bool = False
) -> Any:
    """(condition,) locations, each with the same prior, in coordinates of the first and its contrasts; one for all
    conditions where they are `alike`.

    A deviation of the unit that all conditions share makes the locations strongly correlated; their contrasts
    are not. `common` is what the wordings at hand happen to share: the answers tell the location only together with
    it, so that the sum is sampled and returned, and the location reported.
    """
    prior = pm.Normal.dist(mean, sd)
    if isinstance(common, float):
        first = pm.Normal(f"{name}_first", mean, sd, initval=start)
    else:
        first = pm.Flat(f"{name}_first", initval=start)
        pm.Potential(f"{name}_first_prior", pm.logp(prior, first - common))
    locations = first[None]
    if conditions > 1 and alike:
        locations = pt.tile(locations, conditions)
    elif conditions > 1:
        contrast = pm.Flat(f"{name}_contrast", shape=conditions - 1)
        others = first + contrast
        pm.Potential(f"{name}_prior", pm.logp(prior, others - common).sum())
        locations = pt.concatenate([locations, others])
    pm.Deterministic(f"{name}_coordinate", locations - common, dims="condition")
    return locations


def crossed(name: str, way: str, count: int, sd: float, data: Mapping[str, Any]) -> tuple[Any, Any]:
    """Effects of n crossed wordings (or another `way`) ~ Normal(0, sd), as their mean and the (n,) deviations from it.

    The two are independent, with sds of sd / sqrt(n) and sd: apart, neither trades off against the other ways.
    """
    spread = pm.HalfNormal(f"{name}_{way}_sd", sd, initval=data[f"start_{name}_{way}_sd"])
    free = effect(f"{name}_{way}", spread, data, dims=(f"{way}_contrast",))
    mean = pm.Normal(f"{name}_{way}_mean", 0.0, 1.0) * spread / np.sqrt(count)
    return mean, pt.dot(contrasts(count), free)


def _deviation(name: str, first: Any, sd: float, structure: Structure, data: Mapping[str, Any]) -> Any:
    """(unit,) deviations from the location, and what they are regressed on; zero where there is a single unit."""
    if structure.units == 1:
        return pt.zeros(1)
    spread = pm.HalfNormal(f"{name}_sd", sd, initval=data[f"start_{name}_sd"])
    if not structure.regressors:
        return effect(name, spread, data, dims=("unit",), around=first)
    slope = pm.Normal(f"{name}_slope", 0.0, slope_sd(sd), dims="attribute", initval=data[f"start_{name}_slope"])
    shift = pt.dot(data["regressed"], slope)
    return shift + effect(name, spread, data, dims=("unit",), around=first + shift)


def slope_sd(spread: float) -> float:
    """Prior sd of a slope on a coordinate whose sd over units is half-normal with scale `spread`."""
    return priors.prior("common", "slope").sd * spread


def spreads(structure: Structure) -> dict[str, float]:
    """Coordinate -> scale of the half-normal prior of its sd over units."""
    return {name: spread for name, (_, _, spread) in _coordinates(structure).items()}


def effect(name: str, sd: Any, data: Mapping[str, Any], *, dims: tuple[str, ...], around: Any = 0.0) -> Any:
    """Deviations ~ Normal(0, sd), centred around `around` (weight w = 1) or not centred (w = 0).

        raw ~ Normal(w m, sd^w),   deviation = sd^(1-w) (raw - w m)

    The data decide (see `geometry`), and since w is data nothing is compiled anew (Papaspiliopoulos, Roberts &
    Skold 2007, doi:10.1214/088342307000000014).
    """
    weight = data[f"centring_{name}"]
    raw = pm.Normal(f"{name}_raw", weight * around, sd**weight, dims=dims, initval=data[f"start_{name}_raw"])
    return sd ** (1.0 - weight) * (raw - weight * around)


def slots(position: np.ndarray, label_set: np.ndarray, data: Mapping[str, Any]) -> Any:
    """(row, contrast) difference between the constants of the displayed positions, per label set.

    The constants sum to zero; with two options they are +b/2 and -b/2.
    """
    prior = priors.prior("common", "position")
    dims, start = ("label_set", "contrast"), data["start_position_effect"]
    free = pm.Normal("position_effect", prior.mean, prior.sd, dims=dims, initval=start)
    rows, options = position.shape
    # Row by row: which slot constant is added for option k, and which is subtracted for the last option.
    shown = np.eye(options)[position]
    difference = shown[:, :-1] - shown[:, -1:]
    of_free = (difference[:, :, :-1] - difference[:, :, -1:]) / 2.0
    by_set = np.eye(int(label_set.max()) + 1)[label_set]
    loading = by_set[:, None, :, None] * of_free[:, :, None, :]
    return pt.dot(loading.reshape((rows * (options - 1), -1)), free.ravel()).reshape((rows, options - 1))


def _lapse(data: Mapping[str, Any]) -> Any:
    given = priors.document("common")["parameters"]["lapse"]
    return pm.Beta("lapse", given["alpha"], given["beta"], initval=data["start_lapse"])
