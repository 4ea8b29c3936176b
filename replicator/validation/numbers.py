"""Numbers: expressions that can be computed, probabilities that sum to one, grids that can be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from replicator.amounts import format_amount
from replicator.documents import Steps
from replicator.errors import Fault
from replicator.experiment import Value
from replicator.expression import Expression, ExpressionError, parse
from replicator.validation.draft import Cell, Draft, Use, cells
from replicator.validation.kinds import KINDS

PROBABILITY_TOLERANCE = 1e-9
AMOUNT_LIMIT = 1e12
"""Larger amounts are slips of the pen, and their squares and powers could no longer be computed with care."""


@dataclass(frozen=True)
class Result:
    """One outcome of one option in one cell."""

    option: str
    position: int
    cell: Cell
    amount: float
    low: float
    high: float
    to: str
    delay: float
    state: str | None = None
    """The other player's action on which it depends."""


def faults(draft: Draft) -> Iterator[Fault]:
    """Expressions outside the grammar, and numbers that cannot be."""
    for place, source, _ in _expressions(draft):
        try:
            parse(source)
        except ExpressionError as error:
            yield draft.fault(place, error.problem, error.remedy or "")
    if draft.response == "choice":
        yield from _choice_options(draft)
    elif draft.response is not None:
        yield from _only_option(draft, KINDS[draft.response].noun)
    elif draft.undecided:
        count = len(draft.keys("options"))
        problem = f'the answer is an amount without "min", "max" and "step", and there are {count} options.'
        remedy = 'Write "choice", or give the three of them and one option.'
        yield draft.fault(("response", "type"), problem, remedy)
    for name, _ in draft.entries("options"):
        yield from _option(draft, name)


def uses(draft: Draft) -> Iterator[Use]:
    """The names in every expression."""
    unclear = draft.response == "allocation" and not draft.sound("response", "to")
    for place, source, allowed in _expressions(draft):
        if unclear and place[0] == "options":
            continue  # it is not known which accounts they may use
        with suppress(ExpressionError):
            yield Use("an expression", place, parse(source).names, allowed)


def results(draft: Draft) -> Iterator[Result]:
    """Every outcome that can be computed, for the checks of the analysis plan."""
    for name, option in draft.entries("options"):
        read = _read(draft, name)
        if read is None:
            continue
        for cell in _cells(draft, read) or []:
            for position, outcome in enumerate(option.get("outcomes", [])):
                with suppress(NumberError):
                    yield _result(name, position, outcome, read[position], cell)


# Expressions


def _expressions(draft: Draft) -> Iterator[tuple[Steps, Any, Set[str]]]:
    """Every expression: its place, its source and the names that it may use."""
    allowed = _answered_names(draft)
    for option in draft.keys("options"):
        for position, outcome in draft.entries("options", option, "outcomes"):
            for key, source in _sources(outcome):
                known = draft.names if key == ("delay",) else allowed
                yield ("options", option, "outcomes", position, *key), source, known
    for end in KINDS[draft.response].expressions if draft.response else ():
        source = draft.get("response", end)
        if source is not None:
            yield ("response", end), source, draft.names


def _answered_names(draft: Draft) -> Set[str]:
    """What an outcome's amount and probability may use: what is answered besides item variables and factors."""
    if draft.response == "allocation":
        return draft.names | set(draft.accounts)
    return draft.names | (set() if draft.response == "choice" else {"answer"})


def _sources(outcome: Mapping[str, Any]) -> Iterator[tuple[Steps, Any]]:
    for key in ("amount", "probability", "delay"):
        value = outcome.get(key)
        if isinstance(value, list):
            yield from (((key, end), source) for end, source in enumerate(value))
        elif value is not None:
            yield (key,), value


# Options


def _choice_options(draft: Draft) -> Iterator[Fault]:
    if len(draft.keys("options")) == 1:
        yield draft.fault(("options",), "a choice has only one option.", "Give at least two options.")
    still = [name for name, option in draft.entries("options") if option.get("status_quo")]
    for name in still[1:]:
        problem = f'"{still[0]}" is the status quo already.'
        yield draft.fault(("options", name, "status_quo"), problem, "Mark at most one option.")


