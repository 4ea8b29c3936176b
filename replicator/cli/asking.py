"""How a run asks: the options `--elicitation`, `--repeats`, `--temperature`, `--layout` and `--answers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from replicator.cli.numbers import Temperature, WholeNumber
from replicator.engines import PARTICIPANTS
from replicator.experiment import Experiment
from replicator.pipeline import ModelRequest

ELICITATION = [
    click.Option(
        ["--elicitation"],
        type=click.Choice(["probability", "sample", "verbalised", "reasoning"]),
        default="probability",
        show_default=True,
        help="Exact probabilities of the options; answers that are written and read; what the model says of 100 "
        "people (a forecast, no choice); or exact probabilities after thinking in writing.",
    ),
    click.Option(
        ["--repeats"],
        type=WholeNumber(min=1),
        metavar="N",
        default=1,
        show_default=True,
        help="How often every question is put, where something is written.",
    ),
    click.Option(
        ["--temperature"],
        type=Temperature(),
        metavar="T",
        default=1.0,
        show_default=True,
        help="Temperature at which a language model writes.",
    ),
]


def require_drawn(options: Mapping[str, Any], models: Sequence[ModelRequest]) -> None:
    """Repeats and a temperature would change nothing where probabilities are read off."""
    changed = options["repeats"] != 1 or options["temperature"] != 1.0
    if options["elicitation"] == "probability" and changed:
        problem = "--repeats and --temperature need --elicitation sample, verbalised or reasoning."
        raise click.UsageError(problem, click.get_current_context())
    people = [model.name for model in models if model.model.startswith(PARTICIPANTS)]
    if options["temperature"] != 1.0 and people:
        who = f"{', '.join(people)}, who draw{'' if len(people) > 1 else 's'} from known probabilities"
        click.echo(f"note: --temperature changes nothing for {who}.", err=True)


def presentation(experiment: Experiment) -> list[click.Option]:
    """`--layout`, and `--answers` for a choice: what the specification offers, its first by default."""
    offered = {"layout": experiment.presentation.layout}
    if experiment.response.type == "choice":
        offered["answers"] = experiment.presentation.answers
    return [
        click.Option(
            [f"--{name}", "layouts" if name == "layout" else name],
            type=click.Choice(values),
            multiple=True,
            help=f"{_PRESENTED[name]} Repeat for more; each is a condition of its own.  [default: {values[0]}]",
        )
        for name, values in offered.items()
    ]


_PRESENTED = {
    "layout": "Questions one at a time, or the whole list of items with one row asked about.",
    "answers": "Options named by labels, or by their own names.",
}
