"""The loop: every trial is put to every engine once, and what was ever answered is not asked again."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import takewhile
from typing import Any

import pyarrow as pa

from replicator import choices, prompt, redaction
from replicator.design import Trial
from replicator.engines.engine import Answer, Engine, Question
from replicator.errors import RunError
from replicator.experiment import Experiment, Value
from replicator.response import NO_FORM
from replicator.store import AnswerStore

Progress = Callable[[int, int, str], None]
"""Told (trials answered, of how many, population) before a population's first batch and after each."""

SUM_TOLERANCE = 1e-6
"""How far from 1 an engine's probabilities may sum."""


def collect(
    experiment: Experiment,
    engines: Sequence[Engine],
    trials: Sequence[Trial],
    store: AnswerStore,
    *,
    since: float = 0.0,
    progress: Progress | None = None,
) -> pa.Table:
    """The table of choices of all engines, one row per engine and trial it can answer.

    Only what the store lacks is asked, each distinct question once, and every batch is stored before the next
    is asked: a killed run loses at most one batch. Stored answers count that were given `since` then (seconds
    of the epoch). An answer whose status is `error` becomes a row but is asked again next time. Raises RunError
    where an engine breaks its promise, DataError where the store holds what no engine can have said.
    """
    questions = [Question(trial, prompt.render(experiment, trial)) for trial in trials]
    return choices.join([_population(experiment, engine, questions, store, since, progress) for engine in engines])


def requests(engine: Engine, questions: Sequence[Question]) -> list[tuple[str, Question]]:
    """Each question that the engine can answer, with its hash.

    Exact probabilities of the same words are the same answer. Drawn answers are not: of the trials put in the
    same words the first takes draw 0, the second draw 1, and so on, or one draw would count as several.
    """
    seen: Counter[str] = Counter()
    numbered: list[tuple[str, Question]] = []
    who = _who(engine)
    for question in questions:
        if not askable(engine, question.trial):
            continue
        request = first = _hash(who, engine, question)
        if seen[first] and question.trial.elicitation != "probability":
            question = replace(question, draw=seen[first])
            request = _hash(who, engine, question)
        seen[first] += 1
        numbered.append((request, question))
    return numbered


def request_hash(engine: Engine, question: Question) -> str:
    """sha256 of all that determines the answer: who is asked and what they get to see.

    An engine that reads text sees the prompt; any other sees the trial's numbers and how they are presented.
    """
    return _hash(_who(engine), engine, question)


def askable(engine: Engine, trial: Trial) -> bool:
    """Whether the engine can answer: a question about the text alone means nothing to one that reads none."""
    return engine.reads_text or trial.check is None or bool(trial.outcomes)


def batches(engine: Engine, distinct: Mapping[str, Question], known: Set[str]) -> Iterator[dict[str, Question]]:
    """Batches of at most the engine's size. Prompts that begin alike stand together: an engine can share the work.

    All questions are cut into batches, and those `known` are left out of them afterwards: what a model computes
    depends, in its last digits, on what shares a batch, and a resumed run shall give the very same table.
    """
    todo = list(distinct.items())
    if engine.reads_text:
        todo.sort(key=lambda pair: _text(pair[1]))
    start = 0
    while start < len(todo):
        end = start + max(1, engine.batch_size)
        if engine.reads_text and end < len(todo):
            end = _cut([question for _, question in todo[start : end + 1]]) + start
        if batch := {request: question for request, question in todo[start:end] if request not in known}:
            yield batch
        start = end


def _population(
    experiment: Experiment,
    engine: Engine,
    questions: Sequence[Question],
    store: AnswerStore,
    since: float,
    progress: Progress | None,
) -> pa.Table:
    asked = requests(engine, questions)
    hashes = [request for request, _ in asked]
    distinct = dict(asked)
    answers = store.get_many(distinct, since=since)
    _check_stored(engine, distinct, answers, store)
    # Trials are what is counted everywhere, and some are put to a model in the very same words.
    trials_of = Counter(hashes)
    done = sum(trials_of[request] for request in answers)
    _tell(progress, done, len(asked), engine)
    for batch in batches(engine, distinct, frozenset(answers)):
        new = _ask(engine, batch)
        store.put_many({request: answer for request, answer in new.items() if answer.status != "error"})
        answers.update(new)
        done += sum(trials_of[request] for request in new)
        _tell(progress, done, len(asked), engine)
    return _table(experiment, engine, [question.trial for _, question in asked], hashes, answers)


