"""Games from a specification to the curve that is fitted: known players are found again, people's figures are read."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from replicator import design, resources, specification, theories
from replicator.engines.engine import Question
from replicator.engines.participants import open_participants
from replicator.errors import SpecError
from replicator.experiment import Experiment
from replicator.inference.data import ChoiceData, choice_data, from_shares
from replicator.inference.geometry import geometry
from replicator.inference.structure import structure
from replicator.inference.tabulation import sensitivity_unit, stake
from replicator.references import references

DILEMMA: dict[str, Any] = {
    "name": "two-by-two", "title": "Games of two actions", "family": "strategic", "version": 1,
    "citation": {"authors": "Me, A.", "year": 2026},
    "items": [
        {"id": "dilemma", "a": 3, "b": 0, "c": 5, "d": 1, "e": 3, "f": 5, "g": 0, "h": 1},
        {"id": "stag-hunt", "a": 4, "b": 0, "c": 3, "d": 3, "e": 4, "f": 3, "g": 0, "h": 3},
        {"id": "pennies", "a": 9, "b": 0, "c": 0, "d": 1, "e": 0, "f": 1, "g": 1, "h": 0},
    ],
    "options": {
        "upper": {"text": "{{ a }} or {{ b }}", "outcomes": [
            {"amount": "a", "state": "left"}, {"amount": "b", "state": "right"},
            {"amount": "e", "state": "left", "to": "other"}, {"amount": "f", "state": "right", "to": "other"}]},
        "lower": {"text": "{{ c }} or {{ d }}", "outcomes": [
            {"amount": "c", "state": "left"}, {"amount": "d", "state": "right"},
            {"amount": "g", "state": "left", "to": "other"}, {"amount": "h", "state": "right", "to": "other"}]},
    },
    "unit": "points",
    "prompt": {
        "wordings": {"plain": "Two play.\n\n{{ options }}\n\nAnswer {{ labels }}."},
        "shared_wordings": "strategic",
    },
    "response": {"type": "choice"},
    "presentation": {"order": "all", "labels": [["A", "B"]]},
    "analysis": {"primary": {"theory": "quantal-response", "noise": "none", "parameter": "precision", "rope": 1}},
}  # fmt: skip


def read(document: Mapping[str, Any], folder: Path) -> Experiment:
    path = folder / "spec.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return specification.load(path)


def answered(experiment: Experiment, theory: str, **arguments: float) -> ChoiceData:
    """All questions as one player answers them, with exact probabilities."""
    asked = [trial for trial in design.trials(experiment) if trial.check is None]
    written = {name: str(value) for name, value in arguments.items()}
    player = open_participants(f"participants:{theory}", written, experiment=experiment, name="player")
    answers = list(player.answer([Question(trial, None) for trial in asked]))  # type: ignore[arg-type]
    rows = [
        {
            "item": trial.item, "condition": trial.condition, "wording": trial.wording,
            "labels": "|".join(trial.labels), "order": "|".join(trial.displayed), "subject": None,
            "elicitation": "probability",
            "options": list(trial.options), "probabilities": list(answer.probabilities or ()),
            **{f"stimulus.{name}": value for name, value in trial.stimulus.items()},
        }
        for trial, answer in zip(asked, answers, strict=True)
    ]  # fmt: skip
    cells = {
        (trial.item, trial.condition): [
            {
                "option": o.option, "amount": o.amount, "to": o.to, "delay": o.delay, "unit": o.unit,
                "probability_low": o.probability_low, "probability_high": o.probability_high, "state": o.state,
                "status_quo": o.status_quo,
            }
            for o in trial.outcomes
        ]
        for trial in asked
    }  # fmt: skip
    return choice_data(pd.DataFrame(rows), cells, "wording")


def optimum(theory: str, data: ChoiceData) -> dict[str, float]:
    """Where the sampler would start: the parameters, on their natural scale, that fit the answers of all best."""
    shape = structure(theory, "none", data, intercept=False)
    units = sensitivity_unit("none", data.stimuli, data.condition)
    found = geometry(shape, data, stake=stake(data.stimuli, data.condition), sensitivity_unit=units).start
    return {p.name: float(np.exp(found[f"{p.name}_first"])) for p in theories.get(theory).parameters}


@pytest.mark.parametrize("tau", [0.5, 1.5, 3.0])
def test_steps_and_spread_are_found_in_the_beauty_contest(tau: float) -> None:
    data = answered(specification.find("beauty-contest"), "cognitive-hierarchy", tau=tau, s=0.06, lapse=0.02)
    assert optimum("cognitive-hierarchy", data) == pytest.approx(
        {"thinking_steps": tau, "response_spread": 0.06}, rel=0.02
    )


@pytest.mark.parametrize("tau", [0.7, 2.4])
def test_steps_and_precision_are_found_in_the_money_request_game(tau: float) -> None:
    data = answered(specification.find("money-request"), "level-k", tau=tau, lapse=0.02, **{"lambda": 12.0})
    assert optimum("level-k", data) == pytest.approx({"thinking_steps": tau, "precision": 12.0}, rel=0.02)


def test_precision_is_found_in_games_whatever_the_position_adds(tmp_path: Path) -> None:
    data = answered(read(DILEMMA, tmp_path), "quantal-response", lapse=0.02, position=0.8, **{"lambda": 5.0})
    assert data.position is not None
    assert optimum("quantal-response", data)["precision"] == pytest.approx(5.0, rel=0.03)


def test_published_requests_are_read_and_the_simulated_people_are_their_best_account() -> None:
    """The population of `priors/humans` maximises the likelihood of the published shares."""
    experiment, published = specification.find("money-request"), references()["ar12_dist"]
    assert published.items is not None
    data = from_shares(experiment, published.items, 108, {}, "all")
    assert data.counts.sum() == pytest.approx(108, abs=2)
    shares = np.array([published.items["bonus-20"][option] for option in data.options])
    trial = next(t for t in design.trials(experiment) if t.item == "bonus-20")

    def likelihood(tau: float, precision: float, lapse: float) -> float:
        given = {"tau": str(tau), "lambda": str(precision), "lapse": str(lapse)}
        player = open_participants("participants:level-k", given, experiment=experiment, name="p")
        answer = next(iter(player.answer([Question(trial, None)])))  # type: ignore[arg-type]
        return float(shares @ np.log(answer.probabilities))

    best = likelihood(2.42, 15.0, 0.182)
    for away in ((2.7, 15.0, 0.182), (2.2, 15.0, 0.182), (2.42, 22.0, 0.182), (2.42, 10.0, 0.182), (2.42, 15.0, 0.25)):
        assert likelihood(*away) < best


def test_people_of_the_beauty_contest_answer_near_what_was_published() -> None:
    """Level means of Nagel 1995 at 1/2, 2/3 and 4/3 are 27, 37 and 60; tau comes from other games."""
    experiment = specification.find("beauty-contest")
    people = open_participants("participants:human", {}, experiment=experiment, name="people")
    means = {}
    for trial in design.trials(experiment):
        if trial.check is None and trial.wording == "plain":
            answer = next(iter(people.answer([Question(trial, None)])))  # type: ignore[arg-type]
            means[trial.item] = float(np.dot([float(option) for option in trial.options], answer.probabilities or ()))
    assert means["one-half"] == pytest.approx(27.05, abs=6)
    assert means["two-thirds"] == pytest.approx(36.73, abs=6)
    assert means["four-thirds"] == pytest.approx(60.12, abs=12)
    assert list(means.values()) == sorted(means.values())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s["options"]["upper"]["outcomes"].pop(1), '"upper" against the other\'s "right" gives nothing'),
        (
            lambda s: s["options"].update(middle=copy.deepcopy(s["options"]["upper"])),
            "two actions of each player, and there are 3 and 2",
        ),
        (
            lambda s: [o.pop("state") for option in s["options"].values() for o in option["outcomes"]],
            "probabilities to self sum to 2",
        ),
        (
            lambda s: s["options"]["upper"]["outcomes"][0].update(probability=0.5),
            'in the state "left" sum to 0.5',
        ),
        (
            lambda s: s["analysis"]["primary"].update(theory="crra", noise="contextual", parameter="risk_aversion"),
            'Theories that read it: "quantal-response"',
        ),
    ],
)
def test_a_game_that_cannot_be_read_is_refused_before_it_is_asked(
    change: Callable[[dict[str, Any]], Any], words: str, tmp_path: Path
) -> None:
    document = copy.deepcopy(DILEMMA)
    change(document)
    with pytest.raises(SpecError) as caught:
        read(document, tmp_path)
    assert any(words in str(fault) for fault in caught.value.faults), [str(fault) for fault in caught.value.faults]


def test_a_theory_of_numbers_names_the_variable_and_the_grid_that_it_misses(tmp_path: Path) -> None:
    document = json.loads(resources.experiment_files()["beauty-contest"].read_text(encoding="utf-8"))
    for item in document["items"]:
        item["fraction"] = item.pop("p")
    for check in document["checks"]:
        check["variables"]["fraction"] = check["variables"].pop("p")
    with pytest.raises(SpecError, match='reads the number "p", and no item or factor declares it'):
        read(document, tmp_path)
    document = json.loads(resources.experiment_files()["beauty-contest"].read_text(encoding="utf-8"))
    document["response"] = {"type": "number"}
    with pytest.raises(SpecError) as caught:
        read(document, tmp_path)
    assert any("numbers on a grid" in str(fault) for fault in caught.value.faults)
