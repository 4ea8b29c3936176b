"""The built-in models: made on this machine, kept in the user's cache folder, named `ladder:NAME`."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from replicator.errors import UsageError

RANDOM_WEIGHTS = ("random-gpt2", "random-llama")
"""Tiny checkpoints that have learnt nothing: they show that a run works, never how a model chooses."""


def ladder_names() -> tuple[str, ...]:
    """Every name that may follow `ladder:`."""
    return RANDOM_WEIGHTS


def checkpoint(name: str) -> Path:
    """Folder of a built-in model's checkpoint, made first where it does not exist yet.

    Raises UsageError for an unknown name.
    """
    require(name)
    from replicator.ladder import random_weights

    return random_weights.cached(name, _folder())


def existing(name: str) -> Path | None:
    """Folder of a built-in model that has been made before; None otherwise. Nothing is written."""
    require(name)
    from replicator.ladder import random_weights

    folder = random_weights.cache_folder(name, _folder())
    return folder if (folder / "config.json").exists() else None


def require(name: str) -> None:
    """Raises UsageError for an unknown name."""
    if name not in ladder_names():
        raise UsageError(
            f"there is no built-in model {name!r}.",
            remedy=f"The built-in models: {', '.join(ladder_names())}.",
        )


def _folder() -> Path:
    home = os.environ.get("REPLICATOR_CACHE_DIR") or platformdirs.user_cache_dir("replicator")
    return Path(home) / "ladder"
