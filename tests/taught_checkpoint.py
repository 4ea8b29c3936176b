"""A checkpoint that was taught to go on with certain texts: a few steps of training, which take seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def teach(source: Path, folder: Path, texts: Sequence[tuple[str, str]], *, steps: int = 80) -> Path:
    """A copy of a base model that goes on with each second text after its first."""
    tokenizer: Any = AutoTokenizer.from_pretrained(source)
    model: Any = AutoModelForCausalLM.from_pretrained(source)
    torch.manual_seed(0)
    encoded = [(tokenizer(before)["input_ids"], tokenizer(before + after)["input_ids"]) for before, after in texts]
    longest = max(len(whole) for _, whole in encoded)
    ids = torch.tensor([whole + [0] * (longest - len(whole)) for _, whole in encoded])
    targets = torch.full_like(ids, -100)
    for row, (before, whole) in enumerate(encoded):
        targets[row, len(before) : len(whole)] = torch.tensor(whole[len(before) :])
    train(model, ids, targets, steps=steps, rate=3e-3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def train(model: Any, ids: torch.Tensor, targets: torch.Tensor, *, steps: int, rate: float) -> None:
    """Steps that grow smaller to the end and are never large, so that any processor's rounding ends at the same."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, total_iters=steps)
    for _ in range(steps):
        optimiser.zero_grad()
        model(input_ids=ids, labels=targets).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
