"""Parameter recovery by simulation: known persons answer an experiment, and are estimated.

Every fit has a truth of its own, drawn from the prior: where the typical person stands, around whom persons scatter by
half of the prior's sd. Each answers every question once. What a design cannot tell shows as a wide interval, what the
method gets wrong as a truth outside of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import special

from replicator import theories
from replicator.errors import UsageError
from replicator.experiment import Experiment, Fit, condition_name
from replicator.inference import posterior
from replicator.inference.data import ChoiceData
from replicator.inference.entries import Label, theory_entries
from replicator.inference.structure import can_have_intercept, structure
from replicator.inference.tabulation import sensitivity_unit, stake, valued
from replicator.theories import priors
from replicator.theories.stimuli import check_domain, stimuli
from replicator.theories.theory import Theory

PERSON_SD = 0.5
"""Spread between simulated persons, as a fraction of the prior's sd of every coordinate."""

SENSITIVITY_SD = 0.25
"""Spread between simulated persons of the log of sensitivity."""

LAPSE = 0.02

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

    Raises UsageError where the experiment does not ask for choices, DataError where the theory cannot read it.
    """
    if experiment.response.type != "choice":
        raise UsageError(
            f'"{experiment.name}" asks for answers of type "{experiment.response.type}"; choices alone are recovered.',
            remedy="Name an experiment with choices; `replicator list experiments --json` tells.",
        )
    theory = theories.get(fit.theory)
    design = _design(experiment, subjects)
    check_domain(theory, design.stimuli)
    for number in range(fits):
        if progress is not None:
            progress(number, fits, f"truth {number + 1} of {fits}")
        rng = np.random.default_rng([seed, number])
        location = {p.name: float(rng.normal(p.prior.mean, p.prior.sd)) for p in theory.parameters}
        counts = _answers(theory, fit.noise, design, location, rng)
        yield _estimated(number, theory, fit, _with(design, counts), location, seed)
    if progress is not None:
        progress(fits, fits, "done")


def _design(experiment: Experiment, subjects: int) -> ChoiceData:
    """Every question of the experiment, put to every person once; nothing is answered yet."""
    cells = [(item, levels) for levels in experiment.conditions() for item in experiment.items]
    conditions = tuple(dict.fromkeys(condition_name(levels) for _, levels in cells))
    options = tuple(option.name for option in experiment.options)
    person, question = np.indices((subjects, len(cells))).reshape(2, -1)
    return ChoiceData(
        kind="counts",
        unit_name="person" if subjects > 1 else "pooled",
        units=tuple(f"person-{n + 1}" for n in range(subjects)),
        questions=tuple(f"{item.id}@{condition_name(levels)}" for item, levels in cells),
        items=tuple(item.id for item, _ in cells),
        conditions=conditions,
        options=options,
        stimuli=stimuli([experiment.outcomes({**levels, **item.variables}) for item, levels in cells], options),
        condition=np.array([conditions.index(condition_name(levels)) for _, levels in cells]),
        unit=person,
        question=question,
        label_sets=("",),
        label_set=np.zeros(len(person), dtype=int),
        position=None,
        logits=np.empty((len(person), 0)),
        counts=np.empty((len(person), 0)),
        status_quo=np.array([option.status_quo for option in experiment.options]),
    )


def _answers(
    theory: Theory, noise: str, design: ChoiceData, location: dict[str, float], rng: np.random.Generator
) -> np.ndarray:
    """(person x question, k) one choice each, from the theory, the noise and a few lapses."""
    people = len(design.units)
    coordinates = {
        p.name: location[p.name] + (people > 1) * PERSON_SD * p.prior.sd * rng.normal(size=(people, 1))
        for p in theory.parameters
    }
    usual = priors.prior("common", f"sensitivity_{noise}").mean
    log_sensitivity = usual + (people > 1) * SENSITIVITY_SD * rng.normal(size=(people, 1))
    table = valued(theory, noise, design.stimuli, stake=stake(design.stimuli, design.condition))
    difference = np.asarray(table.differences(np, theory, theory.natural(np, coordinates)))
    unit = sensitivity_unit(noise, design.stimuli, design.condition)
    eta = (unit[None, :] * np.exp(log_sensitivity))[:, :, None] * difference
    chosen = special.softmax(np.concatenate([eta, np.zeros_like(eta[:, :, :1])], axis=2), axis=2)
    options = len(design.options)
    p = (1.0 - LAPSE) * chosen + LAPSE / options
    return rng.multinomial(1, p.reshape((-1, options))).astype(float)


def _with(design: ChoiceData, counts: np.ndarray) -> ChoiceData:
    given = {name: getattr(design, name) for name in ChoiceData.__dataclass_fields__}
    return ChoiceData(**{**given, "counts": counts})


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
