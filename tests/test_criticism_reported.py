"""What speaks against a fit is seen in the report, and stands in the results of several runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from report_runs import results, write_run

from replicator import compare, resources
from replicator.report import tables
from replicator.report.build import build

PEOPLE = "participants:human"
EVIL = "row-<b>10</b>"


def question(item: str, observed: float, predicted: float) -> dict[str, Any]:
    ends = [predicted - 0.05, predicted + 0.05]
    return {"item": item, "condition": "stakes=1", "option": "safe", "observed": observed, "predicted": predicted,
            "interval": ends, "missed": abs(observed - predicted) > 0.1}  # fmt: skip


def fit(noise: str, other: str, difference: float) -> dict[str, Any]:
    words = f"The theory cannot reproduce the observed shares: 1 of 2 questions is missed, {EVIL}."
    told = f"{noise} noise predicts left-out wordings better than {other} noise"
    return {
        "population": PEOPLE, "theory": "crra", "noise": noise, "elicitation": "probability",
        "estimand": "representative_agent", "sampling_unit": "wording", "pooling": "partial", "intercept": False,
        "check": {
            "method": "draws", "questions": [question("row-1", 0.9, 0.88), question(EVIL, 0.9, 0.2)], "missed": 1,
            "of": 2, "explained": 0.25, "p": 0.0, "passed": False, "words": words,
        },
        "loo": {
            "available": True, "why_not": None, "unit": "wording", "units": 10, "elpd": 5.0, "standard_error": 2.0,
            "pointwise": [0.5] * 10, "worst_k": 0.8, "unreliable": 1, "words": ["1 of 10 wordings weigh so much"],
        },
        "same_as": [{"theory": "crra", "noise": other, "but_for": [EVIL], "words": "the same model but for one"}],
        "compared": [{"theory": "crra", "noise": other, "elpd_difference": difference, "standard_error": 2.0,
                      "reliable": False, "words": told}],
        "words": [words],
    }  # fmt: skip


FITS = [fit("contextual", "logit", 6.5), fit("logit", "contextual", -6.5)]


def failing(document: dict[str, Any]) -> None:
    document["fits"] = FITS
    for estimate in document["estimates"]:
        if estimate["population"] == PEOPLE:
            estimate["check"] = {"passed": False, "words": FITS[0]["check"]["words"]}
            estimate["sensitivity"] = {"prior": 0.1, "likelihood": 0.3, "words": "Both its prior and the answers"}


def test_the_schema_knows_fits() -> None:
    document = results("holt-laury")
    failing(document)
    jsonschema.Draft202012Validator(resources.schema("results")).validate(document)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("failing")
    return build([write_run("holt-laury", folder / "run", failing)], folder / "report.html").read_text("utf-8")


def test_the_report_shows_what_a_theory_misses(page: str) -> None:
    assert "Can the theory produce the choices?" in page
    assert "Shares that a theory misses" in page
    assert "1 of 2" in page
    assert "Which foretells the unseen better" in page
    assert "unreliable" in page
    assert "One model, two names." in page
    assert "the same model but for one" in page


def test_a_comparison_stands_once(page: str) -> None:
    assert page.count("contextual noise predicts left-out wordings better than logit noise") == 1
    assert "logit noise predicts left-out wordings better than contextual noise" not in page


def test_names_from_outside_are_escaped(page: str) -> None:
    assert EVIL not in page
    assert "row-&lt;b&gt;10&lt;/b&gt;" in page


def test_who_is_not_reproduced_is_not_compared_with_people(page: str) -> None:
    assert "the theory cannot reproduce the observed shares: 1 of 2 questions is missed" in page


def test_a_failing_check_is_no_lack_of_identification() -> None:
    """It stands apart: the parameter is known, and its theory is not what moves the choices."""
    document = results("holt-laury")
    before = tables.unidentified(document)
    failing(document)
    after = tables.unidentified(document)
    assert before == after


def test_fits_of_several_runs_stand_together_under_their_populations_names() -> None:
    one, other = results("holt-laury"), results("holt-laury")
    failing(one)
    failing(other)
    both = compare.beside([one, other])
    names = {population["name"] for population in both["populations"]}
    assert len(both["fits"]) == 4
    assert {found["population"] for found in both["fits"]} <= names
    assert len({found["population"] for found in both["fits"]}) == 2


def test_results_without_fits_have_no_such_section(tmp_path: Path) -> None:
    page = build([write_run("holt-laury", tmp_path / "run")], tmp_path / "report.html").read_text("utf-8")
    assert "Can the theory produce the choices?" not in page
