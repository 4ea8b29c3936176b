"""What all readers of replies share: strictly the first line, laxly what is declared or marked, otherwise nothing.

A reader says how its kind of answer looks. When an answer that was found counts is decided here, once: what says
several things, is denied, doubted, conditional, an example or taken back is unclear, and what is unclear is given up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from replicator.hedges import denied, exampled, retracted, unsettled

ReplyStatus = Literal["valid", "refusal", "invalid", "truncated"]
T = TypeVar("T")


@dataclass(frozen=True)
class Parsed:
    """What a reply says."""

    status: ReplyStatus
    choice: int | None = None
    """Index of the answer that was given; None unless valid."""
    value: float | None = None
    """The number that was given where the answers cannot be listed."""


@dataclass(frozen=True)
class Said(Generic[T]):
    """One place where a reply gives an answer."""

    value: T | None
    """None where it is unclear."""
    after: str
    """What follows."""


def unread(text: str, *, truncated: bool = False) -> tuple[str | None, ReplyStatus]:
    """A reply without what was thought first (None where the thinking never ends), and its status should nothing be
    found in it."""
    reply = _visible(text)
    if reply is None or truncated:
        return reply, "truncated"
    return reply, "refusal" if _REFUSAL.search(reply) else "invalid"


def read(
    text: str, strict: Callable[[str], T | None], lax: Callable[[str], T | None], *, truncated: bool
) -> tuple[T | None, ReplyStatus]:
    """What a reply says, and its status should that not count. One that ran out of tokens is read strictly only."""
    reply, otherwise = unread(text, truncated=truncated)
    if reply is None:
        return None, otherwise
    found = strict(reply)
    return lax(reply) if found is None and not truncated else found, otherwise


def settled(choice: int | None, otherwise: ReplyStatus) -> Parsed:
    """The answer with this index, or why there is none."""
    return Parsed(otherwise) if choice is None else Parsed("valid", choice)


def first_line(reply: str, alone: Callable[[str], T | None], *, truncated: bool) -> T | None:
    """What the first line says and nothing else (`alone`), where no other line says otherwise or takes it back."""
    readings = [alone(line) for line in written_lines(reply, truncated=truncated)]
    if not readings or readings[0] is None or retracted(reply.partition("\n")[2]):
        return None
    return agreed(reading for reading in readings if reading is not None)


def lax(declared: Sequence[Said[T]], marked: Sequence[Said[T]], fallback: Callable[[], Said[T] | None]) -> T | None:
    """What is declared, otherwise marked, otherwise found by `fallback`. What is declared must be among the marks."""
    last = None if declared or marked else fallback()
    said = declared or marked or ([] if last is None else [last])
    value = agreed(one.value for one in said)
    if value is None or retracted(said[-1].after):
        return None
    marks = {one.value for one in marked} or {value}
    return value if value in marks else None


def marks(reply: str, inside: Callable[[re.Match[str]], Set[T | None]]) -> list[Said[T]]:
    """Answers in brackets, bold or boxed. `inside`: the answers in a mark (its text is group 1), None if unclear."""
    said: list[Said[T]] = []
    for match in _MARKED.finditer(reply):
        before, after = reply[: match.start()], reply[match.end() :]
        values = inside(match)
        if values:
            unclear = denied(before) or exampled(before) or unsettled(after)
            said.append(Said(None if unclear else agreed(values), after))
    return said


def agreed(values: Iterable[T | None]) -> T | None:
    """The one value of all; None where there is none, where they differ, or where one is unclear."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None


def written_lines(reply: str, *, truncated: bool) -> list[str]:
    """Lines that were written to their end."""
    lines = reply.split("\n")
    return [line for line in (lines[:-1] if truncated else lines) if line.strip()]


def plain_words(text: str, own: Set[str]) -> bool:
    """Whether a text is a few words that cannot change the number that stood among them: common ones, or `own`."""
    words = re.findall(r"[^\W_]+(?:['-][^\W_]+)*", text.casefold())
    return len(words) < 6 and set(words) <= _PLAIN | own and not odd(text)


def odd(text: str) -> bool:
    """Whether what is around a number has signs that change it: "45?", "> 45", "45+", "40/50"."""
    return bool(re.search(r"[?<>≥≤≠±×÷^~/–—-]|\+\W*$", re.sub(r"<\W*>", "", text)))


_MARKED = re.compile(r"(?:\[|\*\*|\\boxed\{)([^\[\]*{}]{1,90})(?:\]|\*\*|\})")
_PLAIN = frozenset(
    (  # noqa: SIM905
        "a an the i i'd i'll it it's its is be that's so ok okay yes sure well would will my here of with by say choose"
        " pick select go for answer response reply result number value amount choice final formatted definitely exactly"
        " precisely probably simply just please points point tokens token dollars dollar euros antwort ist es sind ich"
        " würde sage réponse est je dirais respuesta es yo diría risposta è direi resposta eu diria ответ"
    ).split()
)
_THINKING = r"(?:think|thinking|thought|reasoning)"
_REFUSAL = re.compile(
    r"\b(?:as an? (?:AI|artificial|language)|I(?:'m| am) (?:just )?an? (?:AI|language)|I (?:can ?not|can't|won't|will not)"  # noqa: E501
    r"|I(?:'m| am)(?: afraid)? (?:not able|unable|not comfortable|sorry)|I (?:must |have to |respectfully )?(?:decline|refuse)"  # noqa: E501
    r"|(?:do not|don't) have (?:any )?(?:personal )?(?:preference|opinion|feeling)"
    r"|no puedo|lo siento|je ne peux pas|je suis désolé|ich kann (?:das |leider )?nicht|non posso|não posso)"
    r"|无法|不能|抱歉|できません",
    re.IGNORECASE,
)


def _visible(text: str) -> str | None:
    """The reply without what was thought first; None where the thinking never ends."""
    text = text.replace("’", "'").replace("\u00a0", " ")
    text = re.split(rf"</{_THINKING}>", text, flags=re.IGNORECASE)[-1]
    return None if re.search(rf"<{_THINKING}>", text, re.IGNORECASE) else text.strip()
