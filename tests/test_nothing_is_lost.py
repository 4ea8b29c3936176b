"""Collection that is killed, shared, cramped or handed a broken store: what was answered is kept, and the table is
the one that an undisturbed collection gives, row for row."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from forking import Command, Forking

KILLS = 20
EXACT = ("holt-laury", "--batch-size", 3, "--stakes", 1)
"""416 questions in 139 batches, each stored before the next. What shares a batch moves the last digits."""
DRAWN = (
    "holt-laury", "--batch-size", 2, "--limit", 1, "--stakes", 1,
    "--elicitation", "sample", "--repeats", 2,
)  # fmt: skip
"""48 prompts that are written to twice, a prompt a batch."""
SMALL = ("holt-laury", "--limit", 2, "--stakes", 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forks")


@pytest.fixture(scope="module")
def forks(folder: Path) -> Iterator[Forking]:
    with Forking(folder) as running:
        yield running


@pytest.fixture
def said(forks: Forking) -> Callable[[], list[str]]:
    """The errors said since the test began, or since they were last read."""
    seen = [forks.said.stat().st_size if forks.said.exists() else 0]

    def new() -> list[str]:
        words = forks.said.read_text()[seen[0] :]
        seen[0] += len(words)
        assert "Traceback" not in words
        return [line for line in words.splitlines() if line.startswith("error:")]

    return new


def table(out: Path) -> pa.Table:
    return pyarrow.parquet.read_table(out / "choices.parquet")


def stored(cache: Path) -> int:
    """Answers in the store; 0 before there is one."""
    rows = _rows(cache, "SELECT count(*) FROM answers")
    return int(rows[0][0]) if rows else 0


def times(cache: Path) -> dict[str, float]:
    """When every stored answer was given."""
    return dict(_rows(cache, "SELECT request, given FROM answers"))


def _rows(cache: Path, query: str) -> list[tuple[Any, ...]]:
    path = cache / "answers.sqlite"
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as connection:
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError:  # it is being laid out
            return []


def until(command: Command, reached: Callable[[], bool]) -> None:
    """Wait for something to be so, or for the command to have ended."""
    state = Path(f"/proc/{command.pid}/stat")
    while not reached() and state.read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.001)


def writing(out: Path) -> bool:
    return any(out.glob(".unfinished-*-choices.parquet"))


@pytest.mark.parametrize("question", [EXACT, DRAWN], ids=["probability", "sample"])
def test_twenty_kills_change_nothing(
    forks: Forking, gpt2_checkpoint: Path, tmp_path: Path, question: tuple[object, ...]
) -> None:
    """Killed while it starts, asks and writes, at moments drawn with a seed."""
    command = ("collect", *question, "--model", gpt2_checkpoint)
    calm, cache, out = tmp_path / "calm", tmp_path / "cache", tmp_path / "out"
    assert forks.run(*command, "--out", calm, REPLICATOR_CACHE_DIR=tmp_path / "other") == 0
    answers = stored(tmp_path / "other")
    draw = random.Random(20)
    moments: list[tuple[str, float]] = [
        *(("starting", draw.uniform(0.0, 0.2)) for _ in range(3)),
        *(("asking", target) for target in sorted(draw.uniform(0.0, 0.95 * answers) for _ in range(13))),
        *(("writing", draw.uniform(0.0, 0.002)) for _ in range(4)),
    ]
    held: list[int] = []
    for what, moment in moments:
        before = stored(cache)
        running = forks.start(*command, "--out", out, REPLICATOR_CACHE_DIR=cache)
        if what == "asking":
            goal = max(moment, before + 1)
            until(running, lambda goal=goal: stored(cache) >= goal)  # type: ignore[misc]
        elif what == "writing":
            until(running, lambda: writing(out))
            time.sleep(moment)
        else:
            time.sleep(moment)
        running.kill()
        assert stored(cache) >= before  # nothing that was answered is lost
        held.append(stored(cache))
    assert len(held) == KILLS
    assert len({number for number in held if 0 < number < answers}) >= 8, held
    environment = {**os.environ, "REPLICATOR_CACHE_DIR": str(cache), "OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, "-m", "replicator", *map(str, command), "--out", str(out)]
    subprocess.run(arguments, check=True, capture_output=True, env=environment)
    assert stored(cache) == answers
    assert table(out).equals(table(calm))


def test_a_fresh_collection_that_is_killed_loses_nothing_and_is_taken_up(
    forks: Forking, gpt2_checkpoint: Path, tmp_path: Path
) -> None:
    cache, out = tmp_path / "cache", tmp_path / "out"
    command = ("collect", *EXACT, "--model", gpt2_checkpoint, "--out", out)
    assert forks.run(*command, REPLICATOR_CACHE_DIR=cache) == 0
    first, old = table(out), times(cache)
    running = forks.start(*command, "--fresh", REPLICATOR_CACHE_DIR=cache)
    until(running, lambda: max(times(cache).values()) > max(old.values()))
    time.sleep(random.Random(3).uniform(0.0, 0.1))
    assert running.kill()
    assert table(out).equals(first)
    halfway = times(cache)
    assert halfway.keys() == old.keys()
    asked = {request: given for request, given in halfway.items() if given > old[request]}
    assert 0 < len(asked) < len(old)
    # Without --fresh the same command goes on where that was killed: no old answer is mixed in, no new one repeated.
    assert forks.run(*command, REPLICATOR_CACHE_DIR=cache) == 0
    last = times(cache)
    assert all(last[request] > old[request] for request in old)
    assert all(last[request] == given for request, given in asked.items())
    assert table(out).equals(first)
    # And once it is complete, nothing is asked any more.
    assert forks.run(*command, REPLICATOR_CACHE_DIR=cache) == 0
    assert times(cache) == last


@pytest.mark.parametrize("log", [True, False], ids=["write-ahead log", "rollback journal"])
def test_two_processes_share_a_store(
    forks: Forking, said: Callable[[], list[str]], gpt2_checkpoint: Path, tmp_path: Path, log: bool
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    if not log:
        (cache / "answers.sqlite-shm").mkdir()
    both = [
        forks.start("collect", *EXACT, "--model", gpt2_checkpoint, "--out", tmp_path / name, REPLICATOR_CACHE_DIR=cache)
        for name in ("one", "two")
    ]
    assert [one.wait() for one in both] == [0, 0]
    assert said() == []
    assert table(tmp_path / "one").equals(table(tmp_path / "two"))


# A full disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A disk of so many KiB, which can be called for again to make it larger."""
    place = tmp_path / "disk"
    place.mkdir()
    made: list[int] = []

    def sized(kilobytes: int) -> Path:
        options = f"{'remount,' if made else ''}size={kilobytes}k"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True)
        if mounted.returncode:
            pytest.skip(f"NO FULL DISK WAS TRIED: a small disk cannot be mounted here ({mounted.stderr.decode()})")
        made.append(kilobytes)
        return place

    yield sized
    if made:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(ballast: Path, room: int) -> None:
    """Leave `room` bytes. What was just deleted may be given back with a delay."""
    with ballast.open("ab", buffering=0) as file:
        for _ in range(10):
            while (more := shutil.disk_usage(ballast.parent).free - room) > 0:
                file.write(b"\0" * more)
            time.sleep(0.1)


