"""The three questions about people, each a column of its own: they are different statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from replicator.report import terms, words
from replicator.report.cells import Cell, Table, table, together, who
from replicator.report.formats import UNKNOWN, number, percent
from replicator.report.terms import Document


def questions(results: Document) -> Table | None:
    """The three questions about people, each a column of its own, wherever one of them has an answer."""
    rows = [
        (
            Cell(who(estimate)),
            Cell(_people(results, own)),
            *(_answer(own.get(question), write) for question, write in _QUESTIONS.items()),
        )
        for estimate, own in _comparisons(results)
        if any(entry.get("available") for entry in own.values())
    ]
    columns = (
        "estimate",
        "people",
        "Mean: does it differ from people's?",
        "Study: where among new human studies?",
        "Person: where among people?",
    )
    notes = (
        "Three different statistics. The mean question compares averages, and calls them equal only "
        "where the difference lies inside the declared margin with a probability of at least "
        f"{percent(words.CERTAINTY)}. The study question needs a spread between studies that is known "
        "from data. The person question needs a spread between people.",
    )
    return table("Three questions about people", columns, rows, notes + _caveats(results))


def unanswered(results: Document) -> Table | None:
    """Which estimates were set beside no people, and why; those of a population with the same reason in one
    line."""
    groups: dict[tuple[str, str], list[tuple[Document, str]]] = {}
    for estimate, own in _comparisons(results):
        if any(entry.get("available") for entry in own.values()):
            continue
        reasons = dict.fromkeys(_why_not(entry) for entry in own.values())
        key = (str(estimate["population"]), terms.join(list(reasons)))
        groups.setdefault(key, []).append((estimate, _people(results, own)))
    rows = [
        (
            Cell(population),
            Cell(together([estimate for estimate, _ in group])),
            Cell("; ".join(dict.fromkeys(people for _, people in group))),
            Cell(reasons),
        )
        for (population, reasons), group in groups.items()
    ]
    return table("Not compared", ("population", "estimates", "people", "why not"), rows, ())


def _comparisons(results: Document) -> Iterator[tuple[Document, dict[str, Document]]]:
    """Every estimate with the entries of one reference, by question."""
    for estimate in results.get("estimates") or []:
        entries = estimate.get("human") or []
        for name in dict.fromkeys(entry["reference"] for entry in entries):
            yield estimate, {entry["question"]: entry for entry in entries if entry["reference"] == name}


def _people(results: Document, own: Mapping[str, Document]) -> str:
    some = next(iter(own.values()))
    return f"{some.get('label') or some['reference']} ({terms.status_of(results, some)})"


def _why_not(entry: Document) -> str:
    return str(entry.get("why_not") or "no reason was given").rstrip(".")


def _caveats(results: Document) -> tuple[str, ...]:
    """What is unlike in a comparison without forbidding it, once for each reference."""
    entries = [
        entry
        for _, own in _comparisons(results)
        if any(entry.get("available") for entry in own.values())
        for entry in own.values()
        if entry.get("caveats")
    ]
    texts = [f"{h.get('label') or h['reference']}: {' '.join(h['caveats'])}" for h in entries]
    return tuple(dict.fromkeys(texts))


def _answer(entry: Document | None, write: Callable[[Document], str]) -> Cell:
    if entry is None:
        return Cell("not asked", "quiet")
    if not entry.get("available"):
        return Cell(f"not available because {_why_not(entry)}", "quiet")
    return Cell(write(entry))


def _mean(entry: Document) -> str:
    gap = entry.get("difference")
    return words.difference_words(gap) if gap else "no difference was computed"


def _study(entry: Document) -> str:
    rank = entry.get("rank")
    basis = f" (spread from {entry['spread_basis']})" if entry.get("spread_basis") in ("data", "judgement") else ""
    return UNKNOWN if rank is None else f"higher than {percent(rank)} of new human studies{basis}"


def _person(entry: Document) -> str:
    parts = []
    if entry.get("percentile") is not None:
        parts.append(f"higher than {percent(entry['percentile'] / 100)} of people")
    if entry.get("variance_ratio") is not None:
        parts.append(f"variance {number(entry['variance_ratio'])} times people's")
    return "; ".join(parts) or UNKNOWN


_QUESTIONS: dict[str, Callable[[Document], str]] = {"mean": _mean, "study": _study, "person": _person}
