"""Sampled answers: a model writes text that is parsed; simulated participants draw from their probabilities.

Every answer has a generator of its own, seeded by the run's seed and by what is asked (with its repeat), so
that it does not depend on what else is in its batch (but for rounding in the forward pass).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from replicator.engines.engine import Answer, Engine, Question, Writer, Written
from replicator.parsing import parse_amount, parse_choice
from replicator.parsing_divisions import parse_allocation
from replicator.parsing_numbers import parse_number, parse_rating
from replicator.prompt import Prompt
from replicator.replies import Parsed

MAX_NEW_TOKENS = 64
PARSER = 3
"""Raised when the same reply would be read differently; part of the identity."""


Drawn = Literal["sample", "verbalised", "reasoning"]
"""Elicitations whose answers are written, or follow what is written."""


@dataclass(frozen=True)
class Sampling:
    """How answers are drawn."""

    seed: int = 0
    temperature: float = 1.0
    elicitation: Drawn = "sample"


class SampledEngine:
    """Another engine's answers, drawn one at a time."""

    most = MAX_NEW_TOKENS
    """Tokens of what is written."""
    reader = PARSER
    """Version of what reads it."""

    def __init__(self, inner: Engine, sampling: Sampling) -> None:
        self.inner = inner
        self._sampling = sampling
        self.name = inner.name
        self.population: Literal["model", "simulated"] = inner.population
        self.reads_text = inner.reads_text
        self._identity = json.dumps(self.identity, sort_keys=True)

    @property
    def batch_size(self) -> int:
        return self.inner.batch_size

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.inner.facts

    @property
    def identity(self) -> Mapping[str, Any]:
        drawn: dict[str, Any] = {"seed": self._sampling.seed}
        if self.reads_text:
            temperature = self._sampling.temperature
            drawn |= {"temperature": temperature, "max_new_tokens": self.most, "parser": self.reader}
        return {**self.inner.identity, "sampling": drawn}

    def answer(self, questions: Sequence[Question]) -> Iterator[Answer]:
        """One answer a question, in order."""
        for question, answer in zip(questions, self.inner.answer(questions), strict=True):
            yield self._drawn(question, answer)

    def seed(self, question: Question) -> int:
        """Of the random numbers that belong to one question, repeat and draw."""
        trial = question.trial
        words = question.prompt
        shown: list[Any] = [{"system": words.system, "user": words.user, "cue": words.cue, "answers": words.answers}]
        if not self.reads_text:
            shown += [dict(trial.factors), dict(trial.stimulus), trial.wording, trial.order]
        if trial.subject is not None:
            shown.append(trial.subject)  # two personas in the same words are two who are asked
        which = [trial.repeat, question.draw] if question.draw else [trial.repeat]
        digest = hashlib.sha256(json.dumps([self._identity, *shown, *which]).encode()).digest()
        return int.from_bytes(digest[:16], "big")

    def _drawn(self, question: Question, answer: Answer) -> Answer:
        if answer.probabilities is None:
            return answer
        generator = np.random.default_rng(self.seed(question))
        index = int(generator.choice(len(answer.probabilities), p=answer.probabilities))
        return Answer(_one(index, len(answer.probabilities)), None, "valid")


class SampledText(SampledEngine):
    """A model that writes its answers."""

    def __init__(self, inner: Writer, sampling: Sampling) -> None:
        super().__init__(inner, sampling)
        self._model = inner

    def answer(self, questions: Sequence[Question]) -> Iterator[Answer]:
        """One answer a question, in order."""
        replies = self._written(questions, [question.prompt for question in questions])
        for question, reply in zip(questions, replies, strict=True):
            yield self.read(question, reply)

    def read(self, question: Question, reply: Written) -> Answer:
        """What a written reply says."""
        return read(question, reply)

    def _written(self, questions: Sequence[Question], prompts: Sequence[Prompt]) -> Iterator[Written]:
        """A reply to each prompt, drawn as its question's."""
        seeds = [self.seed(question) for question in questions]
        return self._model.write(prompts, seeds, temperature=self._sampling.temperature, most=self.most)


def read(question: Question, reply: Written) -> Answer:
    """What a written reply says."""
    if reply.end == "failed":
        return Answer(None, None, "error", reply.text)
    parsed = _parsed(question, reply.text, truncated=reply.end == "length")
    if parsed.value is not None:
        return Answer((), None, parsed.status, reply.text, value=parsed.value)
    chosen = None if parsed.choice is None else _one(parsed.choice, len(question.prompt.answers))
    return Answer(chosen, None, parsed.status, reply.text)


def _parsed(question: Question, text: str, *, truncated: bool) -> Parsed:
    answers, trial = question.prompt.answers, question.trial
    match trial.response:
        case "choice":
            return parse_choice(text, answers, truncated=truncated)
        case "amount" | "threshold":
            return parse_amount(text, answers, truncated=truncated)
        case "number":
            return parse_number(text, answers, trial.form, truncated=truncated)
        case "rating":
            return parse_rating(text, answers, trial.form, truncated=truncated)
        case "allocation":
            return parse_allocation(text, answers, trial.displayed, trial.form, truncated=truncated)


def _one(index: int, count: int) -> tuple[float, ...]:
    return tuple(float(place == index) for place in range(count))
