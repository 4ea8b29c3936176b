"""A specification is read whole, or every one of its faults is named with its place and a remedy."""

# The table of faults reads best with one fault a line or two.
# ruff: noqa: E501

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from number_specifications import estimates
from small_specifications import Spec, gifts, lotteries

from replicator import resources, specification
from replicator.errors import Fault, SpecError, UsageError
from replicator.experiment import Contrast, Experiment


def read(spec: Any) -> Experiment:
    return specification.loads(json.dumps(spec), "spec.json")


def faults(spec: Any) -> tuple[Fault, ...]:
    text = spec if isinstance(spec, str) else json.dumps(spec)
    with pytest.raises(SpecError) as caught:
        specification.loads(text, "spec.json")
    assert caught.value.exit_code == 3
    assert all(fault.file == "spec.json" for fault in caught.value.faults)
    return caught.value.faults


def read_or_faults(text: str) -> Experiment | tuple[Fault, ...]:
    try:
        return specification.loads(text, "spec.json")
    except SpecError as error:
        return error.faults


def changed(change: Callable[[Spec], Any], make: Callable[[], Spec] = lotteries) -> Spec:
    spec = make()
    change(spec)
    return spec


# What a specification becomes


def test_a_specification_becomes_an_experiment() -> None:
    experiment = read(lotteries())
    assert (experiment.name, experiment.family, experiment.version) == ("small-lotteries", "risky-choice", 1)
    assert experiment.factors[0].default == (1,)
    assert experiment.factors[1].default == ("gain", "plain")
    assert experiment.factors[1].role == "treatment"
    assert experiment.conditions() == ({"stakes": 1, "frame": "gain"}, {"stakes": 1, "frame": "plain"})
    assert experiment.items[0].variables == {"p": 0.25, "prize": 4}
    risky = [o for o in experiment.outcomes({"p": 0.25, "prize": 4, "stakes": 20}) if o.option == "risky"]
    assert [(o.amount, o.probability_low, o.to, o.delay, o.unit) for o in risky] == [
        (80, 0.25, "self", 0, "USD"),
        (0, 0.75, "self", 0, "USD"),
    ]
    assert experiment.options[0].text == "{{ stakes | money }} for sure"
    assert experiment.checks[1].options["nine"] == "{{ prize | money }}"
    assert [fit.noise for fit in experiment.analysis.fits] == ["contextual", "logit"]
    assert experiment.analysis.fits[1].rope is None


def test_an_amount_has_its_grid_recipients_and_dates() -> None:
    experiment = read(gifts())
    assert experiment.response.grid({"endowment": 10}) == tuple(range(11))
    outcomes = experiment.outcomes({"endowment": 10})
    assert [(o.option, o.amount, o.to, o.delay) for o in outcomes[6:8]] == [
        ("3", 7, "self", 0),
        ("3", 3, "other", 7),
    ]


def test_states_and_degenerate_intervals_are_read() -> None:
    def change(spec: Spec) -> None:
        spec["options"]["safe"]["outcomes"] = [{"amount": 1, "probability": [1, "0.5 + 0.5"], "state": "left"}]
        spec["analysis"] = {"primary": None}  # no theory of risk reads another player's actions

    outcome = read(changed(change)).options[0].outcomes[0]
    assert outcome.state == "left"
    assert (outcome.probability_low.evaluate({}), outcome.probability_high.evaluate({})) == (1, 1)


def test_the_hash_follows_the_text_and_the_shared_wordings() -> None:
    plain = read(lotteries())
    assert plain.hash == read(lotteries()).hash
    assert plain.hash != read(changed(lambda s: s.update(title="Other"))).hash
    shared = read(changed(lambda s: s["prompt"].update(shared_wordings="risky-choice")))
    assert set(plain.wordings) < set(shared.wordings)
    assert next(iter(shared.wordings)) == "plain"


def test_a_run_can_read_its_experiment_back() -> None:
    experiment = specification.find("holt-laury")
    again = specification.loads(experiment.source, experiment.path)
    assert again == experiment


def contrasted(**given: Any) -> Callable[[Spec], Any]:
    """Plan a contrast of the two frames instead, with other keys, or without those that are None."""
    planned = {"theory": "contrast", "option": "safe", "factor": "frame", "levels": ["gain", "plain"], **given}
    planned = {key: value for key, value in planned.items() if value is not None}
    return lambda spec: spec.update(analysis={"primary": planned})


