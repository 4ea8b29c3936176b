"""What the commands say to somebody who does not know them: what is wrong, what is counted, where to read on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import called, error_lines, one_line

from replicator import choices, errors, specification
from replicator.design import size, trials


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATOR_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.chdir(tmp_path)


def written(name: str, content: str | bytes | dict[str, Any]) -> Path:
    path = Path(name)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


# Files that are not what they should be

GAMBLES = """person,gain,loss,answer
1,10,5,1
1,10,20,0
2,30,5,perhaps
2,8,20,
2,9,20,no
2,7,20,perhaps
3,9,9,1
3,9,8,1
"""
MAPPED = [
    "--experiment", "mixed-gambles", "--map", "subject=person", "--map", "stimulus.gain=gain",
    "--map", "stimulus.loss=loss", "--map", "value=answer",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("absent.csv", None, "there is no such file. Check the path."),
        ("file/absent.csv", None, "there is no such file. Check the path: a part of it is a file"),
        ("folder", None, "this is a folder, not a file. Name a file."),
        ("empty.csv", b"", "it is empty. Its first line must name its columns."),
        ("header.csv", b"person,gain\n", "it has no rows."),
        ("latin.csv", "person\nJörg\n".encode("latin-1"), "it is not UTF-8 text"),
    ],
)
def test_a_csv_that_cannot_be_read_is_told_for_what_it_is(
    name: str, content: bytes | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("folder").mkdir()
    written("file", "")
    if content is not None:
        written(name, content)
    assert called("import", name, *MAPPED, "--out", "run") == 4
    line = one_line(capsys)
    assert line.startswith(f"error: {name}: {told}")
    assert "written" not in line
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("command", "code"), [(["validate"], 3), (["show"], 2), (["run"], 2), (["study"], 2), (["collect"], 2)]
)
def test_a_json_file_that_does_not_exist_is_said_not_to_exist(
    command: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(*command, "absent.json") == code
    assert re.search(r"there is no (such )?file", one_line(capsys))


@pytest.mark.parametrize("name", ["report.html", "sub/folder/report.html"])
def test_a_place_that_cannot_be_written_is_found_before_anything_is_drawn(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("collect", "dictator", "--model", "participants:uniform", "--out", "run") == 0
    written("file", "")
    capsys.readouterr()
    assert called("report", "run", "--out", f"file/{name}") == 4
    printed = capsys.readouterr()
    assert printed.err.startswith(
        f"error: file/{name}: it cannot be written: there is a file where a folder should be."
    )


def test_a_run_named_twice_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("report", "run", "run", "--out", "both.html") == 2
    assert "named twice" in one_line(capsys)


# Nothing is begun before the command line is known to be right


@pytest.mark.parametrize(
    "arguments",
    [
        ["collect", "holt-laury", "--model", "participants:humn"],
        ["collect", "holt-laury", "--model", "participants:human", "--model", "participants:crra", "-a", "q=1"],
        ["collect", "holt-laury", "--model", "ladder:nothing"],
        ["collect", "holt-laury", "--model", "ladder:random-gpt2", "-a", "temperature=2"],
        ["collect", "holt-laury", "--model", "ladder:random-gpt2", "-a", "dtype=int3"],
        ["collect", "holt-laury", "--model", "ladder:random-gpt2", "-a", "prompt_format=loud"],
        ["collect", "holt-laury", "--model", "ladder:random-gpt2", "--device", "abacus"],
        ["collect", "holt-laury", "--model", "participants:uniform", "--model", "./nowhere"],
        ["collect", "dictator", "--model", "participants:crra"],
        ["collect", "holt-laury", "--stakes", "3"],
        ["study", "study.json"],
    ],
)
def test_no_progress_is_shown_before_a_wrong_argument_is_told(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    written("study.json", {"name": "s", "experiments": ["dictator"], "models": ["participants:humn"]})
    out = ["--out", "run"]
    assert called(*arguments, *out) in {2, 4}
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert len(printed.err.splitlines()) == 1
    assert not Path("run").exists()


@pytest.mark.parametrize("stage", ["estimate", "compare", "report"])
def test_a_run_without_choices_is_told_before_a_stage_begins(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("collect", "dictator", "--model", "participants:uniform", "--out", "run") == 0
    Path("run/choices.parquet").unlink()
    capsys.readouterr()
    assert called(stage, "run") == 4
    assert capsys.readouterr().err.startswith("error: run/choices.parquet: there are no choices here.")


@pytest.mark.slow
def test_a_model_that_a_study_leaves_out_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    Path("folder").mkdir()
    written(
        "study.json",
        {
            "name": "s", "experiments": ["dictator", "mixed-gambles"], "settings": {"limit": 1},
            "models": ["participants:uniform", "./nowhere", {"model": "folder", "model-args": {"dtype": "float32"}}],
        },
    )  # fmt: skip
    assert called("study", "study.json", "--out", "out") == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert lines[0] == "error: dictator, mixed-gambles, ./nowhere: there is no such folder. Check the path."
    assert lines[1].startswith("error: dictator, mixed-gambles, folder(dtype=float32): the folder holds no config.json")
    assert len(lines) == 2


# Words that mean no option


def test_words_that_values_does_not_list_are_named_with_their_rows(capsys: pytest.CaptureFixture[str]) -> None:
    file = written("gambles.csv", GAMBLES)
    assert called("import", file, *MAPPED, "--values", "1=accept,0=reject", "--out", "run") == 0
    printed = capsys.readouterr()
    words = "'perhaps' (2 rows, the first on line 4), 'no' (1 row, on line 6)"
    assert printed.err.startswith("warning: gambles.csv: 3 rows hold words that --values does not list")
    assert f"count as invalid: {words}. What means accept or reject can be added to --values" in printed.err
    assert printed.out == f"Imported: 8 choices: 4 valid, 3 invalid, 1 missing.\nInvalid: {words}.\nRun: run\n"
    manifest = json.loads(Path("run/manifest.json").read_text(encoding="utf-8"))
    assert manifest["imported"]["unmapped"] == [
        {"word": "perhaps", "rows": 2, "line": 4},
        {"word": "no", "rows": 1, "line": 6},
    ]


def test_the_same_is_a_warning_beside_json(capsys: pytest.CaptureFixture[str]) -> None:
    file = written("gambles.csv", GAMBLES)
    assert called("import", file, *MAPPED, "--values", "1=accept,0=reject", "--out", "run", "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["counts"] == {"valid": 4, "invalid": 3, "missing": 1}
    assert printed.err.startswith("warning: ")


def test_empty_answers_are_no_words_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    file = written("gambles.csv", "person,gain,loss,answer\n1,10,5,1\n1,9,5,\n2,8,5,NA\n")
    assert called("import", file, *MAPPED, "--values", "1=accept,0=reject", "--out", "run") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "1 valid, 2 missing" in printed.out


def test_a_column_without_answers_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    file = written("gambles.csv", "person,gain,loss,answer\n1,10,5,\n1,9,5,nan\n")
    assert called("import", file, *MAPPED, "--values", "1=accept,0=reject", "--out", "run") == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("warning: gambles.csv: none of 2 rows holds a usable answer.")


def test_a_word_cannot_take_over_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    word = "\x1b[31m" + "x" * 500
    file = written("gambles.csv", f"person,gain,loss,answer\n1,10,5,1\n1,9,5,{word}\n")
    assert called("import", file, *MAPPED, "--values", "1=accept,0=reject", "--out", "run") == 0
    printed = capsys.readouterr()
    assert "\x1b" not in printed.out + printed.err
    assert max(map(len, printed.err.splitlines())) < 300


# What is counted


def test_every_page_counts_questions_and_checks_apart(capsys: pytest.CaptureFixture[str]) -> None:
    told = size(trials(specification.find("holt-laury")))
    assert (told.questions, told.checks, told.text_checks) == (800, 16, 8)
    for arguments in (["show", "holt-laury"], ["run", "holt-laury", "--help"]):
        assert called(*arguments) == 0
        page = " ".join(capsys.readouterr().out.split())
        assert "800 questions and 16 comprehension checks a model (8 for participants, who read no text)" in page
    assert called("list", "experiments") == 0
    assert re.search(r"holt-laury +800 questions", capsys.readouterr().out)


def test_collecting_announces_and_ends_with_the_numbers_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", "participants:uniform", "--model", "ladder:random-gpt2", "--stakes", "1", "--limit", "1"]
    assert called("collect", "holt-laury", *arguments, "--out", "run") == 0
    printed = capsys.readouterr()
    assert "Collecting holt-laury: 40 questions and 16 comprehension checks a model (8 for participants" in printed.err
    assert printed.out.splitlines()[:2] == [
        "participants:uniform: 40 questions and 8 comprehension checks, all valid.",
        "ladder:random-gpt2: 40 questions and 16 comprehension checks, all valid.",
    ]
    table = choices.read(Path("run/choices.parquet"))
    checks = table["condition"] == "comprehension"
    assert table[~checks].groupby("model").size().to_dict() == {"participants:uniform": 40, "ladder:random-gpt2": 40}
    assert table[checks].groupby("model").size().to_dict() == {"participants:uniform": 8, "ladder:random-gpt2": 16}


# Where to read on


def test_run_says_that_every_experiment_has_options_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("run", "collect"):
        assert called(command, "--help") == 0
        page = " ".join(capsys.readouterr().out.split())
        assert f"`replicator {command} EXPERIMENT --help`" in page
        assert f"replicator {command} holt-laury --help" in page


def test_list_without_a_word_lists_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("list") == 0
    page = capsys.readouterr().out
    for heading, entry in (
        ("experiments", "holt-laury"), ("theories", "crra"), ("references", "tom07"), ("models", "participants:human"),
    ):  # fmt: skip
        assert re.search(rf"^{heading}:\n(  .*\n)*  {entry} ", page, flags=re.MULTILINE)
    assert called("list", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document.keys() == {"schema", "experiments", "theories", "references", "models"}
    assert called("list", "experiments", "--json") == 0
    assert json.loads(capsys.readouterr().out)["experiments"] == document["experiments"]


def test_the_help_the_readme_and_the_errors_agree_on_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--help") == 0
    page = " ".join(capsys.readouterr().out.split()).partition("Exit codes: ")[2]
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    source = " ".join(str(errors.__doc__).split())
    for code, words in {
        "0": "done", "1": "failed at run time", "2": "the command line", "3": "a specification, study, mapping",
        "4": "an unreadable model", "5": "a gate failed", "130": "interrupted",
    }.items():  # fmt: skip
        assert f"{code} {words}" in page
        assert f"| {code} | {words}" in readme
        assert f"{code} {words}" in source
    for text in (page, source):
        assert "unknown experiment, study or participant" in text
        assert "theory" not in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["frobnicate"], "There is no command 'frobnicate'. See `replicator --help`."),
        (["shw"], "Did you mean show? See `replicator --help`."),
        (["list", "exper"], "'exper' is not one of 'experiments', 'theories', 'references', 'models'. See"),
        (["run", "holt-laury", "--limit", "x"], "'x' is not a valid whole number. See"),
        (["run", "holt-laury", "--stake", "1"], "(Did you mean one of: '--seed', '--stakes'?) See"),
        (["show", "holt-lauri"], 'unknown experiment "holt-lauri". Did you mean "holt-laury"?'),
        (
            ["import", "x.csv", "--experiment", "nothing"],
            'unknown experiment "nothing". Known: asian-disease',
        ),
    ],
)
def test_a_wrong_word_is_one_sentence_and_a_place_to_read_on(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(*arguments) == 2
    assert told in one_line(capsys)


# Cautions


def few_wordings() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(specification.find("holt-laury").path).read_text(encoding="utf-8"))
    document["prompt"]["wordings"] = {"plain": document["prompt"]["wordings"]["plain"]}
    return document


@pytest.mark.parametrize("command", ["validate", "show"])
def test_too_few_wordings_are_a_warning_and_no_failure(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = written("mine.json", few_wordings())
    assert called(command, path) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("warning: mine.json#/prompt/wordings: only 6 wordings in all")
    assert "sampling unit" in printed.err
    assert len(printed.err.splitlines()) == 1
    assert printed.out
    assert called(command, "--json", path) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)
    assert printed.err.startswith("warning: ")


def test_validate_keeps_warnings_and_faults_apart(capsys: pytest.CaptureFixture[str]) -> None:
    few = written("few.json", few_wordings())
    wrong = written("wrong.json", {**few_wordings(), "unit": 3})
    assert called("validate", few, wrong, "--json") == 3
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["files"]}
    assert (rows["few.json"]["valid"], len(rows["few.json"]["warnings"]), rows["few.json"]["faults"]) == (True, 1, [])
    assert (rows["wrong.json"]["valid"], rows["wrong.json"]["warnings"]) == (False, [])
    assert [fault["pointer"] for fault in rows["wrong.json"]["faults"]] == ["/unit"]


def test_nothing_shipped_is_warned_about(capsys: pytest.CaptureFixture[str]) -> None:
    for path in (Path(specification.__file__).parents[1] / "experiments").glob("*/*.json"):
        assert called("validate", path) == 0, path
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ('{"map": {"value": "a"}, "where": "x >"}', "mapping.json#/where: 'x >' is not an expression."),
        ('{"map": {"value": "a"}, "derive": {"subject": "1 +"}}', "mapping.json#/derive/subject: '1 +' is not"),
        ("[" * 50_000, "mapping.json: it is nested too deep."),
        ('{"\\u001b[31m": 1, "map": {"value": "a"}}', "mapping.json#/\\x1b[31m: unknown key"),
    ],
)
def test_validate_names_the_place_in_any_document(document: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("validate", written("mapping.json", document)) == 3
    (line,) = error_lines(capsys)
    assert line.startswith(f"error: {told}")
