"""Answers of personas and persons before they are fitted: which are complete, which are drawn, what they average to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from replicator.inference.data import EXACT, averaged

MOST_CELLS = 12_000
"""Personas x wordings x questions in one fit, which takes some minutes. Of more, personas are drawn by lot."""
FEWEST = 12
"""Personas that are fitted whatever they cost."""

MOST_PERSONS = 3_000
"""Persons whose own choices are fitted, one by one or as a hierarchy, which takes some minutes. Of more, persons are
drawn by lot: the interval of what is typical of them is a twentieth of their spread by then."""

_ASKED = ["subject", "wording", "item", "condition"]


def complete(rows: pd.DataFrame) -> pd.DataFrame:
    """Answers of every persona, wording and question that kept all presentations (label sets and orders).

    Where some were lost, the rest would mix preference with position; where all lost some, those with the most stay.
    """
    shown = rows.assign(shown=rows["labels"].fillna("") + "\n" + rows["order"].fillna(""))
    kept = shown.groupby(_ASKED, sort=False)["shown"].transform("nunique")
    most = kept.groupby([rows["item"], rows["condition"]]).transform("max")
    full = (kept == shown.groupby(["item", "condition"])["shown"].transform("nunique")).to_numpy()
    return rows[full] if full.any() else rows[(kept == most).to_numpy()]


def drawn(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Answers of as many personas as one fit can hold; all of them where it can hold all."""
    subjects = rows["subject"].unique()
    each = rows["wording"].nunique() * len(rows[["item", "condition"]].drop_duplicates())
    most = max(MOST_CELLS // each, FEWEST)
    if len(subjects) <= most:
        return rows
    chosen = np.random.default_rng(seed).choice(np.sort(subjects), size=most, replace=False)
    return rows[rows["subject"].isin(chosen)]


def by_lot(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Answers of as many persons as are fitted one by one; all of them where they are no more."""
    subjects = rows["subject"].dropna().unique()
    if len(subjects) <= MOST_PERSONS:
        return rows
    chosen = np.random.default_rng(seed).choice(np.sort(subjects), size=MOST_PERSONS, replace=False)
    return rows[rows["subject"].isin(chosen)]


def over_all(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for every presentation: the mean of whole distributions over the personas. Drawn answers, and those given
    a trace, stay as they are, for they add up."""
    exact = rows["elicitation"].isin(EXACT).all()
    return averaged(rows, ["item", "condition", "wording", "labels", "order"]) if exact else rows
