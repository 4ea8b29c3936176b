"""From questions to estimates: what was put in comes out, and what cannot be known is not claimed.

Every run here goes the whole way: experiment, trials, simulated participants or recorded choices, table, fit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from recorded import real
from watchers import Silent

from replicator import choices, pipeline, references, resources, specification, theories
from replicator.engines.simulated import choice_probabilities, draw_people
from replicator.exchange.importing import import_run
from replicator.exchange.mapping import read_options
from replicator.experiment import Experiment
from replicator.inference import posterior, sampling
from replicator.inference.data import COLUMNS, ChoiceData, choice_data, from_shares
from replicator.inference.estimate import estimate_run
from replicator.inference.structure import Structure, structure
from replicator.runs import Run
from replicator.shares import usable

TOM_MEDIAN = 1.937
"""Median over people of a logit of acceptance with an intercept, each person alone, in the data of Tom et al. 2007
(doi:10.1126/science.1134239), who publish 1.93."""
TOM_LINEAR = (1.75, 2.15)
"""Around the 1.9 to 2.0 that linear utility gives in the same data under several estimators (hBayesDM, PyMC)."""
MOBLAB_MEAN = 0.2586
"""Mean share of 13,232 first-round gifts of 10,335 people out of 100 (Mei et al. 2024, doi:10.1073/pnas.2313925121)."""
ENGEL_MEAN = 0.2835
"""Mean share given in 616 treatments of the dictator game (Engel 2011, doi:10.1007/s10683-011-9283-7)."""
THIRTY_ALIKE = 0.095
"""1 - .05^(1/30): after 30 answers alike, the largest share of others that is still rejected by less than 5%."""
MANY = 100_000
"""People drawn separately."""

RISK = {"theory": "crra", "noise": "contextual", "parameter": "risk_aversion", "rope": 0.1}
LOSS = {"theory": "loss-aversion", "noise": "contextual", "parameter": "loss_aversion", "rope": 0.1}
LOSS_IN_MONEY = {**LOSS, "noise": "logit"}

SEEKER = "participants:crra(r=-0.4,noise=8)"
BIASED = "participants:crra(r=-0.4,noise=8,lapse=.02,position=.5)"
HUMAN = "participants:human"

Entry = dict[str, Any]
Fits = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Estimated:
    run: Run
    entries: list[Entry]

    def one(self, population: str, parameter: str, **wanted: Any) -> Entry:
        (entry,) = self.all(population, parameter, **wanted)
        return entry

    def all(self, population: str, parameter: str, **wanted: Any) -> list[Entry]:
        keys = {"population": population, "parameter": parameter, **wanted}
        return [e for e in self.entries if all(e[name] == value for name, value in keys.items())]

    @property
    def posteriors(self) -> list[str]:
        return [path.name for path in self.run.posteriors.glob("*.nc")]


def planned(folder: Path, name: str, fits: Fits, humans: Sequence[str]) -> Experiment:
    """A shipped experiment with another plan of fits, the first of which is primary, and other references."""
    document = json.loads(resources.experiment_files()[name].read_text(encoding="utf-8"))
    document["analysis"] |= {"primary": fits[0], "also": list(fits[1:])}
    document["humans"] = list(humans)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return specification.load(path)


def asked(
    experiment: Experiment,
    folder: Path,
    *models: tuple[str, Mapping[str, str]],
    **levels: Sequence[Any],
) -> Estimated:
    """What simulated participants answer to an experiment, estimated."""
    requests = tuple(pipeline.ModelRequest(model, arguments) for model, arguments in models)
    run = pipeline.collect_choices(pipeline.Request(experiment, requests, levels), folder, Silent())
    return Estimated(run, estimate_run(run))


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPLICATOR_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        sampling._compiled.clear()  # what other tests compiled
        yield


def assert_recovered(entry: Entry, truth: float) -> None:
    """Inside its 95% interval, and known three times as well as before: the issue's words for recovery."""
    low, high = entry["interval"]
    assert low <= truth <= high, (truth, entry["mean"], entry["interval"])
    assert entry["sd"] <= entry["prior_sd"] / 3
    assert entry["identified"]
    assert entry["why_not"] is None
    assert entry["diagnostics"]["passed"]
    assert entry["estimand"] == "representative_agent"


# Lotteries


