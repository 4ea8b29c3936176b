"""The comparison stage: what was chosen and what was estimated, with people beside it, as `results.json`.

It leads with choice shares item by item, which need no theory. `compare` reads a run's choices and
estimates; `beside` puts the results of several runs of one experiment together, so that people recorded in
one stand beside the models of another.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from replicator import choices, files, means, people, populations, references, shares
from replicator.errors import DataError
from replicator.experiment import Experiment
from replicator.human_questions import label
from replicator.rationality import entries as rationality
from replicator.references import Reference
from replicator.response import account_name
from replicator.runs import Run
from replicator.thresholds import LABEL_MASS

SCHEMA = 1

LONG_GRID = 21
"""Amounts with more options than this list only those with a share above `RARE` and the grid's ends."""

RARE = 1e-4

Document = dict[str, Any]


def compare(run: Run) -> Document:
    """Assemble `results.json`, write it whole or not at all, and return it. Raises DataError without
    choices or estimates."""
    estimated = _estimated(run)
    results = assemble(
        run.experiment(), _choices(run), estimated["estimates"], run.manifest.get("populations") or (),
        estimated["fits"],
    )  # fmt: skip
    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False)
    files.write_text(run.results, text + "\n")
    return results


def assemble(
    experiment: Experiment,
    frame: pd.DataFrame,
    estimates: Sequence[Mapping[str, Any]],
    described: Sequence[Mapping[str, Any]] = (),
    fits: Sequence[Mapping[str, Any]] = (),
) -> Document:
    """The results of one experiment from its table of choices and its estimates.

    `described` is the manifest's list of populations with their facts, `fits` what is said of the estimates' fits as
    wholes. Raises SpecError where a reference
    is wrong.
    """
    known = references.references()
    humans = [known[name] for name in experiment.humans]
    humans += [rate for rate in rationality.rates(experiment.name, known.values()) if rate not in humans]
    facts = {entry["name"]: entry.get("facts") or {} for entry in described}
    correct = {f"check-{check.id}": check.correct for check in experiment.checks}
    tables = {str(name): table for name, table in frame.groupby("model", sort=False)}
    cells = [cell for table in tables.values() for cell in shares.cells(table)]
    results: Document = {
        "schema": SCHEMA,
        "experiment": experiment.name,
        "experiment_title": experiment.title,
        "family": experiment.family,
        "unit": experiment.unit,
        "response": experiment.response.type,
        "populations": [
            *(populations.summary(name, table, facts.get(name, {}), correct) for name, table in tables.items()),
            *_published(estimates, tables, known),
        ],
        "items": _items(frame),
        "choices": [row for cell in cells for row in _rows(cell)],
        "amounts": _amounts(tables.values()) if experiment.response.type == "amount" else [],
        "means": _means(experiment, tables.values()),
        "estimates": [dict(estimate) for estimate in estimates],
        "fits": [dict(fit) for fit in fits],
        "fidelity": [],
        "rationality": [],
        "scaling": [],
        "references": {reference.id: _reference(reference) for reference in humans},
        "ropes": [
            {"theory": fit.theory, "noise": fit.noise, "parameter": fit.parameter, "rope": fit.rope}
            for fit in experiment.analysis.fits
        ],
        "excluded": _excluded(tables),
    }
    people.published_shares(results["choices"], results["items"], humans)
    if "outcomes" in frame:
        published = _published_shares(results["choices"])
        results["rationality"] = [
            entry for name, table in tables.items() for entry in rationality.entries(name, table, published)
        ]
    return _document(_with_people(results, humans))


def beside(results: Sequence[Mapping[str, Any]]) -> Document:
    """Results of several runs of the same experiment as one: people of each stand beside the populations of
    the others.

    A population's name that stands in two runs gets how it was asked there ("ladder:x, reasoning"), or else the
    number of its run: "participants:human [2]". One run is returned as it is. Raises DataError for runs of
    different experiments or versions of its options.
    """
    first = results[0]
    for other in results[1:]:
        if other["experiment"] != first["experiment"]:
            raise DataError(
                f"the runs are of different experiments: {first['experiment']} and {other['experiment']}.",
                remedy="Put runs of one experiment side by side.",
            )
    if len(results) == 1:
        return dict(first)
    renamed = _distinct([json.loads(json.dumps(one)) for one in results])
    merged: Document = dict(renamed[0])
    for part in ("populations", "choices", "amounts", "means", "estimates", "fits", "rationality", "excluded"):
        merged[part] = [entry for one in renamed for entry in one.get(part, [])]
    for part, key in (("items", ("item", "condition")), ("ropes", ("theory", "noise", "parameter"))):
        entries = {tuple(entry[k] for k in key): entry for one in reversed(renamed) for entry in one[part]}
        merged[part] = list(entries.values())
    merged["references"] = {key: entry for one in reversed(renamed) for key, entry in one["references"].items()}
    people.without_people_in_results(merged["choices"], merged["estimates"])
    return _document(_with_people(merged, ()))


