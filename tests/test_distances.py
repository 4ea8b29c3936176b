"""Distances between choice distributions: hand-computed values, their ranges, and what they must never do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, wasserstein_distance

from replicator import distances

PEOPLE = np.array([0.5, 0.25, 0.25])
MODEL = np.array([0.25, 0.25, 0.5])


@st.composite
def pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    k = draw(st.integers(2, 6))
    weights = arrays(np.float64, k, elements=st.floats(0.0, 1.0))
    p, q = draw(weights), draw(weights)
    p[draw(st.integers(0, k - 1))] += 0.1
    q[draw(st.integers(0, k - 1))] += 0.1
    return p / p.sum(), q / q.sum()


def test_total_variation_by_hand() -> None:
    assert distances.total_variation(PEOPLE, MODEL) == pytest.approx(0.25)
    assert distances.total_variation([1.0, 0.0], [0.0, 1.0]) == 1.0


def test_relative_entropy_by_hand_in_bits() -> None:
    # .5 log2(2) + .25 log2(1) + .25 log2(1/2) = .5 - .25
    assert distances.kullback_leibler(PEOPLE, MODEL) == pytest.approx(0.25)


def test_relative_entropy_is_infinite_where_the_model_excludes_what_people_do() -> None:
    assert math.isinf(distances.kullback_leibler([0.9, 0.1], [1.0, 0.0]))
    assert np.isfinite(distances.kullback_leibler([1.0, 0.0], [0.9, 0.1]))


def test_jensen_shannon_is_one_for_disjoint_choices() -> None:
    assert distances.jensen_shannon([1.0, 0.0], [0.0, 1.0]) == pytest.approx(1.0)
    # m = (.375, .25, .375): each KL = .5 log2(4/3) - .25 log2(3/2)
    by_hand = math.sqrt(0.5 * math.log2(4 / 3) - 0.25 * math.log2(3 / 2))
    assert distances.jensen_shannon(PEOPLE, MODEL) == pytest.approx(by_hand)


def test_earth_movers_distance_counts_how_far_money_moves() -> None:
    grid = [0.0, 50.0, 100.0]
    assert distances.earth_movers([1.0, 0.0, 0.0], [0.0, 0.0, 1.0], grid) == pytest.approx(1.0)
    assert distances.earth_movers([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], grid) == pytest.approx(0.5)
    assert distances.earth_movers(PEOPLE, MODEL, grid) == pytest.approx(0.25)


def test_earth_movers_distance_sees_the_amounts_that_sorted_probabilities_forget() -> None:
    near, far = [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]
    grid = [0.0, 1.0, 2.0, 3.0]
    all_to_nothing = [1.0, 0.0, 0.0, 0.0]
    assert distances.earth_movers(all_to_nothing, near, grid) < distances.earth_movers(all_to_nothing, far, grid)


@pytest.mark.parametrize("grid", [[0.0, 0.0, 1.0], [2.0, 1.0, 0.0], [0.0, 1.0]])
def test_earth_movers_distance_refuses_a_grid_that_does_not_ascend(grid: list[float]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        distances.earth_movers(PEOPLE, MODEL, grid)


def test_distributions_over_different_options_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        distances.total_variation([0.5, 0.5], PEOPLE)


def test_simbench_divides_by_the_data_sets_mean_not_by_each_items() -> None:
    people = [[0.9, 0.1], [0.5, 0.5]]
    model = [[0.8, 0.2], [0.6, 0.4]]
    # TV: .1 and .1; uniform: .4 and 0, mean .2; so 100 (1 - .1 / .2) for both items
    assert distances.simbench(people, model) == pytest.approx(50.0)


def test_simbench_is_100_for_people_and_0_for_uniform_choice() -> None:
    people = [[0.7, 0.2, 0.1], [0.9, 0.1]]
    assert distances.simbench(people, people) == 100.0
    assert distances.simbench(people, [distances.uniform(3), distances.uniform(2)]) == pytest.approx(0.0)
    assert distances.simbench(people, [[0.0, 0.0, 1.0], [0.0, 1.0]]) < 0.0


def test_simbench_leaves_out_items_without_a_choice() -> None:
    assert distances.simbench([[1.0], [0.9, 0.1]], [[1.0], [0.8, 0.2]]) == pytest.approx(75.0)
    assert math.isnan(distances.simbench([[0.5, 0.5]], [[0.4, 0.6]]))


@example((np.array([1.0, 0.0]), np.array([1.0, 5e-324])))
@given(pairs())
def test_every_distance_is_zero_for_a_copy_and_inside_its_range(pair: tuple[np.ndarray, np.ndarray]) -> None:
    p, q = pair
    grid = np.arange(len(p), dtype=float)
    for distance in (distances.total_variation, distances.jensen_shannon, distances.kullback_leibler):
        assert float(distance(p, p)) == pytest.approx(0.0, abs=1e-7)
        assert float(distance(p, q)) >= 0.0
    assert float(distances.earth_movers(p, p, grid)) == 0.0
    for bounded in (
        distances.total_variation(p, q),
        distances.jensen_shannon(p, q),
        distances.earth_movers(p, q, grid),
    ):
        assert float(bounded) <= 1.0 + 1e-12


@given(pairs())
def test_distances_agree_with_scipy(pair: tuple[np.ndarray, np.ndarray]) -> None:
    p, q = pair
    grid = np.arange(len(p), dtype=float)
    assert float(distances.jensen_shannon(p, q)) == pytest.approx(float(jensenshannon(p, q, base=2)), abs=1e-6)
    assert float(distances.kullback_leibler(p, q)) == pytest.approx(float(entropy(p, q, base=2)), abs=1e-9)
    moved = wasserstein_distance(grid, grid, p, q) / grid[-1]
    assert float(distances.earth_movers(p, q, grid)) == pytest.approx(moved, abs=1e-9)


@given(pairs())
def test_total_variation_bounds_how_far_money_moves(pair: tuple[np.ndarray, np.ndarray]) -> None:
    p, q = pair
    moved = distances.earth_movers(p, q, np.arange(len(p), dtype=float))
    assert float(moved) <= float(distances.total_variation(p, q)) + 1e-12


def test_leading_axes_are_kept() -> None:
    stacked = distances.total_variation(np.stack([PEOPLE, MODEL]), MODEL)
    assert stacked == pytest.approx([0.25, 0.0])
