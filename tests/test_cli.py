"""The command line: quick to answer, plain about mistakes, and exact in what it prints for programs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest
from command_line import called, error_lines, hears_interrupts, one_line

from replicator import resources
from replicator.cli.main import COMMANDS, cli
from replicator.cli.models import parse_arguments, requested_models
from replicator.cli.run import run
from replicator.errors import SpecError, UsageError
from replicator.specification import load

HEAVY = {
    "torch", "transformers", "pymc", "pytensor", "pandas", "pyarrow", "arviz", "altair", "scipy", "numpy",
    "jsonschema", "rich", "jinja2",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATOR_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


def specification(name: str = "holt-laury") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(resources.experiment_files()[name].read_text(encoding="utf-8"))
    return document


def written(folder: Path, document: object, name: str = "mine.json") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


# Start-up


def test_help_answers_within_half_a_second() -> None:
    def seconds() -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "replicator", "--help"], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started

    assert min(seconds() for _ in range(3)) < 0.5


@pytest.mark.parametrize(
    "arguments", [["--help"], ["list", "--help"], ["run", "--help"], ["report", "--help"], ["doctor", "--help"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from replicator.cli.main import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in told.stderr.split()}
    slow = HEAVY & loaded if arguments == ["--help"] else {"torch", "transformers", "pymc", "pandas"} & loaded
    assert not slow


def test_every_command_has_a_help_page(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        assert called(name, "--help") == 0
        assert "Usage: replicator" in capsys.readouterr().out


def test_the_commands_are_those_of_the_contract() -> None:
    context = click.Context(cli)
    assert set(cli.list_commands(context)) == {
        "list", "show", "validate", "run", "collect", "import", "estimate", "compare", "report", "recover", "audit",
        "doctor", "study",
    }  # fmt: skip


# Models and factors


def parsed(*arguments: str) -> click.Context:
    command = run.get_command(click.Context(run), "holt-laury")
    assert command is not None
    return command.make_context("holt-laury", list(arguments))


def test_model_args_belong_to_the_model_before_them() -> None:
    context = parsed(
        "--model", "participants:crra", "--model-args", "r=-0.4,noise=8", "-M", "participants:human",
        "--stakes", "1", "--model=participants:crra", "-a", "r=1", "-a", "lapse=.02",
    )  # fmt: skip
    assert [(m.model, dict(m.arguments)) for m in requested_models(context)] == [
        ("participants:crra", {"r": "-0.4", "noise": "8"}),
        ("participants:human", {}),
        ("participants:crra", {"r": "1", "lapse": ".02"}),
    ]


def test_people_answer_where_no_model_is_named() -> None:
    assert [model.name for model in requested_models(parsed())] == ["participants:human"]


@pytest.mark.parametrize("text", ["r", "r=", "=1", "r=1,r=2"])
def test_model_args_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_arguments(text)


def test_factor_options_repeat_and_take_numbers_by_value() -> None:
    assert parsed("--stakes", "1.0", "--stakes", "20").params["factor_stakes"] == (1, 20)


def test_a_batch_size_is_a_number_or_found() -> None:
    sizes = [parsed(*options).params["batch_size"] for options in ((), ("--batch-size", "auto"), ("--batch-size", "4"))]
    assert sizes == [None, None, 4]


def test_a_command_is_written_from_its_specification(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("run", "holt-laury", "--help") == 0
    page = " ".join(capsys.readouterr().out.split())
    spec = specification()
    for words in (
        spec["title"],
        "Holt",
        "--stakes",
        "1, 20, 50, 90",
        spec["factors"]["stakes"]["description"],
    ):
        assert words in page


def test_no_factor_can_take_the_name_of_an_option(tmp_path: Path) -> None:
    command = run.get_command(click.Context(run), "holt-laury")
    assert command is not None
    options = [
        option.removeprefix("--")
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option != "--stakes"
    ]
    for option in [*options, "help"]:
        spec = specification()
        spec["factors"][option.replace("-", "_")] = {"levels": [1, 2], "default": [1]}
        with pytest.raises(SpecError):
            load(written(tmp_path, spec))


# Listing and showing


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("experiments", {"holt-laury", "mixed-gambles", "dictator"}),
        ("theories", {"crra", "loss-aversion", "loss-aversion-power", "giving"}),
        ("references", {"hl_safe_meta", "tom07"}),
        ("models", {"participants:human", "participants:always-first", "ladder:random-llama"}),
    ],
)
def test_lists_are_one_json_document(what: str, expected: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert called("list", what, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document.keys() == {"schema", what}
    assert document["schema"] == 1
    assert expected <= {row["name"] for row in document[what]}


def test_show_gives_one_exact_prompt_a_wording(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("show", "holt-laury", "--json") == 0
    shown = json.loads(capsys.readouterr().out)["experiment"]
    assert len(shown["prompts"]) == 10
    for asked in shown["prompts"].values():
        assert "$3.85" in asked["user"]
        assert "{{" not in asked["user"]
        assert sorted(asked["answers"]) == ["A", "B"]
    assert called("show", "holt-laury") == 0
    assert shown["prompts"]["plain"]["user"] in capsys.readouterr().out


def test_every_experiment_that_comes_along_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for name in resources.experiment_files():
        assert called("show", name) == 0
        assert "primary: " in capsys.readouterr().out


# Mistakes: one clear line and the exit code of the contract


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["list", "nothing"],
        ["run", "no-such-experiment"],
        ["show", "no-such-file.json"],
        ["study", "no-such-study"],
        ["run", "holt-laury", "--no-such-option"],
        ["run", "holt-laury", "--stakes", "3"],
        ["run", "holt-laury", "--limit", "0"],
        ["run", "holt-laury", "--batch-size", "0"],
        ["run", "holt-laury", "--batch-size", "some"],
        ["run", "holt-laury", "--elicitation", "sample", "--temperature", "nan"],
        ["run", "holt-laury", "--model-args", "r=1", "--model", "participants:crra"],
        ["run", "holt-laury", "--model", "participants:human", "--model", "participants:human"],
        ["collect", "holt-laury", "--model", "participants:no-such-theory"],
        ["collect", "holt-laury", "--model", "participants:crra", "--model-args", "q=1"],
        ["collect", "dictator", "--model", "participants:crra", "--model-args", "r=1"],
        ["collect", "dictator", "--model", "ladder:no-such-model"],
        ["report", "one", "two"],
    ],
)
def test_a_wrong_command_line_exits_with_2(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert called(*arguments) == 2
    one_line(capsys)
    assert not list(tmp_path.rglob("*.*")), "a refused command leaves nothing behind"


def broken(fault: str) -> object:
    spec = specification()
    match fault:
        case "not JSON":
            return '{"name": "holt-laury", '
        case "missing key":
            del spec["unit"]
        case "misspelt key":
            spec["wordngs"] = spec.pop("prompt")
        case "probabilities":
            spec["options"]["safe"]["outcomes"][0]["probability"] = "p + 0.1"
        case "unknown theory":
            spec["analysis"]["primary"]["theory"] = "crrra"
        case "unknown reference":
            spec["humans"].append("no_such_reference")
        case "attribute in a template":
            spec["prompt"]["wordings"]["plain"] = "{{ options.__class__ }} {{ labels }}"
        case _:
            raise AssertionError(fault)
    return spec


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("not JSON", "is not JSON"),
        ("missing key", "/unit"),
        ("misspelt key", "/wordngs"),
        ("probabilities", "/options/safe"),
        ("unknown theory", "/analysis/primary/theory"),
        ("unknown reference", "/humans/"),
        ("attribute in a template", "/prompt/wordings/plain"),
    ],
)
@pytest.mark.parametrize("command", ["validate", "collect"])
def test_a_wrong_specification_exits_with_3_and_its_place(
    command: str, fault: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, broken(fault))
    assert called(command, path, *(["--out", tmp_path / "run"] if command == "collect" else [])) == 3
    lines = error_lines(capsys)
    assert any(str(path) in line and told in line for line in lines)
    assert not (tmp_path / "run").exists()


def test_validate_names_every_fault_of_every_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = specification(), specification("dictator")
    del first["unit"]
    first["analysis"]["primary"]["theory"] = "crrra"
    second["humans"] = ["no_such_reference"]
    paths = [written(tmp_path, first, "first.json"), written(tmp_path, second, "second.json")]
    good = resources.experiment_files()["mixed-gambles"]
    assert called("validate", *paths, good, "--json") == 3
    printed = capsys.readouterr()
    by_file = {row["name"]: row for row in json.loads(printed.out)["files"]}
    assert {f["pointer"] for f in by_file[str(paths[0])]["faults"]} == {"/unit", "/analysis/primary/theory"}
    assert [f["pointer"] for f in by_file[str(paths[1])]["faults"]] == ["/humans/0"]
    assert by_file[str(good)]["valid"]
    assert len(printed.err.splitlines()) == 3


def test_everything_shipped_is_valid() -> None:
    files = [
        *resources.experiment_files().values(),
        *resources.study_files().values(),
        *resources.human_files(),
    ]
    assert called("validate", *files) == 0


@pytest.mark.parametrize("page", ["README.md", "docs/specification.md", "docs/files.md"])
def test_every_document_in_the_guides_is_valid(page: str, tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        assert called("validate", written(tmp_path, block)) == 0, block


def test_a_model_that_does_not_exist_exits_with_4_and_blocks_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert called("collect", "holt-laury", "--model", tmp_path / "nowhere", "--out", out) == 4
    one_line(capsys)
    assert called("collect", "holt-laury", "--stakes", "1", "--model", "participants:uniform", "--out", out) == 0


def test_a_model_that_is_not_causal_exits_with_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, {"model_type": "vit", "architectures": ["ViTModel"]}, "config.json")
    assert called("collect", "holt-laury", "--model", tmp_path, "--out", tmp_path / "run") == 4
    one_line(capsys)


def test_a_folder_with_another_run_exits_with_4_and_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    arguments = ["holt-laury", "--model", "participants:crra", "--model-args", "r=-0.4,noise=8", "--out", out]
    assert called("collect", *arguments, "--stakes", "1") == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert called("collect", *arguments, "--stakes", "20") == 4
    one_line(capsys)
    assert called("study", "demo", "--out", out) == 4
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.mark.parametrize("stage", ["estimate", "compare", "report"])
def test_a_folder_without_a_run_exits_with_4(stage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(stage, tmp_path) == 4
    one_line(capsys)


GAMBLES = "person,gain,loss,answer\n1,10,5,1\n1,10,20,0\n2,30,5,1\n2,8,20,0\n"
MAPPED = [
    "--experiment", "mixed-gambles", "--map", "subject=person", "--map", "stimulus.gain=gain",
    "--map", "stimulus.loss=loss",
]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "options", "code", "told"),
    [
        (GAMBLES, ["--map", "value=choice", "--values", "1=accept,0=reject"], 3, "choice"),
        (GAMBLES, ["--map", "value=answer", "--values", "1=agree,0=reject"], 3, "agree"),
        (GAMBLES, ["--map", "vlue=answer"], 3, "vlue"),
        (GAMBLES, ["--map", "value=answer", "--derive", "stimulus.x = gain.real"], 3, "--derive"),
        (
            GAMBLES.replace("30,5", "thirty,5"),
            ["--map", "value=answer", "--values", "1=accept,0=reject"],
            4,
            "thirty",
        ),
    ],
)
def test_recorded_choices_that_cannot_be_meant_are_refused(
    table: str, options: list[str], code: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, table, "gambles.csv")
    assert called("import", file, *MAPPED, *options, "--out", tmp_path / "run") == code
    assert told in one_line(capsys)
    assert not (tmp_path / "run").exists()


def test_recorded_choices_become_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, GAMBLES, "gambles.csv")
    options = ["--map", "value=answer", "--values", "1=accept,0=reject", "--out", tmp_path / "run", "--json"]
    assert called("import", file, *MAPPED, *options) == 0
    assert json.loads(capsys.readouterr().out)["counts"] == {"valid": 4}


# Interruptions


def test_an_unexpected_failure_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = written(tmp_path, "in the way")
    assert called("collect", "dictator", "--out", file / "run") in {1, 2, 4}
    one_line(capsys)


def test_a_closed_pipe_is_quiet() -> None:
    command = f"{sys.executable} -m replicator list references --json | head -n 1"
    told = subprocess.run(command, shell=True, check=True, capture_output=True, text=True)
    assert told.stdout == "{\n"
    assert told.stderr == ""


def test_an_interrupted_collection_keeps_its_answers(tmp_path: Path) -> None:
    """Ctrl-C after the first answers: exit code 130, and the same command asks only what is missing."""
    command = [
        sys.executable, "-m", "replicator", "collect", "mixed-gambles", "--model", "ladder:random-gpt2",
        "--batch-size", "1", "--out", str(tmp_path / "run"),
    ]  # fmt: skip
    store = Path(os.environ["REPLICATOR_CACHE_DIR"]) / "answers.sqlite"
    asked = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=hears_interrupts)
    limit = time.monotonic() + 120
    while _stored(store) < 3:
        assert asked.poll() is None, "it ended before it was interrupted"
        assert time.monotonic() < limit, "no answer was stored"
        time.sleep(0.05)
    asked.send_signal(signal.SIGINT)
    _, told = asked.communicate(timeout=60)
    kept = _stored(store)
    assert asked.returncode == 130
    assert "Traceback" not in told
    assert "resumes" in told
    assert kept >= 3
    subprocess.run([*command[:-4], "--out", str(tmp_path / "run")], check=True, stderr=subprocess.PIPE)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))
    assert sum(manifest["counts"].values()) >= _stored(store) > kept


def _stored(store: Path) -> int:
    import sqlite3

    if not store.exists():
        return 0
    try:
        with sqlite3.connect(store) as connection:
            return int(connection.execute("SELECT COUNT(*) FROM answers").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
