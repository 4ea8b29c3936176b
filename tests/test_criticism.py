"""A theory that cannot make the choices is found out; units are left out whole; one model is not two."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from choice_designs import made, random_stimuli
from scipy import special, stats

from replicator import specification, theories
from replicator.experiment import Experiment, condition_name
from replicator.inference import builder, left_out, predictive_check, sensitivity
from replicator.inference.data import ChoiceData
from replicator.inference.replay import Replay, scattered
from replicator.inference.same_model import Model, Related, related, words
from replicator.inference.structure import structure
from replicator.theories import Stimuli
from replicator.theories.stimuli import stimuli

LAPSE = 0.02


def asked(kind: str = "probabilities", units: int = 6, questions: int = 12, presentations: int = 4) -> ChoiceData:
    """Lotteries put to every wording (or person) several times; nothing is answered yet."""
    rng = np.random.default_rng(4)
    unit, question, again = np.indices((units, questions, presentations)).reshape(3, -1)
    n = len(unit)
    return made(
        random_stimuli(rng, questions, 2, 2, losses=False),
        kind="probabilities" if kind == "probabilities" else "counts",
        unit_name="person" if kind == "people" else "wording",
        units=tuple(f"unit-{u}" for u in range(units)),
        unit=unit,
        question=question,
        label_set=np.zeros(n, dtype=int),
        position=np.column_stack([again % 2, 1 - again % 2]) if kind == "probabilities" else None,
        logits=np.zeros((n, 1)),
        counts=np.ones((n, 2)),
    )


def fitted(data: ChoiceData, draws: int = 60, spread: float = 0.3, residual: float = 0.3, **given: Any) -> Replay:
    """Draws such as a fit would leave: near r = .4 and a sensitivity of 10, with effects that are not centred."""
    rng = np.random.default_rng(5)
    shape = structure("crra", "contextual", data, intercept=False)
    names = ("risk_aversion", "sensitivity")
    centre = {"risk_aversion": 0.4, "sensitivity": np.log(10.0)}
    values: dict[str, np.ndarray] = {"lapse": np.full(draws, LAPSE)}
    for name in names:
        values[f"{name}_coordinate"] = centre[name] + 0.02 * rng.normal(size=(draws, 1))
        values[f"{name}_sd"] = spread * np.exp(0.1 * rng.normal(size=draws))
        values[f"{name}_raw"] = rng.normal(size=(draws, len(data.units)))
    if shape.position:
        values["position_effect"] = np.full((draws, 1, 1), 0.4)
    if shape.item_misfit:
        values["item_misfit"] = np.zeros((draws, len(data.questions), 1))
        values["item_misfit_sd"] = np.full(draws, 0.2)
    if shape.likelihood == "probabilities" or shape.cells:
        values["residual"] = np.full(draws, residual - 0.05)
    centring = {name: np.array(0.0) for name in (*names, "item_misfit")}
    fixed = builder.design(theories.get("crra"), "contextual", data)
    return Replay(shape, data, fixed, centring, values | given)


def answering(played: Replay, seed: int = 6) -> ChoiceData:
    """The design answered by new units of a fit."""
    rng, data = np.random.default_rng(seed), played.data
    one = played.some(np.array([0]))
    eta = one.curves(predictive_check.new_units(one, rng))[one.fixed.unit, one.fixed.question]
    odds = one.rows(eta[None], misfit=False)[0]
    odds = scattered(odds, float(one.scatter[0]), rng)
    if data.kind == "probabilities":
        return replace(data, logits=odds)
    first = rng.binomial(data.counts.sum(axis=1).astype(int), special.expit(odds[:, 0])).astype(float)
    return replace(data, counts=np.column_stack([first, data.counts.sum(axis=1) - first]))


def with_answers(played: Replay, data: ChoiceData) -> Replay:
    return replace(played, data=data)


# Posterior predictive checks


@pytest.mark.parametrize("kind", ["probabilities", "people", "sampled"])
def test_whoever_follows_the_theory_passes(kind: str) -> None:
    for seed in range(3):
        played = fitted(asked(kind))
        check = predictive_check.of_draws(with_answers(played, answering(played, seed)), seed=0)
        assert check.passed, check.words
        assert check.p is not None
        assert check.p > predictive_check.CHANCE
        assert check.words.startswith(
            ("The theory reproduces the observed", "The theory is not rejected by the observed")
        )
        assert check.of == 12


@pytest.mark.parametrize("kind", ["probabilities", "people", "sampled"])
def test_a_rule_that_the_theory_cannot_follow_fails_visibly(kind: str) -> None:
    """The first option in every other question, whatever it pays."""
    played = fitted(asked(kind, presentations=6))
    data = played.data
    likes = np.where(np.arange(12) % 2 == 0, 2.0, -2.0)[data.question]
    if kind == "probabilities":
        answers = replace(data, logits=likes[:, None])
    else:
        first = np.round(data.counts.sum(axis=1) * special.expit(likes) * 1.0)
        answers = replace(data, counts=np.column_stack([first, data.counts.sum(axis=1) - first]))
    check = predictive_check.of_draws(with_answers(played, answers), seed=0)
    assert not check.passed
    assert check.missed >= 4
    assert check.p == 0.0
    assert check.words.startswith(f"The theory cannot reproduce the observed shares: {check.missed} of 12 questions")
    worst = max(check.questions, key=lambda q: abs(q.observed - q.predicted))
    assert worst.item in check.words
    assert worst.missed


def test_misfit_that_explains_every_question_does_not_save_a_theory() -> None:
    played = fitted(asked())
    likes = np.where(np.arange(12) % 2 == 0, 2.0, -2.0)
    answers = replace(played.data, logits=likes[played.data.question][:, None])
    _, curve = predictive_check.replicates(played, seed=0)
    absorbed = np.broadcast_to(likes[:, None] - curve, (played.size, 12, 1))
    told = replace(with_answers(played, answers), values={**played.values, "item_misfit": absorbed})
    check = predictive_check.of_draws(told, seed=0)
    assert not check.passed
    assert check.explained is not None
    assert check.explained < 0.5


def test_a_miss_smaller_than_the_margin_is_none() -> None:
    """Exact answers are so precise that every theory is wrong by something: what counts is how far."""
    played = fitted(asked(), spread=1e-6, residual=0.051)
    answers = answering(played)
    off = replace(answers, logits=answers.logits + 0.1 * (-1.0) ** answers.question[:, None])
    check = predictive_check.of_draws(with_answers(played, off), seed=0)
    assert check.missed == 0
    assert check.passed


def test_deterministic_choosers_are_held_against_the_best_values() -> None:
    data = asked(questions=10)
    shares = np.column_stack([np.ones(10), np.zeros(10)])
    answers = replace(data, logits=np.full((len(data.question), 1), 12.0))
    check = predictive_check.of_sets(answers, shares, [1.0])
    assert (check.passed, check.missed) == (True, 0)
    wrong = shares.copy()
    wrong[:3] = wrong[:3, ::-1]
    check = predictive_check.of_sets(answers, wrong, [0.7])
    assert (check.passed, check.missed) == (False, 3)
    assert "more than 7 of the 10 choices: it cannot reproduce them" in check.words


# Leaving units out


@pytest.mark.parametrize("kind", ["probabilities", "people", "sampled"])
def test_a_units_own_effects_are_summed_over(kind: str) -> None:
    """The integral over two effects once more, on a grid."""
    played = fitted(asked(kind, units=2, questions=5, presentations=2), draws=2, residual=0.6)
    played = with_answers(played, answering(played))
    found = left_out.marginal(played, np.random.default_rng(0))
    axis = np.linspace(-5.0, 5.0, 61)
    first, second = (grid.ravel() for grid in np.meshgrid(axis, axis, indexing="ij"))
    weight = 2.0 * np.log(axis[1] - axis[0]) + stats.norm.logpdf(first) + stats.norm.logpdf(second)
    for draw in range(2):
        one = played.some(np.array([draw]))
        spreads = one.spreads()
        coordinates = {
            "risk_aversion": one.centres()["risk_aversion"] + spreads["risk_aversion"] * first[:, None],
            "sensitivity": one.centres()["sensitivity"] + spreads["sensitivity"] * second[:, None],
        }
        curves = one.curves(coordinates)[:, played.data.question]
        many = played.some(np.full(len(first), draw))
        rows = many.log_likelihood(many.rows(curves, misfit=True))
        for unit in range(2):
            exact = special.logsumexp(rows[:, played.data.unit == unit].sum(axis=1) + weight)
            assert found[draw, unit] == pytest.approx(exact, abs=0.15)


def test_a_unit_that_the_fit_has_not_seen_is_summed_over_too() -> None:
    """Five people are fitted; the sixth's answers once more on a grid of its two effects."""
    everybody = fitted(asked("people", units=6, questions=8), draws=3)
    answers = answering(everybody)
    last = answers.unit == 5
    own = replace(
        answers, units=("f",), unit=np.zeros(last.sum(), dtype=int), question=answers.question[last],
        label_set=answers.label_set[last], counts=answers.counts[last], position=None,
    )  # fmt: skip
    played = replace(
        everybody, structure=replace(everybody.structure, units=5),
        values={name: v[:, :5] if name.endswith("_raw") else v for name, v in everybody.values.items()},
    )  # fmt: skip
    found = left_out.unseen(played, own, np.random.default_rng(0))
    axis = np.linspace(-5.0, 5.0, 61)
    first, second = (grid.ravel() for grid in np.meshgrid(axis, axis, indexing="ij"))
    weight = 2.0 * np.log(axis[1] - axis[0]) + stats.norm.logpdf(first) + stats.norm.logpdf(second)
    for draw in range(3):
        one = played.some(np.array([draw]))
        r = one.centres()["risk_aversion"] + one.spreads()["risk_aversion"] * first[:, None]
        x = one.centres()["sensitivity"] + one.spreads()["sensitivity"] * second[:, None]
        curves = one.curves({"risk_aversion": r, "sensitivity": x})[:, own.question, 0]
        p = (1 - LAPSE) * special.expit(curves) + LAPSE / 2
        rows = own.counts[:, 0] * np.log(p) + own.counts[:, 1] * np.log(1 - p)
        exact = special.logsumexp(rows.sum(axis=1) + weight)
        assert found[draw] == pytest.approx(exact, abs=0.15)
    with pytest.raises(ValueError, match="one unit"):
        left_out.unseen(played, answers, np.random.default_rng(0))


