"""The contrast of ratings: an ordinal, cumulative model, in which items, wordings and persons are samples.

    logit P(Y > point_j) = eta - c_j,    c_1 < c_2 < ..., sum of c_j = 0
    eta                  = tilt + sum of tilt_way + (difference + sum of difference_way) x + scatter of the prompt

Exact distributions show the K - 1 log odds of every prompt. Their mean is eta and says how far the frame moves it; what
each has apart from the mean is -c_j and says where the points lie, so that a prompt counts once and not K - 1 times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt

from replicator.inference import contrast_shares, personas, posterior
from replicator.inference.contrast_data import Way, persons, ways_of
from replicator.inference.contrast_shares import Effects
from replicator.inference.contrast_terms import TILT, add_effects, rough, term
from replicator.inference.data import EXACT, LOGIT_LIMIT
from replicator.inference.identification import DETERMINISTIC, EXTREME
from replicator.inference.structure import DEGREES_OF_FREEDOM
from replicator.inference.walk import WIDTH, Geometry, nudged, scale_start
from replicator.theories import contrast, priors

DIFFERENCE = contrast.LATENT_DIFFERENCE.name

_RARE = 1e-12
"""Keeps the logarithm of a point's probability finite."""

_FLOOR_OF_SCATTER = 0.05**2
"""Least variance of log odds of prompts: the floor of their scale."""


@dataclass(frozen=True)
class RatingData:
    """Ratings of one population as `n` rows, all under the same levels of the other factors."""

    kind: Literal["probabilities", "counts"]
    points: np.ndarray
    """(k,) ascending."""
    side: np.ndarray
    """(n,) +1/2 at the first level, -1/2 at the second."""
    ways: Mapping[str, Way]
    shares: np.ndarray
    """(n, k) probabilities, or how often each point was chosen."""
    is_model: bool

    @property
    def scatters(self) -> bool:
        """Whether prompts scatter around the terms, and are seen well enough to show it."""
        return self.kind == "probabilities" or (self.is_model and bool(self.shares.sum(axis=1).max() > 1.0))

    @property
    def above(self) -> np.ndarray:
        """(n, k - 1) log odds of more than each point but the last, winsorised; of counts with half an answer more of
        each point."""
        shares = self.shares if self.kind == "probabilities" else self.shares + 0.5
        upper = np.cumsum(shares[:, ::-1], axis=1)[:, ::-1][:, 1:]
        lower = np.cumsum(shares, axis=1)[:, :-1]
        logs = np.log(np.maximum(upper, 1e-300)) - np.log(np.maximum(lower, 1e-300))
        return np.asarray(np.clip(logs, -LOGIT_LIMIT, LOGIT_LIMIT))

    @property
    def is_certain(self) -> bool:
        """Whether nearly every prompt is certain of one point, by exact probabilities."""
        certain = self.shares.max(axis=1) > 1.0 - EXTREME
        return self.kind == "probabilities" and bool(certain.mean() >= DETERMINISTIC)

    def as_choices(self) -> RatingData:
        """Every prompt as the one rating that it is certain of."""
        return replace(self, kind="counts", shares=np.eye(len(self.points))[self.shares.argmax(axis=1)])


def rating_data(rows: pd.DataFrame, seed: int = 0) -> RatingData:
    """From the usable rows of one population in one condition, with a column "side".

    Exact distributions of a question in one wording are averaged over the directions of the scale, other answers are
    summed; people who answered once are pooled item by item.
    """
    is_model = not bool((rows["elicitation"] == "recorded").all())
    if is_model and bool(rows["subject"].notna().any()):
        rows = personas.drawn(personas.complete(rows), seed)
    exact = bool(rows["elicitation"].isin(EXACT).all())
    frame = pd.DataFrame({"item": rows["item"].to_numpy(), "side": rows["side"].to_numpy()})
    frame["wording"] = rows["wording"].fillna("").to_numpy() if is_model else ""
    frame["subject"] = persons(rows)
    grouped = frame.groupby(list(frame), sort=True)
    shares = pd.DataFrame(rows["probabilities"].tolist()).groupby(grouped.ngroup().to_numpy())
    frame = grouped.first().index.to_frame(index=False)
    side = frame["side"].to_numpy()
    found = RatingData(
        kind="probabilities" if exact else "counts",
        points=np.array([float(option) for option in rows["options"].iloc[0]]),
        side=side,
        ways={},
        shares=shares.agg("mean" if exact else "sum").to_numpy(dtype=float),
        is_model=is_model,
    )
    return replace(found, ways=ways_of(frame, side, scatters=found.scatters))


