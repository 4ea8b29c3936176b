"""Requests to a model server: what fails for a moment is asked again, what fails for good is said in one line.

A key is sent in the header of a request to the address that the user named, and nowhere else: redirects are
not followed, and no message holds what a server echoes of it.
"""

from __future__ import annotations

import math
import os
import random
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2

from replicator import redaction
from replicator.engines.server.address import Address
from replicator.errors import DataError, RunError, UsageError

ATTEMPTS = 5
"""How often one request is made before its failure counts as lasting."""
LATE_ATTEMPTS = 2
"""The same where no answer came in time: what takes too long does so again, and may be billed each time."""
PAUSE = 0.5
"""Seconds before the second attempt; doubled for each one after, with up to half added or taken at random."""
LONGEST_PAUSE = 60.0
RATE_PATIENCE = 900.0
"""Seconds that one request waits in all while the server says that it is asked too often."""
PATIENCE = 10.0
"""Seconds within which a server must accept a connection."""

_RESUMES = "What was answered is kept; the same command resumes."
_AWAY = (408, 502, 503, 504)
"""What a server, or a gateway before it, says that cannot be asked just now."""


class RefusedError(Exception):
    """The server understood a request and will not serve it (HTTP 4xx, or an error in place of an answer)."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class FailedError(RunError):
    """The server failed for good."""

    def __init__(self, problem: str, *, where: str, failure: _AttemptError) -> None:
        self.advice = failure.advice
        """What to do about it, where that is known."""
        self.status = failure.status
        """The HTTP status of its last answer; None where there was none, or none that can be read."""
        self.of_request = failure.of_request
        """Whether it may be due to what was asked; a server that is away or too busy says nothing about that."""
        super().__init__(problem, where=where, remedy=f"{self.advice} {_RESUMES}" if self.advice else _RESUMES)


class _AttemptError(Exception):
    """One attempt failed."""

    def __init__(
        self,
        problem: str,
        *,
        status: int | None = None,
        again_after: float | None = None,
        limited: bool = False,
        of_request: bool = False,
        most: int = ATTEMPTS,
        advice: str | None = None,
    ) -> None:
        """`limited`: the server counts requests; `most`: how many attempts such a failure is worth."""
        self.status = status
        self.again_after = again_after
        self.limited = limited
        self.of_request = of_request
        self.most = most
        self.advice = advice
        super().__init__(problem)


class Client:
    """Sends JSON to one server. May be used by several threads."""

    def __init__(self, address: Address, *, timeout: float, connections: int) -> None:
        """Raises UsageError for a key or a proxy in the environment that cannot be one."""
        self._key = key = _key()
        self._address = address
        self._timeout = timeout
        self._http = _http(address, key, timeout, connections)
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._stopped = threading.Event()

    def close(self) -> None:
        self._http.close()

    def stop(self) -> None:
        """Let requests that wait for another attempt give up."""
        self._stopped.set()

    def get(self, path: str, *, attempts: int | None = None) -> dict[str, Any]:
        """The JSON object at a path below the API's base. Raises as `post` does."""
        return self._ask("GET", self._address.url + path, None, attempts)

    def post(self, path: str, body: Mapping[str, Any], *, attempts: int | None = None) -> dict[str, Any]:
        """The server's answer to `body`, sent to a path below the API's base.

        Raises RefusedError, DataError where the key or the address is wrong, FailedError where `attempts` have failed.
        """
        return self._ask("POST", self._address.url + path, body, attempts)

    def post_root(self, path: str, body: Mapping[str, Any], *, attempts: int | None = None) -> dict[str, Any]:
        """The same beside the API."""
        return self._ask("POST", self._address.root + path, body, attempts)

    def _ask(self, method: str, url: str, body: Mapping[str, Any] | None, attempts: int | None) -> dict[str, Any]:
        most, tried, failed, waited = attempts or ATTEMPTS, 0, 0, 0.0
        while True:
            self._wait()
            if self._stopped.is_set():
                raise RunError("the server is asked no more.", where=self._address.url)
            try:
                return self._once(method, url, body)
            except _AttemptError as failure:
                tried += 1
                failed += not failure.limited
                pause = _pause(failure, tried)
                if failed >= min(most, failure.most) or waited + pause > RATE_PATIENCE:
                    problem = f"the server {failure}{_times(failed)}{_waiting(failure, waited)}."
                    raise FailedError(problem, where=self._address.url, failure=failure) from None
                waited += pause
                if failure.limited:
                    self._hold(pause)
                else:
                    self._stopped.wait(pause)

    def _once(self, method: str, url: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        try:
            response = self._http.request(method, url, json=body)
        except httpx2.ProxyError:
            raise _AttemptError("cannot be reached through the proxy") from None
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            raise _AttemptError("cannot be reached") from None
        except httpx2.TimeoutException:
            advice = (
                f"Give it longer with --model-args timeout={max(600.0, 10 * self._timeout):g}, "
                "or ask it for less at a time with concurrency=1."
            )
            problem = f"did not answer within {self._timeout:g} seconds"
            raise _AttemptError(problem, most=LATE_ATTEMPTS, advice=advice) from None
        except httpx2.HTTPError as error:
            raise _AttemptError(f"broke off its answer ({type(error).__name__})") from None
        return self._read(response)

    def _read(self, response: httpx2.Response) -> dict[str, Any]:
        status = response.status_code
        if 300 <= status < 400:
            target = self._clean(response.headers.get("location", "another address"))
            remedy = "Name that address if it is the right one; the key is sent nowhere else."
            raise DataError(f"the server sends requests on to {target}.", where=self._address.url, remedy=remedy)
        if status in (401, 403):
            remedy = "Set OPENAI_API_KEY." if not self._key else "Check OPENAI_API_KEY."
            raise DataError(f"the server refuses the key ({status}).", where=self._address.url, remedy=remedy)
        after = _retry_after(response.headers.get("retry-after"))
        if status == 429:
            reason = self._reason(response)
            if _spent(response):
                raise _AttemptError(f"says that the quota is used up{reason}", most=1, advice="Raise the quota.")
            raise _AttemptError(f"says that it is asked too often{reason}", again_after=after, limited=True)
        if status >= 500 or status == 408:
            problem = f"failed ({status}{self._reason(response)})"
            raise _AttemptError(problem, status=status, again_after=after, of_request=status not in _AWAY)
        if status >= 400:
            raise RefusedError(status, f"{status}{self._reason(response)}")
        document = _json(response)
        if not isinstance(document, dict):
            raise _AttemptError(_no_answer(response), of_request=True)
        if document.get("error"):
            raise RefusedError(status, self._clean(_message(document)))
        return document

    def _reason(self, response: httpx2.Response) -> str:
        document = _json(response)
        words = self._clean(_message(document)) if isinstance(document, dict) else ""
        return f": {words}" if words else ""

    def _clean(self, words: str) -> str:
        """A server's words on one line, without the key and not too many."""
        if self._key:
            words = words.replace(self._key, redaction.REDACTED)
        return redaction.text(" ".join(words.split()))[:300].rstrip(".")

    def _wait(self) -> None:
        while (pause := self._not_before - time.monotonic()) > 0 and not self._stopped.is_set():
            self._stopped.wait(pause)

    def _hold(self, pause: float) -> None:
        """All threads wait: a limit is the account's, not a request's."""
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + pause)


