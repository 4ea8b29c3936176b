"""What is read once, how much is read at once, and that neither changes an answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_experiments import gifts, labelled, lotteries
from transformers import (
    AutoTokenizer,
    FalconConfig,
    FalconForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPTNeoConfig,
    GPTNeoForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from replicator.collect import batches
from replicator.design import trials
from replicator.engines.engine import Answer, Question
from replicator.engines.huggingface import HuggingFaceEngine, open_model
from replicator.engines.scoring import Scorer
from replicator.engines.stream import Scored
from replicator.experiment import Experiment
from replicator.prompt import render

TOLERANCE = 1e-5
PERSONAS = [
    f"You are {age} years old, work as a {work} and like to think about what {n} lotteries are worth. " * 6
    for n, (age, work) in enumerate([(25, "nurse"), (61, "pilot"), (40, "clerk")])
]


def _open(checkpoint: Path, batch_size: int | None = None, **arguments: str) -> HuggingFaceEngine:
    return open_model("tiny", str(checkpoint), arguments, device="cpu", batch_size=batch_size)


def _questions(experiment: Experiment, limit: int, every: int = 1) -> list[Question]:
    return [Question(t, render(experiment, t)) for t in trials(experiment, limit=limit)[::every]]


def _mixture() -> list[Question]:
    """Short and long prompts, labels of one token and of several, closed tries, a grid, personas."""
    questions = [
        *_questions(lotteries(), limit=2, every=5),
        *_questions(labelled([("lottery one", "lottery two"), ("Option 1", "Option 10")], checks=()), 1, every=2),
        *_questions(gifts(30), limit=1),
    ]
    told = [replace(q, prompt=replace(q.prompt, system=persona)) for q in questions[::3] for persona in PERSONAS]
    return [*told, *questions]


class Watched:
    """Counts what a model is given to read."""

    def __init__(self, engine: HuggingFaceEngine, monkeypatch: pytest.MonkeyPatch, most: int | None = None) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self._forward = engine._checkpoint.model.forward
        self._most = most
        monkeypatch.setattr(engine._checkpoint.model, "forward", self)

    def __call__(self, **arguments: Any) -> Any:
        ids = arguments["input_ids"]
        self.shapes.append(tuple(ids.shape))
        if self._most is not None and ids.numel() > self._most:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory")
        return self._forward(**arguments)


def _plain(engine: HuggingFaceEngine, questions: Sequence[Question]) -> list[Answer]:
    """The same engine without sharing: one row a prompt and node, no padding, no cache, no mask."""
    engine._scorer.shared = False
    return list(engine.answer(questions))


def _assert_close(answers: Sequence[Answer], others: Sequence[Answer]) -> None:
    assert len(answers) == len(others) > 0
    for answer, other in zip(answers, others, strict=True):
        assert answer.status == other.status == "valid"
        assert answer.probabilities == pytest.approx(other.probabilities, abs=TOLERANCE)
        assert answer.label_mass == pytest.approx(other.label_mass, abs=TOLERANCE)


# What is read once


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_log_probabilities_equal_plain_passes_for_any_mixture_of_prompts(
    kind: str, request: pytest.FixtureRequest
) -> None:
    """In log probability too, where rounding counts most for what is least likely."""
    engine = _open(request.getfixturevalue(f"{kind}_checkpoint"))
    scorer = engine._scorer
    contexts = [engine._context(question.prompt) for question in _mixture()]
    batch = [
        scored
        for question, context in sorted(zip(_mixture(), contexts, strict=True), key=lambda pair: pair[1][0])
        if isinstance(scored := engine._prepare(question, *context), Scored)
    ]
    expected = _log_probabilities(scorer, batch, shared=False)
    for size in (3, 40, 5000):
        scorer._tokens = size
        for got, wanted in zip(_log_probabilities(scorer, batch, shared=True), expected, strict=True):
            assert got == pytest.approx(wanted, abs=1e-4)


def _log_probabilities(scorer: Scorer, batch: Sequence[Scored], *, shared: bool) -> list[list[float]]:
    scorer.shared = shared
    found = scorer.log_probabilities(batch)
    assert scorer.shared is shared
    return found


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_probabilities_do_not_depend_on_the_batch(llama_checkpoint: Path, batch_size: int) -> None:
    questions = _mixture()
    _assert_close(
        list(_open(llama_checkpoint, batch_size).answer(questions)), _plain(_open(llama_checkpoint), questions)
    )


def test_a_persona_is_read_once_and_prompts_never_twice(gpt2_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = [
        replace(question, prompt=replace(question.prompt, system=persona))
        for persona in PERSONAS
        for question in _questions(lotteries(checks=()), limit=3, every=3)
    ]
    engine = _open(gpt2_checkpoint, 32)
    list(engine.answer(questions[:32]))  # what is compared once before it is trusted
    watched = Watched(engine, monkeypatch)
    for batch in batches(engine, {str(n): question for n, question in enumerate(questions)}, frozenset()):
        list(engine.answer(list(batch.values())))
    contexts = [tuple(engine._context(question.prompt)[1]) for question in questions]
    distinct = {context[:length] for context in contexts for length in range(1, len(context) + 1)}
    read = sum(rows * tokens for rows, tokens in watched.shapes)
    assert {rows for rows, _ in watched.shapes} == {1}  # no padding
    assert len(distinct) <= read < 1.05 * len(distinct)
    assert read < sum(map(len, contexts)) / 3


def test_batches_are_cut_where_prompts_have_least_in_common(gpt2_checkpoint: Path) -> None:
    engine = _open(gpt2_checkpoint, 8)
    questions = [
        replace(question, prompt=replace(question.prompt, system=persona))
        for question in _questions(lotteries(checks=()), limit=1, every=3)
        for persona in PERSONAS
    ]
    cut = list(batches(engine, {str(n): question for n, question in enumerate(questions)}, frozenset()))
    assert sum(map(len, cut)) == len(questions) == 18
    assert [{question.prompt.system for question in batch.values()} for batch in cut] == [
        {persona} for persona in sorted(PERSONAS)
    ]


# Models that do not look at everything


def _windowed(kind: str, vocabulary: int) -> Any:
    sizes = {"vocab_size": vocabulary, "hidden_size": 32, "intermediate_size": 48, "initializer_range": 0.3}
    heads = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        match kind:
            case "gemma2":  # a layer that sees all, and one that sees the last tokens
                return Gemma2ForCausalLM(Gemma2Config(**sizes, **heads, sliding_window=50))
            case "qwen2":
                del heads["head_dim"]
                window = {"use_sliding_window": True, "sliding_window": 50, "max_window_layers": 1}
                return Qwen2ForCausalLM(Qwen2Config(**sizes, **heads, **window))
            case _:  # a window of its own kind: the last entries of the cache, whatever stands there
                sizes["hidden_size"] = 32
                del sizes["intermediate_size"]
                return GPTNeoForCausalLM(
                    GPTNeoConfig(
                        **sizes, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]], window_size=60
                    )
                )


@pytest.mark.parametrize(("kind", "shared"), [("gemma2", True), ("qwen2", True), ("gpt-neo", False)])
def test_windows_shorter_than_the_prompt_are_kept_to(
    kind: str, shared: bool, gpt2_checkpoint: Path, tmp_path: Path
) -> None:
    """Where the window is not one that is known, this is found out at the first prompt that is longer."""
    tokenizer: Any = AutoTokenizer.from_pretrained(gpt2_checkpoint)
    _windowed(kind, len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    questions = _mixture()
    engine = _open(tmp_path, 8)
    assert engine.facts["shared_cache"] is True  # as far as the few tokens of a first pass can tell
    answers = list(engine.answer(questions))
    assert engine.facts["shared_cache"] is shared
    _assert_close(answers, _plain(_open(tmp_path), questions))


def test_a_model_that_cannot_read_a_stream_reads_its_prompts_apart(gpt2_checkpoint: Path, tmp_path: Path) -> None:
    """Falcon's ALiBi wants a mask of another shape, and fails on ours."""
    tokenizer = AutoTokenizer.from_pretrained(gpt2_checkpoint)
    config = FalconConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, alibi=True,
        new_decoder_architecture=False, multi_query=False, initializer_range=0.3,
    )  # fmt: skip
    torch.manual_seed(0)
    FalconForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    engine = _open(tmp_path)
    assert engine.facts["shared_cache"] is False
    assert {answer.status for answer in engine.answer(_questions(lotteries(), limit=1))} == {"valid"}


