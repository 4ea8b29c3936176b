"""What a design and its answers can tell about a parameter, as rules with their numbers shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from replicator import documents
from replicator.inference import answer_classes
from replicator.inference.data import ChoiceData
from replicator.inference.tabulation import Direct, stake
from replicator.theories.theory import SENSITIVITY, Parameter, Theory
from replicator.thresholds import CONTRACTION

ERROR_SHARE = 0.5
"""The likelihood's standard error may be at most this fraction of the sd between people."""

LOSS_AVERSION = "loss_aversion"

_PLACES = 3
"""Draws of the other parameters from their priors at which it is looked whether one matters."""

RESPONSE = 0.02
"""Shares that move less than this over all questions do not respond to what is offered."""

EXTREME = 0.02
"""A probability this close to 0 or 1 counts as certain."""

MISFIT_SHARE = 0.5
"""Share of the variance between questions that single questions' deviations from the theory's curve may have."""

DETERMINISTIC = 0.95
"""Share of certain answers from which a chooser is called deterministic."""


@dataclass(frozen=True)
class Identification:
    identified: bool
    why_not: str | None
    likelihood_error: float | None
    """Standard error that the data alone leave."""


def contraction(sd: float, prior_sd: float) -> float:
    """1 - (sd / prior_sd)^2: the share of prior variance that the data removed."""
    return 1.0 - (sd / prior_sd) ** 2


def likelihood_error(sd: float, prior_sd: float) -> float:
    """Standard error that the data alone leave: 1 / sqrt(1/sd^2 - 1/prior_sd^2), infinite where they add nothing.

    Exact where prior and likelihood are normal.
    """
    information = 1.0 / sd**2 - 1.0 / prior_sd**2
    return float(1.0 / np.sqrt(information)) if information > 0 else float("inf")


def judge(parameter: Parameter, sd: float, prior_sd: float) -> Identification:
    """Whether a parameter of a theory is identified: error against the sd between people, and contraction."""
    error = likelihood_error(sd, prior_sd)
    allowed = ERROR_SHARE * parameter.prior.person_sd
    gained = contraction(sd, prior_sd)
    reasons = []
    if error > allowed:
        left = f"of {error:.2f}, more than" if np.isfinite(error) else "without bound, where it may be"
        reasons.append(f"the data alone leave a standard error {left} {allowed:.2f}, half of the sd between people")
    if gained < CONTRACTION:
        reasons.append(f"the data remove {max(gained, 0.0):.0%} of the prior's variance, less than {CONTRACTION:.0%}")
    why = "; ".join(reasons)
    finite = error if np.isfinite(error) else None
    return Identification(not reasons, f"{why[0].upper()}{why[1:]}." if why else None, finite)


def alone(data: ChoiceData) -> str | None:
    """Why a single person or persona does not tell what is typical of persons; None where there are several."""
    if len(data.units) > 1 or data.unit_name not in ("person", "persona"):
        return None
    return f"One {data.unit_name} answered: what is typical of several cannot be told from one."


def beyond_nothing(theory: Theory, parameter: Parameter, data: ChoiceData, condition: int, high: float) -> str | None:
    """Why options that can pay nothing bound a parameter on one side alone; `high` is its interval's upper end."""
    limit = theory.zero_limit.get(parameter.name)
    asked = data.condition == condition
    nothing = (data.stimuli.amount[asked] == 0.0) & (data.stimuli.probability[asked] > 0.0)
    if limit is None or high < limit or not nothing.any():
        return None
    return (
        f"Some options can pay nothing, and from {parameter.symbol} = {limit:g} the utility of nothing is minus "
        f"infinity: the choices bound {parameter.symbol} from below, and beyond {limit:g} they do not tell its values "
        "apart."
    )


