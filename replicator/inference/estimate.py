"""The estimation stage: every planned fit of every population of a run, as entries of `results.json`.

Models are one representative agent over wordings. People are estimated three ways: alone by maximum
likelihood, as persons of a hierarchy, and pooled to shares through the same likelihood as models. Published
shares of people go through that likelihood too, so that a model's representative agent meets another one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from replicator import choices, files, references, theories
from replicator.errors import UsageError
from replicator.experiment import ALL, Experiment, Fit
from replicator.inference import (
    attributes,
    contrast,
    criticism,
    finished,
    gift_tables,
    personas,
    posterior,
    regressions,
    sensitivity,
    subjects,
    words,
)
from replicator.inference.data import Cells, ChoiceData, choice_data, from_shares, offered, read
from replicator.inference.entries import (
    Entry,
    Label,
    median_entry,
    nuisance_entry,
    nuisance_prior,
    silent_entries,
    theory_entries,
)
from replicator.inference.identification import (
    alone,
    beyond_nothing,
    consistent_sets,
    is_deterministic,
    no_response,
    off_the_curve,
    one_sided,
)
from replicator.inference.jobs import Job, condition_of, jobs_of, levels_of, with_regressions
from replicator.inference.structure import can_have_intercept, structure
from replicator.runs import Run
from replicator.shares import COMPREHENSION, usable
from replicator.theories.stimuli import check_domain
from replicator.theories.theory import SENSITIVITY, Parameter, Theory

Progress = Callable[[int, int, str], None]


def estimate_run(
    run: Run, *, seed: int = 0, more: Sequence[Fit] = (), regress: Sequence[str] = (), progress: Progress | None = None
) -> list[Entry]:
    """Estimate a run, write `posteriors/`, and return the estimates. Raises DataError without choices.

    `more` are fits beyond the plan; they are never primary, nor are regressions of typical persons' parameters on the
    attributes `regress`. Raises DataError, before anything is fitted, where one of the fits is of a theory that cannot
    read the outcomes, and UsageError where no population allows the regression.
    Fits that an earlier, unfinished or shorter estimation of the same choices left there are taken over.
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
        return _contrast_job(run, experiment, job, rows, seed)
    whole = [] if fits is None else fits
    if _of_gifts(job.fit):
        assert rows is not None
        return _gift_job(run, experiment, job, rows, cells, seed)
    return _choice_job(run, experiment, job, rows, cells, seed, whole)


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


def _label(job: Job, unit: str, elicitation: str, *, intercept: bool, experiment: Experiment) -> Label:
    primary = experiment.analysis.primary
    asked = (job.fit.theory, job.fit.noise, job.fit.contrast)
    same = primary is not None and asked == (primary.theory, primary.noise, primary.contrast)
    return Label(
        population=job.population,
        theory=job.fit.theory,
        noise=job.fit.noise,
        elicitation=elicitation,
        estimand="typical_person" if job.typical else "representative_agent",
        sampling_unit=unit,
        pooling=job.pooling,
        intercept=intercept,
        primary=primary.parameter if primary is not None and same and job.pooling != "none" else None,
    )


def _choice_job(
    run: Run, experiment: Experiment, job: Job, rows: pd.DataFrame | None, cells: Cells, seed: int, fits: list[Entry]
) -> list[Entry]:
    theory = theories.get(job.fit.theory)
    silent: list[Entry] = []
    if job.reference is not None:
        assert job.reference.items is not None
        assert job.reference.n_participants is not None
        data = from_shares(
            experiment, job.reference.items, job.reference.n_participants,
            levels_of(job.reference), condition_of(job.reference),
        )  # fmt: skip
        elicitation, unit = "recorded", "item"
    else:
        assert rows is not None
        elicitation = str(rows["elicitation"].iloc[0])
        unit = "item" if job.unit == "pooled" else job.unit
        kept = _as_personas(usable(rows), job, seed)
        silent = _silent(_label(job, unit, elicitation, intercept=False, experiment=experiment), rows, kept)
        if kept.empty:
            return silent
        why = attributes.why_not(kept, job.regress) if job.regress else None
        if why is not None:
            label = _label(job, unit, elicitation, intercept=False, experiment=experiment)
            return regressions.silent(label, job.regress, f"{why[0].upper()}{why[1:]}.")
        asked_of = attributes.complete(kept, job.regress) if job.regress else kept
        data = choice_data(asked_of, cells, job.unit)
        data = replace(data, thresholds=experiment.response.type == "threshold")
    check_domain(theory, data.stimuli)
    intercept = can_have_intercept(theory, job.fit.noise, data)
    label = _label(job, unit, elicitation, intercept=intercept, experiment=experiment)
    silence = no_response(data)
    if job.regress:
        return _regressed(run, label, job, data, kept, seed, intercept=intercept)
    if silence is not None:
        return silent + [e for c in data.conditions for e in silent_entries(label, c, silence)]
    if job.pooling != "none" and is_deterministic(data):
        return silent + _deterministic(label, data, fits)
    if job.pooling == "none":
        return silent + _alone(label, data, seed, intercept=intercept)
    asked = 0 if rows is None else int(rows["subject"].nunique())
    return silent + _sampled(run, label, job, data, seed, intercept=intercept, asked=asked, fits=fits)


