"""Trials: nothing about how a question is shown may be confounded with what it offers."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
from small_experiments import gifts, labelled, lotteries, outcome

from replicator.design import trials
from replicator.errors import UsageError
from replicator.experiment import Option
from replicator.orders import orders


def test_every_option_is_shown_equally_often_at_every_position_under_every_label() -> None:
    asked = [trial for trial in trials(lotteries()) if trial.check is None]
    shown = Counter(
        (trial.wording, trial.condition, trial.item, trial.labels[place], trial.options[index])
        for trial in asked
        for place, index in enumerate(trial.order)
    )
    assert len(asked) == 2 * 2 * 10 * 2 * 2  # wordings, stakes, items, label sets, orders
    assert len(shown) == 2 * 2 * 10 * 4 * 2
    assert set(shown.values()) == {1}


def test_the_design_is_the_same_every_time() -> None:
    assert trials(lotteries(), seed=3) == trials(lotteries(), seed=3)
    assert trials(lotteries(), seed=3) == trials(lotteries(), seed=4)  # nothing is drawn while all orders fit


def test_levels_choose_conditions_and_limit_keeps_them_balanced() -> None:
    asked = trials(lotteries(), levels={"stakes": [20, 90]}, limit=3)
    assert Counter(t.condition for t in asked if t.check is None) == {"stakes=20": 24, "stakes=90": 24}
    assert {t.item for t in asked if t.check is None} == {"row-1", "row-2", "row-3"}
    safe = [o.amount for o in asked[0].outcomes if o.option == "safe"]
    assert safe == [40.0, 32.0]


def test_an_unknown_factor_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"'stake'.*stakes"):
        trials(lotteries(), levels={"stake": [1]})


def test_checks_come_last_and_are_counterbalanced_too() -> None:
    checks = [trial for trial in trials(lotteries()) if trial.check is not None]
    assert trials(lotteries())[-len(checks) :] == tuple(checks)
    assert {trial.condition for trial in checks} == {"comprehension"}
    assert Counter(trial.item for trial in checks) == {"check-better": 4, "check-chance": 12}
    read_back = next(trial for trial in checks if trial.check == "chance")
    assert read_back.options == ("three", "seven", "ten")
    assert read_back.labels == ("A", "B", "C")
    assert read_back.outcomes == ()


def test_trials_of_one_wording_and_condition_stand_together() -> None:
    runs = [(trial.wording, trial.condition) for trial in trials(lotteries())]
    changes = sum(a != b for a, b in itertools.pairwise(runs))
    assert changes == len(set(runs)) - 1


def test_many_options_take_a_latin_square() -> None:
    options = tuple(Option(name, (outcome("1"),), None, False) for name in "vwxyz")
    asked = trials(labelled([tuple("ABCDE")], options=options, checks=()), limit=1)
    places = Counter((place, index) for trial in asked for place, index in enumerate(trial.order))
    assert len(places) == 25
    assert len(set(places.values())) == 1


@pytest.mark.parametrize("count", range(2, 9))
@pytest.mark.parametrize("seed", [0, 7])
def test_every_option_stands_equally_often_at_every_position(count: int, seed: int) -> None:
    options = tuple(Option(name, (outcome("1"),), None, False) for name in "abcdefgh"[:count])
    asked = trials(labelled([tuple("ABCDEFGH"[:count])], options=options, checks=()), limit=1, seed=seed)
    for wording in {trial.wording for trial in asked}:
        shown = [trial.order for trial in asked if trial.wording == wording]
        cells = {(trial.item, trial.condition, trial.labels) for trial in asked}
        assert len(set(shown)) == (math.factorial(count) if count <= 4 else count)
        assert len(shown) == len(set(shown)) * len(cells)
        places = Counter((place, index) for order in shown for place, index in enumerate(order))
        assert len(places) == count**2
        assert len(set(places.values())) == 1


@pytest.mark.parametrize("count", [6, 8])
def test_above_four_an_even_number_of_options_also_balances_neighbours(count: int) -> None:
    follows = Counter(pair for order in orders(count, 3) for pair in itertools.pairwise(order))
    assert len(follows) == count * (count - 1)
    assert set(follows.values()) == {1}


def test_the_seed_deals_the_options_of_a_square() -> None:
    assert orders(6, 1) == orders(6, 1)
    assert orders(6, 1) != orders(6, 2)


def test_an_amount_has_its_grid_as_options_and_no_labels() -> None:
    (trial,) = trials(gifts(endowment=5))
    assert trial.options == ("0", "1", "2", "3", "4", "5")
    assert (trial.labels, trial.order, trial.response) == ((), (), "amount")
    kept = {o.option: o.amount for o in trial.outcomes if o.to == "self"}
    assert kept == {str(given): 5.0 - given for given in range(6)}
