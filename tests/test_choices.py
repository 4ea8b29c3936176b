"""The table of choices: cheap where rows repeat, and refused where it breaks its contract."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from small_experiments import gifts, lotteries

from replicator import choices
from replicator.choices import Shared
from replicator.errors import DataError


def table(**changes: Any) -> pa.Table:
    """Three answers to the first lottery."""
    experiment = lotteries()
    variables = {"p": 0.1, "stakes": 1}
    columns: dict[str, Any] = {
        "experiment": experiment.name,
        "population": "model",
        "model": "someone",
        "item": "row-1",
        "condition": "stakes=1",
        "factor.stakes": [1, 1, 20.0],
        "stimulus.p": 0.1,
        "outcomes": Shared([experiment.outcomes(variables)], np.zeros(3, dtype=int)),
        "wording": "plain",
        "labels": "A|B",
        "order": "safe|risky",
        "language": "en",
        "layout": "single",
        "repeat": 0,
        "elicitation": "probability",
        "response": "choice",
        "options": Shared([("safe", "risky")], np.zeros(3, dtype=int)),
        "probabilities": [(0.25, 0.75), (1.0, 0.0), None],
        "label_mass": [0.9, None, None],
        "status": ["valid", "valid", "refusal"],
        "unit": "USD",
    }
    return choices.build(3, {**columns, **changes})


def test_a_written_table_reads_back_what_was_put_in(tmp_path: Path) -> None:
    path = tmp_path / "choices.parquet"
    choices.write(path, table())
    frame = choices.read(path)
    assert not set(choices.LISTS) & set(frame.columns)
    assert frame["factor.stakes"].tolist() == [1.0, 1.0, 20.0]
    lists = choices.read(path, ["options", "probabilities", "outcomes"])
    assert list(lists.columns) == ["options", "probabilities", "outcomes"]
    assert lists["probabilities"][0].tolist() == [0.25, 0.75]
    assert lists["probabilities"][2] is None
    assert lists["options"][0] == ["safe", "risky"]
    assert [o["amount"] for o in lists["outcomes"][0]] == pytest.approx([2.0, 1.6, 3.85, 0.1])
    assert [path.name for path in tmp_path.iterdir()] == ["choices.parquet"]


def test_the_columns_stand_in_the_order_of_the_contract() -> None:
    names = table(**{"attribute.age": 31}).column_names
    assert names[:9] == [
        "experiment", "population", "model", "subject", "attribute.age", "item", "condition", "factor.stakes",
        "stimulus.p",
    ]  # fmt: skip
    assert set(choices.COLUMNS.names) <= set(names)
    assert choices.factor_columns(names) == ["factor.stakes"]
    assert choices.stimulus_columns(names) == ["stimulus.p"]


def test_cells_list_every_question_once_with_its_outcomes(tmp_path: Path) -> None:
    path = tmp_path / "choices.parquet"
    choices.write(path, choices.join([table(), table(item="row-2"), table()]))
    cells = choices.cells(path)
    assert list(zip(cells["item"], cells["factor.stakes"], strict=True)) == [
        ("row-1", 1.0), ("row-1", 20.0), ("row-2", 1.0), ("row-2", 20.0),
    ]  # fmt: skip
    assert cells["outcomes"][3][0]["probability_high"] == pytest.approx(0.1)


def test_populations_with_other_columns_stand_in_one_table(tmp_path: Path) -> None:
    joined = choices.join([table(), table(model="other", **{"attribute.age": [20, 30, None]})])
    path = tmp_path / "choices.parquet"
    choices.write(path, joined)
    frame = choices.read(path)
    assert frame["attribute.age"].isna().tolist() == [True, True, True, False, False, True]
    valid = {"valid": 2, "refusal": 1}
    assert choices.counts(joined) == {"someone": valid, "other": valid}


def test_thirteen_thousand_gifts_fit_in_little_time_and_memory(tmp_path: Path) -> None:
    """A grid of 101 amounts for two recipients, spelled out for every person: 2.7 million outcomes."""
    script = """
        import resource, sys, time
        from pathlib import Path
        import numpy as np
        sys.path.insert(0, "tests")
        from small_experiments import gifts
        from replicator import choices
        experiment, n = gifts(), 13232
        variables = {"endowment": 100}
        codes = np.zeros(n, dtype=int)
        start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        table = choices.build(n, {
            "experiment": "gifts", "population": "human", "model": "people", "item": "only",
            "condition": "all",
            "outcomes": choices.Shared([experiment.outcomes(variables)], codes), "wording": "recorded",
            "repeat": 0, "elicitation": "recorded", "response": "amount", "status": "valid", "value": 50.0,
            "options": choices.Shared([experiment.option_names(variables)], codes),
            "probabilities": choices.Shared([np.eye(101)[50].tolist()], codes), "unit": "points",
        })
        choices.write(Path(sys.argv[1]), table)
        print(time.monotonic() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
    """
    path = tmp_path / "choices.parquet"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < 10
    assert megabytes < 500
    assert path.stat().st_size < 1_000_000
    assert choices.read_table(path, ["value"]).num_rows == 13_232
    assert len(choices.cells(path)["outcomes"][0]) == len(gifts().outcomes({"endowment": 100})) == 202


@pytest.mark.parametrize(
    ("changes", "row", "column"),
    [
        ({"probabilities": [(0.25, 0.75), (0.5, 0.4), None]}, 2, "probabilities"),
        ({"probabilities": [(0.25, 0.75), (1.5, -0.5), None]}, 2, "probabilities"),
        ({"probabilities": [(0.25, 0.75), (float("nan"), 1.0), None]}, 2, "probabilities"),
        ({"probabilities": [(0.25, 0.75), (0.2, 0.3, 0.5), None]}, 2, "probabilities"),
        ({"probabilities": [(0.25, 0.75), None, None]}, 2, "probabilities"),
        ({"probabilities": [(0.25, 0.75), (1.0, 0.0), (1.0, 0.0)]}, 3, "probabilities"),
        ({"status": ["valid", "valid", "shrug"]}, 3, "status"),
        ({"population": "robots"}, 1, "population"),
        ({"item": ["row-1", None, "row-1"]}, 2, "item"),
        ({"label_mass": [1.5, None, None]}, 1, "label_mass"),
    ],
)
def test_a_broken_table_is_refused_by_row_and_column(
    changes: dict[str, Any], row: int, column: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=f"row {row}, column {column}: "):
        choices.write(tmp_path / "choices.parquet", table(**changes))
    assert not list(tmp_path.iterdir())


def test_a_missing_or_unknown_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column status: the column is missing"):
        choices.check(table().drop_columns("status"))
    with pytest.raises(DataError, match="column mood"):
        choices.check(table().append_column("mood", pa.array([1, 2, 3])))
    path = tmp_path / "choices.parquet"
    choices.write(path, table())
    with pytest.raises(DataError, match=r"lacks the column 'attribute.age'.*It has: experiment"):
        choices.read(path, ["attribute.age"])


def test_what_is_no_table_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are no choices here"):
        choices.read(tmp_path / "choices.parquet")
    (tmp_path / "choices.parquet").write_text("not parquet")
    with pytest.raises(DataError, match="not a table of choices") as told:
        choices.read(tmp_path / "choices.parquet")
    assert "\n" not in str(told.value)


def test_a_full_disk_leaves_the_old_table_and_no_traceback(tmp_path: Path) -> None:
    """The kernel refuses the second write: no file of this process may grow beyond a few bytes."""
    path = tmp_path / "choices.parquet"
    choices.write(path, table())
    before = path.read_bytes()
    script = """
        import resource, signal, sys
        from pathlib import Path
        from replicator import choices
        from replicator.errors import RunError
        table = choices.read_table(Path(sys.argv[1]))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        try:
            choices.write(Path(sys.argv[1]), table)
        except RunError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(path)], capture_output=True, text=True, check=True
    )
    assert "no room left" in done.stdout
    assert done.stdout.count("\n") == 1
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["choices.parquet"]
