"""Attributes of persons as columns of a regression: numbers per standard deviation, words as deviations of groups.

The parameters of person u are regressed on x_u, one column a number and one less than its groups a word:

    coordinate_u = location + x_u . slope + deviation_u

A number is standardised over the persons. Groups of a word have effects that sum to zero (Helmert's contrasts), so that
each has the same prior, and the location is that of the mean over groups.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from replicator import documents
from replicator.errors import UsageError
from replicator.inference.structure import contrasts

PREFIX = "attribute."

_AS_GROUPS = re.compile(r"C\(\s*(?P<name>.+?)\s*\)")
"""As in the formulas of R and patsy: a number that names groups."""


@dataclass(frozen=True)
class Effect:
    """One thing that a regression says: a slope, or how a group differs."""

    label: str
    """What stands behind the parameter's name: "age", "country=FR"."""
    weights: np.ndarray
    """(column,) the effect is their sum product with the slopes."""
    unit: str
    """What it is the difference between: "per sd of age (12.3)", "equalRange less equalIndifference"."""
    here: str
    """Who is compared, in words: "one sd above the mean of age"."""
    there: str
    """With whom: "at the mean of age (34.5, sd 12.3)"."""
    start: np.ndarray
    """(column,) where `there` is; adding `step` leads `here`."""
    step: np.ndarray
    """(column,)"""


@dataclass(frozen=True)
class Regression:
    """The attributes of the units of one fit."""

    attributes: tuple[str, ...]
    """As they were asked for."""
    columns: tuple[str, ...]
    """Names of the regression's columns."""
    matrix: np.ndarray
    """(unit, column)"""
    effects: tuple[Effect, ...]


def name_of(asked: str) -> str:
    """The attribute that `--regress` names: "age", or "framing" of "C(framing)"."""
    found = _AS_GROUPS.fullmatch(asked.strip())
    return found["name"] if found else asked.strip()


def columns_of(asked: Sequence[str]) -> list[str]:
    """The columns of the table of choices that hold them."""
    return list(dict.fromkeys(PREFIX + name_of(each) for each in asked))


def check(asked: Sequence[str], known: Sequence[str]) -> None:
    """Raise UsageError for an attribute that is asked for twice, or that the table of choices, with the columns
    `known`, does not have."""
    names = [name_of(each) for each in asked]
    there = [column.removeprefix(PREFIX) for column in known if column.startswith(PREFIX)]
    for name in names:
        if name not in there:
            remedy = f"It has: {', '.join(there)}." if there else "Map one with --map attribute.NAME=COLUMN at import."
            close = documents.closest(name, there)
            hint = f"Did you mean {close!r}? " if close else ""
            raise UsageError(f"the run has no attribute {name!r}.", where="--regress", remedy=hint + remedy)
        if names.count(name) > 1:
            raise UsageError(f"{name} is named twice.", where="--regress", remedy="Name it once.")


def complete(rows: pd.DataFrame, asked: Sequence[str]) -> pd.DataFrame:
    """The rows of persons all of whose attributes are known."""
    return rows[rows[columns_of(asked)].notna().all(axis=1)]


def why_not(rows: pd.DataFrame, asked: Sequence[str]) -> str | None:
    """Why the persons in `rows`, the usable answers of one population, do not allow the regression; None if they do."""
    kept = complete(rows, asked)
    if kept.empty:
        return f"nobody's {' and '.join(name_of(each) for each in asked)} is known"
    for each in asked:
        pairs = kept[["subject", PREFIX + name_of(each)]].drop_duplicates()
        if pairs["subject"].duplicated().any():
            return f"{name_of(each)} differs between the answers of one person, so that it is no attribute of theirs"
        distinct = pairs[PREFIX + name_of(each)].unique()
        if len(distinct) == 1:
            return f"{name_of(each)} is {distinct[0]} for everybody"
        if _is_group(each, kept) and len(distinct) > len(pairs) / 2:
            return f"{name_of(each)} is a word that hardly two persons share; groups need several"
    values = regression(kept, asked, sorted(kept["subject"].unique())).matrix
    if np.linalg.matrix_rank(np.column_stack([np.ones(len(values)), values])) <= values.shape[1]:
        return f"{' and '.join(name_of(each) for each in asked)} say the same of these persons, one as the other"
    return None


