"""Choices made by the model of `docs/estimation.md`, written in numpy from its equations and not from the builder.

A truth is everything that the model says an agent, or a population of them, is made of. It is drawn from the priors
of the fits, or put together by hand, and answers a design. What the builder computes from tables, over a graph and in
the sampler's coordinates is computed here option by option, so that fits of these answers check it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from replicator import theories
from replicator.inference import answer_classes
from replicator.inference.data import LOGIT_LIMIT, ChoiceData
from replicator.inference.structure import DEGREES_OF_FREEDOM, Structure
from replicator.inference.tabulation import sensitivity_unit, stake
from replicator.theories import noise as noises
from replicator.theories import priors

_NEVER = 1e-300
"""Probability of a threshold that nobody names, so that it has a logarithm."""


@dataclass(frozen=True)
class Truth:
    """Coordinates are unconstrained; their names are the theory's parameters, "sensitivity" (a logarithm) and perhaps
    "response_intercept"."""

    location: Mapping[str, np.ndarray]
    """Coordinate -> (condition,) where the population stands."""
    spread: Mapping[str, float]
    """Coordinate -> sd between units; empty where there is one unit."""
    deviation: Mapping[str, np.ndarray]
    """Coordinate -> (unit,) what each unit differs by, in all conditions."""
    lapse: float
    position: np.ndarray
    """(label set, contrast) constants of the displayed positions but the last, doubled: b where option 1 first adds b/2
    to its log odds and b/2 is taken off where it is last."""
    misfit_sd: float
    misfit: np.ndarray
    """(question, contrast) log odds by which the question lies off the curve."""
    residual: float
    """Scale of the Student-t of a prompt's log odds, without its floor."""


def usual(structure: Structure) -> dict[str, tuple[float, float, float]]:
    """Coordinate -> mean and sd of the location's prior, and scale of the half-normal prior of its sd over units.

    The units' own parameters may lie as far apart as the prior of the location is wide.
    """
    found = {p.name: (p.prior.mean, p.prior.sd, p.prior.sd) for p in theories.get(structure.theory).parameters}
    if structure.sensitive:
        sensitivity = priors.prior("common", f"sensitivity_{structure.noise}")
        found["sensitivity"] = (sensitivity.mean, sensitivity.sd, priors.prior("common", "between_units").sd)
    if structure.intercept:
        intercept = priors.prior("common", "response_intercept")
        tilt = priors.prior("common", "between_units_tilt").sd
        found["response_intercept"] = (intercept.mean, intercept.sd, tilt)
    return found


def drawn(structure: Structure, rng: np.random.Generator) -> Truth:
    """A truth from the priors of a fit of this structure."""
    common = priors.document("common")["parameters"]
    contrasts = structure.options - 1
    location, spread, deviation = {}, {}, {}
    for name, (mean, sd, scale) in usual(structure).items():
        location[name] = rng.normal(mean, sd, size=structure.conditions)
        deviation[name] = np.zeros(structure.units)
        if structure.units > 1:
            spread[name] = abs(float(rng.normal(0.0, scale)))
            deviation[name] = rng.normal(0.0, spread[name], size=structure.units)
    misfit_sd = abs(float(rng.normal(0.0, common["item_misfit"]["sd"]))) if structure.item_misfit else 0.0
    scattered = structure.likelihood == "probabilities" or structure.cells > 0
    return Truth(
        location=location,
        spread=spread,
        deviation=deviation,
        lapse=float(rng.beta(common["lapse"]["alpha"], common["lapse"]["beta"])),
        position=rng.normal(
            common["position"]["mean"],
            common["position"]["sd"] if structure.position else 0.0,
            size=(structure.label_sets, contrasts),
        ),
        misfit_sd=misfit_sd,
        misfit=rng.normal(0.0, misfit_sd, size=(structure.questions, contrasts)),
        residual=abs(float(rng.normal(0.0, common["residual"]["sd"]))) if scattered else 0.0,
    )


