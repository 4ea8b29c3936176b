"""Written answers on a real checkpoint: they follow its probabilities, and nothing is asked twice."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from small_experiments import lotteries
from taught_checkpoint import teach
from transformers import AutoTokenizer

from replicator.collect import collect
from replicator.design import repeated, trials
from replicator.engines.chat import context_text
from replicator.engines.engine import Question
from replicator.engines.huggingface import open_model
from replicator.engines.sampled import SampledEngine, SampledText, Sampling
from replicator.errors import RunError
from replicator.prompt import render
from replicator.store import AnswerStore

REPEATS = 200


@pytest.fixture(scope="module")
def writer(gpt2_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model that was taught to write a label and to end its line: three times in four the first."""
    tokenizer = AutoTokenizer.from_pretrained(gpt2_checkpoint)
    experiment = lotteries(checks=())
    prompt = render(experiment, trials(experiment, limit=1)[0])
    context = context_text(tokenizer, prompt, "plain")
    replies = [(context, f" {prompt.answers[0 if i < 3 else 1]}\n") for i in range(4)]
    return teach(gpt2_checkpoint, tmp_path_factory.mktemp("writer"), replies, steps=60)


def _engine(writer: Path, batch_size: int = 32, seed: int = 0) -> SampledText:
    return SampledText(open_model("writer", str(writer), {}, device="cpu", batch_size=batch_size), Sampling(seed))


def test_samples_agree_with_probabilities(writer: Path, tmp_path: Path) -> None:
    experiment = lotteries(checks=())
    asked = trials(experiment, limit=1)[:1]
    exact = open_model("writer", str(writer), {}, device="cpu")
    answer = next(exact.answer([Question(asked[0], render(experiment, asked[0]))]))
    assert answer.probabilities is not None
    assert answer.label_mass is not None
    assert answer.label_mass > 0.9
    with AnswerStore(tmp_path / "a.sqlite") as store:
        table = collect(experiment, [_engine(writer)], repeated(asked, REPEATS), store)
    valid = [p for p in table["probabilities"].to_pylist() if p is not None]
    assert len(valid) > 0.9 * REPEATS
    assert table["repeat"].to_pylist() == list(range(REPEATS))
    assert len(set(table["request_hash"].to_pylist())) == REPEATS
    assert all(table["text"].to_pylist())
    p = answer.probabilities[0]
    assert 0.1 < p < 0.9
    assert abs(sum(v[0] for v in valid) / len(valid) - p) < 3.5 * math.sqrt(p * (1 - p) / len(valid))


def test_a_seed_writes_the_same_at_any_batch_size_and_another_seed_differs(writer: Path) -> None:
    experiment = lotteries(checks=())
    asked = repeated(trials(experiment, limit=2)[:2], 8)
    questions = [Question(trial, render(experiment, trial)) for trial in asked]
    together = list(_engine(writer).answer(questions))
    alone = [next(_engine(writer).answer([question])) for question in questions[:4]]
    assert [a.text for a in together[:4]] == [a.text for a in alone]
    other = list(_engine(writer, seed=1).answer(questions))
    assert [a.text for a in other] != [a.text for a in together]


def test_an_interrupted_collection_asks_only_what_is_missing(writer: Path, tmp_path: Path) -> None:
    experiment = lotteries(checks=())
    asked = repeated(trials(experiment, limit=1)[:1], 12)
    counted: list[int] = []

    class Watched(SampledText):
        def answer(self, questions):  # type: ignore[no-untyped-def]
            if sum(counted) >= 4 and len(counted) == 1:
                counted.append(0)
                raise RunError("stopped")
            counted.append(len(questions))
            return super().answer(questions)

    engine = Watched(open_model("writer", str(writer), {}, device="cpu", batch_size=4), Sampling())
    with AnswerStore(tmp_path / "a.sqlite") as store:
        with pytest.raises(RunError):
            collect(experiment, [engine], asked, store)
        resumed = collect(experiment, [engine], asked, store)
    assert sum(counted) == 12
    with AnswerStore(tmp_path / "b.sqlite") as store:
        assert collect(experiment, [_engine(writer)], asked, store)["text"].equals(resumed["text"])


def test_temperature_and_seed_are_part_of_the_identity(writer: Path) -> None:
    engine = _engine(writer)
    inner = engine.inner
    assert SampledEngine(inner, replace(Sampling(), temperature=0.5)).identity != engine.identity
    assert SampledEngine(inner, Sampling(1)).identity != engine.identity


def test_another_draw_of_the_same_words_is_drawn_anew(writer: Path) -> None:
    experiment = lotteries(checks=())
    question = Question(repeated(trials(experiment, limit=1)[:1], 1)[0], render(experiment, trials(experiment)[0]))
    engine = _engine(writer)
    seeds = {engine.seed(replace(question, draw=draw)) for draw in range(3)}
    assert len(seeds) == 3
    assert engine.seed(question) in seeds
