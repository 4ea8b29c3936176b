"""Numbers, ratings and allocations: from the specification through the prompt to the table of choices."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from number_specifications import ALL, Spec, budgets, estimates, guesses, public_good, ratings
from small_specifications import lotteries

from replicator import choices, design, specification
from replicator.collect import collect
from replicator.engines import open_engine, sampled
from replicator.engines.engine import Answer, Written
from replicator.errors import Fault, RunError, SpecError, UsageError
from replicator.experiment import Experiment
from replicator.means import means
from replicator.prompt import Prompt, render
from replicator.response import division_count, divisions
from replicator.store import AnswerStore


def _read(spec: Spec) -> Experiment:
    return specification.loads(json.dumps(spec), "spec.json")


def _faults(spec: Spec) -> list[Fault]:
    with pytest.raises(SpecError) as caught:
        _read(spec)
    return list(caught.value.faults)


def _prompts(spec: Spec) -> list[tuple[design.Trial, Prompt]]:
    experiment = _read(spec)
    return [(trial, render(experiment, trial)) for trial in design.trials(experiment)]


@pytest.mark.parametrize("make", ALL)
def test_every_kind_of_answer_is_a_specification(make: Callable[[], Spec]) -> None:
    experiment = _read(make())
    assert experiment.analysis.fits == ()
    variables = {**experiment.conditions()[0], **experiment.items[0].variables}
    options = experiment.option_names(variables)
    assert len(set(options)) == len(options)
    assert {outcome.option for outcome in experiment.outcomes(variables)} <= set(options)


def test_divisions_are_all_there_once_and_make_up_their_total() -> None:
    found = list(divisions(20, 5, 3))
    assert len(found) == len(set(found)) == division_count(4, 3) == 15
    assert {sum(parts) for parts in found} == {20}
    assert found == sorted(found)


# Presentation


def test_a_scale_is_shown_in_both_directions_and_never_shuffled() -> None:
    shown = {(trial.labels, trial.displayed) for trial, _ in _prompts(ratings())}
    up = tuple("1234567")
    assert shown == {(up, up), (up[::-1], up[::-1])}
    texts = [prompt.user for _, prompt in _prompts(ratings())]
    assert sum("1 (not at all), 2, 3, 4 (somewhat), 5, 6, 7 (very)" in text for text in texts) == len(texts) / 2
    assert sum("7 (very), 6, 5, 4 (somewhat), 3, 2, 1 (not at all)" in text for text in texts) == len(texts) / 2
    assert {prompt.answers for _, prompt in _prompts(ratings())} == {up}
    fixed = _prompts({**ratings(), "presentation": {"order": "fixed"}})
    assert {trial.displayed for trial, _ in fixed} == {up}


def test_accounts_are_named_in_every_order_and_answered_in_it() -> None:
    orders = [trial.displayed for trial, _ in _prompts(public_good())]
    assert len(orders) == len(set(orders)) == 6
    for trial, prompt in _prompts(public_good()):
        assert f"between {', '.join(trial.displayed)}, in that order" in prompt.user
        place = trial.displayed.index("common pot")
        for option, answer in zip(trial.options, prompt.answers, strict=True):
            assert option.split(", ")[1] == answer.split(", ")[place]


def test_what_an_account_is_moves_with_it() -> None:
    for trial, prompt in _prompts(budgets()):
        soon, late = (prompt.user.index(f"{name}: a token pays") for name in ("sooner", "later"))
        assert (soon < late) == (trial.displayed == ("sooner", "later"))


def test_outcomes_see_what_every_account_gets() -> None:
    experiment = _read(budgets())
    outcomes = experiment.outcomes({"tokens": 10, "days": 35, "rate": 2})
    here = [(o.amount, o.delay) for o in outcomes if o.option == "3, 7"]
    assert here == [(3.0, 0.0), (14.0, 35.0)]


def test_a_currency_is_prefilled_before_one_number_only() -> None:
    dollars = {**estimates(), "unit": "USD"}
    assert {prompt.cue for _, prompt in _prompts(dollars)} == {"Answer: $"}
    assert {prompt.cue for _, prompt in _prompts(budgets())} == {"Answer:"}


# What is wrong with one


def _on(make: Callable[[], Spec], change: Callable[[Spec], Any]) -> Spec:
    spec = copy.deepcopy(make())
    change(spec)
    return spec


WRONG: list[tuple[str, Spec, str, str]] = [
    ("no points", _on(ratings, lambda s: s["response"].pop("points")), "/response/points", "is missing"),
    ("points that descend", _on(ratings, lambda s: s["response"].update(points=[7, 4, 1])),
     "/response/points", "ascend"),
    ("an anchor beside the scale", _on(ratings, lambda s: s["response"]["anchors"].update({"8": "x"})),
     "/response/anchors/8", "no point"),
    ("a rating with an end", _on(ratings, lambda s: s["response"].update(max=7)), "/response/max", 'has no "max"'),
    ("a scale that is not shown", _on(ratings, lambda s: s["prompt"]["wordings"].update(bad="How fair?")),
     "/prompt/wordings/bad", "does not show its scale"),
    ("labels of a scale", _on(ratings, lambda s: s.update(presentation={"labels": [["A", "B"]]})),
     "/presentation/labels", "a rating has no labelled options"),
    ("a theory of choices", _on(ratings, lambda s: s.update(analysis={"primary": {
        "theory": "crra", "noise": "logit", "parameter": "risk_aversion"}})),
     "/analysis/primary/theory", 'type "choice"'),
    ("others without a primary one", _on(lotteries, lambda s: s["analysis"].update(primary=None)),
     "/analysis/also", "no primary"),
    ("no total", _on(budgets, lambda s: s["response"].pop("total")), "/response/total", "is missing"),
    ("a step that misses the total", _on(budgets, lambda s: s["response"].update(step=3)),
     "/response/step", "make up 10"),
    ("too many divisions", _on(public_good, lambda s: s["response"].update(step=0.25)), "/response/step", "1,001 ways"),
    ("endless divisions", _on(public_good, lambda s: s["response"].update(step=1e-300)),
     "/response/step", "1,001 ways"),
    ("one account", _on(budgets, lambda s: s["response"].update(to=["sooner"])), "/response/to", "fewer than 2"),
    ("an account that is an item's", _on(public_good, lambda s: s["response"]["to"].append("endowment")),
     "/response/to/3", "also a variable"),
    ("an account with a reserved name", _on(public_good, lambda s: s["response"]["to"].append("form")),
     "/response/to/3", "reserved"),
    ("an outcome of no account", _on(budgets, lambda s: s["options"]["divide"]["outcomes"][0].update(amount="answer")),
     "/options/divide/outcomes/0/amount", 'unknown name "answer"'),
    ("accounts that are not shown", _on(budgets, lambda s: s["prompt"]["wordings"].update(bad="Divide.")),
     "/prompt/wordings/bad", "does not show its accounts"),
    ("a number that runs backwards", _on(estimates, lambda s: s["response"].update(min=200)),
     "/response/min", "largest"),
    ("an end that is not there", _on(guesses, lambda s: s["prompt"]["wordings"].update(bad="To {{ maximum }}?")),
     "/prompt/wordings/bad", 'unknown name "maximum"'),
    ("a dominated check", _on(estimates, lambda s: s.update(checks=[
        {"id": "x", "kind": "dominated", "variables": {"what": "y"}, "correct": "z"}])), "/checks/0/kind", "a number"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "place", "problem"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_faults_of_answers_in_numbers(spec: Spec, place: str, problem: str) -> None:
    found = _faults(spec)
    assert [(fault.pointer, problem in fault.problem) for fault in found] == [(place, True)], [str(f) for f in found]


def test_a_choice_still_needs_its_options_and_its_plan() -> None:
    spec = ratings()
    spec["response"] = {"type": "choice"}
    spec["prompt"] = {"wordings": {"plain": "{{ options }}"}}
    del spec["analysis"]
    assert {"/options", "/analysis"} <= {fault.pointer for fault in _faults(spec)}


def test_a_number_without_a_grid_can_only_be_sampled(tmp_path: Path) -> None:
    experiment = _read(guesses())
    assert any("can only be sampled" in fault.problem for fault in specification.cautions(experiment))
    design.require_answers(experiment, "sample")
    with pytest.raises(UsageError, match="can only be sampled"):
        design.require_answers(experiment, "probability")
    with pytest.raises(UsageError, match="has none"):
        open_engine("participants:uniform", {}, experiment=experiment)


# Answers


def _table(make: Callable[[], Spec], model: str, folder: Path) -> Any:
    experiment = _read(make())
    engine = open_engine(model, {}, experiment=experiment)
    with AnswerStore(folder / "answers.sqlite") as store:
        table = collect(experiment, [engine], design.trials(experiment), store)
    choices.write(folder / "choices.parquet", table)
    return choices.read(folder / "choices.parquet").assign(
        **{name: choices.read(folder / "choices.parquet", [name])[name] for name in ("options", "probabilities")}
    )


def test_who_takes_what_is_shown_first_gives_all_to_the_account_named_first(tmp_path: Path) -> None:
    table = _table(public_good, "participants:always-first", tmp_path)
    accounts = ["keep", "common pot", "nobody"]
    for order, options, probabilities in zip(table["order"], table["options"], table["probabilities"], strict=True):
        chosen = options[int(np.argmax(probabilities))].split(", ")
        assert chosen[accounts.index(order.split("|")[0])] == "20"
    assert table["value"].isna().all()
    assert set(table["response"]) == {"allocation"}
    assert [round(mean.mean, 6) for mean in means(table, tuple(accounts))] == [round(20 / 3, 6)] * 3


def test_the_value_is_the_point_and_of_a_distribution_its_mean(tmp_path: Path) -> None:
    first = _table(ratings, "participants:always-first", tmp_path)
    assert sorted(set(first["value"])) == [1, 7]
    assert set(first["labels"]) == {"1|2|3|4|5|6|7"}
    assert set(first["order"]) == {"1|2|3|4|5|6|7", "7|6|5|4|3|2|1"}
    assert set(_table(ratings, "participants:uniform", tmp_path)["value"].round(9)) == {4}


def test_numbers_that_were_said_are_kept_without_options(tmp_path: Path) -> None:
    experiment = _read(guesses())
    asked = design.repeated(design.trials(experiment), 3)

    class Says:
        name, population, reads_text, batch_size = "says", "model", True, 4
        identity, facts = {"engine": "says"}, {}

        def answer(self, questions: Any) -> Any:
            for question in questions:
                value = 10.0 * question.trial.repeat + float(question.trial.factors["anchor"])
                yield Answer((), None, "valid", str(value), value=value)

    with AnswerStore(tmp_path / "a.sqlite") as store:
        collect(experiment, [Says()], asked, store)
        table = collect(experiment, [Says()], asked, store)  # from the store
    choices.check(table)
    assert table["value"].to_pylist() == [10.0, 20.0, 30.0, 65.0, 75.0, 85.0]
    assert table["options"].to_pylist() == [[]] * 6
    choices.write(tmp_path / "choices.parquet", table)
    frame = choices.read(tmp_path / "choices.parquet")
    lists = choices.read(tmp_path / "choices.parquet", ["options", "probabilities"])
    found = means(frame.assign(options=lists["options"], probabilities=lists["probabilities"]))
    assert [(mean.mean, mean.quartiles[1], mean.maximum) for mean in found] == [(20, 20, None), (75, 75, None)]

    class Nothing(Says):
        def answer(self, questions: Any) -> Any:
            return (Answer((), None, "valid", "") for _ in questions)

    with AnswerStore(tmp_path / "b.sqlite") as store, pytest.raises(RunError, match="neither an option nor a number"):
        collect(experiment, [Nothing()], asked, store)


def test_a_range_that_was_written_is_a_status_and_stops_no_run(tmp_path: Path) -> None:
    experiment = _read(guesses())
    asked = design.repeated(design.trials(experiment), 4)
    written = ["I'd guess between 40 and 50.", "I would say at least 45.", "My answer is not 45.", "About 45."]

    class Writes:
        name, population, reads_text, batch_size = "writes", "model", True, 4
        identity, facts = {"engine": "writes"}, {}

        def answer(self, questions: Any) -> Any:
            return (sampled.read(question, Written(written[question.trial.repeat], "stop")) for question in questions)

    with AnswerStore(tmp_path / "a.sqlite") as store:
        table = collect(experiment, [Writes()], asked, store)
    choices.check(table)
    read = {(row["text"], row["status"], row["value"]) for row in table.to_pylist()}
    assert read == {(text, "invalid", None) for text in written[:3]} | {("About 45.", "valid", 45.0)}


def test_a_wording_that_lost_one_direction_does_not_tilt_the_mean(tmp_path: Path) -> None:
    """Who always takes the first point is in the middle over both directions of the scale, whatever was refused."""
    table = _table(ratings, "participants:always-first", tmp_path)
    one = table["wording"].iloc[0]
    lost = (table["wording"] == one) & table["order"].str.startswith("7")
    assert lost.any()
    assert table["wording"].nunique() > 1
    refused = table.assign(status=table["status"].mask(lost, "refusal"))
    assert {round(mean.mean, 6) for mean in means(refused)} == {round(mean.mean, 6) for mean in means(table)} == {4.0}
