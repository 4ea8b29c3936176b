"""The answer store: what every engine has said, so that no question is paid for twice.

One SQLite file in the user's cache folder (`REPLICATOR_CACHE_DIR`), shared by all runs and safe for several
processes at once. An answer stays until the same question is asked afresh; deleting the file loses nothing but
time, and what answers have cost.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, get_args

import platformdirs

from replicator.engines.engine import Answer, Status
from replicator.errors import DataError, ReplicatorError, RunError

CACHE_VARIABLE = "REPLICATOR_CACHE_DIR"
PATIENCE = 60.0
"""Seconds to wait for another process that is writing."""

_LAYOUT = 2
"""Version of the table below, kept in SQLite's `user_version`."""
_TABLE = (
    "CREATE TABLE IF NOT EXISTS answers "
    "(request TEXT PRIMARY KEY, answer TEXT NOT NULL, given REAL NOT NULL DEFAULT 0) WITHOUT ROWID"
)
_SINCE_LAYOUT_1 = "ALTER TABLE answers ADD COLUMN given REAL NOT NULL DEFAULT 0"
_READABLE = {
    0: "(SELECT NULL AS request, NULL AS answer, 0.0 AS given WHERE 0)",
    1: "(SELECT request, answer, 0.0 AS given FROM answers)",
    _LAYOUT: "answers",
}
"""Layout -> the table of answers, as a query may name it; layout 0 is a file that nobody has laid out."""
_AT_ONCE = 500
"""Hashes asked for in one statement (SQLite allows 999 in its oldest builds)."""

_LITTLE_ROOM = 2**20
"""Bytes free on a disk below which an error of reading or writing means that it is full."""

_NO_SHARED_MEMORY = (
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
)
"""How SQLite says that a write-ahead log does not work here."""

_Result = TypeVar("_Result")


def default_path() -> Path:
    """Where the store lies: under `REPLICATOR_CACHE_DIR`, or the user's cache folder."""
    folder = os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("replicator", appauthor=False)
    return Path(folder).expanduser() / "answers.sqlite"


