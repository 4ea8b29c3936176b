"""How near a population's choice shares are to people's, over all items: one number a score, with its
uncertainty.

The interval is a bootstrap over items (seeded), so it speaks of other items of the same kind; with fewer
than `ITEMS` it is null. The ceiling is what a perfect copy of these people would score on average, given
that their own shares were measured on a finite number of them; null where that number is not known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from replicator import distances
from replicator.distances import Floats

RESAMPLES = 1000
COPIES = 100
"""Repeated samples of people behind the ceiling."""

ITEMS = 4
"""Fewer items than this are too few to resample."""

DEFINITIONS = {
    "simbench": "mean over items of 100 (1 - TV / mean TV of uniform choice); 100 people, 0 uniform choice",
    "total_variation": "mean over items of half the summed absolute differences; 0 to 1",
    "jensen_shannon": "mean over items of the square root of the Jensen-Shannon divergence, base 2; 0 to 1",
    "earth_movers": "mean over items of the earth mover's distance as a fraction of the grid's range; 0 to 1",
    "kl": "mean over items of the relative entropy of people to the population, in bits; 0 to infinity",
}


@dataclass(frozen=True)
class Pair:
    """People's and a population's shares over the options of one item in one condition, each (k,)."""

    people: Floats
    model: Floats
    amounts: Floats | None
    """The grid of an amount."""
    human_n: int | None
    reference: str


def rows(population: str, pairs: Sequence[Pair], *, seed: int = 0) -> list[dict[str, Any]]:
    """One row per score. Empty where there are no people to compare with."""
    if not pairs:
        return []
    amounts = all(pair.amounts is not None for pair in pairs)
    copies = _copies(pairs, np.random.default_rng(seed))
    return [
        {
            "population": population,
            "score": score,
            "value": _finite(_combine(score, _apart(score, pairs))),
            "interval": _bootstrap(score, _apart(score, pairs), np.random.default_rng(seed)),
            "baselines": {"uniform": _finite(_combine(score, _apart(score, [_uniform(pair) for pair in pairs])))},
            "ceiling": None if copies is None else _finite(float(np.mean(_combine(score, _apart(score, copies))))),
            "items": len(pairs),
            "references": sorted({pair.reference for pair in pairs}),
            "definition": definition,
        }
        for score, definition in DEFINITIONS.items()
        if amounts or score != "earth_movers"
    ]


def _apart(score: str, pairs: Sequence[Pair]) -> Floats:
    """What a score averages, one row an item: (items, 1), with people's shares in several copies (items, 1,
    copies).

    SimBench needs two: the distance and that of uniform choice.
    """
    if score == "simbench":
        pairs = [pair for pair in pairs if pair.model.shape[-1] > 1]
        return np.array(
            [
                [
                    distances.total_variation(pair.people, pair.model),
                    distances.total_variation(pair.people, distances.uniform(pair.model.shape[-1])),
                ]
                for pair in pairs
            ]
        )
    return np.array([[_distance(score, pair)] for pair in pairs])


def _distance(score: str, pair: Pair) -> Floats:
    match score:
        case "total_variation":
            return distances.total_variation(pair.people, pair.model)
        case "jensen_shannon":
            return distances.jensen_shannon(pair.people, pair.model)
        case "kl":
            return distances.kullback_leibler(pair.people, pair.model)
        case _:
            assert pair.amounts is not None
            return distances.earth_movers(pair.people, pair.model, pair.amounts)


def _combine(score: str, apart: Floats) -> Any:
    """The score from its items' numbers: their mean over the first axis, for SimBench the ratio of two
    means."""
    means = apart.mean(axis=0)
    if score != "simbench":
        return means[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return 100.0 * (1.0 - means[0] / means[1])


def _bootstrap(score: str, apart: Floats, random: np.random.Generator) -> list[float] | None:
    if len(apart) < ITEMS:
        return None
    drawn = random.integers(len(apart), size=(len(apart), RESAMPLES))
    values = _combine(score, np.moveaxis(apart[drawn], 2, 1))
    if not np.isfinite(values).all():
        return None
    return [float(end) for end in np.quantile(values, [0.025, 0.975])]


def _copies(pairs: Sequence[Pair], random: np.random.Generator) -> list[Pair] | None:
    """People's own shares beside those of as many people drawn from them, (copies, k); None where n is not
    known."""
    if any(not pair.human_n for pair in pairs):
        return None
    copies = []
    for pair in pairs:
        n, truth = pair.human_n or 1, pair.people / pair.people.sum()
        drawn = random.multinomial(n, truth, size=COPIES) / n
        copies.append(Pair(drawn, truth, pair.amounts, n, pair.reference))
    return copies


def _uniform(pair: Pair) -> Pair:
    return Pair(pair.people, distances.uniform(len(pair.model)), pair.amounts, pair.human_n, pair.reference)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
