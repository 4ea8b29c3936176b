"""How well hBayesDM's model foretells the answers of a person whom it has not seen.

    elpd = sum_i log p(y_i | y_-i),   p(y_i | m, s) = integral p(y_i | x) Normal(x; m, s) dx

with x = m + s z the person's three coordinates. The integral is a weighted mean over draws from a Student-t around the
person's own posterior; people are left out by Pareto-smoothed importance sampling, and where that is unreliable by a
fit without them. `replicator.inference.left_out` does the same for our own models.
"""

from __future__ import annotations

import numpy as np
from agreement import Draws
from gambles import Gambles
from ra_prospect import BOUNDS, log_likelihood
from scipy import special, stats

POINTS = 1000
"""Draws from the proposal of each person."""
WIDER = 1.5
"""Scale matrix of the proposal over the person's posterior covariance."""
HEAVY = 5
"""Degrees of freedom of the proposal."""


def marginal(draws: Draws, gambles: Gambles, *, size: int, seed: int) -> np.ndarray:
    """(s, person) log p(y_i | m, s) under `size` draws of what people share, evenly over the chains."""
    rng = np.random.default_rng(seed)
    everybody = [of_person(draws, draws, gambles, person, size=size, rng=rng) for person in range(gambles.people)]
    return np.stack(everybody, axis=1)


def of_person(
    shared: Draws, seen: Draws, gambles: Gambles, person: int, *, size: int, rng: np.random.Generator
) -> np.ndarray:
    """(s,) log p(y_i | m, s) under `size` draws of m and s, evenly over the chains.

    `seen` are draws of a fit in which the person is: it says where the person's coordinates lie.
    """
    kept, every = _flat(shared), _flat(seen)
    kept = {name: value[np.unique(np.linspace(0, len(value) - 1, size).astype(int))] for name, value in kept.items()}
    location, spread = kept["mu_pr"], kept["sigma"]
    standard = np.stack([every[f"{name}_pr"][:, person] for name in BOUNDS], axis=-1)  # (draw, 3)
    own = every["mu_pr"] + every["sigma"] * standard
    proposal = stats.multivariate_t(own.mean(axis=0), WIDER * np.cov(own.T), df=HEAVY, seed=rng)
    x = proposal.rvs(POINTS)
    weight = log_likelihood(gambles, person, x) - proposal.logpdf(x)
    apart = (x[None] - location[:, None]) / spread[:, None]  # (s, point, 3)
    prior = stats.norm.logpdf(apart).sum(axis=-1) - np.log(spread).sum(axis=-1)[:, None]
    return np.asarray(special.logsumexp(weight + prior, axis=1) - np.log(POINTS))


def _flat(draws: Draws) -> dict[str, np.ndarray]:
    """Name -> (draw, ...), chains one after the other."""
    return {name: value.reshape(-1, *value.shape[2:]) for name, value in draws.items()}
