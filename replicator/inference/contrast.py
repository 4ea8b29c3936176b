"""The estimate of a contrast: from a population's answers at two levels of a factor to entries of `results.json`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from replicator.experiment import ALL, Contrast, format_value
from replicator.inference import contrast_model, contrast_shares, posterior
from replicator.inference.contrast_data import SIDES, ContrastData, Levels, by_condition, contrast_data
from replicator.inference.contrast_model import DIFFERENCE, TILT
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
from replicator.theories.contrast import PARAMETERS
from replicator.theories.theory import Parameter

Keep = Callable[[str, posterior.Posterior], None]
"""Writes the posterior of a condition."""


@dataclass(frozen=True)
class Fitted:
    """One condition's posterior and what it says of the population's shares."""

    found: posterior.Posterior
    prior: Mapping[str, tuple[float, float]]


def entries(
    rows: pd.DataFrame, levels: Levels, contrast: Contrast, label: Label, *, seed: int, keep: Keep
) -> list[Entry]:
    """Entries of every condition that the other factors make, from the usable rows of one population."""
    made: list[Entry] = []
    for condition, here in by_condition(rows, levels, contrast).items():
        asked = set(here["side"])
        missing = [level for level, side in zip(contrast.levels, SIDES, strict=True) if side not in asked]
        if missing:
            why = f"It has no usable answers at {contrast.factor} = {format_value(missing[0])}."
            made += silent(label, condition, why)
            continue
        assert contrast.option is not None
        data = contrast_data(here, contrast.option, seed)
        here_label = replace(label, sampling_unit=_unit(data))
        made += _choices(data, here_label, condition, contrast, seed=seed, keep=keep)
    return made or silent(label, ALL, "It has no usable answers at either level.")


def _unit(data: ContrastData) -> str:
    """Whose answers are a sample first of all."""
    if data.is_model:
        return "persona" if "subject" in data.ways else "wording"
    return "person" if "subject" in data.ways else "item" if "item" in data.ways else "answer"


def silent(label: Label, condition: str, why_not: str) -> list[Entry]:
    """Entries that say why nothing is known."""
    return [
        blank_entry(label, condition, p.name, p.symbol, p.unit, None, None) | {"why_not": why_not}
        for p in PARAMETERS["choice"]
    ]


def _choices(
    data: ContrastData, label: Label, condition: str, contrast: Contrast, *, seed: int, keep: Keep
) -> list[Entry]:
    certain = data.is_certain
    fitted = fit(data.as_choices() if certain else data, seed=seed, condition=condition)
    keep(condition, fitted.found)
    said = _words(data, contrast, certain=certain)
    unbounded = _separation(data, contrast)
    made = []
    for parameter in PARAMETERS["choice"]:
        doubts = [unbounded] if unbounded and parameter.name != "risk_difference" else []
        entry = _entry(label, condition, parameter, fitted, doubts)
        made.append(entry | {"words": said})
    if data.position is not None:
        effect = posterior.of_coordinate(fitted.found, "position_effect").mean(axis=(1, 2))
        prior = nuisance_prior("position_effect", label.noise)
        made.append(nuisance_entry(label, condition, "position_effect", "b", effect, prior, fitted.found.diagnostics))
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

    names = [f"{TILT}_coordinate", f"{DIFFERENCE}_coordinate", *(p.name for p in PARAMETERS["choice"])]
    names += ["position_effect"] if shape.position else []
    draws, diagnostics = posterior.careful(
        contrast_model.key(data), lambda: contrast_model.build(data, given, named), given, named, names, seed, derive,
    )  # fmt: skip
    natural = {p.name: _flat(draws, p.name)[:, None] for p in PARAMETERS["choice"]}
    prior = contrast_shares.prior_moments(
        tuple(scales[TILT].values()), tuple(scales[DIFFERENCE].values()),
        scatters="residual" in draws.posterior, positions=shape.label_sets if shape.position else 0,
    )  # fmt: skip
    return Fitted(posterior.Posterior(draws, natural, diagnostics, np.ones(1)), prior)


def _effects(draws: Draws, scales: Mapping[str, Mapping[str, float]], *, scatters: bool) -> contrast_shares.Effects:
    tilt, difference = (_flat(draws, f"{name}_coordinate")[:, 0] for name in (TILT, DIFFERENCE))
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
        difference_variance=variance[DIFFERENCE],
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


def _words(data: ContrastData, contrast: Contrast, *, certain: bool) -> list[str]:
    """What a reader must know beside the numbers."""
    first, second = (format_value(level) for level in contrast.levels)
    said = [f'Share of "{contrast.option}" at {contrast.factor} = {first} less that at {second}.']
    ways = {name: len(way.names) for name, way in data.ways.items()}
    drawn = [f"{ways[name]} {plural}" for name, plural in _PLURALS.items() if name in ways]
    if drawn:
        said.append(
            f"Averaged over {_listed(drawn)}, and others like them: each may differ in its tilt and difference."
        )
    if "item" not in ways:
        said.append("One item alone was asked: what is said is about this item.")
    if certain:
        said.append("Nearly all of its answers are certain, so that each prompt counts as one choice.")
    return said


_PLURALS = {"item": "items", "wording": "wordings", "subject": "persons"}


def _listed(parts: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _flat(draws: Draws, name: str) -> Any:
    values = np.asarray(draws.posterior[name])
    return values.reshape((-1, *values.shape[2:]))
