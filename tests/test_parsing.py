"""Replies that a person has read: what the parser makes of them, and how often it is wrong."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from recorded import real

from replicator.parsing import parse_amount, parse_choice
from replicator.replies import Parsed

FIXTURES = Path(__file__).parent / "fixtures"
RECORDED = "recorded_models/chatgpt_behavioral/mei2024_raw_turns.jsonl.gz"


def _parsed(answers: str, reply: str) -> str:
    """The option or amount that is read, or "none"."""
    names = answers.split("|") if "|" in answers else [str(n) for n in range(int(answers) + 1)]
    parsed = parse_choice(reply, names) if "|" in answers else parse_amount(reply, names)
    return "none" if parsed.choice is None else names[parsed.choice]


def _rows(name: str) -> list[dict[str, str]]:
    with (FIXTURES / name).open(encoding="utf-8", newline="") as file:
        if name.endswith(".csv"):
            return list(csv.DictReader(file))
        header, *lines = file.read().splitlines()
        return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


@pytest.mark.parametrize("row", _rows("written_replies.tsv"), ids=lambda row: row["reply"][:40])
def test_a_reply_written_by_hand_is_read_as_a_person_reads_it(row: dict[str, str]) -> None:
    assert _parsed(row["answers"], row["reply"]) == row["label"]


@pytest.mark.parametrize(
    "reply", ["A\nActually, B.", "A\nI cannot decide.", "**A**\nOn second thought, the other.", "A\nB", "A.\nWait, B."]
)
def test_a_first_line_that_is_taken_back_is_no_choice(reply: str) -> None:
    assert parse_choice(reply, ["A", "B"]).choice is None


def _recorded(held_out: bool) -> Iterator[tuple[str, str, str]]:
    """(label, parsed, reply) of one half of the recorded replies."""
    with gzip.open(real(RECORDED), "rt", encoding="utf-8") as lines:
        turns = [json.loads(line) for line in lines]
    replies = {(turn["file"], str(turn["session"]), str(turn["turn"])): turn["reply"] for turn in turns}
    for row in _rows("recorded_replies.csv"):
        key = row["file"], row["session"], row["turn"]
        if (int(hashlib.sha256("|".join(key).encode()).hexdigest(), 16) % 2 == 1) == held_out:
            yield row["label"], _parsed(row["answers"], replies[key]), replies[key]


@pytest.mark.parametrize(("held_out", "accuracy", "misread"), [(False, 0.96, 0), (True, 0.94, 1)])
def test_recorded_replies_are_read_as_a_person_reads_them(held_out: bool, accuracy: float, misread: int) -> None:
    read = list(_recorded(held_out))
    wrong = [case for case in read if case[1] not in ("none", case[0])]
    right = sum(label == parsed for label, parsed, _ in read)
    sys.stdout.write(f"{'held out' if held_out else 'development'}: {right} of {len(read)} right, {len(wrong)} wrong\n")
    assert len(wrong) <= misread
    assert right / len(read) >= accuracy


def test_thinking_that_never_ends_and_replies_cut_off_are_truncated() -> None:
    assert parse_choice("<think>A is", ["A", "B"]) == Parsed("truncated")
    assert parse_choice("I would choose A because it", ["A", "B"], truncated=True) == Parsed("truncated")
    # The number may go on.
    assert parse_amount("5", ["0", "5", "50"], truncated=True) == Parsed("truncated")
    assert parse_amount("5\nNext", ["0", "5", "50"], truncated=True) == Parsed("valid", 1)


def test_a_refusal_is_told_from_nonsense() -> None:
    assert parse_choice("As an AI, I cannot choose.", ["A", "B"]).status == "refusal"
    assert parse_choice("Potatoes.", ["A", "B"]).status == "invalid"
