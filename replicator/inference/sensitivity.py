"""How much of an estimate is the prior's doing: power-scaling sensitivity.

The prior of a theory's parameters, or the likelihood, is raised to powers near one by importance weights, and what
that does to each posterior is measured by the cumulative Jensen-Shannon distance (Kallioinen, Paananen, Buerkner &
Vehtari 2023, doi:10.1007/s11222-023-10366-5). Priors of what surrounds a theory (spreads between units, lapses,
sensitivity) are left as they are: scaling a hierarchy's own levels says nothing of its top.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import arviz as az
import numpy as np
import xarray as xr
from scipy import stats

from replicator.inference.data import ChoiceData
from replicator.inference.posterior import Posterior
from replicator.inference.replay import replay
from replicator.inference.structure import Structure
from replicator.theories.theory import Theory

SENSITIVE = 0.05
"""From here a component matters to a posterior (the same source)."""

DRAWS = 600
"""Draws that are weighted; fewer of long data, but at least 400."""

MOST_ROWS = 8_000_000


@dataclass(frozen=True)
class Sensitivity:
    """Of one parameter in one condition."""

    prior: float
    likelihood: float

    @property
    def words(self) -> str | None:
        """What a reader must know beside the number; None where the data rule."""
        if self.likelihood < SENSITIVE:
            return (
                f"The answers hardly move it (power-scaling sensitivity {self.likelihood:.2f}; {self.prior:.2f} of its "
                "prior)."
            )
        if self.prior < SENSITIVE:
            return None
        return (
            f"Both its prior and the answers move it (power-scaling sensitivities {self.prior:.2f} and "
            f"{self.likelihood:.2f}): the two pull apart, or the answers are few."
        )

    @property
    def document(self) -> dict[str, Any]:
        return {"prior": self.prior, "likelihood": self.likelihood, "words": self.words}


def of_choices(found: Posterior, structure: Structure, data: ChoiceData) -> dict[str, list[Sensitivity]]:
    """Parameter or derived quantity -> its sensitivity in each condition; nothing of a theory without parameters."""
    size = int(np.clip(MOST_ROWS // len(data.question), 400, DRAWS))
    played = replay(found, structure, data, size=size)
    theory = played.theory
    if not theory.parameters:
        return {}
    prior = sum(
        stats.norm.logpdf(played.values[f"{p.name}_coordinate"], p.prior.mean, p.prior.sd).sum(axis=1)
        for p in theory.parameters
    )
    coordinates = {p.name: played.values[f"{p.name}_coordinate"] for p in theory.parameters}
    return scaled(
        theory, theory.natural(np, coordinates), np.asarray(prior), played.seen().sum(axis=1) + played.effects()
    )


def scaled(
    theory: Theory, natural: Mapping[str, np.ndarray], log_prior: np.ndarray, log_likelihood: np.ndarray
) -> dict[str, list[Sensitivity]]:
    """From draws (s, condition) of a theory's parameters, and (s,) logs of the prior and of the likelihood there."""
    draws = {
        f"{name}|{c}": np.asarray(natural[name])[None, :, c]
        for name in theory.parameter_names
        for c in range(np.asarray(natural[name]).shape[1])
    }
    both = {"prior": log_prior, "likelihood": log_likelihood}
    given = az.convert_to_inference_data(az.convert_to_dataset(draws))
    given.add_groups({
        f"log_{name}": xr.Dataset({name: (("chain", "draw"), value[None])}) for name, value in both.items()
    })  # fmt: skip
    found = {name: az.psens(given, component=name) for name in both}
    return {
        name: [
            Sensitivity(float(found["prior"][f"{name}|{c}"]), float(found["likelihood"][f"{name}|{c}"]))
            for c in range(np.asarray(natural[name]).shape[1])
        ]
        for name in theory.parameter_names
    }
