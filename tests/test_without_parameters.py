"""A theory without parameters is estimated all the same: by how sensitive choices are to what it says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from choice_designs import made, random_stimuli
from small_specifications import lotteries

from replicator import specification, theories
from replicator.errors import SpecError, UsageError
from replicator.experiment import Experiment, Fit
from replicator.inference import words
from replicator.inference.data import ChoiceData
from replicator.inference.diagnostics import Diagnostics
from replicator.inference.entries import Label, nuisance_entry, silent_entries
from replicator.inference.identification import consistent_sets
from replicator.inference.jobs import as_asked
from replicator.inference.recovery import recover

EXPECTED = theories.get("expected-value")


def label(theory: str, primary: str | None) -> Label:
    return Label(
        population="m", theory=theory, noise="contextual", elicitation="probability", estimand="representative_agent",
        sampling_unit="wording", pooling="complete", intercept=False, primary=primary,
    )  # fmt: skip


def experiment(tmp_path: Path, parameter: str = "sensitivity") -> Experiment:
    document = lotteries()
    document["analysis"]["primary"] = {"theory": "expected-value", "noise": "contextual", "parameter": parameter}
    path = tmp_path / "own.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return specification.load(path)


def choosers(right: float) -> ChoiceData:
    """Deterministic choices of which so many have the higher expected value."""
    stimuli = random_stimuli(np.random.default_rng(3), 20, 2, 2, losses=True)
    mean = (stimuli.amount * stimuli.probability).sum(axis=2)
    best = mean.argmax(axis=1)
    wrong = np.arange(20) >= round(20 * right)
    picked = np.where(wrong, 1 - best, best)
    return made(stimuli, counts=np.eye(2)[picked])


def test_a_plan_may_be_about_the_sensitivity_of_a_theory_without_parameters(tmp_path: Path) -> None:
    planned = experiment(tmp_path)
    assert planned.analysis.primary is not None
    assert planned.analysis.primary.parameter == "sensitivity"
    assert as_asked(planned, "expected-value", "logit").parameter == "sensitivity"
    with pytest.raises(SpecError, match='has no parameter "risk_aversion"'):
        experiment(tmp_path, "risk_aversion")


@pytest.mark.parametrize("right", [1.0, 0.75])
def test_of_a_deterministic_chooser_it_says_how_many_choices_it_explains(right: float) -> None:
    for kind in EXPECTED.noises:
        sets = consistent_sets(EXPECTED, kind, choosers(right), 0)
        assert sets["sensitivity"].rationality_rate == right
    said = words.deterministic(EXPECTED, sets)
    assert f"{right:.0%}" in said
    (entry,) = silent_entries(label("expected-value", "sensitivity"), "all", said, sets=sets)
    assert (entry["parameter"], entry["symbol"], entry["rationality_rate"]) == ("sensitivity", "s", right)
    assert entry["primary"]
    assert not entry["identified"]


@pytest.mark.parametrize(("theory", "primary"), [("expected-value", True), ("crra", False)])
def test_the_sensitivity_is_primary_only_where_there_is_nothing_else(theory: str, primary: bool) -> None:
    passed = Diagnostics(r_hat=1.0, ess_bulk=4000.0, ess_tail=4000.0, divergences=0, e_bfmi=1.0, passed=True)
    rng = np.random.default_rng(4)
    entry = nuisance_entry(
        label(theory, "sensitivity"), "all", "sensitivity", "s", rng.normal(10, 1, 500), rng.normal(10, 8, 500), passed
    )
    assert entry["primary"] == primary
    assert entry["identified"]


def test_there_is_nothing_to_recover(tmp_path: Path) -> None:
    fit = Fit("expected-value", "contextual", "sensitivity", None)
    with pytest.raises(UsageError, match="no parameters to recover"):
        next(iter(recover(experiment(tmp_path), fit, subjects=3, fits=1, seed=0)))
