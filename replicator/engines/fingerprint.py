"""Which weights and which tokenizer answered: short hashes that change when the answers would."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

WHOLE = 64 * 2**20
"""Files up to this many bytes are hashed whole."""
BLOCK = 64 * 2**10
BLOCKS = 256
"""Of larger files the first, the last and evenly spaced blocks are hashed: 16 MiB a file."""

_WEIGHTS = ("*.safetensors", "*.bin", "*.safetensors.index.json")


def folder_hash(folder: Path) -> str:
    """Hash of a checkpoint's config.json and weight files.

    Sizes and dates would miss a copied-over checkpoint of the same shape, and hashing 140 GB takes minutes.
    A file's size, its safetensors header (every tensor's name, type and place) and 256 blocks spread over
    it are read instead: any training step changes nearly every block. An edit of single numbers between the
    blocks would go unnoticed.
    """
    digest = hashlib.sha256()
    files = {folder / "config.json", *(path for pattern in _WEIGHTS for path in folder.glob(pattern))}
    for path in sorted(files):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        for block in _sample(path):
            digest.update(block)
    return digest.hexdigest()


def tokenizer_hash(tokenizer: Any) -> str:
    """Hash of what turns text into tokens: the fast tokenizer's own document, or vocabulary and special
    tokens.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    document = backend.to_str() if backend is not None else json.dumps(sorted(tokenizer.get_vocab().items()))
    return _text_hash(document, json.dumps(tokenizer.special_tokens_map, sort_keys=True, default=str))


def chat_template_hash(tokenizer: Any) -> str | None:
    """Hash of the chat template; None for a tokenizer without one."""
    chat_template = getattr(tokenizer, "chat_template", None)
    return _text_hash(json.dumps(chat_template, sort_keys=True)) if chat_template else None


def _text_hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _sample(path: Path) -> Iterable[bytes]:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE:
            yield file.read()
            return
        if path.suffix == ".safetensors":
            length = int.from_bytes(file.read(8), "little")
            yield file.read(min(length, WHOLE))
        for index in range(BLOCKS):
            file.seek((size - BLOCK) * index // (BLOCKS - 1))
            yield file.read(BLOCK)
