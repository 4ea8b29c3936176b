"""What a run would ask and how long that would take here, without asking for keeps: nothing is written."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from replicator import ladder, prompt
from replicator.collect import batches, requests
from replicator.engines import LADDER, PARTICIPANTS, SERVER, asked_in_writing
from replicator.engines.engine import Engine, Question, Writer
from replicator.pipeline import ModelRequest, Request, checked, opened
from replicator.store import AnswerStore, default_path

TIMING = 3.0
"""Seconds after which no further batch is timed."""
TIMED_BATCHES = 4


@dataclass(frozen=True)
class Forecast:
    """What one model would be asked. None where it is not known."""

    model: str
    reads_text: bool
    """Whether prompts are read; simulated participants answer from numbers."""
    questions: int
    checks: int
    stored: int | None
    """Questions and checks whose answers are kept from earlier."""
    prompt_tokens: int | None
    """Tokens of all prompts, in the model's own tokenizer; a repeat's are counted again."""
    seconds: float | None
    """To load the model here and ask what is not stored."""
    measured: str
    """How the time was found, or why it is not known."""
    written_tokens: int | None = None
    """Most tokens that the model may write; None where it writes none."""

    def document(self) -> dict[str, Any]:
        return asdict(self)


def rehearse(request: Request, *, since: float = 0.0) -> list[Forecast]:
    """A forecast a model, in the request's order. Stored answers count that were given `since` then.

    Raises what `pipeline.collect_choices` raises for a model that cannot be asked.
    """
    models = checked(request)
    put = {reads_text: _questions(request, reads_text=reads_text) for reads_text in (False, True)}
    return [_forecast(request, model, put[not model.model.startswith(PARTICIPANTS)], since) for model in models]


def _questions(request: Request, *, reads_text: bool) -> list[Question]:
    trials = request.trials(reads_text=reads_text)
    return [Question(trial, prompt.render(request.experiment, trial)) for trial in trials]


def _forecast(request: Request, model: ModelRequest, questions: Sequence[Question], since: float) -> Forecast:
    with ExitStack() as stack:
        source = _source(model.model, model.arguments.get("revision"), stack)
        if source is None:
            checks = sum(question.trial.check is not None for question in questions)
            reason = "not known: its weights are not on this machine"
            tokens = _tokens_from_cache(model, questions)
            most = _most_written(request, len(questions))
            return Forecast(model.name, True, len(questions) - checks, checks, None, tokens, None, reason, most)
        begun = time.perf_counter()
        engine = opened(request, model, source=source)
        loading = time.perf_counter() - begun
        asked = requests(engine, questions)
        known = _known([request for request, _ in asked], since)
        seconds, measured = _expected(engine, asked, known, loading)
        checks = sum(question.trial.check is not None for _, question in asked)
        return Forecast(
            engine.name,
            engine.reads_text,
            len(asked) - checks,
            checks,
            sum(request in known for request, _ in asked),
            _tokens(engine, [question for _, question in asked]),
            seconds,
            measured,
            _most_written(request, len(asked)) if engine.reads_text else None,
        )


def _most_written(request: Request, questions: int) -> int | None:
    if request.elicitation == "probability":
        return None
    return questions * asked_in_writing(request.elicitation).most


def _expected(
    engine: Engine, asked: Sequence[tuple[str, Question]], known: Set[str], loading: float
) -> tuple[float | None, str]:
    """Seconds to open the engine and ask it what is not known, and how they were found."""
    if engine.name.startswith(SERVER):
        # What a server is asked may cost money, and how long it takes depends on who else asks.
        return None, "not known: a server is not timed"
    distinct = dict(asked)
    missing = len(distinct.keys() - known)
    if not missing:
        return loading, "opening it was timed; every answer is stored"
    each, measured = _timed(engine, list(batches(engine, distinct, known)))
    return loading + each * missing, f"{measured}, and by opening it"


def _source(model: str, revision: str | None, stack: ExitStack) -> str | None:
    """What to open; None for a model of the hub whose weights have not been downloaded.

    A built-in model that does not exist yet is made in a folder that is removed again.
    """
    if model.startswith((PARTICIPANTS, SERVER)):
        return model
    if model.startswith(LADDER):
        from replicator.ladder import random_weights

        name = model.removeprefix(LADDER)
        kept = ladder.existing(name)
        return str(kept or random_weights.build(name, Path(stack.enter_context(TemporaryDirectory())) / name))
    from replicator.engines.hub import weights_in_cache

    return model if Path(model).expanduser().is_dir() or weights_in_cache(model, revision) else None


def _known(hashes: Sequence[str], since: float) -> Set[str]:
    """Which of these requests are answered already."""
    if not default_path().is_file():
        return frozenset()
    with AnswerStore(reading=True) as store:
        return store.get_many(hashes, since=since).keys()


def _tokens(engine: Engine, asked: Sequence[Question]) -> int | None:
    """None where no prompt is read, or its tokens cannot be counted here."""
    if not engine.reads_text:
        return None
    from replicator.engines.sampled import SampledEngine

    reader = cast("Writer", engine.inner if isinstance(engine, SampledEngine) else engine)
    return reader.prompt_length([question.prompt for question in asked])


def _tokens_from_cache(model: ModelRequest, asked: Sequence[Question]) -> int | None:
    """None where the tokenizer has not been downloaded either."""
    from replicator.engines.hub import in_cache

    if not in_cache(model.model, model.arguments.get("revision"), "tokenizer.json", "tokenizer.model", "vocab.json"):
        return None
    from replicator.engines import chat, checkpoint

    tokenizer = checkpoint.open_tokenizer(model.model, model.arguments.get("revision"))
    form = chat.prompt_format(tokenizer, model.arguments.get("prompt_format"))
    texts = (chat.context_text(tokenizer, question.prompt, form) for question in asked)
    return sum(len(chat.context_ids(tokenizer, text, form)) for text in texts)


def _timed(engine: Engine, todo: Sequence[Mapping[str, Question]]) -> tuple[float, str]:
    """Seconds a question, and how they were measured: some of a run's batches, answers thrown away."""
    begun = time.perf_counter()
    list(engine.answer(list(todo[0].values())[:1]))  # the first pass of all is slower
    first = time.perf_counter() - begun
    if first > TIMING:
        return first, f"measured by asking one of its questions in {first:.2g} s; a batch takes less for each"
    count, begun = 0, time.perf_counter()
    for batch in todo[:: -(-len(todo) // TIMED_BATCHES)]:
        count += len(list(engine.answer(list(batch.values()))))
        if time.perf_counter() - begun > TIMING:
            break
    seconds = time.perf_counter() - begun
    return seconds / count, f"measured by asking {count:,} of its questions in {seconds:.2g} s"
