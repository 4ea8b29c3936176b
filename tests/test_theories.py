"""What the theories say about lotteries and gifts, against numbers computed by other means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from choice_designs import random_stimuli
from scipy import special

from replicator import theories
from replicator.documents import KNOWN_LIMIT
from replicator.errors import UsageError
from replicator.theories import THEORIES, Stimuli, Theory, giving, noise
from replicator.theories.crra import marginal_utility, utility

CRRA, LINEAR, POWER, GIVING = (
    theories.get(name) for name in ("crra", "loss-aversion", "loss-aversion-power", "giving")
)
TRUTHS: dict[str, dict[str, float]] = {
    "crra": {"risk_aversion": 0.45},
    "loss-aversion": {"loss_aversion": 1.9},
    "loss-aversion-power": {"loss_aversion": 1.7, "curvature": 0.8},
    "rank-dependent": {"curvature": 0.8, "probability_weighting": 0.7},
    "rank-dependent-two": {"curvature": 0.8, "probability_weighting": 0.7, "elevation": 1.2},
    "rank-dependent-tk": {"curvature": 0.8, "weighting_curvature": 0.61},
    "cpt": {"loss_aversion": 1.7, "curvature": 0.8, "probability_weighting": 0.7},
    "hyperbolic": {"discount_rate": 0.02},
    "exponential": {"annual_rate": 1.2},
    "quasi-hyperbolic": {"present_bias": 0.8, "annual_rate": 1.2},
    "fehr-schmidt": {"envy": 0.6, "guilt": 0.3},
    "acceptance-threshold": {"minimum_acceptable_offer": 0.3},
    "expo-power": {"risk_aversion": 0.3, "absolute_risk_aversion": 0.2},
    "ambiguity": {"ambiguity_attitude": 0.3, "curvature": 0.8},
    "convex-budget": {"curvature": 0.9, "present_bias": 0.8, "annual_rate": 1.2},
    "discounted-utility": {"risk_aversion": 0.4, "annual_rate": 0.6},
    "ces": {"own_weight": 0.7, "substitution": 0.8},
    "trust": {"expected_return": 0.4},
}
CHOICE = [theory for theory in THEORIES.values() if theory.response == "choice" and theory.parameters]
RISKY = [theory for theory in CHOICE if theory.utility is not None]
VALUED = [pytest.param(t, kind, id=f"{t.name}-{kind}") for t in CHOICE for kind in t.noises if kind != "none"]
RISK_AVERSION = [-1.0, -0.4, 0.0, 0.5, 1.0, 1.0 + 1e-9, 1.5, 3.0]
"""Seeking, neutral, averse, logarithmic and next to it, and the strongly averse."""


def r(value: float) -> dict[str, Any]:
    return {"risk_aversion": np.float64(value)}


def lotteries(*questions: list[list[tuple[float, float]]]) -> Stimuli:
    """Questions of options of (probability, amount), all with equally many branches."""
    array = np.array(questions, dtype=float)
    possible = np.where(array[..., 0] > 0, array[..., 1], array[..., :1, 1])
    return Stimuli(array[..., 1], array[..., 0], possible.max(axis=(1, 2)), possible.min(axis=(1, 2)))


HOLT_LAURY = lotteries(
    *(
        [[(p / 10, 2.0), (1 - p / 10, 1.6)], [(p / 10, 3.85), (1 - p / 10, 0.1)]]
        for p in range(1, 10)
    )
)  # fmt: skip
MIXED = lotteries(*([[(0.5, g), (0.5, -x)], [(0.5, 0.0), (0.5, 0.0)]] for g in (10, 20, 40) for x in (5, 10, 20)))


def difference(kind: str, theory: Theory, parameters: dict[str, Any], stimuli: Stimuli, stake: float = 1.0) -> Any:
    """First option over second, with the same stake in every question."""
    stakes = np.full(len(stimuli.largest), stake)
    value = noise.values(np, kind, theory, parameters, stimuli, stake=stakes)
    return value[..., 0] - value[..., 1]


# Constant relative risk aversion


@pytest.mark.parametrize("aversion", RISK_AVERSION)
@pytest.mark.parametrize("amount", [1e-6, 0.05, 0.1, 0.9, 1.0, 1.6, 3.85, 77.0, 1e4])
def test_utility_is_that_of_fifty_digits(aversion: float, amount: float) -> None:
    with mpmath.workdps(50):
        a, x = 1 - mpmath.mpf(aversion), mpmath.mpf(amount)
        exact = mpmath.log(x) if a == 0 else (x**a - 1) / a
    assert float(utility(np, r(aversion), np.float64(amount))) == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize("aversion", [-1.0, -0.4, 0.0, 0.5])
def test_nothing_is_worth_what_the_formula_says_where_that_is_finite(aversion: float) -> None:
    assert float(utility(np, r(aversion), np.float64(0))) == pytest.approx(-1 / (1 - aversion), rel=1e-10)


@pytest.mark.parametrize("aversion", [1.5, 3.0])
def test_to_the_strongly_averse_any_amount_is_nearly_all_that_nothing_is_not(aversion: float) -> None:
    """u(0) is minus infinity for r >= 1, so that a chance of nothing is a chance of the worst."""
    sure_or_gamble = lotteries([[(1.0, 0.01), (0.0, 0.01)], [(0.9, 1.0), (0.1, 0.0)]])
    value = noise.contextual(np, CRRA, r(aversion), sure_or_gamble)
    assert value[0, 0] == pytest.approx(1.0, abs=1e-6)
    assert value[0, 1] == pytest.approx(0.9, abs=1e-9)


def test_utility_is_smooth_through_the_logarithm() -> None:
    near = 1.0 + np.array([-1e-3, -2e-6, -1e-6, -1e-7, 0.0, 1e-7, 1e-6, 2e-6, 1e-3])
    for amount in (1e-3, 0.5, 20.0):
        at = np.array([utility(np, r(x), np.float64(amount)) for x in near])
        # du/dr = -(ln x)^2 / 2 at r = 1; the curvature around it is of order (ln x)^3 (r - 1)^2 / 6.
        line = np.log(amount) - (near - 1) * np.log(amount) ** 2 / 2
        np.testing.assert_allclose(at, line, rtol=0, atol=abs(np.log(amount)) ** 3 * 1e-6 / 5 + 1e-12)


@pytest.mark.parametrize("aversion", RISK_AVERSION)
def test_more_money_is_better(aversion: float) -> None:
    amounts = np.array([0.0, 1e-6, 0.1, 0.5, 1.0, 1.6, 2.0, 3.85, 77.0, 1e3])
    assert (np.diff(utility(np, r(aversion), amounts)) > 0).all()


@pytest.mark.parametrize("theory", RISKY, ids=lambda t: t.name)
@pytest.mark.parametrize("shift", [-0.6, 0.0, 0.8])
def test_marginal_utility_is_the_slope_of_utility(theory: Theory, shift: float) -> None:
    parameters = {name: value + shift for name, value in TRUTHS[theory.name].items()}
    amount = np.array([0.2, 1.0, 3.85, 40.0])
    step = 1e-5 * amount
    assert theory.utility is not None
    assert theory.marginal_utility is not None
    above, below = (theory.utility(np, parameters, amount + s) for s in (step, -step))
    np.testing.assert_allclose(theory.marginal_utility(np, parameters, amount), (above - below) / (2 * step), rtol=1e-7)


def test_marginal_utility_of_crra_is_a_power() -> None:
    np.testing.assert_allclose(marginal_utility(np, r(0.5), np.array([1.0, 4.0, 100.0])), [1.0, 0.5, 0.1])


# Values of options


@pytest.mark.parametrize("aversion", [-0.4, 0.0, 0.5, 1.0, 1.5])
def test_contextual_differences_are_those_of_the_textbook(aversion: float) -> None:
    """(EU(safe) - EU(risky)) / (u(3.85) - u(0.10)), with u(x) = x^(1-r)/(1-r) written out."""
    with mpmath.workdps(40):

        def u(x: str) -> Any:
            a = 1 - mpmath.mpf(aversion)
            return mpmath.log(mpmath.mpf(x)) if a == 0 else mpmath.mpf(x) ** a / a

        expected = []
        for row in range(1, 10):
            p = mpmath.mpf(row) / 10
            safe, risky = p * u("2") + (1 - p) * u("1.6"), p * u("3.85") + (1 - p) * u("0.1")
            expected.append(float((safe - risky) / (u("3.85") - u("0.1"))))
    np.testing.assert_allclose(difference("contextual", CRRA, r(aversion), HOLT_LAURY), expected, rtol=1e-10)


@pytest.mark.parametrize("theory", [t for t in RISKY if t.scale_free], ids=lambda t: t.name)
@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_contextual_values_do_not_depend_on_the_currency(theory: Theory, factor: float) -> None:
    stimuli = random_stimuli(np.random.default_rng(1), 6, 3, 3, losses=theory.losses)
    scaled = Stimuli(stimuli.amount * factor, stimuli.probability, stimuli.largest * factor, stimuli.smallest * factor)
    one, other = (noise.contextual(np, theory, TRUTHS[theory.name], s) for s in (stimuli, scaled))
    np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize(("theory", "kind"), VALUED)
def test_swapping_the_options_turns_the_preference_round(theory: Theory, kind: str) -> None:
    stimuli = random_stimuli(np.random.default_rng(2), 8, 2, 2, losses=theory.losses)
    swapped = replace(stimuli, amount=stimuli.amount[:, ::-1], probability=stimuli.probability[:, ::-1])
    one, other = (difference(kind, theory, TRUTHS[theory.name], s, stake=7.0) for s in (stimuli, swapped))
    np.testing.assert_allclose(one, -other, atol=1e-12)
    assert np.abs(one).min() > 0


@pytest.mark.parametrize("kind", noise.NOISES)
@pytest.mark.parametrize("aversion", RISK_AVERSION)
def test_the_dominating_lottery_has_the_higher_value(aversion: float, kind: str) -> None:
    better_amounts = [[(0.5, 3.0), (0.5, 1.0)], [(0.5, 2.5), (0.5, 1.0)]]
    better_odds = [[(0.6, 3.0), (0.4, 1.0)], [(0.5, 3.0), (0.5, 1.0)]]
    stimuli = lotteries(better_amounts, better_odds)
    assert (difference(kind, CRRA, r(aversion), stimuli, stake=2.0) > 0).all()


@pytest.mark.parametrize("kind", noise.NOISES)
@pytest.mark.parametrize("weight", [0.3, 1.0, 2.0, 6.0])
@pytest.mark.parametrize("curvature", [0.4, 1.0, 1.6])
def test_the_dominating_gamble_has_the_higher_value(weight: float, curvature: float, kind: str) -> None:
    smaller_loss = [[(0.5, 10.0), (0.5, -4.0)], [(0.5, 10.0), (0.5, -5.0)]]
    larger_gain = [[(0.5, 12.0), (0.5, -5.0)], [(0.5, 10.0), (0.5, -5.0)]]
    no_loss = [[(0.5, 5.0), (0.5, 0.0)], [(0.5, 0.0), (0.5, 0.0)]]
    parameters = {"loss_aversion": weight, "curvature": curvature}
    stimuli = lotteries(smaller_loss, larger_gain, no_loss)
    for theory in (LINEAR, POWER):
        assert (difference(kind, theory, parameters, stimuli, stake=5.0) > 0).all()


def test_a_question_whose_amounts_are_all_equal_leaves_nothing_to_prefer() -> None:
    flat = lotteries([[(0.5, 3.0), (0.5, 3.0)], [(0.2, 3.0), (0.8, 3.0)]])
    np.testing.assert_array_equal(noise.contextual(np, CRRA, r(0.4), flat), 0.0)


@pytest.mark.parametrize("stake", [0.5, 1.0, 30.0])
def test_the_neutral_chooser_values_money_at_its_expectation(stake: float) -> None:
    """At r = 0, and at lambda = rho = 1, differences in value are differences in expected money."""
    expected = (HOLT_LAURY.amount * HOLT_LAURY.probability).sum(axis=2)
    np.testing.assert_allclose(
        difference("logit", CRRA, r(0), HOLT_LAURY, stake=stake), expected[:, 0] - expected[:, 1], atol=1e-12
    )
    neutral = {"loss_aversion": 1.0, "curvature": 1.0}
    mean = (MIXED.amount * MIXED.probability).sum(axis=2)
    for theory in (LINEAR, POWER):
        np.testing.assert_allclose(
            noise.money(np, theory, neutral, MIXED, stake=np.full(len(mean), stake)), mean, atol=1e-10
        )


@pytest.mark.parametrize("aversion", [-0.4, 0.5, 1.0, 1.5])
def test_money_is_utility_over_the_marginal_utility_of_the_stake(aversion: float) -> None:
    """In the amounts' own unit, whatever they were divided by on the way."""
    stake = 2.5
    plain = np.log(HOLT_LAURY.amount) if aversion == 1 else HOLT_LAURY.amount ** (1 - aversion) / (1 - aversion)
    expected = (plain * HOLT_LAURY.probability).sum(axis=2) / stake**-aversion
    np.testing.assert_allclose(
        difference("logit", CRRA, r(aversion), HOLT_LAURY, stake=stake),
        expected[:, 0] - expected[:, 1],
        rtol=1e-9,
    )


