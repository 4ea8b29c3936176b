"""Questions as they are put to persons, or to a model in all its presentations, before anybody has answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from replicator.experiment import ALL, Experiment, Outcome, condition_name
from replicator.inference.data import ChoiceData
from replicator.theories.stimuli import stimuli


@dataclass(frozen=True)
class Questions:
    """What is asked: each question an item in one condition."""

    options: tuple[str, ...]
    items: tuple[str, ...]
    """(q,)"""
    conditions: tuple[str, ...]
    """(q,)"""
    outcomes: tuple[tuple[Outcome, ...], ...]
    """(q,) what every option gives."""

    @property
    def status_quo(self) -> np.ndarray:
        """(k,) whether the option leaves things as they are."""
        return np.array([any(o.status_quo for o in self.outcomes[0] if o.option == name) for name in self.options])


def of_experiment(experiment: Experiment, items: Sequence[str] = (), condition: str | None = None) -> Questions:
    """The items of an experiment with choices, or some of them, in its default conditions, or one of them."""
    cells = [
        (item, levels)
        for levels in experiment.conditions()
        for item in experiment.items
        if (not items or item.id in items) and condition in (None, condition_name(levels))
    ]
    return Questions(
        options=tuple(option.name for option in experiment.options),
        items=tuple(item.id for item, _ in cells),
        conditions=tuple(condition_name(levels) for _, levels in cells),
        outcomes=tuple(experiment.outcomes({**levels, **item.variables}) for item, levels in cells),
    )


def written(options: Sequence[str], outcomes: Sequence[Sequence[Outcome]]) -> Questions:
    """Questions of one condition that no experiment asks."""
    return Questions(
        options=tuple(options),
        items=tuple(f"question-{n + 1}" for n in range(len(outcomes))),
        conditions=(ALL,) * len(outcomes),
        outcomes=tuple(tuple(given) for given in outcomes),
    )


def to_persons(asked: Questions, persons: int) -> ChoiceData:
    """Every question once to every person, in an order that nobody recorded."""
    person, question = np.indices((persons, len(asked.items))).reshape(2, -1)
    return _data(
        asked,
        kind="counts",
        unit_name="person" if persons > 1 else "pooled",
        units=tuple(f"person-{n + 1}" for n in range(persons)),
        unit=person,
        question=question,
        label_sets=("",),
        label_set=np.zeros(len(person), dtype=int),
        position=None,
    )


def to_a_model(asked: Questions, wordings: int, label_sets: Sequence[str], *, exact: bool) -> ChoiceData:
    """Every question in every wording, with every set of labels, as it stands and in reverse order."""
    sizes = (wordings, len(label_sets), 2, len(asked.items))
    wording, labels, turned, question = np.indices(sizes).reshape(4, -1)
    place = np.arange(len(asked.options))
    return _data(
        asked,
        kind="probabilities" if exact else "counts",
        unit_name="wording",
        units=tuple(f"wording-{n + 1}" for n in range(wordings)),
        unit=wording,
        question=question,
        label_sets=tuple(label_sets),
        label_set=labels,
        position=np.where(turned[:, None] == 1, place[::-1], place),
    )


def _data(asked: Questions, **rows: Any) -> ChoiceData:
    names = tuple(dict.fromkeys(asked.conditions))
    n = len(rows["question"])
    return ChoiceData(
        questions=tuple(f"{item}@{condition}" for item, condition in zip(asked.items, asked.conditions, strict=True)),
        items=asked.items,
        conditions=names,
        options=asked.options,
        stimuli=stimuli(asked.outcomes, asked.options),
        condition=np.array([names.index(condition) for condition in asked.conditions]),
        logits=np.empty((n, 0)),
        counts=np.empty((n, 0)),
        status_quo=asked.status_quo,
        **rows,
    )
