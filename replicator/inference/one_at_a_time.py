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
    try:
        held = sqlite3.connect(path, timeout=0.0, isolation_level=None)
        held.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise DataError(
                f"{folder}: another estimation is writing here.",
                remedy="Wait until it is done; what it has fitted by then is taken over.",
            ) from None
        raise DataError(
            f"{path}: cannot be locked ({error}).",
            remedy="Look whether the folder can be written and its file system locks files; remove the file if it is "
            "none of this program's.",
        ) from None
    with closing(held):
        yield
