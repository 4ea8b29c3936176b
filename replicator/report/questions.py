"""The three questions about people, each a column of its own: they are different statistics."""

from __future__ import annotations

from collections.abc import Callable

from replicator.report import terms, words
from replicator.report.cells import Cell, Table, table, who
from replicator.report.formats import UNKNOWN, number, percent
from replicator.report.terms import Document


def questions(results: Document) -> Table | None:
    """The three questions about people, each a column of its own."""
    rows = []
    for estimate in results.get("estimates") or []:
        entries = estimate.get("human") or []
        for name in dict.fromkeys(h["reference"] for h in entries):
            own = {h["question"]: h for h in entries if h["reference"] == name}
            some = next(iter(own.values()))
            rows.append(
                (
                    Cell(who(estimate)),
                    Cell(f"{some.get('label') or name} ({terms.status_of(results, some)})"),
                    *(_answer(own.get(question), write) for question, write in _QUESTIONS.items()),
                )
            )
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


def _caveats(results: Document) -> tuple[str, ...]:
    """What is unlike in a comparison without forbidding it, once for each reference."""
    entries = [h for e in results.get("estimates") or [] for h in e.get("human") or [] if h.get("caveats")]
    texts = [f"{h.get('label') or h['reference']}: {' '.join(h['caveats'])}" for h in entries]
    return tuple(dict.fromkeys(texts))


def _answer(entry: Document | None, write: Callable[[Document], str]) -> Cell:
    if entry is None:
        return Cell("not asked", "quiet")
    if not entry.get("available"):
        why = str(entry.get("why_not") or "no reason was given").rstrip(".")
        return Cell(f"not available because {why}", "quiet")
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
