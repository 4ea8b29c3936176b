"""Altruism: what another's payoff is worth, with a constant elasticity of substitution or in the hope of return."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from replicator.theories.priors import prior
from replicator.theories.theory import Array, Parameter, Parameters, Stimuli, Theory, by_scale, from_scale

_LOG_FLOOR = -100.0
"""log of the smallest payoff relative to what is at stake; keeps slopes finite where somebody gets nothing."""

_LEAST_WEIGHT = 1e-300
"""Keeps the logarithm finite where only one of the two counts."""


def ces_value(xp: ModuleType, parameters: Parameters, stimuli: Stimuli) -> Array:
    """U = (a s^q + (1-a) o^q)^(1/q), q = 1 - 1/sigma, s^a o^(1-a) at sigma = 1; expected over branches, (..., q, k).

    s is one's own amount and o the other's (Andreoni & Miller 2002, doi:10.1111/1468-0262.00302). U is the amount that
    is as good if both get it. Where one gets nothing it is 0 for sigma <= 1, up to the floor. It is computed as

        ln U = ln(a e^(q ln s) + (1-a) e^(q ln o)) / q

    from the larger term on, so that nothing overflows, and by its series in q next to q = 0.
    """
    own, other = np.asarray(stimuli.amount), other_amount(stimuli)
    scale = np.maximum(np.abs(own).max(axis=(1, 2)), np.abs(other).max(axis=(1, 2)))
    scale = np.where(scale > 0, scale, 1.0)[:, None, None]
    log_own, log_other = (np.log(np.maximum(x / scale, np.exp(_LOG_FLOOR))) for x in (own, other))
    weight, power = parameters["own_weight"], 1.0 - 1.0 / parameters["substitution"]
    apart = log_own - log_other
    tiny = xp.abs(power) < 1e-7
    safe = xp.where(tiny, 1.0, power)
    log_weight, log_rest = (xp.log(xp.maximum(x, _LEAST_WEIGHT)) for x in (weight, 1.0 - weight))
    mean = xp.logaddexp(log_weight + safe * log_own, log_rest + safe * log_other) / safe
    series = log_other + weight * apart + power * weight * (1.0 - weight) * apart**2 / 2.0
    utility = scale * xp.exp(xp.where(tiny, series, mean))
    return (stimuli.probability * utility).sum(axis=-1)


def ces_natural(xp: ModuleType, coordinates: Parameters) -> dict[str, Array]:
    """a, sigma, q = 1 - 1/sigma, and the share given where giving costs what it gives: (1-a)^sigma over its sum
    with a^sigma."""
    weight, sigma = from_scale(xp, "logit", coordinates["own_weight"]), xp.exp(coordinates["substitution"])
    return {
        "own_weight": weight,
        "substitution": sigma,
        "ces_power": 1.0 - 1.0 / sigma,
        "giving_at_price_one": 1.0 / (1.0 + xp.exp(sigma * coordinates["own_weight"])),
    }


def trust_value(xp: ModuleType, parameters: Parameters, stimuli: Stimuli) -> Array:
    """V = s + e o: what is kept, and the share e of what the other gets that is hoped to come back; (..., q, k)."""
    return (stimuli.probability * (stimuli.amount + parameters["expected_return"] * other_amount(stimuli))).sum(axis=-1)


def other_amount(stimuli: Stimuli) -> np.ndarray:
    """(q, k, 1) what the other gets; zero where nobody else is concerned."""
    shape = np.shape(stimuli.amount)[:-1]
    other = np.zeros(shape) if stimuli.other is None else np.asarray(stimuli.other)
    return other[..., None]


_CES = (
    Parameter(
        name="own_weight",
        symbol="a",
        scale="logit",
        unit="share",
        description="weight of one's own payoff: 1 is selfish, .5 counts both alike",
        neutral=1.0,
        prior=prior("ces", "own_weight"),
    ),
    Parameter(
        name="substitution",
        symbol="sigma",
        scale="log",
        unit="",
        description="elasticity of substitution between the payoffs: near 0 wants them equal, 1 spends fixed shares of "
        "the budget, large wants their weighted sum large",
        neutral=1.0,
        prior=prior("ces", "substitution"),
    ),
)

_CES_DERIVED = (
    Parameter(
        name="ces_power",
        symbol="q",
        scale="identity",
        unit="",
        description="power 1 - 1/sigma: 1 is perfect substitutes, 0 Cobb-Douglas, very negative equality",
        neutral=0.0,
        prior=prior("ces", "ces_power"),
    ),
    Parameter(
        name="giving_at_price_one",
        symbol="g",
        scale="logit",
        unit="share",
        description="share given where one unit given up is one unit received",
        neutral=0.0,
        prior=prior("ces", "giving_at_price_one"),
    ),
)

CES = Theory(
    name="ces",
    title="Altruism with a constant elasticity of substitution",
    equation="value of s for oneself and o for the other = (a s^q + (1-a) o^q)^(1/q), q = 1 - 1/sigma",
    response="choice",
    parameters=_CES,
    derived=_CES_DERIVED,
    natural=ces_natural,
    value=ces_value,
    reads=frozenset({"other"}),
    needs="budgets divided between oneself and another at four or more prices of giving on both sides of 1: at one "
    "price the weight and the elasticity are the same thing",
    citation="Andreoni & Miller 2002, doi:10.1111/1468-0262.00302; Fisman, Kariv & Markovits 2007, "
    "doi:10.1257/aer.97.5.1858",
)

_TRUST = (
    Parameter(
        name="expected_return",
        symbol="e",
        scale="identity",
        unit="share",
        description="share of what the other gets that is counted as coming back: 0 is none, above one over the "
        "multiplier sending pays",
        neutral=0.0,
        prior=prior("trust", "expected_return"),
    ),
)

TRUST = Theory(
    name="trust",
    title="Trust: what is sent in the hope of return",
    equation="value of keeping s and sending what becomes o for the other = s + e o",
    response="choice",
    parameters=_TRUST,
    derived=(),
    natural=by_scale(_TRUST),
    value=trust_value,
    reads=frozenset({"other"}),
    needs="amounts sent that are multiplied by several factors, on both sides of 1/e: with one factor e and the "
    "sensitivity are the same thing. Altruism enters e as belief does; a dictator game with the same stakes tells "
    "them apart, and risk attitude is left out",
    citation="Berg, Dickhaut & McCabe 1995, doi:10.1006/game.1995.1027",
)
