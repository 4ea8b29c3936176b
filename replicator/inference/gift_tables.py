"""A table of amounts becomes gifts as estimation reads them, or what is known where nobody's differ."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from replicator.inference import crossed_gifts, gifts, words
from replicator.inference.data import EXACT, Cells, averaged
from replicator.inference.gifts import Gifts
from replicator.inference.jobs import Job
from replicator.inference.words import Unvaried
from replicator.shares import independent

CERTAIN = 1e-6
"""A distribution of gifts that leaves less than this to other amounts is certain."""

_Shares = Mapping[tuple[str, str], np.ndarray]
"""(item, condition) -> share given at every amount of the grid."""


def read(rows: pd.DataFrame, cells: Cells, job: Job) -> Gifts | Unvaried:
    """From the usable rows of one population.

    The unit of a model is the wording, whether its answers are exact distributions, which are averaged first, or drawn,
    and given a trace, which add up; of crossed personas it is both. Recorded gifts are people's, or nobody's.
    """
    conditions = tuple(dict.fromkeys(rows["condition"]))
    shares = _shares_of(rows, cells)
    recorded, crossed = bool((rows["elicitation"] == "recorded").all()), job.personas == "crossed"
    exact = bool(rows["elicitation"].isin(EXACT).all())
    if exact:
        rows = averaged(rows, ["item", "condition", "wording", *(["subject"] if crossed else [])])
    alike = _alike(rows, shares)
    if alike is not None:
        return words.certain(alike) if exact else words.unvaried(alike, int(independent(rows).max()) + 1)
    given = [(row, shares[row["item"], row["condition"]]) for row in rows.to_dict("records")]
    if recorded:
        table = rows.assign(share=[share[int(np.argmax(row["probabilities"]))] for row, share in given])
        return gifts.from_records(table, conditions, "person" if job.pooling == "partial" else "gift")
    if crossed:
        people = [(r["condition"], r["subject"], r["wording"], s, np.asarray(r["probabilities"])) for r, s in given]
        return crossed_gifts.from_personas(people, conditions, drawn=not exact)
    if exact:
        return gifts.from_distributions(
            [(r["condition"], s, np.asarray(r["probabilities"])) for r, s in given], conditions
        )
    drawn = [(r["condition"], (r["wording"], r["item"]), s, np.asarray(r["probabilities"])) for r, s in given]
    return gifts.from_draws(drawn, conditions)


def _shares_of(rows: pd.DataFrame, cells: Cells) -> _Shares:
    firsts = rows.drop_duplicates(["item", "condition"])
    return {
        (item, condition): gifts.shares_of_options(cells[item, condition], [str(option) for option in options])
        for item, condition, options in zip(firsts["item"], firsts["condition"], firsts["options"], strict=True)
    }


def _alike(rows: pd.DataFrame, shares: _Shares) -> float | None:
    """The share that every answer gives with certainty; None where answers differ or leave a doubt."""
    found = set()
    for item, condition, probabilities in zip(rows["item"], rows["condition"], rows["probabilities"], strict=True):
        probability = np.asarray(probabilities)
        if probability.max() < 1.0 - CERTAIN:
            return None
        found.add(float(shares[item, condition][int(probability.argmax())]))
    return found.pop() if len(found) == 1 else None
