"""How informative the data are about each unit, so whether its effects are sampled centred, and where to start.

One Gauss-Newton step from the pooled optimum gives every unit a rough deviation and a standard error. Where
deviations are large against their errors the effect is centred (weight 1); where they are all noise, or where
single questions off the curve leave the location itself uncertain, it is not (weight 0). The weight changes the
sampler's coordinates and never the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from replicator import theories
from replicator.inference import answer_classes, censored
from replicator.inference.data import ChoiceData
from replicator.inference.structure import DEGREES_OF_FREEDOM, Structure, contrasts
from replicator.inference.tabulation import Direct, compared
from replicator.theories import noise as noises
from replicator.theories.theory import Theory

_STEP = 1e-4

_ROUNDS = 6
"""Of Gauss-Newton steps from where every persona stands."""

_ROUNDS_OF_PEOPLE = 4
"""The same of people who chose."""

_PULL = 0.03
"""Of the prior's centre on the pooled optimum, so that it exists where the data say nothing. The theory's parameters of
counts, whose errors of sampling are known, are pulled with one over their prior sd."""

_NUDGE = 1e-4

_FLOOR = 0.05
"""Least residual sd of exact log odds."""

_CLEAR = 4.0
"""Log likelihood ratio of the spread that is seen against none, from which effects are centred: centred effects of
units that may not differ at all are a funnel. The variance of four units must be 5.3 times that of their errors, of
fifty 1.7 times."""

_OFF = 4.0
"""Variance of questions' misfit, in variances of its error, from which it is centred: the rough curve is that of one
agent, with one sensitivity in all conditions, and what that gets wrong looks like misfit."""

WIDTH = DEGREES_OF_FREEDOM / (DEGREES_OF_FREEDOM - 2.0)
"""Variance of a Student-t over its squared scale: what the mean of residuals inherits."""

_LEAST_SCALE = 0.02
"""At which a scale starts at least."""

_TOGETHER = 1 / 3
"""Variance of a location that misfit of the items brings, against that of a mean over units, above which the units'
effects are not centred: with a seventh centred effects mix, with four fifths they no longer do."""


@dataclass(frozen=True)
class Geometry:
    """How the sampler walks: which effects are centred, and where it starts."""

    centring: dict[str, np.ndarray]
    """Effect -> 1 (centred) or 0 (not centred); of cells one for each."""
    start: dict[str, np.ndarray]
    """Variable of the builder -> its starting value: the pooled optimum, and rough deviations around it."""


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
    asked, observed, weight = _pooled(data)
    pull = np.full(len(start), _PULL)
    if data.kind == "counts":
        pull[: len(theory.parameters)] = [1.0 / p.prior.sd for p in theory.parameters]

    def residuals(theta: np.ndarray) -> np.ndarray:
        misfit = np.sqrt(weight) * (observed - predict(theta)[asked])
        return np.concatenate([misfit.ravel(), pull * (theta - start)])

    best = _optimum(residuals, start, [p.prior.sd for p in theory.parameters])
    if structure.wordings and data.kind == "probabilities":
        return _crossed(structure, data, predict, best, names)
    fitted = predict(best)
    walk = _at(best, names)
    off = _by_question(data, asked, weight * (observed - fitted[asked])) / _by_question(data, asked, weight)
    left, precision = _by_row(data, fitted + off if structure.item_misfit else fitted)
    if structure.position:
        walk.start["position_effect"] = _position(data, left)
        left = left - _shown_first(data, walk.start["position_effect"])
    if not structure.curve_seen:
        return _people(structure, data, predict, best, names, off, walk)
    slopes = np.stack([(predict(best + _STEP * e) - fitted) / _STEP for e in np.eye(len(best))[: len(names)]], axis=-1)
    misfit = 0.0
    answered = precision
    if structure.units > 1:
        found, precision = _units(structure, data, slopes[data.question], left, precision)
    if structure.item_misfit:
        error_of_question = float(np.mean(1.0 / _by_question(data, data.question, precision)))
        misfit = max(float(np.mean(off**2)) - error_of_question, 0.0)
        _add_misfit(walk, fitted, off, error_of_question)
    if structure.units > 1:
        moved = _moved(slopes, misfit)
        for i, name in enumerate(names):
            deviation, error = found[0]
            shift = _regressed(walk, name, data, deviation[:, i])
            spread = float(np.var(deviation[:, i] - shift, ddof=1))
            # What the items' misfit does to the location, it does to all centred effects at once.
            together = moved[i] > _TOGETHER * spread / structure.units
            add_effect(
                walk, name, best[i] + shift, deviation[:, i] - shift, error[:, i], np.inf if together else _CLEAR
            )
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


def _crossed(
    structure: Structure,
    data: ChoiceData,
    predict: Callable[[np.ndarray], np.ndarray],
    best: np.ndarray,
    names: list[str],
) -> Geometry:
    """The geometry of personas crossed with wordings that answer with exact probabilities.

    Personas differ by more than one step from their average can tell: to that step, unlike persons on a curve look
    like one whose every question is off it. A few Gauss-Newton steps from where each of them stands find both.
    """
    size, ways = len(names), [(data.unit, len(data.units)), (data.wording, len(data.wordings))]
    here = _placed(data, predict, best, [np.zeros((count, size)) for _, count in ways])
    for _ in range(_ROUNDS):
        precision = _exact_precision(here.left)
        everybody, _ = _step(np.zeros_like(data.unit), 1, here.slopes, here.left, precision)
        found, _ = _steps(ways, here.slopes[..., :size], here.left - here.slopes @ everybody[0], precision)
        moved = [effect + np.clip(step, -1.0, 1.0) for effect, (step, _) in zip(here.effects, found, strict=True)]
        centre = here.centre + np.clip(everybody[0], -1.0, 1.0)
        centre[:size] += sum(effect.mean(axis=0) for effect in moved)
        there = _placed(data, predict, centre, [effect - effect.mean(axis=0) for effect in moved])
        if not np.abs(there.left).mean() < np.abs(here.left).mean():
            break  # as far as steps lead; further ones may be beyond what a theory can value
        here = there
    best, effects, left = here.centre, here.effects, here.left
    repeated = np.bincount(data.question, minlength=len(data.questions))[:, None]
    off = _by_question(data, data.question, left) / repeated
    rest = left - off[data.question] if structure.item_misfit else left
    precision = _exact_precision(rest)
    errors = [error for _, error in _steps(ways, here.slopes[..., :size], rest, precision)[0]]
    walk = _at(best, names)
    walk.start["residual"] = scale_start(1.0 / float(precision.mean()) / WIDTH)
    if structure.item_misfit:
        error_of_question = float(np.mean(1.0 / (precision[0, 0] * repeated)))
        _add_misfit(walk, here.curves.mean(axis=0), off, error_of_question)
    for i, name in enumerate(names):
        shift = _regressed(walk, name, data, effects[0][:, i])
        add_effect(walk, name, best[i] + shift, effects[0][:, i] - shift, errors[0][:, i])
        add_effect(walk, f"{name}_wording", None, effects[1][:, i], errors[1][:, i])
    return nudged(walk)


def _people(
    structure: Structure,
    data: ChoiceData,
    predict: Callable[[np.ndarray], np.ndarray],
    best: np.ndarray,
    names: list[str],
    off: np.ndarray,
    walk: Geometry,
) -> Geometry:
    """The geometry of people who chose, from the pooled optimum `best`, (q, contrast) rough misfit `off` and position
    effects on.

    Each takes a few Fisher scoring steps from where they stand: with many answers each, what one step from the average
    gets wrong is large against the errors, and people who are alike would look different.
    """
    size = len(names)
    shown = _shown_first(data, walk.start["position_effect"]) if structure.position else np.zeros((len(data.unit), 1))
    rows_of = [np.flatnonzero(data.unit == unit) for unit in range(structure.units)]
    deviation, error = np.zeros((2, structure.units, size))
    off = off * structure.item_misfit
    for _ in range(_ROUNDS_OF_PEOPLE):
        left, precision = np.zeros((2, len(data.unit), len(data.options) - 1))
        for unit, rows in enumerate(rows_of):
            at = best + np.pad(deviation[unit], (0, len(best) - size))
            curve, asked = predict(at), data.question[rows]
            slopes = np.stack(
                [(predict(at + step) - curve) / _STEP for step in _STEP * np.eye(len(best))[:size]], axis=-1
            )
            left[rows], precision[rows] = _working(data.counts[rows], curve[asked] + off[asked] + shown[rows])
            columns, weight = slopes[asked].reshape(-1, size), precision[rows].reshape(-1, 1)
            inverse = np.linalg.inv(columns.T @ (weight * columns) + np.eye(size))
            aim = inverse @ columns.T @ (weight * left[rows].reshape(-1, 1)).ravel() - inverse @ deviation[unit]
            deviation[unit] += np.clip(aim, -1.0, 1.0)
            error[unit] = np.diag(inverse)
        if structure.item_misfit:
            off = off + _by_question(data, data.question, precision * left) / _by_question(
                data, data.question, precision
            )
    best = best + np.pad(deviation.mean(axis=0), (0, len(best) - size))
    walk = Geometry(walk.centring, walk.start | _at(best, names).start)
    if structure.item_misfit:
        error_of_question = float(np.mean(1.0 / _by_question(data, data.question, precision)))
        _add_misfit(walk, np.zeros_like(off), off, error_of_question)
    for i, name in enumerate(names):
        apart = deviation[:, i] - deviation[:, i].mean()
        shift = _regressed(walk, name, data, apart)
        add_effect(walk, name, best[i] + shift, apart - shift, error[:, i])
    return nudged(walk)


def _at(best: np.ndarray, names: list[str]) -> Geometry:
    """From the optimum of the coordinates `names`, with the logit of the lapse last, on."""
    start = {f"{name}_first": np.array(best[i]) for i, name in enumerate(names)}
    return Geometry({}, start | {"lapse": np.array(np.clip(special.expit(best[-1]), 1e-6, 0.1))})


def _add_misfit(walk: Geometry, curve: np.ndarray, off: np.ndarray, error: float) -> None:
    """Questions lie `off` a (q, contrast) curve, with an error of this variance; where the sampler does not centre
    around the curve, it is zero."""
    spread = float(np.mean(off**2))
    walk.centring["item_misfit"] = np.array(float(spread > _OFF * error))
    walk.start["item_misfit_raw"] = walk.centring["item_misfit"] * (curve + off)
    walk.start["item_misfit_sd"] = scale_start(spread - error)


def _regressed(walk: Geometry, name: str, data: ChoiceData, deviation: np.ndarray) -> np.ndarray:
    """(unit,) what attributes tell of rough (unit,) deviations, by least squares; zero without a regression."""
    if not data.regressors:
        return np.zeros_like(deviation)
    columns = np.column_stack([np.ones(len(deviation)), data.regressed])
    slopes = np.linalg.lstsq(columns, deviation, rcond=None)[0][1:]
    walk.start[f"{name}_slope"] = slopes
    return np.asarray(data.regressed @ slopes)


def add_effect(
    walk: Geometry,
    name: str,
    centre: np.ndarray | None,
    deviation: np.ndarray,
    error: np.ndarray,
    clear: float = _CLEAR,
) -> None:
    """Rough (unit,) deviations from (unit,) centres, with the variance of each; without a centre they are those of
    crossed wordings, which sum to zero."""
    spread, noise = float(np.var(deviation, ddof=1)), float(error.mean())
    weight = walk.centring[name] = _weight(spread, noise, len(deviation), clear)
    walk.start[f"{name}_sd"] = scale_start(spread - noise)
    walk.start[f"{name}_raw"] = weight * (
        contrasts(len(deviation)).T @ deviation if centre is None else centre + deviation
    )


def nudged(walk: Geometry) -> Geometry:
    """A hair off the optimum: the sampler takes its first scales from the gradient, which must not be exactly zero."""
    nudge = np.random.default_rng(1)
    return Geometry(walk.centring, {k: value + _NUDGE * nudge.random(value.shape) for k, value in walk.start.items()})


@dataclass(frozen=True)
class _Placed:
    """Where personas and wordings stand, and what is left of their answers there."""

    centre: np.ndarray
    """Coordinates that all share, lapse included."""
    effects: list[np.ndarray]
    """(persona, coordinate) and (wording, coordinate)."""
    curves: np.ndarray
    """(persona x wording, q, contrast)"""
    left: np.ndarray
    """(row, contrast)"""
    slopes: np.ndarray
    """(row, contrast, coordinate)"""


def _placed(
    data: ChoiceData, predict: Callable[[np.ndarray], np.ndarray], centre: np.ndarray, effects: list[np.ndarray]
) -> _Placed:
    pair = data.unit * len(data.wordings) + data.wording
    each = (effects[0][:, None, :] + effects[1][None, :, :]).reshape(-1, effects[0].shape[1])
    agents = centre + np.pad(each, ((0, 0), (0, len(centre) - each.shape[1])))
    with np.errstate(all="ignore"):
        curves = np.array([predict(theta) for theta in agents])
        moved = [np.array([predict(theta + step) for theta in agents]) for step in _STEP * np.eye(len(centre))]
        slopes = np.stack([(curve - curves) / _STEP for curve in moved], axis=-1)[pair, data.question]
    return _Placed(centre, effects, curves, data.logits - curves[pair, data.question], slopes)


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
            eta = unit[:, None] * np.exp(theta[count]) * eta
        eta = put_together(np, eta, data.classes)
        if structure.intercept:
            eta = eta + theta[count + 1] * (away[:-1] - away[-1])
        return np.asarray(noises.lapsed(np, eta, special.expit(theta[-1]), structure.options, sizes))

    return predict


def _pooled(data: ChoiceData) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Questions (r,), observed logits (r, contrast) and their weights, for one agent.

    Exact probabilities stand row by row; counts are summed by question and smoothed by half an answer an option.
    """
    if data.kind == "probabilities":
        return data.question, data.logits, np.ones_like(data.logits)
    total = _by_question(data, data.question, data.counts)
    smooth = total + 0.5
    return np.arange(len(total)), smoothed(total), 1.0 / (1.0 / smooth[:, :-1] + 1.0 / smooth[:, -1:])


