"""How a prompt becomes the text that a model continues, and that text its tokens.

A chat model gets its own template with the cue as the beginning of the assistant's turn:

    <|user|>
    You choose between two lotteries. ...
    <|assistant|>
    Answer:

A base model gets a document that breaks off at the same place. What was thought before the answer stands
before the cue, on the assistant's side too: in the template's own place for thinking where it has one, and
otherwise as text that begins "Let's think step by step.".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from replicator.errors import DataError, UsageError
from replicator.prompt import CUE, Prompt

PromptFormat = Literal["chat", "plain"]

TODAY = datetime(2025, 1, 1)
"""The date that templates which print one are given, so that an answer does not depend on the day it was
asked.
"""

TEMPLATE_SETTINGS: Mapping[str, Any] = {"date_string": TODAY.strftime("%d %b %Y")}

STEPS = "Let's think step by step."
"""How thinking begins where a template has no place for it (Kojima et al. 2022, arXiv:2205.11916)."""


@dataclass(frozen=True)
class Thinking:
    """How a template marks what a model thinks before it answers."""

    opening: str
    closing: str
    begun: bool
    """Whether the template opens the thinking itself, even where it is told not to."""


def prompt_format(tokenizer: Any, wanted: str | None) -> PromptFormat:
    """Chat where the tokenizer has a chat template, unless the user says otherwise.

    Raises UsageError for an unknown format, or for chat without a template.
    """
    check_format(wanted)
    has_template = bool(getattr(tokenizer, "chat_template", None))
    if wanted is None:
        return "chat" if has_template else "plain"
    if wanted == "chat" and not has_template:
        raise UsageError("this model has no chat template.", remedy="Write prompt_format=plain.")
    return "chat" if wanted == "chat" else "plain"


def check_format(wanted: str | None) -> None:
    """Raises UsageError for an unknown format."""
    if wanted not in (None, "chat", "plain"):
        raise UsageError(f"there is no prompt_format {wanted!r}.", remedy="Write prompt_format=chat or plain.")


def context_text(tokenizer: Any, prompt: Prompt, form: PromptFormat) -> str:
    """Everything before the answer. Ends with the cue.

    Raises DataError where a chat template cannot hold a question and the beginning of its answer, and for a
    prompt that would not be read as text alone.
    """
    _require_plain(tokenizer, prompt)
    cue = prompt.cue.rstrip()
    if form == "plain":
        begun = cue if prompt.trace is None else _spelled_out(prompt.trace, cue)
        return "\n\n".join(part for part in (prompt.system, prompt.user, begun) if part)
    thought = thinking(tokenizer)
    begun, fills = cue, (_continued, _appended) if cue else (_appended,)
    if thought is not None:
        # The template's own words for "no thinking" come with its generation prompt; one that opens a thought
        # whatever it is told gets it closed, because a bare cue would stand within the thought.
        unasked = prompt.trace is None and not thought.begun
        begun, fills = cue if unasked else _thought_first(thought, prompt.trace, cue), (_appended,)
    elif prompt.trace is not None:
        begun, fills = _spelled_out(prompt.trace, cue), (_continued, _appended)
    wanted = prompt.trace is not None
    problem: Exception | None = None
    for messages in _conversations(prompt):
        for fill in fills:
            try:
                text = fill(tokenizer, messages, begun, wanted)
            except Exception as error:  # a template raises whatever its author wrote
                problem = error
                continue
            if text.endswith(begun) and all(message["content"].strip() in text for message in messages):
                return text
    reason = " ".join(str(problem).split())[:200].rstrip(".") if problem else "it leaves out part of the question"
    raise DataError(f"the chat template cannot be used ({reason}).", remedy="Write prompt_format=plain.")


def stops(tokenizer: Any, prompt: Prompt, form: PromptFormat) -> tuple[str, ...]:
    """Texts that end what the model writes to a prompt, besides its own tokens for that."""
    if prompt.trace is None:
        return (prompt.stop,) if form == "plain" else ()
    if form == "plain":
        return (CUE, prompt.stop)
    thought = thinking(tokenizer)
    return (CUE,) if thought is None else (thought.closing,)


def thinking(tokenizer: Any) -> Thinking | None:
    """The template's own place for thinking; None where it has none."""
    return _thinking(tokenizer, tokenizer.get_chat_template())


def open_thought(text: str, asked: str) -> str | None:
    """The tag of a thought that has been opened, and not closed, since the question; None where there is none."""
    marks = _MARK.finditer(text)
    return next((mark[0] for mark in marks if _is_open(text, asked, mark[0], f"</{mark['name']}>")), None)


