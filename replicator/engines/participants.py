"""Simulated participants: people drawn from `priors/humans`, theories with parameters, and plain responders.

    participants:human                                     the population of `priors/humans`, averaged
    participants:crra   r=-0.4,noise=8,lapse=.02           one chooser with these parameters
    participants:uniform, :always-first, :expected-value   responders that a wrong tool would misread

They answer from a trial's outcomes with exact probabilities and read no words. `noise` is a sensitivity:
logit P = noise x difference of contextual utility.
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from replicator import references
from replicator.design import Trial
from replicator.engines.engine import Answer, Question
from replicator.engines.responders import READ_OUTCOMES, RESPONDERS, Rule
from replicator.engines.simulated import Floats, People, choice_probabilities, contrast_probabilities, spread_people
from replicator.errors import DataError, UsageError
from replicator.experiment import Contrast, Experiment, format_value
from replicator.theories import THEORIES, Theory
from replicator.theories.stimuli import check_domain, declared, stimuli

PREFIX = "participants:"

DEFAULT_NOISE = 10.0
"""Sensitivity of a theory's chooser where none is given: better than chance, far from deterministic."""

PEOPLE = 2**14
"""People behind the averages of `participants:human`; the error of a share is below .0005."""

_VERSION = 1
"""Raised when the same arguments come to give other answers, so that stored ones are not taken for them."""

_BOUNDS = {
    "noise": (0.0, math.inf),
    "lapse": (0.0, 1.0),
    "position": (-math.inf, math.inf),
    "wording_sd": (0.0, math.inf),
    "p_all": (0.0, 1.0),
    "stake": (1e-12, math.inf),
}
"""Arguments that are no parameter of a theory, and what is possible."""


@dataclass(frozen=True)
class Participants:
    """An engine whose answers follow a rule. The same identity and trial always give the same answer."""

    name: str
    identity: Mapping[str, Any]
    facts: Mapping[str, Any]
    rule: Rule
    batch_size: int = 256
    population: Literal["model", "simulated"] = "simulated"
    reads_text: bool = False

    def answer(self, questions: Sequence[Question]) -> Iterator[Answer]:
        """One answer a question, in order."""
        for question in questions:
            yield _answer(self.rule(question.trial))


def open_participants(
    model: str, arguments: Mapping[str, str], *, experiment: Experiment, name: str, seed: int = 0
) -> Participants:
    """The engine of a model string "participants:...".

    `name` is the population's name. Raises UsageError for an unknown responder, an unknown or impossible
    argument, and a theory that does not speak about the experiment.
    """
    if experiment.response.is_open:
        raise UsageError(
            f'"{model}" answers among options, and the number that "{experiment.name}" asks for has none.',
            remedy='Ask a language model, or give "min", "max" and "step".',
        )
    responder = model.removeprefix(PREFIX)
    if responder in RESPONDERS and not (arguments and responder in THEORIES):
        if arguments:
            raise UsageError(f'"{model}" takes no arguments, but {", ".join(arguments)} was given.')
        rule, what = RESPONDERS[responder]
        identity = {"engine": "participants", "version": _VERSION, "responder": responder}
        return Participants(name, identity, {"description": what}, rule)
    if responder == "human":
        return _human(model, arguments, experiment, name, seed)
    if responder in THEORIES:
        return _chooser(THEORIES[responder], model, arguments, experiment, name, seed)
    known = list(dict.fromkeys(["human", *THEORIES, *RESPONDERS]))
    close = difflib.get_close_matches(responder, known, n=1)
    remedy = f"Did you mean {PREFIX}{close[0]}? " if close else ""
    raise UsageError(
        f'unknown participants "{model}".', remedy=f"{remedy}Known: {', '.join(PREFIX + k for k in known)}."
    )


