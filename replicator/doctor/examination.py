"""What is asked of the doctor."""

from __future__ import annotations

from dataclasses import dataclass

from replicator.pipeline import ModelRequest


@dataclass(frozen=True)
class Examination:
    """What is to be examined, and how."""

    model: ModelRequest
    experiments: tuple[str, ...] = ()
    """Names or files; the default probe where there is none, as far as the model can answer it."""
    against: ModelRequest | None = None
    device: str | None = None
    batch_size: int | None = None
