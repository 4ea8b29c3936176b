"""`replicator doctor`: what this machine and a model can do, and what to do about what they cannot."""

from __future__ import annotations

import click

from replicator.cli.failures import printable
from replicator.cli.output import JSON, SCHEMA, print_json, print_table
from replicator.errors import GateError


@click.command("doctor")
@click.argument("model", required=False)
@click.option("--device", metavar="DEVICE", help="Where the model computes, such as cpu or cuda:0.")
@JSON
def doctor(model: str | None, device: str | None, as_json: bool) -> None:
    """Tell whether this machine is fit, and whether MODEL (a folder, a hub id, ladder:NAME) can be asked.

    One line each: ok, warning or failed, and what to do about it. Exits with 5 where anything failed.
    """
    from replicator.doctor import machine
    from replicator.doctor import model as checkpoint

    if model is not None:
        checkpoint.require_checkpoint(model)
    findings = machine.examine(device)
    failed_here = any(finding.status == "failed" for finding in findings)
    if model is not None and not failed_here:
        findings += checkpoint.examine(model, device)
    if as_json:
        print_json({"schema": SCHEMA, "model": model, "findings": [finding.document() for finding in findings]})
    else:
        print_table((f.status, f.check, printable(f"{f.found}. {f.remedy}" if f.remedy else f.found)) for f in findings)
    failed = [finding.check for finding in findings if finding.status == "failed"]
    if failed:
        raise GateError(f"failed: {', '.join(failed)}.", where=model)
