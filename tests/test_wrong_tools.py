"""What a wrong tool would say: responders that follow a rule of one line get the right words, through the pipeline.

Nothing is sampled here: who always answers the same, or with certainty, leaves nothing to sample. Rules that err are
held against what a theory can produce in `test_criticism`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from choice_designs import answered, by_wording, made, random_stimuli
from watchers import Silent

from replicator import compare, pipeline, resources, specification, theories
from replicator.experiment import Experiment, Fit
from replicator.inference import builder, choice_fits
from replicator.inference.data import choice_data
from replicator.inference.entries import Label
from replicator.inference.estimate import estimate_run
from replicator.inference.identification import judge
from replicator.inference.jobs import Job
from replicator.inference.replay import Replay
from replicator.inference.structure import structure
from replicator.report.words import summary
from replicator.runs import Run
from replicator.shares import usable

ODDS = [(0.6, 2.9), (0.7, 2.6), (0.8, 2.4), (0.9, 2.2), (0.1, 40.0), (0.2, 30.0), (0.3, 20.0), (0.4, 20.0)]
"""Chance and prize against 2 for sure: the likelier winner is the worse gamble in every one of them."""


def planned(name: str, folder: Path, **parts: Any) -> Experiment:
    """A shipped experiment without references, so that only those who answer here are estimated."""
    document = json.loads(resources.experiment_files()[name].read_text(encoding="utf-8"))
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document | {"humans": [], "checks": []} | parts), encoding="utf-8")
    return specification.load(path)


def one_against_another(folder: Path) -> Experiment:
    """2 for sure, or a chance of a prize: who counts which pays more often cannot be a utility maximiser."""
    options = {
        "safe": {"outcomes": [{"probability": "1", "amount": "2.00 * stakes"}]},
        "risky": {
            "outcomes": [
                {"probability": "p", "amount": "prize * stakes"},
                {"probability": "1 - p", "amount": "0.10 * stakes"},
            ]
        },
    }
    items = [{"id": f"row-{i + 1}", "p": p, "prize": prize} for i, (p, prize) in enumerate(ODDS)]
    return planned("holt-laury", folder, options=options, items=items)


def results(experiment: Experiment, folder: Path, *responders: str, **levels: Any) -> dict[str, Any]:
    requests = tuple(pipeline.ModelRequest(f"participants:{name}", {}) for name in responders)
    run = pipeline.collect_choices(pipeline.Request(experiment, requests, levels), folder, Silent())
    estimate_run(run)
    return compare.compare(run)


def told(found: dict[str, Any], responder: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    """The estimates, the fits and the summary of one responder."""
    name = f"participants:{responder}"
    (words,) = [line for line in summary(found) if line.startswith(name)]
    return (
        [e for e in found["estimates"] if e["population"] == name],
        [f for f in found["fits"] if f["population"] == name],
        words,
    )


@pytest.fixture(scope="module")
def lotteries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("lotteries")
    names = ("uniform", "always-first", "always-safe", "always-50", "expected-value", "refuses-losses", "majority")
    return results(one_against_another(folder), folder / "run", *names, stakes=[1])


@pytest.mark.parametrize(
    ("responder", "why_not"),
    [
        ("uniform", "Every question gives the same shares"),
        ("always-50", "Every question gives the same shares"),
        ("always-first", "It answers by displayed position"),
        ("always-safe", 'It chooses "safe" whatever is offered'),
    ],
)
def test_who_does_not_respond_is_not_identified(lotteries: dict[str, Any], responder: str, why_not: str) -> None:
    estimates, fits, words = told(lotteries, responder)
    assert estimates
    assert not any(e["identified"] for e in estimates)
    assert all(e["why_not"].startswith(why_not) for e in estimates)
    assert not fits  # nothing was fitted that could be held against the answers
    assert "Cannot tell its risk aversion" in words or "No verdict" in words


def test_a_maximiser_of_expected_value_is_a_set_around_zero(lotteries: dict[str, Any]) -> None:
    estimates, fits, _ = told(lotteries, "expected-value")
    entry = next(e for e in estimates if e["primary"])
    low, high = entry["consistent_set"]
    assert low < 0.0 < high
    assert entry["rationality_rate"] == 1.0
    assert all(fit["check"]["passed"] for fit in fits)


def test_a_majority_heuristic_fails_visibly(lotteries: dict[str, Any]) -> None:
    estimates, fits, words = told(lotteries, "majority")
    assert fits
    for fit in fits:
        assert not fit["check"]["passed"]
        assert fit["check"]["missed"] >= 3
        assert "it cannot reproduce them" in fit["check"]["words"]
        assert any(question["missed"] for question in fit["check"]["questions"])
    assert all(not e["identified"] and e["check"]["passed"] is False for e in estimates if e["theory"] == "crra")
    assert "Cannot tell its risk aversion" in words or "No verdict" in words


def test_who_refuses_all_losses_chooses_the_same_whatever_is_offered(tmp_path: Path) -> None:
    found = results(planned("mixed-gambles", tmp_path), tmp_path / "run", "refuses-losses")
    estimates, _, words = told(found, "refuses-losses")
    assert all(not e["identified"] for e in estimates)
    assert all(e["why_not"].startswith('It chooses "reject" whatever is offered') for e in estimates)
    assert "loss aversion λ (" not in words


def test_who_always_gives_half_has_no_variation(tmp_path: Path) -> None:
    found = results(planned("dictator", tmp_path), tmp_path / "run", "always-50")
    estimates, _, _ = told(found, "always-50")
    gifts = [e for e in estimates if e["theory"] == "giving"]
    assert gifts
    assert all(not e["identified"] and "50% with certainty" in e["why_not"] for e in gifts)


def test_none_is_called_like_people(lotteries: dict[str, Any]) -> None:
    for found in lotteries["estimates"]:
        assert not any(entry["available"] for entry in found["human"])
    for line in summary(lotteries):
        assert "agrees with" not in line
        assert "cannot be told from" not in line


# What may not matter


def played(stimuli: Any, noise: str, **parts: Any) -> Replay:
    """One draw of one agent, with a position effect where the order varies."""
    q = len(stimuli.largest)
    question = np.repeat(np.arange(q), 2)
    position = np.tile([[0, 1], [1, 0]], (q, 1))
    given = {"kind": "probabilities", "question": question, "position": position, "logits": np.zeros((2 * q, 1)),
             "label_set": np.zeros(2 * q, dtype=int), "unit": np.zeros(2 * q, dtype=int)} | parts  # fmt: skip
    data = made(stimuli, **given)
    shape = structure("crra", noise, data, intercept=False)
    values = {
        "risk_aversion_coordinate": np.array([[0.4]]),
        "sensitivity_coordinate": np.array([[1.0]]),
        "lapse": np.array([0.02]),
        "position_effect": np.array([[[0.3]]]),
        "residual": np.array([0.2]),
        "item_misfit": np.zeros((1, q, 1)),
    }
    return Replay(shape, data, builder.design(theories.get("crra"), noise, data), {}, values)


def scaled(stimuli: Any, factor: float) -> Any:
    return replace(stimuli, **{n: getattr(stimuli, n) * factor for n in ("amount", "largest", "smallest")})


@pytest.mark.parametrize("noise", ["contextual", "logit", "equivalent"])
def test_a_hundred_times_the_currency_leaves_the_likelihood_as_it_is(noise: str) -> None:
    """Of r as of everything else, since sensitivity is counted in the design's own unit."""
    stimuli = random_stimuli(np.random.default_rng(3), 6, 2, 2, losses=False)
    one, hundred = (played(scaled(stimuli, factor), noise).seen() for factor in (1.0, 100.0))
    np.testing.assert_allclose(hundred, one, rtol=1e-9)


