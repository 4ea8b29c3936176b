"""Outcomes as arrays: what a theory of choice reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from replicator.errors import DataError
from replicator.experiment import Outcome
from replicator.theories.theory import Stimuli, Theory


def stimuli(questions: Sequence[Sequence[Outcome]], options: Sequence[str]) -> Stimuli:
    """The outcomes of each question, by option; impossible branches (probability 0) are left out, and an option that
    pays another person alone gives nothing to oneself.

    Raises DataError for an option without outcomes, for an unknown probability, where another person gets something
    only perhaps or later, and where several others get something.
    """
    for outcomes in questions:
        _check(outcomes, options)
    branches = [
        [[o for o in outcomes if o.option == name and o.to == "self" and o.probability_high > 0] for name in options]
        for outcomes in questions
    ]
    width = max((len(branch) for question in branches for branch in question), default=1)
    shape = (len(questions), len(options), max(width, 1))
    amount, probability, delay = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for q, question in enumerate(branches):
        for k, branch in enumerate(question):
            if not branch:  # it pays somebody else alone
                probability[q, k, 0] = 1.0
                continue
            amount[q, k, :] = branch[0].amount
            amount[q, k, : len(branch)] = [o.amount for o in branch]
            probability[q, k, : len(branch)] = [o.probability_low for o in branch]
            delay[q, k, : len(branch)] = [o.delay for o in branch]
    return Stimuli(
        amount=amount,
        probability=probability,
        largest=amount.max(axis=(1, 2)),
        smallest=amount.min(axis=(1, 2)),
        delay=delay if delay.any() else None,
        other=_of_other(questions, options),
    )


def check_domain(theory: Theory, arrays: Stimuli) -> None:
    """Raises DataError, with the theories that would do, where the outcomes lie outside the theory's domain."""
    from replicator.theories import THEORIES

    problem = _outside(theory, arrays)
    if problem is not None:
        concerned = {"delay": arrays.delay is not None, "other": arrays.other is not None}
        fitting = [
            name
            for name, other in THEORIES.items()
            if other.response == "choice" and _outside(other, arrays) is None and all(concerned[c] for c in other.reads)
        ]
        remedy = f"Theories that read all of it: {', '.join(fitting)}." if fitting else "No theory reads all of it."
        raise DataError(f'theory "{theory.name}" {problem}.', remedy=remedy)


def _outside(theory: Theory, arrays: Stimuli) -> str | None:
    if not theory.losses and float(arrays.smallest.min()) < 0:
        return f"is about gains, but an option loses {-float(arrays.smallest.min()):g}"
    if arrays.delay is not None and "delay" not in theory.reads:
        return "reads immediate outcomes only, and an option is paid later"
    if arrays.other is not None and "other" not in theory.reads:
        return "reads own outcomes only, and an option gives to another person"
    return None


def _of_other(questions: Sequence[Sequence[Outcome]], options: Sequence[str]) -> np.ndarray | None:
    """(q, k) what another person gets; None where no outcome is anybody else's."""
    if all(outcome.to == "self" for outcomes in questions for outcome in outcomes):
        return None
    given = np.zeros((len(questions), len(options)))
    for q, outcomes in enumerate(questions):
        for outcome in outcomes:
            if outcome.to != "self":
                given[q, list(options).index(outcome.option)] += outcome.amount
    return given


def _check(outcomes: Sequence[Outcome], options: Sequence[str]) -> None:
    for name in options:
        if all(outcome.option != name for outcome in outcomes):
            raise DataError(f'option "{name}" gives nothing that a theory can read')
    others = dict.fromkeys(outcome.to for outcome in outcomes if outcome.to != "self")
    if len(others) > 1:
        raise DataError(f"theories read one other person, and there are several: {', '.join(others)}")
    for outcome in outcomes:
        where = f'option "{outcome.option}"'
        if outcome.probability_low != outcome.probability_high:
            raise DataError(f"{where} has an unknown probability; theories need known ones")
        if outcome.to != "self" and (outcome.probability_low != 1.0 or outcome.delay != 0):
            raise DataError(
                f"{where} gives to {outcome.to} only perhaps or later; theories read what others surely get"
            )
