"""The estimate of a contrast: from a population's answers at two levels of a factor to entries of `results.json`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from replicator.experiment import ALL, Contrast, format_value
from replicator.inference import contrast_model, contrast_numbers, contrast_ratings, contrast_shares, posterior
from replicator.inference.contrast_data import (
    SIDES,
    ContrastData,
    Levels,
    Variables,
    Way,
    by_condition,
    contrast_data,
)
from replicator.inference.contrast_model import DIFFERENCE as MOVED
from replicator.inference.contrast_terms import TILT
from replicator.inference.diagnostics import Diagnostics
from replicator.inference.entries import (
    Entry,
    Label,
    blank_entry,
    drawn_entry,
    gated,
    nuisance_entry,
    nuisance_prior,
)
from replicator.inference.identification import EXTREME, judge
from replicator.inference.sampling import Draws
from replicator.theories import priors
from replicator.theories.contrast import ANCHORING_INDEX, DIFFERENCE, LATENT_DIFFERENCE, PARAMETERS, D
from replicator.theories.theory import Parameter

Keep = Callable[[str, posterior.Posterior], None]
"""Writes the posterior of a condition."""


@dataclass(frozen=True)
class Asked:
    """What a plan compares, and in which unit answers and people are."""

    contrast: Contrast
    response: str
    unit: str = ""
    """Of answers in numbers."""
    person_sd: float | None = None
    """Of answers in numbers, between people; None where no reference gives it."""


@dataclass(frozen=True)
class Fitted:
    """One condition's posterior and what the prior says of the same quantities: mean and sd."""

    found: posterior.Posterior
    prior: Mapping[str, tuple[float, float]]


def entries(
    rows: pd.DataFrame, levels: Levels, asked: Asked, label: Label, *, seed: int, keep: Keep, variables: Variables
) -> list[Entry]:
    """Entries of every condition that the other factors make, from the usable rows of one population."""
    made: list[Entry] = []
    contrast = asked.contrast
    for condition, here in by_condition(rows, levels, contrast).items():
        sides = set(here["side"])
        missing = [level for level, side in zip(contrast.levels, SIDES, strict=True) if side not in sides]
        if missing:
            why = f"It has no usable answers at {contrast.factor} = {format_value(missing[0])}."
            made += silent(label, condition, asked, why)
        elif asked.response == "choice":
            data = contrast_data(here, str(contrast.option), seed)
            one = replace(label, sampling_unit=_unit(here, data.ways, is_model=data.is_model))
            made += _choices(data, one, condition, asked, seed=seed, keep=keep)
        elif asked.response == "rating":
            made += _ratings(here, label, condition, asked, seed=seed, keep=keep)
        else:
            made += _numbers(here, variables, label, condition, asked, seed=seed, keep=keep)
    made = made or silent(label, ALL, asked, "It has no usable answers at either level.")
    named = {"option": contrast.option, "factor": contrast.factor, "levels": list(contrast.levels)}
    return [entry | {"contrast": named} for entry in made]


def silent(label: Label, condition: str, asked: Asked, why_not: str) -> list[Entry]:
    """Entries that say why nothing is known."""
    return [
        blank_entry(label, condition, p.name, p.symbol, p.unit, None, None) | {"why_not": why_not}
        for p in reported(asked)
    ]


def reported(asked: Asked) -> list[Parameter]:
    """What is estimated of such answers, the headline first, in the experiment's unit."""
    if asked.response == "choice":
        return list(PARAMETERS["choice"])
    if asked.response == "rating":
        return [replace(DIFFERENCE, unit=asked.unit), LATENT_DIFFERENCE, D]
    found = [ANCHORING_INDEX] if asked.contrast.is_anchored else []
    found.append(replace(DIFFERENCE, unit=asked.unit))
    return [*found, D] if asked.person_sd is not None else found


def _unit(rows: pd.DataFrame, ways: Mapping[str, Way], *, is_model: bool) -> str:
    """Whose answers are a sample first of all."""
    if is_model:
        return "persona" if "subject" in ways else "wording"
    if rows["subject"].notna().all():
        return "person"
    return "item" if "item" in ways else "answer"


