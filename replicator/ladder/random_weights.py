"""Tiny GPT-2 and Llama checkpoints with random weights, each with a tokenizer of its own kind.

They exercise what real checkpoints differ in. `random-gpt2` is a base model: byte-level BPE that packs
several digits into a token, no BOS, learned positions, no chat template. `random-llama` is a chat model:
BPE over words marked with U+2581, one token a digit, byte fallback, BOS, rotary positions, grouped-query
attention and a chat template. Their choices mean nothing, and their configuration says so.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

from replicator import resources
from replicator.engines.checkpoint import RANDOM_WEIGHTS
from replicator.files import explained

_logging: Any = logging
_FastTokenizer: Any = PreTrainedTokenizerFast
"""transformers leaves both untyped."""

SEED = 20020101
CONTEXT = 2048
"""Longest sequence in tokens."""
VOCABULARY = 1500
WIDTH = 64
LAYERS = 2
HEADS = 4
WEIGHT_SD = 0.3
"""Sd of the weights: large enough that answers differ visibly between prompts."""
RECIPE = 1
"""Raised when a checkpoint built from the same text would come out different."""

CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "<|{{ message['role'] }}|>\n{{ message['content'] }}{{ eos_token }}\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def cached(name: str, home: Path) -> Path:
    """The checkpoint's folder under `home`, built on first use."""
    folder = cache_folder(name, home)
    if not (folder / "config.json").exists():
        build(name, folder)
    return folder


def cache_folder(name: str, home: Path) -> Path:
    """Where the checkpoint is kept under `home`. Its name carries a hash of all that determines it."""
    recipe = json.dumps([name, RECIPE, SEED, CONTEXT, VOCABULARY, WIDTH, LAYERS, HEADS, WEIGHT_SD, list(_corpus())])
    return home / f"{name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def build(name: str, folder: Path) -> Path:
    """Write a checkpoint ("random-gpt2" or "random-llama") into `folder`, whole or not at all."""
    _logging.disable_progress_bar()
    with explained(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            tokenizer = _gpt2_tokenizer() if name == "random-gpt2" else _llama_tokenizer()
            model = _gpt2(tokenizer) if name == "random-gpt2" else _llama(tokenizer)
            model.save_pretrained(unfinished)
            tokenizer.save_pretrained(unfinished)
            _take_place(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _take_place(unfinished: Path, folder: Path) -> None:
    """Rename; another process that was faster has made the same checkpoint."""
    try:
        unfinished.replace(folder)
    except OSError:
        if not (folder / "config.json").exists():
            raise


# The weights


def _gpt2(tokenizer: Any) -> Any:
    return _drawn(
        GPT2LMHeadModel,
        GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=CONTEXT,
            n_embd=WIDTH,
            n_layer=LAYERS,
            n_head=HEADS,
            bos_token_id=tokenizer.eos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            initializer_range=WEIGHT_SD,
        ),
    )


def _llama(tokenizer: Any) -> Any:
    return _drawn(
        LlamaForCausalLM,
        LlamaConfig(
            vocab_size=len(tokenizer),
            max_position_embeddings=CONTEXT,
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=HEADS // 2,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            initializer_range=WEIGHT_SD,
        ),
    )


def _drawn(kind: Any, config: Any) -> Any:
    """A model with seeded random weights; the caller's random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        setattr(config, RANDOM_WEIGHTS, True)
        return kind(config)


# The tokenizers


def _gpt2_tokenizer() -> Any:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    _train(tokenizer, ["<|endoftext|>"], pre_tokenizers.ByteLevel.alphabet())
    return _FastTokenizer(
        tokenizer_object=tokenizer,
        bos_token="<|endoftext|>",
        eos_token="<|endoftext|>",
        unk_token="<|endoftext|>",
        model_max_length=CONTEXT,
    )


def _llama_tokenizer() -> Any:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    # Words with their mark, single digits, and everything else by itself, as a sentencepiece model learns
    # them.
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"▁?[^\W\d_]+|\d|▁|[^\w▁]+"), behavior="isolated")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    specials = ["<unk>", "<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>"]
    _train(tokenizer, specials, [], extra=[f"<0x{byte:02X}>" for byte in range(256)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    fast = _FastTokenizer(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="</s>",
        model_max_length=CONTEXT,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def _train(tokenizer: Tokenizer, specials: list[str], alphabet: list[str], extra: list[str] | None = None) -> None:
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in specials] + (extra or []),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)


def _corpus() -> Iterator[str]:
    """What the tokenizers learn from: the shipped specifications, and the numbers that they are full of."""
    for path in [
        *resources.experiment_files().values(),
        *sorted((resources.root() / "experiments").glob("wordings/*")),
    ]:
        yield path.read_text(encoding="utf-8")
    for amount in range(101):
        yield f"Answer: {amount}\nAnswer: ${amount}\n${amount}.00\n"
    yield "Answer: A\nAnswer: B\n"
