"""A table of choices becomes arrays: what the builder's likelihoods read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from replicator import choices
from replicator.errors import DataError
from replicator.experiment import Experiment, Outcome
from replicator.inference import answer_classes
from replicator.theories.stimuli import declared, stimuli
from replicator.theories.theory import Stimuli

EXACT = ("probability", "verbalised")
"""Elicitations whose every answer is a whole distribution, and not a draw."""

STATED = 0.005
"""The least that a share stated as none is taken for: stated numbers are rounded to a percent."""

LOGIT_LIMIT = 12.0
"""Logits of exact probabilities are winsorised here; beyond it (6e-6) they say the same."""

COLUMNS = (
    "item", "condition", "wording", "labels", "order", "subject", "elicitation",
    "options", "probabilities", "value", "label_mass", "status", "model", "population",
)  # fmt: skip
"""What estimation reads of a table of choices."""

PROMPT = ("item", "condition", "wording", "labels", "order", "subject")
"""What tells one prompt from another."""

Cells = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]
"""(item, condition) -> outcomes, as `choices.cells` gives them."""


@dataclass(frozen=True)
class ChoiceData:
    """Choices of one population over `q` questions with `k` options, as `n` rows."""

    kind: Literal["probabilities", "counts"]
    unit_name: Literal["wording", "person", "persona", "pooled"]
    units: tuple[str, ...]
    questions: tuple[str, ...]
    """Item and condition."""
    items: tuple[str, ...]
    """(q,) the question's item."""
    conditions: tuple[str, ...]
    options: tuple[str, ...]
    """In the experiment's own order; of long grids the classes of neighbouring answers."""
    stimuli: Stimuli
    """Of `a` possible answers, which are the `k` options unless they are put together into classes."""
    condition: np.ndarray
    """(q,) index of the question's condition."""
    unit: np.ndarray
    """(n,) index of the row's wording, person or persona."""
    question: np.ndarray
    """(n,)"""
    label_sets: tuple[str, ...]
    label_set: np.ndarray
    """(n,) index of the row's label set; 0 where there is none."""
    position: np.ndarray | None
    """(n, k) displayed position of every option, or None where the order is unknown or never varied."""
    logits: np.ndarray
    """(n, k - 1) log odds against the last option (exact probabilities), winsorised; empty for counts."""
    counts: np.ndarray
    """(n, k) how often each option was chosen (in expectation, given traces); empty for exact probabilities."""
    status_quo: np.ndarray
    """(k,) whether the option leaves things as they are."""
    wordings: tuple[str, ...] = ()
    """That the units are crossed with: of personas, where there are several wordings."""
    wording: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))
    """(n,) index of the row's wording; empty where units are not crossed."""
    classes: np.ndarray | None = None
    """(a,) index of the option that every possible answer belongs to; None where each is one of its own."""
    thresholds: bool = False
    """Whether an answer is the least that is accepted, see `censored`."""
    regressors: tuple[str, ...] = ()
    """Names of the columns on which the units' parameters are regressed."""
    regressed: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    """(unit, regressor); empty without a regression."""

    @property
    def shares(self) -> np.ndarray:
        """(q, k) mean share of each option, over rows or over counts."""
        weights = self.counts if self.kind == "counts" else self.probabilities
        total = np.zeros((len(self.questions), len(self.options)))
        np.add.at(total, self.question, weights)
        return np.asarray(total / total.sum(axis=1, keepdims=True))

    @property
    def probabilities(self) -> np.ndarray:
        """(n, k) probabilities implied by the winsorised logits, or the shares of the counts."""
        if self.kind == "counts":
            return np.asarray(self.counts / self.counts.sum(axis=1, keepdims=True))
        logits = np.column_stack([self.logits, np.zeros(len(self.logits))])
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def read(path: Path) -> pd.DataFrame:
    """What estimation reads of a table of choices: `COLUMNS`, and the item variables and factors. Raises DataError."""
    names = choices.column_names(path)
    return choices.read(path, [*COLUMNS, *choices.stimulus_columns(names), *choices.factor_columns(names)])


