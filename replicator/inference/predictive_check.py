"""Posterior predictive checks: can the fitted theory produce the shares that were observed?

Whole data sets are drawn from the fit: new wordings, persons or personas answer the same rows, by the theory, its
noise, lapses and positions alone. That single questions may lie off the curve (`item_misfit`) is left out, since it
would absorb whatever the theory cannot say. Draws that look unlike the data tell against the theory (Gelman, Meng &
Stern 1996, Statistica Sinica 6, 733-807).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from replicator.inference.data import ChoiceData
from replicator.inference.identification import MISFIT_SHARE, explained, question_logits, what_changes
from replicator.inference.replay import Coordinates, Replay, scattered

DRAWS = 200
"""Data sets drawn from the posterior."""

MOST_ROWS = 4_000_000
"""Rows over all drawn data sets; of longer data fewer sets are drawn, but at least `FEWEST`."""

FEWEST = 101
"""So that one set that is as far off is less than one in a hundred."""

MARGIN = 0.1
"""A question is missed where its share lies outside of what was drawn and this far from the mean of that: ten points
are seen in a figure, and are as much as items of one kind commonly differ by."""

INTERVAL = 0.95

CHANCE = 0.01
"""Shares as far off in as few drawn data sets as this are not chance."""

MISSED_SHARE = 0.2
"""A theory that misses this share of the questions fails."""


@dataclass(frozen=True)
class Question:
    """The share of one option in one question, as observed and as drawn."""

    item: str
    condition: str
    option: str
    observed: float
    predicted: float
    interval: tuple[float, float]
    missed: bool

    @property
    def document(self) -> dict[str, Any]:
        return {**vars(self), "interval": list(self.interval)}


@dataclass(frozen=True)
class Check:
    """The verdict on a fit, and the questions that it rests on."""

    method: str
    """"draws" from a posterior, or the "consistent-set" of a deterministic chooser."""
    questions: tuple[Question, ...]
    missed: int
    of: int
    explained: float | None
    """Share of the variance between questions' log odds that the theory accounts for; None with one question."""
    p: float | None
    """Share of the drawn data sets that lie at least as far from their mean as the observed one."""
    passed: bool
    words: str

    @property
    def document(self) -> dict[str, Any]:
        return {**vars(self), "questions": [question.document for question in self.questions]}


def of_draws(played: Replay, *, seed: int) -> Check:
    """The check of a sampled fit."""
    data = played.data
    drawn, expected = replicates(played, seed=seed)
    observed = data.shares
    off = played.values["item_misfit"].mean(axis=0) if played.structure.item_misfit else None
    if off is None:
        off = question_logits(data) - expected
    return _judged(data, observed, drawn, explained(data, off))


