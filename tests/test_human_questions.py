"""The three questions about people: like with like or not at all, and each its own statistic."""

from __future__ import annotations

import dataclasses
import math
from statistics import NormalDist
from typing import Any

import pytest

from replicator import human_questions
from replicator.human_questions import Setting
from replicator.references import Reference

PEOPLE = Reference(
    id="people",
    family="risky-choice",
    parameter="risk_aversion",
    symbol="r",
    definition="CRRA coefficient",
    estimand="typical_person",
    statistic="mean",
    value=0.46,
    standard_error=0.03,
    between_study_sd=0.16,
    between_study_basis="data",
    person_sd=0.58,
    person_basis="data",
    spread_scale="identity",
    distribution=None,
    n_participants=4947,
    n_studies=37,
    items=None,
    conditions={"stakes": [1]},
    theory="crra",
    noise=None,
    intercept=None,
    stimulus_range=None,
    incentive="real",
    sample="students",
    design="ten rows",
    status="verified",
    evidence="recomputed",
    citation={
        "authors": "Filippin, A.; Crosetto, P.",
        "year": 2016,
        "title": "T",
        "journal": "J",
        "doi": "10.1/x",
        "doi_status": "seen",
    },
    notes="",
    experiment="holt-laury",
)
SETTING = Setting(levels={"stakes": 1}, ranges={"p": (0.1, 1.0)}, rope=0.1, obstacle=None)
POPULATION = {"valid_share": 1.0, "label_mass": 0.9, "limits": []}


def estimate(**changes: Any) -> dict[str, Any]:
    return {
        "population": "m",
        "theory": "crra",
        "noise": "contextual",
        "condition": "stakes=1",
        "parameter": "risk_aversion",
        "estimand": "typical_person",
        "pooling": "partial",
        "intercept": False,
        "mean": 0.5,
        "sd": 0.04,
        "interval": [0.42, 0.58],
        "contraction": 0.98,
        "identified": True,
        "why_not": None,
        "diagnostics": {"passed": True},
        "person_sd": None,
    } | changes


def ask(own: dict[str, Any] | None = None, setting: Setting = SETTING, **reference: Any) -> dict[str, dict[str, Any]]:
    entries = human_questions.beside_reference(own or estimate(), dataclasses.replace(PEOPLE, **reference), setting)
    return {entry["question"]: entry for entry in entries}


def reasons(answers: dict[str, dict[str, Any]]) -> list[str]:
    assert not any(answer["available"] for answer in answers.values())
    assert all(answer[key] is None for answer in answers.values() for key in ("difference", "rank", "percentile"))
    return [answer["why_not"] for answer in answers.values()]


def test_the_mean_adds_both_standard_errors() -> None:
    answer = ask()["mean"]
    assert answer["available"]
    assert answer["difference"]["mean"] == pytest.approx(0.04)
    # sd of the difference: sqrt(.04^2 + .03^2) = .05
    assert answer["difference"]["interval"] == pytest.approx([0.04 - 0.098, 0.04 + 0.098], abs=1e-4)
    inside = NormalDist(0.04, 0.05)
    expected = inside.cdf(0.1) - inside.cdf(-0.1)
    assert answer["difference"]["probability_in_rope"] == pytest.approx(expected)
    assert answer["rank"] is None
    assert answer["percentile"] is None


def test_the_study_question_ranks_among_new_studies_not_around_the_mean() -> None:
    answer = ask(estimate(mean=0.46 + math.hypot(0.16, 0.03)))["study"]
    assert answer["rank"] == pytest.approx(NormalDist().cdf(1.0))
    assert answer["interval"] == pytest.approx([0.46 - 0.319, 0.46 + 0.319], abs=1e-3)
    assert answer["difference"] is None


def test_the_person_question_places_among_people_and_compares_spreads() -> None:
    answer = ask(estimate(mean=0.46 + 0.58, person_sd=0.29))["person"]
    assert answer["percentile"] == pytest.approx(84.13, abs=0.01)
    assert answer["variance_ratio"] == pytest.approx(0.25)
    assert ask()["person"]["variance_ratio"] is None


def test_the_three_questions_can_answer_differently() -> None:
    """A precise estimate off the mean differs from it for certain, and is an ordinary study and person."""
    answers = ask(estimate(mean=0.62, sd=0.01, interval=[0.60, 0.64]))
    assert answers["mean"]["difference"]["interval"][0] > 0.0
    assert 0.05 < answers["study"]["rank"] < 0.95
    assert 25.0 < answers["person"]["percentile"] < 75.0


def test_a_rank_among_studies_needs_a_spread_from_data() -> None:
    judged = ask(between_study_basis="judgement")["study"]
    assert not judged["available"]
    assert "judgement" in judged["why_not"]
    assert not ask(between_study_sd=None, between_study_basis="none")["study"]["available"]


def test_a_percentile_may_rest_on_a_judgement_if_it_says_so() -> None:
    answer = ask(person_basis="judgement")["person"]
    assert answer["available"]
    assert answer["spread_basis"] == "judgement"


