"""Numbers, ratings and allocations of people and of models: imported, compared and reported without a theory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import called, one_line
from jsonschema import Draft202012Validator
from number_specifications import Spec, budgets, estimates, guesses, public_good, ratings

from replicator import choices, resources


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def _spec(make: Callable[[], Spec]) -> str:
    Path("spec.json").write_text(json.dumps(make()), encoding="utf-8")
    return "spec.json"


def _imported(make: Callable[[], Spec], header: str, rows: list[str], *maps: str) -> dict[str, Any]:
    """The results of people's recorded answers, checked against the schema, and reported."""
    Path("people.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    mapped = [part for target in ("subject=id", *maps) for part in ("--map", target)]
    assert (
        called("import", "people.csv", "--experiment", _spec(make), "--population", "human", *mapped, "--out", "P") == 0
    )
    assert called("report", "P") == 0
    results: dict[str, Any] = json.loads(Path("P/results.json").read_text(encoding="utf-8"))
    Draft202012Validator(resources.schema("results")).validate(results)
    assert results["estimates"] == []
    return results


def test_ratings_of_people_have_a_mean_and_shares() -> None:
    results = _imported(ratings, "id,item,r", ["a,snow,2", "b,snow,2", "c,snow,5", "a,rain,7"], "item=item", "value=r")
    snow = next(mean for mean in results["means"] if mean["item"] == "snow")
    assert snow["mean"] == 3
    assert snow["quartiles"] == [2, 2, 5]
    assert (snow["minimum"], snow["maximum"], snow["n"], snow["unit"]) == (1, 7, 3, "person")
    shares = {row["option"]: row["share"] for row in results["choices"] if row["item"] == "snow"}
    assert shares == {"1": 0, "2": 2 / 3, "3": 0, "4": 0, "5": 1 / 3, "6": 0, "7": 0}
    page = Path("P/report.html").read_text(encoding="utf-8")
    assert "Ratings beside people" in page
    assert "No estimate was planned." in page


def test_estimates_of_people_are_told_by_condition(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"p{i},{anchor},{value}" for i, (anchor, value) in enumerate([(10, 20), (10, 30), (65, 40), (65, 50)])]
    results = _imported(estimates, "id,anchor,e", rows, "factor.anchor=anchor", "value=e")
    assert [mean["mean"] for mean in results["means"]] == [25, 45]
    told = " ".join(capsys.readouterr().out.split())
    assert "answered 25 percent at anchor=10 and 45 percent at anchor=65 on average" in told
    page = Path("P/report.html").read_text(encoding="utf-8")
    assert len(re.findall(r"Answers of people:people, anchor=(?:10|65): most often", page)) == 2


def test_a_grid_with_one_answer_is_drawn() -> None:
    def one() -> Spec:
        return estimates() | {"response": {"type": "number", "min": 5, "max": 5, "step": 1}}

    results = _imported(one, "id,anchor,e", ["a,10,5", "b,65,5"], "factor.anchor=anchor", "value=e")
    assert {mean["mean"] for mean in results["means"]} == {5}
    assert "most often about 5 (100%)" in Path("P/report.html").read_text(encoding="utf-8")


def test_numbers_without_a_grid_are_recorded_as_they_are() -> None:
    results = _imported(
        guesses, "id,anchor,e", ["a,10,190.5", "b,10,210.5", "c,65,"], "factor.anchor=anchor", "value=e"
    )
    (mean,) = results["means"]
    assert (mean["mean"], mean["minimum"], mean["maximum"]) == (200.5, None, None)
    assert results["choices"] == []
    assert results["populations"][0]["status_counts"] == {"valid": 2, "missing": 1}
    table = choices.read_table(Path("P/choices.parquet"))
    assert table["value"].to_pylist() == [190.5, 210.5, None]
    assert "Numbers beside people" in Path("P/report.html").read_text(encoding="utf-8")


def test_allocations_of_people_have_a_mean_for_every_account() -> None:
    rows = ['a,2,"3, 7"', 'b,2,"5,5"', 'c,1.25,"10, 0"']
    results = _imported(budgets, "id,rate,split", rows, "factor.rate=rate", "value=split")
    parts = {(mean["condition"], mean["account"]): mean["mean"] for mean in results["means"]}
    assert parts == {
        ("rate=2", "sooner"): 4,
        ("rate=2", "later"): 6,
        ("rate=1.25", "sooner"): 10,
        ("rate=1.25", "later"): 0,
    }
    assert "share of the total" in Path("P/report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("make", "header", "row", "maps", "problem"),
    [
        (ratings, "id,item,v", "a,snow,4.5", ["item=item"], "line 2: the point 4.5 is not on the steps of 1"),
        (ratings, "id,item,v", "a,snow,8", ["item=item"], "line 2: the point 8 is not between 1 and 7"),
        (guesses, "id,anchor,v", "a,10,-3", ["factor.anchor=anchor"], "line 2: the number -3 is not at least 0"),
        (budgets, "id,rate,v", 'a,2,"3, 8"', ["factor.rate=rate"], "is no division of the total"),
    ],
)
def test_recorded_answers_that_cannot_be_are_refused_with_their_line(
    make: Callable[[], Spec], header: str, row: str, maps: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("people.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    mapped = [part for target in ("subject=id", "value=v", *maps) for part in ("--map", target)]
    assert (
        called("import", "people.csv", "--experiment", _spec(make), "--population", "human", *mapped, "--out", "P") == 4
    )
    assert problem in one_line(capsys)


def test_a_run_without_a_planned_estimate_goes_all_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    models = ("--model", "participants:uniform", "--model", "participants:expected-value")
    assert called("run", _spec(public_good), *models, "--out", "R", "--json") == 0
    results = json.loads(capsys.readouterr().out)
    Draft202012Validator(resources.schema("results")).validate(results)
    assert results["ropes"] == results["estimates"] == []
    best = {m["account"]: m["mean"] for m in results["means"] if m["population"] == "participants:expected-value"}
    assert best == {"keep": 20, "common pot": 0, "nobody": 0}
    assert called("estimate", "R") == 0
    assert "No estimate was planned." in capsys.readouterr().out


def test_models_and_people_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"p{i},10,{20 + i % 3}" for i in range(6)]
    _imported(estimates, "id,anchor,e", rows, "factor.anchor=anchor", "value=e")
    assert called("run", "spec.json", "--model", "participants:uniform", "--out", "R") == 0
    assert called("report", "P", "R", "--out", "both.html") == 0
    page = Path("both.html").read_text(encoding="utf-8")
    assert "people at the same questions" in page
    assert "people 21 percent" in page


def test_a_number_that_can_only_be_sampled_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("run", _spec(guesses), "--model", "ladder:random-gpt2", "--out", "R") == 2
    line = one_line(capsys)
    assert 'probability elicitation needs "min", "max" and "step"' in line
    assert "--elicitation sample" in line
    assert not Path("R").exists()


def test_validate_and_show_say_what_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("validate", _spec(guesses)) == 0
    printed = capsys.readouterr()
    assert printed.out == "spec.json: valid\n"
    assert "this number can only be sampled" in printed.err
    for make, words in (
        (ratings, "1 (not at all), 2, 3, 4 (somewhat), 5, 6, 7 (very); shown in both directions"),
        (budgets, "a division of tokens in steps of 1 among sooner, later; named in every order"),
        (guesses, "a number in percent from 0; can only be sampled"),
    ):
        assert called("show", _spec(make)) == 0
        assert words in capsys.readouterr().out
