"""Recorded choices, of people or of models, become the same table that a run of a model writes.

A recorded choice is probability 1 on one option, elicitation and wording "recorded". An empty answer is a row
with the status `missing`, an answer that means no option one with the status `invalid`; neither is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from replicator import choices, documents, files, runs
from replicator.errors import DataError, MappingError
from replicator.exchange import recording as recordings
from replicator.exchange.mapping import Mapping, normal
from replicator.exchange.recording import Recording, Words, grouped, is_empty, numbers
from replicator.exchange.situations import Situation, situations
from replicator.experiment import Experiment

RECORDED = "recorded"
"""Elicitation of every imported row, and wording where the file names none."""

INVALID_LIMIT = 0.5
"""With a larger share of answers that mean nothing, the mapping is wrong rather than the answers."""

GRID_TOLERANCE = 1e-6
"""How far from the grid an amount may lie, in steps."""

_NAMES = {"human": "people", "model": "model"}


@dataclass(frozen=True)
class Answers:
    """What every row chose."""

    chosen: npt.NDArray[np.int64]
    """Index of the option; -1 where there is none."""
    status: Words
    text: Words
    """What stood in the file where it is not an option; None elsewhere."""
    value: npt.NDArray[np.float64]
    """The amount; NaN for a choice."""


def import_choices(file: Path, experiment: Experiment, mapping: Mapping) -> pa.Table:
    """The table of choices of a CSV file (also .csv.gz).

    Raises MappingError where the mapping names what is not there, DataError where the file cannot be read or
    a row holds an impossible value, naming its line.
    """
    _check_values(experiment, mapping)
    rows = recordings.read(file, mapping).selected()
    questions, codes = situations(experiment, rows)
    answers = (_chosen_options if experiment.response.type == "choice" else _chosen_amounts)(
        experiment, rows, questions, codes
    )
    return _table(experiment, rows, questions, codes, answers)


def import_run(
    file: Path,
    experiment: Experiment,
    mapping: Mapping,
    folder: Path,
    *,
    command: Sequence[str] | None = None,
) -> runs.Run:
    """Import a file into a run's folder. Nothing is written unless all of the file can be imported."""
    table = import_choices(file, experiment, mapping)
    imported = {"file": file.name, "sha256": files.sha256(file), "mapping": mapping.document}
    counts = choices.counts(table)
    asked = runs.request(
        experiment,
        populations=list(counts),
        elicitation=RECORDED,
        imported={k: imported[k] for k in ("sha256", "mapping")},
    )
    run = runs.create_or_resume(folder, {**runs.new_manifest(experiment, asked, command=command), "imported": imported})
    choices.write(run.choices, table)
    people = [
        {
            "name": name,
            "population": mapping.population,
            "identity": {"sha256": imported["sha256"]},
            "facts": {"recorded_in": file.name},
        }
        for name in counts
    ]
    return runs.finish(run, people, counts)


def population_name(file: Path, mapping: Mapping) -> str:
    """The population's name where neither an option nor a column gives one: "people:tom2007_choices"."""
    stem = file.name.removesuffix(".gz").removesuffix(".csv")
    return mapping.model or f"{_NAMES[mapping.population]}:{stem}"


def _check_values(experiment: Experiment, mapping: Mapping) -> None:
    """`--values` must lead to the experiment's options, or to numbers for an amount."""
    names = [option.name for option in experiment.options]
    for word, meaning in mapping.values.items():
        if experiment.response.type == "amount":
            if not np.isfinite(numbers(np.array([meaning], dtype=object))[0]):
                raise MappingError(f"{word}={meaning}: {meaning!r} is not a number.", where="--values")
        elif meaning not in names:
            raise MappingError(
                f"{word}={meaning}: {experiment.name} has no option {meaning!r}.",
                where="--values",
                remedy=documents.did_you_mean(meaning, names),
            )


# Answers