def test_a_contrast_needs_an_option_a_factor_and_two_levels() -> None:
    planned = read(changed(contrasted(rope=0.1))).analysis.primary
    assert planned is not None
    assert (planned.theory, planned.noise, planned.parameter, planned.rope) == (
        "contrast", "none", "risk_difference", 0.1,
    )  # fmt: skip
    assert planned.contrast == Contrast("frame", ("gain", "plain"), "safe")


# Faults, one by one: a change, the pointer at which it must be named, and words that must be said

ONE_FAULT: list[tuple[str, Callable[[Spec], Any], str, str, str]] = [
    ("a missing key", lambda s: s.pop("unit"), "/unit", '"unit" is missing', "USD"),
    ("a misspelt key", lambda s: s.update(titel=s.pop("title")), "/titel", 'unknown key "titel"', '"title"'),
    ("a key too many", lambda s: s.update(colour=1), "/colour", 'unknown key "colour"', ""),
    ("a wrong type", lambda s: s.update(version="1"), "/version", "not a whole number", "whole number"),
    ("a bad name", lambda s: s.update(name="Small Lotteries"), "/name", "form", "lower-case"),
    ("a bad family", lambda s: s.update(family="risky-choices"), "/family", "not allowed", '"risky-choice"'),
    ("a bad doi", lambda s: s["citation"].update(doi="https://doi.org/10.1/2"), "/citation/doi", "form", "10.1257"),
    ("no items", lambda s: s.update(items=[]), "/items", "is empty", "list: the questions, each an object"),
    (
        "a misspelt key of an outcome",
        lambda s: s["options"]["safe"].update(outcome=s["options"]["safe"].pop("outcomes"), text="x"),
        "/options/safe/outcome", 'unknown key "outcome"', '"outcomes"',
    ),
    ("an option without anything", lambda s: s["options"].update(safe={}), "/options/safe", "lacks", '"outcomes", "text"'),
    ("probabilities above 1", lambda s: s["options"]["risky"]["outcomes"][1].update(probability="1.1 - p"),
     "/options/risky/outcomes", "sum to 1.1 in item low", "sum to 1"),
    ("probabilities wrong for one item", lambda s: s["options"]["risky"]["outcomes"][1].update(probability=0.25),
     "/options/risky/outcomes", "sum to 0.5 in item low", "sum to 1"),
    ("probabilities wrong at a level that is not a default",
     lambda s: s["options"]["safe"]["outcomes"][0].update(probability="min(1, 10 / stakes)"),
     "/options/safe/outcomes", "stakes = 20", "sum to 1"),
    ("probabilities right in total but not for each recipient",
     lambda s: (s["options"]["risky"]["outcomes"][1].update(to="other"), s["analysis"].clear(), s["analysis"].update(
         primary={"theory": "giving", "noise": "none", "parameter": "mean_share"})),
     "/options/risky/outcomes", "to other sum to 0.75", "recipient"),
    ("a probability above 1", lambda s: s["options"]["risky"]["outcomes"][0].update(probability="p + 0.5"),
     "/options/risky/outcomes/0/probability", "1.25 in item high", "between 0 and 1"),
    ("a backward interval", lambda s: s["options"]["safe"]["outcomes"][0].update(probability=[1, 0.5]),
     "/options/safe/outcomes/0/probability", "[1, 0.5]", "lower end"),
    ("an interval above 1", lambda s: s["options"]["risky"].update(
        outcomes=[{"amount": 1, "probability": [0.6, 0.7]}, {"amount": 2, "probability": [0.5, 0.9]}]),
     "/options/risky/outcomes", "sum to [1.1, 1.6]", "sum to 1"),
    ("an unknown name", lambda s: s["options"]["risky"]["outcomes"][0].update(amount="prise * stakes"),
     "/options/risky/outcomes/0/amount", 'unknown name "prise"', '"prize"'),
    ("an expression outside the grammar", lambda s: s["options"]["risky"]["outcomes"][0].update(amount="prize.real"),
     "/options/risky/outcomes/0/amount", "reaches into", "numbers"),
    ("`answer` in a choice", lambda s: s["options"]["risky"]["outcomes"][0].update(amount="answer"),
     "/options/risky/outcomes/0/amount", 'unknown name "answer"', ""),
    ("a division by zero in one cell", lambda s: s["options"]["risky"]["outcomes"][0].update(amount="1 / (prize - 3)"),
     "/options/risky/outcomes/0/amount", "divides by zero in item high", ""),
    ("text as an amount", lambda s: s["options"]["risky"]["outcomes"][0].update(amount="frame"),
     "/options/risky/outcomes/0/amount", "not a number", "is a number"),
    ("a negative delay", lambda s: s["options"]["safe"]["outcomes"][0].update(delay=-1),
     "/options/safe/outcomes/0/delay", "-1 days", "0 or more"),
    ("an unknown theory", lambda s: s["analysis"]["primary"].update(theory="crrra"),
     "/analysis/primary/theory", 'unknown theory "crrra"', '"crra"'),
    ("an unknown noise", lambda s: s["analysis"]["primary"].update(noise="probit"),
     "/analysis/primary/noise", "not allowed", "contextual"),
    ("the noise of amounts", lambda s: s["analysis"]["primary"].update(noise="none"),
     "/analysis/primary/noise", "does not go with", '"contextual" or "logit"'),
    ("an unknown parameter", lambda s: s["analysis"]["primary"].update(parameter="risk_aversoin"),
     "/analysis/primary/parameter", "no parameter", '"risk_aversion"'),
    ("a theory of amounts", lambda s: s["analysis"].update(
        primary={"theory": "giving", "noise": "none", "parameter": "mean_share"}, also=[]),
     "/analysis/primary/theory", 'type "amount"', 'type "choice"'),
    ("a theory of gains for losses", lambda s: s["options"]["risky"]["outcomes"][1].update(amount="-stakes") or
     s["analysis"].update(also=[]),
     "/analysis/primary/theory", "about gains", "loss-aversion"),
    ("an estimate planned twice", lambda s: s["analysis"].update(also=[dict(s["analysis"]["primary"])]),
     "/analysis/also/0", "planned twice", "Take one out"),
    ("a region without width", lambda s: s["analysis"]["primary"].update(rope=0),
     "/analysis/primary/rope", "not more than 0", "half-width"),
    ("an unknown reference", lambda s: s.update(humans=["hl_safe_metta"]),
     "/humans/0", 'unknown human reference "hl_safe_metta"', '"hl_safe_meta"'),
    ("an unknown family of wordings", lambda s: s["prompt"].update(shared_wordings="risky-choise"),
     "/prompt/shared_wordings", "no wordings are shared", '"risky-choice"'),
    ("no wordings", lambda s: s["prompt"].update(wordings={}), "/prompt/wordings", "no wording", "shared_wordings"),
    ("a name that a shared wording has", lambda s: s["prompt"].update(
        wordings={"brief": "{{ options }}"}, shared_wordings="risky-choice"),
     "/prompt/wordings/brief", "shared wordings", "another name"),
    ("a template that reaches for attributes", lambda s: s["prompt"]["wordings"].update(
        bad="{{ options }}{{ options.__class__ }}"), "/prompt/wordings/bad", "attribute", "{{ name }}"),
    ("a template that loops", lambda s: s["prompt"]["wordings"].update(
        bad="{% for o in options %}{{ options }}{% endfor %}"), "/prompt/wordings/bad", "loop", "{{ name }}"),
    ("a template that cannot be read", lambda s: s["prompt"]["wordings"].update(bad="{{ options"),
     "/prompt/wordings/bad", "line 1", ""),
    ("a template with an unknown name", lambda s: s["prompt"]["wordings"].update(bad="{{ options }} {{ stake }}"),
     "/prompt/wordings/bad", 'unknown name "stake"', '"stakes"'),
    ("the variables of amounts in a choice", lambda s: s["prompt"]["wordings"].update(bad="{{ options }}{{ maximum }}"),
     "/prompt/wordings/bad", 'unknown name "maximum"', ""),
    ("a wording without options", lambda s: s["prompt"]["wordings"].update(bad="Choose {{ labels }}."),
     "/prompt/wordings/bad", "does not show its options", "{{ options }}"),
    ("trailing white space", lambda s: s["prompt"]["wordings"].update(bad="{{ options }}\n"),
     "/prompt/wordings/bad", "white space", "Take it out"),
    ("an option's text with an unknown name", lambda s: s["options"]["safe"].update(text="{{ q }}"),
     "/options/safe/text", 'unknown name "q"', ""),
    ("too few labels", lambda s: s["presentation"].update(labels=[["A"]]),
     "/presentation/labels/0", "1 labels for 2 options", "exactly 2"),
    ("a label twice", lambda s: s["presentation"].update(labels=[["A", "a"]]),
     "/presentation/labels/0/1", "there twice", "own label"),
    ("a label that begins another", lambda s: s["presentation"].update(labels=[["1", "10"]]),
     "/presentation/labels/0/1", "begin alike", "none of which"),
    ("a label set twice", lambda s: s["presentation"].update(labels=[["A", "B"], ["A", "B"]]),
     "/presentation/labels/1", "there twice", ""),
    ("no labels", lambda s: s.pop("presentation"), "/presentation/labels", "no labels", '[["A", "B"]'),
    ("another layout", lambda s: s["presentation"].update(layout=["pages"]),
     "/presentation/layout/0", "not allowed", "single"),
    ("one option", lambda s: (s["options"].pop("risky"), s["presentation"].update(labels=[["A"]])),
     "/options", "only one option", "at least two"),
    ("two status quos", lambda s: [option.update(status_quo=True) for option in s["options"].values()],
     "/options/risky/status_quo", "status quo already", "at most one"),
    ("a minimum of a choice", lambda s: s["response"].update(min=0), "/response/min", 'no "min"', "Take it out"),
    ("an item twice", lambda s: s["items"][1].update(id="low"), "/items/1/id", "used 2 times", "own id"),
    ("an item called like a check", lambda s: s["items"][1].update(id="check-high"),
     "/items/1/id", "check-", "another id"),
    ("an item that lacks a variable", lambda s: s["items"][1].pop("prize"),
     "/items/1", 'lacks the variable "prize"', "Add"),
    ("a level that does not exist", lambda s: s["factors"]["stakes"].update(default=[2]),
     "/factors/stakes/default/0", "not among the levels", "[1, 20]"),
    ("a level twice", lambda s: s["factors"]["frame"].update(levels=["gain", "gain", "plain"]),
     "/factors/frame/levels", "twice", "once"),
    ("levels of two kinds", lambda s: s["factors"]["frame"].update(levels=["gain", "plain", 3]),
     "/factors/frame/levels", "different kinds", "all"),
    ("a check without its right option", lambda s: s["checks"][0].update(correct="sure"),
     "/checks/0/correct", "does not exist", "safe, risky"),
    ("a check without an item variable", lambda s: s["checks"][0]["variables"].pop("prize"),
     "/checks/0/variables", 'no value for the item variable "prize"', "Add"),
    ("a read-back without options", lambda s: s["checks"][1].pop("options"),
     "/checks/1/options", '"options" is missing', "name -> text"),
    ("a dominated check with a question", lambda s: s["checks"][0].update(question="x"),
     "/checks/0/question", "own question", "read-back"),
    ("a check twice", lambda s: s["checks"][1].update(id="sure"), "/checks/1/id", "used 2 times", ""),
    ("players", lambda s: s.update(players=2), "/players", "not supported yet", ""),
    ("rounds", lambda s: s.update(rounds={"count": 10}), "/rounds", "not supported yet", ""),
    ("a belief", lambda s: s.update(response={"type": "belief", "min": 0}),
     "/response/type", "not supported yet", '"choice", "amount"'),
    ("a contrast of an unknown option", contrasted(option="sage"),
     "/analysis/primary/option", 'no option is called "sage"', 'Did you mean "safe"?'),
    ("a contrast of no option", contrasted(option=None), "/analysis/primary", "which option", '"safe" or "risky"'),
    ("a contrast of an unknown factor", contrasted(factor="framed"),
     "/analysis/primary/factor", 'no factor is called "framed"', 'Did you mean "frame"?'),
    ("a contrast of an unknown level", contrasted(levels=["gain", "plane"]),
     "/analysis/primary/levels/1", 'no level "plane"', '"gain" and "plain"'),
    ("a contrast of one level", contrasted(levels=["gain", "gain"]), "/analysis/primary/levels", "twice", "once"),
    ("a contrast without levels", contrasted(levels=None), "/analysis/primary/levels", "is missing", "two levels"),
    ("a contrast of a nuisance", lambda s: (contrasted()(s), s["factors"]["frame"].update(role="nuisance")),
     "/analysis/primary/factor", "confound", "treatment"),
    ("a contrast at a level that is not run", lambda s: (contrasted()(s), s["factors"]["frame"].update(
        default=["gain"])), "/analysis/primary/levels/1", "not run", "default"),
    ("a contrast with noise", contrasted(noise="logit"), "/analysis/primary/noise", "no noise", '"none"'),
    ("a contrast of risk aversion", contrasted(parameter="risk_aversion"),
     "/analysis/primary/parameter", "no parameter", "risk_difference"),
    ("a contrast of anchors in a choice", contrasted(anchors=["prize", "p"]),
     "/analysis/primary/anchors", "no anchors", "Take"),
    ("a factor in a theory of utility", lambda s: s["analysis"]["primary"].update(factor="frame"),
     "/analysis/primary/factor", "belongs to contrasts", '"contrast"'),
    ("an ambiguous probability", lambda s: (s["analysis"].update(also=[]), s["options"]["risky"].update(
        outcomes=[{"amount": 1, "probability": [0.4, 0.6]}, {"amount": 2, "probability": [0.4, 0.6]}])),
     "/analysis/primary/theory", "interval", '"ambiguity"'),
    ("a delay that the theory cannot read", lambda s: (s["analysis"].update(also=[]),
        s["options"]["safe"]["outcomes"][0].update(delay=30)),
     "/analysis/primary/theory", "delayed", '"hyperbolic"'),
    ("an option that the theory cannot read", lambda s: (s["analysis"].update(also=[]),
        s["options"].update(safe={"text": "a surprise"})),
     "/analysis/primary/theory", "has none", "outcomes"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "place", "problem", "remedy"), [case[1:] for case in ONE_FAULT], ids=[c[0] for c in ONE_FAULT]
)
def test_a_fault_is_named_at_its_place(change: Callable[[Spec], Any], place: str, problem: str, remedy: str) -> None:
    found = faults(changed(change))
    there = [fault for fault in found if fault.pointer == place]
    assert there, [str(fault) for fault in found]
    assert any(problem in fault.problem and remedy in fault.remedy for fault in there), [str(f) for f in there]


