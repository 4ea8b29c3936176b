"""Runs in the environment of PyStan: compiles a program of hBayesDM's, samples it, leaves draws and seconds behind."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import stan

KEPT = ("mu_pr", "sigma", "rho_pr", "lambda_pr", "tau_pr", "rho", "lambda", "tau", "mu_rho", "mu_lambda", "mu_tau")


def main(folder: Path, seed: int, chains: int, warmup: int, draws: int, adapt_delta: float) -> None:
    program = (folder / "ra_prospect.stan").read_text(encoding="utf-8")
    with np.load(folder / "trials.npz") as trials:
        data = by_person({name: trials[name] for name in trials.files})
    begun = time.perf_counter()
    model = stan.build(program, data=data, random_seed=seed)
    built = time.perf_counter()
    fit = model.sample(
        num_chains=chains, num_warmup=warmup, num_samples=draws, delta=adapt_delta, stepsize=1.0, max_depth=10
    )
    done = time.perf_counter()
    # fit[name] is (..., draw x chain), chains running fastest.
    found = {}
    for name in KEPT:
        values = fit[name]
        found[name] = np.moveaxis(values.reshape(*values.shape[:-1], draws, chains), (-1, -2), (0, 1))
    seconds = {"compiling": np.array(built - begun), "sampling": np.array(done - built)}
    np.savez(folder / "draws.npz", **found, **seconds)


def by_person(trials: dict[str, np.ndarray]) -> dict[str, Any]:
    """Stan's data: one row a person, padded as hBayesDM pads them."""
    person = trials["person"]
    count = np.bincount(person)
    nth = np.concatenate([np.arange(n) for n in count])
    order = np.argsort(person, kind="stable")
    data: dict[str, Any] = {"N": len(count), "T": int(count.max()), "Tsubj": count.tolist()}
    for name, padding in (("gain", 0.0), ("loss", 0.0), ("cert", 0.0), ("gamble", -1)):
        table = np.full((len(count), count.max()), padding, dtype=type(padding))
        table[person[order], nth] = trials[name][order]
        data[name] = table.tolist()
    return data


if __name__ == "__main__":
    folder, seed, chains, warmup, draws, adapt_delta = sys.argv[1:]
    main(Path(folder), int(seed), int(chains), int(warmup), int(draws), float(adapt_delta))
