"""Time preference: what a later payment is worth now."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np

from replicator.theories.priors import prior
from replicator.theories.theory import Array, Parameter, Parameters, Stimuli, Theory

YEAR = 365.0
"""Days."""

Valuation = Callable[[ModuleType, Parameters, Stimuli], Array]


def exponential(xp: ModuleType, parameters: Parameters, days: Array) -> Array:
    """D(t) = exp(-d t), t in years; elementwise."""
    return xp.exp(-parameters["annual_rate"] * days / YEAR)


def hyperbolic(xp: ModuleType, parameters: Parameters, days: Array) -> Array:
    """D(t) = 1 / (1 + k t), t in days (Mazur 1987)."""
    return 1.0 / (1.0 + parameters["discount_rate"] * days)


def quasi_hyperbolic(xp: ModuleType, parameters: Parameters, days: Array) -> Array:
    """D(t) = beta exp(-d t) for t > 0, and 1 now (Laibson 1997, doi:10.1162/003355397555253)."""
    later = parameters["present_bias"] * exponential(xp, parameters, days)
    return xp.where(np.asarray(days) > 0, later, 1.0)


def hyperbolic_natural(xp: ModuleType, coordinates: Parameters) -> dict[str, Array]:
    """k = exp(coordinate), and the coordinate itself, in which people are nearly normal."""
    return {
        "discount_rate": xp.exp(coordinates["discount_rate"]),
        "log_discount_rate": coordinates["discount_rate"],
    }


def exponential_natural(xp: ModuleType, coordinates: Parameters) -> dict[str, Array]:
    """d = exp(coordinate), and the coordinate itself, in which people are nearly normal."""
    return {"annual_rate": xp.exp(coordinates["annual_rate"]), "log_annual_rate": coordinates["annual_rate"]}


def quasi_hyperbolic_natural(xp: ModuleType, coordinates: Parameters) -> dict[str, Array]:
    """As `exponential_natural`, and beta = exp(coordinate)."""
    return {"present_bias": xp.exp(coordinates["present_bias"]), **exponential_natural(xp, coordinates)}


def _present_value(discount: Callable[[ModuleType, Parameters, Array], Array]) -> Valuation:
    """(..., q, k) present value under a discount function: V_k = sum_b p_kb D(t_kb) x_kb."""

    def value(xp: ModuleType, parameters: Parameters, stimuli: Stimuli) -> Array:
        return (stimuli.probability * stimuli.amount * discount(xp, parameters, _days(stimuli))).sum(axis=-1)

    return value


def _days(stimuli: Stimuli) -> np.ndarray:
    return np.zeros(np.shape(stimuli.amount)) if stimuli.delay is None else np.asarray(stimuli.delay)


def annual_rate(theory: str) -> Parameter:
    """d, with the prior that a theory gives it."""
    return Parameter(
        name="annual_rate",
        symbol="d",
        scale="log",
        unit="per year",
        description="rate at which the future is discounted: 0 is perfect patience, larger is more impatient",
        neutral=None,
        prior=prior(theory, "annual_rate"),
    )


def log_annual_rate(theory: str) -> Parameter:
    """ln d, with what the prior of a theory comes to for it."""
    return Parameter(
        name="log_annual_rate",
        symbol="lnd",
        scale="identity",
        unit="ln per year",
        description="natural logarithm of the annual rate d, in which people are nearly normally distributed",
        neutral=None,
        prior=prior(theory, "log_annual_rate"),
    )


def present_bias(theory: str) -> Parameter:
    """beta, with the prior that a theory gives it."""
    return Parameter(
        name="present_bias",
        symbol="beta",
        scale="log",
        unit="",
        description="what anything later is worth besides its delay: 1 is none, below 1 favours the present",
        neutral=1.0,
        prior=prior(theory, "present_bias"),
    )


_EXPONENTIAL = (annual_rate("exponential"),)

EXPONENTIAL = Theory(
    name="exponential",
    title="Exponential discounting",
    equation="value of x in t years = x exp(-d t)",
    response="choice",
    parameters=_EXPONENTIAL,
    derived=(log_annual_rate("exponential"),),
    natural=exponential_natural,
    value=_present_value(exponential),
    reads=frozenset({"delay"}),
    needs="smaller amounts sooner against larger ones later, whose rates of return lie on both sides of d",
    citation="Samuelson 1937, doi:10.2307/2967612",
)

_HYPERBOLIC = (
    Parameter(
        name="discount_rate",
        symbol="k",
        scale="log",
        unit="per day",
        description="1/k days halve an amount: near 0 is patient, larger is more impatient",
        neutral=None,
        prior=prior("hyperbolic", "discount_rate"),
    ),
)

_LOG_DISCOUNT_RATE = Parameter(
    name="log_discount_rate",
    symbol="lnk",
    scale="identity",
    unit="ln per day",
    description="natural logarithm of the discount rate k, in which people are nearly normally distributed",
    neutral=None,
    prior=prior("hyperbolic", "log_discount_rate"),
)

HYPERBOLIC = Theory(
    name="hyperbolic",
    title="Hyperbolic discounting",
    equation="value of x in t days = x / (1 + k t)",
    response="choice",
    parameters=_HYPERBOLIC,
    derived=(_LOG_DISCOUNT_RATE,),
    natural=hyperbolic_natural,
    value=_present_value(hyperbolic),
    reads=frozenset({"delay"}),
    needs="smaller amounts sooner against larger ones later, whose rates at indifference lie on both sides of k",
    citation="Mazur 1987; Kirby, Petry & Bickel 1999, doi:10.1037/0096-3445.128.1.78",
)

_QUASI = (present_bias("quasi-hyperbolic"), annual_rate("quasi-hyperbolic"))

QUASI_HYPERBOLIC = Theory(
    name="quasi-hyperbolic",
    title="Quasi-hyperbolic discounting",
    equation="value of x in t years = beta x exp(-d t) for t > 0, x now",
    response="choice",
    parameters=_QUASI,
    derived=(log_annual_rate("quasi-hyperbolic"),),
    natural=quasi_hyperbolic_natural,
    value=_present_value(quasi_hyperbolic),
    reads=frozenset({"delay"}),
    needs="choices between now and later, and the same between two later dates: only together do they tell present "
    "bias from impatience",
    citation="Laibson 1997, doi:10.1162/003355397555253; Cheung, Tymula & Wang 2021, IZA DP 14625",
)
