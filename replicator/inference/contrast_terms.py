"""What all contrasts have in common: a location and what items, wordings and persons add to it, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from replicator.inference import builder
from replicator.inference.contrast_data import SIDES, Way, members_of
from replicator.inference.walk import Geometry, add_effect

TILT = "tilt"

Spreads = Mapping[str, Mapping[str, float]]
"""Term -> way -> the scale of the half-normal prior of its sd over the way's members."""


def term(
    name: str, prior: tuple[float, float], widths: Mapping[str, float], ways: Mapping[str, Way], held: Mapping[str, Any]
) -> Any:
    """(n,) the location called `name`, normal with this mean and sd, and the effects of the ways that have a width."""
    common: Any = 0.0
    each: Any = 0.0
    for way, width in widths.items():
        members = ways[way]
        shared, apart = builder.crossed(name, way, len(members.names), width, held)
        common, each = common + shared, each + apart[members.index]
    located = builder.location(name, *prior, 1, held[f"start_{name}_first"], common)
    return located[0] + each


@dataclass(frozen=True)
class Rough:
    """Terms by averaging, for the sampler to start from."""

    start: dict[str, np.ndarray]
    effects: dict[tuple[str, str], np.ndarray]
    """(term, way) -> (m,), summing to zero."""
    left: np.ndarray
    """(n,) what they leave."""


def rough(seen: np.ndarray, side: np.ndarray, ways: Mapping[str, Way], spreads: Spreads) -> Rough:
    """From (n,) values on the scale of the terms; of the two terms the first is the tilt."""
    tilt, difference = spreads
    at_first = side == SIDES[0]
    high, low = float(seen[at_first].mean()), float(seen[~at_first].mean())
    left = seen - np.where(at_first, high, low)
    found = {}
    for name, widths in spreads.items():
        for way in widths:
            effect = members_of(ways[way], side, left, moved=name == difference)
            found[name, way] = effect
            left = left - effect[ways[way].index] * (side if name == difference else 1.0)
    start = {f"{tilt}_first": np.array((high + low) / 2.0), f"{difference}_first": np.array(high - low)}
    return Rough(start, found, left)


def add_effects(walk: Geometry, found: Rough, ways: Mapping[str, Way], variance: np.ndarray) -> None:
    """Start the effects, and centre those that are clear; `variance` (n,) is that of single rows around the terms."""
    for (name, way), effect in found.effects.items():
        number = np.bincount(ways[way].index)
        error = np.bincount(ways[way].index, variance) / number**2
        # A difference between two halves of the rows has four times the variance of their mean.
        add_effect(walk, f"{name}_{way}", None, effect, (1.0 if name == TILT else 4.0) * error)
