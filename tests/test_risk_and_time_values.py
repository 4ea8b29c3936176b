"""What expo-power, ambiguity, stated equivalents, budgets over time and discounted utility say, by other means."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import optimize

from replicator import theories
from replicator.errors import DataError
from replicator.experiment import Outcome
from replicator.theories import Stimuli, Theory, ambiguity, expo_power, noise
from replicator.theories.stimuli import check_domain, stimuli

CRRA, EXPECTED, EXPO, AMBIGUITY, STATED, BUDGET, JOINT, QUASI, EXPONENTIAL = (
    theories.get(name)
    for name in (
        "crra", "expected-value", "expo-power", "ambiguity", "certainty-equivalent", "convex-budget",
        "discounted-utility", "quasi-hyperbolic", "exponential",
    )
)  # fmt: skip


def paid(option: str, amount: float, low: float = 1.0, high: float | None = None, *, delay: float = 0.0) -> Outcome:
    return Outcome(option, amount, low, low if high is None else high, delay=delay)


def grid(outcomes: dict[float, list[tuple[float, float]]]) -> Stimuli:
    """One question whose answers are numbers: answer -> branches of (probability, amount)."""
    names = [f"{answer:g}" for answer in outcomes]
    each = [paid(n, x, p) for n, branches in zip(names, outcomes.values(), strict=True) for p, x in branches]
    found = stimuli([each], names)
    return Stimuli(**{**vars(found), "answers": np.array([list(outcomes)], dtype=float)})


def values(theory: Theory, given: Stimuli, kind: str, **parameters: float) -> Any:
    numbers = {name: np.float64(number) for name, number in parameters.items()}
    return np.asarray(noise.values(np, kind, theory, numbers, given, stake=np.ones(len(given.largest))))[0]


def best(theory: Theory, given: Stimuli, kind: str, **parameters: float) -> float:
    return float(np.asarray(given.answers)[0, values(theory, given, kind, **parameters).argmax()])


# Expected value


@pytest.mark.parametrize("kind", EXPECTED.noises)
def test_expected_value_is_crra_at_zero(kind: str) -> None:
    given = stimuli([[paid("a", 9, 0.3), paid("a", 1, 0.7), paid("b", 3)]], ["a", "b"])
    neutral = values(CRRA, given, kind, risk_aversion=0)
    np.testing.assert_allclose(np.diff(values(EXPECTED, given, kind)), np.diff(neutral))


# Expo-power


@pytest.mark.parametrize("a", [1e-12, 1e-6, 0.029, 0.5, 3.0, 30.0])
@pytest.mark.parametrize("r", [-1.5, 0.0, 0.27, 0.999999, 1.0, 1.0 + 1e-9, 1.8])
@pytest.mark.parametrize("x", [1e-4, 0.03, 0.4, 1.0, 2.0])
def test_expo_power_is_that_of_sixty_digits(a: float, r: float, x: float) -> None:
    """Saha's function less its value at 1, over its slope there."""
    with mpmath.workdps(60):
        rate, power, amount = mpmath.mpf(a), 1 - mpmath.mpf(r), mpmath.mpf(x)
        exact = (
            mpmath.log(amount)
            if power == 0
            else (mpmath.exp(-rate) - mpmath.exp(-rate * amount**power)) / (rate * power * mpmath.exp(-rate))
        )
    given = {"risk_aversion": np.float64(r), "absolute_risk_aversion": np.float64(a)}
    found = float(expo_power.utility(np, given, np.float64(x)))
    assert found == pytest.approx(float(exact), rel=1e-7, abs=1e-13)
    slope = float(expo_power.marginal_utility(np, given, np.float64(x)))
    if 1e-6 < slope < 1e6:  # beyond, nearly all amounts have the same utility
        assert float(expo_power.inverse(np, given, np.float64(found))) == pytest.approx(x, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("kind", EXPO.noises)
@pytest.mark.parametrize("r", [-0.5, 0.3, 1.0, 1.4])
def test_expo_power_goes_over_into_crra(kind: str, r: float) -> None:
    given = stimuli([[paid("a", 77, 0.4), paid("a", 2, 0.6), paid("b", 40, 0.4), paid("b", 32, 0.6)]], ["a", "b"])
    near = values(EXPO, given, kind, risk_aversion=r, absolute_risk_aversion=1e-9)
    np.testing.assert_allclose(np.diff(near), np.diff(values(CRRA, given, kind, risk_aversion=r)), rtol=1e-6)


def test_relative_risk_aversion_is_the_curvature_at_the_largest_amount() -> None:
    r, a, step = 0.3, 0.8, 1e-4
    given = {"risk_aversion": r, "absolute_risk_aversion": a}
    below, here, above = (float(expo_power.utility(np, given, np.float64(1 + s))) for s in (-step, 0, step))
    bend = -((above - 2 * here + below) / step**2) / ((above - below) / (2 * step))
    natural = EXPO.natural(np, {"risk_aversion": r, "absolute_risk_aversion": np.log(a)})
    assert natural["relative_risk_aversion"] == pytest.approx(bend, rel=1e-5)


def test_holt_and_laurys_estimates_predict_more_caution_at_higher_stakes() -> None:
    """Fitted to 1, 20, 50 and 90 times the stakes: risk aversion grows, in dollars and in cents alike."""

    def switches(unit: float) -> list[int]:
        safe_choices = []
        for stakes in (1, 20, 50, 90):
            rows = [
                [
                    paid("safe", 2.0 * stakes * unit, p / 10), paid("safe", 1.6 * stakes * unit, 1 - p / 10),
                    paid("risky", 3.85 * stakes * unit, p / 10), paid("risky", 0.1 * stakes * unit, 1 - p / 10),
                ]
                for p in range(1, 11)
            ]  # fmt: skip
            given = stimuli(rows, ["safe", "risky"], reference=unit)
            value = noise.values(
                np, "contextual", EXPO,
                {"risk_aversion": np.float64(0.269), "absolute_risk_aversion": np.float64(0.029)},
                given, stake=np.ones(10),
            )  # fmt: skip
            safe_choices.append(int((value[:, 0] > value[:, 1]).sum()))
        return safe_choices

    def u(x: float) -> float:
        return float(1 - np.exp(-0.029 * x**0.731))

    by_hand = [
        sum(p * u(2.0 * s) + (10 - p) * u(1.6 * s) > p * u(3.85 * s) + (10 - p) * u(0.1 * s) for p in range(1, 11))
        for s in (1, 20, 50, 90)
    ]
    assert switches(1.0) == switches(100.0) == by_hand == [5, 6, 7, 7]


# Ambiguity


def test_an_unknown_urn_counts_as_levy_and_colleagues_say() -> None:
    """(p - b A / 2) u(x), for a probability that is known up to a width A."""
    for p, width, b, rho in [(0.5, 1.0, 0.3, 0.8), (0.38, 0.24, -0.6, 1.3), (0.5, 0.5, 1.0, 0.4)]:
        urn = [paid("urn", 20, p - width / 2, p + width / 2), paid("urn", 0, 1 - p - width / 2, 1 - p + width / 2)]
        given = stimuli([[*urn, paid("sure", 5)]], ["urn", "sure"])
        found = values(AMBIGUITY, given, "logit", ambiguity_attitude=b, curvature=rho)
        assert found[0] * rho == pytest.approx((p - b * width / 2) * 20**rho, rel=1e-10)
        equal = values(AMBIGUITY, given, "equivalent", ambiguity_attitude=b, curvature=rho)
        assert equal[0] == pytest.approx((p - b * width / 2) ** (1 / rho), rel=1e-9)


def test_without_ambiguity_the_attitude_says_nothing() -> None:
    known = stimuli([[paid("a", 20, 0.4), paid("a", 1, 0.6), paid("b", 6)]], ["a", "b"])
    assert known.ambiguity is None
    one, other = (values(AMBIGUITY, known, "contextual", ambiguity_attitude=b, curvature=0.7) for b in (-0.9, 0.9))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", range(4))
def test_best_and_worst_are_the_ends_of_a_linear_programme(seed: int) -> None:
    rng = np.random.default_rng(seed)
    amounts, middle = rng.uniform(1, 30, 4), rng.dirichlet(np.ones(4))
    width = np.minimum(rng.uniform(0, 0.4, 4), 2 * np.minimum(middle, 1 - middle))
    low, high = middle - width / 2, middle + width / 2
    given = Stimuli(
        amounts[None, None], middle[None, None], amounts.max(keepdims=True), amounts.min(keepdims=True),
        ambiguity=width[None, None],
    )  # fmt: skip
    for probability, sign in zip(ambiguity.extremes(given), (-1, 1), strict=True):
        bounds = list(zip(low, high, strict=True))
        solved = optimize.linprog(sign * amounts**0.7, A_eq=np.ones((1, 4)), b_eq=[1], bounds=bounds)
        assert probability.sum() == pytest.approx(1.0)
        assert (probability[0, 0] @ amounts**0.7) == pytest.approx(sign * solved.fun, rel=1e-9)


def test_limits_that_the_other_branch_rules_out_are_cut_off() -> None:
    """A chance of 20 to 60% of winning, and of anything from 0 to 1 of losing: the latter is 40 to 80%."""
    given = stimuli([[paid("a", 9, 0.2, 0.6), paid("a", 1, 0.0, 1.0), paid("b", 3)]], ["a", "b"])
    np.testing.assert_allclose(given.probability[0, 0], [0.4, 0.6])
    assert given.ambiguity is not None
    np.testing.assert_allclose(given.ambiguity[0, 0], [0.4, 0.4])
    np.testing.assert_allclose(given.ambiguity[0, 1], 0.0)
    three = stimuli([[paid("a", 9, 1 / 3), paid("a", 4, 0, 2 / 3), paid("a", 0, 0, 2 / 3), paid("b", 3)]], ["a", "b"])
    np.testing.assert_allclose(three.probability[0, 0], [1 / 3] * 3)


def test_who_cannot_read_ambiguity_says_so_and_names_who_can() -> None:
    given = stimuli([[paid("a", 9, 0.2, 0.6), paid("a", 1, 0.4, 0.8), paid("b", 3)]], ["a", "b"])
    with pytest.raises(DataError, match=r"needs known probabilities.*\n*.*Theories that read all of it: ambiguity"):
        check_domain(CRRA, given)
    check_domain(AMBIGUITY, given)


# Certainty equivalents as they are stated


@pytest.mark.parametrize("r", [-0.5, 0.0, 0.5])
def test_the_equivalent_that_costs_nothing_is_the_one_that_is_stated(r: float) -> None:
    lottery = [(0.3, 100.0), (0.7, 20.0)]
    given = grid(dict.fromkeys(np.arange(20, 101), lottery))
    exact = (0.3 * 100 ** (1 - r) + 0.7 * 20 ** (1 - r)) ** (1 / (1 - r))
    for kind in STATED.noises:
        assert abs(best(STATED, given, kind, risk_aversion=r) - exact) <= 0.5


def test_a_wrong_statement_costs_what_the_mechanism_takes() -> None:
    """A price between 0 and 100 buys from whoever states less. By quadrature, for a risk-neutral seller."""
    given = grid({c: [(0.5, 100.0), (0.5, 0.0)] for c in np.arange(0, 101, 10)})
    prices = (np.arange(100_000) + 0.5) / 1000

    def earned(stated: float) -> float:
        return float(np.where(prices >= stated, prices, 50.0).mean())

    expected = [earned(c) - earned(50.0) for c in np.arange(0, 101, 10)]
    np.testing.assert_allclose(values(STATED, given, "logit", risk_aversion=0.0), expected, atol=1e-3)


# Bombs and investments: lotteries on a grid, for which constant relative risk aversion is enough


@pytest.mark.parametrize("r", [-0.6, 0.0, 0.3, 0.8])
@pytest.mark.parametrize("kind", CRRA.noises)
def test_the_boxes_collected_are_those_of_the_first_order_condition(r: float, kind: str) -> None:
    """k of 100 boxes, one of which holds the bomb: (1 - k/100) k^(1-r) is largest at k = 100 (1-r) / (2-r)."""
    boxes = grid({k: [(1 - k / 100, float(k)), (k / 100, 0.0)] for k in range(101)})
    assert abs(best(CRRA, boxes, kind, risk_aversion=r) - 100 * (1 - r) / (2 - r)) <= 0.5


@pytest.mark.parametrize(
    ("r", "kind"), [*((r, kind) for r in (0.4, 1.0) for kind in CRRA.noises), (2.5, "logit"), (2.5, "equivalent")]
)
def test_the_share_invested_is_that_of_the_first_order_condition(r: float, kind: str) -> None:
    """Even odds of 2.5 times the investment: ((w - x) / (w + 1.5 x))^r = (1-p) / (p 1.5).

    Beyond r = 1 a question that can pay nothing has no range of utilities to speak of.
    """
    investments = grid({x: [(0.5, 100 + 1.5 * x), (0.5, 100.0 - x)] for x in range(101)})
    ratio = (1 / 1.5) ** (1 / r)
    assert abs(best(CRRA, investments, kind, risk_aversion=r) - 100 * (1 - ratio) / (1 + 1.5 * ratio)) <= 0.5
    assert best(CRRA, investments, kind, risk_aversion=0.0) == 100


# Budgets over two dates


def budget(rate: float, sooner: float, later: float, tokens: int = 100) -> Stimuli:
    outcomes = [
        outcome
        for kept in range(tokens + 1)
        for outcome in (
            paid(str(kept), float(kept), delay=sooner),
            paid(str(kept), (tokens - kept) * (1 + rate), delay=later),
        )
    ]
    found = stimuli([outcomes], [str(kept) for kept in range(tokens + 1)])
    return Stimuli(**{**vars(found), "answers": np.arange(tokens + 1.0)[None]})


@pytest.mark.parametrize(("sooner", "beta"), [(0, 0.9), (0, 1.0), (35, 0.7)])
@pytest.mark.parametrize("alpha", [0.5, 0.9])
def test_budgets_are_divided_by_the_tangency_condition(alpha: float, sooner: float, beta: float) -> None:
    """c / l = (beta^[now] delta^k (1+R))^(1/(alpha-1)), c sooner and l later (Andreoni & Sprenger 2012)."""
    rate, delay, annual = 0.15, 70.0, 0.4
    bias = beta if sooner == 0 else 1.0
    ratio = (bias * np.exp(-annual * delay / 365) * (1 + rate)) ** (1 / (alpha - 1))
    exact = 100 * ratio * (1 + rate) / (1 + ratio * (1 + rate))
    given = budget(rate, sooner, sooner + delay)
    for kind in BUDGET.noises:
        found = best(BUDGET, given, kind, curvature=alpha, present_bias=beta, annual_rate=annual)
        assert abs(found - exact) <= 0.5


@pytest.mark.parametrize("alpha", [1.0, 1.4])
def test_without_decreasing_returns_everything_goes_to_one_date(alpha: float) -> None:
    for annual, kept in ((0.1, 0.0), (4.0, 100.0)):
        given = budget(0.15, 0, 70)
        assert best(BUDGET, given, "logit", curvature=alpha, present_bias=1.0, annual_rate=annual) == kept


def test_linear_utility_of_single_payments_is_quasi_hyperbolic_discounting() -> None:
    given = stimuli([[paid("a", 40), paid("b", 55, delay=62)]], ["a", "b"])
    shared = {"present_bias": 0.8, "annual_rate": 1.1}
    np.testing.assert_allclose(
        values(BUDGET, given, "logit", curvature=1.0, **shared), values(QUASI, given, "logit", **shared), rtol=1e-9
    )
    # Whatever the curvature: 55 later is worth 55 times D^(1/alpha).
    found = values(BUDGET, given, "logit", curvature=0.5, **shared)[1]
    assert found == pytest.approx(55 * (0.8 * np.exp(-1.1 * 62 / 365)) ** 2, rel=1e-9)


# Risk and time


def test_joint_values_by_hand() -> None:
    """A tenth of a chance of 100 in a year at r = .5, d = .2: (.1 e^-.2 sqrt(100))^2."""
    given = stimuli([[paid("a", 100, 0.1, delay=365), paid("a", 0, 0.9, delay=365), paid("b", 5)]], ["a", "b"])
    found = values(JOINT, given, "logit", risk_aversion=0.5, annual_rate=0.2)
    np.testing.assert_allclose(found, [(0.1 * np.exp(-0.2) * 10) ** 2, 5.0], rtol=1e-9)


def test_sure_amounts_show_the_rate_over_one_minus_r_alone() -> None:
    given = stimuli([[paid("a", 40), paid("b", 55, delay=62)]], ["a", "b"])
    coordinates = {"risk_aversion": np.float64(1.1), "annual_rate": np.log(0.9)}
    natural = JOINT.natural(np, coordinates)
    assert natural["annual_rate"] / (1 - natural["risk_aversion"]) == pytest.approx(0.9)
    assert natural["log_annual_rate"] == pytest.approx(np.log(natural["annual_rate"]))
    found = values(JOINT, given, "logit", **{k: natural[k] for k in ("risk_aversion", "annual_rate")})
    np.testing.assert_allclose(found, values(EXPONENTIAL, given, "logit", annual_rate=0.9), rtol=1e-9)