def not_asked(theory: Theory, parameter: Parameter, noise: str, data: ChoiceData, condition: int) -> str | None:
    """Why no question is about a parameter; None where one is.

    What it does on its natural scale may still hang on other parameters, which the choices tell: it must not pass for
    learnt on their account. Not of thresholds, which are all about the one amount that is accepted.
    """
    if data.thresholds or parameter not in theory.parameters:
        return None
    if parameter.name == LOSS_AVERSION and not _mixed(data, condition):
        return "No option of this design holds gains and losses to be weighed: loss aversion is not at stake."
    asked = np.flatnonzero(data.condition == condition)
    table = Direct(noise, data.stimuli, stake(data.stimuli, data.condition)).of(asked)
    rng = np.random.default_rng(0)
    for _ in range(_PLACES):
        here = {p.name: np.full((2, 1), rng.normal(p.prior.mean, p.prior.sd)) for p in theory.parameters}
        here[parameter.name] = parameter.prior.mean + parameter.prior.sd * np.array([[-1.0], [1.0]])
        with np.errstate(all="ignore"):
            difference = np.asarray(table.differences(np, theory, theory.natural(np, here)))
        if not np.allclose(difference[0], difference[1], rtol=1e-9, atol=1e-12, equal_nan=True):
            return None
    return f"No question of this design is about {parameter.symbol}: whatever it is, the options differ by as much."


def nowhere_asked(theory: Theory, parameter: Parameter, noise: str, data: ChoiceData) -> str | None:
    """The same of all conditions together, for what is one number in all of them: None where any is about it."""
    reasons = [not_asked(theory, parameter, noise, data, c) for c in range(len(data.conditions))]
    return " ".join(dict.fromkeys(why for why in reasons if why)) if all(reasons) else None


def _mixed(data: ChoiceData, condition: int) -> bool:
    """Whether a question has gains and losses."""
    asked = data.condition == condition
    amount, possible = data.stimuli.amount[asked], data.stimuli.probability[asked] > 0.0
    gains, losses = (possible & (amount > 0.0)).any(axis=(1, 2)), (possible & (amount < 0.0)).any(axis=(1, 2))
    return bool((gains & losses).any())


def one_sided(
    theory: Theory, parameter: Parameter, noise: str, data: ChoiceData, condition: int, interval: Sequence[float]
) -> str | None:
    """Why the choices bound a theory's only parameter on one side alone: its interval lies beyond every value at which
    some question's preference turns. None where it does not.
    """
    if len(theory.parameters) != 1:
        return None
    values = _grid(theory)
    asked = np.flatnonzero(data.condition == condition)
    table = Direct(noise, data.stimuli, stake(data.stimuli, data.condition)).of(asked)
    value = np.asarray(table.values(np, theory, {name: v[:, None] for name, v in values.items()}))
    prefers = value.argmax(axis=2)
    turns = values[parameter.name][1:][(prefers[1:] != prefers[:-1]).any(axis=1)]
    if not len(turns) or (interval[1] >= turns.min() and interval[0] <= turns.max()):
        return None
    above = interval[0] > turns.max()
    end = float(turns.max() if above else turns.min())
    return (
        f"The choices bound {parameter.symbol} from {'below' if above else 'above'} alone: "
        f"{'above' if above else 'below'} {end:.3g} no question of this design turns from one option to another."
    )


def off_the_curve(data: ChoiceData, misfit: np.ndarray, condition: int) -> str | None:
    """Why a theory is not what moves the choices; None where it is.

    `misfit` (q, k - 1) are deviations of single questions from the theory's curve, in log odds.
    """
    share = explained(data, misfit, condition)
    if share is None or share >= 1.0 - MISFIT_SHARE:
        return None
    return f"The theory accounts for {share:.0%} of {what_changes(data)}; the rest are deviations of single questions."


def what_changes(data: ChoiceData) -> str:
    """What a theory is to account for, in words."""
    if data.stimuli.answers is not None:
        return "which answers are given more often than others"
    return "how choices change from question to question"


def _evenly(data: ChoiceData) -> np.ndarray:
    """(k - 1) log odds where every possible answer is given equally often."""
    sizes = answer_classes.sizes(data.classes)
    return np.zeros(len(data.options) - 1) if sizes is None else np.log(sizes[:-1] / sizes[-1])


