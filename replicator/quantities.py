"""Amounts within a text: "$50", "1,000 dollars", "12.50", "fifty-five", "two thousand", "half of it"."""

from __future__ import annotations

import re
from dataclasses import dataclass

SMALL = (  # noqa: SIM905
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
).split()
"""The numbers below twenty in words."""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_VALUE = {word: i for i, word in enumerate(SMALL)} | {word: 10 * i for i, word in enumerate(_TENS, 2)}

_CURRENCY = r"(?:dollars?|bucks?|USD|US\$|euros?|EUR|pounds?|GBP|points?|tokens?|coins?|boxes|box|[$€£]|d[oó]lares|欧元|美元|元)"  # noqa: E501
_WORD = "|".join(sorted(_VALUE, key=len, reverse=True))
_POWERS = {"": 1.0, "k": 1e3, "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_SPELLED = rf"(?:{_WORD})(?:[\s-](?:{_WORD}))*(?:[\s-]hundred(?:(?:[\s-]and)?(?:[\s-](?:{_WORD}))+)?)?|an? hundred"
_OTHER_UNIT = (
    r"\s?(?:%|‰|¢|[½¼¾⅓⅔]|(?:percent|per cent|pct|prozent|procent|por ?ciento|pour ?cent|cents?|pence|dozens?|lakhs?"
    r"|crores?|mn|bn|mio|mrd|mil|mille|tausend)\b|(?:and|&) (?:an? |one )?(?:half|quarter|third)|\d+/\d)"
)
_IN_NAME = re.compile(
    r"(?:[^\W\d_][-‑–]|\b(?:GPT|Claude|Llama|Gemini|version|question|round|player|participant|lottery|step|page) #?)$",
    re.IGNORECASE,
)
_FOUND = re.compile(
    rf"(?<![\w.,%])(?<!\d[/:])(?P<sign>-\s?)?(?:US)?[$€£]?\s?"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?![1-9]\d{0,2}\.\d{3}(?!\d))\d+(?:\.\d+)?)"
    r"(?P<power>k\b|\s?(?:hundred|thousand|million|billion|trillion)\b)?+"
    rf"(?!\d|[.,:]\d|{_OTHER_UNIT}|/\d|-?ish\b|[A-Zx]?[^\W\d_元欧美])(?:\s?{_CURRENCY}(?!\w))?"
    rf"|(?P<minus>(?<![\w.,%])-\s?)?\b(?P<spelled>(?>{_SPELLED}))\b(?P<spelled_power>[\s-](?:thousand|million|billion|trillion)\b)?+"
    rf"(?!{_OTHER_UNIT}|-?ish\b|\s?(?:of (?:us|them|these)|more|other|concrete|reason))(?:\s?{_CURRENCY}(?!\w))?"
    rf"|(?<!and )(?<!and a )(?<!and one )\b(?P<half>half)\b(?! (?:an?|as|the time)\b)(?: of (?:it|that|this|the (?:money|total|amount|sum|endowment|dollars)|my (?:money|endowment)))?",  # noqa: E501
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Quantity:
    """An amount and where it stands."""

    value: float
    start: int
    end: int


def signed(text: str) -> str:
    """A text whose signs are all "-": "−5", "minus 5" and "negative five" too."""
    return re.sub(rf"−|\b(?:minus|negative)\s+(?=[$€£]?\d|(?:{_WORD})\b)", "-", text, flags=re.IGNORECASE)


def quantities(text: str, most: float | None = None) -> list[Quantity]:
    """Every amount in the order of the text; `most` is what "half" is half of, if of anything.

    Percentages, multiples, fractions, times and names ("60%", "3x", "4 1/2", "10:30", "GPT-4") are no amounts, nor
    is what may be thousands or thousandths ("1.200"). A number in words that does not read as one ("five fifty") is
    left out, as is the "one" of "one of" and "no one".
    """
    found = []
    for match in _FOUND.finditer(text):
        value = _value(match, most)
        start = max(match.start(kind) for kind in ("digits", "spelled", "half"))
        if value is not None and not _pronoun(text, match) and not _IN_NAME.search(text[:start]):
            found.append(Quantity(value, match.start(), match.end()))
    return found


def _value(match: re.Match[str], most: float | None) -> float | None:
    if match["half"]:
        return None if most is None else most / 2
    sign = -1.0 if match["sign"] or match["minus"] else 1.0
    power = _POWERS[(match["power"] or match["spelled_power"] or "").strip(" -").lower()]
    if match["digits"]:
        return sign * power * float(match["digits"].replace(",", ""))
    words = re.split(r"[\s-]+", match["spelled"].lower())
    if "hundred" not in words:
        small = _below_hundred(words)
        return None if small is None else sign * power * small
    at = words.index("hundred")
    head = 1.0 if words[0] in ("a", "an") else _below_hundred(words[:at])
    rest = [word for word in words[at + 1 :] if word != "and"]
    tail = _below_hundred(rest) if rest else 0.0
    return None if head is None or tail is None else sign * power * (100 * head + tail)


def _below_hundred(words: list[str]) -> float | None:
    if len(words) == 1:
        return float(_VALUE[words[0]])
    if len(words) == 2 and words[0] in _TENS and 0 < _VALUE[words[1]] < 10:
        return float(_VALUE[words[0]] + _VALUE[words[1]])
    return None


def _pronoun(text: str, match: re.Match[str]) -> bool:
    """Whether "one" or "two" counts no money: "one of them", "both of the two players", "a one-time offer"."""
    if not match["spelled"] or match["spelled_power"] or match["spelled"].lower() not in ("one", "two"):
        return False
    return not re.search(rf"{_CURRENCY}$", match[0], re.IGNORECASE) and match[0].strip() != text.strip(" .!")
