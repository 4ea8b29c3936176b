"""The answer store: shared, lasting, and plain about what is wrong with it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from replicator.engines.engine import Answer
from replicator.errors import DataError, RunError
from replicator.store import AnswerStore, default_path

ANSWER = Answer((0.1, 0.2, 0.7), 0.93, "valid")
REFUSAL = Answer(None, None, "refusal", "I'd rather not — ever.")


def journal(path: Path) -> str:
    connection = sqlite3.connect(path)
    mode: str = connection.execute("PRAGMA journal_mode").fetchone()[0]
    connection.close()
    return mode


def test_answers_come_back_to_the_last_digit(tmp_path: Path) -> None:
    third = Answer((1 / 3, 2 / 3), 1e-12, "valid")
    with AnswerStore(tmp_path / "answers.sqlite") as store:
        store.put_many({"a": ANSWER, "b": REFUSAL, "c": third})
    with AnswerStore(tmp_path / "answers.sqlite") as store:
        assert store.get_many(["a", "b", "c", "unknown"]) == {"a": ANSWER, "b": REFUSAL, "c": third}


def test_thousands_of_hashes_are_looked_up_at_once(tmp_path: Path) -> None:
    answers = {f"{number:064x}": ANSWER for number in range(3_000)}
    with AnswerStore(tmp_path / "answers.sqlite") as store:
        store.put_many(answers)
        assert store.get_many([*answers, "unknown"]) == answers


def test_it_lies_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATOR_CACHE_DIR", str(tmp_path / "new" / "folder"))
    with AnswerStore() as store:
        store.put_many({"a": ANSWER})
    assert default_path() == tmp_path / "new" / "folder" / "answers.sqlite"
    assert default_path().is_file()
    monkeypatch.delenv("REPLICATOR_CACHE_DIR")
    assert default_path().parent.name == "replicator"


def test_two_processes_write_at_once_and_lose_nothing(tmp_path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from replicator.engines.engine import Answer
        from replicator.store import AnswerStore
        with AnswerStore(Path(sys.argv[1])) as store:
            for number in range(100):
                store.put_many({f"{sys.argv[2]}-{number}": Answer((1.0,), None, "valid", sys.argv[2])})
    """
    path = tmp_path / "answers.sqlite"
    writers = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(script), str(path), name]) for name in ("one", "two")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    with AnswerStore(path) as store:
        known = store.get_many(f"{name}-{number}" for name in ("one", "two") for number in range(100))
    assert len(known) == 200
    assert all(answer.text == request.partition("-")[0] for request, answer in known.items())


def test_without_a_write_ahead_log_the_rollback_journal_serves(tmp_path: Path) -> None:
    """A folder stands where SQLite needs its shared memory, as if the file system had none."""
    path = tmp_path / "answers.sqlite"
    (tmp_path / "answers.sqlite-shm").mkdir()
    with AnswerStore(path) as store:
        store.put_many({"a": ANSWER})
        assert store.get_many(["a"]) == {"a": ANSWER}
    assert journal(path) == "delete"
    with AnswerStore(tmp_path / "other.sqlite"):
        pass
    assert journal(tmp_path / "other.sqlite") == "wal"


@pytest.mark.parametrize("content", [b"this is no database " * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_store_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "answers.sqlite"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"answers\.sqlite: .*damaged.*Move the file away") as told:
        AnswerStore(path)
    assert "\n" not in str(told.value)
    assert path.read_bytes() == content


def test_damage_inside_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    with AnswerStore(path) as store:
        store.put_many({"a": ANSWER})
    connection = sqlite3.connect(path)
    connection.execute("UPDATE answers SET answer = '{\"probabilities\"'")
    connection.commit()
    connection.close()
    with AnswerStore(path) as store, pytest.raises(DataError, match="damaged"):
        store.get_many(["a"])


def test_a_store_of_another_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(DataError, match="a later version"):
        AnswerStore(path)


def earlier(path: Path) -> Path:
    """A store of layout 1 with one answer, "a"."""
    document = '{"probabilities":[0.25,0.75],"label_mass":0.5,"status":"valid","text":null}'
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE answers (request TEXT PRIMARY KEY, answer TEXT NOT NULL) WITHOUT ROWID")
        connection.execute("INSERT INTO answers VALUES ('a', ?)", [document])
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    return path


def test_a_store_of_an_earlier_version_keeps_its_answers(tmp_path: Path) -> None:
    with AnswerStore(earlier(tmp_path / "answers.sqlite")) as store:
        assert store.get_many(["a"]) == {"a": Answer((0.25, 0.75), 0.5, "valid")}
        assert store.get_many(["a"], since=1.0) == {}
        store.put_many({"b": ANSWER})
        assert store.get_many(["a", "b"], since=1.0) == {"b": ANSWER}


@pytest.mark.parametrize("layout", [0, 1, 2])
def test_reading_changes_nothing(tmp_path: Path, layout: int) -> None:
    path = tmp_path / "answers.sqlite"
    if layout == 0:
        path.touch()
    elif layout == 1:
        earlier(path)
    else:
        with AnswerStore(path) as store:
            store.put_many({"a": ANSWER})
    content = path.read_bytes()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # somebody is writing, who is not waited for
        with AnswerStore(path, reading=True) as store:
            assert store.get_many(["a", "b"]).keys() == ({"a"} if layout else set())
            assert store.get_many(["a"], since=1.0).keys() == ({"a"} if layout == 2 else set())
    with AnswerStore(path, reading=True) as store, pytest.raises(DataError):
        store.put_many({"b": ANSWER})
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_told_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="REPLICATOR_CACHE_DIR"):
        AnswerStore(tmp_path / "file" / "answers.sqlite")


def test_a_full_disk_is_one_line_and_what_was_stored_stays(tmp_path: Path) -> None:
    """SQLite itself is told that there are no more pages to be had."""
    path = tmp_path / "answers.sqlite"
    with AnswerStore(path) as store:
        store.put_many({"a": ANSWER})
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(RunError, match="no room left") as told:
            store.put_many({f"{number}": Answer(None, None, "invalid", "x" * 1000) for number in range(100)})
        assert "\n" not in str(told.value)
        assert store.get_many(["a", "0"]) == {"a": ANSWER}
    with AnswerStore(path) as store:
        assert store.get_many(["a", "0"]) == {"a": ANSWER}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_never_stored(tmp_path: Path, number: float) -> None:
    with AnswerStore(tmp_path / "answers.sqlite") as store:
        with pytest.raises(RunError, match="not finite"):
            store.put_many({"a": ANSWER, "b": Answer((number, 0.5), 0.9, "valid")})
        assert store.get_many(["a", "b"]) == {}
