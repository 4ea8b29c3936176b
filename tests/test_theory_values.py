"""What distorted probabilities, delays and other people do to values, against numbers computed by other means."""

from __future__ import annotations

from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import integrate

from replicator import theories
from replicator.errors import DataError
from replicator.experiment import Outcome
from replicator.theories import THEORIES, Stimuli, Theory, noise, ranks
from replicator.theories.prospect import prelec, prelec_two, tversky_kahneman
from replicator.theories.stimuli import check_domain, stimuli

CPT, RANK, HYPERBOLIC, EXPONENTIAL, QUASI, FEHR, THRESHOLD = (
    theories.get(name)
    for name in (
        "cpt", "rank-dependent", "hyperbolic", "exponential", "quasi-hyperbolic", "fehr-schmidt",
        "acceptance-threshold",
    )
)  # fmt: skip
CHANCES = [0.001, 0.01, 0.1, 0.37, 0.5, 0.9, 0.99, 0.999]


def paid(option: str, amount: float, p: float = 1.0, *, to: str = "self", delay: float = 0.0) -> Outcome:
    return Outcome(option, amount, p, p, to=to, delay=delay)


def one(*outcomes: Outcome, options: tuple[str, ...] = ("first", "second")) -> Stimuli:
    return stimuli([outcomes], options)


def value(theory: Theory, given: Stimuli, kind: str = "logit", **parameters: float) -> Any:
    numbers = {name: np.float64(number) for name, number in parameters.items()}
    return noise.values(np, kind, theory, numbers, given, stake=np.ones(1))[0]


# Weights of probabilities


@pytest.mark.parametrize("p", CHANCES)
@pytest.mark.parametrize("a", [0.3, 0.7, 1.0, 1.6])
def test_weights_are_those_of_fifty_digits(p: float, a: float) -> None:
    with mpmath.workdps(50):
        x, alpha = mpmath.mpf(p), mpmath.mpf(a)
        one_parameter = mpmath.exp(-((-mpmath.log(x)) ** alpha))
        two = mpmath.exp(-mpmath.mpf("1.3") * (-mpmath.log(x)) ** alpha)
        tk = x**alpha / (x**alpha + (1 - x) ** alpha) ** (1 / alpha)
    assert float(prelec(np, {"probability_weighting": a}, np.float64(p))) == pytest.approx(
        float(one_parameter), rel=1e-10
    )
    both = {"probability_weighting": a, "elevation": 1.3}
    assert float(prelec_two(np, both, np.float64(p))) == pytest.approx(float(two), rel=1e-10)
    assert float(tversky_kahneman(np, {"weighting_curvature": a}, np.float64(p))) == pytest.approx(float(tk), rel=1e-10)


def test_weights_of_tversky_and_kahneman_never_fall_within_the_priors_reach() -> None:
    """Below an exponent of about .279 they would."""
    theory = theories.get("rank-dependent-tk")
    assert theory.weight is not None
    p = np.linspace(1e-4, 1 - 1e-4, 2001)
    for coordinate in (-8.0, -2.0, 0.0, 1.5):
        zero = np.float64(0.0)
        natural = theory.natural(np, {"curvature": zero, "weighting_curvature": np.float64(coordinate)})
        assert (np.diff(theory.weight(np, natural, p)) > 0).all()
    fallen = tversky_kahneman(np, {"weighting_curvature": 0.2}, p)
    assert (np.diff(fallen) < 0).any()


@pytest.mark.parametrize("name", ["rank-dependent", "rank-dependent-two", "rank-dependent-tk", "cpt"])
def test_the_middle_of_the_prior_takes_probabilities_as_they_are(name: str) -> None:
    theory = theories.get(name)
    middle = theory.natural(np, {p.name: np.float64(p.prior.mean) for p in theory.parameters})
    lottery = one(paid("first", 9, 0.2), paid("first", 4, 0.5), paid("first", 1, 0.3), paid("second", 3))
    np.testing.assert_allclose(ranks.weights(np, theory, middle, lottery)[0, 0], [0.2, 0.5, 0.3], atol=1e-12)


