"""Two real servers on loopback, serving one checkpoint: what they say is what the checkpoint says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from real_servers import llama_cpp_server, to_gguf, transformers_server
from small_experiments import gifts, labelled, lotteries
from taught_checkpoint import train
from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

from replicator.design import repeated, trials
from replicator.engines.chat import context_ids, context_text
from replicator.engines.engine import Answer, Question
from replicator.engines.huggingface import open_model
from replicator.engines.sampled import SampledText, Sampling
from replicator.engines.server.engine import ServerEngine
from replicator.engines.server.opening import open_server
from replicator.errors import DataError, UsageError
from replicator.experiment import Experiment
from replicator.prompt import render

pytestmark = pytest.mark.server

TOLERANCE = 1e-3
REPEATS = 60


@pytest.fixture(scope="module")
def checkpoint(gpt2_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Qwen3 that was taught a little of how to answer: labels, and amounts of one to three digits."""
    folder = tmp_path_factory.mktemp("qwen3")
    tokenizer: Any = AutoTokenizer.from_pretrained(gpt2_checkpoint)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=1024,
        tie_word_embeddings=False,
        initializer_range=0.2,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = Qwen3ForCausalLM(config)
    _teach(model, tokenizer, gifts(), ("0\n", " 5\n", "10<|endoftext|>", "50\n", " 50.", "100\n", "37\n"))
    _teach(model, tokenizer, lotteries(checks=()), (" A\n", "A\n", " B<|endoftext|>"), steps=100)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _teach(model: Any, tokenizer: Any, experiment: Experiment, replies: Sequence[str], steps: int = 24) -> None:
    trial = trials(experiment, limit=1)[0]
    context = context_ids(tokenizer, context_text(tokenizer, render(experiment, trial), "plain"), "plain")
    rows = [context + tokenizer(reply)["input_ids"] for reply in replies]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [tokenizer.eos_token_id] * (longest - len(row)) for row in rows])
    targets = torch.tensor(
        [[-100] * len(context) + row[len(context) :] + [-100] * (longest - len(row)) for row in rows]
    )
    train(model, ids, targets, steps=steps, rate=1e-3)


@pytest.fixture(scope="module")
def llama_cpp(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("gguf")
    with llama_cpp_server(to_gguf(checkpoint, tmp_path_factory.mktemp("gguf") / "tiny.gguf"), "tiny") as base:
        yield base


@pytest.fixture(scope="module")
def served(llama_cpp: str) -> ServerEngine:
    """As it is opened by nothing but its address: the tokens are the server's own."""
    return open_server("served", f"server:{llama_cpp}#tiny", {})


def _questions(experiment: Experiment, every: int, limit: int = 3) -> list[Question]:
    return [Question(trial, render(experiment, trial)) for trial in trials(experiment, limit=limit)[::every]]


def _assert_equal(ours: Sequence[Answer], theirs: Sequence[Answer]) -> None:
    """Log probabilities of the options themselves, before they are made to sum to 1."""
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        assert one.status == other.status == "valid", one.text
        assert one.probabilities is not None
        assert other.probabilities is not None
        assert one.label_mass is not None
        assert other.label_mass is not None
        for p, q in zip(one.probabilities, other.probabilities, strict=True):
            assert math.log(p * one.label_mass) == pytest.approx(math.log(q * other.label_mass), abs=TOLERANCE)


def _local(checkpoint: Path, questions: Sequence[Question]) -> list[Answer]:
    return list(open_model("local", str(checkpoint), {}, device="cpu").answer(questions))


def test_llama_cpp_is_asked_by_bias_with_its_own_tokens(served: ServerEngine) -> None:
    assert served.capability.scoring == "bias"
    assert not served.capability.takes_ids
    assert "exact probabilities by logit_bias" in served.words
    assert "plain text" in served.words


def test_labels_on_llama_cpp_equal_the_checkpoint(served: ServerEngine, checkpoint: Path) -> None:
    questions = _questions(lotteries(), every=5)
    _assert_equal(list(served.answer(questions)), _local(checkpoint, questions))


def test_labels_of_several_tokens_on_llama_cpp_equal_the_checkpoint(served: ServerEngine, checkpoint: Path) -> None:
    experiment = labelled([("lottery one", "lottery two"), ("Option 1", "Option 10")], checks=())
    questions = _questions(experiment, every=3, limit=1)
    _assert_equal(list(served.answer(questions)), _local(checkpoint, questions))


def test_amounts_on_llama_cpp_equal_the_checkpoint(served: ServerEngine, checkpoint: Path) -> None:
    questions = _questions(gifts(), every=2, limit=1)
    _assert_equal(list(served.answer(questions)), _local(checkpoint, questions))


def test_the_checkpoints_own_tokenizer_asks_llama_cpp_the_same(llama_cpp: str, checkpoint: Path) -> None:
    arguments = {"tokenizer": str(checkpoint)}
    engine = open_server("served", f"server:{llama_cpp}#tiny", arguments)
    questions = _questions(lotteries(), every=7)
    _assert_equal(list(engine.answer(questions)), _local(checkpoint, questions))


def test_replies_of_llama_cpp_follow_the_checkpoint(served: ServerEngine, checkpoint: Path) -> None:
    _assert_samples_follow(served, checkpoint)


def test_a_model_that_llama_cpp_does_not_serve_is_refused(llama_cpp: str) -> None:
    with pytest.raises(DataError, match=r"has no model 'other'.*It serves: tiny"):
        open_server("served", f"server:{llama_cpp}#other", {})


def test_replies_of_transformers_serve_follow_the_checkpoint(checkpoint: Path) -> None:
    with transformers_server(checkpoint) as base:
        engine = open_server("served", f"server:{base}#{checkpoint}", {})
        assert engine.capability.scoring == "none"
        with pytest.raises(UsageError, match="--elicitation sample"):
            engine.require_probabilities(lotteries())
        _assert_samples_follow(engine, checkpoint)


def _assert_samples_follow(engine: ServerEngine, checkpoint: Path) -> None:
    """Valid replies choose the first option as often as it is probable, within 3.5 standard errors."""
    experiment = lotteries(checks=())
    asked = trials(experiment, limit=1)[:1]
    question = Question(asked[0], render(experiment, asked[0]))
    exact = _local(checkpoint, [question])[0]
    assert exact.probabilities is not None
    assert exact.label_mass is not None
    assert exact.label_mass > 0.8
    questions = [Question(trial, question.prompt) for trial in repeated(asked, REPEATS)]
    answers = [a for a in SampledText(engine, Sampling(0)).answer(questions) if a.probabilities is not None]
    assert len(answers) > 0.6 * REPEATS
    share, p = sum(a.probabilities[0] for a in answers if a.probabilities) / len(answers), exact.probabilities[0]
    assert 0.1 < p < 0.9
    assert abs(share - p) < 3.5 * math.sqrt(p * (1 - p) / len(answers))
