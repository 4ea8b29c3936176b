"""What may be answered in numbers: the grid of an amount or a number, the points of a scale, the divisions of
an allocation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from replicator.amounts import format_amount
from replicator.documents import excerpt, listed
from replicator.errors import Fault
from replicator.expression import Expression, ExpressionError, parse
from replicator.response import division_count
from replicator.validation.draft import Cell, Draft, cells
from replicator.validation.kinds import KINDS, RANGE
from replicator.validation.numbers import NumberError, number

GRID_LIMIT = 1_001
"""Amounts on the grid of an answer, and divisions of an allocation."""

_Problem = tuple[str, str, str]
"""Key, what is wrong, remedy."""


def faults(draft: Draft) -> Iterator[Fault]:
    """A response that lacks a key or has another kind's; answers that cannot be listed in some cell."""
    if draft.response is None:
        return
    kind = KINDS[draft.response]
    for key in draft.keys("response"):
        if key in _KEYS - set(kind.keys):
            has = f"; {kind.noun} has {listed(kind.keys)}" if kind.keys else ""
            yield draft.fault(("response", key), f'{kind.noun} has no "{key}".', f"Take it out{has}.")
    missing = [key for key in kind.needed if key not in draft.keys("response")]
    for key in missing:
        yield draft.fault(("response", key), f'the key "{key}" is missing.', f'Add "{key}": {kind.needs}')
    if missing or not draft.sound("response"):
        return
    if draft.response == "rating":
        yield from _scale(draft)
    elif draft.response != "choice":
        yield from _computed(draft, [key for key in kind.expressions if key in draft.keys("response")])


_KEYS = frozenset().union(*(kind.keys for kind in KINDS.values()))


def _scale(draft: Draft) -> Iterator[Fault]:
    points = draft.get("response", "points")
    if points != sorted(points):
        yield draft.fault(("response", "points"), f"{excerpt(points)} does not ascend.", "Begin with the lowest.")
    known = [format_amount(float(point)) for point in points]
    for point in draft.keys("response", "anchors"):
        if point not in known:
            remedy = f"The points are {', '.join(known)}." if len(known) <= 11 else "Take it out."
            yield draft.fault(("response", "anchors", point), f'"{point}" is no point of the scale.', remedy)


def _computed(draft: Draft, keys: Sequence[str]) -> Iterator[Fault]:
    """The first cell in which the numbers of the response cannot be."""
    try:
        numbers = {key: parse(draft.get("response", key)) for key in keys}
    except ExpressionError:
        return
    names = frozenset().union(*(each.names for each in numbers.values()))
    if not names <= draft.names - draft.unclear:
        return
    problem_of = _PROBLEMS[draft.response or ""]
    for cell in cells(draft, names) or []:
        problem = _problem(draft, numbers, cell, problem_of)
        if problem is not None:
            key, words, remedy = problem
            yield draft.fault(("response", key), f"{words} in {cell.where}.", remedy)
            return


def _problem(
    draft: Draft,
    numbers: Mapping[str, Expression],
    cell: Cell,
    problem_of: Callable[[Draft, Mapping[str, float]], _Problem | None],
) -> _Problem | None:
    values: dict[str, float] = {}
    for key, expression in numbers.items():
        try:
            values[key] = number(key, expression, cell.variables)
        except NumberError as error:
            return key, str(error), "Write a finite number."
    return problem_of(draft, values)


def _grid_problem(draft: Draft, values: Mapping[str, float]) -> _Problem | None:
    """Of an amount or a number, as far as its ends and step are given."""
    low, high, step = (values.get(key) for key in RANGE)
    what = draft.response
    if low is not None and high is not None and low > high:
        words = f"the smallest {what}, {format_amount(low)}, is more than the largest, {format_amount(high)},"
        return "min", words, "Exchange them."
    if step is not None and step <= 0:
        return "step", f"the step is {format_amount(step)}", "A step is more than 0."
    if low is None or high is None or step is None:
        return None
    count = (high - low) / step
    if not math.isfinite(count) or count > GRID_LIMIT - 1 + 1e-6:
        words = f"the grid has more than {GRID_LIMIT:,} {what}s"
        return "step", words, "Take a larger step or a smaller range."
    if abs(count - round(count)) > 1e-6:
        words = f"steps of {format_amount(step)} do not end at {format_amount(high)}"
        return "step", words, "Choose a step that does."
    return None


def _division_problem(draft: Draft, values: Mapping[str, float]) -> _Problem | None:
    total, step = values["total"], values["step"]
    if total <= 0:
        return "total", f"the total is {format_amount(total)}", "A total is more than 0."
    if step <= 0:
        return "step", f"the step is {format_amount(step)}", "A step is more than 0."
    steps = total / step
    accounts = len(draft.accounts)
    if not steps < GRID_LIMIT or division_count(round(steps), accounts) > GRID_LIMIT:
        words = f"{format_amount(total)} can be divided among {accounts} accounts in more than {GRID_LIMIT:,} ways"
        return "step", words, "Take a larger step or fewer accounts."
    if abs(steps - round(steps)) > 1e-6:
        words = f"steps of {format_amount(step)} do not make up {format_amount(total)}"
        return "step", words, "Choose a step that does."
    return None


_PROBLEMS = {**dict.fromkeys(("amount", "number", "threshold"), _grid_problem), "allocation": _division_problem}
