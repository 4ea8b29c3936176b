"""Forward passes: the log probability of every option of a batch of prompts.

A batch is laid out as one stream (see `stream`) and read a few hundred tokens at a time, as one row without
padding: each token sees what stands before it in its own text, through an attention mask, and what was read
is kept as a key-value cache only as long as something continues it. Models for which that is not exact
(recurrent ones, those with positions or windows of their own) read whole prompts of one length at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import DynamicCache

from replicator.engines.checkpoint import accepts
from replicator.engines.option_table import OptionTable
from replicator.engines.stream import Scored, lay_out
from replicator.engines.tokens import Ending, OptionTrie

TOLERANCE = 1e-4
"""Largest difference in log probability at which a shared pass counts as the plain one in float32."""
COARSE_TOLERANCE = 0.3
"""The same in half precision, whose rounding is that coarse."""

FULL, SLIDING = "full_attention", "sliding_attention"
"""What a layer may see, in transformers' words: everything before a token, or only the last of it."""


@dataclass(frozen=True)
class _Reach:
    """How far back a pass has looked."""

    length: int = 0
    """Tokens of the longest prompt."""
    keys: int = 0
    """Most entries of a cache at once."""


@dataclass
class _Pass:
    """What came of reading a batch."""

    tables: list[OptionTable]
    reach: _Reach = field(default_factory=_Reach)
    deepest: int = 0
    """A prompt that was answered with the most entries in the cache."""