def choice_data(
    table: pd.DataFrame, cells: Cells, unit: Literal["wording", "person", "persona", "pooled"]
) -> ChoiceData:
    """Arrays from the usable rows of one population. Raises DataError where rows disagree about the options.

    Probabilities given a trace of reasoning are summed over traces like the answers that would be drawn after
    them: the counts are then fractional, and a question's number is that of its traces. Shares that a model
    states of people are averaged over repeats instead, since each is a whole distribution.

    Of personas, complete presentations of one question in one wording (`personas.complete`) become one row: their mean
    log odds, in which effects of position and labels cancel, or the sum of their counts.
    """
    if table.empty:
        raise DataError("no usable answers")
    stated = bool((table["elicitation"] == "verbalised").all())
    # A whole distribution that is given again says nothing new: it is no second draw.
    table = averaged(table) if bool(table["elicitation"].isin(EXACT).all()) else table
    answers = tuple(str(o) for o in table["options"].iloc[0])
    if any(tuple(row) != answers for row in table["options"]):
        raise DataError("the options differ between rows of one experiment")
    grid, options, classes = answer_classes.grouped(answers)
    question_code, questions = codes(table["item"] + "@" + table["condition"])
    first = table[~pd.Series(question_code).duplicated().to_numpy()]
    outcomes = [
        tuple(_outcome(o) for o in cells[item, condition] or ())
        for item, condition in zip(first["item"], first["condition"], strict=True)
    ]
    conditions = tuple(dict.fromkeys(first["condition"]))
    given = np.asarray(table["probabilities"].tolist(), dtype=float)
    _require_numbers(table, given, stated=stated)
    given = answer_classes.summed(given, classes)
    probabilities = np.maximum(given, STATED if stated else 0.0)
    frame = pd.DataFrame(
        {
            "unit": _units(table, unit),
            "question": question_code,
            "labels": table["labels"].fillna("").to_numpy() if unit in ("wording", "person") else "",
            "order": table["order"].fillna("").to_numpy() if unit in ("wording", "person") else "",
            "wording": table["wording"].to_numpy() if unit == "persona" else "",
        }
    )
    exact = bool(table["elicitation"].isin(EXACT).all()) and unit != "pooled"
    values = _logits(probabilities) if exact else probabilities
    if not exact or unit == "persona":
        grouped = frame.groupby(list(frame), sort=True)
        summed = pd.DataFrame(values).groupby(grouped.ngroup().to_numpy()).agg("mean" if exact else "sum")
        frame, values = grouped.first().index.to_frame(index=False), summed.to_numpy()
    unit_code, units = codes(frame["unit"])
    label_code, label_sets = codes(frame["labels"])
    wording_code, wordings = codes(frame["wording"])
    crossed = len(wordings) > 1
    return ChoiceData(
        kind="probabilities" if exact else "counts",
        unit_name=unit,
        units=units,
        questions=questions,
        items=tuple(first["item"]),
        conditions=conditions,
        options=options,
        stimuli=replace(stimuli(outcomes, answers), answers=_numbers(grid, len(first)), variables=_variables(first)),
        condition=np.array([conditions.index(c) for c in first["condition"]]),
        unit=unit_code,
        question=frame["question"].to_numpy(),
        label_sets=label_sets,
        label_set=label_code,
        position=positions(frame["order"].tolist(), options) if grid is None else None,
        logits=values if exact else np.empty((len(frame), 0)),
        counts=np.empty((len(frame), 0)) if exact else values,
        status_quo=np.array([any(o.status_quo for o in outcomes[0] if o.option == name) for name in options]),
        wordings=wordings if crossed else (),
        wording=wording_code if crossed else np.zeros(0, dtype=int),
        classes=classes,
    )


def _numbers(grid: np.ndarray | None, questions: int) -> np.ndarray | None:
    """(q, a) the grid of answers, alike for all questions."""
    return None if grid is None else np.tile(grid, (questions, 1))


def _variables(first: pd.DataFrame) -> dict[str, np.ndarray]:
    """Declared item variable or factor -> (q,), of those that are numbers."""
    prefixes = ("stimulus.", "factor.")
    columns = [name for name in first.columns if name.startswith(prefixes)]
    found = {name: pd.to_numeric(first[name], errors="coerce").to_numpy(dtype=float) for name in columns}
    return {name.split(".", 1)[1]: values for name, values in found.items() if np.isfinite(values).all()}


def _require_numbers(table: pd.DataFrame, probabilities: np.ndarray, *, stated: bool) -> None:
    """Raise DataError unless (n, k) probabilities are numbers from 0 up, not all of them 0."""
    wrong = ~np.isfinite(probabilities).all(axis=1) | (probabilities < 0.0).any(axis=1)
    wrong |= (probabilities.sum(axis=1) <= 0.0) & (not stated)
    if wrong.any():
        first = table[wrong].iloc[0]
        raise DataError(
            f"{int(wrong.sum())} answers called valid have probabilities that are no such numbers, first to "
            f"{first['item']} ({first['condition']}): {probabilities[wrong][0].tolist()}.",
            remedy="Collect or import the choices again.",
        )