@pytest.mark.parametrize(("draws", "limit"), [(100, 0.5), (250, 0.583), (300, 0.596), (2200, 0.7), (4000, 0.7)])
def test_fewer_draws_bear_lighter_tails(draws: int, limit: float) -> None:
    assert left_out.reliable_k(draws) == pytest.approx(limit, abs=0.001)


def test_scatter_of_sampled_answers_is_summed_over_whether_they_are_few_or_many() -> None:
    odds = np.array([[-1.0, 0.5, 2.0, 0.0]])
    for answers in (1.0, 10.0, 10_000.0):
        first = np.round(answers * np.array([0.4, 0.6, 0.7, 1.0]))
        counts = np.column_stack([first, answers - first])
        played = fitted(asked("sampled", units=2, questions=2, presentations=1), draws=1, residual=0.4)
        played = with_answers(played, replace(played.data, counts=counts))
        found = played.log_likelihood(odds[..., None])[0]
        at = np.linspace(-80.0, 80.0, 200_001)
        for cell in range(4):
            term = counts[cell, 0] * at - answers * np.logaddexp(0.0, at)
            density = stats.t.logpdf(at, 4.0, loc=odds[0, cell], scale=0.4)
            exact = special.logsumexp(term + density) + np.log(at[1] - at[0])
            assert found[cell] == pytest.approx(exact, abs=0.01), (answers, cell)


