"""A specification that may still be wrong: what of it can be judged, and the cells of its design.

The schema is checked first. A place with a structural fault, and what lies above and below it, is left out of
all further checks; everything else is judged in full, so that one fault does not hide another.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from replicator.documents import Steps, pointer
from replicator.errors import Fault
from replicator.experiment import Value, format_value

CELL_LIMIT = 50_000
"""Cells (items x factor levels) in which one option's numbers may differ."""


@dataclass(frozen=True)
class Draft:
    """A specification's document with the places of its structural faults."""

    file: str
    document: Mapping[str, Any]
    unsound: frozenset[Steps]

    def sound(self, *steps: str | int) -> bool:
        """Whether nothing is structurally wrong at, above or below a place."""
        return not any(fault[: len(steps)] == steps[: len(fault)] for fault in self.unsound)

    def raw(self, *steps: str | int) -> Any:
        """The value at a place, sound or not; None where there is none."""
        node: Any = self.document
        for step in steps:
            if isinstance(node, Mapping):
                node = node.get(step)
            elif isinstance(node, list) and isinstance(step, int) and step < len(node):
                node = node[step]
            else:
                return None
        return node

    def get(self, *steps: str | int, default: Any = None) -> Any:
        """The value at a sound place; `default` where there is none."""
        node = self.raw(*steps) if self.sound(*steps) else None
        return default if node is None else node

    def entries(self, *steps: str | int) -> Iterator[tuple[Any, Any]]:
        """Sound entries of an object (key, value) or list (position, value), even if others are unsound."""
        node = self.raw(*steps)
        pairs: Iterable[tuple[Any, Any]] = ()
        if isinstance(node, Mapping):
            pairs = node.items()
        elif isinstance(node, list):
            pairs = enumerate(node)
        return ((step, value) for step, value in pairs if self.sound(*steps, step))

    def keys(self, *steps: str | int) -> list[str]:
        """Every key of an object, sound or not."""
        node = self.raw(*steps)
        return list(node) if isinstance(node, Mapping) else []

    def unknown(self, names: Set[str], allowed: Set[str]) -> list[str]:
        """Which names are not allowed; none while it is unclear what the items and factors are."""
        unclear = not self.unsound.isdisjoint({("items",), ("factors",)})
        return [] if unclear else sorted(names - allowed)

    def fault(self, steps: Iterable[str | int], problem: str, remedy: str = "") -> Fault:
        return Fault(self.file, pointer(steps), problem, remedy)

    @property
    def response(self) -> str | None:
        """ "choice" or "amount", where that much is clear."""
        kind = self.raw("response", "type")
        return kind if kind in ("choice", "amount") else None

    @property
    def variables(self) -> frozenset[str]:
        """Names of item variables."""
        items = self.raw("items")
        count = len(items) if isinstance(items, list) else 0
        return frozenset(name for position in range(count) for name in self.keys("items", position)) - {"id"}

    @property
    def names(self) -> frozenset[str]:
        """Names that expressions and templates may use: item variables and factors."""
        return self.variables | frozenset(self.keys("factors"))


@dataclass(frozen=True)
class Cell:
    """One item in one treatment, as far as some names go."""

    where: str
    """In words: "item row-1, stakes = 20"."""
    variables: Mapping[str, Value]


def cells(draft: Draft, names: frozenset[str]) -> list[Cell] | None:
    """Cells that differ in `names`, in the document's order; None if there are too many.

    An item that lacks one of the names is left out: that is a fault of its own.
    """
    levels = {name: factor["levels"] for name, factor in draft.entries("factors") if name in names}
    wanted = names & draft.variables
    items = [item for _, item in draft.entries("items") if wanted <= item.keys()]
    distinct = {tuple((name, item[name]) for name in sorted(wanted)): item for item in reversed(items)}
    if len(distinct) * math.prod(len(values) for values in levels.values()) > CELL_LIMIT:
        return None
    return [
        _cell(item, dict(zip(levels, combination, strict=True)))
        for item in reversed(distinct.values())
        for combination in itertools.product(*levels.values())
    ]


def _cell(item: Mapping[str, Any], levels: Mapping[str, Value]) -> Cell:
    treatment = "".join(f", {name} = {format_value(value)}" for name, value in levels.items())
    return Cell(f"item {item['id']}{treatment}", {**item, **levels})
