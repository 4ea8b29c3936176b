"""`make validate`: fit what is still to be fitted of the plan, and write the page."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn, track

from replicator import files
from replicator.calibration import page, plan, references, rows
from replicator.calibration.plan import Cell
from replicator.calibration.refits import Row, fingerprint, fit
from replicator.calibration.verdicts import calibration, recovery
from replicator.errors import ReplicatorError

GATE_FAILED = 5
INTERRUPTED = 130

Finished = dict[Cell, list[Row]]


@click.command()
@click.option("--only", multiple=True, metavar="TEXT", help="Cells whose name holds this (repeatable).")
@click.option("--minutes", type=float, help="Stop after the fit that is under way by then.")
@click.option("--page-only", is_flag=True, help="Fit nothing; write the page from the rows that there are.")
@click.option("--docs", type=click.Path(path_type=Path), default=Path("docs"), help="Where page and rows are kept.")
def main(only: tuple[str, ...], minutes: float | None, page_only: bool, docs: Path) -> None:
    """Calibration and recovery of every theory. Resumes; exit code 5 where a gate fails on what is done."""
    known = plan.cells()
    chosen = tuple(cell for cell in known if not only or any(text in cell.name for text in only))
    if not chosen:
        raise click.UsageError(f"no cell is called like that; there are {', '.join(cell.name for cell in known)}")
    folder = docs / "validation"
    try:
        found = {cell: rows.read(folder / f"{cell.name}.csv") for cell in known}
        try:
            models = _models(chosen if not page_only else (), found)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        done = {cell: _of_this_model(cell, here, models.get(cell)) for cell, here in found.items()}
        stopped = False
        try:
            if not page_only:
                _fit_all(chosen, models, done, folder, float("inf") if minutes is None else minutes)
        except KeyboardInterrupt:
            stopped = True
        files.write_text(
            docs / "validation.md", page.page(done, references.section(references.read(folder / "references")))
        )
    except ReplicatorError as problem:
        click.echo(f"error: {problem}", err=True)
        sys.exit(problem.exit_code)
    for line in page.failing([*calibration(done), *recovery(done)]):
        click.echo(f"fails: {line}", err=True)
    sys.exit(INTERRUPTED if stopped else 0 if page.passes(done) else GATE_FAILED)


def _models(chosen: Sequence[Cell], found: Finished) -> dict[Cell, str]:
    """Fingerprints of the models of cells that are to be fitted, or have been."""
    needed = [cell for cell, here in found.items() if here or cell in chosen]
    console = Console(stderr=True)
    return {cell: fingerprint(cell) for cell in track(needed, "Models as they are now", console=console)}


def _of_this_model(cell: Cell, found: list[Row], model: str | None) -> list[Row]:
    """The rows whose fits were of the model that the cell has now."""
    kept = [row for row in found if row.model == model]
    if len(kept) < len(found):
        click.echo(f"{cell.name}: the model has changed; its fits are to be made anew", err=True)
    return kept


def _fit_all(chosen: Sequence[Cell], models: Mapping[Cell, str], done: Finished, folder: Path, minutes: float) -> None:
    """Fits that are not done; rows are written as they finish."""
    started = time.monotonic()
    todo = list(plan.tasks(tuple(chosen)))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=len(todo))
        for task in todo:
            cell = task.cell
            progress.update(bar, description=f"{cell.name} {task.purpose} {task.number}")
            if not any((row.purpose, row.number) == (task.purpose, task.number) for row in done[cell]):
                if time.monotonic() - started > minutes * 60.0:
                    return
                done[cell] += fit(task, models[cell])
                rows.write(folder / f"{cell.name}.csv", done[cell])
            progress.advance(bar)


if __name__ == "__main__":
    main()