SEVERAL = {
    "probabilities right in total but not for each recipient",
    "a probability above 1",
    "an interval above 1",
    "one option",
}
"""Changes that break more than one thing, and are told so."""


@pytest.mark.parametrize(
    "change",
    [c[1] for c in ONE_FAULT if c[0] not in SEVERAL],
    ids=[c[0] for c in ONE_FAULT if c[0] not in SEVERAL],
)
def test_one_mistake_is_one_fault(change: Callable[[Spec], Any]) -> None:
    assert len(faults(changed(change))) == 1


AMOUNT_FAULTS: list[tuple[str, Callable[[Spec], Any], str, str]] = [
    ("no end", lambda s: s["response"].pop("max"), "/response/max", "missing"),
    ("no step", lambda s: s["response"].pop("step"), "/response/step", "missing"),
    ("backwards", lambda s: s["response"].update(min="endowment", max=50), "/response/min", "more than the largest"),
    ("no distance", lambda s: s["response"].update(step=0), "/response/step", "step is 0"),
    ("a backward step", lambda s: s["response"].update(step=-1), "/response/step", "step is -1"),
    ("a step that misses the end", lambda s: s["response"].update(step=3), "/response/step", "do not end at 10"),
    ("too long a grid", lambda s: s["response"].update(max="endowment * 100"), "/response/step", "more than 1,001"),
    ("an endless grid", lambda s: s["response"].update(step=1e-300), "/response/step", "more than 1,001"),
    ("an unknown name", lambda s: s["response"].update(max="endowmint"), "/response/max", "unknown name"),
    ("labels", lambda s: s.update(presentation={"labels": [["A"]]}), "/presentation/labels", "no labelled options"),
    ("options in a wording", lambda s: s["prompt"]["wordings"].update(bad="{{ options }}"),
     "/prompt/wordings/bad", 'unknown name "options"'),
    ("two options", lambda s: s["options"].update(keep={"outcomes": [{"amount": 1}]}), "/options", "one option"),
    ("wordings of choices for an amount", lambda s: s["prompt"].update(shared_wordings="risky-choice"),
     "/prompt/shared_wordings", 'none for answers of type "amount"'),
    ("the noise of choices", lambda s: s["analysis"]["primary"].update(noise="logit"),
     "/analysis/primary/noise", "does not go with"),
    ("an outcome that fails at the largest answer",
     lambda s: s["options"]["give"]["outcomes"][0].update(amount="1 / (endowment - answer)"),
     "/options/give/outcomes/0/amount", "answer = 10"),
    ("a dominated check", lambda s: s.update(checks=[
        {"id": "x", "kind": "dominated", "variables": {}, "correct": "give"}]), "/checks/0/kind", "needs options"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "place", "problem"), [case[1:] for case in AMOUNT_FAULTS], ids=[c[0] for c in AMOUNT_FAULTS]
)
def test_faults_of_amounts(change: Callable[[Spec], Any], place: str, problem: str) -> None:
    found = faults(changed(change, gifts))
    assert [(fault.pointer, problem in fault.problem) for fault in found] == [(place, True)], [str(f) for f in found]


