"""Parameter recovery by simulation: known persons answer an experiment, and are estimated.

Every fit has a truth of its own, drawn from the prior: where the typical person stands, around whom persons scatter by
half of the prior's sd. Each answers every question once. What a design cannot tell shows as a wide interval, what the
method gets wrong as a truth outside of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from replicator import theories
from replicator.errors import UsageError
from replicator.experiment import Experiment, Fit
from replicator.inference import posterior
from replicator.inference.data import ChoiceData
from replicator.inference.entries import Label, theory_entries
from replicator.inference.simulation import Truth, answered, usual
from replicator.inference.structure import Structure, can_have_intercept, structure
from replicator.inference.unanswered import of_experiment, to_persons
from replicator.theories.stimuli import check_domain
from replicator.theories.theory import Theory

PERSON_SD = 0.5
"""Spread between simulated persons, as a fraction of the prior's sd of every coordinate."""

SENSITIVITY_SD = 0.25
"""Spread between simulated persons of the log of sensitivity."""

LAPSE = 0.02

RECOVERED = ("choice", "number", "amount", "allocation", "threshold")
"""Types of answers that theories of choice read."""

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Recovery:
    """One parameter of one simulated set of persons, and what its estimate says."""

    fit: int
    parameter: str
    symbol: str
    condition: str
    truth: float
    mean: float
    sd: float
    interval: tuple[float, float]
    covered: bool
    identified: bool
    why_not: str | None
    passed: bool
    """Whether the sampler's diagnostics passed."""

    @property
    def document(self) -> dict[str, Any]:
        """As it stands in JSON."""
        return asdict(self)


def recover(
    experiment: Experiment, fit: Fit, *, subjects: int, fits: int, seed: int, progress: Progress | None = None
) -> Iterator[list[Recovery]]:
    """Fit by fit: truths, and their estimates as the typical person of a hierarchy.

    Raises, before the first, UsageError for answers or theories that are not of choice, DataError where the theory
    cannot read the outcomes.
    """
    if experiment.response.type not in RECOVERED:
        raise UsageError(
            f'"{experiment.name}" asks for answers of type "{experiment.response.type}"; choices, numbers, '
            "amounts, allocations and thresholds are recovered.",
            remedy="Name an experiment that asks for one of these; `replicator list experiments --json` tells.",
        )
    theory = theories.get(fit.theory)
    if theory.response not in ("choice", "number"):
        raise UsageError(
            f'"{theory.name}" describes answers and not how persons choose: nobody is simulated with it.',
            remedy="Name a theory of choice with --theory; `replicator list theories` tells.",
        )
    if not theory.parameters:
        raise UsageError(
            f'the theory "{theory.name}" has no parameters to recover.',
            remedy="Name another; `replicator list theories` tells.",
        )
    asked = to_persons(of_experiment(experiment), subjects)
    design = replace(asked, thresholds=experiment.response.type == "threshold")
    check_domain(theory, design.stimuli)
    return _fits(theory, fit, design, fits, seed, progress)


def _fits(
    theory: Theory, fit: Fit, design: ChoiceData, fits: int, seed: int, progress: Progress | None
) -> Iterator[list[Recovery]]:
    for number in range(fits):
        if progress is not None:
            progress(number, fits, f"truth {number + 1} of {fits}")
        rng = np.random.default_rng([seed, number])
        location = {p.name: float(rng.normal(p.prior.mean, p.prior.sd)) for p in theory.parameters}
        shape = structure(theory.name, fit.noise, design, intercept=can_have_intercept(theory, fit.noise, design))
        data = answered(shape, design, _persons(shape, location, rng), rng)
        yield _estimated(number, theory, fit, data, location, seed)
    if progress is not None:
        progress(fits, fits, "done")


def _persons(shape: Structure, location: dict[str, float], rng: np.random.Generator) -> Truth:
    """Persons around the typical one, of a usual sensitivity and without a tendency to accept as such."""
    priors = usual(shape)
    centre = dict.fromkeys(priors, 0.0) | location
    spread = {name: PERSON_SD * priors[name][1] for name in location}
    if shape.sensitive:
        centre, spread = centre | {"sensitivity": priors["sensitivity"][0]}, spread | {"sensitivity": SENSITIVITY_SD}
    apart = {name: (shape.units > 1) * sd * rng.normal(size=shape.units) for name, sd in spread.items()}
    return Truth(
        location={name: np.full(shape.conditions, value) for name, value in centre.items()},
        spread=spread,
        deviation={name: np.zeros(shape.units) for name in priors} | apart,
        lapse=LAPSE,
        position=np.zeros((1, shape.options - 1)),
        misfit_sd=0.0,
        misfit=np.zeros((shape.questions, shape.options - 1)),
        residual=0.0,
    )


def _estimated(
    number: int, theory: Theory, fit: Fit, data: ChoiceData, location: dict[str, float], seed: int
) -> list[Recovery]:
    intercept = can_have_intercept(theory, fit.noise, data)
    found = posterior.of_choices(structure(theory.name, fit.noise, data, intercept=intercept), data, seed=seed)
    truth = {name: float(value) for name, value in theory.natural(np, location).items()}
    label = Label(
        population="simulated", theory=theory.name, noise=fit.noise, elicitation="recorded",
        estimand="typical_person", sampling_unit=data.unit_name, pooling="partial", intercept=intercept, primary=None,
    )  # fmt: skip
    rows = []
    for c, condition in enumerate(data.conditions):
        natural = {name: values[:, c] for name, values in found.natural.items()}
        for entry in theory_entries(label, condition, natural, found.diagnostics, person_sd={}):
            low, high = entry["interval"]
            rows.append(
                Recovery(
                    fit=number, parameter=entry["parameter"], symbol=entry["symbol"], condition=condition,
                    truth=truth[entry["parameter"]], mean=entry["mean"], sd=entry["sd"], interval=(low, high),
                    covered=low <= truth[entry["parameter"]] <= high, identified=entry["identified"],
                    why_not=entry["why_not"], passed=found.diagnostics.passed,
                )
            )  # fmt: skip
    return rows
