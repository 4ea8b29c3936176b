"""A trial becomes words: what the model reads and what it may answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from replicator import template
from replicator.describe import CURRENCIES, describe, join
from replicator.design import LIST, Trial
from replicator.experiment import Check, Experiment, Value
from replicator.expression import Expression
from replicator.response import read_division, write_division

CUE = "Answer:"
FORECAST_CUE = "Forecast:"


@dataclass(frozen=True)
class Prompt:
    """One question as text. An engine decides how a chat or a base model receives it."""

    system: str | None
    """Of the persona, where one is asked. It stands first, so that all questions to a persona begin alike."""
    user: str
    cue: str
    """The beginning of the answer, prefilled on the assistant's side, e.g. "Answer:"."""
    answers: tuple[str, ...]
    """What the model must emit for each option, in the experiment's own order: a label or a number."""
    stop: str = "\n"
    """What ends a reply in a document, which would go on with something else; a chat model ends its own turn."""
    trace: str | None = None
    """What was thought before the cue, on the assistant's side; "" where thinking is about to begin, None where
    there is none."""


def render(experiment: Experiment, trial: Trial) -> Prompt:
    """The words of one trial, as its elicitation asks them.

    Raises TemplateError (a user's mistake) where a template cannot be filled in.
    """
    prompt = _decision(experiment, trial)
    return _forecast(prompt, trial) if trial.elicitation == "verbalised" else prompt


def _decision(experiment: Experiment, trial: Trial) -> Prompt:
    """The question as one decides it.

        You are an individual ...                  <- the persona, where one is asked (system)
        You choose between two lotteries.          <- the wording, filled in
        A: 10% chance of $2.00 and 90% chance of $1.60
        B: 10% chance of $3.85 and 90% chance of $0.10
        Which do you choose, A or B?
        ------------------------------------------------ assistant's side
        Answer:                                    <- the cue

    A wording sees the item's variables, the factors and `unit`; for a choice `options` (one line an option,
    as displayed) and `labels` ("A or B"); for an amount or a number `minimum`, `maximum` and `step`, as far as
    they are given; for a rating `minimum`, `maximum` and `scale` ("1 (never), 2, 3 (always)"); for an allocation
    `total`, `step`, `accounts` (one line an account, as displayed) and `form` ("sooner, later"). In the layout
    `list` `options` are those of all items, a row each, and the question ends with the row that it asks about.
    Raises TemplateError (a user's mistake) where a template cannot be filled in.
    """
    check = next((check for check in experiment.checks if check.id == trial.check), None)
    variables: dict[str, Value] = {**trial.factors, **trial.stimulus, "unit": experiment.unit}
    if trial.response != "choice":
        user = template.render(experiment.wordings[trial.wording], variables | _special(experiment, trial, variables))
        return Prompt(trial.persona, _tidy(user), _number_cue(experiment, trial), _number_answers(trial))
    options = (
        _rows(experiment, trial)
        if trial.layout == LIST
        else "\n".join(_displayed(trial, _option_texts(experiment, trial, check, variables)))
    )
    shown = variables | {"options": options, "labels": join(trial.labels, "or")}
    user = _tidy(template.render(_question(experiment, trial, check), shown))
    if trial.layout == LIST:
        user = f"{user}\n\nEvery row is a decision of its own. Answer for row {_row(experiment, trial)} only."
    return Prompt(trial.persona, user, CUE, _answers(trial))


def _forecast(prompt: Prompt, trial: Trial) -> Prompt:
    """The same question, not to be decided but forecast: of 100 people, how many give each answer?

    After SimBench's verbalised distributions (arXiv:2510.17516) and the 100 people of belief elicitation.
    """
    named = trial.labels or prompt.answers
    # The parts of a division are separated by commas themselves.
    listed = join([f'"{answer}"' if "," in answer else answer for answer in named])
    people = "100 people like those described" if prompt.system else "100 people"
    user = (
        "This question is put to people, to each of them alone:\n\n"
        f"<question>\n{prompt.user}\n</question>\n\n"
        f"Do not answer it yourself. Of {people} who are asked it, how many give each of the answers "
        f"{listed}? Write a line for each answer and nothing else, in the form "
        f'"{named[0]}: NUMBER%". The {len(named)} numbers sum to 100.'
    )
    return replace(prompt, user=user, cue=FORECAST_CUE, stop="\n\n")