def test_a_grid_of_1001_amounts_is_the_longest() -> None:
    def cents(count: int) -> Callable[[Spec], Any]:
        return lambda s: s["response"].update(max=count, step="1")

    assert len(read(changed(cents(1000), gifts)).response.grid({})) == 1001
    faults(changed(cents(1001), gifts))


@pytest.mark.parametrize("name", ["out", "model", "model_args", "seed", "limit", "device", "batch_size", "json", "help", "strict",
    "fresh", "elicitation", "repeats", "personas", "dry_run", "stages", "chains", "draws"])  # fmt: skip
def test_a_factor_may_not_shadow_the_command_line(name: str) -> None:
    found = faults(changed(lambda s: s["factors"].update({name: {"levels": [1]}})))
    assert [(fault.pointer, "command-line option" in fault.problem) for fault in found] == [(f"/factors/{name}", True)]


@pytest.mark.parametrize(
    "name",
    [
        "answer",
        "options",
        "labels",
        "unit",
        "minimum",
        "maximum",
        "step",
        "min",
        "round",
        "and",
        "if",
        "true",
        "loop",
        "p",
    ],
)
def test_a_factor_may_not_shadow_a_variable(name: str) -> None:
    assert f"/factors/{name}" in [
        f.pointer for f in faults(changed(lambda s: s["factors"].update({name: {"levels": [1]}})))
    ]


