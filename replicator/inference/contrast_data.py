"""A table of choices as a contrast reads it: one option against the others, at two levels of a factor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from replicator.experiment import Contrast, condition_name, format_value
from replicator.inference import personas
from replicator.inference.data import EXACT, LOGIT_LIMIT, STATED, averaged, codes, positions
from replicator.inference.identification import DETERMINISTIC, EXTREME

Levels = Mapping[tuple[str, str], Mapping[str, Any]]
"""(item, condition) -> factor -> level."""

Variables = Mapping[tuple[str, str], Mapping[str, Any]]
"""(item, condition) -> item variable -> value."""

SIDES = (0.5, -0.5)
"""Where the first level stands, and the second."""

REPEATED = 2.0
"""Answers a person from which persons' own tendencies can be told from chance."""


@dataclass(frozen=True)
class Way:
    """One of the ways in which answers hang together: by item, wording, or person."""

    names: tuple[str, ...]
    index: np.ndarray
    """(n,) whose each row is."""
    moves: bool
    """Whether its members were asked at both levels, so that each may have a difference of its own."""


@dataclass(frozen=True)
class ContrastData:
    """Answers of one population as `n` rows, all under the same levels of the other factors."""

    kind: Literal["probabilities", "counts"]
    side: np.ndarray
    """(n,) +1/2 at the first level, -1/2 at the second."""
    ways: Mapping[str, Way]
    """Those with several members."""
    label_sets: tuple[str, ...]
    label_set: np.ndarray
    """(n,)"""
    position: np.ndarray | None
    """(n, 2) displayed position of the option and of the other; None where the order is unknown or never varied, and
    with more than two options."""
    logits: np.ndarray
    """(n, 1) log odds of the option, winsorised; empty for counts."""
    counts: np.ndarray
    """(n, 2) how often the option and the others were chosen; empty for exact probabilities."""
    is_model: bool
    """Whether rows are prompts, which scatter; people's choices do not beyond chance."""

    @property
    def shares(self) -> np.ndarray:
        """(n,) share of the option."""
        if self.kind == "counts":
            return np.asarray(self.counts[:, 0] / self.counts.sum(axis=1))
        return np.asarray(1.0 / (1.0 + np.exp(-self.logits[:, 0])))

    def share_at(self, side: float) -> float:
        """Share of the option at one level, over rows or over counts."""
        here = self.side == side
        if self.kind == "counts":
            return float(self.counts[here, 0].sum() / self.counts[here].sum())
        return float(self.shares[here].mean())

    @property
    def is_certain(self) -> bool:
        """Whether nearly every prompt has a certain answer, by exact probabilities."""
        extreme = np.abs(self.shares - 0.5) > 0.5 - EXTREME
        return self.kind == "probabilities" and bool(extreme.mean() >= DETERMINISTIC)

    def as_choices(self) -> ContrastData:
        """Every prompt as the one choice that it is certain of."""
        chosen = np.round(self.shares)
        counts = np.column_stack([chosen, 1.0 - chosen])
        return replace(self, kind="counts", logits=np.empty((len(counts), 0)), counts=counts)


def by_condition(rows: pd.DataFrame, levels: Levels, contrast: Contrast) -> dict[str, pd.DataFrame]:
    """The rows at either level, by the condition that the other factors make, with a column "side"."""
    found = []
    for item, condition in zip(rows["item"], rows["condition"], strict=True):
        here = levels.get((item, condition), {})
        # Whatever else makes a condition another (its layout) is neither factor and stays in its name.
        more = [part for part in str(condition).split(",") if part.split("=")[0] not in here]
        others = {name: level for name, level in here.items() if name != contrast.factor and level == level}
        name = ",".join([*([condition_name(others)] if others else []), *more]) or condition_name({})
        found.append((_side(here.get(contrast.factor), contrast), name))
    sides, names = [side for side, _ in found], [name for _, name in found]
    placed = rows.assign(side=np.array(sides, dtype=float), other_factors=np.array(names, dtype=object))
    placed = placed[placed["side"].notna()]
    return {str(key): some for key, some in placed.groupby("other_factors", sort=False)}


def _side(level: Any, contrast: Contrast) -> float:
    first, second = (format_value(one) for one in contrast.levels)
    said = None if level is None else format_value(level)
    return 0.5 if said == first else -0.5 if said == second else float("nan")


