"""Payoffs of games: what oneself and the other player get, by both players' actions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from replicator.errors import DataError
from replicator.experiment import Outcome
from replicator.theories.theory import Stimuli


def actions(questions: Sequence[Sequence[Outcome]]) -> tuple[str, ...]:
    """The other player's actions on which outcomes depend, in order of first appearance."""
    return tuple(dict.fromkeys(o.state for outcomes in questions for o in outcomes if o.state is not None))


def of_games(questions: Sequence[Sequence[Outcome]], options: Sequence[str]) -> Stimuli:
    """What a theory of games reads. The other's actions have no probability of their own: as branches of a lottery they
    count alike. Raises DataError as `payoffs` does."""
    states = actions(questions)
    mine, hers = payoffs(questions, options, states)
    return Stimuli(
        amount=mine,
        probability=np.full(mine.shape, 1.0 / len(states)),
        largest=mine.max(axis=(1, 2)),
        smallest=mine.min(axis=(1, 2)),
        payoff=mine,
        payoff_of_other=hers,
    )


def payoffs(
    questions: Sequence[Sequence[Outcome]], options: Sequence[str], states: Sequence[str]
) -> tuple[np.ndarray, np.ndarray | None]:
    """(q, k, s) expected payoff of oneself and of the other player; None for the other's where no outcome is hers.

    An outcome without a state is paid whatever the other player does. Raises DataError where a payoff is missing,
    delayed, or of unknown probability.
    """
    others = dict.fromkeys(o.to for outcomes in questions for o in outcomes if o.to != "self")
    if len(others) > 1:
        raise DataError(f"theories read one other player, and there are several: {', '.join(others)}")
    mine, hers = (_table(questions, options, states, me) for me in (True, False))
    if np.isnan(mine).any():
        raise DataError(f"{_missing(mine, options, states)} gives nothing to oneself", remedy="Write 0 for nothing.")
    if np.isnan(hers).all():
        return mine, None
    if np.isnan(hers).any():
        raise DataError(
            f"{_missing(hers, options, states)} gives nothing to the other player", remedy="Write 0 for nothing."
        )
    return mine, hers


def _table(
    questions: Sequence[Sequence[Outcome]], options: Sequence[str], states: Sequence[str], me: bool
) -> np.ndarray:
    """(q, k, s) expected payoff of one player, NaN where nothing says it."""
    found = np.full((len(questions), len(options), len(states)), np.nan)
    for q, outcomes in enumerate(questions):
        for outcome in outcomes:
            if (outcome.to == "self") != me:
                continue
            if outcome.delay != 0:
                raise DataError(f'option "{outcome.option}" pays later; games are read that pay at once')
            if outcome.probability_low != outcome.probability_high:
                raise DataError(f'option "{outcome.option}" has an unknown probability; games need known ones')
            cell = found[q, list(options).index(outcome.option)]
            where = slice(None) if outcome.state is None else list(states).index(outcome.state)
            cell[where] = np.nan_to_num(cell[where]) + outcome.probability_low * outcome.amount
    return found


def _missing(table: np.ndarray, options: Sequence[str], states: Sequence[str]) -> str:
    _, k, s = np.argwhere(np.isnan(table))[0]
    return f'option "{options[k]}" against the other\'s "{states[s]}"'
