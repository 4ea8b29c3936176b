"""What the priors of strategic theories imply: the answers that they expect in a well-known game."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from replicator.experiment import Value
from replicator.theories.stimuli import declared
from replicator.theories.theory import Stimuli, Theory

THINNED = 100
"""One prior draw of so many is played, since every one takes a distribution over a whole grid."""

_AT_ONCE = 1000
"""Draws whose distributions are held at one time."""


@dataclass(frozen=True)
class Game:
    """A game, and the number that sums up how it is played."""

    quantity: str
    unit: str
    question: Stimuli
    weight: np.ndarray
    """(k,) of every answer in the number: itself for a mean, 1 where it counts for a share."""

    def of(self, theory: Theory, natural: Mapping[str, np.ndarray]) -> np.ndarray:
        """(n / THINNED,) the number under every parameter drawn, of (n,) draws."""
        assert theory.log_probabilities is not None
        thinned = {p.name: natural[p.name][::THINNED, None, None, None] for p in theory.parameters}
        found = []
        for start in range(0, len(next(iter(thinned.values()))), _AT_ONCE):
            some = {name: values[start : start + _AT_ONCE] for name, values in thinned.items()}
            found.append(np.exp(theory.log_probabilities(np, some, self.question))[:, 0, :] @ self.weight)
        return np.concatenate(found)


def _grid(answers: np.ndarray, variables: Mapping[str, Value]) -> Stimuli:
    nothing = np.zeros((1, len(answers), 1))
    arrays = Stimuli(nothing, nothing + 1.0, largest=np.zeros(1), smallest=np.zeros(1))
    return declared(arrays, [f"{answer:g}" for answer in answers], [variables])


def _dilemma() -> Stimuli:
    """The prisoner's dilemma whose payoffs are 5 (temptation), 3, 1 and 0; the first action is to defect."""
    own = np.array([[[1.0, 5.0], [0.0, 3.0]]])
    return Stimuli(
        own, np.full_like(own, 0.5), own.max(axis=(1, 2)), own.min(axis=(1, 2)),
        payoff=own, payoff_of_other=own.transpose(0, 2, 1),
    )  # fmt: skip


_NUMBERS, _REQUESTS = np.arange(101.0), np.arange(11.0, 21.0)

GAMES: Mapping[str, Game] = {
    "cognitive-hierarchy": Game(
        "mean number named, of 0 to 100, at p = 2/3", "", _grid(_NUMBERS, {"p": 2.0 / 3.0}), _NUMBERS
    ),
    "level-k": Game(
        "share that asks for 17 to 19, of 11 to 20, at a bonus of 20",
        "share",
        _grid(_REQUESTS, {"bonus": 20.0}),
        ((_REQUESTS >= 17) & (_REQUESTS <= 19)).astype(float),
    ),
    "quantal-response": Game(
        "share that defects in the dilemma with payoffs 5, 3, 1 and 0", "share", _dilemma(), np.array([1.0, 0.0])
    ),
}
