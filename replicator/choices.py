"""The table of choices, `choices.parquet`: one row per question asked, of a model or of a person.

Many rows offer the same options with the same outcomes, and an amount's grid makes those lists long. In
memory the list columns may therefore be *shared*: the distinct lists once, and an index per row (an Arrow
dictionary). In the file they are plain lists, written a slice of rows at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from replicator import files
from replicator.choice_columns import (
    COLUMNS,
    LISTS,
    SLICE,
    belongs_to_experiment,
    check,
    column_type,
    ordered,
    plain,
    plain_type,
)
from replicator.errors import DataError
from replicator.experiment import Outcome, format_value

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COLUMNS",
    "LISTS",
    "Column",
    "Shared",
    "build",
    "cells",
    "check",
    "column_names",
    "counts",
    "factor_columns",
    "join",
    "read",
    "read_table",
    "stimulus_columns",
    "write",
]


@dataclass(frozen=True)
class Shared:
    """A column whose rows repeat: row i holds `distinct[codes[i]]`, null where the code is negative."""

    distinct: Sequence[Any]
    codes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: Iterable[Any]) -> Shared:
        """Group rows that hold the very same object; None is null."""
        index: dict[int, int] = {}
        values: list[Any] = []
        codes: list[int] = []
        for row in rows:
            if row is not None and id(row) not in index:
                index[id(row)] = len(values)
                values.append(row)
            codes.append(-1 if row is None else index[id(row)])
        return cls(values, np.asarray(codes, dtype=np.int64))


Column = Shared | Sequence[Any] | npt.NDArray[Any] | str | float | int | None
"""Shared values, one value a row, or one value for all rows."""


def build(n: int, columns: Mapping[str, Column]) -> pa.Table:
    """A table of `n` rows with the columns of the contract in their order; those not given are null."""
    unknown = [name for name in columns if column_type(name) is None and not belongs_to_experiment(name)]
    if unknown:
        raise ValueError(f"not columns of choices.parquet: {unknown}")
    names = [name for name in ordered(columns) if name in columns or name in COLUMNS.names]
    arrays = [_array(columns.get(name), column_type(name), n) for name in names]
    return pa.table(dict(zip(names, arrays, strict=True)))


def join(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables of several populations one after the other; a column that one lacks is null there."""
    return pa.concat_tables(list(tables), promote_options="default")


