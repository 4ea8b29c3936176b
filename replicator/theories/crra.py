"""Constant relative risk aversion: expected utility with u(x) = x^(1-r) / (1-r)."""

from __future__ import annotations

from types import ModuleType

from replicator.theories.priors import prior
from replicator.theories.theory import Array, Parameter, Parameters, Theory, by_scale

_LOG_FLOOR = -50.0
"""log of the smallest amount relative to the stake. u(0) is minus infinity for r >= 1; with this floor the
normalised utility comes close to its limit there (any positive amount is worth 1, nothing is worth 0) and stays
smooth in r; half a stake is worth .986 at r = 1."""


def utility(xp: ModuleType, parameters: Parameters, amount: Array) -> Array:
    """u(x) = (x^(1-r) - 1) / (1-r), ln x at r = 1; elementwise, x >= 0.

    With a = 1 - r and l = ln x: expm1(a l) / a, and its series l (1 + a l / 2) where a is tiny.
    """
    exponent = 1.0 - parameters["risk_aversion"]
    log_amount = xp.log(xp.maximum(amount, xp.exp(_LOG_FLOOR)))
    near_one = xp.abs(exponent) < 1e-6
    safe = xp.where(near_one, 1.0, exponent)
    return xp.where(
        near_one,
        log_amount * (1.0 + exponent * log_amount / 2.0),
        xp.expm1(safe * log_amount) / safe,
    )


def inverse(xp: ModuleType, parameters: Parameters, utility: Array) -> Array:
    """x = (1 + (1-r) u)^(1/(1-r)), e^u at r = 1; elementwise."""
    exponent = 1.0 - parameters["risk_aversion"]
    near_one = xp.abs(exponent) < 1e-6
    safe = xp.where(near_one, 1.0, exponent)
    grown = xp.maximum(safe * utility, -1.0 + 1e-12)
    return xp.where(near_one, xp.exp(utility), xp.exp(xp.log1p(grown) / safe))


def marginal_utility(xp: ModuleType, parameters: Parameters, amount: Array) -> Array:
    """u'(x) = x^(-r)."""
    return xp.exp(-parameters["risk_aversion"] * xp.log(amount))


def risk_aversion(theory: str, description: str) -> Parameter:
    """r, with the prior that a theory gives it and what it means there."""
    return Parameter(
        name="risk_aversion",
        symbol="r",
        scale="identity",
        unit="",
        description=description,
        neutral=0.0,
        prior=prior(theory, "risk_aversion"),
    )


_PARAMETERS = (
    risk_aversion(
        "crra", "coefficient of relative risk aversion: 0 is risk neutral, positive is averse, negative is seeking"
    ),
)

CRRA = Theory(
    name="crra",
    title="Constant relative risk aversion",
    equation="u(x) = x^(1-r) / (1-r), ln x at r = 1; value of a lottery = sum of p u(x)",
    response="choice",
    parameters=_PARAMETERS,
    derived=(),
    natural=by_scale(_PARAMETERS),
    utility=utility,
    marginal_utility=marginal_utility,
    inverse=inverse,
    zero_limit={"risk_aversion": 1.0},
    humans=("bret_boxes", "bret_moblab", "ig_share", "gp97_h", "gp97_l", "hl_safe_byrow", "hl_safe_meta"),
    needs="lotteries over gains among which the better one changes as risk aversion changes; boxes collected and "
    "amounts invested are grids of such lotteries",
    citation="Holt & Laury 2002, doi:10.1257/000282802762024700; Wakker 2008, doi:10.1002/hec.1331; for boxes Crosetto "
    "& Filippin 2013, doi:10.1007/s11166-013-9170-z, and for investments Gneezy & Potters 1997, "
    "doi:10.1162/003355397555217",
)
