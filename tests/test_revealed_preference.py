"""Arithmetic of consistency: Afriat's index, circles of three, switches in a list, dominance between bundles."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replicator.rationality import bundles, order, revealed, switching, transitivity

HALVES = np.array([[2.0, 1.0], [1.0, 2.0]])
"""Prices of two budgets that cross."""


def scaled(prices: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Bundles moved out or in until they cost 1."""
    return chosen / (prices * chosen).sum(axis=-1, keepdims=True)


# Afriat's index


def test_a_known_index_of_two_budgets() -> None:
    # p1 = (2, 1), x1 = (.5, 0); p2 = (1, 2), x2 = (0, .5): each costs half of the other's budget.
    chosen = np.array([[0.5, 0.0], [0.0, 0.5]])
    assert revealed.efficiency(HALVES, chosen) == pytest.approx(0.5)
    # The other corners, (0, 1) and (1, 0), cost twice the other's budget: nothing is revealed, nothing broken.
    assert revealed.efficiency(HALVES, np.array([[0.0, 1.0], [1.0, 0.0]])) == pytest.approx(1.0)


def test_an_index_set_by_the_smaller_of_two_mistakes() -> None:
    # x2 costs .8 of budget 1 and x1 costs .9 of budget 2: shrinking budget 2 by a tenth is enough.
    x1, x2 = np.array([0.4, 0.2]), np.array([0.2, 0.4])
    assert HALVES[0] @ x2 == pytest.approx(0.8)
    first = scaled(HALVES[0], np.array([0.35, 0.3]))
    assert revealed.efficiency(HALVES, np.stack([first, x2])) == pytest.approx(max(0.8, HALVES[1] @ first))
    assert revealed.efficiency(HALVES, np.stack([x1, x2])) == pytest.approx(0.8)


def test_a_circle_of_three_is_found_though_no_two_contradict_each_other() -> None:
    # Three goods: each bundle can be afforded in the budget before it and in no other.
    prices = np.array([[1.0, 2.0, 0.5], [0.5, 1.0, 2.0], [2.0, 0.5, 1.0]])
    chosen = np.eye(3)
    ratios = revealed.cost_ratios(prices, chosen)
    assert ratios[0, 2] == 0.5
    assert ratios[2, 0] == 2.0
    assert revealed.efficiency(prices, chosen) == pytest.approx(0.5)
    assert not revealed.obeys(prices, chosen)