@pytest.fixture(scope="module")
def lotteries(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return planned(tmp_path_factory.mktemp("lotteries"), "holt-laury", [RISK], ["hl_crra_bin"])


@pytest.fixture(scope="module")
def lottery_choices(lotteries: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Estimated:
    return asked(
        lotteries,
        tmp_path_factory.mktemp("lotteries") / "run",
        ("participants:crra", {"r": "-0.4", "noise": "8"}),
        ("participants:crra", {"r": "-0.4", "noise": "8", "lapse": ".02", "position": ".5"}),
        (HUMAN, {}),
        ("participants:uniform", {}),
        ("participants:always-first", {}),
        ("participants:expected-value", {}),
        stakes=[1],
    )


@pytest.mark.parametrize("population", [SEEKER, BIASED])
def test_risk_aversion_far_from_the_prior_is_recovered(lottery_choices: Estimated, population: str) -> None:
    entry = lottery_choices.one(population, "risk_aversion")
    assert_recovered(entry, -0.4)
    assert entry["primary"]
    assert entry["sampling_unit"] == "wording"
    assert entry["condition"] == "stakes=1"


def test_lapses_and_position_are_told_from_preference(lottery_choices: Estimated) -> None:
    for population, lapse, position in ((BIASED, 0.02, 0.5), (SEEKER, 0.0, 0.0)):
        assert lottery_choices.one(population, "lapse")["mean"] == pytest.approx(lapse, abs=0.003)
        assert lottery_choices.one(population, "position_effect")["mean"] == pytest.approx(position, abs=0.02)
        assert lottery_choices.one(population, "sensitivity")["mean"] == pytest.approx(8.0, abs=0.2)


@pytest.mark.parametrize(
    ("risk_aversion", "wording_sd"), [(0.7, 0.2), pytest.param(0.3, 0.5, marks=pytest.mark.validate)]
)
def test_wordings_that_differ_widen_the_interval_and_not_break_it(
    lotteries: Experiment, tmp_path: Path, risk_aversion: float, wording_sd: float
) -> None:
    """A wording that tilts the log odds gives another r; ten of them leave their mean uncertain."""
    arguments = {"r": str(risk_aversion), "noise": "12", "wording_sd": str(wording_sd)}
    (entry,) = (e for e in asked(lotteries, tmp_path / "run", ("participants:crra", arguments), stakes=[1]).entries
                if e["parameter"] == "risk_aversion")  # fmt: skip
    assert_recovered(entry, risk_aversion)
    assert entry["sd"] > 0.01


def test_a_population_whose_items_and_wordings_both_vary_passes_its_diagnostics(
    lotteries: Experiment, tmp_path: Path
) -> None:
    """No one agent chooses like a mixture of people, so the items leave the curve while the wordings move it."""
    found = asked(lotteries, tmp_path / "run", (HUMAN, {"wording_sd": ".3"}), stakes=[1])
    (entry,) = (e for e in found.entries if e["parameter"] == "risk_aversion" and e["population"].startswith(HUMAN))
    assert entry["diagnostics"]["passed"], entry["diagnostics"]
    assert entry["identified"]
    assert 0.3 < entry["mean"] < 0.65


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("uniform", 'Every question gives the same shares ("safe" 50%, "risky" 50%)'),
        ("always-first", "It answers by displayed position"),
        ("expected-value", "Its choices are deterministic"),
    ],
)
def test_who_shows_no_preference_gets_no_estimate(lottery_choices: Estimated, model: str, words: str) -> None:
    entry = lottery_choices.one(f"participants:{model}", "risk_aversion")
    assert not entry["identified"]
    assert (entry["mean"], entry["sd"], entry["interval"]) == (None, None, None)
    assert entry["why_not"].startswith(words)
    assert not [name for name in lottery_choices.posteriors if model in name]


def test_the_expected_value_maximiser_is_known_up_to_a_set(lottery_choices: Estimated) -> None:
    """Four safe choices: -0.15 < r < 0.15 in table 3 of Holt & Laury 2002."""
    entry = lottery_choices.one("participants:expected-value", "risk_aversion")
    assert entry["consistent_set"] == pytest.approx([-0.15, 0.15], abs=0.01)
    assert entry["rationality_rate"] == 1.0
    for other in ("uniform", "always-first"):
        assert lottery_choices.one(f"participants:{other}", "risk_aversion")["consistent_set"] is None


def test_only_what_was_fitted_has_a_posterior(lottery_choices: Estimated) -> None:
    assert len(lottery_choices.posteriors) == 3