@pytest.mark.parametrize("name", ["answer", "options", "unit", "max", "lambda", "none"])
def test_an_item_variable_may_not_have_a_reserved_name(name: str) -> None:
    def change(spec: Spec) -> None:
        for part in (*spec["items"], *(check["variables"] for check in spec["checks"])):
            part[name] = 1

    assert [fault.pointer for fault in faults(changed(change))] == [f"/items/0/{name}"]


def test_all_faults_come_at_once() -> None:
    def change(spec: Spec) -> None:
        del spec["citation"]
        spec["verison"] = spec.pop("version")
        spec["options"]["risky"]["outcomes"][1]["probability"] = "1.2 - p"
        spec["options"]["risky"]["outcomes"][0]["amount"] = "prise"
        spec["prompt"]["wordings"]["plain"] = "{{ options.x }}"
        spec["presentation"]["labels"][0] = ["A", "B", "C"]
        spec["analysis"]["primary"]["theory"] = "prospect"
        spec["humans"].append("nobody")
        spec["items"][0]["id"] = 7

    assert {fault.pointer for fault in faults(changed(change))} == {
        "/citation", "/verison", "/options/risky/outcomes", "/options/risky/outcomes/0/amount",
        "/prompt/wordings/plain", "/presentation/labels/0", "/analysis/primary/theory", "/humans/1", "/items/0/id",
    }  # fmt: skip