def _published(
    estimates: Sequence[Mapping[str, Any]], tables: Mapping[str, pd.DataFrame], known: Mapping[str, Reference]
) -> list[Document]:
    """The populations among the estimates that are published tables of people's shares."""
    names = dict.fromkeys(str(estimate["population"]) for estimate in estimates)
    return [
        populations.published(name, known[name.removeprefix(references.PUBLISHED)])
        for name in names
        if name not in tables and name.startswith(references.PUBLISHED)
    ]


def _with_people(results: Document, humans: Sequence[Reference]) -> Document:
    """The results with people beside every share and estimate, scored, and rare amounts left out."""
    populations, items = results["populations"], results["items"]
    rows = people.shares_in_results(results["choices"], populations)
    people.human_entries(
        results["estimates"],
        populations,
        rows,
        items,
        ropes={(r["theory"], r["noise"], r["parameter"]): r["rope"] for r in results["ropes"]},
        references=humans,
    )
    rationality.put_people_beside(results["rationality"], populations, humans)
    lengths = {(item["item"], item["condition"]): item["options"] for item in items}
    kept = [row for row in rows if _worth_listing(row, lengths[row["item"], row["condition"]])]
    return {**results, "choices": kept, "fidelity": people.fidelity_rows(rows, items)}


def _published_shares(rows: Iterable[Document]) -> dict[tuple[str, str], tuple[dict[str, float], str]]:
    """People's published share of every option, by item and condition, with the reference."""
    found: dict[tuple[str, str], tuple[dict[str, float], str]] = {}
    for row in rows:
        if row["reference"] is not None:
            shares_of, _ = found.setdefault((row["item"], row["condition"]), ({}, row["reference"]))
            shares_of[row["option"]] = row["human_share"]
    return found


def _worth_listing(row: Mapping[str, Any], options: Sequence[str]) -> bool:
    if len(options) <= LONG_GRID or row["option"] in (options[0], options[-1]):
        return True
    return (row["share"] or 0.0) > RARE or (row["human_share"] or 0.0) > RARE


def _rows(cell: shares.Cell) -> list[Document]:
    return [
        {
            "population": cell.population,
            "item": cell.item,
            "condition": cell.condition,
            "option": option,
            "share": None if np.isnan(cell.share[i]) else cell.share[i],
            "interval": None if np.isnan(cell.low[i]) else [cell.low[i], cell.high[i]],
            "bounds": None if cell.bounds is None else [cell.bounds[0][i], cell.bounds[1][i]],
            "n": cell.n,
            "unit": cell.unit,
            "human_share": None,
            "human_n": None,
            "reference": None,
        }
        for i, option in enumerate(cell.options)
    ]


def _amounts(tables: Any) -> list[Document]:
    return [
        {
            "population": gift.population,
            "item": gift.item,
            "condition": gift.condition,
            "mean": gift.mean,
            "interval": None if math.isnan(gift.low) else [gift.low, gift.high],
            "bounds": None if gift.bounds is None else list(gift.bounds),
            "maximum": gift.maximum,
            "p_zero": gift.p_zero,
            "p_half": gift.p_half,
            "p_above_half": gift.p_above_half,
            "n": gift.n,
        }
        for table in tables
        for gift in shares.gifts(table)
    ]


def _means(experiment: Experiment, tables: Iterable[pd.DataFrame]) -> list[Document]:
    response = experiment.response
    if response.type in ("choice", "amount"):
        return []
    accounts = tuple(account_name(name) for name in response.accounts)
    found = [vars(mean) for table in tables for mean in means.means(table, accounts)]
    ends = ("low", "high")
    return [
        {
            **{key: part for key, part in mean.items() if key not in ends},
            "interval": None if math.isnan(mean["low"]) else [mean[end] for end in ends],
            "quartiles": list(mean["quartiles"]),
        }
        for mean in found
    ]


