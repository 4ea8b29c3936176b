"""Simulated choosers answer experiments whose answers are amounts, numbers and divisions, each by its theory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from replicator import design, specification
from replicator.engines import open_engine
from replicator.engines.engine import Question
from replicator.errors import SpecError, UsageError
from replicator.experiment import Experiment
from replicator.theories import THEORIES

Spec = dict[str, Any]


def spec(name: str, family: str, theory: str, response: Spec, items: list[Spec], outcomes: list[Spec]) -> Spec:
    noise = THEORIES[theory].noises[0]
    return {
        "name": name,
        "title": name.replace("-", " ").capitalize(),
        "family": family,
        "version": 1,
        "citation": {"authors": "Someone, A.", "year": 1990},
        "items": [{"id": f"item-{i}", **item} for i, item in enumerate(items)],
        "options": {"answer": {"outcomes": outcomes}},
        "unit": "USD",
        "prompt": {"wordings": {"plain": "How much do you choose, from {{ minimum }} to {{ maximum }}?"}},
        "response": response,
        "analysis": {
            "primary": {"theory": theory, "noise": noise, "parameter": THEORIES[theory].estimated[0]},
        },
    }


AMOUNT: Spec = {"type": "amount", "min": 0, "max": 100, "step": 1}
NUMBER: Spec = {"type": "number", "min": 0, "max": 100, "step": 1}
DIVISION: Spec = {"type": "allocation", "total": 100, "step": 5, "to": ["sooner", "later"]}

BOXES = spec(
    "boxes", "risky-choice", "crra", AMOUNT, [{}],
    [{"amount": "answer", "probability": "1 - answer / 100"}, {"amount": 0, "probability": "answer / 100"}],
)  # fmt: skip
INVESTMENTS = spec(
    "investments", "risky-choice", "crra", AMOUNT, [{"factor": 2.5}],
    [
        {"amount": "100 - answer + factor * answer", "probability": 0.5},
        {"amount": "100 - answer", "probability": 0.5},
    ],
)  # fmt: skip
PRICES = spec(
    "prices", "risky-choice", "certainty-equivalent", NUMBER, [{"p": 0.5}],
    [{"amount": 100, "probability": "p"}, {"amount": 0, "probability": "1 - p"}],
)  # fmt: skip
BUDGETS = spec(
    "budgets", "intertemporal-choice", "convex-budget", DIVISION, [{"rate": 1.15, "days": 70}],
    [{"amount": "sooner"}, {"amount": "rate * later", "delay": "days"}],
)  # fmt: skip
BUDGETS["prompt"]["wordings"]["plain"] = "Divide {{ total }} in steps of {{ step }}: {{ accounts }} {{ form }}."
GIVING = spec(
    "giving-at-a-price", "social-preference", "ces", AMOUNT, [{"factor": 1.0}, {"factor": 3.0}],
    [{"amount": "100 - answer"}, {"amount": "factor * answer", "to": "other"}],
)  # fmt: skip
SENDING = spec(
    "sending", "social-preference", "trust", AMOUNT, [{"factor": 1.5}, {"factor": 3.0}],
    [{"amount": "100 - answer"}, {"amount": "factor * answer", "to": "other"}],
)  # fmt: skip
POT = spec(
    "common-pot", "social-preference", "conditional-cooperation", NUMBER, [{"others": 0}, {"others": 50}],
    [{"amount": "100 - answer + 0.4 * (answer + 3 * others)"}],
)  # fmt: skip


def loaded(document: Spec, folder: Path) -> Experiment:
    path = folder / f"{document['name']}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return specification.load(path)


def answers(experiment: Experiment, model: str, arguments: Mapping[str, str]) -> dict[str, tuple[str, float]]:
    """Item -> the most frequent answer and, of numbers, the mean one."""
    engine = open_engine(model, arguments, experiment=experiment)
    found = {}
    for trial in design.trials(experiment):
        (answer,) = engine.answer([Question(trial, None)])  # type: ignore[arg-type]
        assert answer.probabilities is not None
        p = np.array(answer.probabilities)
        numbers = np.array([float(option.split(", ")[0]) for option in trial.options])
        found[trial.item] = (trial.options[int(p.argmax())], float(p @ numbers))
    return found


@pytest.mark.parametrize(("r", "boxes"), [("0", "50"), ("0.5", "33"), ("-0.5", "60")])
def test_boxes_are_collected_by_constant_relative_risk_aversion(r: str, boxes: str, tmp_path: Path) -> None:
    found = answers(loaded(BOXES, tmp_path), "participants:crra", {"r": r, "noise": "400"})
    assert found["item-0"][0] == boxes


def test_the_risk_averse_invest_a_part_and_the_neutral_everything(tmp_path: Path) -> None:
    experiment = loaded(INVESTMENTS, tmp_path)
    averse = answers(experiment, "participants:crra", {"r": "0.8", "noise": "400"})["item-0"]
    ratio = (1 / 1.5) ** (1 / 0.8)
    assert averse[0] == str(round(100 * (1 - ratio) / (1 + 1.5 * ratio)))
    assert answers(experiment, "participants:expected-value", {"noise": "400"})["item-0"][0] == "100"
    assert answers(experiment, "participants:expected-value", {})["item-0"] == ("100", 100.0)


def test_prices_stated_scatter_around_the_certainty_equivalent(tmp_path: Path) -> None:
    found = answers(loaded(PRICES, tmp_path), "participants:certainty-equivalent", {"r": "0.5", "noise": "300"})
    assert found["item-0"][0] == "25"
    assert found["item-0"][1] == pytest.approx(25, abs=0.1)


@pytest.mark.parametrize(
    ("alpha", "beta", "division"), [("0.5", "1", "45, 55"), ("1.2", "1", "0, 100"), ("1.2", "0.5", "100, 0")]
)
def test_budgets_are_divided_or_put_into_a_corner(alpha: str, beta: str, division: str, tmp_path: Path) -> None:
    arguments = {"alpha": alpha, "beta": beta, "d": "0.05", "noise": "2000"}
    assert answers(loaded(BUDGETS, tmp_path), "participants:convex-budget", arguments)["item-0"][0] == division


def test_giving_falls_with_its_price_as_the_elasticity_says(tmp_path: Path) -> None:
    """Complements give more where giving is dear, substitutes where it is cheap."""
    experiment = loaded(GIVING, tmp_path)
    for sigma, more in (("0.5", False), ("2", True)):
        found = answers(experiment, "participants:ces", {"a": "0.7", "sigma": sigma, "noise": "500"})
        assert (found["item-1"][1] > found["item-0"][1]) == more
    selfish = answers(experiment, "participants:ces", {"noise": "200"})
    assert {kept for kept, _ in selfish.values()} == {"0"}


def test_the_hopeful_send_where_it_is_multiplied_enough(tmp_path: Path) -> None:
    found = answers(loaded(SENDING, tmp_path), "participants:trust", {"e": "0.5", "noise": "50"})
    assert [found[item][0] for item in ("item-0", "item-1")] == ["0", "100"]


def test_conditional_cooperators_follow_and_free_riders_do_not(tmp_path: Path) -> None:
    experiment = loaded(POT, tmp_path)
    follows = answers(experiment, "participants:conditional-cooperation", {"a": "0.1", "b": "0.6", "noise": "200"})
    assert [follows[item][0] for item in ("item-0", "item-1")] == ["10", "40"]
    free = answers(experiment, "participants:conditional-cooperation", {"noise": "200"})
    assert {given for given, _ in free.values()} == {"0"}


def test_what_a_theory_of_numbers_misses_is_told_in_the_specification(tmp_path: Path) -> None:
    document = json.loads(json.dumps(POT))
    for item in document["items"]:
        item["peers"] = item.pop("others")
    document["options"]["answer"]["outcomes"] = [{"amount": "100 - answer + 0.4 * (answer + 3 * peers)"}]
    with pytest.raises(SpecError, match='reads the number "others"'):
        loaded(document, tmp_path)


def test_risk_aversion_that_grows_with_stakes_counts_in_the_largest_amount(tmp_path: Path) -> None:
    """Whatever the currency; a figure in dollars is told its stake of one dollar."""
    document = json.loads(json.dumps(INVESTMENTS))
    document["items"] = [
        {"id": "small", "factor": 2.5, "unit_of_pay": 1},
        {"id": "large", "factor": 2.5, "unit_of_pay": 50},
    ]
    for outcome in document["options"]["answer"]["outcomes"]:
        outcome["amount"] = f"unit_of_pay * ({outcome['amount']})"
    document["analysis"]["primary"] = {"theory": "expo-power", "noise": "contextual", "parameter": "risk_aversion"}
    experiment = loaded(document, tmp_path)
    arguments = {"r": "0.3", "a": "2", "noise": "400"}
    largest = answers(experiment, "participants:expo-power", arguments)
    assert largest["large"][1] < largest["small"][1] - 10
    again = answers(experiment, "participants:expo-power", {**arguments, "stake": "12500"})
    assert again == largest
    in_dollars = {**arguments, "a": str(2 / 12500**0.7), "stake": "1"}
    for item, (given, mean) in answers(experiment, "participants:expo-power", in_dollars).items():
        assert given == largest[item][0]
        assert mean == pytest.approx(largest[item][1])


@pytest.mark.parametrize(
    ("model", "argument"),
    [("discounted-utility", "r=1.2"), ("rank-dependent-tk", "c=0.2"), ("expo-power", "a=-1"), ("crra", "stake=2")],
)
def test_parameters_beyond_a_theorys_sense_are_refused(model: str, argument: str, tmp_path: Path) -> None:
    name, value = argument.split("=")
    experiment = loaded(BOXES, tmp_path)
    with pytest.raises(UsageError, match=rf"{name}={value} is impossible|has no argument"):
        open_engine(f"participants:{model}", {name: value}, experiment=experiment)
