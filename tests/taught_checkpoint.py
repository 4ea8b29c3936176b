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
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        model(input_ids=ids, labels=targets).loss.backward()
        optimiser.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