def _items(frame: pd.DataFrame) -> list[Document]:
    """Every item and condition with its options, item variables and factor levels, in order of first
    appearance."""
    rows = frame[frame["condition"] != shares.COMPREHENSION].drop_duplicates(["item", "condition"])
    stimulus, factors = (choices.stimulus_columns(rows.columns), choices.factor_columns(rows.columns))
    return [
        {
            "item": row["item"],
            "condition": row["condition"],
            "options": list(row["options"]),
            "stimulus": {name.removeprefix("stimulus."): row[name] for name in stimulus if not _missing(row[name])},
            "factors": {name.removeprefix("factor."): row[name] for name in factors if not _missing(row[name])},
        }
        for row in rows.to_dict("records")
    ]


def _excluded(tables: Mapping[str, pd.DataFrame]) -> list[Document]:
    """Answers left out of every share, by population, and why and where."""
    counted = {name: (shares.excluded_cells(table), shares.status_counts(table)) for name, table in tables.items()}
    return [
        {
            "population": name,
            "reason": f"label mass below {LABEL_MASS}",
            "answers": sum(n for _, _, n, _ in cells),
            "of": counts["valid"],
            "cells": [dict(zip(("item", "condition", "answers", "of"), cell, strict=True)) for cell in cells],
        }
        for name, (cells, counts) in counted.items()
        if cells
    ]


def _reference(reference: Reference) -> Document:
    citation = reference.citation
    return {
        "label": label(reference),
        "citation": (
            f"{citation['authors']} ({citation['year']}). {citation['title'].rstrip('.')}. "
            f"{citation['journal'].rstrip('.')}."
        ),
        "doi": citation["doi"],
        "status": reference.status,
        "parameter": reference.parameter,
        "definition": reference.definition,
        "estimand": reference.estimand,
        "value": reference.value,
        "standard_error": reference.standard_error,
        "between_study_sd": reference.between_study_sd,
        "spread_basis": reference.spread_basis,
        "n_participants": reference.n_participants,
        "n_studies": reference.n_studies,
        "design": reference.design,
        "notes": reference.notes,
    }


def _distinct(results: list[Document]) -> list[Document]:
    """The same results with every population's name made unique: by how it was asked, or by its run's number."""
    names = [[population["name"] for population in one["populations"]] for one in results]
    everywhere = [name for some in names for name in some]
    asked = [
        {p["name"]: f"{p['name']}, {' and '.join(p['elicitation'])}" for p in one["populations"]} for one in results
    ]
    asked_everywhere = [name for some in asked for name in some.values()]
    for number, one in enumerate(results, start=1):
        new = {
            name: f"{name} [{number}]" if asked_everywhere.count(how) > 1 else how
            for name, how in asked[number - 1].items()
            if everywhere.count(name) > 1
        }
        for population in one["populations"]:
            population["name"] = new.get(population["name"], population["name"])
        for part in ("choices", "amounts", "means", "estimates", "fits", "rationality", "excluded"):
            for entry in one.get(part, []):
                entry["population"] = new.get(entry["population"], entry["population"])
    return results


def _choices(run: Run) -> pd.DataFrame:
    flat = choices.read(run.choices)
    lists = choices.read(run.choices, ["outcomes", "options", "probabilities"])
    return flat.assign(outcomes=lists["outcomes"], options=lists["options"], probabilities=lists["probabilities"])


def _estimated(run: Run) -> Document:
    try:
        document: Document = json.loads(run.estimates.read_text(encoding="utf-8"))
        return {
            "estimates": [dict(estimate) for estimate in document["estimates"]],
            "fits": [dict(fit) for fit in document.get("fits", ())],
        }
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(
            "the run's parameters have not been estimated, or the file is damaged.",
            where=str(run.estimates),
            remedy=f"Run `replicator estimate {run.folder}` first.",
        ) from None


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _document(results: Document) -> Document:
    """The results as JSON can say them."""
    return {key: _plain(part) for key, part in results.items()}


def _plain(value: Any) -> Any:
    """Only what JSON can say: numpy numbers become Python's, and what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
