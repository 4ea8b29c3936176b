"""Shares of a population of questions: the effects of items, wordings and persons integrated out.

At level x an answer has log odds

    tilt + difference x + u + v x + slot + e
    u ~ Normal(0, sum of the variances of tilts),    v ~ Normal(0, sum of the variances of differences)

with e the scatter of prompts, so that the share there is the mean of its inverse logit over u, v, e and the displayed
positions. The difference of two such shares means the same whatever else differs between questions; the log odds ratio
of the two is not the mean of the questions' own, for odds ratios do not collapse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special, stats

from replicator.inference.contrast_data import SIDES
from replicator.inference.structure import DEGREES_OF_FREEDOM
from replicator.theories import contrast, priors

_NODES = 21
"""Of Gauss-Hermite quadrature over items, wordings and persons."""

_SCATTER_NODES = 11
"""Equally likely points of the Student-t of prompts."""

_BLOCK = 500
"""Draws that are integrated at a time."""

PRIOR_DRAWS = 4000


@dataclass(frozen=True)
class Effects:
    """Draws (s,) of what makes the shares of a contrast, on the log odds scale."""

    tilt: np.ndarray
    difference: np.ndarray
    tilt_variance: np.ndarray
    """Between items, wordings and persons together."""
    difference_variance: np.ndarray
    scatter: np.ndarray
    """Scale of the Student-t of prompts; zeros where they do not scatter."""
    position: np.ndarray
    """(s, label set) what being displayed first adds; zeros where the order does not vary."""


def shares(effects: Effects) -> tuple[np.ndarray, np.ndarray]:
    """(s,) share of the option at the first level and at the second."""
    blocks = [
        _shares(Effects(**{name: values[start : start + _BLOCK] for name, values in vars(effects).items()}))
        for start in range(0, len(effects.tilt), _BLOCK)
    ]
    first, second = (np.concatenate(side) for side in zip(*blocks, strict=True))
    return first, second


def _shares(effects: Effects) -> tuple[np.ndarray, np.ndarray]:
    points, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    weights = weights / weights.sum()
    quantiles = stats.t.ppf((np.arange(_SCATTER_NODES) + 0.5) / _SCATTER_NODES, DEGREES_OF_FREEDOM)
    sd = np.sqrt(effects.tilt_variance + effects.difference_variance / 4.0)
    slots = np.concatenate([effects.position, -effects.position], axis=1)
    around = (
        (sd[:, None] * points)[:, :, None, None]
        + (effects.scatter[:, None] * quantiles)[:, None, :, None]
        + slots[:, None, None, :]
    )
    found = [
        (special.expit((effects.tilt + side * effects.difference)[:, None, None, None] + around)).mean(axis=(2, 3))
        @ weights
        for side in SIDES
    ]
    return found[0], found[1]


def quantities(first: np.ndarray, second: np.ndarray) -> dict[str, np.ndarray]:
    """What is reported of two shares: their difference, their log odds ratio, and that in standard deviations."""
    ratio = _log_odds(first) - _log_odds(second)
    return {"risk_difference": first - second, "log_odds_ratio": ratio, "d": ratio / contrast.LOGISTIC_SD}


def _log_odds(share: np.ndarray) -> np.ndarray:
    inside = np.clip(share, 1e-12, 1.0 - 1e-12)
    return np.asarray(special.logit(inside))


@cache
def prior_moments(
    tilts: tuple[float, ...], moves: tuple[float, ...], *, scatters: bool, positions: int
) -> Mapping[str, tuple[float, float]]:
    """Mean and sd of every reported quantity under the prior, by seeded simulation.

    `tilts` and `moves` are the scales of the half-normal priors of how ways vary; `positions` is the number of label
    sets whose position effect is estimated.
    """
    rng = np.random.default_rng(20023)
    size = PRIOR_DRAWS // 2

    def half_normal(scales: tuple[float, ...]) -> np.ndarray:
        squares = [(scale * rng.normal(size=size)) ** 2 for scale in scales]
        return np.asarray(np.sum(squares, axis=0)) if squares else np.zeros(size)

    tilt, difference = contrast.BASELINE.prior, contrast.LOG_ODDS_RATIO.prior
    residual = priors.document("common")["parameters"]["residual"]
    scatter = residual["floor"] + residual["sd"] * np.abs(rng.normal(size=size)) if scatters else np.zeros(size)
    sd = priors.prior("common", "position").sd if positions else 0.0
    half = Effects(
        tilt=rng.normal(tilt.mean, tilt.sd, size),
        difference=rng.normal(difference.mean, difference.sd, size),
        tilt_variance=half_normal(tilts),
        difference_variance=half_normal(moves),
        scatter=scatter,
        position=sd * rng.normal(size=(size, max(positions, 1))),
    )
    # Each draw with its mirror image, so that no difference is the prior's mean.
    mirrored = Effects(**{**vars(half), "difference": -half.difference})
    drawn = [quantities(*shares(one)) for one in (half, mirrored)]
    both = {name: np.concatenate([one[name] for one in drawn]) for name in drawn[0]}
    return {name: (float(values.mean()), float(values.std())) for name, values in both.items()}