def _silent(label: Label, rows: pd.DataFrame, kept: pd.DataFrame) -> list[Entry]:
    """Entries of the conditions that were asked but have no usable answer, with the reason."""
    lost = [c for c in dict.fromkeys(rows["condition"]) if c not in {COMPREHENSION, *kept["condition"]}]
    return [e for c in lost for e in silent_entries(label, c, words.nothing_usable(rows[rows["condition"] == c]))]


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
    entries = []
    for condition, known in zip(data.conditions, sets, strict=True):
        entries += silent_entries(label, condition, words.deterministic(theory, known), sets=known)
    return [entry | {"check": criticism.short(fits[-1])} for entry in entries]


def _alone(label: Label, data: ChoiceData, seed: int, *, intercept: bool) -> list[Entry]:
    theory = theories.get(label.theory)
    condition = data.conditions[0] if len(data.conditions) == 1 else "all"
    found = subjects.by_subject(theory, label.noise, data, intercept=intercept)
    if not found.estimable:
        return silent_entries(label, condition, "Nobody's choices have a maximum of their likelihood.")
    entries = []
    for parameter in (*theory.parameters, *theory.derived):
        values = found.natural[parameter.name]
        error, low, high = subjects.median_interval(values, seed=seed)
        entries.append(median_entry(label, condition, parameter, values, error, (low, high), found.people))
    return entries


def _sampled(
    run: Run, label: Label, job: Job, data: ChoiceData, seed: int, *, intercept: bool, asked: int, fits: list[Entry]
) -> list[Entry]:
    """`asked` is how many personas there are, of whom the data may hold fewer."""
    shape = structure(label.theory, label.noise, data, intercept=intercept)
    found = posterior.of_choices(shape, data, seed=seed)
    posterior.write(
        run.posteriors / _file_name(label), found, data.conditions,
        {"population": label.population, "theory": label.theory, "noise": label.noise, "estimand": label.estimand,
         "pooling": label.pooling, "sampling_unit": label.sampling_unit, "seed": seed},
    )  # fmt: skip
    theory = theories.get(label.theory)
    said = words.of_design(theory, label.noise, data) + words.of_thresholds(data)
    said += words.of_posterior(theory, found.natural)
    said += words.of_personas(job.personas, len(data.units), len(data.wordings), asked)
    said += words.of_persons(data.unit_name, len(data.units), asked)
    fits.append(criticism.of_sampled(label, found, shape, data, seed=seed))
    moved = sensitivity.of_choices(found, shape, data)
    misfit = posterior.of_coordinate(found, "item_misfit").mean(axis=0) if shape.item_misfit else None
    entries = []
    for c, condition in enumerate(data.conditions):
        doubts = partial(_doubts, theory, label.noise, data, misfit, c)
        natural = {name: values[:, c] for name, values in found.natural.items()}
        spread = _spread(found, theory.name, c) if job.typical and len(data.units) > 1 else {}
        here = theory_entries(label, condition, natural, found.diagnostics, person_sd=spread, doubts=doubts)
        moved_here = {name: each[c] for name, each in moved.items()}
        entries += [criticism.told(entry, said, fits[-1], moved_here.get(entry["parameter"])) for entry in here]
    rest = list(_nuisances(label, data, found, position=shape.position))
    return entries + [_about(theory, data, misfit, entry, said) for entry in rest]


def _about(theory: Theory, data: ChoiceData, misfit: np.ndarray | None, entry: Entry, said: Sequence[str]) -> Entry:
    """The entry of a nuisance, told as what the estimate is about if the theory has nothing but the sensitivity."""
    if theory.parameters or entry["parameter"] != SENSITIVITY:
        return entry
    off = None if misfit is None else off_the_curve(data, misfit, data.conditions.index(entry["condition"]))
    doubted = {} if off is None else {"identified": False, "why_not": f"{off} {entry['why_not'] or ''}".strip()}
    return entry | doubted | {"words": [*entry["words"], *said]}


