"""How well a fit predicts the answers of a wording, persona or person that it has not seen.

The expected log predictive density of a unit's answers together, its own effects summed over,

    elpd = sum_u log p(y_u | y_-u),   p(y_u | theta) = integral p(y_u | z, theta) N(z; 0, I) dz

and not of single answers given their unit, which asks how well a known unit's next answer is foretold (Merkle, Furr &
Rabe-Hesketh 2019, doi:10.1007/s11336-019-09679-0). The integral is a weighted mean over draws from a Student-t around
each unit's own mode, under every draw of what units share; units are left out by Pareto-smoothed importance sampling
(Vehtari, Gelman & Gabry 2017, doi:10.1007/s11222-016-9696-4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import arviz as az
import numpy as np
from scipy import special

from replicator.inference import builder
from replicator.inference.data import ChoiceData
from replicator.inference.replay import Replay
from replicator.inference.structure import DEGREES_OF_FREEDOM

POINTS = 32
"""Draws from the proposal of one unit's effects under one draw of what units share."""

DRAWS = (100, 300)
"""Draws of what units share: the most, or as many as keep rows x draws below `MOST_ROWS`, but not fewer."""

MOST_ROWS = 1_000_000

MOST_ANSWERS = 100_000
"""Beyond so many rows leaving units out would take longer than the fit."""

CLEAR = 2.0
"""Standard errors from which a difference is called."""

_STEP = 1e-4
_STEPS = 4
"""Of Fisher scoring toward the mode of a unit's effects, from what they were in the draw."""
_HEAVY = 5.0
"""Degrees of freedom of the proposal."""


def reliable_k(draws: int) -> float:
    """Shape of the tail of importance weights up to which their smoothed mean over so many draws is to be relied upon:
    min(1 - 1 / log10 S, .7) (Vehtari et al. 2024, JMLR 25(72))."""
    return float(min(1.0 - 1.0 / np.log10(draws), 0.7))


@dataclass(frozen=True)
class LeftOut:
    """What leaving out every unit of a fit gave."""

    unit: str
    elpd: np.ndarray
    """(u,) log predictive density of each unit's answers, up to what depends on the answers alone."""
    k: np.ndarray
    """(u,) shape of the tail of the importance weights."""
    draws: int
    """Under which units were left out."""

    @property
    def unreliable(self) -> int:
        return int((self.k > reliable_k(self.draws)).sum())

    @property
    def document(self) -> dict[str, Any]:
        units = len(self.elpd)
        limit = f"Pareto k above {reliable_k(self.draws):.2f}"
        said = f"{self.unreliable} of {units} {self.unit}s weigh so much in the fit ({limit}) that "
        return {
            "available": True,
            "why_not": None,
            "unit": self.unit,
            "units": units,
            "elpd": float(self.elpd.sum()),
            "standard_error": float(np.sqrt(units * self.elpd.var(ddof=1))),
            "pointwise": [float(value) for value in self.elpd],
            "worst_k": float(self.k.max()),
            "unreliable": self.unreliable,
            "words": [said + "leaving them out this way is unreliable."] if self.unreliable else [],
        }


def unavailable(data: ChoiceData) -> str | None:
    """Why no unit can be left out; None where units can."""
    if len(data.units) < 2:
        who = "all people pooled to shares" if data.unit_name == "pooled" else f"one {data.unit_name}"
        return f"There is one unit ({who}): none can be left out."
    if len(data.question) > MOST_ANSWERS:
        return f"More than {MOST_ANSWERS:,} rows of answers: units are not left out."
    if data.kind == "counts" and len(data.options) > 2 and data.unit_name != "person":
        return "The scatter of sampled answers among more than two options is not summed over."
    return None


def silent(why_not: str) -> dict[str, Any]:
    """The document of a fit of which no unit was left out."""
    blank = dict.fromkeys(("unit", "units", "elpd", "standard_error", "pointwise", "worst_k", "unreliable"))
    return {"available": False, "why_not": why_not, **blank, "words": []}


