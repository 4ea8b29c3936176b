"""Fits of simulated gifts: distributions over wordings around five locations, as `inference.gifts` reads them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pymc as pm

from replicator.inference import gifts, posterior
from replicator.inference.data import LOGIT_LIMIT
from replicator.inference.gifts import COORDINATES, Gifts
from replicator.inference.posterior import Posterior
from replicator.inference.structure import DEGREES_OF_FREEDOM
from replicator.theories import giving, priors

WORDINGS = 10

CONDITION = "all"


def simulated(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, Gifts]:
    """(5,) locations and (5,) scales from their priors, and gifts of that kind.

        y_wj ~ Student-t(4, mu_j, .05 + sigma_j)

    Log odds are winsorised as those of models are.
    """
    residual = priors.document("common")["parameters"]["residual"]
    location = np.array([rng.normal(p.prior.mean, p.prior.sd) for p in giving.PARAMETERS])
    scale = np.abs(rng.normal(0.0, residual["sd"], size=len(COORDINATES)))
    scatter = rng.standard_t(DEGREES_OF_FREEDOM, size=(1, WORDINGS, len(COORDINATES)))
    logits = np.clip(location + (residual["floor"] + scale) * scatter, -LOGIT_LIMIT, LOGIT_LIMIT)
    none = np.empty((0, 0))
    return location, scale, Gifts("distributions", (CONDITION,), WORDINGS, logits, none, none, none, none, (None,))


def model(rng: np.random.Generator) -> pm.Model:
    """The model of gifts that `rng` draws."""
    *_, drawn = simulated(rng)
    return gifts.build(drawn, gifts.arrays(drawn))


def refitted(rng: np.random.Generator) -> tuple[Posterior, Mapping[str, tuple[float, np.ndarray]]]:
    """The fit, and quantity -> its true value and (draws,), on the logit scale."""
    location, scale, given = simulated(rng)
    found = posterior.of_gifts(given, seed=int(rng.integers(2**31)))
    places = posterior.of_coordinate(found, "location")[:, 0]
    scales = posterior.of_coordinate(found, "wording_sd")
    known = {name: (float(location[j]), places[:, j]) for j, name in enumerate(COORDINATES)}
    return found, known | {f"{name}_sd": (float(scale[j]), scales[:, j]) for j, name in enumerate(COORDINATES)}
