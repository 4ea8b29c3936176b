"""Whether two samplers sampled one posterior, how well each did, and which model foretells better: sums over draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import arviz as az
import numpy as np
from scipy import integrate, special, stats

Draws = Mapping[str, np.ndarray]
"""Name -> (chain, draw, ...)."""


def smallest_ess(draws: Draws) -> tuple[float, str]:
    """The smallest bulk effective sample size of all quantities, and whose it is."""
    found = {name: float(np.min(values)) for name, values in _each(draws, az.ess).items()}
    worst = min(found, key=found.__getitem__)
    return found[worst], worst


def largest_r_hat(draws: Draws) -> float:
    """Of all quantities."""
    return max(float(np.max(values)) for values in _each(draws, az.rhat).values())


def largest_z(one: Draws, other: Draws) -> tuple[float, int]:
    """The largest |difference of means| / sqrt(MCSE^2 + MCSE^2) of the quantities that both have, and their number."""
    shared = sorted(set(one) & set(other))
    errors = [_each({name: draws[name] for name in shared}, az.mcse) for draws in (one, other)]
    z = [
        np.abs(one[name].mean(axis=(0, 1)) - other[name].mean(axis=(0, 1)))
        / np.sqrt(errors[0][name] ** 2 + errors[1][name] ** 2)
        for name in shared
    ]
    every = np.concatenate([np.ravel(values) for values in z])
    return float(every.max()), len(every)


def expected_largest(count: int) -> float:
    """E max |z| of `count` independent standard normals: integral of 1 - P(|z| < t)^count over t."""
    value, _ = integrate.quad(lambda t: 1.0 - (2.0 * stats.norm.cdf(t) - 1.0) ** count, 0.0, 40.0)
    return float(value)


@dataclass(frozen=True)
class Smoothed:
    """People left out one by one."""

    elpd: np.ndarray
    """(person,)"""
    k: np.ndarray
    """(person,) shape of the tail of the importance weights."""


def left_out(likelihood: np.ndarray) -> Smoothed:
    """From (s, person) log p(y_i | what people share), by Pareto-smoothed importance sampling (Vehtari, Gelman & Gabry
    2017, doi:10.1007/s11222-016-9696-4)."""
    weights, k = az.psislw(-likelihood.T)
    return Smoothed(special.logsumexp(np.asarray(weights) + likelihood.T, axis=1), np.asarray(k))


def log_mean(logs: np.ndarray) -> float:
    """Logarithm of the mean of (s,) exponentials: with log p(y | draw), log p(y)."""
    return float(special.logsumexp(logs) - np.log(len(logs)))


def log_mean_error(logs: np.ndarray) -> float:
    """Monte Carlo standard error of `log_mean` of (s,) independent draws: that of the mean over the mean."""
    each = np.exp(logs - logs.max())
    return float(each.std(ddof=1) / each.mean() / np.sqrt(len(each)))


def difference(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Sum over people of (person,) differences in elpd, and its standard error over people."""
    apart = ours - theirs
    return float(apart.sum()), float(np.sqrt(len(apart) * apart.var(ddof=1)))


def _each(draws: Draws, statistic) -> dict[str, np.ndarray]:  # type: ignore[no-untyped-def]
    data = az.convert_to_dataset(dict(draws))
    found = statistic(data, method={az.ess: "bulk", az.mcse: "mean", az.rhat: "rank"}[statistic])
    return {name: np.asarray(found[name]) for name in draws}
