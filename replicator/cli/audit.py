"""`replicator audit EXPERIMENT`: what a design can tell, before anybody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from replicator.cli.numbers import WholeNumber
from replicator.cli.output import JSON, SCHEMA, print_json, print_table
from replicator.cli.recover import planned_fit

if TYPE_CHECKING:
    from replicator.inference.audit import Audit


@click.command("audit")
@click.argument("experiment", metavar="EXPERIMENT|FILE.json")
@click.option("--theory", metavar="THEORY", help="Whose parameters are to be told.  [default: the plan's primary]")
@click.option(
    "--noise",
    type=click.Choice(["contextual", "logit", "equivalent"]),
    help="How choices err.  [default: the plan's, or the theory's first]",
)
@click.option("--subjects", type=WholeNumber(min=1), metavar="N", help="Persons who answer every question once.")
@click.option(
    "--wordings", type=WholeNumber(min=1), metavar="N",
    help="Wordings in which a model answers with exact probabilities.  [default: the experiment's]",
)  # fmt: skip
@JSON
def audit(
    experiment: str, theory: str | None, noise: str | None, subjects: int | None, wordings: int | None, as_json: bool
) -> None:
    """Tell what EXPERIMENT can tell of a theory's parameters, before anything is collected.

    The expected posterior sd of every parameter is set beside its prior's: at most 50% is what an identified estimate
    needs, above 80% the design cannot tell the parameter. It is looked at in the centre of the prior, and one and two
    standard deviations away, since a design that tells the average person may not tell others. Nothing is asked or
    sampled; scatter between wordings, persons and questions is taken at its prior's mean.

    \b
    Examples:
      replicator audit holt-laury
      replicator audit mixed-gambles --theory cpt --subjects 100
      replicator audit delay-discounting --theory quasi-hyperbolic --noise logit --json
    """
    from dataclasses import replace

    from replicator import specification
    from replicator.inference import audit as audits

    if subjects is not None and wordings is not None:
        raise click.UsageError("--subjects and --wordings exclude each other.", click.get_current_context())
    found = specification.find(experiment)
    fit = planned_fit(found, theory, noise)
    answers = audits.planned(found)
    if wordings is not None:
        answers = replace(answers, units=wordings)
    if subjects is not None:
        answers = audits.Answers("choices", subjects, 1)
    each = audits.audit(found, fit, answers)
    if as_json:
        print_json({"schema": SCHEMA, "experiment": found.name, "audits": [one.document for one in each]})
        return
    click.echo(f"{found.name}: {fit.theory}, {fit.noise} noise, {answers.words}.")
    for one in each:
        _print(one)


def _print(found: Audit) -> None:
    click.echo("" if found.condition == "all" else f"\n{found.condition}")
    rows = [("parameter", "at", "expected sd / prior sd", "")]
    for name, ratio in found.centre.ratio.items():
        rows.append((name.replace("_", " "), f"{found.centre.values[name]:.3g}", f"{ratio:.0%}", "the prior's centre"))
        rows += [
            ("", f"{point.values[name]:.3g}", f"{point.ratio[name]:.0%}", f"{point.shift:+.0f} sd")
            for point in found.points
            if point.parameter == name
        ]
    print_table(rows)
    for name, items in found.items.items():
        told = ", ".join(f"{item} {share:.0%}" for item, share in items.items())
        click.echo(f"Information about {name.replace('_', ' ')}: {told}.")
    for line in found.words:
        click.echo(line)
