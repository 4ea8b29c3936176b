"""The text of a reply becomes an estimate or a point of a scale: strictly, then laxly, or not at all.

As in `parsing`, strict is a reply (or its first line) that is nothing but the answer, lax is one marked answer
or one plain declaration, and a wrong answer is worse than a missing one. "About 45" is an estimate of 45; a
range, a bound or two numbers are not. A number off the grid is not rounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from replicator.hedges import HEDGE, denied, unsettled, vague
from replicator.parsing import MODAL, SOFTEN, place
from replicator.quantities import SMALL, quantities, signed
from replicator.replies import Parsed, Said, agreed, first_line, lax, marks, odd, plain_words, read, settled
from replicator.response import Form


@dataclass(frozen=True)
class Named:
    """What a text names, and where it stands."""

    value: float | None
    """An estimate, or the index of a point; None for a number that is no point."""
    start: int
    end: int


Finder = Callable[[str], list[Named]]

_TITLE = r"(?:my |the )?(?:final |best )?(?:answer|estimate|guess|rating|score|allocation|division)(?: is)?"
_BEFORE = r"(?:(?!\.\d)[^\w<>≥≤≠–—-])*"
LEAD = rf"^{_BEFORE}(?:{_TITLE}{_BEFORE})?"
"""What may stand before an answer on its line."""
_BULLET = re.compile(r"-\s")
"""A bullet, or a minus."""
_CLAUSE = re.compile(
    r"[.;!?\n](?!\d)|,(?!\d)(?!\s*(?:maybe|perhaps|possibly|or|if)\b)| (?:because|since|which|given|as it|but)\b"
)
_ABOUT = r"(?:about|around|approximately|approx\.?|roughly|some|circa|~|≈)"


def parse_number(text: str, grid: Sequence[str], form: Form, *, truncated: bool = False) -> Parsed:
    """Which number a reply gives: one of the grid (numbers as text), or any within the form's ends without one.

    A percentage is a number where the unit is per cent, and nothing otherwise.
    """
    value, otherwise = read(
        without_unit(signed(text), form.unit),
        lambda reply: first_line(reply, _number_alone, truncated=truncated),
        _lax_number,
        truncated=truncated,
    )
    if value is None or grid:
        return settled(place(value, grid), otherwise)
    outside = (form.low is not None and value < form.low) or (form.high is not None and value > form.high)
    return Parsed("invalid") if outside else Parsed("valid", value=value)


def parse_rating(text: str, points: Sequence[str], form: Form, *, truncated: bool = False) -> Parsed:
    """Which point of a scale a reply gives, as a number or in the words of its anchor."""
    words = _names(points, form.anchors)
    found, otherwise = read(
        _without_range(signed(text), points),
        lambda reply: first_line(reply, lambda line: _point_alone(line, words), truncated=truncated),
        lambda reply: _lax_point(reply, points, words),
        truncated=truncated,
    )
    return settled(found, otherwise)


def without_unit(text: str, unit: str) -> str:
    """The text without the unit's own words, and without per cent signs where that is the unit."""
    if unit.casefold() in ("%", "percent", "per cent", "percentage points"):
        return re.sub(r"(?<=\w)\s*(?:%|\b(?:percent|per cent|percentage points?)\b)", "", text, flags=re.IGNORECASE)
    word = re.escape(unit.removesuffix("s"))
    return re.sub(rf"(?<=[\w.]) {word}s?\b", "", text, flags=re.IGNORECASE) if word else text


def _declared(reply: str, stated: re.Pattern[str], find: Finder) -> list[Said[float]]:
    """What somebody who says "I" names; unclear where a clause names several numbers, a bound, or doubts."""
    plain = reply.replace("**", "")
    said: list[Said[float]] = []
    for match in stated.finditer(plain):
        rest = plain[match.end() :]
        clause = _CLAUSE.split(rest)[0]
        found = find(clause)
        if not found or denied(plain[: match.start()]):
            continue
        after = rest[found[-1].end :]
        hedged = vague(clause[: found[0].start], rest[found[0].end :]) or HEDGE.search(clause[found[0].end :])
        said.append(Said(None if hedged or unsettled(after) else agreed(q.value for q in found), after))
    return said


def _marked(reply: str, find: Finder) -> list[Said[float]]:
    def inside(mark: re.Match[str]) -> set[float | None]:
        found = find(mark[1])
        hedged = found and (vague(mark[1][: found[0].start], mark[1][found[0].end :]) or HEDGE.search(mark[1]))
        return {None} if hedged else {q.value for q in found}

    return marks(reply, inside)


def _among_few(reply: str, find: Finder, own: frozenset[str]) -> Said[float] | None:
    """The one number that stands among a few words, none of which can change it."""
    found = find(reply)
    if len(found) != 1 or _BULLET.match(reply) or not plain_words(_without(reply, found), own):
        return None
    return Said(found[0].value, reply[found[0].end :])


def _without(text: str, found: Sequence[Named]) -> str:
    for quantity in reversed(found):
        text = f"{text[: quantity.start]} {text[quantity.end :]}"
    return text


# Numbers


def _numbers(text: str) -> list[Named]:
    return [Named(q.value, q.start, q.end) for q in quantities(text)]