@lru_cache(maxsize=8)
def _thinking(tokenizer: Any, template: str) -> Thinking | None:
    marks = _MARK.search(template)
    if marks is None:
        return None
    opening, closing = f"<{marks['name']}>", f"</{marks['name']}>"
    try:
        without, within = (_appended(tokenizer, _ANY, "", wanted) for wanted in (False, True))
    except Exception:  # said where the template is used
        return None
    begun = _is_open(without, _ANY[-1]["content"], opening, closing)
    return Thinking(opening, closing, begun) if begun or without != within else None


def _is_open(text: str, asked: str, opening: str, closing: str) -> bool:
    """Whether a thought has been opened, and not closed, since the question."""
    answer = text.rpartition(asked.strip())[2]
    return answer.rfind(opening) > answer.rfind(closing)


def _thought_first(thought: Thinking, trace: str | None, cue: str) -> str:
    """What follows the generation prompt of a template that knows thinking, opened here where it does not open it."""
    if trace == "" and not cue:
        return f"{thought.opening}\n"
    return f"{thought.opening}\n{(trace or '').strip()}\n{thought.closing}\n\n{cue}"


def _spelled_out(trace: str, cue: str) -> str:
    """Thinking as text, exactly as it was written after its beginning."""
    return "\n\n".join(part for part in (f"{STEPS}{trace.rstrip()}", cue) if part)


def context_ids(tokenizer: Any, text: str, form: PromptFormat) -> list[int]:
    """Tokens of a context, tokenised once: a template writes its own special tokens, a document gets the
    tokenizer's.

    Raises DataError where BOS would stand twice.
    """
    ids = list(tokenizer(text, add_special_tokens=form == "plain")["input_ids"])
    if form == "plain" and len(ids) > 1 and ids[-1] == tokenizer.eos_token_id:
        ids.pop()  # a closing token would end the document before its answer
    bos = tokenizer.bos_token_id
    if bos is not None and ids[:2] == [bos, bos]:
        raise DataError("the prompt begins with BOS twice.", remedy="Mend the checkpoint's chat template or tokenizer.")
    return ids


def _require_plain(tokenizer: Any, prompt: Prompt) -> None:
    """A special token written out in a persona or a question would be read as one, and could end the turn."""
    if tokenizer is None:
        return  # a server's own business, whose special tokens are not known here
    special = _any_of(tuple(tokenizer.all_special_tokens))
    for what, text in (("persona", prompt.system), ("question", prompt.user)):
        found = special.search(text) if text else None
        if found:
            problem = f"the {what} holds {found.group()!r}, which is no text to this model but a special token."
            around = " ".join(text[max(0, found.start() - 30) : found.end() + 30].split()) if text else ""
            raise DataError(problem, where=f'{what} "...{around}..."', remedy="Take it out, or write it otherwise.")


@lru_cache(maxsize=8)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(filter(None, words)))) or r"(?!)")


def _conversations(prompt: Prompt) -> list[list[dict[str, str]]]:
    """With a system turn, and folded into the user's for a template that knows none."""
    user = {"role": "user", "content": prompt.user}
    if not prompt.system:
        return [[user]]
    folded = {"role": "user", "content": f"{prompt.system}\n\n{prompt.user}"}
    return [[{"role": "system", "content": prompt.system}, user], [folded]]


def _continued(tokenizer: Any, messages: list[dict[str, str]], begun: str, think: bool) -> str:
    text: str = tokenizer.apply_chat_template(
        [*messages, {"role": "assistant", "content": begun}],
        tokenize=False,
        continue_final_message=True,
        **_settings(tokenizer, think),
    )
    return text


def _appended(tokenizer: Any, messages: list[dict[str, str]], begun: str, think: bool) -> str:
    """For templates that rewrite or refuse a begun answer, and for thinking, which comes before it."""
    text: str = tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True, **_settings(tokenizer, think)
    )
    opening = _MARK.match(begun)
    if opening is not None and _is_open(text, messages[-1]["content"], opening[0], f"</{opening['name']}>"):
        return text.rstrip() + begun.removeprefix(opening[0])
    return text + begun


def _settings(tokenizer: Any, think: bool) -> dict[str, Any]:
    """`enable_thinking` and `thinking` are the words that templates have for it."""
    template = _undated(tokenizer.get_chat_template())
    return {"chat_template": template, "enable_thinking": think, "thinking": think, **TEMPLATE_SETTINGS}


@lru_cache(maxsize=8)
def _undated(template: str) -> str:
    """The template with `strftime_now("...")`, which would tell today's date, replaced by a fixed one."""
    return _DATE.sub(lambda call: repr(TODAY.strftime(call["format"])), template)


_DATE = re.compile(r"""strftime_now\(\s*(?P<quote>['"])(?P<format>.*?)(?P=quote)\s*\)""")

_MARK = re.compile(r"<(?P<name>think|thinking|thought|reasoning)>")
"""The tag with which a template opens thinking."""

_ANY = [{"role": "user", "content": "Which?"}]
"""A conversation to try a template with."""
