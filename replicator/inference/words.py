"""What estimation says in words: why nothing is identified, and what a reader must know beside a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from replicator.inference.data import ChoiceData
from replicator.inference.identification import Consistent
from replicator.inference.personas import MOST_PERSONS
from replicator.theories import giving
from replicator.theories.theory import Theory
from replicator.thresholds import LABEL_MASS

TRADE_OFF = 0.5
"""Posterior correlation in absolute value from which two parameters are said to trade off."""

BOUND = 0.05
"""One minus the confidence of the bound that answers without variation leave."""


def nothing_usable(rows: pd.DataFrame) -> str:
    """Why no answer of a population can be read."""
    asked = rows[rows["condition"] != "comprehension"]
    valid = asked[asked["status"] == "valid"]
    if valid.empty:
        counts = ", ".join(f"{n} {status}" for status, n in asked["status"].value_counts().items())
        return f"None of its {len(asked)} answers is valid ({counts})."
    return (
        f"The options together get a probability of {valid['label_mass'].mean():.1%} on average, below "
        f"{LABEL_MASS:.0%} in every answer: it does not choose among the options at all."
    )


def deterministic(theory: Theory, sets: Mapping[str, Consistent]) -> str:
    """Why a deterministic chooser has a set instead of an estimate."""
    rate = min(found.rationality_rate for found in sets.values())
    if not theory.parameters:
        return f"Its choices are deterministic, so that they tell no sensitivity; {rate:.0%} are what the theory says."
    ranges = "; ".join(f"{theory.parameter(name).symbol} {_range(found)}" for name, found in sets.items())
    return (
        f"Its choices are deterministic, so that they bound the parameters and no more: {ranges} "
        f"explains {rate:.0%} of the questions."
    )


@dataclass(frozen=True)
class Unvaried:
    why_not: str
    known: dict[str, Consistent]


def unvaried(share: float, n: int) -> Unvaried:
    """Answers that are all alike: at most a share b = 1 - .05^(1/n) of further answers may differ (95%)."""
    bound = 1.0 - BOUND ** (1.0 / n)
    low, high = share * (1.0 - bound), share * (1.0 - bound) + bound
    kinds = {
        "p_zero": float(share <= 0.0),
        "p_half": float(abs(share - 0.5) < 1e-9),
        "p_above": float(share > 0.5 + 1e-9),
    }
    known = {name: Consistent(max(value - bound, 0.0), min(value + bound, 1.0), 1.0) for name, value in kinds.items()}
    known[giving.MEAN_SHARE.name] = Consistent(low, high, 1.0)
    return Unvaried(
        f"No variation in {n}: every answer gives {share:.0%}. At most {bound:.1%} of further answers may "
        f"differ (95% bound), so that the mean share lies between {low:.1%} and {high:.1%}.",
        known,
    )


def certain(share: float) -> Unvaried:
    """One amount with probability 1 in every wording: known as it stands, and nothing is left to estimate."""
    kinds = {"p_zero": share <= 0.0, "p_half": abs(share - 0.5) < 1e-9, "p_above": share > 0.5 + 1e-9}
    known = {name: Consistent(float(value), float(value), 1.0) for name, value in kinds.items()}
    known[giving.MEAN_SHARE.name] = Consistent(share, share, 1.0)
    return Unvaried(
        f"It gives {share:.0%} with certainty in every wording: there is no variation to estimate from.", known
    )


def of_design(theory: Theory, noise: str, data: ChoiceData) -> list[str]:
    """What the ranges of the design do to a parameter."""
    if not theory.losses:
        return []
    amount, possible = np.asarray(data.stimuli.amount), np.asarray(data.stimuli.probability) > 0
    gains, losses = amount[possible & (amount > 0)], -amount[possible & (amount < 0)]
    if not len(gains) or not len(losses):
        return ["The design has no mixed gambles, so that loss aversion is not at stake."]
    ratio = (gains.max() / losses.max() + gains.min() / losses.min()) / 2.0
    if 0.8 < ratio < 1.25:
        return []
    return [
        f"Gains run from {gains.min():g} to {gains.max():g} and losses from {losses.min():g} to {losses.max():g}: "
        "loss aversion depends on such ranges, and compares only with estimates from the same ones."
    ]


def of_thresholds(data: ChoiceData) -> list[str]:
    """What one agent fitted to thresholds is; nothing of other answers, and of persons with several."""
    if not data.thresholds or data.unit_name != "pooled":
        return []
    return [
        "One agent fitted to everybody's least acceptable offers: its sensitivity holds how people differ as well as "
        "how sharply each of them turns, which single thresholds do not tell apart."
    ]


def of_posterior(theory: Theory, natural: Mapping[str, np.ndarray]) -> list[str]:
    """Which parameters trade off against each other, from the draws (draws, condition)."""
    said = []
    for one, other in combinations([p.name for p in theory.parameters], 2):
        r = float(np.corrcoef(natural[one][:, 0], natural[other][:, 0])[0, 1])
        if abs(r) >= TRADE_OFF:
            said.append(
                f"{_plain(one).capitalize()} and {_plain(other)} trade off in this design (posterior correlation "
                f"{r:.2f}): the choices fix what they do together better than either alone."
            )
    return said


def of_personas(fitted: str, units: int, wordings: int, asked: int) -> list[str]:
    """How personas enter a fit: `units` of the `asked` ones are fitted, crossed with so many wordings."""
    if fitted == "averaged":
        return [f"One agent fitted to the shares of all {asked} personas together." if asked > 1 else "One persona."]
    if fitted != "crossed":
        return []
    lot = f", drawn by lot from {asked}" if units < asked else ""
    ways = f", crossed with {wordings} wordings" if wordings > 1 else ""
    return [f"The typical one of {units} personas{lot}{ways}; how they differ is `person_sd`."]


def of_persons(unit: str, units: int, asked: int) -> list[str]:
    """That not all persons are fitted, where they are too many."""
    if unit != "person" or units < MOST_PERSONS or units >= asked:
        return []
    return [f"{units:,} persons, drawn by lot from {asked:,}, are fitted; shares are of all."]


def across_theories(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The entries, with a sentence on how far another utility moves the same parameter of the same people."""
    result = [dict(entry) for entry in entries]
    for entry in result:
        if entry["theory"] != "loss-aversion-power" or entry["parameter"] != "loss_aversion" or entry["mean"] is None:
            continue
        keys = ("population", "condition", "parameter", "estimand", "pooling", "noise")
        for linear in entries:
            if linear["theory"] != "loss-aversion" or linear["mean"] is None:
                continue
            if all(linear[key] == entry[key] for key in keys):
                entry["words"] = [
                    *entry["words"],
                    f"Power utility moves lambda from {linear['mean']:.2f} (linear utility) to {entry['mean']:.2f}: "
                    "where gains are larger than losses, utility that flattens makes gains worth less, and less "
                    "aversion to losses then explains the same choices.",
                ]
    return result


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _range(found: Consistent) -> str:
    if found.low is None and found.high is None:
        return "at any value"
    if found.low is None:
        return f"up to {found.high:.2f}"
    if found.high is None:
        return f"from {found.low:.2f} upwards"
    return f"from {found.low:.2f} to {found.high:.2f}"
