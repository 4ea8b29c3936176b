"""What is to be fitted: the analysis plan, for every population of a run and for people's published shares."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from replicator import references, theories
from replicator.errors import UsageError
from replicator.experiment import Experiment, Fit, condition_name
from replicator.personas import AskedAs
from replicator.references import PUBLISHED, Reference
from replicator.runs import Run

Pooling = Literal["none", "partial", "complete"]


@dataclass(frozen=True)
class Job:
    """One fit of one population."""

    population: str
    kind: Literal["model", "human", "simulated"]
    fit: Fit
    pooling: Pooling
    reference: Reference | None = None
    personas: Literal["none", "crossed", "averaged"] = "none"
    """Of a model asked to be personas: each a person of a hierarchy, or one agent fitted to the shares of all."""
    regress: tuple[str, ...] = ()
    """Attributes on which the persons' parameters are regressed, see `attributes`."""

    @property
    def typical(self) -> bool:
        """Whether the typical person is estimated, and not a representative agent."""
        return self.personas == "crossed" or (self.kind == "human" and self.pooling != "complete")

    @property
    def unit(self) -> Literal["wording", "person", "persona", "pooled"]:
        """Whose answers vary together."""
        if self.personas == "crossed":
            return "persona"
        if self.kind != "human":
            return "wording"
        return "pooled" if self.pooling == "complete" else "person"


def jobs_of(
    experiment: Experiment,
    populations: Mapping[str, pd.DataFrame],
    conditions: set[str],
    asked_as: AskedAs | None = None,
    more: Sequence[Fit] = (),
) -> Iterator[Job]:
    """What is to be fitted, in the plan's order within each population, and then whatever `more` is asked for.

    `asked_as` is how the run's personas were asked, where it has some. A group answers for its members, not as one of
    them, and a forecast says what people like a persona would do: neither is a person of a hierarchy.
    """
    for name, rows in populations.items():
        kind = str(rows["population"].iloc[0])
        for fit in (*experiment.analysis.fits, *more):
            if fit.contrast is not None:
                yield Job(name, _kind(kind), fit, "partial")
            elif kind == "human":
                if rows["subject"].notna().all():
                    two = experiment.response.type == "choice" and len(experiment.options) == 2
                    alone = fit.noise == "logit" and two
                    if alone and len(theories.get(fit.theory).parameters) == 1:
                        yield Job(name, "human", fit, "none")
                    if not (experiment.response.type == "threshold" and _once(rows)):
                        yield Job(name, "human", fit, "partial")
                yield Job(name, "human", fit, "complete")
            else:
                several = len(set(rows.loc[rows["status"] == "valid", "wording"])) > 1
                as_personas = asked_as is not None and bool(rows["subject"].notna().any())
                themselves = asked_as == "person" and "verbalised" not in set(rows["elicitation"])
                if as_personas and themselves and len(set(rows["subject"])) > 1:
                    yield Job(name, "model", fit, "partial", personas="crossed")
                yield Job(
                    name,
                    _kind(kind),
                    fit,
                    "partial" if several else "complete",
                    personas="averaged" if as_personas else "none",
                )
    primary = experiment.analysis.primary
    if experiment.response.type == "choice" and primary is not None and primary.contrast is None:
        for reference in _published(experiment, conditions):
            yield Job(PUBLISHED + reference.id, "human", primary, "complete", reference)


def _once(rows: pd.DataFrame) -> bool:
    """Whether most persons answered once: how thresholds scatter between persons, and how sharply each person turns,
    are then one and the same."""
    return bool(rows.groupby("subject").size().median() <= 1)


def _kind(population: str) -> Literal["model", "human", "simulated"]:
    return "human" if population == "human" else "simulated" if population == "simulated" else "model"


def with_regressions(jobs: Sequence[Job], asked: tuple[str, ...]) -> list[Job]:
    """The jobs, each of typical persons with a regression on the attributes `asked` beside it.

    Raises UsageError where there is nobody to regress.
    """
    if not asked:
        return list(jobs)
    able = [job for job in jobs if job.typical and job.pooling == "partial" and _hierarchical(job)]
    if not able:
        raise UsageError(
            "no fit of this run is of persons, with parameters of their own.",
            where="--regress",
            remedy="Regressions need recorded choices with subjects, or a model asked to be personas, and a theory of "
            "choices.",
        )
    return [each for job in jobs for each in ((job, replace(job, regress=asked)) if job in able else (job,))]


