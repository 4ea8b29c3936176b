"""What altruism, trust and conditional cooperation say, against numbers computed by other means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest

from replicator import theories
from replicator.experiment import Outcome
from replicator.theories import Stimuli, Theory, noise
from replicator.theories.stimuli import stimuli

CES, FEHR, TRUST, COOPERATION, EXPECTED = (
    theories.get(name) for name in ("ces", "fehr-schmidt", "trust", "conditional-cooperation", "expected-value")
)


def divided(*pairs: tuple[float, float]) -> Stimuli:
    """One question of options that give (own, other)."""
    names = [str(i) for i in range(len(pairs))]
    each = [
        outcome
        for name, (own, other) in zip(names, pairs, strict=True)
        for outcome in (Outcome(name, own, 1.0, 1.0), Outcome(name, other, 1.0, 1.0, to="other"))
    ]
    return replace(stimuli([each], names), answers=np.arange(float(len(pairs)))[None])


def values(theory: Theory, given: Stimuli, kind: str = "logit", **parameters: float) -> Any:
    numbers = {name: np.float64(number) for name, number in parameters.items()}
    return np.asarray(noise.values(np, kind, theory, numbers, given, stake=np.ones(len(given.largest))))[0]


# Altruism


@pytest.mark.parametrize("sigma", [0.05, 0.5, 0.999, 1.0, 1.0 + 1e-8, 1.001, 3.0, 40.0])
@pytest.mark.parametrize("a", [0.001, 0.3, 0.5, 0.999])
def test_the_value_of_a_division_is_that_of_sixty_digits(sigma: float, a: float) -> None:
    pairs = [(8.0, 2.0), (0.5, 9.5), (5.0, 5.0), (10.0, 0.01)]
    found = values(CES, divided(*pairs), own_weight=a, substitution=sigma)
    with mpmath.workdps(60):
        weight, q = mpmath.mpf(a), 1 - 1 / mpmath.mpf(sigma)
        for (s, o), value in zip(pairs, found, strict=True):
            own, other = mpmath.mpf(s), mpmath.mpf(o)
            exact = (
                own**weight * other ** (1 - weight)
                if q == 0
                else (weight * own**q + (1 - weight) * other**q) ** (1 / q)
            )
            assert value == pytest.approx(float(exact), rel=1e-7)


def test_who_gets_nothing_counts_for_nothing_or_for_everything() -> None:
    """Substitutes (sigma = 2): a^2 s. Complements (sigma = .5): nothing for one is nothing at all."""
    given = divided((9.0, 0.0), (0.0, 9.0), (4.5, 4.5))
    np.testing.assert_allclose(values(CES, given, own_weight=0.7, substitution=2.0), [0.49 * 9, 0.09 * 9, 4.5])
    np.testing.assert_allclose(values(CES, given, own_weight=0.7, substitution=0.5), [0, 0, 4.5], atol=1e-12)


@pytest.mark.parametrize("price", [0.25, 1.0, 3.0])
@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("a", [0.4, 0.7])
def test_budgets_are_divided_as_demand_says(a: float, sigma: float, price: float) -> None:
    """logit of the share spent on oneself = sigma logit(a) + (sigma - 1) log(p_o / p_s)."""
    shares = np.linspace(0, 1, 1001)
    given = divided(*((100 * w, 100 * (1 - w) / price) for w in shares))
    spent = shares[values(CES, given, own_weight=a, substitution=sigma).argmax()]
    expected = sigma * np.log(a / (1 - a)) + (sigma - 1) * np.log(price)
    assert spent == pytest.approx(1 / (1 + np.exp(-expected)), abs=1e-3)
    natural = CES.natural(np, {"own_weight": np.log(a / (1 - a)), "substitution": np.log(sigma)})
    assert natural["ces_power"] == pytest.approx(1 - 1 / sigma)
    if price == 1.0:
        assert natural["giving_at_price_one"] == pytest.approx(1 - spent, abs=1e-3)


def test_the_selfish_keep_everything() -> None:
    given = divided(*((kept, 10.0 - kept) for kept in range(11)))
    for sigma in (0.3, 1.0, 4.0):
        found = values(CES, given, "equivalent", own_weight=1.0, substitution=sigma)
        np.testing.assert_allclose(found, np.arange(11) / 10, atol=1e-9)


def test_inequity_aversion_under_charness_and_rabins_names() -> None:
    """V = (1 - w) s + w o, w = rho ahead and w = sigma behind."""
    given = divided((8.0, 2.0), (1.0, 6.0), (4.0, 4.0))
    natural = FEHR.natural(np, {"envy": np.float64(0.6), "guilt": np.float64(0.3)})
    rho, sigma = natural["weight_when_ahead"], natural["weight_when_behind"]
    assert (rho, sigma) == (0.3, -0.6)
    expected = [(1 - rho) * 8 + rho * 2, (1 - sigma) * 1 + sigma * 6, 4.0]
    np.testing.assert_allclose(values(FEHR, given, envy=0.6, guilt=0.3), expected)


# Trust


@pytest.mark.parametrize("e", [0.2, 0.5])
@pytest.mark.parametrize("multiplier", [1.5, 3.0, 6.0])
def test_sending_pays_where_more_is_hoped_for_than_is_given_up(e: float, multiplier: float) -> None:
    given = divided(*((10.0 - sent, multiplier * sent) for sent in range(11)))
    found = values(TRUST, given, expected_return=e)
    assert int(found.argmax()) == (10 if e * multiplier > 1 else 0)
    np.testing.assert_allclose(np.diff(found), e * multiplier - 1)


def test_what_is_returned_is_a_division_of_the_pie() -> None:
    """Of 30, those who mind being ahead by more than half of it return half; Cobb-Douglas returns its share."""
    even = [(30.0 - back, back) for back in range(31)]
    assert int(values(FEHR, divided(*even), envy=0.5, guilt=0.6).argmax()) == 15
    assert int(values(FEHR, divided(*even), envy=0.5, guilt=0.4).argmax()) == 0
    assert int(values(CES, divided(*even), own_weight=2 / 3, substitution=1.0).argmax()) == 10


# Public goods


def public_good(others: float, mpcr: float = 0.4, endowment: int = 20) -> Stimuli:
    """Own contribution 0 to 20 in a group of four whose other members give `others` each."""
    pairs = [
        (endowment - c + mpcr * (c + 3 * others), endowment - others + mpcr * (c + 3 * others))
        for c in range(endowment + 1)
    ]
    return replace(divided(*pairs), variables={"others": np.array([others])})


@pytest.mark.parametrize(("level", "slope"), [(0.0, 0.0), (0.1, 0.5), (0.0, 1.0), (0.4, 0.0)])
def test_contributions_follow_the_schedule(level: float, slope: float) -> None:
    for others in (0.0, 5.0, 12.0, 20.0):
        for kind in COOPERATION.noises:
            found = values(COOPERATION, public_good(others), kind, contribution_level=level, contribution_slope=slope)
            assert abs(int(found.argmax()) - min(20 * level + slope * others, 20)) <= 0.5


def test_contributions_scatter_normally_around_the_schedule() -> None:
    """Log odds are those of a normal density: quadratic, with the sensitivity over the endowment as precision."""
    found = values(COOPERATION, public_good(8.0), contribution_level=0.1, contribution_slope=0.5)
    c = np.arange(21)
    np.testing.assert_allclose(found, -((c - (0.1 * 20 + 0.5 * 8)) ** 2) / 40, atol=1e-12)


def test_payoffs_of_public_goods_are_read_by_theories_of_payoffs() -> None:
    """Giving one costs .6 and gives each of the others .4: the selfish give nothing, and those who mind being ahead
    by more than .6 of it match the others (Fehr & Schmidt 1999, their condition beta > 1 - a, for two players)."""
    own = public_good(8.0)
    alone = replace(own, other=None)
    assert int(values(EXPECTED, alone).argmax()) == 0
    assert int(values(FEHR, own, envy=0.8, guilt=0.5).argmax()) == 0
    assert int(values(FEHR, own, envy=0.8, guilt=0.7).argmax()) == 8
