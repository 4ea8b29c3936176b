"""What the priors imply in money, and that the committed tables say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from replicator import theories
from replicator.theories import predictive


def test_the_risk_neutral_value_a_gamble_at_its_mean_and_the_averse_below() -> None:
    values = predictive.certainty_equivalent(np.array([0.0, 1.0, 0.5, -1.0]))
    assert values[0] == pytest.approx(55.0)
    assert values[1] == pytest.approx(np.sqrt(1000.0))
    assert values[2] == pytest.approx(((10.0 + np.sqrt(10.0)) / 2.0) ** 2)
    assert values[3] > 55.0


@pytest.mark.parametrize("name", ["crra", "loss-aversion", "loss-aversion-power"])
def test_priors_are_centred_on_the_neutral_null_in_money(name: str) -> None:
    neutral = {"crra": 55.0, "loss-aversion": 10.0, "loss-aversion-power": 10.0}[name]
    in_money = [row for row in predictive.predictive(theories.get(name)) if row.unit == "USD"]
    assert len(in_money) == 1
    assert in_money[0].quantiles[2] == pytest.approx(neutral, rel=0.01)
    assert in_money[0].quantiles[0] < 0.6 * neutral  # wide enough to hold what people do
    assert in_money[0].quantiles[-1] > 1.3 * neutral


def test_the_committed_tables_are_those_that_the_command_prints() -> None:
    committed = (Path(__file__).parent.parent / "docs" / "priors.md").read_text(encoding="utf-8")
    assert predictive.markdown() in committed
