"""`replicator import`: recorded choices become a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replicator import documents
from replicator.cli.output import JSON, print_json, warn

if TYPE_CHECKING:
    from replicator.experiment import Experiment

WORDS_SHOWN = 10
"""Words without a meaning that are named; the manifest holds all of them."""


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
    help="What the words of `value` mean: 1=accept,0=reject. Other words count as invalid answers, and are named.",
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

    found = specification.find(experiment)
    meant = read_options(file=mapping, **options)
    run = importing.import_run(file, found, meant, out or Path("reports") / found.name)
    unmapped = run.manifest["imported"]["unmapped"]
    if unmapped:
        warn([_unmapped_in_words(file, unmapped, found)])
    counts = run.manifest["counts"]
    if not counts.get("valid"):
        warn([f"{file}: none of {sum(counts.values()):,} rows holds a usable answer. --map value=COLUMN names where."])
    if as_json:
        print_json(dict(run.manifest))
        return
    answers = ", ".join(f"{number:,} {status}" for status, number in counts.items())
    click.echo(f"Imported: {sum(counts.values()):,} choices: {answers}.")
    if unmapped:
        click.echo(f"Invalid: {_words(unmapped)}.")
    click.echo(f"Run: {run.folder}")


def _unmapped_in_words(file: Path, unmapped: Sequence[Mapping[str, Any]], experiment: Experiment) -> str:
    """What of the column of choices means no option, and what can be done about it."""
    rows = sum(word["rows"] for word in unmapped)
    options = documents.listed([option.name for option in experiment.options], "or", quoted=False)
    count = "1 row holds a word" if rows == 1 else f"{rows:,} rows hold words"
    return (
        f"{file}: {count} that --values does not list and count{'s' if rows == 1 else ''} as invalid: "
        f"{_words(unmapped)}. What means {options} can be added to --values, the rest left out with --where."
    )


def _words(unmapped: Sequence[Mapping[str, Any]]) -> str:
    from replicator.exchange.answers import spelled

    told = [
        f"{spelled(word['word'])} ({_rows(word['rows'])} on line {word['line']})" for word in unmapped[:WORDS_SHOWN]
    ]
    rest = unmapped[WORDS_SHOWN:]
    more = f"{len(rest):,} more words ({sum(word['rows'] for word in rest):,} rows)"
    return ", ".join([*told, more] if rest else told)


def _rows(number: int) -> str:
    return "1 row," if number == 1 else f"{number:,} rows, the first"
