"""Questions as they are put to persons, or to a model in all its presentations, before anybody has answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from replicator.errors import DataError
from replicator.experiment import ALL, Experiment, Outcome, Value, condition_name
from replicator.inference import answer_classes
from replicator.inference.data import ChoiceData
from replicator.theories.stimuli import declared, stimuli


@dataclass(frozen=True)
class Questions:
    """What is asked: each question an item in one condition."""

    options: tuple[str, ...]
    """Of answers in numbers all that may be given, as text."""
    items: tuple[str, ...]
    """(q,)"""
    conditions: tuple[str, ...]
    """(q,)"""
    outcomes: tuple[tuple[Outcome, ...], ...]
    """(q,) what every option gives."""
    variables: tuple[Mapping[str, Value], ...]
    """(q,) of the item and of the factors' levels."""


def of_experiment(experiment: Experiment, items: Sequence[str] = (), condition: str | None = None) -> Questions:
    """The items of an experiment, or some of them, in its default conditions, or one of them.

    Raises DataError where items differ in the answers that may be given.
    """
    cells = [
        (item, levels)
        for levels in experiment.conditions()
        for item in experiment.items
        if (not items or item.id in items) and condition in (None, condition_name(levels))
    ]
    variables = tuple({**levels, **item.variables} for item, levels in cells)
    options = experiment.option_names(variables[0])
    for (item, _), each in zip(cells, variables, strict=True):
        if experiment.option_names(each) != options:
            raise DataError(
                f'"{experiment.name}": the answers to "{item.id}" are not those to "{cells[0][0].id}".',
                remedy="Estimation takes questions with the same possible answers: give all items one range.",
            )
    return Questions(
        options=options,
        items=tuple(item.id for item, _ in cells),
        conditions=tuple(condition_name(levels) for _, levels in cells),
        outcomes=tuple(experiment.outcomes(each) for each in variables),
        variables=variables,
    )


def written(
    options: Sequence[str], outcomes: Sequence[Sequence[Outcome]], variables: Sequence[Mapping[str, Value]] = ()
) -> Questions:
    """Questions of one condition that no experiment asks."""
    return Questions(
        options=tuple(options),
        items=tuple(f"question-{n + 1}" for n in range(len(outcomes))),
        conditions=(ALL,) * len(outcomes),
        outcomes=tuple(tuple(given) for given in outcomes),
        variables=tuple(variables) or ({},) * len(outcomes),
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
    """Every question in every wording, with every set of labels, as it stands and in reverse order.

    Numbers are named and not shown: without labels, and in no order.
    """
    shown = answer_classes.numbers(asked.options) is None
    label_sets = label_sets if shown else ("",)
    sizes = (wordings, len(label_sets), 2 if shown else 1, len(asked.items))
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
        position=np.where(turned[:, None] == 1, place[::-1], place) if shown else None,
    )


def _data(asked: Questions, **rows: Any) -> ChoiceData:
    names = tuple(dict.fromkeys(asked.conditions))
    n = len(rows["question"])
    _, options, classes = answer_classes.grouped(asked.options)
    unchanged = {outcome.option for outcome in asked.outcomes[0] if outcome.status_quo}
    return ChoiceData(
        questions=tuple(f"{item}@{condition}" for item, condition in zip(asked.items, asked.conditions, strict=True)),
        items=asked.items,
        conditions=names,
        options=options,
        stimuli=declared(stimuli(asked.outcomes, asked.options), asked.options, asked.variables),
        condition=np.array([names.index(condition) for condition in asked.conditions]),
        logits=np.empty((n, 0)),
        counts=np.empty((n, 0)),
        status_quo=np.array([name in unchanged for name in options]),
        classes=classes,
        **rows,
    )
