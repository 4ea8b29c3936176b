"""The text of a reply becomes an option, an amount or a status: strictly, then laxly, and otherwise not at all.

Strict is a reply (or its first line) that is nothing but the answer: "A", "(B).", "Option A", "$50". Lax is
one marked answer ("[50]", "**A**") or one plain declaration ("I would choose lottery B because ..."). A reply
that names several answers, hedges or negates is given up, because a wrong choice is worse than a missing one.
An amount is what the reply gives, never what it says is kept, and one that is not on the grid is not rounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from replicator.hedges import HEDGE, denied, unsettled, vague
from replicator.quantities import Quantity, quantities, signed
from replicator.replies import Parsed, Said, first_line, lax, marks, odd, plain_words, read, settled


def parse_choice(text: str, labels: Sequence[str], *, truncated: bool = False) -> Parsed:
    """Which of the labels a reply chooses. `truncated`: its writer ran out of tokens."""
    found, otherwise = read(
        text,
        lambda reply: _strict_label(reply, labels, truncated=truncated),
        lambda reply: _lax_label(reply, labels),
        truncated=truncated,
    )
    return settled(found, otherwise)


def parse_amount(text: str, grid: Sequence[str], *, truncated: bool = False) -> Parsed:
    """Which amount of the grid (ascending numbers as text) a reply gives; "half" is half of the last."""
    most = float(grid[-1])
    amount, otherwise = read(
        signed(text),
        lambda reply: first_line(reply, lambda line: _amount_alone(line, most), truncated=truncated),
        lambda reply: _lax_amount(reply, most),
        truncated=truncated,
    )
    return settled(place(amount, grid), otherwise)


def place(number: float | None, grid: Sequence[str]) -> int | None:
    """Where a number stands on a grid, but for rounding."""
    if number is None:
        return None
    return next(
        (i for i, text in enumerate(grid) if math.isclose(float(text), number, rel_tol=1e-9, abs_tol=1e-9)), None
    )


# Labels

_NOUN = (
    r"(?i:option|lottery|card|choice|answer|gamble|bet|letter|number|opción|loter[ií]a|respuesta|opção|opzione|loterie"
    r"|réponse|antwort|lotterie|вариант|选项|答案|選択肢)"
)
_OPEN, _CLOSE = r"[\s\[\](){}<>*_`'\"“”‘’#«»]*", r"[\s\[\](){}<>*_`'\"“”‘’.,:;!。：，«»]*"
MODAL = r"(?:'d|'ll| would| will| shall)?"
SOFTEN = (
    r"(?: (?:probably|definitely|personally|simply|rather|again|therefore|still|like to|choose to|continue to|have to"
    r"|prefer to|opt to|decide to|then|also|once))*"
)
_CHOOSE = r"(?:choose|pick|select|prefer|play|take|go with|go for|opt for|stick with|choose to play|want|accept)"


def _label(labels: Sequence[str]) -> str:
    """Longest first, and never within a word or a number, nor as the count of something."""
    names = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
    count = (
        r"(?!(?<=\d)\s?(?:%|(?:of|out of|more|percent|dollars?|euros?|cents?|points?|times?|days?|weeks?|months?|years?"
        r")\b))"
    )
    return rf"(?<![\w.])(?P<label>{names})(?![\w]|[.,]\d|['’-]\w){count}"


def _strict_label(reply: str, labels: Sequence[str], *, truncated: bool) -> int | None:
    whole = re.compile(
        rf"{_OPEN}(?:(?:the |my |la |el |die |l')?{_NOUN}(?: is| es| est| ist)?{_CLOSE}){{0,2}}{_OPEN}{_label(labels)}{_CLOSE}",  # noqa: E501
        re.IGNORECASE if _apart(labels) else 0,
    )

    def alone(line: str) -> int | None:
        match = whole.fullmatch(line)
        return _index(match["label"], labels) if match else None

    return first_line(reply, alone, truncated=truncated)


def _apart(labels: Sequence[str]) -> bool:
    return len({label.casefold() for label in labels}) == len(labels)


def _index(name: str, labels: Sequence[str]) -> int:
    if name in labels:
        return labels.index(name)
    return [label.casefold() for label in labels].index(name.casefold())


def _lax_label(reply: str, labels: Sequence[str]) -> int | None:
    whole = re.compile(rf"['\"(]*(?:{_NOUN} )?{_label(labels)}[.)'\"]*")

    def inside(mark: re.Match[str]) -> set[int | None]:
        match = None if _SUBJECT.match(reply[mark.end() :]) else whole.fullmatch(mark[1])
        return {_index(match["label"], labels)} if match else set()

    return lax(_declared_labels(reply, labels), marks(reply, inside), lambda: _leading_label(reply, labels))


_SUBJECT = re.compile(
    r" (?:is|was|has|pays?|offers?|gives?|provides?|yields?|seems?|looks?|appears?|would|could|might|may|carries|means"
    r"|guarantees?|involves?|costs?|promises?|beats|dominates|ist|est|n'est|es|è|parece)\b"
    r"(?! (?:my|what I|the one I)\b)"
)
"""After a mark that something is said of: a subject, not an answer."""


def _leading_label(reply: str, labels: Sequence[str]) -> Said[int] | None:
    """A label with which a reply begins, set off from what explains it."""
    label = _label(labels)
    led = re.match(rf"{_OPEN}{label}[)\]*]*\s*[.:,;)–—-]\s", reply)
    if led is None:
        return None
    chosen, after = _index(led["label"], labels), reply[led.end("label") :]
    others = {_index(match["label"], labels) for match in re.finditer(label, after)}
    return Said(chosen if others <= {chosen} and not HEDGE.search(after) and not unsettled(after) else None, after)


def _declared_labels(reply: str, labels: Sequence[str]) -> list[Said[int]]:
    """Labels that somebody who says "I" chooses, or that "my answer" is."""
    plain, label = reply.replace("**", ""), _label(labels)
    tail = rf"(?: the| for| with)?{_OPEN}{_NOUN}?{_OPEN}{label}"
    patterns = (
        rf"\bI{MODAL}{SOFTEN} {_CHOOSE}{SOFTEN}{tail}",
        rf"\b(?:my|the|final) (?:final )?(?:answer|choice|decision)(?: \w+){{0,4}}(?: is| would be|:){tail}",
        rf"(?:^|\n)\W*(?:final )?answer\W*(?:is|:){tail}",
    )
    said: list[Said[int]] = []
    for match in (match for pattern in patterns for match in re.finditer(pattern, plain, re.IGNORECASE)):
        if match["label"] not in labels or denied(plain[: match.start()]):
            continue
        chosen, after = labels.index(match["label"]), plain[match.end() :]
        clause = re.split(r"[.;!?\n]| (?:because|since|as|which|than|over)\b", after)[0]
        others = re.finditer(rf"(?:^[^\w]*|\b(?:and|or|nor|then)\W+(?:the )?)(?:{_NOUN} )?{label}", clause)
        several = any(_index(other["label"], labels) != chosen for other in others)
        said.append(Said(None if several or _LESS.match(after) or unsettled(after) else chosen, after))
    return sorted(said, key=lambda one: -len(one.after))


_LESS = re.compile(
    r"\W*(?:or|nor|only|least|less|last|second|never|for (?:you|others|someone|somebody|a friend))\b", re.I
)


# Amounts

_GIVE = (
    r"(?:give|offer|return|invest|contribute|open|propose|pass|donate|send|transfer|allocate|share|choose|pick|go with"
    r"|go for|opt for|accept)"
)
_GIVING = frozenset(
    (  # noqa: SIM905
        "give offer propose return invest open send donate transfer contribute proposal contribution box boxes to you"
        " them him her other player person responder proposer investor banker charity"
    ).split()
)


def _amount_alone(line: str, most: float) -> float | None:
    """The one amount of which a line consists."""
    line = re.sub(r"^\W*(?:(?:my |the )?(?:final )?answer(?: is)?[^\w-]*)", "", line, flags=re.IGNORECASE)
    found = quantities(line, most)
    if len(found) != 1:
        return None
    rest = line[: found[0].start] + line[found[0].end :]
    return None if re.search(r"[^\W_]", rest) or odd(rest) else found[0].value


def _lax_amount(reply: str, most: float) -> float | None:
    found = quantities(reply, most)

    def inside(mark: re.Match[str]) -> set[float | None]:
        within = [q for q in found if mark.start() < q.start and q.end <= mark.end()]
        if not within:
            return set()
        before, after = reply[mark.start(1) : within[0].start], reply[within[0].end : mark.end(1)]
        unclear = vague(before, after) or _ROUGHLY.search(before)
        return {None} if unclear else {q.value for q in _given(within, reply)}

    def alone() -> Said[float] | None:
        if len(found) != 1 or not _given(found, reply):
            return None
        before, after = reply[: found[0].start], reply[found[0].end :]
        return Said(found[0].value, after) if plain_words(f"{before} {after}", _GIVING) else None

    return lax(_declared_amounts(reply, found), marks(reply, inside), alone)


def _declared_amounts(reply: str, found: Sequence[Quantity]) -> list[Said[float]]:
    """Amounts that somebody who says "I" gives, the first after each such verb."""
    said: list[Said[float]] = []
    for match in re.finditer(rf"\b(?:I{MODAL}{SOFTEN}|and) {_GIVE}\b", reply, re.IGNORECASE):
        end = re.compile(r"[.!?](?:\s|$)|\n|;|$").search(reply, match.end())
        after = [q for q in found if match.end() <= q.start < (end.start() if end else len(reply))]
        if not after or denied(reply[: match.start()]):
            continue
        between, rest = reply[match.end() : after[0].start], reply[after[0].end :]
        if vague(between, rest) or _ROUGHLY.search(between) or _SHARED.search(between) or unsettled(rest):
            said.append(Said(None, rest))
        elif _given(after[:1], reply):
            said.append(Said(after[0].value, rest))
    return said


_ROUGHLY = re.compile(r"\b(?:around|about|roughly|approximately)\b", re.IGNORECASE)
_SHARED = re.compile(r"\b(?:keep|keeping|split|some of)\b", re.IGNORECASE)


def _given(found: Iterable[Quantity], reply: str) -> list[Quantity]:
    """Without what the writer says is kept."""
    return [
        q
        for q in found
        if not re.search(r"\b(?:keep|keeping|kept|retain|retaining)\b[^.\d]{0,30}$", reply[: q.start], re.IGNORECASE)
        and not re.search(r"\b(?:take|taking|receive) the (?:remaining|rest)\W*$", reply[: q.start], re.IGNORECASE)
        and not re.search(r"\b(?:I|I'll) (?:receive|take|get)(?: the remaining)?\W*$", reply[: q.start], re.IGNORECASE)
        and not re.match(r"[\]\s]*(?:for|to) (?:me|myself)\b", reply[q.end :], re.IGNORECASE)
    ]