def _key() -> str:
    """OPENAI_API_KEY. Raises UsageError for what no header can hold: quotes pasted from a document, a line break."""
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not (key.isascii() and key.isprintable()):
        raise UsageError(
            "OPENAI_API_KEY holds a character that no key has.", remedy="Set it again, without quotes or line breaks."
        )
    return key


def _http(address: Address, key: str, timeout: float, connections: int) -> httpx2.Client:
    host = urlsplit(address.url).hostname or ""
    try:
        return httpx2.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(timeout, connect=min(timeout, PATIENCE)),
            follow_redirects=False,
            # A proxy knows no servers of this machine.
            trust_env=host not in ("127.0.0.1", "::1", "localhost"),
            limits=httpx2.Limits(max_connections=connections),
        )
    except OSError:
        raise UsageError(
            "the certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read.", remedy="Name others or none."
        ) from None
    except (httpx2.InvalidURL, ValueError, ImportError):
        # What it is may hold a password.
        raise UsageError(
            "the environment names a proxy that cannot be used.",
            remedy="Write HTTP_PROXY, HTTPS_PROXY and ALL_PROXY as http://HOST:PORT, or unset them.",
        ) from None


def _pause(failure: _AttemptError, tried: int) -> float:
    """Seconds until the next attempt: as many as the server says, or twice as many as before."""
    if failure.again_after is not None and failure.again_after >= PAUSE:
        return failure.again_after
    return min(LONGEST_PAUSE, PAUSE * 2.0 ** min(tried - 1, 30)) * random.uniform(0.5, 1.5)


def _spent(response: httpx2.Response) -> bool:
    """Whether a limit is no matter of waiting (OpenAI: a 429 as any other)."""
    document = _json(response)
    error = document.get("error") if isinstance(document, dict) else None
    return isinstance(error, dict) and "insufficient_quota" in (error.get("code"), error.get("type"))


def _json(response: httpx2.Response) -> Any:
    try:
        document = response.json()
    except (ValueError, RecursionError):
        return None
    return _writable(document) if "\\ud" in response.text.casefold() else document


def _writable(value: Any) -> Any:
    """The same without halves of characters, which JSON may hold and no file can."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_writable(part) for part in value]
    return {_writable(k): _writable(v) for k, v in value.items()} if isinstance(value, dict) else value


def _no_answer(response: httpx2.Response) -> str:
    kind = response.headers.get("content-type", "")
    if "html" in kind or response.text.lstrip()[:1] == "<":
        return "answers with a web page, not with JSON (is this the address of its API?)"
    return "sent an answer that is cut off or is no JSON object"


def _message(document: Mapping[str, Any]) -> str:
    """The reason in any of the shapes that servers give it: error.message, error, detail, message."""
    error = document.get("error", document.get("detail", document.get("message", "")))
    if isinstance(error, Mapping):
        error = error.get("message", "")
    return error if isinstance(error, str) else str(error)


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _times(failed: int) -> str:
    return f", {failed} times in a row" if failed > 1 else ""


def _waiting(failure: _AttemptError, waited: float) -> str:
    """How long it was waited for a limit, and how long it would have to be."""
    if failure.again_after is not None and waited + failure.again_after > RATE_PATIENCE:
        return f", and wants to be asked again in {failure.again_after:.0f} seconds"
    return f", for {waited:.0f} seconds" if failure.limited else ""