def test_the_loss_averse_accept_exactly_the_gains_above_lambda_times_the_loss() -> None:
    gains, losses = MIXED.amount[:, 0, 0], -MIXED.amount[:, 0, 1]
    for weight in (0.7, 1.3, 2.6):
        accepts = difference("contextual", LINEAR, {"loss_aversion": weight}, MIXED) > 0
        np.testing.assert_array_equal(accepts, gains > weight * losses)


def test_power_utility_with_an_exponent_of_one_is_linear() -> None:
    amounts = np.array([-20.0, -1.0, 0.0, 0.3, 40.0])
    assert LINEAR.utility is not None
    assert POWER.utility is not None
    np.testing.assert_allclose(
        POWER.utility(np, {"loss_aversion": 2.2, "curvature": 1.0}, amounts),
        LINEAR.utility(np, {"loss_aversion": 2.2}, amounts),
        atol=1e-11,
    )


def test_power_utility_by_hand() -> None:
    """sqrt: 9 -> 3, and a loss of 4 counts -2 x 2."""
    assert POWER.utility is not None
    found = POWER.utility(np, {"loss_aversion": 2.0, "curvature": 0.5}, np.array([9.0, -4.0, 0.0]))
    np.testing.assert_allclose(found, [3.0, -4.0, 0.0], atol=1e-12)


