"""Replies that hold an estimate, a rating or a division, as a person reads them; where in doubt, none."""

from __future__ import annotations

import pytest

from replicator.parsing_divisions import parse_allocation
from replicator.parsing_numbers import parse_number, parse_rating
from replicator.response import Form

PERCENT = [str(n) for n in range(101)]
SEVEN = [str(n) for n in range(1, 8)]
FAIR = Form("points", 1, 7, anchors=("not at all", "", "", "somewhat", "", "", "very"))
HUNDRED = [f"{part}, {100 - part}" for part in range(0, 101, 10)]
SOON = ("sooner", "later")

ESTIMATES = [
    ("45", "45"), ("45%", "45"), ("45 percent.", "45"), ("About 45%.", "45"), ("Answer: 45", "45"), ("**45**", "45"),
    ("forty-five", "45"), ("$45", "45"), ("My best guess is 28%.", "28"), ("I would estimate 45%", "45"),
    ("I'd say about 45 percent, because 54 of 193 are.", "45"), ("Higher. I estimate that 28% are African.", "28"),
    ("I'm not sure, but I would guess 30%.", "30"), ("<think>50</think>30", "30"), ("28\nExplanation: 54 of 193", "28"),
    ("I think 28%, not 10%", "28"), ("between 40 and 50", None), ("40-50", None), ("40 to 50", None),
    ("at least 45", None), ("45 or 50", None), ("I'd say 45, maybe 50", None), ("45.5", None), ("1,200", None),
    ("-5", None), ("3/4", None), ("I do not think it is 30", None), ("It is higher than 10%.", None),
    ("As an AI, I cannot say", None), ("More than 10. 28", None),
    # Ranges and bounds, denials and doubts.
    ("I'd guess between 40 and 50.", None), ("I would say at least 45.", None), ("My answer is not 45.", None),
    ("I cannot guess 45.", None), ("I cannot give 45.", None), ("Never 45.", None), ("Nicht 45.", None),
    ("Nunca 45", None), ("Jamais 45", None), ("Entre 40 et 50", None), ("Mindestens 45", None), ("> 45", None),
    ("45+", None), ("<45", None), ("≥45", None), ("45?", None), ("~45", "45"), ("45±5", None), ("45-ish", None),
    ("45 and up", None), ("My estimate is 45 or more.", None), ("I would say 45 at most.", None),
    ("My answer is 45 plus", None), ("Mid 40s", None), ("Is it 45?", None), ("Would I say 45?", None),
    ("I would say 45. Actually, 50 is closer.", None), ("I would say 45. On second thought, I can't say.", None),
    ("45\nActually, 50.", None), ("45\nI cannot answer.", None), ("[45] but I can't decide.", None),
    ("I would say 45 if Nigeria counts", None), ("Most people would say 45.", None), ("[not 45]", None),
    ("Please answer like this: [45]", None), ("I would say forty-five or fifty", None), ("Refuse. 45.", None),
    # Other numbers than an estimate.
    ("10:30", None), ("I'm GPT-4, an AI.", None), ("I am GPT 4.", None), ("4 1/2", None), ("4 ½", None),
    ("4 and a half", None), ("My answer is four and a half", None), ("twenty-five cents", None),
    ("My estimate is 3 dozen.", None), ("I'd say one and a half.", None), ("60/40", None),
    # Few words that change nothing, also in other languages.
    ("So, 45.", "45"), ("Etwa 45.", "45"), ("Environ 45", "45"), ("Respuesta: 45", "45"), ("It's 45, I think.", "45"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "label"), ESTIMATES)
def test_an_estimate_in_percent(reply: str, label: str | None) -> None:
    parsed = parse_number(reply, PERCENT, Form("percent", 0, 100))
    assert (None if parsed.choice is None else PERCENT[parsed.choice]) == label


