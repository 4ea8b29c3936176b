"""Numbers, ratings and allocations in words and as a table: the mean answer of every question."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from replicator.describe import CURRENCIES
from replicator.people import IN_RESULTS
from replicator.report.cells import Cell, Table, table
from replicator.report.formats import interval_text, number, whole_percent
from replicator.report.terms import Document, listed, questions_of, who

KINDS = ("number", "rating", "allocation")
"""Kinds of answer that are told by their means."""

MOST_TOLD = 4
"""With more conditions than this the summary tells their range."""


def is_told_by_means(results: Document) -> bool:
    return results.get("response") in KINDS


def answered(results: Document, population: str, rows: Sequence[Document]) -> str:
    """The headline of one population; `rows` are its choices with a share, which tell where people stand."""
    means = [row for row in results.get("means") or [] if row["population"] == population]
    if not means:
        return "gave no answer that could be used."
    text = _told(results, means)
    cells = {(row["condition"], row["item"]) for row in means}
    if len(cells) == 1 and means[0]["account"] is None and means[0].get("interval"):
        text += f" (95% interval {interval_text(means[0]['interval'])})"
    elif len(cells) > 1:
        text += f", over {questions_of(len(cells))}"
    people = _people(results, rows)
    return f"{text}{people}."


def means_table(results: Document) -> Table | None:
    """Every mean with its interval, and how single answers are spread."""
    rows = results.get("means") or []
    several = len({row["condition"] for row in rows}) > 1
    accounts = any(row["account"] is not None for row in rows)
    lines = [
        (
            Cell(str(row["item"])),
            *((Cell(str(row["condition"]), "quiet"),) if several else ()),
            Cell(str(row["population"])),
            *((Cell(str(row["account"])),) if accounts else ()),
            Cell(number(row["mean"]), "number"),
            Cell(interval_text(row.get("interval")), "number"),
            Cell(number(row["quartiles"][1]), "number"),
            Cell(interval_text([row["quartiles"][0], row["quartiles"][2]]), "number"),
            Cell(number(row["sd"]), "number"),
        )
        for row in rows
    ]
    columns = (
        "question",
        *(("condition",) if several else ()),
        "population",
        *(("account",) if accounts else ()),
        "mean",
        "interval of the mean",
        "median",
        "middle half of answers",
        "sd of answers",
    )
    notes = ("Intervals are of the mean, with 95%, where answers differ between wordings or people.",)
    return table("Mean of every question", columns, lines, notes)


def _told(results: Document, means: Sequence[Document]) -> str:
    kind = results["response"]
    conditions = list(dict.fromkeys(str(row["condition"]) for row in means))
    if kind == "allocation":
        return f"put {_each(means, conditions, _parts)} on average"
    unit = str(results.get("unit") or "")
    verb = "rated" if kind == "rating" else "answered"
    text = f"{verb} {_each(means, conditions, lambda rows: _with_unit(_mean(rows), unit, kind))} on average"
    if kind == "rating":
        low, high = means[0]["minimum"], means[0]["maximum"]
        text += f", on a scale from {number(low)} to {number(high)}"
    return text


def _each(means: Sequence[Document], conditions: Sequence[str], said: Callable[[Sequence[Document]], str]) -> str:
    """What is said of all answers, or of those in each condition where these are few."""
    if len(conditions) == 1 or len(conditions) > MOST_TOLD:
        return said(means)
    return listed([f"{said([row for row in means if row['condition'] == one])} at {one}" for one in conditions])


def _mean(rows: Sequence[Document]) -> float:
    return sum(float(row["mean"]) for row in rows) / len(rows)


def _with_unit(value: float, unit: str, kind: str) -> str:
    if kind == "rating":
        return number(value)
    return f"{CURRENCIES[unit]}{number(value)}" if unit in CURRENCIES else f"{number(value)} {unit}".rstrip()


def _parts(rows: Sequence[Document]) -> str:
    """ "63% on sooner and 37% on later"."""
    accounts = dict.fromkeys(str(row["account"]) for row in rows)
    parts = []
    for account in accounts:
        own = [float(row["mean"]) / float(row["maximum"] or 1.0) for row in rows if row["account"] == account]
        parts.append(f"{whole_percent(sum(own) / len(own))} on {account}")
    return listed(parts)


def _people(results: Document, rows: Sequence[Document]) -> str:
    """ "; people 38.2 percent": the means of people at the same questions, where they are known."""
    known = [row for row in rows if row.get("human_share") is not None]
    if not known:
        return ""
    name = str(known[0].get("reference") or "")
    cells = {(row["condition"], row["item"]) for row in known}
    own = [
        row
        for row in results.get("means") or []
        if f"{IN_RESULTS}{row['population']}" == name and (row["condition"], row["item"]) in cells
    ]
    if not own:
        return ""
    conditions = list(dict.fromkeys(str(row["condition"]) for row in own))
    if results["response"] == "allocation":
        return f"; {who(known)} {_each(own, conditions, _parts)}"
    unit = str(results.get("unit") or "")
    return f"; {who(known)} {_each(own, conditions, lambda some: _with_unit(_mean(some), unit, results['response']))}"
