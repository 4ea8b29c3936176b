"""The analysis plan: known theories that can read what the options give, and known references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from replicator.amounts import format_amount
from replicator.documents import Steps, closest, did_you_mean, listed
from replicator.errors import Fault
from replicator.validation import contrast, games
from replicator.validation.draft import Draft
from replicator.validation.numbers import Result, results

if TYPE_CHECKING:
    from replicator.theories import Theory
    from replicator.theories.theory import Concern


def faults(draft: Draft) -> Iterator[Fault]:
    """Unknown theories, parameters, noises and references; options that the theories cannot read."""
    fits = list(_fits(draft))
    if fits:
        yield from _theories(draft, fits)
    yield from _without_primary(draft)
    yield from _references(draft)


def _without_primary(draft: Draft) -> Iterator[Fault]:
    none = "primary" in draft.keys("analysis") and draft.raw("analysis", "primary") is None
    if none and draft.raw("analysis", "also"):
        problem = "other estimates are planned, and no primary one."
        yield draft.fault(("analysis", "also"), problem, 'Make one of them "primary", or take them out.')


def _fits(draft: Draft) -> Iterator[tuple[Steps, Mapping[str, Any]]]:
    """Every planned fit with those of its keys that can be judged."""
    also = draft.raw("analysis", "also")
    places: list[Steps] = [("analysis", "primary")]
    places += [("analysis", "also", position) for position in range(len(also) if isinstance(also, list) else 0)]
    for place in places:
        sound = {key: draft.get(*place, key) for key in draft.keys(*place)}
        yield place, {key: value for key, value in sound.items() if isinstance(value, str | list)}


def _theories(draft: Draft, fits: list[tuple[Steps, Mapping[str, Any]]]) -> Iterator[Fault]:
    from replicator.theories import THEORIES

    seen: list[tuple[Any, ...]] = []
    key: tuple[Any, ...]
    for place, fit in fits:
        if "theory" not in fit:
            continue
        theory = THEORIES.get(fit["theory"])
        if theory is None:
            remedy = did_you_mean(fit["theory"], THEORIES)
            yield draft.fault((*place, "theory"), f'unknown theory "{fit["theory"]}".', remedy)
            continue
        if theory.response == "any":
            yield from contrast.faults(draft, place, fit)
            if any(other[0] == theory.name for other in seen):
                yield draft.fault(place, "there is a contrast already.", "Make it an experiment of its own.")
            key = (theory.name, None)
        else:
            yield from contrast.foreign(draft, place, theory.name)
            yield from _fit(draft, place, fit, theory)
            key = (fit["theory"], fit.get("noise"), fit.get("parameter"))
        if key in seen and None not in key:
            yield draft.fault(place, "the same estimate is planned twice.", "Take one out.")
        seen.append(key)


def _fit(draft: Draft, place: Steps, fit: Mapping[str, Any], theory: Theory) -> Iterator[Fault]:
    names = theory.estimated
    if fit.get("parameter", names[0]) not in names:
        problem = f'the theory "{theory.name}" has no parameter "{fit["parameter"]}".'
        yield draft.fault((*place, "parameter"), problem, did_you_mean(fit["parameter"], names))
    if draft.response is None:
        return
    if draft.response not in theory.answers:
        problem = f'the theory "{theory.name}" is about answers of type "{theory.response}".'
        remedy = f'This experiment asks for type "{draft.response}".'
        yield draft.fault((*place, "theory"), problem, remedy)
        return
    noises = theory.noises
    if fit.get("noise", noises[0]) not in noises:
        problem = f'the noise "{fit["noise"]}" does not go with the theory "{theory.name}".'
        remedy = f"Write {' or '.join(repr(noise) for noise in noises)}.".replace("'", '"')
        yield draft.fault((*place, "noise"), problem, remedy)
    if theory.response == "choice":
        yield from _readable(draft, (*place, "theory"), theory)
    yield from _declared(draft, (*place, "theory"), theory)


def _declared(draft: Draft, place: Steps, theory: Theory) -> Iterator[Fault]:
    """What a theory of answers in numbers reads besides them: a grid, and declared variables."""
    if "number" in theory.reads and "step" not in draft.keys("response"):
        problem = f'the theory "{theory.name}" is about numbers on a grid.'
        yield draft.fault(("response",), problem, 'Give "min", "max" and "step".')
    for name in draft.unknown(set(theory.variables), draft.names):
        problem = f'the theory "{theory.name}" reads the number "{name}", and no item or factor declares it.'
        yield draft.fault(place, problem, f'Give every item its "{name}", or make it a factor.')


def _readable(draft: Draft, place: Steps, theory: Theory) -> Iterator[Fault]:
    """What a theory of choice cannot read in the options: one fault per kind."""
    for name, option in draft.entries("options"):
        if "outcomes" not in option:
            problem = f'the theory "{theory.name}" reads outcomes, and the option "{name}" has none.'
            yield draft.fault(place, problem, f'Give "outcomes" to "{name}".')
    if "state" in theory.reads:
        yield from games.faults(draft, place, theory)
    told: set[str] = set()
    others = dict.fromkeys(result.to for result in results(draft) if result.to != "self")
    if len(others) > 1 and "other" in theory.reads:
        problem = f'the theory "{theory.name}" reads one other person, and there are several: {listed(list(others))}.'
        yield draft.fault(place, problem, "Keep one of them.")
    for result in results(draft):
        for kind, problem, remedy in _unreadable(result, theory):
            if kind not in told:
                told.add(kind)
                where = f'in {result.cell.where} (option "{result.option}")'
                yield draft.fault(place, f"{problem} {where}.", remedy)


def _unreadable(result: Result, theory: Theory) -> Iterator[tuple[str, str, str]]:
    if result.low != result.high and "ambiguity" not in theory.reads:
        problem = f'the theory "{theory.name}" needs known probabilities, and one is an interval'
        yield "interval", problem, f"Theories that read it: {_readers('ambiguity')}."
    if result.to != "self" and "other" not in theory.reads:
        problem = f'the theory "{theory.name}" reads own outcomes only, and one is to {result.to}'
        yield "to", problem, f"Theories that read it: {_readers('other')}."
    elif result.to != "self" and (result.low != 1 or result.delay != 0):
        problem = f'the theory "{theory.name}" reads what others surely get at once, and one gets it perhaps or later'
        yield "sure", problem, "Take out the probability or the delay."
    if result.state is not None and "state" not in theory.reads:
        problem = f'the theory "{theory.name}" reads what options give, and one outcome depends on another player'
        yield "state", problem, f"Theories that read it: {_readers('state')}."
    if result.delay != 0 and "delay" not in theory.reads:
        problem = f'the theory "{theory.name}" reads immediate outcomes only, and one is delayed'
        yield "delay", problem, f"Theories that read it: {_readers('delay')}."
    if result.amount < 0 and not theory.losses and result.high > 0:
        problem = f'the theory "{theory.name}" is about gains, and {format_amount(-result.amount)} is lost'
        yield "loss", problem, 'Use a theory that admits losses, such as "loss-aversion".'


def _readers(concern: Concern) -> str:
    from replicator.theories import THEORIES

    return ", ".join(f'"{name}"' for name, theory in THEORIES.items() if concern in theory.reads)


def _references(draft: Draft) -> Iterator[Fault]:
    ids = [(position, name) for position, name in draft.entries("humans") if isinstance(name, str)]
    if not ids:
        return
    from replicator.references import references

    known = references()
    for position, name in ids:
        if name not in known:
            problem = f'unknown human reference "{name}".'
            close = closest(name, known)
            remedy = f'Did you mean "{close}"?' if close else "`replicator list references` lists them."
            yield draft.fault(("humans", position), problem, remedy)
