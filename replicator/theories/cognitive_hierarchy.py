"""The cognitive hierarchy in a beauty contest: naming a number near a multiple of everybody's mean."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from scipy.special import factorial

from replicator.theories.levels import by_level, log_shares, thinking_steps
from replicator.theories.priors import prior
from replicator.theories.theory import Array, Parameter, Parameters, Stimuli, Theory, by_scale

HIGHEST = 8
"""Level that stands for itself and all above. What they answer differs so little that at p = 2/3 the distribution is
within a total variation of .002 of the whole hierarchy's up to tau = 5."""

MULTIPLIER = "p"
"""The declared variable that holds what the mean is multiplied by."""


def best_replies(xp: ModuleType, steps: Array, multiplier: Array, low: Array, high: Array) -> Array:
    """(..., HIGHEST + 1) what every level answers, all given as (..., 1); level 0 stands for its uniform answers' mean.

        m_0 = (low + high) / 2
        m_k = p sum_(h<k) f_h m_h / sum_(h<k) f_h, within [low, high]

    Level k believes that everybody else is of a lower level, in the proportions f in which these really occur, and
    neglects what its own number adds to the mean, which is 1/n of it among n people.
    """
    level = np.arange(HIGHEST)
    weight = steps**level / factorial(level)  # f_k / f_0
    below = xp.cumsum(weight, axis=-1)
    # sum_(h<=k) f_h m_h = (1 + p f_k / sum_(h<k) f_h) sum_(h<k) f_h m_h. Replies that have reached a limit stay there,
    # so that it may be imposed in the end.
    growth = xp.cumsum(xp.log1p(multiplier * weight[..., 1:] / below[..., :-1]), axis=-1)
    summed = xp.exp(xp.concatenate([xp.zeros_like(growth[..., :1]), growth], axis=-1))  # of f_h m_h, over f_0 m_0
    middle = (low + high) / 2.0
    replies = xp.clip(multiplier * middle * summed / below, low, high)
    return xp.concatenate([middle + xp.zeros_like(replies[..., :1]), replies], axis=-1)


def log_probabilities(xp: ModuleType, parameters: Parameters, stimuli: Stimuli) -> Array:
    """Log probability of every number of the grid, (..., q, k).

        P(x) = f_0 / n + sum_(k>=1) f_k phi((x - m_k) / s) / sum_y phi((y - m_k) / s)

    phi is the normal density, which a reply with logit noise to a quadratic loss has too; s is a share of the grid's
    range. Camerer, Ho & Chong 2004 let everybody answer m_k exactly: s -> 0.
    """
    steps, spread = by_level(parameters["thinking_steps"]), by_level(parameters["response_spread"])
    grid = np.asarray(stimuli.answers)
    low, high = grid[:, 0, None, None], grid[:, -1, None, None]
    multiplier = np.asarray(stimuli.variables[MULTIPLIER])[:, None, None]
    replies = best_replies(xp, steps, multiplier, low, high)
    # Level 0 answers uniformly, whatever the spread, so that no answer has probability zero.
    precise = (np.arange(HIGHEST + 1) > 0) / (spread * (high - low))
    squares = ((grid[:, :, None] - replies) * precise) ** 2
    density = xp.exp((xp.min(squares, axis=-2, keepdims=True) - squares) / 2.0)
    shares = xp.exp(log_shares(xp, steps, HIGHEST, open_ended=True))
    return xp.log((density * (shares / xp.sum(density, axis=-2, keepdims=True))).sum(axis=-1))


def outside(stimuli: Stimuli) -> str | None:
    """What of a design the theory does not speak about."""
    if float(np.min(stimuli.variables[MULTIPLIER])) <= 0:
        return f'is about a positive multiple "{MULTIPLIER}" of the mean'
    return None


_PARAMETERS = (
    thinking_steps("cognitive-hierarchy"),
    Parameter(
        name="response_spread",
        symbol="s",
        scale="log",
        unit="share",
        description="standard deviation of answers around the best reply, as a share of the range of possible answers",
        neutral=None,
        prior=prior("cognitive-hierarchy", "response_spread"),
    ),
)

COGNITIVE_HIERARCHY = Theory(
    name="cognitive-hierarchy",
    title="Cognitive hierarchy",
    equation="level 0 names any number; level k names p times the mean of the levels below it, +- s; levels are "
    "Poisson(tau)",
    response="number",
    parameters=_PARAMETERS,
    derived=(),
    natural=by_scale(_PARAMETERS),
    log_probabilities=log_probabilities,
    outside=outside,
    reads=frozenset({"number"}),
    variables=(MULTIPLIER,),
    humans=("pbeauty_12", "pbeauty_23", "pbeauty_43"),
    needs="the number named at five or more multiples p of the mean, on both sides of 1: one p does not tell few steps "
    "of thinking from a wide spread of answers",
    citation="Camerer, Ho & Chong 2004, doi:10.1162/0033553041502225",
)