def log_odds(structure: Structure, data: ChoiceData, truth: Truth) -> np.ndarray:
    """(n, k - 1) log odds of every option against the last, before a prompt's own scatter.

        eta        = s_u (V_k - V_K) + intercept_u + slot_k - slot_K
        P          = (1 - lapse) softmax(eta) + lapse / K
        log odds_k = log(P_k / P_K) + misfit_qk

    Of long grids, options are classes of answers: their probability is the sum of their members'. Of thresholds eta is
    log(F(a) - F(a - h)), with logit F(a) = s_u V(a).
    """
    theory = theories.get(structure.theory)
    # (unit, question):
    here = {n: truth.location[n][data.condition][None, :] + truth.deviation[n][:, None] for n in truth.location}
    natural = theory.natural(np, {p.name: here[p.name] for p in theory.parameters})
    each = {p.name: natural[p.name][:, :, None, None] for p in theory.parameters}
    if theory.log_probabilities is not None:
        eta = np.asarray(theory.log_probabilities(np, each, data.stimuli))
    else:
        stakes = stake(data.stimuli, data.condition)
        value = np.asarray(noises.values(np, structure.noise, theory, each, data.stimuli, stake=stakes))
        unit = sensitivity_unit(structure.noise, data.stimuli, data.condition)
        eta = (unit * noises.sensitivity(np, here["sensitivity"], structure.noise_floor))[:, :, None] * value
    if structure.thresholds:
        # The least that is accepted: the offer is, and the one before it is not.
        ends = np.zeros_like(eta[..., :1])
        below = np.concatenate([ends, special.expit(eta[..., :-1]), ends + 1.0], axis=-1)
        eta = np.log(np.maximum(np.diff(below, axis=-1), _NEVER))
    share = answer_classes.sizes(data.classes)
    if share is not None:
        eta = np.log(special.softmax(eta, axis=-1) @ np.eye(structure.options)[data.classes])
    if structure.intercept:
        eta = eta + here["response_intercept"][:, :, None] * (1.0 - data.status_quo.astype(float))
    eta = eta[data.unit, data.question]
    if structure.position:
        assert data.position is not None
        slots = np.column_stack([truth.position, -truth.position.sum(axis=1)]) / 2.0
        eta = eta + slots[data.label_set[:, None], data.position]
    p = (1.0 - truth.lapse) * special.softmax(eta, axis=1)
    p = p + truth.lapse * (1.0 / structure.options if share is None else share)
    return np.asarray(np.log(p[:, :-1] / p[:, -1:]) + truth.misfit[data.question])


def answered(
    structure: Structure, data: ChoiceData, truth: Truth, rng: np.random.Generator, *, answers: int = 1
) -> ChoiceData:
    """The design of `data` with answers: exact probabilities, or so many choices a row, by the structure's likelihood.

    Exact log odds are winsorised as those of models are.
    """
    logits = log_odds(structure, data, truth)
    if structure.likelihood == "probabilities" or structure.cells:
        floor = priors.document("common")["parameters"]["residual"]["floor"]
        logits = logits + (floor + truth.residual) * _student(rng, *logits.shape)
    if structure.likelihood == "probabilities":
        return replace(data, logits=np.clip(logits, -LOGIT_LIMIT, LOGIT_LIMIT))
    p = special.softmax(np.column_stack([logits, np.zeros(len(logits))]), axis=1)
    return replace(data, counts=rng.multinomial(answers, p).astype(float))


def _student(rng: np.random.Generator, rows: int, contrasts: int) -> np.ndarray:
    """(row, contrast) Student-t scatter of log odds against the last option: every option's log probability scatters
    alike, with half of the variance, by as much as the prompt scatters."""
    if contrasts == 1:
        return rng.standard_t(DEGREES_OF_FREEDOM, size=(rows, 1))
    each = np.sqrt(0.5) * rng.normal(size=(rows, contrasts + 1))
    widths = np.sqrt(rng.chisquare(DEGREES_OF_FREEDOM, size=(rows, 1)) / DEGREES_OF_FREEDOM)
    return np.asarray((each[:, :-1] - each[:, -1:]) / widths)