def test_a_full_disk_under_the_store_keeps_what_was_answered(
    forks: Forking,
    said: Callable[[], list[str]],
    gpt2_checkpoint: Path,
    tmp_path: Path,
    disk: Callable[[int], Path],
) -> None:
    command = ("collect", *EXACT, "--model", gpt2_checkpoint)
    cache = disk(260)
    assert forks.run(*command, "--out", tmp_path / "out", REPLICATOR_CACHE_DIR=cache) == 1
    (line,) = said()
    assert "answers.sqlite: there is no room left for answers" in line
    assert "Free some space" in line
    disk(16_000)
    kept = times(cache)
    assert 20 < len(kept) < 400
    assert forks.run(*command, "--out", tmp_path / "out", REPLICATOR_CACHE_DIR=cache) == 0
    assert {request: given for request, given in times(cache).items() if request in kept} == kept
    assert forks.run(*command, "--out", tmp_path / "calm", REPLICATOR_CACHE_DIR=tmp_path / "other") == 0
    assert table(tmp_path / "out").equals(table(tmp_path / "calm"))
    # A disk with no room at all: also opening the store ends in a line.
    (cache / "ballast").write_bytes(b"\0" * shutil.disk_usage(cache).free)
    assert forks.run("collect", *SMALL, "--model", gpt2_checkpoint, "--out", tmp_path / "a", "--fresh",
                     REPLICATOR_CACHE_DIR=cache) == 1  # fmt: skip
    assert "no room left" in " ".join(said())


