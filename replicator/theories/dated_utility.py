"""Utility of money at dates: convex budgets over two dates, and risk and time together."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np

from replicator.theories.discounting import (
    annual_rate,
    exponential,
    log_annual_rate,
    present_bias,
    quasi_hyperbolic,
)
from replicator.theories.loss_aversion import curvature
from replicator.theories.priors import prior
from replicator.theories.prospect import gain_inverse, gain_utility
from replicator.theories.theory import Array, Parameter, Parameters, Stimuli, Theory

Discount = Callable[[ModuleType, Parameters, Array], Array]


def budget_value(xp: ModuleType, parameters: Parameters, stimuli: Stimuli) -> Array:
    """V = (sum_b p_b D(t_b) x_b^alpha)^(1/alpha), D(t) = beta exp(-d t) for t > 0 and 1 now; (..., q, k).

    The amount now that is as good as all payments together. Andreoni & Sprenger 2012 (doi:10.1257/aer.102.7.3333)
    write x_t^alpha + beta^[t=0] delta^k x_(t+k)^alpha, which orders the same. From alpha = 1 on all of a budget goes
    to one date: corners need nothing of their own.
    """
    return _present_equivalent(xp, parameters, stimuli, quasi_hyperbolic)


def joint_value(xp: ModuleType, parameters: Parameters, stimuli: Stimuli) -> Array:
    """V = (sum_b p_b D(t_b) x_b^(1-r))^(1/(1-r)), D(t) = exp(-d t); (..., q, k).

    The sure amount now that is as good (Andersen et al. 2008, doi:10.1111/j.1468-0262.2008.00848.x, without income
    that amounts are added to). r < 1: discounted utility needs that of nothing to be finite.
    """
    power = {"curvature": 1.0 - parameters["risk_aversion"], "annual_rate": parameters["annual_rate"]}
    return _present_equivalent(xp, power, stimuli, exponential)


def budget_natural(xp: ModuleType, coordinates: Parameters) -> dict[str, Array]:
    """alpha, beta and d, each the exponential of its coordinate."""
    return {
        "curvature": xp.exp(coordinates["curvature"]),
        "present_bias": xp.exp(coordinates["present_bias"]),
        "annual_rate": xp.exp(coordinates["annual_rate"]),
        "log_annual_rate": coordinates["annual_rate"],
    }


def joint_natural(xp: ModuleType, coordinates: Parameters) -> dict[str, Array]:
    """r = tanh(coordinate / 2), between -1 and 1, and d = (1-r) exp(coordinate).

    The coordinate of the rate is log(d / (1-r)), the rate at which money itself is discounted. Choices between sure
    amounts at two dates show that directly, and utility's only once risky choices show r: taking utility to be linear
    overstates it by 1 / (1-r).
    """
    aversion, money = xp.tanh(coordinates["risk_aversion"] / 2.0), xp.exp(coordinates["annual_rate"])
    return {
        "risk_aversion": aversion,
        "annual_rate": (1.0 - aversion) * money,
        "log_annual_rate": xp.log(1.0 - aversion) + coordinates["annual_rate"],
        "money_rate": money,
    }


def _present_equivalent(xp: ModuleType, parameters: Parameters, stimuli: Stimuli, discount: Discount) -> Array:
    """u^-1(sum_b p_b D(t_b) u(x_b)), u(x) = x^rho, in money; amounts are divided by the largest on the way."""
    span = np.where(np.asarray(stimuli.largest) > 0, stimuli.largest, 1.0)
    days = np.zeros(np.shape(stimuli.amount)) if stimuli.delay is None else np.asarray(stimuli.delay)
    utility = gain_utility(xp, parameters, stimuli.amount / span[:, None, None])
    total = (stimuli.probability * discount(xp, parameters, days) * utility).sum(axis=-1)
    return span[:, None] * gain_inverse(xp, parameters, total[..., None])[..., 0]


_BUDGET = (curvature("convex-budget", symbol="alpha"), present_bias("convex-budget"), annual_rate("convex-budget"))

CONVEX_BUDGET = Theory(
    name="convex-budget",
    title="Quasi-hyperbolic discounting of utility, from convex time budgets",
    equation="value of x_b in t_b years = (sum of D(t_b) x_b^alpha)^(1/alpha), D(t) = beta exp(-d t) for t > 0, 1 now",
    response="choice",
    parameters=_BUDGET,
    derived=(log_annual_rate("convex-budget"),),
    natural=budget_natural,
    value=budget_value,
    reads=frozenset({"delay"}),
    needs="budgets divided between two dates at several rates of interest (curvature), with the earlier date today in "
    "some and later in others (present bias), over several delays",
    citation="Andreoni & Sprenger 2012, doi:10.1257/aer.102.7.3333",
)

_JOINT = (
    Parameter(
        name="risk_aversion",
        symbol="r",
        scale="identity",
        unit="",
        description="coefficient of relative risk aversion, between -1 and 1: 0 is risk neutral, positive is averse",
        neutral=0.0,
        prior=prior("discounted-utility", "risk_aversion"),
        limits=(-1.0, 1.0),
    ),
    annual_rate("discounted-utility"),
)

_MONEY_RATE = Parameter(
    name="money_rate",
    symbol="D",
    scale="log",
    unit="per year",
    description="d / (1-r): the rate at which sure amounts are discounted, as it looks where utility is taken for "
    "linear",
    neutral=None,
    prior=prior("discounted-utility", "money_rate"),
)

DISCOUNTED_UTILITY = Theory(
    name="discounted-utility",
    title="Risk and time together: exponential discounting of utility",
    equation="value of x_b with p_b in t_b years = (sum of p_b exp(-d t_b) x_b^(1-r))^(1/(1-r))",
    response="choice",
    parameters=_JOINT,
    derived=(log_annual_rate("discounted-utility"), _MONEY_RATE),
    natural=joint_natural,
    value=joint_value,
    humans=("crra_andersen08",),
    reads=frozenset({"delay"}),
    needs="lotteries, which show r, and sure amounts sooner against larger ones later, which show d / (1-r): two "
    "experiments with the same people or models, fitted together",
    citation="Andersen, Harrison, Lau & Rutstrom 2008, doi:10.1111/j.1468-0262.2008.00848.x",
)
