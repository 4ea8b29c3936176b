"""Fits that are already finished: an estimation that was killed goes on where it stopped.

Beside every posterior lie the entries that were drawn from it, under a key of all that determines them: the
population's choices, the experiment, the priors, the fit, the seed and the code that estimates.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from replicator import files, resources
from replicator.inference.entries import Entry
from replicator.versions import versions

_ENDING = ".fit.json"
_POSTERIOR = ".nc"
_SCHEMA = 2

_BESIDE = ("amounts", "thresholds", "intervals", "shares", "references", "experiment", "expression")
"""Modules beside the folders `inference` and `theories` that an estimate depends on by more than the table, the
experiment's text and the fit, which are in its key as they are."""


def key(*determined_by: Any) -> str:
    """What identifies a fit: a hash of everything that it depends on, which must have a telling `repr`."""
    return hashlib.sha256((_code() + repr(determined_by)).encode()).hexdigest()


def fingerprint(rows: pd.DataFrame) -> str:
    """Hash of a population's choices."""
    return hashlib.sha256(rows.to_json(orient="records", double_precision=15).encode()).hexdigest()


def read(folder: Path, identity: str) -> list[Entry] | None:
    """The entries of a finished fit; None where it is not finished or its files are damaged."""
    document = _document(folder, identity)
    return None if document is None else list(document["entries"])


def fits(folder: Path, identity: str) -> list[Entry]:
    """What was said of a finished fit as a whole."""
    document = _document(folder, identity)
    return [] if document is None else list(document["fits"])


def write(
    folder: Path, identity: str, entries: list[Entry], posteriors: Iterable[str], fits: Sequence[Entry] = ()
) -> None:
    """Remember a finished fit, which posteriors it left in `folder`, and what was said of it as a whole."""
    document = {"schema": _SCHEMA, "posteriors": sorted(posteriors), "entries": entries, "fits": list(fits)}
    files.write_text(_path(folder, identity), json.dumps(document, allow_nan=False) + "\n")


def remove_others(folder: Path, identities: Iterable[str]) -> None:
    """Delete posteriors and entries that belong to none of these fits."""
    kept: set[str] = set()
    for identity in identities:
        document = _document(folder, identity)
        if document is not None:
            kept |= {_path(folder, identity).name, *document["posteriors"]}
    for path in folder.iterdir():
        if path.name.endswith((_ENDING, _POSTERIOR)) and path.name not in kept:
            path.unlink()


def _document(folder: Path, identity: str) -> dict[str, Any] | None:
    try:
        document: dict[str, Any] = json.loads(_path(folder, identity).read_text(encoding="utf-8"))
        complete = document["schema"] == _SCHEMA and isinstance(document["entries"], list)
        complete = complete and isinstance(document["fits"], list)
        complete = complete and all((folder / name).is_file() for name in document["posteriors"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return document if complete else None


def _path(folder: Path, identity: str) -> Path:
    return folder / f"{identity[:16]}{_ENDING}"


@cache
def _code() -> str:
    """Hash of the code, the priors and the libraries behind every estimate."""
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256(json.dumps(versions()).encode())
    read_from = [*(package / "inference").glob("*.py"), *(package / "theories").glob("*.py")]
    read_from += [package / f"{name}.py" for name in _BESIDE]
    read_from += (resources.root() / "priors").glob("*/*.json")
    for path in sorted(read_from):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
