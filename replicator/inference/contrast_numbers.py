"""The contrast of answers in numbers: a robust difference of means, in which items, wordings and persons are samples.

    z        = (answer - item's middle) / scale
    location = tilt + sum of tilt_way + (difference + sum of difference_way) x,    x = 1/2 or -1/2
    z        ~ Student-t(4, location, .01 + scatter)

The scale is the distance between the two anchors of the item, so that the difference is the anchoring index
(Jacowitz & Kahneman 1995), or else one standard deviation of the answers to an item. An item's middle is half way
between its means at the two levels, on which a difference does not depend. A model's answer is the mean of a prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm

from replicator.experiment import Contrast
from replicator.inference import personas, posterior
from replicator.inference.contrast_data import Variables, Way, persons, ways_of
from replicator.inference.contrast_terms import TILT, add_effects, rough, term
from replicator.inference.data import EXACT
from replicator.inference.structure import DEGREES_OF_FREEDOM
from replicator.inference.walk import WIDTH, Geometry, nudged, scale_start
from replicator.theories import contrast, priors

DIFFERENCE = contrast.DIFFERENCE.name

_TILT_SD = 1.0
"""Prior sd of the tilt, on the scale: the answers' middle is near zero by construction."""


@dataclass(frozen=True)
class NumberData:
    """Answers of one population as `n` rows, all under the same levels of the other factors."""

    value: np.ndarray
    """(n,) on the scale, each item around its middle."""
    side: np.ndarray
    """(n,) +1/2 at the first level, -1/2 at the second."""
    ways: Mapping[str, Way]
    anchored: bool
    scale: float
    """Mean over items of what one on the scale is in the answers' unit; its sign is that of the first anchor less the
    second."""
    is_model: bool


def number_data(rows: pd.DataFrame, variables: Variables, planned: Contrast, seed: int = 0) -> NumberData | None:
    """From the usable rows of one population in one condition, with a column "side"; None where no answer differs.

    `variables` gives the item variables of every item and condition.
    """
    is_model = not bool((rows["elicitation"] == "recorded").all())
    if is_model and bool(rows["subject"].notna().any()):
        rows = personas.drawn(personas.complete(rows), seed)
    frame = pd.DataFrame({"item": rows["item"].to_numpy(), "side": rows["side"].to_numpy(), "value": _values(rows)})
    frame["wording"] = rows["wording"].fillna("").to_numpy() if is_model else ""
    frame["subject"] = persons(rows)
    frame["gap"] = [
        _gap(variables.get(pair, {}), planned) for pair in zip(rows["item"], rows["condition"], strict=True)
    ]
    if is_model:
        keys = ["item", "side", "wording", "subject"]
        frame = frame.groupby(keys, sort=True, as_index=False).agg({"value": "mean", "gap": "first"})
    means = frame.groupby(["item", "side"])["value"].mean()
    middle = frame["item"].map(means.groupby("item").mean()).to_numpy()
    apart = frame["value"].to_numpy() - middle
    anchored = planned.is_anchored
    spread = float(np.sqrt(np.mean(apart**2)))
    if spread == 0.0 and not anchored:
        return None
    unit = frame["gap"].to_numpy(dtype=float) if anchored else np.full(len(frame), spread)
    side = frame["side"].to_numpy()
    of_items = pd.Series(unit).groupby(frame["item"].to_numpy()).first()
    return NumberData(
        value=apart / unit,
        side=side,
        ways=ways_of(frame, side, scatters=True),
        anchored=anchored,
        scale=float(of_items.mean()),
        is_model=is_model,
    )


def _values(rows: pd.DataFrame) -> np.ndarray:
    """(n,) the number that was answered, or the mean of its distribution."""
    exact = rows["elicitation"].isin(EXACT).to_numpy()
    given = rows["value"].to_numpy(dtype=float)
    means = [
        float(np.dot(np.asarray(options, dtype=float), probabilities)) if whole or not known else number
        for options, probabilities, whole, number, known in zip(
            rows["options"], rows["probabilities"], exact, given, np.isfinite(given), strict=True
        )
    ]
    return np.array(means)