def test_a_wording_that_nobody_would_foretell_has_the_least_density() -> None:
    played = fitted(asked(), draws=100)
    data = answering(played)
    odd = replace(data, logits=np.where((data.unit == 2)[:, None], -data.logits, data.logits))
    found = left_out.leave_out(with_answers(played, odd), seed=0)
    assert int(found.elpd.argmin()) == 2
    document = found.document
    assert document["units"] == 6
    assert document["elpd"] == pytest.approx(sum(document["pointwise"]))


def test_the_true_noise_foretells_better_than_a_wrong_sensitivity() -> None:
    played = fitted(asked(units=12), draws=100)
    played = with_answers(played, answering(played))
    values = {**played.values, "sensitivity_coordinate": played.values["sensitivity_coordinate"] - 1.5}
    true, wrong = (left_out.leave_out(p, seed=0).document for p in (played, replace(played, values=values)))
    found = left_out.compared(true, wrong, ("contextual noise", "logit noise"))
    assert found["elpd_difference"] > 2 * found["standard_error"]
    assert found["words"].startswith("contextual noise predicts left-out wordings better than logit noise by")
    back = left_out.compared(wrong, true, ("logit noise", "contextual noise"))
    assert back["elpd_difference"] == pytest.approx(-found["elpd_difference"])
    assert back["words"].startswith("contextual noise predicts")


