"""The estimation stage: every planned fit of every population of a run, as entries of `results.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from replicator import choices, files, theories
from replicator.errors import UsageError
from replicator.experiment import Experiment, Fit
from replicator.inference import attributes, choice_fits, contrast_fits, criticism, finished, gift_fits, words
from replicator.inference.data import Cells, offered, read
from replicator.inference.entries import Entry
from replicator.inference.jobs import Job, jobs_of, with_regressions
from replicator.inference.one_at_a_time import one_at_a_time
from replicator.runs import Run
from replicator.shares import COMPREHENSION, usable
from replicator.theories.stimuli import check_domain

Progress = Callable[[int, int, str], None]


def estimate_run(
    run: Run, *, seed: int = 0, more: Sequence[Fit] = (), regress: Sequence[str] = (), progress: Progress | None = None
) -> list[Entry]:
    """Estimate a run, write `posteriors/`, and return the estimates. Raises DataError without choices.

    `more` are fits beyond the plan; they are never primary, nor are regressions of typical persons' parameters on the
    attributes `regress`. Raises DataError, before anything is fitted, where one of the fits is of a theory that cannot
    read the outcomes, and UsageError where no population allows the regression.
    Fits that an earlier, unfinished or shorter estimation of the same choices left there are taken over; while another
    is at work there, it is a DataError.
    """
    experiment = run.experiment()
    table = read(run.choices)
    questions: list[dict[str, Any]] = choices.cells(run.choices).to_dict("records")  # type: ignore[assignment]
    cells: Cells = {(row["item"], row["condition"]): row["outcomes"] for row in questions}
    populations = {str(name): rows for name, rows in table.groupby("model", sort=False)}
    asked_as = (run.manifest.get("personas") or {}).get("asked_as")
    people = _attributes(run, table, regress)
    planned = list(jobs_of(experiment, populations, set(table["condition"]), asked_as, more))
    jobs = with_regressions(planned, tuple(regress))
    _require_regressions(jobs, populations, people)
    for fit in more:
        if not _of_gifts(fit):
            check_domain(theories.get(fit.theory), offered(experiment, questions))
    run.posteriors.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(run.posteriors):
        return _estimated(run, experiment, jobs, populations, people, questions, cells, seed, progress)


def _estimated(
    run: Run, experiment: Experiment, jobs: Sequence[Job], populations: Mapping[str, pd.DataFrame],
    people: pd.DataFrame, questions: list[dict[str, Any]], cells: Cells, seed: int, progress: Progress | None,
) -> list[Entry]:  # fmt: skip
    outcomes = [(cell, [dict(outcome) for outcome in of_cell]) for cell, of_cell in cells.items()]
    answers = {name: finished.fingerprint(rows) for name, rows in populations.items()}
    identities = [
        finished.key(
            answers.get(job.population), job, experiment.hash, outcomes, seed,
            *([finished.fingerprint(people)] if job.regress else []),
        )
        for job in jobs
    ]  # fmt: skip
    finished.remove_others(run.posteriors, identities)
    entries: list[Entry] = []
    fits: list[Entry] = []
    for done, (job, identity) in enumerate(zip(jobs, identities, strict=True)):
        if progress is not None:
            progress(done, len(jobs), f"{job.population}: {job.fit.theory}, {job.fit.noise}")
        here = finished.read(run.posteriors, identity)
        if here is None:
            before = _posteriors(run)
            rows = populations.get(job.population)
            rows = rows.join(people) if rows is not None and job.regress else rows
            whole: list[Entry] = []
            here = estimate_job(run, experiment, job, rows, cells, seed, fits=whole)
            finished.write(run.posteriors, identity, here, _posteriors(run) - before, whole)
        entries += here
        fits += finished.fits(run.posteriors, identity)
    if progress is not None:
        progress(len(jobs), len(jobs), "done")
    entries = words.across_theories(entries)
    fits = _across(experiment, questions, fits)
    document = {"schema": 1, "estimates": entries, "fits": fits}
    files.write_text(run.estimates, json.dumps(document, indent=1, allow_nan=False) + "\n")
    return entries


def estimate_job(
    run: Run, experiment: Experiment, job: Job, rows: pd.DataFrame | None, cells: Cells, seed: int,
    fits: list[Entry] | None = None,
) -> list[Entry]:  # fmt: skip
    """One fit: the draws go into `posteriors/`, what was found is returned. `rows` are the population's.

    What is said of the fit as a whole (see `criticism`) is added to `fits`.
    """
    if job.fit.contrast is not None:
        assert rows is not None
        return contrast_fits.entries(run, experiment, job, rows, seed)
    if _of_gifts(job.fit):
        assert rows is not None
        return gift_fits.entries(run, experiment, job, rows, cells, seed)
    return choice_fits.entries(run, experiment, job, rows, cells, seed, [] if fits is None else fits)


def _across(experiment: Experiment, questions: Sequence[Mapping[str, Any]], fits: Sequence[Entry]) -> list[Entry]:
    """The fits with what relates them on this design; `questions` are the rows of `choices.cells`."""
    if len(fits) < 2:
        return list(fits)
    asked = [row for row in questions if row["condition"] != COMPREHENSION]
    conditions = list(dict.fromkeys(row["condition"] for row in asked))
    condition = np.array([conditions.index(row["condition"]) for row in asked])
    return criticism.across(fits, offered(experiment, asked), condition, [str(row["item"]) for row in asked])


def _of_gifts(fit: Fit) -> bool:
    """Whether the theory is about the kinds of gifts, and not about what every amount is worth."""
    return theories.get(fit.theory).response == "amount"


def _attributes(run: Run, table: pd.DataFrame, regress: Sequence[str]) -> pd.DataFrame:
    """The columns of the attributes, with the index of the table. Raises UsageError for one that the run lacks."""
    if not regress:
        return pd.DataFrame(index=table.index)
    attributes.check(regress, choices.column_names(run.choices))
    return choices.read(run.choices, attributes.columns_of(regress)).set_axis(table.index)


def _require_regressions(jobs: Sequence[Job], populations: Mapping[str, pd.DataFrame], people: pd.DataFrame) -> None:
    """Raise UsageError unless some population allows the regressions that are asked for."""
    whys = {
        job.population: attributes.why_not(usable(populations[job.population]).join(people), job.regress)
        for job in jobs
        if job.regress
    }
    if whys and None not in whys.values():
        told = "; ".join(f"{name}: {why}" for name, why in whys.items())
        raise UsageError(f"{told}.", where="--regress", remedy="Name attributes that differ between persons.")


def _posteriors(run: Run) -> set[str]:
    return {path.name for path in run.posteriors.glob("*.nc")}
