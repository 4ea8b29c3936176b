"""Amounts: the functionals of a distribution of gifts, each on its own scale.

A gift is a share of the endowment: nothing, between nothing and half, half, or above half (see
`theories.giving`). For each wording, or for all people, five coordinates are read off: the continuation
logits of the first three kinds and the logits of the two means.

    exact distributions:  y_wj ~ StudentT(4, mu_j, .05 + sigma_j)      over wordings w
    drawn answers:        k_wj ~ Binomial(n_wj, invlogit(y_wj))        with the same y_wj, unseen
    recorded gifts:       k_j ~ Binomial(n_j, invlogit(mu_j))          with n_j the effective number
                          m_j ~ Normal(invlogit(mu_j), se_j)           for the two means

Of drawn answers the two means are counts as well: n gifts that fill a fraction x of their range on average are
n / d answers, x n / d of them yes, where d is their variance over that of yes and no, x (1 - x).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt

from replicator.errors import DataError
from replicator.inference.data import LOGIT_LIMIT
from replicator.inference.structure import DEGREES_OF_FREEDOM
from replicator.theories import giving, priors

COORDINATES = tuple(parameter.name for parameter in giving.PARAMETERS)

RARE = 1e-6
"""A kind of gift with less probability has no mean."""

UNKNOWN_SD = 0.29
"""Of a gift that may lie anywhere in its range (uniform)."""
_UNKNOWN_DISPERSION = 1 / 3
"""Its variance over that of yes and no: (1 / 12) / (1 / 4)."""

_MOST_ANSWERS = 1e5
"""That a wording's mean counts for: an error of .006 log odds, far below how wordings scatter at least."""

_LEAST_SCATTER = 0.05
"""Of wordings, in log odds: the floor of their scale."""

_TOLERANCE = 1e-9
"""Within which a share is nothing or half."""


@dataclass(frozen=True)
class Gifts:
    """Functionals of one population, by condition."""

    kind: Literal["distributions", "draws", "records"]
    conditions: tuple[str, ...]
    units: int
    logits: np.ndarray
    """(c, w, 5) coordinates by wording, winsorised, nan where a kind of gift hardly occurs; of distributions alone."""
    successes: np.ndarray
    """(c, 3) effective counts of the continuation choices; of draws (c, w, 5), by wording and with the two means; empty
    for distributions."""
    trials: np.ndarray
    """As `successes`."""
    means: np.ndarray
    """(c, 2) the two means in (0, 1), nan where unknown; of records alone."""
    errors: np.ndarray
    """(c, 2) their standard errors."""
    person_sd: tuple[float | None, ...]
    """(c,) sd between people, or personas, of the share given; None for models that are asked as themselves."""


def shares_of_options(outcomes: Sequence[Mapping[str, Any]], options: Sequence[str]) -> np.ndarray:
    """(k,) share of what there is that goes to the other, for every amount of the grid.

    Raises DataError unless each amount splits something between oneself and another.
    """
    given = {option: [0.0, 0.0] for option in options}
    for outcome in outcomes:
        weight = float(outcome["amount"]) * float(outcome["probability_low"])
        given[str(outcome["option"])][0 if outcome["to"] == "self" else 1] += weight
    pairs = np.array([given[option] for option in options])
    total = pairs.sum(axis=1)
    if (total <= 0).any() or (pairs < -_TOLERANCE).any():
        raise DataError('the theory "giving" needs amounts that split an endowment between oneself and another')
    return np.asarray(pairs[:, 1] / total)


def from_distributions(rows: Sequence[tuple[str, np.ndarray, np.ndarray]], conditions: tuple[str, ...]) -> Gifts:
    """From (condition, shares (k,), probabilities (k,)), one for every wording."""
    by_condition: dict[str, list[np.ndarray]] = {name: [] for name in conditions}
    for condition, share, probability in rows:
        by_condition[condition].append(_coordinates_of(share, probability))
    most = max(len(found) for found in by_condition.values())
    logits = np.full((len(conditions), most, len(COORDINATES)), np.nan)
    for c, name in enumerate(conditions):
        if by_condition[name]:
            logits[c, : len(by_condition[name])] = by_condition[name]
    empty = np.empty((0, 0))
    return Gifts("distributions", conditions, most, logits, empty, empty, empty, empty, (None,) * len(conditions))


