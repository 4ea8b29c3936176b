"""Ratings under two frames: an ordinal model whose latent difference and difference of means are told apart."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytensor
import pytest
from scipy import linalg, special, stats

from replicator.experiment import Contrast
from replicator.inference import contrast, contrast_ratings
from replicator.inference.contrast import Asked
from replicator.inference.contrast_data import by_condition
from replicator.inference.contrast_ratings import RatingData
from replicator.inference.contrast_shares import Effects
from replicator.inference.entries import Entry, Label
from replicator.theories import priors

MODE = pytensor.compile.mode.Mode("py", "fast_run").excluding("BlasOpt", "fusion", "inplace")

FRAMED = Contrast("frame", ("gain", "loss"), None)
POINTS = ("1", "2", "3", "4", "5")
CUTS = np.array([-1.5, -0.6, 0.5, 1.6])
ITEMS, WORDINGS = 4, 3

LABEL = Label(
    population="people", theory="contrast", noise="none", elicitation="recorded",
    estimand="representative_agent", sampling_unit="person", pooling="partial", intercept=False, primary="difference",
)  # fmt: skip


def distribution(eta: float) -> np.ndarray:
    """Probabilities of the points, from the definition."""
    above = np.concatenate([[1.0], special.expit(eta - CUTS), [0.0]])
    return above[:-1] - above[1:]


def ratings(difference: float, *, people: int = 0, seed: int = 2) -> pd.DataFrame:
    """A model's exact distributions, or one rating each of so many people an item and frame."""
    rng = np.random.default_rng(seed)
    tilt, move = rng.normal(0, 0.6, ITEMS), rng.normal(0, 0.2, ITEMS)
    rows = []
    for i, w, (frame, side) in itertools.product(
        range(ITEMS), range(1 if people else WORDINGS), (("gain", 0.5), ("loss", -0.5))
    ):
        p = distribution(tilt[i] + (difference + move[i]) * side + (0 if people else 0.1 * rng.normal()))
        answers = rng.multinomial(1, p, people).astype(float) if people else p[None, :]
        rows += [
            {
                "item": f"i{i}", "wording": f"w{w}", "condition": f"frame={frame}", "subject": None,
                "elicitation": "recorded" if people else "probability", "options": list(POINTS),
                "probabilities": list(answer), "value": None,
            }
            for answer in answers
        ]  # fmt: skip
    return pd.DataFrame(rows)


def levels(table: pd.DataFrame) -> dict[tuple[str, str], dict[str, str]]:
    pairs = zip(table["item"], table["condition"], strict=True)
    return {(item, condition): {"frame": condition.removeprefix("frame=")} for item, condition in pairs}


def read(table: pd.DataFrame) -> RatingData:
    (rows,) = by_condition(table, levels(table), FRAMED).values()
    return contrast_ratings.rating_data(rows)


