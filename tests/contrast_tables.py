"""Tables of answers to a contrast of two frames, as estimation reads them, from shares that are known."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import special

from replicator.experiment import Contrast

FRAMES = Contrast("frame", ("gain", "loss"), "sure")

ITEMS = ("disease", "mine", "flood", "plant", "lake", "museum")
WORDINGS = ("plain", "council", "brief", "form", "adviser", "figures", "own", "lab")

Logit = Callable[[int, int, float], float]
"""(item, wording, side) -> log odds of the sure option."""


def prompts(
    logit: Logit,
    *,
    options: tuple[str, str] = ("sure", "gamble"),
    items: Sequence[str] = ITEMS,
    wordings: Sequence[str] = WORDINGS,
    labels: Sequence[str] = ("A|B",),
    position: float = 0.0,
    scatter: float = 0.0,
    draws: int = 0,
    seed: int = 1,
) -> pd.DataFrame:
    """A model's answers, every item in both frames, every wording, label set and order: exact, or so many draws each.

    `position` is what being displayed first adds to the log odds of the sure option.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for (i, item), (w, wording), label, order, side in itertools.product(
        enumerate(items), enumerate(wordings), labels, (0, 1), (0.5, -0.5)
    ):
        shown = ("sure", "gamble") if order == 0 else ("gamble", "sure")
        first = position if order == 0 else -position
        sure = float(special.expit(logit(i, w, side) + first + scatter * rng.standard_t(4)))
        answers = [sure] if not draws else (rng.random(draws) < sure).astype(float).tolist()
        rows += [
            {
                "item": item,
                "condition": f"frame={'gain' if side > 0 else 'loss'}",
                "wording": wording,
                "labels": label,
                "order": "|".join(shown),
                "probabilities": [p, 1.0 - p] if options[0] == "sure" else [1.0 - p, p],
            }
            for p in answers
        ]
    table = pd.DataFrame(rows)
    table["options"] = [list(options)] * len(table)
    return table.assign(subject=None, elicitation="sample" if draws else "probability")


def levels(table: pd.DataFrame) -> dict[tuple[str, str], dict[str, str]]:
    """(item, condition) -> the frame."""
    return {
        (item, condition): {"frame": condition.removeprefix("frame=")}
        for item, condition in zip(table["item"], table["condition"], strict=True)
    }