def _chosen_options(
    experiment: Experiment, rows: Recording, questions: Sequence[Situation], codes: npt.NDArray[np.int64]
) -> Answers:
    places = {option.name: place for place, option in enumerate(experiment.options)}
    distinct, which = grouped(_values(rows))
    meanings = [rows.mapping.values.get(normal(word), word) for word in distinct]
    chosen = np.array([places.get(meaning, -1) for meaning in meanings])[which]
    empty = np.array([place not in places and is_empty(word) for word, place in zip(distinct, meanings, strict=True)])
    missing = empty[which] & (chosen < 0)
    invalid = ~missing & (chosen < 0)
    answered = int((~missing).sum())
    if invalid.sum() > INVALID_LIMIT * answered:
        strange = [
            word
            for word, meaning in zip(distinct, meanings, strict=True)
            if meaning not in places and not is_empty(word)
        ]
        shown = ", ".join(map(repr, strange[:5]))
        raise DataError(
            f"{int(invalid.sum()):,} of {answered:,} answers mean no option ({shown}).",
            where=f"{rows.file}, line {rows.lines[int(np.argmax(invalid))]}",
            remedy=f"Say what they mean with --values, such as {strange[0]}={experiment.options[0].name}.",
        )
    return _answers(rows, chosen, missing, invalid, np.full(len(rows), np.nan))


def _chosen_amounts(
    experiment: Experiment, rows: Recording, questions: Sequence[Situation], codes: npt.NDArray[np.int64]
) -> Answers:
    words = _values(rows)
    distinct, which = grouped(words)
    meanings = np.array([rows.mapping.values.get(normal(word), word) for word in distinct], dtype=object)
    amounts = numbers(meanings)[which]
    missing = np.array([is_empty(word) for word in meanings])[which]
    strange = ~missing & ~np.isfinite(amounts)
    rows.refuse(strange, f"{_at(words, strange)!r} is not an amount")
    low = np.array([question.grid[0] for question in questions])[codes]
    high = np.array([question.grid[-1] for question in questions])[codes]
    size = np.array([len(question.grid) for question in questions])[codes]
    outside = ~missing & ((amounts < low) | (amounts > high))
    place = int(np.argmax(outside))
    rows.refuse(outside, f"the amount {words[place]} is not between {low[place]:g} and {high[place]:g}")
    steps = np.divide((amounts - low) * (size - 1), high - low, out=np.zeros(len(rows)), where=high > low)
    steps = np.where(missing, 0.0, steps)
    between = ~missing & (np.abs(steps - np.round(steps)) > GRID_TOLERANCE)
    place = int(np.argmax(between))
    step = (high[place] - low[place]) / max(1, size[place] - 1)
    rows.refuse(between, f"the amount {words[place]} is not on the steps of {step:g}")
    chosen = np.where(missing, -1, np.round(steps).astype(np.int64))
    return _answers(rows, chosen, missing, np.zeros(len(rows), dtype=bool), np.where(missing, np.nan, amounts))


def _values(rows: Recording) -> Words:
    words = rows.words("value")
    if words is None:
        raise MappingError("no column holds the choices.", where="--map", remedy="Add --map value=COLUMN.")
    return words


def _at(words: Words, mask: npt.NDArray[np.bool_]) -> str:
    return str(words[int(np.argmax(mask))])


def _answers(
    rows: Recording,
    chosen: npt.NDArray[np.int64],
    missing: npt.NDArray[np.bool_],
    invalid: npt.NDArray[np.bool_],
    value: npt.NDArray[np.float64],
) -> Answers:
    status = np.where(missing, "missing", np.where(invalid, "invalid", "valid")).astype(object)
    text = _values(rows).copy() if invalid.any() else np.full(len(rows), None, dtype=object)
    text[~invalid] = None
    return Answers(chosen, status, text, value)


# Rows