def replicates(played: Replay, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(sets, q, k) shares of data sets that new units would give, and the (q, k - 1) log odds expected of them."""
    data, rng = played.data, np.random.default_rng([seed, 71])
    sets = int(np.clip(MOST_ROWS // len(data.question), min(FEWEST, played.size), played.size))
    played = played.some(np.linspace(0, played.size - 1, sets).astype(int))
    shares = np.zeros((sets, len(data.questions), len(data.options)))
    odds = np.zeros((len(data.questions), len(data.options) - 1))
    repeated = np.bincount(data.question, minlength=len(data.questions))[:, None]
    totals = data.counts.sum(axis=1) if data.kind == "counts" else np.zeros(0)
    for draw in range(sets):
        one = played.some(np.array([draw]))
        eta = one.curves(new_units(one, rng))[one.fixed.unit, one.fixed.question]
        rows = one.rows(eta[None], misfit=False)[0]
        np.add.at(odds, data.question, rows)
        shown = scattered(rows, float(one.scatter[0]), rng)
        p = special.softmax(np.column_stack([shown, np.zeros(len(rows))]), axis=1)
        np.add.at(shares[draw], data.question, _counted(p, totals, rng) if data.kind == "counts" else p)
    return shares / shares.sum(axis=2, keepdims=True), odds / repeated / sets


def new_units(one: Replay, rng: np.random.Generator) -> Coordinates:
    """(u, condition) coordinates of as many new units as there are, under a single draw; of personas with new
    wordings, persona x wording."""
    u, w = one.structure.units, max(one.structure.wordings, 1)
    found = {}
    for name, sd in one.spreads().items():
        apart = sd[0] * rng.normal(size=(u, 1))
        if one.structure.wordings:
            apart = apart + one.values[f"{name}_wording_sd"][0] * rng.normal(size=(1, w))
        found[name] = one.values[f"{name}_coordinate"][0][None, :] + apart.reshape(-1, 1)
    return found


def of_sets(data: ChoiceData, predicted: np.ndarray, rates: Sequence[float]) -> Check:
    """The check of a deterministic chooser: (q, k) shares under the values that explain most of its choices, and the
    share of the questions of each condition that any values explain."""
    observed = data.shares
    questions = _questions(data, observed, predicted, np.stack([predicted, predicted]))
    missed = [q for q in questions if q.missed]
    count, of = len({(q.item, q.condition) for q in missed}), len(data.questions)
    # A question that some of the best values explain and others do not is not missed by the theory.
    sizes = np.bincount(data.condition, minlength=len(rates))
    unexplained = round(float(((1.0 - np.array(rates)) * sizes).sum()))
    passed = unexplained < MISSED_SHARE * of
    if not unexplained:
        words = "The theory can make every one of these choices."
    else:
        words = (
            f"No values of the theory's parameters make more than {of - unexplained} of the {of} choices"
            f"{'' if passed else ': it cannot reproduce them'}."
        )
    return Check("consistent-set", questions, min(count, unexplained), of, None, None, passed, words)


def _judged(data: ChoiceData, observed: np.ndarray, drawn: np.ndarray, share: float | None) -> Check:
    """Whether the observed (q, k) shares could have been drawn like (sets, q, k) others."""
    middle = drawn.mean(axis=0)
    # The floor keeps a question about which the draws are certain from deciding alone.
    weight = 1.0 / (drawn.var(axis=0) + 1e-4)
    distance = (weight * (observed - middle) ** 2).sum()
    p = float(np.mean((weight * (drawn - middle) ** 2).sum(axis=(1, 2)) >= distance))
    tail = (1.0 - INTERVAL) / 2.0
    questions = _questions(data, observed, middle, np.quantile(drawn, [tail, 1.0 - tail], axis=0))
    missed = [q for q in questions if q.missed]
    count, of = len({(q.item, q.condition) for q in missed}), len(data.questions)
    unexplained = share is not None and share < 1.0 - MISFIT_SHARE
    passed = p >= CHANCE or not (count >= MISSED_SHARE * of or (unexplained and count > 0))
    told = "" if share is None else f" It accounts for {share:.0%} of {what_changes(data)}."
    if passed:
        verb = "is not rejected by" if missed else "reproduces"
        words = f"The theory {verb} the observed shares: {_misses(data, missed, count)}{told}"
    else:
        words = f"The theory cannot reproduce the observed shares: {_misses(data, missed, count)}{told}"
    return Check("draws", questions, count, of, share, p, passed, words)


def _questions(data: ChoiceData, observed: np.ndarray, predicted: np.ndarray, ends: np.ndarray) -> tuple[Question, ...]:
    """Every question's options; of two the first says it all."""
    shown = range(1 if len(data.options) == 2 else len(data.options))
    return tuple(
        Question(
            item=data.items[q], condition=data.conditions[data.condition[q]], option=data.options[k],
            observed=float(observed[q, k]), predicted=float(predicted[q, k]),
            interval=(float(ends[0, q, k]), float(ends[1, q, k])),
            missed=bool(
                abs(observed[q, k] - predicted[q, k]) > MARGIN
                and not ends[0, q, k] <= observed[q, k] <= ends[1, q, k]
            ),
        )
        for q in range(len(data.questions))
        for k in shown
    )  # fmt: skip


def _misses(data: ChoiceData, missed: Sequence[Question], count: int) -> str:
    """How many questions are missed by how much, and which the most."""
    of = len(data.questions)
    if not missed:
        return f"none of {of} questions is missed by more than {MARGIN * 100:.0f} points."
    worst = max(missed, key=lambda q: abs(q.observed - q.predicted))
    where = worst.item if len(data.conditions) == 1 else f"{worst.item} ({worst.condition})"
    questions = f"{count} of {of} question{'s' if of > 1 else ''} {'are' if count > 1 else 'is'} missed"
    return (
        f"{questions} by more than {MARGIN * 100:.0f} points, most "
        f'of all {where}: "{worst.option}" {worst.observed:.0%} observed, {worst.predicted:.0%} expected.'
    )


def _counted(p: np.ndarray, totals: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, k) counts of so many answers; a share of an answer is drawn like the rest."""
    whole = np.maximum(np.round(totals), 1.0).astype(int)
    drawn = rng.multinomial(whole, p / p.sum(axis=1, keepdims=True))
    return np.asarray(drawn * (totals / whole)[:, None])