def _only_option(draft: Draft, noun: str) -> Iterator[Fault]:
    names = draft.keys("options")
    if len(names) > 1:
        problem = f"{noun} is asked about one option, and there are {len(names)}."
        written = "the accounts' names" if draft.response == "allocation" else '"answer"'
        yield draft.fault(("options",), problem, f"Put all outcomes, written with {written}, under one option.")


def _option(draft: Draft, name: str) -> Iterator[Fault]:
    outcomes = draft.get("options", name, "outcomes")
    read = _read(draft, name)
    if outcomes is None or read is None:
        return
    found = _cells(draft, read)
    if found is None:
        problem = "the option has different numbers in too many cells."
        yield draft.fault(("options", name), problem, "Use fewer items or factor levels.")
        return
    told: dict[tuple[Steps, str], list[tuple[str, str]]] = {}
    for cell in found:
        for place, whose, problem in _wrong(name, outcomes, read, cell):
            told.setdefault((place, whose), []).append((cell.where, problem))
    for (place, _), cases in told.items():
        where, problem = cases[0]
        more = f" (and {len(cases) - 1} more cells)" if len(cases) > 1 else ""
        yield draft.fault(place, f"{problem} in {where}{more}.", _REMEDIES.get(place[-1], ""))


_REMEDIES: Mapping[str | int, str] = {
    "outcomes": "They must sum to 1 for each option, recipient, date and state.",
    "probability": "A probability lies between 0 and 1, and an interval begins with its lower end.",
    "delay": "A delay is 0 or more days.",
    "amount": f"An amount is a number of at most {AMOUNT_LIMIT:,.0f}, gained or lost.",
}


class NumberError(Exception):
    """A number that cannot be, under one key of an outcome or of a response."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


_Read = list[dict[str, tuple[Expression, ...]]]
"""An option's expressions, outcome by outcome: amount, probability (one or two), delay."""


def _read(draft: Draft, name: str) -> _Read | None:
    """None if a probability or delay cannot be used (told already); an amount that cannot counts as 0."""
    outcomes = draft.get("options", name, "outcomes", default=[])
    known = _answered_names(draft) - draft.unclear
    read = [
        {
            "amount": _parsed(outcome["amount"], known) or (parse(0),),
            "probability": _parsed(outcome.get("probability", 1), known),
            "delay": _parsed(outcome.get("delay", 0), draft.names - draft.unclear),
        }
        for outcome in outcomes
    ]
    return read if all(ends for outcome in read for ends in outcome.values()) else None


def _parsed(source: Any, allowed: Set[str]) -> tuple[Expression, ...]:
    """One expression, or the two ends of an interval; nothing if any cannot be used."""
    try:
        ends = tuple(parse(end) for end in (source if isinstance(source, list) else [source]))
    except ExpressionError:
        return ()
    return ends if all(end.names <= allowed for end in ends) else ()


def _names(read: _Read) -> frozenset[str]:
    expressions = (each for outcome in read for ends in outcome.values() for each in ends)
    return frozenset().union(*(each.names for each in expressions))


def _cells(draft: Draft, read: _Read) -> list[Cell] | None:
    """Cells that differ in an option's numbers; answers in numbers are tried at their ends."""
    names = _names(read)
    if draft.response == "allocation" and not names.isdisjoint(draft.accounts):
        return _divided(draft, names)
    found = cells(draft, names)
    if found is None or "answer" not in names:
        return found
    ends = [draft.get("response", key, default=0) for key in ("min", "max")]
    if draft.response == "rating":
        ends = [draft.get("response", "points", default=[0])[end] for end in (0, -1)]
    return [
        Cell(f"{cell.where}, answer = {format_amount(answer)}", {**cell.variables, "answer": answer})
        for cell in cells(draft, names | _known_names(ends)) or []
        for answer in dict.fromkeys(_end(end, cell) for end in ends)
    ]


