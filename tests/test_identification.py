"""What is said to be known is known; where answers do not respond or are certain, that is said instead."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from choice_designs import answered, by_wording, made, random_stimuli
from scipy import optimize

from replicator import specification, theories
from replicator.inference.data import ChoiceData
from replicator.inference.identification import (
    Consistent,
    beyond_nothing,
    consistent_sets,
    contraction,
    is_deterministic,
    judge,
    likelihood_error,
    no_response,
    not_asked,
    off_the_curve,
    one_sided,
)
from replicator.theories import Theory

Ask = Callable[..., ChoiceData]
RISK_AVERSION = theories.get("crra").parameter("risk_aversion")
PRIOR_SD = 0.6


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """The answers of simulated participants to a whole shipped experiment."""

    def answers(experiment: str, model: str, arguments: Mapping[str, str] | None = None, **levels: Any) -> ChoiceData:
        folder: Path = tmp_path_factory.mktemp("run")
        spec = specification.find(experiment)
        return by_wording(*answered(spec, folder, f"participants:{model}", arguments, levels))

    return answers


# The rule


def consistent_set_of(theory: Theory, parameter: str, noise: str, data: ChoiceData, condition: int) -> Consistent:
    return consistent_sets(theory, noise, data, condition)[parameter]


def posterior_sd(error: float, prior_sd: float = PRIOR_SD) -> float:
    """Of a normal prior and a normal likelihood."""
    return float(1 / np.sqrt(1 / error**2 + 1 / prior_sd**2))


@pytest.mark.parametrize("error", [0.01, 0.2, 1.0, 5.0])
def test_the_error_that_the_data_alone_leave_is_that_of_the_normal_likelihood(error: float) -> None:
    assert likelihood_error(posterior_sd(error), PRIOR_SD) == pytest.approx(error)


def test_contraction_is_the_share_of_variance_removed() -> None:
    assert contraction(0.3, 0.6) == pytest.approx(0.75)
    assert contraction(0.6, 0.6) == 0.0


def test_half_of_the_sd_between_people_is_the_largest_error() -> None:
    """People's sd of risk aversion is .58: .28 is enough, .30 is not."""
    enough, too_much = (judge(RISK_AVERSION, posterior_sd(e), PRIOR_SD) for e in (0.28, 0.30))
    assert enough.identified
    assert enough.why_not is None
    assert enough.likelihood_error == pytest.approx(0.28)
    assert not too_much.identified
    assert too_much.why_not == (
        "The data alone leave a standard error of 0.30, more than 0.29, half of the sd between people."
    )


def test_too_little_contraction_is_named_with_its_number() -> None:
    """A small error under a prior that was narrow to begin with is the prior's doing."""
    verdict = judge(RISK_AVERSION, posterior_sd(0.2, 0.25), 0.25)
    assert not verdict.identified
    removed = 1 - (posterior_sd(0.2, 0.25) / 0.25) ** 2
    assert verdict.why_not == f"The data remove {removed:.0%} of the prior's variance, less than 75%."


@pytest.mark.parametrize("sd", [0.6, 0.7])
def test_a_posterior_no_narrower_than_its_prior_says_so(sd: float) -> None:
    verdict = judge(RISK_AVERSION, sd, PRIOR_SD)
    assert not verdict.identified
    assert verdict.likelihood_error is None
    assert verdict.why_not is not None
    assert "without bound" in verdict.why_not
    assert "remove 0% of the prior's variance" in verdict.why_not


# Questions that are about something else


@pytest.mark.parametrize("noise", ["contextual", "logit", "equivalent"])
def test_gains_alone_are_not_about_loss_aversion_whatever_its_scale_hangs_on(ask: Ask, noise: str) -> None:
    theory, gains = theories.get("cpt"), ask("holt-laury", "uniform", stakes=[1])
    found = {p.name: not_asked(theory, p, noise, gains, 0) for p in theory.parameters}
    assert "not at stake" in str(found.pop("loss_aversion"))
    assert set(found.values()) == {None}


def test_lotteries_at_once_are_not_about_discounting(ask: Ask) -> None:
    theory = theories.get("hyperbolic")
    (rate,) = theory.parameters
    assert "is about k" in str(not_asked(theory, rate, "equivalent", ask("holt-laury", "uniform", stakes=[1]), 0))
    assert not_asked(theory, rate, "equivalent", ask("delay-discounting", "uniform"), 0) is None


def test_mixed_gambles_are_about_loss_aversion(ask: Ask) -> None:
    theory = theories.get("loss-aversion-power")
    gambles = ask("mixed-gambles", "uniform")
    assert [not_asked(theory, p, "logit", gambles, 0) for p in theory.parameters] == [None, None]


# No response