def test_a_full_disk_under_the_run_keeps_its_files_and_the_answers(
    forks: Forking,
    said: Callable[[], list[str]],
    gpt2_checkpoint: Path,
    tmp_path: Path,
    disk: Callable[[int], Path],
) -> None:
    cache = tmp_path / "cache"
    out = disk(4_000) / "out"
    command = ("collect", *EXACT, "--model", gpt2_checkpoint, "--out", out)
    assert forks.run(*command, REPLICATOR_CACHE_DIR=cache) == 0
    whole, answers = table(out), times(cache)
    manifest, choices = (len((out / name).read_bytes()) for name in ("manifest.json", "choices.parquet"))
    assert manifest < 16_384 < 32_768 < choices
    ballast = out.parent / "ballast"
    (out / "choices.parquet").unlink()
    # No room for the table, then none for the manifest either.
    for room, name in ((24_576, "choices.parquet"), (4_096, "manifest.json")):
        ballast.unlink(missing_ok=True)
        fill(ballast, room)
        assert forks.run(*command, REPLICATOR_CACHE_DIR=cache) == 1
        (line,) = said()
        assert f"{out / name}: there is no room left to write it" in line
        assert "what was stored is kept" in line
        # No half of a file takes the place of a whole one, nor stays.
        assert [path.name for path in out.iterdir()] == ["manifest.json"]
        assert json.loads((out / "manifest.json").read_text())["counts"] == {"valid": 416}
    ballast.unlink()
    assert forks.run(*command, REPLICATOR_CACHE_DIR=cache) == 0
    assert table(out).equals(whole)
    assert times(cache) == answers


# A store that is none


def _truncated(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 100])


def _without_header(path: Path) -> None:
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])


def _garbage_inside(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 : len(content) - 4096] = random.Random(0).randbytes(len(content) - 8192)
    path.write_bytes(content)


