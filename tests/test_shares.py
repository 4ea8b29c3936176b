"""Item-level choice shares, position bias and validity, on small tables whose answers are known by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from replicator import intervals, positions, shares
from replicator.means import means

OPTIONS = ["safe", "risky"]
WORDINGS = [f"w{i}" for i in range(10)]


def row(**changes: Any) -> dict[str, Any]:
    """One question about a lottery, put to a model that read it."""
    return {
        "population": "model",
        "model": "m",
        "subject": None,
        "item": "row-1",
        "condition": "all",
        "wording": "w0",
        "labels": "A|B",
        "order": "safe|risky",
        "language": "en",
        "layout": "single",
        "repeat": 0,
        "elicitation": "probability",
        "response": "choice",
        "options": OPTIONS,
        "probabilities": np.array([0.5, 0.5]),
        "value": None,
        "label_mass": 0.99,
        "status": "valid",
        "incentive": "hypothetical",
    } | changes


def asked(safe: Callable[[str, str, str], float], wordings: Sequence[str] = WORDINGS) -> pd.DataFrame:
    """A full crossing of wordings, label sets and orders; `safe(wording, labels, order)` is P(safe)."""
    return pd.DataFrame(
        [
            row(wording=w, labels=a, order=o, probabilities=np.array([safe(w, a, o), 1.0 - safe(w, a, o)]))
            for w, a, o in itertools.product(wordings, ["A|B", "1|2"], ["safe|risky", "risky|safe"])
        ]
    )


def recorded(
    chosen: Sequence[tuple[str | None, str]], options: Sequence[str] = OPTIONS, **changes: Any
) -> pd.DataFrame:
    """Choices of (subject, option)."""
    fixed = {
        "population": "human",
        "wording": "recorded",
        "labels": "",
        "order": "",
        "elicitation": "recorded",
        "label_mass": None,
        "options": list(options),
    }
    return pd.DataFrame(
        [
            row(**fixed | {"subject": who, "probabilities": np.array([float(o == what) for o in options])} | changes)
            for who, what in chosen
        ]
    )


def only(cells: list[shares.Cell]) -> shares.Cell:
    assert len(cells) == 1
    return cells[0]


def test_position_cancels_from_the_share_and_shows_as_bias() -> None:
    first_or = lambda w, a, o: 0.7 if o.startswith("safe") else 0.1  # noqa: E731
    frame = asked(first_or)
    assert only(shares.cells(frame)).share == pytest.approx([0.4, 0.6])
    bias = positions.position_bias(frame)
    assert bias is not None
    # P(first) is .7 with safe first and 1 - .1 = .9 with risky first
    assert bias["estimate"] == pytest.approx(0.3)
    assert bias["interval"] == pytest.approx([0.3, 0.3])


def test_always_first_has_a_bias_of_half_and_no_preference() -> None:
    frame = asked(lambda w, a, o: float(o.startswith("safe")))
    assert only(shares.cells(frame)).share == pytest.approx([0.5, 0.5])
    bias = positions.position_bias(frame)
    assert bias is not None
    assert bias["estimate"] == pytest.approx(0.5)


def test_preference_alone_is_no_position_bias() -> None:
    bias = positions.position_bias(asked(lambda w, a, o: 0.93))
    assert bias is not None
    assert bias["estimate"] == pytest.approx(0.0)


def test_a_single_order_tells_nothing_of_position() -> None:
    frame = asked(lambda w, a, o: 0.9)
    assert positions.position_bias(frame[frame["order"] == "safe|risky"]) is None
    assert positions.position_bias(recorded([("s1", "safe"), ("s2", "risky")])) is None


def test_the_wording_is_the_sampling_unit_not_the_question() -> None:
    by_wording = dict(zip(WORDINGS, np.linspace(0.3, 0.7, 10), strict=True))
    cell = only(shares.cells(asked(lambda w, a, o: float(by_wording[w]))))
    assert (cell.n, cell.unit) == (10, "wording")
    spread = np.std(list(by_wording.values()), ddof=1) / np.sqrt(10)
    # Near one half, the interval carried over the logit is almost the plain t-interval with df = 9.
    assert cell.high[0] - cell.low[0] == pytest.approx(2 * 2.262 * spread, rel=0.02)


def test_one_wording_gives_no_interval() -> None:
    cell = only(shares.cells(asked(lambda w, a, o: 0.4, wordings=["w0"])))
    assert np.isnan(cell.low).all()
    assert cell.share[0] == pytest.approx(0.4)


def test_intervals_near_the_ends_stay_inside_and_lean_inward() -> None:
    values = dict(zip(WORDINGS, [1e-6] * 9 + [0.2], strict=True))
    cell = only(shares.cells(asked(lambda w, a, o: values[w])))
    assert 0.0 < cell.low[0] < cell.share[0] < cell.high[0] < 1.0
    assert cell.high[0] - cell.share[0] > cell.share[0] - cell.low[0]
    # The two options' intervals mirror each other.
    assert cell.low[1] == pytest.approx(1.0 - cell.high[0])


def test_faint_answers_and_checks_never_enter_a_share() -> None:
    frame = asked(lambda w, a, o: 0.8)
    frame.loc[frame["wording"] == "w3", "label_mass"] = 0.2
    frame.loc[frame["wording"] == "w3", "probabilities"] = frame.loc[frame["wording"] == "w3", "probabilities"].map(
        lambda p: np.array([0.0, 1.0])
    )
    check = pd.DataFrame([row(item="check-best", condition="comprehension", probabilities=np.array([0.0, 1.0]))])
    cell = only(shares.cells(pd.concat([frame, check])))
    assert cell.share[0] == pytest.approx(0.8)
    assert cell.n == 9
    assert shares.excluded(frame) == 4
    assert shares.label_mass(frame) == pytest.approx(0.9 * 0.99 + 0.1 * 0.2)


def test_an_item_answered_faintly_throughout_has_no_share() -> None:
    cell = only(shares.cells(asked(lambda w, a, o: 0.8).assign(label_mass=0.01)))
    assert np.isnan(cell.share).all()
    assert cell.n == 0


def test_a_wording_that_lost_one_order_does_not_smuggle_position_into_the_share() -> None:
    frame = asked(lambda w, a, o: 0.9 if o.startswith("safe") else 0.1)
    lost = (frame["wording"] == "w0") & (frame["order"] == "risky|safe")
    frame.loc[lost, "status"] = "refusal"
    cell = only(shares.cells(frame))
    assert cell.share[0] == pytest.approx(0.5)
    assert cell.n == 9


def test_refusals_leave_worst_case_bounds_beside_the_share() -> None:
    frame = asked(lambda w, a, o: 0.6)
    frame.loc[frame["wording"].isin(["w0", "w1"]), ["status", "probabilities"]] = ["refusal", None]
    cell = only(shares.cells(frame))
    assert cell.bounds is not None
    assert cell.bounds[0][0] == pytest.approx(0.8 * 0.6)
    assert cell.bounds[1][0] == pytest.approx(0.8 * 0.6 + 0.2)
    assert cell.bounds[0][0] <= cell.share[0] <= cell.bounds[1][0]
    assert shares.valid_share(frame) == pytest.approx(0.8)
    assert only(shares.cells(asked(lambda w, a, o: 0.6))).bounds is None


def test_a_missing_answer_is_not_a_refusal() -> None:
    frame = recorded([(f"s{i}", "safe" if i % 2 else "risky") for i in range(20)])
    frame.loc[:3, ["status", "probabilities"]] = ["missing", None]
    assert shares.valid_share(frame) == 1.0
    assert shares.status_counts(frame) == {"valid": 16, "missing": 4}
    assert only(shares.cells(frame)).bounds is None


def test_recorded_choices_of_different_people_get_wilsons_interval() -> None:
    people = [(f"s{i}", "safe" if i < 30 else "risky") for i in range(100)]
    cell = only(shares.cells(recorded(people)))
    assert (cell.n, cell.unit) == (100, "person")
    assert (cell.low[0], cell.high[0]) == pytest.approx((0.2189, 0.3959), abs=5e-4)  # Wilson, 30 of 100


def test_repeated_choices_of_the_same_people_are_worth_less() -> None:
    once = [(f"s{i}", "safe" if i < 10 else "risky") for i in range(20)]
    alone, repeated = (only(shares.cells(recorded(once * times))) for times in (1, 10))
    assert repeated.share == pytest.approx(alone.share)
    assert repeated.n == 20
    # Ten identical answers a person say no more than one.
    assert repeated.high[0] - repeated.low[0] >= 0.98 * (alone.high[0] - alone.low[0])


def test_thirty_of_thirty_leaves_up_to_nine_and_a_half_per_cent() -> None:
    grid = ["0", "50", "100"]
    frame = recorded([(None, "50")] * 30, grid, population="model", response="amount")
    found = shares.no_variation(frame)
    assert found is not None
    assert (found["option"], found["n"]) == ("50", 30)
    assert found["bound"] == pytest.approx(0.095, abs=5e-4)
    cell = only(shares.cells(frame))
    assert cell.low[1] == pytest.approx(1 - found["bound"])
    assert cell.high[0] == pytest.approx(found["bound"])
    gift = shares.gifts(frame)[0]
    assert gift.mean == 50.0
    assert (gift.low, gift.high) == pytest.approx((50 - 50 * found["bound"], 50 + 50 * found["bound"]))


@pytest.mark.parametrize(("subjects", "persons"), [(["a"] * 30, 1), (["a", "b", "c"] * 10, 3), (["a", "b", "c"], 3)])
def test_agreeing_answers_of_the_same_persons_count_once_a_person(subjects: list[str], persons: int) -> None:
    """In means of numbers and of amounts as in shares; of one person's others nothing is known."""
    frame = recorded([(who, "50") for who in subjects], [str(n) for n in range(101)], response="number")
    reach = 50 * intervals.unvaried_bound(persons) if persons > 1 else 50.0
    (mean,) = means(frame)
    assert (mean.n, mean.low, mean.high) == (persons, pytest.approx(50 - reach), pytest.approx(50 + reach))
    (gift,) = shares.gifts(frame.assign(response="amount"))
    assert (gift.low, gift.high) == pytest.approx((mean.low, mean.high))
    assert only(shares.cells(frame)).high[0] == pytest.approx(intervals.unvaried_bound(persons))


