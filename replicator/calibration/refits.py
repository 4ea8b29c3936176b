"""One fit of simulated answers: where its truth ranks among the draws, and whether the interval holds it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pymc as pm
import pytensor

from replicator import theories
from replicator.calibration import contrast_refits, gift_refits, plan
from replicator.calibration.plan import Cell, Purpose, Task
from replicator.calibration.statistics import RANK_DRAWS
from replicator.inference import builder, posterior, sampling
from replicator.inference.data import ChoiceData
from replicator.inference.geometry import geometry
from replicator.inference.posterior import Posterior
from replicator.inference.simulation import Truth, answered, drawn, usual
from replicator.inference.structure import Structure

FIXED_SPREAD = 0.5
"""Sds of fixed truths, as a fraction of the scales of their half-normal priors; a lapse of .03 and a position effect of
1 go with them."""
FIXED_LAPSE = 0.03
FIXED_POSITION = 1.0

_TAIL = 0.025


@dataclass(frozen=True)
class Row:
    """One quantity of one fit."""

    purpose: Purpose
    number: int
    quantity: str
    truth: float
    mean: float
    sd: float
    low: float
    high: float
    rank: int
    """Draws below the truth, of RANK_DRAWS."""
    passed: bool
    """Whether the sampler's diagnostics passed; fits that failed are counted like the others, and shown."""
    r_hat: float
    ess: float
    divergences: int
    seconds: float
    model: str
    """Fingerprint of the cell's model and settings."""

    @property
    def covered(self) -> bool:
        """Whether the 95% interval holds the truth."""
        return self.low <= self.truth <= self.high


def fit(task: Task, model: str) -> list[Row]:
    """Draw or set the truth, let it answer, fit as any answers are fitted, and look."""
    cell, started = task.cell, time.monotonic()
    rng = cell.random(task.purpose, task.number)
    if cell.kind == "gifts":
        found, known = gift_refits.refitted(rng)
    elif cell.kind == "contrast":
        found, known = contrast_refits.refitted(rng)
    else:
        data = cell.data()
        shape = _shape(cell, data)
        truth = drawn(shape, rng) if task.purpose == "prior" else fixed(shape, task.number, rng)
        answers = answered(shape, data, truth, rng, answers=plan.SAMPLES if cell.kind == "samples" else 1)
        found = posterior.of_choices(shape, answers, seed=int(rng.integers(2**31)))
        known = _quantities(shape, truth, found)
    seconds = time.monotonic() - started
    rows = []
    for name, (value, draws) in known.items():
        low, high = np.quantile(draws, [_TAIL, 1.0 - _TAIL])
        thinned = draws[np.linspace(0, len(draws) - 1, RANK_DRAWS).round().astype(int)]
        rows.append(
            Row(
                purpose=task.purpose, number=task.number, quantity=name, truth=value, mean=float(draws.mean()),
                sd=float(draws.std()), low=float(low), high=float(high), rank=int((thinned < value).sum()),
                passed=found.diagnostics.passed, r_hat=found.diagnostics.r_hat, ess=found.diagnostics.ess_bulk,
                divergences=found.diagnostics.divergences, seconds=seconds, model=model,
            )
        )  # fmt: skip
    return rows


def fixed(shape: Structure, number: int, rng: np.random.Generator) -> Truth:
    """A truth away from the prior's centre: every parameter `plan.OFFSET` prior sds above or below it, in all
    combinations of sides in turn; the units scatter at random around it."""
    parameters = theories.get(shape.theory).parameters
    sides = {p.name: 1.0 if number >> i & 1 else -1.0 for i, p in enumerate(parameters)}
    priors = usual(shape)
    location = {
        name: np.full(shape.conditions, mean + sides.get(name, 0.0) * plan.OFFSET * sd)
        for name, (mean, sd, _) in priors.items()
    }
    chance = drawn(shape, rng)
    spread = {name: FIXED_SPREAD * scale for name, (_, _, scale) in priors.items() if name in chance.spread}
    side = 1.0 if number >> len(parameters) & 1 else -1.0
    return replace(
        chance,
        location=location,
        spread=spread,
        deviation={name: rng.normal(0.0, spread.get(name, 0.0), size=shape.units) for name in chance.deviation},
        lapse=FIXED_LAPSE,
        position=np.full_like(chance.position, side * FIXED_POSITION * shape.position),
        misfit_sd=FIXED_SPREAD * shape.item_misfit,
        misfit=rng.normal(0.0, FIXED_SPREAD * shape.item_misfit, size=chance.misfit.shape),
        residual=FIXED_SPREAD * (chance.residual > 0),
    )


