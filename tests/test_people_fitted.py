"""What hierarchies say of people's recorded choices: samples of the people, drawn with a seed, through the command.

The shares and medians that these stand beside are in `test_real_people.py`, of everybody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest
from command_line import called
from recorded import real
from test_real_people import GAMBLES, SOONER_OR_LATER, ULTIMATUM_20, ULTIMATUM_100, answers, share

from replicator import resources, runs

pytestmark = [pytest.mark.real_data, pytest.mark.validate, pytest.mark.timeout(3600)]

Entry = dict[str, Any]


def sampled(
    file: str, subject: str, groups: str | None, each: int, experiment: str | Path, mapping: Mapping[str, Any],
    folder: Path,
) -> runs.Run:  # fmt: skip
    """A run of `each` people of every group, drawn with a seed."""
    frame = pd.read_csv(real(file), dtype=str, keep_default_na=False)
    people = frame.drop_duplicates(subject)
    drawn = (people if groups is None else people.groupby(groups)).sample(each, random_state=7)[subject]
    frame[frame[subject].isin(drawn)].to_csv(folder / "sample.csv", index=False)
    (folder / "mapping.json").write_text(json.dumps(mapping), encoding="utf-8")
    arguments = ["import", folder / "sample.csv", "--experiment", experiment, "--mapping", folder / "mapping.json"]
    assert called(*arguments, "--out", folder / "run") == 0
    return runs.open_run(folder / "run")


def estimated(run: runs.Run, *options: str) -> list[Entry]:
    assert called("estimate", run.folder, *options) == 0
    found: list[Entry] = json.loads(run.estimates.read_text(encoding="utf-8"))["estimates"]
    return found


def one(entries: list[Entry], parameter: str, **wanted: Any) -> Entry:
    keys = {"parameter": parameter, **wanted}
    (entry,) = [entry for entry in entries if all(entry[name] == value for name, value in keys.items())]
    return entry


def planned(name: str, folder: Path, *fits: tuple[str, str, str]) -> Path:
    """A shipped experiment with another plan of fits: (theory, noise, parameter)."""
    document = json.loads(resources.experiment_files()[name].read_text(encoding="utf-8"))
    plan = [{"theory": theory, "noise": noise, "parameter": parameter} for theory, noise, parameter in fits]
    document["analysis"] |= {"primary": plan[0], "also": plan[1:]}
    (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return folder / f"{name}.json"


THRESHOLD = ("acceptance-threshold", "equivalent", "minimum_acceptable_offer")


def test_rejections_of_unequal_divisions(tmp_path: Path) -> None:
    """60 responders to 100: indifferent near the offer that half of them reject, and Fehr and Schmidt's envy says so
    too, m = alpha / (1 + 2 alpha)."""
    experiment = planned("ultimatum-responder", tmp_path, THRESHOLD, ("fehr-schmidt", "equivalent", "envy"))
    file = "human/heffner2022_games/ug_data.csv"
    run = sampled(file, "sub", None, 60, experiment, ULTIMATUM_100, tmp_path)
    entries = estimated(run)
    rejected = share(answers(run, "stimulus.offer"), 1, "stimulus.offer")
    half = float(np.interp(-0.5, -rejected.to_numpy(), rejected.index.to_numpy())) / 100
    person = one(entries, "minimum_acceptable_offer", pooling="partial")
    assert person["diagnostics"]["passed"]
    assert person["mean"] == pytest.approx(half, abs=0.06)
    assert person["person_sd"] > 0.05
    envy = one(entries, "envy", pooling="partial")
    # m bends, so that its mean is not m of the mean envy, which is larger.
    (file_of_envy,) = run.posteriors.glob("*fehr-schmidt*typical_person*.nc")
    draws = az.from_netcdf(file_of_envy).posterior["envy"]
    assert float(draws.mean()) == pytest.approx(envy["mean"])
    assert float((draws / (1 + 2 * draws)).mean()) == pytest.approx(person["mean"], abs=0.06)
    # No division gave the responder more, so that nothing is known of guilt.
    assert not one(entries, "guilt", pooling="partial")["identified"]


def test_offers_out_of_twenty(tmp_path: Path) -> None:
    """30 responders to 1 to 10 out of 20 dollars: the share of the pie is what matters, not its size."""
    experiment = planned("ultimatum-responder", tmp_path, THRESHOLD)
    file = "human/srndna_ug_trust/ultimatum_responder.csv"
    run = sampled(file, "participant_id", None, 30, experiment, ULTIMATUM_20, tmp_path)
    accepted = share(answers(run, "stimulus.offer"), 0, "stimulus.offer")
    half = float(np.interp(0.5, accepted.to_numpy(), accepted.index.to_numpy())) / 20
    person = one(estimated(run), "minimum_acceptable_offer", pooling="partial")
    assert person["diagnostics"]["passed"]
    assert person["mean"] == pytest.approx(half, abs=0.06)


def test_discounting_by_framing(tmp_path: Path) -> None:
    """20 people of each of five framings: more of them wait where the later amount is told by what it adds, and a
    regression on the framing has their discount rates in the same order."""
    experiment = planned("delay-discounting", tmp_path, ("hyperbolic", "equivalent", "log_discount_rate"))
    mapping = {**SOONER_OR_LATER, "where": "T1 == 0", "derive": {"stimulus.days": "7 * T2"}}
    mapping["map"] = {name: column for name, column in mapping["map"].items() if name != "stimulus.wait"}
    file = "human/ericson2015_intertemporal/choices.csv"
    run = sampled(file, "Subject", "Condition", 30, experiment, mapping, tmp_path)
    entries = estimated(run, "--regress", "C(framing)")
    waited = share(answers(run, "attribute.framing"), 1, "attribute.framing")
    slopes = [one(entries, f"discount_rate:framing={framing}") for framing in (1, 2, 3, 4, 5)]
    assert all(slope["diagnostics"]["passed"] for slope in slopes)
    assert sum(slope["mean"] for slope in slopes) == pytest.approx(0.0, abs=1e-6)
    assert np.corrcoef([slope["mean"] for slope in slopes], waited)[0, 1] < -0.7


def test_the_range_of_gains_moves_loss_aversion(tmp_path: Path) -> None:
    """20 people of each range: the difference of the groups as a posterior, as log 1.00 - log 1.43 = -.36 has it."""
    experiment = planned("mixed-gambles", tmp_path, ("loss-aversion", "logit", "loss_aversion"))
    mapping = {**GAMBLES, "map": {name: column for name, column in GAMBLES["map"].items() if name != "model"}}
    file = "human/narps_mixed_gambles/narps_choices.csv"
    run = sampled(file, "participant_id", "group", 20, experiment, mapping, tmp_path)
    entries = estimated(run, "--regress", "group")
    (slope,) = [entry for entry in entries if entry["parameter"].startswith("loss_aversion:")]
    assert slope["diagnostics"]["passed"]
    sign = 1 if slope["parameter"] == "loss_aversion:group=equalRange" else -1
    low, high = sorted(sign * bound for bound in slope["interval"])
    assert low < np.log(1.00 / 1.43) < high
    assert high < 0
    assert not slope["primary"]


def test_minimum_acceptable_offers(tmp_path: Path) -> None:
    """5,993 thresholds as one agent: indifferent at the mean of what people say, 34.3 of 100."""
    mapping = {
        "map": {"subject": "UserID", "value": "accept"},
        "where": "Round == 1 and Total == 100 and accept >= 0 and accept <= 100",
    }
    (tmp_path / "mapping.json").write_text(json.dumps(mapping), encoding="utf-8")
    file = real("human/moblab/ultimatum_strategy.csv")
    arguments = ["--experiment", "minimum-acceptable-offer", "--mapping", tmp_path / "mapping.json"]
    assert called("import", file, *arguments, "--out", tmp_path / "run") == 0
    entry = one(estimated(runs.open_run(tmp_path / "run")), "minimum_acceptable_offer", pooling="complete")
    assert entry["diagnostics"]["passed"]
    assert entry["mean"] == pytest.approx(0.343, abs=0.05)