def test_the_uniform_responder_shows_nothing(ask: Ask) -> None:
    said = no_response(ask("holt-laury", "uniform", stakes=[1]))
    assert said is not None
    assert '"safe" 50%, "risky" 50%' in said
    assert "do not respond" in said
    assert "position" not in said


def test_who_picks_the_first_option_is_found_out(ask: Ask) -> None:
    for experiment in ("holt-laury", "mixed-gambles"):
        said = no_response(ask(experiment, "always-first"))
        assert said is not None
        assert said.startswith("It answers by displayed position")


def test_who_picks_one_option_whatever_is_offered_is_named_with_it() -> None:
    stimuli = random_stimuli(np.random.default_rng(1), 6, 2, 2, losses=False)
    always = made(stimuli, options=("safe", "risky"), counts=np.tile([20.0, 0.0], (6, 1)))
    said = no_response(always)
    assert said is not None
    assert said.startswith('It chooses "safe" whatever is offered')


def test_one_question_cannot_show_a_response() -> None:
    stimuli = random_stimuli(np.random.default_rng(1), 1, 2, 2, losses=False)
    assert no_response(made(stimuli, counts=np.array([[12.0, 8.0]]))) is not None


@pytest.mark.parametrize(
    ("model", "arguments"),
    [
        ("crra", {"r": "0.3", "noise": "10"}),
        ("crra", {"r": "-0.4", "noise": "1", "position": "1"}),
        ("expected-value", {}),
        ("human", {}),
    ],
)
def test_whoever_responds_to_the_stakes_is_heard(ask: Ask, model: str, arguments: dict[str, str]) -> None:
    assert no_response(ask("holt-laury", model, arguments, stakes=[1])) is None


# Deterministic choosers


def test_only_certain_answers_that_survive_a_change_of_order_are_deterministic(ask: Ask) -> None:
    assert is_deterministic(ask("holt-laury", "expected-value", stakes=[1]))
    assert is_deterministic(ask("mixed-gambles", "expected-value"))
    assert not is_deterministic(ask("holt-laury", "always-first", stakes=[1]))
    assert not is_deterministic(ask("holt-laury", "uniform", stakes=[1]))
    assert not is_deterministic(ask("holt-laury", "crra", {"r": "0.3", "noise": "10"}, stakes=[1]))


def indifference(p: float) -> float:
    """The risk aversion at which the two lotteries of Holt and Laury are worth the same at this chance."""

    def difference(r: float) -> float:
        u = np.log if r == 1 else lambda x: x ** (1 - r) / (1 - r)
        return float(p * u(2.0) + (1 - p) * u(1.6) - p * u(3.85) - (1 - p) * u(0.1))

    return float(optimize.brentq(difference, -2.0, 2.5))


@pytest.mark.parametrize("noise", ["contextual", "logit"])
def test_four_safe_choices_are_those_of_the_risk_neutral(ask: Ask, noise: str) -> None:
    """-0.15 < r < 0.15 in table 3 of Holt & Laury 2002, whatever the stakes."""
    data = ask("holt-laury", "expected-value", stakes=[1, 20])
    for condition in (0, 1):
        found = consistent_set_of(theories.get("crra"), "risk_aversion", noise, data, condition)
        assert found.rationality_rate == 1.0
        assert found.low is not None
        assert found.high is not None
        assert (found.low, found.high) == pytest.approx((indifference(0.4), indifference(0.5)), abs=0.004)
        assert -0.15 < found.low < found.high < 0.15


def switching(data: ChoiceData, safe: int, *, odd: int | None = None) -> ChoiceData:
    """The same questions, with the first `safe` rows chosen safe; `odd` is answered the other way round."""
    chosen = np.where(np.arange(10) < safe, 12.0, -12.0)
    if odd is not None:
        chosen[odd] *= -1
    return replace(data, logits=chosen[data.question][:, None])


def test_more_safe_choices_are_more_risk_averse(ask: Ask) -> None:
    """Bounds from the same table: .15, .41, .68, .97, 1.37."""
    data = ask("holt-laury", "expected-value", stakes=[1])
    theory = theories.get("crra")
    for safe, low, high in ((5, 0.15, 0.41), (6, 0.41, 0.68), (7, 0.68, 0.97), (8, 0.97, 1.37)):
        found = consistent_set_of(theory, "risk_aversion", "contextual", switching(data, safe), 0)
        assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)
    last = consistent_set_of(theory, "risk_aversion", "contextual", switching(data, 9), 0)
    assert last.low == pytest.approx(1.37, abs=0.01)
    assert last.high is None  # nothing bounds it from above but the end of the search
    first = consistent_set_of(theory, "risk_aversion", "contextual", switching(data, 1), 0)
    assert first.high == pytest.approx(-0.95, abs=0.01)
    never = consistent_set_of(theory, "risk_aversion", "contextual", switching(data, 0), 0)
    assert (never.low, never.high) == (None, pytest.approx(-1.71, abs=0.01))