def _divided(draft: Draft, names: frozenset[str]) -> list[Cell] | None:
    """Cells in which everything goes to one account, each in turn."""
    total = draft.get("response", "total", default=0)
    found = cells(draft, (names - set(draft.accounts)) | _known_names([total]))
    if found is None:
        return None
    return [
        Cell(
            f"{cell.where}, all to {account}", {**cell.variables, **dict.fromkeys(draft.accounts, 0.0), account: whole}
        )
        for cell in found
        for whole in [_end(total, cell)]
        for account in draft.accounts
    ]


def _known_names(sources: list[Any]) -> frozenset[str]:
    try:
        return frozenset().union(*(parse(source).names for source in sources))
    except ExpressionError:
        return frozenset()


def _end(source: Any, cell: Cell) -> float:
    try:
        return number("amount", parse(source), cell.variables)
    except (ExpressionError, NumberError):
        return 0.0  # the response's own fault, told elsewhere


def _wrong(name: str, outcomes: Any, read: _Read, cell: Cell) -> Iterator[tuple[Steps, str, str]]:
    """Place, recipient and date, problem: what is wrong with one option in one cell."""
    chances: list[tuple[str, str | None, float, float, float]] = []
    for position, (outcome, parts) in enumerate(zip(outcomes, read, strict=True)):
        try:
            chances.append((outcome.get("to", "self"), outcome.get("state"), *_chance(parts, cell)))
            amount = number("amount", parts["amount"][0], cell.variables)
            if abs(amount) > AMOUNT_LIMIT:
                raise NumberError("amount", f"the amount is {format_amount(amount)}")
        except NumberError as error:
            yield ("options", name, "outcomes", position, error.key), "", str(error)
    if len(chances) < len(outcomes):
        return
    sums: dict[tuple[str, str | None, float], tuple[float, float]] = {}
    for to, state, delay, low, high in chances:
        before = sums.get((to, state, delay), (0.0, 0.0))
        sums[to, state, delay] = (before[0] + low, before[1] + high)
    for (to, state, delay), (low, high) in sums.items():
        if low > 1 + PROBABILITY_TOLERANCE or high < 1 - PROBABILITY_TOLERANCE:
            total = _shown(low, high)
            who = "" if len({key[0] for key in sums}) == 1 else f" to {to}"
            when = "" if len({key[2] for key in sums}) == 1 else f" after {format_amount(delay)} days"
            which = f"{who}{when}" + ("" if state is None else f' in the state "{state}"')
            yield ("options", name, "outcomes"), which, f"the probabilities{which} sum to {total}"


_Parts = Mapping[str, tuple[Expression, ...]]


def _result(name: str, position: int, outcome: Mapping[str, Any], parts: _Parts, cell: Cell) -> Result:
    amount = number("amount", parts["amount"][0], cell.variables)
    delay, low, high = _chance(parts, cell)
    return Result(name, position, cell, amount, low, high, outcome.get("to", "self"), delay, outcome.get("state"))


def _chance(parts: _Parts, cell: Cell) -> tuple[float, float, float]:
    """When (days) and how likely (lowest, highest) an outcome is. Raises NumberError."""
    low, high = (number("probability", parts["probability"][end], cell.variables) for end in (0, -1))
    delay = number("delay", parts["delay"][0], cell.variables)
    if not (-PROBABILITY_TOLERANCE <= low <= high <= 1 + PROBABILITY_TOLERANCE):
        raise NumberError("probability", f"the probability is {_shown(low, high)}")
    if delay < 0:
        raise NumberError("delay", f"the delay is {format_amount(delay)} days")
    return delay, low, high


def _shown(low: float, high: float) -> str:
    return format_amount(low) if low == high else f"[{format_amount(low)}, {format_amount(high)}]"


def number(key: str, expression: Expression, variables: Mapping[str, Value]) -> float:
    """The value of an expression if it is a number. Raises NumberError under `key`."""
    try:
        value = expression.evaluate(variables)
    except ExpressionError as error:
        raise NumberError(key, error.problem.rstrip(".")) from None
    if isinstance(value, str | bool):
        raise NumberError(key, f"{expression.text!r} is not a number")
    return float(value)