def smoothed(counts: np.ndarray) -> np.ndarray:
    """(row, contrast) log odds of counts, with half an answer more of every option."""
    return np.asarray(np.log(counts[:, :-1] + 0.5) - np.log(counts[:, -1:] + 0.5))


def _by_row(data: ChoiceData, curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(row, contrast) residuals around a (q, contrast) curve, and their precisions."""
    if data.kind == "probabilities":
        left = data.logits - curve[data.question]
        return left, _exact_precision(left)
    return _working(data.counts, curve[data.question])


def _working(counts: np.ndarray, here: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(row, contrast) working residuals of (row, k) counts around (row, contrast) log odds, and their precisions.

    Those of one Fisher scoring step: (k - n p) / (n p (1 - p)) with precision n p (1 - p).
    """
    pair = counts[:, :-1] + counts[:, -1:]
    p = special.expit(here)
    precision = np.maximum(pair * p * (1.0 - p), 1e-9)
    return (counts[:, :-1] - pair * p) / precision, precision


def _by_question(data: ChoiceData, question: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(q, column) sum of (row, column) values."""
    total = np.zeros((len(data.questions), rows.shape[1]))
    np.add.at(total, question, rows)
    return total


def _position(data: ChoiceData, left: np.ndarray) -> np.ndarray:
    """(label set, contrast) rough position effects: the mean residual of the first option where it is shown first,
    and of the opposite sign where it is not. With more than two options the start is zero."""
    found = np.zeros((len(data.label_sets), left.shape[1]))
    if left.shape[1] == 1 and data.position is not None:
        first = data.position[:, 0] == 0
        for label in range(len(data.label_sets)):
            here = data.label_set == label
            if (here & first).any() and (here & ~first).any():
                found[label, 0] = (left[here & first].mean() - left[here & ~first].mean()) / 2.0
    return found


def _shown_first(data: ChoiceData, effect: np.ndarray) -> np.ndarray:
    """(row, contrast) what rough position effects add to the log odds; zero with more than two options."""
    if data.position is None or effect.shape[1] > 1:
        return np.zeros((len(data.question), 1))
    return np.asarray(np.where(data.position[:, :1] == 0, 1.0, -1.0) * effect[data.label_set])


def _units(
    structure: Structure, data: ChoiceData, slopes: np.ndarray, left: np.ndarray, precision: np.ndarray
) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """(unit, coordinate) deviations and their variances, the wordings' too where units are crossed with them, and the
    (row, contrast) precision without them.

    `slopes` is (row, contrast, coordinate). The first step's residuals still hold the deviations that it finds; without
    them, a second step knows how much is error: all of it for exact answers, what sampling leaves over for counts.
    """
    ways = [(data.unit, len(data.units))] + ([(data.wording, len(data.wordings))] if data.wordings else [])
    found, rest = _steps(ways, slopes, left, precision)
    if data.kind == "probabilities" or structure.cells:
        if data.kind == "probabilities":
            precision = _exact_precision(rest)
        else:
            precision = 1.0 / (1.0 / precision + max(_excess(rest, precision), _FLOOR**2))
        found, _ = _steps(ways, slopes, left, precision)
    return found, precision


def _steps(
    ways: list[tuple[np.ndarray, int]], slopes: np.ndarray, left: np.ndarray, precision: np.ndarray
) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """One step for every way of grouping the rows, each from what the one before it left; and what is left at last."""
    found = []
    for group, count in ways:
        deviation, error = _step(group, count, slopes, left, precision)
        left = left - np.einsum("rcj,rj->rc", slopes, deviation[group])
        found.append((deviation, error))
    return found, left


def _exact_precision(left: np.ndarray) -> np.ndarray:
    """(row, contrast) precision of exact answers, alike for all, from what is left of them."""
    return np.full_like(left, 1.0 / (WIDTH * max(_scale(left), _FLOOR) ** 2))


def _excess(rest: np.ndarray, precision: np.ndarray) -> float:
    """Variance of residuals beyond that of sampling: what Pearson's chi squared has over its expectation."""
    return float((precision * rest**2 - 1.0).sum() / precision.sum())


def _step(
    group: np.ndarray, count: int, slopes: np.ndarray, left: np.ndarray, precision: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(unit, coordinate) deviations of one weighted least-squares step, and their variances."""
    size = slopes.shape[-1]
    deviations, errors = np.zeros((2, count, size))
    for unit in range(count):
        rows = group == unit
        columns = slopes[rows].reshape(-1, size)
        weight = precision[rows].reshape(-1)
        inverse = np.linalg.inv(columns.T @ (weight[:, None] * columns) + np.eye(size))
        deviations[unit] = inverse @ (columns.T @ (weight * left[rows].reshape(-1)))
        errors[unit] = np.diag(inverse)
    return deviations, errors


def _scale(left: np.ndarray) -> float:
    """Robust standard deviation of residuals around zero."""
    return float(np.median(np.abs(left)) / 0.6745)


def _moved(slopes: np.ndarray, misfit: float) -> np.ndarray:
    """(coordinate,) variance that item misfit of variance `misfit` gives the locations.

    `slopes` is (q, contrast, coordinate).
    """
    columns = slopes.reshape(-1, slopes.shape[-1])
    size = columns.shape[1]
    if misfit == 0.0:
        return np.zeros(size)
    return np.asarray(np.diag(np.linalg.inv(columns.T @ columns / misfit + np.eye(size))))


def scale_start(variance: float) -> np.ndarray:
    """Where a scale starts: at the rough standard deviation, but not at zero.

    From a scale that starts much too large, deviations take over what the theory should explain, and no way leads back.
    """
    return np.array(np.sqrt(max(variance, _LEAST_SCALE**2)))


def _weight(spread: float, error: float, count: int, clear: float = _CLEAR) -> np.ndarray:
    """1 where the observed spread of `count` effects is surely not error alone, else 0.

    With F = spread / error of normal effects, the log likelihood ratio of their best sd against none is

        (count - 1) / 2 (F - 1 - log F)

    Weights between would couple the raw effects to their sd wherever the location is far from zero.
    """
    ratio = max(spread / error, 1.0)
    return np.array(float((count - 1) / 2.0 * (ratio - 1.0 - np.log(ratio)) > clear))