def test_prospect_theory_by_hand() -> None:
    """Gains cumulate from the best, losses from the worst, as in Tversky & Kahneman's example of a die."""
    lam, rho, a = 2.0, 0.88, 0.65
    amounts = [-6.0, -3.0, -1.0, 2.0, 4.0, 5.0]
    die = one(*(paid("first", x, 1 / 6) for x in amounts), paid("second", 0))

    def w(p: float) -> float:
        return float(np.exp(-((-np.log(p)) ** a)))

    third, half = w(2 / 6) - w(1 / 6), w(3 / 6) - w(2 / 6)
    gains = w(1 / 6) * 5**rho + third * 4**rho + half * 2**rho
    losses = w(1 / 6) * 6**rho + third * 3**rho + half * 1**rho
    found = value(CPT, die, loss_aversion=lam, curvature=rho, probability_weighting=a)
    # In money: over the marginal utility rho of the stake of 1.
    assert found[0] * rho == pytest.approx(gains - lam * losses, rel=1e-10)
    assert found[1] == pytest.approx(0.0, abs=1e-10)


def test_rank_dependent_utility_is_choquets_integral() -> None:
    """The integral over utility levels t of w(P(u > t)), whatever the order of the branches."""
    rng = np.random.default_rng(3)
    for _ in range(5):
        amounts, p = rng.uniform(0, 20, 4), rng.dirichlet(np.ones(4))
        rho, a = 0.7, 0.6

        def survival(t: float, amounts: Any = amounts, p: Any = p, rho: float = rho, a: float = a) -> float:
            above = float(p[amounts**rho > t].sum())
            return 0.0 if above <= 0 else float(np.exp(-((-np.log(min(above, 1 - 1e-16))) ** a)))

        edges = np.sort(amounts**rho)
        integral, low = 0.0, 0.0
        for edge in edges:
            integral += integrate.quad(survival, low, edge)[0]
            low = edge
        found = value(
            RANK,
            one(*(paid("first", x, q) for x, q in zip(amounts, p, strict=True)), paid("second", 1)),
            curvature=rho,
            probability_weighting=a,
        )
        assert found[0] * rho == pytest.approx(integral, rel=1e-6)


def test_equal_amounts_may_be_split_into_branches() -> None:
    parameters = {"loss_aversion": 1.4, "curvature": 0.8, "probability_weighting": 0.6}
    whole = one(paid("first", 8, 0.5), paid("first", -2, 0.5), paid("second", 0))
    split = one(
        paid("first", 8, 0.2), paid("first", -2, 0.1), paid("first", 8, 0.3), paid("first", -2, 0.4), paid("second", 0)
    )
    np.testing.assert_allclose(value(CPT, whole, **parameters), value(CPT, split, **parameters), rtol=1e-12)


@pytest.mark.parametrize("a", [0.4, 1.0, 1.7])
def test_the_dominating_lottery_has_the_higher_value_however_probabilities_are_weighed(a: float) -> None:
    better = [paid("first", 9, 0.3), paid("first", 2, 0.7)]
    for worse in ([paid("second", 9, 0.25), paid("second", 2, 0.75)], [paid("second", 9, 0.3), paid("second", 1, 0.7)]):
        for kind in CPT.noises:
            found = value(CPT, one(*better, *worse), kind, loss_aversion=2.0, curvature=0.7, probability_weighting=a)
            assert found[0] > found[1]


@pytest.mark.parametrize("theory", [t for t in THEORIES.values() if t.weight], ids=lambda t: t.name)
def test_slopes_are_finite_where_an_outcome_is_sure_or_impossible(theory: Theory) -> None:
    given = one(paid("first", 5), paid("second", 9, 0.5), paid("second", 0, 0.5))
    symbols = {p.name: pt.scalar(p.name) for p in theory.parameters}
    both = noise.values(pt, "contextual", theory, theory.natural(pt, symbols), given, stake=np.ones(1))
    slopes = pytensor.function(list(symbols.values()), pt.grad(both.sum(), list(symbols.values())))
    for point in product((-2.0, 0.0, 1.5), repeat=len(symbols)):
        assert np.isfinite(np.array(slopes(*point))).all()


