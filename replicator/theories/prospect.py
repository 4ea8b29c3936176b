"""Rank-dependent utility and cumulative prospect theory: probabilities are distorted, outcomes weighed by rank."""

from __future__ import annotations

import math
from types import ModuleType

from replicator.theories.loss_aversion import (
    curvature,
    loss_aversion,
    power_inverse,
    power_marginal_utility,
    power_natural,
    power_utility,
)
from replicator.theories.priors import prior
from replicator.theories.theory import Array, Parameter, Parameters, Theory, by_scale

LEAST_GAMMA = 0.28
"""Below about .279 Tversky & Kahneman's function falls with the probability somewhere (Rieger & Wang 2006,
doi:10.1007/s00199-005-0013-8)."""


def gain_utility(xp: ModuleType, parameters: Parameters, amount: Array) -> Array:
    """u(x) = x^rho, x >= 0; elementwise."""
    return power_utility(xp, {"loss_aversion": 1.0, "curvature": parameters["curvature"]}, amount)


def gain_inverse(xp: ModuleType, parameters: Parameters, utility: Array) -> Array:
    """x = u^(1/rho)."""
    return power_inverse(xp, {"loss_aversion": 1.0, "curvature": parameters["curvature"]}, utility)


def prelec(xp: ModuleType, parameters: Parameters, probability: Array) -> Array:
    """w(p) = exp(-(-ln p)^a) (Prelec 1998, doi:10.2307/2998573); 0 < p < 1."""
    return xp.exp(-xp.exp(parameters["probability_weighting"] * xp.log(-xp.log(probability))))


def prelec_two(xp: ModuleType, parameters: Parameters, probability: Array) -> Array:
    """w(p) = exp(-b (-ln p)^a)."""
    power = xp.exp(parameters["probability_weighting"] * xp.log(-xp.log(probability)))
    return xp.exp(-parameters["elevation"] * power)


def tversky_kahneman(xp: ModuleType, parameters: Parameters, probability: Array) -> Array:
    """w(p) = p^c / (p^c + (1-p)^c)^(1/c) (Tversky & Kahneman 1992, doi:10.1007/BF00122574); 0 < p < 1."""
    c = parameters["weighting_curvature"]
    log_p, log_q = c * xp.log(probability), c * xp.log1p(-probability)
    return xp.exp(log_p - (log_p + xp.log1p(xp.exp(log_q - log_p))) / c)


def tversky_kahneman_natural(xp: ModuleType, coordinates: Parameters) -> dict[str, Array]:
    """rho = exp(coordinate), and c = .28 + .72 exp(coordinate): monotone weights throughout, 1 in the middle."""
    return {
        "curvature": xp.exp(coordinates["curvature"]),
        "weighting_curvature": LEAST_GAMMA + (1.0 - LEAST_GAMMA) * xp.exp(coordinates["weighting_curvature"]),
    }


def cumulative_natural(xp: ModuleType, coordinates: Parameters) -> dict[str, Array]:
    """As for loss aversion with power utility, and a = exp(coordinate)."""
    return {
        **power_natural(xp, coordinates),
        "probability_weighting": xp.exp(coordinates["probability_weighting"]),
    }


def _weighting(theory: str) -> Parameter:
    return Parameter(
        name="probability_weighting",
        symbol="a",
        scale="log",
        unit="",
        description="1 takes probabilities as they are; below 1 small ones count for more and large ones for less",
        neutral=1.0,
        prior=prior(theory, "probability_weighting"),
    )


_RANK = (curvature("rank-dependent"), _weighting("rank-dependent"))

