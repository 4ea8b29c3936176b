"""Strategic theories against numbers computed by other means, and what must hold of them whatever the numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy.special import expit

from replicator import theories
from replicator.engines.simulated import choice_probabilities
from replicator.errors import DataError
from replicator.experiment import Outcome
from replicator.theories import Stimuli, Theory, predictive
from replicator.theories.cognitive_hierarchy import best_replies
from replicator.theories.quantal_response import two_by_two
from replicator.theories.stimuli import check_domain, declared, stimuli

HIERARCHY, LEVEL_K, QUANTAL = (theories.get(name) for name in ("cognitive-hierarchy", "level-k", "quantal-response"))

MODE = pytensor.compile.mode.Mode("py", "fast_run").excluding("BlasOpt", "fusion", "inplace")
"""Compiles nothing."""

Payoffs = Sequence[Sequence[float]]

GAMES: Mapping[str, tuple[Payoffs, Payoffs]] = {
    "prisoner's dilemma": ([[3, 0], [5, 1]], [[3, 5], [0, 1]]),
    "stag hunt": ([[4, 0], [3, 3]], [[4, 3], [0, 3]]),
    "matching pennies, 9 to 1": ([[9, 0], [0, 1]], [[0, 1], [1, 0]]),
    "battle of the sexes": ([[2, 0], [0, 1]], [[1, 0], [0, 2]]),
    "chicken": ([[3, 1], [4, 0]], [[3, 4], [1, 0]]),
    "uneven coordination": ([[7, 0], [0, 2]], [[1, 0], [0, 3]]),
}


def rules(own: Payoffs, other: Payoffs, scale: float = 1.0) -> list[Outcome]:
    """A two-by-two game as outcomes: own payoff and the other's for every pair of actions."""
    return [
        Outcome(mine, scale * payoff[k][s], 1.0, 1.0, to=to, state=hers)
        for k, mine in enumerate(("first", "second"))
        for s, hers in enumerate(("left", "right"))
        for to, payoff in (("self", own), ("other", other))
    ]


def games(*chosen: tuple[Payoffs, Payoffs], scale: float = 1.0) -> Stimuli:
    return stimuli([rules(*game, scale=scale) for game in chosen], ("first", "second"))


def grid(low: int, high: int, *variables: Mapping[str, float], step: int = 1) -> Stimuli:
    options = [str(answer) for answer in range(low, high + 1, step)]
    return declared(stimuli([[] for _ in variables], options), options, variables)


def probabilities(theory: Theory, given: Stimuli, **parameters: Any) -> np.ndarray:
    assert theory.log_probabilities is not None
    columns = {name: np.asarray(value, dtype=float)[..., None, None, None] for name, value in parameters.items()}
    return np.exp(theory.log_probabilities(np, columns, given))


DESIGNS = {
    HIERARCHY.name: grid(0, 100, {"p": 0.5}, {"p": 2 / 3}, {"p": 1.0}, {"p": 1.4}, step=4),
    LEVEL_K.name: grid(11, 20, {"bonus": 20}, {"bonus": 10}),
    QUANTAL.name: games(*GAMES.values()),
}


# The cognitive hierarchy


def test_the_hierarchy_is_that_of_fifty_digits() -> None:
    """The whole hierarchy, as it is written; ours takes level 8 for all above it."""
    tau, s, p = 1.5, 0.05, mpmath.mpf(2) / 3
    with mpmath.workdps(50):
        f = [mpmath.exp(-tau) * mpmath.mpf(tau) ** k / mpmath.factorial(k) for k in range(40)]
        m = [mpmath.mpf(50)]
        for k in range(1, 40):
            m.append(p * mpmath.fsum(f[h] * m[h] for h in range(k)) / mpmath.fsum(f[:k]))
        densities = [[mpmath.exp(-(((x - reply) / (100 * s)) ** 2) / 2) for x in range(0, 101, 5)] for reply in m]
        whole = [
            f[0] / 21 + mpmath.fsum(f[k] * densities[k][x] / mpmath.fsum(densities[k]) for k in range(1, 40))
            for x in range(21)
        ]
    found = probabilities(HIERARCHY, grid(0, 100, {"p": 2 / 3}, step=5), thinking_steps=tau, response_spread=s)[0]
    np.testing.assert_allclose(found, [float(each) for each in whole], rtol=1e-4)
    assert abs(found - np.array([float(each) for each in whole])).sum() / 2 < 1e-6


