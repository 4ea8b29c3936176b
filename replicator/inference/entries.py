"""Draws become entries of `results.json`: mean, interval, prior, contraction, and whether the data identify them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from replicator import theories
from replicator.experiment import Experiment
from replicator.inference.diagnostics import Diagnostics
from replicator.inference.identification import Consistent, contraction, judge
from replicator.inference.jobs import Job
from replicator.inference.words import nothing_usable
from replicator.shares import COMPREHENSION
from replicator.theories import priors
from replicator.theories.noise import sensitivity
from replicator.theories.predictive import PRIOR_DRAWS, prior_draws
from replicator.theories.theory import Parameter
from replicator.thresholds import CONTRACTION

INTERVAL = 0.95
"""Equal-tailed."""

Entry = dict[str, Any]


@dataclass(frozen=True)
class Label:
    """Which fit of which population an entry belongs to."""

    population: str
    theory: str
    noise: str
    elicitation: str
    estimand: str
    sampling_unit: str
    pooling: str
    intercept: bool
    primary: str | None
    """Name of the parameter that the plan's primary analysis is about, if this is that analysis."""


def label_of(
    job: Job,
    elicitation: str,
    experiment: Experiment | None = None,
    *,
    unit: str | None = None,
    intercept: bool = False,
) -> Label:
    """The label of a job, whose sampling unit is `unit` where it is given, else what the job says.

    Without the experiment that plans it no parameter is primary.
    """
    primary = experiment.analysis.primary if experiment is not None else None
    asked = (job.fit.theory, job.fit.noise, job.fit.contrast)
    same = primary is not None and asked == (primary.theory, primary.noise, primary.contrast)
    return Label(
        population=job.population,
        theory=job.fit.theory,
        noise=job.fit.noise,
        elicitation=elicitation,
        estimand="typical_person" if job.typical else "representative_agent",
        sampling_unit=unit or ("item" if job.unit == "pooled" else job.unit),
        pooling=job.pooling,
        intercept=intercept,
        primary=primary.parameter if primary is not None and same and job.pooling != "none" else None,
    )


def theory_entries(
    label: Label,
    condition: str,
    natural: Mapping[str, np.ndarray],
    diagnostics: Diagnostics,
    *,
    person_sd: Mapping[str, float],
    doubts: Callable[[Parameter, Sequence[float]], Sequence[str]] = lambda parameter, interval: (),
) -> list[Entry]:
    """Entries of the theory's parameters and derived quantities, from their draws on the natural scale.

    `doubts` gives the reasons, beside the rule of identification, why a parameter with such an interval is
    not identified.
    """
    theory = theories.get(label.theory)
    entries = []
    for name in theory.parameter_names:
        parameter = theory.parameter(name)
        draws = natural[name]
        mean, sd = prior_moments(label.theory)[name]
        verdict = judge(parameter, float(draws.std(ddof=1)), sd)
        entry = drawn_entry(
            label, condition, parameter.name, parameter.symbol, parameter.unit, draws, mean, sd, diagnostics
        )
        reasons = [*doubts(parameter, entry["interval"]), *([verdict.why_not] if verdict.why_not else [])]
        entry |= {
            "identified": not reasons,
            "why_not": " ".join(reasons) or None,
            "likelihood_error": verdict.likelihood_error,
            "person_sd": person_sd.get(name),
        }
        entries.append(gated(entry, diagnostics))
    return entries


def nuisance_entry(
    label: Label,
    condition: str,
    name: str,
    symbol: str,
    draws: np.ndarray,
    prior_draws: np.ndarray,
    diagnostics: Diagnostics,
) -> Entry:
    """The entry of a parameter that belongs to no theory: sensitivity, lapse, intercept, position.

    It is primary only as the sensitivity of a theory without parameters.
    """
    label = label if name in theories.get(label.theory).estimated else replace(label, primary=None)
    mean, sd = float(prior_draws.mean()), float(prior_draws.std())
    entry = drawn_entry(
        label, condition, name, symbol, "logit" if name != "lapse" else "share", draws, mean, sd, diagnostics
    )
    gained = entry["contraction"]
    entry["identified"] = gained >= CONTRACTION
    if not entry["identified"]:
        entry["why_not"] = (
            f"The data remove {max(gained, 0.0):.0%} of the prior's variance, less than {CONTRACTION:.0%}."
        )
    return gated(entry, diagnostics)


def silent_entries(
    label: Label,
    condition: str,
    why_not: str,
    *,
    sets: Mapping[str, Consistent] | None = None,
    words: Sequence[str] = (),
) -> list[Entry]:
    """Entries without a posterior: nothing is identified, and perhaps a consistent set is what is known."""
    theory = theories.get(label.theory)
    entries = []
    for name in theory.estimated:
        if theory.parameters:
            parameter, (mean, sd) = theory.parameter(name), prior_moments(label.theory)[name]
            entry = blank_entry(label, condition, name, parameter.symbol, parameter.unit, mean, sd)
        else:
            entry = blank_entry(label, condition, name, "s", "logit", None, None)
        known = (sets or {}).get(name)
        entry |= {
            "why_not": why_not,
            "words": list(words),
            "consistent_set": [known.low, known.high] if known else None,
            "rationality_rate": known.rationality_rate if known else None,
        }
        entries.append(entry)
    return entries