def draws_for(data: ChoiceData) -> int:
    """How many draws of a fit leaving out its units takes."""
    return int(np.clip(MOST_ROWS // len(data.question), *DRAWS))


def leave_out(played: Replay, *, seed: int) -> LeftOut:
    """Every unit left out in its turn. Raises ValueError where `unavailable` says why not."""
    why_not = unavailable(played.data)
    if why_not is not None:
        raise ValueError(why_not)
    likelihood = marginal(played, np.random.default_rng([seed, 53]))
    weights, k = az.psislw(-likelihood.T)
    elpd = special.logsumexp(np.asarray(weights) + likelihood.T, axis=1)
    return LeftOut(played.data.unit_name, elpd, np.asarray(k), draws=len(likelihood))


def marginal(played: Replay, rng: np.random.Generator) -> np.ndarray:
    """(s, u) log p(y_u | theta): of each unit's answers, its own effects summed over."""
    played, starts = _by_unit(played)
    names = played.names
    spread = np.stack([played.spreads()[name] for name in names], axis=-1)[:, None, :]
    seen = np.stack([played.deviations()[name] for name in names], axis=-1)
    centre = seen / np.maximum(spread, 1e-12)  # (s, u, d): a draw of the unit's effects in units of their sd
    wordings = np.stack([played.of_wordings()[name] for name in names], axis=-1)
    common = played.centres()

    def rows(z: np.ndarray) -> np.ndarray:
        return _rows(played, common, spread * z, wordings)

    for _ in range(_STEPS):
        centre, information = _step(played, rows, centre, starts)
    # information = L L'; z = mode + L'^-1 t has the covariance of the unit's effects.
    root = np.linalg.cholesky(information)
    backwards = np.linalg.inv(np.swapaxes(root, -1, -2))
    log_volume = np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(axis=-1)
    total = np.full(centre.shape[:2], -np.inf)
    dimensions = len(names)
    half = rng.standard_normal((POINTS // 2, dimensions)) / np.sqrt(rng.chisquare(_HEAVY, (POINTS // 2, 1)) / _HEAVY)
    for point in np.concatenate([half, -half]):
        z = centre + backwards @ point
        density = -0.5 * (z**2).sum(axis=-1) - 0.5 * dimensions * np.log(2 * np.pi)
        proposed = _log_student(point) + log_volume
        total = np.logaddexp(total, _per_unit(played.log_likelihood(rows(z)), starts) + density - proposed)
    return np.asarray(total - np.log(POINTS))


def unseen(played: Replay, answers: ChoiceData, rng: np.random.Generator) -> np.ndarray:
    """(s,) log p(y | theta) of the answers of one unit that the fit has not seen, to questions that it has."""
    if len(answers.units) != 1 or answers.questions != played.data.questions:
        raise ValueError("one unit is foretold at a time, with the questions of the fit")
    fixed = builder.design(played.theory, played.structure.noise, answers)
    # Its effects start at zero, which one unit's are; the spreads of the fit say how far off they may be.
    alone = replace(played, structure=replace(played.structure, units=1), data=answers, fixed=fixed)
    return marginal(alone, rng)[:, 0]


def compared(one: Mapping[str, Any], other: Mapping[str, Any], names: tuple[str, str]) -> dict[str, Any]:
    """The difference of two fits' `LeftOut.document`s of the same answers, the first less the second, in words.

    Its standard error is that of a sum over units, which is unsteady where they are few.
    """
    difference = np.array(one["pointwise"]) - np.array(other["pointwise"])
    units, unit = len(difference), one["unit"]
    total, error = float(difference.sum()), float(np.sqrt(units * difference.var(ddof=1)))
    better, worse = names if total > 0 else names[::-1]
    numbers = f"{abs(total):.1f} (se {error:.1f}, {units} {unit}s)"
    if abs(total) > CLEAR * error:
        said = f"{better} predicts left-out {unit}s better than {worse} by {numbers} in log predictive density"
    else:
        said = f"Left-out {unit}s cannot tell {names[0]} from {names[1]}: the difference is {numbers}"
    unreliable = bool(one["unreliable"] or other["unreliable"])
    tail = ", unreliably so, since single ones weigh too much." if unreliable else "."
    return {"elpd_difference": total, "standard_error": error, "reliable": not unreliable, "words": said + tail}


def _by_unit(played: Replay) -> tuple[Replay, np.ndarray]:
    """The same fit with its rows in the order of their units, and where each unit begins."""
    data, fixed = played.data, played.fixed
    order = np.argsort(data.unit, kind="stable")
    starts = np.flatnonzero(np.diff(data.unit[order], prepend=-1))
    position = None if data.position is None else data.position[order]
    values = dict(played.values)
    if "cell_raw" in values:
        values["cell_raw"] = values["cell_raw"][:, order]
    moved = replace(
        data, unit=data.unit[order], question=data.question[order], label_set=data.label_set[order], position=position,
        logits=data.logits[order], counts=data.counts[order],
        wording=data.wording[order] if data.wordings else data.wording,
    )  # fmt: skip
    there = replace(
        fixed, unit=fixed.unit[order], question=moved.question, label_set=moved.label_set, position=position
    )
    return replace(played, data=moved, fixed=there, values=values), starts


def _rows(played: Replay, common: Mapping[str, np.ndarray], apart: np.ndarray, wordings: np.ndarray) -> np.ndarray:
    """(s, n, k - 1) log odds of rows whose units lie (s, u, d) apart from what they share."""
    s, u, _ = apart.shape
    w = wordings.shape[1]
    each = apart[:, :, None, :] + wordings[:, None, :, :]
    coordinates = {
        name: (common[name][:, None, :] + each[..., i].reshape(s, u * w, 1)).reshape(s * u * w, -1)
        for i, name in enumerate(played.names)
    }
    eta = played.curves(coordinates).reshape(s, u * w, played.structure.questions, -1)
    return played.rows(eta[:, played.fixed.unit, played.fixed.question], misfit=True)


def _step(
    played: Replay, rows: Callable[[np.ndarray], np.ndarray], z: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One Fisher-scoring step of every unit toward the mode of its effects, and the (s, u, d, d) information there."""
    here = rows(z)
    slopes = np.stack([(rows(z + _STEP * axis) - here) / _STEP for axis in np.eye(z.shape[-1])], axis=-1)
    score, precision = _score(played, here)
    gradient = _per_unit(np.einsum("snc,sncd->snd", score, slopes), starts) - z
    weighted = precision[..., None] * slopes
    information = _per_unit(np.einsum("sncd,snce->snde", weighted, slopes), starts) + np.eye(z.shape[-1])
    step = np.linalg.solve(information, gradient[..., None])[..., 0]
    return z + np.clip(step, -2.0, 2.0), information


def _score(played: Replay, odds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(s, n, k - 1) slope of the rows' log likelihood, and the precision that it is expected to have."""
    sigma, nu = played.scatter[:, None, None], DEGREES_OF_FREEDOM
    if played.structure.likelihood == "probabilities":
        left = played.data.logits - odds
        slope = (nu + 1.0) * left / (nu * sigma**2 + left**2)
        return slope, np.broadcast_to((nu + 1.0) / ((nu + 3.0) * sigma**2), odds.shape)
    counts = played.data.counts
    total = counts.sum(axis=1)[:, None]
    p = special.softmax(np.concatenate([odds, np.zeros_like(odds[..., :1])], axis=-1), axis=-1)[..., :-1]
    slope, precision = counts[:, :-1] - total * p, np.maximum(total * p * (1.0 - p), 1e-9)
    if played.structure.cells:
        damped = 1.0 / (1.0 + precision * sigma**2)
        return slope * damped, precision * damped
    return slope, precision


def _per_unit(rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """(s, u, ...) sums of (s, n, ...) over the rows of each unit."""
    return np.asarray(np.add.reduceat(rows, starts, axis=1))


def _log_student(point: np.ndarray) -> float:
    """log density of a standard multivariate Student-t at (d,)."""
    d = len(point)
    constant = special.gammaln((_HEAVY + d) / 2) - special.gammaln(_HEAVY / 2) - 0.5 * d * np.log(_HEAVY * np.pi)
    return float(constant - 0.5 * (_HEAVY + d) * np.log1p((point**2).sum() / _HEAVY))
