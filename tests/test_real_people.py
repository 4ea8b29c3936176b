"""People's recorded choices come in through `replicator import`, and show what their publishers found.

Shares and medians are of the complete data. What a hierarchy says of a sample of the people is in
`test_people_fitted.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_line import called
from recorded import real

from replicator import choices, resources, runs
from replicator.inference.data import COLUMNS, ChoiceData, choice_data
from replicator.inference.subjects import by_subject
from replicator.shares import usable
from replicator.theories.loss_aversion import LINEAR

pytestmark = pytest.mark.real_data

ULTIMATUM_100 = {
    "map": {"subject": "sub", "value": "choice"},
    "values": {"0": "accept", "1": "reject"},
    "derive": {"stimulus.offer": "100 * (1 - unfairness)", "stimulus.rest": "100 * unfairness"},
}
"""Heffner and FeldmanHall 2022: the proposer's share of the money is `unfairness`, and `choice` 1 a rejection."""

ULTIMATUM_20 = {
    "map": {
        "subject": "participant_id", "value": "accept", "stimulus.offer": "Offer",
        "attribute.age": "age", "attribute.proposer": "proposer",
    },
    "values": {"1": "accept", "0": "reject"},
    "derive": {"stimulus.rest": "20 - Offer"},
}  # fmt: skip
"""Smith et al. 2024: offers of 1 to 10 out of 20 dollars."""

SOONER_OR_LATER = {
    "map": {
        "subject": "Subject", "value": "LaterOptionChosen", "attribute.framing": "Condition",
        "stimulus.sooner": "X1", "stimulus.later": "X2",
    },
    "values": {"1": "later", "0": "sooner"},
    "derive": {"stimulus.wait": "7 * T1", "stimulus.days": "7 * T2"},
}  # fmt: skip
"""Ericson et al. 2015; delays are in weeks."""

GAMBLES = {
    "map": {
        "subject": "participant_id", "stimulus.gain": "gain", "stimulus.loss": "loss", "value": "accept",
        "model": "group", "attribute.group": "group", "attribute.gender": "gender", "attribute.age": "age",
    },
    "values": {"1": "accept", "0": "reject"},
}  # fmt: skip
"""Botvinik-Nezer et al. 2019 (NARPS); a population for each range of gains."""


def imported(file: str, experiment: str | Path, mapping: Mapping[str, Any], folder: Path) -> runs.Run:
    """A run made by the command with a mapping file, as a stranger makes it."""
    (folder / "mapping.json").write_text(json.dumps(mapping), encoding="utf-8")
    arguments = ["import", real(file), "--experiment", experiment, "--mapping", folder / "mapping.json"]
    assert called(*arguments, "--out", folder / "run") == 0
    return runs.open_run(folder / "run")


def answers(run: runs.Run, *more: str) -> pd.DataFrame:
    """Who chose what in a run, with more columns beside."""
    return choices.read(run.choices, ["model", "subject", "item", "status", "probabilities", *more])


def persons(run: runs.Run, population: str | None = None) -> ChoiceData:
    """The run's choices as a hierarchy over persons reads them."""
    table = choices.read(run.choices, [*COLUMNS])
    table = table if population is None else table[table["model"] == population]
    cells = {(row["item"], row["condition"]): row["outcomes"] for row in choices.cells(run.choices).to_dict("records")}
    return choice_data(usable(table), cells, "person")


def share(frame: pd.DataFrame, option: int, by: str) -> pd.Series:
    """Share of an option among the valid answers, by a column."""
    valid = frame[frame["status"] == "valid"]
    return chosen(valid, option).groupby(valid[by]).mean()


def chosen(valid: pd.DataFrame, option: int) -> pd.Series:
    """1 where the option was chosen, else 0."""
    return pd.Series([answer[option] for answer in valid["probabilities"]], index=valid.index)


def test_heffner_and_feldmanhall_2022(tmp_path: Path) -> None:
    """Rejections rise from .9% of equal divisions to 71.7% of 95 to 5 (Nature Communications 13, 1718)."""
    run = imported("human/heffner2022_games/ug_data.csv", "ultimatum-responder", ULTIMATUM_100, tmp_path)
    assert run.manifest["counts"] == {"valid": 14_300}
    frame = answers(run, "stimulus.offer")
    assert frame["subject"].nunique() == 715
    rejected = share(frame, 1, "stimulus.offer")
    assert rejected.index.to_list() == pytest.approx(list(range(5, 55, 5)))
    assert rejected.iloc[-1] == pytest.approx(0.009, abs=0.0005)
    assert rejected.iloc[0] == pytest.approx(0.717, abs=0.0005)
    assert (np.diff(rejected) < 0).all()
    # 1 - .95 is 5 in all but the last of its digits: these are the experiment's own items.
    assert set(frame["item"]) == {f"offer-{offer}" for offer in range(5, 55, 5)}


def test_smith_2024(tmp_path: Path) -> None:
    """Acceptance rises from 28% of 1 dollar to 98% of 10 out of 20."""
    run = imported("human/srndna_ug_trust/ultimatum_responder.csv", "ultimatum-responder", ULTIMATUM_20, tmp_path)
    assert run.manifest["counts"] == {"valid": 13_808}
    frame = answers(run, "stimulus.offer", "outcomes")
    assert frame["subject"].nunique() == 98
    accepted = share(frame, 0, "stimulus.offer")
    assert accepted.index.to_list() == list(range(1, 11))
    assert (accepted.iloc[0], accepted.iloc[-1]) == pytest.approx((0.28, 0.98), abs=0.005)
    assert (np.diff(accepted) > 0).all()
    # None of the offers is an item of the specification; 10 out of 20 is half, and not 10 of 100.
    half = frame[frame["stimulus.offer"] == 10]
    assert set(half["item"]) == {"offer-10-rest-10"}
    assert [(o["amount"], o["to"]) for o in half["outcomes"].iloc[0]][:2] == [(10.0, "self"), (10.0, "other")]