RANK_DEPENDENT = Theory(
    name="rank-dependent",
    title="Rank-dependent utility, Prelec's weighting with one parameter",
    equation="u(x) = x^rho; w(p) = exp(-(-ln p)^a); value of a lottery = sum of pi u(x), pi by rank",
    response="choice",
    parameters=_RANK,
    derived=(),
    natural=by_scale(_RANK),
    utility=gain_utility,
    marginal_utility=power_marginal_utility,
    inverse=gain_inverse,
    weight=prelec,
    humans=("gamma_frey17",),
    needs="lotteries over gains whose probabilities range from small to large, at stakes that differ several-fold",
    citation="Quiggin 1982, doi:10.1016/0167-2681(82)90008-7; Prelec 1998, doi:10.2307/2998573",
)

_RANK_TWO = (
    curvature("rank-dependent-two"),
    _weighting("rank-dependent-two"),
    Parameter(
        name="elevation",
        symbol="b",
        scale="log",
        unit="",
        description="above 1 every gain's probability counts for less (pessimism), below 1 for more",
        neutral=1.0,
        prior=prior("rank-dependent-two", "elevation"),
    ),
)

RANK_DEPENDENT_TWO = Theory(
    name="rank-dependent-two",
    title="Rank-dependent utility, Prelec's weighting with two parameters",
    equation="u(x) = x^rho; w(p) = exp(-b (-ln p)^a); value of a lottery = sum of pi u(x), pi by rank",
    response="choice",
    parameters=_RANK_TWO,
    derived=(),
    natural=by_scale(_RANK_TWO),
    utility=gain_utility,
    marginal_utility=power_marginal_utility,
    inverse=gain_inverse,
    weight=prelec_two,
    humans=("gamma_frey17",),
    needs="lotteries over gains with probabilities from .01 to .99 and at least two levels of stakes: otherwise "
    "curvature and elevation trade off",
    citation="Prelec 1998, doi:10.2307/2998573",
)

_RANK_TK = (
    curvature("rank-dependent-tk"),
    Parameter(
        name="weighting_curvature",
        symbol="c",
        scale="log",
        unit="",
        description="1 takes probabilities as they are; below 1 small ones count for more and large ones for less",
        neutral=1.0,
        prior=prior("rank-dependent-tk", "weighting_curvature"),
        limits=(LEAST_GAMMA, math.inf),
    ),
)

RANK_DEPENDENT_TK = Theory(
    name="rank-dependent-tk",
    title="Rank-dependent utility, Tversky and Kahneman's weighting",
    equation="u(x) = x^rho; w(p) = p^c / (p^c + (1-p)^c)^(1/c); value of a lottery = sum of pi u(x), pi by rank",
    response="choice",
    parameters=_RANK_TK,
    derived=(),
    natural=tversky_kahneman_natural,
    utility=gain_utility,
    marginal_utility=power_marginal_utility,
    inverse=gain_inverse,
    weight=tversky_kahneman,
    needs="lotteries over gains whose probabilities range from small to large, at stakes that differ several-fold",
    citation="Tversky & Kahneman 1992, doi:10.1007/BF00122574",
)

_CUMULATIVE = (loss_aversion("cpt"), curvature("cpt"), _weighting("cpt"))

CUMULATIVE = Theory(
    name="cpt",
    title="Cumulative prospect theory",
    equation="u(x) = x^rho for gains, -lambda (-x)^rho for losses; w(p) = exp(-(-ln p)^a) for both; "
    "value of a lottery = sum of pi u(x), pi by rank within gains and within losses",
    response="choice",
    parameters=_CUMULATIVE,
    derived=(),
    natural=cumulative_natural,
    utility=power_utility,
    marginal_utility=power_marginal_utility,
    inverse=power_inverse,
    weight=prelec,
    losses=True,
    humans=("gamma_tk92", "gamma_frey17"),
    needs="lotteries over gains, over losses and mixed ones, with probabilities from small to large; even gambles "
    "alone cannot tell weighting from loss aversion",
    citation="Tversky & Kahneman 1992, doi:10.1007/BF00122574; one curvature for gains and losses after Nilsson et al. "
    "2011, doi:10.1016/j.jmp.2010.08.006",
)