def test_replies_are_those_of_camerer_ho_and_chong() -> None:
    """Level 1 names p times 50, level 2 p times the mix of 50 and that, f_1 / f_0 being tau; p = 4/3 meets the end."""
    replies = best_replies(np, np.array([1.5]), 2 / 3, 0.0, 100.0)
    assert replies[:3] == pytest.approx([50.0, 100 / 3, 2 / 3 * (50 + 1.5 * 100 / 3) / 2.5])
    rising = best_replies(np, np.array([8.0]), 4 / 3, 0.0, 100.0)
    assert rising[1] == pytest.approx(200 / 3)
    assert rising[-1] == 100.0


@pytest.mark.parametrize(("low", "high"), [(0.0, 100.0), (20.0, 80.0), (-10.0, 10.0)])
@pytest.mark.parametrize("p", [0.1, 2 / 3, 1.0, 4 / 3, 3.0])
@pytest.mark.parametrize("tau", [1e-9, 0.5, 5.0, 60.0])
def test_replies_are_those_of_the_recursion(tau: float, p: float, low: float, high: float) -> None:
    """Level by level, each reply within the limits before the next one is formed."""
    weight = [tau**k / math.factorial(k) for k in range(8)]
    replies = [(low + high) / 2]
    for k in range(1, 9):
        mean = sum(w * m for w, m in zip(weight, replies, strict=False)) / sum(weight[:k])
        replies.append(min(max(p * mean, low), high))
    assert best_replies(np, np.array([tau]), p, low, high) == pytest.approx(replies, rel=1e-12, abs=1e-12)


def test_without_steps_answers_are_uniform_and_with_many_they_near_the_equilibrium() -> None:
    given = grid(0, 100, {"p": 2 / 3})
    blind = probabilities(HIERARCHY, given, thinking_steps=1e-9, response_spread=0.05)[0]
    np.testing.assert_allclose(blind, 1 / 101, rtol=1e-6)
    means = [
        float(probabilities(HIERARCHY, given, thinking_steps=tau, response_spread=0.02)[0] @ np.arange(101))
        for tau in (0.5, 1.0, 1.5, 3.0, 6.0)
    ]
    assert means == sorted(means, reverse=True)
    assert means[-1] < 15


def test_the_hierarchy_is_free_of_the_grids_unit() -> None:
    """0 to 1,000 by tens is 0 to 100 by ones."""
    one = probabilities(HIERARCHY, grid(0, 100, {"p": 0.7}), thinking_steps=2.0, response_spread=0.04)
    ten = probabilities(HIERARCHY, grid(0, 1000, {"p": 0.7}, step=10), thinking_steps=2.0, response_spread=0.04)
    np.testing.assert_allclose(one, ten, rtol=1e-10)


def test_level_eight_stands_for_all_above_within_two_in_a_thousand() -> None:
    given = grid(0, 100, {"p": 2 / 3})
    found = probabilities(HIERARCHY, given, thinking_steps=5.0, response_spread=0.05)[0]
    f = np.exp(-5.0) * np.cumprod(np.concatenate([[1.0], 5.0 / np.arange(1, 60)]))
    m = [50.0]
    for k in range(1, 60):
        m.append(2 / 3 * float(f[:k] @ np.array(m)) / float(f[:k].sum()))
    density = np.exp(-(((np.arange(101)[:, None] - np.array(m)) / 5.0) ** 2) / 2)
    density[:, 0] = 1.0
    assert abs(found - density / density.sum(axis=0) @ f).sum() / 2 < 0.002


