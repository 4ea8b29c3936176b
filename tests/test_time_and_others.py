"""Known discounters and responders come out again from the shipped experiments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from watchers import Silent

from replicator import pipeline, resources, specification
from replicator.inference.entries import Entry
from replicator.inference.estimate import estimate_run


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPLICATOR_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


def primary(name: str, folder: Path, *models: tuple[str, Mapping[str, str]]) -> dict[str, Entry]:
    """Model -> the estimate that the experiment is about, asked with one set of labels."""
    document = json.loads(resources.experiment_files()[name].read_text(encoding="utf-8"))
    document["analysis"]["also"] = []
    document["presentation"]["labels"] = document["presentation"]["labels"][:1]
    own = folder.parent / f"{name}.json"
    own.write_text(json.dumps(document), encoding="utf-8")
    only = specification.load(own)
    requests = tuple(pipeline.ModelRequest(model, arguments) for model, arguments in models)
    run = pipeline.collect_choices(pipeline.Request(only, requests), folder, Silent())
    return {e["population"]: e for e in estimate_run(run) if e["primary"]}


@pytest.fixture(scope="module")
def unresponsive(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Entry]:
    models = (("participants:uniform", {}), ("participants:always-first", {}))
    return primary("delay-discounting", tmp_path_factory.mktemp("time") / "run", *models)


@pytest.mark.parametrize(
    "k", [pytest.param("k=0.02,noise=20", marks=pytest.mark.validate), "k=0.001,noise=20,position=0.5"]
)
def test_patience_and_impatience_are_recovered(k: str, tmp_path: Path) -> None:
    who = dict(part.split("=") for part in k.split(","))
    entry = primary("delay-discounting", tmp_path / "run", ("participants:hyperbolic", who))[
        f"participants:hyperbolic({k})"
    ]
    truth = float(np.log(float(k.split(",")[0].removeprefix("k="))))
    low, high = entry["interval"]
    assert entry["parameter"] == "log_discount_rate"
    assert low <= truth <= high
    assert high - low < 0.3
    assert entry["identified"], json.dumps(entry["why_not"])


def test_who_answers_at_random_or_by_place_has_no_discount_rate(unresponsive: dict[str, Any]) -> None:
    for name in ("participants:uniform", "participants:always-first"):
        assert not unresponsive[name]["identified"]
        assert "do not respond" in unresponsive[name]["why_not"] or "no response" in unresponsive[name]["why_not"]


@pytest.mark.parametrize(
    ("theory", "arguments", "truth"),
    [
        # alpha = .8 puts it at alpha / (1 + 2 alpha) = .308 of the pie.
        ("fehr-schmidt", {"alpha": "0.8", "beta": "0.3", "noise": "20"}, 0.8 / 2.6),
        pytest.param("acceptance-threshold", {"m": "0.4", "noise": "20"}, 0.4, marks=pytest.mark.validate),
    ],
)
def test_the_least_acceptable_offer_is_recovered_also_from_the_inequity_averse(
    theory: str, arguments: dict[str, str], truth: float, tmp_path: Path
) -> None:
    (entry,) = primary("ultimatum-responder", tmp_path / "run", (f"participants:{theory}", arguments)).values()
    assert entry["mean"] == pytest.approx(truth, abs=0.01)
    assert entry["identified"]
