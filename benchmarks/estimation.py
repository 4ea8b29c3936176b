"""How fast people's choices are estimated: this package's default, hBayesDM and its model written in PyMC, in one run.

    python benchmarks/estimation.py [--narps | --costs-only] [--noise NOISE] [--iterations N] [--json]

The people of Tom et al. 2007 (or with `--narps` of NARPS) accepted or rejected even gambles. hBayesDM's `ra_prospect`
is taken from its source distribution and sampled by Stan in an environment of its own, its array syntax mechanically
modernised (`hbayesdm.py`). `ra_prospect.py` is the same model in PyMC. Our default is loss aversion with power utility
and noise in money, with a lapse and single gambles' deviations, as the plan of `mixed-gambles` has it. All have four
chains on the same cores, one after the other. Effective samples are the smallest bulk effective sample size of all
locations, spreads and lapses, and of every person's lambda, rho and sensitivity; seconds are those of warm-up and
draws, for our default also of what comes before and after; compiling is counted apart. JSON keys:

    ratio                      effective samples a second of our default over those of hBayesDM
    twin_ratio                 the same of their model in PyMC
    twin_max_z                 largest difference between their posterior means in PyMC and in Stan, in standard errors
                               of Monte Carlo; `twin_expected_z` is the largest to be expected of as many
    elpd_difference, elpd_se   elpd of people left out whole: ours less theirs, and its standard error over people
    elpd_refitted              how many people weighed too much to be left out by importance sampling (Pareto k above
                               its limit) and were left out by a fit of all others, ours and theirs (in PyMC), and how
                               many of these fits failed the diagnostics (of theirs R-hat above 1.01)
    elpd_mc_se                 Monte Carlo standard error of the difference, from these fits
    repeats_ratio              seconds of a fit of 1,000 answers a cell over those of one answer a cell
                               (a sampled model's; `people_repeats_ratio` those of people)
    models_ratio               seconds of fitting ten models that were asked alike over those of one
    table_pays                 distinct amounts up to which a dense product with tabulated utilities is the fastest way
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import click
import distinct_amounts
import grown_data
import hbayesdm
import numpy as np
import ra_prospect
from agreement import (
    Draws,
    Smoothed,
    difference,
    expected_largest,
    largest_r_hat,
    largest_z,
    left_out,
    log_mean,
    log_mean_error,
    smallest_ess,
)
from default_model import Default, fit, left_out_default, without
from gambles import PEOPLE, Gambles, recorded
from left_out_people import marginal, of_person

from replicator.inference.diagnostics import R_HAT
from replicator.inference.left_out import LeftOut, reliable_k

JUDGED = ("mu_pr", "sigma", *ra_prospect.BOUNDS)
"""Quantities of hBayesDM's model: locations, spreads and everybody's parameters."""
ITERATIONS = {"tom": hbayesdm.ITERATIONS, "narps": 600}
"""Of hBayesDM's model, half of them warm-up. With NARPS as many as for Tom et al. would take hours."""
SEEDS = (1, 2, 3)
"""Of our default, whose median counts."""
DRAWS = 250
"""Under which people are left out, of either model."""
REFIT_DRAWS = 4000
"""The same where the fit has not seen the person: then few draws come near."""


