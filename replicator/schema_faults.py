"""Where a document is not what its JSON Schema says, in words: what is wrong there, and what would be right.

What would be right is written from the schema itself: the shape that it asks for and its description. A
description therefore says what stands at a place, as a noun phrase: "Year of publication."
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from replicator.documents import Document, PlacedFault, Steps, closest, excerpt, listed, placed

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

Schema = Mapping[str, Any]


def schema_faults(document: Document, schema: Schema) -> list[PlacedFault]:
    """Every place at which a document is not what its JSON Schema says, in the document's order."""
    from jsonschema import Draft202012Validator  # slow to import, and not needed for `--help`

    errors = Draft202012Validator(schema).iter_errors(document.value)
    found = [fault for error in errors for fault in _Words(document.file, schema).of(error)]
    misspelt = {fault.steps[:-1]: fault.suggestion for fault in found if fault.suggestion}
    meant = {(*fault.steps[:-1], fault.suggestion) for fault in found if fault.suggestion}
    return [
        replace(fault, told=False)
        if (fault.kind == "missing" and fault.steps in meant) or (fault.kind == "lacking" and fault.steps in misspelt)
        else fault
        for fault in found
    ]


class _Words:
    """From the validator's errors to words."""

    def __init__(self, file: str, root: Schema) -> None:
        self._file = file
        self._root = root

    def of(self, error: ValidationError) -> Iterator[PlacedFault]:
        steps: Steps = tuple(error.absolute_path)
        schema: Schema = error.schema if isinstance(error.schema, Mapping) else {}
        about = self._about(error)
        value: Any = error.instance
        if "propertyNames" in error.absolute_schema_path:
            remedy = f"Write {_lowered(about)}" if about else ""
            yield self._fault((*steps, value), f"{excerpt(value)} cannot be a name here.", remedy)
            return
        match error.validator:
            case "required":
                yield from self._missing(error, steps, schema)
            case "additionalProperties":
                yield from self._unknown(value, steps, list(schema.get("properties", {})))
            case "enum" | "const":
                yield self._fault(steps, f"{excerpt(value)} is not allowed here.", _allowed(value, schema))
            case "type":
                yield self._fault(steps, _not_of_type(value, _kinds(schema)), _right(schema, about))
            case "pattern":
                yield self._fault(steps, f"{excerpt(value)} does not have the right form.", _right(schema, about))
            case "uniqueItems":
                yield self._fault(steps, f"{excerpt(value)} has an entry twice.", "Write each entry once.")
            case "anyOf" | "oneOf":
                yield from self._alternatives(error, steps, about)
            case _:
                yield self._fault(steps, _limit_in_words(error), _right(schema, about))

    def _fault(self, steps: Steps, problem: str, remedy: str) -> PlacedFault:
        return placed(self._file, steps, problem, remedy)

    def _missing(self, error: ValidationError, steps: Steps, schema: Schema) -> Iterator[PlacedFault]:
        needed: Any = error.validator_value
        present: Any = error.instance
        for key in needed:
            if key not in present and error.message.startswith(f"'{key}'"):
                child = schema.get("properties", {}).get(key, {})
                about = child.get("description") or self._resolved(child).get("description", "")
                words = _shape_and(self._resolved(child), about)
                remedy = f"Add it as {words}." if words else "Add it."
                fault = self._fault((*steps, key), f'the key "{key}" is missing.', remedy)
                yield replace(fault, kind="missing")

    def _unknown(self, value: Mapping[str, Any], steps: Steps, known: Sequence[str]) -> Iterator[PlacedFault]:
        absent = [name for name in known if name not in value]
        for key in value:
            if key not in known:
                close = closest(key, absent)
                remedy = f'Did you mean "{close}"?' if close else f"Take it out; the keys here are {listed(known)}."
                fault = self._fault((*steps, key), f'unknown key "{key}".', remedy)
                yield replace(fault, kind="unknown", suggestion=close)

    def _alternatives(self, error: ValidationError, steps: Steps, about: str) -> Iterator[PlacedFault]:
        """Of several forms the one that was meant, told by its type; or what all of them ask for."""
        forms: dict[Any, list[ValidationError]] = {}
        for inner in error.context or ():
            forms.setdefault(inner.relative_schema_path[0], []).append(inner)
        of_type = [form for form in forms.values() if not any(_of_other_type(inner) for inner in form)]
        if not of_type:
            kinds = [kind for form in forms.values() for kind in _kinds(form[0].schema)]
            remedy = f"Write {_lowered(about)}" if about else f"Write {_joined(kinds)}."
            yield self._fault(steps, _not_of_type(error.instance, kinds), remedy)
        elif len(of_type) == 1:
            for inner in of_type[0]:
                yield from self.of(inner)
        else:
            needed: list[Any] = [inner.validator_value for form in of_type for inner in form]
            keys = [key for some in needed for key in some]
            fault = self._fault(steps, f"lacks {listed(keys, 'or')}.", about)
            yield replace(fault, kind="lacking")

    def _about(self, error: ValidationError) -> str:
        """The description of the place: what stands beside a reference goes before what it refers to."""
        path = list(error.absolute_schema_path)
        node: Any = self._root
        about = ""
        while path:
            about = about or str(node.get("description", ""))
            if path[0] not in node and "$ref" in node:
                node = self._resolved(node)
                continue
            keyword = path.pop(0)
            if not path:
                break
            child = node[keyword]
            if keyword in ("properties", "anyOf", "oneOf", "allOf"):
                child = child[path.pop(0)]
            if keyword in ("properties", "items", "additionalProperties", "propertyNames"):
                about = ""
            node = child
        return about

    def _resolved(self, schema: Schema) -> Schema:
        """What a reference inside the document refers to; the schema itself where it is none."""
        if "$ref" not in schema:
            return schema
        node: Any = self._root
        for step in str(schema["$ref"]).removeprefix("#/").split("/"):
            node = node[step]
        return self._resolved(node)


