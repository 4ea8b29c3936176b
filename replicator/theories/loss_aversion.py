"""Loss aversion in mixed gambles, with linear or with power utility (one curvature for gains and losses)."""

from __future__ import annotations

from types import ModuleType

from replicator.theories.priors import prior
from replicator.theories.theory import Array, Parameter, Parameters, Theory, by_scale

_FLOOR = 1e-12
"""Keeps log x finite at x = 0, where x^rho is 0 to machine precision for any plausible rho."""


def linear_utility(xp: ModuleType, parameters: Parameters, amount: Array) -> Array:
    """u(x) = x for gains, lambda x for losses; elementwise."""
    return xp.where(amount < 0, parameters["loss_aversion"] * amount, amount)


def linear_marginal_utility(xp: ModuleType, parameters: Parameters, amount: Array) -> Array:
    """u'(x) = 1 for gains."""
    return xp.ones_like(parameters["loss_aversion"] * amount)


def linear_inverse(xp: ModuleType, parameters: Parameters, utility: Array) -> Array:
    """x = u for gains, u / lambda for losses."""
    return xp.where(utility < 0, utility / parameters["loss_aversion"], utility)


def power_utility(xp: ModuleType, parameters: Parameters, amount: Array) -> Array:
    """u(x) = x^rho for gains, -lambda (-x)^rho for losses; elementwise.

    One rho serves both signs: with two, lambda depends on the currency's unit and is not identified
    (Nilsson et al. 2011, doi:10.1016/j.jmp.2010.08.006; Wakker 2010).
    """
    magnitude = xp.abs(amount)
    size = xp.exp(parameters["curvature"] * xp.log(xp.maximum(magnitude, _FLOOR)))
    size = xp.where(magnitude <= _FLOOR, 0.0, size)
    return xp.where(amount < 0, -parameters["loss_aversion"] * size, size)


def power_marginal_utility(xp: ModuleType, parameters: Parameters, amount: Array) -> Array:
    """u'(x) = rho x^(rho-1) for gains."""
    rho = parameters["curvature"]
    return rho * xp.exp((rho - 1.0) * xp.log(amount))


def power_inverse(xp: ModuleType, parameters: Parameters, utility: Array) -> Array:
    """x = u^(1/rho) for gains, -(-u / lambda)^(1/rho) for losses."""
    size = xp.abs(utility) / xp.where(utility < 0, parameters["loss_aversion"], 1.0)
    amount = xp.exp(xp.log(xp.maximum(size, _FLOOR)) / parameters["curvature"])
    amount = xp.where(size <= _FLOOR, 0.0, amount)
    return xp.where(utility < 0, -amount, amount)


def power_natural(xp: ModuleType, coordinates: Parameters) -> dict[str, Array]:
    """rho = exp(coordinate) and lambda = exp(coordinate x rho).

    The coordinate of loss aversion is log(lambda) / rho, the log of the ratio of gain to loss at which a 50-50
    gamble is accepted half of the time. The choices show that ratio directly, so it is nearly orthogonal to
    the curvature, whereas lambda itself trades off against it.
    """
    rho = xp.exp(coordinates["curvature"])
    return {"loss_aversion": xp.exp(coordinates["loss_aversion"] * rho), "curvature": rho}


def loss_aversion(theory: str) -> Parameter:
    """lambda, with the prior that a theory gives it."""
    return Parameter(
        name="loss_aversion",
        symbol="lambda",
        scale="log",
        unit="",
        description="how much more a loss weighs than an equal gain: 1 is neutral, above 1 is loss averse",
        neutral=1.0,
        prior=prior(theory, "loss_aversion"),
    )


def curvature(theory: str, symbol: str = "rho") -> Parameter:
    """rho, or what the literature of a theory calls it, with the prior that the theory gives it."""
    return Parameter(
        name="curvature",
        symbol=symbol,
        scale="log",
        unit="",
        description="exponent of utility: 1 is linear, below 1 flattens large amounts",
        neutral=1.0,
        prior=prior(theory, "curvature"),
    )


_LINEAR = (loss_aversion("loss-aversion"),)

_POWER = (loss_aversion("loss-aversion-power"), curvature("loss-aversion-power"))

LINEAR = Theory(
    name="loss-aversion",
    title="Loss aversion with linear utility",
    equation="u(x) = x for gains, lambda x for losses; value of a gamble = sum of p u(x)",
    response="choice",
    parameters=_LINEAR,
    derived=(),
    natural=by_scale(_LINEAR),
    utility=linear_utility,
    marginal_utility=linear_marginal_utility,
    inverse=linear_inverse,
    losses=True,
    needs="mixed gambles whose ratio of gain to loss lies on both sides of lambda",
    citation="Tom, Fox, Trepel & Poldrack 2007, doi:10.1126/science.1134239",
)

POWER = Theory(
    name="loss-aversion-power",
    title="Loss aversion with power utility",
    equation="u(x) = x^rho for gains, -lambda (-x)^rho for losses; value of a gamble = sum of p u(x)",
    response="choice",
    parameters=_POWER,
    derived=(),
    natural=power_natural,
    utility=power_utility,
    marginal_utility=power_marginal_utility,
    inverse=power_inverse,
    losses=True,
    needs="mixed gambles with symmetric ranges of gains and losses and stakes that differ several-fold",
    citation="Sokol-Hessner et al. 2009, doi:10.1073/pnas.0806761106",
)
