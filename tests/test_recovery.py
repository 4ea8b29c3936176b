"""Known persons come out of an experiment again, and `recover` says where they do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import called, one_line

from replicator import resources, specification
from replicator.experiment import Fit
from replicator.inference.recovery import recover

CRRA = Fit("crra", "contextual", "risk_aversion", None)


@pytest.mark.parametrize("fits", [1, pytest.param(2, marks=pytest.mark.validate)])
def test_a_crowd_of_lottery_choosers_comes_out_again(fits: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Persons at two stakes: within 95% intervals, each known three times as well as before."""
    crowd = ("--subjects", "30", "--fits", str(fits), "--seed", "3")
    assert called("recover", "holt-laury", *crowd, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    rows = found["recovered"]
    assert (found["theory"], found["noise"], found["subjects"]) == ("crra", "contextual", 30)
    assert len(rows) == 2 * fits
    assert {row["condition"] for row in rows} == {"stakes=1", "stakes=20"}
    assert all(row["covered"] and row["passed"] for row in rows)
    assert all(row["sd"] < 0.6 / 3 for row in rows)


@pytest.mark.validate
@pytest.mark.parametrize(
    ("experiment", "parameter", "error"),
    [("money-request", "thinking_steps", 0.4), ("minimum-acceptable-offer", "minimum_acceptable_offer", 0.15)],
)
def test_people_who_name_numbers_come_out_again(
    experiment: str, parameter: str, error: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Amounts asked for, and the least that is accepted."""
    assert called("recover", experiment, "--subjects", "30", "--fits", "1", "--seed", "4", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["recovered"]
    (row,) = [row for row in rows if row["parameter"] == parameter]
    assert row["covered"]
    assert row["mean"] == pytest.approx(row["truth"], abs=error)


@pytest.mark.usefixtures("short_chains")
def test_one_seed_gives_the_same_truths_and_answers() -> None:
    experiment = specification.find("holt-laury")
    one, other = (next(recover(experiment, CRRA, subjects=30, fits=2, seed=3)) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("dictator",), 2, '"giving" describes answers and not how persons choose'),
        (("asian-disease",), 2, '"contrast" is estimated where a specification plans'),
        (("holt-laury", "--theory", "giving"), 2, 'about answers of type "amount"'),
        (("holt-laury", "--theory", "hyperbolic", "--noise", "contextual"), 2, "does not go with the theory"),
        (("delay-discounting", "--theory", "crra"), 4, "reads immediate outcomes only"),
        (("nowhere",), 2, "nowhere"),
    ],
)
def test_what_cannot_be_recovered_is_refused_in_one_line(
    arguments: tuple[str, ...], code: int, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("recover", *arguments) == code
    assert problem in one_line(capsys)


def test_questions_with_answers_of_their_own_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As estimation refuses their answers: the first item's range is not that of the others."""
    document = json.loads(resources.experiment_files()["money-request"].read_text(encoding="utf-8"))
    del document["checks"]
    for n, item in enumerate(document["items"]):
        item["most"] = 20 + n
    document["response"]["max"] = "most"
    (tmp_path / "uneven.json").write_text(json.dumps(document), encoding="utf-8")
    assert called("recover", tmp_path / "uneven.json", "--subjects", "5", "--fits", "1") == 4
    assert 'the answers to "bonus-20" are not those to "bonus-12"' in one_line(capsys)
