"""Which human references speak of a theory."""

from __future__ import annotations

from replicator.references import references
from replicator.theories.theory import Theory


def speaking_of(theory: Theory) -> tuple[str, ...]:
    """Ids of the references that a theory's estimates can be held against: those made with it, those of one of its
    parameters that name no theory, and those that it names itself."""
    return tuple(
        reference.id
        for reference in references().values()
        if reference.theory == theory.name
        or (reference.theory is None and reference.parameter in theory.parameter_names)
        or reference.id in theory.humans
    )
