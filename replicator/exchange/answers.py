"""What every recorded row chose: an option, an amount, nothing, or a word that means no option."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from replicator import documents
from replicator.errors import DataError, MappingError
from replicator.exchange.mapping import Mapping, normal
from replicator.exchange.recording import Mask, Recording, Words, grouped, is_empty, numbers
from replicator.exchange.situations import Situation
from replicator.experiment import Experiment

INVALID_LIMIT = 0.5
"""With a larger share of answers that mean nothing, the mapping is wrong rather than the answers."""

GRID_TOLERANCE = 1e-6
"""How far from the grid an amount may lie, in steps."""

EXAMPLES = 3
"""Words of a file that a remedy takes up."""

WORD_LIMIT = 40
"""Characters shown of a word that stands in a file."""


@dataclass(frozen=True)
class Unmapped:
    """A word in the column of choices that means no option; its rows are invalid answers."""

    word: str
    rows: int
    line: int
    """Line of the file on which it stands first."""

    @property
    def document(self) -> dict[str, str | int]:
        """As the manifest keeps it."""
        return asdict(self)


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
    unmapped: tuple[Unmapped, ...] = ()
    """The most frequent word first."""


def check_values(experiment: Experiment, mapping: Mapping) -> None:
    """`--values` must lead to the experiment's options, or to numbers for an amount. Raises MappingError."""
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


def answers(
    experiment: Experiment, rows: Recording, questions: Sequence[Situation], codes: npt.NDArray[np.int64]
) -> Answers:
    """The answers of all rows; row i answers `questions[codes[i]]`.

    Raises DataError where an amount is impossible, or where most answers mean no option.
    """
    words = rows.words("value")
    if words is None:
        raise MappingError("no column holds the choices.", where="--map", remedy="Add --map value=COLUMN.")
    if experiment.response.type == "choice":
        return _options(experiment, rows, words)
    return _amounts(rows, words, questions, codes)


# Choices


def _options(experiment: Experiment, rows: Recording, words: Words) -> Answers:
    places = {option.name: place for place, option in enumerate(experiment.options)}
    distinct, which = grouped(words)
    meanings = [rows.mapping.values.get(normal(word), word) for word in distinct]
    chosen = np.array([places.get(meaning, -1) for meaning in meanings])[which]
    empty = np.array([is_empty(word) for word in distinct])[which]
    missing = empty & (chosen < 0)
    invalid = ~empty & (chosen < 0)
    unmapped = _unmapped(words, invalid, rows.lines)
    answered = int((~missing).sum())
    if invalid.sum() > INVALID_LIMIT * answered:
        shown = ", ".join(spelled(each.word) for each in unmapped[:5]) + (", ..." if len(unmapped) > 5 else "")
        raise DataError(
            f"{int(invalid.sum()):,} of {answered:,} answers mean no option ({shown}).",
            where=f"{rows.file}, line {min(each.line for each in unmapped)}",
            remedy=_remedy([each.word for each in unmapped], distinct, list(places), rows.mapping),
        )
    status = np.where(missing, "missing", np.where(invalid, "invalid", "valid")).astype(object)
    text = words.copy()
    text[~invalid] = None
    return Answers(chosen, status, text, np.full(len(rows), np.nan), unmapped)


def _unmapped(words: Words, invalid: Mask, lines: npt.NDArray[np.int64]) -> tuple[Unmapped, ...]:
    distinct, which = grouped(words[invalid])
    rows = np.bincount(which, minlength=len(distinct))
    first = lines[invalid][np.unique(which, return_index=True)[1]]
    found = [Unmapped(word, int(n), int(line)) for word, n, line in zip(distinct, rows, first, strict=True)]
    return tuple(sorted(found, key=lambda each: (-each.rows, each.line)))


def _remedy(unmapped: Sequence[str], words: Sequence[str], options: Sequence[str], mapping: Mapping) -> str:
    """What may be wrong with a mapping under which most answers mean nothing; `words` are all that stand there."""
    known = documents.listed(options, "or", quoted=False)
    spellings = {word: option for word in unmapped for option in options if word.casefold() == option.casefold()}
    absent = [word for word in mapping.values if word not in {normal(each) for each in words}]
    free = [option for option in options if option not in words and option not in mapping.values.values()]
    column = "what --derive computes" if "value" in mapping.derive else f"the column {mapping.map['value']}"
    if any(sign in word for word in unmapped[:EXAMPLES] for sign in ",="):
        return f'Say in a --mapping file, under "values", which of them mean {known}.'
    if spellings:
        written = ",".join(f"{word}={option}" for word, option in spellings.items())
        return f"Options are written as in the specification; say with --values {written} that they are meant."
    if absent:
        listed = documents.listed([spelled(word) for word in absent], quoted=False)
        return f"--values lists {listed}, which {column} does not hold: check the words and the column."
    if free:
        written = ",".join(f"{word}=OPTION" for word in unmapped[:EXAMPLES])
        return f"Say what they mean with --values {written} and so on, where OPTION is {known}."
    return f"Check that {column} is the choice of {known}, and leave out with --where the rows that hold none."


def spelled(word: str) -> str:
    """A word of a file, quoted and shortened."""
    return repr(word if len(word) <= WORD_LIMIT else f"{word[: WORD_LIMIT - 3]}...")


# Amounts


def _amounts(rows: Recording, words: Words, questions: Sequence[Situation], codes: npt.NDArray[np.int64]) -> Answers:
    distinct, which = grouped(words)
    meanings = np.array([rows.mapping.values.get(normal(word), word) for word in distinct], dtype=object)
    amounts = numbers(meanings)[which]
    missing = np.array([is_empty(word) for word in meanings])[which]
    strange = ~missing & ~np.isfinite(amounts)
    rows.refuse(strange, f"{spelled(words[int(np.argmax(strange))])} is not an amount")
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
    status = np.where(missing, "missing", "valid").astype(object)
    return Answers(chosen, status, np.full(len(rows), None, dtype=object), np.where(missing, np.nan, amounts))