def test_the_coordinate_of_loss_aversion_is_the_log_ratio_of_gain_to_loss_at_indifference() -> None:
    coordinate, log_rho = np.array([-0.5, 0.3, 1.1]), np.array([-0.4, 0.0, 0.3])
    found = POWER.natural(np, {"loss_aversion": coordinate, "curvature": log_rho})
    np.testing.assert_allclose(found["curvature"], np.exp(log_rho))
    np.testing.assert_allclose(found["loss_aversion"], np.exp(coordinate * found["curvature"]))
    for i, ratio in enumerate(np.exp(coordinate)):
        indifferent = lotteries([[(0.5, 6.0 * ratio), (0.5, -6.0)], [(0.5, 0.0), (0.5, 0.0)]])
        parameters = {name: value[i] for name, value in found.items()}
        assert difference("contextual", POWER, parameters, indifferent) == pytest.approx(0.0, abs=1e-12)


def test_scales_lead_from_coordinates_to_parameters() -> None:
    assert CRRA.natural(np, {"risk_aversion": -0.3}) == {"risk_aversion": -0.3}
    assert LINEAR.natural(np, {"loss_aversion": np.log(2.0)})["loss_aversion"] == pytest.approx(2.0)


# Giving


def test_the_kinds_of_gift_are_shares_of_one_whole() -> None:
    draws = np.random.default_rng(3).normal(0, 4, size=(5, 2000))
    found = GIVING.natural(np, dict(zip((p.name for p in GIVING.parameters), draws, strict=True)))
    kinds = np.array([found[name] for name in ("p_zero", "p_half", "p_above")])
    assert (kinds >= 0).all()
    assert (kinds.sum(axis=0) <= 1 + 1e-12).all()
    assert ((found["mean_share"] > 0) & (found["mean_share"] < 1)).all()