def brute(prices: np.ndarray, chosen: np.ndarray) -> float:
    """By the definition: bisection over e with the axiom tested on every circle of every length."""
    ratios = revealed.cost_ratios(prices, chosen)
    n = len(prices)
    circles = [c for length in range(2, n + 1) for c in permutations(range(n), length)]

    def broken(e: float) -> bool:
        return any(all(ratios[c[k - 1], c[k]] < e for k in range(len(c))) for c in circles)

    low, high = 0.0, 1.0
    if not broken(1.0):
        return 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if broken(middle) else (middle, high)
    return low


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_the_bottleneck_path_is_the_index_of_the_definition(seed: int, n: int) -> None:
    generator = np.random.default_rng(seed)
    prices = np.exp(generator.normal(size=(n, 2)))
    chosen = scaled(prices, generator.dirichlet([0.5, 0.5], size=n))
    index = float(revealed.efficiency(prices, chosen))
    assert index == pytest.approx(brute(prices, chosen), abs=1e-9)
    # The axiom holds just below the index, and just above it only where the index is 1.
    assert revealed.obeys(prices, chosen, index - 1e-6)
    assert index == 1.0 or not revealed.obeys(prices, chosen, index + 1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_a_maximiser_is_consistent_and_money_and_names_do_not_matter(seed: int) -> None:
    generator = np.random.default_rng(seed)
    prices = np.exp(generator.normal(size=(6, 2)))
    cobb_douglas = np.array([0.3, 0.7]) / prices
    assert revealed.efficiency(prices, cobb_douglas) == 1.0
    chosen = scaled(prices, generator.dirichlet([1.0, 1.0], size=6))
    index = float(revealed.efficiency(prices, chosen))
    shuffled = generator.permutation(6)
    assert revealed.efficiency(prices[shuffled], chosen[shuffled]) == pytest.approx(index)
    assert revealed.efficiency(prices[:, ::-1], chosen[:, ::-1]) == pytest.approx(index)
    assert revealed.efficiency(prices / 100, chosen * 100) == pytest.approx(index)


def test_many_sets_of_choices_at_once_are_each_alone() -> None:
    generator = np.random.default_rng(3)
    prices = np.exp(generator.normal(size=(5, 2)))
    chosen = scaled(prices, generator.dirichlet([1.0, 1.0], size=(20, 5)))
    together = revealed.efficiency(prices, chosen)
    assert together == pytest.approx([float(revealed.efficiency(prices, one)) for one in chosen])
    assert together.min() < 1.0


def test_budgets_cross_or_do_not() -> None:
    assert revealed.crossing(HALVES)
    assert not revealed.crossing(np.array([[1.0, 1.0], [0.1, 0.1]]))
    assert not revealed.crossing(np.array([[1.0, 2.0], [1.0, 1.0]]))  # one has the other inside it


# Circles of three


def test_circles_of_three_by_enumeration() -> None:
    probabilities = np.array([0.3, 0.8, 0.6])
    expected = 0.0
    for choices in product((0, 1), repeat=3):
        weight = np.prod(np.where(choices, probabilities, 1 - probabilities))
        expected += weight * (len(set(choices)) == 1)  # a over b, b over c, c over a, or all the other way round
    assert transitivity.cycles(*probabilities) == pytest.approx(expected)
    assert transitivity.cycles(0.5, 0.5, 0.5) == 0.25
    assert transitivity.cycles(1.0, 1.0, 0.0) == 0.0


@pytest.mark.parametrize(
    ("ab", "bc", "ac", "weak", "strong"),
    [
        (0.8, 0.7, 0.9, False, False),
        (0.8, 0.7, 0.75, False, True),  # a majority, smaller than that of a over b
        (0.8, 0.7, 0.4, True, True),
        (0.5, 0.5, 0.5, False, False),
        (1.0, 1.0, 1.0, False, False),
        (0.2, 0.3, 0.1, False, False),  # the first case with the order reversed
    ],
)
def test_stochastic_transitivity(ab: float, bc: float, ac: float, weak: bool, strong: bool) -> None:
    found = transitivity.violations(*(np.array(p) for p in (ab, bc, 1 - ac)))
    assert (bool(found[0]), bool(found[1])) == (weak, strong)


def test_tosses_of_a_coin_violate_by_chance_and_exact_halves_do_not() -> None:
    triples = np.array([[0, 1, 2]])
    assert transitivity.triples_at_random(triples, np.zeros(3, dtype=int)) == (0.0, 0.0)
    weak, strong = transitivity.triples_at_random(triples, np.full(3, 1))
    assert weak == pytest.approx(0.25, abs=0.05)  # one toss a pair: two of eight outcomes are circles
    assert strong == pytest.approx(0.25, abs=0.05)


# Switches


def test_holt_and_laurys_ten_rows_at_random() -> None:
    even = np.full((1, 10), 0.5)
    assert switching.expected_switches(even)[0] == pytest.approx(4.5)
    assert switching.multiple_switching(even)[0] == pytest.approx(1 - 20 / 1024)
    assert switching.rows_at_random(10) == (4.5, 1 - 20 / 1024)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_switches_are_those_of_all_sequences(probabilities: list[float]) -> None:
    p = np.array(probabilities)
    expected = more = backwards = 0.0
    for row in product((0, 1), repeat=len(p)):
        chosen = np.array(row)
        weight = float(np.prod(np.where(chosen == 1, p, 1 - p)))
        steps = np.diff(chosen)
        expected += weight * np.abs(steps).sum()
        more += weight * (np.abs(steps).sum() > 1)
        backwards += weight * (np.abs(steps).sum() == 1 and steps.sum() == -1)
    assert switching.expected_switches(p[None])[0] == pytest.approx(expected, abs=1e-9)
    assert switching.multiple_switching(p[None])[0] == pytest.approx(more, abs=1e-9)
    assert switching.wrong_way(p[None])[0] == pytest.approx(backwards, abs=1e-9)


def test_reversed_pairs_by_hand() -> None:
    better = np.array([[False, True], [False, False]])
    answers = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [1.0, np.nan]])
    assert switching.reversals(answers, better)[:3] == pytest.approx([1.0, 0.0, 0.25])
    assert np.isnan(switching.reversals(answers, better)[3])