def _gap(known: Mapping[str, Any], planned: Contrast) -> float:
    """How far the first anchor lies above the second; nan without anchors."""
    if not planned.is_anchored:
        return float("nan")
    first, second = planned.levels if planned.anchors is None else (known[name] for name in planned.anchors)
    return float(first) - float(second)


def location_prior(data: NumberData) -> tuple[float, float]:
    """Mean and sd of the difference, on the scale."""
    chosen = (contrast.ANCHORING_INDEX if data.anchored else contrast.DIFFERENCE).prior
    return chosen.mean, chosen.sd


def spreads(data: NumberData) -> dict[str, dict[str, float]]:
    """Tilt or difference -> way -> the scale of the half-normal prior of its sd over the way's members. Items have no
    tilt: their middles are taken out."""
    moved = priors.prior(contrast.NAME, "between_indices" if data.anchored else "between_slopes").sd
    tilted = priors.prior("common", "between_units").sd
    return {
        TILT: {way: tilted for way in data.ways if way != "item"},
        DIFFERENCE: {way: moved for way, found in data.ways.items() if found.moves},
    }


def build(data: NumberData, given: Mapping[str, np.ndarray], named: Mapping[str, Any]) -> pm.Model:
    """The graph with its dimensions `named`, holding the answers in swappable containers."""
    scatter = priors.document(contrast.NAME)["parameters"]["scatter"]
    with pm.Model(coords=dict(named)) as model:
        held = {name: pm.Data(name, values) for name, values in given.items()}
        located = {TILT: (0.0, _TILT_SD), DIFFERENCE: location_prior(data)}
        terms = {name: term(name, located[name], widths, data.ways, held) for name, widths in spreads(data).items()}
        sigma = scatter["floor"] + pm.HalfNormal("residual", scatter["sd"], initval=held["start_residual"])
        around = terms[TILT] + terms[DIFFERENCE] * data.side
        pm.StudentT("answers", nu=DEGREES_OF_FREEDOM, mu=around, sigma=sigma, observed=held["observed"])
    return model


def arrays(data: NumberData) -> dict[str, np.ndarray]:
    """What may be swapped without compiling anew: the answers, the sampler's coordinates and its start."""
    found = rough(data.value, data.side, data.ways, spreads(data))
    walk = Geometry({}, dict(found.start))
    floor = priors.document(contrast.NAME)["parameters"]["scatter"]["floor"]
    variance = max(float(np.var(found.left)), floor**2)
    add_effects(walk, found, data.ways, np.full(len(data.side), variance))
    walk.start["residual"] = scale_start(variance / WIDTH)
    walk = nudged(walk)
    given = {f"centring_{name}": np.array(weight) for name, weight in walk.centring.items()}
    return given | {f"start_{name}": value for name, value in walk.start.items()} | {"observed": data.value}


def fit(data: NumberData, *, seed: int, condition: str) -> posterior.Posterior:
    """The posterior, with the difference on the scale among its draws."""
    given = arrays(data)
    named: dict[str, Any] = {"condition": [condition]}
    named |= {f"{name}_contrast": list(way.names[:-1]) for name, way in data.ways.items()}
    moves = tuple((name, way.moves, way.index.tobytes()) for name, way in data.ways.items())
    names = [f"{TILT}_coordinate", f"{DIFFERENCE}_coordinate"]
    draws, diagnostics = posterior.careful(
        ("contrast of numbers", data.anchored, data.side.tobytes(), moves),
        lambda: build(data, given, named), given, named, names, seed,
    )  # fmt: skip
    values = np.asarray(draws.posterior[f"{DIFFERENCE}_coordinate"]).reshape((-1, 1))
    natural = {contrast.DIFFERENCE.name: values * data.scale}
    if data.anchored:
        natural[contrast.ANCHORING_INDEX.name] = values
    return posterior.Posterior(draws, natural, diagnostics, np.ones(1))
