"""`replicator recover EXPERIMENT`: whether known persons come out of a design again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from replicator.cli.numbers import WholeNumber
from replicator.cli.output import JSON, SCHEMA, print_json, print_table

if TYPE_CHECKING:
    from replicator.experiment import Experiment, Fit
    from replicator.inference.recovery import Recovery


@click.command("recover")
@click.argument("experiment", metavar="EXPERIMENT|FILE.json")
@click.option(
    "--subjects", type=WholeNumber(min=1), metavar="N", default=30, show_default=True, help="Simulated persons."
)
@click.option(
    "--fits", type=WholeNumber(min=1), metavar="N", default=5, show_default=True, help="Truths drawn from the prior."
)
@click.option("--theory", metavar="THEORY", help="What the persons follow.  [default: the plan's primary]")
@click.option(
    "--noise",
    type=click.Choice(["contextual", "logit", "equivalent"]),
    help="How their choices err.  [default: the plan's, or the theory's first]",
)
@click.option(
    "--seed", type=WholeNumber(min=0), metavar="N", default=0, show_default=True, help="Seed of all that is random."
)
@JSON
def recover(
    experiment: str, subjects: int, fits: int, theory: str | None, noise: str | None, seed: int, as_json: bool
) -> None:
    """Simulate persons who answer EXPERIMENT, estimate them, and set the estimates beside the truth.

    Truths are drawn from the prior, so that about 95 in 100 intervals should hold them; five fits are a look, not a
    proof. What the design cannot tell stays unidentified, with the reason.

    \b
    Examples:
      replicator recover holt-laury --subjects 30
      replicator recover mixed-gambles --theory cpt --noise contextual --fits 10 --json
    """
    from replicator import specification
    from replicator.cli.progress import watcher
    from replicator.inference import recovery

    found = specification.find(experiment)
    fit = planned_fit(found, theory, noise)
    with watcher() as told:
        noisy = "" if fit.noise == "none" else f", {fit.noise} noise"
        each = recovery.recover(found, fit, subjects=subjects, fits=fits, seed=seed, progress=told)
        people = f"{subjects} person{'' if subjects == 1 else 's'}"
        told.stage(f"Recovering {found.name}: {fit.theory}{noisy}, {people}")
        rows = [row for some in each for row in some]
    if as_json:
        print_json(
            {
                "schema": SCHEMA,
                "experiment": found.name,
                "theory": fit.theory,
                "noise": fit.noise,
                "subjects": subjects,
                "fits": fits,
                "seed": seed,
                "recovered": [row.document for row in rows],
            }
        )
        return
    print_table(
        [
            ("truth", "estimate", "95% interval", "parameter"),
            *((_number(r.truth), _number(r.mean), _interval(r), _about(r)) for r in rows),
        ]
    )
    held = sum(row.covered for row in rows)
    known = sum(row.identified for row in rows)
    click.echo(f"\n{held} of {len(rows)} intervals hold the truth; {known} of {len(rows)} estimates are identified.")


def planned_fit(experiment: Experiment, theory: str | None, noise: str | None) -> Fit:
    """The plan's primary fit, or the one that is asked for. Raises UsageError."""
    from replicator import theories
    from replicator.inference.jobs import as_asked

    primary = experiment.analysis.primary
    if primary is not None and theory in (None, primary.theory):
        return as_asked(experiment, primary.theory, noise or primary.noise)
    if theory is None:
        raise click.UsageError(f"{experiment.name} plans no estimate: name a --theory.", click.get_current_context())
    return as_asked(experiment, theory, noise or theories.get(theory).noises[0])


def _number(value: float) -> str:
    return f"{value:.3g}"


def _interval(row: Recovery) -> str:
    return f"{_number(row.interval[0])} to {_number(row.interval[1])}{'' if row.covered else '  misses'}"


def _about(row: Recovery) -> str:
    said = f"{row.parameter.replace('_', ' ')} {row.symbol}, {row.condition}"
    return said if row.identified else f"{said}: not identified. {row.why_not}"
