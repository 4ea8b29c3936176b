"""Errors for people: what is wrong, where, and what would be right, with the exit code of the command line.

Exit codes: 0 done; 1 failed at run time; 2 the command line, an unknown experiment, study or participant;
3 a specification, study, mapping or reference is wrong, a mapped column is missing; 4 an unreadable model or
file, impossible values, a folder that holds another run; 5 a gate failed; 130 interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ReplicatorError(Exception):
    """Anything a user can mend. `str()` is one line: the place, the problem, the remedy."""

    exit_code = 1

    def __init__(self, problem: str, *, where: str | None = None, remedy: str | None = None) -> None:
        self.problem = problem
        self.where = where
        self.remedy = remedy
        place = f"{where}: " if where else ""
        advice = f" {remedy}" if remedy else ""
        super().__init__(f"{place}{problem}{advice}")


class RunError(ReplicatorError):
    """Something failed while running (exit code 1)."""

    exit_code = 1


class UsageError(ReplicatorError):
    """The command line asks for something that does not exist (exit code 2)."""

    exit_code = 2


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a JSON document."""

    file: str
    """The document's path as the user gave it."""
    pointer: str
    """JSON pointer (RFC 6901) to the faulty place; empty for the whole document."""
    problem: str
    """What is wrong there."""
    remedy: str
    """What would be right."""

    @property
    def place(self) -> str:
        """`FILE#/pointer`; the file alone for the whole document."""
        return f"{self.file}#{self.pointer}" if self.pointer else self.file

    def __str__(self) -> str:
        line = f"{self.place}: {self.problem} {self.remedy}"
        return " ".join(line.split())  # one line, whatever a document's keys and values hold


class SpecError(ReplicatorError):
    """A specification, mapping or reference is wrong (exit code 3). Carries every fault found, not only the first."""

    exit_code = 3

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class MappingError(ReplicatorError):
    """A mapping names a column that the file lacks, or maps it to nothing known (exit code 3)."""

    exit_code = 3


class DataError(ReplicatorError):
    """An unreadable model or file, impossible values, or a folder that holds another run (exit code 4)."""

    exit_code = 4


class GateError(ReplicatorError):
    """A gate that the user asked to be enforced has failed (exit code 5)."""

    exit_code = 5
