"""A server is opened: who is there, what it can do, and with which tokens it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from replicator.engines import chat
from replicator.engines.server import capability
from replicator.engines.server.address import address, settings
from replicator.engines.server.capability import PROBE, Capability
from replicator.engines.server.client import FailedError, RefusedError
from replicator.engines.server.engine import ServerEngine
from replicator.engines.server.replies import prompt_tokens
from replicator.engines.server.session import Session
from replicator.engines.server.tokenizing import remote
from replicator.errors import DataError, RunError
from replicator.experiment import Experiment


def open_server(
    name: str,
    model: str,
    arguments: Mapping[str, str],
    *,
    experiment: Experiment | None = None,
    batch_size: int | None = None,
) -> ServerEngine:
    """The engine of `server:URL#NAME`, called `name` in tables.

    Raises UsageError for arguments it does not know, DataError for a server or model that cannot be asked.
    """
    options = settings(name, arguments)
    tokenizer: Any = None
    if options.tokenizer is not None:
        from replicator.engines import checkpoint

        tokenizer = checkpoint.open_tokenizer(options.tokenizer, None)
        chat.prompt_format(tokenizer, options.prompt_format)
    try:
        session = Session(address(model), options)
        if tokenizer is None and options.api != "chat":
            tokenizer = remote(session)
        able = capability.find_out(session, options.api, tokenizer)
        amounts = experiment is not None and experiment.response.type != "choice"
        size = batch_size or options.concurrency * (1 if amounts else 4)
        adds_bos = _adds_bos(session, able, tokenizer)
        return ServerEngine(name, session, options, tokenizer, able, adds_bos=adds_bos, batch_size=size)
    except RunError as error:
        raise _unreadable(error) from None


def check_server(name: str, model: str, arguments: Mapping[str, str]) -> None:
    """Find what is wrong with the address or the arguments, with one request for the list of models.

    Raises as `open_server` does.
    """
    options = settings(name, arguments)
    try:
        Session(address(model), options).close()
    except RunError as error:
        raise _unreadable(error) from None


def _unreadable(error: RunError) -> DataError:
    """What fails before anything was asked is a model that cannot be read."""
    advice = error.advice if isinstance(error, FailedError) else error.remedy
    return DataError(error.problem, where=error.where, remedy=advice or "Check the address, and that it runs.")


def _adds_bos(session: Session, able: Capability, tokenizer: Any) -> bool:
    """Whether the server puts BOS before a prompt of text. Raises DataError for a tokenizer that is not its own."""
    if tokenizer is None or able.api == "chat" or able.takes_ids:
        return False
    try:
        document = session.ask("completions", capability.request("completions", PROBE, able.settings))
    except RefusedError:
        return False
    count, own = prompt_tokens(document), len(tokenizer(PROBE, add_special_tokens=False)["input_ids"])
    if count not in (None, own, own + 1):
        raise DataError(
            f"its tokenizer is another one: it reads {own} tokens where the server reads {count}.",
            where=session.address.url,
            remedy="Give tokenizer=PATH_OR_ID of the model that the server serves.",
        )
    return count == own + 1
