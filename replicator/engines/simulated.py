"""Simulated people: drawn from a population's parameters, answering by their theory with exact probabilities.

Nothing here reads words. A person is a value of every parameter; `choice_probabilities` says how often each
person picks each option, and the mean over people is what a perfect copy of the population would emit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtri, softmax

from replicator.errors import DataError
from replicator.experiment import Outcome, Value
from replicator.references import Distribution, Population
from replicator.theories import Stimuli, Theory
from replicator.theories.noise import contextual, equivalent
from replicator.theories.stimuli import check_domain, declared, stimuli

Floats = NDArray[np.float64]

People = Mapping[str, Floats]
"""Parameter (and "sensitivity") -> one value a person, shape (n,)."""

_STEEPEST = 700.0
"""Largest exponential tilt over a grid of unit width; beyond it all mass lies on the end point anyway."""


def draw_people(population: Population, n: int, seed: int) -> dict[str, Floats]:
    """`n` people drawn at random, parameters independent of one another."""
    uniform = np.random.default_rng(seed).random((n, len(population.parameters)))
    return _people(population, uniform)


def spread_people(population: Population, n: int) -> dict[str, Floats]:
    """`n` people spread evenly over the population, for averages: the same ones every time.

    A Kronecker sequence (Niederreiter 1992): person i has quantile (1/2 + i a_j) mod 1 in parameter j, with
    a_j the powers of the inverse root of x^(d+1) = x + 1. Averages err by some 1/n, random ones by 1/sqrt(n).
    """
    dimensions = len(population.parameters)
    root = brentq(lambda x: x ** (dimensions + 1) - x - 1.0, 1.0, 2.0)
    steps = root ** -np.arange(1.0, dimensions + 1.0)
    return _people(population, (0.5 + np.outer(np.arange(1, n + 1), steps)) % 1.0)


def choice_probabilities(
    theory: Theory,
    people: People,
    outcomes: Sequence[Outcome],
    options: Sequence[str],
    *,
    lapse: float = 0.0,
    tilt: Floats | None = None,
    variables: Mapping[str, Value] | None = None,
) -> Floats:
    """How often each person picks each option of one question, or each amount, (n, k).

        P_k = (1 - lapse) Q_k + lapse / K,    Q_k proportional to W_k exp(tilt_k)

    with W_k = exp(sensitivity V_k) for choices, V the contextual utility, W the distribution of gifts for
    amounts, and the probability that a theory says itself. `tilt` (k,) is what the presentation adds to the logits,
    `variables` are the item's and the factor's; people's "stake", alike for all, is the amount that theories count in
    which are not free of scale. Raises DataError where the theory does not speak about such
    outcomes, or utility overflows.
    """
    shift = np.zeros(len(options)) if tilt is None else tilt
    if theory.response == "amount":
        weights = _gifts(people, np.array([float(option) for option in options])) * np.exp(shift)
        chosen = weights / weights.sum(axis=-1, keepdims=True)
    else:
        stake = float(people["stake"][0]) if "stake" in people else None
        question = declared(stimuli([outcomes], options, reference=stake), options, [variables or {}])
        chosen = softmax(_logits(theory, people, question) + shift, axis=-1)
    return np.asarray((1.0 - lapse) * chosen + lapse / len(options))


def contrast_probabilities(
    people: People, side: float, place: int, options: int, *, lapse: float = 0.0, tilt: Floats | None = None
) -> Floats:
    """How often each person picks each of `options` options, (n, k), at one level of a contrast.

    The option at `place` is picked with log odds baseline + side x (log odds ratio), side 1/2 at the first level and
    -1/2 at the second; the others share the rest evenly. `tilt` and `lapse` as in `choice_probabilities`.
    """
    logits = np.zeros((len(people["baseline"]), options))
    logits[:, place] = people["baseline"] + side * people["log_odds_ratio"] + np.log(options - 1.0)
    chosen = softmax(logits + (0.0 if tilt is None else tilt), axis=-1)
    return np.asarray((1.0 - lapse) * chosen + lapse / options)


def gift_probabilities(
    grid: Floats,
    *,
    p_zero: float,
    p_half: float,
    p_above: float,
    interior_mean: float,
    above_mean: float,
    p_all: float | None = None,
) -> Floats:
    """Distribution of a gift over `grid` (k,), ascending amounts of which the last is the endowment.

    Spikes stand at nothing (the smallest amount), at half (the nearest amount) and, given `p_all`, which is
    part of `p_above`, at everything. Between them gifts follow the flattest (maximum-entropy) distribution
    with the mean asked for, w(x) proportional to exp(tilt x). `interior_mean` is a fraction of half,
    `above_mean` a fraction of the way from half to everything. Where the grid has nothing between, the mass
    goes to the ends so that the mean stays.
    """
    share = grid / grid[-1]
    half = int(np.abs(share - 0.5).argmin())
    gifts = np.zeros(len(grid))
    gifts[0] += p_zero
    gifts[half] += p_half
    interior = share[half] * interior_mean
    gifts += _between(share, 0, half, 1.0 - p_zero - p_half - p_above, interior)
    above = share[half] + (1.0 - share[half]) * above_mean
    last = len(grid) - 1
    if p_all is None:
        # No spike is asked for: everything is one more amount above half.
        return gifts + _flattest(share, np.arange(half + 1, len(grid)), p_above, above)
    gifts[last] += p_all
    rest = p_above - p_all
    if rest > 0:
        gifts += _between(share, half, last, rest, (p_above * above - p_all) / rest)
    return gifts


def _people(population: Population, uniform: Floats) -> dict[str, Floats]:
    columns = zip(population.parameters.items(), uniform.T, strict=True)
    return {name: _quantile(distribution, column) for (name, distribution), column in columns}


def _quantile(distribution: Distribution, uniform: Floats) -> Floats:
    if distribution.name == "constant":
        return np.full(uniform.shape, distribution.location)
    # Quantile 0 would be an infinite person.
    deviation = distribution.spread * ndtri(np.clip(uniform, 1e-12, 1 - 1e-12))
    if distribution.name == "lognormal":
        return np.asarray(distribution.location * np.exp(deviation))
    return np.asarray(distribution.location + deviation)


def _logits(theory: Theory, people: People, question: Stimuli) -> Floats:
    """sensitivity x contextual utility, (n, k); of theories that have none, x money as a fraction of the stake; or the
    logarithms of the probabilities that a theory says itself."""
    check_domain(theory, question)
    columns = {parameter.name: people[parameter.name][:, None, None, None] for parameter in theory.parameters}
    if theory.log_probabilities is not None:
        # People who are alike are computed once: a grid of answers by level is large.
        kinds, person = np.unique(np.column_stack([people[name] for name in columns]), axis=0, return_inverse=True)
        each = {name: kinds[:, i, None, None, None] for i, name in enumerate(columns)}
        return np.asarray(theory.log_probabilities(np, each, question))[person.reshape(-1), 0, :]
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = contextual if theory.utility is not None else equivalent
        values = np.asarray(scaled(np, theory, columns, question))
    values = values.reshape((-1, len(question.amount[0])))  # (n, 1, k), or without parameters (1, k) -> (n, k)
    if not np.isfinite(values).all():
        extreme = ", ".join(f"{name} up to {np.abs(column).max():g}" for name, column in columns.items())
        raise DataError(f"utility overflows with {extreme}.", remedy="Choose parameters nearer to people's.")
    return np.asarray(people["sensitivity"][:, None] * values)


def _gifts(people: People, grid: Floats) -> Floats:
    """Distribution of every person's gift, (n, k); people who are alike are computed once."""
    names = list(people)
    kinds, person = np.unique(np.column_stack([people[name] for name in names]), axis=0, return_inverse=True)
    gifts = [gift_probabilities(grid, **dict(zip(names, kind.tolist(), strict=True))) for kind in kinds]
    return np.stack(gifts)[person.reshape(-1)]


