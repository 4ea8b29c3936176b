"""Conditional cooperation: contributions to a public good that follow those of others."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from replicator.theories.priors import prior
from replicator.theories.theory import Array, Parameter, Parameters, Stimuli, Theory, by_scale

OTHERS = "others"
"""The item variable or factor that says what the others contribute on average, in the experiment's unit."""


def value(xp: ModuleType, parameters: Parameters, stimuli: Stimuli) -> Array:
    """V(c) = -(c - a E - b m)^2 / (2 E), m what others contribute on average and E the endowment; (..., q, k).

    Contributions are normal around the schedule a E + b m, on the grid and cut off at its ends. Whoever rides free has
    a = b = 0. The endowment is the largest answer. What a contribution pays is no part of it: with the same marginal
    return everywhere, the temptation to give less lowers a and no design tells it apart.
    """
    given = np.asarray(stimuli.answers, dtype=float)[:, :, None]
    endowment = given[:, -1:]
    others = np.asarray(stimuli.variables[OTHERS], dtype=float)[:, None, None] / endowment
    schedule = parameters["contribution_level"] + parameters["contribution_slope"] * others
    return (-endowment * (given / endowment - schedule) ** 2 / 2.0)[..., 0]


_PARAMETERS = (
    Parameter(
        name="contribution_slope",
        symbol="b",
        scale="identity",
        unit="",
        description="how much more is contributed for one unit more from the others: 0 is none, 1 matches them",
        neutral=0.0,
        prior=prior("conditional-cooperation", "contribution_slope"),
    ),
    Parameter(
        name="contribution_level",
        symbol="a",
        scale="identity",
        unit="share",
        description="share of the endowment that is contributed where others contribute nothing",
        neutral=0.0,
        prior=prior("conditional-cooperation", "contribution_level"),
    ),
)

CONDITIONAL_COOPERATION = Theory(
    name="conditional-cooperation",
    title="Conditional cooperation",
    equation="schedule = a E + b m, m what others contribute on average, E the endowment; value of contributing c = "
    "-(c - schedule)^2 / (2 E)",
    response="number",
    parameters=_PARAMETERS,
    derived=(),
    natural=by_scale(_PARAMETERS),
    value=value,
    reads=frozenset({"number", "other"}),
    variables=(OTHERS,),
    humans=("pgg_zelmer", "pgg_moblab"),
    needs=f"contributions from nothing to the endowment, asked for several contributions of the others (variable "
    f'"{OTHERS}") from nothing to the endowment',
    citation="Fischbacher, Gaechter & Fehr 2001, doi:10.1016/S0165-1765(01)00394-9",
)
