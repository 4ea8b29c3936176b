"""Text that a causal language model continues with, one token after the other.

The distinct contexts of a batch run through the model once, padded on the left with explicit positions; replies
to one context (repeats) share its key-value cache. Rows that have ended leave the batch when half of it has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from replicator.engines.checkpoint import accepts
from replicator.engines.engine import Written, before_stop

NO_NUMBER = "the model's output is not a number"
"""What is said of a model that gave nan, however it was asked."""

TAIL = 8
"""Tokens beyond a stop's length in which it is looked for: characters may be cut between tokens."""


@dataclass(frozen=True)
class Begun:
    """A reply that is to be written."""

    context: tuple[int, ...]
    seed: int
    most: int
    """Tokens that it may have."""
    stops: tuple[str, ...]
    """It ends before the first of these that follows anything but white space."""


def write(
    model: Any, tokenizer: Any, batch: Sequence[Begun], *, temperature: float, ends: Collection[int], shared: bool
) -> list[Written]:
    """A reply for each, in order.

    Tokens are drawn from the whole distribution by inversion, one uniform number each of the reply's own
    generator, so that a reply does not depend on what else is in its batch (but for rounding). A reply ends
    with one of `ends`. Without `shared`, for models whose padding or cache is not exact, contexts run alone.
    """
    replies = [_Reply(begun) for begun in batch]
    together = [replies] if shared else _by_context(replies)
    with torch.inference_mode():
        for group in together:
            steps = _steps(model, group) if shared else _plain_steps(model, group)
            for rows, logits in steps:
                for reply, token in zip(rows, _drawn(logits, temperature, rows), strict=True):
                    reply.add(token, tokenizer, ends)
    return [reply.written(tokenizer) for reply in replies]


@dataclass
class _Reply:
    """One reply as it grows."""

    begun: Begun
    tokens: list[int] = field(default_factory=list)
    end: str = ""
    """ "stop", "length" or "failed" once it is over."""

    def __post_init__(self) -> None:
        self.generator = np.random.default_rng(self.begun.seed)

    def add(self, token: int | None, tokenizer: Any, ends: Collection[int]) -> None:
        """One token more, or None where the model gave none; nothing once the reply is over."""
        if self.end:
            return
        if token is None:
            self.end = "failed"
            return
        if token in ends:
            self.end = "stop"
            return
        self.tokens.append(token)
        if self._stopped(tokenizer):
            self.end = "stop"
        elif len(self.tokens) >= self.begun.most:
            self.end = "length"

    def written(self, tokenizer: Any) -> Written:
        if self.end == "failed":
            return Written(NO_NUMBER, "failed")
        text = str(tokenizer.decode(self.tokens, skip_special_tokens=True))
        return Written(before_stop(text, self.begun.stops), "stop" if self.end == "stop" else "length")

    def _stopped(self, tokenizer: Any) -> bool:
        """Whether a stop has been written. Special tokens are looked at too: a template's mark may be one."""
        stops = self.begun.stops
        if not stops:
            return False
        tail = tokenizer.decode(self.tokens[-(TAIL + max(map(len, stops))) :])
        if not any(stop in tail for stop in stops):
            return False
        whole = str(tokenizer.decode(self.tokens))
        return before_stop(whole, stops) != whole


def _by_context(replies: Sequence[_Reply]) -> list[list[_Reply]]:
    groups: dict[tuple[int, ...], list[_Reply]] = {}
    for reply in replies:
        groups.setdefault(reply.begun.context, []).append(reply)
    return list(groups.values())


def _drawn(logits: torch.Tensor, temperature: float, rows: Sequence[_Reply]) -> list[int | None]:
    """One token a row, by inversion of its distribution; None where that is not made of numbers."""
    # Apple's devices know no double precision.
    numbers = logits.float() if logits.device.type == "mps" else logits.double()
    totals = torch.softmax(numbers / temperature, dim=-1).cumsum(dim=-1)
    uniform = torch.tensor([[row.generator.random()] for row in rows], device=totals.device, dtype=totals.dtype)
    # The last total may miss 1 by rounding.
    tokens = torch.searchsorted(totals, uniform * totals[:, -1:], right=True).clamp(max=totals.shape[-1] - 1)
    broken = torch.isnan(totals[:, -1]).tolist()
    return [None if nan else token for token, nan in zip(tokens[:, 0].tolist(), broken, strict=True)]


def _steps(model: Any, replies: Sequence[_Reply]) -> Iterator[tuple[list[_Reply], torch.Tensor]]:
    """(rows, their logits) of every step until all replies are over. The caller adds a token to each row."""
    contexts = list(dict.fromkeys(reply.begun.context for reply in replies))
    length = max(map(len, contexts))
    ids = torch.zeros((len(contexts), length), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, context in enumerate(contexts):
        ids[row, length - len(context) :] = torch.tensor(context)
        mask[row, length - len(context) :] = 1
    logits, cache = _forward(model, ids, mask, (mask.cumsum(1) - 1).clamp(min=0), None)
    rows = list(replies)
    chosen = torch.tensor([contexts.index(reply.begun.context) for reply in rows])
    logits, mask = logits[chosen.to(logits.device)], mask[chosen]
    _select(cache, chosen, logits.device)
    while True:
        yield rows, logits
        open_ = [place for place, reply in enumerate(rows) if not reply.end]
        if not open_:
            return
        if 2 * len(open_) <= len(rows):
            chosen = torch.tensor(open_)
            rows, mask = [rows[place] for place in open_], mask[chosen]
            _select(cache, chosen, logits.device)
        mask = torch.cat([mask, torch.ones((len(rows), 1), dtype=torch.long)], dim=1)
        last = torch.tensor([[reply.tokens[-1] if reply.tokens else 0] for reply in rows])
        logits, cache = _forward(model, last, mask, mask.sum(1, keepdim=True) - 1, cache)


def _plain_steps(model: Any, replies: Sequence[_Reply]) -> Iterator[tuple[list[_Reply], torch.Tensor]]:
    """The same for replies to one context, everything computed anew at every step."""
    rows = list(replies)
    while rows:
        ids = torch.tensor([[*reply.begun.context, *reply.tokens] for reply in rows], device=model.device)
        arguments = {**_last_alone(model), **({"use_cache": False} if accepts(model, "use_cache") else {})}
        yield rows, model(input_ids=ids, **arguments).logits[:, -1]
        rows = [reply for reply in rows if not reply.end]


def _forward(
    model: Any, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Any
) -> tuple[torch.Tensor, Any]:
    """(rows, vocabulary) logits after the last token, and the cache."""
    output = model(
        input_ids=ids.to(model.device),
        attention_mask=mask.to(model.device),
        position_ids=positions.to(model.device),
        past_key_values=cache,
        use_cache=True,
        **_last_alone(model),
    )
    return output.logits[:, -1], output.past_key_values


def _last_alone(model: Any) -> dict[str, Any]:
    """What spares a model the logits of every position but the last, where it knows of it."""
    return {"logits_to_keep": 1} if accepts(model, "logits_to_keep") else {}


def _select(cache: Any, rows: torch.Tensor, device: torch.device) -> None:
    cache.batch_select_indices(rows.to(device))