def test_finished_fits_are_taken_over_and_only_a_lost_one_is_made_again(lottery_choices: Estimated) -> None:
    folder = lottery_choices.run.posteriors
    made = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.nc")}
    assert len(made) == 3
    lost = next(path for path in folder.glob("*.nc") if "human" in path.name)
    lost.unlink()
    (folder / "left-by-another-plan.nc").touch()
    assert estimate_run(lottery_choices.run) == lottery_choices.entries
    again = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.nc")}
    assert {name for name in made if again[name] != made[name]} == {lost.name}
    assert set(again) == set(made)


# People without personas, against people drawn separately


@pytest.fixture(scope="module")
def separate_shares(lotteries: Experiment) -> dict[str, dict[str, float]]:
    """Item -> shares among people drawn at random, each of whom chooses once."""
    population = references.population(lotteries.name)
    assert population is not None
    people = draw_people(population, MANY, seed=11)
    rng, options = np.random.default_rng(12), lotteries.option_names({})
    shares = {}
    for item in lotteries.items:
        outcomes = lotteries.outcomes({"stakes": 1, **item.variables})
        theory = theories.get(population.theory)
        each = choice_probabilities(theory, people, outcomes, options, lapse=population.lapse)
        first = float((rng.random(MANY) < each[:, 0]).mean())
        shares[item.id] = dict(zip(options, (first, 1.0 - first), strict=True))
    return shares


def risk_aversion(data: ChoiceData) -> tuple[float, float]:
    """Posterior mean and sd of one agent."""
    found = posterior.of_choices(structure("crra", "contextual", data, intercept=False), data, seed=0)
    assert found.diagnostics.passed
    draws = found.natural["risk_aversion"]
    return float(draws.mean()), float(draws.std(ddof=1))


def assert_agrees(entry: Entry, mean: float, sd: float) -> None:
    apart = abs(entry["mean"] - mean)
    assert apart < 4 * np.hypot(entry["sd"], sd)
    assert apart < 0.03


def test_a_copy_of_people_is_the_agent_of_their_shares(
    lottery_choices: Estimated, separate_shares: dict[str, dict[str, float]]
) -> None:
    """The same estimator reads exact answers of the copy, and shares of people drawn separately in their place."""
    table = choices.read(lottery_choices.run.choices, [*COLUMNS])
    table = usable(table[table["model"] == HUMAN]).reset_index(drop=True)
    shares = [np.array([separate_shares[item][o] for o in names]) for item, names in zip(
        table["item"], table["options"], strict=True
    )]  # fmt: skip
    cells = {
        (row["item"], row["condition"]): row["outcomes"]
        for row in choices.cells(lottery_choices.run.choices).to_dict("records")
    }
    separate = choice_data(table.assign(probabilities=pd.Series(shares)), cells, "wording")
    copy = lottery_choices.one(HUMAN, "risk_aversion")
    assert copy["estimand"] == "representative_agent"
    assert_agrees(copy, *risk_aversion(separate))


def test_a_copy_of_people_agrees_with_people_pooled_to_shares(
    lotteries: Experiment, lottery_choices: Estimated, separate_shares: dict[str, dict[str, float]]
) -> None:
    pooled = from_shares(lotteries, separate_shares, MANY, {"stakes": 1}, "stakes=1")
    assert_agrees(lottery_choices.one(HUMAN, "risk_aversion"), *risk_aversion(pooled))


# The same again


@pytest.fixture(scope="module")
def twice(lotteries: Experiment, tmp_path_factory: pytest.TempPathFactory) -> tuple[Estimated, Estimated]:
    folder = tmp_path_factory.mktemp("twice")
    model = ("participants:crra", {"r": "0.3", "noise": "10"})
    first, second = (asked(lotteries, folder / name, model, stakes=[1]) for name in ("first", "second"))
    return first, second


def test_one_seed_gives_one_result(twice: tuple[Estimated, Estimated]) -> None:
    first, second = (estimated.run.estimates.read_bytes() for estimated in twice)
    assert first == second
    kept = json.loads(first)
    assert kept["schema"] == 1
    assert kept["estimates"] == twice[0].entries
    assert {fit["population"] for fit in kept["fits"]} >= {"participants:crra(r=0.3,noise=10)"}


