"""What forbids a verdict forbids it everywhere: in the results beside people, and in the words of the report."""

from __future__ import annotations

from typing import Any

import pytest
from report_runs import results

from replicator import human_questions, verdicts
from replicator.report import words

NAME = "participants:human"


def _parts(**edit: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Results with one population edited, that population, and its first planned estimate."""
    document = results("holt-laury")
    population = next(p for p in document["populations"] if p["name"] == NAME)
    population.update({key: value for key, value in edit.items() if key in population})
    for estimate in document["estimates"]:
        if estimate["population"] == NAME:
            estimate.update({key: value for key, value in edit.items() if key not in population})
    return document, population, words.primary(document, population)[0]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ({"limits": ["wording-limited"]}, "wording-limited"),
        ({"limits": ["low-label-mass"]}, "too little of its probability"),
        ({"label_mass": 0.4}, "too little of its probability"),
        ({"limits": ["random-weights"]}, "weights are random"),
        ({"facts": {"random_weights": True}}, "weights are random"),
        ({"valid_share": 0.5}, "only 50% of its answers are valid"),
        ({"comprehension": {"asked": 8, "correct_share": 0.74}}, "74% of the comprehension checks rightly"),
        ({"identified": False, "why_not": "the gambles do not differ"}, "the gambles do not differ"),
        ({"mean": None}, "do not pin it down"),
        ({"diagnostics": {"passed": False}}, "diagnostics failed"),
        ({"contraction": 0.3}, "little more than its prior"),
        ({"check": {"passed": False, "words": "The theory cannot reproduce it."}}, "the theory cannot reproduce it"),
    ],
)
def test_no_verdict_in_the_results_is_none_in_words(edit: dict[str, Any], reason: str) -> None:
    document, population, estimate = _parts(**edit)
    assert reason in str(human_questions.obstacle(estimate, population))
    said = words.verdict(document, population)
    assert reason in said
    assert said.startswith(("No verdict", "Cannot tell"))


def test_a_verdict_in_the_results_is_one_in_words() -> None:
    document, population, estimate = _parts()
    assert human_questions.obstacle(estimate, population) is None
    assert "No verdict" not in words.verdict(document, population)


def test_checks_answered_well_enough_forbid_nothing() -> None:
    understood = {"population": "model", "comprehension": {"asked": 8, "correct_share": 0.75}}
    assert verdicts.against_population(understood) == []
    assert verdicts.against_population({"population": "human", "comprehension": None}) == []


def test_people_were_asked_in_one_wording_and_are_not_limited_by_it() -> None:
    limited = {"population": "human", "limits": ["wording-limited"]}
    assert verdicts.against_population(limited) == []
    assert verdicts.against_population({**limited, "population": "model"})
