"""A dry run tells what a run would do, truly, and leaves no trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import called, one_line


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
