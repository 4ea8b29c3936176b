"""Choices from linear budgets, two goods or more: to oneself and another, sooner and later, in one state and the other.

A question is a budget where its possible answers are the bundles on one line (or plane) of positive prices, each good
from nothing to all that can be bought of it, as in a dictator game with prices of giving (Andreoni & Miller 2002) or a
convex time budget (Andreoni & Sprenger 2012).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from replicator.rationality import revealed
from replicator.rationality.bundles import Floats
from replicator.rationality.finding import Average, Finding, Measure, Responders
from replicator.rationality.questions import Question

SEED = 19870519
"""Of random choosers, and of choices drawn from exact probabilities."""

CHOOSERS = 2000
"""Random choosers behind the baseline (Bronars 1987, doi:10.2307/1913608)."""

DRAWS = 100
"""Sets of choices drawn from each responder's probabilities, where these are not all 0 or 1."""

ALL_DRAWS = 100_000
"""Of more than a thousand responders fewer each, down to `FEWEST`: their mean is known well enough."""

FEWEST = 10

STRAIGHT = 1e-7
"""How far bundles may miss their line, as a part of the budget."""

Good = tuple[str, float, float, float, str]
"""Recipient, days, lowest and highest probability, state."""


@dataclass(frozen=True)
class Budget:
    goods: tuple[Good, ...]
    prices: Floats
    """(k,) So that the budget is 1."""
    bundles: Floats
    """(answers, k)."""


def budget(outcomes: Sequence[Mapping[str, Any]] | None, options: Sequence[str]) -> Budget | None:
    """The budget among whose bundles the answers choose; None where they are no linear budget."""
    if outcomes is None or len(options) < 2:
        return None
    rows: dict[str, dict[tuple[Good, int], float]] = {name: {} for name in options}
    for outcome in outcomes:
        own = rows.get(outcome["option"])
        if own is None:
            return None
        good: Good = (
            str(outcome["to"]), float(outcome["delay"]), round(float(outcome["probability_low"]), 11),
            round(float(outcome["probability_high"]), 11), str(outcome.get("state") or ""),
        )  # fmt: skip
        # Sure payments to one person at one date are one good; branches of a lottery are goods of their own.
        sure = good[2] == 1.0
        number = 0 if sure else sum(1 for key, _ in own if key == good)
        own[good, number] = own.get((good, number), 0.0) + float(outcome["amount"])
    columns = list(rows[options[0]])
    if len(columns) < 2 or any(set(own) != set(columns) for own in rows.values()):
        return None
    amounts = np.array([[own[column] for column in columns] for own in rows.values()])
    prices = _prices(amounts)
    return None if prices is None else Budget(tuple(good for good, _ in columns), prices, amounts)


def _prices(amounts: Floats) -> Floats | None:
    """Prices p with p x = 1 for every bundle (answers, k), where each good can be bought alone; otherwise None."""
    if not np.isfinite(amounts).all() or amounts.min() < 0.0:
        return None
    most = amounts.max(axis=0)
    if most.min() <= 0.0:
        return None
    prices = 1.0 / most
    spent = amounts @ prices
    return prices if np.abs(spent - 1.0).max() < STRAIGHT else None


def findings(questions: Sequence[Question], condition: str) -> list[Finding]:
    """Afriat's index, its percentile among random choosers and how many break no axiom; none for fewer than two
    budgets over the same goods."""
    by_goods: dict[tuple[Good, ...], list[tuple[Question, Budget]]] = {}
    for question in questions:
        if question.response in ("amount", "allocation") and len(question.asked):
            found = budget(question.asked["outcomes"].iloc[0], question.options)
            if found is not None:
                by_goods.setdefault(found.goods, []).append((question, found))
    return [entry for some in by_goods.values() if len(some) > 1 for entry in _of_goods(some, condition)]


def _of_goods(some: Sequence[tuple[Question, Budget]], condition: str) -> list[Finding]:
    prices = np.stack([one.prices for _, one in some])
    if not revealed.crossing(prices):
        words = (
            f"No two of the {len(some)} budgets cross: whatever is chosen from them could be somebody's best choice, "
            "so that revealed preference cannot be tested."
        )
        return [Finding(condition, "afriat-index", words, over=len(some))]
    rows = pd.concat([question.usable for question, _ in some])
    if rows.empty:
        return []
    who = Responders.of(rows)
    place = np.repeat(np.arange(len(some)), [len(question.usable) for question, _ in some])
    answers = [Responders(who.unit, who.code[place == number], who.keys, who.drawn) for number in range(len(some))]
    chances = [_chances(own, question.probabilities) for own, (question, _) in zip(answers, some, strict=True)]
    random = Random.of([one for _, one in some], prices)
    return _findings(condition, some, prices, who, chances, random)


