"""One person at a time, by maximum likelihood and without a prior: the estimator of the classic papers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from replicator.inference.data import ChoiceData
from replicator.inference.tabulation import Direct, Table, sensitivity_unit, stake, valued
from replicator.theories.theory import Theory

BOUND = 8.0
"""Of coordinates around the middle of their priors, and of logs; an optimum there means that the choices separate and
no maximum exists."""


@dataclass(frozen=True)
class Subjects:
    """Estimates of the people whose likelihood has a maximum."""

    natural: dict[str, np.ndarray]
    """Parameter -> (people,) on the natural scale."""
    estimable: int
    people: int


def by_subject(theory: Theory, noise: str, data: ChoiceData, *, intercept: bool) -> Subjects:
    """A logistic fit a person: logit P = sensitivity D(theta) + intercept, for two options.

    Raises ValueError for more than two options.
    """
    if len(data.options) != 2:
        raise ValueError("maximum likelihood by person is written for two options")
    table = valued(theory, noise, data.stimuli, stake=stake(data.stimuli, data.condition))
    unit = sensitivity_unit(noise, data.stimuli, data.condition)
    away = 1.0 - data.status_quo.astype(float)
    sign = float(away[0] - away[1]) if intercept else 0.0
    found = []
    for person in range(len(data.units)):
        rows = data.unit == person
        best = _maximise(theory, table, unit, sign, data.question[rows], data.counts[rows])
        if best is not None:
            found.append(best)
    stacked = np.array(found).reshape(len(found), len(theory.parameters))
    coordinates = {p.name: stacked[:, i] for i, p in enumerate(theory.parameters)}
    natural = {name: np.asarray(v) for name, v in theory.natural(np, coordinates).items()}
    return Subjects(natural, len(found), len(data.units))


def median_interval(values: np.ndarray, *, seed: int, draws: int = 4000) -> tuple[float, float, float]:
    """Bootstrap over people: standard error and 95% interval of their median."""
    rng = np.random.default_rng(seed)
    medians = np.median(rng.choice(values, size=(draws, len(values))), axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(medians.std()), float(low), float(high)


def _maximise(
    theory: Theory, table: Table | Direct, unit: np.ndarray, sign: float, question: np.ndarray, counts: np.ndarray
) -> np.ndarray | None:
    """Coordinates at the maximum; None where all choices are alike or the maximum lies at the bounds."""
    if (counts.sum(axis=0) == 0).any():
        return None
    size = len(theory.parameters)

    def loss(theta: np.ndarray) -> float:
        natural = theory.natural(np, {p.name: theta[i].reshape(1, 1) for i, p in enumerate(theory.parameters)})
        difference = table.differences(np, theory, natural)[0, :, 0]
        eta = unit * np.exp(theta[size]) * difference + sign * theta[size + 1]
        eta = eta[question]
        # -log likelihood: n1 log(1 + e^-eta) + n2 log(1 + e^eta)
        return float(counts[:, 0] @ np.logaddexp(0.0, -eta) + counts[:, 1] @ np.logaddexp(0.0, eta))

    start = np.array([*(p.prior.mean for p in theory.parameters), 0.0, 0.0])
    middle = np.array([*(p.prior.mean for p in theory.parameters), 0.0, 0.0])
    reach = np.array([BOUND] * (size + 1) + [3 * BOUND])
    bounds = list(zip(middle - reach, middle + reach, strict=True))
    best = min(
        (
            optimize.minimize(loss, start + shift * np.eye(len(start))[0], method="L-BFGS-B", bounds=bounds,
                              options={"ftol": 1e-13, "gtol": 1e-9, "maxiter": 1000})
            for shift in (-0.5, 0.0, 0.7)
        ),
        key=lambda result: float(result.fun),
    )  # fmt: skip
    at_bounds = np.abs(best.x - middle) > reach - 1e-3
    return None if at_bounds.any() or best.fun < 1e-6 else np.asarray(best.x[:size])
