"""Where a model server is and how it is asked: `server:URL#NAME` and what `--model-args` may set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import httpx2

from replicator.engines import SERVER
from replicator.engines.chat import check_format
from replicator.errors import UsageError

ARGUMENTS = ("api", "prompt_format", "tokenizer", "concurrency", "timeout", "fingerprint")
"""What `--model-args` may set."""

Api = Literal["completions", "chat"]

CONCURRENCY = 8
"""Requests under way at once."""
TIMEOUT = 60.0
"""Seconds that a server may take to answer one request."""


@dataclass(frozen=True)
class Address:
    """One model of one server."""

    url: str
    """The API's base, such as http://127.0.0.1:8000/v1."""
    name: str
    """The model's name on the server; empty for the only one."""

    @property
    def root(self) -> str:
        """Where what is not part of OpenAI's API lies, such as /tokenize."""
        return self.url.removesuffix("/v1")


@dataclass(frozen=True)
class Settings:
    """How a server is asked."""

    api: Api | None = None
    """None: completions where there are any."""
    prompt_format: str | None = None
    tokenizer: str | None = None
    """A folder or hub id with the served model's tokenizer."""
    concurrency: int = CONCURRENCY
    timeout: float = TIMEOUT
    any_fingerprint: bool = False
    """Whether the server may change its `system_fingerprint` while it is asked."""


def address(model: str) -> Address:
    """Of `server:URL#NAME`; without a URL it is OPENAI_BASE_URL. Raises UsageError."""
    url, _, name = model.removeprefix(SERVER).partition("#")
    url = (url or os.environ.get("OPENAI_BASE_URL", "")).strip().rstrip("/")
    remedy = "Write server:http://127.0.0.1:8000/v1#NAME."
    if not url:
        raise UsageError("there is no address and OPENAI_BASE_URL is not set.", where=_shown(model), remedy=remedy)
    parts = _parts(url)
    if parts is None:
        raise UsageError("this is not the address of a server.", where=_shown(model), remedy=remedy)
    if parts.username is not None or parts.password is not None or parts.query:
        raise UsageError(
            "an address may hold no key: it would end up in tables and reports.",
            where=_shown(model),
            remedy="Set OPENAI_API_KEY instead.",
        )
    return Address(url, name.strip())


def settings(name: str, arguments: Mapping[str, str]) -> Settings:
    """Of `--model-args`. Raises UsageError for what no server takes."""
    for argument in arguments:
        if argument not in ARGUMENTS:
            remedy = f"A server takes {', '.join(ARGUMENTS)}."
            raise UsageError(f"there is no argument {argument!r}.", where=name, remedy=remedy)
    check_format(arguments.get("prompt_format"))
    form, tokenizer = arguments.get("prompt_format"), arguments.get("tokenizer")
    if form == "chat" and tokenizer is None and arguments.get("api") != "chat":
        raise UsageError(
            "the chat template is not known here.",
            where=name,
            remedy="Give tokenizer=PATH_OR_ID of the served model, or api=chat.",
        )
    api = arguments.get("api")
    if api not in (None, "completions", "chat"):
        raise UsageError(f"there is no api {api!r}.", where=name, remedy="Write api=completions or api=chat.")
    if api == "chat" and form == "plain":
        raise UsageError("api=chat cannot ask with a plain text.", where=name, remedy="Leave out one of the two.")
    if arguments.get("fingerprint") not in (None, "any"):
        raise UsageError("fingerprint takes one value.", where=name, remedy="Write fingerprint=any or leave it out.")
    return Settings(
        api="chat" if api == "chat" else "completions" if api else None,
        prompt_format=form,
        tokenizer=tokenizer,
        concurrency=int(_number(name, arguments, "concurrency", CONCURRENCY, whole=True)),
        timeout=_number(name, arguments, "timeout", TIMEOUT, whole=False),
        any_fingerprint="fingerprint" in arguments,
    )


def _parts(url: str) -> SplitResult | None:
    """The parts of an address that a request can be sent to; None for any other."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host.encode("idna")
        httpx2.URL(url)
        usable = parts.scheme in ("http", "https") and bool(host) and (parts.port or 1) > 0
    except (ValueError, httpx2.InvalidURL):
        return None
    # urlsplit drops line breaks and tabs without a word.
    return parts if usable and url.isprintable() and " " not in url else None


def _number(name: str, arguments: Mapping[str, str], key: str, default: float, *, whole: bool) -> float:
    text = arguments.get(key)
    if text is None:
        return default
    try:
        value = float(int(text)) if whole else float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1e6:
        kind = "a whole number above 0" if whole else "seconds above 0"
        raise UsageError(f"{key} is {text!r}.", where=name, remedy=f"Write {kind}.")
    return value


def _shown(model: str) -> str:
    """The model string without what may hold a key: what stands before an @ in its address, and a query."""
    before, at, after = model.rpartition("@")
    shown = f"{before.partition('//')[0]}//...@{after}" if at and "//" in before else model
    question = shown.find("?")
    return shown if question < 0 else f"{shown[:question]}?..."