def _choices(data: ContrastData, label: Label, condition: str, asked: Asked, *, seed: int, keep: Keep) -> list[Entry]:
    certain = data.is_certain
    fitted = fit(data.as_choices() if certain else data, seed=seed, condition=condition)
    keep(condition, fitted.found)
    contrast = asked.contrast
    said = [f'Share of "{contrast.option}" at {_compared(contrast)}.', *_sampled(data.ways)]
    if certain:
        said.append("Nearly all of its answers are certain, so that each prompt counts as one choice.")
    unbounded = _separation(data, contrast)
    made = []
    for parameter in reported(asked):
        doubts = [unbounded] if unbounded and parameter.name != "risk_difference" else []
        made.append(_entry(label, condition, parameter, fitted, doubts) | {"words": said})
    if data.position is not None:
        effect = posterior.of_coordinate(fitted.found, "position_effect").mean(axis=(1, 2))
        prior = nuisance_prior("position_effect", label.noise)
        made.append(nuisance_entry(label, condition, "position_effect", "b", effect, prior, fitted.found.diagnostics))
    return made


def _numbers(
    rows: pd.DataFrame, variables: Variables, label: Label, condition: str, asked: Asked, *, seed: int, keep: Keep
) -> list[Entry]:
    data = contrast_numbers.number_data(rows, variables, asked.contrast, seed)
    if data is None:
        return silent(label, condition, asked, "Every question gets one and the same answer at both levels.")
    found = contrast_numbers.fit(data, seed=seed, condition=condition)
    keep(condition, found)
    one = replace(label, sampling_unit=_unit(rows, data.ways, is_model=data.is_model))
    mean, sd = contrast_numbers.location_prior(data)
    unit = abs(data.scale)
    natural = dict(found.natural)
    prior = {ANCHORING_INDEX.name: (mean, sd), DIFFERENCE.name: (mean * unit, sd * unit)}
    if asked.person_sd is not None:
        natural[D.name] = natural[DIFFERENCE.name] / asked.person_sd
        prior[D.name] = (mean * unit / asked.person_sd, sd * unit / asked.person_sd)
    fitted = Fitted(replace(found, natural=natural), prior)
    said = [f"Answers at {_compared(asked.contrast)}.", *_sampled(data.ways)]
    made = []
    for parameter in reported(asked):
        if parameter.name == DIFFERENCE.name:
            # On its own scale, as its prior is: people's sd where it is known.
            between = asked.person_sd or unit * parameter.prior.person_sd
            parameter = replace(parameter, prior=replace(parameter.prior, person_sd=between))
        made.append(_entry(one, condition, parameter, fitted, []) | {"words": said})
    return made


def _ratings(rows: pd.DataFrame, label: Label, condition: str, asked: Asked, *, seed: int, keep: Keep) -> list[Entry]:
    data = contrast_ratings.rating_data(rows, seed)
    certain = data.is_certain
    found, prior = contrast_ratings.fit(data.as_choices() if certain else data, seed=seed, condition=condition)
    keep(condition, found)
    one = replace(label, sampling_unit=_unit(rows, data.ways, is_model=data.is_model))
    said = [f"Ratings at {_compared(asked.contrast)}.", *_sampled(data.ways)]
    if certain:
        said.append("Nearly all of its answers are certain, so that each prompt counts as one rating.")
    # People's ratings differ at most as if every point were as likely.
    between = asked.person_sd or float(data.points.std())
    made = []
    for parameter in reported(asked):
        if parameter.name == DIFFERENCE.name:
            parameter = replace(parameter, prior=replace(parameter.prior, person_sd=between))
        made.append(_entry(one, condition, parameter, Fitted(found, prior), []) | {"words": said})
    return made