def _table(
    experiment: Experiment,
    rows: Recording,
    questions: Sequence[Situation],
    codes: npt.NDArray[np.int64],
    answers: Answers,
) -> pa.Table:
    who = _who(rows)
    how = _presentation(experiment, rows)
    asked = [who["model"], who["subject"], codes.astype(object), *how.values()]
    columns: dict[str, choices.Column] = {
        "experiment": experiment.name,
        "population": rows.mapping.population,
        **who,
        **{f"attribute.{name}": _attribute(rows, name) for name in rows.mapping.targets("attribute")},
        "item": choices.Shared([question.item for question in questions], codes),
        "condition": choices.Shared([question.condition for question in questions], codes),
        **_named("factor", [question.factors for question in questions], codes),
        **_named("stimulus", [question.stimulus for question in questions], codes),
        "outcomes": choices.Shared([question.outcomes for question in questions], codes),
        **how,
        "repeat": _repeats(asked),
        **{name: _or_null(words) for name in _SEQUENCE if (words := rows.known(name)) is not None},
        "elicitation": RECORDED,
        "response": experiment.response.type,
        "options": choices.Shared([question.options for question in questions], codes),
        "probabilities": _certainties(answers.chosen, questions, codes),
        "value": answers.value,
        "status": answers.status,
        "text": answers.text,
        "unit": experiment.unit,
    }
    return choices.build(len(rows), columns)


_SEQUENCE = ("session", "group", "role", "round")


def _who(rows: Recording) -> dict[str, Words]:
    models = rows.known("model")
    if models is None:
        models = np.full(len(rows), population_name(rows.file, rows.mapping), dtype=object)
    rows.refuse(models == "", "the model's name is empty")
    subjects = rows.known("subject")
    if subjects is None:
        return {"model": models, "subject": np.full(len(rows), None, dtype=object)}
    rows.refuse(subjects == "", "the subject is empty")
    return {"model": models, "subject": subjects}


def _presentation(experiment: Experiment, rows: Recording) -> dict[str, Words]:
    """Wording, labels and order of the options, where the file tells them."""
    nothing = np.full(len(rows), "", dtype=object)
    wording, labels, order = (rows.known(name) for name in ("wording", "labels", "order"))
    if order is not None:
        names = sorted(option.name for option in experiment.options)
        strange = np.array([word != "" and sorted(word.split("|")) != names for word in order])
        rows.refuse(
            strange,
            f"the order {_at(order, strange)!r} does not name each option once, such as {'|'.join(names)!r}",
        )
    return {
        "wording": np.full(len(rows), RECORDED, dtype=object)
        if wording is None
        else np.where(wording == "", RECORDED, wording),
        "labels": nothing if labels is None else labels,
        "order": nothing if order is None else order,
        "language": np.full(len(rows), None, dtype=object),
        "layout": np.full(len(rows), None, dtype=object),
    }


def _attribute(rows: Recording, name: str) -> choices.Column:
    """An attribute as numbers where every entry is one, else as text; null where empty."""
    words = rows.known(f"attribute.{name}")
    assert words is not None
    values = numbers(words)
    if np.isnan(values[words != ""]).any():
        return _or_null(words)
    return values


def _or_null(words: Words) -> Words:
    filled = words.copy()
    filled[words == ""] = None
    return filled


def _named(prefix: str, questions: Sequence[Map[str, Any]], codes: npt.NDArray[np.int64]) -> dict[str, choices.Column]:
    names = dict.fromkeys(name for question in questions for name in question)
    return {f"{prefix}.{name}": choices.Shared([q.get(name) for q in questions], codes) for name in names}


def _repeats(parts: Sequence[Words]) -> npt.NDArray[np.int64]:
    """How many rows before asked the same one the same, in the order of the file."""
    seen: dict[tuple[Any, ...], int] = {}
    repeats = np.empty(len(parts[0]), dtype=np.int64)
    for row, key in enumerate(zip(*(part.tolist() for part in parts), strict=True)):
        repeats[row] = seen.get(key, 0)
        seen[key] = seen.get(key, 0) + 1
    return repeats


def _certainties(
    chosen: npt.NDArray[np.int64], questions: Sequence[Situation], codes: npt.NDArray[np.int64]
) -> choices.Shared:
    """Probability 1 on the chosen option; null where none was chosen."""
    sizes = np.array([len(question.options) for question in questions])[codes]
    pairs = np.stack([sizes, chosen], axis=1)
    distinct, which = np.unique(pairs, axis=0, return_inverse=True)
    values = [None if place < 0 else np.eye(1, size, place)[0].tolist() for size, place in distinct.tolist()]
    return choices.Shared(values, which.reshape(-1).astype(np.int64))