def explained(data: ChoiceData, off: np.ndarray, condition: int | None = None) -> float | None:
    """Share of the variance of log odds between the questions of a condition (or within all conditions) that is left
    when (q, k - 1) deviations from a theory's curve are taken away; None where there are no two questions.

        1 - sum var(deviation) / sum var(log odds), at least 0

    Of grids of answers it is the distance from all answers given equally often instead: which are given says
    something, even if every question gets the same ones.
    """
    deviating = between = 0.0
    observed, grid = question_logits(data), data.stimuli.answers is not None
    for c in range(len(data.conditions)) if condition is None else (condition,):
        asked = data.condition == c
        if grid:
            between += float(((observed[asked] - _evenly(data)) ** 2).sum())
            deviating += float((off[asked] ** 2).sum())
        elif asked.sum() >= 2:
            between += float(observed[asked].var(axis=0).sum())
            deviating += float(off[asked].var(axis=0).sum())
    return max(1.0 - deviating / between, 0.0) if between > 0 else None


def question_logits(data: ChoiceData) -> np.ndarray:
    """(q, k - 1) mean log odds of every question; counts are smoothed by half an answer an option."""
    shape = (len(data.questions), len(data.options) - 1)
    if data.kind == "probabilities":
        total = np.zeros(shape)
        np.add.at(total, data.question, data.logits)
        return np.asarray(total / np.bincount(data.question, minlength=shape[0])[:, None])
    counts = np.full((shape[0], shape[1] + 1), 0.5)
    np.add.at(counts, data.question, data.counts)
    return np.asarray(np.log(counts[:, :-1]) - np.log(counts[:, -1:]))


def no_response(data: ChoiceData) -> str | None:
    """Why nothing can be learned from answers that do not change with the question; None where they do.

    Of answers in numbers it is those that are all given equally often: others say something even of one question.
    """
    if data.thresholds:
        return _one_threshold(data)
    if data.stimuli.answers is not None:
        return _any_answer(data)
    if len(data.questions) == 1:
        return "One question alone has usable answers: how they respond to what is offered cannot be seen."
    shares = data.shares
    moved = shares.max(axis=0) - shares.min(axis=0)
    if moved.max() >= RESPONSE:
        return None
    constant = shares.mean(axis=0)
    favourite = int(constant.argmax())
    if constant[favourite] > 1 - EXTREME:
        return f'It chooses "{data.options[favourite]}" whatever is offered: answers do not respond to the stimulus.'
    split = ", ".join(f'"{name}" {share:.0%}' for name, share in zip(data.options, constant, strict=True))
    if data.position is not None and _certain_share(data) >= DETERMINISTIC:
        return f"It answers by displayed position, so that every question gives {split}: no response to the stimulus."
    return f"Every question gives the same shares ({split}): answers do not respond to the stimulus."


def _any_answer(data: ChoiceData) -> str | None:
    sizes = answer_classes.sizes(data.classes)
    even = np.full(len(data.options), 1.0 / len(data.options)) if sizes is None else sizes
    if np.abs(data.shares - even).max() >= RESPONSE:
        return None
    return "Every answer is given equally often, whatever is asked: answers do not respond to the stimulus."


def _one_threshold(data: ChoiceData) -> str | None:
    """Why thresholds tell nothing; None where they differ. Each answers all offers, so that one question will do."""
    shares = data.shares
    if not (shares.max(axis=1) > 1 - EXTREME).all():
        return None
    named = documents.listed([data.options[place] for place in dict.fromkeys(shares.argmax(axis=1))], quoted=False)
    return f"Everybody names a threshold of {named}: how sharply it turns acceptance cannot be seen."


def is_deterministic(data: ChoiceData) -> bool:
    """Whether nearly every answer is certain, and stays so when the order of the options is reversed."""
    if data.thresholds:
        return False  # each of them is certain, and bounds nothing but its own question
    certain = (data.shares.max(axis=1) > 1 - EXTREME).mean()
    return _certain_share(data) >= DETERMINISTIC and bool(certain >= DETERMINISTIC)


def _certain_share(data: ChoiceData) -> float:
    return float((data.probabilities.max(axis=1) > 1 - EXTREME).mean())


_BLOCK = 5_000
"""Points of a grid that are valued at a time."""


@dataclass(frozen=True)
class Consistent:
    """Parameter values that explain as many choices as can be explained."""

    low: float | None
    """None where the set has no lower end within five prior standard deviations."""
    high: float | None
    rationality_rate: float
    """Largest share of questions that one parameter value explains."""