# Dominance


def paid(*branches: tuple[float, float], to: str = "self", delay: float = 0.0, **more: object) -> list[dict]:
    return [
        {"amount": amount, "probability_low": p, "probability_high": p, "to": to, "delay": delay, "state": None, **more}
        for amount, p in branches
    ]


def at_least(one: list[dict], other: list[dict], who: str = "self") -> tuple[bool, bool]:
    compared = bundles.Comparison([bundles.bundle(one) or (), bundles.bundle(other) or ()])
    first, second = np.array([0]), np.array([1])
    return bool(compared.at_least(first, second, who)[0]), bool(compared.at_least(second, first, who)[0])


def test_first_order_stochastic_dominance() -> None:
    assert at_least(paid((10, 0.5), (0, 0.5)), paid((10, 0.4), (0, 0.6))) == (True, False)
    assert at_least(paid((10, 0.5), (0, 0.5)), paid((5, 1.0))) == (False, False)
    assert at_least(paid((10, 0.3), (10, 0.7)), paid((10, 1.0))) == (True, True)  # branches of one amount add up
    assert at_least(paid((10, 1 - 0.7), (4, 0.7)), paid((10, 0.3), (4, 0.7))) == (True, True)
    assert at_least(paid((-5, 0.5), (5, 0.5)), paid((-6, 0.5), (5, 0.5))) == (True, False)


def test_gains_are_better_sooner_and_losses_later() -> None:
    assert at_least(paid((10, 1.0)), paid((10, 1.0), delay=30)) == (True, False)
    assert at_least(paid((11, 1.0)), paid((10, 1.0), delay=30)) == (True, False)
    assert at_least(paid((9, 1.0)), paid((10, 1.0), delay=30)) == (False, False)
    assert at_least(paid((-10, 1.0)), paid((-10, 1.0), delay=30)) == (False, True)
    assert at_least(paid((1, 1.0), delay=30), []) == (True, False)
    # Two dates: nobody says how they are to be weighed.
    both = paid((5, 1.0)) + paid((5, 1.0), delay=30)
    assert at_least(paid((10, 1.0)), both) == (False, False)
    assert at_least(paid((6, 1.0)) + paid((5, 1.0), delay=30), both) == (True, False)


def test_an_unknown_probability_counts_at_its_worst() -> None:
    urn = [
        {**paid((10, 0.0))[0], "probability_low": 0.2, "probability_high": 0.6},
        {**paid((0, 0.0))[0], "probability_low": 0.4, "probability_high": 0.8},
    ]
    assert at_least(paid((10, 0.7), (0, 0.3)), urn) == (True, False)
    assert at_least(paid((10, 0.5), (0, 0.5)), urn) == (False, False)
    assert at_least(urn, paid((10, 0.1), (0, 0.9))) == (True, False)
    assert at_least(urn, urn) == (True, True)