def unusable_entries(label: Label, rows: pd.DataFrame, kept: pd.DataFrame) -> list[Entry]:
    """Entries of the conditions that were asked in `rows` but have no usable answer among those `kept`."""
    lost = [c for c in dict.fromkeys(rows["condition"]) if c not in {COMPREHENSION, *kept["condition"]}]
    return [e for c in lost for e in silent_entries(label, c, nothing_usable(rows[rows["condition"] == c]))]


def median_entry(
    label: Label, condition: str, parameter: Parameter, values: np.ndarray, error: float, interval: tuple[float, float],
    people: int,
) -> Entry:  # fmt: skip
    """The median over people of estimates made one by one."""
    entry = blank_entry(label, condition, parameter.name, parameter.symbol, parameter.unit, None, None)
    left_out = people - len(values)
    said = [f"The median of {len(values)} people, each estimated alone by maximum likelihood, without a prior."]
    if left_out:
        said.append(
            f"{left_out} of {people} people have no such estimate: their choices are all alike or separate perfectly."
        )
    quartiles = np.percentile(values, [25, 75])
    why_not = None if len(values) >= people / 2 else "Fewer than half of the people can be estimated alone."
    if len(values) == 1:
        why_not = "One person can be estimated alone: what is typical of several cannot be told from one."
    return entry | {
        "mean": float(np.median(values)),
        "sd": error,
        "interval": list(interval),
        "identified": why_not is None,
        "why_not": why_not,
        "person_sd": float(np.subtract(*quartiles[::-1])) / 1.349,
        "range": [float(values.min()), float(values.max())],
        "words": said,
    }


@cache
def prior_moments(theory: str) -> dict[str, tuple[float, float]]:
    """Mean and sd of every parameter and derived quantity under the prior, natural scale, by simulation."""
    found = theories.get(theory)
    return {name: (float(v.mean()), float(v.std())) for name, v in prior_draws(found).items()}


def nuisance_prior(name: str, noise: str, unit: float = 1.0, floor: float = 0.0, size: int = PRIOR_DRAWS) -> np.ndarray:
    """Seeded draws of a nuisance parameter from its prior, natural scale; `floor` is that of the noise."""
    rng = np.random.default_rng(20022)
    if name == "lapse":
        given = priors.document("common")["parameters"]["lapse"]
        return rng.beta(given["alpha"], given["beta"], size)
    if name == "sensitivity":
        prior = priors.prior("common", f"sensitivity_{noise}")
        return np.asarray(unit * sensitivity(np, rng.normal(prior.mean, prior.sd, size), floor))
    prior = priors.prior("common", "position" if name == "position_effect" else name)
    return rng.normal(prior.mean, prior.sd, size)


def drawn_entry(
    label: Label, condition: str, name: str, symbol: str, unit: str, draws: np.ndarray, prior_mean: float,
    prior_sd: float, diagnostics: Diagnostics,
) -> Entry:  # fmt: skip
    tail = (1.0 - INTERVAL) / 2.0
    sd = float(draws.std(ddof=1))
    return blank_entry(label, condition, name, symbol, unit, prior_mean, prior_sd) | {
        "mean": float(draws.mean()),
        "sd": sd,
        "interval": [float(q) for q in np.quantile(draws, [tail, 1.0 - tail])],
        "contraction": contraction(sd, prior_sd),
        "diagnostics": diagnostics.document(),
    }


def gated(entry: Entry, diagnostics: Diagnostics) -> Entry:
    """A result that failed its diagnostics is not identified, and says so first."""
    if diagnostics.passed:
        return entry
    failed = f"The sampler's diagnostics failed: {diagnostics.failures()}."
    return entry | {"identified": False, "why_not": f"{failed} {entry['why_not'] or ''}".strip()}


def blank_entry(
    label: Label,
    condition: str,
    name: str,
    symbol: str,
    unit: str,
    prior_mean: float | None,
    prior_sd: float | None,
) -> Entry:
    return {
        "population": label.population,
        "theory": label.theory,
        "noise": label.noise,
        "elicitation": label.elicitation,
        "condition": condition,
        "parameter": name,
        "symbol": symbol,
        "unit": unit,
        "estimand": label.estimand,
        "sampling_unit": label.sampling_unit,
        "pooling": label.pooling,
        "intercept": label.intercept,
        "mean": None,
        "sd": None,
        "interval": None,
        "interval_probability": INTERVAL,
        "prior_mean": prior_mean,
        "prior_sd": prior_sd,
        "contraction": None,
        "identified": False,
        "why_not": None,
        "likelihood_error": None,
        "consistent_set": None,
        "rationality_rate": None,
        "person_sd": None,
        "primary": label.primary == name,
        "diagnostics": None,
        "check": None,
        "sensitivity": None,
        "words": [],
    }
