"""What a server can do, found out by asking: a name or a version says less than an answer.

Every way to a log probability is tried on one short text and believed only where it gives the value that the
list of likely tokens gives for the same token.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from replicator.engines.server.address import Api
from replicator.engines.server.client import FailedError, RefusedError
from replicator.engines.server.replies import MalformedError, Next, Token, next_token
from replicator.engines.server.session import Session
from replicator.errors import RunError

Scoring = Literal["ids", "bias", "top", "none"]

PROBE = "Question: Which do you choose, A or B?\n\nAnswer:"
"""The text after which everything is tried."""

TOLERANCE = 0.1
"""Largest difference between two log probabilities of one token that is rounding: what half precision leaves
from one batch to another. A biased log probability would be near 0."""
UNLIKELY = -0.7
"""Log probability of a token that can tell the two apart."""

LISTS = (1000, 100, 20, 5)
"""How many likely tokens are asked for; the first number that the server grants."""
ATTEMPTS = 3
"""How often something is tried: what fails for a moment is no answer to whether it can be done."""
WHOLE = 1_000_000
"""More tokens than any vocabulary has: whoever grants it lists them all."""
BIAS = 100.0
"""Added to the logit of a token so that it is drawn; OpenAI's largest."""
MOST_IDS = 128
"""Ids that one request may name (vLLM's MAX_LOGPROB_TOKEN_IDS)."""