def _human(model: str, arguments: Mapping[str, str], experiment: Experiment, name: str, seed: int) -> Participants:
    people = references.population(experiment.name)
    if people is None:
        raise UsageError(
            f'priors/humans draws no people for "{experiment.name}".',
            remedy=f"Name others: {', '.join(_fitting(experiment))}.",
        )
    theory = THEORIES[people.theory]
    _require_response(theory, model, experiment)
    allowed = ("wording_sd",) if theory.response == "amount" else ("position", "wording_sd")
    given = _numbers(model, arguments, {key: key for key in allowed})
    digest = hashlib.sha256(json.dumps(people.document, sort_keys=True).encode()).hexdigest()
    presentation = _presentation(given, experiment, seed)
    return Participants(
        name,
        _identity("human", given, seed, {"people": PEOPLE, "population": digest}),
        {
            "description": f"Average of {PEOPLE:,} people simulated from priors/humans ({people.theory}).",
            "theory": people.theory,
            "basis": people.basis,
            "references": list(people.references),
        },
        _rule(theory, experiment, spread_people(people, PEOPLE), people.lapse, presentation),
    )


def _chooser(
    theory: Theory, model: str, arguments: Mapping[str, str], experiment: Experiment, name: str, seed: int
) -> Participants:
    _require_response(theory, model, experiment)
    _require_domain(theory, model, experiment)
    given = _numbers(model, arguments, _argument_names(theory), theory)
    parameters = {**_defaults(theory), **{k: v for k, v in given.items() if k not in _BOUNDS or k == "p_all"}}
    _require_coherent_gifts(parameters)
    truth = dict(parameters)
    if theory.noises != ("none",):
        truth["sensitivity"] = given.get("noise", DEFAULT_NOISE)
    if not theory.scale_free:
        truth["stake"] = given.get("stake") or _largest(experiment)
    lapse = given.get("lapse", 0.0)
    people = {key: np.array([value]) for key, value in truth.items()}
    return Participants(
        name,
        _identity(theory.name, {**given, **truth}, seed, {}),
        {
            "description": f"Simulated chooser: {theory.title}.",
            "theory": theory.name,
            "truth": {**truth, "lapse": lapse, "position": given.get("position", 0.0)},
        },
        _rule(theory, experiment, people, lapse, _presentation(given, experiment, seed)),
    )


def _largest(experiment: Experiment) -> float:
    """The largest amount that an experiment offers with its default levels."""
    asked = [{**levels, **item.variables} for levels in experiment.conditions() for item in experiment.items]
    amounts = [abs(outcome.amount) for variables in asked for outcome in experiment.outcomes(variables)]
    return max(amounts, default=0.0) or 1.0


def _rule(
    theory: Theory, experiment: Experiment, people: People, lapse: float, tilt: Callable[[Trial], Floats]
) -> Rule:
    contrast = _contrast(experiment)
    if theory.response != "any" or contrast is None:
        return _theory_rule(theory, people, lapse, tilt)
    return _contrast_rule(contrast, people, lapse, tilt)


def _contrast(experiment: Experiment) -> Contrast | None:
    """The contrast of options that the plan is about; None where it is about something else."""
    primary = experiment.analysis.primary
    found = None if primary is None else primary.contrast
    return None if found is None or found.option is None else found


def _contrast_rule(contrast: Contrast, people: People, lapse: float, tilt: Callable[[Trial], Floats]) -> Rule:
    sides = {format_value(level): side for level, side in zip(contrast.levels, (0.5, -0.5), strict=True)}
    known: dict[tuple[Any, ...], Floats] = {}

    def rule(trial: Trial) -> Floats | None:
        if trial.check is not None:
            return None
        # At any other level people are half way.
        side, shift = sides.get(format_value(trial.factors[contrast.factor]), 0.0), tilt(trial)
        question = (side, trial.options, shift.tobytes())
        if question not in known:
            place = trial.options.index(str(contrast.option))
            each = contrast_probabilities(people, side, place, len(trial.options), lapse=lapse, tilt=shift)
            known[question] = each.mean(axis=0)
        return known[question]

    return rule


