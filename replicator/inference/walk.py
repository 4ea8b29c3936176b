"""How the sampler walks through a posterior: from where, and in which coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from replicator.inference.data import ChoiceData
from replicator.inference.structure import DEGREES_OF_FREEDOM, contrasts

_NUDGE = 1e-4

CLEAR = 4.0
"""Log likelihood ratio of the spread that is seen against none, from which effects are centred: centred effects of
units that may not differ at all are a funnel. The variance of four units must be 5.3 times that of their errors, of
fifty 1.7 times."""

_OFF = 4.0
"""Variance of questions' misfit, in variances of its error, from which it is centred: the rough curve is that of one
agent, with one sensitivity in all conditions, and what that gets wrong looks like misfit."""

WIDTH = DEGREES_OF_FREEDOM / (DEGREES_OF_FREEDOM - 2.0)
"""Variance of a Student-t over its squared scale: what the mean of residuals inherits."""

_ROUNDS = 20
"""Of Fisher scoring for the variance of questions' misfit."""

_LEAST_SCALE = 0.02
"""At which a scale starts at least."""


@dataclass(frozen=True)
class Geometry:
    """How the sampler walks: which effects are centred, and where it starts."""

    centring: dict[str, np.ndarray]
    """Effect -> 1 (centred) or 0 (not centred); of cells one for each."""
    start: dict[str, np.ndarray]
    """Variable of the builder -> its starting value: the pooled optimum, and rough deviations around it."""


def standing_at(best: np.ndarray, names: list[str]) -> Geometry:
    """From the optimum of the coordinates `names`, with the logit of the lapse last, on."""
    start = {f"{name}_first": np.array(best[i]) for i, name in enumerate(names)}
    return Geometry({}, start | {"lapse": np.array(np.clip(special.expit(best[-1]), 1e-6, 0.1))})


def add_effect(
    walk: Geometry,
    name: str,
    centre: np.ndarray | None,
    deviation: np.ndarray,
    error: np.ndarray,
    clear: float = CLEAR,
) -> None:
    """Rough (unit,) deviations from (unit,) centres, with the variance of each; without a centre they are those of
    crossed wordings, which sum to zero."""
    spread, noise = float(np.var(deviation, ddof=1)), float(error.mean())
    weight = walk.centring[name] = _weight(spread, noise, len(deviation), clear)
    walk.start[f"{name}_sd"] = scale_start(spread - noise)
    walk.start[f"{name}_raw"] = weight * (
        contrasts(len(deviation)).T @ deviation if centre is None else centre + deviation
    )


def add_misfit(walk: Geometry, curve: np.ndarray, off: np.ndarray, error: np.ndarray) -> float:
    """Questions lie `off` a (q, contrast) curve, each with an error of its own variance; where the sampler does not
    centre around the curve, it is zero. The variance of the misfit is returned."""
    variance = _misfit_variance(off, error)
    walk.centring["item_misfit"] = np.array(float(np.mean(off**2 / error) > _OFF))
    walk.start["item_misfit_raw"] = walk.centring["item_misfit"] * (curve + off)
    walk.start["item_misfit_sd"] = scale_start(variance)
    return variance


def _misfit_variance(off: np.ndarray, error: np.ndarray) -> float:
    """Of questions' misfit beyond error, the better known ones counting more: where everybody answers alike, one
    answer more or less lies far off the curve. The likeliest v of off ~ Normal(0, v + error), by Fisher scoring:

        v = sum w (off^2 - error) / sum w,    w = 1 / (v + error)^2
    """
    variance = max(float(np.mean(off**2 - error)), 0.0)
    for _ in range(_ROUNDS):
        variance = max(float(np.average(off**2 - error, weights=(variance + error) ** -2)), 0.0)
    return variance


def regressed(walk: Geometry, name: str, data: ChoiceData, deviation: np.ndarray) -> np.ndarray:
    """(unit,) what attributes tell of rough (unit,) deviations, by least squares; zero without a regression."""
    if not data.regressors:
        return np.zeros_like(deviation)
    columns = np.column_stack([np.ones(len(deviation)), data.regressed])
    slopes = np.linalg.lstsq(columns, deviation, rcond=None)[0][1:]
    walk.start[f"{name}_slope"] = slopes
    return np.asarray(data.regressed @ slopes)


def nudged(walk: Geometry) -> Geometry:
    """A hair off the optimum: the sampler takes its first scales from the gradient, which must not be exactly zero."""
    nudge = np.random.default_rng(1)
    return Geometry(walk.centring, {k: value + _NUDGE * nudge.random(value.shape) for k, value in walk.start.items()})


def scale_start(variance: float) -> np.ndarray:
    """Where a scale starts: at the rough standard deviation, but not at zero.

    From a scale that starts much too large, deviations take over what the theory should explain, and no way leads back.
    """
    return np.array(np.sqrt(max(variance, _LEAST_SCALE**2)))


def _weight(spread: float, error: float, count: int, clear: float = CLEAR) -> np.ndarray:
    """1 where the observed spread of `count` effects is surely not error alone, else 0.

    With F = spread / error of normal effects, the log likelihood ratio of their best sd against none is

        (count - 1) / 2 (F - 1 - log F)

    Weights between would couple the raw effects to their sd wherever the location is far from zero.
    """
    ratio = max(spread / error, 1.0)
    return np.array(float((count - 1) / 2.0 * (ratio - 1.0 - np.log(ratio)) > clear))
