"""One estimation at a time in a run's folder: a second one would take the first one's fits for leftovers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from replicator import files
from replicator.errors import DataError

LOCK = ".lock"


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which ends with the process, however that ends.

    Raises DataError where another process holds it, or nothing can be written there.
    """
    path = folder / LOCK
    files.require_place(path)
    with closing(sqlite3.connect(path, timeout=0.0, isolation_level=None)) as held:
        try:
            held.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise DataError(f"{path}: {error}.", remedy="Look whether the folder can be written.") from None
            raise DataError(
                f"{folder}: another estimation is writing here.",
                remedy="Wait until it is done; what it has fitted by then is taken over.",
            ) from None
        yield