def _broken_rows(answer: str) -> Callable[[Path], None]:
    def broken(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE answers SET answer = ?", [answer])
            connection.commit()

    return broken


def _text_that_is_none(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE answers SET answer = CAST(X'7B22FF' AS TEXT)")
        connection.commit()


def _other_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE answers RENAME TO replies")
        connection.commit()


DAMAGE: dict[str, Callable[[Path], None]] = {
    "truncated": _truncated,
    "header overwritten": _without_header,
    "garbage inside": _garbage_inside,
    "half a document": _broken_rows('{"probabilities": [0.5'),
    "an unknown status": _broken_rows('{"probabilities": null, "label_mass": null, "status": "fine", "text": null}'),
    "too few options": _broken_rows('{"probabilities": [1.0], "label_mass": 1.0, "status": "valid", "text": null}'),
    "more than certain": _broken_rows(
        '{"probabilities": [0.9, 0.9], "label_mass": 1.0, "status": "valid", "text": null}'
    ),
    "too few bounds": _broken_rows(
        '{"probabilities": [0.5, 0.5], "label_mass": 1.0, "status": "valid", "text": null, "bounds": [[0, 1]]}'
    ),
    "text that is none": _text_that_is_none,
    "other tables": _other_tables,
}


@pytest.fixture(scope="module")
def sound(forks: Forking, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of some size."""
    folder = tmp_path_factory.mktemp("sound")
    assert forks.run("collect", "holt-laury", "--model", "participants:crra", "--out", folder / "out",
                     REPLICATOR_CACHE_DIR=folder) == 0  # fmt: skip
    return folder / "answers.sqlite"


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_store_is_one_line_and_stays_as_it_is(
    forks: Forking, said: Callable[[], list[str]], sound: Path, tmp_path: Path, damage: str
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    path = Path(shutil.copy(sound, cache))
    DAMAGE[damage](path)
    content = path.read_bytes()
    command = ("collect", "holt-laury", "--model", "participants:crra", "--out", tmp_path / "out")
    assert forks.run(*command, REPLICATOR_CACHE_DIR=cache) == 4
    (line,) = said()
    assert f"{path}: the store of answers is damaged" in line
    assert "Move the file away" in line
    assert path.read_bytes() == content
    # The remedy is one.
    path.rename(tmp_path / "away")
    assert forks.run(*command, REPLICATOR_CACHE_DIR=cache) == 0
    assert table(tmp_path / "out").equals(table(sound.parent / "out"))


def test_a_folder_in_the_place_of_the_store_is_named(
    forks: Forking, said: Callable[[], list[str]], tmp_path: Path
) -> None:
    (tmp_path / "answers.sqlite").mkdir()
    command = ("collect", *SMALL, "--model", "participants:crra", "--out", tmp_path / "out")
    assert forks.run(*command, REPLICATOR_CACHE_DIR=tmp_path) == 4
    (line,) = said()
    assert "a folder stands in its place" in line
    assert "Set REPLICATOR_CACHE_DIR" in line
    assert not (tmp_path / "out").exists()


def test_an_empty_file_is_a_store_without_answers(forks: Forking, tmp_path: Path) -> None:
    (tmp_path / "answers.sqlite").touch()
    command = ("collect", *SMALL, "--model", "participants:crra", "--out", tmp_path / "out")
    assert forks.run(*command, REPLICATOR_CACHE_DIR=tmp_path) == 0
    assert stored(tmp_path) > 0


def _as_anybody(*arguments: object, cache: Path) -> subprocess.CompletedProcess[str]:
    """The command by somebody whom permissions bind, also where the tests are run by root."""
    bound = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    if bound and shutil.which(bound[0]) is None:
        pytest.skip("NO PERMISSIONS WERE TRIED: root is bound by none, and there is no setpriv")
    return subprocess.run(
        [*bound, sys.executable, "-m", "replicator", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "REPLICATOR_CACHE_DIR": str(cache)},
    )


def test_a_store_that_may_not_be_written_is_said_before_anybody_is_asked(sound: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    path = Path(shutil.copy(sound, cache))
    path.chmod(0o444)
    told = _as_anybody("collect", *SMALL, "--model", "participants:uniform", "--out", tmp_path / "out", cache=cache)
    assert told.returncode == 4, told.stderr
    (line,) = [line for line in told.stderr.splitlines() if line.startswith("error:")]
    assert f"{path}: the store of answers cannot be opened for writing" in line
    assert "Set REPLICATOR_CACHE_DIR" in line


@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["run", "dry run"])
def test_a_place_that_may_not_be_written_is_refused_before_a_model_is_loaded(tmp_path: Path, dry: list[str]) -> None:
    """The folder named as a model holds no weights: loading it would be told in other words."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked").chmod(0o555)
    told = _as_anybody("run", *SMALL, *dry, "--model", tmp_path / "model", "--out", tmp_path / "locked" / "out",
                       cache=tmp_path / "cache")  # fmt: skip
    assert told.returncode == 4, told.stderr
    (line,) = [line for line in told.stderr.splitlines() if line.startswith("error:")]
    assert "locked/out: you are not allowed to write here" in line
    assert not (tmp_path / "cache").exists()


def test_a_dry_run_refuses_the_folder_that_the_run_would_refuse(
    forks: Forking, said: Callable[[], list[str]], tmp_path: Path
) -> None:
    command = ("holt-laury", "--limit", 1, "--model", "participants:uniform", "--out", tmp_path / "out")
    assert forks.run("collect", *command) == 0
    assert forks.run("run", *command, "--dry-run") == 0
    assert forks.said.read_text().splitlines()[-3].split() == ["stored", "already", "88"]
    assert forks.run("run", *command, "--dry-run", "--fresh") == 0
    assert forks.said.read_text().splitlines()[-3].split() == ["stored", "already", "0"]
    assert forks.run("run", *command, "--stakes", 90, "--dry-run") == 4
    assert "the folder holds another run" in said()[0]