def _regressed(
    run: Run, label: Label, job: Job, data: ChoiceData, kept: pd.DataFrame, seed: int, *, intercept: bool
) -> list[Entry]:
    """Slopes on attributes alone: the rest of the fit is that of the job without them."""
    silence = no_response(data)
    if silence is not None:
        return regressions.silent(label, job.regress, silence)
    found_of = attributes.regression(kept, job.regress, data.units)
    data = replace(data, regressors=found_of.columns, regressed=found_of.matrix)
    shape = structure(label.theory, label.noise, data, intercept=intercept)
    found = posterior.of_choices(shape, data, seed=seed)
    names = "+".join(attributes.name_of(each) for each in job.regress)
    posterior.write(
        run.posteriors / _file_name(label, f"on-{names}"), found, data.conditions,
        {"population": label.population, "theory": label.theory, "noise": label.noise, "estimand": label.estimand,
         "pooling": label.pooling, "sampling_unit": label.sampling_unit, "seed": seed, "regressed_on": names},
        {effect.label: effect.weights for effect in found_of.effects},
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
    ]
    if misfit is not None:
        reasons.append(off_the_curve(data, misfit, condition))
    return [reason for reason in reasons if reason]


def _nuisances(label: Label, data: ChoiceData, found: posterior.Posterior, *, position: bool) -> Iterator[Entry]:
    unit = found.sensitivity_unit
    for c, condition in enumerate(data.conditions):
        if label.noise != "none":
            prior = nuisance_prior("sensitivity", label.noise, unit[c])
            natural = unit[c] * np.exp(posterior.of_coordinate(found, "sensitivity_coordinate")[:, c])
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


def _contrast_job(run: Run, experiment: Experiment, job: Job, rows: pd.DataFrame, seed: int) -> list[Entry]:
    """Shares over all who answered, so that a population is one agent whoever its persons are."""
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
    label = _label(job, unit, str(rows["elicitation"].iloc[0]), intercept=False, experiment=experiment)
    label = replace(label, estimand="representative_agent")

    def keep(condition: str, found: posterior.Posterior) -> None:
        name = _file_name(label) if condition == ALL else _file_name(label, condition)
        posterior.write(
            run.posteriors / name, found, (condition,),
            {"population": label.population, "theory": label.theory, "noise": label.noise, "estimand": label.estimand,
             "pooling": label.pooling, "sampling_unit": label.sampling_unit, "seed": seed},
        )  # fmt: skip

    kept = usable(rows)
    if kept.empty:
        return contrast.silent(label, ALL, asked, words.nothing_usable(rows))
    return contrast.entries(kept, levels, asked, label, seed=seed, keep=keep, variables=variables)


def _gift_job(run: Run, experiment: Experiment, job: Job, rows: pd.DataFrame, cells: Cells, seed: int) -> list[Entry]:
    elicitation = str(rows["elicitation"].iloc[0])
    recorded = "gift" if job.kind != "human" or job.pooling == "complete" else "person"
    unit = recorded if elicitation == "recorded" else job.unit
    label = _label(job, unit, elicitation, intercept=False, experiment=experiment)
    kept = usable(rows)
    silent = _silent(label, rows, kept)
    if kept.empty:
        return silent
    data = gift_tables.read(kept, cells, job)
    if isinstance(data, words.Unvaried):
        conditions = dict.fromkeys(kept["condition"])
        return silent + [e for c in conditions for e in silent_entries(label, c, data.why_not, sets=data.known)]
    asked = int(rows["subject"].nunique())
    said = words.of_personas(job.personas, asked, kept["wording"].nunique(), asked)
    found = posterior.of_gifts(data, seed=seed)
    posterior.write(
        run.posteriors / _file_name(label), found, data.conditions,
        {"population": label.population, "theory": label.theory, "noise": label.noise, "estimand": label.estimand,
         "pooling": label.pooling, "sampling_unit": label.sampling_unit, "seed": seed},
    )  # fmt: skip
    entries = []
    for c, condition in enumerate(data.conditions):
        natural = {name: values[:, c] for name, values in found.natural.items()}
        sd = data.person_sd[c]
        spread = {"mean_share": sd} if sd is not None and label.estimand == "typical_person" else {}
        here = theory_entries(label, condition, natural, found.diagnostics, person_sd=spread)
        entries += [entry | {"words": entry["words"] + said} for entry in here]
    return silent + entries


def _file_name(label: Label, *more: str) -> str:
    parts = [label.population, label.theory, label.noise, label.estimand, *more]
    return "--".join(re.sub(r"[^A-Za-z0-9.=,-]+", "_", part).strip("_") for part in parts) + ".nc"
