"""Plain responders, which answer by a rule of one line: what a wrong tool would misread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

import numpy as np

from replicator.design import Trial
from replicator.engines.simulated import Floats
from replicator.response import read_division

Rule = Callable[[Trial], Floats | None]
"""Probabilities (k,) in the experiment's own option order; None where outcomes cannot answer the trial."""


def uniform(trial: Trial) -> Floats:
    """Every option equally often."""
    return np.full(len(trial.options), 1.0 / len(trial.options))


def always_first(trial: Trial) -> Floats:
    """The option displayed first; of amounts and numbers the smallest, of accounts all to the first."""
    answer = np.zeros(len(trial.options))
    answer[_first_displayed(trial)] = 1.0
    return answer


def _first_displayed(trial: Trial) -> int:
    if not trial.order:
        return 0
    first = trial.order[0]
    if trial.form.accounts:
        parts = [read_division(option)[first] for option in trial.options]
        return parts.index(max(parts))
    return first


def expected_value(trial: Trial) -> Floats | None:
    """The option that pays itself most on average; ties are split equally, ambiguous odds taken halfway."""
    if not trial.outcomes:
        return None
    value = dict.fromkeys(trial.options, 0.0)
    for outcome in trial.outcomes:
        if outcome.to == "self":
            odds = (outcome.probability_low + outcome.probability_high) / 2.0
            value[outcome.option] += odds * outcome.amount
    return _split(np.array(list(value.values())))


def always_safe(trial: Trial) -> Floats | None:
    """The option whose payment varies least (by its standard deviation); ties are split equally."""
    lotteries = _lotteries(trial)
    if lotteries is None:
        return None
    sd = [np.sqrt(max(float(p @ x**2 - (p @ x) ** 2), 0.0)) for x, p in lotteries]
    return _split(-np.array(sd))


def always_50(trial: Trial) -> Floats:
    """The middle of what may be answered: half of an amount; of two options each half of the time."""
    last = len(trial.options) - 1
    answer = np.zeros(last + 1)
    answer[[last // 2, (last + 1) // 2]] += 0.5
    return answer


def refuses_losses(trial: Trial) -> Floats | None:
    """Nothing that can lose, however much it may gain; of what is left the option that pays most on average. Where all
    can lose, the one that can lose least."""
    lotteries = _lotteries(trial)
    if lotteries is None:
        return None
    worst = np.array([min(float(x[p > 0].min()), 0.0) for x, p in lotteries])
    mean = np.array([float(p @ x) for x, p in lotteries])
    return _split(np.where(worst >= worst.max() - 1e-9, mean, -np.inf))


def majority(trial: Trial) -> Floats | None:
    """The option that most likely pays more than the others, each drawn on its own, however much more or less that is:
    the majority rule, or most probable winner (Blavatskyy 2006, doi:10.1016/j.jmp.2006.04.002)."""
    lotteries = _lotteries(trial)
    if lotteries is None:
        return None
    wins = np.zeros(len(lotteries))
    for cell in product(*(range(len(x)) for x, _ in lotteries)):
        paid = np.array([x[i] for (x, _), i in zip(lotteries, cell, strict=True)])
        wins += np.prod([p[i] for (_, p), i in zip(lotteries, cell, strict=True)]) * _split(paid)
    return _split(wins)


def _lotteries(trial: Trial) -> list[tuple[Floats, Floats]] | None:
    """Of every option the amounts that it pays itself and their probabilities, ambiguous ones taken halfway; None where
    options pay nothing."""
    if not trial.outcomes:
        return None
    found = []
    for option in trial.options:
        own = [o for o in trial.outcomes if o.option == option and o.to == "self"]
        amounts = np.array([o.amount for o in own] or [0.0])
        odds = np.array([(o.probability_low + o.probability_high) / 2.0 for o in own] or [1.0])
        found.append((amounts, odds))
    return found


def _split(worth: Floats) -> Floats:
    """All to what is worth most; ties are split equally."""
    best = np.isclose(worth, worth.max(), rtol=1e-9, atol=1e-9)
    return np.asarray(best / best.sum(), dtype=np.float64)


RESPONDERS: Mapping[str, tuple[Rule, str]] = {
    "uniform": (uniform, "Picks every option equally often."),
    "always-first": (always_first, "Picks the option displayed first, of numbers the smallest."),
    "expected-value": (
        expected_value,
        "Picks the option that pays itself most on average; given noise=..., only mostly.",
    ),
    "always-safe": (always_safe, "Picks the option whose payment varies least."),
    "always-50": (always_50, "Answers the middle: half of an amount; of two options each half of the time."),
    "refuses-losses": (refuses_losses, "Never picks what can lose; else the option that pays most on average."),
    "majority": (majority, "Picks the option that most likely pays more, however much more."),
}

READ_OUTCOMES = frozenset({"expected-value", "always-safe", "refuses-losses", "majority"})
"""Responders that cannot answer where options pay nothing."""