@pytest.mark.parametrize("people", [0, 30])
def test_the_density_is_the_one_written_down(people: int) -> None:
    data = read(ratings(1.0, people=people))
    given = contrast_ratings.arrays(data)
    given |= {name: np.zeros_like(value) for name, value in given.items() if name.startswith("centring_")}
    model = contrast_ratings.build(data, given, contrast_ratings.coords(data, "all"))
    density, start = model.compile_logp(mode=MODE), model.initial_point()
    common, own = priors.document("common")["parameters"], priors.document("contrast")["parameters"]
    widths = {"tilt": common["between_units_tilt"]["sd"], "latent_difference": own["between_slopes"]["sd"]}
    rng = np.random.default_rng(3)
    for _ in range(2):
        point = {v.name: rng.normal(0, 0.6, np.shape(start[v.name])) for v in model.value_vars}
        eta, expected = np.zeros(len(data.side)), 0.0
        for name, x in (("tilt", 1.0), ("latent_difference", data.side)):
            located, each = point[f"{name}_first"], np.zeros(len(data.side))
            for way in contrast_ratings.spreads(data)[name]:
                members, log_sd = data.ways[way], point[f"{name}_{way}_sd_log__"]
                apart = linalg.helmert(len(members.names)).T @ (np.exp(log_sd) * point[f"{name}_{way}_raw"])
                each += apart[members.index]
                located = located - np.exp(log_sd) * point[f"{name}_{way}_mean"] / np.sqrt(len(members.names))
                expected += stats.halfnorm.logpdf(np.exp(log_sd), scale=widths[name]) + log_sd
                expected += stats.norm.logpdf(point[f"{name}_{way}_raw"]).sum()
                expected += stats.norm.logpdf(point[f"{name}_{way}_mean"])
            expected += stats.norm.logpdf(located, 0.0, 1.5)
            eta += (point[f"{name}_first"] + each) * x
        expected += stats.norm.logpdf(point["log_gap"], own["log_gap"]["mean"], own["log_gap"]["sd"]).sum()
        cuts = np.concatenate([[0.0], np.cumsum(np.exp(point["log_gap"]))])
        cuts -= cuts.mean()
        if people:
            above = np.column_stack([np.ones(len(eta)), special.expit(eta[:, None] - cuts), np.zeros(len(eta))])
            expected += (data.shares * np.log(above[:, :-1] - above[:, 1:])).sum()
        else:
            upper = np.cumsum(data.shares[:, ::-1], axis=1)[:, ::-1][:, 1:]
            odds = special.logit(upper)
            for name, seen, around in (
                ("residual", odds.mean(axis=1), eta),
                ("shape_residual", odds - odds.mean(axis=1, keepdims=True), -cuts[None, :]),
            ):
                sigma = np.exp(point[f"{name}_log__"])
                expected += stats.halfnorm.logpdf(sigma, scale=common["residual"]["sd"]) + point[f"{name}_log__"]
                expected += stats.t.logpdf(seen, df=4, loc=around, scale=0.05 + sigma).sum()
        assert float(density(point)) == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_means_follow_from_the_latent_scale() -> None:
    """Of one question in one wording: the means of the two distributions, point by point."""
    zero = np.zeros(1)
    effects = Effects(np.full(1, 0.2), np.full(1, 1.2), zero, zero, zero, np.zeros((1, 1)))
    found = contrast_ratings.quantities(effects, CUTS[None, :], np.arange(1.0, 6.0))
    means = [distribution(0.2 + side * 1.2) @ np.arange(1.0, 6.0) for side in (0.5, -0.5)]
    assert found["difference"][0] == pytest.approx(means[0] - means[1])
    assert found["d"][0] == pytest.approx(1.2 * np.sqrt(3) / np.pi)


def test_exact_distributions_show_the_latent_scale() -> None:
    data = read(ratings(0.0))
    np.testing.assert_allclose(np.diff(-data.above.mean(axis=0)), np.diff(CUTS), atol=1e-6)


def test_peoples_ratings_are_found_to_differ_as_they_do() -> None:
    table = ratings(1.0, people=60)
    asked = Asked(FRAMED, "rating", "points")
    found: dict[str, Entry] = {
        entry["parameter"]: entry
        for entry in contrast.entries(
            table, levels(table), asked, LABEL, seed=1, keep=lambda condition, posterior: None, variables={}
        )
    }
    latent, points = found["latent_difference"], found["difference"]
    assert latent["interval"][0] < 1.0 < latent["interval"][1]
    assert latent["identified"]
    assert (points["unit"], points["primary"], points["sampling_unit"]) == ("points", True, "item")
    means = table.assign(rating=[float(np.dot(p, np.arange(1.0, 6.0))) for p in table["probabilities"]])
    by_frame = means.groupby("condition")["rating"].mean()
    assert points["mean"] == pytest.approx(by_frame["frame=gain"] - by_frame["frame=loss"], abs=0.15)
