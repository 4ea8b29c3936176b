"""Expo-power utility: relative risk aversion that grows with the stakes."""

from __future__ import annotations

from types import ModuleType

from replicator.theories import crra
from replicator.theories.priors import prior
from replicator.theories.theory import Array, Parameter, Parameters, Theory

_SMALL = 1e-8
"""Of k c, below which (1 - exp(-k c)) / k is c to machine precision, but for its second term."""


def utility(xp: ModuleType, parameters: Parameters, amount: Array) -> Array:
    """u(x) = (1 - exp(-k c(x))) / k, with k = a (1-r) and c(x) = (x^(1-r) - 1) / (1-r); elementwise.

    For r < 1 it is Saha's (1 - exp(-a x^(1-r))) / a, doi:10.2307/1243978, up to a positive factor and a constant. It
    goes over into CRRA utility as a -> 0 and into ln x as r -> 1. For r > 1 Saha's falls as x rises, and this is its
    negative, which rises: relative risk aversion r + a (1-r) x^(1-r) still grows with the stakes, but r is then where
    it ends at large ones, and at small ones it is negative without bound.

    `amount` is in units of the largest amount offered: a then has no unit, and nothing is rounded away where utility
    is nearly flat.
    """
    return _bent(xp, _rate(parameters), crra.utility(xp, parameters, amount))


def marginal_utility(xp: ModuleType, parameters: Parameters, amount: Array) -> Array:
    """u'(x) = x^(-r) exp(-k c(x))."""
    slope = xp.exp(-_rate(parameters) * crra.utility(xp, parameters, amount))
    return crra.marginal_utility(xp, parameters, amount) * slope


def inverse(xp: ModuleType, parameters: Parameters, utility: Array) -> Array:
    """x = c^-1(-ln(1 - k u) / k)."""
    rate = _rate(parameters)
    tiny = xp.abs(rate * utility) < _SMALL
    safe = xp.where(tiny, 1.0, rate)
    taken = xp.where(tiny, 0.5, xp.minimum(rate * utility, 1.0 - 1e-16))
    value = xp.where(tiny, utility * (1.0 + rate * utility / 2.0), -xp.log1p(-taken) / safe)
    return crra.inverse(xp, parameters, value)


def natural(xp: ModuleType, coordinates: Parameters) -> dict[str, Array]:
    """r, a = exp(coordinate), and relative risk aversion -x u''(x) / u'(x) = r + a (1-r) x^(1-r) at x = 1."""
    r, a = coordinates["risk_aversion"], xp.exp(coordinates["absolute_risk_aversion"])
    return {"risk_aversion": r, "absolute_risk_aversion": a, "relative_risk_aversion": r + a * (1.0 - r)}


def _rate(parameters: Parameters) -> Array:
    return parameters["absolute_risk_aversion"] * (1.0 - parameters["risk_aversion"])


def _bent(xp: ModuleType, rate: Array, value: Array) -> Array:
    """(1 - exp(-k c)) / k, and its series c (1 - k c / 2) where k c is tiny."""
    tiny = xp.abs(rate * value) < _SMALL
    safe = xp.where(tiny, 1.0, rate)
    return xp.where(tiny, value * (1.0 - rate * value / 2.0), -xp.expm1(-xp.where(tiny, 0.0, rate * value)) / safe)


_PARAMETERS = (
    crra.risk_aversion(
        "expo-power",
        "relative risk aversion where stakes are small, for r below 1: 0 is risk neutral there, positive is averse",
    ),
    Parameter(
        name="absolute_risk_aversion",
        symbol="a",
        scale="log",
        unit="per largest amount",
        description="how fast risk aversion grows with the stakes, counted in the largest amount that is offered: near "
        "0 it does not",
        neutral=None,
        prior=prior("expo-power", "absolute_risk_aversion"),
    ),
)

_AT_THE_LARGEST = Parameter(
    name="relative_risk_aversion",
    symbol="RRA",
    scale="identity",
    unit="",
    description="relative risk aversion r + a (1-r) at the largest amount that is offered",
    neutral=0.0,
    prior=prior("expo-power", "relative_risk_aversion"),
)

EXPO_POWER = Theory(
    name="expo-power",
    title="Expo-power utility",
    equation="u(x) = (1 - exp(-a x^(1-r))) / a, x in units of the largest amount offered; value of a lottery = sum of "
    "p u(x)",
    response="choice",
    parameters=_PARAMETERS,
    derived=(_AT_THE_LARGEST,),
    natural=natural,
    utility=utility,
    marginal_utility=marginal_utility,
    inverse=inverse,
    scale_free=False,
    needs="lotteries over gains at stakes that span tenfold or more within a condition: at one level of stakes r and a "
    "say the same, and only relative risk aversion there shows",
    citation="Saha 1993, doi:10.2307/1243978; Holt & Laury 2002, doi:10.1257/000282802762024700",
)
