"""What a server's answers say, in any of the shapes in which servers write log probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from replicator.engines.engine import Written

_ID = "token_id:"
"""How vLLM writes a token where it is told to give ids (`return_tokens_as_token_ids`)."""


class MalformedError(Exception):
    """An answer lacks what was asked for, or holds no numbers."""


@dataclass(frozen=True)
class Token:
    """A token that may come next."""

    text: str
    """Empty for a special one, and for a part of a character; unknown (and empty) where an id stands instead."""
    id: int | None
    logp: float
    """Natural logarithm of its probability."""


@dataclass(frozen=True)
class Next:
    """The distribution over the next token, as far as the server tells it."""

    chosen: Token | None
    """The token that was drawn; None where the answer ended at once."""
    listed: tuple[Token, ...]
    """The tokens that were listed, the drawn one not among them unless it is listed anyway."""


def next_token(document: Mapping[str, Any]) -> Next:
    """Log probabilities of the first token of an answer. Raises MalformedError."""
    found = _choice(document).get("logprobs")
    if not isinstance(found, Mapping):
        raise MalformedError("the server gave no log probabilities")
    return _chat_shape(found["content"]) if found.get("content") is not None else _completion_shape(found)


def written(document: Mapping[str, Any]) -> Written:
    """The text of an answer. Raises MalformedError."""
    choice = _choice(document)
    message = choice.get("message")
    text = message.get("content") if isinstance(message, Mapping) else choice.get("text")
    if text is None and isinstance(message, Mapping):
        text = ""
    if not isinstance(text, str):
        raise MalformedError("the server gave no text")
    return Written(text, "length" if choice.get("finish_reason") == "length" else "stop")


def prompt_tokens(document: Mapping[str, Any]) -> int | None:
    """How many tokens the server read; None where it does not tell."""
    usage = document.get("usage")
    count = usage.get("prompt_tokens") if isinstance(usage, Mapping) else None
    return count if isinstance(count, int) and count > 0 else None


def _choice(document: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = document.get("choices")
    if not isinstance(choices, Sequence) or not choices or not isinstance(choices[0], Mapping):
        raise MalformedError("the server gave no answer")
    return choices[0]


def _chat_shape(content: Any) -> Next:
    """`{"content": [{"token", "logprob", "top_logprobs": [{"token", "logprob"}]}]}`, with an `id` from some."""
    if not isinstance(content, list) or not content:
        return Next(None, ())
    first = content[0]
    if not isinstance(first, Mapping):
        raise MalformedError("the server gave no log probabilities")
    rest = first.get("top_logprobs") or []
    if not isinstance(rest, list) or not all(isinstance(token, Mapping) for token in rest):
        raise MalformedError("the server gave no log probabilities")
    return Next(_token(first), tuple(_token(token) for token in rest))


def _completion_shape(found: Mapping[str, Any]) -> Next:
    """`{"tokens": [...], "token_logprobs": [...], "top_logprobs": [{token: log probability}]}`."""
    tokens, values = found.get("tokens"), found.get("token_logprobs")
    if not isinstance(tokens, list) or not isinstance(values, list):
        raise MalformedError("the server gave no log probabilities")
    if not tokens or not values:
        return Next(None, ())
    top = found.get("top_logprobs") or [{}]
    rest = top[0] if isinstance(top, list) and top[0] is not None else {}
    if not isinstance(rest, Mapping):
        raise MalformedError("the server gave no log probabilities")
    chosen = _token({"token": tokens[0], "logprob": values[0]})
    return Next(chosen, tuple(_token({"token": text, "logprob": value}) for text, value in rest.items()))


def _token(entry: Mapping[str, Any]) -> Token:
    text, logp, number = entry.get("token"), entry.get("logprob"), entry.get("id")
    value = _number(logp)
    if value is None or value > 1e-3:
        shown = "what is no number" if value is None else f"{value:g}"
        raise MalformedError(f"the server gave {shown} as a log probability")
    if not isinstance(text, str):
        raise MalformedError("the server gave a token without text")
    if text.startswith(_ID) and text.removeprefix(_ID).isdigit():
        return Token("", int(text.removeprefix(_ID)), min(0.0, value))
    return Token(text, number if isinstance(number, int) else None, min(0.0, value))


def _number(value: Any) -> float | None:
    """None for what is no number; a whole one may be too large for one."""
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return None
    return None if math.isnan(number) else number
