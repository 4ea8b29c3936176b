"""Games: whether a theory can read the actions and the payoffs that a specification declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from replicator.documents import Steps
from replicator.errors import DataError, Fault
from replicator.experiment import Outcome
from replicator.validation.draft import Draft

if TYPE_CHECKING:
    from replicator.theories import Theory


def faults(draft: Draft, place: Steps, theory: Theory) -> Iterator[Fault]:
    """A payoff that is missing for a pair of actions, and games that the theory does not speak about."""
    from replicator.theories.stimuli import stimuli

    outcomes = [
        Outcome(
            name, 1.0, 1.0, 1.0, to=outcome.get("to", "self"), state=outcome.get("state"),
        )  # the amounts are judged elsewhere
        for name, option in draft.entries("options")
        for outcome in option.get("outcomes", [])
    ]  # fmt: skip
    try:
        arrays = stimuli([outcomes], draft.keys("options"))
    except DataError as error:
        yield draft.fault(("options",), f"{error.problem.rstrip('.')}.", error.remedy or "")
        return
    problem = None if theory.outside is None else theory.outside(arrays)
    if problem is not None:
        remedy = 'Give every outcome of a game the "state" in which it is paid, for "self" and for "other".'
        yield draft.fault(place, f'the theory "{theory.name}" {problem}.', remedy)
