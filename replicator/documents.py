"""JSON documents written by people: read with care, every fault at its place (see also `schema_faults`).

Specifications, wordings, references and mappings all come through here.
"""

from __future__ import annotations

import difflib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from replicator import files
from replicator.errors import DataError, Fault, SpecError

SIZE_LIMIT = 500_000
"""Bytes of a document; the longest shipped one has some 20,000."""
DEPTH_LIMIT = 20
LENGTH_LIMIT = 2_000
"""Entries of one list or object."""
FAULT_LIMIT = 100
"""Faults shown at once."""
KNOWN_LIMIT = 20
"""Known words shown where an unknown one resembles none of them."""

Steps = tuple[str | int, ...]
"""A place in a document: keys and list positions from the top."""


@dataclass(frozen=True)
class PlacedFault:
    """A fault with its place as steps, so that what stands beside it can still be judged."""

    fault: Fault
    steps: Steps
    """Where; a missing key's own place, not its parent's."""
    kind: Literal["missing", "unknown", "lacking", "other"] = "other"
    """"unknown": a key too many, the rest can be read without it; "lacking": none of several needed keys."""
    suggestion: str | None = None
    """The key that an unknown one was probably meant to be."""
    told: bool = True
    """False where another fault already says it: a misspelt key is not also a missing one."""


@dataclass(frozen=True)
class Document:
    file: str
    """The path as the user gave it."""
    text: str
    value: Any
    faults: tuple[PlacedFault, ...]
    """Duplicate keys, and numbers that are not finite."""


def read(path: Path | str) -> Document:
    """Read a JSON document. Raises SpecError if it cannot be read as one at all."""
    file = str(path)
    try:
        with files.explained(Path(path), reading=True), Path(path).open("rb") as stream:
            data = stream.read(SIZE_LIMIT + 1)
    except DataError as error:
        raise _unreadable(file, error.problem, error.remedy or "") from None
    except ValueError:  # a null character in the path
        raise _unreadable(file, "this cannot be the name of a file.", "Check the path.") from None
    if len(data) > SIZE_LIMIT:
        remedy = f"At most {SIZE_LIMIT // 1000} kB are read."
        raise _unreadable(file, "it is too large.", remedy)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"it is not UTF-8 text (byte {error.start})."
        raise _unreadable(file, problem, "Save it as UTF-8.") from None
    return parse(text, file)


def parse(text: str, file: str) -> Document:
    """The document in `text`. Raises SpecError if it is not JSON, or nested absurdly deep."""
    if not text.strip():
        raise _unreadable(file, "it is empty.", "Write a JSON object, beginning with {.")
    try:
        value = json.loads(text, object_pairs_hook=_Object, parse_int=_whole, parse_constant=_constant)
    except json.JSONDecodeError as error:
        problem = f"it is not JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        remedy = "Look for a comma, quotation mark or bracket missing or too many just before that place."
        raise _unreadable(file, problem, remedy) from None
    except RecursionError:
        raise _unreadable(file, "it is nested too deep.", f"At most {DEPTH_LIMIT} levels are read.") from None
    return Document(file, text, value, tuple(_walk_faults(value, file)))


def shortened(faults: Sequence[Fault]) -> list[Fault]:
    """The first hundred faults, each once, with a last line that counts the others."""
    unique = list(dict.fromkeys(faults))
    if len(unique) <= FAULT_LIMIT:
        return unique
    more = len(unique) - FAULT_LIMIT
    return [*unique[:FAULT_LIMIT], Fault(unique[0].file, "", f"{more} more faults are not shown.", "")]


def placed(file: str, steps: Steps, problem: str, remedy: str) -> PlacedFault:
    return PlacedFault(Fault(file, pointer(steps), problem, remedy), steps)


def pointer(steps: Iterable[str | int]) -> str:
    """JSON pointer (RFC 6901) to a place."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "Did you mean "x"?" where something known is close, and otherwise what is known."""
    choices = sorted(known)
    close = closest(word, choices)
    if close:
        return f'Did you mean "{close}"?'
    if not choices:
        return "None is known."
    more = f" and {len(choices) - KNOWN_LIMIT} more" if len(choices) > KNOWN_LIMIT else ""
    return f"Known: {', '.join(choices[:KNOWN_LIMIT])}{more}."


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def listed(words: Sequence[str], conjunction: str = "and", *, quoted: bool = True) -> str:
    """`"a", "b" and "c"`."""
    some = [f'"{word}"' for word in words] if quoted else list(words)
    return f" {conjunction} ".join(filter(None, (", ".join(some[:-1]), *some[-1:])))


def excerpt(value: object, limit: int = 60) -> str:
    """A value as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[: limit - 3] + "..."


# Reading


class _Object(dict[str, Any]):
    """A JSON object that remembers which keys were written twice."""

    def __init__(self, pairs: Sequence[tuple[str, Any]] = ()) -> None:
        super().__init__(pairs)
        self.duplicates = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]


def _whole(digits: str) -> int | float:
    """Exact up to 15 digits, beyond which an amount is a mistake or a very large float."""
    return int(digits) if len(digits) <= 16 else float(digits)


def _constant(word: str) -> float:
    return float(word.replace("Infinity", "inf"))


def _walk_faults(value: Any, file: str) -> Iterator[PlacedFault]:
    waiting: list[tuple[Steps, Any]] = [((), value)]
    while waiting:
        steps, node = waiting.pop()
        if len(steps) > DEPTH_LIMIT:
            raise _unreadable(file, "it is nested too deep.", f"At most {DEPTH_LIMIT} levels are read.")
        if isinstance(node, _Object):
            for key in node.duplicates:
                yield placed(file, (*steps, key), f'the key "{key}" is written twice.', "Keep one of them.")
        if not _is_text(node) or (isinstance(node, dict) and not all(map(_is_text, node))):
            problem = "it has half a character (a lone \\uD800 to \\uDFFF)."
            raise _unreadable(file, problem, "Write the whole character.")
        if isinstance(node, float) and not math.isfinite(node):
            yield placed(file, steps, "the number is not finite.", "Write a finite number.")
        if isinstance(node, dict | list):
            if len(node) > LENGTH_LIMIT:
                problem = f"{pointer(steps) or 'it'} has {len(node)} entries."
                raise _unreadable(file, problem, f"At most {LENGTH_LIMIT} are read.")
            children = list(node.items() if isinstance(node, dict) else enumerate(node))
            waiting.extend(((*steps, step), child) for step, child in reversed(children))


def _is_text(node: object) -> bool:
    return not isinstance(node, str) or not any("\ud800" <= character <= "\udfff" for character in node)


def _unreadable(file: str, problem: str, remedy: str) -> SpecError:
    return SpecError([Fault(file, "", problem, remedy)])
