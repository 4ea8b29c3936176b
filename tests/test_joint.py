"""Lotteries tell risk aversion, dated payments what it does to impatience: together they tell both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from choice_designs import made
from scipy import special

from replicator import theories
from replicator.errors import DataError
from replicator.inference import identification, joint, posterior
from replicator.inference.data import ChoiceData
from replicator.inference.structure import structure
from replicator.theories import Stimuli

R, RATE, SENSITIVITY = 0.5, 0.15, (12.0, 30.0)
"""Risk aversion, annual rate of utility, and sensitivity in lotteries and in payments."""


def lotteries() -> Stimuli:
    """Holt and Laury's ten rows."""
    p = np.arange(1, 11) / 10
    amount = np.tile(np.array([[2.0, 1.6], [3.85, 0.1]]), (10, 1, 1))
    probability = np.repeat(np.stack([p, 1 - p], axis=1)[:, None, :], 2, axis=1)
    return Stimuli(amount, probability, amount.max(axis=(1, 2)), amount.min(axis=(1, 2)))


def payments() -> Stimuli:
    """A hundred now against more in half a year or a year."""
    later = np.tile([101.0, 105.0, 110.0, 120.0, 135.0, 160.0, 200.0, 260.0], 2)
    amount = np.stack([np.full(16, 100.0), later], axis=1)[:, :, None]
    delay = np.stack([np.zeros(16), np.repeat([182.5, 365.0], 8)], axis=1)[:, :, None]
    one = np.ones_like(amount)
    return Stimuli(amount, one, amount.max(axis=(1, 2)), amount.min(axis=(1, 2)), delay=delay)


def answers(stimuli: Stimuli, sensitivity: float, n: int, options: tuple[str, str]) -> ChoiceData:
    """What n choices a question are in expectation, of one agent."""
    theory = theories.get("discounted-utility")
    # The coordinate is the rate as it looks under linear utility, d / (1 - r).
    natural = theory.natural(np, {"risk_aversion": coordinate(), "annual_rate": np.log(RATE / (1 - R))})
    assert natural["annual_rate"] == pytest.approx(RATE, abs=1e-3)
    assert theory.value is not None
    worth = theory.value(np, natural, stimuli) / stimuli.largest[:, None]
    first = special.expit(sensitivity * (worth[:, 0] - worth[:, 1]))
    counts = n * np.stack([first, 1 - first], axis=1)
    return replace(made(stimuli, counts=counts), options=options)


def coordinate() -> float:
    """Where r stands on its unconstrained scale."""
    theory = theories.get("discounted-utility")
    grid = np.linspace(-4, 4, 80_001)
    natural = theory.natural(np, {"risk_aversion": grid, "annual_rate": np.zeros_like(grid)})
    return float(grid[np.abs(natural["risk_aversion"] - R).argmin()])


def both() -> ChoiceData:
    risk = answers(lotteries(), SENSITIVITY[0], 200, ("safe", "risky"))
    time = answers(payments(), SENSITIVITY[1], 200, ("sooner", "later"))
    return joint.joined({"lotteries": risk, "payments": time})


def test_questions_of_both_stand_side_by_side() -> None:
    data = both()
    assert data.conditions == ("lotteries: all", "payments: all")
    assert data.units == ("people",)
    assert data.options == ("safe or sooner", "risky or later")
    assert data.stimuli.amount.shape == (26, 2, 2)
    assert data.stimuli.delay is not None
    assert not data.stimuli.delay[:10].any()
    np.testing.assert_allclose(data.stimuli.probability.sum(axis=2), 1.0)
    np.testing.assert_array_equal(data.question, np.arange(26))
    np.testing.assert_array_equal(data.condition, np.repeat([0, 1], [10, 16]))


def test_what_one_experiment_asks_about_is_asked_in_both_together() -> None:
    data, theory = both(), theories.get("discounted-utility")
    rate = theory.parameter("annual_rate")
    lottery, payment = (identification.not_asked(theory, rate, "equivalent", data, c) for c in (0, 1))
    assert "No question of this design is about" in str(lottery)
    assert payment is None
    assert identification.nowhere_asked(theory, rate, "equivalent", data) is None
    prospects = theories.get("cpt")
    nowhere = {p.name: identification.nowhere_asked(prospects, p, "contextual", data) for p in prospects.parameters}
    assert "loss aversion is not at stake" in str(nowhere.pop("loss_aversion"))
    assert not any(nowhere.values())


def test_amounts_of_both_are_counted_in_the_largest_of_all() -> None:
    small, large = (
        replace(answers(lotteries(), 10.0, 5, ("a", "b")), stimuli=replace(lotteries(), reference=np.full(10, most)))
        for most in (3.85, 77.0)
    )
    np.testing.assert_array_equal(joint.joined({"x": small, "y": large}).stimuli.reference, np.full(20, 77.0))


def test_wordings_keep_their_experiment_and_persons_their_name() -> None:
    one = replace(answers(lotteries(), 10.0, 5, ("a", "b")), unit_name="wording", units=("plain",))
    assert joint.joined({"x": one, "y": one}).units == ("x: plain", "y: plain")
    ann = replace(one, unit_name="person", units=("ann",))
    bob = replace(one, unit_name="person", units=("bob",))
    together = joint.joined({"x": ann, "y": bob})
    assert together.units == ("ann", "bob")
    np.testing.assert_array_equal(np.unique(together.unit), [0, 1])
    assert joint.joined({"x": ann, "y": ann}).units == ("ann",)


def test_answers_of_different_kinds_are_not_fitted_together() -> None:
    one = answers(lotteries(), 10.0, 5, ("a", "b"))
    with pytest.raises(DataError, match="answered in the same way"):
        joint.joined({"x": one, "y": replace(one, unit_name="wording")})


def test_together_they_tell_risk_aversion_and_the_rate_apart() -> None:
    data = both()
    shape = replace(structure("discounted-utility", "equivalent", data, intercept=False), shared=True)
    found = posterior.of_choices(shape, data, seed=0)
    assert found.diagnostics.passed, found.diagnostics
    for name, truth in (("risk_aversion", R), ("annual_rate", RATE)):
        draws = found.natural[name]
        np.testing.assert_array_equal(draws[:, 0], draws[:, 1])  # one value for both experiments
        low, high = np.quantile(draws[:, 0], [0.025, 0.975])
        assert low <= truth <= high
    assert found.natural["risk_aversion"][:, 0].std() < 0.1
    assert found.natural["annual_rate"][:, 0].std() < 0.1
    sensitivity = np.exp(posterior.of_coordinate(found, "sensitivity_coordinate"))
    low, high = np.quantile(sensitivity, [0.005, 0.995], axis=0)
    assert ((low <= SENSITIVITY) & (high >= SENSITIVITY)).all()