def test_the_order_of_the_options_in_the_specification_changes_nothing() -> None:
    rng = np.random.default_rng(5)
    stimuli = random_stimuli(rng, 6, 2, 2, losses=False)
    turned = replace(stimuli, amount=stimuli.amount[:, ::-1], probability=stimuli.probability[:, ::-1])
    logits = rng.normal(0, 2, size=(12, 1))
    one = played(stimuli, "contextual", logits=logits)
    position = one.data.position
    assert position is not None
    other = played(turned, "contextual", logits=-logits, position=position[:, ::-1])
    np.testing.assert_allclose(other.seen(), one.seen(), rtol=1e-9)


def test_other_names_of_options_and_labels_are_the_same_model() -> None:
    stimuli = random_stimuli(np.random.default_rng(6), 4, 2, 2, losses=False)
    one = played(stimuli, "contextual")
    other = played(stimuli, "contextual", options=("left", "right"), label_sets=("1|2",))
    assert one.fixed.key(one.structure) == other.fixed.key(other.structure)


def test_who_rejects_what_another_accepts_has_the_opposite_tendency() -> None:
    stimuli = random_stimuli(np.random.default_rng(7), 8, 2, 2, losses=True)
    status_quo, grid = np.array([False, True]), np.linspace(-3.0, 3.0, 121)
    counts = np.column_stack([np.full(8, 7.0), np.full(8, 3.0)])
    best = []
    for answers in (counts, counts[:, ::-1]):
        data = made(stimuli, counts=answers, status_quo=status_quo, question=np.arange(8))
        shape = structure("loss-aversion", "logit", data, intercept=True)
        many = {"loss_aversion": 0.0, "sensitivity": -20.0}  # values do not move them: only the tendency does
        values = {f"{name}_coordinate": np.full((121, 1), value) for name, value in many.items()}
        values |= {"response_intercept_coordinate": grid[:, None], "lapse": np.full(121, 1e-6)}
        values["item_misfit"] = np.zeros((121, 8, 1))
        fixed = builder.design(theories.get("loss-aversion"), "logit", data)
        best.append(grid[Replay(shape, data, fixed, {}, values).seen().sum(axis=1).argmax()])
    assert best[0] == pytest.approx(np.log(7 / 3), abs=0.06)
    assert best[1] == pytest.approx(-best[0])


