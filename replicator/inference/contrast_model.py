"""The model of a contrast: tilts and differences that vary by item, wording and person.

    eta      = tilt + sum of tilt_way + (difference + sum of difference_way) x + slot
    log odds = eta + scatter of the prompt

with x = 1/2 at the first level and -1/2 at the second, and every effect of an item, a wording or a person drawn around
zero: they are samples of what could have been asked, and the difference is that of what they are samples of. A lapse is
not among the terms: no question of a contrast has a right answer whose share would show it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pymc as pm

from replicator.inference import builder, likelihoods
from replicator.inference.contrast_data import ContrastData
from replicator.inference.contrast_terms import TILT, add_effects, rough, term
from replicator.inference.steps import smoothed
from replicator.inference.structure import Structure
from replicator.inference.walk import WIDTH, Geometry, nudged, scale_start
from replicator.theories import contrast, priors

DIFFERENCE = contrast.LOG_ODDS_RATIO.name

_LEAST_ERROR = 0.05
"""Least sd of exact log odds, as the floor of their scale."""


def structure(data: ContrastData) -> Structure:
    """What the likelihoods of the builder need to know."""
    cells = len(data.side) if data.kind == "counts" and _scatters(data) else 0
    return Structure(
        theory=contrast.NAME, noise="none", likelihood=data.kind, conditions=1, units=1, questions=1, options=2,
        answers=2, branches=1, label_sets=len(data.label_sets), position=data.position is not None, intercept=False,
        item_misfit=False, cells=cells,
    )  # fmt: skip


def _scatters(data: ContrastData) -> bool:
    """Whether prompts are seen often enough to scatter beyond chance."""
    return data.is_model and bool(data.counts.sum(axis=1).max() > 1)


def spreads(data: ContrastData) -> dict[str, dict[str, float]]:
    """Tilt or difference -> way -> the scale of the half-normal prior of its sd over the way's members."""
    common = {way: priors.prior("common", _TILTED[way]).sd for way in data.ways}
    moved = priors.prior(contrast.NAME, "between_slopes").sd
    return {TILT: common, DIFFERENCE: {way: moved for way, found in data.ways.items() if found.moves}}


_TILTED = {"item": "item_misfit", "wording": "between_units_tilt", "subject": "between_units_tilt"}
"""Way -> the prior in `common` of how its members differ in their tilt."""


def key(data: ContrastData) -> Hashable:
    """Fits with one key share a compiled model."""
    parts = [data.side.tobytes(), data.label_set.tobytes()]
    parts += [b"" if data.position is None else data.position.tobytes()]
    parts += [way.index.tobytes() for way in data.ways.values()]
    moves = tuple((name, way.moves) for name, way in data.ways.items())
    return (structure(data), moves, *parts)


def coords(data: ContrastData, condition: str) -> dict[str, Any]:
    """Names of the model's dimensions."""
    named: dict[str, Any] = {
        "condition": [condition], "contrast": ["option"], "label_set": list(data.label_sets),
    }  # fmt: skip
    return named | {f"{name}_contrast": list(way.names[:-1]) for name, way in data.ways.items()}


def arrays(data: ContrastData) -> dict[str, np.ndarray]:
    """What may be swapped without compiling anew: the answers, the sampler's coordinates and its start."""
    walk = _geometry(data)
    given: dict[str, np.ndarray] = {f"centring_{name}": np.array(weight) for name, weight in walk.centring.items()}
    given |= {f"start_{name}": value for name, value in walk.start.items()}
    if data.kind == "probabilities":
        return given | {"observed": data.logits}
    return given | likelihoods.counted(structure(data), data.counts)


def build(data: ContrastData, given: Mapping[str, np.ndarray], named: Mapping[str, Any]) -> pm.Model:
    """The graph with its dimensions `named`, holding the answers in swappable containers."""
    shape = structure(data)
    with pm.Model(coords=dict(named)) as model:
        held = {name: pm.Data(name, values) for name, values in given.items()}
        priors_of = {TILT: contrast.BASELINE.prior, DIFFERENCE: contrast.LOG_ODDS_RATIO.prior}
        terms = {
            name: term(name, (priors_of[name].mean, priors_of[name].sd), widths, data.ways, held)
            for name, widths in spreads(data).items()
        }
        logits = (terms[TILT] + terms[DIFFERENCE] * data.side)[:, None]
        if data.position is not None:
            logits = logits + builder.slots(data.position, data.label_set, held)
        likelihoods.likelihood(shape, held, logits)
    return model


def _geometry(data: ContrastData) -> Geometry:
    """Rough effects by averaging: where the sampler starts, and which effects are clear enough to be centred."""
    exact = data.kind == "probabilities"
    seen = data.logits[:, 0] if exact else smoothed(data.counts)[:, 0]
    error = np.zeros(len(seen)) if exact else (1.0 / (data.counts + 0.5)).sum(axis=1)
    found = rough(seen, data.side, data.ways, spreads(data))
    start, left = dict(found.start), found.left
    if data.position is not None:
        first = data.position[:, 0] == 0
        effects = np.zeros((len(data.label_sets), 1))
        for label in range(len(data.label_sets)):
            here = data.label_set == label
            if (here & first).any() and (here & ~first).any():
                effects[label] = (left[here & first].mean() - left[here & ~first].mean()) / 2.0
        start["position_effect"] = effects
        left = left - effects[data.label_set, 0] * np.where(first, 1.0, -1.0)
    scatter = max(float(np.var(left)) - float(error.mean()), _LEAST_ERROR**2)
    walk = Geometry({}, start)
    add_effects(walk, found, data.ways, scatter + error)
    if exact or structure(data).cells:
        walk.start["residual"] = scale_start(scatter / WIDTH)
    return nudged(walk)
