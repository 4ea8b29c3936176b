"""Everything that the schema cannot say about a specification, checked part by part.

`structure` finds what is not as the schema says; the other modules judge what is left of the draft.
"""

from __future__ import annotations

from replicator.documents import Document
from replicator.errors import Fault
from replicator.validation import grid, names, numbers, plan, structure, words
from replicator.validation.draft import Draft

__all__ = ["Draft", "examine"]


def examine(document: Document) -> tuple[Draft, list[Fault]]:
    """The draft of a specification and all its faults, save those of shared wordings."""
    draft, found = structure.examine(document)
    for part in (names, numbers, grid, words, plan):
        found.extend(part.faults(draft))
    found.extend(draft.unknown_names((*numbers.uses(draft), *words.uses(draft))))
    return draft, found
