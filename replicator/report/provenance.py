"""How to repeat a run: its command, versions, hashes and seeds, and the exact words put to models."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from replicator.design import Trial, trials
from replicator.experiment import Experiment
from replicator.prompt import render
from replicator.report.sources import Section, Source
from replicator.report.terms import Document

_TEXTS = ("experiment.specification", "experiment.wordings", "experiment.shared_wordings")
"""Parts of the manifest that hold the specification itself; its hash and the prompts stand in the report."""
_LONGEST = 400
RECORDED = "recorded"
"""The wording of imported choices: nobody here put the question."""


@dataclass(frozen=True)
class Example:
    """One wording as it was put."""

    wording: str
    user: str
    system: str
    cue: str
    answers: str


def command(manifest: Document) -> str | None:
    """The command line that made the run."""
    written = manifest.get("command")
    return shlex.join(str(word) for word in written) if written else None


def facts(manifest: Document) -> list[tuple[str, str]]:
    """Every short fact of the manifest as (path, text): "versions.pymc" -> "5.28.5"."""
    return [
        (path, text)
        for path, text in _flat(manifest, "")
        if path != "command" and not path.startswith(_TEXTS) and 0 < len(text) <= _LONGEST
    ]


def examples(experiment: Experiment, section: Section) -> list[Example]:
    """One full prompt for every wording, layout and way of asking that the runs used, in the experiment's order: to the
    first persona of every run that had some, and to nobody in particular where a run had none."""
    levels = {factor.name: factor.levels for factor in experiment.factors}
    shown_as = experiment.presentation
    asked = trials(experiment, levels=levels, limit=1, layouts=shown_as.layout, answers=shown_as.answers)
    found: dict[Example, None] = {}
    for source in section.sources:
        found |= dict.fromkeys(_examples(experiment, source, asked))
    return list(found)


def _examples(experiment: Experiment, source: Source, asked: Sequence[Trial]) -> Iterator[Example]:
    """Those of one run."""
    conditions = {str(row["condition"]) for row in (*source.results["choices"], *source.results["items"])}
    personas = source.manifest.get("personas")
    told: set[tuple[str, ...]] = set()
    for elicitation in _elicitations(source.results):
        for trial in asked:
            apart = [f"{key}={value}" for key, value in trial.set_apart.items()]
            how = (elicitation, *apart, trial.wording)
            if how in told or trial.check is not None or trial.wording not in source.wordings:
                continue
            if trial.condition not in conditions:
                continue
            told.add(how)
            persona = personas["example"] if personas else None
            prompt = render(experiment, replace(trial, elicitation=elicitation, persona=persona))
            name = ", ".join(
                [
                    trial.wording,
                    *apart,
                    *([elicitation] if elicitation != "probability" else []),
                    *([f"the first of {personas['file']}"] if personas else []),
                ]
            )
            yield Example(name, prompt.user, prompt.system or "", prompt.cue, _answers(prompt.answers))


def _elicitations(results: Document) -> list[str]:
    """Ways of asking whose words differ: what is forecast is put otherwise than what is decided."""
    asked = {name for population in results["populations"] for name in population["elicitation"]}
    return [
        way for way, here in (("probability", asked != {"verbalised"}), ("verbalised", "verbalised" in asked)) if here
    ]


def _answers(answers: Sequence[str]) -> str:
    if len(answers) > 6:
        return f"{answers[0]}, {answers[1]}, …, {answers[-1]} ({len(answers)} answers)"
    return ", ".join(answers) or "any number"


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
        for i, inner in enumerate(value):
            name = inner.get("name") if isinstance(inner, Mapping) else None
            yield from _flat(inner, f"{path}[{name or i}]")
    elif isinstance(value, list):
        yield path, ", ".join(map(str, value))
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