def test_a_choice_that_no_risk_aversion_explains_lowers_the_rationality_rate(ask: Ask) -> None:
    data = ask("holt-laury", "expected-value", stakes=[1])
    found = consistent_set_of(theories.get("crra"), "risk_aversion", "contextual", switching(data, 4, odd=8), 0)
    assert found.rationality_rate == pytest.approx(0.9)
    assert (found.low, found.high) == pytest.approx((indifference(0.4), indifference(0.5)), abs=0.004)


def test_the_expected_value_maximiser_is_loss_neutral(ask: Ask) -> None:
    """Between the largest ratio of gain to loss rejected and the smallest accepted."""
    data = ask("mixed-gambles", "expected-value")
    gain, loss = data.stimuli.amount[:, 0, 0], -data.stimuli.amount[:, 0, 1]
    ratio = gain / loss
    found = consistent_set_of(theories.get("loss-aversion"), "loss_aversion", "logit", data, 0)
    assert found.rationality_rate == 1.0
    assert (found.low, found.high) == pytest.approx((ratio[ratio < 1].max(), ratio[ratio > 1].min()), rel=0.003)


def test_with_two_parameters_each_set_holds_the_truth(ask: Ask) -> None:
    data = ask("mixed-gambles", "expected-value")
    theory = theories.get("loss-aversion-power")
    sets: dict[str, Consistent] = {
        p.name: consistent_set_of(theory, p.name, "contextual", data, 0) for p in theory.parameters
    }
    for found in sets.values():
        assert found.rationality_rate == 1.0
        low, high = ends(found)
        assert low <= 1.0 <= high
    alone = ends(consistent_set_of(theories.get("loss-aversion"), "loss_aversion", "contextual", data, 0))
    wide = ends(sets["loss_aversion"])
    assert wide[1] - wide[0] >= alone[1] - alone[0] - 0.01  # another parameter never says more


def ends(found: Consistent) -> tuple[float, float]:
    """The ends of a set, infinite where it is open."""
    return (
        -np.inf if found.low is None else found.low,
        np.inf if found.high is None else found.high,
    )


# Where a theory is not what moves the choices


def test_a_theory_is_believed_while_it_explains_more_than_single_questions_do(ask: Ask) -> None:
    data = ask("holt-laury", "crra", {"r": "0.3", "noise": "8"}, stakes=[1])
    curve = np.log(data.shares[:, :1]) - np.log(data.shares[:, 1:])
    assert off_the_curve(data, 0.1 * curve, 0) is None
    assert off_the_curve(data, 0.6 * curve, 0) is None
    said = off_the_curve(data, 0.95 * curve, 0)
    assert said is not None
    assert said.startswith("The theory accounts for 10% of how choices change")
    # The same constant in every question is no deviation of single ones.
    assert off_the_curve(data, np.full_like(curve, 5.0), 0) is None


def test_a_possible_zero_hides_how_averse_somebody_is_beyond_one(ask: Ask) -> None:
    data = ask("holt-laury", "crra", {"r": "0.3", "noise": "8"}, stakes=[1])
    amount = np.where(data.stimuli.amount == 0.1, 0.0, data.stimuli.amount)
    nothing = replace(data, stimuli=replace(data.stimuli, amount=amount, smallest=np.zeros(len(data.questions))))
    assert beyond_nothing(theories.get("crra"), RISK_AVERSION, data, 0, 2.0) is None
    assert beyond_nothing(theories.get("crra"), RISK_AVERSION, nothing, 0, 0.9) is None
    said = beyond_nothing(theories.get("crra"), RISK_AVERSION, nothing, 0, 1.2)
    assert said is not None
    assert "from r = 1 the utility of nothing is minus infinity" in said


def test_a_rate_beyond_every_question_is_bounded_on_one_side(ask: Ask) -> None:
    """The 27 questions turn between k = .00016 and .25 a day."""
    hyperbolic = theories.get("hyperbolic")
    data = ask("delay-discounting", "hyperbolic", {"k": "0.02", "noise": "20"})
    log_k = hyperbolic.parameter("log_discount_rate")

    def said(low: float, high: float) -> str | None:
        return one_sided(hyperbolic, log_k, "equivalent", data, 0, (low, high))

    assert said(-4.2, -3.8) is None
    assert said(-9.0, -8.5) is None
    assert "from below alone: above -1.3" in (said(1.0, 4.0) or "")
    assert "from above alone: below -8.7" in (said(-12.0, -9.5) or "")


def test_the_sets_of_three_parameters_take_little_memory(ask: Ask) -> None:
    data = ask("mixed-gambles", "expected-value")
    tracemalloc.start()
    sets = consistent_sets(theories.get("cpt"), "contextual", data, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(sets) == {"loss_aversion", "curvature", "probability_weighting"}
    assert sets["loss_aversion"].rationality_rate == 1.0
    assert peak < 500e6
