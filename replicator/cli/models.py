"""Which models a command asks, and where they compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from replicator.cli.numbers import BatchSize
from replicator.errors import UsageError
from replicator.pipeline import ModelRequest

DEFAULT_MODEL = "participants:human"

_ARGS = "--model-args"
_REQUESTS = "replicator.model_requests"

MODEL = click.Option(
    ["--model", "-M", "models"],
    multiple=True,
    metavar="MODEL",
    help="Who answers; repeat for more. A Hugging Face id, a local path, ladder:NAME, server:URL#NAME (an "
    "OpenAI-compatible server), or participants:NAME "
    f"(human, a theory, uniform, always-first, expected-value).  [default: {DEFAULT_MODEL}]",
)
MODEL_ARGS = click.Option(
    ["--model-args", "-a", "model_args"],
    multiple=True,
    metavar="KEY=VALUE,...",
    help="Arguments of the --model before it, such as r=-0.4,noise=8,lapse=.02,position=.5.",
)
DEVICE = click.Option(["--device"], metavar="DEVICE", help="Where a language model computes, such as cpu or cuda:0.")
BATCH_SIZE = click.Option(
    ["--batch-size"],
    type=BatchSize(min=1),
    metavar="N|auto",
    default="auto",
    show_default=True,
    help="Questions a language model answers at a time. Less is read at once where memory runs out.",
)


class ModelCommand(click.Command):
    """A command whose `--model-args` belong to the `--model` that they follow.

    click hands over one list an option; the order across the two is read from its parser.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing and "--help" not in args and "-h" not in args:
            values, _, order = self.make_parser(ctx).parse_args(args=list(args))
            ctx.meta[_REQUESTS] = _pair(values, [parameter.name for parameter in order])
        return super().parse_args(ctx, args)


def requested_models(ctx: click.Context) -> tuple[ModelRequest, ...]:
    """The models of this command line; people from `priors/humans` where none was named."""
    requests: tuple[ModelRequest, ...] = ctx.meta.get(_REQUESTS, ())
    return requests or (ModelRequest(DEFAULT_MODEL, {}),)


def parse_arguments(text: str) -> dict[str, str]:
    """`"r=-0.4,noise=8"` -> `{"r": "-0.4", "noise": "8"}`."""
    arguments: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals and value):
            raise UsageError(f"{part!r} is not KEY=VALUE.", where=_ARGS, remedy="Write r=-0.4,noise=8.")
        if key in arguments:
            raise UsageError(f"{key} is given twice.", where=_ARGS, remedy="Keep one of them.")
        arguments[key] = value
    return arguments


def _pair(values: Mapping[str, Any], order: list[str | None]) -> tuple[ModelRequest, ...]:
    """Each model with the arguments written after it, in the order of the command line."""
    models = iter(values.get("models") or ())
    arguments = iter(values.get("model_args") or ())
    written: list[tuple[str, list[str]]] = []
    for name in order:
        if name == "models":
            written.append((next(models), []))
        elif name == "model_args":
            if not written:
                problem = "no --model stands before it."
                raise UsageError(problem, where=_ARGS, remedy="Put it after the --model it is for.")
            written[-1][1].append(next(arguments))
    requests = tuple(ModelRequest(model, parse_arguments(",".join(texts))) for model, texts in written)
    for request in requests:
        if requests.count(request) > 1:
            problem = f"{request.name} is named twice."
            raise UsageError(problem, where="--model", remedy="Name every model once.")
    return requests
