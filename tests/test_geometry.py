"""The sampler starts where the data point: also where the order of the options decides much."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from choice_designs import answered, by_wording, made
from scipy import special

from replicator import specification, theories
from replicator.inference import builder
from replicator.inference.geometry import geometry
from replicator.inference.structure import structure
from replicator.inference.walk import Geometry, add_misfit
from replicator.theories import Stimuli, noise


def test_a_large_position_effect_is_not_taken_for_scatter(tmp_path: Path) -> None:
    """An exact chooser leaves no residual once its position effect is taken out."""
    arguments = {"r": "0.3", "noise": "8", "position": "1.5"}
    spec = specification.find("holt-laury")
    data = by_wording(*answered(spec, tmp_path, "participants:crra", arguments, {"stakes": [1]}))
    shape = structure("crra", "contextual", data, intercept=False)
    fixed = builder.design(theories.get("crra"), "contextual", data)
    start = geometry(shape, data, stake=fixed.table.stake, sensitivity_unit=fixed.sensitivity_unit).start
    assert start["position_effect"] == pytest.approx(1.5, abs=0.05)
    assert float(start["residual"]) < 0.1


def test_people_start_where_the_prior_holds_what_their_choices_do_not() -> None:
    """Who accepts by the ratio of gain to loss alone is fitted best by a curvature of nothing, unlike any person's."""
    amount = np.array([[[gain, -loss], [0.0, 0.0]] for gain in range(10, 41, 6) for loss in range(5, 21, 3)], float)
    probability = np.full_like(amount, 0.5)
    stimuli = Stimuli(amount, probability, amount.max(axis=(1, 2)), amount.min(axis=(1, 2)))
    accepted = special.expit(4.0 * np.log(amount[:, 0, 0] / -amount[:, 0, 1] / 2.0))
    counts = 40.0 * np.column_stack([accepted, 1.0 - accepted])
    data = made(stimuli, counts=counts, status_quo=np.array([False, True]))
    shape = structure("loss-aversion-power", "logit", data, intercept=False)
    theory = theories.get("loss-aversion-power")
    fixed = builder.design(theory, "logit", data)
    start = geometry(shape, data, stake=fixed.table.stake, sensitivity_unit=fixed.sensitivity_unit).start
    (curvature,) = (p.prior for p in theory.parameters if p.name == "curvature")
    assert abs(float(start["curvature_first"]) - curvature.mean) < 4.0 * curvature.sd


def test_people_who_are_alike_in_one_way_are_not_taken_to_differ_in_it() -> None:
    """Twelve people choose alike but for risk aversion, from -.6 to .8, with many answers each: one step from where
    they stand together would not find them all."""
    aversion, questions, theory = np.linspace(-0.6, 0.8, 12), 10, theories.get("crra")
    p = np.arange(1, questions + 1) / (questions + 1)
    amount = np.tile(np.array([[20.0, 16.0], [38.5, 1.0]]), (questions, 1, 1))
    probability = np.repeat(np.stack([p, 1 - p], axis=1)[:, None, :], 2, axis=1)
    stimuli = Stimuli(amount, probability, amount.max(axis=(1, 2)), amount.min(axis=(1, 2)))
    unit, question = np.indices((12, questions)).reshape(2, -1)
    worth = noise.contextual(np, theory, {"risk_aversion": aversion[:, None, None, None]}, stimuli)
    safe = special.expit(8.0 * (worth[:, :, 0] - worth[:, :, 1])).ravel()
    data = made(
        stimuli, unit_name="person", units=tuple("abcdefghijkl"), unit=unit, question=question,
        label_set=np.zeros(len(unit), dtype=int), counts=500.0 * np.column_stack([safe, 1.0 - safe]),
    )  # fmt: skip
    shape = structure("crra", "contextual", data, intercept=False)
    fixed = builder.design(theory, "contextual", data)
    walk = geometry(shape, data, stake=fixed.table.stake, sensitivity_unit=fixed.sensitivity_unit)
    assert walk.centring["risk_aversion"] == 1.0
    assert walk.start["risk_aversion_sd"] == pytest.approx(np.std(aversion, ddof=1), rel=0.1)
    np.testing.assert_allclose(walk.start["risk_aversion_raw"], aversion, atol=0.08)
    assert walk.centring["sensitivity"] == 0.0
    assert walk.start["sensitivity_sd"] < 0.1


@pytest.mark.parametrize("others", [0.1, 1.0])
def test_a_question_that_all_answer_alike_does_not_tell_how_far_questions_lie_off_the_curve(others: float) -> None:
    """One answer more moves it by logits: what the `others` do decides about centring, and about where the scale
    starts."""
    off = np.array([[others], [-others], [others], [-others], [others], [-others], [3.0]])
    error = np.array([[0.02]] * 6 + [[2.0]])
    walk = Geometry({}, {})
    add_misfit(walk, np.zeros_like(off), off, error)
    assert float(walk.centring["item_misfit"]) == (others == 1.0)
    assert float(walk.start["item_misfit_sd"]) == pytest.approx(others, abs=0.1)


def test_a_question_that_is_known_best_does_not_decide_alone_how_far_questions_lie_off_the_curve() -> None:
    """Ten questions lie off by Normal(0, 1), one of them known fifty times as well: the scale starts within a factor of
    two or so in nine of ten draws, and not in one of ten at next to nothing, as if that one question were all."""
    rng = np.random.default_rng(3)
    error = np.array([[0.004]] + [[0.2]] * 9)
    starts = []
    for _ in range(400):
        walk = Geometry({}, {})
        off = rng.normal(0.0, np.sqrt(1.0 + error))
        starts.append(float(add_misfit(walk, np.zeros_like(off), off, error)))
        assert walk.start["item_misfit_sd"] == pytest.approx(np.sqrt(max(starts[-1], 0.02**2)))
    low, middle, high = np.quantile(np.sqrt(starts), [0.05, 0.5, 0.95])
    assert low > 0.45
    assert middle == pytest.approx(1.0, abs=0.1)
    assert high < 1.6
