"""Runs for the tests of the report: results written by hand, with choices and a manifest made to fit them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from replicator import choices, runs, specification

FIXTURES = Path(__file__).parent / "fixtures" / "report"
NAMES = ("holt-laury", "mixed-gambles-people", "dictator-people", "dictator-gpt4")

Edit = Callable[[dict[str, Any]], None]


def results(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FIXTURES / name / "results.json").read_text(encoding="utf-8"))
    return document


def write_run(name: str, folder: Path, edit: Edit | None = None) -> Path:
    """A run's folder with everything that a report reads; `edit` changes the results before."""
    document = results(name)
    if edit is not None:
        edit(document)
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(document), encoding="utf-8")
    experiment = specification.find(document["experiment"])
    imported = None if name == "holt-laury" else {"file": "choices.csv"}
    asked = runs.request(experiment, populations=[p["name"] for p in document["populations"]], imported=imported)
    runs.create_or_resume(folder / "run", runs.new_manifest(experiment, asked, command=["replicator", "run", name]))
    (folder / "run" / "manifest.json").rename(folder / "manifest.json")
    (folder / "run").rmdir()
    choices.write(folder / "choices.parquet", _table(document, "recorded" if imported else "plain"))
    return folder


def _table(document: dict[str, Any], wording: str) -> Any:
    """One answer for every population, item and condition."""
    cells: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in document["choices"]:
        cells.setdefault((row["population"], row["item"], row["condition"]), []).append(row)
    kinds = {p["name"]: p["population"] for p in document["populations"]}
    keys = list(cells)
    options = [[row["option"] for row in cells[key]] for key in keys]
    amounts = all(name.isdigit() for name in options[0])
    shares = [[row["share"] for row in cells[key]] for key in keys]
    return choices.build(
        len(keys),
        {
            "experiment": document["experiment"],
            "population": [kinds[key[0]] for key in keys],
            "model": [key[0] for key in keys],
            "item": [key[1] for key in keys],
            "condition": [key[2] for key in keys],
            "outcomes": [_outcomes(key[1]) for key in keys],
            "wording": wording,
            "labels": "",
            "order": "",
            "elicitation": "recorded" if wording == "recorded" else "probability",
            "response": "amount" if amounts else "choice",
            "options": options,
            "probabilities": [[share / sum(row) for share in row] for row in shares],
            "status": "valid",
            "unit": document["unit"],
        },
    )


def _outcomes(item: str) -> list[dict[str, Any]] | None:
    """What a mixed gamble gives, read from its id ("gain-10-loss-5")."""
    words = item.split("-")
    if words[0] != "gain":
        return None
    blank = {"to": "self", "delay": 0.0, "unit": "USD", "state": None}
    ends = [("accept", float(words[1]), 0.5), ("accept", -float(words[3]), 0.5), ("reject", 0.0, 1.0)]
    return [
        {**blank, "option": option, "amount": amount, "probability_low": p, "probability_high": p,
         "status_quo": option == "reject"}
        for option, amount, p in ends
    ]  # fmt: skip