# How much is read at once


def test_less_is_read_at_once_from_the_moment_that_memory_runs_out(
    llama_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = _mixture()
    expected = list(_open(llama_checkpoint).answer(questions))
    engine = _open(llama_checkpoint)
    watched = Watched(engine, monkeypatch, most=100)
    monkeypatch.setattr(engine._scorer, "_is_confirmed", lambda *_: True)
    answers = list(engine.answer(questions))
    _assert_close(answers, expected)
    assert [tokens for _, tokens in watched.shapes[:3]] == [384, 192, 96]
    assert max(tokens for _, tokens in watched.shapes[3:]) == 96  # once, and not again for every batch


def test_running_out_of_memory_is_survived(gpt2_checkpoint: Path) -> None:
    """A process that may have 150 MB more, and a model that would take 400 MB for what is read at once."""
    done = subprocess.run(
        [sys.executable, "-c", CRAMPED, str(gpt2_checkpoint)],
        capture_output=True,
        text=True,
        check=False,
        # Freed memory goes back at once, so that the limit counts what is in use.
        env={**_environment(), "MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["before"] == 384
    assert 0 < found["after"] < 384
    assert found["difference"] < TOLERANCE


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}


CRAMPED = """
import json, resource, sys
import torch
from small_experiments import lotteries
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from replicator.design import trials
from replicator.engines.checkpoint import Checkpoint
from replicator.engines.engine import Question
from replicator.engines.huggingface import HuggingFaceEngine
from replicator.prompt import render

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
torch.manual_seed(0)
config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=64, intermediate_size=65536, num_hidden_layers=1,
                     num_attention_heads=4, initializer_range=0.1)
model = LlamaForCausalLM(config).eval()
engine = HuggingFaceEngine("wide", Checkpoint(model, tokenizer, config, torch.device("cpu"), {}))
questions = [Question(t, render(lotteries(), t)) for t in trials(lotteries(), limit=2)[:40]]
expected = list(engine.answer(questions))
before = engine._scorer._tokens
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 150_000_000, resource.RLIM_INFINITY))
answers = list(engine.answer(questions))
difference = max(abs(a - b) for one, other in zip(answers, expected)
                 for a, b in zip(one.probabilities, other.probabilities))
print(json.dumps({"before": before, "after": engine._scorer._tokens, "difference": difference}))
"""
