"""Two experiments, one theory: choices of the same population fitted together, with one set of parameters.

Risk aversion is told by lotteries and impatience by dated payments, but what a later payment is worth hangs on both
(Andersen, Harrison, Lau & Rutstroem 2008, doi:10.1111/j.1468-0262.2008.00848.x): under linear utility the curvature of
utility looks like impatience. Fitted together, the parameters are the same in every condition, and each condition
keeps a sensitivity of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from replicator import choices, theories
from replicator.errors import DataError
from replicator.experiment import Fit
from replicator.inference import posterior, words
from replicator.inference.data import Cells, ChoiceData, choice_data, read
from replicator.inference.entries import Entry, label_of, theory_entries
from replicator.inference.identification import nowhere_asked, off_the_curve
from replicator.inference.jobs import Job, jobs_of
from replicator.inference.structure import structure
from replicator.runs import Run
from replicator.shares import usable
from replicator.theories.stimuli import check_domain
from replicator.theories.theory import Parameter, Stimuli

FOLDER = "joint"
"""In the first run's folder: posteriors of fits that it shares with other runs."""


def estimate(runs: Sequence[Run], fit: Fit, *, seed: int = 0) -> list[Entry]:
    """The fit of every population that all runs have, as entries; draws go into the first run's folder `joint`.

    People are persons of one hierarchy, matched by name, and one agent pooled to shares; models are one
    agent over the wordings of all runs. Raises DataError where no population is common, or answers do not go together.
    """
    tables = [_tables(run) for run in runs]
    common = [name for name in tables[0][0] if all(name in populations for populations, _ in tables)]
    if not common:
        met = "; ".join(
            f"{run.folder}: {', '.join(populations)}" for run, (populations, _) in zip(runs, tables, strict=True)
        )
        raise DataError("the runs have no population in common.", remedy=f"They have {met}.")
    entries: list[Entry] = []
    for name in common:
        first = {name: tables[0][0][name]}
        for job in jobs_of(runs[0].experiment(), first, set(), None, (fit,)):
            if job.fit is fit and job.pooling != "none":
                parts = {
                    run.experiment().name: choice_data(usable(populations[name]), cells, job.unit)
                    for run, (populations, cells) in zip(runs, tables, strict=True)
                }
                entries += _fitted(runs[0], job, joined(parts), str(first[name]["elicitation"].iloc[0]), seed)
    return entries


def joined(parts: Mapping[str, ChoiceData]) -> ChoiceData:
    """Choices over the questions of several experiments, by their names: conditions, questions, wordings and label sets
    carry the experiment's name, persons are the same where they are called the same.

    Raises DataError where the answers are of different kinds or of different numbers of options.
    """
    several = list(parts.values())
    kinds = {(data.kind, data.unit_name, len(data.options), data.classes is None) for data in several}
    if len(kinds) > 1 or any(data.wordings for data in several) or several[0].classes is not None:
        raise DataError(
            "choices that are fitted together must be answered in the same way, among as many options.",
            remedy="Collect both runs with the same elicitation; options of both are choices.",
        )
    persons = several[0].unit_name in ("person", "pooled")
    units = [d.units if persons else tuple(f"{n}: {u}" for u in d.units) for n, d in parts.items()]
    labels = [tuple(f"{n}: {s}" for s in d.label_sets) for n, d in parts.items()]
    all_units, all_labels = (tuple(dict.fromkeys(n for some in names for n in some)) for names in (units, labels))
    known_order = all(data.position is not None for data in several)
    questions = np.cumsum([0, *(len(data.questions) for data in several)])
    conditions = np.cumsum([0, *(len(data.conditions) for data in several)])

    def renumbered(codes: np.ndarray, names: tuple[str, ...], among: tuple[str, ...]) -> np.ndarray:
        return np.asarray(np.array([among.index(name) for name in names])[codes])

    return ChoiceData(
        kind=several[0].kind,
        unit_name=several[0].unit_name,
        units=all_units,
        questions=tuple(f"{n}: {q}" for n, d in parts.items() for q in d.questions),
        items=tuple(f"{n}: {i}" for n, d in parts.items() for i in d.items),
        conditions=tuple(f"{n}: {c}" for n, d in parts.items() for c in d.conditions),
        options=tuple(" or ".join(dict.fromkeys(names)) for names in zip(*(d.options for d in several), strict=True)),
        stimuli=_stacked([data.stimuli for data in several]),
        condition=np.concatenate([d.condition + start for d, start in zip(several, conditions, strict=False)]),
        unit=np.concatenate([renumbered(d.unit, own, all_units) for d, own in zip(several, units, strict=True)]),
        question=np.concatenate([d.question + start for d, start in zip(several, questions, strict=False)]),
        label_sets=all_labels,
        label_set=np.concatenate(
            [renumbered(d.label_set, own, all_labels) for d, own in zip(several, labels, strict=True)]
        ),
        position=np.concatenate([d.position for d in several if d.position is not None]) if known_order else None,
        logits=np.concatenate([d.logits for d in several]),
        counts=np.concatenate([d.counts for d in several]),
        status_quo=np.zeros(len(several[0].options), dtype=bool),
    )