WHOLE_DISTRIBUTION: tuple[Mapping[str, Any], ...] = (
    # vLLM, SGLang, llama.cpp: each takes what it knows. Their own defaults would draw from a part only.
    {"top_p": 1.0, "top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0, "repetition_penalty": 1.0},
    # transformers serve decodes greedily unless told otherwise, and refuses names that it does not know.
    {"top_p": 1.0, "generation_config": json.dumps({"do_sample": True, "top_k": 0, "repetition_penalty": 1.0})},
    {"top_p": 1.0},
)
"""Settings that make a server draw from the model's whole distribution, the first that it takes."""


@dataclass(frozen=True)
class Capability:
    """How one model of one server can be asked."""

    api: Api
    scoring: Scoring
    """`ids`: the log probability of any token by its id (vLLM's `logprob_token_ids`); `bias`: of any token that a
    bias makes the drawn one (`logit_bias`); `top`: of the most likely ones; `none`: none."""
    listed: int
    """How many of the most likely tokens are listed."""
    complete: bool
    """Whether those are all tokens that there are."""
    whole: bool
    """Whether all tokens can be listed."""
    takes_ids: bool
    """Whether a prompt may be given as token ids."""
    settings: Mapping[str, Any]
    """What is sent so that replies are drawn from the whole distribution."""
    reason: str = ""
    """Why there are no log probabilities."""

    def words(self) -> str:
        """One line for people."""
        how = {
            "ids": "exact probabilities by token id (logprob_token_ids)",
            "bias": "exact probabilities by logit_bias",
            "top": f"probabilities of at most the {self.listed} most likely tokens, the rest as bounds",
            "none": f"samples only ({self.reason})",
        }
        return f"{'chat completions' if self.api == 'chat' else 'completions'}; {how[self.scoring]}"


def find_out(session: Session, api: Api | None, tokenizer: Any) -> Capability:
    """Try everything once, in about ten requests; `tokenizer` is None where none is known.

    Raises DataError or RunError where the model cannot be asked at all.
    """
    api, settings = _settings(session, api)
    session.require_served(api)
    probe = Probe(session, api, settings)
    asked, found, reason = _list(probe)
    if not found.listed:
        return Capability(api, "none", 0, False, False, False, settings, reason)
    complete, whole = _reach(probe, found) if asked == LISTS[0] else (False, False)
    scoring: Scoring = "top"
    takes_ids = False
    if tokenizer is not None and api == "completions":
        takes_ids = any(
            _takes_ids(probe, found, tokenizer(PROBE, add_special_tokens=special)["input_ids"])
            for special in (True, False)
        )
        known = list(islice(_identified(found, tokenizer), 3))
        if any(_by_ids(probe, number, token) for number, token in known):
            scoring = "ids"
        elif any(_by_bias(probe, number, token) for number, token in known):
            scoring = "bias"
    return Capability(api, scoring, asked, complete, whole, takes_ids, settings)


@dataclass(frozen=True)
class Probe:
    """Asks for the token after the probe's text."""

    session: Session
    api: Api
    settings: Mapping[str, Any]

    def next(self, count: int, *, attempts: int | None = ATTEMPTS, **parts: Any) -> Next:
        """`parts`: more of the request. Raises RefusedError, MalformedError, RunError."""
        body = {**request(self.api, PROBE, self.settings), **listing(self.api, count), **parts}
        return next_token(self.session.ask(self.api, body, attempts=attempts))

    def can(self, count: int, **parts: Any) -> Next | str:
        """The same, or why the server cannot do it. Raises RunError where it is away, or another one answers."""
        try:
            return self.next(count, **parts)
        except (RefusedError, MalformedError) as error:
            return str(error)
        except FailedError as failure:
            if not failure.of_request:
                raise
            return failure.problem.rstrip(".")


def request(api: Api, prompt: str | Sequence[int], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A request for one token after `prompt`, drawn at temperature 1 from the whole distribution."""
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": prompt}]} if api == "chat" else {"prompt": prompt}
    return {**asked, "max_tokens": 1, "temperature": 1.0, "seed": 0, **settings}


def listing(api: Api, count: int) -> dict[str, Any]:
    """The part of a request that asks for the `count` most likely tokens."""
    return {"logprobs": True, "top_logprobs": count} if api == "chat" else {"logprobs": count}


def _settings(session: Session, wanted: Api | None) -> tuple[Api, Mapping[str, Any]]:
    """The API and the first settings that it takes."""
    refusal: RefusedError | None = None
    apis: tuple[Api, ...] = (wanted,) if wanted else ("completions", "chat")
    for api in apis:
        for settings in WHOLE_DISTRIBUTION:
            try:
                session.ask(api, request(api, PROBE, settings), attempts=2)
            except RefusedError as refused:
                refusal = refused
                continue
            return api, settings
    if session.known and session.name not in session.known:
        raise session.unknown()
    raise RunError(f"the server answers nothing ({refusal}).", where=session.address.url)


def _list(probe: Probe) -> tuple[int, Next, str]:
    """How many tokens the server lists, the list, and where it lists none, why."""
    reason = ""
    for count in LISTS:
        found = probe.can(count)
        if isinstance(found, str):
            reason = reason or found
        elif found.listed:
            return _granted(count, len(found.listed)), found, ""
        else:
            reason = reason or "the server lists no likely tokens"
    return 0, Next(None, ()), reason


def _granted(asked: int, got: int) -> int:
    """How many tokens to ask for: a server may grant less than it was asked for without a word.

    Never as many as it happened to list, which is part of who answers: the drawn token may be one more, and two that
    are written alike one less. No vocabulary is so small that more than a hundred of a thousand are missing.
    """
    return min([asked, *(count for count in LISTS[1:] if got <= count + 1)])


def _reach(probe: Probe, shorter: Next) -> tuple[bool, bool]:
    """Whether a list is all there is, and whether a list of everything can be had."""
    try:
        longer = probe.can(WHOLE)
    except RunError:
        # As long an answer may be too much for whoever stands between.
        return False, False
    if isinstance(longer, str):
        return False, False
    complete = {token.text for token in longer.listed} == {token.text for token in shorter.listed}
    return complete and len(shorter.listed) < LISTS[0], complete or len(longer.listed) > LISTS[0]


def _takes_ids(probe: Probe, text: Next, ids: Sequence[int]) -> bool:
    """Whether the prompt's ids give what its text gives."""
    found = probe.can(LISTS[-1], prompt=list(ids))
    if isinstance(found, str):
        return False
    values = {token.text: token.logp for token in text.listed}
    # Parts of characters are written alike and stand for one another.
    plain = [token for token in found.listed if token.text.strip(" \n\ufffd")]
    return bool(plain) and all(abs(values.get(token.text, 1.0) - token.logp) < TOLERANCE for token in plain)


def _identified(found: Next, tokenizer: Any) -> Iterator[tuple[int, Token]]:
    """Listed tokens whose ids are known, from the less likely of the first twenty on: (id, token)."""
    before = list(tokenizer(PROBE, add_special_tokens=False)["input_ids"])
    first = sorted(found.listed, key=lambda token: -token.logp)[:20]
    for token in reversed(first):
        if not token.text.strip(" \n\ufffd") or token.logp > UNLIKELY:
            continue
        joint = list(tokenizer(PROBE + token.text, add_special_tokens=False)["input_ids"])
        if joint[:-1] == before and token.id in (None, joint[-1]):
            yield joint[-1], token


def _by_ids(probe: Probe, number: int, token: Token) -> bool:
    """Whether a token can be asked for by its id though others are likelier."""
    found = probe.can(1, **by_ids([number]))
    listed = () if isinstance(found, str) else found.listed
    return any(other.id == number and abs(other.logp - token.logp) < TOLERANCE for other in listed)


def _by_bias(probe: Probe, number: int, token: Token) -> bool:
    """Whether a bias makes a token the drawn one and leaves its log probability as it was."""
    found = probe.can(0, **by_bias(number))
    drawn = None if isinstance(found, str) else found.chosen
    return drawn is not None and drawn.text == token.text and abs(drawn.logp - token.logp) < TOLERANCE


def by_ids(ids: Sequence[int]) -> dict[str, Any]:
    """The part of a request that asks for the log probabilities of these tokens."""
    return {"logprob_token_ids": list(ids), "return_tokens_as_token_ids": True}


def by_bias(number: int) -> dict[str, Any]:
    """The part of a request that makes one token the drawn one."""
    return {"logit_bias": {str(number): BIAS}}