def test_without_a_standard_error_the_mean_is_not_compared() -> None:
    answer = ask(standard_error=None)["mean"]
    assert not answer["available"]
    assert "standard error" in answer["why_not"]
    assert not ask(estimate(sd=None))["mean"]["available"]


def test_a_model_without_personas_never_meets_the_typical_person() -> None:
    for why in reasons(ask(estimate(estimand="representative_agent"))):
        assert "import" in why
        assert "pooled" in why


def test_a_representative_agent_has_no_percentile_even_among_like_references() -> None:
    answers = ask(estimate(estimand="representative_agent"), estimand="representative_agent")
    assert answers["mean"]["available"]
    assert not answers["person"]["available"]


@pytest.mark.parametrize(
    ("own", "reference", "word"),
    [
        ({}, {"conditions": {"stakes": [20]}}, "stakes=20"),
        ({}, {"theory": "loss-aversion"}, "loss-aversion"),
        ({}, {"intercept": True}, "intercept"),
        ({}, {"stimulus_range": {"p": [0.1, 0.5]}}, "ran from"),
        ({}, {"value": None}, "no single value"),
        ({}, {"estimand": "other"}, "mixture"),
        ({"identified": False, "why_not": "no loss was offered"}, {}, "no loss was offered"),
        ({"mean": None}, {}, "not identified"),
    ],
)
def test_what_is_unlike_or_unknown_is_refused_with_its_reason(
    own: dict[str, Any], reference: dict[str, Any], word: str
) -> None:
    made = estimate(**own)
    setting = dataclasses.replace(SETTING, obstacle=human_questions.obstacle(made, POPULATION))
    assert all(word in why for why in reasons(ask(made, setting, **reference)))


def test_levels_are_compared_as_numbers() -> None:
    setting = dataclasses.replace(SETTING, levels={"stakes": 1.0})
    assert ask(setting=setting)["mean"]["available"]


def test_an_estimate_that_pools_conditions_is_unlike_a_reference_tied_to_one() -> None:
    assert "all" in reasons(ask(estimate(condition="all"), dataclasses.replace(SETTING, levels={})))[0]


@pytest.mark.parametrize(
    ("own", "population", "word"),
    [
        ({"contraction": 0.4}, {}, "prior"),
        ({"diagnostics": {"passed": False}}, {}, "diagnostics"),
        ({"identified": False}, {}, "identified"),
        ({}, {"valid_share": 0.5}, "valid"),
        ({}, {"limits": ["low-label-mass"]}, "probability"),
        ({}, {"limits": ["random-weights"]}, "random"),
    ],
)
def test_no_verdict_where_the_estimate_says_little(own: dict[str, Any], population: dict[str, Any], word: str) -> None:
    assert word in str(human_questions.obstacle(estimate(**own), POPULATION | population))


def test_a_sound_estimate_meets_no_obstacle() -> None:
    assert human_questions.obstacle(estimate(), POPULATION) is None
    # Maximum likelihood has no prior and so no contraction.
    assert human_questions.obstacle(estimate(contraction=None, pooling="none"), POPULATION) is None


def test_spreads_on_the_logarithm_make_a_lognormal() -> None:
    own = estimate(parameter="loss_aversion", mean=2.0 * math.exp(0.5), person_sd=1.0)
    answer = ask(own, value=2.0, person_sd=0.5, spread_scale="log")["person"]
    assert answer["percentile"] == pytest.approx(84.13, abs=0.01)
    assert answer["interval"] == pytest.approx([2.0 * math.exp(-0.98), 2.0 * math.exp(0.98)], rel=1e-3)
    natural = 2.0 * math.exp(0.125) * math.sqrt(math.exp(0.25) - 1.0)
    assert answer["variance_ratio"] == pytest.approx((1.0 / natural) ** 2)


def test_a_rope_is_optional_and_a_point_is_in_or_out() -> None:
    free = ask(setting=dataclasses.replace(SETTING, rope=None))["mean"]["difference"]
    assert (free["rope"], free["probability_in_rope"]) == (None, None)


def test_caveats_name_what_is_unlike_without_forbidding() -> None:
    answer = ask(noise="logit", status="memory", setting=dataclasses.replace(SETTING, incentive="hypothetical"))
    words = " ".join(answer["mean"]["caveats"])
    assert answer["mean"]["available"]
    for word in ("logit", "paid", "memory"):
        assert word in words


@pytest.mark.parametrize(
    ("authors", "expected"),
    [
        ("Engel, C.", "Engel 2016"),
        ("Filippin, A.; Crosetto, P.", "Filippin & Crosetto 2016"),
        ("Andersen, S.; Harrison, G.W.; Lau, M.I.", "Andersen et al. 2016"),
        ("Sokol-Hessner, P. et al.", "Sokol-Hessner et al. 2016"),
    ],
)
def test_references_are_labelled_as_economists_cite_them(authors: str, expected: str) -> None:
    reference = dataclasses.replace(PEOPLE, citation={**PEOPLE.citation, "authors": authors})
    assert human_questions.label(reference) == expected
