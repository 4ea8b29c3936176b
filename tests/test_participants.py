"""Simulated participants do what their theory says, and the people among them resemble people."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest

from replicator import design, references, specification
from replicator.design import Trial
from replicator.engines.engine import Answer, Question
from replicator.engines.participants import Participants, open_participants
from replicator.engines.responders import RESPONDERS
from replicator.engines.simulated import (
    Floats,
    choice_probabilities,
    draw_people,
    gift_probabilities,
    spread_people,
)
from replicator.errors import DataError, UsageError
from replicator.experiment import Analysis, Experiment, Fit, Item, Option, OutcomeSpec, Presentation, Response
from replicator.expression import parse
from replicator.prompt import Prompt
from replicator.theories import THEORIES

SAFE_FIRST, RISKY_FIRST = (0, 1), (1, 0)
PROMPT = Prompt(None, "", "Answer:", ())


def _experiment(
    name: str, options: Mapping[str, list[tuple[str, str, str]]], items: list[Item], response: Response
) -> Experiment:
    """An experiment with only what participants read; outcomes are (to, probability, amount)."""
    described = tuple(
        Option(
            option,
            tuple(
                OutcomeSpec(parse(amount), parse(odds), parse(odds), to, parse(0), None)
                for to, odds, amount in outcomes
            ),
            None,
            False,
        )
        for option, outcomes in options.items()
    )
    plan = Analysis(Fit("crra", "contextual", "risk_aversion", None), (), (), {})
    return Experiment(
        name=name,
        title="",
        family="risky-choice",
        version=1,
        citation={},
        factors=(),
        items=tuple(items),
        options=described,
        unit="USD",
        wordings={"plain": "", "lab": ""},
        response=response,
        presentation=Presentation("all", (("A", "B"),), ("single",)),
        checks=(),
        analysis=plan,
        humans=(),
        source="",
        hash="",
        path="",
    )


HOLT_LAURY = _experiment(
    "holt-laury",
    {
        "safe": [("self", "p", "2.00"), ("self", "1 - p", "1.60")],
        "risky": [("self", "p", "3.85"), ("self", "1 - p", "0.10")],
    },
    [Item(f"row-{row}", {"p": row / 10}) for row in range(1, 11)],
    Response("choice"),
)
GAMBLES = _experiment(
    "mixed-gambles",
    {"accept": [("self", "0.5", "gain"), ("self", "0.5", "-loss")], "reject": [("self", "1", "0")]},
    [Item(f"g{gain}-l{loss}", {"gain": gain, "loss": loss}) for gain in range(10, 41, 6) for loss in range(5, 21, 5)],
    Response("choice"),
)
DICTATOR = _experiment(
    "dictator",
    {"give": [("self", "1", "endowment - answer"), ("other", "1", "answer")]},
    [Item("e100", {"endowment": 100}), Item("e10", {"endowment": 10})],
    Response("amount", parse(0), parse("endowment"), parse(1)),
)
EXPERIMENTS = (HOLT_LAURY, GAMBLES, DICTATOR)


def _trial(experiment: Experiment, item: Item, order: tuple[int, ...] = SAFE_FIRST, wording: str = "plain") -> Trial:
    chosen = experiment.response.type == "choice"
    return Trial(
        experiment=experiment.name,
        item=item.id,
        condition="all",
        factors={},
        stimulus=item.variables,
        outcomes=experiment.outcomes(item.variables),
        options=experiment.option_names(item.variables),
        response=experiment.response.type,
        wording=wording,
        labels=("A", "B") if chosen else (),
        order=order if chosen else (),
    )


def _open(model: str, experiment: Experiment, seed: int = 0, **arguments: object) -> Participants:
    given = {key: str(value) for key, value in arguments.items()}
    return open_participants(model, given, experiment=experiment, name=model, seed=seed)


def _answer(engine: Participants, trial: Trial) -> Answer:
    (answer,) = engine.answer([Question(trial, PROMPT)])
    return answer


def _shares(engine: Participants, experiment: Experiment, order: tuple[int, ...] = SAFE_FIRST) -> Floats:
    """Probability of the first option by item."""
    answers = [_answer(engine, _trial(experiment, item, order)) for item in experiment.items]
    return np.array([answer.probabilities[0] for answer in answers if answer.probabilities])


@cache
def _human(name: str) -> Participants:
    return _open("participants:human", next(e for e in EXPERIMENTS if e.name == name))


def _logit(p: Floats) -> Floats:
    return np.log(p) - np.log1p(-p)


# People


def test_people_choose_like_people_row_by_row() -> None:
    items = references.references()["hl_safe_byrow"].items
    assert items is not None
    published = np.array([items[item.id]["safe"] for item in HOLT_LAURY.items])
    simulated = _shares(_human("holt-laury"), HOLT_LAURY)
    assert np.abs(simulated - published).max() < 0.07


def test_as_many_people_are_inconsistent_as_in_the_laboratory() -> None:
    """12.2% of 5,730 people switched more than once or backwards: the figure that sets the sensitivity."""
    people = references.population("holt-laury")
    assert people is not None
    drawn = spread_people(people, 4096)
    rows = np.column_stack(
        [
            choice_probabilities(
                THEORIES["crra"],
                drawn,
                HOLT_LAURY.outcomes(item.variables),
                ("safe", "risky"),
                lapse=people.lapse,
            )[:, 0]
            for item in HOLT_LAURY.items
        ]
    )
    consistent = sum(np.prod(rows[:, :k], axis=1) * np.prod(1 - rows[:, k:], axis=1) for k in range(11))
    assert 1.0 - np.mean(consistent) == pytest.approx(0.122, abs=0.01)


def test_people_accept_half_of_toms_gambles() -> None:
    """Participants of Tom et al. (2007) accepted 51% of the matrix."""
    assert _shares(_human("mixed-gambles"), GAMBLES).mean() == pytest.approx(0.51, abs=0.04)


@pytest.mark.parametrize("item", DICTATOR.items, ids=lambda item: item.id)
def test_people_give_as_engel_found(item: Item) -> None:
    answer = _answer(_human("dictator"), _trial(DICTATOR, item))
    assert answer.probabilities is not None
    gifts = np.linspace(0, 1, len(answer.probabilities))
    assert gifts @ answer.probabilities == pytest.approx(0.2835, abs=0.001)
    at = dict(zip(gifts, answer.probabilities, strict=True))
    assert (at[0.0], at[0.5], at[1.0]) == pytest.approx((0.3611, 0.1674, 0.0544))


@pytest.mark.parametrize("experiment", [HOLT_LAURY, GAMBLES], ids=lambda experiment: experiment.name)
def test_the_average_is_that_of_people_drawn_separately(experiment: Experiment) -> None:
    """100,000 people who choose once each agree with the exact shares within Monte Carlo error."""
    people = references.population(experiment.name)
    assert people is not None
    n = 100_000
    drawn = draw_people(people, n, seed=20)
    random = np.random.default_rng(21)
    exact = _shares(_human(experiment.name), experiment)
    options = experiment.option_names({})
    for item, share in list(zip(experiment.items, exact, strict=True))[::3]:
        each = choice_probabilities(
            THEORIES[people.theory], drawn, experiment.outcomes(item.variables), options, lapse=people.lapse
        )[:, 0]
        chosen = np.mean(random.random(n) < each)
        assert abs(chosen - share) < 4.5 * math.sqrt(share * (1 - share) / n) + 0.0005, item.id


def test_the_gifts_of_people_drawn_separately_agree() -> None:
    people = references.population("dictator")
    assert people is not None
    drawn = draw_people(people, 1000, seed=3)
    trial = _trial(DICTATOR, DICTATOR.items[0])
    each = choice_probabilities(THEORIES["giving"], drawn, trial.outcomes, trial.options)
    assert each.shape == (1000, 101)
    assert each.mean(axis=0) == pytest.approx(_answer(_human("dictator"), trial).probabilities)


def test_drawn_people_have_the_published_distribution() -> None:
    people = references.population("mixed-gambles")
    assert people is not None
    for drawn in (draw_people(people, 50_000, seed=1), spread_people(people, 8192)):
        log_lambda = np.log(drawn["loss_aversion"])
        assert np.exp(np.median(log_lambda)) == pytest.approx(1.93, rel=0.02)
        assert log_lambda.std() == pytest.approx(0.5, rel=0.02)
        assert abs(np.corrcoef(log_lambda, np.log(drawn["sensitivity"]))[0, 1]) < 0.02


def test_draws_follow_their_seed() -> None:
    people = references.population("holt-laury")
    assert people is not None
    one, again, other = (draw_people(people, 5, seed) for seed in (1, 1, 2))
    assert np.array_equal(one["risk_aversion"], again["risk_aversion"])
    assert not np.array_equal(one["risk_aversion"], other["risk_aversion"])


# Theories


def test_a_chooser_follows_its_equation() -> None:
    """Row 5 by hand: u(x) = x^1.4 / 1.4 at r = -0.4, utilities over the range from 0.10 to 3.85."""
    u = {x: x**1.4 for x in (2.00, 1.60, 3.85, 0.10)}
    difference = 0.5 * (u[2.00] + u[1.60] - u[3.85] - u[0.10]) / (u[3.85] - u[0.10])
    expected = 0.98 / (1 + math.exp(-(8 * difference + 0.5))) + 0.01
    engine = _open("participants:crra", HOLT_LAURY, r=-0.4, noise=8, lapse=0.02, position=0.5)
    assert _shares(engine, HOLT_LAURY)[4] == pytest.approx(expected, abs=1e-12)


def test_symbols_and_names_mean_the_same() -> None:
    by_symbol = _open("participants:loss-aversion-power", GAMBLES, **{"lambda": 3, "rho": 0.8, "noise": 6})
    by_name = _open("participants:loss-aversion-power", GAMBLES, loss_aversion=3, curvature=0.8, sensitivity=6)
    assert np.array_equal(_shares(by_symbol, GAMBLES), _shares(by_name, GAMBLES))
    assert by_symbol.identity == by_name.identity


def test_more_loss_aversion_accepts_less() -> None:
    low, high = (_shares(_open("participants:loss-aversion", GAMBLES, **{"lambda": v}), GAMBLES) for v in (1, 3))
    assert np.all(high < low)


@pytest.mark.parametrize(
    ("theory", "experiment", "arguments"),
    [("crra", HOLT_LAURY, {"r": 0}), ("loss-aversion", GAMBLES, {"lambda": 1})],
)
def test_a_neutral_chooser_without_noise_maximises_expected_value(
    theory: str, experiment: Experiment, arguments: Mapping[str, float]
) -> None:
    precise = _open(f"participants:{theory}", experiment, noise=1e7, **arguments)
    best = _open("participants:expected-value", experiment)
    assert _shares(precise, experiment) == pytest.approx(_shares(best, experiment), abs=1e-9)


@pytest.mark.parametrize(("theory", "experiment"), [("crra", HOLT_LAURY), ("giving", DICTATOR)])
def test_somebody_who_always_lapses_is_uniform(theory: str, experiment: Experiment) -> None:
    lapsing, even = (
        _open(f"participants:{theory}", experiment, lapse=1),
        _open("participants:uniform", experiment),
    )
    for item in experiment.items:
        trial = _trial(experiment, item)
        assert _answer(lapsing, trial).probabilities == pytest.approx(_answer(even, trial).probabilities)


def test_position_is_the_log_odds_of_first_against_second_when_indifferent() -> None:
    plain, biased = (_open("participants:crra", HOLT_LAURY, r=0.3, position=p) for p in (0, 0.8))
    neutral = _logit(_shares(plain, HOLT_LAURY))
    assert _logit(_shares(plain, HOLT_LAURY, RISKY_FIRST)) == pytest.approx(neutral)
    assert _logit(_shares(biased, HOLT_LAURY, SAFE_FIRST)) - neutral == pytest.approx(0.8)
    assert _logit(_shares(biased, HOLT_LAURY, RISKY_FIRST)) - neutral == pytest.approx(-0.8)


def test_wordings_matter_only_where_they_are_asked_to() -> None:
    item = HOLT_LAURY.items[4]

    def first(engine: Participants, wording: str) -> float:
        probabilities = _answer(engine, _trial(HOLT_LAURY, item, wording=wording)).probabilities
        assert probabilities is not None
        return probabilities[0]

    plain, worded, again, reseeded = (
        _open("participants:crra", HOLT_LAURY, seed, r=0.3, wording_sd=sd)
        for seed, sd in ((0, 0), (0, 0.5), (0, 0.5), (1, 0.5))
    )
    assert first(plain, "plain") == first(plain, "lab")
    assert first(worded, "plain") != first(worded, "lab")
    assert first(worded, "lab") == first(again, "lab")
    assert first(worded, "lab") != first(reseeded, "lab")
    assert worded.identity != reseeded.identity


@pytest.mark.parametrize("endowment", [5, 10, 20, 100])
def test_gifts_have_the_parameters_they_were_given(endowment: int) -> None:
    """Grids with half on them and (5) without, where one amount alone lies between nothing and half."""
    grid = np.arange(endowment + 1.0)
    gifts = gift_probabilities(grid, p_zero=0.3, p_half=0.2, p_above=0.1, interior_mean=0.6, above_mean=0.6, p_all=0.02)
    half = int(np.abs(grid / endowment - 0.5).argmin())
    share = grid / endowment
    assert gifts.sum() == pytest.approx(1)
    assert (gifts[0], gifts[half], gifts[-1]) == pytest.approx((0.3, 0.2, 0.02))
    inside = slice(1, half)
    assert gifts[inside].sum() == pytest.approx(0.4)
    assert share[inside] @ gifts[inside] / 0.4 == pytest.approx(min(0.6 * share[half], share[half - 1]))
    above = slice(half + 1, None)
    assert share[above] @ gifts[above] / 0.1 == pytest.approx(share[half] + 0.6 * (1 - share[half]))
    assert np.all(gifts >= 0)


def test_the_mean_gift_survives_a_grid_with_nothing_between() -> None:
    gifts = gift_probabilities(
        np.array([0.0, 5.0, 10.0]), p_zero=0.3, p_half=0.2, p_above=0.0, interior_mean=0.6, above_mean=0.5
    )
    assert np.array([0, 0.5, 1]) @ gifts == pytest.approx(0.5 * 0.6 * 0.5 + 0.2 * 0.5)


# Responders and errors


def test_responders_are_what_they_are_called() -> None:
    first = _open("participants:always-first", HOLT_LAURY)
    assert np.all(_shares(first, HOLT_LAURY, SAFE_FIRST) == 1)
    assert np.all(_shares(first, HOLT_LAURY, RISKY_FIRST) == 0)
    even = _open("participants:uniform", HOLT_LAURY)
    assert np.all(_shares(even, HOLT_LAURY) == 0.5)
    assert list(_shares(_open("participants:expected-value", HOLT_LAURY), HOLT_LAURY)) == [1] * 4 + [0] * 6
    for name in ("always-first", "expected-value"):
        answer = _answer(_open(f"participants:{name}", DICTATOR), _trial(DICTATOR, DICTATOR.items[0]))
        assert answer.probabilities is not None
        assert answer.probabilities[0] == 1


def test_a_tie_in_expected_value_is_split() -> None:
    engine = _open("participants:expected-value", GAMBLES)
    assert _answer(engine, _trial(GAMBLES, Item("even", {"gain": 10, "loss": 10}))).probabilities == (
        0.5,
        0.5,
    )


@pytest.mark.parametrize("responder", ["human", "crra", *RESPONDERS])
def test_answers_are_exact_probabilities_without_tokens(responder: str) -> None:
    engine = _open(f"participants:{responder}", HOLT_LAURY)
    answer = _answer(engine, _trial(HOLT_LAURY, HOLT_LAURY.items[3]))
    assert (answer.status, answer.label_mass, engine.reads_text) == ("valid", None, False)
    assert answer.probabilities is not None
    assert math.fsum(answer.probabilities) == pytest.approx(1, abs=1e-12)


def test_utility_that_overflows_is_an_error_and_never_an_answer() -> None:
    with pytest.raises(DataError, match="risk_aversion up to 1000"):
        _shares(_open("participants:crra", HOLT_LAURY, r=1000), HOLT_LAURY)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: _open("participants:crrra", HOLT_LAURY), "participants:crra"),
        (lambda: _open("participants:crra", HOLT_LAURY, risk=1), "risk_aversion"),
        (lambda: _open("participants:crra", HOLT_LAURY, noise=-1), "noise=-1"),
        (lambda: _open("participants:crra", HOLT_LAURY, r="nan"), "r=nan"),
        (lambda: _open("participants:crra", HOLT_LAURY, r="high"), "r=high"),
        (lambda: _open("participants:crra", HOLT_LAURY, lapse=1.2), "lapse=1.2"),
        (lambda: _open("participants:crra", HOLT_LAURY, r=1, risk_aversion=1), "twice"),
        (lambda: _open("participants:loss-aversion", GAMBLES, **{"lambda": 0}), "lambda=0"),
        (lambda: _open("participants:crra", GAMBLES), "about gains, but an option loses 20"),
        (lambda: _open("participants:crra", DICTATOR), "fehr-schmidt"),
        (lambda: _open("participants:giving", HOLT_LAURY), "participants:crra"),
        (lambda: _open("participants:giving", DICTATOR, p_zero=0.7, p_half=0.6), "sum to"),
        (lambda: _open("participants:giving", DICTATOR, mean_share=0.5), "mean_share"),
        (lambda: _open("participants:uniform", HOLT_LAURY, noise=1), "no arguments"),
        (lambda: _open("participants:human", HOLT_LAURY, r=1), "wording_sd"),
    ],
)
def test_a_mistake_is_named(ask: Callable[[], Participants], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        ask()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_people_choose_the_sure_plan_as_often_as_in_36_samples() -> None:
    """28.7 percentage points more where lives saved are told (Klein et al. 2014)."""
    experiment = specification.find("asian-disease")
    people = open_participants("participants:human", {}, experiment=experiment, name="people")
    shares = {
        trial.factors["frame"]: float(found[0])
        for trial in design.trials(experiment)
        if trial.check is None and (found := people.rule(trial)) is not None
    }
    assert shares["gain"] - shares["loss"] == pytest.approx(0.287, abs=0.002)
    assert shares["gain"] + shares["loss"] == pytest.approx(1.0, abs=0.002)


def test_a_chooser_of_frames_has_the_log_odds_ratio_that_it_is_given() -> None:
    experiment = specification.find("asian-disease")
    given = {"log_odds_ratio": "2", "baseline": "0.5", "position": "0.6"}
    chooser = open_participants("participants:contrast", given, experiment=experiment, name="one")
    for trial in design.trials(experiment):
        found = chooser.rule(trial)
        if trial.check is not None:
            assert found is None
            continue
        assert found is not None
        side = 0.5 if trial.factors["frame"] == "gain" else -0.5
        shown = 0.6 if trial.order[0] == 0 else -0.6
        assert np.log(found[0] / found[1]) == pytest.approx(0.5 + 2 * side + shown)


def test_a_chooser_of_frames_needs_a_contrast_of_options() -> None:
    with pytest.raises(UsageError, match="compares the share of an option"):
        open_participants("participants:contrast", {}, experiment=HOLT_LAURY, name="one")
