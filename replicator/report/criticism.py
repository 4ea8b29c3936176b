"""What speaks against the fits, as tables: shares that a theory cannot produce, and which fit foretells better."""

from __future__ import annotations

from collections.abc import Iterator

from replicator.report import terms
from replicator.report.cells import Cell, Table, model, table
from replicator.report.formats import UNKNOWN, interval_text, number, percent, signed
from replicator.report.terms import Document

MOST_MISSED = 8
"""Questions of one fit that are listed: those that are missed by most."""


def checks(results: Document) -> Table | None:
    """Of every fit whether its theory can produce the observed shares."""
    rows = [
        (
            Cell(str(fit["population"])),
            Cell(model(fit)),
            Cell(terms.estimand_name(fit)),
            Cell(f"{number(fit['check']['missed'])} of {number(fit['check']['of'])}", "number"),
            _share(fit["check"]["explained"]),
            Cell(
                "reproduces them" if fit["check"]["passed"] else "cannot", "good" if fit["check"]["passed"] else "bad"
            ),
            Cell(str(fit["check"]["words"])),
        )
        for fit in results.get("fits") or []
    ]
    columns = ("population", "theory and noise", "estimand", "questions missed", "accounted for", "verdict", "in words")
    notes = (
        "New wordings, persons or personas are drawn from every fit and answer the same questions; that single "
        "questions may lie off the curve is left out. A question is missed where its share lies outside 95% of what "
        "was drawn and more than ten points from its mean. Deterministic choosers are held against the values that "
        "explain most of their choices.",
    )
    return table("Can the theory produce the choices?", columns, rows, notes)


def missed(results: Document) -> Table | None:
    """Observed beside predicted shares, where a fit misses them by most."""
    rows = [
        (
            Cell(str(fit["population"])),
            Cell(model(fit)),
            Cell(question["item"]),
            Cell(question["condition"], "quiet"),
            Cell(question["option"]),
            Cell(percent(question["observed"]), "number", question["observed"]),
            Cell(percent(question["predicted"]), "number", question["predicted"]),
            Cell(interval_text(question["interval"]), "number"),
        )
        for fit in results.get("fits") or []
        for question in _worst(fit)
    ]
    columns = (
        "population",
        "theory and noise",
        "question",
        "condition",
        "option",
        "observed",
        "expected",
        "drawn (95%)",
    )
    notes = (f"At most {MOST_MISSED} questions a fit; all are in results.json.",)
    return table("Shares that a theory misses", columns, rows, notes)


def left_out(results: Document) -> Table | None:
    """Which of two fits of the same answers foretells units that it has not seen."""
    rows = [
        (
            Cell(str(fit["population"])),
            Cell(terms.estimand_name(fit)),
            Cell(model(fit)),
            Cell(model({**other, "intercept": False})),
            Cell(signed(other["elpd_difference"]), "number"),
            Cell(number(other["standard_error"]), "number"),
            Cell("" if other["reliable"] else "unreliable", "" if other["reliable"] else "bad"),
            Cell(str(other["words"])),
        )
        for fit, other in _once(results)
    ]
    columns = ("population", "estimand", "fit", "against", "elpd difference", "se", "weights", "in words")
    notes = (
        "The log predictive density of all answers of a wording, persona or person that is left out, summed over them; "
        "above zero the first foretells better. Its standard error is over these units.",
    )
    return table("Which foretells the unseen better", columns, rows, notes)


def same(results: Document) -> list[str]:
    """Fits that are one model under two names, once each."""
    said = [
        f"{fit['population']} ({fit['theory']}): {other['words']}"
        for fit in results.get("fits") or []
        for other in fit["same_as"]
    ]
    return list(dict.fromkeys(said))


def _once(results: Document) -> Iterator[tuple[Document, Document]]:
    """Every comparison once: each stands in both fits."""
    seen = set()
    for fit in results.get("fits") or []:
        for other in fit["compared"]:
            ends = frozenset([(fit["theory"], fit["noise"]), (other["theory"], other["noise"])])
            key = (fit["population"], fit["estimand"], fit["pooling"], fit["elicitation"], ends)
            if key not in seen:
                seen.add(key)
                yield fit, other


def _worst(fit: Document) -> list[Document]:
    found = [question for question in fit["check"]["questions"] if question["missed"]]
    return sorted(found, key=lambda q: -abs(q["observed"] - q["predicted"]))[:MOST_MISSED]


def _share(value: float | None) -> Cell:
    return Cell(UNKNOWN if value is None else percent(value), "number", value)