# Certainty equivalents


@pytest.mark.parametrize("theory", [t for t in THEORIES.values() if t.inverse], ids=lambda t: t.name)
def test_a_sure_amount_is_its_own_equivalent(theory: Theory) -> None:
    assert theory.utility is not None
    assert theory.inverse is not None
    rng = np.random.default_rng(5)
    amounts = np.array([-1.0, -0.3, 0.01, 0.2, 1.0] if theory.losses else [0.01, 0.2, 0.5, 1.0])
    for _ in range(20):
        drawn = {p.name: np.float64(rng.normal(p.prior.mean, p.prior.sd)) for p in theory.parameters}
        natural = theory.natural(np, drawn)
        back = theory.inverse(np, natural, theory.utility(np, natural, amounts))
        np.testing.assert_allclose(back, amounts, rtol=1e-6, atol=1e-9)


def test_the_equivalent_of_an_even_gamble_by_hand() -> None:
    """At r = .5 the equivalent of an even chance of 100 or nothing is a quarter of it: (sqrt(100) / 2)^2 = 25."""
    gamble = one(paid("first", 100, 0.5), paid("first", 0, 0.5), paid("second", 40))
    found = value(theories.get("crra"), gamble, "equivalent", risk_aversion=0.5)
    np.testing.assert_allclose(found, [0.25, 0.40], rtol=1e-9)


# Delays


def test_present_values_by_hand() -> None:
    sooner_later = one(paid("first", 40), paid("second", 55, delay=62))
    assert value(HYPERBOLIC, sooner_later, discount_rate=0.01)[1] == pytest.approx(55 / 1.62)
    assert value(EXPONENTIAL, sooner_later, annual_rate=1.5)[1] == pytest.approx(55 * np.exp(-1.5 * 62 / 365))
    quasi = value(QUASI, sooner_later, present_bias=0.7, annual_rate=1.5)
    np.testing.assert_allclose(quasi, [40, 0.7 * 55 * np.exp(-1.5 * 62 / 365)])


def test_indifference_is_at_the_rate_that_the_literature_gives_the_question() -> None:
    """k = (later / sooner - 1) / days: 55 in 62 days against 40 now is the question of k = .006."""
    question = one(paid("first", 40), paid("second", 55, delay=62))
    found = value(HYPERBOLIC, question, discount_rate=(55 / 40 - 1) / 62)
    assert found[0] == pytest.approx(found[1])
    rate = (55 / 40 - 1) / 62
    assert rate == pytest.approx(0.006, abs=1e-4)


def test_present_bias_of_one_is_exponential_and_says_nothing_between_two_later_dates() -> None:
    now, later = (
        one(paid("first", 10), paid("second", 12, delay=30)),
        one(paid("first", 10, delay=365), paid("second", 12, delay=395)),
    )
    np.testing.assert_allclose(
        value(QUASI, now, present_bias=1.0, annual_rate=0.8), value(EXPONENTIAL, now, annual_rate=0.8)
    )
    unbiased, biased = (value(QUASI, later, present_bias=b, annual_rate=0.8) for b in (1.0, 0.6))
    assert unbiased[0] / unbiased[1] == pytest.approx(biased[0] / biased[1])


# Other people


def test_inequity_by_hand() -> None:
    """8 for oneself and 2 for the other against 2 and 8: envy counts where one has less, guilt where one has more."""
    given = one(paid("first", 8), paid("first", 2, to="other"), paid("second", 2), paid("second", 8, to="other"))
    np.testing.assert_allclose(value(FEHR, given, envy=0.9, guilt=0.25), [8 - 0.25 * 6, 2 - 0.9 * 6])


