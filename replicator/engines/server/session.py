"""One model of one server, watched: whoever answers at the end must be who answered at the beginning."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from replicator import redaction
from replicator.engines.server.address import Address, Api, Settings
from replicator.engines.server.client import Client, FailedError, RefusedError
from replicator.errors import DataError, ReplicatorError, RunError

PATHS: Mapping[Api, str] = {"completions": "/completions", "chat": "/chat/completions"}

_DESCRIBING = ("root", "max_model_len", "meta", "parent")
"""Parts of a model's entry in /models that say what it is; the others are dates and permissions."""

_NAMED = 10
"""Names of models that a message holds."""

_NOBODY = "no-such-model-of-this-name"


class Session:
    """Sends requests for one model. May be used by several threads."""

    def __init__(self, address: Address, settings: Settings) -> None:
        """Raises DataError where the server cannot be asked or does not have the model."""
        self.address = address
        self._client = Client(address, timeout=settings.timeout, connections=settings.concurrency + 1)
        self._any_fingerprint = settings.any_fingerprint
        self._lock = threading.Lock()
        self._seen: dict[str, str] = {}
        self.known = self._models()
        """What /models says of each model, by name; None where the server has no such list."""
        self.name = address.name or self._only()

    def close(self) -> None:
        self._client.close()

    def stop(self) -> None:
        """Let requests that wait for another attempt give up."""
        self._client.stop()

    @property
    def answers_as(self) -> str | None:
        """The model's name in the server's own answers."""
        return self._seen.get("model")

    @property
    def fingerprint(self) -> str | None:
        """The server's `system_fingerprint`; None where it has none, or where any will do."""
        return None if self._any_fingerprint else self._seen.get("system_fingerprint")

    @property
    def described(self) -> Mapping[str, Any]:
        """What /models says of the model."""
        return (self.known or {}).get(self.name, {})

    def ask(self, api: Api, body: Mapping[str, Any], *, attempts: int | None = None) -> dict[str, Any]:
        """The server's answer. Raises RefusedError, and RunError where it fails for good or changes its model."""
        document = self._client.post(PATHS[api], {"model": self.name, **body}, attempts=attempts)
        self._watch(document)
        return document

    def beside(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of what lies beside the API, such as /tokenize. Raises as `ask`."""
        return self._client.post_root(path, {"model": self.name, **body}, attempts=2)

    def require_the_same(self) -> None:
        """Raises RunError where the server's list of models says that another one is served now."""
        if self.known is None:
            return
        now = self._models()
        if now is None:
            return
        if self.name in self.known and self.name not in now:
            raise self._changed(f"it no longer lists {self.name}")
        if now.get(self.name, {}) != self.described:
            raise self._changed(f"it now describes {self.name} otherwise")

    def require_served(self, api: Api) -> None:
        """Raises DataError for a name that the server does not list and serves only because it takes any."""
        if self.known is None or not self.known or self.name in self.known:
            return
        try:
            prompt: dict[str, Any] = {"prompt": "."} if api == "completions" else {"messages": _HELLO}
            self._client.post(PATHS[api], {"model": _NOBODY, "max_tokens": 1, **prompt}, attempts=2)
        except RefusedError:
            return
        except FailedError as failure:
            if not failure.of_request:
                raise
            return
        raise self.unknown()

    def unknown(self) -> DataError:
        """That the server does not have the model."""
        listed = _some(list(self.known or ())) or "none that it names"
        return DataError(
            f"the server has no model {self.name!r}.", where=self.address.url, remedy=f"It serves: {listed}."
        )

    def _models(self) -> dict[str, dict[str, Any]] | None:
        try:
            document = self._client.get("/models", attempts=2)
        except RefusedError:
            return None
        except FailedError as error:
            if error.status is None:
                raise
            return None
        entries = document.get("data")
        if not isinstance(entries, list):
            return None
        named = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
        return {entry["id"]: {key: entry[key] for key in _DESCRIBING if entry.get(key)} for entry in named}

    def _only(self) -> str:
        listed = list(self.known or ())
        if len(listed) == 1:
            return listed[0]
        which = _some(listed) or "it lists none"
        raise DataError(
            "which model of this server is meant?",
            where=self.address.url,
            remedy=f"Write server:{self.address.url}#NAME ({which}).",
        )

    def _watch(self, document: Mapping[str, Any]) -> None:
        model, fingerprint = document.get("model"), document.get("system_fingerprint")
        if isinstance(model, str) and model:
            self._require("model", model)
        if isinstance(fingerprint, str) and fingerprint and not self._any_fingerprint:
            self._require("system_fingerprint", fingerprint)

    def _require(self, what: str, now: str) -> None:
        with self._lock:
            before = self._seen.setdefault(what, now)
        if what == "model" and not _same_model(self.name, before):
            raise DataError(
                f"{self.name!r} was asked for and {before!r} answered.",
                where=self.address.url,
                remedy="Name the model that the server serves.",
            )
        if now != before:
            hint = " Write --model-args fingerprint=any if that is no matter." if what != "model" else ""
            raise self._changed(f"its {what} was {before} and is {now}", hint)

    def _changed(self, how: str, hint: str = "") -> ReplicatorError:
        told = redaction.text(" ".join(how.split()))[:300]
        return RunError(
            f"the server changed its model while it was being asked ({told}).",
            where=self.address.url,
            remedy=f"What was answered before is kept; serve one model and run the same command again.{hint}",
        )


_HELLO = [{"role": "user", "content": "."}]


def _some(names: Sequence[str]) -> str:
    """A few names: hosted servers list hundreds."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _same_model(asked: str, answered: str) -> bool:
    """Whether an answer's model is the one asked for, up to a path, a revision or a date after its name."""
    one, other = asked.casefold(), answered.casefold()
    return one in other or other in one
