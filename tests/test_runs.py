"""A run's folder: one run only, taken up again by the same request, never overwritten by another."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from replicator import runs, specification
from replicator.errors import DataError
from replicator.experiment import Experiment


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return specification.find("holt-laury")


def manifest(experiment: Experiment, command: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    asked = {"populations": ["participants:human"], "levels": {"stakes": [1]}, "seed": 3, **changes}
    return runs.new_manifest(experiment, runs.request(experiment, **asked), command=command or ["replicator"])


def test_a_new_run_says_what_was_asked_and_with_what(experiment: Experiment, tmp_path: Path) -> None:
    command = ["/somewhere/bin/replicator", "run", "holt-laury", "--stakes", "1"]
    run = runs.create_or_resume(tmp_path / "new" / "run", manifest(experiment, command))
    said = json.loads((run.folder / "manifest.json").read_text())
    assert said == runs.open_run(run.folder).manifest == run.manifest
    assert said["request"]["levels"] == {"stakes": [1]}
    assert said["experiment"]["hash"] == experiment.hash
    assert said["experiment"]["specification"] == experiment.source
    assert said["analysis"]["plan"] == experiment.analysis.document
    assert len(said["analysis"]["hash"]) == 64
    assert {"replicator", "python", "numpy", "pymc", "transformers"} <= said["versions"].keys()
    assert said["command"] == ["replicator", "run", "holt-laury", "--stakes", "1"]
    assert said["finished"] is None


def test_the_experiment_comes_back_from_the_manifest_alone(experiment: Experiment, tmp_path: Path) -> None:
    changed = dataclasses.replace(experiment, wordings={**experiment.wordings, "plain": "As it was: {{ options }}"})
    run = runs.create_or_resume(tmp_path / "run", manifest(changed))
    again = runs.open_run(run.folder).experiment()
    assert again.wordings == changed.wordings
    assert dataclasses.replace(again, path=changed.path) == changed


def test_the_same_request_resumes_and_keeps_what_is_there(experiment: Experiment, tmp_path: Path) -> None:
    first = runs.create_or_resume(tmp_path, manifest(experiment))
    first.choices.write_text("choices")
    runs.update(first, created="2024-01-01T00:00:00+00:00", counts={"valid": 4})
    again = runs.create_or_resume(tmp_path, manifest(experiment, levels={"stakes": [1.0]}))
    assert again.manifest["created"] == "2024-01-01T00:00:00+00:00"
    assert again.manifest["counts"] == {"valid": 4}
    assert again.choices.read_text() == "choices"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"populations": ["participants:uniform"]},
            "its populations are participants:human, not participants:uniform",
        ),
        ({"seed": 4}, "its seed is 3, not 4"),
        ({"limit": 2}, "its --limit is none, not 2"),
        ({"levels": {"stakes": [1, 20]}}, "its factor levels are stakes 1, not stakes 1, 20"),
        ({"elicitation": "sample"}, "its elicitation is probability, not sample"),
        ({"imported": {"sha256": "0", "mapping": {}}}, "another file, mapping or source"),
    ],
)
def test_another_run_is_refused_in_a_line_and_nothing_is_lost(
    experiment: Experiment, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    run = runs.create_or_resume(tmp_path, manifest(experiment))
    before = (run.folder / "manifest.json").read_bytes()
    with pytest.raises(DataError) as refused:
        runs.create_or_resume(tmp_path, manifest(experiment, **changes))
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 4
    assert (run.folder / "manifest.json").read_bytes() == before


def test_another_specification_of_the_same_name_is_another_run(experiment: Experiment, tmp_path: Path) -> None:
    runs.create_or_resume(tmp_path, manifest(experiment))
    with pytest.raises(DataError, match="its specification was another"):
        runs.create_or_resume(tmp_path, manifest(dataclasses.replace(experiment, hash="0" * 64)))


def test_levels_left_out_are_the_defaults(experiment: Experiment) -> None:
    default = {"stakes": list(experiment.factors[0].default)}
    named = runs.request(experiment, populations=["a", "b"], levels=default)
    assert runs.digest(named) == runs.digest(runs.request(experiment, populations=["b", "a"]))


def test_a_folder_of_other_files_is_left_alone(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match=r"holds files that are no run \(thesis\.tex\)"):
        runs.create_or_resume(tmp_path, manifest(experiment))
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_left_by_a_killed_run_does_not_stand_in_the_way(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / ".unfinished-1-manifest.json").write_text('{"schema"')
    assert runs.create_or_resume(tmp_path, manifest(experiment)).manifest["schema"] == runs.SCHEMA


def test_a_file_where_the_folder_should_be(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(DataError, match="out: it cannot be written: there is a file where a folder should be"):
        runs.create_or_resume(tmp_path / "out", manifest(experiment))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(experiment: Experiment, tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(DataError, match="permissions"):
        runs.create_or_resume(tmp_path / "out", manifest(experiment))


@pytest.mark.parametrize("content", [None, "not json", "[]", '{"schema": 1}', '{"schema": 99}', "\x00"])
def test_no_run_is_told_with_the_remedy(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(DataError) as told:
        runs.open_run(tmp_path)
    assert "\n" not in str(told.value)
    assert "Run the experiment" in str(told.value) or "replicator run" in str(told.value)


def test_finishing_counts_by_status(experiment: Experiment, tmp_path: Path) -> None:
    run = runs.create_or_resume(tmp_path, manifest(experiment))
    people = [
        {"name": "a", "population": "model", "identity": {}, "facts": {}},
        {"name": "b", "population": "model"},
    ]
    done = runs.finish(run, people, {"a": {"valid": 3, "refusal": 1}, "b": {"valid": 2}}).manifest
    assert done["counts"] == {"valid": 5, "refusal": 1}
    assert done["populations"][0]["counts"] == {"valid": 3, "refusal": 1}
    assert done["finished"] >= done["created"]


def test_a_stage_is_stale_when_its_sources_changed_and_not_when_they_were_touched(
    experiment: Experiment, tmp_path: Path
) -> None:
    run = runs.create_or_resume(tmp_path / "run", manifest(experiment))
    run.choices.write_text("choices")
    assert runs.stale(run, run.results, run.choices)
    run.results.write_text("{}")
    assert runs.stale(run, run.results, run.choices)
    run = runs.record(run, run.results, run.choices)
    os.utime(run.choices, (0, 0))
    assert not runs.stale(run, run.results, run.choices)
    moved = run.folder.rename(tmp_path / "moved")
    run = runs.open_run(moved)
    assert not runs.stale(run, run.results, run.choices)
    run.choices.write_text("other choices")
    assert runs.stale(run, run.results, run.choices)
    assert runs.stale(run, run.report, run.results)


SECRETS = [
    "sk-proj-Abc123Def456Ghi789",
    "hf_AbCdEfGhIjKlMnOpQrStUvWxYz",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "AIzaSyA1234567890abcdefghijklmnopqrstu",
    "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MEFCQ0RFRg",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_no_key_reaches_the_manifest(
    experiment: Experiment, tmp_path: Path, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "plain-words-as-a-key")
    command = [
        "replicator", "run", "holt-laury", "--model", f"server:https://me:{secret}@example.org/v1#m",
        "--model-args", f"api_key={secret},dtype=float32", "--api-key", "hunter2hunter2",
        f"--token={secret}", secret, "plain-words-as-a-key",
    ]  # fmt: skip
    run = runs.create_or_resume(
        tmp_path, manifest(experiment, command, populations=[f"server:https://me:{secret}@example.org/v1#m"])
    )
    written = (run.folder / "manifest.json").read_text()
    for word in (secret, "hunter2", "plain-words-as-a-key"):
        assert word not in written
    assert "dtype=float32" in written


def test_what_is_no_key_stays_in_the_manifest(experiment: Experiment, tmp_path: Path) -> None:
    command = [
        "replicator", "run", "holt-laury",
        "--model", "Qwen/Qwen3-Embedding-0.6B-Instruct-2507-Preview-GPTQ-Int8",
        "--model-args", "revision=0123456789abcdef0123456789abcdef01234567,r=-0.4,noise=8",
        "--out", "reports/x",
    ]  # fmt: skip
    run = runs.create_or_resume(tmp_path, manifest(experiment, command))
    assert run.manifest["command"] == command
