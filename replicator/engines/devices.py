"""Where a model computes, and in which numbers."""

from __future__ import annotations

from typing import Any

import torch

from replicator.errors import UsageError

DTYPES = {
    "auto": "auto",
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def settings(device: str | None, dtype: str | None) -> tuple[torch.device, Any]:
    """Where to compute and in which numbers. Raises UsageError for a device or dtype that does not exist."""
    place = _device(device)
    return place, _dtype(dtype, place)


def _device(device: str | None) -> torch.device:
    try:
        place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError:
        raise UsageError(f"there is no device {device!r}.", where="--device", remedy="Write cpu or cuda:0.") from None
    if place.type == "cuda" and not torch.cuda.is_available():
        raise UsageError("there is no GPU here.", where="--device", remedy="Write cpu.")
    return place


def _dtype(dtype: str | None, device: torch.device) -> Any:
    name = dtype or ("float32" if device.type == "cpu" else "auto")
    if name not in DTYPES:
        raise UsageError(f"there is no dtype {name!r}.", where="dtype", remedy=f"Write one of {', '.join(DTYPES)}.")
    return DTYPES[name]
