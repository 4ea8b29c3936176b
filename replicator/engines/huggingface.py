"""Any causal language model of transformers as an engine: exact probabilities of the options it is offered.

Probabilities are read off the model's own distribution after the cue, at temperature 1, never masked and
never divided by an answer's length; what the options have in all is kept as the label mass.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import torch

from replicator.design import trials
from replicator.engines import chat, tokens, writing
from replicator.engines.checkpoint import RANDOM_WEIGHTS, Checkpoint, attempt, load
from replicator.engines.devices import settings
from replicator.engines.engine import Answer, Question, Written
from replicator.engines.fingerprint import chat_template_hash, tokenizer_hash
from replicator.engines.option_table import log_sum
from replicator.engines.scoring import Scorer
from replicator.engines.stream import Scored
from replicator.engines.writing import Begun
from replicator.errors import ReplicatorError, RunError, UsageError
from replicator.experiment import Experiment
from replicator.prompt import Prompt, render

ARGUMENTS = ("prompt_format", "revision", "dtype")
"""What `--model-args` may set."""

METHOD = 2
"""Raised when the same model and prompt would be scored differently; part of the identity."""

ANSWER_ROOM = 32
"""Positions that a trace leaves for the answer that is scored after it."""

BATCH_SIZES = ((100_000_000, 64), (500_000_000, 32))
"""(parameters, questions that a smaller model answers at a time on a CPU): as many as keep a user waiting for
seconds. A larger model answers LARGE_BATCH.
"""
LARGE_BATCH = 8
GPU_BATCH = 128

TOKENS_AT_ONCE = {"cpu": 384}
"""Tokens of one forward pass, by device: enough to keep it busy, and few enough that attention, which looks
at all pairs of them, stays cheap.
"""
TOKENS_AT_ONCE_ELSEWHERE = 2048


class HuggingFaceEngine:
    """Answers with one checkpoint."""

    population: Literal["model"] = "model"
    reads_text = True
    scores_traces = True

    def __init__(
        self,
        name: str,
        checkpoint: Checkpoint,
        *,
        prompt_format: str | None = None,
        batch_size: int | None = None,
        first: Prompt | None = None,
    ) -> None:
        """`first` is the run's first prompt, whose first tokens are put on record.

        Raises UsageError for an unknown prompt format, DataError for a chat template that cannot be used.
        """
        self.name = name
        self._checkpoint = checkpoint
        self._tokenizer = checkpoint.tokenizer
        self._form = chat.prompt_format(checkpoint.tokenizer, prompt_format)
        self._parameters = sum(weight.numel() for weight in checkpoint.model.parameters())
        self.batch_size = batch_size or _default_batch_size(checkpoint.device, self._parameters)
        self._limit = getattr(checkpoint.config.get_text_config(), "max_position_embeddings", None)
        self._vocabulary = _vocabulary(checkpoint)
        # A first pass is made here, so that a model that cannot run is found before anything is asked.
        self._scorer = attempt(name, "a first forward pass failed", lambda: _scorer(checkpoint, self._vocabulary))
        self._tokenizer_hash = tokenizer_hash(checkpoint.tokenizer)
        self._template_hash = chat_template_hash(checkpoint.tokenizer)
        self._first_ids = None if first is None else self._context(first)[1][:8]
        self._trie = lru_cache(maxsize=256)(self._new_trie)

    @property
    def identity(self) -> Mapping[str, Any]:
        return {
            "engine": "huggingface",
            "method": METHOD,
            **self._checkpoint.version,
            "dtype": self._dtype,
            "device": self._checkpoint.device.type,
            "prompt_format": self._form,
            "tokenizer": self._tokenizer_hash,
            "chat_template": self._template_hash if self._form == "chat" else None,
            # Only where it applies, so that other models keep their identity.
            **({"thinking": "off"} if self._thinks else {}),
        }

    @property
    def facts(self) -> Mapping[str, Any]:
        config = self._checkpoint.config
        drawn = bool(getattr(config, RANDOM_WEIGHTS, False))
        return {
            "description": _describe(config, drawn),
            "parameters": self._parameters,
            "model_family": config.model_type,
            "architecture": type(self._checkpoint.model).__name__,
            "tuning": "chat" if self._template_hash else "base",
            "random_weights": drawn,
            "dtype": self._dtype,
            "device": self._checkpoint.device.type,
            "prompt_format": self._form,
            "position_limit": self._limit,
            "shared_cache": self._scorer.shared,
            "tokenizer_hash": self._tokenizer_hash,
            "chat_template_hash": self._template_hash,
            "first_token_ids": self._first_ids,
            **self._checkpoint.version,
        }

    def answer(self, questions: Sequence[Question]) -> Iterator[Answer]:
        """One answer a question, in order; `batch_size` questions are read and answered at a time.

        Raises RunError where a single token does not fit into memory.
        """
        for start in range(0, len(questions), self.batch_size):
            yield from self._answer_batch(questions[start : start + self.batch_size])

    def write(
        self, prompts: Sequence[Prompt], seeds: Sequence[int], *, temperature: float, most: int
    ) -> Iterator[Written]:
        """A reply for each prompt, in order; equal prompts (repeats) share their forward pass.

        Raises RunError where a single reply does not fit into memory.
        """
        begun = [self._begun(prompt, seed, most) for prompt, seed in zip(prompts, seeds, strict=True)]
        start = 0
        while start < len(begun):
            batch = begun[start : start + self.batch_size]
            written = self._written(batch, temperature)
            if written is None:
                self.batch_size = max(1, len(batch) // 2)
                continue
            yield from written
            start += len(batch)

    def prompt_length(self, prompts: Sequence[Prompt]) -> int:
        """Tokens of all prompts."""
        return sum(len(self._context(prompt)[1]) for prompt in prompts)

    def _begun(self, prompt: Prompt, seed: int, most: int) -> Begun | Written:
        _, ids = self._context(prompt)
        if self._limit is not None:
            most = min(most, self._limit - len(ids) - (0 if prompt.trace is None else ANSWER_ROOM))
        if most < 1:
            return Written("the prompt and its reply do not fit into the model's positions", "failed")
        return Begun(tuple(ids), seed, most, chat.stops(self._tokenizer, prompt, self._form))

    def _written(self, batch: Sequence[Begun | Written], temperature: float) -> list[Written] | None:
        """None where memory ran out and a smaller batch is worth a try."""
        asked = [begun for begun in batch if isinstance(begun, Begun)]
        try:
            replies = iter(
                writing.write(
                    self._checkpoint.model,
                    self._tokenizer,
                    asked,
                    temperature=temperature,
                    ends=self._ends,
                    shared=self._scorer.shared,
                )
                if asked
                else ()
            )
        except (MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
        else:
            return [begun if isinstance(begun, Written) else next(replies) for begun in batch]
        self._free_memory(smaller=len(batch) > 1)
        return None

    @property
    def _thinks(self) -> bool:
        """Whether its chat template has a place for thinking; scoring without a trace leaves that empty."""
        return self._form == "chat" and chat.thinking(self._tokenizer) is not None

    @property
    def _ends(self) -> set[int]:
        """Tokens that end a reply."""
        config = self._checkpoint.model.generation_config
        ends = config.eos_token_id if config is not None else None
        known = {self._tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
        return {end for end in known if end is not None}

    def _answer_batch(self, questions: Sequence[Question]) -> list[Answer]:
        contexts = [self._context(question.prompt) for question in questions]
        prepared = [self._prepare(question, *context) for question, context in zip(questions, contexts, strict=True)]
        answers: dict[int, Answer] = {i: item for i, item in enumerate(prepared) if isinstance(item, Answer)}
        waiting = [(i, item) for i, item in enumerate(prepared) if isinstance(item, Scored)]
        # Neighbours share what they have in common.
        waiting.sort(key=lambda pair: contexts[pair[0]][0])
        if waiting:
            scores = self._scores([scored for _, scored in waiting])
            answers |= {i: _answer(logp) for (i, _), logp in zip(waiting, scores, strict=True)}
        return [answers[index] for index in range(len(questions))]

    def _scores(self, batch: list[Scored]) -> list[list[float]]:
        """As the scorer gives them; less is read at once from the moment that memory runs out."""
        while True:
            try:
                return self._scorer.log_probabilities(batch)
            except (MemoryError, RuntimeError) as error:
                if not _out_of_memory(error):
                    raise
            self._free_memory(smaller=self._scorer.halve())

    def _free_memory(self, *, smaller: bool) -> None:
        """After a pass that did not fit; outside its handler, so that it is let go before the next one.

        Raises RunError where there is nothing smaller to try.
        """
        if self._checkpoint.device.type == "cuda":
            torch.cuda.empty_cache()
        if not smaller:
            raise RunError(
                "one question does not fit into memory.",
                where=self.name,
                remedy="Try dtype=bfloat16, a smaller model or another --device; what was answered is kept.",
            )

    def _prepare(self, question: Question, text: str, ids: list[int]) -> Scored | Answer:
        number = question.trial.response != "choice"
        trie = self._trie(tokens.boundary(self._tokenizer, text, ids), question.prompt.answers, number)
        if isinstance(trie, Answer):
            return trie
        length = len(ids) + max(trie.depth)
        if self._limit is not None and length > self._limit:
            return _failed(f"the prompt needs {length} tokens; the model has {self._limit} positions")
        if max(*ids, *trie.token) >= self._vocabulary:
            return _failed("the tokenizer writes a token that the model does not have")
        return Scored(ids, trie, "number" if number else "word")

    def _context(self, prompt: Prompt) -> tuple[str, list[int]]:
        text = chat.context_text(self._tokenizer, prompt, self._form)
        return text, chat.context_ids(self._tokenizer, text, self._form)

    def _new_trie(self, context: str, answers: tuple[str, ...], number: bool) -> tokens.OptionTrie | Answer:
        sequences = [tokens.ways(self._tokenizer, context, answer, number=number) for answer in answers]
        for answer, spelled in zip(answers, sequences, strict=True):
            if not spelled:
                return _failed(f"the tokenizer cannot write {answer!r}")
        try:
            return tokens.option_trie(sequences, closed=number or tokens.begins_another(answers))
        except ReplicatorError as error:
            return _failed(error.problem)

    @property
    def _dtype(self) -> str:
        return str(self._checkpoint.model.dtype).removeprefix("torch.")


def open_model(
    name: str,
    model: str,
    arguments: Mapping[str, str],
    *,
    experiment: Experiment | None = None,
    device: str | None = None,
    batch_size: int | None = None,
) -> HuggingFaceEngine:
    """The engine of a local folder or a hub id, called `name` in tables.

    Raises UsageError for arguments it does not know, DataError for a model that cannot be used.
    """
    check_arguments(name, arguments, device)
    checkpoint = load(model, device=device, dtype=arguments.get("dtype"), revision=arguments.get("revision"))
    first = None if experiment is None else render(experiment, trials(experiment, limit=1)[0])
    return HuggingFaceEngine(
        name,
        checkpoint,
        prompt_format=arguments.get("prompt_format"),
        batch_size=batch_size,
        first=first,
    )


def check_arguments(name: str, arguments: Mapping[str, str], device: str | None) -> None:
    """Raises UsageError for arguments or a device that no checkpoint could take. Nothing is loaded."""
    for argument in arguments:
        if argument not in ARGUMENTS:
            raise UsageError(
                f"there is no argument {argument!r}.",
                where=name,
                remedy=f"A checkpoint takes {', '.join(ARGUMENTS)}.",
            )
    chat.check_format(arguments.get("prompt_format"))
    settings(device, arguments.get("dtype"))


def _vocabulary(checkpoint: Checkpoint) -> int:
    """Tokens that the model gives a logit; more than the tokenizer knows where the matrix was padded."""
    head = checkpoint.model.get_output_embeddings()
    size: int = checkpoint.config.get_text_config().vocab_size if head is None else head.weight.shape[0]
    return size


def _scorer(checkpoint: Checkpoint, size: int) -> Scorer:
    endings = {
        ending: torch.tensor(tokens.ending_tokens(checkpoint.tokenizer, size, ending), device=checkpoint.device)
        for ending in tokens.ENDINGS
    }
    at_once = TOKENS_AT_ONCE.get(checkpoint.device.type, TOKENS_AT_ONCE_ELSEWHERE)
    return Scorer(checkpoint.model, checkpoint.device, endings, at_once)


def _answer(logp: Sequence[float]) -> Answer:
    if any(math.isnan(value) for value in logp):
        return _failed(writing.NO_NUMBER)
    total = log_sum(logp)
    if math.isinf(total):
        return _failed("the model gives no option any probability")
    shares = [math.exp(value - total) for value in logp]
    whole = math.fsum(shares)
    return Answer(tuple(share / whole for share in shares), math.exp(total), "valid")


def _failed(reason: str) -> Answer:
    return Answer(probabilities=None, label_mass=None, status="error", text=reason)


def _describe(config: Any, drawn: bool) -> str:
    if drawn:
        return f"a tiny {config.model_type} checkpoint with random weights: it has learnt nothing"
    return f"a {config.model_type} checkpoint"


def _default_batch_size(device: torch.device, parameters: int) -> int:
    if device.type != "cpu":
        return GPU_BATCH
    return next((size for most, size in BATCH_SIZES if parameters < most), LARGE_BATCH)


def _out_of_memory(error: BaseException) -> bool:
    words = str(error).lower()
    return (
        isinstance(error, MemoryError | torch.cuda.OutOfMemoryError)
        or "out of memory" in words
        or "can't allocate memory" in words
        or "not enough memory" in words
    )
