"""What a regression of parameters on persons' attributes says, as entries of `results.json`.

An entry is called PARAMETER:ATTRIBUTE ("risk_aversion:age", "loss_aversion:group=equalRange") and stands on the
parameter's unconstrained coordinate, where persons are nearly normal; its words say what that is on the natural scale.
No plan names regressions, so that all are exploratory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from replicator import theories
from replicator.inference import builder, posterior
from replicator.inference.attributes import Effect, Regression, name_of
from replicator.inference.data import ChoiceData
from replicator.inference.entries import Entry, Label, nuisance_entry, silent_entries
from replicator.inference.posterior import Posterior
from replicator.inference.structure import structure
from replicator.theories.theory import Theory

_PRIOR_SIZE = 200_000

_NUISANCES = {"sensitivity": "s", "response_intercept": "a"}
"""Symbols of what has slopes beside the theory's parameters: how consistent a person is may go with age too."""


def slope_entries(
    label: Label, data: ChoiceData, found: Posterior, regression: Regression, left_out: int
) -> list[Entry]:
    """One entry for every coordinate and effect; `left_out` persons lack an attribute.

    Slopes are the same in all conditions, where there are several.
    """
    theory = theories.get(label.theory)
    shape = structure(label.theory, label.noise, data, intercept=label.intercept)
    condition = data.conditions[0] if len(data.conditions) == 1 else "all"
    said = _said(regression, left_out)
    entries = []
    for name, spread in builder.spreads(shape).items():
        slopes = posterior.of_coordinate(found, f"{name}_slope")
        for effect in regression.effects:
            sd = builder.slope_sd(spread) * float(np.linalg.norm(effect.weights))
            symbol = _NUISANCES.get(name) or theory.parameter(name).symbol
            entry = nuisance_entry(
                replace(label, primary=None), condition, f"{name}:{effect.label}", f"{symbol}:{effect.label}",
                slopes @ effect.weights, sd * _standard_normal(), found.diagnostics,
            )  # fmt: skip
            natural = [] if name in _NUISANCES else [_in_words(theory, name, effect, found)]
            entry |= {
                "unit": f"{_scale(theory, name)}{effect.unit}",
                "regressed_on": list(regression.attributes),
                "words": [*natural, *said],
            }
            entries.append(entry)
    return entries


def silent(label: Label, asked: Sequence[str], why_not: str) -> list[Entry]:
    """Entries of a regression that a population does not allow."""
    found = []
    for each in asked:
        for entry in silent_entries(replace(label, primary=None), "all", why_not):
            name, symbol = entry["parameter"], entry["symbol"]
            found.append(
                entry
                | {
                    "parameter": f"{name}:{name_of(each)}",
                    "symbol": f"{symbol}:{name_of(each)}",
                    "prior_mean": None,
                    "prior_sd": None,
                    "regressed_on": list(asked),
                }
            )
    return found


def _said(regression: Regression, left_out: int) -> list[str]:
    people = len(regression.matrix)
    fixed = "; the other attributes are held fixed" if len(regression.attributes) > 1 else ""
    found = [f"A regression over {people} persons, which no plan foresaw{fixed}."]
    if left_out:
        names = " or ".join(name_of(each) for each in regression.attributes)
        one = "One more person is" if left_out == 1 else f"{left_out} more persons are"
        found.append(f"{one} left out, whose {names} is not known.")
    return found


def _scale(theory: Theory, name: str) -> str:
    """What stands before a unit where a coordinate is not the parameter itself."""
    scale = "log" if name == "sensitivity" else "logit" if name in _NUISANCES else theory.parameter(name).scale
    return "" if scale == "identity" else f"{scale} "


def _in_words(theory: Theory, name: str, effect: Effect, found: Posterior) -> str:
    """The parameter on its natural scale on both sides of an effect, in the first condition."""
    slopes = {p.name: posterior.of_coordinate(found, f"{p.name}_slope") for p in theory.parameters}
    moved = {
        p.name: posterior.of_coordinate(found, f"{p.name}_coordinate")[:, 0] + slopes[p.name] @ effect.start
        for p in theory.parameters
    }
    here = theory.natural(np, moved)[name]
    moved[name] = moved[name] + slopes[name] @ effect.step
    there = theory.natural(np, moved)[name]
    symbol = theory.parameter(name).symbol
    return (
        f"{symbol} is {float(np.median(here)):.3g} {effect.there} and {float(np.median(there)):.3g} {effect.here} "
        "(medians)."
    )


def _standard_normal() -> np.ndarray:
    """Standard normal draws, seeded, with their mirror images: a mean of zero."""
    half = np.random.default_rng(20023).normal(size=_PRIOR_SIZE // 2)
    return np.concatenate([half, -half])