def _tell(progress: Progress | None, done: int, total: int, engine: Engine) -> None:
    if progress is not None:
        progress(done, total, engine.name)


def _cut(questions: Sequence[Question]) -> int:
    """How many of the questions, all but one at most, make a batch: in their second half, where neighbours have
    least in common.
    """
    places = range(len(questions) - 1, (len(questions) - 1) // 2, -1)
    return min(places, key=lambda place: _shared(questions[place - 1], questions[place]))


def _shared(one: Question, other: Question) -> int:
    """Characters that two prompts have in common at their beginning."""
    pairs = zip("\n".join(_text(one)), "\n".join(_text(other)), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _text(question: Question) -> tuple[str, str, str]:
    return question.prompt.system or "", question.prompt.user, question.prompt.cue


def _ask(engine: Engine, batch: Mapping[str, Question]) -> dict[str, Answer]:
    answers = list(engine.answer(list(batch.values())))
    if len(answers) != len(batch):
        raise RunError(f"{len(batch)} questions got {len(answers)} answers.", where=engine.name)
    for question, answer in zip(batch.values(), answers, strict=True):
        _check(engine, question, answer)
    return {request: _clean(answer) for request, answer in zip(batch, answers, strict=True)}


def _clean(answer: Answer) -> Answer:
    """What went wrong may quote the key that was sent along; it becomes a row."""
    if answer.status != "error" or answer.text is None:
        return answer
    return replace(answer, text=redaction.text(answer.text))


def _check_stored(
    engine: Engine, distinct: Mapping[str, Question], answers: Mapping[str, Answer], store: AnswerStore
) -> None:
    try:
        for request, answer in answers.items():
            _check(engine, distinct[request], answer)
    except (RunError, TypeError):
        raise store.damaged() from None


def _check(engine: Engine, question: Question, answer: Answer) -> None:
    """An answer that breaks the protocol must never reach the store."""
    where = f"{engine.name}, item {question.trial.item}"
    if (answer.status == "valid") != (answer.probabilities is not None):
        raise RunError(f"the status is {answer.status} but probabilities say otherwise.", where=where)
    if answer.probabilities is None:
        return
    if len(answer.probabilities) != len(question.trial.options):
        raise RunError("there are not as many probabilities as options.", where=where)
    if not question.trial.options:
        if answer.value is None or not math.isfinite(answer.value):
            raise RunError("there is neither an option nor a number.", where=where)
        return
    numbers = (*answer.probabilities, 0.0 if answer.label_mass is None else answer.label_mass)
    if not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise RunError(
            "a probability is not a finite number.",
            where=where,
            remedy="The model's weights or its number format may be broken; try --model-args dtype=float32.",
        )
    if answer.bounds is not None and len(answer.bounds) != len(answer.probabilities):
        raise RunError("there are not as many bounds as probabilities.", where=where)
    if answer.bounds is not None and not all(
        0 <= low <= p <= high <= 1 for p, (low, high) in zip(answer.probabilities, answer.bounds, strict=True)
    ):
        raise RunError("a probability lies outside its bounds.", where=where)
    if abs(math.fsum(answer.probabilities) - 1) > SUM_TOLERANCE:
        raise RunError(f"probabilities sum to {math.fsum(answer.probabilities):.6g}, not 1.", where=where)


# What identifies a question


def _hash(who: str, engine: Engine, question: Question) -> str:
    """`request_hash`; `who` is the engine's identity as `_who` spells it."""
    text = f'{{"engine":{who},"question":{_spelled(engine, _content(engine, question))}}}'
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _who(engine: Engine) -> str:
    return _spelled(engine, _canonical(engine.identity))


def _spelled(engine: Engine, content: Any) -> str:
    """As JSON that is the same for the same content."""
    try:
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise RunError("its identity holds a number that is not finite.", where=engine.name) from None


def _content(engine: Engine, question: Question) -> Mapping[str, Any]:
    trial = question.trial
    common: dict[str, Any] = {
        "response": trial.response,
        "elicitation": trial.elicitation,
        "repeat": trial.repeat,
        # A reply is read by these; other answers have none, and keep the hashes that they had.
        **({} if trial.form == NO_FORM else {"form": vars(trial.form), "displayed": trial.displayed}),
    }
    if trial.subject is not None and trial.elicitation != "probability":
        common["subject"] = trial.subject  # two personas in the same words are two who are asked
    if question.draw:
        common["draw"] = question.draw
    if engine.reads_text:
        words = question.prompt
        return common | {
            "system": words.system,
            "user": words.user,
            "cue": words.cue,
            "answers": words.answers,
        }
    return common | {
        "experiment": trial.experiment,
        "factors": _canonical(trial.factors),
        "stimulus": _canonical(trial.stimulus),
        "outcomes": [_canonical(vars(outcome)) for outcome in trial.outcomes],
        "options": trial.options,
        "order": trial.order,
        "wording": trial.wording,
        "labels": trial.labels,
    }


def _canonical(value: Any) -> Any:
    """The same value in one spelling: 1.0 and 1 are one stake."""
    if isinstance(value, Mapping):
        return {str(key): _canonical(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(part) for part in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


# From answers to rows


def _table(
    experiment: Experiment,
    engine: Engine,
    trials: Sequence[Trial],
    hashes: Sequence[str],
    answers: Mapping[str, Answer],
) -> pa.Table:
    given = [answers[request] for request in hashes]
    columns: dict[str, choices.Column] = {
        "experiment": experiment.name,
        "population": engine.population,
        "model": engine.name,
        "subject": [trial.subject for trial in trials],
        **_named("attribute", [trial.attributes for trial in trials]),
        "item": [trial.item for trial in trials],
        "condition": [trial.condition for trial in trials],
        **_named("factor", [trial.factors for trial in trials]),
        **_named("stimulus", [trial.stimulus for trial in trials]),
        "outcomes": choices.Shared.of(trial.outcomes for trial in trials),
        "wording": [trial.wording for trial in trials],
        "labels": [trial.label_set for trial in trials],
        "order": ["|".join(trial.displayed) for trial in trials],
        "language": [trial.language for trial in trials],
        "layout": [trial.layout for trial in trials],
        "repeat": [trial.repeat for trial in trials],
        "elicitation": [trial.elicitation for trial in trials],
        "response": [trial.response for trial in trials],
        "options": choices.Shared.of(trial.options for trial in trials),
        "probabilities": choices.Shared.of(answer.probabilities for answer in given),
        "probability_low": choices.Shared.of(_side(answer, 0) for answer in given),
        "probability_high": choices.Shared.of(_side(answer, 1) for answer in given),
        "value": [_value(trial, answer) for trial, answer in zip(trials, given, strict=True)],
        "label_mass": [answer.label_mass for answer in given],
        "status": [answer.status for answer in given],
        "text": [answer.text for answer in given],
        # Nobody is paid; simulated participants are not even told that they might be.
        "incentive": "hypothetical" if engine.reads_text else "none",
        "unit": experiment.unit,
        "request_hash": list(hashes),
    }
    return choices.build(len(trials), columns)


def _side(answer: Answer, side: int) -> tuple[float, ...] | None:
    """The lower (0) or upper (1) bounds of an answer's probabilities; None where they are exact."""
    return None if answer.bounds is None else tuple(pair[side] for pair in answer.bounds)


def _value(trial: Trial, answer: Answer) -> float | None:
    """The number that was answered, of a distribution its mean; None for choices and allocations."""
    if answer.probabilities is None or trial.response in ("choice", "allocation"):
        return None
    if not trial.options:
        return answer.value
    return math.fsum(float(x) * p for x, p in zip(trial.options, answer.probabilities, strict=True))


def _named(prefix: str, rows: Sequence[Mapping[str, Value | None]]) -> dict[str, choices.Column]:
    """One column per name that occurs; null where a row lacks it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {f"{prefix}.{name}": [row.get(name) for row in rows] for name in names}
