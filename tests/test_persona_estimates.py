"""What is estimated from a model's answers as personas: known people come out again, as persons and as shares.

The model here is an actor: it reads who it is to be, and answers as that person would, with exact probabilities, an
effect of the wording and a liking for what is displayed first.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import special
from watchers import Silent

from replicator import choices, design, intervals, personas, pipeline, runs, shares, specification, verdicts
from replicator.collect import collect
from replicator.engines.engine import Answer, Question
from replicator.engines.simulated import choice_probabilities, gift_probabilities
from replicator.experiment import Experiment
from replicator.inference import personas as fitted
from replicator.inference.data import COLUMNS, choice_data
from replicator.inference.estimate import estimate_job
from replicator.inference.geometry import geometry
from replicator.inference.jobs import jobs_of
from replicator.inference.structure import structure
from replicator.inference.tabulation import sensitivity_unit, stake
from replicator.inference.words import of_personas
from replicator.means import means
from replicator.report import words
from replicator.runs import Run
from replicator.store import AnswerStore
from replicator.theories import THEORIES

CENTRE, SPREAD, WORDING_SD, FIRST = 0.4, 0.3, 0.1, 0.5
MISFIT = 0.1
NOTHING = np.linspace(0.05, 0.6, 10)

Entry = dict[str, Any]


def test_one_wording_is_not_said_to_be_crossed_with() -> None:
    for wordings in (0, 1):
        (said,) = of_personas("crossed", 12, wordings, 12)
        assert said == "The typical one of 12 personas; how they differ is `person_sd`."
    assert "crossed with 2 wordings" in of_personas("crossed", 12, 2, 12)[0]


@dataclass
class Actor:
    """Answers as the person of the system text."""

    wording: Mapping[str, float]
    name: str = "actor"
    population: Literal["model", "simulated"] = "model"
    reads_text: bool = True
    batch_size: int = 1000
    identity: Mapping[str, Any] = field(default_factory=lambda: {"engine": "actor"})
    facts: Mapping[str, Any] = field(default_factory=dict)

    def answer(self, questions: Sequence[Question]) -> Iterator[Answer]:
        for question in questions:
            probabilities = self._probabilities(question)
            yield Answer(tuple(float(p) for p in probabilities / probabilities.sum()), 1.0, "valid")

    def _probabilities(self, question: Question) -> NDArray[np.float64]:
        trial = question.trial
        if not trial.outcomes:
            return np.ones(len(trial.options))
        told = {k: float(v) for k, v in re.findall(r"^(\w+): (-?[0-9.]+)$", question.prompt.system or "", re.M)}
        effect = self.wording[trial.wording]
        if trial.response == "amount":
            p_zero = special.expit(special.logit(told["nothing"]) + effect)
            grid = np.array([float(option) for option in trial.options])
            return gift_probabilities(
                grid, p_zero=float(p_zero), p_half=0.3 * (1 - p_zero), p_above=0.05, interior_mean=0.5, above_mean=0.4
            )
        people = {"risk_aversion": np.array([told["r"] + effect]), "sensitivity": np.array([9.0])}
        tilt = np.zeros(2)
        tilt[list(trial.order)] = FIRST / 2, -FIRST / 2
        digest = hashlib.sha256(repr((trial.item, trial.wording, question.prompt.system)).encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        tilt[0] += rng.normal(0.0, MISFIT)
        return choice_probabilities(THEORIES["crra"], people, trial.outcomes, trial.options, lapse=0.01, tilt=tilt)[0]


def asked(
    experiment: Experiment,
    folder: Path,
    lines: Sequence[str],
    style: personas.AskedAs = "person",
    wording_sd: float = 0,
) -> Run:
    """A run of the actor as everybody in a file of personas."""
    path = folder / "people.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    people = personas.load(path, style)
    rng = np.random.default_rng(5)
    actor = Actor({wording: float(rng.normal(0.0, wording_sd)) for wording in experiment.wordings})
    levels = {"stakes": [1]} if experiment.factors and experiment.factors[0].name == "stakes" else None
    trials = personas.crossed(design.trials(experiment, levels=levels), people)
    request = runs.request(experiment, populations=["actor"], levels=levels, personas=people)
    run = runs.create_or_resume(folder / "run", runs.new_manifest(experiment, request, command=["x"], personas=people))
    with AnswerStore(folder / "answers.sqlite") as store:
        table = collect(experiment, [actor], trials, store)
    choices.write(run.choices, table)
    return runs.finish(run, [runs.population(actor)], choices.counts(table))


def one(entries: Sequence[Entry], parameter: str, estimand: str) -> Entry:
    (entry,) = [e for e in entries if (e["parameter"], e["estimand"]) == (parameter, estimand)]
    return entry


RISK = np.random.default_rng(1).normal(CENTRE, SPREAD, 12)


@pytest.fixture(scope="module")
def persons(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Twelve personas, each with a risk aversion."""
    lines = ["subject,r", *(f"p{i},{r:.4f}" for i, r in enumerate(RISK))]
    return asked(specification.find("holt-laury"), tmp_path_factory.mktemp("risk"), lines, wording_sd=WORDING_SD)


