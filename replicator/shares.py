"""What a population chose, item by item, and whether its answers can be believed: no theory enters here.

The input is the table of choices of one population (`choices.read` with `options` and `probabilities`);
comprehension checks never count as choices. A question whose options together hold less than half of the
model's probability (`label_mass`) is excluded; imported choices have no label mass and are never excluded
for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from replicator import intervals
from replicator.amounts import format_amount
from replicator.intervals import Floats
from replicator.thresholds import LABEL_MASS

COMPREHENSION = "comprehension"
"""The condition of comprehension checks."""

DRAWN = frozenset({"sample", "recorded"})
"""Elicitations whose answers are single draws rather than exact probabilities."""

Unit = Literal["person", "persona", "wording", "answer"]
"""Whose answers vary together: a recorded person's, a persona's (crossed with wordings), a wording's, or nobody's."""


@dataclass(frozen=True)
class Cell:
    """One population's choices at one item in one condition. Arrays are (k,), in the order of `options`."""

    population: str
    item: str
    condition: str
    options: tuple[str, ...]
    share: Floats
    """Counterbalanced: the mean over wordings (and personas) of the mean over displayed orders. NaN where nothing
    is usable."""
    low: Floats
    high: Floats
    bounds: tuple[Floats, Floats] | None
    """Worst case with all refused or unreadable answers against and for each option; None where there are
    none."""
    n: int
    """Persons, personas, wordings or answers behind the share."""
    unit: Unit


@dataclass(frozen=True)
class Gift:
    """An amount's distribution in five numbers, in the experiment's unit, with the interval of the mean."""

    population: str
    item: str
    condition: str
    mean: float
    low: float
    high: float
    bounds: tuple[float, float] | None
    """Worst case of the mean with all refused or unreadable answers nothing, and everything; None where there
    are none."""
    p_zero: float
    p_half: float
    p_above_half: float
    maximum: float
    n: int


def asked(frame: pd.DataFrame) -> pd.DataFrame:
    """Questions put to the population, without comprehension checks.

    Status `missing` is left out: nobody refused there, the record has a gap (a person timed out, a cell was
    not run).
    """
    return frame[(frame["condition"] != COMPREHENSION) & (frame["status"] != "missing")]


def usable(frame: pd.DataFrame) -> pd.DataFrame:
    """Asked questions with a valid answer and enough label mass."""
    return answered(asked(frame))


def answered(rows: pd.DataFrame) -> pd.DataFrame:
    """Those of the rows with a valid answer and enough label mass."""
    return rows[(rows["status"] == "valid") & ~_faint(rows)]


def excluded(frame: pd.DataFrame) -> int:
    """Valid answers left out because their label mass is below `LABEL_MASS`."""
    return sum(n for _, _, n, _ in excluded_cells(frame))


def excluded_cells(frame: pd.DataFrame) -> list[tuple[str, str, int, int]]:
    """Where valid answers are left out for their label mass: item, condition, how many, of how many valid ones."""
    found = []
    for rows in questions(frame):
        valid = rows["status"] == "valid"
        faint = int((valid & _faint(rows)).sum())
        if faint:
            found.append((str(rows["item"].iloc[0]), str(rows["condition"].iloc[0]), faint, int(valid.sum())))
    return found


def valid_share(frame: pd.DataFrame) -> float | None:
    """Share of asked questions that got a valid answer; None where nothing was asked."""
    rows = asked(frame)
    return float((rows["status"] == "valid").mean()) if len(rows) else None


def label_mass(frame: pd.DataFrame) -> float | None:
    """Mean label mass of valid answers, before any exclusion; None for answers that carry none."""
    rows = asked(frame)
    mass = rows.loc[rows["status"] == "valid", "label_mass"].astype(float).dropna()
    return float(mass.mean()) if len(mass) else None


def status_counts(frame: pd.DataFrame) -> dict[str, int]:
    """Questions by status, comprehension checks left out, `missing` included."""
    counts = frame.loc[frame["condition"] != COMPREHENSION, "status"].value_counts()
    return {str(status): int(n) for status, n in counts.items()}


def comprehension(frame: pd.DataFrame, correct: Mapping[str, str]) -> dict[str, float] | None:
    """Probability of the right answers to the checks; `correct` maps a check's item to its right option.

    An answer that is not valid, or has too little label mass, is not right; one that is missing was not
    asked for. None where no check was asked.
    """
    check = (frame["condition"] == COMPREHENSION) & frame["item"].isin(list(correct))
    rows = frame[check & (frame["status"] != "missing")]
    if rows.empty:
        return None
    counted = (rows["status"] == "valid") & ~_faint(rows)
    right = [
        float(probabilities[list(options).index(correct[item])]) if counts else 0.0
        for item, options, probabilities, counts in zip(
            rows["item"], rows["options"], rows["probabilities"], counted, strict=True
        )
    ]
    return {"asked": len(rows), "correct_share": float(np.clip(np.mean(right), 0.0, 1.0))}