COUNTS = [
    ("54 countries", 54), ("1,200", 1200), ("two thousand", 2000), ("1.2 million", 1_200_000), ("About 1.5k", 1500),
    ("5 hundred", 500), ("There are 193 countries.", 193), ("fifty-four countries", 54), ("12.5", 12.5),
    ("12,5", None), ("45%", None), ("-3", None), ("1200 or so", None), ("two thousand five hundred", None),
    ("I'd guess between 40 and 50.", None), ("I would say at least 45.", None), ("My answer is not 45.", None),
    ("minus 5", None), ("1 trillion", 1e12), ("1.200", None), ("5 million and a half", None), ("2 lakh", None),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "number"), COUNTS)
def test_a_number_without_a_grid_is_itself(reply: str, number: float | None) -> None:
    parsed = parse_number(reply, (), Form("countries", 0, None))
    assert (parsed.status, parsed.value) == (("invalid", None) if number is None else ("valid", number))


WHOLE = [
    ("-5", -5), ("minus 5", -5), ("negative 5", -5), ("about minus 5", -5), ("−5", -5), ("minus five", -5), ("5", 5),
    ("I would say minus 5.", -5), ("10:30", None), ("I'm GPT-4, an AI.", None), ("between -5 and 5", None),
    (".75", None), ("–5", None), ("—5", None), ("- 5", None), ("I doubt that I would say 40.", None),
    ("I'd say 40 odd", None), ("40-something", None), ("minus 5 to 5", None), ("minus 5 or plus 5", None),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "number"), WHOLE)
def test_a_number_below_zero_keeps_its_sign(reply: str, number: float | None) -> None:
    assert parse_number(reply, (), Form("points", -100, 100)).value == number


RATINGS = [
    ("5", "5"), ("5.", "5"), ("five", "5"), ("Rating: 5", "5"), ("5 out of 7", "5"), ("5/7", "5"), ("Very", "7"),
    ("Not at all.", "1"), ("7 (very)", "7"), ("I would rate this as a 5.", "5"), ("I'd give it a 6 out of 7", "6"),
    ("My rating is 2, because it is not fair", "2"), ("**3**", "3"), ("It's a 6", "6"), ("5\n\nThe shop", "5"),
    ("On a scale from 1 to 7, I would give this a 2.", "2"), ("5 - because it is fair", "5"), ("3 points", "3"),
    ("4 (very)", None), ("I would rate it 4 or 5", None), ("I find it very unfair", None), ("4.5", None), ("8", None),
    ("17", None), ("between 4 and 5", None), ("4-5", None), ("I would not rate it 5", None), ("Somewhat unfair", None),
    ("I'd say 5, maybe 6", None), ("1 (not at all)\n2", None),
    # Denials are no ratings.
    ("Never a 7.", None), ("Hardly 7.", None), ("No 7 from me", None), ("I cannot give 5.", None),
    ("I will never say 7.", None), ("Refuse. 4.", None), ("4. I refuse to rate it.", None), ("Nicht 7.", None),
    ("Nunca 7", None), ("7 would be wrong.", None), ("I would give anything but a 7", None), ("Far from 7", None),
    ("I would rate it 5, but I can't decide.", None), ("I can't rate this 5.", None), ("Less than 5", None),
    # Nor are other scales, fractions, bounds, questions, conditions and second thoughts.
    ("I would rate it 5 out of 10", None), ("5/10", None), ("5%", None), ("5½", None), ("5 and a half", None),
    ("I'd give it a 5 and a half", None), ("5+", None), (">5", None), ("5?", None), ("[4-5]", None), ("[not 4]", None),
    ("I would rate it at least 5", None), ("I would say 5 if it rained.", None), ("5. Actually, 6 is better.", None),
    ("Should I give it a 5?", None), ("Most people would say 5.", None), ("I'm GPT-4, an AI.", None),
    ("5\nOn second thought, 3.", None), ("Clearly a 5", None), (".5", None), ("–5", None), ("minus 5", None),
    ("As an AI I can't feel, but I would give it a 5.", "5"), ("I'm no expert. My rating is 5.", "5"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "label"), RATINGS)
def test_a_rating_in_numbers_or_in_its_anchors_words(reply: str, label: str | None) -> None:
    parsed = parse_rating(reply, SEVEN, FAIR)
    assert (None if parsed.choice is None else SEVEN[parsed.choice]) == label


