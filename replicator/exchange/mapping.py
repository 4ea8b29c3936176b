"""How a file's columns map onto the table of choices: from options or from JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from replicator import documents, resources
from replicator.amounts import format_amount
from replicator.errors import MappingError, SpecError
from replicator.expression import Expression, ExpressionError, parse
from replicator.schema_faults import schema_faults

TARGETS = (
    "value", "subject", "model", "item", "wording", "labels", "order", "session", "group", "role", "round",
)  # fmt: skip
"""Columns of the table that a file's columns may be mapped onto, besides `FAMILIES`."""

FAMILIES = ("stimulus", "factor", "attribute")
"""Targets written FAMILY.NAME, such as stimulus.gain."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Mapping:
    """Where every column of the table comes from, and which rows of the file are meant."""

    map: Map[str, str]
    """Target -> column of the file."""
    values: Map[str, str] = field(default_factory=dict)
    """What stands in the file -> the option (or the number) that it means, both as `normal` spells them."""
    where: Expression | None = None
    """True for the rows to import."""
    derive: Map[str, Expression] = field(default_factory=dict)
    """Target -> expression over the file's columns."""
    population: Literal["human", "model"] = "human"
    model: str | None = None
    """The population's name; None: named after the file."""

    @property
    def document(self) -> dict[str, Any]:
        """The mapping as JSON, in one spelling: part of what makes an imported run the run it is."""
        return {
            "map": dict(sorted(self.map.items())),
            "values": dict(sorted(self.values.items())),
            "where": None if self.where is None else self.where.text,
            "derive": {target: expression.text for target, expression in sorted(self.derive.items())},
            "population": self.population,
            "model": self.model,
        }

    def targets(self, family: str) -> tuple[str, ...]:
        """Names of a family that are mapped or derived: `targets("stimulus")` -> ("gain", "loss")."""
        prefix = f"{family}."
        return tuple(name.removeprefix(prefix) for name in (*self.map, *self.derive) if name.startswith(prefix))

    def has(self, target: str) -> bool:
        return target in self.map or target in self.derive


def read_options(
    *,
    file: Path | None = None,
    map: Iterable[str] = (),  # noqa: A002 - the option's name
    values: Iterable[str] = (),
    where: str | None = None,
    derive: Iterable[str] = (),
    population: Literal["human", "model"] | None = None,
    model: str | None = None,
) -> Mapping:
    """A mapping from the command line: TARGET=COLUMN, WORD=OPTION[,...], TARGET=EXPRESSION.

    A JSON file may hold the same; an option given as well overrides it.

    Raises MappingError (or SpecError for the file, with every fault) where one cannot be meant.
    """
    document = {} if file is None else _document(file)
    given: dict[str, Any] = {
        "map": {**document.get("map", {}), **_pairs(map, "--map", "TARGET=COLUMN")},
        "derive": {**document.get("derive", {}), **_pairs(derive, "--derive", "TARGET=EXPRESSION")},
        "values": {**document.get("values", {}), **_pairs(_split(values), "--values", "1=accept,0=reject")},
        "where": where if where is not None else document.get("where"),
        "population": population or document.get("population") or "human",
        "model": model or document.get("model"),
    }
    return from_document(given)


def from_document(document: Map[str, Any]) -> Mapping:
    """A mapping from a JSON document that the schema has accepted. Raises MappingError."""
    columns, derived = dict(document.get("map", {})), document.get("derive", {})
    for option, targets in (("--map", columns), ("--derive", derived)):
        for target in targets:
            _check_target(target, option)
    both = sorted(set(columns) & set(derived))
    if both:
        raise MappingError(f"{both[0]} is mapped and derived.", remedy="Keep --map or --derive for it.")
    if "value" not in columns and "value" not in derived:
        raise MappingError(
            "no column holds the choices.",
            where="--map",
            remedy="Add --map value=COLUMN for the chosen option or amount.",
        )
    where = document.get("where")
    return Mapping(
        map=columns,
        values={normal(word): normal(meaning) for word, meaning in document.get("values", {}).items()},
        where=None if where is None else _expression(where, "--where"),
        derive={target: _expression(text, f"--derive {target}") for target, text in derived.items()},
        population=document.get("population", "human"),
        model=document.get("model"),
    )


def normal(word: str | float) -> str:
    """A word or number in one spelling: "1", "1.0", " 1 " and 1 are "1"."""
    text = str(word).strip()
    return format_amount(float(text)) if _NUMBER.fullmatch(text) else text


def _document(file: Path) -> dict[str, Any]:
    document = documents.read(file)
    found = [*document.faults, *schema_faults(document, resources.schema("mapping"))]
    faults = [fault.fault for fault in found if fault.told]
    if faults:
        raise SpecError(documents.shortened(faults))
    return dict(document.value)


def _known_targets() -> str:
    return f"Targets are {', '.join(TARGETS)} and {', '.join(f'{family}.NAME' for family in FAMILIES)}."


def _check_target(target: str, option: str) -> None:
    family, dot, name = target.partition(".")
    if target in TARGETS or (dot and family in FAMILIES and name.isidentifier()):
        return
    close = documents.closest(target, TARGETS)
    hint = f"Did you mean {close}? " if close else ""
    raise MappingError(f"there is no target {target!r}.", where=option, remedy=hint + _known_targets())


def _split(texts: Iterable[str]) -> list[str]:
    return [part for text in texts for part in text.split(",") if part.strip()]


def _pairs(texts: Iterable[str], option: str, example: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise MappingError(f"{text!r} is not of the form {example}.", where=option)
        if name in pairs:
            raise MappingError(f"{name} is given twice.", where=option, remedy="Keep one of them.")
        pairs[name] = value
    return pairs


def _expression(text: str | float, where: str) -> Expression:
    try:
        return parse(text)
    except ExpressionError as error:
        raise MappingError(error.problem, where=where, remedy=error.remedy) from None
