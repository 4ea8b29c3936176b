"""What `benchmarks/estimation.py` computes from draws, and what it asks of whom."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from choice_designs import made
from scipy import stats

from replicator.theories import Stimuli

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import agreement
import distinct_amounts
import hbayesdm
import ra_prospect
from gambles import Gambles
from left_out_people import marginal

GAINS, LOSSES = np.array([10.0, 30.0, 20.0]), np.array([8.0, 5.0, 20.0])


@pytest.fixture
def gambles() -> Gambles:
    """Two people, who were asked about three gambles; the second answered the last of them three times."""
    amount = np.zeros((3, 2, 2))
    amount[:, 0] = np.stack([GAINS, -LOSSES], axis=1)
    stimuli = Stimuli(amount, np.full(amount.shape, 0.5), amount.max(axis=(1, 2)), amount.min(axis=(1, 2)))
    accepted = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 2.0])
    asked = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 3.0])
    return Gambles(
        made(
            stimuli,
            unit_name="person",
            units=("ann", "bob"),
            unit=np.repeat([0, 1], 3),
            question=np.tile(np.arange(3), 2),
            options=("accept", "reject"),
            counts=np.column_stack([accepted, asked - accepted]),
        )
    )


def test_arrays_are_declared_as_stan_now_wants_them() -> None:
    old = (
        "#include /a/licence.stan\n"
        "data {\n  int<lower=1, upper=T> count[N];\n  real gain[N, T];  // won\n  vector[3] m;\n}\n"
        "model {\n  target += fabs(gain[1, 2]);\n}\n"
        "generated quantities {\n  real y_pred[N, T];\n  y_pred[1, 1] = -1;\n}\n"
    )
    new = (
        "data {\n  array[N] int<lower=1, upper=T> count;\n  array[N, T] real gain;  // won\n  vector[3] m;\n}\n"
        "model {\n  target += abs(gain[1, 2]);\n}\n"
        "generated quantities {\n}\n"
    )
    assert hbayesdm.modernised(old) == new


def test_every_answer_is_a_trial(gambles: Gambles) -> None:
    trials = gambles.trials()
    np.testing.assert_array_equal(trials["person"], [0, 0, 0, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(trials["gain"], [10, 30, 20, 10, 30, 20, 20, 20])
    np.testing.assert_array_equal(trials["loss"], [8, 5, 20, 8, 5, 20, 20, 20])
    np.testing.assert_array_equal(trials["gamble"], [1, 1, 0, 0, 1, 1, 1, 0])


def test_the_likelihood_of_their_model_trial_by_trial(gambles: Gambles) -> None:
    at = np.array([[0.1, -0.4, -1.5], [-0.5, 0.3, -2.0]])
    trials = gambles.trials()
    for person in (0, 1):
        here = trials["person"] == person
        gain, loss, gamble = (trials[name][here] for name in ("gain", "loss", "gamble"))
        expected = []
        for m1, m2, m3 in at:
            rho, weight, tau = 2 * ra_prospect.phi(m1), 5 * ra_prospect.phi(m2), 30 * ra_prospect.phi(m3)
            p = 1 / (1 + np.exp(-tau * 0.5 * (gain**rho - weight * loss**rho)))
            expected.append(stats.bernoulli.logpmf(gamble, p).sum())
        np.testing.assert_allclose(ra_prospect.log_likelihood(gambles, person, at), expected)
    assert float(ra_prospect.phi(np.array(1.0))) == pytest.approx(stats.norm.cdf(1.0), abs=2e-4)


def test_the_twin_has_their_density(gambles: Gambles) -> None:
    model = ra_prospect.model(gambles)
    rng = np.random.default_rng(0)
    point = {"mu_pr": np.array([0.1, -0.3, -1.5]), "sigma_log__": np.log([0.2, 0.3, 0.1])}
    point |= {f"{name}_pr": rng.normal(size=2) for name in ra_prospect.BOUNDS}
    sigma = np.exp(point["sigma_log__"])
    standard = np.stack([point[f"{name}_pr"] for name in ra_prospect.BOUNDS], axis=1)
    expected = stats.norm.logpdf(point["mu_pr"]).sum() + stats.norm.logpdf(standard).sum()
    expected += stats.halfnorm.logpdf(sigma, scale=0.2).sum() + point["sigma_log__"].sum()
    coordinates = point["mu_pr"] + sigma * standard
    expected += sum(ra_prospect.log_likelihood(gambles, i, coordinates[[i]])[0] for i in (0, 1))
    found = model.compile_logp(mode="FAST_COMPILE")(point)
    assert float(found) == pytest.approx(float(expected))


def test_a_person_left_out_is_summed_over(gambles: Gambles) -> None:
    """Against a grid over the three coordinates."""
    rng = np.random.default_rng(1)
    location, spread = np.array([0.0, -0.85, -2.0]), np.array([0.2, 0.3, 0.15])
    draws = {
        "mu_pr": np.broadcast_to(location, (1, 400, 3)),
        "sigma": np.broadcast_to(spread, (1, 400, 3)),
        **{f"{name}_pr": rng.normal(size=(1, 400, 2)) for name in ra_prospect.BOUNDS},
    }
    found = marginal(draws, gambles, size=5, seed=1)
    assert found.shape == (5, 2)
    z = np.linspace(-5, 5, 41)
    grid = np.stack(np.meshgrid(z, z, z, indexing="ij"), axis=-1).reshape(-1, 3)
    weight = stats.norm.pdf(grid).prod(axis=1) * (z[1] - z[0]) ** 3
    for person in (0, 1):
        likelihood = np.exp(ra_prospect.log_likelihood(gambles, person, location + spread * grid))
        np.testing.assert_allclose(found[:, person], np.log((weight * likelihood).sum()), atol=0.05)


def test_the_smallest_effective_sample_size_is_that_of_the_worst_quantity() -> None:
    rng = np.random.default_rng(2)
    good = rng.normal(size=(4, 500, 2))
    slow = np.cumsum(rng.normal(size=(4, 500)), axis=1)
    size, worst = agreement.smallest_ess({"good": good, "slow": slow})
    assert worst == "slow"
    assert size < 50
    assert agreement.smallest_ess({"good": good})[0] > 1500


def test_means_agree_within_monte_carlo_error_or_do_not() -> None:
    rng = np.random.default_rng(3)
    one, other = ({"a": rng.normal(size=(4, 1000, 3)), "b": rng.normal(size=(4, 1000))} for _ in range(2))
    z, count = agreement.largest_z(one, other)
    assert count == 4
    assert z < 4
    apart, _ = agreement.largest_z(one, {**other, "b": other["b"] + 0.15})
    assert apart == pytest.approx(0.15 / np.sqrt(2 / 4000), rel=0.3)


def test_the_largest_of_many_normals_that_is_to_be_expected() -> None:
    assert agreement.expected_largest(1) == pytest.approx(np.sqrt(2 / np.pi))
    simulated = np.abs(np.random.default_rng(4).normal(size=(20_000, 54))).max(axis=1).mean()
    assert agreement.expected_largest(54) == pytest.approx(simulated, abs=0.02)


def test_people_left_out_and_the_difference_between_models() -> None:
    """Normal answers with a normal location: the density of one person given the others is known."""
    y = np.array([0.3, -1.0, 0.8, 1.5, 0.1])
    rng = np.random.default_rng(5)
    precision = 1.0 + len(y)
    location = rng.normal(y.sum() / precision, precision**-0.5, size=4000)
    found = agreement.left_out(stats.norm.logpdf(y[None, :], location[:, None]))
    others = 1.0 + len(y) - 1
    expected = stats.norm.logpdf(y, (y.sum() - y) / others, np.sqrt(1 + 1 / others))
    np.testing.assert_allclose(found.elpd, expected, atol=0.05)
    assert (found.k < 0.7).all()
    total, error = agreement.difference(np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 3.0]))
    assert total == 3.0
    assert error == pytest.approx(np.sqrt(3) * np.std([1.0, 2.0, 0.0], ddof=1))


def test_the_error_of_a_mean_of_densities_is_that_of_many_repetitions() -> None:
    rng = np.random.default_rng(8)
    logs = -300.0 + 1.2 * rng.normal(size=(2000, 500))
    found = [agreement.log_mean(each) for each in logs]
    assert np.mean(found) == pytest.approx(-300.0 + 1.2**2 / 2, abs=0.02)
    errors = [agreement.log_mean_error(each) for each in logs]
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.15)


def test_chains_that_stand_apart_are_told() -> None:
    rng = np.random.default_rng(9)
    alike = {"location": rng.normal(size=(4, 500, 2))}
    assert agreement.largest_r_hat(alike) < 1.01
    alike["location"][0, :, 1] += 2.0
    assert agreement.largest_r_hat(alike) > 1.1


def test_some_of_the_people_keep_their_answers_whatever_the_order_they_are_named_in(gambles: Gambles) -> None:
    both = gambles.of([1, 0])
    assert both.data.units == ("ann", "bob")
    np.testing.assert_array_equal(both.person, gambles.person)
    bob = gambles.without(0)
    assert bob.data.units == ("bob",)
    np.testing.assert_array_equal(bob.person, [0, 0, 0])
    np.testing.assert_array_equal(bob.accepted, [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(bob.gain, GAINS)


def test_where_a_table_stops_paying() -> None:
    found = {"a": {16: 1.0, 32: 2.0, 64: 4.0}, "b": {16: 3.0, 32: 3.0, 64: 3.0}}
    assert distinct_amounts.pays_up_to(found, "a", "b") == 32
    assert distinct_amounts.pays_up_to(found, "b", "a") == 0
    for count in (16, 64):
        made_of = distinct_amounts.gambles(count).amount
        assert len(np.unique(made_of[made_of != 0])) == count
