"""Structure: what the schema says, and what is reserved for later versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from replicator import resources
from replicator.documents import Document, Steps, listed, pointer
from replicator.errors import Fault
from replicator.schema_faults import schema_faults
from replicator.validation.draft import Draft
from replicator.validation.kinds import KINDS

RESERVED_KEYS = ("players", "rounds", "feedback")
RESERVED_RESPONSES = ("belief",)


def examine(document: Document) -> tuple[Draft, list[Fault]]:
    """A draft that knows its unsound places, and the faults found there."""
    reserved = dict(_reserved(document))
    found = [
        fault
        for fault in (*document.faults, *schema_faults(document, resources.schema("experiment")))
        if not any(fault.steps[: len(steps)] == steps for steps in _silenced(reserved))
    ]
    unsound = {fault.steps for fault in found if fault.kind != "unknown"}
    unsound |= {(*fault.steps[:-1], fault.suggestion) for fault in found if fault.suggestion}
    unsound |= set(_silenced(reserved))
    value = document.value if isinstance(document.value, Mapping) else {}
    faults = [*reserved.values(), *(fault.fault for fault in found if fault.told)]
    return Draft(document.file, value, frozenset(unsound)), faults


def _silenced(reserved: Mapping[Steps, Fault]) -> Iterator[Steps]:
    """Places below which a reserved feature makes further faults meaningless."""
    for steps in reserved:
        yield steps if len(steps) == 1 else steps[:-1]


def _reserved(document: Document) -> Iterator[tuple[Steps, Fault]]:
    draft = Draft(document.file, document.value if isinstance(document.value, Mapping) else {}, frozenset())
    for key in RESERVED_KEYS:
        if key in draft.document:
            yield (key,), _later(draft, (key,), f'"{key}"', "Describe single decisions of one participant.")
    kind = draft.raw("response", "type")
    if kind in RESERVED_RESPONSES:
        remedy = f"The types are {listed(list(KINDS))}."
        yield ("response", "type"), _later(draft, ("response", "type"), f'the response type "{kind}"', remedy)


def _later(draft: Draft, steps: Steps, what: str, remedy: str) -> Fault:
    return Fault(draft.file, pointer(steps), f"{what} is not supported yet by this version.", remedy)