# Level-k


def test_level_k_is_that_of_fifty_digits() -> None:
    tau, precision, bonus = 2.4, 15.0, 20
    asks = list(range(11, 21))
    with mpmath.workdps(50):
        f = [mpmath.mpf(tau) ** k / mpmath.factorial(k) for k in range(10)]
        whole = [mpmath.mpf(0)] * 10
        for k in range(10):
            pay = [x + (bonus if k and x == 20 - k else 0) for x in asks]
            weights = [mpmath.exp(mpmath.mpf(precision) * each / bonus) for each in pay]
            whole = [w + f[k] / mpmath.fsum(f) * e / mpmath.fsum(weights) for w, e in zip(whole, weights, strict=True)]
    found = probabilities(LEVEL_K, grid(11, 20, {"bonus": bonus}), thinking_steps=tau, precision=precision)[0]
    np.testing.assert_allclose(found, [float(each) for each in whole], rtol=1e-12)


def test_precise_thinkers_ask_for_the_most_less_their_level() -> None:
    found = probabilities(LEVEL_K, grid(11, 20, {"bonus": 20}), thinking_steps=1.0, precision=3000.0)[0]
    f = 1.0 / np.array([float(mpmath.factorial(k)) for k in range(10)])
    np.testing.assert_allclose(found[::-1], f / f.sum(), rtol=1e-6)


def test_a_bonus_below_the_grids_range_is_refused() -> None:
    with pytest.raises(DataError, match="exceeds what is lost"):
        check_domain(LEVEL_K, grid(11, 20, {"bonus": 9}))


# Quantal response


def equilibrium(game: tuple[Payoffs, Payoffs], precision: float) -> tuple[float, float]:
    """Both players' first-action probabilities, followed from precision 0 in thirty digits."""
    own, other = (mpmath.matrix(payoff) for payoff in game)
    span = max([*own, *other]) - min([*own, *other])

    def miss(x: Any, y: Any) -> list[Any]:
        p, q = 1 / (1 + mpmath.exp(-x)), 1 / (1 + mpmath.exp(-y))
        gain = q * (own[0, 0] - own[1, 0]) + (1 - q) * (own[0, 1] - own[1, 1])
        hers = p * (other[0, 0] - other[0, 1]) + (1 - p) * (other[1, 0] - other[1, 1])
        return [x - at * gain / span, y - at * hers / span]

    point: Any = (mpmath.mpf(0), mpmath.mpf(0))
    with mpmath.workdps(30):
        for step in range(1, 31):
            at = mpmath.mpf(precision) * step / 30
            point = tuple(mpmath.findroot(miss, point, tol=1e-25))
        return tuple(float(1 / (1 + mpmath.exp(-x))) for x in point)  # type: ignore[return-value]


@pytest.mark.parametrize("precision", [0.7, 6.0])
@pytest.mark.parametrize("name", GAMES)
def test_equilibria_are_those_of_thirty_digits(name: str, precision: float) -> None:
    p, q = equilibrium(GAMES[name], precision)
    own, other = (np.array(payoff) for payoff in GAMES[name])
    mine = probabilities(QUANTAL, games((own, other)), precision=precision)[0, 0]
    hers = probabilities(QUANTAL, games((other.T, own.T)), precision=precision)[0, 0]
    assert (mine, hers) == (pytest.approx(p, rel=1e-10), pytest.approx(q, rel=1e-10))


def test_the_branch_runs_from_even_chances_to_nash() -> None:
    given = games(*GAMES.values())
    np.testing.assert_allclose(probabilities(QUANTAL, given, precision=1e-9)[:, 0], 0.5, atol=1e-8)
    nash = probabilities(QUANTAL, given, precision=1e4)[:, 0]
    # Dilemma: defect. Stag hunt: the hare, which is the better reply to an even chance. Pennies: what leaves the other
    # indifferent, whatever one's own payoffs are. Sexes: the mixed equilibrium, 2 to 1; chicken: half.
    np.testing.assert_allclose(nash[:5], [0.0, 0.0, 0.5, 2 / 3, 0.5], atol=1e-3)


