"""An option in words, written from its outcomes: "10% chance of $2.00 and 90% chance of $1.60"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from replicator.amounts import format_amount, format_percent
from replicator.experiment import Outcome

CURRENCIES = {"USD": "$", "EUR": "€", "GBP": "£"}
"""Units written as a sign before the amount; any other unit is a word after it."""

_NEVER = 1e-9
"""A probability below this is rounding error of an expression such as `1 - p`."""


def describe(option: str, outcomes: Sequence[Outcome]) -> str:
    """What `option` gives. `outcomes` are those of the whole question, so that its options are written alike.

    A sure amount is "$2.00 for sure"; with gains and losses in the question a branch is "50% chance to win
    $20"; a status quo worth nothing is "nothing changes ($0)". Branches that cannot happen are left out.
    """
    style = _style(outcomes)
    branches = [o for o in outcomes if o.option == option and o.probability_high > _NEVER]
    if len(branches) == 1 and branches[0].status_quo and _certain(branches[0]):
        return f"nothing changes ({_money(branches[0], style)})"
    return join(_branch(branch, style) for branch in branches)


def join(parts: Iterable[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    *most, final = list(parts) or [""]
    return f"{', '.join(most)} {last} {final}" if most else final


@dataclass(frozen=True)
class _Style:
    """What the options of one question have in common."""

    cents: bool
    losses: bool
    dated: bool
    shared: bool
    """Whether anybody but the chooser is paid."""


def _style(outcomes: Sequence[Outcome]) -> _Style:
    live = [outcome for outcome in outcomes if outcome.probability_high > _NEVER]
    return _Style(
        cents=any(abs(o.amount - round(o.amount)) > _NEVER for o in live),
        losses=any(o.amount < 0 for o in live),
        dated=any(o.delay != 0 for o in live),
        shared=any(o.to != "self" for o in live),
    )


def _branch(outcome: Outcome, style: _Style) -> str:
    tail = _recipient(outcome, style) + _date(outcome, style) + _condition(outcome)
    if _certain(outcome):
        sure = "" if tail else " for sure"
        return f"{_sure_amount(outcome, style)}{tail}{sure}"
    return f"{_chance(outcome)} chance {_prize(outcome, style)}{tail}"


def _sure_amount(outcome: Outcome, style: _Style) -> str:
    money = _money(outcome, style)
    if not style.losses or outcome.amount == 0:
        return money
    if style.shared:
        return f"a loss of {money}" if outcome.amount < 0 else money
    return f"lose {money}" if outcome.amount < 0 else f"win {money}"


def _prize(outcome: Outcome, style: _Style) -> str:
    money = _money(outcome, style)
    if not style.losses:
        return f"of {money}"
    if outcome.amount == 0:
        return "of nothing"
    if style.shared:
        return f"of a loss of {money}" if outcome.amount < 0 else f"of {money}"
    return f"to lose {money}" if outcome.amount < 0 else f"to win {money}"


def _chance(outcome: Outcome) -> str:
    low, high = (round(p, 4) for p in (outcome.probability_low, outcome.probability_high))
    return format_percent(high) if low == high else f"between {format_percent(low)} and {format_percent(high)}"


def _money(outcome: Outcome, style: _Style) -> str:
    """The size of an amount; the words around it say whether it is lost."""
    size = abs(outcome.amount)
    if outcome.unit in CURRENCIES:
        decimals = 2 if style.cents and size > 0 else 0
        return f"{CURRENCIES[outcome.unit]}{size:,.{decimals}f}"
    unit = outcome.unit.removesuffix("s") if size == 1 else outcome.unit
    return f"{format_amount(size)} {unit}".rstrip()


def _recipient(outcome: Outcome, style: _Style) -> str:
    if not style.shared:
        return ""
    who = {"self": "you", "other": "the other person"}.get(outcome.to, f"the {outcome.to}")
    return f" for {who}"


def _date(outcome: Outcome, style: _Style) -> str:
    if not style.dated:
        return ""
    if outcome.delay == 0:
        return " today"
    return f" in {format_amount(outcome.delay)} {'day' if outcome.delay == 1 else 'days'}"


def _condition(outcome: Outcome) -> str:
    return f" if the other player chooses {outcome.state}" if outcome.state else ""


def _certain(outcome: Outcome) -> bool:
    return outcome.probability_low > 1 - _NEVER