def spreads(data: RatingData) -> dict[str, dict[str, float]]:
    """Tilt or difference -> way -> the scale of the half-normal prior of its sd over the way's members."""
    moved = priors.prior(contrast.NAME, "between_slopes").sd
    tilted = priors.prior("common", "between_units_tilt").sd
    return {
        TILT: dict.fromkeys(data.ways, tilted),
        DIFFERENCE: {way: moved for way, found in data.ways.items() if found.moves},
    }


def build(data: RatingData, given: Mapping[str, np.ndarray], named: Mapping[str, Any]) -> pm.Model:
    """The graph with its dimensions `named`, holding the answers in swappable containers.

    Of exact distributions, a prompt's K - 1 deviations from its mean are scored as if they were independent, though
    they sum to zero and K - 2 are free. Their scale, and with it the intervals of the thresholds, is thereby too
    small by about sqrt((K - 2) / (K - 1)); eta and its terms, the latent difference among them, do not hang on it.
    """
    residual = priors.document("common")["parameters"]["residual"]
    located = {TILT: contrast.BASELINE.prior, DIFFERENCE: contrast.LATENT_DIFFERENCE.prior}
    with pm.Model(coords=dict(named)) as model:
        held = {name: pm.Data(name, values) for name, values in given.items()}
        terms = {
            name: term(name, (located[name].mean, located[name].sd), widths, data.ways, held)
            for name, widths in spreads(data).items()
        }
        eta = terms[TILT] + terms[DIFFERENCE] * data.side
        cuts = _thresholds(held)
        if data.kind == "probabilities":
            sigma = residual["floor"] + pm.HalfNormal("residual", residual["sd"], initval=held["start_residual"])
            pm.StudentT("ratings", nu=DEGREES_OF_FREEDOM, mu=eta, sigma=sigma, observed=held["observed"])
            apart = residual["floor"] + pm.HalfNormal("shape_residual", residual["sd"], initval=held["start_residual"])
            pm.StudentT(
                "points", nu=DEGREES_OF_FREEDOM, mu=-cuts[None, :], sigma=apart, observed=held["observed_apart"]
            )
            return model
        if data.scatters:
            sigma = residual["floor"] + pm.HalfNormal("residual", residual["sd"], initval=held["start_residual"])
            eta = eta + sigma * pm.StudentT("cell_raw", nu=DEGREES_OF_FREEDOM, shape=len(data.side))
        pm.Potential("ratings", _cumulative(held["observed"], eta, cuts).sum())
    return model


def _thresholds(held: Mapping[str, Any]) -> Any:
    """(k - 1,) ascending thresholds with a mean of zero, from the logarithms of the gaps between them."""
    prior = priors.prior(contrast.NAME, "log_gap")
    gaps = pm.Normal("log_gap", prior.mean, prior.sd, dims="gap", initval=held["start_log_gap"])
    cuts = pt.concatenate([pt.zeros(1), pt.cumsum(pt.exp(gaps))])
    return pm.Deterministic("threshold", cuts - cuts.mean(), dims="threshold_of")


def _cumulative(value: Any, eta: Any, cuts: Any) -> Any:
    """(row,) log likelihood of (row, k) counts of points, up to the multinomial coefficient."""
    above = pt.sigmoid(eta[..., None] - cuts)
    ends = pt.ones_like(above[..., :1])
    share = pt.concatenate([ends, above], axis=-1) - pt.concatenate([above, 0.0 * ends], axis=-1)
    return (value * pt.log(pt.maximum(share, _RARE))).sum(axis=-1)


def arrays(data: RatingData) -> dict[str, np.ndarray]:
    """What may be swapped without compiling anew: the answers, the sampler's coordinates and its start."""
    above = data.above
    seen = above.mean(axis=1)
    found = rough(seen, data.side, data.ways, spreads(data))
    variance = max(float(np.var(found.left)), _FLOOR_OF_SCATTER)
    walk = Geometry({}, dict(found.start))
    # Of counts centring is left to clear effects alone: rows with few ratings say little each.
    few = 0.0 if data.kind == "probabilities" else 4.0 / data.shares.sum(axis=1)
    add_effects(walk, found, data.ways, np.full(len(data.side), variance) + few)
    gaps = -np.diff((above - seen[:, None]).mean(axis=0))
    walk.start["log_gap"] = np.log(np.maximum(gaps, 0.05))
    if data.scatters:
        walk.start["residual"] = scale_start(variance / WIDTH)
    walk = nudged(walk)
    given = {f"centring_{name}": np.array(weight) for name, weight in walk.centring.items()}
    given |= {f"start_{name}": value for name, value in walk.start.items()}
    if data.kind == "probabilities":
        return given | {"observed": seen, "observed_apart": above - seen[:, None]}
    return given | {"observed": data.shares}


