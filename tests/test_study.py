"""Studies: read with every fault at once, run so that one bad model costs only itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from replicator import resources, study
from replicator.cli.main import main
from replicator.errors import DataError, SpecError, UsageError

SMALL: dict[str, Any] = {
    "name": "small",
    "experiments": ["dictator"],
    "models": ["participants:human", "participants:uniform"],
}


class Quiet:
    def stage(self, name: str) -> None:
        pass

    def __call__(self, done: int, total: int, what: str) -> None:
        pass


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATOR_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


def written(folder: Path, document: Any) -> Path:
    path = folder / "study.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def faults(folder: Path, **changes: Any) -> list[str]:
    with pytest.raises(SpecError) as refused:
        study.load(written(folder, {**SMALL, **changes}))
    return [fault.pointer for fault in refused.value.faults]


def test_the_demo_sets_three_experiments_before_four_populations() -> None:
    demo = study.find("demo")
    levels = {planned.experiment.name: planned.levels for planned in demo.experiments}
    assert levels == {"holt-laury": {"stakes": (1, 20)}, "mixed-gambles": {}, "dictator": {}}
    assert [model.name for model in demo.models] == [
        "participants:human",
        "participants:expected-value",
        "participants:always-first",
        "ladder:random-llama",
    ]


def test_model_arguments_become_the_population_name(tmp_path: Path) -> None:
    models = [{"model": "participants:crra", "model-args": {"r": -0.4, "noise": 8, "lapse": ".02"}}]
    found = study.load(written(tmp_path, {**SMALL, "models": models}))
    assert [model.name for model in found.models] == ["participants:crra(r=-0.4,noise=8,lapse=.02)"]


def test_a_specification_is_found_beside_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    own = resources.experiment_files()["dictator"].read_text(encoding="utf-8")
    (tmp_path / "mine" / "own.json").write_text(own, encoding="utf-8")
    path = written(tmp_path, {**SMALL, "experiments": ["mine/own.json"]})
    monkeypatch.chdir("/")
    assert study.load(path).experiments[0].experiment.name == "dictator"


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    assert faults(tmp_path, experiments=["dictatr", {"experiment": "holt-laury", "levels": {"stakes": [1, 3]}}]) == [
        "/experiments/0",
        "/experiments/1/levels/stakes/1",
    ]
    assert faults(tmp_path, experiments=[{"experiment": "holt-laury", "levels": {"stake": [1]}}]) == [
        "/experiments/0/levels/stake"
    ]
    assert set(faults(tmp_path, setings={}, models=[])) == {"/models", "/setings"}
    assert faults(tmp_path, experiments=["dictator", {"experiment": "dictator"}]) == ["/experiments/1"]
    assert faults(tmp_path, models=["participants:human", {"model": "participants:human"}]) == ["/models/1"]


def test_an_unknown_study_is_a_wrong_command_line() -> None:
    with pytest.raises(UsageError, match="demo"):
        study.find("dmo")


@pytest.mark.parametrize("file", ["manifest.json", "results.json"])
def test_a_folder_that_holds_something_else_is_left_alone(file: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text('{"study": "another"}', encoding="utf-8")
    with pytest.raises(DataError):
        study.run_study(study.load(written(tmp_path, SMALL)), tmp_path, Quiet())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([file, "study.json"])


def test_nothing_that_can_be_asked_is_an_error(tmp_path: Path) -> None:
    found = study.load(written(tmp_path, {**SMALL, "models": [str(tmp_path / "nowhere")]}))
    with pytest.raises(DataError, match="nowhere"):
        study.run_study(found, tmp_path / "out", Quiet())
    assert not (tmp_path / "out" / "dictator").exists()


@pytest.mark.slow
def test_a_bad_model_costs_only_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The others' results stand, the bad one is named, and the exit code says that something failed."""
    models = ["participants:human", "participants:crra", "participants:uniform"]
    path = written(tmp_path, {**SMALL, "models": models})
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as stop:
        main(["study", str(path), "--out", str(out), "--json"])
    printed = capsys.readouterr()
    assert stop.value.code == 1
    assert [line for line in printed.err.splitlines() if line.startswith("error: dictator, participants:crra: ")]
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert json.loads(printed.out) == results
    assert results.keys() == {"schema", "study", "experiments", "scaling"}
    (dictator,) = results["experiments"]
    assert [row["name"] for row in dictator["populations"]] == ["participants:human", "participants:uniform"]
    assert dictator == json.loads((out / "dictator" / "results.json").read_text(encoding="utf-8"))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "participants:uniform" in page