@click.command(help=__doc__.split("\n")[0])
@click.option("--narps", is_flag=True, help="NARPS's 108 people in the place of Tom et al.'s 16.")
@click.option("--costs-only", is_flag=True, help="Only what more answers, models and distinct amounts cost.")
@click.option(
    "--noise", type=click.Choice(["logit", "contextual"]), default="logit", show_default=True, help="Of ours."
)
@click.option("--iterations", type=click.IntRange(min=100), help="Of hBayesDM's model, half of them warm-up.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
def main(narps: bool, costs_only: bool, as_json: bool, iterations: int | None, noise: str) -> None:
    name = "narps" if narps else "tom"
    result = {} if costs_only else compared(name, iterations or ITERATIONS[name], noise)
    if not narps:
        result |= costs()
    click.echo(json.dumps(result) if as_json else "\n".join(in_words(result)))


def compared(name: str, iterations: int, noise: str) -> dict[str, Any]:
    """The three fits of one data set, one after the other."""
    gambles, warmup = recorded(name), iterations // 2
    tell(f"{PEOPLE[name]}: {gambles.people} people, {int(gambles.asked.sum()):,} choices; our default")
    ours = fit(gambles, noise, seeds=SEEDS)
    tell(f"{ours.per_second:.0f} effective samples a second ({ours.worst}); their model in PyMC")
    twin = ra_prospect.sample(
        gambles, seed=1, chains=hbayesdm.CHAINS, warmup=warmup, draws=iterations - warmup, cores=cores()
    )
    tell(f"{per_second(twin.draws, twin.sampling):.1f} effective samples a second; hBayesDM")
    theirs = hbayesdm.sample(gambles.trials(), seed=1, warmup=warmup, iterations=iterations, tell=tell)
    rate = per_second(theirs.draws, theirs.sampling)
    tell(f"{rate:.1f} effective samples a second; comparing")
    max_z, count = largest_z(judged(twin.draws), judged(theirs.draws))
    apart = left_out(marginal(theirs.draws, gambles, size=DRAWS, seed=1))
    default = left_out_default(ours, gambles, size=DRAWS, seed=1)
    own = refitted("our default", default, lambda one: without(ours, gambles, one, size=REFIT_DRAWS, seed=1))
    other = refitted(
        "their model in PyMC",
        apart,
        lambda one: ra_prospect_without(theirs.draws, gambles, one, warmup=warmup, draws=iterations - warmup),
    )
    elpd, error = difference(own.elpd, other.elpd)
    return {
        "data": PEOPLE[name],
        "noise": noise,
        "ratio": ours.per_second / rate,
        "twin_ratio": per_second(twin.draws, twin.sampling) / rate,
        "twin_max_z": max_z,
        "twin_expected_z": expected_largest(count),
        "twin_compared": count,
        "elpd_difference": elpd,
        "elpd_se": error,
        "elpd_mc_se": float(np.hypot(own.error, other.error)),
        "elpd_refitted": {
            "ours": own.refits,
            "theirs": other.refits,
            "people": gambles.people,
            "ours_failed": own.failed,
            "theirs_failed": other.failed,
        },
        "ours": told(ours),
        "twin": seconds(twin.draws, twin.compiling, twin.sampling),
        "hbayesdm": seconds(theirs.draws, theirs.compiling, theirs.sampling)
        | {"version": hbayesdm.HBAYESDM, "iterations": iterations},
        "cores": cores(),
    }


class Refitted(NamedTuple):
    """People left out, those who weigh too much by fits of all others."""

    elpd: np.ndarray
    """(person,)"""
    error: float
    """Monte Carlo standard error of their sum, from the fits."""
    refits: int
    failed: int
    """Fits that failed their diagnostics."""


def refitted(model: str, found: LeftOut | Smoothed, without: Callable[[int], tuple[np.ndarray, bool]]) -> Refitted:
    """`without` a person gives (s,) log p(y | what people share), and whether the fit of all others passed."""
    elpd, variance, failed = found.elpd.copy(), 0.0, 0
    heavy = np.flatnonzero(found.k > reliable_k(DRAWS))
    for person in heavy:
        tell(f"{model} without person {person + 1}, of {len(heavy)} such people")
        logs, passed = without(person)
        elpd[person], variance, failed = log_mean(logs), variance + log_mean_error(logs) ** 2, failed + (not passed)
    return Refitted(elpd, float(np.sqrt(variance)), len(heavy), failed)


def ra_prospect_without(
    seen: Draws, gambles: Gambles, person: int, *, warmup: int, draws: int
) -> tuple[np.ndarray, bool]:
    """(s,) log p(y_i | what people share) of one person under draws of a fit of all others by their model in PyMC, and
    whether its chains agree."""
    others = gambles.without(person)
    found = ra_prospect.sample(others, seed=1, chains=hbayesdm.CHAINS, warmup=warmup, draws=draws, cores=cores())
    rng = np.random.default_rng(1)
    logs = of_person(found.draws, seen, gambles, person, size=REFIT_DRAWS, rng=rng)
    return logs, largest_r_hat(judged(found.draws)) <= R_HAT


def costs() -> dict[str, Any]:
    """What more answers, more models and more distinct amounts cost."""
    tell("one answer a cell and a thousand, of a model")
    repeats = grown_data.repeats_ratio("wording")
    tell("the same of people")
    of_people = grown_data.repeats_ratio("person")
    tell("one model and ten")
    models = grown_data.models_ratio()
    tell("distinct amounts")
    gradients = distinct_amounts.seconds()
    return {
        "repeats_ratio": repeats,
        "people_repeats_ratio": of_people,
        "models_ratio": models,
        "table_pays": min(
            distinct_amounts.pays_up_to(gradients, "dense", other) for other in distinct_amounts.WAYS[1:]
        ),
        "gradient_microseconds": {
            way: {str(count): 1e6 * value for count, value in found.items()} for way, found in gradients.items()
        },
    }


def judged(draws: Draws) -> Draws:
    return {name: draws[name] for name in JUDGED}


def per_second(draws: Draws, sampling: float) -> float:
    return smallest_ess(judged(draws))[0] / sampling


def seconds(draws: Draws, compiling: float, sampling: float) -> dict[str, Any]:
    size, worst = smallest_ess(judged(draws))
    return {"compiling": compiling, "sampling": sampling, "ess": size, "smallest": worst}


def told(ours: Default) -> dict[str, Any]:
    return {
        "compiling": ours.compiling,
        "sampling": list(ours.sampling),
        "ess": list(ours.ess),
        "smallest": ours.worst,
        "diagnostics": ours.diagnostics.document(),
    }


def cores() -> int:
    """On which four chains run, ours and theirs."""
    return min(hbayesdm.CHAINS, os.cpu_count() or 1)


def in_words(result: dict[str, Any]) -> list[str]:
    lines = []
    for name in ("ours", "twin", "hbayesdm"):
        if name in result:
            part = result[name]
            lines.append(
                f"{name}: compiled in {part['compiling']:.1f} s, sampled in {part['sampling']} s; smallest effective "
                f"sample size {part['ess']} ({part['smallest']})"
            )
    for way, found in result.get("gradient_microseconds", {}).items():
        each = ", ".join(f"{count}: {value:.0f}" for count, value in found.items())
        lines.append(f"microseconds of a gradient, {way}, by distinct amounts: {each}")
    if "elpd_refitted" in result:
        lines.append(
            "left out by a fit of all others: {ours} of {people} by ours ({ours_failed} failed its diagnostics), "
            "{theirs} by theirs ({theirs_failed})".format(**result["elpd_refitted"])
        )
    numbers = {name: value for name, value in result.items() if isinstance(value, (int, float))}
    return [*lines, *(f"{name:22s} {value:.3g}" for name, value in numbers.items())]


def tell(message: str) -> None:
    click.echo(message, err=True)


if __name__ == "__main__":
    main()
