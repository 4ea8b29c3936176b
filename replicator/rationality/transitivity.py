"""Transitivity over options that meet two by two: who takes a over b and b over c takes a over c.

Pairs are of bundles, whatever the options are called; only choices between two options speak of a pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from replicator import shares
from replicator.rationality.bundles import TOLERANCE, Bundle, Floats
from replicator.rationality.finding import Average, Finding, Measure, Responders, pooled
from replicator.rationality.questions import Question

DRAWS = 1000
"""Populations of random choosers behind the baseline of stochastic transitivity."""

SEED = 20090214
"""Of those populations."""


def cycles(ab: Floats, bc: Floats, ca: Floats) -> Floats:
    """Probability that three choices go in a circle, from P(a over b), P(b over c) and P(c over a), any shape:
    P = ab bc ca + (1 - ab)(1 - bc)(1 - ca), a quarter at random (Kendall & Babington Smith 1940,
    doi:10.1093/biomet/31.3-4.324)."""
    return ab * bc * ca + (1.0 - ab) * (1.0 - bc) * (1.0 - ca)


def violations(ab: Floats, bc: Floats, ca: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether weak and strong stochastic transitivity fail in a triple, any shape.

    Where P(a over b) and P(b over c) are at least 1/2, P(a over c) must be at least 1/2 (weak), at least the larger of
    the two (strong), in every order of the three (Block & Marschak 1960; Tversky 1969, doi:10.1037/h0026750).
    """
    weak = np.zeros(np.shape(ab), dtype=bool)
    strong = weak.copy()
    ways = [(ab, bc, ca), (bc, ca, ab), (ca, ab, bc)]
    ways += [(1.0 - second, 1.0 - first, 1.0 - third) for first, second, third in ways]
    for first, second, back in ways:
        both = (first >= 0.5 - TOLERANCE) & (second >= 0.5 - TOLERANCE)
        weak |= both & (1.0 - back < 0.5 - TOLERANCE)
        strong |= both & (1.0 - back < np.maximum(first, second) - TOLERANCE)
    return weak, strong


def findings(questions: Sequence[Question], condition: str) -> list[Finding]:
    """Intransitive triples and violations of stochastic transitivity in one condition; none without triples."""
    binary = [q for q in questions if q.response == "choice" and len(q.options) == 2 and q.bundles is not None]
    pairs = _pairs(binary)
    triples = _triples(list(pairs))
    if not len(triples):
        return []
    met = [
        (pairs[pair], question, turned) for question in binary for pair, turned in [_pair(question)] if pair in pairs
    ]
    rows = pd.concat([question.usable for _, question, _ in met])
    if rows.empty:
        return []
    place = np.repeat([number for number, _, _ in met], [len(question.usable) for _, question, _ in met])
    left = np.concatenate([question.probabilities[:, int(turned)] for _, question, turned in met])
    who = Responders.of(rows)
    chosen = who.table(left, place, len(pairs))
    own = who.average(_cycling(chosen, triples))
    text = f"{len(triples)} triples of options meet two by two. The value is how often three choices go in a circle"
    found = [_finding(condition, "intransitivity", own, f"{text}.", len(triples), 0.25)]
    if own.unit in ("person", "persona"):
        share = Average(float(_cycling(pooled(chosen), triples)[0]), np.nan, np.nan, who.people, "share")
        words = f"{text}, by one responder who chooses by everybody's pooled shares."
        found.append(_finding(condition, "intransitivity", share, words, len(triples), 0.25))
    drawn = set(rows["elicitation"]) <= shares.DRAWN
    sizes = np.bincount(place, minlength=len(pairs)) * int(drawn)
    found += _stochastic(condition, triples, pooled(chosen), sizes, who.people)
    return [entry for entry in found if not np.isnan(entry.value)]


def triples_at_random(triples: NDArray[np.int64], sizes: NDArray[np.int64]) -> tuple[float, float]:
    """The share of triples that violate weak and strong stochastic transitivity where choices are tosses of a coin.

    `sizes` (pairs,) is how often each pair was met; 0 for exact probabilities, which are 1/2 then and violate neither.
    """
    generator = np.random.default_rng(SEED)
    drawn = generator.binomial(np.maximum(sizes, 1), 0.5, size=(DRAWS, len(sizes))) / np.maximum(sizes, 1)
    weak, strong = violations(*_sides(np.where(sizes > 0, drawn, 0.5), triples))
    return float(weak.mean()), float(strong.mean())


def _stochastic(
    condition: str, triples: NDArray[np.int64], left: Floats, sizes: NDArray[np.int64], people: int
) -> list[Finding]:
    random = triples_at_random(triples, sizes)
    sides = _sides(left, triples)
    known = ~np.isnan(sum(sides))[0]
    if not known.any():
        return []
    failed = violations(*sides)
    measures: tuple[Measure, Measure] = ("weak-stochastic-transitivity", "strong-stochastic-transitivity")
    words = (
        "The share of triples in which a over b and b over c have majorities and a over c has none.",
        "The share of triples in which the majority of a over c is smaller than that of a over b or of b over c.",
    )
    chance = " Shares from few choices fail by chance, as the random ones do." if sizes.any() else ""
    return [
        _finding(
            condition,
            measure,
            Average(float(failed[k][0][known].mean()), np.nan, np.nan, people, "share"),
            words[k] + chance,
            int(known.sum()),
            random[k],
        )
        for k, measure in enumerate(measures)
    ]


def _finding(condition: str, measure: Measure, average: Average, words: str, over: int, baseline: float) -> Finding:
    return Finding(
        condition, measure, words, average.value, average.low, average.high, average.n, average.unit, over, baseline
    )


def _pair(question: Question) -> tuple[tuple[Bundle, Bundle], bool]:
    """The question's two bundles in a fixed order, and whether its options stand the other way round."""
    assert question.bundles is not None
    one, other = question.bundles
    return (min(one, other), max(one, other)), other < one


def _pairs(questions: Sequence[Question]) -> dict[tuple[Bundle, Bundle], int]:
    """Every pair of different bundles that is met, with its place."""
    met = (_pair(question)[0] for question in questions)
    return {pair: place for place, pair in enumerate(dict.fromkeys(pair for pair in met if pair[0] != pair[1]))}


def _triples(pairs: Sequence[tuple[Bundle, Bundle]]) -> NDArray[np.int64]:
    """(t, 3) Places of the pairs a-b, b-c and a-c of every a < b < c that meet two by two."""
    place = {pair: number for number, pair in enumerate(pairs)}
    above: dict[Bundle, list[Bundle]] = {}
    for left, right in pairs:
        above.setdefault(left, []).append(right)
    found = [
        (place[a, b], place[b, c], place[a, c])
        for a, others in above.items()
        for b, c in combinations(sorted(others), 2)
        if (b, c) in place
    ]
    return np.array(found, dtype=np.int64).reshape(-1, 3)


def _sides(left: Floats, triples: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """(r, t) P(a over b), P(b over c) and P(c over a)."""
    return left[:, triples[:, 0]], left[:, triples[:, 1]], 1.0 - left[:, triples[:, 2]]


def _cycling(left: Floats, triples: NDArray[np.int64]) -> Floats:
    """(r,) The mean probability of a circle over the triples that a responder answered; NaN without one."""
    means = []
    for row in left:
        circle = cycles(*_sides(row[None, :], triples))[0]
        known = circle[~np.isnan(circle)]
        means.append(known.mean() if len(known) else np.nan)
    return np.array(means)