def no_variation(frame: pd.DataFrame) -> dict[str, Any] | None:
    """The option, the number of draws and the bound on any other answer, where all draws chose the same
    option.

    None where answers vary, or are exact probabilities, which show rare answers as they are. Repeated
    answers of the same persons count once a person.
    """
    rows = usable(frame)
    if rows.empty or not set(rows["elicitation"]) <= DRAWN:
        return None
    chosen = {
        str(options[int(np.argmax(probabilities))]) if len(options) else format_amount(value)
        for options, probabilities, value in zip(rows["options"], rows["probabilities"], rows["value"], strict=True)
    }
    if len(chosen) > 1:
        return None
    n = int(independent(rows).max()) + 1
    return {"option": chosen.pop(), "n": n, "bound": intervals.unvaried_bound(n)}


def cells(frame: pd.DataFrame) -> list[Cell]:
    """Every item and condition of one population, in order of first appearance; none where the answers cannot
    be listed, and so have no shares."""
    return [_cell(rows) for rows in questions(frame) if len(rows["options"].iloc[0])]


def gifts(frame: pd.DataFrame) -> list[Gift]:
    """The summary of every item and condition of an amount; items without a usable answer are left out."""
    given = dict(iter(usable(frame).groupby(["item", "condition"], sort=False)))
    everything = asked(frame).groupby(["item", "condition"], sort=False)
    return [_gift(given[key], rows) for key, rows in everything if key in given]