def _hierarchical(job: Job) -> bool:
    """Whether persons have parameters of their own: not in a contrast of options, nor of gifts, which are shares of all
    persons together."""
    return job.fit.contrast is None and theories.get(job.fit.theory).response != "amount"


def unplanned(experiment: Experiment, named: Sequence[str], noises: Sequence[str]) -> tuple[Fit, ...]:
    """Fits of theories that are named, under every noise that is named (or each theory's first), beyond the plan.

    Raises UsageError for what is unknown, or does not go with the theory or with the experiment's answers.
    """
    planned = {(fit.theory, fit.noise) for fit in experiment.analysis.fits}
    asked = named_fits(experiment, named, noises)
    return tuple(fit for fit in asked if (fit.theory, fit.noise) not in planned)


def named_fits(experiment: Experiment, named: Sequence[str], noises: Sequence[str]) -> tuple[Fit, ...]:
    """Fits of theories that are named, under every noise that is named, or else each theory's first; each once.

    Raises UsageError as `as_asked` does.
    """
    asked = [as_asked(experiment, name, n) for name in named for n in noises or theories.get(name).noises[:1]]
    return tuple({(fit.theory, fit.noise): fit for fit in asked}.values())


def fitted_before(run: Run, experiment: Experiment) -> tuple[Fit, ...]:
    """Fits beyond the plan among a run's estimates; none where these cannot be read."""
    try:
        entries = json.loads(run.estimates.read_text(encoding="utf-8"))["estimates"]
        pairs = dict.fromkeys((str(entry["theory"]), str(entry["noise"])) for entry in entries)
        planned = {(fit.theory, fit.noise) for fit in experiment.analysis.fits}
        return tuple(as_asked(experiment, *pair) for pair in pairs if pair not in planned)
    except (OSError, ValueError, KeyError, TypeError, UsageError):
        return ()


def regressed_before(run: Run) -> tuple[str, ...]:
    """Attributes that a run's estimates are regressed on; none where these cannot be read."""
    try:
        entries = json.loads(run.estimates.read_text(encoding="utf-8"))["estimates"]
        return next((tuple(map(str, entry["regressed_on"])) for entry in entries if entry.get("regressed_on")), ())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()


def as_asked(experiment: Experiment, name: str, noise: str) -> Fit:
    """The fit of a theory under a noise, about the theory's first parameter.

    Raises UsageError for what is unknown, or does not go with the theory or with the experiment's answers.
    """
    theory, asked = theories.get(name), experiment.response.type
    if theory.response == "any":
        raise UsageError(
            f'"{name}" is estimated where a specification plans what it compares, and no other way.',
            remedy='Write its "factor" and "levels" there, and `replicator run` or `estimate` without a theory.',
        )
    if asked not in theory.answers:
        fitting = [known for known, other in theories.THEORIES.items() if asked in other.answers]
        raise UsageError(
            f'the theory "{name}" is about answers of type "{theory.response}"; '
            f'"{experiment.name}" asks for type "{asked}".',
            remedy=f"Theories of such answers: {', '.join(fitting) or 'none'}.",
        )
    if noise not in theory.noises:
        raise UsageError(
            f'the noise "{noise}" does not go with the theory "{name}".',
            remedy=f"Write {' or '.join(theory.noises)}.",
        )
    return Fit(name, noise, theory.estimated[0], None)


def _published(experiment: Experiment, conditions: set[str]) -> list[Reference]:
    """References that give people's shares item by item, in a condition that the run has."""
    known = references.references()
    listed = {item.id for item in experiment.items}
    return [
        reference
        for reference in (known[name] for name in experiment.humans)
        if reference.estimand == "choice_shares"
        and reference.items
        and reference.n_participants
        and listed <= set(reference.items)
        and condition_of(reference) in conditions
    ]


def levels_of(reference: Reference) -> dict[str, Any]:
    """Factor -> the level that a reference speaks of; the first where it speaks of several."""
    return {name: levels[0] for name, levels in (reference.conditions or {}).items()}


def condition_of(reference: Reference) -> str:
    """The condition that a reference speaks of, as runs name it."""
    return condition_name(levels_of(reference))
