"""Amounts in words: what was given on average, how often nothing and half, and what people gave."""

from __future__ import annotations

from collections.abc import Sequence

from replicator.people import IN_RESULTS
from replicator.report.formats import UNKNOWN, interval_text, number, whole_percent
from replicator.report.terms import Document, questions_of, who


def giving(results: Document, rows: Sequence[Document]) -> str:
    """The headline of one population's amounts; `rows` are its choices with a share."""
    amounts = _amounts(results, str(rows[0]["population"]), rows)
    mean = own_mean(results, rows)
    single = len(amounts) == 1
    if single:
        interval = f" ({interval_text(amounts[0]['interval'])})" if amounts[0].get("interval") else ""
        text = f"gave {number(amounts[0]['mean'])} of {number(amounts[0]['maximum'])} on average{interval}"
    else:
        cells = {(row["condition"], row["item"]) for row in rows}
        share = UNKNOWN if mean is None else whole_percent(mean[1])
        text = f"gave {share} of the endowment on average over {questions_of(len(cells))}"
    if amounts:
        nothing, half = (sum(float(row[key]) for row in amounts) / len(amounts) for key in ("p_zero", "p_half"))
        text += f": nothing in {whole_percent(nothing)} of answers and half in {whole_percent(half)}"
    known = [row for row in rows if row.get("human_share") is not None]
    people = people_mean(results, known)
    if people is None:
        return f"{text}."
    return f"{text}; {who(known)} gave {number(people[0]) if single else whole_percent(people[1])}."


def people_mean(results: Document, rows: Sequence[Document]) -> tuple[float, float] | None:
    """As `own_mean`, of the people who stand beside these rows."""
    name = str(rows[0].get("reference") or "") if rows else ""
    return _mean(_amounts(results, name.removeprefix(IN_RESULTS), rows), rows, "human_share")


def own_mean(results: Document, rows: Sequence[Document]) -> tuple[float, float] | None:
    """Mean amount of one population over the cells of its rows, and the mean as a share of the endowment.

    The results' own means come first, because an amount's rarest options are not listed among the shares.
    """
    return _mean(_amounts(results, str(rows[0]["population"]), rows), rows)


def _amounts(results: Document, population: str, rows: Sequence[Document]) -> list[Document]:
    cells = {(row["condition"], row["item"]) for row in rows}
    return [
        amount
        for amount in results.get("amounts") or []
        if amount["population"] == population and (amount["condition"], amount["item"]) in cells
    ]


def mean_amount(rows: Sequence[Document], key: str = "share") -> tuple[float, float] | None:
    """Mean amount, averaged over cells, and the mean as a share of each cell's largest amount."""
    cells: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in rows:
        if row.get(key) is not None:
            cell = cells.setdefault((row["condition"], row["item"]), [])
            cell.append((float(row["option"]), float(row[key])))
    means = []
    for cell in cells.values():
        total = sum(share for _, share in cell)
        if total > 0:
            mean = sum(amount * share for amount, share in cell) / total
            means.append((mean, mean / (max(amount for amount, _ in cell) or 1.0)))
    if not means:
        return None
    return sum(m for m, _ in means) / len(means), sum(s for _, s in means) / len(means)


def _mean(amounts: Sequence[Document], rows: Sequence[Document], key: str = "share") -> tuple[float, float] | None:
    """The mean over cells as the results have it; from the listed shares where they do not."""
    if not amounts:
        return mean_amount(rows, key)
    means = [float(row["mean"]) for row in amounts]
    shares = [float(row["mean"]) / float(row["maximum"] or 1.0) for row in amounts]
    return sum(means) / len(means), sum(shares) / len(shares)
