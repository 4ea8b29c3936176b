"""Print how often 95% intervals from few samples of an amount hold the truth, and what they say on average.

Ten wordings give nothing with a probability around .30, alike or scattered by half a logit; every wording is sampled
once, 3 or 20 times. The argument is the number of simulated data sets for each (60 unless told).
"""

from __future__ import annotations

import sys

import click
import numpy as np
from scipy import special

from replicator.inference import gifts, posterior

GRID = np.arange(101) / 100.0
NOTHING = 0.3


def distribution(nothing: float) -> np.ndarray:
    """Of those who give, a quarter half, 15% three quarters and the others 20 or 30."""
    probability = np.zeros(101)
    probability[[0, 50, 75, 20, 30]] = nothing, *(np.array([0.25, 0.15, 0.4, 0.2]) * (1 - nothing))
    return probability


def main(sets: int) -> None:
    truth = {"p_zero": NOTHING, "mean_share": float(GRID @ distribution(NOTHING))}
    for scatter in (0.0, 0.5):
        for repeats in (1, 3, 20):
            draws = [_draws(scatter, repeats, seed) for seed in range(sets)]
            said = ", ".join(_told(name, value, draws) for name, value in truth.items())
            click.echo(f"wordings scatter by {scatter:g}, {repeats} samples each: {said}")


def _draws(scatter: float, repeats: int, seed: int) -> dict[str, np.ndarray]:
    """Posterior draws from one simulated data set."""
    rng = np.random.default_rng(seed)
    wordings = special.expit(special.logit(NOTHING) + scatter * rng.normal(size=10))
    rows = [
        ("all", wording, GRID, np.eye(101)[amount])
        for wording, p in enumerate(wordings)
        for amount in rng.choice(101, size=repeats, p=distribution(p))
    ]
    return dict(posterior.of_gifts(gifts.from_draws(rows, ("all",)), seed=seed).natural)


def _told(name: str, truth: float, draws: list[dict[str, np.ndarray]]) -> str:
    ends = np.array([np.quantile(one[name], [0.025, 0.975]) for one in draws])
    held = float(((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean())
    mean, width = np.mean([one[name].mean() for one in draws]), np.diff(ends).mean()
    return f"{name} {truth:.2f} held by {held:.0%}, mean {mean:.2f}, width {width:.2f}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
