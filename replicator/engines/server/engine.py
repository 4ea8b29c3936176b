"""One model of an OpenAI-compatible server as an engine.

Where the server tells log probabilities its answers are the probabilities of the options, exact or with bounds;
where it tells none it can still write replies. What it can do is found out when it is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

from replicator.engines import chat, tokens
from replicator.engines.engine import Answer, Question, Written, before_stop
from replicator.engines.fingerprint import chat_template_hash, tokenizer_hash
from replicator.engines.server import bounds, capability, workers
from replicator.engines.server.address import Settings
from replicator.engines.server.bounds import Listing
from replicator.engines.server.capability import Capability
from replicator.engines.server.client import RefusedError
from replicator.engines.server.replies import MalformedError, next_token, written
from replicator.engines.server.scoring import Asked, ServerScorer
from replicator.engines.server.session import Session
from replicator.engines.server.shared import Shared
from replicator.engines.server.tokenizing import RemoteTokenizer
from replicator.errors import DataError, RunError, UsageError
from replicator.experiment import Experiment
from replicator.prompt import Prompt

METHOD = 2
"""Raised when the same model and prompt would be asked or scored differently; part of the identity."""

DRIFT = 0.5
"""Largest change of the log probability of the likeliest token after the probe's text that may still be rounding."""

