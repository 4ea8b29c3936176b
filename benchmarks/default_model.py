"""This package's own fit of people's choices, timed: loss aversion with power utility, persons around a location."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from agreement import Draws, smallest_ess
from gambles import Gambles

from replicator import theories
from replicator.inference import posterior
from replicator.inference.builder import coordinate_names
from replicator.inference.diagnostics import Diagnostics
from replicator.inference.left_out import LeftOut, leave_out, unseen
from replicator.inference.posterior import Posterior
from replicator.inference.replay import replay
from replicator.inference.structure import Structure, structure

THEORY = "loss-aversion-power"


@dataclass(frozen=True)
class Default:
    """Several fits of the same people, with different seeds."""

    shape: Structure
    last: Posterior
    compiling: float
    """Seconds that the first took beyond the median of the others."""
    sampling: tuple[float, ...]
    """Seconds of each of the others, diagnostics included and a second attempt where they failed."""
    ess: tuple[float, ...]
    """Smallest bulk effective sample size in each."""
    worst: str
    """Whose that was in the last."""

    @property
    def per_second(self) -> float:
        return median(ess / seconds for ess, seconds in zip(self.ess, self.sampling, strict=True))

    @property
    def diagnostics(self) -> Diagnostics:
        return self.last.diagnostics


def fit(gambles: Gambles, noise: str, *, seeds: tuple[int, ...]) -> Default:
    """Fits with `seeds`; compiling is told apart by one more, with the first of them."""
    shape = structure(THEORY, noise, gambles.data, intercept=False)
    seconds, sizes, worst = [], [], ""
    for seed in (seeds[0], *seeds):
        begun = time.perf_counter()
        found = posterior.of_choices(shape, gambles.data, seed=seed)
        seconds.append(time.perf_counter() - begun)
        size, worst = smallest_ess(quantities(found, shape, gambles))
        sizes.append(size)
    again = seconds[1:]
    return Default(shape, found, max(seconds[0] - median(again), 0.0), tuple(again), tuple(sizes[1:]), worst)


def quantities(found: Posterior, shape: Structure, gambles: Gambles) -> Draws:
    """Every location and spread, the lapse, the spread of single gambles, and lambda, rho and sensitivity of everybody:
    (chain, draw, ...)."""
    group = found.draws.posterior
    names = coordinate_names(shape)
    kept = {name: np.asarray(group[name]) for name in ("lapse", "item_misfit_sd") if name in group}
    kept |= {f"{name}_sd": np.asarray(group[f"{name}_sd"]) for name in names}
    located = {name: np.asarray(group[f"{name}_coordinate"]) for name in names}
    chains = located[names[0]].shape[:2]
    every = replay(found, shape, gambles.data, size=int(np.prod(chains)))
    everybody = {name: located[name] + value.reshape(*chains, -1) for name, value in every.deviations().items()}
    return kept | natural(located, "typical person") | natural(everybody, "single people")


def left_out_default(fitted: Default, gambles: Gambles, *, size: int, seed: int) -> LeftOut:
    """Everybody left out in their turn, under `size` draws of what people share."""
    return leave_out(replay(fitted.last, fitted.shape, gambles.data, size=size), seed=seed)


def without(fitted: Default, gambles: Gambles, person: int, *, size: int, seed: int) -> tuple[np.ndarray, bool]:
    """(s,) log p(y_i | what people share) of one person under `size` draws of a fit of all others, and whether its
    diagnostics passed."""
    others, own = gambles.without(person).data, gambles.of([person]).data
    shape = replace(fitted.shape, units=len(others.units))
    found = posterior.of_choices(shape, others, seed=seed)
    played = replay(found, shape, others, size=size)
    return unseen(played, own, np.random.default_rng(seed)), found.diagnostics.passed


def natural(coordinates: dict[str, np.ndarray], whose: str) -> dict[str, np.ndarray]:
    theory = theories.get(THEORY)
    values = theory.natural(np, {p.name: coordinates[p.name] for p in theory.parameters})
    values |= {"sensitivity": np.exp(coordinates["sensitivity"])}
    return {f"{name} of the {whose}": np.asarray(value) for name, value in values.items()}