def contrast_data(rows: pd.DataFrame, option: str, seed: int = 0) -> ContrastData:
    """From the usable rows of one population in one condition, with a column "side".

    Exact probabilities stand prompt by prompt, drawn ones are summed; with more than two options, and for personas, the
    presentations of a question in one wording become one row. People who answered once are pooled item by item.
    """
    stated = bool((rows["elicitation"] == "verbalised").all())
    rows = averaged(rows) if stated else rows
    is_model = not bool((rows["elicitation"] == "recorded").all())
    asked = is_model and bool(rows["subject"].notna().any())
    if asked:
        rows = personas.drawn(personas.complete(rows), seed)
    names = tuple(str(name) for name in rows["options"].iloc[0])
    presented = is_model and not asked and len(names) == 2
    exact = bool(rows["elicitation"].isin(EXACT).all())
    each = np.asarray(rows["probabilities"].tolist(), dtype=float)[:, names.index(option)]
    frame = pd.DataFrame({"item": rows["item"].to_numpy(), "side": rows["side"].to_numpy()})
    frame["wording"] = rows["wording"].fillna("").to_numpy() if is_model else ""
    frame["subject"] = persons(rows)
    for key in ("labels", "order"):
        frame[key] = rows[key].fillna("").to_numpy() if presented else ""
    pair = np.column_stack([each, 1.0 - each])
    values = _logits(np.maximum(pair, STATED if stated else 0.0)) if exact else pair
    grouped = frame.groupby(list(frame), sort=True)
    values = pd.DataFrame(values).groupby(grouped.ngroup().to_numpy()).agg("mean" if exact else "sum").to_numpy()
    frame = grouped.first().index.to_frame(index=False)
    side = frame["side"].to_numpy()
    label_set, label_sets = codes(frame["labels"])
    place = positions(frame["order"].tolist(), names)
    return ContrastData(
        kind="probabilities" if exact else "counts",
        side=side,
        ways=ways_of(frame, side, scatters=exact or (is_model and bool(values.sum(axis=1).max() > 1.0))),
        label_sets=label_sets,
        label_set=label_set,
        position=None if place is None else place if names[0] == option else place[:, ::-1],
        logits=values if exact else np.empty((len(frame), 0)),
        counts=np.empty((len(frame), 0)) if exact else values,
        is_model=is_model,
    )


def persons(rows: pd.DataFrame) -> np.ndarray | str:
    """Whose each row is, where persons are known and answered often enough to be told apart."""
    if rows["subject"].isna().any() or len(rows) < REPEATED * rows["subject"].nunique():
        return ""
    return np.asarray(rows["subject"].astype(str))


def ways_of(frame: pd.DataFrame, side: np.ndarray, *, scatters: bool) -> dict[str, Way]:
    """The ways with several members. Where rows scatter, a member's own difference needs more than one row a level:
    of one it cannot be told from the scatter, which then holds both."""
    found = {}
    for name in ("item", "wording", "subject"):
        index, members = codes(frame[name])
        if len(members) > 1:
            rows = np.array([np.bincount(index[side == one], minlength=len(members)) for one in SIDES])
            both = (rows > 0).all(axis=0)
            told = not scatters or rows[:, both].mean() > 1.0
            found[name] = Way(members, index, bool(both.sum() > 1 and told))
    return found


def members_of(way: Way, side: np.ndarray, left: np.ndarray, *, moved: bool) -> np.ndarray:
    """(m,) mean of what is left by member, or its difference between the levels; their mean is zero."""
    count = len(way.names)

    def mean(here: np.ndarray) -> np.ndarray:
        number = np.maximum(np.bincount(way.index[here], minlength=count), 1)
        return np.asarray(np.bincount(way.index[here], left[here], count) / number)

    effect = mean(side == SIDES[0]) - mean(side == SIDES[1]) if moved else mean(np.ones(len(side), dtype=bool))
    return np.asarray(effect - effect.mean())


def _logits(pair: np.ndarray) -> np.ndarray:
    """(n, 1) log odds of the first of two shares, winsorised at LOGIT_LIMIT."""
    logs = np.log(np.maximum(pair, 1e-300))
    return np.asarray(np.clip(logs[:, :1] - logs[:, 1:], -LOGIT_LIMIT, LOGIT_LIMIT))