def _between(share: Floats, low: int, high: int, mass: float, mean: float) -> Floats:
    """`mass` over the amounts strictly between two indices, or over those two where nothing lies between."""
    inside = np.arange(low + 1, high)
    return _flattest(share, inside if len(inside) else np.array([low, high]), mass, mean)


def _flattest(share: Floats, points: NDArray[np.intp], mass: float, mean: float) -> Floats:
    """Maximum-entropy weights on `points` with the given mean (the nearest possible one), zero elsewhere."""
    weights = np.zeros(len(share))
    if mass <= 0.0 or not len(points):
        return weights
    at = share[points]
    if mean <= at[0] or len(points) == 1 or at[0] == at[-1]:
        weights[points[0]] = mass
    elif mean >= at[-1]:
        weights[points[-1]] = mass
    else:
        position = (at - at[0]) / (at[-1] - at[0])
        target = (mean - at[0]) / (at[-1] - at[0])

        def excess(tilt: float) -> float:
            return float(softmax(tilt * position) @ position) - float(target)

        beyond = excess(-_STEEPEST) * excess(_STEEPEST) >= 0.0
        tilt = np.sign(target - 0.5) * _STEEPEST if beyond else brentq(excess, -_STEEPEST, _STEEPEST)
        weights[points] = mass * softmax(tilt * position)
    return weights