def _displayed(trial: Trial, texts: list[str]) -> list[str]:
    """ "A: 10% chance of ...", one an option, as displayed."""
    return [f"{label}: {texts[index]}" for label, index in zip(trial.labels, trial.order, strict=True)]


def _rows(experiment: Experiment, trial: Trial) -> str:
    """The whole list of the trial's condition, a row an item: "Row 1. A: ...; B: ..."."""
    rows = []
    for number, item in enumerate(experiment.items, start=1):
        variables = {**trial.factors, **item.variables}
        here = replace(trial, stimulus=item.variables, outcomes=experiment.outcomes(variables))
        texts = _option_texts(experiment, here, None, variables | {"unit": experiment.unit})
        rows.append(f"Row {number}. {'; '.join(_displayed(here, texts))}")
    return "\n".join(rows)


def _row(experiment: Experiment, trial: Trial) -> int:
    """Number of the trial's item in its list."""
    return [item.id for item in experiment.items].index(trial.item) + 1


def _question(experiment: Experiment, trial: Trial, check: Check | None) -> str:
    """The template of the question: the wording, or a read-back check's own, which may leave its options
    to us.
    """
    if check is None or check.question is None:
        return experiment.wordings[trial.wording]
    if "options" in template.names(check.question):
        return check.question
    return check.question + "\n\n{{ options }}\n\nAnswer with {{ labels }} only."


def _option_texts(
    experiment: Experiment, trial: Trial, check: Check | None, variables: Mapping[str, Value]
) -> list[str]:
    """Text of each option in the experiment's own order."""
    if check is not None and check.kind == "read-back":
        return [template.render(check.options[name], variables) for name in trial.options]
    written = {option.name: option.text for option in experiment.options}
    return [
        describe(name, trial.outcomes) if (text := written[name]) is None else template.render(text, variables)
        for name in trial.options
    ]


def _answers(trial: Trial) -> tuple[str, ...]:
    position = {index: place for place, index in enumerate(trial.order)}
    return tuple(trial.labels[position[index]] for index in range(len(trial.options)))


def _special(experiment: Experiment, trial: Trial, variables: Mapping[str, Value]) -> dict[str, Value]:
    """What a wording of answers in numbers sees besides the item's variables and factors."""
    response = experiment.response
    if trial.response == "rating":
        ends = {"minimum": response.points[0], "maximum": response.points[-1]}
        return {**ends, "scale": ", ".join(_point(trial, point) for point in trial.order)}
    if trial.response == "allocation":
        lines = [_account(experiment, trial, place, variables) for place in trial.order]
        return {
            **_evaluated(variables, total=response.total, step=response.step),
            "accounts": "\n".join(lines),
            "form": ", ".join(trial.displayed),
        }
    return _evaluated(variables, minimum=response.minimum, maximum=response.maximum, step=response.step)


def _evaluated(variables: Mapping[str, Value], **numbers: Expression | None) -> dict[str, Value]:
    return {name: number.evaluate(variables) for name, number in numbers.items() if number is not None}


def _point(trial: Trial, point: int) -> str:
    """ "7 (very)"."""
    words = trial.form.anchors[point]
    return f"{trial.options[point]} ({words})" if words else trial.options[point]


def _account(experiment: Experiment, trial: Trial, account: int, variables: Mapping[str, Value]) -> str:
    """ "later: paid in 35 days"."""
    text = list(experiment.response.accounts.values())[account]
    name = trial.form.accounts[account]
    return name if text is None else f"{name}: {template.render(text, variables)}"


def _number_answers(trial: Trial) -> tuple[str, ...]:
    """As the options; the parts of an allocation in the order in which its accounts are displayed."""
    if trial.response != "allocation":
        return trial.options
    divided = [read_division(option) for option in trial.options]
    return tuple(write_division(tuple(parts[place] for place in trial.order)) for parts in divided)


def _number_cue(experiment: Experiment, trial: Trial) -> str:
    """Currency is prefilled, so that an answer in dollars need not begin with a sign that no option starts
    with; not before an allocation, which is several numbers, nor before a point of a scale.
    """
    money = trial.response in ("amount", "number", "threshold") and experiment.unit in CURRENCIES
    return f"{CUE} {CURRENCIES[experiment.unit]}" if money else CUE


def _tidy(text: str) -> str:
    """Without the blank lines and trailing spaces that an `if` leaves behind."""
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip()
