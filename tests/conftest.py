"""What several tests need: tiny checkpoints of two kinds, and what may not be skipped."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

REQUIRED = {
    "real_data": "REPLICATOR_REQUIRE_REAL_DATA",
    "browser": "REPLICATOR_REQUIRE_BROWSER",
    "server": "REPLICATOR_REQUIRE_SERVER",
}
"""Marker -> environment variable: where it is 1, a marked test that was skipped has failed."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What `make validate` makes is left to it, whatever else is chosen, unless `-m` names it."""
    if "validate" not in config.option.markexpr:
        left = [item for item in items if item.get_closest_marker("validate")]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if not item.get_closest_marker("validate")]


@pytest.fixture
def short_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chains too short to believe, for claims about what becomes of draws and not about what they say."""
    from replicator.inference import sampling

    for name in ("USUAL", "NARROW", "LONGER", "SMALLER", "CAREFUL"):
        monkeypatch.setattr(sampling, name, sampling.Length(chains=2, warmup=200, draws=200, accept=0.9))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    for marker, variable in REQUIRED.items():
        if report.skipped and item.get_closest_marker(marker) and os.environ.get(variable) == "1":
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} may not be skipped where {variable}=1: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def gpt2_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model with random weights: byte-level tokens, no BOS, no chat template."""
    from replicator.ladder import random_weights

    return random_weights.build("random-gpt2", tmp_path_factory.mktemp("gpt2") / "checkpoint")


@pytest.fixture(scope="session")
def llama_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model with random weights: a token a digit, BOS, a chat template."""
    from replicator.ladder import random_weights

    return random_weights.build("random-llama", tmp_path_factory.mktemp("llama") / "checkpoint")
