"""Runs of experiments with three options or more, answered by simulated participants, without estimates.

The lotteries are real: written as a specification, rendered, collected and compared as `replicator run` does it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from replicator import choices, compare, design, runs, specification
from replicator.collect import collect
from replicator.engines import open_engine
from replicator.store import AnswerStore

CAREFUL, BOLD, FIRST = "participants:crra(careful)", "participants:crra(bold)", "participants:always-first"
MODELS = {
    CAREFUL: ("participants:crra", {"r": "0.5", "noise": "9", "wording_sd": "0.3"}),
    BOLD: ("participants:crra", {"r": "-0.4", "noise": "9", "wording_sd": "0.3"}),
    FIRST: ("participants:always-first", {}),
}
REFERENCE = "survey"

Edit = Callable[[dict[str, Any]], None]


def lotteries(options: int = 3, items: int = 6, stakes: int = 1) -> dict[str, Any]:
    """A sure amount that rises from question to question, beside ever longer shots at more money."""
    chances = [round(1 / (1.8 * j), 2) for j in range(1, options)]
    return {
        "name": "lotteries",
        "title": "A sure amount or a gamble",
        "family": "risky-choice",
        "version": 1,
        "citation": {"authors": "Me, A.", "year": 2026},
        "factors": {"stakes": {"levels": [1, 10], "default": [1, 10][:stakes], "description": "Multiplies amounts."}},
        "items": [{"id": f"sure-{i}", "sure": round(1 + 9 * i / items, 1)} for i in range(1, items + 1)],
        "options": {
            "sure": {"outcomes": [{"amount": "sure * stakes"}]},
            **{
                f"one-in-{1 / p:.0f}": {
                    "outcomes": [
                        {"probability": p, "amount": f"{round(6 / p)} * stakes"},
                        {"probability": f"1 - {p}", "amount": 0},
                    ]
                }
                for p in chances
            },
        },
        "unit": "USD",
        "prompt": {
            "wordings": {
                "plain": "Choose one.\n\n{{ options }}\n\nAnswer with {{ labels }} only.",
                "pick": "Which one do you pick?\n\n{{ options }}\n\nSay {{ labels }}.",
                "offer": "You are offered one of these.\n\n{{ options }}\n\nYour choice ({{ labels }}):",
            }
        },
        "response": {"type": "choice"},
        "presentation": {"order": "all", "labels": [list("ABCDEFGH"[:options])]},
        "analysis": {"primary": {"theory": "crra", "noise": "contextual", "parameter": "risk_aversion", "rope": 0.1}},
    }


def write_run(
    folder: Path, document: Mapping[str, Any], edit: Edit | None = None, models: Mapping[str, Any] = MODELS
) -> Path:
    """A run's folder with everything that a report reads; `edit` changes the results before."""
    source = folder.parent / f"{folder.name}.json"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(json.dumps(document), encoding="utf-8")
    experiment = specification.load(source)
    asked = runs.request(experiment, populations=list(models))
    run = runs.create_or_resume(
        folder, runs.new_manifest(experiment, asked, command=["replicator", "run", source.name])
    )
    tables = []
    with AnswerStore(folder.parent / f"{folder.name}.sqlite") as store:
        for name, (model, arguments) in models.items():
            engine = open_engine(model, arguments, experiment=experiment)
            table = collect(experiment, [engine], design.trials(experiment), store)
            at = table.column_names.index("model")
            tables.append(table.set_column(at, "model", choices.build(len(table), {"model": name}).column("model")))
    choices.write(run.choices, choices.join(tables))
    frame = choices.read(run.choices)
    lists = choices.read(run.choices, ["options", "probabilities"])
    frame = frame.assign(options=lists["options"], probabilities=lists["probabilities"])
    results = compare.assemble(experiment, frame, [])
    if edit is not None:
        edit(results)
    run.results.write_text(json.dumps(results), encoding="utf-8")
    return folder


def with_people(results: dict[str, Any]) -> None:
    """Published shares of people at every question: the mean of all populations there."""
    cells: dict[tuple[str, str, str], list[float]] = {}
    for row in results["choices"]:
        cells.setdefault((row["item"], row["condition"], row["option"]), []).append(row["share"])
    for row in results["choices"]:
        shares = cells[row["item"], row["condition"], row["option"]]
        row.update(human_share=sum(shares) / len(shares), human_n=900, reference=REFERENCE)
    results["references"][REFERENCE] = {"label": "Doe & Roe 1999", "status": "verified"}
