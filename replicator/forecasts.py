"""The text of a reply becomes shares of answers: strictly, then laxly, and otherwise not at all.

Strict is a reply that is nothing but the shares: a JSON object ({"A": 60, "B": 40}), or an entry an answer
("A: 60%", one a line or separated by commas). Lax is one such object, or one such line an answer, amid other lines.
A reply that gives an answer two shares, leaves one out, states a range or restates what an answer pays is given up.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from replicator.hedges import exampled, retracted
from replicator.replies import ReplyStatus, unread

ROUNDING = 0.5
"""Percentage points by which rounding may change each share: k shares sum to 100 within k times as much."""


@dataclass(frozen=True)
class Shares:
    """What a reply says."""

    status: ReplyStatus
    shares: tuple[float, ...] | None = None
    """One an answer, summing to 1; None unless valid."""


def parse_shares(text: str, answers: Sequence[str], *, truncated: bool = False) -> Shares:
    """The share of each of the answers. `truncated`: its writer ran out of tokens."""
    reply, otherwise = unread(text, truncated=truncated)
    if reply is None:
        return Shares(otherwise)
    reply = _bare(reply)
    found = _strict(reply, answers, truncated=truncated)
    if found is None:
        found = _lax(reply, answers, truncated=truncated)
    shares = None if found is None else _normal([found[answer] for answer in answers])
    return Shares(otherwise) if shares is None else Shares("valid", shares)


@dataclass(frozen=True)
class _Share:
    """A share as it is written."""

    number: float
    fraction: bool
    """Whether it may be a fraction of 1: written with a point and without a sign for percent."""


_Found = Mapping[str, _Share]


def _normal(shares: Sequence[_Share]) -> tuple[float, ...] | None:
    """Shares of 1, where they sum to 100 (or as fractions to 1) within rounding."""
    numbers = [share.number for share in shares]
    total, tolerance = math.fsum(numbers), ROUNDING * len(shares) + 1e-9
    whole = 100.0
    if any(share.fraction for share in shares) and max(numbers) <= 1.0:
        whole, tolerance = 1.0, tolerance / 100.0
    if abs(total - whole) > tolerance:
        return None
    return tuple(number / total for number in numbers)


def _bare(reply: str) -> str:
    """Without the fence of a code block and the cue."""
    fenced = re.fullmatch(r"```\w*\s*(.*?)\s*```", reply, re.DOTALL)
    reply = fenced[1] if fenced else reply
    return re.sub(r"^\W*forecast\W*:\W*\n", "", reply, flags=re.IGNORECASE)


def _strict(reply: str, answers: Sequence[str], *, truncated: bool) -> _Found | None:
    as_object = _object(reply, answers)
    if as_object is not None or truncated:
        return as_object
    entries = [entry for entry in re.split(r"\n|[,;](?=\s)", reply) if entry.strip()]
    matches = [_entry(answers).fullmatch(entry) for entry in entries]
    return _together([match for match in matches if match], answers) if all(matches) else None


def _lax(reply: str, answers: Sequence[str], *, truncated: bool) -> _Found | None:
    texts = list(re.finditer(r"\{[^{}]*\}", reply))
    objects = [(_object(text[0], answers), text) for text in texts]
    stated = [found for found, _ in objects if found is not None]
    if stated:
        shown = any(found is not None and exampled(reply[: text.start()]) for found, text in objects)
        clear = not shown and not retracted(reply[texts[-1].end() :])
        return stated[0] if clear and all(found == stated[0] for found in stated) else None
    lines = reply.split("\n")[:-1] if truncated else reply.split("\n")
    matches = [_entry(answers).fullmatch(line) for line in lines]
    said = [index for index, match in enumerate(matches) if match]
    if not said or exampled("\n".join(lines[: said[0]])) or retracted("\n".join(lines[said[-1] + 1 :])):
        return None
    return _together([match for match in matches if match], answers)


_NUMBER = r"(?P<number>\d+(?:\.\d+)?)\s*+(?P<percent>%|percent|per cent|people|/ ?100|(?:out )?of 100)?+"
_UNRANGED = r"(?![\d.]*\d|\s*(?:-|–|—|to|or|and|±|\+)\s*\d)"
"""What a number may not go on with."""
_WHO = (
    r"(?:\s*(?:(?:out )?of )?(?:the )?(?:\d+ )?(?:people|respondents|participants|players|persons|them))?"
    r"(?:\s*(?:would|will)? (?:choose|pick|select|take) (?:it|this))?"
)
_WHY = r"(?:\s*,?\s*\b(?:because|since)\b[^\d\n]*)?"
"""A reason; one with a number may be the answer's own chance or amount."""


def _entry(answers: Sequence[str]) -> re.Pattern[str]:
    names = "|".join(re.escape(answer) for answer in sorted(answers, key=len, reverse=True))
    return re.compile(
        rf"[\s>*•+\"'(\[-]*(?:(?:option|answer)\s+)?[\"'*(\[]*(?P<answer>{names})[\"'*)\]]*\s*[:=]\s*[\"'*]*{_NUMBER}"
        rf"{_UNRANGED}[\"'*]*{_WHO}{_WHY}[\"'*.,;)\]\s]*",
        re.IGNORECASE if len({answer.casefold() for answer in answers}) == len(answers) else 0,
    )


def _together(matches: Sequence[re.Match[str]], answers: Sequence[str]) -> _Found | None:
    """One share an answer; None where one is missing or stands there twice."""
    known = {answer.casefold(): answer for answer in answers} | {answer: answer for answer in answers}
    found: dict[str, _Share] = {}
    for match in matches:
        answer = known.get(match["answer"]) or known[match["answer"].casefold()]
        share = _Share(float(match["number"]), "." in match["number"] and not match["percent"])
        if found.setdefault(answer, share) != share:
            return None
    return found if len(found) == len(answers) else None


def _object(text: str, answers: Sequence[str]) -> _Found | None:
    """A JSON object whose keys are the answers, each once."""
    try:
        document = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, list) or not all(isinstance(pair, tuple) for pair in document):
        return None
    shares = {str(key): _value(value) for key, value in document}
    if len(document) != len(answers) or set(shares) != set(answers):
        return None
    found = {key: share for key, share in shares.items() if share is not None}
    return found if len(found) == len(answers) else None


def _value(value: Any) -> _Share | None:
    if isinstance(value, str):
        match = re.fullmatch(rf"\s*{_NUMBER}\s*", value)
        return _Share(float(match["number"]), "." in match["number"] and not match["percent"]) if match else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        return None
    return _Share(float(value), isinstance(value, float))