SEEDS = 2**31
"""Servers take seeds below."""

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class ServerEngine:
    """Answers and writes with one model of one server."""

    population: Literal["model"] = "model"
    reads_text = True

    def __init__(
        self,
        name: str,
        session: Session,
        options: Settings,
        tokenizer: Any,
        able: Capability,
        *,
        adds_bos: bool,
        batch_size: int,
    ) -> None:
        """`tokenizer`: the model's own, the server's, or None; `adds_bos`: whether the server puts BOS before a
        prompt of text.
        """
        self.name = name
        self.batch_size = batch_size
        self.capability = able
        self._session = session
        self._tokenizer = tokenizer
        self._concurrency = options.concurrency
        self._form: Literal["chat", "plain"] = (
            "chat" if able.api == "chat" else chat.prompt_format(tokenizer, options.prompt_format)
        )
        self._adds_bos = adds_bos
        self._scorer = ServerScorer(session, able, _onward(tokenizer))
        self._probed = self._probe()
        self._trie = Shared(self._new_trie, 256)
        # Asked for once a question, as parts of the identity.
        self._tokenizer_hash = _tokenizer_hash(tokenizer)
        local = self._form == "chat" and able.api == "completions"
        self._template_hash = chat_template_hash(tokenizer) if local else None

    @property
    def identity(self) -> Mapping[str, Any]:
        """Not where the server is: the same model is the same on another port."""
        return {
            "engine": "server",
            "method": METHOD,
            "model": self._session.name,
            "answers_as": self._session.answers_as,
            "described": dict(self._session.described),
            "system_fingerprint": self._session.fingerprint,
            "api": self.capability.api,
            "scoring": self.capability.scoring,
            "listed": self.capability.listed,
            "settings": dict(self.capability.settings),
            "prompt_format": self._form,
            "tokenizer": self._tokenizer_hash,
            "chat_template": self._template_hash,
        }

    @property
    def facts(self) -> Mapping[str, Any]:
        meta = self._session.described.get("meta")
        size = meta.get("n_params") if isinstance(meta, Mapping) else None
        return {
            "description": f"the model {self._session.name} on a server",
            "parameters": size if isinstance(size, int) else None,
            "model_family": None,
            "tuning": None,
            "asked_by": self.words,
            "server": self._session.address.url,
            "tokenizer_hash": self._tokenizer_hash,
            "chat_template_hash": self._template_hash,
            **{key: value for key, value in self.identity.items() if key not in ("engine", "tokenizer")},
        }

    @property
    def words(self) -> str:
        """What the server can do and how the model is asked, in one line."""
        if self.capability.api == "chat":
            how = "asked in the server's own chat template, without a begun answer"
        elif self._form == "chat":
            how = "asked in the tokenizer's chat template"
        else:
            how = "asked with a plain text (for a chat model give tokenizer=PATH_OR_ID or api=chat)"
        return f"{self.capability.words()}; {how}"

    @property
    def scores_traces(self) -> bool:
        """Whether a begun thought can be sent, and options scored after it: by completions of the model's tokens."""
        able = self.capability
        return able.api == "completions" and self._tokenizer is not None and able.scoring != "none"

    def require_probabilities(self, experiment: Experiment | None) -> None:
        """Raises UsageError where this server cannot tell the probabilities that an experiment asks for."""
        remedy = "Use --elicitation sample."
        if self.capability.scoring == "none":
            problem = f"the server gives no log probabilities ({self.capability.reason})."
            raise UsageError(problem, where=self.name, remedy=remedy)
        by_text = self._tokenizer is None or self.capability.api == "chat"
        if by_text and experiment is not None and experiment.response.type != "choice":
            raise UsageError(
                "the probabilities of amounts need completions and the model's tokens.",
                where=self.name,
                remedy=f"Give tokenizer=PATH_OR_ID of the served model, or: {remedy}",
            )

    def answer(self, questions: Sequence[Question]) -> Iterator[Answer]:
        """One answer a question, in order; none is given before the server is known to serve the same model still.

        Raises RunError where the server fails for good or changes its model.
        """
        by_tokens = self.capability.api == "completions" and self._tokenizer is not None
        answers = self._by_tokens(questions) if by_tokens else self._by_first_token(questions)
        self._require_the_same()
        yield from answers

    def write(
        self, prompts: Sequence[Prompt], seeds: Sequence[int], *, temperature: float, most: int
    ) -> Iterator[Written]:
        """A reply for each prompt, in order, drawn from the whole distribution as far as the server lets it be."""

        def one(job: tuple[Prompt, int]) -> Written:
            prompt, seed = job
            stops = () if self.capability.api == "chat" else chat.stops(self._tokenizer, prompt, self._form)
            body = {**self._asking(prompt), "temperature": temperature, "max_tokens": most, "seed": seed % SEEDS}
            if spoken := [stop for stop in stops if stop.strip()]:
                # One of white space would end a reply that begins with it; such are looked for afterwards.
                body["stop"] = spoken
            try:
                reply = written(self._session.ask(self.capability.api, body))
            except RefusedError as refused:
                return Written(f"the server refused the question ({refused})", "failed")
            except MalformedError as malformed:
                return Written(str(malformed), "failed")
            return _ended(reply, stops)

        replies = self._map(one, list(zip(prompts, seeds, strict=True)))
        self._require_the_same()
        yield from replies

    def prompt_length(self, prompts: Sequence[Prompt]) -> int | None:
        """Tokens of all prompts; None where only the server could count them."""
        if self._tokenizer is None or isinstance(self._tokenizer, RemoteTokenizer):
            return None
        return sum(len(self._context(prompt)[1]) for prompt in prompts)

    # By tokens

    def _by_tokens(self, questions: Sequence[Question]) -> list[Answer]:
        prepared = self._map(self._prepare, questions)
        waiting = [(i, item) for i, item in enumerate(prepared) if isinstance(item, Asked)]
        answers = {i: item for i, item in enumerate(prepared) if isinstance(item, Answer)}
        if waiting:
            found = self._scorer.bounds([asked for _, asked in waiting], self._map)
            for (i, _), pairs in zip(waiting, found, strict=True):
                answers[i] = bounds.failed(pairs) if isinstance(pairs, str) else bounds.answer(pairs)
        return [answers[i] for i in range(len(questions))]

    def _prepare(self, question: Question) -> Asked | Answer:
        try:
            text, ids = self._context(question.prompt)
            number = question.trial.response != "choice"
            found = self._trie(tokens.boundary(self._tokenizer, text, ids), question.prompt.answers, number)
        except (RefusedError, MalformedError) as error:
            return bounds.failed(f"the server did not tokenise the question ({error})")
        if isinstance(found, str):
            return bounds.failed(found)
        trie, spelled = found
        return Asked(self._sent(text, ids), ids, trie, spelled, "number" if number else "word")

    def _new_trie(
        self, context: str, answers: tuple[str, ...], number: bool
    ) -> tuple[tokens.OptionTrie, dict[int, str]] | str:
        sequences = [tokens.ways(self._tokenizer, context, answer, number=number) for answer in answers]
        for answer, spelled in zip(answers, sequences, strict=True):
            if not spelled:
                return f"the tokenizer cannot write {answer!r}"
        try:
            trie = tokens.option_trie(sequences, closed=number or tokens.begins_another(answers))
        except DataError as error:
            return error.problem
        forms = [form for answer in answers for form in tokens.written(answer, number)]
        return trie, self._texts(context, forms, trie)

    def _texts(self, context: str, forms: Sequence[str], trie: tokens.OptionTrie) -> dict[int, str]:
        """Node -> the text that leads to it, where that text's tokens are the node's."""
        nodes = {tuple(trie.path(node)): node for node in range(len(trie.token))}
        before = self._ids(context)
        found = {0: ""}
        for form in forms:
            for text in (f" {form}", form):
                for cut in range(1, len(text) + 1):
                    ids = self._ids(context + text[:cut])
                    node = nodes.get(tuple(ids[len(before) :]))
                    if node and ids[: len(before)] == before:
                        found.setdefault(node, text[:cut])
        return found

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _context(self, prompt: Prompt) -> tuple[str, list[int]]:
        text = chat.context_text(self._tokenizer, prompt, self._form)
        return text, chat.context_ids(self._tokenizer, text, self._form)

    def _sent(self, text: str, ids: Sequence[int]) -> str:
        """The text that the server turns into these ids: it may put BOS before it by itself."""
        bos = getattr(self._tokenizer, "bos_token", None)
        begins = bool(ids) and ids[0] == self._tokenizer.bos_token_id
        if not bos or isinstance(self._tokenizer, RemoteTokenizer):
            return text
        bare = text.removeprefix(bos)
        return bos + bare if begins and not self._adds_bos else bare

    # By the text of the first token

    def _by_first_token(self, questions: Sequence[Question]) -> list[Answer]:
        def one(question: Question) -> Answer:
            answers = question.prompt.answers
            if question.trial.response != "choice" or tokens.begins_another(answers):
                return bounds.failed("answers of several tokens need the model's tokens: give tokenizer=PATH_OR_ID")
            able = self.capability
            body = {**self._asking(question.prompt), "max_tokens": 1, "temperature": 1.0}
            try:
                found = self._session.ask(able.api, body | capability.listing(able.api, able.listed))
                listed = Listing.of(next_token(found), complete=able.complete)
            except RefusedError as refused:
                return bounds.failed(f"the server refused the question ({refused})")
            except MalformedError as malformed:
                return bounds.failed(str(malformed))
            return bounds.answer(bounds.first_token(listed, answers))

        return self._map(one, questions)

    # Both

    def _asking(self, prompt: Prompt) -> dict[str, Any]:
        """The part of a request that holds the question and the settings."""
        settings = dict(self.capability.settings)
        if self.capability.api == "chat":
            system = [{"role": "system", "content": prompt.system}] if prompt.system else []
            return {"messages": [*system, {"role": "user", "content": prompt.user}], **settings}
        if self._tokenizer is None:
            return {"prompt": chat.context_text(None, prompt, "plain"), **settings}
        text, ids = self._context(prompt)
        return {"prompt": list(ids) if self.capability.takes_ids else self._sent(text, ids), **settings}

    def _map(self, function: Callable[[_In], _Out], items: Sequence[_In]) -> list[_Out]:
        """The function of every item, several requests at a time and in order, so that neighbours that begin alike
        meet in the server's cache. What fails for good stops the others.
        """
        return workers.each(function, items, at_once=self._concurrency, stop=self._session.stop)

    def _probe(self) -> dict[str, float]:
        """Log probabilities of the likeliest tokens after the probe's text; empty where the server tells none."""
        if self.capability.scoring == "none":
            return {}
        try:
            probe = capability.Probe(self._session, self.capability.api, self.capability.settings)
            found = probe.next(min(self.capability.listed, capability.LISTS[-1]), attempts=None)
        except (RefusedError, MalformedError):
            return {}
        return {token.text: token.logp for token in sorted(found.listed, key=lambda token: -token.logp)[:3]}

    def _require_the_same(self) -> None:
        """Raises RunError where another model answers under the same name."""
        self._session.require_the_same()
        now = self._probe()
        moved = [text for text, logp in self._probed.items() if abs(now.get(text, logp) - logp) > DRIFT]
        if moved or (self._probed and not self._probed.keys() & now.keys()):
            raise RunError(
                "the server changed its model while it was being asked (the same text is continued otherwise).",
                where=self._session.address.url,
                remedy="What was answered before is kept; serve one model and run the same command again.",
            )


def _onward(tokenizer: Any) -> dict[tokens.Ending, tuple[int, ...]]:
    """Ids of the tokens that go on with a number or a word, where the vocabulary is known."""
    if tokenizer is None or isinstance(tokenizer, RemoteTokenizer):
        return {}
    found: dict[tokens.Ending, tuple[int, ...]] = {}
    for ending in tokens.ENDINGS:
        ends = tokens.ending_tokens(tokenizer, len(tokenizer), ending)
        found[ending] = tuple(number for number, closes in enumerate(ends) if not closes)
    return found


def _tokenizer_hash(tokenizer: Any) -> str | None:
    if tokenizer is None:
        return None
    return tokenizer.fingerprint() if isinstance(tokenizer, RemoteTokenizer) else tokenizer_hash(tokenizer)


def _ended(reply: Written, stops: Sequence[str]) -> Written:
    """A document would go on with something else: what stands after a stop is no part of the reply."""
    text = before_stop(reply.text, stops)
    return reply if text == reply.text else Written(text, "stop")
