"""The principal branch of the logit equilibrium in two-by-two games, tabulated over the precision.

In own log odds x, for one game whose payoff differences are a q + b (own, at the other's probability q) and c p + d
(the other's, at one's own p), an equilibrium is a zero of

    h(x) = x - lambda (a q(x) + b),    q(x) = 1 / (1 + exp(-lambda (c p(x) + d))),    p(x) = 1 / (1 + exp(-x))

and the principal branch the one that starts at x = 0 for lambda = 0. Four cases:

* The game is the same for both players, but for names, and its pure equilibria favour one of them (chicken, the battle
  of the sexes): the branch keeps the symmetry, y = x or y = -x for the other's log odds y, and leads to the mixed
  equilibrium. With y put into h, h increases, and there is one zero.
* a c <= 0 (a dominant action, or mixed equilibria alone): h increases, and there is one zero.
* a c > 0, and the best replies to an even chance lead into one corner: the branch stays on that corner's side of
  x = 0, where p and q as functions of each other are concave, so that there is one zero there.
* a c > 0, and they lead into different corners of an uneven game: there the branch is followed upward from lambda = 0.
  A play that adjusts without end settles there: p is replaced by the reply to the reply to it, which increases in p,
  until it stays. Where the branch folds back, which takes players with very unlike stakes, this leaves it at the fold
  for the equilibrium that is reached from there.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import lru_cache
from types import ModuleType

import numpy as np
from scipy.special import expit

from replicator.theories.theory import Array

SMALLEST_SLOPE = 1e-9
"""Slope of h below which Newton's step would be a division by nothing."""

_LOWEST = 0.01
"""Precision below which log odds are so nearly linear in it that Newton's step is exact from anywhere."""

_SPACING = 0.04
"""Of the table in log precision."""

_HALVINGS = 60
_REPLIES = 2000
"""Most replies to replies at one precision."""

_SETTLED = 1e-11
_ALIKE = 1e-12
"""Differences in units of the game's range that are rounding."""


@dataclass(frozen=True)
class Game:
    """Payoff differences of `q` games, each (q,), in units of the game's range."""

    own_slope: np.ndarray
    """a: how much more the first action gains against the other's first action than against the second."""
    own_level: np.ndarray
    """b: what the first action gains against the other's second action."""
    other_slope: np.ndarray
    """c: the same of the other player, ..."""
    other_level: np.ndarray
    """d: ... whose gains depend on one's own action."""

    @property
    def mirror(self) -> np.ndarray:
        """(q,) 1 where the other's log odds are one's own by symmetry, -1 where they are the opposite, 0 elsewhere."""
        alike = np.isclose(self.own_slope, self.other_slope, rtol=0.0, atol=_ALIKE)
        same = (self.own_slope < 0) & np.isclose(self.own_level, self.other_level, rtol=0.0, atol=_ALIKE)
        opposite = (self.own_slope > 0) & np.isclose(
            self.own_slope + self.own_level, -self.other_level, rtol=0.0, atol=_ALIKE
        )
        return np.where(alike, same * 1.0 - opposite * 1.0, 0.0)

    def reply(self, odds: np.ndarray, precision: np.ndarray) -> np.ndarray:
        """Own log odds of replying to the other's reply to the log odds `odds`."""
        mirror = self.mirror
        y = np.where(mirror != 0, mirror * odds, precision * (self.other_slope * expit(odds) + self.other_level))
        return np.asarray(precision * (self.own_slope * expit(y) + self.own_level))

    def of(self, games: np.ndarray) -> Game:
        """Some of the games."""
        return Game(*(part[games] for part in astuple(self)))


@dataclass(frozen=True)
class Branch:
    """Own log odds on the principal branch of every game, at equally spaced log precisions."""

    odds: np.ndarray
    """(q, m)"""

    def at(self, xp: ModuleType, precision: Array) -> Array:
        """(..., q) log odds at precisions (..., q), interpolated between neighbours; the ends beyond the table."""
        games, count = self.odds.shape
        place = xp.clip((xp.log(xp.maximum(precision, _LOWEST)) - np.log(_LOWEST)) / _SPACING, 0.0, count - 1.0)
        below = xp.clip(xp.floor(place), 0.0, count - 2.0)
        first = (below + np.arange(games) * count).astype("int64")
        flat = self.odds.ravel()
        low, high = xp.take(flat, first), xp.take(flat, first + 1)
        return low + (place - below) * (high - low)


def branch(game: Game, *, largest: float) -> Branch:
    """The principal branch from precisions near 0 up to `largest`."""
    parts = np.ascontiguousarray(np.stack(astuple(game)), dtype=float)
    return Branch(_tabulated(parts.tobytes(), parts.shape[1], largest))


@lru_cache(maxsize=32)
def _tabulated(parts: bytes, games: int, largest: float) -> np.ndarray:
    game = Game(*np.frombuffer(parts, dtype=float).reshape((4, games)))
    steps = int(np.ceil(np.log(largest / _LOWEST) / _SPACING))
    precision = _LOWEST * np.exp(_SPACING * np.arange(steps + 1))
    together = (game.own_slope * game.other_slope > 0) & (game.mirror == 0)
    lean = game.own_slope / 2.0 + game.own_level
    lean_of_other = np.sign(game.own_slope) * (game.other_slope / 2.0 + game.other_level)
    apart = together & (lean * lean_of_other < 0)
    side = np.where(together, np.sign(np.where(lean != 0, lean, lean_of_other)), np.nan)
    odds = _bisected(game, precision, side)
    if apart.any():
        odds[apart] = _followed(game.of(apart), precision)
    odds.flags.writeable = False
    return odds


def _bisected(game: Game, precision: np.ndarray, side: np.ndarray) -> np.ndarray:
    """(q, m) the zero of h between -lambda and lambda, on one side of 0 where `side` is its sign, and 0 where it is 0.

    Differences in payoff are at most 1 in units of the range, so that no log odds exceed lambda.
    """
    wide = Game(*(part[:, None] for part in astuple(game)))
    low = np.where(side == 1, 0.0, -1.0)[:, None] * precision
    high = np.where(side == -1, 0.0, 1.0)[:, None] * precision
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        rises = wide.reply(middle, precision) > middle
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    return np.where(side[:, None] == 0, 0.0, (low + high) / 2.0)


def _followed(game: Game, precision: np.ndarray) -> np.ndarray:
    """(q, m) where replies to replies settle, each precision beginning where the last one ended."""
    odds, found = np.zeros(len(game.own_slope)), []
    for each in precision:
        for _ in range(_REPLIES):
            before, odds = odds, game.reply(odds, each)
            if np.abs(odds - before).max() < _SETTLED * (1.0 + each):
                break
        found.append(odds)
    return np.stack(found, axis=1)