def averaged(table: pd.DataFrame, keys: Sequence[str] = PROMPT) -> pd.DataFrame:
    """One row for every combination of `keys`, with the mean of the probabilities: by default one a prompt, whose
    repeats are draws and not units."""
    if not table.duplicated(list(keys)).any():
        return table
    code = table.groupby([table[key].fillna("") for key in keys], sort=False).ngroup().to_numpy()
    values = np.asarray(table["probabilities"].tolist(), dtype=float)
    total = np.zeros((code.max() + 1, values.shape[1]))
    np.add.at(total, code, values)
    mean = total / np.bincount(code)[:, None]
    first = table[~pd.Series(code).duplicated().to_numpy()]
    return first.assign(probabilities=list(mean[pd.unique(code)]))


def from_shares(
    experiment: Experiment,
    shares: Mapping[str, Mapping[str, float]],
    n: int,
    levels: Mapping[str, Any],
    condition: str,
) -> ChoiceData:
    """A published table of choice shares of `n` people an item, as counts of one pooled unit."""
    items = [item for item in experiment.items if item.id in shares]
    variables = [{**levels, **item.variables} for item in items]
    answers = experiment.option_names(variables[0])
    outcomes = [experiment.outcomes(each) for each in variables]
    given = np.array([[round(n * shares[item.id].get(name, 0.0)) for name in answers] for item in items], dtype=float)
    _, options, classes = answer_classes.grouped(answers)
    unchanged = {option.name for option in experiment.options if option.status_quo}
    q = len(items)
    return ChoiceData(
        kind="counts",
        unit_name="pooled",
        units=("people",),
        questions=tuple(f"{item.id}@{condition}" for item in items),
        items=tuple(item.id for item in items),
        conditions=(condition,),
        options=options,
        stimuli=declared(stimuli(outcomes, answers), answers, variables),
        condition=np.zeros(q, dtype=int),
        unit=np.zeros(q, dtype=int),
        question=np.arange(q),
        label_sets=("",),
        label_set=np.zeros(q, dtype=int),
        position=None,
        logits=np.empty((q, 0)),
        counts=answer_classes.summed(given, classes),
        status_quo=np.array([name in unchanged for name in options]),
        classes=classes,
    )


def offered(experiment: Experiment, questions: Sequence[Mapping[str, Any]]) -> Stimuli:
    """All that was offered, but for checks of comprehension; `questions` are the rows of `choices.cells`."""
    asked = [row for row in questions if row["condition"] != "comprehension"]
    options = list(dict.fromkeys(str(option) for row in asked for option in row["options"]))
    if experiment.response.type == "choice":
        options = [option.name for option in experiment.options]
    prefixes = ("stimulus.", "factor.")
    variables = [{name.split(".", 1)[1]: row[name] for name in row if name.startswith(prefixes)} for row in asked]
    given = stimuli([[_outcome(entry) for entry in _listed(row["outcomes"])] for row in asked], options)
    return declared(given, options, variables)


def _listed(outcomes: Sequence[Mapping[str, Any]] | None) -> Sequence[Mapping[str, Any]]:
    return () if outcomes is None else outcomes


def _outcome(entry: Mapping[str, Any]) -> Outcome:
    return Outcome(
        option=str(entry["option"]),
        amount=float(entry["amount"]),
        probability_low=float(entry["probability_low"]),
        probability_high=float(entry["probability_high"]),
        to=str(entry["to"]),
        delay=float(entry["delay"]),
        unit=str(entry["unit"]),
        state=entry["state"],
        status_quo=bool(entry["status_quo"]),
    )


def _units(table: pd.DataFrame, unit: str) -> np.ndarray | str:
    if unit == "pooled":
        return "people"
    return np.asarray(table["wording" if unit == "wording" else "subject"].astype(str))


def codes(values: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Integer codes in order of first appearance, and the names they stand for."""
    found, names = pd.factorize(pd.Series(values), sort=False)
    return np.asarray(found), tuple(str(name) for name in names)


def positions(orders: Sequence[str], options: tuple[str, ...]) -> np.ndarray | None:
    """(n, k) displayed position of each option; None unless every order is known and at least two differ."""
    if len(set(orders)) < 2 or "" in orders:
        return None
    table = {order: [order.split("|").index(name) for name in options] for order in set(orders)}
    return np.array([table[order] for order in orders])


def _logits(probabilities: np.ndarray) -> np.ndarray:
    """(n, k - 1) log odds against the last option, winsorised at LOGIT_LIMIT."""
    logs = np.log(np.maximum(probabilities, 1e-300))
    return np.asarray(np.clip(logs[:, :-1] - logs[:, -1:], -LOGIT_LIMIT, LOGIT_LIMIT))