def _theory_rule(theory: Theory, people: People, lapse: float, tilt: Callable[[Trial], Floats]) -> Rule:
    # Most presentations of a question differ in nothing that these people see.
    known: dict[tuple[Any, ...], Floats] = {}

    def rule(trial: Trial) -> Floats | None:
        if not trial.outcomes and ("number" not in theory.reads or trial.check is not None):
            return None
        shift = tilt(trial)
        given = {**trial.stimulus, **trial.factors}
        variables = {name: given[name] for name in theory.variables if name in given}
        question = (trial.outcomes, trial.options, shift.tobytes(), tuple(variables.items()))
        if question not in known:
            each = choice_probabilities(
                theory, people, trial.outcomes, trial.options, lapse=lapse, tilt=shift, variables=variables
            )
            known[question] = each.mean(axis=0)
        return known[question]

    return rule


def _presentation(given: Mapping[str, float], experiment: Experiment, seed: int) -> Callable[[Trial], Floats]:
    """What position and wording add to the logits, (k,).

    Displayed positions carry constants evenly spaced from +position/2 (first) to -position/2 (last), so that
    of two options liked equally the first is chosen with log odds `position`. Every wording carries a normal
    draw on the experiment's first option.
    """
    position, wording_sd = given.get("position", 0.0), given.get("wording_sd", 0.0)

    def tilt(trial: Trial) -> Floats:
        logits = np.zeros(len(trial.options))
        if trial.order:
            logits[list(trial.order)] = np.linspace(position / 2.0, -position / 2.0, len(trial.order))
        if wording_sd:
            logits[0] += wording_sd * _standard_normal(f"{seed}|{experiment.name}|{trial.wording}")
        return logits

    return tilt


def _standard_normal(key: str) -> float:
    """One normal draw that belongs to `key`, whatever else is drawn."""
    digest = hashlib.sha256(key.encode()).digest()
    return float(np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal())


def _argument_names(theory: Theory) -> dict[str, str]:
    """Argument as written -> its meaning: parameters by name or symbol, and what surrounds them."""
    names = {key: p.name for p in theory.parameters for key in (p.name, p.symbol)}
    if theory.response == "amount":
        around = ("lapse", "wording_sd", "p_all")
        return names | {key: key for key in around}
    around = ("lapse", "position", "wording_sd")
    if theory.noises == ("none",):
        return names | {key: key for key in around}
    stake = () if theory.scale_free else ("stake",)
    return names | {key: key for key in ("noise", *around, *stake)} | {"sensitivity": "noise"}


def _numbers(
    model: str, arguments: Mapping[str, str], names: Mapping[str, str], theory: Theory | None = None
) -> dict[str, float]:
    given: dict[str, float] = {}
    for key, text in arguments.items():
        if key not in names:
            close = difflib.get_close_matches(key, names, n=1)
            remedy = f"Did you mean {close[0]}? " if close else ""
            raise UsageError(f'"{model}" has no argument "{key}".', remedy=f"{remedy}It takes {', '.join(names)}.")
        if names[key] in given:
            raise UsageError(f'"{model}" is given {names[key]} twice.', remedy="Name it once.")
        given[names[key]] = _number(model, key, text, *_range(names[key], theory))
    return given


def _number(model: str, key: str, text: str, low: float, high: float, open_ends: bool) -> float:
    span = " and ".join(
        [f"above {low:g}" if open_ends else f"at least {low:g}"] * math.isfinite(low)
        + [f"below {high:g}" if open_ends else f"at most {high:g}"] * math.isfinite(high)
    )
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or not low <= value <= high or (open_ends and value in (low, high)):
        raise UsageError(
            f'"{model}": {key}={text} is impossible.',
            remedy=f"{key} is a finite number {span}".rstrip() + ".",
        )
    return value