# Types

_KINDS = {
    "object": "an object", "array": "a list", "string": "text", "number": "a number",
    "integer": "a whole number", "boolean": "true or false", "null": "null",
}  # fmt: skip


def _kinds(schema: Any) -> list[str]:
    kind = schema.get("type", []) if isinstance(schema, Mapping) else []
    return [_KINDS[each] for each in ([kind] if isinstance(kind, str) else kind)]


def _joined(kinds: Sequence[str]) -> str:
    """ "a number, text, true or false"."""
    some = list(dict.fromkeys(kinds))
    return ", ".join(some) if some[-1] == _KINDS["boolean"] else listed(some, "or", quoted=False)


def _not_of_type(value: object, kinds: Sequence[str]) -> str:
    kind = {dict: "an object", list: "a list", str: "text", int: "a number", float: "a number"}.get(_type(value))
    if kind is None or (kind == _KINDS["number"] and _KINDS["integer"] in kinds):
        return f"{excerpt(value)} is not {_joined(kinds)}."
    return f"{excerpt(value)} is {kind}, not {_joined(kinds)}."


def _type(value: object) -> type:
    """The JSON type; the reader's own kind of object is an object."""
    return next((kind for kind in (bool, dict, list) if isinstance(value, kind)), type(value))


def _of_other_type(error: ValidationError) -> bool:
    return error.validator == "type" and not error.relative_path


# What would be right


def _right(schema: Schema, about: str) -> str:
    words = _shape_and(schema, about)
    return f"Write {words}." if words else ""


def _shape_and(schema: Schema, about: str) -> str:
    """`an object with "a" and "b": what it is for`, as far as the schema says."""
    shape = _shape(schema)
    words = _lowered(about).rstrip(".")
    if not shape or words.startswith(shape):
        return words
    return f"{shape}: {words}" if words else shape


def _shape(schema: Schema) -> str:
    if "enum" in schema:
        return listed([_json(value) for value in schema["enum"]], "or", quoted=False)
    kinds = _kinds(schema)
    needed = f" with {listed(schema['required'])}" if kinds == ["an object"] and schema.get("required") else ""
    return f"{_joined(kinds)}{needed}" if kinds else ""


def _allowed(value: object, schema: Schema) -> str:
    known = schema.get("enum", [schema.get("const")])
    close = closest(value, [word for word in known if isinstance(word, str)]) if isinstance(value, str) else None
    if close:
        return f'Did you mean "{close}"?'
    return f"Write {listed([_json(word) for word in known], 'or', quoted=False)}."


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _lowered(sentence: str) -> str:
    """A sentence that goes on after a colon; an abbreviation keeps its capitals."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]


def _limit_in_words(error: ValidationError) -> str:
    rule = error.validator_value
    words = {
        "minItems": "is empty" if rule == 1 else f"has fewer than {rule} entries",
        "maxItems": f"has more than {rule} entries",
        "minProperties": "is empty" if rule == 1 else f"has fewer than {rule} entries",
        "maxProperties": f"has more than {rule} entries",
        "minLength": "is empty" if rule == 1 else f"is shorter than {rule} characters",
        "maxLength": f"is longer than {rule} characters",
        "minimum": f"is less than {rule}",
        "maximum": f"is more than {rule}",
        "exclusiveMinimum": f"is not more than {rule}",
        "exclusiveMaximum": f"is not less than {rule}",
    }
    name = str(error.validator)
    return f"{excerpt(error.instance)} {words[name]}." if name in words else f"{error.message}."
