"""`replicator validate`: every fault of every file, before anything is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from replicator import references, specification, study
from replicator.cli.output import JSON, SCHEMA, print_json
from replicator.errors import Fault, ReplicatorError, SpecError
from replicator.exchange.mapping import read_options


@click.command("validate")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@JSON
def validate(files: tuple[str, ...], as_json: bool) -> None:
    """Check specifications, studies, mappings and references, and name every fault with its place.

    A fault's place is a JSON pointer into its file. Nothing is asked of any model.
    """
    faults = {file: _faults(file) for file in files}
    if as_json:
        print_json({"schema": SCHEMA, "files": [_row(file, found) for file, found in faults.items()]})
    else:
        for file, found in faults.items():
            if not found:
                click.echo(f"{file}: valid")
    every = [fault for found in faults.values() for fault in found]
    if every:
        raise SpecError(every)


_LOADERS: dict[str, Callable[[str], object]] = {
    "experiment": specification.load,
    "study": study.load,
    "references": references.load_document,
    "mapping": lambda file: read_options(file=Path(file)),
}


def _faults(file: str) -> tuple[Fault, ...]:
    try:
        _LOADERS[_kind(file)](file)
    except SpecError as error:
        return error.faults
    except ReplicatorError as error:
        return (Fault(file, "", error.problem, error.remedy or ""),)
    return ()


def _kind(file: str) -> str:
    """What the document is meant to be, told by the keys that only one kind has."""
    try:
        document = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "experiment"
    if not isinstance(document, dict):
        return "experiment"
    if "experiments" in document:
        return "study"
    if "map" in document or "derive" in document:
        return "mapping"
    return "references" if "references" in document else "experiment"


def _row(file: str, faults: tuple[Fault, ...]) -> dict[str, Any]:
    return {
        "name": file,
        "valid": not faults,
        "faults": [{"pointer": f.pointer, "problem": f.problem, "remedy": f.remedy} for f in faults],
    }
