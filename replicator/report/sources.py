"""What a report reads: `results.json`, `manifest.json` and `choices.parquet` of every run, no more."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from replicator import choices
from replicator.compare import beside
from replicator.errors import DataError
from replicator.positions import Positions, by_position
from replicator.report.terms import Document

_LONGEST_REPLY = 1000


@dataclass(frozen=True)
class Reply:
    """An answer that was not a choice, as it came."""

    population: str
    status: str
    text: str


@dataclass(frozen=True)
class Source:
    """One run, read."""

    folder: Path
    results: Document
    manifest: Document
    value_gaps: Mapping[tuple[str, str], float]
    """(condition, item) -> expected value of the first option less that of the second, in the unit."""
    replies: tuple[Reply, ...]
    wordings: tuple[str, ...]
    """In the order in which they were asked."""
    positions: Mapping[str, Positions]
    """Population -> what it chose by displayed position, where three options or more were displayed in orders
    that tell."""


@dataclass(frozen=True)
class Section:
    """All runs of one experiment, side by side."""

    experiment: str
    results: Document
    """Their results as one document, as `compare.beside` puts them together."""
    sources: tuple[Source, ...]

    @property
    def amounts(self) -> bool:
        return bool(self.results["response"] == "amount")

    @property
    def value_gaps(self) -> dict[tuple[str, str], float]:
        return {cell: gap for source in self.sources for cell, gap in source.value_gaps.items()}

    @property
    def positions(self) -> dict[str, Positions]:
        """By the names of the document, where runs that have a population of the same name are numbered."""
        own = [(source, str(p["name"])) for source in self.sources for p in source.results["populations"]]
        named = [str(population["name"]) for population in self.results["populations"]]
        found = zip(named, own, strict=True)
        return {name: source.positions[was] for name, (source, was) in found if was in source.positions}


def read(folder: Path) -> Source:
    """Read a run. Raises DataError where a file is missing or unreadable."""
    results = _document(folder / "results.json", 'Run "replicator compare" on the folder first.')
    manifest = _document(folder / "manifest.json", "Give the folder of a run.")
    path = folder / "choices.parquet"
    answers = choices.read(path, ["model", "status", "text", "wording"])
    return Source(folder, results, manifest, _value_gaps(path), _replies(answers), _wordings(answers), _positions(path))


def sections(sources: Sequence[Source]) -> tuple[Section, ...]:
    """Runs grouped by experiment, in the order in which experiments first appear."""
    groups: dict[str, list[Source]] = {}
    for source in sources:
        groups.setdefault(str(source.results["experiment"]), []).append(source)
    return tuple(
        Section(name, beside([source.results for source in group]), tuple(group)) for name, group in groups.items()
    )


def natural_order(text: str) -> list[tuple[int, float, str]]:
    """Sorting key under which row-2 comes before row-10."""
    return [
        (0, float(part), "") if re.fullmatch(r"\d+(\.\d+)?", part) else (1, 0.0, part)
        for part in re.split(r"(\d+(?:\.\d+)?)", text)
        if part
    ]


def _document(path: Path, remedy: str) -> Document:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"there is no {path.name} here.", where=str(path.parent), remedy=remedy) from None
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}.", where=str(path)) from None
    if not isinstance(document, dict):
        raise DataError("is not a JSON object.", where=str(path))
    return document


def _value_gaps(path: Path) -> dict[tuple[str, str], float]:
    """Differences of expected values between two options whose outcomes are all one's own and now."""
    if set(choices.read(path, ["response"])["response"]) != {"choice"}:
        return {}
    cells = choices.cells(path)
    gaps: dict[tuple[str, str], float] = {}
    for condition, item, outcomes, options in zip(
        cells["condition"], cells["item"], cells["outcomes"], cells["options"], strict=True
    ):
        if not outcomes or len(options) != 2:
            continue
        if any(outcome["to"] != "self" or outcome["delay"] for outcome in outcomes):
            continue
        first, second = (_expected_value(outcomes, option) for option in options)
        gaps[(str(condition), str(item))] = first - second
    return gaps


def _positions(path: Path) -> dict[str, Positions]:
    options = choices.read(path, ["options"])["options"]
    if set(choices.read(path, ["response"])["response"]) != {"choice"} or max(map(len, options), default=0) < 3:
        return {}
    answers = choices.read(path)
    lists = choices.read(path, ["probabilities"])
    table = answers.assign(options=options, probabilities=lists["probabilities"])
    found = {str(name): by_position(rows) for name, rows in table.groupby("model", sort=False)}
    return {name: positions for name, positions in found.items() if positions is not None}


def _expected_value(outcomes: Sequence[Mapping[str, Any]], option: str) -> float:
    return sum(
        float(outcome["amount"]) * (float(outcome["probability_low"]) + float(outcome["probability_high"])) / 2
        for outcome in outcomes
        if outcome["option"] == option
    )


def _replies(answers: pd.DataFrame) -> tuple[Reply, ...]:
    """The first reply of every population and status other than valid, where the reply was kept."""
    odd = answers[(answers["status"] != "valid") & answers["text"].notna()]
    odd = odd.drop_duplicates(["model", "status"])
    rows = zip(odd["model"], odd["status"], odd["text"], strict=True)
    return tuple(Reply(str(model), str(status), str(text)[:_LONGEST_REPLY]) for model, status, text in rows if text)


def _wordings(answers: pd.DataFrame) -> tuple[str, ...]:
    return tuple(str(name) for name in answers["wording"].dropna().unique())
