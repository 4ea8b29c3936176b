"""A finished fit is known by all that determines it, and a damaged one is not taken over."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import replicator
from replicator.errors import DataError
from replicator.inference import finished
from replicator.inference.one_at_a_time import one_at_a_time


def test_other_answers_or_another_seed_are_another_fit() -> None:
    rows = pd.DataFrame({"item": ["a", "b"], "probabilities": [[0.5, 0.5], [0.25, 0.75]]})
    other = rows.assign(probabilities=[[0.5, 0.5], [0.25 + 1e-12, 0.75 - 1e-12]])
    assert finished.fingerprint(rows) == finished.fingerprint(rows.copy())
    assert finished.fingerprint(rows) != finished.fingerprint(other)
    assert finished.key("answers", 0) == finished.key("answers", 0)
    assert finished.key("answers", 0) != finished.key("answers", 1)


def test_a_fit_is_known_by_all_code_that_its_numbers_come_from() -> None:
    """What is imported beside the two folders is hashed too, or carries no arithmetic: texts, files and the table."""
    package = Path(replicator.__file__).parent
    imported = set()
    for path in [*(package / "inference").glob("*.py"), *(package / "theories").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "replicator":
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("replicator."):
                imported.add(str(node.module).split(".")[1])
    carriers = {"choices", "documents", "errors", "files", "personas", "resources", "runs", "versions"}
    assert imported - {"inference", "theories"} - carriers <= set(finished._BESIDE)
    assert "intervals" in imported


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


HOLD = """
import sys, time
from pathlib import Path
from replicator.inference.one_at_a_time import one_at_a_time
with one_at_a_time(Path(sys.argv[1])):
    sys.stdout.write("held")
    sys.stdout.flush()
    time.sleep(600)
"""


def test_a_second_estimation_says_that_a_first_is_at_work_until_that_one_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as first:
        try:
            assert first.stdout is not None
            assert first.stdout.read(4) == b"held"
            with pytest.raises(DataError, match="another estimation is writing here"), one_at_a_time(tmp_path):
                pytest.fail("both hold it")
        finally:
            first.kill()
    with one_at_a_time(tmp_path):
        pass
