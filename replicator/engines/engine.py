"""Who answers: one small protocol, met by every engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from replicator.design import Trial
from replicator.prompt import Prompt

Status = Literal["valid", "refusal", "invalid", "truncated", "error", "missing"]


@dataclass(frozen=True)
class Question:
    """One trial with the words in which it is put."""

    trial: Trial
    prompt: Prompt
    draw: int = 0
    """Which of the draws for the same words and repeat this is: two trials may be put in the very same words."""


@dataclass(frozen=True)
class Answer:
    """What came back for one question."""

    probabilities: tuple[float, ...] | None
    """One per option in the experiment's own order, summing to 1; None unless valid. Empty where the answers
    cannot be listed."""
    label_mass: float | None
    """Total probability of the options before renormalising; None where the engine emits no tokens."""
    status: Status
    text: str | None = None
    """The reply or the reason of the status, where there is one."""
    bounds: tuple[tuple[float, float], ...] | None = None
    """Lowest and highest probability of each option, where only bounds are known; None where they are exact."""
    value: float | None = None
    """The number that was answered where the answers cannot be listed."""


class Engine(Protocol):
    """Answers questions. The same identity and the same question always give the same answer."""

    @property
    def name(self) -> str:
        """The population's name: the model string with its arguments."""
        ...

    @property
    def population(self) -> Literal["model", "simulated"]: ...

    @property
    def reads_text(self) -> bool:
        """Whether the prompt's words are read; simulated participants answer from the trial's outcomes."""
        ...

    @property
    def identity(self) -> Mapping[str, Any]:
        """JSON-able facts that, with a question, determine its answer. Part of every request hash."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """JSON-able facts for manifest and report (parameters, family, tuning, dtype, what the population is)."""
        ...

    @property
    def batch_size(self) -> int: ...

    def answer(self, questions: Sequence[Question]) -> Iterator[Answer]:
        """One answer a question, in order."""
        ...


@dataclass(frozen=True)
class Written:
    """A reply as it was written."""

    text: str
    """Of a failed one, the reason."""
    end: Literal["stop", "length", "failed"]
    """Whether the model ended it, ran out of tokens, or could not write at all."""


def before_stop(text: str, stops: Sequence[str]) -> str:
    """The text before the first stop that follows anything but white space."""
    start = len(text) - len(text.lstrip())
    found = [place for stop in stops if (place := text.find(stop, start)) >= 0]
    return text[: min(found)] if found else text


class Writer(Engine, Protocol):
    """An engine that reads text and can also write replies."""

    @property
    def scores_traces(self) -> bool:
        """Whether it can score options after what it has written."""
        ...

    def prompt_length(self, prompts: Sequence[Prompt]) -> int | None:
        """Tokens of all prompts; None where they cannot be counted here."""
        ...

    def write(
        self, prompts: Sequence[Prompt], seeds: Sequence[int], *, temperature: float, most: int
    ) -> Iterator[Written]:
        """A reply of at most `most` tokens for each prompt, in order, drawn with its own seed (below 2**128)."""
        ...
