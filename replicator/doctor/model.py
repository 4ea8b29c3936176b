"""What a checkpoint can do: whether it opens, how it is asked, and how it takes one real question."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from replicator import design, ladder, prompt, resources, specification
from replicator.doctor.finding import Finding
from replicator.engines import LADDER, PARTICIPANTS
from replicator.engines.engine import Question
from replicator.errors import ReplicatorError, UsageError
from replicator.thresholds import LABEL_MASS

PROBE = "holt-laury"
"""The experiment whose first question is put to the model."""
LABELS = ("A", "B", "1", "2")


def require_checkpoint(model: str) -> None:
    """Raises UsageError for a population that is not a language model, or an unknown built-in one."""
    if model.startswith(PARTICIPANTS):
        remedy = "Name a checkpoint's folder, a hub id or ladder:NAME."
        raise UsageError("simulated participants are no checkpoint.", where=model, remedy=remedy)
    if model.startswith(LADDER):
        ladder.require(model.removeprefix(LADDER))


def examine(model: str, device: str | None) -> Iterator[Finding]:
    """Findings in the order in which one needs the other; the first that fails to open is the last.

    Raises UsageError as `require_checkpoint` does.
    """
    from replicator.engines import checkpoint

    require_checkpoint(model)
    check = "model"
    try:
        source = str(ladder.checkpoint(model.removeprefix(LADDER))) if model.startswith(LADDER) else model
        folder = checkpoint.locate(source, None)
        yield Finding(check, "ok", "a hub id" if folder is None else f"the folder {folder}")
        check = "configuration"
        config = checkpoint.open_config(source, None)
        yield Finding(check, "ok", f"a causal language model ({config.model_type})")
        check = "tokenizer"
        tokenizer = checkpoint.open_tokenizer(source, None)
        yield Finding(check, "ok", f"{type(tokenizer).__name__}, {len(tokenizer):,} tokens")
        yield _template(tokenizer)
        yield _thinking(tokenizer)
        check = "prompt"
        yield from _written(tokenizer)
        check = "probe question"
        yield from _probed(model, source, device)
    except ReplicatorError as error:
        yield Finding(check, "failed", error.problem, error.remedy)


def _template(tokenizer: Any) -> Finding:
    if getattr(tokenizer, "chat_template", None):
        return Finding("chat template", "ok", "a chat model: asked in its own template")
    return Finding("chat template", "ok", "none: a base model, asked with a plain document")


def _thinking(tokenizer: Any) -> Finding:
    written = str(getattr(tokenizer, "chat_template", None) or "")
    if "enable_thinking" in written:
        return Finding(
            "thinking", "ok", "the template has a switch (enable_thinking); it is off while options are scored"
        )
    if "<think>" in written:
        remedy = "Trust the label mass below: a model that must think first gives the options little."
        return Finding("thinking", "warning", "the template writes <think> and has no switch for it", remedy)
    return Finding("thinking", "ok", "no switch in the template")


def _written(tokenizer: Any) -> Iterator[Finding]:
    """BOS and labels, as they stand in a real prompt."""
    from replicator.engines import chat, tokens

    form = chat.prompt_format(tokenizer, None)
    text = chat.context_text(tokenizer, _questions(1)[0].prompt, form)
    ids = chat.context_ids(tokenizer, text, form)
    yield _bos(tokenizer, ids)
    spelled = {label: tokens.spellings(tokenizer, text, label) for label in LABELS}
    unwritten = [label for label, found in spelled.items() if not found]
    if unwritten:
        remedy = "Use other labels in `presentation`."
        yield Finding("labels", "failed", f"the tokenizer cannot write {', '.join(unwritten)}", remedy)
        return
    longer = [label for label, found in spelled.items() if min(map(len, found)) > 1]
    found = f"several tokens: {', '.join(longer)}; scored over all of them" if longer else "A, B, 1, 2: a token each"
    yield Finding("labels", "ok", found)
    differ = len(spelled["A"]) > 1
    yield Finding("space before a label", "ok", '" A" and "A" differ and count together' if differ else "one spelling")


def _bos(tokenizer: Any, ids: list[int]) -> Finding:
    bos = tokenizer.bos_token_id
    if bos is None:
        return Finding("BOS", "ok", "the tokenizer has none")
    if ids[0] == bos:
        return Finding("BOS", "ok", f"once, at the beginning ({tokenizer.bos_token})")
    return Finding("BOS", "ok", f"{tokenizer.bos_token} exists; the tokenizer or template puts none before a prompt")


def _probed(name: str, source: str, device: str | None) -> Iterator[Finding]:
    """One answer of the model itself, and how long answers take."""
    from replicator.engines.huggingface import open_model
    from replicator.rehearsal import timed

    questions = _questions(None)
    engine = open_model(name, source, {}, device=device)
    answer = next(iter(engine.answer(questions[:1])))
    if answer.label_mass is None:
        yield Finding("label mass", "failed", answer.text or answer.status, "Try dtype=float32 or other weights.")
        return
    found = f"{answer.label_mass:.3g} on one question of {PROBE} ({LABEL_MASS:g} is needed)"
    if answer.label_mass < LABEL_MASS:
        remedy = (
            "Its answers would be left out. Try --model-args prompt_format=plain or chat, or a model tuned to answer."
        )
        yield Finding("label mass", "failed", found, remedy)
    else:
        yield Finding("label mass", "ok", found)
    seconds, measured = timed(engine, questions)
    yield Finding("time per question", "ok", f"{1000 * seconds:.3g} ms, {measured}")


def _questions(limit: int | None) -> list[Question]:
    """The first questions of the probe's first item, in every presentation."""
    experiment = specification.load(resources.experiment_files()[PROBE])
    asked = [trial for trial in design.trials(experiment, limit=1) if trial.check is None]
    return [Question(trial, prompt.render(experiment, trial)) for trial in asked[:limit]]