def questions(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The rows of each item and condition, without comprehension checks."""
    for _, rows in asked(frame).groupby(["item", "condition"], sort=False):
        yield rows


def _cell(rows: pd.DataFrame) -> Cell:
    good = usable(rows)
    options = tuple(rows["options"].iloc[0])
    unit = unit_of(rows)
    share, low, high = np.full((3, len(options)), np.nan)
    n = 0
    if len(good):
        per = per_unit(good, rows, matrix(good["probabilities"]), unit)
        share, n = per.value.mean(axis=0), int(per.unit.max()) + 1
        low, high = over_prompts(per, unit) or intervals.over_people(per.value, per.unit)
        if set(rows["elicitation"]) <= DRAWN and unit in ("wording", "persona"):
            low, high = _unvaried(share, low, high, int(independent(good).max()) + 1)
    return Cell(
        population=str(rows["model"].iloc[0]),
        item=str(rows["item"].iloc[0]),
        condition=str(rows["condition"].iloc[0]),
        options=options,
        share=share,
        low=low,
        high=high,
        bounds=_worst_case(rows, lambda some: matrix(some["probabilities"]), len(options), unit),
        n=n,
        unit=unit,
    )


def _gift(rows: pd.DataFrame, asked_for: pd.DataFrame) -> Gift:
    """Of the usable `rows` among all that were `asked_for`."""
    amounts = np.array([float(option) for option in rows["options"].iloc[0]])
    largest = float(amounts[-1])
    half = np.isclose(amounts, largest / 2.0)
    functionals = np.stack(
        [amounts / largest, np.isclose(amounts, 0.0), half, (amounts > largest / 2.0) & ~half], axis=1
    ).astype(np.float64)
    unit = unit_of(asked_for)
    each = matrix(rows["probabilities"]) @ functionals
    per = per_unit(rows, asked_for, each, unit)
    mean = per.value.mean(axis=0)
    low, high = over_prompts(per, unit) or intervals.mean_over_people(per.value, per.unit)
    if set(rows["elicitation"]) <= DRAWN and np.ptp(each[:, 0]) < intervals.EDGE:
        low, high = intervals.mean_over_people(each, independent(rows))
    worst = _worst_case(asked_for, lambda some: matrix(some["probabilities"]) @ functionals[:, :1], 1, unit)
    return Gift(
        population=str(rows["model"].iloc[0]),
        item=str(rows["item"].iloc[0]),
        condition=str(rows["condition"].iloc[0]),
        mean=largest * float(mean[0]),
        low=largest * float(low[0]),
        high=largest * float(high[0]),
        bounds=None if worst is None else (largest * float(worst[0][0]), largest * float(worst[1][0])),
        p_zero=float(mean[1]),
        p_half=float(mean[2]),
        p_above_half=float(mean[3]),
        maximum=largest,
        n=int(per.unit.max()) + 1,
    )


@dataclass(frozen=True)
class PerUnit:
    """Values whose mean is the share, (v, f), with the unit and the wording of each, (v,)."""

    value: Floats
    unit: NDArray[np.int64]
    wording: NDArray[np.int64]


def per_unit(good: pd.DataFrame, rows: pd.DataFrame, values: Floats, unit: Unit) -> PerUnit:
    """One value an answer of people; of a model one a wording, or a persona and wording, with its displayed orders
    weighted alike.

    A wording that lost one of its orders (a refusal, too little label mass) would mix preference with position and is
    used only if no wording kept all.
    """
    # Rounding may carry a sum of probabilities a hair beyond 1.
    values = np.clip(values, 0.0, 1.0)
    if unit in ("person", "answer"):
        names = good["subject"] if unit == "person" else pd.Series(range(len(good)))
        return PerUnit(values, _codes(names), np.zeros(len(values), dtype=np.int64))
    keys = ["subject", "wording", "order"]
    named = good[keys].fillna("").reset_index(drop=True)
    by_order = pd.DataFrame(values).groupby([named[key] for key in keys], sort=False).mean()
    means = by_order.groupby(level=keys[:2], sort=False).mean()
    shown = by_order.groupby(level=keys[:2], sort=False).size()
    orders = rows[keys].fillna("").drop_duplicates().groupby(keys[:2]).size().loc[shown.index]
    complete = (shown == orders).to_numpy()
    kept = means[complete] if complete.any() else means
    wording = _codes(kept.index.get_level_values("wording"))
    return PerUnit(kept.to_numpy(), _codes(kept.index.get_level_values("subject")) if unit == "persona" else wording,
                    wording)  # fmt: skip


def _codes(names: Any) -> NDArray[np.int64]:
    return np.asarray(pd.factorize(names)[0], dtype=np.int64)


def over_prompts(per: PerUnit, unit: Unit) -> tuple[Floats, Floats] | None:
    """Intervals of a model's means, each within [0, 1]; None for people."""
    if unit == "persona":
        return intervals.over_crossed(per.value, per.unit, per.wording)
    return intervals.over_wordings(per.value) if unit == "wording" else None


def independent(rows: pd.DataFrame) -> NDArray[np.int64]:
    """(rows,) Whose each answer is, from 0 on: the subject's, or nobody else's where none is known."""
    alone = pd.Series(range(len(rows)), index=rows.index)
    return _codes(rows["subject"].astype(object).where(rows["subject"].notna(), alone))


def _worst_case(
    rows: pd.DataFrame, read: Callable[[pd.DataFrame], Floats], k: int, unit: Unit
) -> tuple[Floats, Floats] | None:
    """Means of k shares, which `read` takes from valid rows as (n, k), were every answer that is not valid 0, or 1
    (Manski 1989, doi:10.2307/145818)."""
    valid = rows["status"] == "valid"
    if valid.all():
        return None
    rows = rows[~valid | ~_faint(rows)]
    answered = (rows["status"] == "valid").to_numpy()
    ends = []
    for fill in (0.0, 1.0):
        values = np.full((len(rows), k), fill)
        if answered.any():
            values[answered] = read(rows.loc[answered])
        ends.append(per_unit(rows, rows, values, unit).value.mean(axis=0))
    return ends[0], ends[1]


def _unvaried(share: Floats, low: Floats, high: Floats, n: int) -> tuple[Floats, Floats]:
    """Draws that all agree still leave room for what was not seen."""
    bound = intervals.unvaried_bound(n)
    return (
        np.where(share >= 1.0, 1.0 - bound, np.where(share <= 0.0, 0.0, low)),
        np.where(share <= 0.0, bound, np.where(share >= 1.0, 1.0, high)),
    )


def unit_of(rows: pd.DataFrame) -> Unit:
    """What varies at random: persons where they are known, else wordings, or draws from a single one."""
    if rows["subject"].notna().any():
        return "person" if "recorded" in set(rows["elicitation"]) else "persona"
    if set(rows["elicitation"]) <= DRAWN and rows["wording"].nunique() < 2:
        return "answer"
    return "wording"


def _faint(rows: pd.DataFrame) -> pd.Series[bool]:
    return rows["label_mass"].astype(float).fillna(1.0) < LABEL_MASS


def matrix(lists: Sequence[Any] | pd.Series[Any]) -> Floats:
    """Lists of one length, such as probabilities, as (rows, k)."""
    return np.stack([np.asarray(one, dtype=np.float64) for one in lists])