def test_states_are_compared_one_by_one() -> None:
    here = paid((10, 1.0), state="left") + paid((0, 1.0), state="right")
    there = paid((0, 1.0), state="left") + paid((10, 1.0), state="right")
    assert at_least(here, there) == (False, False)
    assert at_least(here, paid((9, 1.0), state="left") + paid((0, 1.0), state="right")) == (True, False)


def test_an_unknown_amount_makes_a_bundle_unknown() -> None:
    assert bundles.bundle(paid((float("nan"), 1.0))) is None
    assert bundles.bundles(None, ("a", "b")) is None
    assert bundles.bundles([{**paid((1.0, 1.0))[0], "option": "a"}], ("a", "b")) is None


# Order


def holt_laury(stakes: float = 1.0) -> list[tuple[bundles.Bundle, bundles.Bundle]]:
    rows = []
    for row in range(1, 11):
        p = row / 10
        safe, risky = (paid((high * stakes, p), (low * stakes, 1 - p)) for high, low in ((2.0, 1.6), (3.85, 0.1)))
        rows.append((bundles.bundle(safe), bundles.bundle(risky)))
    return rows  # type: ignore[return-value]


def test_holt_and_laurys_rows_are_one_list_whatever_the_money_and_the_order() -> None:
    for pairs in (holt_laury(), holt_laury(100.0)):
        found = order.lists(pairs, order.better_placed(tuple(pairs)))
        assert [list(one) for one in found] == [list(range(10))]
    turned = [(risky, safe) for safe, risky in holt_laury()]
    assert [list(one) for one in order.lists(turned, order.better_placed(tuple(turned)))] == [list(range(9, -1, -1))]
    mixed = [holt_laury()[k] for k in (3, 9, 0, 5)]
    assert [list(one) for one in order.lists(mixed, order.better_placed(tuple(mixed)))] == [[2, 0, 3, 1]]


def test_gambles_on_a_grid_are_lists_of_gains_and_of_losses() -> None:
    pairs = [
        ((), bundles.bundle(paid((gain, 0.5), (-loss, 0.5))) or ())
        for gain in (10.0, 20.0, 30.0)
        for loss in (5.0, 10.0, 15.0)
    ]
    better = order.better_placed(tuple(pairs))
    # Accepting is better placed with a larger gain and a smaller loss: 36 pairs, 9 of them apart.
    assert better.sum() == 27
    found = sorted(list(one) for one in order.lists(pairs, better))
    assert found == [[0, 3, 6], [1, 4, 7], [2, 1, 0], [2, 5, 8], [5, 4, 3], [8, 7, 6]]


def test_a_list_at_one_delay_is_found_among_others() -> None:
    pairs = [
        (bundles.bundle(paid((sooner, 1.0))) or (), bundles.bundle(paid((50.0, 1.0), delay=days)) or ())
        for days in (7.0, 30.0)
        for sooner in (20.0, 30.0, 40.0)
    ]
    found = sorted(list(one) for one in order.lists(pairs, order.better_placed(tuple(pairs))))
    assert found == [[2, 1, 0], [5, 4, 3]]


def test_offers_are_ordered_by_what_the_responder_gets() -> None:
    def offered(own: float) -> tuple[bundles.Bundle, bundles.Bundle]:
        return bundles.bundle(paid((own, 1.0)) + paid((100 - own, 1.0), to="other")) or (), ()

    pairs = [offered(own) for own in (10.0, 50.0, 30.0)]
    found = order.lists(pairs, order.better_placed(tuple(pairs)))
    assert [list(one) for one in found] == [[1, 2, 0]]  # rejecting (the second option) is best placed at the lowest


def test_different_gambles_of_equal_use_to_somebody_are_not_ordered() -> None:
    pairs = [((), bundles.bundle(paid((20.0, 0.5), (0.0, 0.5)))), ((), bundles.bundle(paid((9.0, 1.0))))]
    assert not order.better_placed(tuple(pairs)).any()  # type: ignore[arg-type]
