"""The doctor says of a real checkpoint what is true of it, and of a broken one what to do."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from answering_checkpoint import AMOUNTS, LABELS, build
from command_line import called, one_line
from number_specifications import guesses
from small_specifications import lotteries
from transformers import AutoModelForCausalLM, AutoTokenizer

from replicator import specification
from replicator.doctor import bias, form, probe
from replicator.doctor.equality import batches, models
from replicator.doctor.finding import Finding
from replicator.doctor.probe import Asked
from replicator.engines.engine import Answer, Question
from replicator.experiment import Presentation
from replicator.ladder.random_weights import CHAT_TEMPLATE

MACHINE = ["python", "torch", "transformers", "pymc", "device", "memory", "cores", "cache folder"]

Told = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache and a working folder of the test's own: pages go into `reports`."""
    monkeypatch.setenv("REPLICATOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small experiment whose options are called A and B."""
    file = tmp_path_factory.mktemp("experiment") / "letters.json"
    spec = lotteries()
    spec["name"] = "letters"
    spec["presentation"]["labels"] = [["A", "B"]]
    spec["prompt"]["wordings"]["other"] = "Choose.\n\n{{ options }}\n\nWhich one, {{ labels }}?"
    file.write_text(json.dumps(spec))
    return file


@pytest.fixture(scope="module")
def answering(gpt2_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It writes A or B, or an amount, and ends."""
    return build(gpt2_checkpoint, tmp_path_factory.mktemp("answering") / "checkpoint", {**LABELS, **AMOUNTS})


Examined = Callable[..., Told]


@pytest.fixture
def examined(letters: Path, capsys: pytest.CaptureFixture[str]) -> Examined:
    """The findings about a model by name, once the command has ended with the expected code."""

    def examine(model: object, *options: object, code: int = 0) -> Told:
        asked = () if "--experiment" in options else ("--experiment", letters)
        assert called("doctor", model, *asked, "--json", *options) == code
        document = json.loads(capsys.readouterr().out)
        assert document["schema"] == 1
        assert document["sound"] == (code == 0)
        assert Path(document["page"]).is_file()
        return {finding["name"]: finding for finding in document["findings"]}

    return examine


def verdicts(findings: Told, verdict: str) -> list[str]:
    return [name for name, finding in findings.items() if finding["verdict"] == verdict]


# The machine


def test_a_sound_machine_passes_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("doctor", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["sound"] is True
    findings = {finding["name"]: finding for finding in document["findings"]}
    assert list(findings) == MACHINE
    assert findings["cores"]["measured"].isdigit()
    assert list(tmp_path.iterdir()) == []


def test_a_cache_folder_that_is_a_file_is_unsound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cache").write_text("no folder")
    assert called("doctor", "--json") == 5
    document = json.loads(capsys.readouterr().out)
    (cache,) = [finding for finding in document["findings"] if finding["name"] == "cache folder"]
    assert cache["verdict"] == "unsound"
    assert "REPLICATOR_CACHE_DIR" in cache["remedy"]


def test_a_missing_library_is_said(tmp_path: Path) -> None:
    """The command runs from a copy of what is installed, without two libraries."""
    installed = tmp_path / "installed"
    installed.mkdir()
    for entry in Path(torch.__file__).parents[1].iterdir():
        if not entry.name.startswith(("torch", "transformers")):
            (installed / entry.name).symlink_to(entry)
    program = [sys.executable, "-S", "-m", "replicator", "doctor", "--json"]
    path = os.pathsep.join([str(Path(specification.__file__).parents[1]), str(installed)])
    done = subprocess.run(program, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 5, done.stderr
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert {name for name, finding in findings.items() if finding["verdict"] == "unsound"} == {"torch", "transformers"}
    assert findings["torch"]["measured"] == "not installed"
    assert findings["device"]["verdict"] == "not applicable"


# Models that answer


def test_a_model_that_answers_with_labels_is_sound_and_one_that_guesses_is_doubted(
    answering: Path, examined: Examined, letters: Path
) -> None:
    findings = examined(answering, "--experiment", letters, "--experiment", "dictator")
    for name in ("label mass (letters)", "position bias (letters)", "batch equality", "sample against probability"):
        assert findings[name]["verdict"] == "sound", findings[name]
    assert findings["label mass (dictator)"]["numbers"]["mean"] > 0.99
    assert findings["sample against probability"]["numbers"]["replies"] > 700
    assert findings["readable replies"]["verdict"] == "sound"
    assert findings["batch equality"]["numbers"]["largest_difference"] < 1e-4
    assert findings["comprehension (letters)"]["numbers"]["right"] == pytest.approx(0.5, abs=1e-3)
    assert verdicts(findings, "doubtful") == ["comprehension (letters)", "comprehension (dictator)"]
    assert all(findings[name]["remedy"] for name in verdicts(findings, "doubtful"))
    assert all(finding["measured"] for finding in findings.values())


def test_a_liking_for_the_first_place_is_measured_and_doubted(
    gpt2_checkpoint: Path, tmp_path: Path, examined: Examined
) -> None:
    leaning = {**LABELS, ":": {" A": 0.7, " B": 0.3}}
    findings = examined(build(gpt2_checkpoint, tmp_path / "leaning", leaning))
    bias = findings["position bias (letters)"]
    assert bias["verdict"] == "doubtful"
    assert bias["numbers"]["largest_excess"] == pytest.approx(0.2, abs=0.01)
    assert bias["numbers"]["first_displayed"] == pytest.approx(0.2, abs=0.01)


def test_labels_that_begin_something_else_are_found_by_sampling(
    gpt2_checkpoint: Path, tmp_path: Path, examined: Examined
) -> None:
    """Its probabilities are even, but most of its replies that begin with A are no answers."""
    starting = {**LABELS, " A": {"": 0.3, " amount": 0.7}}
    findings = examined(build(gpt2_checkpoint, tmp_path / "starting", starting), code=5)
    assert verdicts(findings, "unsound") == ["sample against probability"]
    assert findings["sample against probability"]["numbers"]["p_value"] < 1e-3
    assert findings["readable replies"]["verdict"] == "doubtful"
    assert findings["label mass (letters)"]["verdict"] == "sound"


def test_a_model_that_has_learnt_nothing_is_not_to_be_believed(
    gpt2_checkpoint: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert called("doctor", gpt2_checkpoint) == 5
    printed = capsys.readouterr()
    assert "label mass (holt-laury)" in printed.out
    assert "label mass (dictator)" in printed.out
    assert "\nNo: " in printed.out
    assert printed.err.splitlines()[-1].startswith(f"error: {gpt2_checkpoint}: unsound: ")
    page = tmp_path / "reports" / f"doctor-{gpt2_checkpoint.name}.html"
    assert f"Page: {page.relative_to(tmp_path)}" in printed.out
    assert "What to do" in page.read_text(encoding="utf-8")


def test_weights_that_overflow_are_unsound(gpt2_checkpoint: Path, tmp_path: Path, examined: Examined) -> None:
    copy = tmp_path / "overflowing"
    network = AutoModelForCausalLM.from_pretrained(gpt2_checkpoint)
    with torch.no_grad():
        network.transformer.ln_f.bias.fill_(torch.inf)
    network.save_pretrained(copy)
    AutoTokenizer.from_pretrained(gpt2_checkpoint).save_pretrained(copy)
    findings = examined(copy, code=5)
    assert "answers (letters)" in verdicts(findings, "unsound")
    assert "not a number" in findings["answers (letters)"]["measured"]


# How a model is asked


def altered(checkpoint: Path, folder: Path, change: Callable[[str], str]) -> Path:
    """A copy whose chat template is another."""
    copy = Path(shutil.copytree(checkpoint, folder))
    template = copy / "chat_template.jinja"
    template.write_text(change(template.read_text()))
    return copy


def asked(checkpoint: Path, letters: Path, template: str | None = None) -> dict[str, Finding]:
    """How the checkpoint's tokenizer asks, perhaps with another chat template."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    if template is not None:
        tokenizer.chat_template = template
    findings = form.examine(tokenizer, None, probe.questions(specification.load(letters))).findings
    return {finding.name: finding for finding in findings}


def test_base_and_chat_models_are_told_apart(gpt2_checkpoint: Path, llama_checkpoint: Path, letters: Path) -> None:
    base, chat = asked(gpt2_checkpoint, letters), asked(llama_checkpoint, letters)
    assert "base model" in base["chat template"].measured
    assert "chat model" in chat["chat template"].measured
    assert base["BOS"].measured == "none"
    assert chat["BOS"].measured == "<s>, once, at the beginning"
    assert base["label tokens"].numbers == {"one_token": 2, "several_tokens": 0, "two_spellings": 2}
    assert {finding.verdict for finding in (*base.values(), *chat.values())} == {"sound"}


def test_a_second_bos_is_unsound_and_nothing_is_asked(
    llama_checkpoint: Path, tmp_path: Path, examined: Examined
) -> None:
    findings = examined(altered(llama_checkpoint, tmp_path / "twice", lambda text: "{{ bos_token }}" + text), code=5)
    assert verdicts(findings, "unsound") == ["BOS"]
    assert "twice" in findings["BOS"]["measured"]
    assert findings["label mass"]["verdict"] == "not applicable"


def test_a_template_that_drops_the_question_is_unsound(
    llama_checkpoint: Path, tmp_path: Path, examined: Examined
) -> None:
    dropped = altered(llama_checkpoint, tmp_path / "dropped", lambda _: "{{ bos_token }}<|user|>Hello<|assistant|>")
    findings = examined(dropped, code=5)
    assert verdicts(findings, "unsound") == ["chat template"]
    assert "prompt_format=plain" in findings["chat template"]["remedy"]


@pytest.mark.parametrize(
    ("written", "instead", "name", "verdict"),
    [
        ("{{ bos_token }}", "", "BOS", "doubtful"),
        ("<|{{ message['role'] }}|>\n", "", "chat template", "doubtful"),
        ("<|{{ message['role'] }}|>\n", "<|{{ message['role'] }}|>\n<think>", "thinking", "unsound"),
        ("<|{{ message['role'] }}|>\n", "<|{{ message['role'] }}|>\n<think></think>", "thinking", "sound"),
        ("<|assistant|>\n", "<|assistant|>\n<reasoning>\n", "thinking", "doubtful"),
        ("<|assistant|>\n", "<|assistant|>{{ '<think>' if thinking else '</think>' }}", "thinking", "sound"),
        ("{{ bos_token }}", "{% if enable_thinking %}{% endif %}{{ bos_token }}", "thinking", "sound"),
        ("{{ bos_token }}", "{{ bos_token }}" + 9 * "You are kind. ", "chat template", "sound"),
    ],
)
def test_a_template_is_judged_by_what_it_writes(
    llama_checkpoint: Path, letters: Path, written: str, instead: str, name: str, verdict: str
) -> None:
    assert written in CHAT_TEMPLATE
    # Without its end-of-text the user's turn does not end.
    ending = "" if name == "chat template" and verdict == "doubtful" else "{{ eos_token }}"
    template = CHAT_TEMPLATE.replace("{{ eos_token }}", ending).replace(written, instead)
    assert asked(llama_checkpoint, letters, template)[name].verdict == verdict


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_model_that_cannot_be_opened_is_one_line(
    gpt2_checkpoint: Path, tmp_path: Path, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(gpt2_checkpoint, tmp_path / "damaged"))
    (copy / missing).unlink()
    assert called("doctor", copy) == 4
    assert str(copy) in one_line(capsys)
    assert not (tmp_path / "reports").exists()


# Two models that should be one


def test_the_same_weights_agree_and_others_do_not(answering: Path, tmp_path: Path, examined: Examined) -> None:
    copy, other = (Path(shutil.copytree(answering, tmp_path / name)) for name in ("copy", "other"))
    same = examined(answering, "--against", copy)["against the other model"]
    assert same["verdict"] == "sound"
    assert same["numbers"]["largest_difference"] <= 1e-3
    network = AutoModelForCausalLM.from_pretrained(other)
    (token,) = AutoTokenizer.from_pretrained(other)(" A")["input_ids"]
    with torch.no_grad():
        network.lm_head.weight[token] *= 1.01
    network.save_pretrained(other)
    findings = examined(answering, "--against", other, code=5)
    assert verdicts(findings, "unsound") == ["against the other model"]
    assert findings["against the other model"]["numbers"]["largest_difference"] > 1e-3


# Simulated participants


def test_participants_pass_and_what_does_not_apply_is_said(examined: Examined) -> None:
    findings = examined("participants:human", "--experiment", "holt-laury")
    for name in ("chat template", "BOS", "label tokens", "label mass (holt-laury)", "batch equality"):
        assert findings[name]["verdict"] == "not applicable"
    assert findings["comprehension (holt-laury)"]["verdict"] == "sound"
    assert findings["sample against probability"]["verdict"] == "sound"


def test_whoever_takes_what_is_first_is_doubted(examined: Examined) -> None:
    findings = examined("participants:always-first", "--experiment", "holt-laury")
    assert findings["position bias (holt-laury)"]["numbers"]["largest_excess"] == pytest.approx(0.5)
    assert verdicts(findings, "doubtful") == ["comprehension (holt-laury)", "position bias (holt-laury)"]
    assert findings["label bias (holt-laury)"]["verdict"] == "sound"


def test_a_chooser_whom_wordings_move_is_doubted_and_told_how_many_it_takes(examined: Examined) -> None:
    def wording(arguments: str) -> dict[str, Any]:
        asked = examined("participants:crra", "--model-args", arguments, "--experiment", "holt-laury")
        return asked["wording (holt-laury)"]

    steady, moved = wording("r=0.3,noise=8"), wording("r=0.3,noise=1,wording_sd=3")
    assert steady["verdict"] == "sound"
    assert steady["numbers"]["logit_sd_over_wordings"] == pytest.approx(0, abs=1e-9)
    assert moved["verdict"] == "doubtful"
    assert moved["numbers"]["wordings_needed"] > 20 > steady["numbers"]["wordings_needed"]


def test_a_default_experiment_that_a_chooser_does_not_speak_of_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert called("doctor", "participants:crra", "--json") == 0
    assert json.loads(capsys.readouterr().out)["experiments"] == ["holt-laury"]
    assert called("doctor", "participants:crra", "--experiment", "dictator") == 2
    assert 'cannot answer "dictator"' in one_line(capsys)


# The page and the command line


def test_what_came_from_outside_is_escaped(answering: Path, tmp_path: Path, letters: Path) -> None:
    hostile = Path(shutil.copytree(answering, tmp_path / "<img src=x onerror=alert(1)>"))
    spec = json.loads(letters.read_text())
    spec["prompt"]["wordings"]["hostile"] = "<script>alert(2)</script> {{ options }} {{ labels }}"
    (tmp_path / "hostile.json").write_text(json.dumps(spec))
    out = tmp_path / "page.html"
    assert called("doctor", hostile, "--experiment", tmp_path / "hostile.json", "--out", out) == 0
    page = out.read_text(encoding="utf-8")
    assert "<img" not in page
    assert "<script" not in page
    assert "&lt;img src=x" in page


def test_no_key_stands_on_the_page_or_in_its_name(answering: Path, tmp_path: Path, letters: Path) -> None:
    key = "sk-abcdefgh12345678"
    copy = Path(shutil.copytree(answering, tmp_path / "models" / key))
    assert called("doctor", copy, "--experiment", letters) == 0
    (page,) = (tmp_path / "reports").iterdir()
    assert page.name == "doctor-redacted.html"
    assert key not in page.read_text(encoding="utf-8")


def test_a_number_that_can_only_be_sampled_is_refused(answering: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("guesses.json").write_text(json.dumps(guesses()))
    assert called("doctor", answering, "--experiment", "guesses.json") == 2
    assert "this number can only be sampled" in one_line(capsys)


@pytest.mark.parametrize(
    "arguments",
    [["--experiment", "dictator"], ["x", "--against-args", "a=b"], ["x", "--device", "foo"], ["participants:nobody"]],
)
def test_what_cannot_be_meant_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert called("doctor", *arguments) == 2
    assert one_line(capsys)


# What no checkpoint at hand would show


@dataclass(frozen=True)
class Responder:
    """An engine that reads the page and answers from its looks alone; `batched` is added to log odds in a batch."""

    answers: Callable[[Question], float]
    batched: float = 0.0
    name: str = "responder"
    population: Literal["model"] = "model"
    reads_text: bool = True
    batch_size: int = 16
    identity: Mapping[str, Any] = field(default_factory=lambda: {"engine": "responder"})
    facts: Mapping[str, Any] = field(default_factory=lambda: {"dtype": "float32"})

    def answer(self, questions: Sequence[Question]) -> Iterator[Answer]:
        for question in questions:
            odds = self.answers(question) + (self.batched if len(questions) > 1 else 0.0)
            first = 1 / (1 + math.exp(-odds))
            shown = dict(zip(question.trial.order, (first, 1 - first), strict=True))
            yield Answer((shown[0], shown[1]), 1.0, "valid")


def _unheard(done: int, total: int, what: str) -> None:
    """Of progress."""


def put_to(responder: Responder) -> Asked:
    return probe.ask(specification.find("holt-laury"), responder, _unheard)


def test_answers_that_depend_on_their_batch_are_unsound() -> None:
    steady, shaken = Responder(lambda _: 0.5), Responder(lambda _: 0.5, batched=0.01)
    told: list[tuple[int, int]] = []
    assert batches(steady, [put_to(steady)], lambda *done: told.append(done)).verdict == "sound"
    finding = batches(shaken, [put_to(shaken)], lambda *done: None)
    assert finding.verdict == "unsound"
    assert 1e-3 < finding.numbers["largest_difference"] < 0.02
    assert "--batch-size 1" in str(finding.remedy)
    apart = replace(steady, facts={"dtype": "float32", "shared_cache": False})
    assert "one stream is not exact" in batches(apart, [put_to(apart)], lambda *done: None).meaning
    assert told[0] == (0, 12)
    assert told[-1] == (12, 12)


def test_answers_that_are_missing_or_known_by_bounds_are_not_compared() -> None:
    asked_of = put_to(Responder(lambda _: 0.5))
    other = put_to(Responder(lambda question: 0.5 if question.trial.item == "row-1" else 3.0))
    bounds = tuple(question.trial.item != "row-1" for question in other.questions)
    facts = {"dtype": "float32"}
    finding = models([asked_of], [replace(other, bounded=bounds)], facts, facts, "other")
    assert finding.verdict == "sound"
    assert finding.numbers["bounded"] == sum(bounds)
    assert models([asked_of], [other], facts, facts, "other").verdict == "unsound"
    silent = tuple(Answer(None, None, "error", "no reply") for _ in other.answers)
    assert models([asked_of], [replace(other, answers=silent)], facts, facts, "other").verdict == "unsound"
    close = put_to(Responder(lambda _: 0.51))
    assert models([asked_of], [close], facts, {}, "a server in half precision").verdict == "doubtful"


def test_a_liking_for_a_letter_is_told_from_one_for_a_place() -> None:
    """Both take what is first under A and B; under 1 and 2 only one of them does."""
    letter = put_to(Responder(lambda question: 2.0 if question.trial.labels[0] == "A" else 0.0))
    place = put_to(Responder(lambda _: 2.0))
    for asked_of, verdict in ((letter, "doubtful"), (place, "sound")):
        found = bias.placed(asked_of)
        assert bias.position(asked_of, found).verdict == "doubtful"
        assert bias.labels(asked_of, found).verdict == verdict


def test_the_largest_difference_between_any_two_label_sets_counts() -> None:
    """A and B move what is chosen a little; X and Y move where it stands, and more."""

    def odds(question: Question) -> float:
        first, labels = question.trial.order[0], question.trial.labels
        return {"A": 0.3 if first == 0 else -0.3, "1": 0.0, "X": 1.0}[labels[0]]

    shown = Presentation("all", (("A", "B"), ("1", "2"), ("X", "Y")), ("single",))
    asked_of = probe.ask(replace(specification.find("holt-laury"), presentation=shown), Responder(odds), _unheard)
    finding = bias.labels(asked_of, bias.placed(asked_of))
    assert finding.verdict == "doubtful"
    assert finding.numbers["difference_of_places"] == pytest.approx(1 / (1 + math.exp(-1)) - 0.5)
    assert "X/Y" in finding.measured


def test_the_probe_is_balanced_and_spans_the_experiment() -> None:
    for name in ("holt-laury", "mixed-gambles", "dictator"):
        experiment = specification.find(name)
        own = [question.trial for question in probe.questions(experiment) if question.trial.check is None]
        assert {trial.wording for trial in own} == set(experiment.wordings)
        assert own[0].item == experiment.items[0].id
        assert experiment.items[-1].id in {trial.item for trial in own}
        shown = Counter((trial.item, trial.wording, trial.labels, trial.order) for trial in own)
        assert set(shown.values()) == {1}
        orders = len(experiment.options) if experiment.response.type == "choice" else 1
        assert len({trial.order for trial in own}) == orders
        assert len(own) <= 150
