"""Behavioural theories as pure functions. Adding one is one file and one entry here."""

from __future__ import annotations

from collections.abc import Mapping

from replicator.errors import UsageError
from replicator.theories.crra import CRRA
from replicator.theories.giving import GIVING
from replicator.theories.loss_aversion import LINEAR, POWER
from replicator.theories.theory import Parameter, Prior, Stimuli, Theory

THEORIES: Mapping[str, Theory] = {theory.name: theory for theory in (CRRA, LINEAR, POWER, GIVING)}

__all__ = ["THEORIES", "Parameter", "Prior", "Stimuli", "Theory", "get"]


def get(name: str) -> Theory:
    """The theory called `name`. Raises UsageError for an unknown one."""
    try:
        return THEORIES[name]
    except KeyError:
        raise UsageError(f'unknown theory "{name}".', remedy=f"Known: {', '.join(THEORIES)}.") from None
