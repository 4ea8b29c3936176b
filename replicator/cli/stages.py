"""`replicator estimate`, `compare` and `report`: the stages after collection, each from a run's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from replicator.cli.output import JSON, SCHEMA, print_json, print_outcome, print_table

if TYPE_CHECKING:
    from replicator.runs import Run

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("estimate")
@click.argument("folder", metavar="RUN", type=FOLDER)
@click.option("--theory", "named", multiple=True, metavar="THEORY", help="Fit this theory too; repeat for more.")
@click.option(
    "--noise",
    "noises",
    multiple=True,
    type=click.Choice(["contextual", "logit", "equivalent"]),
    help="Under which noise --theory is fitted; repeat for more.  [default: the theory's first]",
)
@click.option(
    "--regress",
    multiple=True,
    metavar="ATTRIBUTE",
    help="Regress the typical person's parameters on this attribute of the persons, such as age; repeat for more. "
    "C(ATTRIBUTE) takes numbers for names of groups.",
)
@click.option(
    "--with",
    "others",
    multiple=True,
    type=FOLDER,
    metavar="RUN",
    help="Fit --theory to this run's choices too, with one set of parameters for both; repeat for more.",
)
@click.option(
    "--draws-csv",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write every draw of every parameter there, one a row.",
)
@JSON
def estimate(
    folder: Path,
    named: tuple[str, ...],
    noises: tuple[str, ...],
    regress: tuple[str, ...],
    others: tuple[Path, ...],
    draws_csv: Path | None,
    as_json: bool,
) -> None:
    """Estimate the parameters that RUN's analysis plan names, from its choices.

    RUN is a folder written by `run`, `collect` or `import`. Theories that the plan does not name, and regressions on
    attributes of persons, are fitted on request, and are exploratory wherever they are shown.

    \b
    Examples:
      replicator estimate RUN
      replicator estimate RUN --theory cpt --noise contextual --noise logit --json
      replicator estimate RUN --regress age --regress country
      replicator estimate RUN --draws-csv draws.csv
      replicator estimate LOTTERIES --with PAYMENTS --theory discounted-utility --json
    """
    from replicator import files, pipeline, runs
    from replicator.cli.progress import watcher

    if noises and not named:
        raise click.UsageError("--noise needs --theory.", click.get_current_context())
    if draws_csv is not None:
        files.require_apart(draws_csv)
        files.require_place(draws_csv)
    run = runs.open_run(folder)
    if others and regress:
        raise click.UsageError("--with and --regress do not go together.", click.get_current_context())
    if others:
        _together(run, others, named, noises, draws_csv, as_json)
        return
    with watcher() as told:
        estimates = pipeline.estimate(run, told, named=named, noises=noises, regress=regress)
    if draws_csv is not None:
        from replicator.inference import tidy

        with files.explained(draws_csv):
            draws_csv.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(draws_csv, tidy.draws(run).to_csv(index=False))
    if as_json:
        print_json({"schema": SCHEMA, "estimates": estimates})
    else:
        planned = run.experiment().analysis.fits or named
        silent = sum(entry["mean"] is None for entry in estimates)
        unknown = f", {silent} of them without a number; the report says why" if silent else ""
        made = f"Estimates: {len(estimates)} in {run.posteriors}{unknown}"
        click.echo(made if planned else "No estimate was planned.")


def _together(
    run: Run,
    others: tuple[Path, ...],
    named: tuple[str, ...],
    noises: tuple[str, ...],
    draws_csv: Path | None,
    as_json: bool,
) -> None:
    """One set of parameters for the choices of several runs: printed, with the draws kept in RUN/joint."""
    from replicator import pipeline, runs
    from replicator.cli.progress import watcher

    context = click.get_current_context()
    if not named:
        raise click.UsageError("--with needs --theory.", context)
    if draws_csv is not None:
        raise click.UsageError(f"--with keeps its draws in {run.folder / 'joint'}, and writes no --draws-csv.", context)
    several = [run, *(runs.open_run(folder) for folder in others)]
    with watcher() as told:
        entries = pipeline.estimate_together(several, told, named=named, noises=noises)
    if as_json:
        print_json({"schema": SCHEMA, "estimates": entries})
        return
    print_table(
        [
            ("population", "estimand", "parameter", "mean", "95% interval"),
            *(
                (e["population"], e["estimand"].replace("_", " "), e["parameter"].replace("_", " "), f"{e['mean']:.3g}",
                 f"{e['interval'][0]:.3g} to {e['interval'][1]:.3g}" + ("" if e["identified"] else "  not identified"))
                for e in entries
            ),
        ]
    )  # fmt: skip
    for said in dict.fromkeys(s for e in entries for s in ([e["why_not"]] if e["why_not"] else []) + e["words"]):
        click.echo(said)


@click.command("compare")
@click.argument("folder", metavar="RUN", type=FOLDER)
@JSON
def compare(folder: Path, as_json: bool) -> None:
    """Set RUN's choices and estimates beside people and write results.json.

    Estimates first where that is due.
    """
    from replicator import pipeline, runs
    from replicator.cli.progress import watcher

    run = runs.open_run(folder)
    with watcher() as told:
        results = pipeline.compare(run, told)
    if as_json:
        print_json(results)
    else:
        click.echo(f"Results: {run.results}")


@click.command("report")
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=FOLDER)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The page.  [default: RUN/report.html]",
)
@JSON
def report(folders: tuple[Path, ...], out: Path | None, as_json: bool) -> None:
    """Write the report of RUN, or of several runs side by side.

    Stages whose sources have changed are made again first.
    """
    from replicator import files, pipeline, runs
    from replicator.cli.progress import watcher

    if len(folders) > 1 and out is None:
        raise click.UsageError("several runs need --out FILE for their report.", click.get_current_context())
    twice = next((folder for folder in folders if folders.count(folder) > 1), None)
    if twice is not None:
        raise click.UsageError(f"{twice} is named twice.", click.get_current_context())
    if out is not None:
        files.require_apart(out)
        files.require_place(out)
    several = [runs.open_run(folder) for folder in folders]
    with watcher() as told:
        results = [pipeline.refresh(run, told) for run in several]
        page = pipeline.write_report(several, out or several[0].report, told)
    if as_json:
        print_json({"schema": SCHEMA, "report": str(page), "experiments": results})
    else:
        print_outcome(results, page)
