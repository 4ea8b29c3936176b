"""From data to a posterior that passed its diagnostics, or said why not; and how it is kept on disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import xarray as xr

from replicator import files, theories
from replicator.inference import builder, gifts, sampling, units
from replicator.inference.data import ChoiceData
from replicator.inference.diagnostics import E_BFMI, Diagnostics, diagnose
from replicator.inference.entries import Label
from replicator.inference.geometry import geometry
from replicator.inference.sampling import Draws
from replicator.inference.structure import Structure
from replicator.theories.noise import sensitivity

_TOLD = ("population", "theory", "noise", "estimand", "pooling", "sampling_unit")
"""What a file says of its label."""

_ATTEMPTS = 3

_FEW_DIVERGENCES = 10
"""That somewhat smaller steps may do away with."""

_MANY = 100
"""Effects of units and of sampled prompts, whose correlations a warm-up is too short to learn: of 150 persons chains
then take four times as many steps."""


@dataclass(frozen=True)
class Posterior:
    draws: Draws
    natural: Mapping[str, np.ndarray]
    """Parameter or derived quantity -> (draws, condition) on the natural scale."""
    diagnostics: Diagnostics
    sensitivity_unit: np.ndarray
    """(condition,)"""
    centring: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Effect -> how its coordinates were centred, see `builder`: what it takes to read the units' own effects."""
    of_units: Mapping[str, xr.DataArray] = field(default_factory=dict)
    """Every unit's own parameters, as `units.natural` has them."""
    noise_floor: float = 0.0
    """See `noise.sensitivity`."""

    @property
    def sensitivity(self) -> np.ndarray:
        """(draws, condition) on its natural scale; of a model that has one."""
        consistent = sensitivity(np, of_coordinate(self, "sensitivity_coordinate"), self.noise_floor)
        return np.asarray(self.sensitivity_unit * consistent)


def of_choices(structure: Structure, data: ChoiceData, *, seed: int) -> Posterior:
    """The posterior of a choice model."""
    theory = theories.get(structure.theory)
    fixed = builder.design(theory, structure.noise, data)
    walk = geometry(structure, data, stake=fixed.table.stake, sensitivity_unit=fixed.sensitivity_unit)
    given = builder.arrays(structure, data, walk)
    coords = builder.coords(structure, data)
    names = [f"{name}_coordinate" for name in builder.coordinate_names(structure)] + ["lapse"]
    if structure.position:
        names.append("position_effect")
    if structure.regressors:
        names += [f"{name}_slope" for name in builder.coordinate_names(structure)]
    draws, diagnostics = careful(
        (structure, fixed.key(structure)),
        lambda: builder.build(structure, fixed, given, coords),
        given,
        coords,
        names,
        seed,
        together=structure.likelihood == "probabilities" or structure.prompts_summed,
        many=structure.cells * structure.prompts_sampled + structure.units * (1 + len(theory.parameters)) > _MANY,
        first=sampling.BENT if structure.prompts_summed else sampling.NARROW if structure.curve_seen else None,
    )
    coordinates = {p.name: _flat(draws, f"{p.name}_coordinate") for p in theory.parameters}
    own = units.natural(structure, data, draws.posterior, walk.centring)
    return Posterior(
        draws, theory.natural(np, coordinates), diagnostics, _first(fixed), walk.centring, own, structure.noise_floor
    )


def of_gifts(data: gifts.Gifts, *, seed: int) -> Posterior:
    """The posterior of giving."""
    given = gifts.arrays(data)
    coords = {"condition": list(data.conditions), "coordinate": list(gifts.COORDINATES)}
    draws, diagnostics = careful(
        gifts.key(data), lambda: gifts.build(data, given), given, coords, ["location"], seed,
        together=data.kind == "distributions",
    )  # fmt: skip
    location = _flat(draws, "location")
    coordinates = {name: location[:, :, j] for j, name in enumerate(gifts.COORDINATES)}
    return Posterior(draws, theories.get("giving").natural(np, coordinates), diagnostics, np.ones(1))


