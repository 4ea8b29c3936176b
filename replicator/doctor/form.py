"""How a checkpoint is asked, from its tokenizer alone: template, BOS, thinking and the tokens of the answers.

Every prompt of the probe is written as it would be asked, so that a fault in any of them is found before the
weights are loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from replicator.doctor.finding import Finding, Verdict, unlooked
from replicator.engines import chat, tokens
from replicator.engines.chat import PromptFormat
from replicator.engines.engine import Question
from replicator.errors import DataError

TEMPLATE, BOS, THINKING, LABELS = "chat template", "BOS", "thinking", "label tokens"
NAMES = (TEMPLATE, BOS, THINKING, LABELS)

_MEND = "Mend the checkpoint's chat template, or write --model-args prompt_format=plain."


@dataclass(frozen=True)
class Form:
    """What was found, and the first question exactly as the model reads it."""

    findings: tuple[Finding, ...]
    text: str | None
    """None where no prompt could be written."""
    askable: bool = True
    """Whether an engine would ask at all."""


def unseen(why: str) -> Form:
    """Of a model whose tokenizer is not at hand, or that reads no text."""
    return Form(tuple(unlooked(name, why) for name in NAMES), None)


def examine(tokenizer: Any, wanted: str | None, questions: Sequence[Question]) -> Form:
    """Raises UsageError for an unknown prompt format, or for chat without a template."""
    form = chat.prompt_format(tokenizer, wanted)
    try:
        texts = [chat.context_text(tokenizer, question.prompt, form) for question in questions]
    except DataError as error:
        meaning = "What the model reads is not what the experiment asks."
        fault = Finding(TEMPLATE, "unsound", error.problem, meaning, _MEND)
        return Form((fault, *(unlooked(name, "no prompt could be written") for name in NAMES[1:])), None, askable=False)
    findings = (
        _template(tokenizer, form, questions[0], texts[0]),
        _bos(tokenizer, form, texts),
        _thinking(tokenizer, form, questions[0], texts[0]),
        _labels(tokenizer, questions, texts),
    )
    return Form(findings, texts[0], askable=findings[1].verdict != "unsound")


def _template(tokenizer: Any, form: PromptFormat, question: Question, text: str) -> Finding:
    has_template = bool(getattr(tokenizer, "chat_template", None))
    if form == "plain":
        found = "not used, as asked for" if has_template else "none: a base model"
        return Finding(TEMPLATE, "sound", found, "It is asked with a plain document that breaks off at its answer.")
    between = text.rpartition(question.prompt.user.strip())[2].removesuffix(question.prompt.cue.rstrip())
    if not between.strip():
        meaning = "The answer would begin in the user's turn, which the model was never taught to finish."
        found = "nothing stands between the question and the answer"
        return Finding(TEMPLATE, "doubtful", found, meaning, _MEND)
    found = "a chat model; the question is whole, and the answer begins in the assistant's turn"
    before = text.partition(question.prompt.user.strip())[0]
    words = len(re.findall(r"\w{2,}", before))
    meaning = "It is asked in its own template."
    if words > _HEADER_WORDS:
        meaning += f" The template adds about {words} words before the question, which every answer depends on."
    return Finding(TEMPLATE, "sound", found, meaning, numbers={"words_before_the_question": words})


_HEADER_WORDS = 12
"""Words of a header; a template that writes more has a system message of its own."""


def _bos(tokenizer: Any, form: PromptFormat, texts: Iterable[str]) -> Finding:
    bos, named = tokenizer.bos_token_id, tokenizer.bos_token
    try:
        begun = [chat.context_ids(tokenizer, text, form)[:1] == [bos] for text in texts]
    except DataError:
        meaning = "The model never saw such a beginning while it was trained, and its answers suffer."
        remedy = "Take BOS out of the chat template, or let the tokenizer add none."
        return Finding(BOS, "unsound", f"{named} stands twice at the beginning", meaning, remedy, {"bos": 2})
    if bos is None:
        return Finding(BOS, "sound", "the tokenizer has none", numbers={"bos": 0})
    if all(begun):
        return Finding(BOS, "sound", f"{named}, once, at the beginning", numbers={"bos": 1})
    if list(tokenizer("A")["input_ids"])[:1] == [bos]:
        meaning = "The tokenizer would put one, so that the model was most likely trained with one."
        remedy = "Let the chat template begin with bos_token, and look whether the label mass rises."
        return Finding(BOS, "doubtful", f"none: the chat template leaves out {named}", meaning, remedy, {"bos": 0})
    meaning = f"{named} exists, and the tokenizer puts none before a text: the model was most likely trained so."
    return Finding(BOS, "sound", "none", meaning, numbers={"bos": 0})


def _thinking(tokenizer: Any, form: PromptFormat, question: Question, text: str) -> Finding:
    opened = chat.open_thought(text, question.prompt.user)
    if opened is not None:
        meaning = "The answer would be read off in the middle of the model's thoughts."
        return Finding(THINKING, "unsound", f"the template opens {opened} and does not close it", meaning, _MEND)
    thought = chat.thinking(tokenizer) if form == "chat" else None
    if thought is None:
        return Finding(THINKING, "sound", "none: it is asked without a place for thinking")
    if thought.begun:
        found = f"the template opens {thought.opening} whatever it is told; it is closed before the answer"
        meaning = "A model that must think first may give the options little: see the label mass."
        return Finding(THINKING, "doubtful", found, meaning, "Let it think: `run --elicitation reasoning`.")
    meaning = "It is off while options are scored: the model answers without having thought."
    return Finding(THINKING, "sound", f"the template has a place for it ({thought.opening}), and a switch", meaning)


def _labels(tokenizer: Any, questions: Sequence[Question], texts: Sequence[str]) -> Finding:
    """Every answer of every kind of question, once."""
    asked = {question.prompt.answers: text for question, text in zip(questions, texts, strict=True)}
    faults: list[str] = []
    lengths: dict[str, int] = {}
    spaced: set[str] = set()
    straddling: set[str] = set()
    for answers, text in asked.items():
        spelled = [tokens.spellings(tokenizer, text, answer) for answer in answers]
        faults += [f"the tokenizer cannot write {a!r}" for a, s in zip(answers, spelled, strict=True) if not s]
        if not all(spelled):
            continue
        try:
            tokens.option_trie(spelled, closed=False)  # refuses two answers that are the same tokens
        except DataError as error:
            faults.append(error.problem.rstrip("."))
        lengths |= {a: min(map(len, s)) for a, s in zip(answers, spelled, strict=True)}
        spaced |= {a for a, s in zip(answers, spelled, strict=True) if len(s) > 1}
        straddling |= {a for a in answers if _straddles(tokenizer, text, a)}
    if faults:
        remedy = "Write other labels under `presentation` in the specification."
        meaning = "It could not be told what was chosen."
        return Finding(LABELS, "unsound", "; ".join(dict.fromkeys(faults)), meaning, remedy)
    return _written(lengths, spaced, straddling)


def _written(lengths: dict[str, int], spaced: set[str], straddling: set[str]) -> Finding:
    several = [answer for answer, length in lengths.items() if length > 1]
    single = [answer for answer, length in lengths.items() if length == 1]
    measured = "; ".join(
        f"{_listed(some)}: {what}" for some, what in ((single, "one token each"), (several, "several tokens")) if some
    )
    said = ["Answers of several tokens are scored over all of them, and amounts only where the number ends."] * bool(
        several
    )
    if spaced:
        said.append(f'With and without a space before it (" {min(spaced)}" and "{min(spaced)}") is one answer.')
    verdict: Verdict = "sound"
    if straddling:
        verdict = "doubtful"
        said.append(
            f"{_listed(sorted(straddling))} would share a token with the end of the prompt, which no answer can have "
            "been trained on; it is written as at the beginning of a line."
        )
    numbers = {"one_token": len(single), "several_tokens": len(several), "two_spellings": len(spaced)}
    remedy = "Write other labels under `presentation`, or look whether the label mass is high all the same."
    return Finding(LABELS, verdict, measured, " ".join(said), remedy if straddling else None, numbers)


def _straddles(tokenizer: Any, text: str, answer: str) -> bool:
    """Whether neither spelling leaves the prompt's own tokens as they are."""
    before = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    joint = [list(tokenizer(text + a, add_special_tokens=False)["input_ids"]) for a in (f" {answer}", answer)]
    return all(ids[: len(before)] != before for ids in joint)


def _listed(answers: Sequence[str], most: int = 6) -> str:
    if len(answers) <= most:
        return ", ".join(answers)
    return f"{', '.join(answers[:3])}, … {answers[-1]} ({len(answers)})"
