"""Rows on disk, one file a cell: written as they finish, taken up again where a run stopped."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from replicator import files
from replicator.calibration.refits import Row
from replicator.errors import DataError

_COLUMNS = tuple(field.name for field in fields(Row))


def read(path: Path) -> list[Row]:
    """The rows of one cell; none where nothing has finished. Raises DataError for a file of another kind."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        lines = list(csv.reader(stream))
    if not lines or tuple(lines[0]) != _COLUMNS or any(len(line) != len(_COLUMNS) for line in lines):
        raise DataError(f"{path} does not hold rows of a validation", remedy="Move it away, and run again.")
    return [_parsed(dict(zip(_COLUMNS, line, strict=True))) for line in lines[1:]]


def write(path: Path, rows: Iterable[Row]) -> None:
    """All rows of one cell, in the order of the plan."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ordered = sorted(rows, key=lambda row: (row.purpose != "prior", row.number))
    lines = [",".join(_COLUMNS), *(",".join(_text(getattr(row, name)) for name in _COLUMNS) for row in ordered)]
    files.write_text(path, "\n".join(lines) + "\n")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _parsed(line: dict[str, str]) -> Row:
    given: dict[str, Any] = dict(line)
    for name in ("truth", "mean", "sd", "low", "high", "r_hat", "ess", "seconds"):
        given[name] = float(line[name])
    for name in ("number", "rank", "divergences"):
        given[name] = int(line[name])
    given["passed"] = line["passed"] == "1"
    return Row(**given)
