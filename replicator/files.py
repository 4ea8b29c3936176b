"""Files written whole or not at all, and what an operating system's refusal means to a user."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from replicator.errors import DataError, RunError

UNFINISHED = ".unfinished-"
"""Beginning of the name of a file that is being written; a killed run may leave one behind."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place once the block ends without an error.

    Raises RunError where the disk is full and DataError where the folder cannot be written.
    """
    temporary = path.parent / f"{UNFINISHED}{os.getpid()}-{path.name}"
    try:
        with explained(path):
            yield temporary
            _flush(temporary)
            temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError about `path` into one line: RunError where the disk is full, DataError otherwise."""
    try:
        yield
    except OSError as error:
        raise _in_words(error, path) from None


def sha256(path: Path) -> str:
    """Hash of a file's content, in hexadecimal."""
    with explained(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _in_words(error: OSError, path: Path) -> DataError | RunError:
    # Arrow raises plain OSErrors whose number stands only in the text.
    words = error.strerror or " ".join(str(error).split())
    if error.errno in _NO_ROOM or any(f"errno {number}]" in words for number in _NO_ROOM):
        return RunError(
            "there is no room left to write it.",
            where=str(path),
            remedy="Free some space and run the same command again; what was stored is kept.",
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return DataError(
            "it may not be read or written.",
            where=str(path),
            remedy="Check its permissions or name another place.",
        )
    return DataError(f"it cannot be read or written ({words}).", where=str(path), remedy="Name another place.")
