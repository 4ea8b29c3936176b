"""The sampler starts where the data point: also where the order of the options decides much."""

from __future__ import annotations

from pathlib import Path

import pytest
from choice_designs import answered, by_wording

from replicator import specification, theories
from replicator.inference import builder
from replicator.inference.geometry import geometry
from replicator.inference.structure import structure


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
