"""A checkpoint is opened: a causal language model with its tokenizer, from a folder or from the hub.

Everything that can be wrong with one is said in one line. Code that comes with a checkpoint is never run.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)
from transformers.utils import logging

from replicator.engines.devices import settings
from replicator.engines.fingerprint import folder_hash
from replicator.engines.hub import require_on_hub
from replicator.errors import DataError, UsageError

_logging: Any = logging
"""transformers leaves it untyped."""

RANDOM_WEIGHTS = "replicator_random_weights"
"""Key of config.json that marks weights that were drawn, not learnt."""

_Loaded = TypeVar("_Loaded")


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model, ready to answer."""

    model: Any
    tokenizer: Any
    config: Any
    device: torch.device
    version: Mapping[str, str]
    """What fixes the weights: a content hash of a folder, or a hub id with its commit."""


def load(model: str, *, device: str | None, dtype: str | None, revision: str | None) -> Checkpoint:
    """Open `model` on `device` (a GPU where there is one) in `dtype` (float32 on a CPU, the checkpoint's on
    a GPU).

    Raises DataError where it is no causal language model, is incomplete or cannot be reached; UsageError
    for an unknown dtype or device.
    """
    _logging.set_verbosity_error()
    _logging.disable_progress_bar()
    place, numbers = settings(device, dtype)
    folder = locate(model, revision)
    source = str(folder or model)
    config = _config(model, source, revision)
    _require_causal(model, config)
    tokenizer = _tokenizer(model, source, revision)
    weights = _weights(model, source, revision, config, numbers)
    version = _version(model, folder, config)
    network = attempt(model, "its weights do not fit on the device", lambda: weights.to(place))
    return Checkpoint(network.eval(), tokenizer, config, place, version)


def locate(model: str, revision: str | None) -> Path | None:
    """The folder that `model` names; None for a hub id, once it is known to be there. Nothing is loaded.

    Raises DataError where there is neither, UsageError for a revision of a folder.
    """
    folder = _folder(model)
    if folder is not None and revision is not None:
        raise UsageError("a local folder has no revisions.", where=model, remedy="Leave out revision=.")
    if folder is None:
        require_on_hub(model, revision)
    return folder


def open_config(model: str, revision: str | None) -> Any:
    """The configuration alone. Raises DataError where it cannot be read or is not a causal language model's."""
    source = str(_folder(model) or model)
    config = _config(model, source, revision)
    _require_causal(model, config)
    return config


def open_tokenizer(model: str, revision: str | None) -> Any:
    """The tokenizer alone; its folder needs to hold nothing else. Raises DataError where it cannot be read."""
    path = Path(model).expanduser()
    return _tokenizer(model, str(path if path.is_dir() else locate(model, revision) or model), revision)


def _folder(model: str) -> Path | None:
    """The folder that `model` names; None for a hub id."""
    path = Path(model).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise DataError(
                "the folder holds no config.json, so it is not a checkpoint of transformers.",
                where=model,
                remedy="Name a folder that save_pretrained wrote.",
            )
        return path
    if path.exists():
        raise DataError("this is a file, not a checkpoint's folder.", where=model, remedy="Name the folder.")
    if path.is_absolute() or model.startswith((".", "~")) or model.count("/") > 1 or "\\" in model:
        raise DataError("there is no such folder.", where=model, remedy="Check the path.")
    return None


def _config(model: str, source: str, revision: str | None) -> Any:
    return attempt(
        model,
        "its config.json cannot be read",
        lambda: AutoConfig.from_pretrained(source, revision=revision, trust_remote_code=False),
    )


def _require_causal(model: str, config: Any) -> None:
    """Refuse encoders, encoder-decoders and other heads by what the configuration declares."""
    kind = getattr(config, "model_type", "")
    declared = list(getattr(config, "architectures", None) or [])
    causal_heads = _class_names(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    encoder = kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False)
    # Families with a decoder of their own are listed for both kinds of head and say so by the head they
    # declare.
    encoder = encoder and not any(head in causal_heads and head.endswith("ForCausalLM") for head in declared)
    bidirectional = encoder or bool(getattr(config, "is_encoder_decoder", False))
    other_head = bool(declared) and not any(head in causal_heads for head in declared)
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or bidirectional or other_head:
        raise DataError(
            f"this is not a causal language model ({', '.join(declared) or kind or 'no model_type'}).",
            where=model,
            remedy="Name a model that predicts the next token, such as a GPT, Llama or Qwen.",
        )


def _class_names(values: Any) -> set[str]:
    return {name for value in values for name in ([value] if isinstance(value, str) else value)}


def _tokenizer(model: str, source: str, revision: str | None) -> Any:
    tokenizer = attempt(
        model,
        "its tokenizer is missing or cannot be read",
        lambda: AutoTokenizer.from_pretrained(source, revision=revision, trust_remote_code=False),
    )
    if not tokenizer or len(tokenizer("A", add_special_tokens=False)["input_ids"]) == 0:
        raise DataError(
            "its tokenizer is missing or empty.", where=model, remedy="Save the tokenizer beside the weights."
        )
    return tokenizer


def _weights(model: str, source: str, revision: str | None, config: Any, dtype: Any) -> Any:
    def read() -> Any:
        return AutoModelForCausalLM.from_pretrained(
            source,
            revision=revision,
            config=config,
            dtype=dtype,
            trust_remote_code=False,
            output_loading_info=True,
        )

    weights, report = attempt(model, "its weights cannot be read", read)
    missing = sorted(report.get("missing_keys") or ())
    if missing:
        # transformers would fill these in at random, and the model would answer with them.
        raise DataError(
            f"its weights are incomplete: {missing[0]} and {len(missing) - 1} more are missing.",
            where=model,
            remedy="Download or save the checkpoint again.",
        )
    return weights


def _version(model: str, folder: Path | None, config: Any) -> dict[str, str]:
    if folder is not None:
        return {"content": folder_hash(folder)}
    return {"hub": model, "revision": str(getattr(config, "_commit_hash", None) or "unknown")}


def attempt(model: str, problem: str, action: Callable[[], _Loaded]) -> _Loaded:
    """Whatever a library says about a file it cannot use, in one line. Nothing of ours runs inside
    `action`.
    """
    try:
        return action()
    except (MemoryError, torch.cuda.OutOfMemoryError):
        raise DataError(
            "its weights do not fit into memory.",
            where=model,
            remedy="Try dtype=bfloat16 or a smaller model.",
        ) from None
    except Exception as error:  # libraries raise anything from OSError to bare Exception for a bad file
        raise DataError(
            f"{problem} ({_first_line(error)}).",
            where=model,
            remedy="Check the path or the id, and the files there.",
        ) from None


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200].rstrip(".:")


def accepts(model: Any, argument: str) -> bool:
    """Whether a model's forward pass takes `argument` by name."""
    return argument in inspect.signature(model.forward).parameters
