"""The probability of every option of a batch of questions, a request for each place in their tries.

The tries are asked level by level, so that what nobody would answer is not asked for: below a beginning that is
ten million times less likely than the likeliest one of its length, every option stays between nothing and that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from replicator.engines.option_table import OptionTable
from replicator.engines.server.bounds import Listing, Pair, values
from replicator.engines.server.capability import (
    MOST_IDS,
    WHOLE,
    Capability,
    by_bias,
    by_ids,
    listing,
    request,
)
from replicator.engines.server.client import RefusedError
from replicator.engines.server.replies import MalformedError, Next, next_token, prompt_tokens
from replicator.engines.server.session import Session
from replicator.engines.tokens import Ending, OptionTrie, continues

NEGLIGIBLE = math.log(1e-7)
"""Log of the ratio to the likeliest beginning below which another one is not followed."""
DEEPER = 1e-4
"""An ending left open by more is asked for again with a list of all tokens, where there is one."""

Run = Callable[[Callable[["Job"], Any], Sequence["Job"]], Iterable[Any]]
"""Applies a function to all jobs, in order of the results, several at a time."""


@dataclass(frozen=True)
class Asked:
    """One question in tokens."""

    text: str
    """Everything before the answer."""
    ids: Sequence[int]
    trie: OptionTrie
    written: Mapping[int, str]
    """Node -> text from the prompt's end to it; nodes that no text leads to are absent."""
    ending: Ending


@dataclass(frozen=True)
class Job:
    """One request: what is to be learnt at one node of one question."""

    row: int
    node: int
    asked: Asked
    kind: Literal["ids", "bias", "list"]
    token: int = -1
    """The biased one."""
    tokens: tuple[int, ...] = ()
    """Those asked for by id."""