def coords(data: RatingData, condition: str) -> dict[str, Any]:
    """Names of the model's dimensions."""
    points = [f"{point:g}" for point in data.points]
    named: dict[str, Any] = {"condition": [condition], "threshold_of": points[:-1], "gap": points[1:-1]}
    return named | {f"{name}_contrast": list(way.names[:-1]) for name, way in data.ways.items()}


def fit(data: RatingData, *, seed: int, condition: str) -> tuple[posterior.Posterior, dict[str, tuple[float, float]]]:
    """The posterior, and what the prior says of the same quantities: mean and sd."""
    given, named = arrays(data), coords(data, condition)
    moves = tuple((name, way.moves, way.index.tobytes()) for name, way in data.ways.items())
    names = [f"{TILT}_coordinate", f"{DIFFERENCE}_coordinate"]
    draws, diagnostics = posterior.careful(
        ("contrast of ratings", data.kind, data.scatters, len(data.points), data.side.tobytes(), moves),
        lambda: build(data, given, named), given, named, names, seed,
        together=data.kind == "probabilities",
    )  # fmt: skip

    def flat(name: str) -> np.ndarray:
        values = np.asarray(draws.posterior[name])
        return values.reshape((-1, *values.shape[2:]))

    widths = spreads(data)
    floor = priors.document("common")["parameters"]["residual"]["floor"]
    size = len(flat(f"{TILT}_coordinate"))
    effects = Effects(
        tilt=flat(f"{TILT}_coordinate")[:, 0],
        difference=flat(f"{DIFFERENCE}_coordinate")[:, 0],
        tilt_variance=sum((flat(f"{TILT}_{way}_sd") ** 2 for way in widths[TILT]), np.zeros(size)),
        difference_variance=sum((flat(f"{DIFFERENCE}_{way}_sd") ** 2 for way in widths[DIFFERENCE]), np.zeros(size)),
        scatter=floor + flat("residual") if data.scatters else np.zeros(size),
        position=np.zeros((size, 1)),
    )
    found = quantities(effects, flat("threshold"), data.points)
    natural = {name: values[:, None] for name, values in found.items()}
    return posterior.Posterior(draws, natural, diagnostics, np.ones(1)), prior_moments(data)


def quantities(effects: Effects, thresholds: np.ndarray, points: np.ndarray) -> dict[str, np.ndarray]:
    """What is reported, from draws of the effects and of the (s, k - 1) thresholds.

    The mean at a level is point_1 + sum_j (point_j+1 - point_j) P(Y > point_j), each share averaged over what was and
    could have been asked; the latent difference is that of a typical question.
    """
    ends = [np.zeros(len(thresholds)), np.zeros(len(thresholds))]
    for step, cut in zip(np.diff(points), thresholds.T, strict=True):
        shares = contrast_shares.shares(replace(effects, tilt=effects.tilt - cut))
        ends = [end + step * share for end, share in zip(ends, shares, strict=True)]
    latent = effects.difference
    return {"difference": ends[0] - ends[1], DIFFERENCE: latent, "d": latent / contrast.LOGISTIC_SD}


def prior_moments(data: RatingData) -> dict[str, tuple[float, float]]:
    """Mean and sd of every reported quantity under the prior, by seeded simulation."""
    rng, size = np.random.default_rng(20024), contrast_shares.PRIOR_DRAWS // 2
    tilt, moved, gap = contrast.BASELINE.prior, contrast.LATENT_DIFFERENCE.prior, priors.prior(contrast.NAME, "log_gap")
    widths, residual = spreads(data), priors.document("common")["parameters"]["residual"]
    gaps = np.exp(rng.normal(gap.mean, gap.sd, (size, len(data.points) - 2)))
    cuts = np.cumsum(np.column_stack([np.zeros(size), gaps]), axis=1)
    half = Effects(
        tilt=rng.normal(tilt.mean, tilt.sd, size),
        difference=rng.normal(moved.mean, moved.sd, size),
        tilt_variance=sum(((sd * rng.normal(size=size)) ** 2 for sd in widths[TILT].values()), np.zeros(size)),
        difference_variance=sum(
            ((sd * rng.normal(size=size)) ** 2 for sd in widths[DIFFERENCE].values()), np.zeros(size)
        ),
        scatter=residual["floor"] + residual["sd"] * np.abs(rng.normal(size=size)) if data.scatters else np.zeros(size),
        position=np.zeros((size, 1)),
    )
    cuts = cuts - cuts.mean(axis=1, keepdims=True)
    both = [quantities(one, cuts, data.points) for one in (half, replace(half, difference=-half.difference))]
    joined = {name: np.concatenate([one[name] for one in both]) for name in both[0]}
    return {name: (float(values.mean()), float(values.std())) for name, values in joined.items()}
