"""Replies are written in batches: what shares a batch changes nothing of what is written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from small_experiments import lotteries
from transformers import AutoTokenizer, MambaConfig, MambaForCausalLM

from replicator.design import trials
from replicator.engines.engine import Written
from replicator.engines.huggingface import HuggingFaceEngine, open_model
from replicator.prompt import Prompt, render

MOST = 12


def _open(checkpoint: Path, batch_size: int) -> HuggingFaceEngine:
    return open_model("tiny", str(checkpoint), {}, device="cpu", batch_size=batch_size)


def _prompts() -> list[Prompt]:
    """Of unlike lengths, each twice."""
    experiment = lotteries()
    once = [render(experiment, trial) for trial in trials(experiment, limit=2)[::9]]
    return [prompt for prompt in once for _ in range(2)]


def _written(engine: HuggingFaceEngine, prompts: list[Prompt], most: int = MOST) -> list[Written]:
    return list(engine.write(prompts, range(len(prompts)), temperature=1.0, most=most))


@pytest.mark.parametrize("kind", ["gpt2", "llama", "mamba"])
def test_a_reply_is_the_same_in_any_batch(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    checkpoint: Path = request.getfixturevalue(f"{'gpt2' if kind == 'mamba' else kind}_checkpoint")
    if kind == "mamba":  # neither padded nor cached
        shutil.copytree(checkpoint, checkpoint := tmp_path / "mamba", dirs_exist_ok=True)
        size = len(AutoTokenizer.from_pretrained(checkpoint))
        config = MambaConfig(vocab_size=size, hidden_size=32, num_hidden_layers=2, state_size=4)
        MambaForCausalLM(config).save_pretrained(checkpoint)
    prompts = _prompts()
    alone = _written(_open(checkpoint, 1), prompts)
    assert len({reply.text for reply in alone}) > len(prompts) / 2
    assert _written(_open(checkpoint, 3), prompts) == alone
    assert _written(_open(checkpoint, 64), prompts) == alone


def test_equal_prompts_share_their_forward_pass(llama_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = _open(llama_checkpoint, 64)
    model = engine._checkpoint.model
    forward, read = model.forward, []

    def counted(**arguments: Any) -> Any:
        read.append(arguments["input_ids"].numel())
        return forward(**arguments)

    monkeypatch.setattr(model, "forward", counted)
    prompts = _prompts()
    length = max(len(engine._context(prompt)[1]) for prompt in prompts)
    _written(engine, prompts)
    assert read[0] == len(prompts) // 2 * length
    assert sum(read[1:]) <= len(prompts) * (MOST - 1)


def test_writing_survives_a_lack_of_memory(llama_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = _prompts()
    expected = _written(_open(llama_checkpoint, 8), prompts)
    engine = _open(llama_checkpoint, 8)
    forward, sizes = engine._checkpoint.model.forward, []

    def cramped(**arguments: Any) -> Any:
        sizes.append(len(arguments["input_ids"]))
        if sizes[-1] > 3:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return forward(**arguments)

    monkeypatch.setattr(engine._checkpoint.model, "forward", cramped)
    assert _written(engine, prompts) == expected
    assert max(sizes) > 3
    assert engine.batch_size < 8


@pytest.mark.parametrize("shared", [True, False])
def test_what_is_not_a_number_is_no_reply(llama_checkpoint: Path, shared: bool) -> None:
    engine = _open(llama_checkpoint, 8)
    engine._scorer.shared = shared
    with torch.no_grad():
        engine._checkpoint.model.get_output_embeddings().weight[3] = float("nan")
    assert set(_written(engine, _prompts())) == {Written("the model's output is not a number", "failed")}


def test_logits_are_computed_of_the_last_token_alone(gpt2_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = _open(gpt2_checkpoint, 8)
    engine._scorer.shared = False
    model = engine._checkpoint.model
    forward, positions = model.forward, []

    def watched(logits_to_keep: int = 0, **arguments: Any) -> Any:
        output = forward(logits_to_keep=logits_to_keep, **arguments)
        positions.append(output.logits.shape[1])
        return output

    monkeypatch.setattr(model, "forward", watched)
    _written(engine, _prompts())
    assert set(positions) == {1}


def test_what_does_not_fit_into_the_positions_is_cut_or_fails_alone(llama_checkpoint: Path) -> None:
    engine = _open(llama_checkpoint, 8)
    short, long = (Prompt(None, "Which? " * words, "Answer:", ("A", "B")) for words in (1, 5000))
    fits, fails = _written(engine, [short, long])
    assert fits.end != "failed"
    assert fails.end == "failed"
    assert "positions" in fails.text


def test_a_document_ends_at_its_stop_and_a_chat_with_its_turn(gpt2_checkpoint: Path, llama_checkpoint: Path) -> None:
    prompts = _prompts()
    lines = _written(_open(gpt2_checkpoint, 8), prompts, most=64)
    assert any(reply.end == "stop" for reply in lines)
    assert not any("\n" in reply.text.lstrip() for reply in lines)
    chats = _written(_open(llama_checkpoint, 8), prompts, most=64)
    assert any("\n" in reply.text.lstrip() for reply in chats)
