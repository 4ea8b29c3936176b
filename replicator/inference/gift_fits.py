"""One fit of the kinds of gifts, as entries."""

from __future__ import annotations

import pandas as pd

from replicator.experiment import Experiment
from replicator.inference import gift_tables, posterior, words
from replicator.inference.data import Cells
from replicator.inference.entries import Entry, label_of, silent_entries, theory_entries, unusable_entries
from replicator.inference.jobs import Job
from replicator.runs import Run
from replicator.shares import usable


def entries(run: Run, experiment: Experiment, job: Job, rows: pd.DataFrame, cells: Cells, seed: int) -> list[Entry]:
    """The draws go into `posteriors/`, what was found is returned. `rows` are the population's."""
    elicitation = str(rows["elicitation"].iloc[0])
    recorded = "gift" if job.kind != "human" or job.pooling == "complete" else "person"
    unit = recorded if elicitation == "recorded" else job.unit
    label = label_of(job, elicitation, experiment, unit=unit)
    kept = usable(rows)
    silent = unusable_entries(label, rows, kept)
    if kept.empty:
        return silent
    data = gift_tables.read(kept, cells, job)
    if isinstance(data, words.Unvaried):
        conditions = dict.fromkeys(kept["condition"])
        return silent + [e for c in conditions for e in silent_entries(label, c, data.why_not, sets=data.known)]
    asked = int(rows["subject"].nunique())
    said = words.of_personas(job.personas, asked, kept["wording"].nunique(), asked)
    found = posterior.of_gifts(data, seed=seed)
    posterior.write(run.posteriors, label, found, data.conditions, seed=seed)
    made = []
    for c, condition in enumerate(data.conditions):
        natural = {name: values[:, c] for name, values in found.natural.items()}
        sd = data.person_sd[c]
        spread = {"mean_share": sd} if sd is not None and label.estimand == "typical_person" else {}
        here = theory_entries(label, condition, natural, found.diagnostics, person_sd=spread)
        made += [entry | {"words": entry["words"] + said} for entry in here]
    return silent + made
