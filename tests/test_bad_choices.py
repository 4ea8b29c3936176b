"""Choices that tell little, too many of them, or none that are numbers: an honest result or one clear line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest
from choice_designs import answered
from test_criticism import answering, asked, fitted, with_answers

from replicator import specification, theories
from replicator.errors import DataError
from replicator.experiment import Fit
from replicator.inference import choice_fits, criticism, left_out, personas, posterior, predictive_check, sensitivity
from replicator.inference.data import choice_data
from replicator.inference.diagnostics import Diagnostics
from replicator.inference.entries import Label, median_entry
from replicator.inference.jobs import Job
from replicator.inference.structure import structure
from replicator.inference.words import of_persons
from replicator.runs import Run
from replicator.shares import usable

LABEL = Label("people", "crra", "contextual", "recorded", "typical_person", "person", "partial", False, "risk_aversion")


def drawn(**values: Any) -> posterior.Posterior:
    """A posterior that passed its diagnostics, made of draws (chain, draw, ...)."""
    passed = Diagnostics(1.0, 800.0, 800.0, 0, 0.9, True)
    coordinate = {"risk_aversion": values["risk_aversion_coordinate"].reshape(-1, 1)}
    natural = theories.get("crra").natural(np, coordinate)
    return posterior.Posterior(az.from_dict(posterior=values), natural, passed, np.ones(1))


def test_one_person_is_estimated_and_not_called_typical(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    data = answering(fitted(asked("people", units=1, presentations=1)))
    found = drawn(
        risk_aversion_coordinate=0.4 + 0.05 * rng.normal(size=(4, 100, 1)),
        sensitivity_coordinate=2.3 + 0.05 * rng.normal(size=(4, 100, 1)),
        lapse=np.full((4, 100), 0.02),
        item_misfit=np.zeros((4, 100, 12, 1)),
        item_misfit_sd=np.full((4, 100), 0.1),
    )
    found.draws.add_groups({"sample_stats": {"diverging": np.zeros((4, 100), dtype=bool)}})
    monkeypatch.setattr(posterior, "of_choices", lambda shape, data, seed: found)
    run, fits = Run(tmp_path, {}), list[dict[str, Any]]()
    run.posteriors.mkdir(parents=True)
    job = Job("people", "human", Fit("crra", "contextual", "risk_aversion", None), "partial")
    entries = choice_fits.sampled(run, LABEL, job, data, 0, intercept=False, asked=1, fits=fits)
    entry = next(e for e in entries if e["parameter"] == "risk_aversion")
    assert not entry["identified"]
    assert entry["why_not"].startswith("One person answered: what is typical of several cannot be told from one.")
    assert entry["person_sd"] is None
    (fit,) = fits
    assert fit["loo"]["why_not"] == "There is one unit (one person): none can be left out."
    assert entry["check"]["passed"] == fit["check"]["passed"]


def test_one_person_has_no_median_over_people() -> None:
    parameter = theories.get("crra").parameters[0]
    entry = median_entry(LABEL, "all", parameter, np.array([0.5]), 0.0, (0.5, 0.5), 1)
    assert not entry["identified"]
    assert "cannot be told from one" in entry["why_not"]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -0.2])
def test_probabilities_that_are_no_numbers_are_refused_with_their_place(tmp_path: Path, wrong: float) -> None:
    table, cells = answered(
        specification.find("holt-laury"), tmp_path, "participants:crra", {"r": "0.5"}, {"stakes": [1]}
    )
    kept = usable(table).reset_index(drop=True)
    given = [list(row) for row in kept["probabilities"]]
    given[7] = [wrong, 1.0]
    with pytest.raises(DataError, match=r"1 answers called valid .* first to row-\d+ \(stakes=1\)") as refused:
        choice_data(kept.assign(probabilities=given), cells, "wording")
    assert refused.value.remedy


def test_certain_answers_are_finite_everywhere(tmp_path: Path) -> None:
    """Probabilities of exactly 0 and 1 say as much as 12 logits."""
    table, cells = answered(
        specification.find("holt-laury"), tmp_path, "participants:crra", {"r": "0.5"}, {"stakes": [1]}
    )
    kept = usable(table)
    certain = choice_data(
        kept.assign(probabilities=[[1.0, 0.0] if i % 2 else [0.0, 1.0] for i in range(len(kept))]), cells, "wording"
    )
    assert set(np.abs(certain.logits).ravel()) == {12.0}
    played = fitted(asked())
    far = replace(played.data, logits=np.full_like(played.data.logits, 12.0))
    check = predictive_check.of_draws(with_answers(played, far), seed=0)
    assert not check.passed
    assert np.isfinite(left_out.leave_out(with_answers(played, far), seed=0).elpd).all()


def test_a_person_who_missed_questions_changes_nothing_for_the_others() -> None:
    whole = fitted(asked("people", units=3), draws=5)
    whole = with_answers(whole, answering(whole))
    kept = ~((whole.data.unit == 1) & (whole.data.question > 3))
    parts = {name: getattr(whole.data, name)[kept] for name in ("unit", "question", "label_set", "logits", "counts")}
    fixed = replace(whole.fixed, **{name: parts[name] for name in ("unit", "question", "label_set")}, position=None)
    ragged = replace(whole, data=replace(whole.data, position=None, **parts), fixed=fixed)
    one, other = (left_out.marginal(played, np.random.default_rng(0)) for played in (whole, ragged))
    np.testing.assert_allclose(other[:, [0, 2]], one[:, [0, 2]], rtol=1e-9)
    assert (other[:, 1] > one[:, 1]).all()  # fewer answers are more probable


def test_of_ten_thousand_persons_some_are_drawn_by_lot_with_all_their_answers() -> None:
    rows = pd.DataFrame({"subject": np.repeat([f"p{i}" for i in range(10_000)], 3), "item": ["a", "b", "c"] * 10_000})
    kept = personas.by_lot(rows, seed=4)
    assert kept["subject"].nunique() == personas.MOST_PERSONS
    assert (kept.groupby("subject").size() == 3).all()
    assert kept.equals(personas.by_lot(rows, seed=4))
    assert not kept.equals(personas.by_lot(rows, seed=5))
    assert personas.by_lot(rows[:30], seed=4) is not None
    assert len(personas.by_lot(rows[:30], seed=4)) == 30
    (said,) = of_persons("person", personas.MOST_PERSONS, 10_000)
    assert said == "3,000 persons, drawn by lot from 10,000, are fitted; shares are of all."
    assert of_persons("person", 50, 60) == []


def test_a_theory_without_parameters_is_held_against_the_choices_like_any_other() -> None:
    """Expected value has nothing but a sensitivity."""
    data = asked("people", units=3, presentations=2)
    shape = structure("expected-value", "contextual", data, intercept=False)
    rng = np.random.default_rng(3)
    values = {
        "sensitivity_coordinate": 2.3 + 0.05 * rng.normal(size=(4, 50, 1)),
        "sensitivity_sd": np.full((4, 50), 0.1),
        "sensitivity_raw": rng.normal(size=(4, 50, 3)),
        "lapse": np.full((4, 50), 0.02),
        "item_misfit": np.zeros((4, 50, 12, 1)),
        "item_misfit_sd": np.full((4, 50), 0.1),
    }
    passed = Diagnostics(1.0, 800.0, 800.0, 0, 0.9, True)
    centring = {name: np.array(0.0) for name in ("sensitivity", "item_misfit")}
    found = posterior.Posterior(az.from_dict(posterior=values), {}, passed, np.ones(1), centring)
    assert sensitivity.of_choices(found, shape, data) == {}
    told = criticism.of_sampled(replace(LABEL, theory="expected-value"), found, shape, data, seed=0)
    assert told["check"]["of"] == 12
    assert told["loo"]["units"] == 3
