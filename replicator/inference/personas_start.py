"""Where the sampler starts for personas crossed with wordings that answer with exact probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from replicator.inference.data import ChoiceData
from replicator.inference.steps import STEP, by_question, exact_precision, group_step, group_steps
from replicator.inference.structure import Structure
from replicator.inference.walk import (
    WIDTH,
    Geometry,
    add_effect,
    add_misfit,
    nudged,
    regressed,
    scale_start,
    standing_at,
)

_ROUNDS = 6
"""Of Gauss-Newton steps from where every persona stands."""


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


def of_crossed_personas(
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
        precision = exact_precision(here.left)
        everybody, _ = group_step(np.zeros_like(data.unit), 1, here.slopes, here.left, precision)
        found, _ = group_steps(ways, here.slopes[..., :size], here.left - here.slopes @ everybody[0], precision)
        moved = [effect + np.clip(step, -1.0, 1.0) for effect, (step, _) in zip(here.effects, found, strict=True)]
        centre = here.centre + np.clip(everybody[0], -1.0, 1.0)
        centre[:size] += sum(effect.mean(axis=0) for effect in moved)
        there = _placed(data, predict, centre, [effect - effect.mean(axis=0) for effect in moved])
        if not np.abs(there.left).mean() < np.abs(here.left).mean():
            break  # as far as steps lead; further ones may be beyond what a theory can value
        here = there
    best, effects, left = here.centre, here.effects, here.left
    repeated = np.bincount(data.question, minlength=len(data.questions))[:, None]
    off = by_question(data, data.question, left) / repeated
    rest = left - off[data.question] if structure.item_misfit else left
    precision = exact_precision(rest)
    errors = [error for _, error in group_steps(ways, here.slopes[..., :size], rest, precision)[0]]
    walk = standing_at(best, names)
    walk.start["residual"] = scale_start(1.0 / float(precision.mean()) / WIDTH)
    if structure.item_misfit:
        add_misfit(walk, here.curves.mean(axis=0), off, 1.0 / by_question(data, data.question, precision))
    for i, name in enumerate(names):
        shift = regressed(walk, name, data, effects[0][:, i])
        add_effect(walk, name, best[i] + shift, effects[0][:, i] - shift, errors[0][:, i])
        add_effect(walk, f"{name}_wording", None, effects[1][:, i], errors[1][:, i])
    return nudged(walk)


def _placed(
    data: ChoiceData, predict: Callable[[np.ndarray], np.ndarray], centre: np.ndarray, effects: list[np.ndarray]
) -> _Placed:
    pair = data.unit * len(data.wordings) + data.wording
    each = (effects[0][:, None, :] + effects[1][None, :, :]).reshape(-1, effects[0].shape[1])
    agents = centre + np.pad(each, ((0, 0), (0, len(centre) - each.shape[1])))
    with np.errstate(all="ignore"):
        curves = np.array([predict(theta) for theta in agents])
        moved = [np.array([predict(theta + step) for theta in agents]) for step in STEP * np.eye(len(centre))]
        slopes = np.stack([(curve - curves) / STEP for curve in moved], axis=-1)[pair, data.question]
    return _Placed(centre, effects, curves, data.logits - curves[pair, data.question], slopes)