def _range(name: str, theory: Theory | None) -> tuple[float, float, bool]:
    """Lowest, highest, and whether the ends themselves are excluded."""
    if name in _BOUNDS or theory is None:
        return *_BOUNDS[name], False
    parameter = theory.parameter(name)
    if parameter.limits != (-math.inf, math.inf):
        return *parameter.limits, True
    return {
        "identity": (-math.inf, math.inf, False),
        "log": (0.0, math.inf, True),
        "logit": (0.0, 1.0, False),
    }[parameter.scale]


def _defaults(theory: Theory) -> dict[str, float]:
    """The neutral value of every parameter, or the centre of its prior where nothing is neutral."""
    centre = theory.natural(np, {p.name: np.float64(p.prior.mean) for p in theory.parameters})
    return {p.name: float(centre[p.name]) if p.neutral is None else p.neutral for p in theory.parameters}


def _require_coherent_gifts(parameters: Mapping[str, float]) -> None:
    kinds = [parameters[name] for name in ("p_zero", "p_half", "p_above") if name in parameters]
    if math.fsum(kinds) > 1.0 + 1e-12:
        raise UsageError(
            f"p_zero, p_half and p_above sum to {math.fsum(kinds):.4g}.",
            remedy="They are shares of one whole.",
        )
    if parameters.get("p_all", 0.0) > parameters.get("p_above", 1.0):
        raise UsageError("p_all exceeds p_above.", remedy="Who gives everything gives more than half.")


def _require_response(theory: Theory, model: str, experiment: Experiment) -> None:
    if theory.response == "any":
        if _contrast(experiment) is None:
            raise UsageError(
                f'"{model}" answers where the plan compares the share of an option; "{experiment.name}" does not.',
                remedy=f"Fitting: {', '.join(_fitting(experiment))}.",
            )
        return
    if experiment.response.type not in theory.answers:
        kind = {"choice": "choices between options", "amount": "amounts", "number": "numbers"}[theory.response]
        asked = experiment.response.type
        article = "an" if asked in ("amount", "allocation") else "a"
        raise UsageError(
            f'"{model}" answers with {kind}; "{experiment.name}" asks for {article} {asked}.',
            remedy=f"Fitting: {', '.join(_fitting(experiment))}.",
        )


def _fitting(experiment: Experiment) -> list[str]:
    """Participants that can answer an experiment: theories of its kind of answer, or else plain responders."""
    theories = [name for name, theory in THEORIES.items() if experiment.response.type in theory.answers]
    pays = any(option.outcomes for option in experiment.options)
    plain = [name for name in RESPONDERS if pays or name not in READ_OUTCOMES]
    return [PREFIX + name for name in theories or plain]


def _require_domain(theory: Theory, model: str, experiment: Experiment) -> None:
    if theory.response in ("amount", "any") or not all(option.outcomes for option in experiment.options):
        return
    asked = [{**levels, **item.variables} for levels in experiment.conditions() for item in experiment.items]
    try:
        for options, same in itertools.groupby(asked, key=experiment.option_names):
            questions = list(same)
            given = stimuli([experiment.outcomes(question) for question in questions], options)
            check_domain(theory, declared(given, options, questions))
    except DataError as error:
        raise UsageError(f'"{model}" cannot answer "{experiment.name}": {error.problem}', remedy=error.remedy) from None


def _identity(responder: str, given: Mapping[str, float], seed: int, more: Mapping[str, Any]) -> dict[str, Any]:
    identity = {
        "engine": "participants",
        "version": _VERSION,
        "responder": responder,
        "arguments": dict(given),
    }
    # The seed moves nothing but the wording effects; without them answers are shared between seeds.
    return {**identity, **more, **({"seed": seed} if given.get("wording_sd") else {})}


def _answer(probabilities: Floats | None) -> Answer:
    if probabilities is None:
        return Answer(None, None, "missing", "This participant reads outcomes, and the question has none.")
    total = math.fsum(probabilities)
    return Answer(tuple(float(p) / total for p in probabilities), None, "valid")
