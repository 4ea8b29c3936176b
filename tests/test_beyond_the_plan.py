"""Theories that a plan does not name are fitted on request, and posteriors travel as a table."""

from __future__ import annotations

import json
from pathlib import Path

import arviz as az
import numpy as np
import pandas as pd
import pytest
from command_line import called, one_line

from replicator import resources


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated discounter's answers, without estimates."""
    folder = tmp_path_factory.mktemp("beyond")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPLICATOR_CACHE_DIR", str(folder / "cache"))
        document = json.loads(resources.experiment_files()["ultimatum-responder"].read_text(encoding="utf-8"))
        document["analysis"]["also"] = []
        own = folder / "responder.json"
        own.write_text(json.dumps(document), encoding="utf-8")
        arguments = ["collect", str(own), "--model", "participants:acceptance-threshold"]
        arguments += ["--model-args", "m=0.3,noise=20", "--out", str(folder / "run"), "--limit", "6"]
        assert called(*arguments) == 0
    return folder / "run"


@pytest.mark.parametrize(
    ("options", "problem", "remedy"),
    [
        (["--theory", "nonsense"], 'unknown theory "nonsense"', "Known: acceptance-threshold"),
        (["--theory", "fehr-smith"], 'unknown theory "fehr-smith"', 'Did you mean "fehr-schmidt"'),
        (["--theory", "giving"], 'the theory "giving" is about answers of type "amount"', "fehr-schmidt"),
        (["--theory", "hyperbolic", "--noise", "contextual"], "does not go with the theory", "logit or equivalent"),
        (["--noise", "logit"], "--noise needs --theory", ""),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_fitted(
    run: Path, options: list[str], problem: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("estimate", run, *options) == 2
    told = capsys.readouterr().err
    assert problem in told
    assert remedy in told
    assert not (run / "posteriors").exists()


def test_a_theory_that_cannot_read_the_outcomes_says_so_in_one_line(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("estimate", run, "--theory", "crra") == 4
    assert 'theory "crra" reads own outcomes only' in one_line(capsys)
    assert not (run / "posteriors").exists()


@pytest.mark.usefixtures("short_chains")
def test_estimates_beyond_the_plan_are_exploratory_and_their_draws_travel(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "draws.csv"
    asked = ("--theory", "acceptance-threshold", "--noise", "logit", "--draws-csv", table, "--json")
    assert called("estimate", run, *asked) == 0
    said = capsys.readouterr().out
    entries = json.loads(said)["estimates"]
    kinds = {(e["theory"], e["noise"], e["primary"]) for e in entries if e["parameter"] == "minimum_acceptable_offer"}
    assert kinds == {("acceptance-threshold", "equivalent", True), ("acceptance-threshold", "logit", False)}
    draws = pd.read_csv(table)
    chosen = draws[(draws["noise"] == "logit") & (draws["parameter"] == "minimum_acceptable_offer")]
    (path,) = (run / "posteriors").glob("*threshold--logit--*.nc")
    posterior = np.asarray(az.from_netcdf(path).posterior["minimum_acceptable_offer"])
    np.testing.assert_allclose(np.sort(chosen["value"]), np.sort(posterior.ravel()))
    assert set(chosen["condition"]) == {"all"}
    assert len(set(chosen.groupby("chain").size())) == 1
    (entry,) = (e for e in entries if (e["noise"], e["parameter"]) == ("logit", "minimum_acceptable_offer"))
    assert chosen["value"].mean() == pytest.approx(entry["mean"])
    assert called("estimate", run, "--draws-csv", tmp_path / "new" / "again.csv", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["estimates"]) == len(entries)
    assert (tmp_path / "new" / "again.csv").read_bytes() == table.read_bytes()


@pytest.mark.parametrize("name", ["choices.parquet", "manifest.json", "posteriors/estimates.json"])
def test_a_table_never_replaces_what_a_run_keeps(run: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run / "choices.parquet").read_bytes()
    assert called("estimate", run, "--draws-csv", run / name) == 4
    assert "it belongs to a run" in one_line(capsys)
    assert (run / "choices.parquet").read_bytes() == before