def test_an_offer_is_accepted_from_the_minimum_on() -> None:
    for share in (0.1, 0.2, 0.3, 0.4, 0.5):
        offer = one(
            paid("accept", 20 * share), paid("accept", 20 * (1 - share), to="other"),
            paid("reject", 0), paid("reject", 0, to="other"), options=("accept", "reject"),
        )  # fmt: skip
        found = value(THRESHOLD, offer, minimum_acceptable_offer=0.27)
        assert (found[0] > found[1]) == (share > 0.27)
        # alpha = m / (1 - 2 m): inequity aversion puts the same offers below indifference.
        same = value(FEHR, offer, envy=0.27 / (1 - 0.54), guilt=0.0)
        assert np.sign(same[0] - same[1]) == np.sign(found[0] - found[1])
        assert same[0] == pytest.approx(found[0] * (1 + 2 * 0.27 / (1 - 0.54)))


def test_what_a_theory_does_not_read_is_refused_in_one_line() -> None:
    crra = theories.get("crra")
    with pytest.raises(DataError, match="paid later"):
        check_domain(crra, one(paid("first", 1), paid("second", 2, delay=3)))
    with pytest.raises(DataError, match="another person"):
        check_domain(crra, one(paid("first", 1), paid("first", 1, to="other"), paid("second", 2)))
    with pytest.raises(DataError, match="perhaps or later"):
        one(paid("first", 1), paid("first", 1, 0.5, to="other"), paid("second", 2))
    check_domain(HYPERBOLIC, one(paid("first", 1), paid("second", 2, delay=3)))
    with pytest.raises(ValueError, match='hyperbolic has no values under the noise "contextual"'):
        value(HYPERBOLIC, one(paid("first", 1), paid("second", 2, delay=3)), "contextual", discount_rate=0.1)


@pytest.mark.parametrize("factor", [0.01, 100.0])
@pytest.mark.parametrize(
    ("theory", "parameters"),
    [
        (HYPERBOLIC, {"discount_rate": 0.02}),
        (FEHR, {"envy": 0.5, "guilt": 0.2}),
        (CPT, {"loss_aversion": 1.5, "curvature": 0.8, "probability_weighting": 0.7}),
    ],
    ids=lambda x: x.name if isinstance(x, Theory) else "",
)
def test_equivalents_do_not_depend_on_the_currency(theory: Theory, parameters: dict[str, float], factor: float) -> None:
    def offered(unit: float) -> Stimuli:
        outcomes = [paid("first", 8 * unit), paid("second", 11 * unit, delay=20 if theory is HYPERBOLIC else 0)]
        if theory is FEHR:
            outcomes += [paid("first", 12 * unit, to="other"), paid("second", 1 * unit, to="other")]
        if theory is CPT:
            outcomes = [paid("first", 8 * unit, 0.3), paid("first", -2 * unit, 0.7), paid("second", 1 * unit)]
        return one(*outcomes)

    plain, scaled = (value(theory, offered(unit), "equivalent", **parameters) for unit in (1.0, factor))
    np.testing.assert_allclose(plain, scaled, rtol=1e-9, atol=1e-12)


def test_who_is_paid_alone_leaves_nothing_for_oneself_and_several_others_are_too_many() -> None:
    given = one(paid("first", 5, to="other"), paid("second", 4))
    np.testing.assert_array_equal(given.amount[0, :, 0], [0.0, 4.0])
    np.testing.assert_array_equal(np.asarray(given.other)[0], [5.0, 0.0])
    with pytest.raises(DataError, match="there are several: other, third"):
        one(paid("first", 1), paid("first", 2, to="other"), paid("second", 1), paid("second", 3, to="third"))


def test_the_remedy_names_the_theories_that_would_do() -> None:
    mixed = one(paid("first", -5, 0.5), paid("first", 8, 0.5), paid("second", 0))
    able = "expected-value, loss-aversion, loss-aversion-power, cpt"
    with pytest.raises(DataError, match=f"Theories that read all of it: {able}"):
        check_domain(RANK, mixed)
    both = one(paid("first", 1, delay=3), paid("second", 2), paid("second", 1, to="other"))
    with pytest.raises(DataError, match="No theory reads all of it"):
        check_domain(HYPERBOLIC, both)
