"""Recorded choices of people and of models, which lie beside the project and not in it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

REAL_DATA = Path(os.environ.get("REPLICATOR_REAL_DATA", "../shared/data"))


def real(path: str) -> Path:
    """A file of the data at hand; its absence is told aloud."""
    file = REAL_DATA / path
    if not file.is_file():
        reason = f"REAL DATA MISSING: {file} (set REPLICATOR_REAL_DATA)"
        warnings.warn(reason, stacklevel=2)
        pytest.skip(reason)
    return file