def test_the_mean_share_by_hand() -> None:
    """Of ten, four give nothing, two half, one three quarters and three a fifth: 23.5% on average."""
    p_zero, p_half, p_above, interior, above = 0.4, 0.2, 0.1, 0.4, 0.5
    coordinates = {
        "p_zero": special.logit(p_zero),
        "p_half": special.logit(p_half / 0.6),
        "p_above": special.logit(p_above / 0.4),
        "interior_mean": special.logit(interior),
        "above_mean": special.logit(above),
    }
    found = GIVING.natural(np, coordinates)
    assert found["mean_share"] == pytest.approx((4 * 0.0 + 2 * 0.5 + 1 * 0.75 + 3 * 0.2) / 10)
    assert [found[p.name] for p in giving.PARAMETERS] == pytest.approx([p_zero, p_half, p_above, interior, above])


# Lapses


@pytest.mark.parametrize("options", [2, 3, 5])
@pytest.mark.parametrize("lapse", [1e-9, 0.02, 0.3, 0.9])
def test_a_lapse_is_a_random_choice_now_and_then(options: int, lapse: float) -> None:
    eta = np.random.default_rng(4).normal(0, 3, size=(50, options - 1))
    chosen = special.softmax(np.column_stack([eta, np.zeros(50)]), axis=1)
    probability = (1 - lapse) * chosen + lapse / options
    log_odds = np.log(probability[:, :-1] / probability[:, -1:])
    np.testing.assert_allclose(noise.lapsed(np, eta, lapse, options), log_odds, atol=1e-9)


