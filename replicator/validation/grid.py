"""The grid of an amount: both ends, its step, and how many answers it admits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from replicator.amounts import format_amount
from replicator.errors import Fault
from replicator.expression import Expression, ExpressionError, parse
from replicator.validation.draft import Cell, Draft, cells
from replicator.validation.numbers import RESPONSE_KEYS, NumberError, number

GRID_LIMIT = 1_001
"""Amounts on the grid of an answer."""


def faults(draft: Draft) -> Iterator[Fault]:
    """A grid that lacks an end or a step, runs backwards, misses its end, or is too long in some cell."""
    if draft.response != "amount":
        return
    missing = [key for key in RESPONSE_KEYS if key not in draft.keys("response")]
    for key in missing:
        remedy = f'Add "{key}": an amount needs "min", "max" and "step", numbers or expressions.'
        yield draft.fault(("response", key), f'the key "{key}" is missing.', remedy)
    if missing or not draft.sound("response"):
        return
    try:
        ends = {key: parse(draft.get("response", key)) for key in RESPONSE_KEYS}
    except ExpressionError:
        return
    names = frozenset().union(*(end.names for end in ends.values()))
    if not names <= draft.names - draft.unclear:
        return
    for cell in cells(draft, names) or []:
        problem = _grid_problem(ends, cell)
        if problem is not None:
            key, words, remedy = problem
            yield draft.fault(("response", key), f"{words} in {cell.where}.", remedy)
            return


def _grid_problem(ends: Mapping[str, Expression], cell: Cell) -> tuple[str, str, str] | None:
    values: dict[str, float] = {}
    for key, expression in ends.items():
        try:
            values[key] = number(key, expression, cell.variables)
        except NumberError as error:
            return key, str(error), "Write a finite number."
    low, high, step = (values[key] for key in RESPONSE_KEYS)
    if low > high:
        words = f"the smallest amount, {format_amount(low)}, is more than the largest, {format_amount(high)},"
        return "min", words, "Exchange them."
    if step <= 0:
        return "step", f"the step is {format_amount(step)}", "A step is more than 0."
    count = (high - low) / step
    if not math.isfinite(count) or count > GRID_LIMIT - 1 + 1e-6:
        words = f"the grid has more than {GRID_LIMIT:,} amounts"
        return "step", words, "Take a larger step or a smaller range."
    if abs(count - round(count)) > 1e-6:
        words = f"steps of {format_amount(step)} do not end at {format_amount(high)}"
        return "step", words, "Choose a step that does."
    return None
