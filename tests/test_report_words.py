"""What the summary says, and what it never says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from report_runs import results

from replicator.compare import beside
from replicator.report import words
from replicator.report.formats import interval_text, number, percent, signed


def of(document: dict[str, Any], name: str) -> str:
    """The summary's paragraph on one population."""
    return next(line for line in words.summary(document) if line.startswith(name))


def population(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(p for p in document["populations"] if p["name"] == name)
    return found


def test_one_paragraph_for_every_population_in_order() -> None:
    document = results("holt-laury")
    lines = words.summary(document)
    assert len(lines) == len(document["populations"])
    for line, one in zip(lines, document["populations"], strict=True):
        assert line.startswith(one["name"])


def test_summary_says_plainly_what_each_population_is() -> None:
    document = results("holt-laury")
    assert "simulated people" in of(document, "participants:human")
    assert "nobody was asked" in of(document, "participants:human")
    assert "not a language model" in of(document, "participants:expected-value")
    assert "does not choose meaningfully" in of(document, "checkpoints/random-gpt2")
    assert "16 people, recorded choices" in of(results("mixed-gambles-people"), "Tom")


def test_agreement_needs_the_probability_of_the_declared_margin() -> None:
    gap = {"mean": -0.01, "interval": [-0.09, 0.07], "probability_in_rope": 0.97, "rope": 0.1}
    assert "agrees" in words.difference_words(gap)
    overlapping = {**gap, "interval": [-0.4, 0.4], "probability_in_rope": 0.4}
    assert "agrees" not in words.difference_words(overlapping)
    assert "nor shown to agree" in words.difference_words(overlapping)
    undeclared = {**gap, "probability_in_rope": None, "rope": None}
    assert "agrees" not in words.difference_words(undeclared)


@pytest.mark.parametrize(("mean", "way"), [(0.63, "higher"), (-0.63, "lower")])
def test_a_clear_difference_has_a_direction(mean: float, way: str) -> None:
    gap = {"mean": mean, "interval": [mean - 0.4, mean + 0.4], "probability_in_rope": 0.02, "rope": 0.1}
    text = words.difference_words(gap)
    assert f"is {way} than people's" in text
    assert "perhaps" not in text
    assert "perhaps" in words.difference_words({**gap, "probability_in_rope": 0.3})


VERDICT = re.compile(r"agrees with|higher than|lower than|nor shown to agree|Risk aversion r \(")


def test_the_healthy_population_gets_a_verdict() -> None:
    assert VERDICT.search(of(results("holt-laury"), "participants:human"))


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ({"valid_share": 0.79}, "only 79% of its answers are valid"),
        ({"label_mass": 0.49}, "too little of its probability"),
        ({"limits": ["low-label-mass"]}, "too little of its probability"),
        ({"limits": ["wording-limited"]}, "wording-limited"),
        ({"facts": {"random_weights": True}, "population": "model"}, "weights are random"),
    ],
)
def test_no_verdict_on_a_population_whose_answers_cannot_be_believed(edit: dict[str, Any], reason: str) -> None:
    document = results("holt-laury")
    population(document, "participants:human").update(edit)
    line = of(document, "participants:human")
    assert reason in line
    assert not VERDICT.search(line)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ({"identified": False, "why_not": "the gambles do not differ"}, "the gambles do not differ"),
        ({"diagnostics": {"passed": False}}, "diagnostics failed"),
        ({"contraction": 0.3}, "little more than its prior"),
    ],
)
def test_cannot_tell_where_the_estimate_does_not_speak(edit: dict[str, Any], reason: str) -> None:
    document = results("holt-laury")
    for estimate in document["estimates"]:
        if estimate["population"] == "participants:human":
            estimate.update(edit)
    line = of(document, "participants:human")
    assert "Cannot tell its risk aversion r" in line
    assert reason in line
    assert not VERDICT.search(line)


def test_a_deterministic_chooser_gets_its_consistent_set() -> None:
    assert "Every value from −0.15 to 0.15" in of(results("holt-laury"), "participants:expected-value")