def test_sampled_amounts_that_agree_leave_room_for_what_was_not_seen() -> None:
    """Exact distributions that agree are certain; one sample in each of ten wordings is not."""
    grid = [str(n) for n in range(101)]
    rows = [row(wording=f"w{i}", options=grid, probabilities=np.eye(101)[50], response="amount") for i in range(10)]
    exact = pd.DataFrame(rows)
    (certain,) = shares.gifts(exact)
    assert (certain.low, certain.high) == pytest.approx((50, 50))
    (drawn,) = shares.gifts(exact.assign(elicitation="sample"))
    reach = 50 * intervals.unvaried_bound(10)
    assert (drawn.low, drawn.high) == pytest.approx((50 - reach, 50 + reach))


def test_exact_probabilities_and_varied_draws_are_not_without_variation() -> None:
    assert shares.no_variation(asked(lambda w, a, o: 1.0)) is None
    assert shares.no_variation(recorded([("s1", "safe"), ("s2", "risky")])) is None


def test_a_gift_in_five_numbers() -> None:
    grid = ["0", "25", "50", "75", "100"]
    gifts = [("a", "0"), ("b", "0"), ("c", "25"), ("d", "50"), ("e", "100")]
    gift = shares.gifts(recorded(gifts, grid, response="amount"))[0]
    assert (gift.mean, gift.maximum, gift.n) == (35.0, 100.0, 5)
    assert (gift.p_zero, gift.p_half, gift.p_above_half) == pytest.approx((0.4, 0.2, 0.2))
    error = np.std([0, 0, 25, 50, 100], ddof=1) / np.sqrt(5)
    assert gift.low == pytest.approx(max(0.0, 35.0 - 2.776 * error), abs=0.01)
    assert gift.high == pytest.approx(35.0 + 2.776 * error, abs=0.01)


def test_comprehension_counts_faint_and_refused_answers_as_wrong() -> None:
    check = {"item": "check-best", "condition": "comprehension", "probabilities": np.array([0.9, 0.1])}
    frame = pd.DataFrame(
        [
            row(**check),
            row(**check | {"label_mass": 0.1}),
            row(**check | {"status": "refusal", "probabilities": None}),
            row(**check | {"status": "missing", "probabilities": None}),
        ]
    )
    assert shares.comprehension(frame, {"check-best": "safe"}) == {
        "asked": 3,
        "correct_share": pytest.approx(0.3),
    }
    assert shares.comprehension(asked(lambda w, a, o: 0.5), {"check-best": "safe"}) is None


def test_the_clustered_interval_covers_in_repeated_samples() -> None:
    """With 16 persons of different inclination and 16 choices each, 95% intervals keep their promise."""
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        person = np.repeat(np.arange(16), 16)
        inclination = random.beta(2.0, 2.0, size=16)
        chosen = (random.random(256) < inclination[person]).astype(float)[:, None]
        low, high = intervals.over_people(np.hstack([chosen, 1 - chosen]), person)
        hits += low[0] <= 0.5 <= high[0]
    assert 0.92 <= hits / 400 <= 0.985