class Scorer:
    """Scores prompts with one model, at most `tokens` tokens at once."""

    def __init__(self, model: Any, device: torch.device, endings: dict[Ending, torch.Tensor], tokens: int) -> None:
        self._model = model
        self._device = device
        self._endings = endings
        self._tokens = tokens
        self._cached = accepts(model, "use_cache")
        self._few_logits = accepts(model, "logits_to_keep")
        config = model.config.get_text_config()
        self._window: Any = getattr(config, "sliding_window", None)
        self._layers = _layers(config, self._window)
        self._numbers = frozenset(_numbers(config.to_dict()))
        self._compared = _Reach()
        self.shared = self._sharing_is_exact()
        """Whether prompts are read as one stream."""

    def log_probabilities(self, batch: Sequence[Scored]) -> list[list[float]]:
        """(prompts)(options) log probability of each option, its spellings added up; nan where the model
        gave nan.

        Prompts that begin alike should be neighbours.
        """
        with torch.inference_mode():
            if self.shared:
                done = self._read_stream(batch, self._tokens)
                if self._is_confirmed(batch, done):
                    return [table.options() for table in done.tables]
                self.shared = False
            return [table.options() for table in self._read_plain(batch)]

    def halve(self) -> bool:
        """Read half as much at once from now on; False where that is not possible."""
        self._tokens //= 2
        return self._tokens > 0

    # As one stream

    def _read_stream(self, batch: Sequence[Scored], size: int) -> _Pass:
        """Read `size` tokens at a time."""
        stream = lay_out(batch)
        done = _Pass([OptionTable(scored.trie) for scored in batch])
        end, position, token = (
            torch.tensor(values, device=self._device) for values in (stream.end, stream.position, stream.token)
        )
        keys = torch.arange(0, device=self._device)
        cache = DynamicCache()
        most = 0
        for start in range(0, len(stream.token), size):
            keys = _forget(cache, keys, end[keys] > start)
            here = torch.arange(start, min(start + size, len(stream.token)), device=self._device)
            keys = torch.cat([keys, here])
            places = [place for place in here.tolist() if place in stream.asked]
            visible = (keys <= here[:, None]) & (end[keys] > here[:, None])
            distance = position[here][:, None] - position[keys]
            few = {"logits_to_keep": self._offsets(places, start)} if self._few_logits else {}
            logits = self._model(
                input_ids=token[here][None],
                attention_mask=self._masks(visible, distance),
                position_ids=position[here][None],
                past_key_values=cache,
                use_cache=True,
                **few,
            ).logits[0]
            if not places:
                continue
            if not self._few_logits:
                logits = logits[self._offsets(places, start)]
            nodes = [stream.asked[place] for place in places]
            self._record(logits, batch, done.tables, nodes)
            if len(keys) > most:
                most, done.deepest = len(keys), nodes[-1][0]
        done.reach = _Reach(max(len(scored.context) for scored in batch), most)
        return done

    def _offsets(self, places: Sequence[int], start: int) -> torch.Tensor:
        """Where in a pass that began at `start` logits are wanted; the first token's where they are not."""
        return torch.tensor([place - start for place in places] or [0], device=self._device)

    def _masks(self, visible: torch.Tensor, distance: torch.Tensor) -> Any:
        """(1, 1, tokens, keys) what is added to attention: by kind of layer where there are several."""
        masks = {
            kind: self._additive(visible & (distance < self._window) if kind == SLIDING else visible)
            for kind in self._layers
        }
        return masks if len(masks) > 1 else masks.popitem()[1]

    def _additive(self, visible: torch.Tensor) -> torch.Tensor:
        dtype = self._model.dtype
        mask = torch.zeros(visible.shape, dtype=dtype, device=self._device)
        return mask.masked_fill_(~visible, torch.finfo(dtype).min)[None, None]

    def _is_confirmed(self, batch: Sequence[Scored], done: _Pass) -> bool:
        """Whether reading this far back was found exact. Where a model stops seeing what lies far behind a
        token, its configuration holds the number; so when the reach first goes beyond any number in there, the
        longest prompt and the one with most behind it are read plainly too, and compared.
        """
        reach, known = done.reach, self._compared
        beyond = [(known.length, reach.length), (known.keys, reach.keys)]
        if not any(old <= number < new for number in self._numbers for old, new in beyond):
            return True
        longest = max(range(len(batch)), key=lambda row: len(batch[row].context))
        rows = sorted({longest, done.deepest})
        plain = self._read_plain([batch[row] for row in rows])
        self._compared = _Reach(max(known.length, reach.length), max(known.keys, reach.keys))
        return self._agree([done.tables[row] for row in rows], plain)

    def _sharing_is_exact(self) -> bool:
        """Whether a stream gives what plain passes give, tried on six short prompts.

        Cheaper and surer than a list of architectures: the difference is either rounding or plainly visible.
        """
        wanted = ("attention_mask", "position_ids", "past_key_values")
        if not (self._layers and self._cached and all(accepts(self._model, name) for name in wanted)):
            return False
        batch = _probe(int(next(iter(self._endings.values())).shape[0]) - 1)
        with torch.inference_mode():
            plain = self._read_plain(batch)
            try:
                first, second = self._read_stream(batch[:4], 16), self._read_stream(batch[4:], 16)
            except Exception:  # a model that takes no such mask or cache fails in its own way
                return False
        self._compared = first.reach
        return self._agree(first.tables + second.tables, plain)

    def _agree(self, shared: Sequence[OptionTable], plain: Sequence[OptionTable]) -> bool:
        tolerance = TOLERANCE if self._model.dtype == torch.float32 else COARSE_TOLERANCE
        return all(
            a == b or abs(a - b) <= tolerance
            for one, other in zip(shared, plain, strict=True)
            for a, b in zip(one.options(), other.options(), strict=True)
        )

    # One sequence length at a time

    def _read_plain(self, batch: Sequence[Scored]) -> list[OptionTable]:
        tables = [OptionTable(scored.trie) for scored in batch]
        by_length: dict[int, list[tuple[int, int]]] = {}
        for row, scored in enumerate(batch):
            for node in scored.trie.asked:
                by_length.setdefault(len(scored.context) + scored.trie.depth[node], []).append((row, node))
        for length, nodes in by_length.items():
            for part in _parts(nodes, max(1, self._tokens // length)):
                ids = [[*batch[row].context, *batch[row].trie.path(node)] for row, node in part]
                arguments: dict[str, Any] = {"input_ids": torch.tensor(ids, device=self._device)}
                if self._cached:
                    arguments["use_cache"] = False
                if self._few_logits:
                    arguments["logits_to_keep"] = 1
                self._record(self._model(**arguments).logits[:, -1], batch, tables, part)
        return tables

    # Both

    def _record(
        self,
        logits: torch.Tensor,
        batch: Sequence[Scored],
        tables: Sequence[OptionTable],
        nodes: Sequence[tuple[int, int]],
    ) -> None:
        """Put down, for every (prompt, node), the log probability of its children and of an ending there."""
        logp = torch.log_softmax(logits.float(), dim=-1)
        pairs = [
            (index, row, child) for index, (row, node) in enumerate(nodes) for child in batch[row].trie.children[node]
        ]
        index = torch.tensor([index for index, _, _ in pairs], dtype=torch.long)
        token = torch.tensor([batch[row].trie.token[child] for _, row, child in pairs], dtype=torch.long)
        values = logp[index.to(self._device), token.to(self._device)].tolist()
        for (_, row, child), value in zip(pairs, values, strict=True):
            tables[row].step[child] = value
        closing = [index for index, (row, node) in enumerate(nodes) if node in tables[row].closing]
        if closing:
            ends = self._ending_mask(batch, [nodes[index] for index in closing])
            closed = logp[torch.tensor(closing, device=self._device)].masked_fill(~ends, -torch.inf)
            for place, value in zip(closing, torch.logsumexp(closed, dim=-1).tolist(), strict=True):
                row, node = nodes[place]
                tables[row].end[node] = value
        self._record_nan(logp, tables, nodes)

    def _ending_mask(self, batch: Sequence[Scored], nodes: Sequence[tuple[int, int]]) -> torch.Tensor:
        """(nodes, vocabulary) tokens that end an option at a node; not those that lead on to another
        option.
        """
        mask = torch.stack([self._endings[batch[row].ending] for row, _ in nodes])
        for index, (row, node) in enumerate(nodes):
            onward = [batch[row].trie.token[child] for child in batch[row].trie.children[node]]
            mask[index, onward] = False
        return mask

    @staticmethod
    def _record_nan(logp: torch.Tensor, tables: Sequence[OptionTable], nodes: Sequence[tuple[int, int]]) -> None:
        for (row, _), broken in zip(nodes, torch.isnan(logp).any(dim=-1).tolist(), strict=True):
            tables[row].broken |= broken


def _layers(config: Any, window: int | None) -> frozenset[str]:
    """Kinds of attention layers; empty where there are others than those whose masks are known here."""
    kinds = frozenset(getattr(config, "layer_types", None) or [SLIDING if window else FULL])
    known = {FULL, SLIDING} if window else {FULL}
    return kinds if kinds <= known else frozenset()


def _numbers(value: Any) -> Iterator[int]:
    """Every whole number in a configuration."""
    if isinstance(value, int) and not isinstance(value, bool):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _numbers(part)


def _forget(cache: Any, keys: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Drop from the cache what is not wanted; returns the places of what is left."""
    if bool(wanted.all()):
        return keys
    left = wanted.nonzero()[:, 0]
    for layer in cache.layers:
        layer.keys, layer.values = layer.keys[:, :, left], layer.values[:, :, left]
    return keys[left]


def _probe(top: int) -> list[Scored]:
    """Prompts of tokens below `top` that begin alike, with options of one and two tokens that must end."""
    tokens = [(7919 * place) % top for place in range(1, 40)]
    trie = OptionTrie(
        token=(-1, tokens[0], tokens[1], tokens[2]),
        parent=(-1, 0, 0, 1),
        depth=(0, 1, 1, 2),
        children=((1, 2), (3,), (), ()),
        ends=((3,), (2,)),
        closed=True,
    )
    contexts = [tokens[:3], tokens[:11], tokens[:24], tokens[:9] + tokens[20:30], tokens[:9] + tokens[21:], tokens]
    return [Scored(context, trie, "word") for context in contexts]


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