def write(
    folder: Path,
    label: Label,
    posterior: Posterior,
    conditions: tuple[str, ...],
    *,
    seed: int,
    part: str | None = None,
    regressed_on: str | None = None,
    effects: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write the draws, with the parameters on their natural scale beside them, as netCDF that ArviZ opens.

    The file is named after the label, and after the `part` of the fit that it holds where others hold more. `effects`
    are what a regression on attributes, `regressed_on`, is about: name -> (column,) weights of the slopes.
    """
    group = posterior.draws.posterior
    shape = (group.sizes["chain"], group.sizes["draw"], len(conditions))
    natural = {
        name: xr.DataArray(
            np.asarray(values).reshape(shape), dims=("chain", "draw", "condition"),
            coords={"chain": group["chain"], "draw": group["draw"], "condition": list(conditions)},
        )
        for name, values in {**posterior.natural, **_nuisances(posterior)}.items()
    }  # fmt: skip
    if effects:
        natural |= {
            f"{str(name).removesuffix('_slope')}_effect": _effects(slopes, effects)
            for name, slopes in group.data_vars.items()
            if str(name).endswith("_slope")
        }
    natural |= posterior.of_units
    clean = group.drop_vars([name for name in group.data_vars if name.endswith("__")]).assign(natural)
    told = {name: getattr(label, name) for name in _TOLD} | {"seed": seed}
    told |= {} if regressed_on is None else {"regressed_on": regressed_on}
    clean.attrs = {**group.attrs, **{name: str(value) for name, value in told.items()}}
    kept = az.InferenceData(posterior=clean, sample_stats=posterior.draws.sample_stats)
    with files.replacing(folder / _file_name(label, part)) as temporary:
        kept.to_netcdf(str(temporary))


def _file_name(label: Label, part: str | None) -> str:
    parts = [label.population, label.theory, label.noise, label.estimand, *([] if part is None else [part])]
    return "--".join(re.sub(r"[^A-Za-z0-9.=,-]+", "_", each).strip("_") for each in parts) + ".nc"


def _effects(slopes: xr.DataArray, effects: Mapping[str, np.ndarray]) -> xr.DataArray:
    """(chain, draw, effect) sums of (chain, draw, attribute) slopes, weighted by each effect's weights."""
    values = np.asarray(slopes) @ np.array(list(effects.values())).T
    coords = {"chain": slopes["chain"], "draw": slopes["draw"], "effect": list(effects)}
    return xr.DataArray(values, dims=("chain", "draw", "effect"), coords=coords)


def _nuisances(posterior: Posterior) -> dict[str, np.ndarray]:
    """(draws, condition) of what belongs to no theory and has a location per condition, on its natural scale."""
    found = {}
    if "sensitivity_coordinate" in posterior.draws.posterior:
        found["sensitivity"] = posterior.sensitivity
    if "response_intercept_coordinate" in posterior.draws.posterior:
        found["response_intercept"] = of_coordinate(posterior, "response_intercept_coordinate")
    return found


def of_coordinate(posterior: Posterior, name: str) -> np.ndarray:
    """(draws, ...) of one variable."""
    return _flat(posterior.draws, name)


def careful(
    key: Any,
    build: Any,
    given: Mapping[str, np.ndarray],
    coords: Mapping[str, Any],
    names: list[str],
    seed: int,
    derive: Callable[[Draws], None] = lambda draws: None,
    *,
    together: bool = False,
    many: bool = False,
    first: sampling.Length | None = None,
) -> tuple[Draws, Diagnostics]:
    """Sample; where diagnostics fail, at most twice more, each time as the last attempt failed.

    `derive` adds to the draws what is diagnosed and follows from them. The sampler learns how parameters move
    `together` from the first, or where an attempt failed, unless there are too `many`. The `first` attempt has the
    usual length unless another is given, and smaller steps where parameters move together.
    """
    length = first or (sampling.NARROW if together else sampling.USUAL)
    for attempt in range(1, _ATTEMPTS + 1):
        learn = not many and (together or attempt > 1)
        draws = sampling.draw(key, build, given, coords, seed=seed, length=length, together=learn)
        derive(draws)
        diagnostics = diagnose(draws, names)
        other = _again(length, diagnostics)
        if diagnostics.passed or other is None:
            break
        length = other
    return draws, diagnostics


def _again(failed: sampling.Length, diagnostics: Diagnostics) -> sampling.Length | None:
    """The attempt after one that failed: longer, or with smaller steps where more draws would not help."""
    if diagnostics.divergences == 0 and diagnostics.e_bfmi >= E_BFMI:
        longer = sampling.BENT_LONGER if failed == sampling.BENT else sampling.LONGER
        return longer if failed.draws < longer.draws else None
    smaller = (
        (sampling.SMALLER, sampling.CAREFUL) if diagnostics.divergences <= _FEW_DIVERGENCES else (sampling.CAREFUL,)
    )
    return next((each for each in smaller if each.accept > failed.accept), None)


def _first(fixed: builder.Design) -> np.ndarray:
    """(condition,) sensitivity unit of each condition."""
    _, first = np.unique(fixed.condition, return_index=True)
    return fixed.sensitivity_unit[first]


def _flat(draws: Draws, name: str) -> np.ndarray:
    values = np.asarray(draws.posterior[name])
    return values.reshape((-1, *values.shape[2:]))
