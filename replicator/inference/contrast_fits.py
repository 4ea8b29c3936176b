"""One contrast of a population's answers at two levels of a factor, as entries."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from replicator import choices, references
from replicator.experiment import ALL, Experiment
from replicator.inference import contrast, posterior, words
from replicator.inference.entries import Entry, label_of
from replicator.inference.jobs import Job
from replicator.runs import Run
from replicator.shares import usable


def entries(run: Run, experiment: Experiment, job: Job, rows: pd.DataFrame, seed: int) -> list[Entry]:
    """The draws go into `posteriors/`, what was found is returned. `rows` are the population's.

    Shares are over all who answered, so that a population is one agent whoever its persons are.
    """
    assert job.fit.contrast is not None
    questions = choices.cells(run.choices)
    factors, stimuli = choices.factor_columns(questions.columns), choices.stimulus_columns(questions.columns)
    levels, variables = {}, {}
    for row in questions.to_dict("records"):
        levels[row["item"], row["condition"]] = {name.removeprefix("factor."): row[name] for name in factors}
        variables[row["item"], row["condition"]] = {name.removeprefix("stimulus."): row[name] for name in stimuli}
    known = references.references()
    people = [known[name].person_sd for name in experiment.humans if known[name].parameter == "difference"]
    asked = contrast.Asked(
        job.fit.contrast, experiment.response.type, experiment.unit, next((sd for sd in people if sd), None)
    )
    unit = "person" if job.kind == "human" else "wording"
    label = label_of(job, str(rows["elicitation"].iloc[0]), experiment, unit=unit)
    label = replace(label, estimand="representative_agent")

    def keep(condition: str, found: posterior.Posterior) -> None:
        part = None if condition == ALL else condition
        posterior.write(run.posteriors, label, found, (condition,), seed=seed, part=part)

    kept = usable(rows)
    if kept.empty:
        return contrast.silent(label, ALL, asked, words.nothing_usable(rows))
    return contrast.entries(kept, levels, asked, label, seed=seed, keep=keep, variables=variables)