def _number_alone(line: str) -> float | None:
    """The one number of which a line consists."""
    line = re.sub(LEAD, "", line, flags=re.IGNORECASE)
    line = re.sub(rf"^{_ABOUT}\s*", "", line.strip(), flags=re.IGNORECASE)
    found = _numbers(line)
    rest = _without(line, found)
    return None if len(found) != 1 or re.search(r"[^\W_]", rest) or odd(rest) or _BULLET.match(line) else found[0].value


_STATED = re.compile(
    rf"\bI{MODAL}{SOFTEN} (?:say|guess|estimate|pick|choose|answer|put it|go with|think|believe|expect|reckon)\b"
    r"|\b(?:my|the|final|best) (?:\w+ ){0,2}(?:answer|estimate|guess|number|choice)(?: is| would be| for| of|:)"
    r"|(?:^|\n)\W*(?:answer|estimate|guess)\W*(?:is|:)",
    re.IGNORECASE,
)
_ESTIMATING = frozenset(
    (  # noqa: SIM905
        "there are was were guess estimate think believe expect reckon about around approximately roughly some circa"
        " etwa ungefähr schätze environ unos cerca de"
    ).split()
)


def _lax_number(reply: str) -> float | None:
    return lax(
        _declared(reply, _STATED, _numbers), _marked(reply, _numbers), lambda: _among_few(reply, _numbers, _ESTIMATING)
    )


# Points of a scale


def _without_range(reply: str, points: Sequence[str]) -> str:
    """The reply without what it says of the whole scale: "5 out of 7", "5/7", "on a scale from 1 to 7"."""
    low, high = re.escape(points[0]), re.escape(points[-1])
    reply = re.sub(rf"(?<=\d)\s*(?:/|out of)\s*{high}(?![\w.]\d)(?!\d)", "", reply, flags=re.IGNORECASE)
    scale = rf"[,(]?\s*(?:on|using) (?:a|the|this) (?:\w+ )?scale(?: (?:of|from) {low} (?:to|-|–) {high})?[),]?"
    return re.sub(scale, " ", reply, flags=re.IGNORECASE)


def _names(points: Sequence[str], anchors: Sequence[str]) -> dict[str, int]:
    """Every spelling of a point, lower case; words that two points share mean neither."""
    spelled = list(enumerate(points))
    for index, point in enumerate(points):
        sign, digits = ("-", point[1:]) if point.startswith("-") else ("", point)
        if digits.isdigit() and int(digits) < len(SMALL):
            spelled.append((index, sign + SMALL[int(digits)]))
    words = [anchor.casefold() for anchor in anchors]
    spelled += [(i, word) for i, word in enumerate(words) if word and words.count(word) == 1]
    return {name.casefold(): index for index, name in spelled}


def _named(text: str, names: dict[str, int]) -> list[Named]:
    """Points that a text names by their index, the longest name first, and any other number."""
    longest = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    pattern = re.compile(
        rf"(?<![\w.])(?<!\d,)(?<!\d[/:])(?<!-)(?P<name>{longest})"
        r"(?![\w½¼¾]|[.,:/]\d|['’-]\w|\s?%|\s\d+/\d|\s(?:and|&) (?:an? |one )?(?:half|quarter))"
        r"|[$€£]?-?\d[\d.,:/½¼¾]*",
        re.IGNORECASE,
    )
    return [
        Named(names[match["name"].casefold()] if match["name"] else None, match.start(), match.end())
        for match in pattern.finditer(text)
    ]


def _index(value: float | None) -> int | None:
    return None if value is None else int(value)


def _point_alone(line: str, names: dict[str, int]) -> int | None:
    line = re.sub(rf"{LEAD}(?:I )?", "", line, flags=re.IGNORECASE)
    found = _named(line, names)
    rest = re.sub(r"\b(?:an?|points?|stars?)\b", "", _without(line, found))
    return None if re.search(r"[^\W_]", rest) or odd(rest) else _index(agreed(q.value for q in found))


_RATED = re.compile(
    rf"\bI{MODAL}{SOFTEN} (?:rate|give|say|choose|pick|select|answer|score|go with|put)\b"
    r"|\b(?:my|the|final) (?:\w+ ){0,2}(?:rating|answer|score|choice|response)(?: is| would be| of|:)"
    r"|(?:^|\n)\W*(?:rating|answer|score)\W*(?:is|:)",
    re.IGNORECASE,
)
_RATING = frozenset("i'm rate give rating score star stars".split())  # noqa: SIM905


def _lax_point(reply: str, points: Sequence[str], words: dict[str, int]) -> int | None:
    """Digits only: an anchor's words ("very") stand in any sentence. In a few words they must not contradict."""
    digits = {point: index for index, point in enumerate(points)}

    def find(text: str) -> list[Named]:
        return _named(text, digits)

    def fallback() -> Said[float] | None:
        if len(reply.split()) <= 6 and len({q.value for q in _named(reply, words)}) > 1:
            return None
        return _leading_point(reply, find) or _among_few(reply, find, _RATING)

    return _index(lax(_declared(reply, _RATED, find), _marked(reply, find), fallback))


def _leading_point(reply: str, find: Finder) -> Said[float] | None:
    """A point with which a reply begins, set off from what explains it without another number."""
    led = re.match(r"\W*-?[\d.]+\W*[.:,;)–—-]\s", reply)
    found = find(reply)
    if led is None or len(found) != 1 or found[0].end > led.end():
        return None
    after = reply[found[0].end :]
    return None if HEDGE.search(after) or vague("", after) or unsettled(after) else Said(found[0].value, after)
