"""Outcomes as arrays: what a theory of choice reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from replicator.errors import DataError
from replicator.experiment import Outcome, Value
from replicator.theories.payoffs import actions, of_games
from replicator.theories.theory import Stimuli, Theory


def stimuli(
    questions: Sequence[Sequence[Outcome]], options: Sequence[str], *, reference: float | None = None
) -> Stimuli:
    """The outcomes of each question, by option; impossible branches (probability 0) are left out, and an option that
    pays another person alone gives nothing to oneself.

    Of a probability that is known within limits alone `probability` is the middle and `ambiguity` the width.
    `reference` is the amount that theories count in which are not free of scale, by default the largest of all
    questions. Raises DataError for an option without outcomes, where another person gets something only
    perhaps or later, and where several others get something.
    """
    if actions(questions):
        return of_games(questions, options)
    if numbers(options) is not None and not any(questions):
        return _unpaid(len(questions), len(options))
    for outcomes in questions:
        _check(outcomes, options)
    branches = [_own_branches(outcomes, options) for outcomes in questions]
    width = max((len(branch) for question in branches for branch in question), default=1)
    shape = (len(questions), len(options), max(width, 1))
    amount, probability, delay, ambiguity = np.zeros((4, *shape))
    for q, question in enumerate(branches):
        for k, branch in enumerate(question):
            if not branch:  # it pays somebody else alone
                probability[q, k, 0] = 1.0
                continue
            amount[q, k, :] = branch[0].amount
            amount[q, k, : len(branch)] = [o.amount for o in branch]
            probability[q, k, : len(branch)], ambiguity[q, k, : len(branch)] = _odds(branch)
            delay[q, k, : len(branch)] = [o.delay for o in branch]
    return Stimuli(
        amount=amount,
        probability=probability,
        largest=amount.max(axis=(1, 2)),
        smallest=amount.min(axis=(1, 2)),
        delay=delay if delay.any() else None,
        other=_of_other(questions, options),
        ambiguity=ambiguity if ambiguity.any() else None,
        reference=np.full(len(questions), _largest(amount) if reference is None else reference),
    )


def declared(arrays: Stimuli, options: Sequence[str], variables: Sequence[Mapping[str, Value]]) -> Stimuli:
    """`arrays` with the numbers that the options stand for, and those among the variables of each question (items' and
    factors') that are numbers everywhere."""
    grid = numbers(options)
    names = [name for name in (variables[0] if variables else {}) if all(_is_number(v.get(name)) for v in variables)]
    return replace(
        arrays,
        answers=None if grid is None else np.tile(grid, (len(arrays.largest), 1)),
        variables={name: np.array([float(v[name]) for v in variables]) for name in names},
    )


def numbers(options: Sequence[str], *, divisions: bool = False) -> np.ndarray | None:
    """(k,) what the options stand for where all are ascending numbers ("0", "10", "2.5"); None of other options.

    With `divisions` that of a division among accounts ("60, 40") is the first one's part.
    """
    try:
        found = np.array([float(option.split(", ")[0] if divisions else option) for option in options])
    except ValueError:
        return None
    return found if len(found) > 1 and bool((np.diff(found) > 0).all()) else None


def check_domain(theory: Theory, arrays: Stimuli) -> None:
    """Raises DataError, with the theories that would do, where the outcomes lie outside the theory's domain."""
    from replicator.theories import THEORIES

    problem = _outside(theory, arrays)
    if problem is not None:
        concerned = {
            "delay": arrays.delay is not None,
            "other": arrays.other is not None,
            "ambiguity": arrays.ambiguity is not None,
            "state": arrays.payoff is not None,
            "number": arrays.answers is not None,
        }
        fitting = [
            name
            for name, other in THEORIES.items()
            if other.response == "choice" and _outside(other, arrays) is None and all(concerned[c] for c in other.reads)
        ]
        remedy = f"Theories that read all of it: {', '.join(fitting)}." if fitting else "No theory reads all of it."
        raise DataError(f'theory "{theory.name}" {problem}.', remedy=remedy)


def _outside(theory: Theory, arrays: Stimuli) -> str | None:
    problem = _unread(theory, arrays)
    if problem is not None:
        return problem
    if not theory.losses and float(arrays.smallest.min()) < 0:
        return f"is about gains, but an option loses {-float(arrays.smallest.min()):g}"
    if arrays.delay is not None and "delay" not in theory.reads:
        return "reads immediate outcomes only, and an option is paid later"
    if arrays.other is not None and "other" not in theory.reads:
        return "reads own outcomes only, and an option gives to another person"
    if arrays.ambiguity is not None and "ambiguity" not in theory.reads:
        return "needs known probabilities, and one is an interval"
    return None


def _own_branches(outcomes: Sequence[Outcome], options: Sequence[str]) -> list[list[Outcome]]:
    """What each option may pay oneself."""
    branches: dict[str, list[Outcome]] = {name: [] for name in options}
    for outcome in outcomes:
        if outcome.option in branches and outcome.to == "self" and outcome.probability_high > 0:
            branches[outcome.option].append(outcome)
    return list(branches.values())


def _odds(branch: Sequence[Outcome]) -> tuple[np.ndarray, np.ndarray]:
    """(b,) the middle of every branch's probability, and the width of its interval.

    Intervals are first cut to what the others leave possible: with two branches the middles then sum to one. Where
    those of three or more do not, they are moved together, each in proportion to its width. Branches at different
    dates are paid independently of one another.
    """
    low, high = (np.array([getattr(o, f"probability_{end}") for o in branch]) for end in ("low", "high"))
    if (low == high).all():
        return low, high - low
    for date in {o.delay for o in branch}:
        here = np.array([o.delay == date for o in branch])
        lows, highs = low[here], high[here]
        low[here] = np.maximum(lows, 1.0 - (highs.sum() - highs))
        high[here] = np.minimum(highs, 1.0 - (lows.sum() - lows))
    middle, width = (low + high) / 2.0, high - low
    for date in {o.delay for o in branch}:
        here = np.array([o.delay == date for o in branch])
        if width[here].any():
            middle[here] += (1.0 - middle[here].sum()) * width[here] / width[here].sum()
    return middle, width


def _largest(amount: np.ndarray) -> float:
    return float(np.abs(amount).max()) if amount.any() else 1.0


def _unread(theory: Theory, arrays: Stimuli) -> str | None:
    """What of games and of answers in numbers a theory does not read, or misses."""
    if arrays.payoff is not None and "state" not in theory.reads:
        return "reads what options give, and here that depends on what another player does"
    if "number" in theory.reads:
        if arrays.answers is None:
            return "is about answers in numbers on a grid"
        for name in theory.variables:
            if name not in arrays.variables:
                return f'reads the number "{name}", and not every item or factor level declares it'
    elif not np.any(arrays.largest) and not np.any(arrays.smallest):
        return "reads what answers pay, and they pay nothing"
    return None if theory.outside is None else theory.outside(arrays)


def _unpaid(questions: int, options: int) -> Stimuli:
    """Answers that pay nothing by themselves."""
    nothing, alike = np.zeros((questions, options, 1)), np.zeros(questions)
    return Stimuli(nothing, np.ones_like(nothing), largest=alike, smallest=alike)


def _is_number(value: Value | None) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def _of_other(questions: Sequence[Sequence[Outcome]], options: Sequence[str]) -> np.ndarray | None:
    """(q, k) what another person gets; None where no outcome is anybody else's."""
    if all(outcome.to == "self" for outcomes in questions for outcome in outcomes):
        return None
    given = np.zeros((len(questions), len(options)))
    place = {name: k for k, name in enumerate(options)}
    for q, outcomes in enumerate(questions):
        for outcome in outcomes:
            if outcome.to != "self":
                given[q, place[outcome.option]] += outcome.amount
    return given


def _check(outcomes: Sequence[Outcome], options: Sequence[str]) -> None:
    named = {outcome.option for outcome in outcomes}
    for name in options:
        if name not in named:
            raise DataError(f'option "{name}" gives nothing that a theory can read')
    others = dict.fromkeys(outcome.to for outcome in outcomes if outcome.to != "self")
    if len(others) > 1:
        raise DataError(f"theories read one other person, and there are several: {', '.join(others)}")
    for outcome in outcomes:
        if outcome.to != "self" and (outcome.probability_low != 1.0 or outcome.delay != 0):
            raise DataError(
                f'option "{outcome.option}" gives to {outcome.to} only perhaps or later; theories read what others '
                "surely get"
            )
