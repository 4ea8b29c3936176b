"""A dry run tells what a run would do, truly, and leaves no trace."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from command_line import called, one_line

from replicator import specification
from replicator.cli.run import in_words
from replicator.collect import batches, requests
from replicator.engines.engine import Answer, Question
from replicator.engines.huggingface import HuggingFaceEngine
from replicator.pipeline import ModelRequest, Request, opened
from replicator.prompt import render
from replicator.rehearsal import Forecast, rehearse


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPLICATOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


def rehearsed(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert called("run", "holt-laury", "--limit", 1, *arguments, "--dry-run", "--json") == 0
    models: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["models"]
    return models


def test_it_counts_questions_and_tokens_and_writes_nothing(
    gpt2_checkpoint: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people, model = rehearsed(capsys, "--model", "participants:uniform", "--model", gpt2_checkpoint)
    assert (people["questions"], people["checks"], people["prompt_tokens"]) == (80, 8, None)
    assert (model["questions"], model["checks"], model["stored"]) == (80, 16, 0)
    assert model["prompt_tokens"] > 96 * 20
    assert 0 < model["seconds"] < 600
    assert list(cache.parent.iterdir()) == []


def test_what_was_collected_counts_as_stored(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = "ladder:random-gpt2"
    assert rehearsed(capsys, "--model", model)[0]["stored"] == 0
    assert not cache.exists()
    assert called("collect", "holt-laury", "--limit", 1, "--stakes", 1, "--model", model, "--out", "run") == 0
    (after,) = rehearsed(capsys, "--model", model)
    assert after["stored"] == 40 + 16  # one of the two default stakes, and the checks
    (all_of_it,) = rehearsed(capsys, "--stakes", 1, "--model", model)
    assert all_of_it["stored"] == all_of_it["questions"] + all_of_it["checks"]


def test_words_say_how_the_time_was_measured(
    gpt2_checkpoint: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("run", "dictator", "--model", gpt2_checkpoint, "--dry-run") == 0
    said = capsys.readouterr().out
    assert all(words in said for words in ("about ", "measured by asking", "prompt tokens"))


def test_a_model_that_is_not_there_is_refused_as_in_a_run(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("run", "dictator", "--model", "/no/such/folder", "--dry-run") == 4
    assert "there is no such folder" in one_line(capsys)


def test_a_store_of_an_earlier_version_is_read_and_left_as_it_is(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = "participants:uniform"
    assert called("collect", "holt-laury", "--limit", 1, "--model", people, "--out", "run") == 0
    path = cache / "answers.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("ALTER TABLE answers DROP COLUMN given; PRAGMA user_version = 1;")
    before = path.read_bytes()
    assert rehearsed(capsys, "--model", people)[0]["stored"] == 88
    assert path.read_bytes() == before
    assert list(cache.iterdir()) == [path]


def test_what_is_timed_are_batches_of_the_run(gpt2_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = specification.find("holt-laury")
    model = ModelRequest(str(gpt2_checkpoint), {})
    request = Request(experiment, (model,), limit=2, device="cpu", batch_size=20)
    engine = opened(request, model)
    questions = [Question(trial, render(experiment, trial)) for trial in request.trials()]
    cut = [list(batch.values()) for batch in batches(engine, dict(requests(engine, questions)), frozenset())]
    asked: list[list[Question]] = []
    answer = HuggingFaceEngine.answer

    def watched(self: HuggingFaceEngine, some: Sequence[Question]) -> Iterator[Answer]:
        asked.append(list(some))
        return answer(self, some)

    monkeypatch.setattr(HuggingFaceEngine, "answer", watched)
    (forecast,) = rehearse(request)
    assert forecast.prompt_tokens == engine.prompt_length([question.prompt for question in questions])
    assert asked[0] == cut[0][:1]
    assert 1 < len(asked[1:]) < len(cut)
    assert all(batch in cut for batch in asked[1:])


def test_words_tell_what_is_not_known_from_what_is_not_read() -> None:
    unknown = Forecast("org/model", True, 80, 8, None, None, None, "not known: its weights are not on this machine")
    people = Forecast("participants:human", False, 80, 8, 0, None, 0.1, "measured")
    assert "  prompt tokens   not known" in in_words(unknown)
    assert "  prompt tokens   none: no text is read" in in_words(people)
