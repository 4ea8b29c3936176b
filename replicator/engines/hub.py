"""Whether a hub id names a model that can be had, asked once and briefly.

Left to itself the download would repeat its attempts for half a minute and then blame the network for a
misspelt path.
"""

from __future__ import annotations

import logging

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
