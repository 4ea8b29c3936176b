"""What went wrong, in one line, whether anyone foresaw it or not."""

from __future__ import annotations

import errno

from replicator.errors import ReplicatorError

DEBUG = "REPLICATOR_DEBUG"
"""Environment variable: show the traceback of an unexpected failure."""


def in_words(error: Exception) -> str:
    """One line for any failure."""
    if isinstance(error, ReplicatorError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory. A smaller --batch-size needs less; what was collected is kept."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full. What was collected is kept; free some space and run the same command."
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}."
    words = " ".join(str(error).split()) or "no message"
    return f"unexpected {type(error).__name__}: {words} (set {DEBUG}=1 for the traceback)"
