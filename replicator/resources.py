"""Where the files that travel with the package lie: specifications, references, priors, schemas and templates.

In a checkout `experiments/` and `priors/` stand at the top level; in a wheel they are copied under
`replicator/_resources/`. Nothing else in the package knows the difference.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent


@cache
def root() -> Path:
    """The folder that holds `experiments/` and `priors/`."""
    inside = _PACKAGE / "_resources"
    return inside if inside.is_dir() else _PACKAGE.parent


def experiment_files() -> dict[str, Path]:
    """Shipped specifications by experiment name (the file's stem), sorted by name."""
    folder = root() / "experiments"
    files = [path for path in folder.glob("*/*.json") if path.parent.name not in {"wordings", "studies"}]
    return {path.stem: path for path in sorted(files, key=lambda path: path.stem)}


def study_files() -> dict[str, Path]:
    """Shipped studies by name."""
    return {path.stem: path for path in sorted((root() / "experiments" / "studies").glob("*.json"))}


def wordings_file(family: str) -> Path:
    """The wordings that a family of experiments shares."""
    return root() / "experiments" / "wordings" / f"{family}.json"


def human_files() -> list[Path]:
    """The documents of human reference estimates, sorted by name."""
    return sorted((root() / "priors" / "humans").glob("*.json"))


def theory_prior_file(theory: str) -> Path:
    """The priors of a theory's fit."""
    return root() / "priors" / "theories" / f"{theory}.json"


@cache
def schema(name: str) -> dict[str, Any]:
    """The JSON Schema called `name` ("experiment", "reference", ...)."""
    text = (_PACKAGE / "schema" / f"{name}.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def report_folder() -> Path:
    """The folder of the report's template and style sheet."""
    return _PACKAGE / "report"
