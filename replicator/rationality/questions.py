"""The questions that a population was asked, with what their options give and how they were answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from replicator import shares
from replicator.rationality.bundles import Bundle, Floats, bundles

Published = Mapping[tuple[str, str], tuple[Mapping[str, float], str]]
"""Item and condition -> people's published share of every option, and the reference's id."""


@dataclass(frozen=True)
class Question:
    """One item in one condition, put to one population."""

    item: str
    condition: str
    response: str
    options: tuple[str, ...]
    bundles: tuple[Bundle, ...] | None
    """By option; None where outcomes are unknown."""
    asked: pd.DataFrame
    usable: pd.DataFrame
    """Those of `asked` with a valid answer and enough label mass."""
    probabilities: Floats
    """(usable rows, k)."""
    people: tuple[Floats, str] | None
    """People's published shares (k,) and where they are from."""


def questions(frame: pd.DataFrame, published: Published) -> list[Question]:
    """Every question with answers that can be listed, in order of first appearance, comprehension checks left out."""
    return list(_questions(shares.asked(frame), published))


def checks(frame: pd.DataFrame) -> list[Question]:
    """The comprehension checks, likewise."""
    rows = frame[(frame["condition"] == shares.COMPREHENSION) & (frame["status"] != "missing")]
    return list(_questions(rows, {}))


def _questions(rows: pd.DataFrame, published: Published) -> Iterator[Question]:
    for (item, condition), asked in rows.groupby(["item", "condition"], sort=False):
        options = tuple(asked["options"].iloc[0])
        if not options:
            continue
        good = shares.answered(asked)
        known = published.get((str(item), str(condition)))
        yield Question(
            item=str(item),
            condition=str(condition),
            response=str(asked["response"].iloc[0]),
            options=options,
            bundles=bundles(asked["outcomes"].iloc[0], options),
            asked=asked,
            usable=good,
            probabilities=np.clip(shares.matrix(good["probabilities"]), 0.0, 1.0)
            if len(good)
            else np.zeros((0, len(options))),
            people=None if known is None else (np.array([known[0].get(option, 0.0) for option in options]), known[1]),
        )
