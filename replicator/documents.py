"""JSON documents written by people: read with care, checked against a schema, every fault at its place.

Specifications, wordings, references and mappings all come through here.
"""

from __future__ import annotations

import difflib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from replicator.errors import Fault, SpecError

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

SIZE_LIMIT = 500_000
"""Bytes of a document; the longest shipped one has some 20,000."""
DEPTH_LIMIT = 20
LENGTH_LIMIT = 2_000
"""Entries of one list or object."""
FAULT_LIMIT = 100
"""Faults shown at once."""

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
        with Path(path).open("rb") as stream:
            data = stream.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unreadable(file, f"cannot be read: {reason}.", "Give the path of a JSON file.") from None
    if len(data) > SIZE_LIMIT:
        remedy = f"At most {SIZE_LIMIT // 1000} kB are read."
        raise _unreadable(file, "the file is too large.", remedy)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 text (byte {error.start})."
        raise _unreadable(file, problem, "Save the file as UTF-8.") from None
    return parse(text, file)


def parse(text: str, file: str) -> Document:
    """The document in `text`. Raises SpecError if it is not JSON, or nested absurdly deep."""
    try:
        value = json.loads(text, object_pairs_hook=_Object, parse_int=_whole, parse_constant=_constant)
    except json.JSONDecodeError as error:
        problem = f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        remedy = "Look for a comma, quotation mark or bracket missing or too many just before that place."
        raise _unreadable(file, problem, remedy) from None
    except RecursionError:
        raise _unreadable(file, "is nested too deep.", f"At most {DEPTH_LIMIT} levels are read.") from None
    return Document(file, text, value, tuple(_walk_faults(value, file)))


def schema_faults(document: Document, schema: Mapping[str, Any]) -> list[PlacedFault]:
    """Every place at which a document is not what its JSON Schema says, in the document's order."""
    from jsonschema import Draft202012Validator  # slow to import, and not needed for `--help`

    errors = Draft202012Validator(schema).iter_errors(document.value)
    found = [fault for error in errors for fault in _in_words(error, document.file)]
    misspelt = {fault.steps[:-1]: fault.suggestion for fault in found if fault.suggestion}
    meant = {(*fault.steps[:-1], fault.suggestion) for fault in found if fault.suggestion}
    return [
        replace(fault, told=False)
        if (fault.kind == "missing" and fault.steps in meant) or (fault.kind == "lacking" and fault.steps in misspelt)
        else fault
        for fault in found
    ]


def shortened(faults: Sequence[Fault]) -> list[Fault]:
    """The first hundred faults, each once, with a last line that counts the others."""
    unique = list(dict.fromkeys(faults))
    if len(unique) <= FAULT_LIMIT:
        return unique
    more = len(unique) - FAULT_LIMIT
    return [*unique[:FAULT_LIMIT], Fault(unique[0].file, "", f"{more} more faults are not shown.", "")]


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
    shown = ", ".join(choices[:20]) + (", ..." if len(choices) > 20 else "")
    return f"Known: {shown}."


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


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
            raise _unreadable(file, "is nested too deep.", f"At most {DEPTH_LIMIT} levels are read.")
        if isinstance(node, _Object):
            for key in node.duplicates:
                yield _fault(file, (*steps, key), f'the key "{key}" is written twice.', "Keep one of them.")
        if not _is_text(node) or (isinstance(node, dict) and not all(map(_is_text, node))):
            problem = "has half a character (a lone \\uD800 to \\uDFFF)."
            raise _unreadable(file, problem, "Write the whole character.")
        if isinstance(node, float) and not math.isfinite(node):
            yield _fault(file, steps, "is not a finite number.", "Write a finite number.")
        if isinstance(node, dict | list):
            if len(node) > LENGTH_LIMIT:
                problem = f"{pointer(steps) or 'the document'} has {len(node)} entries."
                raise _unreadable(file, problem, f"At most {LENGTH_LIMIT} are read.")
            children = list(node.items() if isinstance(node, dict) else enumerate(node))
            waiting.extend(((*steps, step), child) for step, child in reversed(children))


def _is_text(node: object) -> bool:
    return not isinstance(node, str) or not any("\ud800" <= character <= "\udfff" for character in node)


def _unreadable(file: str, problem: str, remedy: str) -> SpecError:
    return SpecError([Fault(file, "", problem, remedy)])


# From the validator's errors to words

_KINDS = {
    "object": "an object", "array": "a list", "string": "text", "number": "a number",
    "integer": "a whole number", "boolean": "true or false", "null": "null",
}  # fmt: skip


def _in_words(error: ValidationError, file: str) -> Iterator[PlacedFault]:
    steps: Steps = tuple(error.absolute_path)
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    about = str(schema.get("description", ""))
    value: Any = error.instance
    rule: Any = error.validator_value
    if "propertyNames" in error.absolute_schema_path:
        yield _fault(file, (*steps, value), f"{excerpt(value)} cannot be a name here.", about)
        return
    match error.validator:
        case "required":
            for key in rule:
                if key not in value and error.message.startswith(f"'{key}'"):
                    about = str(schema.get("properties", {}).get(key, {}).get("description", ""))
                    missing = _fault(file, (*steps, key), f'the key "{key}" is missing.', about)
                    yield replace(missing, kind="missing")
        case "additionalProperties":
            known = list(schema.get("properties", {}))
            for key in value:
                if key not in known:
                    yield _unknown(file, (*steps, key), key, [name for name in known if name not in value])
        case "type":
            wanted = " or ".join(_KINDS[kind] for kind in ([rule] if isinstance(rule, str) else rule))
            yield _fault(file, steps, f"{excerpt(value)} is not {wanted}.", about)
        case "enum":
            remedy = did_you_mean(str(value), map(str, rule))
            yield _fault(file, steps, f"{excerpt(value)} is not allowed here.", remedy)
        case "pattern":
            yield _fault(file, steps, f"{excerpt(value)} does not have the right form.", about)
        case "uniqueItems":
            yield _fault(file, steps, f"{excerpt(value)} has an entry twice.", "Write each entry once.")
        case "anyOf" | "oneOf":
            yield replace(_fault(file, steps, "lacks what is needed here.", about), kind="lacking")
        case _:
            yield _fault(file, steps, f"{_limit_in_words(error)}.", about)


def _unknown(file: str, steps: Steps, key: str, absent: Sequence[str]) -> PlacedFault:
    close = closest(key, absent)
    remedy = did_you_mean(key, absent) if absent else "Take it out."
    return replace(_fault(file, steps, f'unknown key "{key}".', remedy), kind="unknown", suggestion=close)


def _limit_in_words(error: ValidationError) -> str:
    value, rule = excerpt(error.instance), error.validator_value
    words = {
        "minItems": f"has fewer than {rule} entries",
        "maxItems": f"has more than {rule} entries",
        "minProperties": f"has fewer than {rule} entries",
        "maxProperties": f"has more than {rule} entries",
        "minLength": "is empty" if rule == 1 else f"is shorter than {rule} characters",
        "maxLength": f"is longer than {rule} characters",
        "minimum": f"is less than {rule}",
        "maximum": f"is more than {rule}",
        "exclusiveMinimum": f"is not more than {rule}",
        "exclusiveMaximum": f"is not less than {rule}",
    }
    return f"{value} {words[error.validator]}" if error.validator in words else error.message


def _fault(file: str, steps: Steps, problem: str, remedy: str) -> PlacedFault:
    return PlacedFault(Fault(file, pointer(steps), problem, remedy), steps)
