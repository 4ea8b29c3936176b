"""All that is found about the consistency of populations, as entries of `results.json`, with people beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from replicator.people import IN_RESULTS, is_recorded, may_stand_beside
from replicator.rationality import budgets, dominance, ordered, transitivity
from replicator.rationality.finding import EVERYWHERE, Finding
from replicator.rationality.questions import Published, Question, checks, questions
from replicator.references import Reference

Document = dict[str, Any]

OF_PERSONS = frozenset({"person", "persona"})
"""Units whose values are each a whole responder's; those of other units are of one responder made of many answers, and
the two are never compared."""

RATES: Mapping[str, str] = {"multiple-switching": "hl_multiple_switching"}
"""Measure -> the published rate of people."""


def rates(experiment: str, known: Iterable[Reference]) -> list[Reference]:
    """The references that give people's rate of a measure in this experiment."""
    return [reference for reference in known if reference.experiment == experiment and reference.id in RATES.values()]


def entries(name: str, frame: pd.DataFrame, published: Published) -> list[Document]:
    """Every measure that says something of one population's choices, or why it cannot.

    `frame` as of `choices.read` with `outcomes`, `options` and `probabilities`; `published` are people's shares.
    """
    return [_entry(name, finding) for finding in _findings(frame, published)]


def _findings(frame: pd.DataFrame, published: Published) -> list[Finding]:
    asked = questions(frame, published)
    by_condition: dict[str, list[Question]] = {}
    for question in asked:
        by_condition.setdefault(question.condition, []).append(question)
    found: list[Finding] = []
    for condition, some in by_condition.items():
        found += dominance.findings(some, condition)
        found += ordered.findings(some, condition)
        found += transitivity.findings(some, condition)
    budgeted = [entry for condition, some in by_condition.items() for entry in budgets.findings(some, condition)]
    found += budgeted or (budgets.findings(asked, EVERYWHERE) if len(by_condition) > 1 else [])
    found += dominance.findings(checks(frame), EVERYWHERE, checks=True)
    compared = any(q.response == "choice" and q.bundles is not None for q in asked)
    if compared and all(entry.measure != "intransitivity" for entry in found):
        words = "This design has no three options that meet two by two, so that transitivity cannot be tested."
        found.append(Finding(EVERYWHERE, "intransitivity", words))
    return found


def _entry(name: str, finding: Finding) -> Document:
    return {
        "population": name,
        "condition": finding.condition,
        "measure": finding.measure,
        "value": _known(finding.value),
        "interval": None if np.isnan(finding.low) else [finding.low, finding.high],
        "n": finding.n,
        "unit": finding.unit,
        "over": finding.over,
        "human_value": _known(finding.human),
        "reference": finding.reference,
        "baseline": _known(finding.baseline),
        "words": finding.words,
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def put_people_beside(
    found: Sequence[Document], populations: Sequence[Document], references: Iterable[Reference] = ()
) -> None:
    """Fill `human_value` and `reference` where like can be set beside like.

    Published values stay; then a published rate among `references`; then people recorded in the same results, then
    simulated ones, at the same condition. Whole responders are set beside whole responders, and one responder made of
    many answers beside one made of people's.
    """
    by_id = {reference.id: reference for reference in references}
    for entry in found:
        if str(entry["reference"] or "").startswith(IN_RESULTS):
            entry |= {"human_value": None, "reference": None}
    described = {population["name"]: population for population in populations}
    for entry in found:
        if entry["unit"] is None:
            continue
        rate = by_id.get(RATES.get(entry["measure"], ""))
        if rate is not None and rate.value is not None and entry["unit"] in OF_PERSONS:
            entry |= {"human_value": rate.value, "reference": rate.id}
        elif rate is not None and rate.value is not None:
            entry["words"] += (
                f" Of people, each taken whole, {100 * rate.value:.1f}% did ({rate.id}); averages of such people are "
                "less consistent than they are, so that the two are not compared."
            )
        if entry["reference"]:
            continue
        beside = [other for other in found if _alike(entry, other, described)]
        if beside:
            best = min(beside, key=lambda other: not is_recorded(described[other["population"]]))
            entry |= {"human_value": best["value"], "reference": f"{IN_RESULTS}{best['population']}"}


def _alike(entry: Document, other: Document, described: Mapping[str, Document]) -> bool:
    if (entry["measure"], entry["condition"], entry["over"]) != (other["measure"], other["condition"], other["over"]):
        return False
    if other["unit"] is None or (entry["unit"] in OF_PERSONS) != (other["unit"] in OF_PERSONS):
        return False
    return may_stand_beside(described[entry["population"]], described[other["population"]])
