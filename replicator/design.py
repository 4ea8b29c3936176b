"""An experiment becomes trials: every question to be asked, with how it is presented.

Items are crossed with treatment cells, wordings, label sets and orders of the options, so that no
preference is confounded with where an option stood, what it was called or how it was put. Nothing is drawn
at random while every order fits; the same arguments give the same trials in the same order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from replicator.errors import UsageError
from replicator.experiment import Check, Experiment, Outcome, ResponseType, Value, condition_name
from replicator.orders import orders
from replicator.response import NO_FORM, Form

DEFAULT_LABELS = (tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), tuple(str(number) for number in range(1, 27)))
"""Label sets of a comprehension check whose experiment has none of the right length."""

LIST = "list"
"""The layout that shows all items of a condition as rows of one list and asks about one of them."""

LABELS = "labels"
NAMES = "names"
"""The answer formats: an option is named by the label that it is shown with, or by its own name."""

FORECAST_AMOUNTS = 11
"""Most amounts whose frequencies may be forecast one by one, as in a histogram of beliefs over 0, 10, ..., 100%."""

COMPREHENSION = "comprehension"
"""The condition of every comprehension check."""

CHECK_PREFIX = "check-"
"""Beginning of a comprehension check's item id."""


@dataclass(frozen=True)
class Trial:
    """One question in one presentation."""

    experiment: str
    item: str
    condition: str
    factors: Mapping[str, Value]
    stimulus: Mapping[str, Value]
    """The item's variables."""
    outcomes: tuple[Outcome, ...]
    """What every option gives; empty for a read-back check."""
    options: tuple[str, ...]
    """In the experiment's own order; of answers in numbers all that may be given, as text."""
    response: ResponseType
    wording: str
    labels: tuple[str, ...]
    """By displayed position: an option's label, or the point of a scale. Empty for other answers."""
    order: tuple[int, ...]
    """`order[d]` is the index of the option (of an allocation, the account) displayed at position d; empty for
    an amount or a number."""
    check: str | None = None
    """Id of the comprehension check that this trial asks."""
    language: str = "en"
    layout: str = "single"
    answers: str = LABELS
    """How options are named in answers: by labels, or by their own names."""
    repeat: int = 0
    elicitation: str = "probability"
    subject: str | None = None
    """Name of the persona that is asked; None where the model is asked as itself (see `personas`)."""
    persona: str | None = None
    """What the model reads of the persona before the question: text, never a template."""
    attributes: Mapping[str, Value | None] = field(default_factory=dict)
    """Of the persona."""
    form: Form = NO_FORM
    """How answers in numbers look."""

    @property
    def displayed(self) -> tuple[str, ...]:
        """What stood at each displayed position: options, or the accounts of an allocation."""
        names = self.form.accounts or self.options
        return tuple(names[place] for place in self.order)

    @property
    def label_set(self) -> str:
        """The labels as displayed, "A|B"; where options go by their names, these in the experiment's own order, and so
        the points of a scale."""
        return "|".join(self.options if self.answers == NAMES or self.response == "rating" else self.labels)

    @property
    def set_apart(self) -> Mapping[str, str]:
        """What of its presentation makes its condition another: `{"layout": "list", "answers": "names"}`."""
        return _set_apart(self.layout, self.answers)


def trials(
    experiment: Experiment,
    *,
    levels: Mapping[str, Sequence[Value]] | None = None,
    limit: int | None = None,
    seed: int = 0,
    layouts: Sequence[str] = (),
    answers: Sequence[str] = (),
) -> tuple[Trial, ...]:
    """Every trial of an experiment, comprehension checks last.

    `levels` chooses factor levels (a factor's defaults where it names none); `limit` keeps the first items,
    so that every condition keeps its full counterbalance; `seed` matters only with more than four options,
    where it picks the Latin square; `layouts` and `answers` choose among those that the experiment offers (the
    first of each where none is named), and are conditions of their own, so that unlike presentations are never
    averaged. Trials with the same wording and treatment stand together, because their prompts begin alike.
    Raises UsageError for a factor, layout or answer format that the experiment does not have.
    """
    _check_factors(experiment, levels or {})
    shown_as = experiment.presentation
    layouts = _chosen(experiment, "layout", layouts, shown_as.layout)
    formats = _chosen(experiment, "answer format", answers, shown_as.answers)
    conditions = experiment.conditions(levels)
    cells = [
        (item.id, levels_of, _question(experiment, item.variables, levels_of))
        for levels_of in conditions
        for item in experiment.items[:limit]
    ]
    asked = tuple(
        _trial(experiment, item, _condition(levels_of, layout, named), levels_of, question, wording, shown, layout)
        for layout, named in itertools.product(layouts, formats)
        for wording in experiment.wordings
        for _, group in itertools.groupby(cells, key=lambda cell: condition_name(cell[1]))
        for shown, (item, levels_of, question) in _crossed(experiment, list(group), seed, named)
    )
    return asked + tuple(_checks(experiment, conditions[0], seed))


