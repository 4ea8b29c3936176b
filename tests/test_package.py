"""The package as others get it: a wheel in an environment of its own, and an editable install."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from replicator import __version__, resources

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an environment that holds the wheel, and sees the dependencies of this one."""
    return _environment(tmp_path_factory.mktemp("installed"), str(wheel))


@pytest.fixture(scope="module")
def editable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _environment(tmp_path_factory.mktemp("editable"), "--no-build-isolation", "--editable", str(ROOT))


def test_the_wheel_carries_everything_that_is_read_at_run_time(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = [
        *resources.experiment_files().values(),
        *resources.study_files().values(),
        *resources.human_files(),
        *(resources.root() / "experiments" / "wordings").glob("*.json"),
        *(resources.root() / "priors" / "theories").glob("*.json"),
    ]
    assert {f"replicator/_resources/{path.relative_to(resources.root())}" for path in shipped} <= names
    read = [path for path in (ROOT / "replicator").rglob("*") if path.suffix in {".json", ".j2", ".css", ".typed"}]
    assert {str(path.relative_to(ROOT)) for path in read} <= names
    assert f"replicator-{__version__}.dist-info/licenses/LICENSE" in names


@pytest.mark.parametrize("kind", ["installed", "editable"])
def test_an_installed_package_lists_validates_and_collects(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    command: Path = request.getfixturevalue(kind)
    listed = json.loads(_run(command, "list", "experiments", "--json", cwd=tmp_path))
    assert {row["name"] for row in listed["experiments"]} == resources.experiment_files().keys()
    where = _run(
        command.parent / "python",
        "-c",
        "from replicator import resources as r; print(r.root())",
        cwd=tmp_path,
    )
    assert (Path(where.strip()) == ROOT) is (kind == "editable")
    some = next(Path(where.strip()).glob("experiments/*/dictator.json"))
    assert "valid" in _run(command, "validate", some, cwd=tmp_path)
    _run(command, "collect", "dictator", "--model", "participants:human", "--out", "here", cwd=tmp_path)
    assert (tmp_path / "here" / "choices.parquet").is_file()


@pytest.mark.slow
def test_a_wheel_runs_an_experiment_from_any_folder(installed: Path, tmp_path: Path) -> None:
    printed = _run(installed, "run", "dictator", "--model", "participants:human", "--json", cwd=tmp_path)
    assert json.loads(printed)["experiment"] == "dictator"
    assert (tmp_path / "reports" / "dictator" / "report.html").is_file()


def test_the_module_is_the_command(installed: Path, tmp_path: Path) -> None:
    as_module = _run(installed.parent / "python", "-m", "replicator", "--version", cwd=tmp_path)
    assert as_module == _run(installed, "--version", cwd=tmp_path)
    assert __version__ in as_module


def test_constraints_pin_every_dependency_once() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", pin) for pin in pins), "no places, no local versions"
    pinned = [_canonical(pin.partition("==")[0]) for pin in pins]
    assert len(set(pinned)) == len(pinned)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    assert {_canonical(re.split(r"[<>=]", name)[0]) for name in wanted} <= set(pinned)


def test_no_file_names_a_place_on_the_machine_it_was_made_on(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            assert str(ROOT).encode() not in archive.read(name), name


def _environment(folder: Path, *what: str) -> Path:
    """A fresh environment with `what` installed and nothing fetched; dependencies come from this one."""
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    # A path file makes this environment's packages importable there, and its own path files (an editable
    # install of this project among them) are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    python = folder / "bin" / "python"
    _run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        *what,
    )
    return folder / "bin" / "replicator"


def _run(*command: object, cwd: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    told = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, f"{command}\n{told.stdout}\n{told.stderr}"
    return told.stdout


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
