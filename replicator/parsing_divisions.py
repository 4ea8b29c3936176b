"""The text of a reply becomes a division: its parts in the order shown, or each beside its account's name.

As in `parsing`, strict is a reply (or its first line) that is nothing but the answer, lax is one marked answer
or every part beside a name, and a wrong answer is worse than a missing one. Parts that do not make up their total
are not rescaled, and parts without names are given up where the reply lists the accounts in another order.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence

from replicator.hedges import HEDGE, vague
from replicator.parsing_numbers import LEAD, without_unit
from replicator.quantities import quantities, signed
from replicator.replies import Parsed, Said, first_line, lax, marks, read, settled, written_lines
from replicator.response import Form, read_division

Parts = tuple[float, ...]
"""In the order of the accounts as displayed."""


def parse_allocation(
    text: str, answers: Sequence[str], accounts: Sequence[str], form: Form, *, truncated: bool = False
) -> Parsed:
    """Which division a reply gives: its parts in the order of `accounts`, as displayed, or each with its name."""
    parts, otherwise = read(
        without_unit(signed(text), form.unit),
        lambda reply: _strict(reply, accounts, form, truncated=truncated),
        lambda reply: _lax(reply, accounts, form),
        truncated=truncated,
    )
    found = None if parts is None else next((i for i, a in enumerate(answers) if _same(read_division(a), parts)), None)
    return settled(found, otherwise)


def _same(division: Sequence[float], parts: Sequence[float]) -> bool:
    return all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(division, parts, strict=True))


_NUMBER = r"[$€£]?\s?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_FILLER = (
    r"(?:[ \t]+(?:tokens?|dollars?|points?|units?|account|fund|gets?|receives?|is|to|in|into|on|for|towards?|the|my))*"
    r"[ \t]*"
)


def _strict(reply: str, accounts: Sequence[str], form: Form, *, truncated: bool) -> Parts | None:
    def alone(line: str) -> Parts | None:
        return _in_order(re.sub(LEAD, "", line, flags=re.IGNORECASE), len(accounts))

    parts = first_line(reply, alone, truncated=truncated)
    lines = written_lines(reply, truncated=truncated)
    if parts is None and len(lines) == len(accounts) and all(re.fullmatch(rf"\W*{_NUMBER}\W*", line) for line in lines):
        parts = _in_order(", ".join(line.strip(" .,;") for line in lines), len(accounts))
    if parts is not None:
        return None if _otherwise(reply.partition("\n")[2], parts, accounts, form) else parts
    return None if truncated else _beside(reply, accounts, form, alone=True)


def _in_order(line: str, count: int) -> Parts | None:
    """The parts of a line that is nothing but numbers, by whatever stands between them."""
    line = re.sub(r"^[\s\[({*]+|[\s\])}*.]+$", "", line)
    for separator in (r"\s*(?:[,;/|&:–-]|\band\b)\s*", r"\s*;\s*|,\s+", r"\s+"):
        parts = re.split(separator, line)
        if len(parts) == count and all(re.fullmatch(_NUMBER, part) for part in parts):
            return tuple(float(re.sub(r"[$€£,\s]", "", part)) for part in parts)
    return None


def _lax(reply: str, accounts: Sequence[str], form: Form) -> Parts | None:
    def inside(mark: re.Match[str]) -> set[Parts | None]:
        parts = _in_order(mark[1], len(accounts))
        if parts is None:
            return set()
        before, after = reply[: mark.start()], reply[mark.end() :]
        ordered = _in_their_order(f"{before} {after}".splitlines()[before.count("\n")], accounts)
        return {parts if ordered and not _otherwise(f"{before} {after}", parts, accounts, form) else None}

    def named() -> Said[Parts] | None:
        if HEDGE.search(reply) or _LOOSE.search(reply) or "?" in reply:
            return None
        parts = _beside(reply.replace("**", ""), accounts, form, alone=False)
        return None if parts is None else Said(parts, reply)

    return lax([], marks(reply, inside), named)


_LOOSE = re.compile(
    r"\b(?:about|around|roughly|approximately|or|instead|could|might|example|people|otherwise)\b", re.IGNORECASE
)


def _in_their_order(line: str, accounts: Sequence[str]) -> bool:
    """Whether what stands beside parts without names names no account before one that is displayed before it."""
    mentioned = list(dict.fromkeys(index for index, _, _ in _mentions(line, accounts)))
    ordinal = re.search(r"\b(?:first|second|third|last|former|latter|reverse\w*)\b", line, re.IGNORECASE)
    return mentioned == sorted(mentioned) and not (mentioned and ordinal)


def _otherwise(others: str, parts: Parts, accounts: Sequence[str], form: Form) -> bool:
    """Whether the rest of a reply lists the accounts in another order ("later, sooner") or gives them other parts."""
    if _beside(others, accounts, form, alone=False) not in (None, parts):
        return True
    return any(
        one > other and re.fullmatch(r"\W*(?:and\W+|then\W+)?", others[end:start])
        for (one, _, end), (other, start, _) in itertools.pairwise(_mentions(others, accounts))
    )


def _mentions(text: str, accounts: Sequence[str]) -> list[tuple[int, int, int]]:
    """(which account, start, end) of every name in a text."""
    names = [account.casefold() for account in accounts]
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    found = re.finditer(rf"(?<!\w)(?:{pattern})(?!\w)", text, re.IGNORECASE)
    return [(names.index(match[0].casefold()), match.start(), match.end()) for match in found]


def _beside(reply: str, accounts: Sequence[str], form: Form, *, alone: bool) -> Parts | None:
    """The part beside every account's name: "sooner: 60, later: 40", "60 to sooner and 40 to later".

    Every number of the reply must belong to an account, or be the total. `alone`: nothing else may be said.
    """
    found = quantities(reply)
    given: dict[str, set[float]] = {account: set() for account in accounts}
    used: set[int] = set()
    rest = reply
    for account in sorted(accounts, key=len, reverse=True):
        name = rf"(?<!\w){re.escape(account)}(?!\w)"
        for index, quantity in enumerate(found):
            before, after = reply[: quantity.start], reply[quantity.end :]
            if re.search(rf"{name}{_FILLER}[:=(→]?{_FILLER}$", before, re.I) or re.match(
                rf"{_FILLER}[:=(→]?{_FILLER}{name}", after, re.I
            ):
                given[account].add(quantity.value)
                used.add(index)
        rest = re.sub(name, "", rest, flags=re.IGNORECASE)
    others = [q.value for index, q in enumerate(found) if index not in used]
    if any(len(values) != 1 for values in given.values()) or any(not _total(v, form) for v in others):
        return None
    if any(vague(re.split(r"[,;\n]", reply[: q.start])[-1], reply[q.end :]) for q in map(found.__getitem__, used)):
        return None
    if alone and (others or re.search(r"[^\W\d_]", re.sub(rf"{_FILLER}|\band\b", "", _without_numbers(rest)))):
        return None
    return tuple(given[account].copy().pop() for account in accounts)


def _total(value: float, form: Form) -> bool:
    return form.high is not None and math.isclose(value, form.high, rel_tol=1e-9)


def _without_numbers(text: str) -> str:
    for quantity in reversed(quantities(text)):
        text = text[: quantity.start] + text[quantity.end :]
    return text
