"""One fit of a theory to choices, as entries: of a population's answers, or of people's published shares.

Models are one representative agent over wordings. People are estimated three ways: alone by maximum likelihood, as
persons of a hierarchy, and pooled to shares through the same likelihood as models. Published shares of people go
through that likelihood too, so that a model's representative agent meets another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from replicator import theories
from replicator.experiment import Experiment
from replicator.inference import attributes, criticism, personas, posterior, regressions, sensitivity, subjects, words
from replicator.inference.data import Cells, ChoiceData, choice_data, from_shares
from replicator.inference.entries import (
    Entry,
    Label,
    label_of,
    median_entry,
    nuisance_entry,
    nuisance_prior,
    silent_entries,
    theory_entries,
    unusable_entries,
)
from replicator.inference.identification import (
    alone,
    beyond_nothing,
    consistent_sets,
    is_deterministic,
    no_response,
    not_asked,
    nowhere_asked,
    off_the_curve,
    one_sided,
)
from replicator.inference.jobs import Job, condition_of, levels_of
from replicator.inference.structure import can_have_intercept, structure
from replicator.runs import Run
from replicator.shares import usable
from replicator.theories.stimuli import check_domain
from replicator.theories.theory import SENSITIVITY, Parameter, Theory


def entries(
    run: Run, experiment: Experiment, job: Job, rows: pd.DataFrame | None, cells: Cells, seed: int, fits: list[Entry]
) -> list[Entry]:
    """The draws go into `posteriors/`, what was found is returned. `rows` are the population's, None of shares.

    What is said of the fit as a whole (see `criticism`) is added to `fits`.
    """
    theory = theories.get(job.fit.theory)
    silent: list[Entry] = []
    if job.reference is not None:
        assert job.reference.items is not None
        assert job.reference.n_participants is not None
        data = from_shares(
            experiment, job.reference.items, job.reference.n_participants,
            levels_of(job.reference), condition_of(job.reference),
        )  # fmt: skip
        elicitation = "recorded"
    else:
        assert rows is not None
        elicitation = str(rows["elicitation"].iloc[0])
        kept = _as_personas(usable(rows), job, seed)
        silent = unusable_entries(label_of(job, elicitation, experiment), rows, kept)
        if kept.empty:
            return silent
        why = attributes.why_not(kept, job.regress) if job.regress else None
        if why is not None:
            label = label_of(job, elicitation, experiment)
            return regressions.silent(label, job.regress, f"{why[0].upper()}{why[1:]}.")
        asked_of = attributes.complete(kept, job.regress) if job.regress else kept
        data = choice_data(asked_of, cells, job.unit)
        data = replace(data, thresholds=experiment.response.type == "threshold")
    check_domain(theory, data.stimuli)
    intercept = can_have_intercept(theory, job.fit.noise, data)
    label = label_of(job, elicitation, experiment, intercept=intercept)
    silence = no_response(data) or _about_nothing(theory, job.fit.noise, data)
    if job.regress:
        if silence is not None:
            return regressions.silent(label, job.regress, silence)
        return _regressed(run, label, job, data, kept, seed, intercept=intercept)
    if silence is not None:
        return silent + [e for c in data.conditions for e in silent_entries(label, c, silence)]
    if job.pooling != "none" and is_deterministic(data):
        return silent + _deterministic(label, data, fits)
    if job.pooling == "none":
        return silent + _alone(label, data, seed, intercept=intercept)
    asked = 0 if rows is None else int(rows["subject"].nunique())
    return silent + sampled(run, label, job, data, seed, intercept=intercept, asked=asked, fits=fits)


def _about_nothing(theory: Theory, noise: str, data: ChoiceData) -> str | None:
    """Why a theory has nothing to explain these choices with: no question is about any of its parameters."""
    found = [nowhere_asked(theory, parameter, noise, data) for parameter in theory.parameters]
    return " ".join(dict.fromkeys(why for why in found if why)) if found and all(found) else None


def _as_personas(kept: pd.DataFrame, job: Job, seed: int) -> pd.DataFrame:
    """The usable answers as a fit of personas or of persons reads them; others as they are."""
    if job.unit == "person" and not kept.empty:
        return personas.by_lot(kept, seed)
    if job.personas == "none" or kept.empty:
        return kept
    found = personas.complete(kept)
    return personas.drawn(found, seed) if job.personas == "crossed" else personas.over_all(found)


def _deterministic(label: Label, data: ChoiceData, fits: list[Entry]) -> list[Entry]:
    theory = theories.get(label.theory)
    sets = [consistent_sets(theory, label.noise, data, c) for c in range(len(data.conditions))]
    fits.append(criticism.of_sets(label, data))
    made = []
    for condition, known in zip(data.conditions, sets, strict=True):
        made += silent_entries(label, condition, words.deterministic(theory, known), sets=known)
    return [entry | {"check": criticism.short(fits[-1])} for entry in made]


def _alone(label: Label, data: ChoiceData, seed: int, *, intercept: bool) -> list[Entry]:
    theory = theories.get(label.theory)
    condition = data.conditions[0] if len(data.conditions) == 1 else "all"
    found = subjects.by_subject(theory, label.noise, data, intercept=intercept)
    if not found.estimable:
        return silent_entries(label, condition, "Nobody's choices have a maximum of their likelihood.")
    made = []
    for parameter in (*theory.parameters, *theory.derived):
        values = found.natural[parameter.name]
        error, low, high = subjects.median_interval(values, seed=seed)
        entry = median_entry(label, condition, parameter, values, error, (low, high), found.people)
        nowhere = nowhere_asked(theory, parameter, label.noise, data)
        made.append(entry if nowhere is None else entry | {"identified": False, "why_not": nowhere})
    return made


def sampled(
    run: Run, label: Label, job: Job, data: ChoiceData, seed: int, *, intercept: bool, asked: int, fits: list[Entry]
) -> list[Entry]:
    """`asked` is how many personas there are, of whom the data may hold fewer."""
    shape = structure(label.theory, label.noise, data, intercept=intercept)
    found = posterior.of_choices(shape, data, seed=seed)
    posterior.write(run.posteriors, label, found, data.conditions, seed=seed)
    theory = theories.get(label.theory)
    said = words.of_design(theory, label.noise, data) + words.of_thresholds(data)
    said += words.of_posterior(theory, found.natural)
    said += words.of_personas(job.personas, len(data.units), len(data.wordings), asked)
    said += words.of_persons(data.unit_name, len(data.units), asked)
    fits.append(criticism.of_sampled(label, found, shape, data, seed=seed))
    moved = sensitivity.of_choices(found, shape, data)
    misfit = posterior.of_coordinate(found, "item_misfit").mean(axis=0) if shape.item_misfit else None
    made = []
    for c, condition in enumerate(data.conditions):
        doubts = partial(_doubts, theory, label.noise, data, misfit, c)
        natural = {name: values[:, c] for name, values in found.natural.items()}
        spread = _spread(found, theory.name, c) if job.typical and len(data.units) > 1 else {}
        here = theory_entries(label, condition, natural, found.diagnostics, person_sd=spread, doubts=doubts)
        moved_here = {name: each[c] for name, each in moved.items()}
        made += [criticism.told(entry, said, fits[-1], moved_here.get(entry["parameter"])) for entry in here]
    rest = list(_nuisances(label, data, found, position=shape.position))
    return made + [_about(theory, data, misfit, entry, said) for entry in rest]


def _about(theory: Theory, data: ChoiceData, misfit: np.ndarray | None, entry: Entry, said: Sequence[str]) -> Entry:
    """The entry of a nuisance: a sensitivity to a theory that is not what moves the choices is none, and it is what the
    estimate is about where the theory has nothing else."""
    if entry["parameter"] != SENSITIVITY:
        return entry
    off = None if misfit is None else off_the_curve(data, misfit, data.conditions.index(entry["condition"]))
    doubted = {} if off is None else {"identified": False, "why_not": f"{off} {entry['why_not'] or ''}".strip()}
    told = {} if theory.parameters else {"words": [*entry["words"], *said]}
    return entry | doubted | told


def _regressed(
    run: Run, label: Label, job: Job, data: ChoiceData, kept: pd.DataFrame, seed: int, *, intercept: bool
) -> list[Entry]:
    """Slopes on attributes alone: the rest of the fit is that of the job without them."""
    found_of = attributes.regression(kept, job.regress, data.units)
    data = replace(data, regressors=found_of.columns, regressed=found_of.matrix)
    shape = structure(label.theory, label.noise, data, intercept=intercept)
    found = posterior.of_choices(shape, data, seed=seed)
    names = "+".join(attributes.name_of(each) for each in job.regress)
    posterior.write(
        run.posteriors, label, found, data.conditions, seed=seed, part=f"on-{names}", regressed_on=names,
        effects={effect.label: effect.weights for effect in found_of.effects},
    )  # fmt: skip
    left_out = int(kept["subject"].nunique()) - len(data.units)
    return regressions.slope_entries(label, data, found, found_of, left_out)


def _doubts(
    theory: Theory, noise: str, data: ChoiceData, misfit: np.ndarray | None, condition: int, parameter: Parameter,
    interval: Sequence[float],
) -> list[str]:  # fmt: skip
    reasons = [
        alone(data),
        beyond_nothing(theory, parameter, data, condition, interval[1]),
        one_sided(theory, parameter, noise, data, condition, interval),
        not_asked(theory, parameter, noise, data, condition),
    ]
    if misfit is not None:
        reasons.append(off_the_curve(data, misfit, condition))
    return [reason for reason in reasons if reason]


def _nuisances(label: Label, data: ChoiceData, found: posterior.Posterior, *, position: bool) -> Iterator[Entry]:
    unit = found.sensitivity_unit
    for c, condition in enumerate(data.conditions):
        if label.noise != "none":
            prior = nuisance_prior("sensitivity", label.noise, unit[c], found.noise_floor)
            natural = found.sensitivity[:, c]
            yield nuisance_entry(label, condition, "sensitivity", "s", natural, prior, found.diagnostics)
        if label.intercept:
            intercept = posterior.of_coordinate(found, "response_intercept_coordinate")[:, c]
            prior = nuisance_prior("response_intercept", label.noise)
            yield nuisance_entry(label, condition, "response_intercept", "a", intercept, prior, found.diagnostics)
    whole = data.conditions[0] if len(data.conditions) == 1 else "all"
    lapse = posterior.of_coordinate(found, "lapse")
    yield nuisance_entry(label, whole, "lapse", "e", lapse, nuisance_prior("lapse", label.noise), found.diagnostics)
    if position and len(data.options) == 2:
        effect = posterior.of_coordinate(found, "position_effect").mean(axis=(1, 2))
        prior = nuisance_prior("position_effect", label.noise)
        yield nuisance_entry(label, whole, "position_effect", "b", effect, prior, found.diagnostics)


def _spread(found: posterior.Posterior, theory: str, condition: int) -> dict[str, float]:
    """Posterior mean of the sd between persons, carried to the natural scale by simulation."""
    known = theories.get(theory)
    rng = np.random.default_rng(7)
    standard = rng.normal(size=2000)
    if not known.parameters:
        return {}
    draws = {p.name: posterior.of_coordinate(found, f"{p.name}_coordinate")[:, condition] for p in known.parameters}
    sds = {p.name: posterior.of_coordinate(found, f"{p.name}_sd") for p in known.parameters}
    spreads: dict[str, list[float]] = {p.name: [] for p in known.parameters}
    for i in range(0, len(next(iter(draws.values()))), 25):
        people = {name: draws[name][i] + sds[name][i] * standard for name in draws}
        for name, values in known.natural(np, people).items():
            if name in spreads:
                spreads[name].append(float(np.std(values)))
    return {name: float(np.mean(values)) for name, values in spreads.items()}