def test_chains_start_where_the_persons_stand(persons: Run) -> None:
    """To one step from their average, unlike persons on a curve would look like one whose questions are off it. The
    start is finite too where personas are sure of everything they choose."""
    table = choices.read(persons.choices, [*COLUMNS])
    cells = {
        (row["item"], row["condition"]): row["outcomes"] for row in choices.cells(persons.choices).to_dict("records")
    }
    data = choice_data(fitted.complete(shares.usable(table)), cells, "persona")
    shape = structure("crra", "contextual", data, intercept=False)
    stakes, units = stake(data.stimuli, data.condition), sensitivity_unit("contextual", data.stimuli, data.condition)
    found = geometry(shape, data, stake=stakes, sensitivity_unit=units)
    assert found.start["risk_aversion_first"] == pytest.approx(RISK.mean(), abs=0.05)
    assert found.start["risk_aversion_sd"] == pytest.approx(RISK.std(ddof=1), rel=0.1)
    assert found.start["lapse"] == pytest.approx(0.01, rel=0.1)
    assert found.centring["risk_aversion"] == 1.0
    assert found.centring["item_misfit"] == found.centring["sensitivity_wording"] == 0.0
    certain = replace(data, logits=12.0 * np.sign(data.logits))
    start = geometry(shape, certain, stake=stakes, sensitivity_unit=units).start
    assert all(np.isfinite(value).all() for value in start.values())


def crossed_fit(run: Run) -> list[Entry]:
    """The primary fit of a run's personas as persons, alone: others take as long to compile."""
    table = choices.read(run.choices, [*COLUMNS])
    cells = {(row["item"], row["condition"]): row["outcomes"] for row in choices.cells(run.choices).to_dict("records")}
    conditions = set(table["condition"])
    job = next(jobs_of(run.experiment(), {"actor": table}, conditions, run.manifest["personas"]["asked_as"]))
    run.posteriors.mkdir()
    return estimate_job(run, run.experiment(), job, table, cells, 0)


def test_known_persons_come_out_again(persons: Run) -> None:
    """Twelve persons' risk aversion around .4: centre and spread return, and persons are not taken for wordings."""
    entries = crossed_fit(persons)
    person = one(entries, "risk_aversion", "typical_person")
    assert (person["sampling_unit"], person["pooling"], person["primary"]) == ("persona", "partial", True)
    assert person["interval"][0] < CENTRE < person["interval"][1]
    assert person["mean"] == pytest.approx(RISK.mean(), abs=0.08)
    # Twelve persons and ten wordings leave this much, and not the much smaller error of 4,800 answers.
    assert person["sd"] == pytest.approx(np.sqrt(RISK.std(ddof=1) ** 2 / 12 + WORDING_SD**2 / 10), rel=0.35)
    assert person["person_sd"] == pytest.approx(RISK.std(ddof=1), rel=0.25)
    assert person["diagnostics"]["passed"]
    assert "12 personas, crossed with 10 wordings" in person["words"][-1]
    # Presentations are averaged: what is displayed first moves nothing.
    assert one(entries, "sensitivity", "typical_person")["mean"] == pytest.approx(9.0, rel=0.15)