def _chances(own: Responders, probabilities: Floats) -> Floats:
    """(responders, answers) Each responder's mean distribution over one budget's answers; NaN where it gave none."""
    total = np.zeros((len(own.keys), probabilities.shape[1]))
    np.add.at(total, own.code, probabilities)
    count = total.sum(axis=1, keepdims=True)
    means: Floats = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return means


@dataclass(frozen=True)
class Random:
    """Choosers that take every answer of every budget equally often."""

    index: Floats
    """(choosers,) Afriat's index of each, ascending."""
    obeys: float
    """Share of them that break no axiom; 1 less this is Bronars' power of the design."""

    @classmethod
    def of(cls, some: Sequence[Budget], prices: Floats) -> Random:
        generator = np.random.default_rng(SEED)
        chosen = np.stack([one.bundles[generator.integers(len(one.bundles), size=CHOOSERS)] for one in some], axis=1)
        index = np.sort(revealed.efficiency(prices, chosen))
        return cls(index, float(revealed.obeys(prices, chosen).mean()))

    def percentile(self, index: Floats) -> Floats:
        """Per cent of random choosers below, those level counted half."""
        below = np.searchsorted(self.index, index - revealed.ROUNDING, side="left")
        up_to = np.searchsorted(self.index, index + revealed.ROUNDING, side="right")
        return np.asarray(50.0 * (below + up_to) / len(self.index), dtype=np.float64)


def _findings(
    condition: str,
    some: Sequence[tuple[Question, Budget]],
    prices: Floats,
    who: Responders,
    chances: Sequence[Floats],
    random: Random,
) -> list[Finding]:
    each = _measured(some, prices, chances, random)
    whole = int((~np.isnan(each[:, 0])).sum())
    scales = (1.0, 100.0, 1.0)
    ways = [[who.average(each[:, k], scale) for k, scale in enumerate(scales)]]
    if who.unit in ("person", "persona"):
        together = [np.nanmean(one, axis=0, keepdims=True) for one in chances]
        values = _measured(some, prices, together, random)[0]
        ways.append([Average(float(value), np.nan, np.nan, who.people, "share") for value in values])
    measures: tuple[Measure, ...] = ("afriat-index", "afriat-percentile", "garp")
    baselines = (float(random.index.mean()), 50.0, random.obeys)
    words = _words(len(some), random, len(each) - whole)
    return [
        Finding(
            condition, measure, words[measure] + _SHARED * (average.unit == "share"), average.value, average.low,
            average.high, average.n, average.unit, len(some), baseline,
        )
        for averages in ways
        for measure, average, baseline in zip(measures, averages, baselines, strict=True)
        if not np.isnan(average.value)
    ]  # fmt: skip


_SHARED = " Of one responder who chooses by everybody's pooled shares."


def _measured(
    some: Sequence[tuple[Question, Budget]], prices: Floats, chances: Sequence[Floats], random: Random
) -> Floats:
    """(responders, 3) Expected index, percentile and P(no axiom broken); NaN where a budget is unanswered."""
    generator = np.random.default_rng(SEED)
    found = np.full((len(chances[0]), 3), np.nan)
    most = min(max(ALL_DRAWS // len(found), FEWEST), DRAWS)
    for responder in range(len(found)):
        own = [chance[responder] for chance in chances]
        if any(np.isnan(chance).any() for chance in own):
            continue
        draws = 1 if all(chance.max() > 1.0 - revealed.ROUNDING for chance in own) else most
        chosen = np.stack(
            [
                budget.bundles[generator.choice(len(chance), size=draws, p=chance / chance.sum())]
                for chance, (_, budget) in zip(own, some, strict=True)
            ],
            axis=1,
        )
        index = revealed.efficiency(prices, chosen)
        obeys = revealed.obeys(prices, chosen)
        found[responder] = index.mean(), random.percentile(index).mean(), obeys.mean()
    return found


def _words(budgets: int, random: Random, incomplete: int) -> dict[str, str]:
    high = float(np.quantile(random.index, 0.95))
    text = (
        f"{budgets} budgets. Choosers at random reach {random.index.mean():.2f} on average, one in twenty of them "
        f"{high:.2f}, and break the axiom of revealed preference in {100 * (1.0 - random.obeys):.0f}% of cases."
    )
    if incomplete:
        text += f" {incomplete} left a budget unanswered and are not counted."
    return {
        "afriat-index": f"{text} 1 is consistent choice; 1 less the index is the part of a budget that is wasted at "
        "most.",
        "afriat-percentile": f"{text} The value is the per cent of them that are less consistent.",
        "garp": f"{text} The value is the share that never breaks it.",
    }
