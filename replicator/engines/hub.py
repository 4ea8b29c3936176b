"""Whether a hub id names a model that can be had, asked once and briefly.

Left to itself the download would repeat its attempts for half a minute and then blame the network for a
misspelt path.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

from huggingface_hub import HfApi, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from replicator.errors import DataError

PATIENCE = 10.0
"""Seconds until the hub counts as out of reach."""


def require_on_hub(model: str, revision: str | None) -> None:
    """Return if `model` is in the user's cache or on the hub; otherwise raise DataError with the reason."""
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        if isinstance(try_to_load_from_cache(model, "config.json", revision=revision), str):
            return
        HfApi().model_info(model, revision=revision, timeout=PATIENCE)
    except GatedRepoError:
        raise DataError(
            "the hub asks for permission to use this model.",
            where=model,
            remedy="Accept its licence on its page and log in with `hf auth login`.",
        ) from None
    except RevisionNotFoundError:
        raise DataError(
            f"the hub has no revision {revision!r} of this model.", where=model, remedy="Leave out revision=."
        ) from None
    except (RepositoryNotFoundError, HFValidationError):
        raise DataError(
            "there is no folder of this name, and no such model on the Hugging Face hub.",
            where=model,
            remedy="Check the path or the id.",
        ) from None
    except Exception as error:  # whatever the network raises
        raise DataError(
            "there is no folder of this name, it is not in the cache, and the hub cannot be reached "
            f"({type(error).__name__}).",
            where=model,
            remedy="Check the path or the id, or go online.",
        ) from None


def in_cache(model: str, revision: str | None, *files: str) -> bool:
    """Whether any of these files of a hub's model has been downloaded."""
    return any(_cached(model, revision, file) is not None for file in files)


def weights_in_cache(model: str, revision: str | None) -> bool:
    """Whether all weights of a hub's model have been downloaded. Nothing is asked of the hub."""
    if in_cache(model, revision, "model.safetensors", "pytorch_model.bin"):
        return True
    for name in ("model.safetensors.index.json", "pytorch_model.bin.index.json"):
        index = _cached(model, revision, name)
        if index is not None:
            shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
            return all(in_cache(model, revision, shard) for shard in set(shards))
    return False


def _cached(model: str, revision: str | None, file: str) -> Path | None:
    try:
        found = try_to_load_from_cache(model, file, revision=revision)
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None
