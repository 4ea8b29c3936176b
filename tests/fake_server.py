"""A fake model server: real HTTP on loopback, and behind it a table of numbers instead of a model.

It speaks as much of an API as a test lets it, in the words of that API's documentation, and misbehaves on demand.
Its tokens are the 256 bytes and an end of text; the distribution over the next one is drawn from a hash of the
prompt's bytes, so that a test can work out by itself what any answer's probability is.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

END = 256
SIZE = 257
NAME = "fake-model"

Fault = Callable[["Handler"], None]

OPENAI = {
    "model", "prompt", "messages", "max_tokens", "temperature", "top_p", "seed", "stop", "logprobs", "top_logprobs",
    "logit_bias",
}  # fmt: skip
"""Names in a request that OpenAI's API has, of those that are sent."""


@dataclass
class Fake:
    """What the fake server can do, and what it was asked."""

    name: str = NAME
    listed: int = 20
    """The longest list of likely tokens that it grants; 0: no log probabilities at all."""
    grants: int | None = None
    """More likely tokens than that it leaves out without a word."""
    parts: str = "\ufffd"
    """How a part of a character is written; with nothing the end of text is written so, too."""
    strict: bool = False
    """Whether it refuses names that OpenAI's API does not have."""
    completions: bool = True
    chat: bool = True
    takes_ids: bool = True
    by_ids: bool = True
    bias: bool = True
    biased_values: bool = False
    """Whether a bias shows in the log probabilities."""
    tokenizes: bool = True
    page: str | None = None
    """Where it sends on who asks for what it does not have."""
    others: int = 0
    """More models that it lists."""
    spread: float = 3.0
    """Standard deviation of the logits."""
    seed: int = 0
    """Another one is another model."""
    fingerprint: str | None = None
    answers_as: str | None = None
    """The model's name in answers; its own unless given."""
    reply: str = "A\n"
    faults: list[Fault | None] = field(default_factory=list)
    """Misbehaviour for the next requests to the model, one each; None is none."""
    always: Fault | None = None
    """Misbehaviour for all others."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of requests to the model."""
    headers: list[Mapping[str, str]] = field(default_factory=list)
    tokenized: list[str] = field(default_factory=list)
    """Texts whose tokens were asked for."""
    url: str = ""

    def log_probabilities(self, ids: Sequence[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """(tokens) of the token after `ids`."""
        digest = zlib.crc32(repr([self.seed, list(ids)]).encode())
        logits = np.random.default_rng(digest).normal(scale=self.spread, size=SIZE)
        return np.asarray(logits - np.log(np.exp(logits).sum()))

    def probability(self, context: Sequence[int], text: str, continues: str | None) -> float:
        """P(text | context), then of a token that is none of the characters in `continues`."""
        total = 0.0
        ids = list(context)
        for token in text.encode():
            total += float(self.log_probabilities(ids)[token])
            ids.append(token)
        if continues is not None:
            after = np.exp(self.log_probabilities(ids))
            ends = float(np.delete(after, list(continues.encode())).sum())
            total += float(np.log(ends)) if ends > 0 else -np.inf
        return float(np.exp(total))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every answer waits for an acknowledgement of its headers
    fake: Fake

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        fake = self.fake
        if self.path != "/v1/models":
            self.refuse(404, "Not Found")
            return
        names = [fake.name, *(f"other-{number}" for number in range(fake.others))]
        models = [{"id": name, "object": "model", "root": f"seed-{fake.seed}"} for name in names]
        self.send({"object": "list", "data": models})

    def do_POST(self) -> None:
        fake = self.fake
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path in ("/tokenize", "/extras/tokenize"):
            if self.path == "/tokenize" and fake.tokenizes:
                ids = list(body["prompt"].encode())
                fake.tokenized.append(body["prompt"])
                self.send({"count": len(ids), "max_model_len": 2048, "tokens": ids, "token_strs": None})
            elif fake.page:
                self.send({}, 307, Location=fake.page)
            else:
                self.refuse(404, "Not Found")
            return
        fake.asked.append(body)
        fake.headers.append(dict(self.headers))
        fault = fake.faults.pop(0) if fake.faults else fake.always
        if fault is not None:
            fault(self)
        elif fake.strict and (unknown := body.keys() - OPENAI):
            self.refuse(400, f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}")
        elif body["model"] != fake.name:
            self.refuse(404, f"The model `{body['model']}` does not exist.")
        elif self.path == "/v1/completions" and fake.completions:
            self._complete(body, chat=False)
        elif self.path == "/v1/chat/completions" and fake.chat:
            self._complete(body, chat=True)
        else:
            self.refuse(404, "Not Found")

    def _complete(self, body: Mapping[str, Any], *, chat: bool) -> None:
        fake = self.fake
        prompt = "".join(f"{m['role']}: {m['content']}\n" for m in body["messages"]) if chat else body["prompt"]
        if isinstance(prompt, list) and not fake.takes_ids:
            self.refuse(400, "prompt must be a string")
            return
        wanted = (body.get("top_logprobs", 0) if body.get("logprobs") else None) if chat else body.get("logprobs")
        if wanted is not None and wanted > fake.listed > 0:
            self.refuse(400, f"Requested sample logprobs of {wanted}, which is greater than max allowed: {fake.listed}")
            return
        ids = list(prompt) if isinstance(prompt, list) else list(prompt.encode())
        self.send(self.answer(body, ids, wanted if fake.listed else None, chat=chat))

    def answer(self, body: Mapping[str, Any], ids: Sequence[int], wanted: int | None, *, chat: bool) -> dict[str, Any]:
        """As vLLM's documentation writes it."""
        fake = self.fake
        values = raw = fake.log_probabilities(ids)
        if fake.bias and body.get("logit_bias"):
            values = raw.copy()
            for token, bias in body["logit_bias"].items():
                values[int(token)] += bias
            values = values - np.log(np.exp(values).sum())
        drawn = int(values.argmax())
        text = fake.reply if body["max_tokens"] > 1 else self.text(drawn)
        choice: dict[str, Any] = {"index": 0, "finish_reason": "length" if body["max_tokens"] == 1 else "stop"}
        choice |= {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        if wanted is not None:
            shown = values if fake.biased_values else raw
            order = [int(token) for token in np.argsort(-shown)[:wanted][: fake.grants]]
            if fake.by_ids and body.get("logprob_token_ids"):
                order = list(body["logprob_token_ids"])
            names = body.get("return_tokens_as_token_ids") and fake.by_ids
            choice["logprobs"] = self.logprobs(shown, drawn, order, as_ids=bool(names), chat=chat)
        return {
            "id": "cmpl-1",
            "object": "chat.completion" if chat else "text_completion",
            "model": fake.answers_as or fake.name,
            "choices": [choice],
            "system_fingerprint": fake.fingerprint,
            "usage": {"prompt_tokens": len(ids), "completion_tokens": 1, "total_tokens": len(ids) + 1},
        }

    def logprobs(self, values: Any, drawn: int, order: Sequence[int], *, as_ids: bool, chat: bool) -> dict[str, Any]:
        def written(token: int) -> str:
            return f"token_id:{token}" if as_ids else self.text(token)

        if chat:
            top = [{"token": written(token), "logprob": float(values[token]), "bytes": None} for token in order]
            first = {"token": written(drawn), "logprob": float(values[drawn]), "bytes": None, "top_logprobs": top}
            return {"content": [first]}
        return {
            "text_offset": [0],
            "token_logprobs": [float(values[drawn])],
            "tokens": [written(drawn)],
            "top_logprobs": [{written(token): float(values[token]) for token in [*order, drawn]}],
        }

    def text(self, token: int) -> str:
        if token == END:
            return "<|endoftext|>" if self.fake.parts else ""
        return chr(token) if token < 128 else self.fake.parts

    # What a server may say

    def send(self, document: Any, status: int = 200, **headers: str) -> None:
        self.send_text(json.dumps(document), "application/json", status, **headers)

    def refuse(self, status: int, message: str) -> None:
        self.send({"error": {"message": message, "type": "BadRequestError", "param": None, "code": status}}, status)

    def send_text(self, text: str, kind: str, status: int = 200, **headers: str) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def fake_server(**abilities: Any) -> Iterator[Fake]:
    """A fake server that runs until the block ends; its `url` is the API's base."""
    fake = Fake(**abilities)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Handler", (Handler,), {"fake": fake}))
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
