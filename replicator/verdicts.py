"""Why nothing may be concluded: from what a population answered, or from an estimate made of it.

The one rule for all who give a verdict, in results (`human_questions`) and in words (`report/words`). Both
functions read entries of `results.json` and return reasons as clauses; none means that a verdict may be given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from replicator.thresholds import COMPREHENSION_SHARE, CONTRACTION, LABEL_MASS, VALID_SHARE, WORDINGS


def has_random_weights(population: Mapping[str, Any]) -> bool:
    """Whether a model was never trained."""
    facts = population.get("facts") or {}
    return bool(facts.get("random_weights")) or "random-weights" in _limits(population)


def is_forecast(population: Mapping[str, Any]) -> bool:
    """Whether a population's answers are what a model says that people do."""
    return "forecast" in _limits(population)


def against_population(population: Mapping[str, Any]) -> list[str]:
    """Why nothing may be concluded from what a population answered, whatever was estimated from it."""
    reasons = []
    if has_random_weights(population):
        reasons.append("the model's weights are random, so that it does not choose meaningfully")
    if is_forecast(population):
        reasons.append("it says what people do, which is a forecast and no choice of its own")
    valid = population.get("valid_share")
    if valid is not None and valid < VALID_SHARE:
        reasons.append(f"only {_percent(valid)} of its answers are valid (at least {_percent(VALID_SHARE)} needed)")
    mass = population.get("label_mass")
    if (mass is not None and mass < LABEL_MASS) or "low-label-mass" in _limits(population):
        how_much = "" if mass is None else f"{_percent(mass)} on average, "
        reasons.append(
            "too little of its probability is on the options it was given "
            f"({how_much}at least {_percent(LABEL_MASS)} needed)"
        )
    if population.get("population") != "human" and "wording-limited" in _limits(population):
        reasons.append(
            f"fewer than {WORDINGS} wordings were tried, so its answers may be about the wording (wording-limited)"
        )
    checks = population.get("comprehension")
    if checks is not None and checks["correct_share"] < COMPREHENSION_SHARE:
        reasons.append(
            f"it answered {_percent(checks['correct_share'])} of the comprehension checks rightly (at least "
            f"{_percent(COMPREHENSION_SHARE)} needed), so that its choices need not be about what was asked"
        )
    return reasons


def against_estimate(estimate: Mapping[str, Any]) -> list[str]:
    """Why an estimate supports no verdict, whoever it was made from."""
    reasons, check = unknown(estimate), estimate.get("check")
    if not reasons and check is not None and not check["passed"]:
        words = str(check["words"]).rstrip(".")
        return [words[:1].lower() + words[1:]]
    return reasons


def unknown(estimate: Mapping[str, Any]) -> list[str]:
    """Why a parameter is not known, whether or not its theory is what moves the choices."""
    if estimate.get("mean") is None or not estimate.get("identified"):
        return [str(estimate.get("why_not") or "the choices do not pin it down").rstrip(".")]
    reasons = []
    if (estimate.get("diagnostics") or {}).get("passed") is False:
        reasons.append("the sampler's diagnostics failed")
    contraction = estimate.get("contraction")
    if contraction is not None and contraction < CONTRACTION:
        reasons.append("the posterior says little more than its prior")
    return reasons


def _limits(population: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(population.get("limits") or ())


def _percent(share: float) -> str:
    """To a tenth, and never "0%" for some."""
    return "less than 0.1%" if 0 < share < 0.001 else f"{100 * share:.1f}".removesuffix(".0") + "%"