def two_dates(folder: Path) -> Path:
    """The experiment on discounting where the sooner payment may be later than today too."""
    document = json.loads(resources.experiment_files()["delay-discounting"].read_text(encoding="utf-8"))
    document["name"] = "two-dates"
    document["options"]["sooner"]["outcomes"][0]["delay"] = "wait"
    for place, item in enumerate(document["items"]):
        item["wait"] = 7 * (place % 2)
        item["days"] += item["wait"]
    for check in document["checks"]:
        check["variables"]["wait"] = 0
    (folder / "two-dates.json").write_text(json.dumps(document), encoding="utf-8")
    return folder / "two-dates.json"


def test_ericson_2015(tmp_path: Path) -> None:
    """37.2% choose the later payment; by framing 29, 37, 29, 45 and 45% (Psychological Science 26, 826)."""
    run = imported("human/ericson2015_intertemporal/choices.csv", two_dates(tmp_path), SOONER_OR_LATER, tmp_path)
    frame = answers(run, "attribute.framing", "stimulus.wait")
    assert run.manifest["counts"] == {"valid": 23_131, "missing": 369}
    assert frame["subject"].nunique() == 940
    assert chosen(frame[frame["status"] == "valid"], 1).mean() == pytest.approx(0.372, abs=0.0005)
    by_framing = share(frame, 1, "attribute.framing")
    assert by_framing.to_list() == pytest.approx([0.289, 0.374, 0.290, 0.446, 0.446], abs=0.0006)
    # With both payments later, more people wait, as present bias says and a constant rate does not.
    by_wait = share(frame, 1, "stimulus.wait")
    assert by_wait.index.to_list() == [0.0, 7.0, 14.0]
    assert by_wait[0.0] < by_wait[7.0] - 0.05


def test_ericson_2015_at_once_or_later(tmp_path: Path) -> None:
    """A third of the questions offer the sooner payment at once, as `delay-discounting` does."""
    mapping = {**SOONER_OR_LATER, "where": "T1 == 0", "derive": {"stimulus.days": "7 * T2"}}
    run = imported("human/ericson2015_intertemporal/choices.csv", "delay-discounting", mapping, tmp_path)
    assert run.manifest["counts"] == {"valid": 7_645, "missing": 117}
    given = choices.cells(run.choices)["outcomes"]
    assert {tuple(o["delay"] for o in outcomes) for outcomes in given} == {(0.0, 7.0), (0.0, 14.0), (0.0, 21.0)}


@pytest.fixture(scope="module")
def narps(tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    folder = tmp_path_factory.mktemp("narps")
    return imported("human/narps_mixed_gambles/narps_choices.csv", "mixed-gambles", GAMBLES, folder)


def test_narps_accepts_by_range(narps: runs.Run) -> None:
    """65.7% accepted where gains were twice the losses, 45.0% where both ranged alike (Sci. Data 6, 106, 2019)."""
    frame = answers(narps)
    assert narps.manifest["counts"] == {"valid": 27_454, "missing": 194}
    accepted = share(frame, 0, "model")
    assert accepted.to_dict() == pytest.approx({"equalIndifference": 0.657, "equalRange": 0.450}, abs=0.0005)
    people = frame.groupby("model")["subject"].nunique()
    assert people.to_dict() == {"equalIndifference": 54, "equalRange": 54}


def test_narps_person_by_person(narps: runs.Run) -> None:
    """The median lambda of a logit with an intercept is 1.43 and 1.00 by range: wider gains make losses loom larger.

    A person in each group has no maximum and is left out: sub-013's choices separate perfectly where gain equals loss,
    and sub-056 accepts what others reject. The medians of all 54 count their limits, below the middle and at it.
    """
    found: dict[str, np.ndarray] = {}
    for population in ("equalIndifference", "equalRange"):
        each = by_subject(LINEAR, "logit", persons(narps, population), intercept=True)
        assert (each.estimable, each.people) == (53, 54)
        found[population] = each.natural["loss_aversion"]
    assert np.median(found["equalIndifference"]) == pytest.approx(1.445, abs=0.001)
    assert np.median([*found["equalIndifference"], 1.0]) == pytest.approx(1.43, abs=0.005)
    assert np.median(found["equalRange"]) == pytest.approx(1.00, abs=0.005)


def test_moblab_minimum_acceptable_offers(tmp_path: Path) -> None:
    """5,993 first-round answers of 34.3 on average; 28.6% demand half or more (doi:10.1073/pnas.2313925121)."""
    frame = pd.read_csv(real("human/moblab/ultimatum_strategy.csv"))
    kept = frame[(frame["Round"] == 1) & (frame["Total"] == 100) & frame["accept"].between(0, 100)]
    assert len(kept) == 5_993
    assert kept["accept"].mean() == pytest.approx(34.3, abs=0.05)
    assert (kept["accept"] >= 50).mean() == pytest.approx(0.286, abs=0.0005)