def test_other_answers_to_the_same_questions_need_no_new_compilation(
    lottery_choices: Estimated, twice: tuple[Estimated, Estimated]
) -> None:
    """Four populations answered the ten lotteries, and one compiled model served them all."""
    entries = [entry for made in (lottery_choices, *twice) for entry in made.entries]
    assert len({entry["population"] for entry in entries if entry["diagnostics"]}) == 4
    shapes = [key[0] for key in sampling._compiled if isinstance(key, tuple) and isinstance(key[0], Structure)]
    exact = [shape for shape in shapes if shape.theory == "crra" and shape.likelihood == "probabilities"]
    assert len(exact) == 1


# Mixed gambles


@pytest.fixture(scope="module")
def gamble_choices(tmp_path_factory: pytest.TempPathFactory) -> Estimated:
    """Under the plan's primary fit and under the noise that the participants have, each once."""
    folder = tmp_path_factory.mktemp("gambles")
    primary = specification.find("mixed-gambles").analysis.document["primary"]
    fits = [primary] if primary["noise"] == "contextual" else [primary, LOSS]
    experiment = planned(folder, "mixed-gambles", fits, ["tom07"])
    one_label_set = replace(experiment, presentation=replace(experiment.presentation, labels=(("A", "B"),)))
    return asked(
        one_label_set,
        folder / "run",
        ("participants:loss-aversion", {"lambda": "3", "noise": "8"}),
        ("participants:expected-value", {}),
        ("participants:always-first", {}),
    )


@pytest.mark.parametrize("wanted", [{"primary": True}, {"noise": "contextual"}], ids=["primary", "contextual"])
def test_loss_aversion_far_from_the_prior_is_recovered(gamble_choices: Estimated, wanted: dict[str, Any]) -> None:
    entry = gamble_choices.one("participants:loss-aversion(lambda=3,noise=8)", "loss_aversion", **wanted)
    assert_recovered(entry, 3.0)


def test_gambles_show_nothing_of_who_does_not_weigh_them(gamble_choices: Estimated) -> None:
    for entry in gamble_choices.all("participants:expected-value", "loss_aversion"):
        low, high = entry["consistent_set"]
        assert low < 1.0 < high
        assert entry["why_not"].startswith("Its choices are deterministic")
    for entry in gamble_choices.all("participants:always-first", "loss_aversion"):
        assert entry["why_not"].startswith("It answers by displayed position")
        assert not entry["identified"]


# Dictators


@pytest.fixture(scope="module")
def given_by_people(tmp_path_factory: pytest.TempPathFactory) -> Estimated:
    return asked(specification.find("dictator"), tmp_path_factory.mktemp("dictator") / "run", (HUMAN, {}))


def test_simulated_people_give_what_the_meta_analysis_says(given_by_people: Estimated) -> None:
    entry = given_by_people.one(HUMAN, "mean_share")
    assert entry["mean"] == pytest.approx(ENGEL_MEAN, abs=0.02)
    assert entry["identified"]
    assert entry["primary"]
    assert entry["diagnostics"]["passed"]
    assert entry["estimand"] == "representative_agent"


def test_thirty_answers_alike_bound_what_others_may_be(tmp_path: Path) -> None:
    file = tmp_path / "gifts.csv"
    file.write_text("gift\n" + "50\n" * 30, encoding="utf-8")
    mapping = read_options(map=["value=gift"], population="model", model="half")
    run = import_run(file, specification.find("dictator"), mapping, tmp_path / "run")
    estimated = Estimated(run, estimate_run(run))
    assert_no_variation(estimated, "half")


def assert_no_variation(estimated: Estimated, population: str) -> None:
    """Half in 30 of 30."""
    entry = estimated.one(population, "mean_share")
    assert not entry["identified"]
    assert entry["mean"] is None
    assert entry["why_not"].startswith("No variation in 30: every answer gives 50%.")
    assert "9.5%" in entry["why_not"]
    bound = THIRTY_ALIKE
    assert entry["consistent_set"] == pytest.approx([0.5 * (1 - bound), 0.5 * (1 - bound) + bound], abs=5e-4)
    assert estimated.one(population, "p_half")["consistent_set"] == pytest.approx([1 - bound, 1.0], abs=5e-4)
    assert estimated.posteriors == []


# Real choices


@pytest.fixture(scope="module")
def tom(tmp_path_factory: pytest.TempPathFactory) -> Estimated:
    return people_of_tom_2007(tmp_path_factory.mktemp("tom"), LOSS_IN_MONEY)