def test_one_fault_of_a_fit_does_not_hide_another() -> None:
    found = faults(changed(lambda s: s["analysis"]["primary"].update(theory="crrra", rope=-1)))
    assert {fault.pointer for fault in found} == {"/analysis/primary/theory", "/analysis/primary/rope"}


def test_every_fault_is_one_line_with_its_file() -> None:
    with pytest.raises(SpecError) as caught:
        read(changed(lambda s: (s.pop("unit"), s.pop("title"))))
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.faults) == 2
    assert all(line.startswith("spec.json#/") for line in lines)


def test_very_many_faults_are_counted() -> None:
    items = [{"id": f"Item {i}", "p": 1, "prize": 1} for i in range(500)]
    found = faults(changed(lambda s: s.update(items=items)))
    assert len(found) == 101
    assert "more faults" in found[-1].problem


# Documents that are hardly documents


def test_not_json_says_where() -> None:
    (fault,) = faults('{\n  "name": "x",\n  "title" "y"\n}')
    assert fault.pointer == ""
    assert "line 3, column 11" in fault.problem


@pytest.mark.parametrize("text", ["", "[]", "3", "null", '"text"', "[" * 10_000, '{"a":' * 10_000, "[" * 10_000 + "]" * 10_000,
    "[" * 900 + "]" * 900, "{'name': 1}", '{"a": 1,}', "\x00", '{"a": "\\ud800"}', '{"\\udfff": 1}'])  # fmt: skip
