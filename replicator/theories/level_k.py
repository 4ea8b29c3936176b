"""Level-k thinking in the money request game: asking for slightly less than the other asks for pays a bonus."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from replicator.theories.levels import by_level, log_shares, mixture, thinking_steps
from replicator.theories.priors import prior
from replicator.theories.theory import Array, Parameter, Parameters, Stimuli, Theory, by_scale

BONUS = "bonus"
"""The declared variable that holds what asking for exactly one step less than the other pays on top."""


def log_probabilities(xp: ModuleType, parameters: Parameters, stimuli: Stimuli) -> Array:
    """Log probability of asking for every amount, (..., q, k).

        u_0(x) = x,    u_k(x) = x + bonus 1[x = max - k]    in steps of the grid
        P(x) = sum_k f_k exp(lambda u_k(x) / bonus) / sum_y exp(lambda u_k(y) / bonus)

    Level 0 sees only what it asks for, so that the most is best; level k believes that the other is of level k - 1
    and asks for max - (k - 1), one step above the best reply max - k (Arad & Rubinstein 2012,
    doi:10.1257/aer.102.7.3561). Levels are Poisson(tau), and nobody thinks further than the grid reaches.
    """
    steps, precision = by_level(parameters["thinking_steps"]), by_level(parameters["precision"])
    grid = np.asarray(stimuli.answers)
    bonus = np.asarray(stimuli.variables[BONUS])[:, None, None]
    count = grid.shape[1]
    # (k, l): the level whose best reply an answer is; level 0 expects no bonus.
    undercuts = np.eye(count)[::-1] * (np.arange(count) > 0)
    payoff = grid[:, :, None] / bonus + undercuts
    return mixture(xp, log_shares(xp, steps, count - 1, open_ended=False), precision * payoff)


def outside(stimuli: Stimuli) -> str | None:
    """What of a design the theory does not speak about."""
    grid = np.asarray(stimuli.answers)
    if (np.asarray(stimuli.variables[BONUS]) <= grid[:, -1] - grid[:, 0]).any():
        return f'is about a "{BONUS}" that exceeds what is lost by asking for less'
    return None


_PARAMETERS = (
    thinking_steps("level-k"),
    Parameter(
        name="precision",
        symbol="lambda",
        scale="log",
        unit="1/bonus",
        description="how strongly payoffs decide: near 0 not at all",
        neutral=None,
        prior=prior("level-k", "precision"),
    ),
)

LEVEL_K = Theory(
    name="level-k",
    title="Level-k thinking",
    equation="level 0 asks for the most; level k for one step less than level k - 1, with logit noise; levels are "
    "Poisson(tau)",
    response="number",
    parameters=_PARAMETERS,
    derived=(),
    natural=by_scale(_PARAMETERS),
    log_probabilities=log_probabilities,
    outside=outside,
    reads=frozenset({"number"}),
    variables=(BONUS,),
    humans=("ar12_dist",),
    needs="how often every amount of the grid is asked for, with a bonus above the grid's range",
    citation="Arad & Rubinstein 2012, doi:10.1257/aer.102.7.3561",
)
