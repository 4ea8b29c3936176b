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


_OF_A_RUN = frozenset({"manifest.json", "choices.parquet", "results.json", "estimates.json"})
_POSTERIORS = frozenset({".nc"})


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def explained(path: Path, *, reading: bool = False) -> Iterator[None]:
    """Turn an OSError about `path` into one line: RunError where the disk is full, DataError otherwise.

    With `reading`, the words are about a file that was to be read; otherwise about a place to write.
    """
    try:
        yield
    except OSError as error:
        raise (_of_reading if reading else _of_writing)(error, path) from None


def is_missing(path: Path) -> bool:
    """Whether nothing is there. What is there and cannot be read is not missing: reading it tells why."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


def require_apart(path: Path) -> None:
    """Raise DataError where `path` is a file that a run keeps, which a page or a table must not replace."""
    kept = path.name in _OF_A_RUN or path.suffix in _POSTERIORS
    folder = path.absolute().parent
    if kept and ((folder / "manifest.json").is_file() or (folder.parent / "manifest.json").is_file()):
        raise DataError(f"{path}: it belongs to a run.", remedy="Name another file.")


def require_place(path: Path, *, named: Path | None = None) -> None:
    """Raise DataError where a file could not be written at `path`, once folders above it have been made.

    The error names `path`, or `named`: a folder that was given, say, and not the file that is to lie in it.
    """
    above = next(folder for folder in path.absolute().parents if not is_missing(folder))
    if not above.is_dir():
        raise _of_writing(NotADirectoryError(errno.ENOTDIR, ""), named or path)
    if not os.access(above, os.W_OK | os.X_OK):
        raise _of_writing(PermissionError(errno.EACCES, ""), named or path)


def sha256(path: Path) -> str:
    """Hash of a file's content, in hexadecimal."""
    with explained(path, reading=True), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _of_reading(error: OSError, path: Path) -> DataError:
    problem, remedy = {
        errno.ENOENT: ("there is no such file.", "Check the path."),
        errno.ENOTDIR: ("there is no such file.", "Check the path: a part of it is a file, not a folder."),
        errno.EISDIR: ("this is a folder, not a file.", "Name a file."),
        errno.ENAMETOOLONG: ("this is too long for the name of a file.", "Check the path."),
        errno.EACCES: ("you are not allowed to read it.", "Change its permissions."),
        errno.EPERM: ("you are not allowed to read it.", "Change its permissions."),
    }.get(error.errno or 0, (f"it cannot be read ({_said(error)}).", "Check the file."))
    return DataError(problem, where=str(path), remedy=remedy)


def _of_writing(error: OSError, path: Path) -> DataError | RunError:
    # Arrow raises plain OSErrors whose number stands only in the text.
    words = _said(error)
    if error.errno in _NO_ROOM or any(f"errno {number}]" in words for number in _NO_ROOM):
        return RunError(
            "there is no room left to write it.",
            where=str(path),
            remedy="Free some space and run the same command again; what was stored is kept.",
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return DataError(
            "you are not allowed to write here.",
            where=str(path),
            remedy="Change its permissions or name another place.",
        )
    problem = {
        errno.ENOENT: "it cannot be written: its folder does not exist.",
        errno.ENOTDIR: "it cannot be written: there is a file where a folder should be.",
        errno.EEXIST: "it cannot be written: there is a file where a folder should be.",
        errno.EISDIR: "it cannot be written: there is a folder of this name.",
    }.get(error.errno or 0, f"it cannot be written ({words}).")
    return DataError(problem, where=str(path), remedy="Name another place.")


def _said(error: OSError) -> str:
    return error.strerror or " ".join(str(error).split())