def test_hopeless_documents_are_refused_in_words(text: str) -> None:
    assert all(fault.problem for fault in faults(text))


def test_duplicate_keys_are_named() -> None:
    text = json.dumps(lotteries()).replace('"unit": "USD"', '"unit": "USD", "unit": "EUR"', 1)
    text = text.replace('"prize": 4', '"prize": 4, "prize": 5', 1)
    assert {(f.pointer, f.problem) for f in faults(text)} == {
        ("/unit", 'the key "unit" is written twice.'),
        ("/items/0/prize", 'the key "prize" is written twice.'),
    }


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400, "9" * 5000])
def test_numbers_must_be_finite(number: str) -> None:
    text = json.dumps(lotteries()).replace('"prize": 4', f'"prize": {number}', 1)
    assert ("/items/0/prize", "the number is not finite.") in [(f.pointer, f.problem) for f in faults(text)]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    large, latin = tmp_path / "large.json", tmp_path / "latin.json"
    large.write_text(json.dumps(["x" * 1_000_000]))
    latin.write_bytes(b'{"name": "\xe9"}')
    for path, problem in (
        (large, "too large"),
        (latin, "not UTF-8"),
        (tmp_path, "a folder, not a file"),
        (tmp_path / "none.json", "no such file"),
        (large / "none.json", "no such file"),
    ):
        with pytest.raises(SpecError) as caught:
            specification.load(path)
        (fault,) = caught.value.faults
        assert problem in fault.problem
        assert fault.file == str(path)


def test_long_lists_are_refused_quickly() -> None:
    assert "entries" in faults(json.dumps({"humans": ["x"] * 5_000}))[0].problem


def test_a_design_with_too_many_cells_is_refused() -> None:
    def change(spec: Spec) -> None:
        spec["factors"] = {name: {"levels": list(range(1, 101))} for name in ("stakes", "b", "c")}
        spec["options"]["risky"]["outcomes"][0]["amount"] = "stakes + b + c"
        spec["prompt"]["wordings"]["plain"] = "{{ options }}"

    assert ("/options/risky", True) in [(f.pointer, "too many cells" in f.problem) for f in faults(changed(change))]


# Finding


def test_finding_by_name_and_by_path(tmp_path: Path) -> None:
    assert specification.find("holt-laury").name == "holt-laury"
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(lotteries()))
    assert specification.find(str(path)).name == "small-lotteries"
    with pytest.raises(UsageError, match='Did you mean "holt-laury"') as caught:
        specification.find("holt-lauri")
    assert caught.value.exit_code == 2
    with pytest.raises(UsageError, match="no file"):
        specification.find(str(tmp_path / "other.json"))
    with pytest.raises(UsageError, match=r"ending in \.json"):
        specification.find("zzz")


# The format