def test_no_difference_is_called_that_is_within_its_error() -> None:
    one = {"pointwise": [1.0, 2.0, 3.0, 4.0], "unit": "person", "unreliable": 0}
    other = {"pointwise": [1.5, 1.5, 3.5, 3.5], "unit": "person", "unreliable": 2}
    found = left_out.compared(one, other, ("a", "b"))
    assert found["words"].startswith("Left-out persons cannot tell a from b")
    assert not found["reliable"]


def test_one_unit_cannot_be_left_out() -> None:
    alone = made(random_stimuli(np.random.default_rng(1), 4, 2, 2, losses=False), counts=np.ones((4, 2)))
    assert left_out.unavailable(alone) == ("There is one unit (all people pooled to shares): none can be left out.")
    assert left_out.unavailable(asked()) is None


# One model under two names


def offered(name: str, **levels: Any) -> tuple[Stimuli, np.ndarray, list[str]]:
    experiment: Experiment = specification.find(name)
    cells = [(item, given) for given in experiment.conditions(levels) for item in experiment.items]
    names = [condition_name(given) for _, given in cells]
    asked = [experiment.outcomes({**given, **item.variables}) for item, given in cells]
    return (
        stimuli(asked, [option.name for option in experiment.options]),
        np.array([names.index(one) for one in names]),
        [item.id for item, _ in cells],
    )


def test_holt_and_laurys_pairs_at_one_stake_do_not_tell_contextual_utility_from_logit() -> None:
    """Of every pair but the certain one the range is the same."""
    asked, condition, items = offered("holt-laury", stakes=[1])
    one, other = Model("crra", "contextual"), Model("crra", "logit")
    found = related(one, other, asked, condition)
    assert found == Related("same", (9,))
    assert words(one, other, found, items) == (
        "On this design contextual noise and logit noise are the same model but for row-10, on which alone a "
        "comparison of the two rests."
    )
    kept = replace(
        asked, **{name: getattr(asked, name)[:9] for name in ("amount", "probability", "largest", "smallest")}
    )
    assert related(one, other, kept, condition[:9]) == Related("same")


def test_gambles_of_many_ranges_tell_them_apart() -> None:
    asked, condition, _ = offered("mixed-gambles")
    found = related(Model("loss-aversion", "contextual"), Model("loss-aversion", "logit"), asked, condition)
    assert found.relation == "different"


def test_a_special_case_is_named_as_one() -> None:
    asked, condition, items = offered("mixed-gambles")
    linear, power = Model("loss-aversion", "logit"), Model("loss-aversion-power", "logit")
    assert related(linear, power, asked, condition).relation == "within"
    found = related(power, linear, asked, condition)
    assert found.relation == "holds"
    said = "On this design loss-aversion is a special case of loss-aversion-power."
    assert words(power, linear, found, items) == said
    assert related(Model("loss-aversion", "logit", intercept=True), linear, asked, condition).relation == "holds"


# Sensitivity to the prior


@pytest.mark.parametrize(
    ("observed", "error", "prior_matters", "data_matter"),
    [(0.0, 0.05, False, True), (3.0, 0.5, True, True), (0.0, 5.0, True, False)],
)
def test_a_normal_mean_is_the_datas_or_the_priors(
    observed: float, error: float, prior_matters: bool, data_matter: bool
) -> None:
    theory = theories.get("crra")
    precision = 1.0 + 1.0 / error**2
    draws = np.random.default_rng(1).normal(observed / error**2 / precision, precision**-0.5, size=1000)
    natural = dict.fromkeys(theory.parameter_names, draws[:, None])
    prior, likelihood = stats.norm.logpdf(draws), stats.norm.logpdf(observed, draws, error)
    (found,) = sensitivity.scaled(theory, natural, prior, likelihood)["risk_aversion"]
    assert (found.prior >= sensitivity.SENSITIVE) == prior_matters
    assert (found.likelihood >= sensitivity.SENSITIVE) == data_matter
    assert (found.words is None) == (data_matter and not prior_matters)