def repeated(asked: Sequence[Trial], repeats: int, elicitation: str = "sample") -> tuple[Trial, ...]:
    """Every trial as many times, to be answered in writing.

    Comprehension checks are not forecast: how many people would pass them says nothing of who is asked. Raises
    UsageError for an amount with more values than can be forecast one by one.
    """
    if elicitation == "verbalised":
        asked = [trial for trial in asked if trial.check is None]
        _check_forecast(asked)
    return tuple(replace(trial, elicitation=elicitation, repeat=repeat) for trial in asked for repeat in range(repeats))


def require_answers(experiment: Experiment, elicitation: str) -> None:
    """Raises UsageError where the answers cannot be listed, and so have no probabilities that could be read."""
    if experiment.response.is_open and elicitation != "sample":
        raise UsageError(
            'this number can only be sampled: probability elicitation needs "min", "max" and "step".',
            where=experiment.name,
            remedy="Take --elicitation sample, or add the three to its response.",
        )


@dataclass(frozen=True)
class Size:
    """How much is asked of every model."""

    questions: int
    """The experiment's own: items in every condition and presentation."""
    checks: int
    """Comprehension checks in every presentation."""
    text_checks: int
    """Those of the checks that are about the text alone, and so are not put to simulated participants."""

    def __str__(self) -> str:
        checks = f" and {self.checks:,} comprehension checks" if self.checks else ""
        left = f"{self.checks - self.text_checks:,}" if self.checks > self.text_checks else "none"
        fewer = f" ({left} for participants, who read no text)" if self.text_checks else ""
        return f"{self.questions:,} questions{checks} a model{fewer}"


def size(asked: Sequence[Trial]) -> Size:
    """Questions and comprehension checks among trials."""
    checks = [trial for trial in asked if trial.check is not None]
    return Size(len(asked) - len(checks), len(checks), sum(not trial.outcomes for trial in checks))


@dataclass(frozen=True)
class _Question:
    """What is asked, before it is decided how."""

    stimulus: Mapping[str, Value]
    outcomes: tuple[Outcome, ...]
    options: tuple[str, ...]
    response: ResponseType
    form: Form = NO_FORM


@dataclass(frozen=True)
class _Shown:
    """How the options are displayed."""

    labels: tuple[str, ...]
    order: tuple[int, ...]
    answers: str = LABELS


_Cell = tuple[str, Mapping[str, Value], _Question]


def _question(experiment: Experiment, stimulus: Mapping[str, Value], levels: Mapping[str, Value]) -> _Question:
    variables = {**levels, **stimulus}
    return _Question(
        stimulus,
        experiment.outcomes(variables),
        experiment.option_names(variables),
        experiment.response.type,
        experiment.form(variables),
    )


def _condition(levels: Mapping[str, Value], layout: str, answers: str) -> str:
    """The treatment cell with what else sets its questions apart: "stakes=20,layout=list"."""
    return condition_name({**levels, **_set_apart(layout, answers)})


def _set_apart(layout: str, answers: str) -> dict[str, str]:
    apart = {"layout": layout} if layout == LIST else {}
    return apart | ({"answers": answers} if answers == NAMES else {})


def _crossed(experiment: Experiment, cells: Sequence[_Cell], seed: int, answers: str) -> Iterator[tuple[_Shown, _Cell]]:
    """Presentations x cells, presentations outermost. All cells of an experiment have as many options."""
    for shown in _presentations(experiment, cells[0][2], seed, answers) if cells else ():
        for cell in cells:
            yield shown, cell


