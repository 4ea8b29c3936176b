"""Answers in numbers under two anchors: how far they follow, with items and wordings as samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytensor
import pytest
from recorded import real
from scipy import linalg, stats

from replicator.experiment import Contrast
from replicator.inference import contrast, contrast_numbers
from replicator.inference.contrast import Asked
from replicator.inference.contrast_data import by_condition
from replicator.inference.contrast_numbers import NumberData
from replicator.inference.entries import Entry, Label
from replicator.theories import priors

MODE = pytensor.compile.mode.Mode("py", "fast_run").excluding("BlasOpt", "fusion", "inplace")

ANCHORED = Contrast("anchor", (65, 10), None)
OF_ITEMS = Contrast("anchor", ("high", "low"), None, ("above", "below"))
PLAIN = Contrast("anchor", ("high", "low"), None)

LABEL = Label(
    population="a-model", theory="contrast", noise="none", elicitation="probability",
    estimand="representative_agent", sampling_unit="wording", pooling="partial", intercept=False,
    primary="anchoring_index",
)  # fmt: skip

GAPS = {"river": (500.0, 2000.0), "tower": (20.0, 100.0), "city": (1.0, 5.0)}
"""Item -> its low anchor and its high one."""


def answers(index: float, *, scatter: float = 0.05, seed: int = 4, wordings: int = 4) -> pd.DataFrame:
    """Numbers that follow the anchors of unlike items by `index` of their distance."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "item": item, "wording": f"w{w}", "condition": f"anchor={level}", "subject": None,
            "elicitation": "sample", "options": [], "probabilities": [],
            "value": low + (high - low) * (1.3 + index * side + scatter * rng.standard_t(4)),
        }
        for item, (low, high) in GAPS.items() for w in range(wordings) for level, side in (("high", 0.5), ("low", -0.5))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def levels(table: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    pairs = set(zip(table["item"], table["condition"], strict=True))
    return {(item, condition): {"anchor": _level(condition)} for item, condition in pairs}


def _level(condition: str) -> Any:
    text = condition.removeprefix("anchor=")
    return int(text) if text.isdigit() else text


def variables(table: pd.DataFrame) -> dict[tuple[str, str], dict[str, float]]:
    pairs = set(zip(table["item"], table["condition"], strict=True))
    return {pair: {"below": GAPS[pair[0]][0], "above": GAPS[pair[0]][1]} for pair in pairs}


def read(table: pd.DataFrame, planned: Contrast = OF_ITEMS) -> NumberData:
    (rows,) = by_condition(table, levels(table), planned).values()
    known = {} if planned.anchors is None else variables(table)
    found = contrast_numbers.number_data(rows, known, planned)
    assert found is not None
    return found


def test_numbers_are_read_as_fractions_of_the_distance_between_anchors() -> None:
    data = read(answers(0.5, scatter=0.0))
    assert data.value == pytest.approx(0.5 * data.side)
    assert data.scale == pytest.approx(np.mean([high - low for low, high in GAPS.values()]))
    turned = read(answers(0.5, scatter=0.0), Contrast("anchor", ("low", "high"), None, ("below", "above")))
    assert turned.value == pytest.approx(0.5 * turned.side)  # the index is the same whichever is named first
    assert turned.scale == -data.scale
    plain = read(answers(0.5, scatter=0.0)[lambda t: t["item"] == "tower"], PLAIN)
    assert plain.value == pytest.approx(2 * plain.side)
    assert plain.scale == pytest.approx(0.5 * 0.5 * 80)


def test_exact_distributions_count_with_their_means() -> None:
    table = answers(0.5)[lambda t: t["item"] == "tower"]
    exact = table.assign(
        elicitation="probability", value=None,
        options=[["0", "100"]] * len(table), probabilities=[[1 - v / 100, v / 100] for v in table["value"] / 2],
    )  # fmt: skip
    np.testing.assert_allclose(read(exact).value, read(table).value / 2)


def test_the_density_is_the_one_written_down() -> None:
    data = read(answers(0.4))
    given = contrast_numbers.arrays(data)
    given |= {name: np.zeros_like(value) for name, value in given.items() if name.startswith("centring_")}
    named = {"condition": ["all"], **{f"{name}_contrast": list(way.names[:-1]) for name, way in data.ways.items()}}
    model = contrast_numbers.build(data, given, named)
    density, own = model.compile_logp(mode=MODE), priors.document("contrast")["parameters"]
    widths = {"tilt": 0.5, "difference": own["between_indices"]["sd"]}
    rng = np.random.default_rng(3)
    for _ in range(3):
        point = {v.name: rng.normal(0, 0.7, np.shape(model.initial_point()[v.name])) for v in model.value_vars}
        around, prior = np.zeros(len(data.side)), 0.0
        for name, sd, x in (("tilt", 1.0, 1.0), ("difference", own["anchoring_index"]["sd"], data.side)):
            located, each = point[f"{name}_first"], np.zeros(len(data.side))
            for way in contrast_numbers.spreads(data)[name]:
                members, log_sd = data.ways[way], point[f"{name}_{way}_sd_log__"]
                each += (linalg.helmert(len(members.names)).T @ (np.exp(log_sd) * point[f"{name}_{way}_raw"]))[
                    members.index
                ]
                located = located - np.exp(log_sd) * point[f"{name}_{way}_mean"] / np.sqrt(len(members.names))
                prior += stats.halfnorm.logpdf(np.exp(log_sd), scale=widths[name]) + log_sd
                prior += stats.norm.logpdf(point[f"{name}_{way}_raw"]).sum()
                prior += stats.norm.logpdf(point[f"{name}_{way}_mean"])
            prior += stats.norm.logpdf(located, 0.0, sd)
            around += (point[f"{name}_first"] + each) * x
        prior += stats.halfnorm.logpdf(np.exp(point["residual_log__"])) + point["residual_log__"]
        sigma = own["scatter"]["floor"] + np.exp(point["residual_log__"])
        seen = stats.t.logpdf(data.value, df=4, loc=around, scale=sigma).sum()
        assert float(density(point)) == pytest.approx(seen + prior, rel=1e-9, abs=1e-7)


def estimated(table: pd.DataFrame, planned: Contrast, person_sd: float | None = None) -> dict[str, Entry]:
    asked = Asked(planned, "number", "percent", person_sd)
    found = contrast.entries(
        table, levels(table), asked, LABEL, seed=1, keep=lambda condition, posterior: None,
        variables={} if planned.anchors is None else variables(table),
    )  # fmt: skip
    return {entry["parameter"]: entry for entry in found}


def test_answers_without_any_variation_say_so() -> None:
    table = answers(0.0, scatter=0.0).assign(value=7.0)
    found = estimated(table, PLAIN)
    assert found["difference"]["mean"] is None
    assert "one and the same answer" in found["difference"]["why_not"]
    assert found["difference"]["unit"] == "percent"


SHIFTS = {
    "gpt-neo-125M": 8.25, "gpt2": 10.04, "phi-2": 6.65, "falcon-rw-1b": 19.23, "Llama-2-7b-hf": 23.05,
    "gemma-2b": 24.54,
}  # fmt: skip
"""Shift of the mean in points between anchors of 10 and 65, read off the same log-probabilities by averaging."""


def recorded_answers() -> dict[str, pd.DataFrame]:
    """Model -> its answers to one question in six wordings (Valencia-Clavijo 2025, arXiv:2511.05766, CC BY 4.0)."""
    recorded = pd.read_csv(real("recorded_models/anchoring_logprobs/anchoring_logprobs.csv.gz"))
    recorded = recorded[(recorded["set"] == "standard") & recorded["Anchor"].isin([10, 65])]
    tables = {}
    for model, some in recorded.groupby("model"):
        rows = []
        for (wording, anchor), one in some.groupby(["VariationID", "Anchor"]):
            weights = np.exp(one["LogProbFullPrompt"] - one["LogProbFullPrompt"].max())
            rows.append(
                {
                    "item": "share", "wording": f"w{wording}", "condition": f"anchor={anchor}", "subject": None,
                    "elicitation": "probability", "value": None, "options": [str(n) for n in one["TargetInt"]],
                    "probabilities": list(weights / weights.sum()),
                }
            )  # fmt: skip
        tables[str(model).split("_")[-1]] = pd.DataFrame(rows)
    return tables


@pytest.mark.real_data
def test_six_models_shift_with_the_anchor_as_was_computed_elsewhere() -> None:
    found = {}
    for model, table in recorded_answers().items():
        data = read(table, ANCHORED)
        found[model] = 55 * (data.value[data.side > 0].mean() - data.value[data.side < 0].mean())
    assert found == pytest.approx(SHIFTS, abs=0.01)


@pytest.mark.real_data
def test_recorded_models_follow_the_anchor_by_a_part_of_its_distance() -> None:
    tables = recorded_answers()
    found = {model: estimated(tables[model], ANCHORED, person_sd=20.0) for model in ("gpt-neo-125M", "gemma-2b")}
    for model, entries in found.items():
        low, high = entries["difference"]["interval"]
        assert low < SHIFTS[model] < high
        assert entries["anchoring_index"]["identified"]
        assert entries["anchoring_index"]["primary"]
        assert entries["anchoring_index"]["mean"] == pytest.approx(entries["difference"]["mean"] / 55)
        assert entries["d"]["mean"] == pytest.approx(entries["difference"]["mean"] / 20)
        assert "One item alone was asked" in " ".join(entries["difference"]["words"])
    weak, strong = (found[model]["anchoring_index"]["interval"] for model in found)
    assert 0.0 < weak[0] < weak[1] < strong[0] < strong[1] < 1.0