def test_exact_probabilities_given_again_are_no_new_answers(tmp_path: Path) -> None:
    experiment = planned("holt-laury", tmp_path)
    table, cells = answered(experiment, tmp_path, "participants:crra", {"r": "0.5"}, {"stakes": [1]})
    once = by_wording(table, cells)
    again = choice_data(usable(type(table)(np.repeat(table.to_numpy(), 3, axis=0), columns=table.columns)), cells,
                        "wording")  # fmt: skip
    assert len(again.question) == len(once.question)
    np.testing.assert_allclose(again.logits, once.logits)


def test_a_vague_posterior_earns_no_verdict() -> None:
    parameter = theories.get("crra").parameters[0]
    vague = judge(parameter, 0.9 * parameter.prior.sd, parameter.prior.sd)
    assert not vague.identified
    assert vague.why_not is not None


@pytest.mark.validate
def test_answers_to_shuffled_questions_identify_nothing(tmp_path: Path) -> None:
    """The same answers, each put to another question: none of them is what risk aversion would say there."""
    experiment = planned("holt-laury", tmp_path)
    table, cells = answered(
        experiment, tmp_path, "participants:crra", {"r": "0.4", "wording_sd": ".3"}, {"stakes": [1]}
    )
    data = by_wording(table[table["wording"].isin(sorted(set(table["wording"]))[:4])], cells)
    shuffled = np.random.default_rng(1).permutation(len(data.questions))
    data = replace(data, question=shuffled[data.question])
    label = Label("shuffled", "crra", "contextual", "probability", "representative_agent", "wording", "partial", False,
                  "risk_aversion")  # fmt: skip
    run, fits = Run(tmp_path, {}), list[dict[str, Any]]()
    run.posteriors.mkdir(parents=True)
    job = Job("shuffled", "simulated", Fit("crra", "contextual", "risk_aversion", None), "partial")
    entries = choice_fits.sampled(run, label, job, data, 0, intercept=False, asked=0, fits=fits)
    entry = next(e for e in entries if e["parameter"] == "risk_aversion")
    assert not entry["identified"]
    assert "The theory accounts for" in entry["why_not"]
    assert not fits[0]["check"]["passed"]
