"""`replicator validate`: every fault of every file, before anything is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from replicator import documents, references, specification, study
from replicator.cli.output import JSON, SCHEMA, print_json, warn
from replicator.errors import Fault, ReplicatorError, SpecError
from replicator.exchange.mapping import read_options
from replicator.experiment import Experiment


@click.command("validate")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@JSON
def validate(files: tuple[str, ...], as_json: bool) -> None:
    """Check specifications, wordings, studies, mappings and references, and name every fault with its place.

    A fault's place is a JSON pointer into its file. What is allowed but makes results say less is a warning:
    it changes neither "valid" nor the exit code. Nothing is asked of any model.
    """
    verdicts = {file: _verdict(file) for file in files}
    if as_json:
        print_json({"schema": SCHEMA, "files": [_row(file, verdict) for file, verdict in verdicts.items()]})
    for file, verdict in verdicts.items():
        if not verdict.faults and not as_json:
            click.echo(f"{file}: valid")
        warn(verdict.cautions)
    every = [fault for verdict in verdicts.values() for fault in verdict.faults]
    if every:
        raise SpecError(every)


@dataclass(frozen=True)
class _Verdict:
    faults: tuple[Fault, ...] = ()
    cautions: tuple[Fault, ...] = ()


_LOADERS: dict[str, Callable[[str], object]] = {
    "experiment": specification.load,
    "wordings": specification.load_wordings,
    "study": study.load,
    "references": references.load_document,
    "mapping": lambda file: read_options(file=Path(file)),
}

_KEYS = {
    "experiments": "study", "models": "study", "map": "mapping", "derive": "mapping", "values": "mapping",
    "where": "mapping", "wordings": "wordings", "references": "references",
}  # fmt: skip
"""Keys that only one kind of document has."""


def _verdict(file: str) -> _Verdict:
    try:
        found = _LOADERS[_kind(documents.read(file).value)](file)
    except SpecError as error:
        return _Verdict(faults=error.faults)
    except ReplicatorError as error:
        # A mapping's errors speak of the options that say the same: `--derive value` stands at /derive/value.
        place = documents.pointer((error.where or "").removeprefix("--").split())
        return _Verdict(faults=(Fault(file, place, error.problem, error.remedy or ""),))
    if not isinstance(found, Experiment):
        return _Verdict()
    return _Verdict(cautions=(*specification.cautions(found), *_not_told(found)))


def _not_told(experiment: Experiment) -> tuple[Fault, ...]:
    """What the plan asks for and the design cannot tell."""
    from replicator import theories
    from replicator.inference import audit

    plan = experiment.analysis.primary
    if plan is None or experiment.response.type != "choice" or plan.contrast is not None:
        return ()
    theory = theories.get(plan.theory)
    if plan.parameter not in [p.name for p in theory.parameters] or plan.noise == "none":
        return ()
    try:
        found = audit.audit(experiment, plan, audit.planned(experiment))
    except ReplicatorError:
        return ()  # told where the plan is checked
    reasons = [audit.cannot_tell(one, plan.parameter) for one in found]
    place = documents.pointer(("analysis", "primary"))
    remedy = f"It takes {theory.needs}."
    return tuple(Fault(experiment.path, place, reason, remedy) for reason in reasons if reason is not None)


def _kind(document: object) -> str:
    """What a document is meant to be."""
    keys = document.keys() if isinstance(document, dict) else set()
    if keys & {"items", "options", "prompt"}:
        return "experiment"
    return next((kind for key, kind in _KEYS.items() if key in keys), "experiment")


def _row(file: str, verdict: _Verdict) -> dict[str, Any]:
    return {
        "name": file,
        "valid": not verdict.faults,
        "faults": [_described(fault) for fault in verdict.faults],
        "warnings": [_described(caution) for caution in verdict.cautions],
    }


def _described(fault: Fault) -> dict[str, str]:
    return {"pointer": fault.pointer, "problem": fault.problem, "remedy": fault.remedy}
