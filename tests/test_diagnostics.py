"""A sampler that did not do its work is found out, and the reason is named."""

from __future__ import annotations

import arviz as az
import numpy as np
import pytest

from replicator.inference.diagnostics import DIVERGENCES, ESS, R_HAT, diagnose

CHAINS, DRAWS = 4, 600


def draws(rng: np.random.Generator, **changes: np.ndarray) -> az.InferenceData:
    """Independent draws of two variables, as a sampler without trouble leaves them."""
    shape = (CHAINS, DRAWS)
    posterior = {"r": rng.normal(size=shape), "position": rng.normal(size=(*shape, 2, 1))}
    stats = {"diverging": np.zeros(shape, dtype=bool), "energy": rng.normal(size=shape)}
    for name, values in changes.items():
        (posterior if name in ("r", "position") else stats)[name] = values
    return az.from_dict(posterior=posterior, sample_stats=stats)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def walk(rng: np.random.Generator, persistence: float) -> np.ndarray:
    """An autoregression with unit variance: neighbouring draws say nearly the same."""
    path = np.zeros((CHAINS, DRAWS))
    path[:, 0] = rng.normal(size=CHAINS)
    for t in range(1, DRAWS):
        shock = rng.normal(0, np.sqrt(1 - persistence**2), size=CHAINS)
        path[:, t] = persistence * path[:, t - 1] + shock
    return path


def test_independent_draws_pass(rng: np.random.Generator) -> None:
    found = diagnose(draws(rng), ["r", "position"])
    assert found.passed
    assert found.failures() == ""
    assert found.r_hat < R_HAT
    assert min(found.ess_bulk, found.ess_tail) > 1500
    assert found.document() | {"passed": True, "divergences": 0} == found.document()


def test_chains_in_different_places_fail_by_r_hat(rng: np.random.Generator) -> None:
    apart = rng.normal(size=(CHAINS, DRAWS)) + np.array([0, 0, 0, 3])[:, None]
    found = diagnose(draws(rng, r=apart), ["r", "position"])
    assert not found.passed
    assert found.r_hat > 1.1
    assert f"R-hat {found.r_hat:.3f} above {R_HAT}" in found.failures()


def test_the_worst_element_of_the_worst_variable_decides(rng: np.random.Generator) -> None:
    position = rng.normal(size=(CHAINS, DRAWS, 2, 1))
    position[0, :, 1, 0] += 4
    table = draws(rng, position=position)
    assert not diagnose(table, ["r", "position"]).passed
    assert diagnose(table, ["r"]).passed  # a result does not rest on what it does not name


def test_one_divergence_is_too_many(rng: np.random.Generator) -> None:
    diverging = np.zeros((CHAINS, DRAWS), dtype=bool)
    diverging[2, 17] = True
    found = diagnose(draws(rng, diverging=diverging), ["r"])
    assert DIVERGENCES == 0
    assert (found.divergences, found.passed) == (1, False)
    assert found.failures() == "1 divergent transitions"


def test_slow_chains_fail_by_their_effective_draws(rng: np.random.Generator) -> None:
    found = diagnose(draws(rng, r=walk(rng, 0.97)), ["r"])
    assert not found.passed
    assert found.ess_bulk < ESS
    assert "effective draws, fewer than 400" in found.failures()


def test_energy_that_hardly_moves_fails_by_e_bfmi(rng: np.random.Generator) -> None:
    found = diagnose(draws(rng, energy=walk(rng, 0.95)), ["r"])
    assert not found.passed
    assert found.e_bfmi < 0.3
    assert "E-BFMI" in found.failures()


def test_every_failure_is_named(rng: np.random.Generator) -> None:
    apart = walk(rng, 0.97) + np.arange(CHAINS)[:, None]
    diverging = np.ones((CHAINS, DRAWS), dtype=bool)
    found = diagnose(draws(rng, r=apart, diverging=diverging, energy=walk(rng, 0.95)), ["r"])
    for word in ("R-hat", "effective draws", "2400 divergent", "E-BFMI"):
        assert word in found.failures()


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_draws_that_are_no_numbers_never_pass(rng: np.random.Generator, broken: float) -> None:
    """A variable that is not finite, or never moves, must not hide behind one that is well."""
    values = rng.normal(size=(CHAINS, DRAWS))
    values[1] = broken
    assert not diagnose(draws(rng, r=values), ["r", "position"]).passed


def test_a_sampler_that_never_moved_never_passes(rng: np.random.Generator) -> None:
    stuck = np.full((CHAINS, DRAWS), 0.3)
    assert not diagnose(draws(rng, r=stuck), ["r", "position"]).passed
