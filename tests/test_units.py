"""A posterior tells every person's own parameters, however their effects were sampled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from replicator import specification
from replicator.inference import unanswered, units
from replicator.inference.data import ChoiceData
from replicator.inference.structure import Structure, structure

FIRST, CONTRAST, SLOPE, SD = 0.3, 0.25, 0.4, 0.2
"""Risk aversion at the first stakes, how far it moves at the second, with an attribute, and between persons."""

ATTRIBUTE = np.array([[-1.0], [0.0], [1.0]])
APART = np.array([1.5, -1.0, 0.5])
"""In sds, how far the three persons are from where their attribute has them."""


def design() -> tuple[Structure, ChoiceData]:
    data = unanswered.to_persons(unanswered.of_experiment(specification.find("holt-laury")), 3)
    data = replace(data, regressors=("age",), regressed=ATTRIBUTE)
    return structure("crra", "contextual", data, intercept=False), data


def posterior(weight: float) -> xr.Dataset:
    """Two chains of three draws that all say the same, with effects centred (1) or not (0)."""
    around = FIRST + ATTRIBUTE[:, 0] * SLOPE
    raw = around + SD * APART if weight else APART
    values = {
        "risk_aversion_first": ((), FIRST), "risk_aversion_contrast": (("other",), [CONTRAST]),
        "risk_aversion_slope": (("attribute",), [SLOPE]), "risk_aversion_sd": ((), SD),
        "risk_aversion_raw": (("unit",), raw),
    }  # fmt: skip
    chains = {"chain": [0, 1], "draw": [0, 1, 2]}
    one = xr.Dataset({name: (dims, np.asarray(value)) for name, (dims, value) in values.items()})
    return one.expand_dims(chains)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_persons_own_parameter(weight: float) -> None:
    shape, data = design()
    found = units.natural(shape, data, posterior(weight), {"risk_aversion": np.array(weight)})
    own = found["risk_aversion_of_unit"]
    assert own.dims == ("chain", "draw", "condition", "unit")
    assert own.shape == (2, 3, 2, 3)
    expected = FIRST + ATTRIBUTE[:, 0] * SLOPE + SD * APART
    np.testing.assert_allclose(own.sel(condition="stakes=1").isel(chain=1, draw=2), expected, rtol=1e-6)
    np.testing.assert_allclose(own.sel(condition="stakes=20").isel(chain=0, draw=0), expected + CONTRAST, rtol=1e-6)
    assert own["unit"].to_numpy().tolist() == ["person-1", "person-2", "person-3"]


def test_with_one_set_of_parameters_a_person_is_the_same_in_every_condition() -> None:
    shape, data = design()
    draws = posterior(0.0).drop_vars("risk_aversion_contrast")
    found = units.natural(replace(shape, shared=True), data, draws, {"risk_aversion": np.array(0.0)})
    expected = FIRST + ATTRIBUTE[:, 0] * SLOPE + SD * APART
    for condition in data.conditions:
        own = found["risk_aversion_of_unit"].sel(condition=condition).isel(chain=0, draw=0)
        np.testing.assert_allclose(own, expected, rtol=1e-6)


def test_nothing_is_kept_of_one_unit_or_of_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    shape, data = design()
    assert units.natural(replace(shape, units=1), data, posterior(0.0), {}) == {}
    monkeypatch.setattr(units, "MOST_VALUES", 35)
    assert units.natural(shape, data, posterior(0.0), {"risk_aversion": np.array(0.0)}) == {}