def fingerprint(cell: Cell) -> str:
    """Of what the cell's fits are: their posterior and how it is sampled."""
    lengths = [sampling.USUAL, sampling.NARROW, sampling.LONGER, sampling.SMALLER, sampling.CAREFUL]
    if cell.kind == "samples":
        lengths += [sampling.BENT, sampling.BENT_LONGER]
    settings = [tuple(length) for length in lengths]
    return _hash(f"{of_posterior(cell)} {settings} {plan.OFFSET}")


def of_posterior(cell: Cell) -> str:
    """Fingerprint of the density that the builder gives to a fixed point of a fixed data set. It changes with priors,
    likelihood, design or the plan's seed, and with nothing else."""
    rng, floor = np.random.default_rng(0), 0.0
    if cell.kind == "gifts":
        model = gift_refits.model(rng)
    elif cell.kind == "contrast":
        model = contrast_refits.model(rng)
    else:
        model, floor = _model(cell, rng), _shape(cell, cell.data()).noise_floor
    # Coordinates are the sampler's business and no part of the posterior.
    centrings = [name for name in model.named_vars if name.startswith("centring_")]
    pm.set_data({name: np.zeros_like(model[name].get_value()) for name in centrings}, model=model)
    point = {name: 0.3 * rng.normal(size=np.shape(value)) for name, value in sorted(model.initial_point().items())}
    density = float(model.compile_logp(mode=pytensor.compile.mode.Mode("py", "fast_compile"))(point))
    # At such a point nobody is consistent enough to be near the floor.
    return _hash(f"{density:.6e} {plan.SEED}" + (f" {floor}" if floor else ""))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _model(cell: Cell, rng: np.random.Generator) -> pm.Model:
    """The cell's model of a data set drawn by `rng`."""
    data = cell.data()
    shape = _shape(cell, data)
    data = answered(shape, data, drawn(shape, rng), rng, answers=plan.SAMPLES if cell.kind == "samples" else 1)
    fixed_part = builder.design(theories.get(cell.theory), cell.noise, data)
    walk = geometry(shape, data, stake=fixed_part.table.stake, sensitivity_unit=fixed_part.sensitivity_unit)
    return builder.build(shape, fixed_part, builder.arrays(shape, data, walk), builder.coords(shape, data))


def _shape(cell: Cell, data: ChoiceData) -> Structure:
    """As if answered: a sampled model's questions are answered often enough to lie off the curve."""
    if data.kind == "counts":
        counts = np.zeros((len(data.question), len(data.options)))
        counts[:, 0] = plan.SAMPLES
        data = replace(data, counts=counts)
    return cell.structure(data)


def _quantities(shape: Structure, truth: Truth, found: Posterior) -> Mapping[str, tuple[float, np.ndarray]]:
    """Quantity -> its true value and (draws,): the theory's parameters on their natural scale, what all theories share,
    and the scales of what differs between units, questions and prompts."""
    theory = theories.get(shape.theory)
    natural = theory.natural(np, {p.name: truth.location[p.name] for p in theory.parameters})
    known = {p.name: (float(natural[p.name][0]), np.asarray(found.natural[p.name])[:, 0]) for p in theory.parameters}

    def add(name: str, value: float, variable: str, index: int = 0) -> None:
        draws = posterior.of_coordinate(found, variable)
        known[name] = float(value), draws.reshape((len(draws), -1))[:, index]

    for name in truth.location:
        if name not in known:
            add(name, truth.location[name][0], f"{name}_coordinate")
    add("lapse", truth.lapse, "lapse")
    if shape.position:
        for label in range(shape.label_sets):
            add(f"position_effect[{label}]", truth.position[label, 0], "position_effect", label * (shape.options - 1))
    for name, value in truth.spread.items():
        add(f"{name}_sd", value, f"{name}_sd")
    if shape.item_misfit:
        add("item_misfit_sd", truth.misfit_sd, "item_misfit_sd")
    if shape.likelihood == "probabilities" or shape.cells:
        add("residual", truth.residual, "residual")
    return known
