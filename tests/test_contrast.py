"""A contrast says how far a frame moves the share of an option, with items and wordings as samples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytensor
import pytest
import scattered_answers
from contrast_tables import FRAMES, ITEMS, WORDINGS, levels, prompts
from scipy import linalg, special, stats

from replicator.experiment import Contrast
from replicator.inference import contrast, contrast_model, contrast_shares
from replicator.inference.contrast import Asked
from replicator.inference.contrast_data import ContrastData, by_condition, contrast_data
from replicator.inference.contrast_shares import Effects
from replicator.inference.entries import Entry, Label
from replicator.theories import priors

MODE = pytensor.compile.mode.Mode("py", "fast_run").excluding("BlasOpt", "fusion", "inplace")

LABEL = Label(
    population="a-model", theory="contrast", noise="none", elicitation="probability",
    estimand="representative_agent", sampling_unit="wording", pooling="partial", intercept=False,
    primary="risk_difference",
)  # fmt: skip

RNG = np.random.default_rng(11)
ITEM_TILT, ITEM_MOVE = RNG.normal(0, 0.8, len(ITEMS)), RNG.normal(0, 0.5, len(ITEMS))
WORDING_TILT, WORDING_MOVE = RNG.normal(0, 0.5, len(WORDINGS)), RNG.normal(0, 0.3, len(WORDINGS))


def unlike(item: int, wording: int, side: float) -> float:
    """Items and wordings that differ in their tilt and in how far the frame moves them, by 1 on average."""
    return float(ITEM_TILT[item] + WORDING_TILT[wording] + (1.0 + ITEM_MOVE[item] + WORDING_MOVE[wording]) * side)


def read(table: Any, planned: Contrast = FRAMES) -> ContrastData:
    (rows,) = by_condition(table, levels(table), planned).values()
    return contrast_data(rows, str(planned.option))


# The likelihood


def members(point: dict[str, np.ndarray], data: ContrastData, name: str) -> np.ndarray:
    """(row,) what the ways add to a tilt or a difference, from the definition."""
    total = np.zeros(len(data.side))
    for way in contrast_model.spreads(data)[name]:
        index, count = data.ways[way].index, len(data.ways[way].names)
        sd = np.exp(point[f"{name}_{way}_sd_log__"])
        apart = linalg.helmert(count).T @ (sd * point[f"{name}_{way}_raw"])
        total += apart[index]
    return total


def by_hand(data: ContrastData, point: dict[str, np.ndarray]) -> float:
    eta = point["tilt_first"] + members(point, data, "tilt")
    eta = eta + (point["log_odds_ratio_first"] + members(point, data, "log_odds_ratio")) * data.side
    if data.position is not None:
        shown_first = np.where(data.position[:, 0] == 0, 1.0, -1.0)
        eta = eta + point["position_effect"][data.label_set, 0] * shown_first
    if "residual_log__" in point:
        sigma = 0.05 + np.exp(point["residual_log__"])
        if data.kind == "probabilities":
            return float(stats.t.logpdf(data.logits[:, 0], df=4, loc=eta, scale=sigma).sum())
        rows = zip(*data.counts.T, eta, strict=True)
        return sum(scattered_answers.log_likelihood(*row, sigma) for row in rows)
    total = data.counts.sum(axis=1)
    ways = special.gammaln(total + 1) - special.gammaln(data.counts + 1).sum(axis=1)
    return float((stats.binom.logpmf(data.counts[:, 0], total, special.expit(eta)) - ways).sum())


def log_prior(data: ContrastData, point: dict[str, np.ndarray]) -> float:
    """Of a point that is not centred, with the Jacobians of the scales."""
    common, own = priors.document("common")["parameters"], priors.document("contrast")["parameters"]
    tilts = {"item": "item_misfit", "wording": "between_units_tilt", "subject": "between_units_tilt"}
    total = 0.0
    for name, value in point.items():
        if name == "residual_log__":
            total += stats.halfnorm.logpdf(np.exp(value), scale=common["residual"]["sd"]) + value
        elif name.endswith("_sd_log__"):
            parameter, way = name.removesuffix("_sd_log__").rsplit("_", 1)
            wide = common[tilts[way]]["sd"] if parameter == "tilt" else own["between_slopes"]["sd"]
            total += stats.halfnorm.logpdf(np.exp(value), scale=wide) + value
        elif name.endswith("_first"):
            parameter = name.removesuffix("_first")
            for way in contrast_model.spreads(data)[parameter]:
                sd = np.exp(point[f"{parameter}_{way}_sd_log__"])
                value = value - sd * point[f"{parameter}_{way}_mean"] / np.sqrt(len(data.ways[way].names))
            total += stats.norm.logpdf(value, 0.0, 1.5)
        elif name == "position_effect":
            total += stats.norm.logpdf(value, 0.0, common["position"]["sd"]).sum()
        else:
            total += stats.norm.logpdf(value).sum()
    return float(total)


DESIGNS = {
    "exact": lambda: read(prompts(unlike, labels=("A|B", "1|2"), scatter=0.2)),
    "samples": lambda: read(prompts(unlike, draws=5)),
    "people": lambda: read(people()),
}


def people() -> Any:
    """Twenty people who answered every item, half of them in either frame; nothing is known of how it was shown."""
    table = prompts(unlike, wordings=("as-recorded",), draws=20)
    table = table[table["order"] == "sure|gamble"]
    person = table.groupby(["item", "condition"]).cumcount()
    side = table["condition"].eq("frame=gain")
    return table.assign(
        subject=[f"p{n}-{'g' if g else 'l'}" for n, g in zip(person, side, strict=True)],
        order=None, labels=None, elicitation="recorded",
    )  # fmt: skip


@pytest.mark.parametrize("design", DESIGNS)
def test_the_density_is_the_one_written_down(design: str) -> None:
    data = DESIGNS[design]()
    given = contrast_model.arrays(data)
    given |= {name: np.zeros_like(value) for name, value in given.items() if name.startswith("centring_")}
    model = contrast_model.build(data, given, contrast_model.coords(data, "all"))
    density = model.compile_logp(mode=MODE)
    rng = np.random.default_rng(3)
    for _ in range(3):
        point = {v.name: rng.normal(0, 0.7, np.shape(model.initial_point()[v.name])) for v in model.value_vars}
        expected = by_hand(data, point) + log_prior(data, point)
        # What answers say of a prompt that scatters is replaced by a spline.
        tolerance = 1e-4 if design == "samples" else 1e-9
        assert float(density(point)) == pytest.approx(expected, rel=tolerance, abs=1e-7)


def test_designs_carry_the_terms_that_they_can_tell() -> None:
    exact, drawn, persons = (DESIGNS[name]() for name in DESIGNS)
    once = read(prompts(unlike, draws=1))
    assert [contrast_model.structure(one).cells > 0 for one in (exact, drawn, once, persons)] == [
        False,
        True,
        False,
        False,
    ]
    assert list(exact.ways) == ["item", "wording"]
    assert list(persons.ways) == ["item", "subject"]
    assert persons.ways["item"].moves
    assert not persons.ways["subject"].moves  # each saw one frame
    assert persons.position is None
    assert len(exact.label_sets) == 2


# What must not matter, and what must


def test_which_level_is_named_first_decides_the_sign_alone() -> None:
    table = prompts(unlike, scatter=0.3)
    one, other = read(table), read(table, replace(FRAMES, levels=("loss", "gain")))
    by = [np.lexsort((d.label_set, d.position[:, 0], d.ways["wording"].index, d.ways["item"].index, d.side * s))
          for d, s in ((one, 1), (other, -1))]  # fmt: skip
    np.testing.assert_array_equal(one.side[by[0]], -other.side[by[1]])
    np.testing.assert_array_equal(one.logits[by[0]], other.logits[by[1]])
    first, second = np.array([0.7, 0.2]), np.array([0.4, 0.6])
    ahead, behind = contrast_shares.quantities(first, second), contrast_shares.quantities(second, first)
    for name in ("risk_difference", "log_odds_ratio", "d"):
        np.testing.assert_allclose(ahead[name], -behind[name])


def test_the_order_of_options_in_the_specification_changes_nothing() -> None:
    one, other = (
        read(prompts(unlike, scatter=0.3, position=1.0)),
        read(prompts(unlike, scatter=0.3, position=1.0, options=("gamble", "sure"))),
    )
    np.testing.assert_allclose(one.logits, other.logits, atol=1e-9)
    np.testing.assert_array_equal(one.position, other.position)
    np.testing.assert_array_equal(one.side, other.side)


def test_names_of_items_wordings_and_labels_change_nothing() -> None:
    table = prompts(unlike, scatter=0.3)
    renamed = table.assign(
        item=table["item"].map({name: f"x{n}" for n, name in enumerate(sorted(ITEMS))}),
        wording=table["wording"].map({name: f"w{n}" for n, name in enumerate(sorted(WORDINGS))}),
        labels=table["labels"].map({"A|B": "first|second"}),
    )
    assert contrast_model.key(read(table)) == contrast_model.key(read(renamed))
    np.testing.assert_array_equal(read(table).logits, read(renamed).logits)


def test_other_factors_make_conditions_of_their_own() -> None:
    table = prompts(unlike)
    twice = [table.assign(condition=table["condition"] + f",stakes={n}") for n in (1, 20)]
    both = pd.concat(twice, ignore_index=True)
    known = {
        (item, name): {"frame": name.split(",")[0].removeprefix("frame="), "stakes": int(name.rsplit("=", 1)[1])}
        for item, name in zip(both["item"], both["condition"], strict=True)
    }
    found = by_condition(both, known, FRAMES)
    assert {name: len(rows) for name, rows in found.items()} == {"stakes=1": len(table), "stakes=20": len(table)}


# Population shares


def effects(**given: float) -> Effects:
    usual = {"tilt": 0.3, "difference": 1.0, "tilt_variance": 1.5, "difference_variance": 0.8, "scatter": 0.4}
    values = {name: np.full(1, given.get(name, value)) for name, value in usual.items()}
    return Effects(**values, position=np.full((1, 1), given.get("position", 0.5)))


def test_shares_are_means_over_items_wordings_prompts_and_positions() -> None:
    rng = np.random.default_rng(5)
    n = 400_000
    tilt, move = rng.normal(0, np.sqrt(1.5), n), rng.normal(0, np.sqrt(0.8), n)
    rest = 0.4 * rng.standard_t(4, n) + rng.choice([-0.5, 0.5], n)
    drawn = [special.expit(0.3 + tilt + (1.0 + move) * side + rest).mean() for side in (0.5, -0.5)]
    first, second = contrast_shares.shares(effects())
    assert (first[0], second[0]) == pytest.approx(drawn, abs=0.003)


def test_odds_ratios_do_not_collapse_and_risk_differences_do() -> None:
    """Unlike questions with one odds ratio each have another one together, and a mean risk difference."""
    plain = {"difference_variance": 0.0, "scatter": 0.0, "position": 0.0}
    alike, unlike_questions = (
        contrast_shares.quantities(*contrast_shares.shares(effects(tilt=0.0, tilt_variance=variance, **plain)))
        for variance in (0.0, 9.0)
    )
    assert alike["log_odds_ratio"][0] == pytest.approx(1.0)
    assert unlike_questions["log_odds_ratio"][0] < 0.6
    tilt = np.random.default_rng(2).normal(0, 3, 200_000)
    each = special.expit(tilt + 0.5) - special.expit(tilt - 0.5)
    assert unlike_questions["risk_difference"][0] == pytest.approx(each.mean(), abs=0.002)


# Estimates


def estimated(table: Any) -> dict[str, Entry]:
    found = contrast.entries(
        table,
        levels(table),
        Asked(FRAMES, "choice"),
        LABEL,
        seed=1,
        keep=lambda condition, posterior: None,
        variables={},
    )
    return {entry["parameter"]: entry for entry in found}


@pytest.fixture(scope="module")
def moved() -> dict[str, Entry]:
    return estimated(prompts(unlike, position=0.7, scatter=0.2))


def test_a_known_difference_is_found(moved: dict[str, Entry]) -> None:
    """The share over many more items and wordings than were asked lies in the interval."""
    rng = np.random.default_rng(8)
    n = 200_000
    tilt = rng.normal(0, np.hypot(0.8, 0.5), n) + 0.2 * rng.standard_t(4, n) + rng.choice([-0.7, 0.7], n)
    move = 1.0 + rng.normal(0, np.hypot(0.5, 0.3), n)
    truth = (special.expit(tilt + move / 2) - special.expit(tilt - move / 2)).mean()
    entry = moved["risk_difference"]
    assert entry["interval"][0] < truth < entry["interval"][1]
    assert entry["identified"]
    assert entry["primary"]
    assert 0.1 < entry["interval"][1] - entry["interval"][0] < 0.5  # six items do not tell it to a hundredth
    assert moved["d"]["mean"] == pytest.approx(moved["log_odds_ratio"]["mean"] * np.sqrt(3) / np.pi)
    assert moved["position_effect"]["mean"] == pytest.approx(0.7, abs=0.1)
    assert (entry["sampling_unit"], entry["estimand"]) == ("wording", "representative_agent")


def test_no_difference_is_found_where_there_is_none(moved: dict[str, Entry]) -> None:
    flat = estimated(prompts(lambda i, w, side: ITEM_TILT[i] + WORDING_TILT[w], position=0.7, scatter=0.2))
    entry = flat["risk_difference"]
    assert entry["interval"][0] < 0.0 < entry["interval"][1]
    assert max(map(abs, entry["interval"])) < 0.1
    uniform = estimated(prompts(lambda i, w, side: 0.0))["risk_difference"]
    assert abs(uniform["mean"]) < 0.005
    assert uniform["interval"][0] < 0.0 < uniform["interval"][1]


def test_a_certain_chooser_has_a_finite_difference_and_no_odds_ratio() -> None:
    certain = estimated(prompts(lambda i, w, side: 80.0 * side))
    assert 0.8 < certain["risk_difference"]["interval"][0] < certain["risk_difference"]["interval"][1] < 1.0
    assert certain["risk_difference"]["identified"]
    for name in ("log_odds_ratio", "d"):
        assert not certain[name]["identified"]
        assert "no bound on one side" in certain[name]["why_not"]
    first = estimated(prompts(lambda i, w, side: 0.0, position=40.0))
    low, high = first["risk_difference"]["interval"]
    assert low < 0.0 < high
    assert high - low < 0.1


def test_a_level_without_answers_is_named() -> None:
    table = prompts(unlike)
    found = estimated(table[table["condition"] == "frame=gain"])
    assert found["risk_difference"]["mean"] is None
    assert found["risk_difference"]["why_not"] == "It has no usable answers at frame = loss."
