"""What people are said to do is read strictly, then laxly, and otherwise not at all."""

from __future__ import annotations

import pytest

from replicator.forecasts import parse_shares

TWO = ("A", "B")

READ = [
    ("A: 70\nB: 30", TWO, (0.7, 0.3)),
    (" B: 30%\nA: 70%", TWO, (0.7, 0.3)),
    ("A: 70%, B: 30%.", TWO, (0.7, 0.3)),
    ('{"A": 60, "B": 40}', TWO, (0.6, 0.4)),
    ('```json\n{"1": "60%", "2": 40}\n```', ("1", "2"), (0.6, 0.4)),
    ('I expect {"A": 60, "B": 40} here.', TWO, (0.6, 0.4)),
    ("I think:\n- **A**: 60% because it is safe\n- **B**: 40%\nThat is all.", TWO, (0.6, 0.4)),
    ("Forecast:\nOption A: 60 people\nOption B: 40 people", TWO, (0.6, 0.4)),
    ("a: 60\nb: 40", TWO, (0.6, 0.4)),
    ("A: 0.6\nB: 0.4", TWO, (0.6, 0.4)),
    ("A: 100\nB: 0", TWO, (1.0, 0.0)),
    ("A: 33%\nB: 33%\nC: 33%", ("A", "B", "C"), (1 / 3, 1 / 3, 1 / 3)),
    ("0: 36\n1: 5\n10: 59", ("0", "1", "10"), (0.36, 0.05, 0.59)),
    ("accept: 20%\nreject: 80%", ("reject", "accept"), (0.8, 0.2)),
    ("<think>A: 60\nB: 40</think>\nA: 10\nB: 90", TWO, (0.1, 0.9)),
    ("I expect:\nA: 60% of the people\nB: 40% of respondents", TWO, (0.6, 0.4)),
    ("A: 60 of 100 people\nB: 40 of 100 people", TWO, (0.6, 0.4)),
    ("I can't be certain, but:\nA: 60%\nB: 40%", TWO, (0.6, 0.4)),
    ("A: 50% chance of $2, else $1.60\nB: 50% chance of $3.85\n\nForecast:\nA: 70\nB: 30", TWO, (0.7, 0.3)),
]

NOT_READ = [
    ("A: 60\nB: 50", TWO, "invalid"),
    ("A: 60\nB: 38", TWO, "invalid"),
    ("A: 60%", TWO, "invalid"),
    ("A", TWO, "invalid"),
    ("", TWO, "invalid"),
    ("A: 50-60%\nB: 40%", TWO, "invalid"),
    ("A: 60 or 70\nB: 40", TWO, "invalid"),
    ("A: 60%\nB: 40%\nA: 50%", TWO, "invalid"),
    ("A: 1%\nB: 0%", TWO, "invalid"),
    ('{"A": 60, "B": 40} or {"A": 50, "B": 50}', TWO, "invalid"),
    ('{"A": 60, "B": 40, "C": 0}', TWO, "invalid"),
    ('{"A": NaN, "B": 40}', TWO, "invalid"),
    ('{"A": -20, "B": 120}', TWO, "invalid"),
    ("Most people would choose A.", TWO, "invalid"),
    ("I cannot predict what people do.", TWO, "refusal"),
    ("<think>A: 60\nB: 40", TWO, "truncated"),
    # What the options pay is no forecast of who chooses them.
    ("A: 50% chance of $2.00, 50% chance of $1.60\nB: 50% chance of $3.85, 50% chance of $0.10", TWO, "invalid"),
    ("A: 50% chance of $2.00\nB: 50% chance of $3.85\nI cannot say how many.", TWO, "refusal"),
    ("A: 50% because it pays $2\nB: 50%", TWO, "invalid"),
    # Ranges and bounds.
    ("A: 60% to 70%\nB: 40%", TWO, "invalid"),
    ("I think:\nA: 60% to 70%\nB: 40%", TWO, "invalid"),
    ("A: 60%-70%\nB: 40%", TWO, "invalid"),
    ("A: 60% (maybe 70%)\nB: 40%", TWO, "invalid"),
    ("A: 60% or more\nB: 40%", TWO, "invalid"),
    ("A: at least 60%\nB: 40%", TWO, "invalid"),
    ("A: 60% ± 5\nB: 40%", TWO, "invalid"),
    ('{"A": "60-70%", "B": "40%"}', TWO, "invalid"),
    # Examples, and what is taken back.
    ('I cannot say. For example, {"A": 60, "B": 40}', TWO, "refusal"),
    ("For example:\nA: 60\nB: 40\nwould be a forecast.", TWO, "invalid"),
    ("A: 60%\nB: 40%\nI cannot say how many.", TWO, "refusal"),
    ("A: 60%\nB: 40%\nActually, the other way round.", TWO, "invalid"),
    ('{"A": 60, "B": 40} Wait, no.', TWO, "invalid"),
]


@pytest.mark.parametrize(("text", "answers", "shares"), READ, ids=[text[:30] for text, *_ in READ])
def test_shares_are_read(text: str, answers: tuple[str, ...], shares: tuple[float, ...]) -> None:
    parsed = parse_shares(text, answers)
    assert parsed.status == "valid"
    assert parsed.shares == pytest.approx(shares)


@pytest.mark.parametrize(("text", "answers", "status"), NOT_READ, ids=[text[:30] for text, *_ in NOT_READ])
def test_what_states_no_shares_is_given_up(text: str, answers: tuple[str, ...], status: str) -> None:
    parsed = parse_shares(text, answers)
    assert (parsed.status, parsed.shares) == (status, None)


def test_a_number_that_may_have_been_cut_is_not_read() -> None:
    assert parse_shares("A: 97\nB: 3", TWO, truncated=True).status == "truncated"
    assert parse_shares("A: 97\nB: 3\nMost people", TWO, truncated=True).shares == pytest.approx((0.97, 0.03))