def from_draws(rows: Sequence[tuple[str, Hashable, np.ndarray, np.ndarray]], conditions: tuple[str, ...]) -> Gifts:
    """From (condition, wording, shares (k,), probabilities (k,)), one for every answer: all on one amount, or, given a
    trace of reasoning, what the answers drawn after it are in expectation."""
    c = len(conditions)
    wordings = {name: list(dict.fromkeys(row[1] for row in rows if row[0] == name)) for name in conditions}
    most = max(len(found) for found in wordings.values())
    successes, trials = np.zeros((2, c, most, len(COORDINATES)))
    for i, name in enumerate(conditions):
        here = [row[1:] for row in rows if row[0] == name]
        unit = np.array([wordings[name].index(wording) for wording, _, _ in here])
        grids = {id(share): share for _, share, _ in here}
        columns = {which: functionals(share) for which, share in grids.items()}
        each = np.array([probability @ columns[id(share)] for _, share, probability in here])
        sums = [np.bincount(unit, column, most) for column in each.T]
        zero, half, above, interior = sums[:4]
        successes[i, :, :3] = np.stack([zero, half, above], axis=1)
        trials[i, :, :3] = np.stack([zero + half + above + interior, half + above + interior, above + interior], axis=1)
        for j, n in enumerate((interior, above)):
            total, squares = sums[4 + j], sums[6 + j]
            dispersion = _dispersion(n, total, squares)
            successes[i, :, 3 + j], trials[i, :, 3 + j] = total / dispersion, n / dispersion
    none = np.empty((0, 0))
    return Gifts("draws", conditions, most, np.empty((c, 0, 5)), successes, trials, none, none, (None,) * c)


def from_records(table: pd.DataFrame, conditions: tuple[str, ...], weighting: Literal["person", "gift"]) -> Gifts:
    """From recorded gifts: columns condition, share, subject (null where unknown).

    "person" lets every person weigh the same, "gift" every gift. Gifts of one person are not independent: the
    effective number of gifts is what gives each share its variance clustered by person.
    """
    c = len(conditions)
    successes, trials = np.zeros((c, 3)), np.zeros((c, 3))
    means, errors = np.full((c, 2), np.nan), np.full((c, 2), np.nan)
    spread: list[float | None] = []
    for i, name in enumerate(conditions):
        here = table[table["condition"] == name]
        share = here["share"].to_numpy(dtype=float)
        alone = pd.Series(np.arange(len(here)).astype(str), index=here.index)
        person = here["subject"].astype("string").fillna("#" + alone).to_numpy()
        codes, people = pd.factorize(person)
        count = np.bincount(codes)
        weight = 1.0 / count[codes] if weighting == "person" else np.ones(len(here))
        kinds = _kinds(share)
        left = np.ones(len(share), dtype=bool)
        for j, kind in enumerate(("zero", "half", "above")):
            p, n = _effective(kinds[kind][left], weight[left], codes[left])
            successes[i, j], trials[i, j] = p * n, n
            left &= ~kinds[kind]
        for j, (kind, scaled) in enumerate((("interior", 2.0 * share), ("above", 2.0 * share - 1.0))):
            inside = kinds[kind]
            if inside.any():
                means[i, j], errors[i, j] = _mean(scaled[inside], weight[inside], codes[inside])
        by_person = np.bincount(codes, share) / count
        spread.append(float(by_person.std(ddof=1)) if len(people) > 1 and here["subject"].notna().all() else None)
    return Gifts("records", conditions, 1, np.empty((c, 0, 5)), successes, trials, means, errors, tuple(spread))


