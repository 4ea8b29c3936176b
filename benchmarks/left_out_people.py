"""How well hBayesDM's model foretells the answers of a person whom it has not seen.

    elpd = sum_i log p(y_i | y_-i),   p(y_i | m, s) = integral p(y_i | x) Normal(x; m, s) dx

with x = m + s z the person's three coordinates. The integral is a weighted mean over draws from a Student-t around the
person's own posterior; people are left out by Pareto-smoothed importance sampling. `replicator.inference.left_out`
does the same for our own models.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from gambles import Gambles
from ra_prospect import BOUNDS, log_likelihood
from scipy import special, stats

POINTS = 1000
"""Draws from the proposal of each person."""
WIDER = 1.5
"""Variance of the proposal over that of the person's posterior."""
HEAVY = 5
"""Degrees of freedom of the proposal."""


def marginal(draws: Mapping[str, np.ndarray], gambles: Gambles, *, size: int, seed: int) -> np.ndarray:
    """(s, person) log p(y_i | m, s) under `size` draws of what people share, evenly over the chains."""
    rng = np.random.default_rng(seed)
    flat = {name: value.reshape(-1, *value.shape[2:]) for name, value in draws.items()}
    kept = np.unique(np.linspace(0, len(flat["mu_pr"]) - 1, size).astype(int))
    location, spread = flat["mu_pr"], flat["sigma"]
    standard = np.stack([flat[f"{name}_pr"] for name in BOUNDS], axis=-1)  # (draw, person, 3)
    found = np.empty((len(kept), gambles.people))
    for person in range(gambles.people):
        own = location + spread * standard[:, person]
        proposal = stats.multivariate_t(own.mean(axis=0), WIDER * np.cov(own.T), df=HEAVY, seed=rng)
        x = proposal.rvs(POINTS)
        weight = log_likelihood(gambles, person, x) - proposal.logpdf(x)
        apart = (x[None] - location[kept][:, None]) / spread[kept][:, None]  # (s, point, 3)
        prior = stats.norm.logpdf(apart).sum(axis=-1) - np.log(spread[kept]).sum(axis=-1)[:, None]
        found[:, person] = special.logsumexp(weight + prior, axis=1) - np.log(POINTS)
    return found