def test_points_below_zero_keep_their_sign() -> None:
    points = ["-2", "-1", "0", "1", "2"]
    form = Form("", -2, 2, anchors=("disagree strongly", "", "", "", "agree strongly"))
    spellings = {
        "-2": "-2", "2": "2", "−1": "-1", "+1": "1", "Answer: -2": "-2", "minus 2": "-2", "negative two": "-2",
        "My answer is minus 1.": "-1",
    }  # fmt: skip
    for reply, point in spellings.items():
        parsed = parse_rating(reply, points, form)
        assert parsed.choice is not None
        assert points[parsed.choice] == point


DIVISIONS = [
    ("60, 40", "60, 40"), ("60,40", "60, 40"), ("$60, $40", "60, 40"), ("60/40", "60, 40"), ("60 40", "60, 40"),
    ("60 and 40", "60, 40"), ("60\n40", "60, 40"), ("(60, 40)", "60, 40"), ("Answer: 60, 40", "60, 40"),
    ("[60, 40]", "60, 40"), ("sooner: 60, later: 40", "60, 40"), ("later: 40\nsooner: 60", "60, 40"),
    ("40 later, 60 sooner", "60, 40"), ("I would put 60 in sooner and 40 in later.", "60, 40"),
    ("I put $60 into the sooner account and $40 into the later account, out of 100", "60, 40"),
    ("60, 40\n\nI chose this because", "60, 40"), ("60, 50", None), ("65, 35", None), ("60", None), ("6, 4", None),
    ("60, 40, 0", None), ("sooner 60", None), ("60% sooner, 40% later", None), ("All of it later", None),
    ("60 sooner, 40 later, or 50 each", None), ("40, 60\n60, 40", None),
    # Denied, conditional or taken back.
    ("I cannot put 60 on sooner and 40 on later.", None), ("I refuse to put 60 on sooner and 40 on later.", None),
    ("I would put 60 in sooner and 40 in later if I could.", None), ("[60, 40] but I can't decide.", None),
    ("60, 40\nActually, 50, 50.", None), ("Most people put 60 in sooner and 40 in later.", None),
    ("At least 60 in sooner, 40 in later", None), ("60 or more in sooner, 40 in later", None),
    ("Should I put 60 in sooner and 40 in later?", None), ("Like this: [60, 40]", None),
    # Named in another order than displayed.
    ("[40, 60] (later, sooner)", None), ("Later, sooner: [40, 60]", None), ("40, 60\n(later, sooner)", None),
    ("[40, 60]\nThat is 40 for later and 60 for sooner.", None), ("[40, 60], the first for later", None),
    ("[60, 40] (sooner, later)", "60, 40"), ("[60, 40]\nThat is 60 for sooner and 40 for later.", "60, 40"),
    ("Since later pays more: [40, 60]", "40, 60"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "label"), DIVISIONS)
def test_a_division_must_make_up_its_total(reply: str, label: str | None) -> None:
    parsed = parse_allocation(reply, HUNDRED, SOON, Form("USD", 0, 100, accounts=SOON))
    assert (None if parsed.choice is None else HUNDRED[parsed.choice]) == label


def test_accounts_may_be_what_is_done() -> None:
    answers, accounts = ["12, 8", "8, 12"], ("keep", "contribute")
    form = Form("tokens", 0, 20, accounts=accounts)
    for reply in (
        "I keep 12 and contribute 8",
        "Contribute: 8, Keep: 12",
        "I would keep 12 of my 20 and contribute 8.",
    ):
        assert parse_allocation(reply, answers, accounts, form).choice == 0
    assert parse_allocation("I contribute 8", answers, accounts, form).status == "invalid"


def test_what_may_go_on_is_truncated() -> None:
    assert parse_number("4", PERCENT, Form("percent", 0, 100), truncated=True).status == "truncated"
    assert parse_rating("<think>5", SEVEN, FAIR).status == "truncated"
    assert parse_allocation("60, 4", HUNDRED, SOON, Form("USD", 0, 100, accounts=SOON), truncated=True).choice is None
    assert parse_rating("5\nBecause", SEVEN, FAIR, truncated=True).choice == 4
