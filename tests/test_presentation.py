"""Layouts and answer formats: offered by a specification, chosen per run, stored, and never averaged together."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_experiments
from command_line import called, one_line
from small_specifications import gifts, lotteries

from replicator import runs, specification
from replicator.design import Trial, trials
from replicator.errors import SpecError, UsageError
from replicator.experiment import Experiment, Presentation
from replicator.prompt import render

Spec = dict[str, Any]


@pytest.fixture(scope="module")
def listed() -> Experiment:
    return specification.find("holt-laury")


@pytest.fixture(scope="module")
def named() -> Experiment:
    return specification.find("mixed-gambles")


def asked(experiment: Experiment, **how: Any) -> list[Trial]:
    return [trial for trial in trials(experiment, **how) if trial.check is None]


def test_only_the_first_of_what_is_offered_runs_by_default(listed: Experiment, named: Experiment) -> None:
    for experiment in (listed, named):
        assert {trial.layout for trial in trials(experiment)} == {"single"}
        assert not any("=list" in trial.condition or "=names" in trial.condition for trial in trials(experiment))


def test_a_list_shows_every_row_and_asks_about_one(listed: Experiment) -> None:
    for trial in asked(listed, layouts=["list"], levels={"stakes": [20]})[::7]:
        prompt = render(listed, trial)
        assert [prompt.user.count(f"Row {row}. ") for row in range(1, 11)] == [1] * 10
        assert prompt.user.endswith(f"Answer for row {trial.item.removeprefix('row-')} only.")
        assert set(prompt.answers) == set(trial.labels)
        first, last = (trial.options[place] for place in trial.order)
        row = next(line for line in prompt.user.splitlines() if line.startswith("Row 1. "))
        low = {"safe": "$32", "risky": "$2"}
        assert row.index(low[first]) < row.index(low[last])


def test_the_rows_of_a_list_share_all_but_the_end_of_their_prompt(listed: Experiment) -> None:
    several = asked(listed, layouts=["list"])
    for _, rows in itertools.groupby(several, key=lambda t: (t.condition, t.wording, t.labels, t.order)):
        users = [render(listed, trial).user for trial in rows]
        assert len(users) == 10
        assert len({user.rsplit("row ", 1)[0] for user in users}) == 1


def test_both_layouts_are_fully_crossed_and_conditions_of_their_own(listed: Experiment) -> None:
    both = asked(listed, layouts=["single", "list"])
    assert len(both) == 2 * len(asked(listed))
    cells = Counter((t.layout, t.condition) for t in both)
    assert set(cells) == {
        ("single", "stakes=1"), ("single", "stakes=20"),
        ("list", "stakes=1,layout=list"), ("list", "stakes=20,layout=list"),
    }  # fmt: skip
    assert len(set(cells.values())) == 1
    assert {tuple(t.factors) for t in both} == {("stakes",)}
    # What only some of the items are asked of shows the whole list all the same.
    some = asked(listed, layouts=["list"], limit=2)
    assert render(listed, some[0]).user == render(listed, asked(listed, layouts=["list"])[0]).user


def test_options_may_go_by_their_names(named: Experiment) -> None:
    several = asked(named, answers=["names"], limit=1)
    assert {trial.condition for trial in several} == {"answers=names"}
    assert {trial.label_set for trial in several} == {"accept|reject"}
    assert {trial.labels for trial in several} == {("accept", "reject"), ("reject", "accept")}
    for trial in several:
        prompt = render(named, trial)
        assert prompt.answers == ("accept", "reject")
        lines = [line for line in prompt.user.splitlines() if line.startswith(("accept: ", "reject: "))]
        assert [line.partition(":")[0] for line in lines] == list(trial.labels)
    both = asked(named, answers=["labels", "names"], limit=1)
    assert Counter(trial.label_set for trial in both) == {"A|B": 20, "1|2": 20, "accept|reject": 20}


def test_labels_that_are_called_like_options_are_labels() -> None:
    shown = Presentation("all", (("risky", "safe"),), ("single",))
    several = asked(small_experiments.lotteries(presentation=shown))
    assert {trial.label_set for trial in several} == {"risky|safe"}
    assert {trial.answers for trial in several} == {"labels"}


def test_comprehension_checks_are_asked_alone_and_with_labels(listed: Experiment) -> None:
    checks = [trial for trial in trials(listed, layouts=["list"]) if trial.check is not None]
    assert checks == [trial for trial in trials(listed) if trial.check is not None]


@pytest.mark.parametrize("how", [{"layouts": ["list"]}, {"answers": ["names"]}])
def test_what_is_not_offered_is_refused(how: dict[str, list[str]]) -> None:
    with pytest.raises(UsageError, match="there is no"):
        trials(specification.find("dictator"), **how)


def test_the_default_keeps_a_runs_identity_and_another_choice_changes_it(listed: Experiment) -> None:
    usual = runs.request(listed, populations=["a"])
    assert runs.request(listed, populations=["a"], layouts=["single"]) == usual
    assert runs.request(listed, populations=["a"], layouts=["list"])["layouts"] == ["list"]
    assert runs.request(listed, populations=["a"], layouts=["list", "single"])["layouts"] == ["list", "single"]


FAULTS: list[tuple[str, Callable[[], Spec], Callable[[Spec], Any], str, str]] = [
    ("a list of amounts", gifts, lambda s: s.update(presentation={"layout": ["list"]}),
     "/presentation/layout", "needs options"),
    ("names of amounts", gifts, lambda s: s.update(presentation={"answers": ["names"]}),
     "/presentation/answers", "needs options"),
    ("a list of one", lotteries, lambda s: (s["presentation"].update(layout=["list"]), s["items"].pop()),
     "/presentation/layout", "one row"),
    ("a list of what a wording says of an item", lotteries, lambda s: (
        s["presentation"].update(layout=["list"]), s["prompt"]["wordings"].update(odd="{{ p }} {{ options }}")),
     "/prompt/wordings/odd", 'item variable "p"'),
    ("an answer format that there is not", lotteries, lambda s: s["presentation"].update(answers=["numbers"]),
     "/presentation/answers/0", "not allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "change", "place", "problem"), [c[1:] for c in FAULTS], ids=[c[0] for c in FAULTS])
def test_a_presentation_that_cannot_be_is_a_fault(
    make: Callable[[], Spec], change: Callable[[Spec], Any], place: str, problem: str
) -> None:
    spec = make()
    change(spec)
    with pytest.raises(SpecError) as caught:
        specification.loads(json.dumps(spec), "mine.json")
    assert [f.pointer for f in caught.value.faults if problem in f.problem] == [place]


def test_the_command_line_offers_what_the_specification_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REPLICATOR_CACHE_DIR", str(tmp_path / "cache"))
    layouts = ("--layout", "single", "--layout", "list")
    how = ("collect", "holt-laury", "--limit", 1, "--stakes", 1, "--model", "participants:uniform", "--json")
    assert called(*how, *layouts, "--out", tmp_path / "run") == 0
    manifest = json.loads(capsys.readouterr().out)
    assert manifest["request"]["layouts"] == ["list", "single"]
    assert manifest["counts"] == {"valid": 80 + 8}
    assert called(*how, "--out", tmp_path / "run") == 4
    assert "its layouts are list, single, not none" in one_line(capsys)
    assert called("collect", "dictator", "--layout", "list", "--out", tmp_path / "other") == 2
    assert "'list' is not 'single'" in capsys.readouterr().err


def test_show_tells_the_design_and_every_way_of_asking(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("show", "holt-laury", "--json") == 0
    shown = json.loads(capsys.readouterr().out)["experiment"]
    assert shown["design"] == {
        "items": 10, "conditions": 2, "wordings": 10, "label sets": 2, "orders": 2, "layouts": 1,
    }  # fmt: skip
    assert list(shown["ways"]) == ["--layout list", "--elicitation verbalised", "--elicitation reasoning"]
    assert all(len(prompts) == 10 for prompts in shown["ways"].values())
    assert "Row 10. " in shown["ways"]["--layout list"]["plain"]["user"]
    assert "Of 100 people" in shown["ways"]["--elicitation verbalised"]["plain"]["user"]
    thought = shown["ways"]["--elicitation reasoning"]["plain"]
    assert thought["user"] == shown["prompts"]["plain"]["user"]
    assert called("show", "dictator") == 0
    said = capsys.readouterr().out
    assert "--elicitation reasoning" in said
    assert "--elicitation verbalised" not in said  # 101 amounts are too many
