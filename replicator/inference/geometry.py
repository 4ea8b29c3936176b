"""How informative the data are about each unit, so whether its effects are sampled centred, and where to start.

One Gauss-Newton step from the pooled optimum gives every unit a rough deviation and a standard error. Where
deviations are large against their errors the effect is centred (weight 1); where they are all noise, or where
single questions off the curve leave the location itself uncertain, it is not (weight 0). The weight changes the
sampler's coordinates and never the model.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import optimize, special

from replicator import theories
from replicator.inference import answer_classes, censored, people_start, personas_start
from replicator.inference.data import ChoiceData
from replicator.inference.steps import (
    FLOOR,
    STEP,
    by_question,
    by_row,
    exact_precision,
    excess,
    group_steps,
    pooled,
    position_effects,
    shown_first,
    smoothed,
)
from replicator.inference.structure import Structure
from replicator.inference.tabulation import Direct, compared
from replicator.inference.walk import (
    CLEAR,
    WIDTH,
    Geometry,
    add_effect,
    add_misfit,
    nudged,
    regressed,
    scale_start,
    standing_at,
)
from replicator.theories import noise as noises
from replicator.theories.theory import Theory

_PULL = 0.03
"""Of the prior's centre on the pooled optimum, so that it exists where the data say nothing. The theory's parameters of
counts, whose errors of sampling are known, are pulled with one over their prior sd."""

_TOGETHER = 1 / 3
"""Variance of a location that misfit of the items brings, against that of a mean over units, above which the units'
effects are not centred: with a seventh centred effects mix, with four fifths they no longer do."""


def geometry(structure: Structure, data: ChoiceData, *, stake: np.ndarray, sensitivity_unit: np.ndarray) -> Geometry:
    """The coordinates and the starting point that these data call for."""
    theory = theories.get(structure.theory)
    names = [p.name for p in theory.parameters]
    if structure.sensitive:
        names.append("sensitivity")
    if structure.intercept:
        names.append("response_intercept")
    predict = _predictor(structure, data, theory, stake, sensitivity_unit)
    start = np.zeros(len(names) + 1)
    start[: len(theory.parameters)] = [p.prior.mean for p in theory.parameters]
    if structure.sensitive and structure.noise != "logit":
        start[len(theory.parameters)] = np.log(10.0)
    start[-1] = np.log(0.02 / 0.98)
    asked, observed, weight = pooled(data)
    pull = np.full(len(start), _PULL)
    if data.kind == "counts":
        pull[: len(theory.parameters)] = [1.0 / p.prior.sd for p in theory.parameters]

    def residuals(theta: np.ndarray) -> np.ndarray:
        misfit = np.sqrt(weight) * (observed - predict(theta)[asked])
        return np.concatenate([misfit.ravel(), pull * (theta - start)])

    best = _optimum(residuals, start, [p.prior.sd for p in theory.parameters])
    if structure.wordings and data.kind == "probabilities":
        return personas_start.of_crossed_personas(structure, data, predict, best, names)
    fitted = predict(best)
    walk = standing_at(best, names)
    off = by_question(data, asked, weight * (observed - fitted[asked])) / by_question(data, asked, weight)
    left, precision = by_row(data, fitted + off if structure.item_misfit else fitted)
    if structure.position:
        walk.start["position_effect"] = position_effects(data, left)
        left = left - shown_first(data, walk.start["position_effect"])
    if not structure.curve_seen:
        return people_start.of_people(structure, data, predict, best, names, off, walk)
    slopes = np.stack([(predict(best + STEP * e) - fitted) / STEP for e in np.eye(len(best))[: len(names)]], axis=-1)
    misfit = 0.0
    answered = precision
    if structure.units > 1:
        found, precision = _units(structure, data, slopes[data.question], left, precision)
    if structure.item_misfit:
        # All alike: what one sensitivity in all conditions gets wrong would else be misfit of the best-known question.
        error = np.full_like(off, np.mean(1.0 / by_question(data, data.question, precision)))
        misfit = add_misfit(walk, fitted, off, error)
    if structure.units > 1:
        moved = _moved(slopes, misfit)
        for i, name in enumerate(names):
            deviation, error = found[0]
            shift = regressed(walk, name, data, deviation[:, i])
            spread = float(np.var(deviation[:, i] - shift, ddof=1))
            # What the items' misfit does to the location, it does to all centred effects at once.
            together = moved[i] > _TOGETHER * spread / structure.units
            add_effect(walk, name, best[i] + shift, deviation[:, i] - shift, error[:, i], np.inf if together else CLEAR)
            for apart, noise in found[1:]:
                add_effect(walk, f"{name}_wording", None, apart[:, i], noise[:, i])
    if data.kind == "probabilities":
        walk.start["residual"] = scale_start(1.0 / float(precision.mean()) / WIDTH)
    if structure.cells:
        scatter = float(np.mean(1.0 / precision - 1.0 / answered))
        walk.start["residual"] = scale_start(scatter / WIDTH)
        if structure.prompts_sampled:
            walk.centring["cell"] = (answered * scatter > 1.0).astype(float)
            walk.start["cell_raw"] = walk.centring["cell"] * smoothed(data.counts)
    return nudged(walk)


def _units(
    structure: Structure, data: ChoiceData, slopes: np.ndarray, left: np.ndarray, precision: np.ndarray
) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """(unit, coordinate) deviations and their variances, the wordings' too where units are crossed with them, and the
    (row, contrast) precision without them.

    `slopes` is (row, contrast, coordinate). The first step's residuals still hold the deviations that it finds; without
    them, a second step knows how much is error: all of it for exact answers, what sampling leaves over for counts.
    """
    ways = [(data.unit, len(data.units))] + ([(data.wording, len(data.wordings))] if data.wordings else [])
    found, rest = group_steps(ways, slopes, left, precision)
    if data.kind == "probabilities" or structure.cells:
        if data.kind == "probabilities":
            precision = exact_precision(rest)
        else:
            precision = 1.0 / (1.0 / precision + max(excess(rest, precision), FLOOR**2))
        found, _ = group_steps(ways, slopes, left, precision)
    return found, precision


def _moved(slopes: np.ndarray, misfit: float) -> np.ndarray:
    """(coordinate,) variance that item misfit of variance `misfit` gives the locations.

    `slopes` is (q, contrast, coordinate).
    """
    columns = slopes.reshape(-1, slopes.shape[-1])
    size = columns.shape[1]
    if misfit == 0.0:
        return np.zeros(size)
    return np.asarray(np.diag(np.linalg.inv(columns.T @ columns / misfit + np.eye(size))))


def _optimum(residuals: Callable[[np.ndarray], np.ndarray], start: np.ndarray, sds: list[float]) -> np.ndarray:
    """The best of the optima that are reached from the prior's centre and from one and a half sd either side of it.

    A likelihood that is flat far away (utility of nothing, where risk aversion is one or more) has several.
    """
    starts = [start]
    for i, sd in enumerate(sds):
        for side in (-1.5, 1.5):
            other = start.copy()
            other[i] += side * sd
            starts.append(other)
    found = [optimize.least_squares(residuals, one, loss="soft_l1", max_nfev=200) for one in starts]
    return np.asarray(min(found, key=lambda result: float(result.cost)).x)


def _predictor(
    structure: Structure, data: ChoiceData, theory: Theory, stake: np.ndarray, unit: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """theta -> (q, contrast) log odds of one agent: coordinates, log sensitivity, intercept, logit of lapse."""
    count = len(theory.parameters)
    away = 1.0 - data.status_quo.astype(float)
    design = Direct(structure.noise, data.stimuli, stake)
    sizes = answer_classes.sizes(data.classes)
    put_together = censored.log_odds if structure.thresholds else answer_classes.log_odds

    def predict(theta: np.ndarray) -> np.ndarray:
        coordinates = {p.name: np.full((1, 1), theta[i]) for i, p in enumerate(theory.parameters)}
        natural = theory.natural(np, coordinates)
        eta = np.asarray(compared(design, np, theory, natural, thresholds=structure.thresholds))
        eta = eta.reshape((-1, eta.shape[-1]))
        if structure.sensitive:
            eta = unit[:, None] * noises.sensitivity(np, theta[count], structure.noise_floor) * eta
        eta = put_together(np, eta, data.classes)
        if structure.intercept:
            eta = eta + theta[count + 1] * (away[:-1] - away[-1])
        return np.asarray(noises.lapsed(np, eta, special.expit(theta[-1]), structure.options, sizes))

    return predict
