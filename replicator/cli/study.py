"""`replicator study`: many experiments on many models, one report."""

from __future__ import annotations

from pathlib import Path

import click

from replicator.cli.failures import in_words
from replicator.cli.output import JSON, print_json, print_outcome


@click.command("study")
@click.argument("study")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder.  [default: reports/STUDY]",
)
@JSON
@click.pass_context
def study(ctx: click.Context, study: str, out: Path | None, as_json: bool) -> None:
    """Run every experiment of STUDY on all its models. STUDY is a name (demo) or a path ending in .json.

    A model that fails is left out and told of at the end (exit code 1); the same command resumes.
    """
    from replicator import study as studies
    from replicator.cli.progress import watcher

    found = studies.find(study)
    with watcher() as told:
        finished = studies.run_study(found, out or Path("reports") / found.name, told)
    if as_json:
        print_json(finished.results)
    else:
        click.echo("\n".join(filter(None, (found.title, found.description))))
        print_outcome(finished.results["experiments"], finished.report)
    for failure in finished.failures:
        click.echo(f"error: {failure.experiment}, {failure.population}: {in_words(failure.error)}", err=True)
    if finished.failures:
        ctx.exit(1)
