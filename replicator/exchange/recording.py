"""A file of recorded choices as columns of text, with the line on which every row stands."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from replicator import documents, files
from replicator.errors import DataError, MappingError
from replicator.exchange.mapping import Mapping, normal
from replicator.experiment import format_value
from replicator.expression import Expression, ExpressionError

Words = npt.NDArray[np.object_]
"""Text, one entry a row; "" where the file says nothing."""
Mask = npt.NDArray[np.bool_]

EMPTY = frozenset({"", "na", "n/a", "nan", "null", "#n/a"})
"""What files write, in any case, where there is no answer."""


@dataclass(frozen=True)
class Recording:
    """The rows of a file that are meant, and where the table's columns come from."""

    file: Path
    columns: dict[str, Words]
    lines: npt.NDArray[np.int64]
    """Line of the file on which each row ends, counted from 1."""
    mapping: Mapping

    def __len__(self) -> int:
        return len(self.lines)

    def words(self, target: str) -> Words | None:
        """A target's text, trimmed; None where it is neither mapped nor derived. Raises MappingError."""
        if target in self.mapping.map:
            column = self._column(self.mapping.map[target], f"--map {target}")
            return _objects([word.strip() for word in column])
        if target in self.mapping.derive:
            result = self._evaluate(self.mapping.derive[target], f"--derive {target}")
            return _objects([_spelled(value) for value in np.broadcast_to(result, len(self)).tolist()])
        return None

    def known(self, target: str) -> Words | None:
        """`words` with "" for NA and its like."""
        words = self.words(target)
        return None if words is None else _objects(["" if is_empty(word) else word for word in words])

    def refuse(
        self, faulty: Mask, problem: str, remedy: str = "Mend the file, or leave such rows out with --where."
    ) -> None:
        """Raise DataError at the first faulty row; `{}` in `problem` is how many there are in words."""
        if faulty.any():
            number = int(faulty.sum())
            count = "one row" if number == 1 else f"{number:,} rows"
            line = int(self.lines[int(np.argmax(faulty))])
            raise DataError(f"{problem} ({count}).", where=f"{self.file}, line {line}", remedy=remedy)

    def selected(self) -> Recording:
        """The rows for which `where` is true. Raises DataError where none is left."""
        if self.mapping.where is None:
            keep = np.ones(len(self), dtype=bool)
        else:
            keep = np.broadcast_to(self._evaluate(self.mapping.where, "--where"), len(self))
            if keep.dtype != bool:
                raise MappingError("it is a number or text.", where="--where", remedy="Write a comparison.")
        if not keep.any():
            reason = f"none of its {len(self):,} rows meets --where" if len(self) else "it has no rows"
            raise DataError(f"{reason}.", where=str(self.file), remedy="There must be one choice at least.")
        return Recording(
            self.file,
            {name: column[keep] for name, column in self.columns.items()},
            self.lines[keep],
            self.mapping,
        )

    def _column(self, name: str, where: str) -> Words:
        if name in self.columns:
            return self.columns[name]
        close = documents.closest(name, self.columns)
        hint = f"Did you mean {close!r}? " if close else ""
        raise MappingError(
            f"{self.file} has no column {name!r}.",
            where=where,
            remedy=f"{hint}It has: {', '.join(self.columns)}.",
        )

    def _evaluate(self, expression: Expression, where: str) -> npt.NDArray[Any]:
        variables = {name: _typed(self._column(name, where)) for name in sorted(expression.names)}
        try:
            # A quotient without a value is NaN: like an empty field it is judged where it is used.
            with np.errstate(all="ignore"):
                return np.asarray(expression.evaluate(variables))
        except ExpressionError as error:
            raise MappingError(error.problem, where=where, remedy=error.remedy) from None


def read(file: Path, mapping: Mapping) -> Recording:
    """Read a CSV file (UTF-8, also .csv.gz) with a header. Raises DataError naming the line that is wrong."""
    try:
        with files.explained(file, reading=True), _open(file) as stream:
            reader = csv.reader(stream, strict=True)
            try:
                header = [name.strip() for name in next(reader, [])]
                rows, lines = _rows(reader, len(header), file)
            except csv.Error as error:
                raise DataError(f"it is not CSV ({error}).", where=f"{file}, line {reader.line_num}") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"it is not UTF-8 text ({error.reason}).", where=str(file), remedy="Save it as UTF-8."
        ) from None
    except (EOFError, zlib.error):
        raise DataError("it is not a complete gzip file.", where=str(file), remedy="Fetch the file again.") from None
    if not any(header):
        raise DataError("it is empty.", where=str(file), remedy="Its first line must name its columns.")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"it has the column {twice[0]!r} twice.", where=str(file), remedy="Rename one of them.")
    columns = {name: _objects([row[place] for row in rows]) for place, name in enumerate(header)}
    return Recording(file, columns, np.asarray(lines, dtype=np.int64), mapping)


def is_empty(word: str) -> bool:
    return word.strip().lower() in EMPTY


def numbers(words: Words) -> npt.NDArray[np.float64]:
    """Text as numbers; NaN where it is none."""
    return np.array([_number(word) for word in words], dtype=np.float64)


def grouped(words: Words) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Distinct words in order of appearance, and each row's number among them."""
    index: dict[str, int] = {}
    codes = [index.setdefault(word, len(index)) for word in words]
    return list(index), np.asarray(codes, dtype=np.int64)


def _open(file: Path) -> Any:
    if file.suffix == ".gz":
        return gzip.open(file, "rt", encoding="utf-8-sig", newline="")
    return file.open("r", encoding="utf-8-sig", newline="")


def _rows(reader: Any, width: int, file: Path) -> tuple[list[list[str]], list[int]]:
    rows: list[list[str]] = []
    lines: list[int] = []
    for row in reader:
        if not row:
            continue
        if len(row) != width:
            raise DataError(
                f"it has {len(row)} fields where the header has {width}.",
                where=f"{file}, line {reader.line_num}",
                remedy="Fields are separated by commas; text with commas stands in double quotes.",
            )
        rows.append(row)
        lines.append(reader.line_num)
    return rows, lines


def _typed(column: Words) -> npt.NDArray[Any]:
    """A column as an expression sees it: numbers where every entry is one (NaN where empty), else text."""
    values = numbers(column)
    text = np.array([not is_empty(word) for word in column], dtype=bool)
    if np.isnan(values[text]).any():
        return _objects([word.strip() for word in column])
    return values


def _number(word: str) -> float:
    # float() also takes "1_000", which no file means.
    try:
        return float(word) if "_" not in word else np.nan
    except ValueError:
        return np.nan


def _spelled(value: Any) -> str:
    """A derived value as a file would write it."""
    return "" if isinstance(value, float) and np.isnan(value) else normal(format_value(value))


def _objects(words: Sequence[str]) -> Words:
    array = np.empty(len(words), dtype=object)
    array[:] = words
    return array
