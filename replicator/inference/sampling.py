"""Sampling: compile a structure once, swap the data, draw with nutpie. What will change with pymc 6 and
arviz 1 (compilation, containers, intervals) is kept in this file and in `diagnostics`."""

from __future__ import annotations

import dataclasses
import logging
import os
import warnings
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import nutpie
import pymc as pm
from pytensor.configdefaults import config
from threadpoolctl import threadpool_limits

Draws = Any
"""An `arviz.InferenceData` with the groups posterior and sample_stats."""


class Length(NamedTuple):
    """Of a run of the sampler; counts of draws are by chain."""

    chains: int
    warmup: int
    draws: int
    accept: float


USUAL = Length(chains=4, warmup=600, draws=1000, accept=0.9)
NARROW = USUAL._replace(accept=0.97)
"""Of a model's answers, prompt by prompt, whose posteriors are narrow and bent: at .9 one fit in four diverges
somewhere, at .97 one in twenty."""
BENT = NARROW._replace(warmup=1000, accept=0.985)
"""Of choices drawn from a model's prompts, whose scatter is summed over, under a theory: what sensitivity, curvature
and lapse can do for each other is a narrower ridge yet, and no scatter of the prompts' own is left to go round it."""
LONGER = Length(chains=4, warmup=1200, draws=3000, accept=0.97)
"""Where chains did not mix."""
BENT_LONGER = LONGER._replace(accept=BENT.accept)
"""The same after `BENT`."""
SMALLER = Length(chains=4, warmup=1200, draws=2000, accept=0.97)
"""Where they diverged here and there, or energy told of a funnel."""
CAREFUL = SMALLER._replace(accept=0.995)
"""Where they diverged often, or with smaller steps too."""

_compiled: dict[Hashable, Any] = {}

logging.getLogger("pytensor").setLevel(logging.ERROR)

config.numba__fastmath = False
"""Sums as they are written. Else the compiler rearranges them, one way where it compiles a model and another where it
finds its functions in the cache: the first run with a seed would not agree with the second."""


def draw(
    key: Hashable,
    build: Callable[[], pm.Model],
    data: Mapping[str, np.ndarray],
    coords: Mapping[str, Any],
    *,
    seed: int,
    length: Length,
    together: bool,
) -> Draws:
    """Draws from the posterior of the model that `key` stands for, compiled on first use.

    `data` and `coords` replace those that the model was built with. The same seed gives the same draws. Where many
    parameters move `together`, as they do where exact answers pin down their sums, the sampler learns which.
    """
    if key not in _compiled:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = build()
            # Where starts are given, only scales start apart. Exact answers pin everything else to within hundredths,
            # so that a jitter of one would throw chains into far regions, where misfit explains what the theory should.
            given = any(name.startswith("start_") for name in data)
            scales = {rv for rv in model.free_RVs if rv.name.endswith("sd") or rv.name == "residual"}
            jittered = scales if given else set(model.free_RVs)
            _compiled[key] = model, nutpie.compile_pymc_model(model, jitter_rvs=jittered)
    model, compiled = _compiled[key]
    with model:
        pm.set_data({name: values for name, values in data.items() if name.startswith("start_")})
    # What the structure does not read (the stake under contextual utility) is no longer in the compiled graph.
    read = {name: values for name, values in data.items() if name in compiled.shared_data}
    compiled = dataclasses.replace(compiled.with_data(**read), _coords=dict(coords))
    # The chains are the threads: those of the matrix library would only stand in their way.
    with threadpool_limits(limits=1):
        return _sample(compiled, seed, length, together=together)


def _sample(compiled: Any, seed: int, length: Length, *, together: bool) -> Draws:
    return nutpie.sample(
        compiled,
        chains=length.chains,
        tune=length.warmup,
        draws=length.draws,
        cores=min(length.chains, os.cpu_count() or 1),
        seed=seed,
        target_accept=length.accept,
        progress_bar=False,
        save_warmup=False,
        low_rank_modified_mass_matrix=together,
    )
