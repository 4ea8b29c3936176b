"""A served model's tokenizer: its own files where the user names them, otherwise what the server offers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from replicator.engines.server.client import FailedError, RefusedError
from replicator.engines.server.replies import MalformedError
from replicator.engines.server.session import Session
from replicator.engines.server.shared import Shared
from replicator.errors import DataError

SAMPLE = "Question: Which do you choose, A or B?\n\nAnswer: 10, $5.50 or «none»"
"""A text that shows how a tokenizer treats words, digits, space and what is not ASCII."""


class RemoteTokenizer:
    """Turns text into tokens by asking the server. Knows no vocabulary and no chat template."""

    chat_template = None
    unk_token_id = None
    eos_token_id = None
    all_special_tokens: tuple[str, ...] = ()

    def __init__(self, session: Session, path: str) -> None:
        """Raises RefusedError, RunError or MalformedError where the server gives no tokens there."""
        self._session = session
        self._path = path
        self._ids = Shared(self._ask, 1 << 14)
        opening = self._ids("")
        self.bos_token_id = opening[0] if opening else None
        if not self(SAMPLE)["input_ids"]:
            raise MalformedError("the server gave no tokens")

    def __call__(self, text: str, add_special_tokens: bool = False) -> dict[str, list[int]]:
        """As transformers' tokenizers: `{"input_ids": [...]}`."""
        ids = list(self._ids(text))
        if not add_special_tokens and self.bos_token_id is not None and ids[:1] == [self.bos_token_id]:
            ids.pop(0)
        return {"input_ids": ids}

    def fingerprint(self) -> str:
        """Hash of how the sample text is written."""
        return "server:" + hashlib.sha256(repr(self(SAMPLE)["input_ids"]).encode()).hexdigest()

    def _ask(self, text: str) -> tuple[int, ...]:
        """Tokens with whatever the server puts before a prompt."""
        ids = self._session.beside(self._path, _body(text)).get("tokens")
        if not isinstance(ids, list) or not all(isinstance(number, int) for number in ids):
            raise MalformedError("the server gave no tokens")
        return tuple(ids)


def remote(session: Session) -> RemoteTokenizer | None:
    """The server's own tokenizer (vLLM, SGLang and llama.cpp's server: /tokenize; llama-cpp-python:
    /extras/tokenize); None where it has none. Raises RunError where it is away.
    """
    for path in ("/tokenize", "/extras/tokenize"):
        try:
            return RemoteTokenizer(session, path)
        except (RefusedError, MalformedError, DataError):
            # A gateway may ask for another key there, or send on to a page for people.
            continue
        except FailedError as failure:
            if not failure.of_request:
                raise
    return None


def _body(text: str) -> Mapping[str, Any]:
    """The same text under the name that each kind of server knows: prompt (vLLM), content (llama.cpp), input
    (llama-cpp-python).
    """
    return {
        "prompt": text,
        "content": text,
        "input": text,
        "add_special_tokens": True,
        "add_special": True,
        "parse_special": True,
    }
