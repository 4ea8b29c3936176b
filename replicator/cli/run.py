"""`replicator run EXPERIMENT` and `replicator collect EXPERIMENT`: every experiment is a command of its own.

A command's options and help are written from its specification: one option a factor.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replicator import resources, specification
from replicator.cli.asking import ELICITATION, presentation, require_drawn
from replicator.cli.models import (
    BATCH_SIZE,
    DEFAULT_MODEL,
    DEVICE,
    MODEL,
    MODEL_ARGS,
    ModelCommand,
    requested_models,
)
from replicator.cli.numbers import WholeNumber
from replicator.cli.output import SCHEMA, print_answers, print_json, print_outcome
from replicator.cli.personas import PERSONA_STYLE, PERSONAS, chosen
from replicator.errors import GateError
from replicator.experiment import Experiment, Factor, Value, format_value
from replicator.pipeline import Request

if TYPE_CHECKING:
    from replicator.rehearsal import Forecast

Action = Callable[[Request, Path, Mapping[str, Any]], None]


class ExperimentGroup(click.Group):
    """Shipped experiments by name, and any path that ends in .json."""

    def __init__(self, name: str, action: Action, *, help: str) -> None:  # noqa: A002 - click's word
        super().__init__(
            name,
            help=f"{help}\n\nEvery experiment has options of its own, written from its specification: who answers "
            f"(--model), where to (--out), and the levels of its factors. `replicator {name} EXPERIMENT --help` "
            "lists them.",
            subcommand_metavar="EXPERIMENT [OPTIONS]",
            options_metavar="",
            no_args_is_help=True,
            epilog=f"\b\nExamples:\n  replicator {name} holt-laury --help\n"
            f"  replicator {name} holt-laury --model participants:human --stakes 1",
        )
        self._action = action

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(resources.experiment_files())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name.startswith("-"):
            return None
        return _command(specification.find(cmd_name), cmd_name, self._action)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Experiments"):
            shipped = [(name, _title(path)) for name, path in resources.experiment_files().items()]
            formatter.write_dl([*shipped, ("FILE.json", "An experiment of your own.")])


def _run(request: Request, out: Path, options: Mapping[str, Any]) -> None:
    if options["dry_run"]:
        _rehearse(request, out, options)
        return
    from replicator import pipeline
    from replicator.cli.progress import watcher

    with watcher() as told:
        run = pipeline.collect_choices(request, out, told)
        results = pipeline.refresh(run, told)
        report = pipeline.write_report([run], run.report, told)
    if options["as_json"]:
        print_json(results)
    else:
        print_outcome([results], report)
    gates = pipeline.failed_gates(results) if options.get("strict") else []
    if gates:
        raise GateError("\n".join(gates))


def _rehearse(request: Request, out: Path, options: Mapping[str, Any]) -> None:
    from replicator import pipeline, runs
    from replicator.rehearsal import rehearse

    manifest = pipeline.taken_up(request, out)
    forecasts = rehearse(request, since=math.inf if request.fresh else runs.answers_since(manifest))
    if options["as_json"]:
        models = [forecast.document() for forecast in forecasts]
        print_json({"schema": SCHEMA, "experiment": request.experiment.name, "models": models})
        return
    for forecast in forecasts:
        click.echo("\n".join(in_words(forecast)))


def in_words(forecast: Forecast) -> list[str]:
    """Lines for people: the model, and what it would be asked."""
    stored = "not known" if forecast.stored is None else f"{forecast.stored:,}"
    text = "not known" if forecast.reads_text else "none: no text is read"
    tokens = text if forecast.prompt_tokens is None else f"{forecast.prompt_tokens:,}"
    time = "" if forecast.seconds is None else f"{_duration(forecast.seconds)} to collect; "
    return [
        forecast.model,
        f"  questions       {forecast.questions:,} and {forecast.checks:,} comprehension checks",
        f"  stored already  {stored}",
        f"  prompt tokens   {tokens}",
        *([] if forecast.written_tokens is None else [f"  written tokens  at most {forecast.written_tokens:,}"]),
        f"  expected time   {time}{forecast.measured}",
    ]


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"about {max(1, round(seconds))} seconds" if seconds >= 1.5 else "about a second"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"about {minutes} minute{'s' if minutes > 1 else ''}"
    return f"about {round(minutes / 60)} hours"


def _collect(request: Request, out: Path, options: Mapping[str, Any]) -> None:
    from replicator import pipeline
    from replicator.cli.progress import watcher

    with watcher() as told:
        run = pipeline.collect_choices(request, out, told)
    if options["as_json"]:
        print_json(dict(run.manifest))
        return
    print_answers(run.choices)
    click.echo(f"Choices: {run.choices}")


run = ExperimentGroup(
    "run",
    _run,
    help="Run EXPERIMENT: collect choices, estimate parameters, set them beside people and write a report.",
)
collect = ExperimentGroup(
    "collect", _collect, help="Collect the choices of EXPERIMENT and stop; `estimate` goes on from there."
)


class Level(click.ParamType[Value]):
    """One of a factor's levels."""

    name = "level"

    def __init__(self, factor: Factor) -> None:
        self._factor = factor

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Value:
        for level in self._factor.levels:
            if value == level or _same(str(value), level):
                return level
        factor = self._factor
        return self.fail(f"{value} is not a level of {factor.name}; its levels are {_levels(factor)}.", param, ctx)


