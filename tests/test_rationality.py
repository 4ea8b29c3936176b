"""What is said of the consistency of populations: models, persons, and responders that a wrong tool would misread."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from recorded import real
from small_experiments import gifts, lotteries, outcome

from replicator import design, specification
from replicator.experiment import Experiment, Item, Option, Presentation, Response
from replicator.expression import parse
from replicator.rationality import budgets, dominance
from replicator.rationality.entries import entries, put_people_beside

Answer = Callable[[design.Trial], Sequence[float]]


def table(
    experiment: Experiment, answer: Answer, subjects: Sequence[str | None] = (None,), **more: Any
) -> pd.DataFrame:
    """A population's answers to all trials; subjects are persons, who answer once a question and whose `answer` is
    called anew."""
    persons = subjects != (None,)
    trials = design.trials(experiment)
    if persons:
        questions = {(trial.item, trial.condition): trial for trial in trials if trial.check is None}
        trials = tuple(questions.values())
    shared = {
        trial.outcomes: [vars(outcome) for outcome in trial.outcomes] if trial.outcomes else None for trial in trials
    }
    rows = [
        {
            "model": "them",
            "population": "human" if persons else "model",
            "subject": subject,
            "item": trial.item,
            "condition": trial.condition,
            "outcomes": shared[trial.outcomes],
            "response": trial.response,
            "wording": "recorded" if persons else trial.wording,
            "labels": "" if persons else "|".join(trial.labels),
            "order": "" if persons else "|".join(trial.options[place] for place in trial.order),
            "language": trial.language,
            "layout": trial.layout,
            "repeat": 0,
            "elicitation": "recorded" if persons else "probability",
            "options": list(trial.options),
            "probabilities": np.asarray(answer(trial), dtype=float),
            "value": None,
            "label_mass": np.nan if persons else 1.0,
            "status": "valid",
            **more,
        }
        for subject in subjects
        for trial in trials
    ]
    return pd.DataFrame(rows)


def measured(frame: pd.DataFrame, published: Mapping[Any, Any] | None = None) -> dict[tuple[str, ...], dict[str, Any]]:
    """Entries by measure and condition, and by unit where it is `share`."""
    found = entries("them", frame, published or {})
    return {(e["measure"], e["condition"], *(["share"] if e["unit"] == "share" else [])): e for e in found}


def uniform(trial: design.Trial) -> Sequence[float]:
    return np.full(len(trial.options), 1 / len(trial.options))


def first_displayed(trial: design.Trial) -> Sequence[float]:
    return np.eye(len(trial.options))[trial.order[0] if trial.order else 0]


def expected_value(trial: design.Trial) -> Sequence[float]:
    worth = [
        sum(o.amount * o.probability_low for o in trial.outcomes if o.option == name and o.to == "self")
        for name in trial.options
    ]
    return np.eye(len(trial.options))[int(np.argmax(worth))]


def choosing(option: str) -> Answer:
    return lambda trial: [float(name == option) for name in trial.options]


# Lotteries


def test_a_uniform_chooser_gets_the_baseline_of_every_measure() -> None:
    found = measured(table(lotteries(), uniform))
    told = [entry for entry in found.values() if entry["value"] is not None]
    assert {entry["measure"] for entry in told} == {"dominance", "dominance-checks", "multiple-switching", "switches"}
    for entry in told:
        assert entry["value"] == pytest.approx(entry["baseline"]), entry["measure"]
    assert found["switches", "stakes=1"]["value"] == pytest.approx(4.5)
    assert found["multiple-switching", "stakes=1"]["value"] == pytest.approx(1 - 20 / 1024)


def test_always_the_first_position_is_told_from_preference() -> None:
    found = measured(table(lotteries(), first_displayed))
    dominated = found["dominance", "stakes=20"]
    assert dominated["value"] == pytest.approx(0.5)
    assert "100% where it was displayed first and in 0% elsewhere" in dominated["words"]
    assert "position" in dominated["words"]
    # Within one presentation it takes the same option in every row, and so never switches.
    assert found["multiple-switching", "stakes=20"]["value"] == 0.0
    assert found["switches", "stakes=20"]["value"] == 0.0
    assert "position" in found["switches", "stakes=20"]["words"]


def test_an_expected_value_maximiser_makes_no_mistake() -> None:
    found = measured(table(lotteries(), expected_value))
    for measure in ("dominance", "multiple-switching"):
        assert found[measure, "stakes=1"]["value"] == 0.0
    assert found["switches", "stakes=1"]["value"] == 1.0
    assert found["dominance-checks", "all"]["value"] == 0.0
    assert "position" not in found["dominance", "stakes=1"]["words"]


def test_a_design_without_triples_says_so() -> None:
    (entry,) = [e for e in entries("them", table(lotteries(), uniform), {}) if e["measure"] == "intransitivity"]
    assert entry["value"] is None
    assert "no three options that meet two by two" in entry["words"]


@pytest.mark.parametrize("change", ["options", "money", "order of rows"])
def test_names_money_and_order_change_nothing(change: str) -> None:
    def tilted(trial: design.Trial) -> Sequence[float]:
        if "risky" not in trial.options:
            return uniform(trial)
        first = trial.options[trial.order[0]]
        risky = 0.1 + 0.8 * float(trial.stimulus["p"]) + (0.05 if first == "risky" else 0.0)
        return [{"safe": 1 - risky, "risky": risky}[name] for name in trial.options]

    plain = lotteries()
    other = {
        "options": lotteries(options=plain.options[::-1]),
        "money": lotteries(options=tuple(_dearer(option) for option in plain.options)),
        "order of rows": lotteries(items=plain.items[::-1]),
    }[change]
    mine, theirs = (measured(table(experiment, tilted)) for experiment in (plain, other))
    assert sorted(mine) == sorted(theirs)
    for key, entry in mine.items():
        for number in ("value", "baseline"):
            assert theirs[key][number] == (None if entry[number] is None else pytest.approx(entry[number])), key


def _dearer(option: Option) -> Option:
    high, low = {"safe": ("200", "160"), "risky": ("385", "10")}[option.name]
    return Option(
        option.name, (outcome(f"{high} * stakes", "p"), outcome(f"{low} * stakes", "1 - p")), None, option.status_quo
    )


def test_persons_are_counted_whole_and_their_pooled_shares_apart() -> None:
    # Nine persons switch once, each at another row; one takes turns. Nobody but the last switches twice.
    switching = {f"p{row}": row for row in range(1, 10)}
    people = table(lotteries(), uniform, [*switching, "p10"])
    rows = people["item"].str.removeprefix("row-").astype(int)
    own = people["subject"].map(switching)
    risky = np.where(own.isna(), rows % 2 == 0, rows > own).astype(float)
    people["probabilities"] = [np.array([1 - one, one]) for one in risky]
    found = measured(people)
    persons, together = found["multiple-switching", "stakes=1"], found["multiple-switching", "stakes=1", "share"]
    assert persons["value"] == pytest.approx(0.1)
    assert (persons["n"], persons["unit"]) == (10, "person")
    assert persons["interval"][0] < 0.1 < persons["interval"][1]
    assert found["switches", "stakes=1"]["value"] == pytest.approx((9 * 1 + 9) / 10)
    # One responder who draws from the average of the same people is much less consistent than they are.
    assert together["value"] > 0.7
    # A gap hides switches: who left a row out is not counted.
    gap = people[~((people["subject"] == "p10") & (people["item"] == "row-5"))]
    left = measured(gap)["multiple-switching", "stakes=1"]
    assert (left["value"], left["n"]) == (0.0, 9)
    assert "1 answered none" in left["words"]


def test_a_single_person_a_single_row_and_no_valid_answer() -> None:
    one = measured(table(lotteries(), choosing("risky"), ["only"]))
    assert one["switches", "stakes=1"]["value"] == 0.0
    assert one["dominance", "stakes=1"]["n"] == 1
    row = lotteries(items=(Item("row-3", {"p": 0.3}),), checks=())
    assert {key[0] for key in measured(table(row, uniform))} == {"intransitivity"}
    silent = measured(table(lotteries(), uniform, status="refusal"))
    assert all(entry["value"] is None for entry in silent.values())


def test_outcomes_that_are_not_known_are_no_question() -> None:
    frame = table(lotteries(), uniform)
    unknown = [{**vars(o), "amount": float("nan")} for o in design.trials(lotteries())[0].outcomes]
    frame["outcomes"] = [unknown] * len(frame)
    assert measured(frame) == {}
    frame["outcomes"] = None
    assert measured(frame) == {}


def test_shares_of_published_people_stand_beside_a_model_and_not_beside_persons() -> None:
    hl = specification.find("holt-laury")
    falling = {f"row-{k}": 1.0 - k / 10 for k in range(1, 11)}
    published = {
        (item, condition): ({"safe": safe, "risky": 1 - safe}, "somebody")
        for item, safe in falling.items()
        for condition in ("stakes=1", "stakes=20")
    }
    model = measured(table(hl, uniform), published)["switches", "stakes=1"]
    by_hand = sum(a * (1 - b) + (1 - a) * b for a, b in itertools.pairwise(falling.values()))
    assert model["human_value"] == pytest.approx(by_hand)
    assert model["reference"] == "somebody"
    persons = measured(table(hl, choosing("safe"), ["a", "b"]), published)
    assert persons["switches", "stakes=1"]["reference"] is None
    assert persons["switches", "stakes=1", "share"]["reference"] == "somebody"


def test_like_is_set_beside_like() -> None:
    model = entries("model", table(lotteries(), uniform), {})
    people = entries("people", table(lotteries(), choosing("safe"), ["a", "b", "c"]), {})
    kinds = [{"name": "model", "population": "model"}, {"name": "people", "population": "human"}]
    together = [*model, *people]
    put_people_beside(together, kinds)
    (one,) = [e for e in model if e["measure"] == "switches" and e["condition"] == "stakes=1"]
    assert one["reference"] == "population:people"
    (share,) = [e for e in people if (e["measure"], e["condition"], e["unit"]) == ("switches", "stakes=1", "share")]
    assert one["human_value"] == share["value"]
    assert all(entry["reference"] is None for entry in people)


# Other people's money, and three options


def test_rejecting_an_offer_is_not_a_dominated_choice() -> None:
    found = measured(table(specification.find("ultimatum-responder"), choosing("reject")))
    assert ("dominance", "all") not in found
    assert found["pareto", "all"]["value"] == 1.0
    assert "no error" in found["pareto", "all"]["words"]
    assert found["dominance-checks", "all"]["value"] == 1.0  # everything for oneself, or nothing for anybody
    assert found["multiple-switching", "all"]["over"] == 1


def test_which_of_three_options_is_dominated() -> None:
    def sure(own: float, other: float) -> Any:
        return tuple(((who, 0.0, ""), ((paid, 1.0, 1.0),)) for who, paid in (("other", other), ("self", own)) if paid)

    assert list(dominance.worse((sure(5, 2), sure(4, 2), sure(4, 3))).dominated) == [False, True, False]
    assert list(dominance.worse((sure(5, 2), sure(4, 1), sure(4, 3))).pareto) == [False, True, False]
    assert not dominance.worse((sure(5, 0), sure(5, 0))).dominated.any()


def triples() -> Experiment:
    items = tuple(
        Item(name, {"x": x, "p": p, "y": y, "q": q})
        for name, (x, p, y, q) in {
            "a-b": (5.0, 7 / 24, 4.75, 8 / 24),
            "b-c": (4.75, 8 / 24, 4.5, 9 / 24),
            "c-a": (4.5, 9 / 24, 5.0, 7 / 24),
        }.items()
    )
    options = tuple(
        Option(name, (outcome(x, p), outcome("0", f"1 - {p}")), None, False)
        for name, x, p in (("left", "x", "p"), ("right", "y", "q"))
    )
    return lotteries(items=items, options=options, factors=(), checks=())


def test_a_circle_of_tverskys_gambles() -> None:
    left = measured(table(triples(), choosing("left")))
    assert left["intransitivity", "all"]["value"] == 1.0
    assert left["intransitivity", "all"]["baseline"] == 0.25
    assert left["weak-stochastic-transitivity", "all", "share"]["value"] == 1.0
    level = measured(table(triples(), uniform))
    assert level["intransitivity", "all"]["value"] == pytest.approx(0.25)
    assert level["strong-stochastic-transitivity", "all", "share"]["value"] == 0.0
    persons = table(triples(), choosing("left"), ["circle", "straight"])
    straight = (persons["subject"] == "straight") & (persons["item"] == "c-a")
    persons.loc[straight, "probabilities"] = pd.Series([np.array([0.0, 1.0])], index=persons.index[straight])
    assert measured(persons)["intransitivity", "all"]["value"] == 0.5


# Budgets


def prices(*sets: tuple[float, float]) -> Experiment:
    """Dictator games in which a token kept pays `own` and a token given pays `rate` to the other."""
    items = tuple(Item(f"b{k}", {"own": own, "rate": rate}) for k, (own, rate) in enumerate(sets))
    option = Option("give", (outcome("(12 - answer) * own"), outcome("answer * rate", to="other")), None, False)
    return gifts(
        items=items, options=(option,), response=Response("amount", parse("0"), parse("12"), parse("1")),
        presentation=Presentation("all", (), ("single",)),
    )  # fmt: skip


CROSSED = prices((1, 3), (3, 1), (1, 1), (2, 1), (1, 2))


def amounts(given: Mapping[str, int]) -> Answer:
    return lambda trial: np.eye(len(trial.options))[given[trial.item]]


def test_a_dictator_who_gives_a_third_of_every_token_is_consistent() -> None:
    found = measured(table(CROSSED, amounts(dict.fromkeys(("b0", "b1", "b2", "b3", "b4"), 4)), ["one", "two"]))
    index = found["afriat-index", "all"]
    assert (index["value"], index["over"], index["n"], index["unit"]) == (1.0, 5, 2, "person")
    assert found["garp", "all"]["value"] == 1.0
    assert found["afriat-percentile", "all"]["value"] > 60


def test_two_corners_that_contradict_each_other_have_the_index_of_the_textbook() -> None:
    # Kept tokens pay 1 or 3, given ones 3 or 1. To keep all where keeping is dear, and give all where giving is.
    found = measured(table(prices((1, 3), (3, 1)), amounts({"b0": 0, "b1": 12}), ["one"]))
    # Bundles (12, 0) and (0, 12); budgets allow (12, 36) and (36, 12): each costs a third of the other's budget.
    assert found["afriat-index", "all"]["value"] == pytest.approx(1 / 3)
    assert found["garp", "all"]["value"] == 0.0
    other = measured(table(prices((1, 3), (3, 1)), amounts({"b0": 12, "b1": 0}), ["one"]))
    assert other["afriat-index", "all"]["value"] == 1.0
    # Bronars' power by counting all pairs of answers: each costs at most 36 at the other's prices, and one less.
    costs = [(9 * (12 - y) + y, (12 - x) + 9 * x) for x in range(13) for y in range(13)]
    power = np.mean([max(first, second) <= 36 and min(first, second) < 36 for first, second in costs])
    assert power == pytest.approx(15 / 169)
    assert other["garp", "all"]["baseline"] == pytest.approx(1 - power, abs=0.015)


def test_a_model_at_random_is_at_the_middle_of_random_choosers() -> None:
    found = measured(table(CROSSED, uniform))
    index, percentile = found["afriat-index", "all"], found["afriat-percentile", "all"]
    assert index["value"] == pytest.approx(index["baseline"], abs=0.06)
    assert percentile["value"] == pytest.approx(50.0, abs=8)
    assert measured(table(CROSSED, uniform))["afriat-index", "all"]["value"] == index["value"]  # seeded


def test_budgets_that_do_not_cross_say_that_nothing_can_be_tested() -> None:
    found = measured(table(prices((1, 1), (2, 2), (3, 3)), uniform))
    assert found["afriat-index", "all"]["value"] is None
    assert "No two of the 3 budgets cross" in found["afriat-index", "all"]["words"]
    assert measured(table(prices((1, 2)), uniform)) == {}


def test_what_is_a_budget() -> None:
    def found(first: str, second: str, **more: Any) -> budgets.Budget | None:
        option = Option("give", (outcome(first), outcome(second, **more)), None, False)
        trial = design.trials(gifts(10, "2", options=(option,)))[0]
        return budgets.budget([vars(o) for o in trial.outcomes], trial.options)

    own = found("endowment - answer", "answer * 2", to="other")
    assert own is not None
    assert own.prices == pytest.approx([1 / 10, 1 / 20])
    assert found("endowment - answer", "answer * 1.1", delay="30") is not None  # now and later
    assert found("endowment - answer", "answer * 2") is None  # two payments to one person at once are one good
    assert found("endowment - answer / 2", "answer * 2", to="other") is None  # never all to the other
    assert found("endowment - answer", "answer * answer", to="other") is None  # not straight
    assert found("endowment - answer", "answer - 2", to="other") is None  # something can be lost


def test_a_budget_left_unanswered_is_said() -> None:
    people = table(CROSSED, amounts(dict.fromkeys(("b0", "b1", "b2", "b3", "b4"), 4)), ["one", "two"])
    fewer = people[~((people["subject"] == "two") & (people["item"] == "b2"))]
    entry = measured(fewer)["afriat-index", "all"]
    assert entry["n"] == 1
    assert "1 left a budget unanswered" in entry["words"]


# Real people


def recorded(rows: Iterable[tuple[str, str, list[dict[str, Any]], int]], options: Sequence[str]) -> pd.DataFrame:
    """Recorded choices of persons: who, the item, its outcomes and the place of the chosen option."""
    blank = {"condition": "all", "response": "choice", "wording": "recorded", "labels": "", "order": "",
             "elicitation": "recorded", "label_mass": np.nan, "status": "valid", "model": "them"}  # fmt: skip
    return pd.DataFrame(
        [
            {**blank, "subject": subject, "item": item, "outcomes": outcomes, "options": list(options),
             "probabilities": np.eye(len(options))[chosen]}
            for subject, item, outcomes, chosen in rows
        ]
    )  # fmt: skip


def gives(option: str, amount: float, probability: float = 1.0, to: str = "self") -> dict[str, Any]:
    return {"option": option, "amount": amount, "probability_low": probability, "probability_high": probability,
            "to": to, "delay": 0.0, "state": None}  # fmt: skip


@pytest.mark.real_data
def test_the_people_of_tom_2007_reverse_few_of_the_ordered_gambles() -> None:
    with real("human/tom2007_mixed_gambles/tom2007_choices.csv").open(encoding="utf-8") as file:
        answered = [row for row in csv.DictReader(file) if row["accept"] not in ("", "nan", "NaN", "n/a")]
    rows = []
    for row in answered:
        gain, loss, yes = (float(row[name]) for name in ("gain", "loss", "accept"))
        outcomes = [gives("accept", gain, 0.5), gives("accept", -loss, 0.5), gives("reject", 0.0)]
        rows.append((row["participant_id"], f"{gain}|{loss}", outcomes, 0 if yes else 1))
    frame = recorded(rows, ["accept", "reject"])
    found = measured(frame)
    persons, together = found["monotonicity", "all"], found["monotonicity", "all", "share"]
    assert persons["n"] == 16
    assert persons["over"] == (256 * 255 - 2 * (120 * 120)) // 2  # all pairs but those with more to gain and to lose
    # By hand: gambles with at least the gain and at most the loss of an accepted one, rejected.
    rates = []
    for _, own in frame.groupby("subject"):
        gain, loss = (own["item"].str.split("|").str[k].astype(float).to_numpy() for k in (0, 1))
        yes = np.stack(own["probabilities"].to_list())[:, 0]
        better = (gain[None] >= gain[:, None]) & (loss[None] <= loss[:, None])
        better &= (gain[None] != gain[:, None]) | (loss[None] != loss[:, None])
        rates.append((better * np.outer(yes, 1 - yes)).sum() / better.sum())
    assert persons["value"] == pytest.approx(np.mean(rates))
    assert 0.0 < persons["value"] < 0.1
    assert persons["value"] < together["value"] < 0.25


@pytest.mark.real_data
def test_offers_to_the_people_of_heffner_2022_are_a_list_and_one_in_seven_switches_twice() -> None:
    with real("human/heffner2022_games/ug_data.csv").open(encoding="utf-8") as file:
        answers = list(csv.DictReader(file))
    rows = []
    for row in answers:
        rest = 20 * float(row["unfairness"])
        outcomes = [gives("accept", 20 - rest), gives("accept", rest, to="other"), gives("reject", 0.0)]
        rows.append((row["sub"], row["unfairness"], outcomes, int(row["choice"] == "1")))
    found = measured(recorded(rows, ["accept", "reject"]))
    rejected = np.mean([row["choice"] == "1" for row in answers])
    assert found["pareto", "all"]["value"] == pytest.approx(rejected)
    assert ("dominance", "all") not in found
    persons = found["multiple-switching", "all"]
    assert (persons["n"], persons["over"]) == (715, 1)
    # By hand, each person's two answers to an offer being two draws.
    wide = pd.DataFrame(answers).assign(no=lambda d: d["choice"].eq("1")).pivot_table("no", "sub", "unfairness")
    p = wide[sorted(wide, key=float)].to_numpy(dtype=float)
    switches = (p[:, 1:] * (1 - p[:, :-1]) + p[:, :-1] * (1 - p[:, 1:])).sum(axis=1)
    assert found["switches", "all"]["value"] == pytest.approx(switches.mean())
    assert 0.1 < persons["value"] < 0.2 < found["multiple-switching", "all", "share"]["value"]