def test_own_payoffs_move_a_mixed_equilibrium_where_nash_says_they_do_not() -> None:
    """Goeree & Holt's treasure and contradiction: the higher prize is sought more often than half of the time."""
    found = probabilities(QUANTAL, games(GAMES["matching pennies, 9 to 1"]), precision=10.0)[0, 0]
    assert found > 0.8


def test_every_game_is_in_equilibrium_on_a_branch_without_jumps() -> None:
    """Both together define the principal branch. Games with few distinct payoffs have ties and symmetries."""
    rng = np.random.default_rng(5)
    own, other = rng.integers(0, 6, (2, 150, 2, 2)).astype(float)
    other[:50] = own[:50].transpose(0, 2, 1)
    nothing = np.zeros(150)
    given = Stimuli(own, own * 0 + 0.5, nothing, nothing, payoff=own, payoff_of_other=other)
    precision = np.exp(np.linspace(-5.0, 9.0, 500))
    assert QUANTAL.log_probabilities is not None
    logs = QUANTAL.log_probabilities(np, {"precision": precision[:, None, None, None]}, given)
    odds, game, rate = logs[..., 0] - logs[..., 1], two_by_two(given), precision[:, None]
    q = expit(rate * (game.other_slope * expit(odds) + game.other_level))
    assert (abs(odds - rate * (game.own_slope * q + game.own_level)) / (1.0 + rate)).max() < 1e-10
    assert abs(expit(odds[0]) - 0.5).max() < 0.01
    assert abs(np.diff(expit(odds), axis=0)).max() < 0.1


def test_a_hundred_times_the_currency_and_a_gift_to_all_change_nothing() -> None:
    ones = probabilities(QUANTAL, games(*GAMES.values()), precision=5.0)
    hundreds = probabilities(QUANTAL, games(*GAMES.values(), scale=100.0), precision=5.0)
    np.testing.assert_allclose(ones, hundreds, rtol=1e-10)
    richer = [tuple((np.array(payoff) + 7).tolist() for payoff in game) for game in GAMES.values()]
    np.testing.assert_allclose(probabilities(QUANTAL, games(*richer), precision=5.0), ones, rtol=1e-10)  # type: ignore[arg-type]


def test_naming_actions_the_other_way_round_turns_the_answer_round() -> None:
    for own, other in GAMES.values():
        straight = probabilities(QUANTAL, games((own, other)), precision=4.0)[0]
        turned = probabilities(QUANTAL, games((own[::-1], other[::-1])), precision=4.0)[0]
        crossed = [[row[1], row[0]] for row in own], [[row[1], row[0]] for row in other]
        np.testing.assert_allclose(turned[::-1], straight, rtol=1e-10)
        np.testing.assert_allclose(probabilities(QUANTAL, games(crossed), precision=4.0)[0], straight, rtol=1e-10)


def test_games_that_cannot_be_read_say_what_is_missing() -> None:
    whole = rules(*GAMES["stag hunt"])
    with pytest.raises(DataError, match='option "second" against the other\'s "left" gives nothing to oneself'):
        stimuli([[o for o in whole if (o.option, o.state, o.to) != ("second", "left", "self")]], ("first", "second"))
    alone = stimuli([[o for o in whole if o.to == "self"]], ("first", "second"))
    with pytest.raises(DataError, match="needs what the other player gets"):
        check_domain(QUANTAL, alone)
    with pytest.raises(DataError, match="depends on what another player does"):
        check_domain(theories.get("crra"), stimuli([whole], ("first", "second")))
    with pytest.raises(DataError, match='reads the number "p"'):
        check_domain(HIERARCHY, grid(0, 100, {"q": 0.5}))


