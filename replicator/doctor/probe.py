"""What the doctor asks: a fixed part of a real experiment, put and kept exactly as a run does it.

A few items from the experiment's whole range, in its first condition, in every wording, with every label set and
with enough orders that each option stands at each position equally often; and all comprehension checks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from replicator import design, prompt
from replicator.collect import Progress, askable, collect
from replicator.design import Trial
from replicator.engines.engine import Answer, Engine, Question
from replicator.experiment import Experiment
from replicator.store import AnswerStore

if TYPE_CHECKING:
    import pandas as pd

DEFAULT = ("holt-laury", "dictator")
"""A choice among options, and an amount."""

ITEMS = 3
WORDINGS = 10


@dataclass(frozen=True)
class Asked:
    """An experiment's probe with one model's answers, (n) questions each."""

    experiment: Experiment
    questions: tuple[Question, ...]
    answers: tuple[Answer, ...]
    frame: pd.DataFrame
    """As `choices.read` gives it, options and probabilities included."""
    seconds: float
    bounded: tuple[bool, ...]
    """(n) whether only bounds of the probabilities are known, as from a server that tells the likeliest tokens."""

    @property
    def name(self) -> str:
        return self.experiment.name


def questions(experiment: Experiment) -> tuple[Question, ...]:
    """The experiment's probe, comprehension checks last."""
    trials = design.trials(experiment)
    own = [trial for trial in trials if trial.check is None]
    items = _spread(list(dict.fromkeys(trial.item for trial in own)), ITEMS)
    wordings = _spread(list(dict.fromkeys(trial.wording for trial in own)), WORDINGS)
    kept = [
        trial
        for trial in trials
        if trial.check is not None
        or (
            trial.condition == own[0].condition
            and trial.layout == own[0].layout
            and trial.item in items
            and trial.wording in wordings
            and _rotated(trial)
        )
    ]
    return tuple(Question(trial, prompt.render(experiment, trial)) for trial in kept)


def ask(experiment: Experiment, engine: Engine, progress: Progress) -> Asked:
    """The model's answers, all asked anew. Raises as `collect` does."""
    asked = tuple(question for question in questions(experiment) if askable(engine, question.trial))
    with TemporaryDirectory() as folder, AnswerStore(Path(folder) / "answers.sqlite") as store:
        begun = time.perf_counter()
        table = collect(experiment, [engine], [question.trial for question in asked], store, progress=progress)
        seconds = time.perf_counter() - begun
        frame = _frame(table, Path(folder) / "choices.parquet")
    rows = table.select([*_ANSWER, *_BOUNDS]).to_pylist()
    answers = tuple(_answer(row) for row in rows)
    bounded = tuple(row[_BOUNDS[0]] != row[_BOUNDS[1]] for row in rows)
    return Asked(experiment, asked, answers, frame, seconds, bounded)


class Part(Protocol):
    """What was found of one experiment."""

    @property
    def experiment(self) -> str: ...


_Part = TypeVar("_Part", bound=Part)


def about(asked: Asked, found: Iterable[_Part]) -> list[_Part]:
    """Those parts of what was found that are about this experiment."""
    return [part for part in found if part.experiment == asked.name]


def log_probabilities(answer: Answer) -> tuple[float, ...] | None:
    """(options) log probability of each before renormalising; None where there is none."""
    if answer.probabilities is None:
        return None
    mass = 1.0 if answer.label_mass is None else answer.label_mass
    return tuple(math.log(p * mass) if p * mass > 0 else -math.inf for p in answer.probabilities)


_ANSWER = ("probabilities", "label_mass", "status", "text")
_BOUNDS = ("probability_low", "probability_high")


def _answer(row: dict[str, Any]) -> Answer:
    probabilities, *rest = (row[name] for name in _ANSWER)
    return Answer(None if probabilities is None else tuple(probabilities), *rest)


def _frame(table: Any, path: Path) -> pd.DataFrame:
    from replicator import choices

    choices.write(path, table)
    lists = ["options", "probabilities"]
    return choices.read(path, [*(name for name in table.column_names if name not in choices.LISTS), *lists])


def _spread(names: Sequence[str], most: int) -> set[str]:
    """At most so many, from the first to the last."""
    if len(names) <= most:
        return set(names)
    return {names[round(i * (len(names) - 1) / (most - 1))] for i in range(most)}


def _rotated(trial: Trial) -> bool:
    """Whether the order is one of a Latin square; above four options the design shows no others anyway."""
    k = len(trial.order)
    return k > 4 or all((trial.order[i] - trial.order[i - 1]) % k == 1 for i in range(1, k))