def _tables(run: Run) -> tuple[dict[str, pd.DataFrame], Cells]:
    """Population -> its rows, and what every question offers."""
    table = read(run.choices)
    cells = {(row["item"], row["condition"]): row["outcomes"] for row in choices.cells(run.choices).to_dict("records")}
    return {str(name): rows for name, rows in table.groupby("model", sort=False)}, cells


def _stacked(several: Sequence[Stimuli]) -> Stimuli:
    """The questions of all, with as many branches as the widest has: branches more are impossible."""
    width = max(stimuli.amount.shape[2] for stimuli in several)

    def wide(values: np.ndarray, fill: np.ndarray | float) -> np.ndarray:
        more = np.broadcast_to(fill, (*values.shape[:2], width - values.shape[2]))
        return np.concatenate([values, more], axis=2)

    def optional(name: str) -> np.ndarray | None:
        given = [getattr(stimuli, name) for stimuli in several]
        if all(values is None for values in given):
            return None
        shapes = [np.shape(s.amount) if name != "other" else np.shape(s.amount)[:2] for s in several]
        known = [np.zeros(shape) if v is None else np.asarray(v) for v, shape in zip(given, shapes, strict=True)]
        return np.concatenate([wide(values, 0.0) if values.ndim == 3 else values for values in known])

    counted_in = [float(np.max(s.reference)) for s in several if s.reference is not None]
    return Stimuli(
        amount=np.concatenate([wide(s.amount, s.amount[:, :, :1]) for s in several]),
        probability=np.concatenate([wide(s.probability, 0.0) for s in several]),
        largest=np.concatenate([s.largest for s in several]),
        smallest=np.concatenate([s.smallest for s in several]),
        delay=optional("delay"),
        other=optional("other"),
        ambiguity=optional("ambiguity"),
        # One unit for all: the parameters are the same everywhere.
        reference=np.full(sum(len(s.largest) for s in several), max(counted_in)) if counted_in else None,
    )


def _fitted(run: Run, job: Job, data: ChoiceData, elicitation: str, seed: int) -> list[Entry]:
    theory = theories.get(job.fit.theory)
    check_domain(theory, data.stimuli)
    shape = replace(structure(theory.name, job.fit.noise, data, intercept=False), shared=True)
    found = posterior.of_choices(shape, data, seed=seed)
    label, folder = label_of(job, elicitation), run.folder / FOLDER
    folder.mkdir(exist_ok=True)
    posterior.write(folder, label, found, data.conditions, seed=seed)
    misfit = posterior.of_coordinate(found, "item_misfit").mean(axis=0) if shape.item_misfit else None

    def doubts(parameter: Parameter, interval: Sequence[float]) -> list[str]:
        nowhere = nowhere_asked(theory, parameter, job.fit.noise, data)
        reasons = [] if nowhere is None else [nowhere]
        if misfit is not None:
            off = [(name, off_the_curve(data, misfit, c)) for c, name in enumerate(data.conditions)]
            reasons += [f"{name}: {reason}" for name, reason in off if reason]
        return reasons

    together = " with ".join(data.conditions)
    natural = {name: values[:, 0] for name, values in found.natural.items()}
    entries = theory_entries(label, together, natural, found.diagnostics, person_sd={}, doubts=doubts)
    said = [f"Fitted to {together} together: one set of parameters, a sensitivity for each."]
    said += words.of_posterior(theory, found.natural)
    return [entry | {"words": entry["words"] + said} for entry in entries]