def arrays(gifts: Gifts) -> dict[str, np.ndarray]:
    """What may be swapped without compiling anew."""
    if gifts.kind == "distributions":
        known = np.isfinite(gifts.logits)
        return {"logits": np.where(known, gifts.logits, 0.0), "known": known.astype(float)}
    if gifts.kind == "draws":
        return {"successes": gifts.successes, "trials": gifts.trials, "centred": _centred(gifts)}
    known = np.isfinite(gifts.means) & (gifts.errors > 0)
    return {
        "successes": gifts.successes,
        "trials": gifts.trials,
        "means": np.where(known, gifts.means, 0.5),
        "errors": np.where(known, gifts.errors, 1.0),
        "known": known.astype(float),
    }


def build(gifts: Gifts, given: Mapping[str, np.ndarray]) -> pm.Model:
    """Five independent locations per condition, under the likelihood of the gifts' kind."""
    coords = {"condition": list(gifts.conditions), "coordinate": list(COORDINATES)}
    with pm.Model(coords=coords) as model:
        data = {name: pm.Data(name, value) for name, value in given.items()}
        prior_mean = np.array([p.prior.mean for p in giving.PARAMETERS])
        prior_sd = np.array([p.prior.sd for p in giving.PARAMETERS])
        location = pm.Normal("location", prior_mean, prior_sd, dims=("condition", "coordinate"))
        if gifts.kind == "records":
            choices = _binomial(data, location[:, :3])
            near = pm.logp(pm.Normal.dist(pm.math.invlogit(location[:, 3:]), data["errors"]), data["means"])
            pm.Potential("likelihood", choices.sum() + (near * data["known"]).sum())
            return model
        residual = priors.document("common")["parameters"]["residual"]
        scale = residual["floor"] + pm.HalfNormal("wording_sd", residual["sd"], dims="coordinate")
        if gifts.kind == "distributions":
            each = pm.logp(
                pm.StudentT.dist(nu=DEGREES_OF_FREEDOM, mu=location[:, None, :], sigma=scale), data["logits"]
            )
            pm.Potential("likelihood", (each * data["known"]).sum())
        else:
            # A wording with many answers is centred: its raw value is its log odds, which the answers show.
            weight = data["centred"]
            around = weight * location[:, None, :]
            shape = (len(gifts.conditions), gifts.units, len(COORDINATES))
            raw = pm.StudentT("wording_raw", nu=DEGREES_OF_FREEDOM, mu=around, sigma=scale**weight, shape=shape)
            logit = location[:, None, :] - around + scale ** (1.0 - weight) * raw
            pm.Potential("likelihood", _binomial(data, logit).sum())
    return model


def key(gifts: Gifts) -> tuple[Any, ...]:
    """Fits with one key share a compiled model."""
    return ("giving", gifts.kind, len(gifts.conditions), gifts.units)


def functionals(share: np.ndarray) -> np.ndarray:
    """(k, 8) What a probability of every amount is multiplied with: whether it is nothing, half, above half or between;
    the fraction of their range, between first, that the latter two give; and its square."""
    kinds = _kinds(share)
    between, above = 2.0 * share * kinds["interior"], (2.0 * share - 1.0) * kinds["above"]
    named = [kinds[kind] for kind in ("zero", "half", "above", "interior")]
    return np.stack([*named, between, above, between**2, above**2], axis=1).astype(float)


def _dispersion(n: np.ndarray, total: np.ndarray, squares: np.ndarray) -> float:
    """Variance of fractions within wordings over that of yes and no with their mean, from (w,) numbers and sums.

    As if one more had been seen that may lie anywhere: gifts that are all alike would leave no variance, and of one a
    wording none is known.
    """
    several = n > 1.0
    degrees = float((n[several] - 1.0).sum())
    within = float((squares[several] - total[several] ** 2 / n[several]).sum())
    mean = float(total.sum() / max(n.sum(), 1e-300))
    relative = within / (mean * (1.0 - mean)) if 0.0 < mean < 1.0 else 0.0
    found = (relative + _UNKNOWN_DISPERSION) / (degrees + 1.0)
    return float(np.clip(found, n.max() / _MOST_ANSWERS, 1.0)) if n.any() else 1.0


