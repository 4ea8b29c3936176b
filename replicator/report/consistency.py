"""Whether answers are consistent with any taste at all: each measure beside people and choices at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from replicator.people import IN_RESULTS, SIMULATED_PEOPLE
from replicator.references import PUBLISHED
from replicator.report.cells import Cell, Table, table
from replicator.report.formats import UNKNOWN, interval_text, number, percent
from replicator.report.terms import Document, listed, who

MEASURES = {
    "dominance": "dominated option chosen",
    "dominance-checks": "dominated option chosen in checks",
    "pareto": "option that is worse for somebody and better for nobody chosen",
    "multiple-switching": "switches more than once in a list",
    "switches": "switches in a list",
    "monotonicity": "ordered pairs of questions reversed",
    "intransitivity": "three choices in a circle",
    "weak-stochastic-transitivity": "triples against weak stochastic transitivity",
    "strong-stochastic-transitivity": "triples against strong stochastic transitivity",
    "afriat-index": "Afriat's efficiency index",
    "afriat-percentile": "percentile of Afriat's index among random choosers",
    "garp": "no axiom of revealed preference broken",
}
"""What is counted, in the order of the table."""

EVERYWHERE = "all"
"""The condition of what is counted over several."""

NUMBERS = frozenset({"switches", "afriat-index", "afriat-percentile"})
"""Measures that are not shares."""


def overview(results: Document) -> Table | None:
    """One line a population, its conditions where they differ, and one column a measure; choices at random last."""
    told = _told(results)
    measures = [measure for measure in MEASURES if any(entry["measure"] == measure for entry in told)]
    cells: dict[tuple[str, bool], dict[str, dict[str, str]]] = {}
    for entry in told:
        line = cells.setdefault((str(entry["population"]), entry["unit"] == "share"), {})
        line.setdefault(str(entry["condition"]), {})[entry["measure"]] = _beside_people(entry)
    rows = []
    for (population, pooled), by_condition in cells.items():
        everywhere = by_condition.get(EVERYWHERE, {})
        lines: dict[tuple[str, ...], list[str]] = {}
        for condition, found in by_condition.items():
            if condition != EVERYWHERE or len(by_condition) == 1:
                texts = tuple({**everywhere, **found}.get(measure, UNKNOWN) for measure in measures)
                lines.setdefault(texts, []).append(condition)
        name = f"{population}, pooled to one responder" if pooled else population
        rows += [
            (Cell(name), Cell(listed(conditions), "quiet"), *(Cell(text, "number") for text in texts))
            for texts, conditions in lines.items()
        ]
    if rows:
        random = [_at_random([entry for entry in told if entry["measure"] == measure]) for measure in measures]
        rows.append((Cell("choices at random"), Cell("", "quiet"), *(Cell(text, "number") for text in random)))
    columns = ("population", "condition", *(MEASURES[measure] for measure in measures))
    return table("Consistency without a theory", columns, rows, ())


def _told(results: Document) -> list[Document]:
    return sorted(
        (entry for entry in results.get("rationality") or [] if entry.get("value") is not None),
        key=lambda entry: list(MEASURES).index(entry["measure"]),
    )


def _beside_people(entry: Document) -> str:
    """ "60.4% (people 50.7%)"."""
    write = _writer(entry)
    if entry.get("human_value") is None or not entry.get("reference"):
        return write(entry["value"])
    return f"{write(entry['value'])} ({who([entry])} {write(entry['human_value'])})"


def _at_random(entries: Sequence[Document]) -> str:
    """The baseline, or its range where questions differ between conditions or populations."""
    write = _writer(entries[0])
    known = sorted(entry["baseline"] for entry in entries if entry.get("baseline") is not None)
    ends = list(dict.fromkeys(write(end) for end in (known[0], known[-1]))) if known else [UNKNOWN]
    return " to ".join(ends)


def _writer(entry: Document) -> Callable[[float | None], str]:
    return number if entry["measure"] in NUMBERS else percent


def consistency(results: Document) -> Table | None:
    """One line for a measure, a population and the conditions in which it is the same, with all numbers."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for entry in _told(results):
        lines.setdefault(_line(entry), []).append(str(entry["condition"]))
    rows = [
        (
            Cell(name),
            Cell(population),
            Cell(listed(list(dict.fromkeys(conditions))), "quiet"),
            *(Cell(text, "number") for text in (value, interval, random, human)),
            Cell(over, "quiet"),
        )
        for (name, population, value, interval, random, human, over), conditions in lines.items()
    ]
    columns = ("counted", "population", "condition", "value", "interval", "at random", "people", "over")
    return table("Every measure of consistency", columns, rows, ())


def remarks(results: Document) -> list[tuple[str, str]]:
    """What was measured and what is to be borne in mind: what is counted, with the populations where it is of some
    alone, and the words."""
    entries = sorted(results.get("rationality") or [], key=lambda entry: list(MEASURES).index(entry["measure"]))
    if not any(_worth_telling(entry) for entry in entries):
        return []
    said: dict[tuple[str, str], dict[str, None]] = {}
    everybody: dict[str, dict[str, None]] = {}
    for entry in entries:
        population = str(entry["population"])
        said.setdefault((str(entry["measure"]), str(entry["words"])), {})[population] = None
        everybody.setdefault(str(entry["measure"]), {})[population] = None
    return [
        (MEASURES[measure] + ("" if len(some) == len(everybody[measure]) else f" ({listed(list(some))})"), words)
        for (measure, words), some in said.items()
    ]


def _worth_telling(entry: Document) -> bool:
    """That options do not meet two by two is said beside other measures, and is no finding of its own."""
    return entry.get("value") is not None or entry["measure"] != "intransitivity"


def _line(entry: Document) -> tuple[str, ...]:
    write = _writer(entry)
    return (
        MEASURES[entry["measure"]],
        str(entry["population"]),
        write(entry["value"]),
        _interval(entry),
        write(entry.get("baseline")),
        _people(entry, write(entry.get("human_value"))),
        _over(entry),
    )


def _interval(entry: Document) -> str:
    bounds = entry.get("interval")
    if not bounds or entry["measure"] in NUMBERS:
        return interval_text(bounds)
    return " to ".join(percent(bound) for bound in bounds)


def _people(entry: Document, value: str) -> str:
    """ "12.2% (hl_multiple_switching)"; simulated people are named as such."""
    reference = str(entry.get("reference") or "")
    if not reference or entry.get("human_value") is None:
        return UNKNOWN
    name = reference.removeprefix(IN_RESULTS)
    simulated = name.startswith(SIMULATED_PEOPLE)
    return f"{value} ({'simulated people' if simulated else name.removeprefix(PUBLISHED)})"


_OVER = {
    "dominance": "question",
    "dominance-checks": "check",
    "pareto": "question",
    "multiple-switching": "list",
    "switches": "list",
    "monotonicity": "pair",
    "intransitivity": "triple",
    "weak-stochastic-transitivity": "triple",
    "strong-stochastic-transitivity": "triple",
    "afriat-index": "budget",
    "afriat-percentile": "budget",
    "garp": "budget",
}


def _over(entry: Document) -> str:
    """ "1 list, 10 wordings", "3 budgets, pooled shares of 516"."""
    units = (
        f"pooled shares of {number(entry['n'])}" if entry["unit"] == "share" else _counted(entry["n"], entry["unit"])
    )
    return f"{_counted(entry['over'], _OVER[entry['measure']])}, {units}"


def _counted(n: int, what: str) -> str:
    return f"{number(n)} {what}{'' if n == 1 else 's'}"