class ServerScorer:
    """Scores questions with one model of one server."""

    def __init__(self, session: Session, capability: Capability, onward: Mapping[Ending, tuple[int, ...]]) -> None:
        """`onward`: the ids of all tokens that go on with a number or a word, where the vocabulary is known."""
        self._session = session
        self._capability = capability
        self._onward = {ending: ids for ending, ids in onward.items() if len(ids) <= MOST_IDS // 2}

    def bounds(self, batch: Sequence[Asked], run: Run) -> list[list[Pair] | str]:
        """(questions)(options) lower and upper bound of each option's probability, or why there are none."""
        tables = [(OptionTable(asked.trie), OptionTable(asked.trie)) for asked in batch]
        faults: dict[int, str] = {}
        for depth in range(max(max(asked.trie.depth) for asked in batch) + 1):
            nodes = [
                (row, node)
                for row, asked in enumerate(batch)
                for node in asked.trie.asked
                if asked.trie.depth[node] == depth and row not in faults
            ]
            followed = self._followed(batch, tables, nodes)
            jobs = [job for row, node in nodes if (row, node) in followed for job in self._jobs(batch[row], row, node)]
            found: dict[tuple[int, int], list[tuple[Job, Any]]] = {}
            for job, result in zip(jobs, run(self._send, jobs), strict=True):
                found.setdefault((job.row, job.node), []).append((job, result))
                if isinstance(result, str):
                    faults.setdefault(job.row, result)
            for row, node in nodes:
                if row not in faults:
                    self._record(batch[row], tables[row], node, found.get((row, node)))
        return [
            faults[row] if row in faults else _pairs(low.options(), high.options())
            for row, (low, high) in enumerate(tables)
        ]

    def _followed(
        self,
        batch: Sequence[Asked],
        tables: Sequence[tuple[OptionTable, OptionTable]],
        nodes: Sequence[tuple[int, int]],
    ) -> set[tuple[int, int]]:
        """Nodes of one level that are worth a request and can be written."""
        reached = {(row, node): _reached(tables[row][1], node) for row, node in nodes}
        best: dict[int, float] = {}
        for (row, _), value in reached.items():
            best[row] = max(best.get(row, -math.inf), value)
        return {
            (row, node)
            for (row, node), value in reached.items()
            if value > -math.inf
            and value >= best[row] + NEGLIGIBLE
            and (self._capability.takes_ids or node in batch[row].written)
        }

    def _jobs(self, asked: Asked, row: int, node: int) -> list[Job]:
        children = tuple(asked.trie.token[child] for child in asked.trie.children[node])
        closing = asked.trie.closed and any(node in ends for ends in asked.trie.ends)
        scoring = self._capability.scoring
        jobs: list[Job] = []
        if scoring == "ids":
            wanted = dict.fromkeys((*children, *(self._onward.get(asked.ending, ()) if closing else ())))
            tokens = tuple(wanted)
            for start in range(0, len(tokens), MOST_IDS):
                jobs.append(Job(row, node, asked, "ids", tokens=tokens[start : start + MOST_IDS]))
        if scoring == "bias":
            jobs += [Job(row, node, asked, "bias", token=token) for token in children]
        if scoring == "top" or (closing and not (scoring == "ids" and asked.ending in self._onward)):
            jobs.append(Job(row, node, asked, "list"))
        return jobs

    def _send(self, job: Job) -> Any:
        """What was found: by id or by bias log probabilities by token, otherwise a Listing; a str where nothing
        was.
        """
        try:
            if job.kind == "ids":
                found = values(self._next(job, listing("completions", 1) | by_ids(job.tokens)).listed)
                if not found.keys() >= set(job.tokens):
                    return "the server left out a token that it was asked for"
                return {token: found[token] for token in job.tokens}
            if job.kind == "bias":
                drawn = self._next(job, listing("completions", 0) | by_bias(job.token)).chosen
                wanted = (_text(job.asked, job.node, self._child(job)) or "").strip()
                if drawn is None or (wanted and drawn.text.strip() != wanted):
                    return "the server drew another token than the one it was made to"
                return {job.token: drawn.logp}
            return self._list(job)
        except RefusedError as refused:
            return f"the server refused the question ({refused})"
        except MalformedError as malformed:
            return str(malformed)

    def _list(self, job: Job) -> Listing:
        able = self._capability
        found = self._listing(job, able.listed, complete=able.complete)
        return self._listing(job, WHOLE, complete=True) if able.whole and found.unlisted > DEEPER else found

    def _listing(self, job: Job, count: int, *, complete: bool) -> Listing:
        found = Listing.of(self._next(job, listing("completions", count)), complete=complete)
        if found.tokens or self._capability.scoring != "bias":
            return found
        # Some servers list nothing where the token that they draw ends the text: another one is drawn instead.
        drawn = by_bias(job.asked.trie.token[1])
        return Listing.of(self._next(job, listing("completions", count) | drawn), complete=complete)

    def _next(self, job: Job, parts: dict[str, Any]) -> Next:
        asked, path = job.asked, job.asked.trie.path(job.node)
        prompt = [*asked.ids, *path] if self._capability.takes_ids else asked.text + asked.written[job.node]
        document = self._session.ask("completions", request("completions", prompt, self._capability.settings) | parts)
        length = prompt_tokens(document)
        if length not in (None, len(asked.ids) + len(path)):
            raise MalformedError(
                f"the server reads the prompt as {length} tokens, the tokenizer as {len(asked.ids) + len(path)}"
            )
        return next_token(document)

    @staticmethod
    def _child(job: Job) -> int:
        trie = job.asked.trie
        return next(child for child in trie.children[job.node] if trie.token[child] == job.token)

    def _record(
        self,
        asked: Asked,
        tables: tuple[OptionTable, OptionTable],
        node: int,
        found: Sequence[tuple[Job, Any]] | None,
    ) -> None:
        """Put down what was found at a node; where nothing was asked, that everything is open."""
        low, high = tables
        children = asked.trie.children[node]
        closing = node in low.closing
        if found is None:
            for child in children:
                low.step[child], high.step[child] = -math.inf, 0.0
            if closing:
                low.end[node], high.end[node] = -math.inf, 0.0
            return
        exact: dict[int, float] = {}
        listed: Listing | None = None
        for _, result in found:
            if isinstance(result, Listing):
                listed = result
            else:
                exact |= result
        texts = {child: _text(asked, node, child) for child in children}
        for child in children:
            token = asked.trie.token[child]
            if token in exact:
                low.step[child] = high.step[child] = exact[token]
            elif listed is not None:
                low.step[child], high.step[child] = map(_log, listed.token(texts[child]))
        if closing:
            low.end[node], high.end[node] = map(_log, self._end(asked, node, exact, listed))

    def _end(self, asked: Asked, node: int, exact: Mapping[int, float], listed: Listing | None) -> Pair:
        if listed is None:
            rest = max(0.0, 1.0 - math.fsum(math.exp(value) for value in exact.values()))
            return rest, rest
        onward: dict[str, float | None] = {}
        unwritten = 0.0
        for child in asked.trie.children[node]:
            text, value = _text(asked, node, child), exact.get(asked.trie.token[child])
            probability = None if value is None else math.exp(value)
            if text is not None:
                onward[text] = probability
            else:
                unwritten += listed.token(None)[1] if probability is None else probability
        return listed.end(lambda text: continues(text, asked.ending), onward, unwritten)


def _text(asked: Asked, node: int, child: int) -> str | None:
    """The text of the token that leads to a child; None where it is not known."""
    before, whole = asked.written.get(node), asked.written.get(child)
    return None if before is None or whole is None else whole[len(before) :]


def _reached(table: OptionTable, node: int) -> float:
    """log P of the tokens up to a node."""
    total = 0.0
    while node > 0:
        total += table.step[node]
        node = table.trie.parent[node]
    return total


def _pairs(low: Sequence[float], high: Sequence[float]) -> list[Pair]:
    return [(math.exp(a), min(1.0, math.exp(b))) for a, b in zip(low, high, strict=True)]


def _log(probability: float) -> float:
    return math.log(probability) if probability > 0.0 else -math.inf
