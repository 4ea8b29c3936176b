"""What every command prints: one JSON document, or lines for people."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from replicator.cli.failures import printable

SCHEMA = 1
"""Version of the JSON that the command line prints."""

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")


def print_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(rows: Iterable[Sequence[str]]) -> None:
    """Columns aligned by their widest cell; the last column runs free, so that nothing is cut."""
    table = [tuple(row) for row in rows]
    if not table:
        return
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]) - 1)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)]
        click.echo("  ".join((*cells, row[-1])).rstrip())


def print_answers(choices: Path) -> None:
    """A line a population: what was answered, and what became of it; comprehension checks are counted apart."""
    from replicator.choices import read_table
    from replicator.design import COMPREHENSION

    columns = read_table(choices, ["model", "condition", "status"]).to_pydict()
    counted = Counter(zip(columns["model"], columns["condition"], columns["status"], strict=True))
    for name in dict.fromkeys(columns["model"]):
        questions: Counter[str] = Counter()
        checks: Counter[str] = Counter()
        for (model, condition, status), number in counted.items():
            if model == name:
                (checks if condition == COMPREHENSION else questions)[status] += number
        valid = set(questions + checks) == {"valid"}
        asked = [(questions, "question"), (checks, "comprehension check")]
        parts = [_counted(statuses, what, told=not valid) for statuses, what in asked if statuses]
        click.echo(f"{name}: {' and '.join(parts)}{', all valid' if valid else ''}.")


def _counted(statuses: Mapping[str, int], what: str, *, told: bool) -> str:
    """ "800 questions (790 valid, 10 refusal)"."""
    total = sum(statuses.values())
    each = f" ({', '.join(f'{number:,} {status}' for status, number in statuses.items())})" if told else ""
    return f"{total:,} {what}{'s' if total > 1 else ''}{each}"


def warn(cautions: Iterable[object]) -> None:
    """A line each on stderr: what is allowed, and yet worth knowing."""
    for caution in cautions:
        click.echo(f"warning: {printable(str(caution))}", err=True)


def print_outcome(results: Sequence[Mapping[str, Any]], report: Path) -> None:
    """How a run or a study ends: what was found, in the report's own words, and where the report lies."""
    from replicator.report.words import summary

    for result in results:
        click.echo(f"\n{result.get('experiment_title') or result['experiment']} ({result['experiment']})")
        for sentence in summary(result):
            click.echo(textwrap.fill(sentence, 100, initial_indent="  ", subsequent_indent="    "))
    click.echo(f"\nReport: {report}")
