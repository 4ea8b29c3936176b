"""What belongs to each kind of answer: the keys of its `response`, and what its wordings may and must say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

RANGE = ("min", "max", "step")


@dataclass(frozen=True)
class Kind:
    """One kind of answer."""

    noun: str
    """With its article: "an amount"."""
    keys: tuple[str, ...] = ()
    """Keys of `response` besides its type."""
    needed: tuple[str, ...] = ()
    expressions: tuple[str, ...] = ()
    """Keys that hold a number or an expression."""
    needs: str = ""
    """What it needs, for a remedy."""
    words: frozenset[str] = frozenset()
    """What a wording is handed besides item variables and factors."""
    shows: tuple[str, ...] = ()
    """Of these a wording must show one."""


KINDS: Mapping[str, Kind] = {
    "choice": Kind("a choice", words=frozenset({"unit", "options", "labels"}), shows=("options",)),
    "amount": Kind(
        "an amount",
        RANGE,
        RANGE,
        RANGE,
        'an amount needs "min", "max" and "step", numbers or expressions.',
        frozenset({"unit", "minimum", "maximum", "step"}),
    ),
    "threshold": Kind(
        "a threshold",
        RANGE,
        RANGE,
        RANGE,
        'a threshold needs "min", "max" and "step", numbers or expressions.',
        frozenset({"unit", "minimum", "maximum", "step"}),
    ),
    "number": Kind("a number", RANGE, (), RANGE, words=frozenset({"unit", "minimum", "maximum", "step"})),
    "rating": Kind(
        "a rating",
        ("points", "anchors"),
        ("points",),
        (),
        'a rating needs "points", for example [1, 2, 3, 4, 5, 6, 7].',
        frozenset({"unit", "minimum", "maximum", "scale"}),
        ("scale",),
    ),
    "allocation": Kind(
        "an allocation",
        ("total", "step", "to"),
        ("total", "step", "to"),
        ("total", "step"),
        'an allocation needs "total" and "step", numbers or expressions, and "to", its accounts.',
        frozenset({"unit", "total", "step", "accounts", "form"}),
        ("accounts", "form"),
    ),
}
