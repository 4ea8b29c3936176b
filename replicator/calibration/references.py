"""Reference posteriors: long runs on small data sets, kept as summaries with the checks that they passed.

After posteriordb (Magnusson et al. 2024, arXiv:2407.04967): ten chains, thinned until draws are nearly independent,
R-hat below 1.01, no divergence, E-BFMI of at least .2. A usual run must agree with them within Monte Carlo error.

    python -m replicator.calibration.references [FOLDER]      makes those that are missing or of another model
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np

import replicator
from replicator import files, theories
from replicator.calibration import plan
from replicator.calibration.plan import Cell
from replicator.calibration.refits import of_posterior
from replicator.inference import builder, sampling
from replicator.inference.data import ChoiceData
from replicator.inference.geometry import geometry
from replicator.inference.sampling import Length
from replicator.inference.simulation import answered, drawn

FOLDER = Path("docs/validation/references")

THEORIES = ("crra", "loss-aversion-power", "hyperbolic", "acceptance-threshold")
"""Choices of a dozen persons each: binary answers under four value functions."""

NUMBER = 1000
"""Of the fit in the plan's stream of random numbers whose truth and answers these are: beyond all that are refitted."""

LONG = Length(chains=10, warmup=1000, draws=2000, accept=0.95)
THIN = 10
QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)

MOST_R_HAT = 1.01
LEAST_E_BFMI = 0.2
MOST_AUTOCORRELATION = 0.1
"""Of thinned draws with the next one: three standard errors of the correlation within a chain of 200 are .21, over ten
chains .07."""

AGREE_Z = 4.0
AGREE_SD = (0.9, 1.1)
"""Difference in Monte Carlo errors, and ratio of sds, that a usual run must keep. The sd of a heavy-tailed posterior is
itself known to some 6% from 1,000 draws: a ratio further off counts where Monte Carlo errors do not explain it."""


@dataclass(frozen=True)
class Summary:
    """Of the draws of one quantity."""

    mean: float
    mcse_mean: float
    sd: float
    mcse_sd: float
    quantiles: Mapping[str, float]


def cells() -> tuple[Cell, ...]:
    """The cells whose models the references are of."""
    return tuple(cell for cell in plan.cells() if cell.kind == "persons" and cell.theory in THEORIES)


def data(cell: Cell) -> ChoiceData:
    """The small data set: answers to a truth from the prior."""
    rng = cell.random("prior", NUMBER)
    asked = cell.data()
    shape = cell.structure(replace(asked, counts=np.ones((len(asked.question), len(asked.options)))))
    return answered(shape, asked, drawn(shape, rng), rng)


def draws(cell: Cell, answers: ChoiceData, length: Length, *, seed: int) -> Any:
    """From the posterior of these answers, as ArviZ holds them."""
    shape = cell.structure(answers)
    fixed = builder.design(theories.get(cell.theory), cell.noise, answers)
    walk = geometry(shape, answers, stake=fixed.table.stake, sensitivity_unit=fixed.sensitivity_unit)
    given, coords = builder.arrays(shape, answers, walk), builder.coords(shape, answers)
    return sampling.draw(
        ("reference", shape, fixed.key(shape)), lambda: builder.build(shape, fixed, given, coords), given, coords,
        seed=seed, length=length, together=shape.likelihood == "probabilities",
    )  # fmt: skip


def names(cell: Cell) -> tuple[str, ...]:
    """Variables that are summarised: where the population stands, how persons differ, and the lapse."""
    coordinates = builder.coordinate_names(cell.structure(data(cell)))
    return (*(f"{name}_coordinate" for name in coordinates), *(f"{name}_sd" for name in coordinates), "lapse")


def summaries(found: Any, variables: tuple[str, ...]) -> dict[str, Summary]:
    """Variable -> summary of its draws (of one condition)."""
    return {name: _summary(np.asarray(found.posterior[name]).squeeze()) for name in variables}


def made(cell: Cell) -> dict[str, Any]:
    """The document of one reference posterior."""
    answers = data(cell)
    found = draws(cell, answers, LONG, seed=plan.SEED)
    thinned = found.posterior.isel(draw=slice(THIN - 1, None, THIN))
    found = az.InferenceData(posterior=thinned, sample_stats=found.sample_stats)
    variables = names(cell)
    checks = checked(found, variables)
    versions = {name: importlib.metadata.version(name) for name in ("pymc", "nutpie", "numpy", "arviz")}
    return {
        "schema": 1,
        "cell": cell.name,
        "design": cell.design,
        "model": of_posterior(cell),
        "seed": plan.SEED,
        "number": NUMBER,
        "chosen": [int(np.argmax(row)) for row in answers.counts],
        "run": {**LONG._asdict(), "thin": THIN, "sampler": "nutpie"},
        "versions": {"replicator": replicator.__version__, **versions},
        "checks": checks,
        "summaries": {name: vars(summary) for name, summary in summaries(found, variables).items()},
    }


