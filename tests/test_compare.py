"""The comparison: simulated answers and recorded choices in, results.json out, people beside populations."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from recorded import real

from replicator import choices, compare, design, resources, runs, specification
from replicator.collect import collect
from replicator.engines import open_engine
from replicator.errors import DataError
from replicator.exchange import importing, mapping
from replicator.experiment import Experiment
from replicator.references import references
from replicator.store import AnswerStore

VALIDATOR = Draft202012Validator(resources.schema("results"))


@pytest.fixture(scope="module")
def lotteries() -> Experiment:
    return specification.find("holt-laury")


@pytest.fixture(scope="module")
def dictator() -> Experiment:
    return specification.find("dictator")


def ask(experiment: Experiment, folder: Path, *models: tuple[str, Mapping[str, str]]) -> pd.DataFrame:
    """Answers of simulated participants to the whole experiment, as `choices.parquet` has them."""
    engines = [open_engine(model, arguments, experiment=experiment) for model, arguments in models]
    with AnswerStore(folder / "answers.sqlite") as store:
        table = collect(experiment, engines, design.trials(experiment), store)
    choices.write(folder / "choices.parquet", table)
    flat = choices.read(folder / "choices.parquet")
    lists = choices.read(folder / "choices.parquet", ["outcomes", "options", "probabilities"])
    return flat.assign(**{str(name): lists[name] for name in lists})


def recorded(asked: pd.DataFrame, model: str, population: str, answers: Sequence[str], subjects: bool) -> pd.DataFrame:
    """Recorded answers to the first item and condition of a table."""
    template = asked.iloc[0]
    options = list(template["options"])
    return pd.DataFrame(
        [
            {
                **template,
                "model": model,
                "population": population,
                "subject": f"s{i}" if subjects else None,
                "wording": "recorded",
                "labels": "",
                "order": "",
                "elicitation": "recorded",
                "label_mass": None,
                "probabilities": np.array([float(option == answer) for option in options]),
            }
            for i, answer in enumerate(answers)
        ]
    )


def estimate(population: str, experiment: Experiment, **changes: Any) -> dict[str, Any]:
    """A sound estimate of the primary parameter, as the inference stage writes it."""
    primary = experiment.analysis.primary
    return {
        "population": population,
        "theory": primary.theory,
        "noise": primary.noise,
        "elicitation": "probability",
        "condition": "stakes=1",
        "parameter": primary.parameter,
        "symbol": "r",
        "unit": "",
        "estimand": "representative_agent",
        "sampling_unit": "wording",
        "pooling": "partial",
        "intercept": False,
        "mean": 0.4,
        "sd": 0.05,
        "interval": [0.3, 0.5],
        "interval_probability": 0.95,
        "prior_mean": 0.0,
        "prior_sd": 0.6,
        "contraction": 0.99,
        "identified": True,
        "why_not": None,
        "consistent_set": None,
        "primary": True,
        "diagnostics": {"passed": True},
        "words": ["Sound."],
    } | changes


def assemble(experiment: Experiment, frame: pd.DataFrame, estimates: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    results = compare.assemble(experiment, frame, estimates)
    VALIDATOR.validate(results)
    json.dumps(results, allow_nan=False)
    return results


def of(entries: Sequence[dict[str, Any]], **wanted: Any) -> list[dict[str, Any]]:
    return [entry for entry in entries if all(entry[key] == value for key, value in wanted.items())]


def one(entries: Sequence[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    found = of(entries, **wanted)
    assert len(found) == 1, found
    return found[0]


@pytest.fixture(scope="module")
def simulated(lotteries: Experiment, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return ask(
        lotteries,
        tmp_path_factory.mktemp("simulated"),
        ("participants:human", {}),
        ("participants:expected-value", {}),
        ("participants:always-first", {}),
        ("participants:uniform", {}),
    )


@pytest.fixture(scope="module")
def results(lotteries: Experiment, simulated: pd.DataFrame) -> dict[str, Any]:
    estimates = [
        estimate("participants:human", lotteries),
        estimate("participants:expected-value", lotteries, mean=0.0, interval=[-0.1, 0.1]),
    ]
    return assemble(lotteries, simulated, estimates)


def test_every_item_condition_and_option_has_one_share_a_population(
    results: dict[str, Any], lotteries: Experiment
) -> None:
    cells = {(row["population"], row["item"], row["condition"], row["option"]) for row in results["choices"]}
    assert len(cells) == len(results["choices"]) == 4 * 10 * 2 * 2
    assert not any(row["condition"] == "comprehension" for row in results["choices"])
    totals: dict[tuple[str, str, str], float] = {}
    for row in results["choices"]:
        key = (row["population"], row["item"], row["condition"])
        totals[key] = totals.get(key, 0.0) + row["share"]
    assert all(total == pytest.approx(1.0) for total in totals.values())


def test_published_shares_stand_only_at_the_condition_they_speak_of(results: dict[str, Any]) -> None:
    published = references()["hl_safe_byrow"]
    assert published.items is not None
    row = one(
        results["choices"],
        population="participants:expected-value",
        item="row-5",
        condition="stakes=1",
        option="safe",
    )
    assert row["human_share"] == published.items["row-5"]["safe"]
    assert (row["reference"], row["human_n"]) == ("hl_safe_byrow", published.n_participants)
    other = {**{key: row[key] for key in ("population", "item", "option")}, "condition": "stakes=20"}
    elsewhere = one(results["choices"], **other)
    assert elsewhere["reference"] == "population:participants:human"
    # Simulated people have no number of persons.
    assert elsewhere["human_n"] is None


def test_nobody_stands_beside_themselves(results: dict[str, Any]) -> None:
    for row in of(results["choices"], population="participants:human"):
        assert row["reference"] in (None, "hl_safe_byrow")


def test_always_first_is_a_bias_and_not_a_preference(results: dict[str, Any]) -> None:
    first = one(results["populations"], name="participants:always-first")
    assert first["position_bias"]["estimate"] == pytest.approx(0.5)
    assert "comprehension-failed" in first["limits"]
    value = one(results["populations"], name="participants:expected-value")
    assert value["position_bias"]["estimate"] == pytest.approx(0.0)
    assert value["comprehension"]["correct_share"] == 1.0
    for row in of(results["choices"], population="participants:always-first"):
        assert row["share"] == pytest.approx(0.5)


def test_scores_rank_simulated_people_nearer_than_uniform_choice(results: dict[str, Any]) -> None:
    near, value, uniform = (
        one(results["fidelity"], population=f"participants:{name}", score="total_variation")["value"]
        for name in ("human", "expected-value", "uniform")
    )
    assert near < value < uniform
    row = one(results["fidelity"], population="participants:uniform", score="total_variation")
    assert row["baselines"]["uniform"] == pytest.approx(row["value"])
    assert one(results["fidelity"], population="participants:uniform", score="simbench")["value"] == pytest.approx(0.0)


def test_a_score_that_is_infinite_is_null(results: dict[str, Any]) -> None:
    """A maximiser never chooses what some people choose: their relative entropy to it has no finite value."""
    assert one(results["fidelity"], population="participants:expected-value", score="kl")["value"] is None


def test_a_perfect_copy_of_people_scores_at_the_ceiling_not_beyond_reach(
    lotteries: Experiment, simulated: pd.DataFrame
) -> None:
    published = references()["hl_safe_byrow"]
    assert published.items is not None
    copy = simulated[(simulated["model"] == "participants:uniform") & (simulated["condition"] == "stakes=1")].copy()
    copy["probabilities"] = [
        np.array([published.items[item]["safe"], published.items[item]["risky"]]) for item in copy["item"]
    ]
    found = assemble(lotteries, copy)["fidelity"]
    assert one(found, score="simbench")["value"] == pytest.approx(100.0)
    assert one(found, score="total_variation")["value"] == pytest.approx(0.0, abs=1e-9)
    ceiling = one(found, score="simbench")["ceiling"]
    assert 95.0 < ceiling < 100.0


def test_like_meets_like_in_the_same_results(results: dict[str, Any]) -> None:
    human = one(results["estimates"], population="participants:expected-value")["human"]
    beside = one(human, reference="population:participants:human")
    assert beside["available"]
    assert beside["difference"]["mean"] == pytest.approx(-0.4)
    assert beside["difference"]["interval"] == pytest.approx([-0.4 - 0.1386, -0.4 + 0.1386], abs=1e-3)
    assert (beside["status"], beside["spread_basis"]) == ("simulated", "judgement")
    typical = of(human, reference="hl_crra_bin")
    assert [entry["question"] for entry in typical] == ["mean", "study", "person"]
    assert not any(entry["available"] for entry in typical)
    assert all("import" in entry["why_not"] for entry in typical)


def test_the_people_simulated_from_references_are_not_compared_with_themselves(
    results: dict[str, Any],
) -> None:
    human = one(results["estimates"], population="participants:human")["human"]
    assert not of(human, reference="population:participants:human")


def test_few_wordings_and_faint_answers_limit_what_may_be_concluded(
    lotteries: Experiment, simulated: pd.DataFrame
) -> None:
    model = simulated[simulated["model"] == "participants:uniform"].assign(model="m", population="model")
    few = model[model["wording"].isin(model["wording"].unique()[:3])].assign(label_mass=0.3)
    found = assemble(lotteries, few, [estimate("m", lotteries)])
    entry = found["populations"][0]
    assert {"wording-limited", "low-label-mass", "answers-excluded"} <= set(entry["limits"])
    assert all(row["share"] is None and row["interval"] is None for row in found["choices"])
    assert found["excluded"][0]["answers"] == found["excluded"][0]["of"] > 0
    assert found["fidelity"] == []
    assert not any(entry["available"] for entry in found["estimates"][0]["human"])


def test_refusals_withhold_the_verdict_and_show_bounds(lotteries: Experiment, simulated: pd.DataFrame) -> None:
    model = simulated[simulated["model"] == "participants:uniform"].assign(model="m", population="model")
    refused = model["wording"].isin(model["wording"].unique()[:3])
    model["status"] = model["status"].where(~refused, "refusal")
    model["probabilities"] = model["probabilities"].where(~refused, None)
    found = assemble(lotteries, model, [estimate("m", lotteries)])
    assert found["populations"][0]["valid_share"] == pytest.approx(0.7)
    assert "low-valid-share" in found["populations"][0]["limits"]
    assert found["choices"][0]["bounds"] == pytest.approx([0.35, 0.65])
    assert all("valid" in entry["why_not"] for entry in found["estimates"][0]["human"])


@pytest.fixture(scope="module")
def giving(dictator: Experiment, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return ask(dictator, tmp_path_factory.mktemp("giving"), ("participants:human", {}))


def test_a_long_grid_lists_what_was_given_and_its_ends(dictator: Experiment, giving: pd.DataFrame) -> None:
    found = assemble(dictator, giving)
    item = found["items"][0]
    rows = of(found["choices"], item=item["item"], condition=item["condition"])
    listed = {row["option"] for row in rows}
    assert {item["options"][0], item["options"][-1]} <= listed
    if len(item["options"]) > compare.LONG_GRID:
        assert all(
            row["share"] > compare.RARE
            for row in rows
            if row["option"] not in (item["options"][0], item["options"][-1])
        )
    gift = one(found["amounts"], item=item["item"], condition=item["condition"])
    mean = sum(float(row["option"]) * row["share"] for row in rows)
    assert gift["mean"] == pytest.approx(mean, rel=0.01)
    assert found["populations"][0]["position_bias"] is None


def test_people_and_a_model_recorded_apart_stand_side_by_side(dictator: Experiment, giving: pd.DataFrame) -> None:
    half = str(giving["options"].iloc[0][len(giving["options"].iloc[0]) // 2])
    model = assemble(dictator, recorded(giving, "GPT-4", "model", [half] * 30, subjects=False))
    entry = model["populations"][0]
    assert entry["no_variation"] == {"option": half, "n": 30, "bound": pytest.approx(0.095, abs=5e-4)}
    assert {"recorded", "wording-limited", "no-variation"} <= set(entry["limits"])
    assert one(model["choices"], option=half)["interval"][0] == pytest.approx(0.905, abs=5e-4)

    gifts = ["0"] * 40 + [half] * 60
    folk = assemble(dictator, recorded(giving, "people", "human", gifts, subjects=True))
    both = compare.beside([model, folk])
    VALIDATOR.validate(both)
    rows = {row["option"]: row for row in of(both["choices"], population="GPT-4")}
    assert rows[half]["human_share"] == pytest.approx(0.6)
    # What people gave and the model never did comes back into the model's rows.
    assert (rows["0"]["share"], rows["0"]["human_share"]) == (0.0, pytest.approx(0.4))
    assert rows["0"]["human_n"] == 100
    assert all(row["reference"] is None for row in of(both["choices"], population="people"))
    score = one(both["fidelity"], population="GPT-4", score="total_variation")
    assert score["value"] == pytest.approx(0.4)
    assert score["interval"] is None  # one item cannot be resampled
    assert score["ceiling"] is not None
    earth = one(both["fidelity"], population="GPT-4", score="earth_movers")
    assert earth["value"] == pytest.approx(0.2)  # two fifths of people are half the endowment away


def test_people_of_another_run_become_the_reference_of_an_estimate(
    lotteries: Experiment, simulated: pd.DataFrame
) -> None:
    model = assemble(
        lotteries,
        simulated[simulated["model"] == "participants:expected-value"].assign(model="m", population="model"),
        [estimate("m", lotteries)],
    )
    humans = simulated[simulated["model"] == "participants:human"].assign(model="lab", population="human")
    made = {"elicitation": "recorded", "sampling_unit": "person"}
    folk = assemble(
        lotteries,
        humans,
        [
            estimate("lab", lotteries, **made, estimand="typical_person", mean=0.9),
            estimate("lab", lotteries, **made, pooling="complete", mean=0.45),
        ],
    )
    both = compare.beside([model, folk])
    VALIDATOR.validate(both)
    entry = one(one(both["estimates"], population="m")["human"], reference="population:lab")
    assert entry["available"]
    assert entry["value"] == 0.45  # the pooled estimate, never the typical person's
    assert (entry["status"], entry["spread_basis"]) == ("recorded", "data")


def test_runs_side_by_side_say_what_one_run_of_all_would(lotteries: Experiment, simulated: pd.DataFrame) -> None:
    value = simulated[simulated["model"] == "participants:expected-value"]
    human = simulated[simulated["model"] == "participants:human"]
    estimates = [
        estimate("participants:expected-value", lotteries),
        estimate("participants:human", lotteries),
    ]
    apart = [assemble(lotteries, value, estimates[:1]), assemble(lotteries, human, estimates[1:])]
    together = assemble(lotteries, pd.concat([value, human]), estimates)
    assert compare.beside(apart) == together
    assert compare.beside([together]) == together


def test_recorded_people_take_the_place_of_simulated_ones(lotteries: Experiment, simulated: pd.DataFrame) -> None:
    names = ["participants:human", "participants:uniform"]
    run = assemble(lotteries, simulated[simulated["model"].isin(names)], [estimate(names[1], lotteries)])
    at = {"population": names[1], "item": "row-5", "condition": "stakes=20", "option": "safe"}
    assert one(run["choices"], **at)["reference"] == "population:participants:human"
    lab = simulated[simulated["model"] == names[0]].assign(model="lab", population="human")
    folk = assemble(lotteries, lab, [estimate("lab", lotteries)])
    both = compare.beside([run, folk])
    assert one(both["choices"], **at)["reference"] == "population:lab"
    assert not of(both["choices"], population="lab", reference="population:participants:human")


def test_only_a_typical_person_to_meet_means_no_comparison(lotteries: Experiment, simulated: pd.DataFrame) -> None:
    frame = pd.concat(
        [
            simulated[simulated["model"] == "participants:expected-value"].assign(model="m", population="model"),
            simulated[simulated["model"] == "participants:human"].assign(model="lab", population="human"),
        ]
    )
    found = assemble(
        lotteries, frame, [estimate("m", lotteries), estimate("lab", lotteries, estimand="typical_person")]
    )
    entry = one(one(found["estimates"], population="m")["human"], reference="population:lab")
    assert not entry["available"]
    assert "pooled" in entry["why_not"]


def test_one_name_in_two_runs_stays_two_populations(lotteries: Experiment, simulated: pd.DataFrame) -> None:
    results = assemble(lotteries, simulated, [estimate("participants:human", lotteries)])
    both = compare.beside([results, results])
    VALIDATOR.validate(both)
    names = [population["name"] for population in both["populations"]]
    assert len(set(names)) == len(names) == 8
    assert "participants:human [2]" in names
    assert {row["population"] for row in both["choices"]} == set(names)
    assert all(math.isclose(a["mean"], b["mean"]) for a, b in zip(*[both["estimates"]] * 2, strict=True))


def test_runs_of_different_experiments_cannot_stand_side_by_side(
    lotteries: Experiment, dictator: Experiment, simulated: pd.DataFrame, giving: pd.DataFrame
) -> None:
    with pytest.raises(DataError, match="different experiments"):
        compare.beside([assemble(lotteries, simulated), assemble(dictator, giving)])


def test_a_run_folder_is_compared_and_written_whole(lotteries: Experiment, tmp_path: Path) -> None:
    asked = runs.request(lotteries, populations=["participants:expected-value"])
    run = runs.create_or_resume(tmp_path / "run", runs.new_manifest(lotteries, asked, command=["replicator"]))
    engine = open_engine("participants:expected-value", {}, experiment=lotteries)
    with AnswerStore(tmp_path / "answers.sqlite") as store:
        table = collect(lotteries, [engine], design.trials(lotteries), store)
    choices.write(run.choices, table)
    run = runs.finish(run, [runs.population(engine)], choices.counts(table))
    with pytest.raises(DataError, match="estimate"):
        compare.compare(run)
    run.posteriors.mkdir()
    run.estimates.write_text(
        json.dumps({"schema": 1, "estimates": [estimate("participants:expected-value", lotteries)]})
    )
    results = compare.compare(run)
    VALIDATOR.validate(results)
    assert json.loads(run.results.read_text()) == results
    assert results["populations"][0]["description"] == engine.facts["description"]
    assert results["estimates"][0]["words"] == ["Sound."]


@pytest.mark.real_data
def test_gpt4_beside_the_people_of_moblab(dictator: Experiment, tmp_path: Path) -> None:
    """People give 25.86 of 100; GPT-4 gave half in 30 of 30, farther from them than uniform choice is."""
    people = recording(
        dictator,
        tmp_path / "people.parquet",
        real("human/moblab/dictator.csv"),
        mapping.read_options(
            map=["subject=UserID", "value=move"],
            where="Role == 'first' and Round == 1 and Total == 100 and move >= 0 and move <= 100",
        ),
    )
    model = recording(
        dictator,
        tmp_path / "model.parquet",
        real("recorded_models/chatgpt_behavioral/mei2024_trials.csv"),
        mapping.read_options(
            map=["value=value"],
            where="game == 'dictator' and file == 'dictator_gpt4_2023_04_05-04_34_28_AM.json'",
            population="model",
            model="GPT-4",
        ),
    )
    assert (people["amounts"][0]["mean"], people["amounts"][0]["n"]) == (
        pytest.approx(25.86, abs=0.005),
        10335,
    )
    assert model["populations"][0]["no_variation"]["n"] == 30
    both = compare.beside([model, people])
    VALIDATOR.validate(both)
    score = one(both["fidelity"], population="GPT-4", score="simbench")
    assert score["value"] < score["baselines"]["uniform"] == pytest.approx(0.0)
    half = one(both["choices"], population="GPT-4", option="50")
    assert half["human_share"] == pytest.approx(0.194, abs=5e-4)


def recording(experiment: Experiment, table: Path, file: Path, columns: mapping.Mapping) -> dict[str, Any]:
    """Results of a file of recorded choices."""
    choices.write(table, importing.import_choices(file, experiment, columns))
    flat, lists = choices.read(table), choices.read(table, ["options", "probabilities"])
    return assemble(experiment, flat.assign(options=lists["options"], probabilities=lists["probabilities"]))