@pytest.fixture(scope="module")
def tom_in_contextual_utility(tmp_path_factory: pytest.TempPathFactory) -> Estimated:
    return people_of_tom_2007(tmp_path_factory.mktemp("tom"), LOSS)


def people_of_tom_2007(folder: Path, fit: Mapping[str, Any]) -> Estimated:
    file = real("human/tom2007_mixed_gambles/tom2007_choices.csv")
    mapping = read_options(
        map=["subject=participant_id", "stimulus.gain=gain", "stimulus.loss=loss", "value=accept"],
        values=["1=accept,0=reject"],
        model="people",
    )
    experiment = planned(folder, "mixed-gambles", [fit], ["tom07"])
    run = import_run(file, experiment, mapping, folder / "run")
    return Estimated(run, estimate_run(run))


@pytest.mark.real_data
def test_tom_2007_person_by_person(tom: Estimated) -> None:
    entry = tom.one("people", "loss_aversion", pooling="none")
    assert entry["mean"] == pytest.approx(TOM_MEDIAN, abs=0.01)
    assert (entry["noise"], entry["intercept"], entry["estimand"]) == ("logit", True, "typical_person")
    assert entry["sampling_unit"] == "person"
    assert entry["diagnostics"] is None
    assert entry["range"] == pytest.approx([0.99, 6.75], abs=0.006)


@pytest.mark.real_data
def test_tom_2007_typical_person(tom: Estimated) -> None:
    assert_typical_of_tom_2007(tom, "logit", intercept=True)


@pytest.mark.real_data
@pytest.mark.validate
def test_tom_2007_typical_person_in_contextual_utility(tom_in_contextual_utility: Estimated) -> None:
    assert_typical_of_tom_2007(tom_in_contextual_utility, "contextual", intercept=False)


def assert_typical_of_tom_2007(tom: Estimated, noise: str, *, intercept: bool) -> None:
    entry = tom.one("people", "loss_aversion", pooling="partial", noise=noise)
    assert TOM_LINEAR[0] <= entry["mean"] <= TOM_LINEAR[1]
    assert entry["identified"]
    assert entry["diagnostics"]["passed"]
    assert (entry["intercept"], entry["estimand"], entry["sampling_unit"]) == (intercept, "typical_person", "person")
    assert entry["person_sd"] > 0.3
    pooled = tom.one("people", "loss_aversion", pooling="complete", noise=noise)
    assert pooled["estimand"] == "representative_agent"


@pytest.fixture(scope="module")
def moblab(tmp_path_factory: pytest.TempPathFactory) -> Estimated:
    file = real("human/moblab/dictator.csv")
    mapping = read_options(
        map=["subject=UserID", "value=move"],
        where="Role == 'first' and Round == 1 and Total == 100 and move >= 0 and move <= 100",
        model="people",
    )
    run = import_run(file, specification.find("dictator"), mapping, tmp_path_factory.mktemp("moblab") / "run")
    return Estimated(run, estimate_run(run))


@pytest.mark.real_data
def test_moblab_as_shares_and_as_persons(moblab: Estimated) -> None:
    shares = moblab.one("people", "mean_share", estimand="representative_agent")
    assert shares["mean"] == pytest.approx(MOBLAB_MEAN, abs=0.002)
    assert shares["interval"][0] < MOBLAB_MEAN < shares["interval"][1]
    assert shares["sampling_unit"] == "gift"
    person = moblab.one("people", "mean_share", estimand="typical_person")
    assert person["sampling_unit"] == "person"
    gifts = choices.read(moblab.run.choices)
    each = gifts.groupby("subject")["value"].mean() / 100
    assert person["mean"] == pytest.approx(each.mean(), abs=0.002)
    assert person["person_sd"] == pytest.approx(each.std(), abs=1e-6)
    for entry in (shares, person):
        assert entry["identified"]
        assert entry["diagnostics"]["passed"]


@pytest.mark.real_data
def test_gpt_4_gives_half_without_variation(tmp_path: Path) -> None:
    file = real("recorded_models/chatgpt_behavioral/mei2024_trials.csv")
    mapping = read_options(
        map=["value=value"], where="file == 'dictator_gpt4_2023_04_05-04_34_28_AM.json'", population="model",
        model="gpt-4-0314",
    )  # fmt: skip
    run = import_run(file, specification.find("dictator"), mapping, tmp_path / "run")
    assert_no_variation(Estimated(run, estimate_run(run)), "gpt-4-0314")
