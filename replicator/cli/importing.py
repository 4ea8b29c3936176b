"""`replicator import`: recorded choices become a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from replicator.cli.output import JSON, print_json


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--experiment", required=True, help="What was asked: a name, or a specification's path.")
@click.option(
    "--map",
    multiple=True,
    metavar="TARGET=COLUMN",
    help="Where a column of FILE goes, such as subject=participant_id or value=accept; repeat. "
    "`value` takes the chosen option, or the number for an amount.",
)
@click.option(
    "--values",
    multiple=True,
    metavar="WORD=OPTION,...",
    help="What the words of `value` mean: 1=accept,0=reject.",
)
@click.option("--where", metavar="EXPRESSION", help="Which rows of FILE: 'round == 1 and total == 100'.")
@click.option(
    "--derive",
    multiple=True,
    metavar="TARGET=EXPRESSION",
    help="A target computed from columns: 'stimulus.offer = 20 * share'.",
)
@click.option(
    "--mapping",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The same as JSON; options given here override it.",
)
@click.option("--population", type=click.Choice(["human", "model"]), help="Whose choices.  [default: human]")
@click.option("--model", metavar="NAME", help="The population's name.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The run's folder.  [default: reports/EXPERIMENT]",
)
@JSON
def import_(file: Path, experiment: str, mapping: Path | None, out: Path | None, as_json: bool, **options: Any) -> None:
    """Make the recorded choices in FILE (CSV), of people or of a model, a run like any other.

    Then `replicator report` estimates, compares and reports. Items that the experiment does not list are
    fine: what their options give is computed from the specification.

    \b
    Example:
      replicator import tom.csv --experiment mixed-gambles --population human
        --map subject=participant_id --map stimulus.gain=gain
        --map stimulus.loss=loss --map value=accept
        --values 1=accept,0=reject --out DIR
    """
    from replicator import specification
    from replicator.exchange import importing
    from replicator.exchange.mapping import read_options

    meant = read_options(file=mapping, **options)
    found = specification.find(experiment)
    run = importing.import_run(file, found, meant, out or Path("reports") / found.name)
    if as_json:
        print_json(dict(run.manifest))
        return
    counts = ", ".join(f"{number} {status}" for status, number in run.manifest["counts"].items())
    click.echo(f"Imported: {counts}.\nRun: {run.folder}")