def test_an_outcome_without_a_state_is_paid_whatever_the_other_does() -> None:
    own, other = GAMES["stag hunt"]
    hare = [Outcome("second", 3.0, 1.0, 1.0)]
    given = stimuli(
        [[o for o in rules(own, other) if (o.option, o.to) != ("second", "self")] + hare], ("first", "second")
    )
    np.testing.assert_array_equal(given.payoff, games((own, other)).payoff)  # type: ignore[arg-type]


# What holds of all three


@pytest.mark.parametrize("name", DESIGNS)
def test_probabilities_sum_to_one_and_both_array_modules_agree_with_finite_slopes(name: str) -> None:
    """At twenty draws from the prior, where slopes are those of finite differences, and far beyond it."""
    theory, given = theories.get(name), DESIGNS[name]
    assert theory.log_probabilities is not None
    rng = np.random.default_rng(7)
    drawn = np.stack([rng.normal(p.prior.mean, p.prior.sd, 20) for p in theory.parameters])
    names = [p.name for p in theory.parameters]

    def logs(xp: Any, coordinates: Any) -> Any:
        natural = theory.natural(xp, dict(zip(names, coordinates, strict=True)))
        assert theory.log_probabilities is not None
        return theory.log_probabilities(xp, {n: v[:, None, None, None] for n, v in natural.items()}, given)

    here = logs(np, drawn)
    np.testing.assert_allclose(np.exp(here).sum(axis=-1), 1.0, rtol=1e-10)
    weights = rng.normal(size=here.shape)
    symbols = [pt.dvector(n) for n in names]
    graph = logs(pt, symbols)
    slopes = pytensor.grad((graph * weights).sum(), symbols)
    compiled = pytensor.function(symbols, [graph, *slopes], mode=MODE)
    computed = compiled(*drawn)
    np.testing.assert_allclose(computed[0], here, rtol=1e-9, atol=1e-12)
    for k, slope in enumerate(computed[1:]):
        step = np.zeros_like(drawn)
        step[k] = 1e-5
        difference = ((logs(np, drawn + step) - logs(np, drawn - step)) * weights).sum(axis=(1, 2)) / 2e-5
        assert np.isfinite(slope).all()
        np.testing.assert_allclose(slope, difference, rtol=1e-4, atol=1e-5)
    for far in (-6.0, 6.0):  # beyond anything that the prior expects
        away = [np.full(20, p.prior.mean + far) for p in theory.parameters]
        assert all(np.isfinite(part).all() for part in compiled(*away))


@pytest.mark.parametrize("name", DESIGNS)
def test_priors_expect_neither_chance_nor_certainty(name: str) -> None:
    """The answers that they expect reach from nearly uniform ones to what people do and beyond."""
    low, _, middle, _, high = predictive.predictive(theories.get(name))[-1].quantiles
    people = {"cognitive-hierarchy": 36.7, "level-k": 0.74, "quantal-response": 0.8}[name]
    assert low < people < high
    uniform = {"cognitive-hierarchy": 50.0, "level-k": 0.3, "quantal-response": 0.5}[name]
    assert abs(middle - uniform) > 0.02 * uniform


def test_a_simulated_player_answers_as_the_theory_says() -> None:
    player = {"thinking_steps": np.array([1.5]), "response_spread": np.array([0.05])}
    options = [str(x) for x in range(101)]
    said = choice_probabilities(HIERARCHY, player, [], options, lapse=0.1, variables={"p": 0.5})[0]
    alone = probabilities(HIERARCHY, grid(0, 100, {"p": 0.5}), thinking_steps=1.5, response_spread=0.05)[0]
    np.testing.assert_allclose(said, 0.9 * alone + 0.1 / 101, rtol=1e-9)
    shown = np.array([0.4, -0.4])
    two = choice_probabilities(
        QUANTAL, {"precision": np.array([6.0])}, rules(*GAMES["stag hunt"]), ["first", "second"], tilt=shown
    )[0]
    straight = probabilities(QUANTAL, games(GAMES["stag hunt"]), precision=6.0)[0]
    assert np.log(two[0] / two[1]) == pytest.approx(np.log(straight[0] / straight[1]) + 0.8)
