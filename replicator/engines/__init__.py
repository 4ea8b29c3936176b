"""Who answers. A model string names an engine:

`participants:NAME` simulated people and other known responders; `ladder:NAME` a built-in model; `server:URL#NAME`
a model of an OpenAI-compatible server; anything else a local folder or a Hugging Face id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from replicator import redaction
from replicator.errors import UsageError

if TYPE_CHECKING:
    from replicator.engines.engine import Engine, Writer
    from replicator.engines.sampled import SampledText, Sampling
    from replicator.experiment import Experiment

PARTICIPANTS = "participants:"
LADDER = "ladder:"
SERVER = "server:"


def open_engine(
    model: str,
    arguments: Mapping[str, str],
    *,
    experiment: Experiment,
    device: str | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    sampling: Sampling | None = None,
    source: str | None = None,
) -> Engine:
    """The engine that `model` names; with `sampling` it is asked in writing. Only what that engine needs is imported.

    `source` is where its checkpoint lies, if not where `checkpoint_source` says.
    Raises DataError for a model that cannot be read, UsageError for an unknown participant, built-in model
    or argument, or one that cannot be asked so.
    """
    name = population_name(model, arguments)
    if model.startswith(PARTICIPANTS):
        from replicator.engines.participants import open_participants

        return elicited(open_participants(model, arguments, experiment=experiment, name=name, seed=seed), sampling)
    if model.startswith(SERVER):
        return _open_server(name, model, arguments, experiment, batch_size, sampling)
    from replicator.engines.huggingface import open_model

    engine = open_model(
        name,
        source or checkpoint_source(model),
        arguments,
        experiment=experiment,
        device=device,
        batch_size=batch_size,
    )
    return elicited(engine, sampling)


def elicited(engine: Engine, sampling: Sampling | None) -> Engine:
    """The engine, asked as `sampling` says; as it is without.

    Raises UsageError for one that cannot be asked so.
    """
    if sampling is None:
        return engine
    if not engine.reads_text:
        from replicator.engines.sampled import SampledEngine

        _check_participants(engine.name, sampling.elicitation)
        return SampledEngine(engine, sampling)
    writer = cast("Writer", engine)
    if sampling.elicitation == "reasoning" and not writer.scores_traces:
        raise UsageError(
            "it cannot score answers after what it thought.", where=engine.name, remedy="Ask with --elicitation sample."
        )
    return asked_in_writing(sampling.elicitation)(writer, sampling)


def asked_in_writing(elicitation: str) -> type[SampledText]:
    """How a model that reads text is asked where something is written."""
    from replicator.engines.reasoned import ReasonedText
    from replicator.engines.sampled import SampledText
    from replicator.engines.verbalised import VerbalisedText

    return {"sample": SampledText, "verbalised": VerbalisedText, "reasoning": ReasonedText}[elicitation]


def checkpoint_source(model: str) -> str:
    """The folder or hub id of a model that is a checkpoint; a built-in one is made first where it does not exist.

    Raises UsageError for an unknown built-in model.
    """
    from replicator import ladder

    return str(ladder.checkpoint(model.removeprefix(LADDER))) if model.startswith(LADDER) else model


def _open_server(
    name: str,
    model: str,
    arguments: Mapping[str, str],
    experiment: Experiment,
    batch_size: int | None,
    sampling: Sampling | None,
) -> Engine:
    from replicator.engines.server.opening import open_server

    engine = open_server(name, model, arguments, experiment=experiment, batch_size=batch_size)
    if sampling is None:
        engine.require_probabilities(experiment)
    return elicited(engine, sampling)


def _check_participants(name: str, elicitation: str) -> None:
    if elicitation not in ("probability", "sample"):
        what = "forecast others" if elicitation == "verbalised" else "think in words"
        raise UsageError(
            f"simulated participants do not {what}.",
            where=name,
            remedy="Ask them in a run of their own, by probability, and put the two side by side with `report`.",
        )


def check_model(
    model: str,
    arguments: Mapping[str, str],
    *,
    experiment: Experiment,
    device: str | None = None,
    elicitation: str = "probability",
) -> None:
    """Find what is wrong with a model's name or arguments before anything is asked, and without loading it.

    Of a server the list of its models is asked for.

    Raises as `open_engine` does.
    """
    if model.startswith(PARTICIPANTS):
        _check_participants(population_name(model, arguments), elicitation)
        open_engine(model, arguments, experiment=experiment)
        return
    if model.startswith(SERVER):
        from replicator.engines.server.opening import check_server

        check_server(population_name(model, arguments), model, arguments)
        return
    from replicator import ladder
    from replicator.engines import checkpoint, huggingface

    if model.startswith(LADDER):
        ladder.require(model.removeprefix(LADDER))
    huggingface.check_arguments(population_name(model, arguments), arguments, device)
    if not model.startswith(LADDER):
        checkpoint.locate(model, arguments.get("revision"))


def population_name(model: str, arguments: Mapping[str, str]) -> str:
    """What a population is called in tables: `participants:crra(r=-0.4,noise=8)`, or the model string
    alone. It stands in every file of a run, so a key in it is blanked out.
    """
    written = ",".join(f"{key}={value}" for key, value in redaction.document(dict(arguments)).items())
    return redaction.text(f"{model}({written})" if written else model)