def write(path: Path, table: pa.Table) -> None:
    """Check the table and write it whole or not at all.

    Raises DataError for a table that breaks the contract or a folder that cannot be written, RunError where
    the disk is full.
    """
    check(table)
    schema = pa.schema([(field.name, plain_type(field.type)) for field in table.schema])
    with (
        files.replacing(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for batch in table.to_batches(max_chunksize=SLICE):
            writer.write_batch(pa.record_batch([plain(column) for column in batch.columns], schema=schema))


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """The table, or some of its columns in the order asked for. Raises DataError."""
    known = _names(path)
    wanted = known if columns is None else list(columns)
    for name in wanted:
        if name not in known:
            raise DataError(f"it lacks the column {name!r}.", where=str(path), remedy=f"It has: {', '.join(known)}.")
    try:
        return pq.read_table(path, columns=wanted).select(wanted)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def read(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The table as a data frame: its flat columns, and a list column only where it is named.

    `outcomes` and `options` are decoded once per cell, and rows of one cell hold the same object (a list of
    dicts, a list of names); other lists are numpy arrays, None where null. Raises DataError.
    """
    wanted = list(columns) if columns is not None else [name for name in _names(path) if name not in LISTS]
    repeated = [name for name in ("outcomes", "options") if name in wanted]
    frame: pd.DataFrame = read_table(path, [name for name in wanted if name not in repeated]).to_pandas()
    if repeated:
        first, codes = _cells(path)
        for name in repeated:
            frame[name] = _objects(_at(path, name, first))[codes]
    return frame[wanted]


def cells(path: Path) -> pd.DataFrame:
    """One row per distinct question, in order of first appearance: experiment, item, condition, factor.*,
    stimulus.*, response, unit, outcomes and options. Raises DataError."""
    first, _ = _cells(path)
    flat = read_table(path, [*_cell_columns(path), "response", "unit"])
    frame: pd.DataFrame = flat.take(pa.array(first)).to_pandas()
    for name in ("outcomes", "options"):
        frame[name] = _objects(_at(path, name, first))
    return frame


def column_names(path: Path) -> list[str]:
    """The names of the table's columns. Raises DataError."""
    return _names(path)


def factor_columns(names: Iterable[str]) -> list[str]:
    """Those of the column names that hold factors, e.g. "factor.stakes"."""
    return [name for name in names if name.startswith("factor.")]


def stimulus_columns(names: Iterable[str]) -> list[str]:
    """Those of the column names that hold item variables, e.g. "stimulus.gain"."""
    return [name for name in names if name.startswith("stimulus.")]


def counts(table: pa.Table) -> dict[str, dict[str, int]]:
    """Rows by status for each population's name, in order of appearance."""
    totals: dict[str, dict[str, int]] = {}
    for model, status in zip(table["model"].to_pylist(), table["status"].to_pylist(), strict=True):
        by_status = totals.setdefault(model, {})
        by_status[status] = by_status.get(status, 0) + 1
    return totals


# Building


def _array(column: Column, kind: pa.DataType | None, n: int) -> pa.Array:
    if isinstance(column, Shared):
        return _shared(column, kind)
    if column is None or isinstance(column, str | float | int):
        return _shared(Shared([column], np.zeros(n, dtype=np.int64)), kind)
    return pa.array(_uniform(column) if kind is None else column, type=kind, from_pandas=True)


def _shared(column: Shared, kind: pa.DataType | None) -> pa.Array:
    values = [_as_dicts(value) for value in column.distinct]
    array = pa.array(_uniform(values) if kind is None else values, type=kind)
    codes = pa.array(column.codes, type=pa.int32(), mask=column.codes < 0)
    # Only lists are long enough to be worth sharing; a flat column is simpler spelled out.
    return pa.DictionaryArray.from_arrays(codes, array) if pa.types.is_list(array.type) else array.take(codes)


def _as_dicts(value: Any) -> Any:
    """Outcomes as Arrow reads them: a list of dicts."""
    if isinstance(value, tuple | list) and value and isinstance(value[0], Outcome):
        return [vars(outcome) for outcome in value]
    return value


def _uniform(values: Any) -> Any:
    """A variable's values (levels may be 1, 2.5 or "high") as one kind: all numbers or all text."""
    known = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in known):
        return [value if value is None or isinstance(value, str) else format_value(value) for value in values]
    if not all(isinstance(value, bool) for value in known):
        return [None if value is None else float(value) for value in values]
    return values


# Reading


def _names(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(
            "there are no choices here.",
            where=str(path),
            remedy="Collect them with `replicator run` or `import`.",
        )
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> DataError:
    words = (str(error).splitlines() or [type(error).__name__])[0]
    return DataError(
        f"it is not a table of choices ({words}).",
        where=str(path),
        remedy="Collect or import the choices again.",
    )


def _cell_columns(path: Path) -> list[str]:
    names = _names(path)
    return ["experiment", "item", "condition", *factor_columns(names), *stimulus_columns(names)]


def _cells(path: Path) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first row of every distinct question, and the question's number of every row."""
    frame: pd.DataFrame = read_table(path, _cell_columns(path)).to_pandas()
    codes = frame.groupby(list(frame.columns), dropna=False, sort=False).ngroup().to_numpy()
    _, first = np.unique(codes, return_index=True)
    return first.astype(np.int64), codes.astype(np.int64)


def _at(path: Path, column: str, rows: npt.NDArray[np.int64]) -> list[Any]:
    """A list column's values in these (ascending) rows, without ever holding the whole column."""
    values: list[Any] = []
    start = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=SLICE, columns=[column]):
            here = rows[(rows >= start) & (rows < start + batch.num_rows)] - start
            values += batch.column(0).take(pa.array(here)).to_pylist()
            start += batch.num_rows
    return values


def _objects(values: Sequence[Any]) -> npt.NDArray[np.object_]:
    """A one-dimensional array of lists."""
    array = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        array[place] = value
    return array