def _command(experiment: Experiment, name: str, action: Action) -> click.Command:
    def callback(**options: Any) -> None:
        levels = {f.name: options[_destination(f)] for f in experiment.factors if options[_destination(f)]}
        models = requested_models(click.get_current_context())
        if not options["models"]:
            click.echo(f"note: no --model was given, so {DEFAULT_MODEL} answer: simulated people.", err=True)
        request = Request(
            experiment,
            models,
            levels,
            seed=options["seed"],
            limit=options["limit"],
            device=options["device"],
            batch_size=options["batch_size"],
            elicitation=options["elicitation"],
            repeats=options["repeats"],
            temperature=options["temperature"],
            fresh=options["fresh"],
            layouts=options["layouts"],
            answers=options.get("answers", ()),
            personas=chosen(options["personas"], options["persona_style"]),
        )
        require_drawn(options, models)
        action(request, Path(options["out"] or Path("reports") / experiment.name), options)

    strict = [_STRICT, _DRY_RUN] if action is _run else []
    factors = [_factor_option(factor) for factor in experiment.factors]
    return ModelCommand(
        name,
        params=[
            MODEL,
            MODEL_ARGS,
            *factors,
            _out(experiment),
            *ELICITATION,
            *presentation(experiment),
            *_COMMON,
            *strict,
            _JSON,
        ],
        callback=callback,
        help=_help(experiment),
        short_help=experiment.title,
        epilog=_examples(experiment, name),
    )


def _factor_option(factor: Factor) -> click.Option:
    words = f"{factor.description.rstrip('.')}. " if factor.description else ""
    defaults = ", ".join(format_value(level) for level in factor.default)
    return click.Option(
        [f"--{factor.name.replace('_', '-')}", _destination(factor)],
        type=Level(factor),
        multiple=True,
        metavar="LEVEL",
        help=f"{words}Repeat for more. Levels: {_levels(factor)}.  [default: {defaults}]",
    )


def _destination(factor: Factor) -> str:
    """Kept apart from the options that every experiment has."""
    return f"factor_{factor.name}"


def _out(experiment: Experiment) -> click.Option:
    return click.Option(
        ["--out"],
        type=click.Path(file_okay=False),
        metavar="DIR",
        help=f"The run's folder.  [default: reports/{experiment.name}]",
    )


_COMMON = [
    PERSONAS,
    PERSONA_STYLE,
    click.Option(
        ["--seed"],
        type=WholeNumber(min=0),
        metavar="N",
        default=0,
        show_default=True,
        help="Seed of all that is random.",
    ),
    click.Option(["--limit"], type=WholeNumber(min=1), metavar="N", help="Only the first items of every condition."),
    DEVICE,
    BATCH_SIZE,
    click.Option(
        ["--fresh"],
        is_flag=True,
        help="Ask everything again, whatever answers are stored. The same command without it takes up where a fresh "
        "collection was interrupted.",
    ),
]
_STRICT = click.Option(
    ["--strict"], is_flag=True, help="Exit with 5 where a fit is unsound or too few answers are valid."
)
_DRY_RUN = click.Option(
    ["--dry-run"],
    is_flag=True,
    help="Write nothing and keep no answer: tell questions, stored answers, tokens and the expected time here.",
)
_JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document on stdout and nothing else.")


def _help(experiment: Experiment) -> str:
    from replicator import design

    citation = experiment.citation
    doi = f", doi:{citation['doi']}" if citation.get("doi") else ""
    kind = experiment.response.type
    answer = "" if kind == "choice" else f" {'An' if kind[0] == 'a' else 'A'} {kind} is asked for."
    return (
        f"{experiment.title} ({citation['authors']} {citation['year']}{doi}).\n\n"
        f"{len(experiment.items)} item{'s' if len(experiment.items) > 1 else ''} in {len(experiment.wordings)} "
        f"wordings: {design.size(design.trials(experiment))}, with the default levels.{answer} `replicator show` "
        "shows them."
    )


def _examples(experiment: Experiment, name: str) -> str:
    lines = [f"replicator run {name} --model participants:human --model PATH_TO_CHECKPOINT"]
    for factor in experiment.factors[:1]:
        option = f"--{factor.name.replace('_', '-')}"
        lines.append(f"replicator run {name} {option} {format_value(factor.levels[0])}")
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _levels(factor: Factor) -> str:
    return ", ".join(format_value(level) for level in factor.levels)


def _same(text: str, level: Value) -> bool:
    """Whether what was typed means this level: numbers by value, words as they stand."""
    if isinstance(level, bool | str):
        return text == format_value(level) or text == str(level).lower()
    try:
        return float(text) == float(level)
    except ValueError:
        return False


def _title(path: Path) -> str:
    """Read without validation: a listing must be quick, and show what is broken too."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["title"])
    except (OSError, ValueError, KeyError, TypeError):
        return "(cannot be read; see `replicator validate`)"
