"""How a question is answered: a choice among options, an amount, a number, a rating, a threshold or an allocation.

    choice       {"type": "choice"}                                       one of the options
    amount       {"type": "amount", "min": 0, "max": 10, "step": 1}       a number with outcomes of its own
    number       {"type": "number", "min": 0, "max": 100, "step": 1}      an estimate or a guess; the grid is optional
    rating       {"type": "rating", "points": [1, 2, 3], "anchors": {}}   a point of an ordered scale
    threshold    {"type": "threshold", "min": 0, "max": 10, "step": 1}    the least that is accepted, better ones too
    allocation   {"type": "allocation", "total": 100, "step": 10, "to": ["sooner", "later"]}

Whatever the kind, the possible answers are a list of texts in the experiment's own order; a number without a
grid has none, and can only be sampled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from replicator.amounts import format_amount
from replicator.expression import Expression

Value = float | int | str | bool
"""A variable's value: an item's number or word, a factor's level."""

ResponseType = Literal["choice", "amount", "number", "rating", "threshold", "allocation"]

SEPARATOR = ", "
"""Between the parts of an allocation, as it is asked for and kept: "60, 40"."""


@dataclass(frozen=True)
class Form:
    """What surrounds an answer of numbers: by this replies are read, and questions put."""

    unit: str = ""
    low: float | None = None
    """The smallest number; None where there is no end."""
    high: float | None = None
    anchors: tuple[str, ...] = ()
    """Words of each point of a scale, "" where it has none."""
    accounts: tuple[str, ...] = ()
    """Names of the accounts in the experiment's own order, as a reader sees them."""


NO_FORM = Form()
"""Of answers that are no numbers, and of amounts."""


@dataclass(frozen=True)
class Response:
    type: ResponseType
    minimum: Expression | None = None
    maximum: Expression | None = None
    step: Expression | None = None
    """Of an amount, a number or a threshold, and of an allocation."""
    points: tuple[float, ...] = ()
    """Of a rating, ascending."""
    anchors: Mapping[str, str] = field(default_factory=dict)
    """Point as text -> its words."""
    total: Expression | None = None
    """What an allocation divides."""
    accounts: Mapping[str, str | None] = field(default_factory=dict)
    """Account (a variable) -> a template that says what it is; None where its name says it."""

    @property
    def is_open(self) -> bool:
        """Whether the possible answers cannot be listed: a number without both ends and a step."""
        return self.type == "number" and None in (self.minimum, self.maximum, self.step)

    def grid(self, variables: Mapping[str, Value]) -> tuple[float, ...]:
        """The numbers that may be answered, ascending, both ends included; empty where there are none."""
        if self.points:
            return self.points
        if self.minimum is None or self.maximum is None or self.step is None:
            return ()
        low, high, step = (float(e.evaluate(variables)) for e in (self.minimum, self.maximum, self.step))
        return tuple(low + step * i for i in range(round((high - low) / step) + 1))

    def answers(self, variables: Mapping[str, Value]) -> list[tuple[str, Mapping[str, Value]]]:
        """Every possible answer as text, and the variables that it gives to outcomes; none for a choice."""
        if self.type == "allocation":
            assert self.total is not None
            assert self.step is not None
            total, step = (float(e.evaluate(variables)) for e in (self.total, self.step))
            divided = divisions(total, step, len(self.accounts))
            return [(write_division(parts), dict(zip(self.accounts, parts, strict=True))) for parts in divided]
        return [(format_amount(answer), {"answer": answer}) for answer in self.grid(variables)]

    def form(self, variables: Mapping[str, Value], unit: str) -> Form:
        """How answers to one question look; nothing is known of those that are not numbers."""
        match self.type:
            case "number":
                low, high = (None if e is None else float(e.evaluate(variables)) for e in (self.minimum, self.maximum))
                return Form(unit, low, high)
            case "rating":
                words = tuple(self.anchors.get(format_amount(point), "") for point in self.points)
                return Form(unit, self.points[0], self.points[-1], anchors=words)
            case "allocation":
                assert self.total is not None
                total = float(self.total.evaluate(variables))
                return Form(unit, 0.0, total, accounts=tuple(account_name(name) for name in self.accounts))
            case _:
                return NO_FORM


def account_name(variable: str) -> str:
    """An account as a reader sees it: "other_person" -> "other person"."""
    return variable.replace("_", " ")


def divisions(total: float, step: float, accounts: int) -> Iterator[tuple[float, ...]]:
    """Every division of `total` among accounts in whole steps, the first account's part ascending."""
    return (tuple(step * part for part in parts) for parts in _compositions(round(total / step), accounts))


def division_count(steps: int, accounts: int) -> int:
    """How many divisions there are: steps + accounts - 1 choose accounts - 1."""
    return math.comb(steps + accounts - 1, accounts - 1)


def write_division(parts: tuple[float, ...]) -> str:
    """ "60, 40"."""
    return SEPARATOR.join(format_amount(part) for part in parts)


def read_division(text: str) -> tuple[float, ...]:
    """The parts of a division as `write_division` writes it."""
    return tuple(float(part) for part in text.split(SEPARATOR))


def _compositions(whole: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (whole,)
        return
    for first in range(whole + 1):
        for rest in _compositions(whole - first, parts - 1):
            yield (first, *rest)