def test_the_schemas_are_schemas_and_describe_every_property() -> None:
    for name in ("experiment", "wordings"):
        schema = resources.schema(name)
        Draft202012Validator.check_schema(schema)
        assert schema["$schema"].endswith("draft/2020-12/schema")
        for place, node in _objects(schema, ()):
            if "then" in place:
                continue
            assert node.get("additionalProperties") is not None, place
            for key, value in node.get("properties", {}).items():
                assert value.get("description"), (*place, key)


def _objects(node: Any, place: tuple[str, ...]) -> list[tuple[tuple[str, ...], Spec]]:
    if isinstance(node, list):
        return [found for child in node for found in _objects(child, place)]
    if not isinstance(node, dict):
        return []
    here = [(place, node)] if node.get("type") == "object" and "properties" in node else []
    return here + [found for key, child in node.items() for found in _objects(child, (*place, key))]


# Nothing but SpecError, whatever is done to a specification

JUNK: list[Any] = [None, True, 0, -1, 1e300, "", "x", "p", "p.x", "1 / 0", "{{ x }}", "{{ x.y }}", [], {}, [[]], [1, "a"],
    {"id": "low"}, {"a": {"b": []}}, "check-1", "A B", "answer", [0, 1], [[["A"]]], {"type": "amount"}]  # fmt: skip


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    return [(node, key) for key in keys] + [place for key in keys for place in _places(node[key])]


def _mutate(spec: Spec, source: random.Random) -> None:
    container, key = source.choice(_places(spec))
    match source.choice(["delete", "rename", "replace", "swap", "repeat"]):
        case "delete":
            del container[key]
        case "rename" if isinstance(container, dict):
            name = source.choice([f"{key}x", str(key)[:-1], "a/b~c", "", "id", "ünï", "p", "options"])
            container[name] = container.pop(key)
        case "swap":
            other, place = source.choice(_places(spec))
            container[key] = copy.deepcopy(other[place])
        case "repeat" if isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        case _:
            container[key] = copy.deepcopy(source.choice(JUNK))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**9), count=st.integers(1, 4), make=st.sampled_from([lotteries, gifts]))
def test_a_damaged_specification_loads_or_is_refused_at_a_place(
    seed: int, count: int, make: Callable[[], Spec]
) -> None:
    source = random.Random(seed)
    spec = make()
    for _ in range(count):
        if spec:
            _mutate(spec, source)
    result = read_or_faults(json.dumps(spec))
    if isinstance(result, Experiment):
        for condition in result.conditions():
            for item in result.items:
                assert result.outcomes({**condition, **item.variables}) is not None
        return
    assert result
    for fault in result:
        assert fault.pointer.startswith("/")
        assert fault.problem
        assert "\n" not in str(fault)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_a_damaged_text_loads_or_is_refused(seed: int) -> None:
    source = random.Random(seed)
    text = json.dumps(lotteries())
    for _ in range(source.randint(1, 3)):
        start = source.randrange(len(text))
        text = (
            text[:start]
            + source.choice(["", "{", "}", "[", '"', ",", "9", "\\", "NaN"])
            + text[start + source.randint(0, 2) :]
        )
    assert read_or_faults(text)


def test_a_contrast_of_numbers_is_about_the_anchors_that_were_shown() -> None:
    def anchored(spec: Spec) -> None:
        spec["analysis"] = {"primary": {"theory": "contrast", "factor": "anchor", "levels": [65, 10]}}

    planned = read(changed(anchored, estimates)).analysis.primary
    assert planned is not None
    assert planned.contrast is not None
    assert (planned.parameter, planned.contrast.is_anchored) == ("anchoring_index", True)

    def named(spec: Spec) -> None:
        spec["factors"]["anchor"] = {"levels": ["high", "low"]}
        spec["items"][0] |= {"above": 65, "below": 10}
        levels = ["high", "low"]
        spec["analysis"] = {"primary": {"theory": "contrast", "factor": "anchor", "levels": levels}}

    plain = read(changed(named, estimates)).analysis.primary
    assert plain is not None
    assert plain.parameter == "difference"

    def wrong(spec: Spec) -> None:
        named(spec)
        spec["analysis"]["primary"] |= {"anchors": ["above", "beneath"], "option": "high"}

    places = {fault.pointer for fault in faults(changed(wrong, estimates))}
    assert places == {"/analysis/primary/anchors/1", "/analysis/primary/option"}
