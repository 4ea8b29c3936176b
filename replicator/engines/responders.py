"""Plain responders, which answer by a rule of one line: what a wrong tool would misread."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
    amounts = np.array(list(value.values()))
    best = np.isclose(amounts, amounts.max(), rtol=1e-9, atol=1e-9)
    return np.asarray(best / best.sum(), dtype=np.float64)


RESPONDERS: Mapping[str, tuple[Rule, str]] = {
    "uniform": (uniform, "Picks every option equally often."),
    "always-first": (always_first, "Picks the option displayed first, of numbers the smallest."),
    "expected-value": (
        expected_value,
        "Picks the option that pays itself most on average; given noise=..., only mostly.",
    ),
}
