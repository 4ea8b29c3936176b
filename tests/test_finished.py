"""A finished fit is known by all that determines it, and a damaged one is not taken over."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from replicator.inference import finished


def test_other_answers_or_another_seed_are_another_fit() -> None:
    rows = pd.DataFrame({"item": ["a", "b"], "probabilities": [[0.5, 0.5], [0.25, 0.75]]})
    other = rows.assign(probabilities=[[0.5, 0.5], [0.25 + 1e-12, 0.75 - 1e-12]])
    assert finished.fingerprint(rows) == finished.fingerprint(rows.copy())
    assert finished.fingerprint(rows) != finished.fingerprint(other)
    assert finished.key("answers", 0) == finished.key("answers", 0)
    assert finished.key("answers", 0) != finished.key("answers", 1)


def test_what_is_damaged_or_lost_its_posterior_is_not_finished(tmp_path: Path) -> None:
    identity = finished.key("answers", 0)
    (tmp_path / "one.nc").touch()
    finished.write(tmp_path, identity, [{"parameter": "r"}], ["one.nc"])
    assert finished.read(tmp_path, identity) == [{"parameter": "r"}]
    (tmp_path / "one.nc").unlink()
    assert finished.read(tmp_path, identity) is None
    (path,) = tmp_path.glob("*.fit.json")
    path.write_text("{", encoding="utf-8")
    assert finished.read(tmp_path, identity) is None
