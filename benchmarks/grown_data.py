"""What more answers to the same questions, and more models, cost in estimation: seconds of fits, compiling left out.

Answers are drawn from known choosers of `mixed-gambles`: a model sampled in five wordings and both orders, and people.
Seconds are those from a table of choices, one row an answer, to a posterior with its diagnostics.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np
import pandas as pd

from replicator import choices, design, specification
from replicator.collect import collect
from replicator.engines import open_engine
from replicator.inference import posterior
from replicator.inference.data import COLUMNS, Cells, choice_data
from replicator.inference.structure import structure
from replicator.shares import usable
from replicator.store import AnswerStore

THEORY, NOISE = "loss-aversion-power", "logit"
REPEATS = 1_000
MODELS = 10
PEOPLE = 10
WORDINGS = 5
TIMES = 3
"""Fits of each kind, of which the median counts."""

Unit = Literal["wording", "person"]


def repeats_ratio(unit: Unit) -> float:
    """Seconds with `REPEATS` answers a cell over those with one."""
    table, cells = _probabilities("2.0", unit)
    _fit(_answered(table, 1, seed=0), cells, unit, seed=0)
    few, many = [], []
    for seed in range(1, TIMES + 1):
        few.append(_fit(_answered(table, 1, seed=seed), cells, unit, seed=seed))
        many.append(_fit(_answered(table, REPEATS, seed=seed), cells, unit, seed=seed))
    return median(many) / median(few)


def models_ratio() -> float:
    """Seconds of estimating `MODELS` models that were asked alike over the median of one of them."""
    tables = [_probabilities(f"{1.2 + 0.15 * i:.2f}", "wording") for i in range(MODELS)]
    answered = [(_answered(table, 20, seed=i), cells) for i, (table, cells) in enumerate(tables)]
    _fit(*answered[0], "wording", seed=0)
    seconds = [_fit(table, cells, "wording", seed=i) for i, (table, cells) in enumerate(answered)]
    return sum(seconds) / median(seconds)


def _fit(table: pd.DataFrame, cells: Cells, unit: Unit, *, seed: int) -> float:
    begun = time.perf_counter()
    data = choice_data(usable(table), cells, unit)
    posterior.of_choices(structure(THEORY, NOISE, data, intercept=False), data, seed=seed)
    return time.perf_counter() - begun


def _probabilities(aversion: str, unit: Unit) -> tuple[pd.DataFrame, Cells]:
    """What a chooser of this loss aversion answers, prompt by prompt, with exact probabilities."""
    experiment = specification.find("mixed-gambles")
    arguments = {"lambda": aversion, "rho": "0.9", "noise": "6", "lapse": "0.02", "wording_sd": "0.2"}
    engine = open_engine(f"participants:{THEORY}", arguments, experiment=experiment)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with AnswerStore(folder / "answers.sqlite") as store:
            choices.write(folder / "choices.parquet", collect(experiment, [engine], design.trials(experiment), store))
        cells = {
            (row["item"], row["condition"]): row["outcomes"]
            for row in choices.cells(folder / "choices.parquet").to_dict("records")
        }
        table = usable(choices.read(folder / "choices.parquet", [*COLUMNS]))
    return table[_kept(table, unit)], cells


def _kept(table: pd.DataFrame, unit: Unit) -> pd.Series:
    """One set of labels; of a model five wordings in both orders, and for people one wording each, in one order."""
    labels, wordings, orders = table["labels"], table["wording"], table["order"]
    count = WORDINGS if unit == "wording" else PEOPLE
    kept = (labels == labels.iloc[0]) & wordings.isin(list(dict.fromkeys(wordings))[:count])
    return kept if unit == "wording" else kept & (orders == orders.iloc[0])


def _answered(table: pd.DataFrame, repeats: int, *, seed: int) -> pd.DataFrame:
    """`repeats` single answers to every prompt, drawn with its probabilities; a person answers what one wording did."""
    rng = np.random.default_rng([seed, repeats])
    first = np.array([row[0] for row in table["probabilities"]])
    accepted = rng.random((len(table), repeats)) < first[:, None]
    rows = table.loc[table.index.repeat(repeats)].reset_index(drop=True)
    one_hot = [np.array([1.0, 0.0]), np.array([0.0, 1.0])]
    single = [one_hot[0] if yes else one_hot[1] for yes in accepted.ravel()]
    return rows.assign(probabilities=single, elicitation="sample", subject=rows["wording"])
