"""A planned contrast: an option, a factor and two of its levels that the experiment has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from replicator.documents import Steps, did_you_mean, excerpt, listed
from replicator.errors import Fault
from replicator.experiment import format_value
from replicator.validation.draft import Draft, kind

KEYS = ("option", "factor", "levels", "anchors")
"""Keys of a planned fit that contrasts alone have."""


def faults(draft: Draft, place: Steps, fit: Mapping[str, Any]) -> Iterator[Fault]:
    """What a contrast names that the experiment has not; `fit` are the keys that can be judged."""
    from replicator.theories.contrast import PARAMETERS

    if draft.response is None:
        return
    if draft.response not in PARAMETERS:
        problem = f'the theory "contrast" does not speak about answers of type "{draft.response}".'
        yield draft.fault((*place, "theory"), problem, f"It compares answers of type {listed(list(PARAMETERS), 'or')}.")
        return
    anchored = "anchors" in fit or all(kind(level) == "number" for level in fit.get("levels", [""]))
    names = [p.name for p in PARAMETERS[draft.response] if anchored or p.name != "anchoring_index"]
    if fit.get("parameter", names[0]) not in names:
        problem = f'a contrast of answers of type "{draft.response}" has no parameter {excerpt(fit["parameter"])}.'
        yield draft.fault((*place, "parameter"), problem, did_you_mean(str(fit["parameter"]), names))
    if fit.get("noise", "none") != "none":
        yield draft.fault((*place, "noise"), f"a contrast has no noise {excerpt(fit['noise'])}.", 'Write "none".')
    yield from _option(draft, place, fit)
    yield from _levels(draft, place, fit)
    yield from _anchors(draft, place, fit)


def foreign(draft: Draft, place: Steps, theory: str) -> Iterator[Fault]:
    """Keys of contrasts in the fit of another theory."""
    for key in draft.keys(*place):
        if key in KEYS:
            problem = f'"{key}" belongs to contrasts, and the theory is "{theory}".'
            yield draft.fault((*place, key), problem, 'Take it out, or name the theory "contrast".')


def _option(draft: Draft, place: Steps, fit: Mapping[str, Any]) -> Iterator[Fault]:
    options = draft.keys("options")
    if draft.response != "choice":
        if "option" in fit:
            problem = f'answers of type "{draft.response}" have no options to count.'
            yield draft.fault((*place, "option"), problem, "Take it out: the answers themselves are compared.")
    elif "option" not in draft.keys(*place):
        problem = "it does not say which option's share is compared."
        yield draft.fault(place, problem, f'Add "option": {listed(options, "or")}.')
    elif "option" in fit and fit["option"] not in options:
        problem = f'no option is called "{fit["option"]}".'
        yield draft.fault((*place, "option"), problem, did_you_mean(fit["option"], options))


def _levels(draft: Draft, place: Steps, fit: Mapping[str, Any]) -> Iterator[Fault]:
    if "factor" not in fit:
        return
    factors = draft.keys("factors")
    if fit["factor"] not in factors:
        problem = f'no factor is called "{fit["factor"]}".'
        remedy = did_you_mean(fit["factor"], factors) if factors else 'Declare it under "factors".'
        yield draft.fault((*place, "factor"), problem, remedy)
        return
    factor = draft.get("factors", fit["factor"])
    if factor is None:
        return
    if factor.get("role") == "nuisance":
        problem = f'the factor "{fit["factor"]}" is a nuisance, whose effect is a confound and no finding.'
        yield draft.fault((*place, "factor"), problem, 'Name a factor whose role is "treatment".')
    known, run = factor["levels"], factor.get("default", factor["levels"])
    for position, level in enumerate(fit.get("levels", ())):
        steps = (*place, "levels", position)
        said = format_value(level)
        if not _among(level, known):
            problem = f'the factor "{fit["factor"]}" has no level {excerpt(level)}.'
            yield draft.fault(steps, problem, f"Its levels are {listed([format_value(one) for one in known])}.")
        elif not _among(level, run):
            problem = f'the level "{said}" is not run unless it is asked for.'
            yield draft.fault(steps, problem, f'Add it to the default levels of "{fit["factor"]}".')


def _anchors(draft: Draft, place: Steps, fit: Mapping[str, Any]) -> Iterator[Fault]:
    if "anchors" not in fit:
        return
    if draft.response not in ("number", "amount"):
        problem = f'answers of type "{draft.response}" have no anchors.'
        yield draft.fault((*place, "anchors"), problem, "Take them out.")
        return
    for position, name in enumerate(fit["anchors"]):
        steps = (*place, "anchors", position)
        if name not in draft.variables:
            problem = f'no item variable is called "{name}".'
            yield draft.fault(steps, problem, did_you_mean(name, sorted(draft.variables)))
        elif any(kind(item[name]) != "number" for _, item in draft.entries("items") if name in item):
            yield draft.fault(steps, f'the item variable "{name}" is not a number.', "Anchors are numbers.")
    first, second = fit["anchors"]
    for position, item in draft.entries("items"):
        if first in item and second in item and item[first] == item[second]:
            problem = f"the two anchors of item {item['id']} are the same number."
            yield draft.fault(("items", position, second), problem, "Give it another one.")


def _among(level: Any, levels: Any) -> bool:
    return any(kind(level) == kind(one) and level == one for one in levels)
