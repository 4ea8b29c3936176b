"""Outcomes as arrays: what a theory of choice reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from replicator.errors import DataError
from replicator.experiment import Outcome
from replicator.theories.theory import Stimuli, Theory


def stimuli(questions: Sequence[Sequence[Outcome]], options: Sequence[str]) -> Stimuli:
    """The outcomes of each question, by option; impossible branches (probability 0) are left out.

    Raises DataError where a question offers something to another person, later, or with an unknown probability.
    """
    branches = [
        [[o for o in outcomes if o.option == name and o.probability_high > 0] for name in options]
        for outcomes in questions
    ]
    for outcomes in questions:
        _check(outcomes)
    width = max((len(branch) for question in branches for branch in question), default=1)
    shape = (len(questions), len(options), max(width, 1))
    amount, probability = np.zeros(shape), np.zeros(shape)
    for q, question in enumerate(branches):
        for k, branch in enumerate(question):
            if not branch:
                raise DataError(f'option "{options[k]}" gives nothing that a theory can read')
            amount[q, k, :] = branch[0].amount
            amount[q, k, : len(branch)] = [o.amount for o in branch]
            probability[q, k, : len(branch)] = [o.probability_low for o in branch]
    return Stimuli(
        amount=amount,
        probability=probability,
        largest=amount.max(axis=(1, 2)),
        smallest=amount.min(axis=(1, 2)),
    )


def check_domain(theory: Theory, arrays: Stimuli) -> None:
    """Raises DataError where the amounts lie outside the theory's domain."""
    if not theory.losses and float(arrays.smallest.min()) < 0:
        raise DataError(
            f'theory "{theory.name}" is about gains, but an option loses {-float(arrays.smallest.min()):g}.',
            remedy='Use "loss-aversion" for mixed gambles.',
        )


def _check(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.to != "self":
            raise DataError(f'option "{outcome.option}" gives to {outcome.to}; theories of risk read own outcomes only')
        if outcome.delay != 0:
            raise DataError(f'option "{outcome.option}" is delayed; theories of risk read immediate outcomes only')
        if outcome.probability_low != outcome.probability_high:
            raise DataError(f'option "{outcome.option}" has an unknown probability; theories of risk need known ones')
