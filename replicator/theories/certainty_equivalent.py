"""Stated certainty equivalents: the sure amount that is named as worth a lottery."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from replicator.theories import crra
from replicator.theories.theory import Array, Parameters, Stimuli, Theory, by_scale


def value(xp: ModuleType, parameters: Parameters, stimuli: Stimuli) -> Array:
    """V(c) = -(c - CE)^2 / (2 R), CE = u^-1(sum of p u(x)), u(x) = x^(1-r) / (1-r); (..., q, k).

    It is what stating c costs in the mechanism of Becker, DeGroot & Marschak 1964 (doi:10.1002/bs.3830090304), where
    a price drawn evenly from a range R buys the lottery from whoever states less: all prices between c and CE are the
    wrong way round, by half their distance on average. Statements are then normal around CE, on the grid and cut off
    at its ends. R is the question's largest amount. Every option's outcomes are those of the lottery that is valued,
    and `answers` says what it is valued at.
    """
    span = np.where(np.asarray(stimuli.largest) > 0, stimuli.largest, 1.0)
    utility = crra.utility(xp, parameters, stimuli.amount / span[:, None, None])
    expected = (stimuli.probability * utility).sum(axis=-1)
    equivalent = crra.inverse(xp, parameters, expected[..., None])[..., 0]
    stated = np.asarray(stimuli.answers) / span[:, None]
    return -span[:, None] * (stated - equivalent) ** 2 / 2.0


_PARAMETERS = (
    crra.risk_aversion(
        "certainty-equivalent",
        "coefficient of relative risk aversion: 0 states expected values, positive states less",
    ),
)

CERTAINTY_EQUIVALENT = Theory(
    name="certainty-equivalent",
    title="Stated certainty equivalents",
    equation="CE = u^-1(sum of p u(x)), u(x) = x^(1-r) / (1-r); value of stating c = -(c - CE)^2 / (2 largest amount)",
    response="number",
    parameters=_PARAMETERS,
    derived=(),
    natural=by_scale(_PARAMETERS),
    value=value,
    reads=frozenset({"number"}),
    zero_limit={"risk_aversion": 1.0},
    humans=("hl_crra_bin",),
    needs="lotteries over gains, each as the outcomes of every answer, and answers from its smallest amount to its "
    "largest",
    citation="Becker, DeGroot & Marschak 1964, doi:10.1002/bs.3830090304",
)