def _centred(gifts: Gifts) -> np.ndarray:
    """(c, w, 5) 1 where a wording's answers tell its log odds better than the other wordings do, else 0."""
    yes, no = gifts.successes + 0.5, gifts.trials - gifts.successes + 0.5
    logit, error, known = np.log(yes / no), 1.0 / yes + 1.0 / no, gifts.trials > 0
    number = np.maximum(known.sum(axis=1, keepdims=True), 1)
    centre = np.where(known, logit, 0.0).sum(axis=1, keepdims=True) / number
    excess = np.where(known, (logit - centre) ** 2 - error, 0.0).sum(axis=1, keepdims=True) / number
    return np.asarray(known & (np.maximum(excess, _LEAST_SCATTER**2) > error), dtype=float)


def _binomial(data: Mapping[str, Any], logit: Any) -> Any:
    """Log likelihood of successes among trials, up to the binomial coefficients."""
    return data["successes"] * logit - data["trials"] * pt.softplus(logit)


def _coordinates_of(share: np.ndarray, probability: np.ndarray) -> np.ndarray:
    zero, half, above, interior, *totals = (float(x) for x in (probability @ functionals(share))[:6])
    means = [total / mass if mass > RARE else np.nan for total, mass in zip(totals, (interior, above), strict=True)]
    logits = [
        _log_ratio(zero, half + above + interior),
        _log_ratio(half, above + interior),
        _log_ratio(above, interior),
    ]
    return np.asarray(
        np.clip(
            [*logits, *(np.log(m) - np.log1p(-m) if 0 < m < 1 else _edge(m) for m in means)],
            -LOGIT_LIMIT,
            LOGIT_LIMIT,
        )
    )


def _edge(mean: float) -> float:
    return float("nan") if np.isnan(mean) else (LOGIT_LIMIT if mean >= 1 else -LOGIT_LIMIT)


def _log_ratio(yes: float, no: float) -> float:
    """Log odds; nan where neither side has mass."""
    if yes + no < RARE:
        return float("nan")
    return float(np.log(max(yes, 1e-300)) - np.log(max(no, 1e-300)))


def _kinds(share: np.ndarray) -> dict[str, np.ndarray]:
    zero, half = share <= _TOLERANCE, np.abs(share - 0.5) <= _TOLERANCE
    return {
        "zero": zero,
        "half": half,
        "above": (share > 0.5) & ~half,
        "interior": (share < 0.5) & ~half & ~zero,
    }


def _effective(hit: np.ndarray, weight: np.ndarray, person: np.ndarray) -> tuple[float, float]:
    """Weighted share of hits and the number of independent answers that would leave the same variance."""
    total = float(weight.sum())
    if total == 0:
        return 0.0, 0.0
    share = float(weight @ hit / total)
    people = float(len(np.unique(person)))
    if not 0 < share < 1:
        return share, people
    clustered = float((np.bincount(person, weight * (hit - share)) ** 2).sum()) / total**2
    if clustered * people < 1e-9:
        # Everybody gives as often as everybody else: the spread between people says nothing about the error.
        return share, people
    return share, min(share * (1 - share) / clustered, float(len(hit)))


def _mean(value: np.ndarray, weight: np.ndarray, person: np.ndarray) -> tuple[float, float]:
    """Weighted mean and its standard error clustered by person.

    Gifts that are all alike would leave no error at all: it is at least what one more person, whose gift may lie
    anywhere (uniform, sd .29), would move the mean by.
    """
    total = float(weight.sum())
    mean = float(weight @ value / total)
    error = float(np.sqrt((np.bincount(person, weight * (value - mean)) ** 2).sum())) / total
    return mean, max(error, UNKNOWN_SD / len(np.unique(person)))
