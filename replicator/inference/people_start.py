"""Where the sampler starts for people who chose."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from replicator.inference.data import ChoiceData
from replicator.inference.steps import STEP, by_question, shown_first, working
from replicator.inference.structure import Structure
from replicator.inference.walk import Geometry, add_effect, add_misfit, nudged, regressed, standing_at

_ROUNDS = 4
"""Of Fisher scoring steps."""


def of_people(
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
    shown = shown_first(data, walk.start["position_effect"]) if structure.position else np.zeros((len(data.unit), 1))
    rows_of = [np.flatnonzero(data.unit == unit) for unit in range(structure.units)]
    deviation, error = np.zeros((2, structure.units, size))
    off = off * structure.item_misfit
    for _ in range(_ROUNDS):
        left, precision = np.zeros((2, len(data.unit), len(data.options) - 1))
        for unit, rows in enumerate(rows_of):
            at = best + np.pad(deviation[unit], (0, len(best) - size))
            curve, asked = predict(at), data.question[rows]
            slopes = np.stack(
                [(predict(at + step) - curve) / STEP for step in STEP * np.eye(len(best))[:size]], axis=-1
            )
            left[rows], precision[rows] = working(data.counts[rows], curve[asked] + off[asked] + shown[rows])
            columns, weight = slopes[asked].reshape(-1, size), precision[rows].reshape(-1, 1)
            inverse = np.linalg.inv(columns.T @ (weight * columns) + np.eye(size))
            aim = inverse @ columns.T @ (weight * left[rows].reshape(-1, 1)).ravel() - inverse @ deviation[unit]
            deviation[unit] += np.clip(aim, -1.0, 1.0)
            error[unit] = np.diag(inverse)
        if structure.item_misfit:
            off = off + by_question(data, data.question, precision * left) / by_question(data, data.question, precision)
    best = best + np.pad(deviation.mean(axis=0), (0, len(best) - size))
    walk = Geometry(walk.centring, walk.start | standing_at(best, names).start)
    if structure.item_misfit:
        add_misfit(walk, np.zeros_like(off), off, 1.0 / by_question(data, data.question, precision))
    for i, name in enumerate(names):
        apart = deviation[:, i] - deviation[:, i].mean()
        shift = regressed(walk, name, data, apart)
        add_effect(walk, name, best[i] + shift, apart - shift, error[:, i])
    return nudged(walk)
