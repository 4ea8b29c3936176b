"""Known persons whose parameters go with their age are regressed on it, and the slope comes out."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest
from command_line import called, one_line

from replicator import choices, specification
from replicator.exchange.importing import import_run
from replicator.exchange.mapping import read_options
from replicator.experiment import Fit
from replicator.inference import tidy
from replicator.inference.data import COLUMNS
from replicator.inference.estimate import estimate_job
from replicator.inference.jobs import Job
from replicator.runs import Run, open_run

SLOPE = 0.3
"""By how much the log of loss aversion rises per standard deviation of age."""

PEOPLE = 48
"""Of whom two do not tell their age."""

GAMBLES = [
    "subject=who", "stimulus.gain=gain", "stimulus.loss=loss", "value=chose", "attribute.age=age",
    "attribute.town=town", "attribute.planet=planet",
]  # fmt: skip


def aversions() -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Everybody's age and lambda."""
    rng = np.random.default_rng(11)
    age = rng.integers(18, 80, PEOPLE).astype(float)
    aversion = 1.5 * np.exp(SLOPE * (age - age.mean()) / age.std(ddof=1) + 0.15 * rng.normal(size=PEOPLE))
    return age, aversion, rng


def answers() -> pd.DataFrame:
    """Choices with contextual utility: logit P(accept) = 10 (gain - lambda loss) / 2 (gain + lambda loss), where log
    lambda is log 1.5 + .3 z + .15 e, and z the standardised age. The town says nothing of lambda."""
    age, aversion, rng = aversions()
    town = rng.permutation(["Ulm", "Ulm", "Bern"] * (PEOPLE // 3))
    rows = []
    for person in range(PEOPLE):
        for gain in (10, 16, 22, 28, 36):
            for loss in (6, 10, 14, 18):
                felt = aversion[person] * loss
                accepted = rng.random() < 1 / (1 + np.exp(-5 * (gain - felt) / (gain + felt)))
                told = age[person] if person >= 2 else np.nan
                chose = "accept" if accepted else "reject"
                rows.append((f"p{person}", gain, loss, chose, told, town[person], "Earth"))
    return pd.DataFrame(rows, columns=["who", "gain", "loss", "chose", "age", "town", "planet"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("ages")
    answers().to_csv(folder / "choices.csv", index=False)
    mapping = read_options(map=GAMBLES, model="people")
    return import_run(folder / "choices.csv", specification.find("mixed-gambles"), mapping, folder / "run")


@pytest.fixture(scope="module")
def entries(run: Run) -> list[dict[str, Any]]:
    """The one fit of this file."""
    job = Job(
        "people", "human", Fit("loss-aversion", "contextual", "loss_aversion", None), "partial", regress=("age", "town")
    )
    rows = choices.read(run.choices, [*COLUMNS, "attribute.age", "attribute.town"])
    cells = {(row["item"], row["condition"]): row["outcomes"] for row in choices.cells(run.choices).to_dict("records")}
    run.posteriors.mkdir()
    return estimate_job(run, run.experiment(), job, rows, cells, seed=0)


def one(entries: Sequence[dict[str, Any]], parameter: str) -> dict[str, Any]:
    (entry,) = [entry for entry in entries if entry["parameter"] == parameter]
    return entry


def test_loss_aversion_that_goes_with_age_is_found_to(entries: Sequence[dict[str, Any]]) -> None:
    slope = one(entries, "loss_aversion:age")
    assert slope["interval"][0] <= SLOPE <= slope["interval"][1]
    assert slope["interval"][0] > 0.15
    assert slope["sd"] < 0.08
    assert slope["identified"]
    assert slope["diagnostics"]["passed"]
    assert not slope["primary"]
    assert slope["symbol"] == "lambda:age"
    assert slope["unit"].startswith("log per sd of age (")
    assert (slope["estimand"], slope["pooling"], slope["sampling_unit"]) == ("typical_person", "partial", "person")
    assert any("A regression over 46 persons" in said for said in slope["words"])
    assert any("2 more persons are left out" in said for said in slope["words"])


def test_the_words_say_what_a_slope_is_in_the_parameter_itself(entries: Sequence[dict[str, Any]]) -> None:
    """lambda is about 1.5 at the mean age and exp(.3) times as much one standard deviation above it."""
    entry = one(entries, "loss_aversion:age")
    found = re.fullmatch(
        r"lambda is ([\d.]+) at the mean age \([\d.]+\) and ([\d.]+) one sd above it \([\d.]+\) \(medians\)\.",
        entry["words"][0],
    )
    assert found is not None, entry["words"]
    here, above = float(found[1]), float(found[2])
    assert here == pytest.approx(1.5, rel=0.1)
    assert np.log(above / here) == pytest.approx(entry["mean"], abs=0.02)


def test_what_does_not_go_with_an_attribute_is_not_found_to(entries: Sequence[dict[str, Any]]) -> None:
    town = one(entries, "loss_aversion:town=Bern")
    assert town["unit"] == "log Bern less Ulm"
    assert town["interval"][0] < 0 < town["interval"][1]
    for attribute in ("age", "town=Bern"):
        consistency = one(entries, f"sensitivity:{attribute}")
        assert consistency["interval"][0] < 0 < consistency["interval"][1]
        assert consistency["unit"].startswith("log ")
    assert len(entries) == 4


def test_the_posterior_names_its_persons_and_attributes(run: Run, entries: Sequence[dict[str, Any]]) -> None:
    (file,) = run.posteriors.glob("*.nc")
    assert file.name == "people--loss-aversion--contextual--typical_person--on-age_town.nc"
    opened = az.from_netcdf(file).posterior
    assert opened["attribute"].to_numpy().tolist() == ["age", "town"]
    assert "p2" in opened["unit"].to_numpy()
    assert len(opened["unit"]) == 46
    assert opened["loss_aversion_slope"].dims == ("chain", "draw", "attribute")
    assert opened["loss_aversion"].dims == ("chain", "draw", "condition")
    assert opened["condition"].to_numpy().tolist() == ["all"]
    # Everybody's own, those without an age aside: near what they are, and on average where the location is.
    own = opened["loss_aversion_of_unit"]
    assert own.dims == ("chain", "draw", "condition", "unit")
    true = dict(zip((f"p{person}" for person in range(PEOPLE)), aversions()[1], strict=True))
    named = [true[unit] for unit in own["unit"].to_numpy()]
    assert np.corrcoef(np.log(named), np.log(own).mean(("chain", "draw", "condition")))[0, 1] > 0.9
    mean = np.log(own).mean("unit") - np.log(opened["loss_aversion"])
    assert abs(float(mean.mean())) < 0.05
    # On its natural scale, as the table of draws has it.
    assert opened["sensitivity"].median() == pytest.approx(10, rel=0.4)
    table = tidy.draws(run)
    told = {"loss_aversion", "sensitivity", "lapse", "loss_aversion:age", "sensitivity:town=Bern"}
    assert set(table["parameter"]) >= told
    slopes = table[table["parameter"] == "loss_aversion:age"]["value"]
    assert slopes.mean() == pytest.approx(one(entries, "loss_aversion:age")["mean"], abs=1e-9)


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (["--regress", "aeg"], "the run has no attribute 'aeg'. Did you mean 'age'? It has: age, town, planet."),
        (["--regress", "planet"], "planet is Earth for everybody."),
        (["--regress", "age", "--regress", "age"], "age is named twice."),
    ],
)
def test_what_cannot_be_regressed_on_is_said_in_a_line(
    run: Run, asked: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("estimate", run.folder, *asked) == 2
    assert problem in one_line(capsys)


def test_gifts_have_no_persons_to_regress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gifts.csv").write_text("who,gift,age\nann,10,30\nbob,50,40\n")
    mapping = read_options(map=["subject=who", "value=gift", "attribute.age=age"])
    made = import_run(tmp_path / "gifts.csv", specification.find("dictator"), mapping, tmp_path / "run")
    assert called("estimate", made.folder, "--regress", "age") == 2
    assert "no fit of this run is of persons" in one_line(capsys)


def test_a_regression_stays_when_a_run_is_estimated_again(run: Run) -> None:
    from replicator.inference.jobs import regressed_before

    assert regressed_before(run) == ()
    again = open_run(run.folder)
    again.estimates.write_text(json.dumps({"estimates": [{"regressed_on": ["age", "C(town)"]}]}))
    assert regressed_before(again) == ("age", "C(town)")
    again.estimates.unlink()