@pytest.mark.parametrize(
    ("asked_as", "subjects", "expected"),
    [
        (None, [None, None], ["none"]),
        ("person", ["a", "b"], ["crossed", "averaged"]),
        ("person", ["a", "a"], ["averaged"]),
        ("group", ["a", "b"], ["averaged"]),
        ("person", [None, None], ["none"]),
    ],
)
def test_persons_are_estimated_as_persons_and_as_shares_and_groups_as_shares(
    asked_as: personas.AskedAs | None, subjects: list[str | None], expected: list[str]
) -> None:
    """Participants beside a model with personas, and one persona alone, are no hierarchy of persons."""
    rows = pd.DataFrame({"population": "model", "subject": subjects, "status": "valid", "wording": ["u", "v"]})
    rows = rows.assign(elicitation="probability")
    jobs = list(jobs_of(specification.find("dictator"), {"m": rows}, set(), asked_as))
    assert [job.personas for job in jobs] == expected
    assert [job.typical for job in jobs] == [personas == "crossed" for personas in expected]
    forecasts = jobs_of(specification.find("dictator"), {"m": rows.assign(elicitation="verbalised")}, set(), asked_as)
    assert "crossed" not in [job.personas for job in forecasts]  # what others would do is no person's choice


@pytest.fixture(scope="module")
def givers(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Ten personas, each with a probability to give nothing, and one with a job that is none."""
    lines = [f"{p:.4f},{'<script>alert(1)</script>' if i == 0 else '{{ 7*7 }}'}" for i, p in enumerate(NOTHING)]
    experiment = specification.find("dictator")
    run = asked(experiment, tmp_path_factory.mktemp("givers"), ["nothing,<b>job</b>", *lines], wording_sd=0.2)
    pipeline.refresh(run, Silent())
    return run


def test_known_givers_come_out_again(givers: Run) -> None:
    """The mean over ten persons of the probability to give nothing, with the error that ten persons leave."""
    entries = pipeline.refresh(givers, Silent())["estimates"]
    person = one(entries, "p_zero", "typical_person")
    assert person["sampling_unit"] == "persona"
    assert person["interval"][0] < NOTHING.mean() < person["interval"][1]
    assert person["sd"] == pytest.approx(NOTHING.std(ddof=1) / np.sqrt(10), rel=0.35)
    assert one(entries, "mean_share", "typical_person")["person_sd"] > 0.03
    agent = one(entries, "p_zero", "representative_agent")
    assert agent["mean"] == pytest.approx(NOTHING.mean(), abs=0.05)
    assert agent["sd"] < person["sd"] / 2


def test_a_group_answers_for_its_members_and_is_no_person(tmp_path: Path) -> None:
    lines = ["nothing", *(f"{p:.4f}" for p in NOTHING)]
    results = pipeline.refresh(
        asked(specification.find("dictator"), tmp_path, lines, "group", wording_sd=0.2), Silent()
    )
    entries = [entry for entry in results["estimates"] if entry["population"] == "actor"]
    assert {e["estimand"] for e in entries} == {"representative_agent"}
    assert {e["sampling_unit"] for e in entries} == {"wording"}
    assert "all 10 personas together" in entries[0]["words"][-1]
    # What it says of a group is a forecast, also where it states no shares, and gives no verdict about itself.
    (population,) = [p for p in results["populations"] if p["name"] == "actor"]
    assert "forecast" in population["limits"]
    assert population["description"] == "What a language model says that people do."
    assert any("no choice of its own" in reason for reason in verdicts.against_population(population))
    (said,) = [line for line in words.summary(results) if line.startswith("actor")]
    assert "a language model's forecast of people like each of 10 groups" in said
    assert "forecasts that people give" in said
    assert "No verdict about its behaviour: it says what people do, which is a forecast" in said


def test_results_and_report_say_who_was_asked_and_escape_it(givers: Run) -> None:
    results = pipeline.refresh(givers, Silent())
    (population,) = [p for p in results["populations"] if p["name"] == "actor"]
    assert population["personas"] == {"number": 10, "asked_as": "person"}
    assert population["people"] is None
    assert "forecast" not in population["limits"]
    row = next(row for row in results["choices"] if row["population"] == "actor")
    assert (row["unit"], row["n"]) == ("persona", 10)
    page = pipeline.write_report([givers], givers.report, Silent()).read_text(encoding="utf-8")
    assert "asked to be each of 10 persons" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page
    assert "<b>job" not in page


# Shares


def crossed(subjects: int, wordings: int, persona_sd: float, wording_sd: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    persona, wording = rng.normal(0, persona_sd, subjects), rng.normal(0, wording_sd, wordings)
    rows = []
    for s in range(subjects):
        for w in range(wordings):
            p = float(special.expit(persona[s] + wording[w] + rng.normal(0, 0.2)))
            for order in ("a|b", "b|a"):
                shown = p + (0.02 if order == "a|b" else -0.02)
                rows.append({
                    "item": "i", "condition": "all", "model": "m", "population": "model", "subject": f"s{s}",
                    "wording": f"w{w}", "labels": "A|B", "order": order, "elicitation": "probability",
                    "options": ["a", "b"], "probabilities": [shown, 1 - shown], "label_mass": 1.0, "status": "valid",
                })  # fmt: skip
    return pd.DataFrame(rows)


def test_the_interval_of_a_share_knows_that_personas_and_wordings_were_drawn() -> None:
    """Of 1,000 draws of 12 personas x 10 wordings some 95% hold .5; with pairs taken for independent, far fewer do."""
    rng = np.random.default_rng(3)
    persona, wording = np.indices((12, 10)).reshape(2, -1)
    hits = {"crossed": 0, "pairs": 0}
    for _ in range(1000):
        drawn = rng.normal(0, 0.5, (12, 1)) + rng.normal(0, 0.4, (1, 10)) + rng.normal(0, 0.2, (12, 10))
        share = special.expit(drawn).reshape(-1, 1)
        low, high = intervals.over_crossed(share, persona, wording)
        hits["crossed"] += bool(low[0] < 0.5 < high[0])
        hits["pairs"] += bool(abs(share.mean() - 0.5) < intervals.t_reach(share[:, 0]))
    assert 0.93 <= hits["crossed"] / 1000 <= 0.98
    assert hits["pairs"] / 1000 < 0.7


@pytest.mark.parametrize("listed", [True, False])
def test_the_interval_of_a_mean_knows_that_personas_and_wordings_were_drawn(listed: bool) -> None:
    """With a grid or without one: a mean over 12 personas is as uncertain as their 3 wordings leave it."""
    table = crossed(12, 3, 0.1, 1.0, 2)
    table = table[table["order"] == "a|b"]
    given = table["probabilities"].str[0]
    grid = {"options": [["0", "1"]] * len(table), "probabilities": [[1 - p, p] for p in given]}
    open_ended = {"options": [[]] * len(table), "probabilities": [[]] * len(table), "value": given}
    (mean,) = means(table.assign(response="number", **(grid if listed else open_ended)))
    assert (mean.unit, mean.n) == ("persona", 12)
    assert mean.mean == pytest.approx(given.mean())
    by_wording = given.groupby(table["wording"]).mean().to_numpy()
    assert mean.high - mean.low > intervals.t_reach(by_wording)
    unlike = 2 * intervals.t_reach(given.groupby(table["subject"]).mean().to_numpy())
    assert mean.high - mean.low > 2 * unlike


def test_a_persona_that_lost_an_order_does_not_tilt_the_share() -> None:
    table = crossed(3, 2, 0.0, 0.0, 1)
    whole = shares.cells(table)[0]
    assert (whole.unit, whole.n) == ("persona", 3)
    lost = table.copy()
    gone = (lost["subject"] == "s0") & (lost["order"] == "b|a")
    lost.loc[gone, "status"] = "refusal"
    (cell,) = shares.cells(lost)
    others = table[table["subject"] != "s0"]["probabilities"].str[0].mean()
    assert cell.share[0] == pytest.approx(others)
    assert cell.n == 2


def test_fits_drop_what_lost_its_counterbalance_and_draw_lots_only_when_they_must(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = crossed(3, 2, 0.5, 0.1, 1)
    assert len(fitted.complete(table)) == len(table)
    assert set(fitted.complete(table.iloc[1:])["subject"] + fitted.complete(table.iloc[1:])["wording"]) == {
        f"s{s}w{w}" for s in range(3) for w in range(2)
    } - {"s0w0"}
    assert len(fitted.drawn(table, 0)) == len(table)
    monkeypatch.setattr(fitted, "FEWEST", 2)
    monkeypatch.setattr(fitted, "MOST_CELLS", 4)  # two wordings of one question each
    lots = [fitted.drawn(table, seed) for seed in range(20)]
    assert {lot["subject"].nunique() for lot in lots} == {2}
    assert {subject for lot in lots for subject in lot["subject"]} == {"s0", "s1", "s2"}
    pd.testing.assert_frame_equal(lots[0], fitted.drawn(table, 0))


def test_shares_of_all_personas_are_their_mean() -> None:
    table = crossed(3, 2, 0.5, 0.1, 1)
    mean = fitted.over_all(table)
    assert len(mean) == 2 * 2
    for row in mean.to_dict("records"):
        same = table[(table["wording"] == row["wording"]) & (table["order"] == row["order"])]
        assert row["probabilities"][0] == pytest.approx(same["probabilities"].str[0].mean())