@pytest.mark.parametrize("options", [2, 3])
def test_lapses_stay_finite_where_the_choice_is_beyond_doubt(options: int) -> None:
    """The most certain answer still errs by lapse / K."""
    lapse = 0.04
    extreme = np.array([-1e8, -800.0, 800.0, 1e8])[:, None] * np.ones(options - 1)
    found = noise.lapsed(np, extreme, lapse, options)
    assert np.isfinite(found).all()
    limit = np.log((1 - lapse) + lapse / 2) - np.log(lapse / 2)
    if options == 2:
        np.testing.assert_allclose(found[:, 0], [-limit, -limit, limit, limit], atol=1e-6)
    else:
        rare = np.log(lapse / 3) - np.log(1 - lapse + lapse / 3)
        each = np.log((1 - lapse) / 2 + lapse / 3) - np.log(lapse / 3)
        np.testing.assert_allclose(found, np.array([[rare] * 2, [rare] * 2, [each] * 2, [each] * 2]), atol=1e-6)


@pytest.mark.parametrize("options", [2, 3])
def test_the_slope_of_a_lapse_is_finite_where_the_choice_is_beyond_doubt(options: int) -> None:
    """A sampler that has wandered far must still know the way back."""
    eta, lapse = pt.matrix("eta", shape=(None, options - 1)), pt.scalar("lapse")
    slopes = pt.grad(noise.lapsed(pt, eta, lapse, options).sum(), [eta, lapse])
    compute = pytensor.function([eta, lapse], slopes, mode=pytensor.compile.mode.Mode("py", "fast_run"))
    for size in (30.0, 2000.0):
        extreme = size * np.vstack([np.ones(options - 1), -np.ones(options - 1), np.eye(options - 1)[0]])
        assert all(np.isfinite(slope).all() for slope in compute(extreme, np.asarray(0.03)))


# The two array modules


@pytest.mark.parametrize(("theory", "kind"), VALUED)
def test_numpy_and_pytensor_agree_on_values(theory: Theory, kind: str) -> None:
    stimuli = random_stimuli(np.random.default_rng(5), 5, 3, 3, losses=theory.losses)
    coordinates = {p.name: np.array([-0.4, 0.0, 0.7])[:, None, None, None] for p in theory.parameters}
    stakes = np.array([3.0, 3.0, 60.0, 60.0, 60.0])
    symbols = {name: pt.tensor4(name, shape=(None, 1, 1, 1)) for name in coordinates}
    symbolic = noise.values(pt, kind, theory, theory.natural(pt, symbols), stimuli, stake=stakes)
    direct = noise.values(np, kind, theory, theory.natural(np, coordinates), stimuli, stake=stakes)
    assert direct.shape == (3, 5, 3)
    compute = pytensor.function(list(symbols.values()), symbolic, mode="FAST_COMPILE")
    np.testing.assert_allclose(compute(**coordinates), direct, atol=1e-12)


def test_numpy_and_pytensor_agree_on_gifts_and_lapses() -> None:
    draws = np.random.default_rng(6).normal(size=(5, 7))
    symbols = {p.name: pt.vector(p.name) for p in GIVING.parameters}
    given = dict(zip(symbols, draws, strict=True))
    compute = pytensor.function(list(symbols.values()), list(GIVING.natural(pt, symbols).values()), mode="FAST_COMPILE")
    np.testing.assert_allclose(compute(**given), list(GIVING.natural(np, given).values()), atol=1e-13)
    lapse = pt.scalar("lapse")
    for options in (2, 3):
        values = draws[:, : options - 1]
        eta = pt.matrix("eta", shape=(None, options - 1))
        both = pytensor.function([eta, lapse], noise.lapsed(pt, eta, lapse, options), mode="FAST_COMPILE")
        np.testing.assert_allclose(both(values, np.asarray(0.1)), noise.lapsed(np, values, 0.1, options), atol=1e-13)


def test_an_unknown_theory_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match=r"prospect.*") as refused:
        theories.get("prospect")
    told = [name for name in THEORIES if name in str(refused.value)]
    assert len(told) >= KNOWN_LIMIT
    assert f"and {len(THEORIES) - KNOWN_LIMIT} more" in str(refused.value)
    assert refused.value.exit_code == 2