def fit(data: ContrastData, *, seed: int, condition: str = ALL) -> Fitted:
    """The posterior of a contrast of choices."""
    given, named = contrast_model.arrays(data), contrast_model.coords(data, condition)
    shape, scales = contrast_model.structure(data), contrast_model.spreads(data)

    def derive(draws: Draws) -> None:
        first, second = contrast_shares.shares(_effects(draws, scales, scatters="residual" in draws.posterior))
        for name, values in contrast_shares.quantities(first, second).items():
            grid = values.reshape((draws.posterior.sizes["chain"], draws.posterior.sizes["draw"]))
            draws.posterior[name] = xr.DataArray(grid, dims=("chain", "draw"))

    names = [f"{TILT}_coordinate", f"{MOVED}_coordinate", *(p.name for p in PARAMETERS["choice"])]
    names += ["position_effect"] if shape.position else []
    draws, diagnostics = posterior.careful(
        contrast_model.key(data), lambda: contrast_model.build(data, given, named), given, named, names, seed, derive,
        together=data.kind == "probabilities",
    )  # fmt: skip
    natural = {p.name: _flat(draws, p.name)[:, None] for p in PARAMETERS["choice"]}
    prior = contrast_shares.prior_moments(
        tuple(scales[TILT].values()), tuple(scales[MOVED].values()),
        scatters="residual" in draws.posterior, positions=shape.label_sets if shape.position else 0,
    )  # fmt: skip
    return Fitted(posterior.Posterior(draws, natural, diagnostics, np.ones(1)), prior)


def _effects(draws: Draws, scales: Mapping[str, Mapping[str, float]], *, scatters: bool) -> contrast_shares.Effects:
    tilt, difference = (_flat(draws, f"{name}_coordinate")[:, 0] for name in (TILT, MOVED))
    variance = {
        name: np.sum([_flat(draws, f"{name}_{way}_sd") ** 2 for way in ways], axis=0) if ways else np.zeros(len(tilt))
        for name, ways in scales.items()
    }
    floor = priors.document("common")["parameters"]["residual"]["floor"]
    position = np.zeros((len(tilt), 1))
    if "position_effect" in draws.posterior:
        position = _flat(draws, "position_effect")[:, :, 0]
    return contrast_shares.Effects(
        tilt=tilt,
        difference=difference,
        tilt_variance=variance[TILT],
        difference_variance=variance[MOVED],
        scatter=floor + _flat(draws, "residual") if scatters else np.zeros(len(tilt)),
        position=position,
    )


def _entry(label: Label, condition: str, parameter: Parameter, fitted: Fitted, doubts: list[str]) -> Entry:
    diagnostics: Diagnostics = fitted.found.diagnostics
    draws = fitted.found.natural[parameter.name][:, 0]
    mean, sd = fitted.prior[parameter.name]
    entry = drawn_entry(
        label, condition, parameter.name, parameter.symbol, parameter.unit, draws, mean, sd, diagnostics
    )
    verdict = judge(parameter, float(draws.std(ddof=1)), sd)
    reasons = [*doubts, *([verdict.why_not] if verdict.why_not else [])]
    entry |= {
        "identified": not reasons,
        "why_not": " ".join(reasons) or None,
        "likelihood_error": verdict.likelihood_error,
    }
    return gated(entry, diagnostics)


def _separation(data: ContrastData, contrast: Contrast) -> str | None:
    """Why the odds ratio has a bound on one side alone; None where it has two."""
    for level, side in zip(contrast.levels, SIDES, strict=True):
        share = data.share_at(side)
        if not EXTREME < share < 1.0 - EXTREME:
            how = "always" if share > 0.5 else "never"
            return (
                f'At {contrast.factor} = {format_value(level)} "{contrast.option}" is (almost) {how} chosen '
                f"({share:.1%}): the odds ratio has no bound on one side, and its size is the prior's. The risk "
                "difference is what is known."
            )
    return None


def _compared(contrast: Contrast) -> str:
    first, second = (format_value(level) for level in contrast.levels)
    return (
        f"{contrast.factor} = {first} less that at {second}"
        if contrast.option
        else (f"{contrast.factor} = {first} less those at {second}")
    )


def _sampled(ways: Mapping[str, Way]) -> list[str]:
    """What the estimate is an average over."""
    drawn = [f"{len(ways[name].names)} {plural}" for name, plural in _PLURALS.items() if name in ways]
    said = (
        [f"Averaged over {_listed(drawn)}, and others like them: each may differ in its difference."] if drawn else []
    )
    if "item" not in ways:
        said.append("One item alone was asked: what is said is about this item.")
    return said


_PLURALS = {"item": "items", "wording": "wordings", "subject": "persons"}


def _listed(parts: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _flat(draws: Draws, name: str) -> Any:
    values = np.asarray(draws.posterior[name])
    return values.reshape((-1, *values.shape[2:]))