class AnswerStore:
    """Answers by request hash.

    Raises DataError where the file is not a store or cannot be opened, RunError where the disk is full or
    another process never lets go.
    """

    def __init__(self, path: Path | None = None, *, reading: bool = False) -> None:
        """With `reading` the file has to exist, and nothing in it is changed: one of an earlier layout keeps it."""
        self.path = default_path() if path is None else path
        self._reading = reading
        self._answers = _READABLE[_LAYOUT]
        if not reading:
            self._make_folder()
        if self.path.is_dir():
            raise self._unopened("a folder stands in its place")
        self._connection = self._guarded(self._connect)
        try:
            self._guarded(self._prepare)
        except ReplicatorError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self._connection.close()

    def get_many(self, requests: Iterable[str], *, since: float = 0.0) -> dict[str, Answer]:
        """The answers known to these hashes; a hash without one is absent.

        Only answers given `since` then count (seconds of the epoch). Raises DataError for one that is damaged.
        """
        wanted = list(dict.fromkeys(requests))
        rows: list[tuple[str, str]] = []
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            query = f"SELECT request, answer FROM {self._answers} WHERE request IN ({marks}) AND given >= ?"
            rows += self._guarded(partial(self._select, query, [*part, since]))
        try:
            return {request: _decode(text) for request, text in rows}
        except (ValueError, KeyError, TypeError):
            raise self.damaged() from None

    def put_many(self, answers: Mapping[str, Answer]) -> None:
        """Keep these answers, all or none of them, in place of earlier ones to the same requests.

        Raises RunError for one that holds a number that is not finite.
        """
        now = time.time()
        rows = [(request, _encode(answer), now) for request, answer in answers.items()]
        self._guarded(lambda: self._insert(rows))

    def _select(self, query: str, values: Sequence[str | float]) -> list[tuple[str, str]]:
        return self._connection.execute(query, values).fetchall()

    def _insert(self, rows: list[tuple[str, str, float]]) -> None:
        with self._whole():
            self._connection.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", rows)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """All that is written in the block is kept, or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._full() from None
            raise self._unopened(error.strerror or str(error)) from None

    def _connect(self) -> sqlite3.Connection:
        if not self._reading:
            return sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        # SQLite's mode=ro would leave a log and its index behind, which only a writer can take away.
        address = f"{self.path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None)
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _prepare(self) -> None:
        """Lay out a new file, unless it is only read. One that has been laid out keeps its journal: others may be
        using it."""
        layout = self._layout()
        if layout > _LAYOUT:
            raise DataError(
                f"it was written by a later version of replicator (layout {layout}).",
                where=str(self.path),
                remedy=f"Move it away, or set {CACHE_VARIABLE} to another folder.",
            )
        if self._reading:
            self._answers = _READABLE[layout]
            return
        if layout == 0:
            try:
                _use_write_ahead_log(self._connection)
            except sqlite3.OperationalError as error:
                if _code(error) not in _NO_SHARED_MEMORY:
                    raise
                # The file's header may already name the log; only a new connection can leave it.
                self._connection.close()
                self._connection = self._connect()
                _use_rollback_journal(self._connection)
        # What may not be written is found here, before a model is loaded.
        with self._whole():
            layout = self._layout()  # another process may have been quicker
            if layout == 0:
                self._connection.execute(_TABLE)
            elif layout == 1:
                self._connection.execute(_SINCE_LAYOUT_1)
            if layout != _LAYOUT:
                self._connection.execute(f"PRAGMA user_version = {_LAYOUT}")
        if self._connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            # With the log a power cut costs the last batch at most; the rollback journal needs full care.
            self._connection.execute("PRAGMA synchronous = NORMAL")

    def _layout(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def _guarded(self, action: Callable[[], _Result]) -> _Result:
        """SQLite's refusals in words."""
        try:
            return action()
        except sqlite3.Error as error:
            raise self._in_words(error) from None

    def _in_words(self, error: sqlite3.Error) -> ReplicatorError:
        code = _code(error)
        place = str(self.path)
        # Code 0 is text that is none; an error in our own statements means that the tables are not ours.
        strange = isinstance(error, sqlite3.OperationalError) and code in (0, sqlite3.SQLITE_ERROR)
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or strange:
            return self.damaged()
        # The shared memory of the log is refused in other words than the file itself.
        cramped = code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _free(self.path.parent) < _LITTLE_ROOM
        if code == sqlite3.SQLITE_FULL or cramped:
            return self._full()
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return RunError(
                f"another process kept it locked for {PATIENCE:.0f} seconds.",
                where=place,
                remedy="Wait for it to end, then run the same command again.",
            )
        if code in (
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_PERM,
            sqlite3.SQLITE_AUTH,
        ):
            return self._unopened(str(error))
        return RunError(
            f"answers could not be stored ({error}).",
            where=place,
            remedy=f"Set {CACHE_VARIABLE} to a folder on a local disk with room; the same command resumes.",
        )

    def _full(self) -> RunError:
        return RunError(
            "there is no room left for answers.",
            where=str(self.path),
            remedy=f"Free some space or set {CACHE_VARIABLE} to another disk; the same command resumes.",
        )

    def damaged(self) -> DataError:
        """What is to be said of a store that holds what nobody can have put there."""
        return DataError(
            "the store of answers is damaged or is no store.",
            where=str(self.path),
            remedy="Move the file away and run the same command again: what it held is asked anew. "
            "(`sqlite3 FILE .recover` may save some of it.)",
        )

    def _unopened(self, reason: str) -> DataError:
        return DataError(
            f"the store of answers cannot be opened for writing ({reason}).",
            where=str(self.path),
            remedy=f"Set {CACHE_VARIABLE} to a folder that may be written.",
        )


def _free(folder: Path) -> int:
    """Bytes that may still be written there."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return _LITTLE_ROOM


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 for an error of the module itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work at once; raises OperationalError where the file system cannot.

    Changing the mode does not wait for other processes as other statements do, so it is tried again.
    """
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            # That the log really works shows only when it is written to.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
            return
        except sqlite3.OperationalError as error:
            if _code(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() > give_up:
                raise
            time.sleep(0.05)


def _use_rollback_journal(connection: sqlite3.Connection) -> None:
    """Leave the write-ahead log: alone on a file, SQLite needs no shared memory for the last use of it."""
    for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = DELETE", "locking_mode = NORMAL"):
        connection.execute(f"PRAGMA {pragma}").fetchone()
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _encode(answer: Answer) -> str:
    document = {
        "probabilities": None if answer.probabilities is None else [float(p) for p in answer.probabilities],
        "label_mass": None if answer.label_mass is None else float(answer.label_mass),
        "status": answer.status,
        "text": answer.text,
        **({} if answer.bounds is None else {"bounds": [list(pair) for pair in answer.bounds]}),
        # Only where it says more than the probabilities.
        **({} if answer.value is None else {"value": float(answer.value)}),
    }
    try:
        return json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        raise RunError(
            "an answer holds a number that is not finite.",
            remedy="The model's weights or its number format may be broken; try --model-args dtype=float32.",
        ) from None


def _decode(text: str) -> Answer:
    """Raises ValueError, KeyError or TypeError for what `_encode` did not write."""
    document = json.loads(text)
    probabilities, bounds = document["probabilities"], document.get("bounds")
    if document["status"] not in get_args(Status) or not isinstance(document["text"], str | None):
        raise ValueError(text)
    return Answer(
        probabilities=None if probabilities is None else tuple(probabilities),
        label_mass=document["label_mass"],
        status=document["status"],
        text=document["text"],
        bounds=None if bounds is None else tuple((low, high) for low, high in bounds),
        value=document.get("value"),
    )
