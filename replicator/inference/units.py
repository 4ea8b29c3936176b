"""Every unit's own parameters: the persons, personas or wordings around the location that a fit reports."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from replicator import theories
from replicator.inference.data import ChoiceData
from replicator.inference.structure import Structure

MOST_VALUES = 4_000_000
"""Draws x conditions x units of one parameter that are kept (16 MB); of larger fits the location alone is."""


def natural(
    structure: Structure, data: ChoiceData, posterior: xr.Dataset, centring: Mapping[str, np.ndarray]
) -> dict[str, xr.DataArray]:
    """Parameter of a theory -> (chain, draw, condition, unit) on its natural scale, called PARAMETER_of_unit.

        coordinate_u = m_u + sd^(1-w) (raw_u - w m_u),     m_u = location + x_u . slope

    with w the `centring` of the effect, see `builder.effect`. Of personas it is what they are on average over the
    wordings at hand. Empty where there is one unit, or where there would be more than `MOST_VALUES`.
    """
    theory = theories.get(structure.theory)
    size = posterior.sizes["chain"] * posterior.sizes["draw"] * structure.conditions * structure.units
    if structure.units == 1 or size > MOST_VALUES:
        return {}
    found = theory.natural(
        np, {p.name: _coordinate(p.name, structure, data, posterior, centring) for p in theory.parameters}
    )
    coords = {
        "chain": posterior["chain"], "draw": posterior["draw"], "condition": list(data.conditions),
        "unit": list(data.units),
    }  # fmt: skip
    return {
        f"{p.name}_of_unit": xr.DataArray(
            np.asarray(found[p.name], dtype=np.float32), dims=("chain", "draw", "condition", "unit"), coords=coords
        )
        for p in theory.parameters
    }


def _coordinate(
    name: str, structure: Structure, data: ChoiceData, posterior: xr.Dataset, centring: Mapping[str, np.ndarray]
) -> np.ndarray:
    """(chain, draw, condition, unit)"""
    first = np.asarray(posterior[f"{name}_first"])[..., None]
    around = first
    if structure.regressors:
        around = first + np.asarray(posterior[f"{name}_slope"]) @ data.regressed.T
    weight = float(centring[name])
    raw, sd = np.asarray(posterior[f"{name}_raw"]), np.asarray(posterior[f"{name}_sd"])[..., None]
    unit = around + sd ** (1.0 - weight) * (raw - weight * around)
    if structure.conditions == 1:
        return np.asarray(unit[:, :, None, :])
    if structure.shared:
        return np.repeat(unit[:, :, None, :], structure.conditions, axis=2)
    contrast = np.asarray(posterior[f"{name}_contrast"])
    moved = np.concatenate([np.zeros_like(contrast[..., :1]), contrast], axis=-1)
    return np.asarray(unit[:, :, None, :] + moved[..., None])
