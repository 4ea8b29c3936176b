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
from replicator.theories import Stimuli


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
