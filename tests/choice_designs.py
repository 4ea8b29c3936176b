"""Designs and choices for tests of estimation: drawn at random, made by hand, or from simulated people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from replicator import choices, design
from replicator.collect import collect
from replicator.engines import open_engine
from replicator.experiment import Experiment
from replicator.inference.data import COLUMNS, Cells, ChoiceData, choice_data
from replicator.shares import usable
from replicator.store import AnswerStore
from replicator.theories import Stimuli


def random_stimuli(rng: np.random.Generator, questions: int, options: int, branches: int, *, losses: bool) -> Stimuli:
    """Lotteries over whole amounts, some of which recur; the last branch of some options is impossible."""
    amount = rng.integers(-9 if losses else 1, 20, size=(questions, options, branches)).astype(float)
    probability = rng.dirichlet(np.ones(branches), size=(questions, options))
    if branches > 1:
        short = rng.random((questions, options)) < 0.3
        probability[short, -1] = 0.0
        amount[short, -1] = amount[short, 0]
        probability /= probability.sum(axis=2, keepdims=True)
    reference = np.full(questions, np.abs(amount).max())
    return Stimuli(amount, probability, amount.max(axis=(1, 2)), amount.min(axis=(1, 2)), reference=reference)


def made(stimuli: Stimuli, **parts: Any) -> ChoiceData:
    """Choices over a design: one pooled unit and one condition unless `parts` says otherwise."""
    q, k, _ = stimuli.amount.shape
    rows = len(parts.get("question", np.arange(q)))
    whole: dict[str, Any] = {
        "kind": "counts",
        "unit_name": "pooled",
        "units": ("people",),
        "questions": tuple(f"item-{i}@all" for i in range(q)),
        "items": tuple(f"item-{i}" for i in range(q)),
        "conditions": ("all",),
        "options": tuple(f"option-{j}" for j in range(k)),
        "stimuli": stimuli,
        "condition": np.zeros(q, dtype=int),
        "unit": np.zeros(rows, dtype=int),
        "question": np.arange(q),
        "label_sets": ("",),
        "label_set": np.zeros(rows, dtype=int),
        "position": None,
        "logits": np.empty((rows, 0)),
        "counts": np.empty((rows, 0)),
        "status_quo": np.zeros(k, dtype=bool),
    }
    return ChoiceData(**(whole | parts))


def answered(
    experiment: Experiment,
    folder: Path,
    model: str,
    arguments: Mapping[str, str] | None = None,
    levels: Mapping[str, Sequence[Any]] | None = None,
) -> tuple[pd.DataFrame, Cells]:
    """What a simulated participant answers to the whole experiment, as estimation reads it from the disk."""
    engine = open_engine(model, arguments or {}, experiment=experiment)
    with AnswerStore(folder / "answers.sqlite") as store:
        table = collect(experiment, [engine], design.trials(experiment, levels=levels), store)
    choices.write(folder / "choices.parquet", table)
    return read(folder / "choices.parquet")


def read(path: Path) -> tuple[pd.DataFrame, Cells]:
    """The rows that estimation reads, and the outcomes of every question."""
    cells = {(row["item"], row["condition"]): row["outcomes"] for row in choices.cells(path).to_dict("records")}
    return choices.read(path, [*COLUMNS]), cells


def by_wording(table: pd.DataFrame, cells: Cells) -> ChoiceData:
    """A model's answers, with the wording as the unit."""
    return choice_data(usable(table), cells, "wording")
