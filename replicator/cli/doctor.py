"""`replicator doctor`: can this model's answers be believed, and is this machine fit?"""

from __future__ import annotations

import re
import shlex
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replicator import redaction
from replicator.cli.failures import printable
from replicator.cli.models import BATCH_SIZE, DEVICE, parse_arguments
from replicator.cli.output import JSON, SCHEMA, print_json
from replicator.doctor.examination import Examination
from replicator.errors import GateError, UsageError
from replicator.pipeline import ModelRequest

if TYPE_CHECKING:
    from replicator.doctor.examine import Diagnosis
    from replicator.doctor.finding import Finding


@click.command("doctor", params=[DEVICE, BATCH_SIZE])
@click.argument("model", required=False)
@click.option("--model-args", "-a", metavar="KEY=VALUE,...", default="", help="MODEL's arguments, as `run` takes them.")
@click.option(
    "--experiment",
    "experiments",
    multiple=True,
    metavar="NAME|FILE",
    help="Whose questions are asked; repeat for more.  [default: holt-laury and dictator]",
)
@click.option("--against", metavar="MODEL2", help="A model that should be the same, such as a server of MODEL.")
@click.option("--against-args", metavar="KEY=VALUE,...", default="", help="MODEL2's arguments.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The page.  [default: reports/doctor-MODEL.html]",
)
@JSON
def doctor(
    model: str | None,
    model_args: str,
    experiments: tuple[str, ...],
    against: str | None,
    against_args: str,
    device: str | None,
    batch_size: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Tell whether the answers of MODEL can be believed; without one, whether this machine is fit.

    MODEL is whatever `run --model` takes.
    A small part of a real experiment is asked as a run would ask it. Every check is sound, doubtful or unsound,
    with what it means and what to do; a page shows the same with pictures. Exits with 5 where anything is unsound.
    """
    from replicator import files
    from replicator.doctor import machine

    _require_model(model, model_args, experiments, against, out)
    _require_against(against, against_args)
    wanted = None
    if model is not None:
        wanted = Examination(
            ModelRequest(model, parse_arguments(model_args)),
            experiments,
            None if against is None else ModelRequest(against, parse_arguments(against_args)),
            device,
            batch_size,
        )
        out = out or Path("reports") / f"doctor-{_file_name(wanted.model)}.html"
        files.require_apart(out)
        files.require_place(out)
    here = machine.examine(device)
    if wanted is None or out is None or any(finding.verdict == "unsound" for finding in here):
        _tell_machine(here, None if wanted is None else wanted.model.name, as_json=as_json)
    else:
        _examine(wanted, here, out, as_json=as_json)


def _require_model(model: str | None, *options: object) -> None:
    if model is None and any(options):
        raise click.UsageError("this needs a MODEL.", click.get_current_context())


def _require_against(against: str | None, against_args: str) -> None:
    if against is None and against_args:
        raise UsageError("it needs --against.", where="--against-args", remedy="Name the other model.")


def _tell_machine(here: list[Finding], model: str | None, *, as_json: bool) -> None:
    unsound = [finding.name for finding in here if finding.verdict == "unsound"]
    if as_json:
        findings = [finding.document() for finding in here]
        print_json({"schema": SCHEMA, "model": model, "sound": not unsound, "findings": findings})
    else:
        _print(here, here)
    if unsound:
        raise GateError(f"unsound: {', '.join(unsound)}.", where=model)


def _examine(wanted: Examination, here: list[Finding], out: Path, *, as_json: bool) -> None:
    from replicator.cli.progress import watcher
    from replicator.doctor import page
    from replicator.doctor.examine import MACHINE, Diagnosis, examine
    from replicator.doctor.words import headline

    with watcher() as told:
        found = examine(wanted, told)
        diagnosis = Diagnosis(found.model, {**found.groups, MACHINE: tuple(here)}, found.evidence)
        told.stage("Drawing the page")
        page.write(diagnosis, out, _command(wanted))
    if as_json:
        print_json({"schema": SCHEMA, **_document(diagnosis), "page": str(out)})
    else:
        _print_groups(diagnosis)
        click.echo(f"\nCan the answers of {printable(diagnosis.model)} be believed?")
        click.echo(textwrap.fill(printable(headline(diagnosis)), 100))
        click.echo(f"\nPage: {out}")
    unsound = [finding.name for finding in diagnosis.findings if finding.verdict == "unsound"]
    if unsound:
        raise GateError(f"unsound: {', '.join(unsound)}.", where=diagnosis.model)


def _document(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "model": diagnosis.model,
        "sound": diagnosis.verdict != "unsound",
        "experiments": [one.name for one in diagnosis.evidence.asked],
        "findings": [
            {"group": title, **finding.document()}
            for title, findings in diagnosis.groups.items()
            for finding in findings
        ],
    }


def _print_groups(diagnosis: Diagnosis) -> None:
    """A sound machine is not worth its lines beside a model; the page has them."""
    from replicator.doctor.examine import MACHINE

    groups = {
        title: [finding for finding in findings if title != MACHINE or finding.verdict != "sound"]
        for title, findings in diagnosis.groups.items()
    }
    for title, findings in groups.items():
        if findings:
            click.echo(f"\n{title}")
            _print(findings, diagnosis.findings)


def _print(findings: Iterable[Finding], aligned: Sequence[Finding]) -> None:
    """Verdict, name and numbers of each finding; what it means and what to do where something is wrong.

    Columns are as wide as those of `aligned` need.
    """
    verdict, name = (max(len(getattr(finding, key)) for finding in aligned) for key in ("verdict", "name"))
    indent = " " * (verdict + name + 6)
    width = min(max(shutil.get_terminal_size((100, 24)).columns, len(indent) + 30), 120)
    for finding in findings:
        said = [finding.measured]
        if finding.verdict in ("doubtful", "unsound"):
            said += [text for text in (finding.meaning, f"-> {finding.remedy}" if finding.remedy else "") if text]
        lines = [line for text in said for line in textwrap.wrap(printable(text), width - len(indent))]
        click.echo(f"  {finding.verdict:<{verdict}}  {finding.name:<{name}}  {lines[0]}")
        for line in lines[1:]:
            click.echo(indent + line)


def _command(wanted: Examination) -> str:
    words = ["replicator", "doctor", wanted.model.model]
    options = [
        ("--model-args", _written(wanted.model)),
        *(("--experiment", name) for name in wanted.experiments),
        ("--against", wanted.against.model if wanted.against else None),
        ("--against-args", _written(wanted.against) if wanted.against else None),
        ("--device", wanted.device),
        ("--batch-size", wanted.batch_size),
    ]
    words += [str(word) for name, value in options if value for word in (name, value)]
    return shlex.join(redaction.command_line(words))


def _written(request: ModelRequest) -> str:
    return ",".join(f"{key}={value}" for key, value in request.arguments.items())


def _file_name(model: ModelRequest) -> str:
    """What tells models apart in a file's name: the end of a path, the whole of another name; and the arguments."""
    last = Path(model.model).name if Path(model.model).exists() else model.model
    parts = [redaction.text(part) for part in (last, _written(model)) if part]
    return re.sub(r"[^A-Za-z0-9._=-]+", "-", "-".join(parts)).strip("-.") or "model"
