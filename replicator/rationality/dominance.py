"""How often a dominated option is chosen: one that is worse whatever the taste.

An option is *dominated* where another is at least as good for oneself, better in something, and everybody else gets the
same. Where others get different amounts no option is called dominated: to turn down a payment so that another gets less
is a taste. Such questions are counted apart, as *pareto*, where the other option is at least as good for everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from replicator import intervals, shares
from replicator.rationality.bundles import Bools, Bundle, Comparison
from replicator.rationality.finding import UNKNOWN, Average, Finding, Measure, unvaried
from replicator.rationality.questions import Question

MOST_OPTIONS = 24
"""Answers from grids that are longer than this are not compared two by two."""

POSITION = 0.5
"""Where the dominated option's share moves by more than this part of its mean between displayed positions, the words
say so: a bias to the position looks like violations of dominance."""


@dataclass(frozen=True)
class Worse:
    """Which of k options are worse than another, each (k,)."""

    dominated: Bools
    pareto: Bools
    """Worse for somebody and better for nobody than another, which pays others differently."""


@lru_cache(maxsize=4096)
def worse(some: tuple[Bundle, ...]) -> Worse:
    """The options of one question that another one dominates, and those that it makes nobody better off to choose."""
    compared = Comparison(some)
    places = np.arange(len(some))
    a, b = places[:, None], places[None, :]
    good, bad = compared.at_least(a, b), compared.at_least(b, a)
    others_good, others_bad = compared.others_at_least(a, b), compared.others_at_least(b, a)
    dominated = (good & ~bad & others_good & others_bad).any(axis=0)
    unanimous = (good & others_good & ~(bad & others_bad)).any(axis=0)
    return Worse(np.asarray(dominated, dtype=np.bool_), np.asarray(unanimous & ~dominated, dtype=np.bool_))


def findings(questions: Sequence[Question], condition: str, checks: bool = False) -> list[Finding]:
    """The shares of dominated choices over all questions that offer one; none where no question does.

    `checks`: the questions are comprehension checks.
    """
    compared = [
        (question, worse(question.bundles))
        for question in questions
        if question.bundles is not None and 1 < len(question.options) <= MOST_OPTIONS
    ]
    marked: dict[Measure, list[tuple[Question, Bools]]] = {
        "dominance-checks" if checks else "dominance": [(q, which.dominated) for q, which in compared],
        "pareto": [] if checks else [(q, which.pareto) for q, which in compared],
    }
    offered = {measure: [(q, some) for q, some in pairs if some.any()] for measure, pairs in marked.items()}
    return [_finding(measure, condition, pairs) for measure, pairs in offered.items() if pairs]


def _finding(measure: Measure, condition: str, marked: Sequence[tuple[Question, Bools]]) -> Finding:
    good = pd.concat([question.usable for question, _ in marked])
    asked = pd.concat([question.asked for question, _ in marked])
    values = np.concatenate([question.probabilities @ which for question, which in marked])
    average = _average(good, asked, values)
    published = [question.people[0] @ which for question, which in marked if question.people is not None]
    complete = len(published) == len(marked)
    return Finding(
        condition=condition,
        measure=measure,
        words=_words(measure, marked, average.value),
        value=average.value,
        low=average.low,
        high=average.high,
        n=average.n,
        unit=average.unit,
        over=len(marked),
        baseline=float(np.mean([which.mean() for _, which in marked])),
        human=float(np.mean(published)) if complete else np.nan,
        reference=marked[0][0].people[1] if complete and marked[0][0].people is not None else None,
    )


def _average(good: pd.DataFrame, asked: pd.DataFrame, values: np.ndarray) -> Average:
    if good.empty:
        return UNKNOWN
    unit = shares.unit_of(asked)
    per = shares.per_unit(good, asked, values[:, None], unit)
    ends = shares.over_prompts(per, unit) or intervals.over_people(per.value, per.unit)
    mean, low, high = float(per.value.mean()), float(ends[0][0]), float(ends[1][0])
    if unit in ("wording", "persona") and set(good["elicitation"]) <= shares.DRAWN:
        low, high = unvaried(mean, low, high, int(shares.independent(good).max()) + 1)
    return Average(mean, low, high, int(per.unit.max()) + 1, unit)


def _words(measure: Measure, marked: Sequence[tuple[Question, Bools]], mean: float) -> str:
    where = f"{len(marked)} question{'s' if len(marked) > 1 else ''}"
    if measure == "pareto":
        return (
            f"In {where} one option is at least as good for everybody as the other. To choose the other is no error: "
            "who does so gives something up so that somebody else gets less."
        )
    kind = f"{len(marked)} check{'s' if len(marked) > 1 else ''}" if measure == "dominance-checks" else where
    text = f"In {kind} one option pays less, or later, or less probably, whatever the taste."
    return text + _position(marked, mean)


def _position(marked: Sequence[tuple[Question, Bools]], mean: float) -> str:
    """How the share of dominated choices depends on where the dominated option stood, where it does."""
    by_place: dict[bool, list[float]] = {True: [], False: []}
    for question, which in marked:
        for order, chosen in zip(question.usable["order"].fillna(""), question.probabilities @ which, strict=True):
            first = order.split("|")[0]
            if first in question.options:
                by_place[bool(which[question.options.index(first)])].append(float(chosen))
    if not by_place[True] or not by_place[False]:
        return ""
    there, elsewhere = np.mean(by_place[True]), np.mean(by_place[False])
    if abs(there - elsewhere) <= POSITION * mean:
        return ""
    return (
        f" It was chosen in {100 * there:.0f}% where it was displayed first and in {100 * elsewhere:.0f}% elsewhere: "
        "much of this is position, not preference."
    )