def _presentations(experiment: Experiment, question: _Question, seed: int, answers: str = LABELS) -> list[_Shown]:
    """Label sets x orders of a choice; a scale in both directions, never shuffled; every order of the accounts
    of an allocation; the one bare presentation of an amount, a number or a threshold."""
    if question.response in ("amount", "number", "threshold"):
        return [_Shown((), ())]
    fixed = experiment.presentation.order == "fixed"
    if question.response == "rating":
        there = tuple(range(len(question.options)))
        ways = [there] if fixed else [there, there[::-1]]
        return [_Shown(tuple(question.options[point] for point in way), way) for way in ways]
    count = len(question.form.accounts or question.options)
    shown = [tuple(range(count))] if fixed else orders(count, seed)
    if question.response == "allocation":
        return [_Shown((), order) for order in shown]
    if answers == NAMES:
        return [_Shown(tuple(question.options[place] for place in order), order, NAMES) for order in shown]
    return [_Shown(labels, order) for labels in _label_sets(experiment.presentation.labels, count) for order in shown]


def _label_sets(declared: Sequence[tuple[str, ...]], count: int) -> list[tuple[str, ...]]:
    """The declared sets cut to `count` labels; where none is long enough, letters and numbers."""
    usable = [labels for labels in declared if len(labels) >= count] or DEFAULT_LABELS
    return list(dict.fromkeys(tuple(labels[:count]) for labels in usable))


def _checks(experiment: Experiment, levels: Mapping[str, Value], seed: int) -> Iterator[Trial]:
    """The comprehension checks, in the first wording and the first condition, fully counterbalanced."""
    wording = next(iter(experiment.wordings))
    for check in experiment.checks:
        question = _checked_question(experiment, check, levels)
        for shown in _presentations(experiment, question, seed):
            yield _trial(
                experiment,
                CHECK_PREFIX + check.id,
                COMPREHENSION,
                levels,
                question,
                wording,
                shown,
                "single",
                check=check.id,
            )


def _checked_question(experiment: Experiment, check: Check, levels: Mapping[str, Value]) -> _Question:
    if check.kind == "dominated":
        return _question(experiment, check.variables, levels)
    return _Question(check.variables, (), tuple(check.options), "choice")


def _trial(
    experiment: Experiment,
    item: str,
    condition: str,
    levels: Mapping[str, Value],
    question: _Question,
    wording: str,
    shown: _Shown,
    layout: str,
    check: str | None = None,
) -> Trial:
    return Trial(
        experiment=experiment.name,
        item=item,
        condition=condition,
        factors=levels,
        stimulus=question.stimulus,
        outcomes=question.outcomes,
        options=question.options,
        response=question.response,
        wording=wording,
        labels=shown.labels,
        order=shown.order,
        check=check,
        layout=layout,
        answers=shown.answers,
        form=question.form,
    )


def _chosen(experiment: Experiment, what: str, wanted: Sequence[str], offered: Sequence[str]) -> Sequence[str]:
    for one in wanted:
        if one not in offered:
            raise UsageError(
                f"there is no {what} {one!r}.", where=experiment.name, remedy=f"It offers {', '.join(offered)}."
            )
    return list(dict.fromkeys(wanted)) or offered[:1]


def _check_forecast(asked: Sequence[Trial]) -> None:
    for trial in asked:
        if trial.response != "choice" and len(trial.options) > FORECAST_AMOUNTS:
            raise UsageError(
                f"an answer with {len(trial.options)} values cannot be forecast value by value (at most "
                f"{FORECAST_AMOUNTS}), and a mean or bins would not give the shares that are compared.",
                where=trial.experiment,
                remedy="Choose levels with fewer values, or another --elicitation.",
            )


def _check_factors(experiment: Experiment, levels: Mapping[str, Sequence[Value]]) -> None:
    known = [factor.name for factor in experiment.factors]
    for name in levels:
        if name not in known:
            raise UsageError(
                f"there is no factor {name!r}.",
                where=experiment.name,
                remedy=f"Its factors: {', '.join(known) or 'none'}.",
            )