def consistent_sets(theory: Theory, noise: str, data: ChoiceData, condition: int) -> dict[str, Consistent]:
    """Of each parameter the values under which the theory ranks first what was chosen, over a fine grid.

    Other parameters take whatever value fits best. Ties count as explained. Of a theory without parameters every
    sensitivity says the same.
    """
    values = _grid(theory)
    best, rate = _best(theory, noise, data, condition, values)
    if not theory.parameters:
        return {SENSITIVITY: Consistent(0.0, None, rate)}
    return {p.name: _range(values[p.name], best, rate) for p in theory.parameters}


def best_shares(theory: Theory, noise: str, data: ChoiceData) -> tuple[np.ndarray, list[float]]:
    """(q, k) how often each option is worth most, over the values that explain as many choices as can be explained,
    and which share of each condition's choices that is."""
    values, shares = _grid(theory), np.zeros((len(data.questions), len(data.options)))
    rates = []
    for c in range(len(data.conditions)):
        best, rate = _best(theory, noise, data, c, values)
        rates.append(rate)
        asked = np.flatnonzero(data.condition == c)
        table = Direct(noise, data.stimuli, stake(data.stimuli, data.condition)).of(asked)
        some = np.flatnonzero(best)[:: max(int(best.sum()) // _BLOCK, 1)]
        value = np.asarray(table.values(np, theory, {name: v[some, None] for name, v in values.items()}))
        top = value >= value.max(axis=2, keepdims=True) - 1e-9
        shares[asked] = answer_classes.summed((top / top.sum(axis=2, keepdims=True)).mean(axis=0), data.classes)
    return shares, rates


def _best(
    theory: Theory, noise: str, data: ChoiceData, condition: int, values: dict[str, np.ndarray]
) -> tuple[np.ndarray, float]:
    """(points,) whether a value explains as many choices as any does, and their share."""
    asked = np.flatnonzero(data.condition == condition)
    chosen = data.shares.argmax(axis=1)[asked]
    table = Direct(noise, data.stimuli, stake(data.stimuli, data.condition)).of(asked)
    size, answers = len(next(iter(values.values()), (0.0,))), data.stimuli.amount.shape[1]
    block = max(_BLOCK * len(data.options) // answers, 1)
    explained = np.concatenate([
        _explained(theory, table, {name: v[start : start + block] for name, v in values.items()}, chosen, data.classes)
        for start in range(0, size, block)
    ])  # fmt: skip
    rate = float(explained.max())
    return explained >= rate - 1e-12, rate


def _explained(
    theory: Theory, table: Direct, values: dict[str, np.ndarray], chosen: np.ndarray, classes: np.ndarray | None
) -> np.ndarray:
    """(points,) share of the questions in which what was chosen, or one of its class, is worth most."""
    value = np.asarray(table.values(np, theory, {name: v[:, None] for name, v in values.items()}))
    member = np.arange(value.shape[2]) if classes is None else classes
    mine = np.where(member[None, None, :] == chosen[None, :, None], value, -np.inf).max(axis=2)
    return np.asarray((mine >= value.max(axis=2) - 1e-9).mean(axis=1))


def _range(values: np.ndarray, best: np.ndarray, rate: float) -> Consistent:
    low, high = float(values[best].min()), float(values[best].max())
    # Of several parameters the grid is coarse: what fits one step from its edge may fit there with others in between.
    places = np.unique(values)
    inside = low > float(places[1]), high < float(places[-2])
    return Consistent(low if inside[0] else None, high if inside[1] else None, rate)


def _grid(theory: Theory) -> dict[str, np.ndarray]:
    """Natural values five prior standard deviations either side: 2,001 of one parameter, 121 of each of two, or 41."""
    points = {1: 2001, 2: 121}.get(len(theory.parameters), 41)
    axes = [p.prior.mean + p.prior.sd * np.linspace(-5.0, 5.0, points) for p in theory.parameters]
    mesh = np.meshgrid(*axes, indexing="ij")
    coordinates = {p.name: m.ravel() for p, m in zip(theory.parameters, mesh, strict=True)}
    return {name: np.asarray(v) for name, v in theory.natural(np, coordinates).items()}