def checked(found: Any, variables: tuple[str, ...]) -> dict[str, Any]:
    """What a reference must pass, as found, and whether it does."""
    posterior = found.posterior[list(variables)]
    r_hat = max(float(np.max(value)) for value in az.rhat(posterior).data_vars.values())
    together = max(autocorrelation(np.asarray(posterior[name]).squeeze()) for name in variables)
    divergences, e_bfmi = int(found.sample_stats["diverging"].sum()), float(np.min(az.bfmi(found)))
    passed = r_hat < MOST_R_HAT and abs(together) < MOST_AUTOCORRELATION and divergences == 0 and e_bfmi >= LEAST_E_BFMI
    return {
        "r_hat": round(r_hat, 4), "autocorrelation": round(together, 3), "divergences": divergences,
        "e_bfmi": round(e_bfmi, 3), "passed": bool(passed),
    }  # fmt: skip


def autocorrelation(values: np.ndarray) -> float:
    """Mean over (chain, draw) chains of the correlation of a draw with the next."""
    return float(np.mean([np.corrcoef(chain[:-1], chain[1:])[0, 1] for chain in values]))


def disagreements(reference: Mapping[str, Any], found: Mapping[str, Summary]) -> list[str]:
    """In words, where a run does not agree with a reference."""
    said = []
    for name, given in reference["summaries"].items():
        mine = found[name]
        z = (mine.mean - given["mean"]) / np.hypot(mine.mcse_mean, given["mcse_mean"])
        ratio, apart = mine.sd / given["sd"], abs(mine.sd - given["sd"])
        explained = apart < AGREE_Z * np.hypot(mine.mcse_sd, given["mcse_sd"])
        if abs(z) >= AGREE_Z:
            said.append(f"{name}: means {z:.1f} Monte Carlo errors apart")
        if not AGREE_SD[0] <= ratio <= AGREE_SD[1] and not explained:
            said.append(f"{name}: ratio of sds {ratio:.2f}")
    return said


def read(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """Cell name -> document, of those that are there."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def section(documents: Mapping[str, Mapping[str, Any]]) -> str:
    """What the page says of them."""
    lines = [
        "## Reference posteriors",
        "",
        f"{LONG.chains} chains of {LONG.draws} draws after {LONG.warmup} of warm-up, every {THIN}th kept, of the",
        f"choices of {plan.PERSONS} simulated persons; in `docs/validation/references/` with data and checks. Tests",
        f"hold usual runs to them: means within {AGREE_Z:g} Monte Carlo errors, sds within {AGREE_SD[0]:g} to "
        f"{AGREE_SD[1]:g} of each other or {AGREE_Z:g} Monte Carlo errors.",
        f"Made by `python -m replicator.calibration.references`; so far {len(documents)} of {len(THEORIES)}.",
        "",
        "| theory | quantity | mean | Monte Carlo error | sd | 2.5% | 97.5% |",
        "|---|---|---|---|---|---|---|",
    ]
    for document in documents.values():
        for name, given in document["summaries"].items():
            low, high = given["quantiles"]["0.025"], given["quantiles"]["0.975"]
            lines.append(
                f"| {document['cell'].partition('--')[0]} | {name} | {given['mean']:.4f} | {given['mcse_mean']:.4f} | "
                f"{given['sd']:.4f} | {low:.3f} | {high:.3f} |"
            )
    lines += ["", "| theory | R-hat | autocorrelation | divergences | E-BFMI | |", "|---|---|---|---|---|---|"]
    for document in documents.values():
        checks = document["checks"]
        lines.append(
            f"| {document['cell'].partition('--')[0]} | {checks['r_hat']} | {checks['autocorrelation']} | "
            f"{checks['divergences']} | {checks['e_bfmi']} | {'' if checks['passed'] else '**fails**'} |"
        )
    return "\n".join(lines)


def _summary(values: np.ndarray) -> Summary:
    """Of (chain, draw) values. The error of the sd is that of the mean square over twice the sd (delta method)."""
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    return Summary(
        mean=mean,
        mcse_mean=_error_of_mean(values),
        sd=sd,
        mcse_sd=_error_of_mean((values - mean) ** 2) / (2.0 * sd),
        quantiles={str(q): float(np.quantile(values, q)) for q in QUANTILES},
    )


def _error_of_mean(values: np.ndarray) -> float:
    """Monte Carlo standard error of the mean of (chain, draw) values."""
    return float(np.ravel(az.mcse(values, method="mean"))[0])


def main(folder: Path) -> None:
    """Make the references that are missing in `folder`, or of another model."""
    folder.mkdir(parents=True, exist_ok=True)
    known = read(folder)
    for cell in cells():
        path = folder / f"{cell.name}.json"
        if cell.name not in known or known[cell.name]["model"] != of_posterior(cell):
            files.write_text(path, json.dumps(made(cell), indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