def test_an_always_first_responder_is_caught_by_its_position_bias() -> None:
    document = results("holt-laury")
    assert "displayed first" in of(document, "participants:always-first")
    assert "displayed" not in of(document, "participants:human")


def test_no_variation_is_said_with_its_bound() -> None:
    line = of(results("dictator-gpt4"), "GPT-4")
    assert "gave 50 of 100 on average" in line
    assert "no variation in 30" in line
    assert "9.5%" in line


def test_people_of_one_run_stand_beside_the_model_of_another() -> None:
    document = beside([results("dictator-people"), results("dictator-gpt4")])
    assert re.search(r"GPT-4 .*; people gave 29", of(document, "GPT-4"))


def test_the_mean_of_people_counts_their_rarest_gifts() -> None:
    """Amounts too rare to be listed still count: the mean is the results' own."""
    document = beside([results("dictator-people"), results("dictator-gpt4")])
    document["amounts"][0]["mean"] = 25.86
    assert "people gave 25.9" in of(document, "GPT-4")


def test_a_model_that_hardly_answers_is_said_to() -> None:
    document = results("holt-laury")
    for row in document["choices"]:
        row.update(share=None, interval=None)
    said = of(document, "checkpoints/random-gpt2")
    assert "does not choose meaningfully" in said
    assert "so little probability on its options (0.3% on average)" in said


def test_simulated_people_are_never_called_people() -> None:
    document = results("holt-laury")
    for row in document["choices"]:
        row["reference"] = "population:participants:human" if row["human_share"] is not None else None
    assert "simulated people 57%" in of(document, "participants:expected-value")


def test_a_population_without_an_answer_has_a_sentence() -> None:
    document = results("holt-laury")
    for row in document["choices"]:
        row.update(share=None, interval=None)
    assert all("no answer" in line for line in words.summary(document))


def test_missing_optional_keys_are_no_error() -> None:
    """Populations and estimates with only what the design names."""
    document = {
        "experiment": "x",
        "populations": [{"name": "a", "population": "model"}],
        "choices": [{"population": "a", "item": "i", "condition": "all", "option": "yes", "share": 0.5}],
        "estimates": [],
    }
    assert words.summary(document) == [
        "a (a language model) chose yes 50% of the time over 1 question. No planned estimate was made."
    ]


# Numbers


def test_numbers_are_readable() -> None:
    assert [number(x) for x in (1.937, 13232, -0.4, 0.0, None, float("nan"))] == [
        "1.94",
        "13,232",
        "−0.4",
        "0",
        "–",
        "–",
    ]
    assert [percent(x) for x in (0.955, 0.3, 1.0, 0.9999, 0.0002)] == [
        "95.5%", "30%", "100%", "more than 99.9%", "less than 0.1%",
    ]  # fmt: skip
    assert signed(0.12) == "+0.12"
    assert signed(-0.3) == "−0.3"
    assert interval_text([None, 0.3]) == "– to 0.3"


def test_a_forecast_is_named_as_one_and_gives_no_verdict_about_the_model() -> None:
    document = results("holt-laury")
    model = population(document, "participants:expected-value")
    model |= {"population": "model", "elicitation": ["verbalised"], "limits": ["forecast"], "comprehension": None}
    said = of(document, model["name"])
    assert "a language model's forecast of people" in said
    assert "forecasts that people choose safe" in said
    assert "No verdict about its behaviour: it says what people do" in said
    assert not re.search(r"risk aversion r|\bchose\b", said.split("; people")[0])


def test_runs_that_differ_in_how_was_asked_are_told_apart_by_it() -> None:
    """Of the same way of asking, by the run's number."""
    asked = ["probability", "reasoning", "verbalised", "verbalised"]
    several = []
    for how in asked:
        one = results("holt-laury")
        for entry in one["populations"]:
            entry["elicitation"] = [how]
        several.append(one)
    names = [p["name"] for p in beside(several)["populations"] if p["name"].startswith("participants:expected-value")]
    assert names == [
        "participants:expected-value, probability",
        "participants:expected-value, reasoning",
        "participants:expected-value [3]",
        "participants:expected-value [4]",
    ]
