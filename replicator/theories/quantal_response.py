"""Quantal response equilibrium of two-by-two games: noisy best replies to each other's noisy best replies."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from replicator.theories.equilibrium import SMALLEST_SLOPE, Game, branch
from replicator.theories.priors import prior
from replicator.theories.theory import Array, Parameter, Parameters, Stimuli, Theory, by_scale

LARGEST_PRECISION = 1e4
"""Beyond it a difference of a thousandth of the game's range decides already, and larger precisions count as this."""

_POLISHING = 3
"""Newton steps from the tabulated equilibrium, whose log odds are right to a hundredth."""


def log_probabilities(xp: ModuleType, parameters: Parameters, stimuli: Stimuli) -> Array:
    """Log probability of both own actions, (..., q, 2), on the principal branch of the equilibrium.

        p = 1 / (1 + exp(-lambda (u_1(q) - u_2(q)))),    q = 1 / (1 + exp(-lambda (v_1(p) - v_2(p))))

    with p the probability of one's own first action, q of the other's, u and v expected payoffs in units of the
    game's range, that of all payoffs of both players. The branch starts at p = q = 1/2 for lambda = 0 (McKelvey &
    Palfrey 1995, doi:10.1006/game.1995.1023).

    A table of the branch gives a start; Newton's steps bring the fixed point to machine precision, and only the last
    of them is differentiated, which gives the derivative of the implicit function.
    """
    game = two_by_two(stimuli)
    zero = np.zeros(len(game.own_slope))
    precision = xp.clip(parameters["precision"], 0.0, LARGEST_PRECISION)
    precision = (precision + np.zeros((1, 1, 1)))[..., 0, 0] + zero  # (..., q)
    start = branch(game, largest=LARGEST_PRECISION).at(xp, precision)
    for _ in range(_POLISHING):
        start = _newton(xp, game, precision, start)
    odds = _newton(xp, game, precision, _constant(xp, start))
    return xp.stack([-_softplus(xp, -odds), -_softplus(xp, odds)], axis=-1)


def two_by_two(stimuli: Stimuli) -> Game:
    """The games' payoff differences in units of their ranges."""
    own, other = np.asarray(stimuli.payoff), np.asarray(stimuli.payoff_of_other)  # (q, 2, 2)
    both = np.stack([own, other], axis=-1).reshape((len(own), -1))
    span = both.max(axis=1) - both.min(axis=1)
    span = np.where(span > 0, span, 1.0)
    # Gain from the first action where the opponent takes the first, and the second.
    own_gain = (own[:, 0, :] - own[:, 1, :]) / span[:, None]
    other_gain = (other[:, :, 0] - other[:, :, 1]) / span[:, None]
    return Game(
        own_slope=own_gain[:, 0] - own_gain[:, 1],
        own_level=own_gain[:, 1],
        other_slope=other_gain[:, 0] - other_gain[:, 1],
        other_level=other_gain[:, 1],
    )


def _newton(xp: ModuleType, game: Game, precision: Array, odds: Array) -> Array:
    """One step toward h(x) = x - lambda (a q(x) + b) = 0 from own log odds x, (..., q).

        q(x) = 1 / (1 + exp(-y)),    y = lambda (c p(x) + d),    p(x) = 1 / (1 + exp(-x))

    or y = x or -x where the game is symmetric, see `equilibrium`.
    """
    mirror = game.mirror
    p = _logistic(xp, odds)
    y = xp.where(mirror != 0, mirror * odds, precision * (game.other_slope * p + game.other_level))
    steepness = xp.where(mirror != 0, mirror, precision * game.other_slope * p * (1.0 - p))
    q = _logistic(xp, y)
    miss = odds - precision * (game.own_slope * q + game.own_level)
    slope = 1.0 - precision * game.own_slope * q * (1.0 - q) * steepness
    # At a bifurcation the slope is zero, and so is what is missed.
    return odds - miss / xp.where(xp.abs(slope) < SMALLEST_SLOPE, SMALLEST_SLOPE, slope)


def _logistic(xp: ModuleType, x: Array) -> Array:
    """1 / (1 + exp(-x)) without overflow."""
    return (1.0 + xp.tanh(x / 2.0)) / 2.0


def _softplus(xp: ModuleType, x: Array) -> Array:
    """log(1 + exp(x)) without overflow."""
    return np.logaddexp(0.0, x) if xp is np else xp.softplus(x)


def _constant(xp: ModuleType, x: Array) -> Array:
    """`x`, taken for a constant by derivatives."""
    if xp is np:
        return x
    from pytensor.gradient import disconnected_grad

    return disconnected_grad(x)


def outside(stimuli: Stimuli) -> str | None:
    """What of a design the theory does not speak about."""
    if stimuli.payoff is None:
        return "is about games, and no payoff hangs on what another player does"
    if stimuli.payoff_of_other is None:
        return "needs what the other player gets as well"
    if np.shape(stimuli.payoff)[1:] != (2, 2):
        own, actions = np.shape(stimuli.payoff)[1:]
        return f"is about two actions of each player, and there are {own} and {actions}"
    return None


_PARAMETERS = (
    Parameter(
        name="precision",
        symbol="lambda",
        scale="log",
        unit="1/range",
        description="how strongly expected payoffs decide, per range of the game's payoffs: near 0 not at all",
        neutral=None,
        prior=prior("quantal-response", "precision"),
    ),
)

QUANTAL_RESPONSE = Theory(
    name="quantal-response",
    title="Quantal response equilibrium",
    equation="log odds of an action = lambda x its gain in expected payoff against the other's play, and likewise for "
    "the other",
    response="choice",
    parameters=_PARAMETERS,
    derived=(),
    natural=by_scale(_PARAMETERS),
    log_probabilities=log_probabilities,
    outside=outside,
    losses=True,
    reads=frozenset({"state", "other"}),
    humans=("pd_sally",),
    needs="games in which the equilibrium moves with lambda: one action better against all play of the other, or "
    "incentives of unlike strength in mixed equilibria",
    citation="McKelvey & Palfrey 1995, doi:10.1006/game.1995.1023",
)
