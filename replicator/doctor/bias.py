"""Whether it matters where an option stands and what it is called."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from replicator import positions, shares
from replicator.doctor.finding import Finding
from replicator.doctor.limits import BIAS
from replicator.doctor.probe import Asked
from replicator.intervals import Floats
from replicator.report.formats import percent, whole_percent

_NO_ORDER = "options are not shown in different orders"


@dataclass(frozen=True)
class Placed:
    """How often one displayed position is chosen under one label set, whatever stands there."""

    experiment: str
    labels: str
    place: int
    """From 0."""
    share: float
    interval: tuple[float, float] | None
    """Over wordings."""
    chance: float


def placed(asked: Asked) -> list[Placed]:
    """Every position under every label set; empty where orders did not vary or nothing is usable."""
    found = []
    for labels, rows in asked.frame.groupby("labels", sort=False):
        by_place = positions.by_position(rows)
        if by_place is None:
            continue
        for place, (share, low, high) in enumerate(zip(by_place.share, by_place.low, by_place.high, strict=True)):
            interval = None if np.isnan(low) else (float(low), float(high))
            found.append(Placed(asked.name, str(labels), place, float(share), interval, 1 / len(by_place.share)))
    return found


def position(asked: Asked, found: Sequence[Placed]) -> Finding:
    """How far the share of a displayed position lies from chance."""
    name = f"position bias ({asked.name})"
    if not found:
        return Finding(name, "not applicable", _why_none(asked))
    overall = positions.position_bias(asked.frame)
    # Of two places one says it all.
    shown = [one for one in found if one.chance != 0.5 or one.place == 0]
    largest = max(shown, key=lambda one: abs(one.share - one.chance))
    excess = largest.share - largest.chance
    counted: dict[str, Any] = {
        "largest_excess": excess,
        "first_displayed": None if overall is None else overall["estimate"],
        "interval": None if overall is None else overall["interval"],
        "limit": BIAS,
    }
    measured = (
        f"with labels {_named(largest.labels)} the option shown {place_name(largest.place)} is chosen "
        f"{whole_percent(largest.share)} of the time, whatever it is ({whole_percent(largest.chance)} without bias)"
    )
    if abs(excess) <= BIAS:
        return Finding(name, "sound", measured, "Where an option stands matters little.", numbers=counted)
    meaning = (
        "Where an option stands decides much. Shares remain right on average, because every option stands at every "
        "place equally often, but they are drawn towards even and choices look noisier than they are."
    )
    remedy = "Keep all orders (the default), never compare single orders, and read the bias in the report."
    return Finding(name, "doubtful", measured, meaning, remedy, counted)


def labels(asked: Asked, found: Sequence[Placed]) -> Finding:
    """How far label sets differ: in what is chosen, orders evened out, and in which place is chosen.

    Labels are given out by place, so that a liking for "A" looks like one for the first place; it is told apart
    by the other label sets.
    """
    name = f"label bias ({asked.name})"
    sets = list(dict.fromkeys(place.labels for place in found))
    if len(sets) < 2:
        return Finding(name, "not applicable", "there are not two label sets with usable answers")
    means = _means(asked)
    apart = {
        (one, other): (_gap(means, one, other), _apart(found, one, other))
        for one, other in itertools.combinations(sets, 2)
    }
    pair = max(apart, key=lambda names: max(apart[names]))
    gap, places = apart[pair]
    counted = {"difference_of_shares": gap, "difference_of_places": places, "limit": BIAS}
    measured = (
        f"between {_named(pair[0])} and {_named(pair[1])} shares differ by {percent(gap)} on average, and how "
        f"often a place is chosen by {percent(places)}"
    )
    if max(gap, places) <= BIAS:
        return Finding(name, "sound", measured, "What options are called matters little.", numbers=counted)
    meaning = "What options are called changes what is chosen; a run averages over the label sets."
    remedy = "Keep all label sets, and read results as being about these labels."
    return Finding(name, "doubtful", measured, meaning, remedy, counted)


def _means(asked: Asked) -> dict[tuple[str, ...], Floats]:
    """(labels, item, condition, wording) -> probabilities (k,), averaged over all orders."""
    rows = shares.usable(asked.frame)
    return {
        tuple(map(str, key)): np.mean([np.asarray(one, dtype=float) for one in group["probabilities"]], axis=0)
        for key, group in rows.groupby(["labels", "item", "condition", "wording"], sort=False)
        if group["order"].nunique() == rows["order"].nunique()
    }


def _gap(means: Mapping[tuple[str, ...], Floats], one: str, other: str) -> float:
    """Mean total variation over the questions that both have."""
    questions = [key[1:] for key in means if key[0] == one and (other, *key[1:]) in means]
    apart = [0.5 * float(np.abs(means[one, *q] - means[other, *q]).sum()) for q in questions]
    return float(np.mean(apart)) if apart else 0.0


def _apart(found: Sequence[Placed], one: str, other: str) -> float:
    """Largest difference in how often a place is chosen."""
    mine, theirs = ([place.share for place in found if place.labels == labels] for labels in (one, other))
    return max(abs(a - b) for a, b in zip(mine, theirs, strict=True))


def place_name(place: int) -> str:
    """ "first", or "in place 3"."""
    return "first" if place == 0 else f"in place {place + 1}"


def _why_none(asked: Asked) -> str:
    rows = shares.asked(asked.frame)
    if len(set(rows["order"].fillna(""))) < 2:
        return _NO_ORDER
    return "no answer can be used" if shares.usable(rows).empty else "no question kept all of its orders"


def _named(labels: str) -> str:
    return labels.replace("|", "/")