def regression(rows: pd.DataFrame, asked: Sequence[str], units: Sequence[str]) -> Regression:
    """The columns of a regression over `units`, persons whose attributes stand in `rows`."""
    person = rows.assign(subject=rows["subject"].astype(str)).groupby("subject")
    columns: list[str] = []
    blocks: list[np.ndarray] = []
    for each in asked:
        given = person[PREFIX + name_of(each)].first().loc[list(units)]
        block = _groups(given)[1] if _is_group(each, rows) else _standard(given)[:, None]
        name = name_of(each)
        columns += [name] if block.shape[1] == 1 else [f"{name}.{j + 1}" for j in range(block.shape[1])]
        blocks.append(block)
    width, place = len(columns), 0
    effects: list[Effect] = []
    for each, block in zip(asked, blocks, strict=True):
        given = person[PREFIX + name_of(each)].first().loc[list(units)]
        rows_of = np.eye(width)[place : place + block.shape[1]]
        effects += _of_groups(each, given, rows_of) if _is_group(each, rows) else _of_number(each, given, rows_of)
        place += block.shape[1]
    return Regression(tuple(asked), tuple(columns), np.concatenate(blocks, axis=1), tuple(effects))


def _is_group(asked: str, rows: pd.DataFrame) -> bool:
    values = rows[PREFIX + name_of(asked)]
    return name_of(asked) != asked.strip() or not pd.api.types.is_numeric_dtype(values) or values.dtype == bool


def _standard(given: pd.Series) -> np.ndarray:
    """(unit,) a number less its mean, over its sd."""
    values = given.to_numpy(dtype=float)
    return np.asarray((values - values.mean()) / values.std(ddof=1))


def _groups(given: pd.Series) -> tuple[list[str], np.ndarray]:
    """Names of the groups, the largest first, and their (unit, group - 1) contrasts."""
    words = given.map(_word)
    counts = words.value_counts()
    names = sorted(counts.index, key=lambda name: (-counts[name], name))
    return names, contrasts(len(names))[[names.index(word) for word in words]]


def _of_number(asked: str, given: pd.Series, rows_of: np.ndarray) -> list[Effect]:
    name, sd, mean = name_of(asked), float(given.std(ddof=1)), float(given.mean())
    (column,) = rows_of
    return [
        Effect(
            label=name, weights=column, unit=f"per sd of {name} ({sd:.3g})", here=f"one sd above it ({mean + sd:.3g})",
            there=f"at the mean {name} ({mean:.3g})", start=np.zeros_like(column), step=column,
        )
    ]  # fmt: skip


def _of_groups(asked: str, given: pd.Series, rows_of: np.ndarray) -> list[Effect]:
    """Of two groups how the smaller one differs from the larger; of more how each differs from their mean."""
    name = name_of(asked)
    names, _ = _groups(given)
    each = contrasts(len(names)) @ rows_of
    if len(names) == 2:
        larger, smaller = names
        return [
            Effect(
                label=f"{name}={smaller}", weights=each[1] - each[0], unit=f"{smaller} less {larger}",
                here=f"for {smaller}", there=f"for {larger}", start=each[0], step=each[1] - each[0],
            )
        ]  # fmt: skip
    return [
        Effect(
            label=f"{name}={group}", weights=effect, unit=f"{group} less the mean of {len(names)} groups",
            here=f"for {group}", there=f"at the mean of the groups of {name}", start=np.zeros_like(effect), step=effect,
        )
        for group, effect in zip(names, each, strict=True)
    ]  # fmt: skip


def _word(value: object) -> str:
    """A group's name: numbers without a needless point."""
    return f"{value:g}" if isinstance(value, float) else str(value)
