"""How far things are, on stderr: bars at a terminal, a line a stage elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Bars:
    """A `pipeline.Watcher` that draws; use it as a context manager."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}
        self._stage = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def stage(self, name: str) -> None:
        self._stage = name
        self._tasks.clear()
        self._progress.console.print(name, highlight=False, markup=False)

    def __call__(self, done: int, total: int, what: str) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(_plain(what), total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)


class Lines:
    """A `pipeline.Watcher` for logs: a line when a stage begins, and one every ten seconds within it."""

    EVERY = 10.0
    """Seconds."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def stage(self, name: str) -> None:
        self._say(name)

    def __call__(self, done: int, total: int, what: str) -> None:
        if time.monotonic() - self._told >= self.EVERY:
            self._say(f"  {what}: {done} of {total}")

    def _say(self, line: str) -> None:
        click.echo(line, err=True)
        self._told = time.monotonic()


def watcher() -> Bars | Lines:
    """What suits this stderr."""
    return Bars() if sys.stderr.isatty() else Lines()


def _plain(text: str) -> str:
    """A population's name may hold what rich would take for markup."""
    return text.replace("[", "\\[")
