"""The shipped experiments are the ones that the papers describe, and their words say what they pay."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from fractions import Fraction

import pytest

from replicator import design, documents, prompt, resources, specification, template
from replicator.experiment import Experiment, Outcome
from replicator.references import references
from replicator.schema_faults import schema_faults

NAMES = ("holt-laury", "mixed-gambles", "dictator", "asian-disease", "beauty-contest", "money-request")
LEADING = re.compile(
    r"\b(should|ought|fair share|generous|selfish|greedy|kind|risky|safe|gamblers?|rational|smart|best|"
    r"expected value)\b",
    re.IGNORECASE,
)


@pytest.fixture(params=NAMES)
def experiment(request: pytest.FixtureRequest) -> Experiment:
    return specification.find(request.param)


def test_the_experiments_are_shipped_under_their_names() -> None:
    files = resources.experiment_files()
    assert set(NAMES) <= set(files)
    for name, path in files.items():
        assert specification.load(path).name == name


# Words


def test_ten_wordings_of_the_experiment_and_its_family(experiment: Experiment) -> None:
    own = json.loads(experiment.source)["prompt"]["wordings"]
    assert len(experiment.wordings) == 10
    assert 0 < len(own) <= 10


def test_wordings_differ_in_more_than_a_few_words(experiment: Experiment) -> None:
    """Jaccard similarity of their words, the placeholders left out."""
    words = {
        name: set(re.findall(r"[a-z]+", re.sub(r"\{[{%].*?[%}]\}", "", text.lower())))
        for name, text in experiment.wordings.items()
    }
    for first in words:
        for second in words:
            if first < second:
                overlap = len(words[first] & words[second]) / len(words[first] | words[second])
                assert overlap < 0.5, (first, second)


def test_wordings_differ_in_length_and_layout(experiment: Experiment) -> None:
    lengths = [len(text) for text in experiment.wordings.values()]
    assert max(lengths) > 2 * min(lengths)
    assert len({text.count("\n") for text in experiment.wordings.values()}) >= 3


def test_no_wording_leads(experiment: Experiment) -> None:
    for text in experiment.wordings.values():
        assert not LEADING.search(text)


def test_wordings_say_how_to_answer_and_leave_the_answer_to_the_cue(experiment: Experiment) -> None:
    asked = {"labels", "options"} if experiment.response.type == "choice" else {"minimum", "maximum"}
    for text in experiment.wordings.values():
        assert asked <= template.names(text)
        assert not re.search(r"answer\W*$", text, re.IGNORECASE)
        assert text == text.strip()


def test_every_prompt_renders_and_says_every_amount(experiment: Experiment) -> None:
    for trial in design.trials(experiment):
        user = prompt.render(experiment, trial).user
        assert "{" not in user
        if trial.check is None and trial.response == "choice":
            money = [float(amount.replace(",", "")) for amount in re.findall(r"\$([\d,.]*\d)", user)]
            for outcome in trial.outcomes:
                if outcome.probability_low > 1e-9 and outcome.amount:
                    assert any(abs(abs(outcome.amount) - said) < 0.005 for said in money), user


def test_a_dictator_reads_the_endowment_and_the_range() -> None:
    experiment = specification.find("dictator")
    for trial in design.trials(experiment, levels={"endowment": [10, 100]}):
        if trial.check is None:
            endowment = trial.factors["endowment"]
            user = prompt.render(experiment, trial).user
            assert re.search(rf"(\${endowment}|{endowment} USD)\b", user)
            assert f"whole number from 0 to {endowment}" in user


# Design


def test_options_are_counterbalanced() -> None:
    for name in ("holt-laury", "mixed-gambles", "asian-disease"):
        experiment = specification.find(name)
        assert experiment.presentation.order == "all"
        assert experiment.presentation.labels == (("A", "B"), ("1", "2"))
        shown = defaultdict(set)
        for trial in design.trials(experiment):
            shown[trial.item, trial.condition, trial.wording].add((trial.labels, trial.order))
        assert {len(presentations) for presentations in shown.values()} == {4}


def test_holt_laury_pays_what_the_paper_pays() -> None:
    """Table 1 of Holt and Laury (2002): expected payoff differences at low stakes."""
    experiment = specification.find("holt-laury")
    published = [1.17, 0.83, 0.50, 0.16, -0.18, -0.51, -0.85, -1.18, -1.52, -1.85]
    assert [item.id for item in experiment.items] == [f"row-{row}" for row in range(1, 11)]
    for item, difference in zip(experiment.items, published, strict=True):
        means: dict[str, float] = defaultdict(float)
        for outcome in experiment.outcomes({**item.variables, "stakes": 1}):
            means[outcome.option] += outcome.probability_low * outcome.amount
        # The paper cuts to cents.
        assert means["safe"] - means["risky"] == pytest.approx(difference, abs=0.0101)
    assert experiment.factors[0].levels == (1, 20, 50, 90)
    assert experiment.factors[0].default == (1, 20)


def test_mixed_gambles_cover_the_ranges_of_tom_et_al() -> None:
    experiment = specification.find("mixed-gambles")
    gains = {item.variables["gain"] for item in experiment.items}
    losses = {item.variables["loss"] for item in experiment.items}
    assert (min(gains), max(gains), min(losses), max(losses)) == (10, 40, 5, 20)
    assert len(experiment.items) == 36
    for item in experiment.items:
        assert item.id == f"gain-{item.variables['gain']}-loss-{item.variables['loss']}"
        accept, reject = _by_option(experiment.outcomes(item.variables)).values()
        assert [(o.probability_low, o.amount) for o in accept] == [
            (0.5, item.variables["gain"]),
            (0.5, -float(item.variables["loss"])),
        ]
        assert [(o.probability_low, o.amount, o.status_quo) for o in reject] == [(1, 0, True)]


def test_mixed_gambles_bracket_loss_aversion() -> None:
    """Ratios of gain to loss lie on both sides of every lambda of Tom et al.'s people (0.99 to 6.75)."""
    experiment = specification.find("mixed-gambles")
    ratios = [float(item.variables["gain"]) / float(item.variables["loss"]) for item in experiment.items]
    assert min(ratios) < 0.99
    assert max(ratios) > 6.75


def test_a_dictator_divides_the_whole_endowment() -> None:
    experiment = specification.find("dictator")
    assert experiment.conditions() == ({"endowment": 100},)
    for endowment in (10, 100):
        outcomes = _by_option(experiment.outcomes({"endowment": endowment}))
        assert list(outcomes) == [str(gift) for gift in range(endowment + 1)]
        for gift, (own, other) in outcomes.items():
            assert (own.to, other.to) == ("self", "other")
            assert other.amount == int(gift)
            assert own.amount + other.amount == endowment


def test_both_frames_of_a_plan_say_the_same() -> None:
    """What is kept and what is lost make up the whole, and the gamble's mean is what is kept for sure."""
    experiment = specification.find("asian-disease")
    for item in experiment.items:
        total, kept, lost = (int(str(item.variables[name]).replace(",", "")) for name in ("total", "kept", "lost"))
        win, lose = (Fraction(str(item.variables[name])) for name in ("win", "lose"))
        assert kept + lost == total
        assert win + lose == 1
        assert win * total == kept
    sure = {
        (trial.item, trial.factors["frame"]): prompt.render(experiment, trial).user
        for trial in design.trials(experiment)
        if trial.check is None
    }
    assert "200 people will be saved" in sure["disease", "gain"]
    assert "will die" not in sure["disease", "gain"]
    assert "400 people will die" in sure["disease", "loss"]
    assert "saved" not in sure["disease", "loss"]


# Checks


def test_dominated_checks_have_one_option_that_is_better_whatever_happens(experiment: Experiment) -> None:
    for check in experiment.checks:
        if check.kind == "dominated":
            outcomes = _by_option(experiment.outcomes({**experiment.conditions()[0], **check.variables}))
            right = outcomes.pop(check.correct)
            for wrong in outcomes.values():
                assert _dominates(right, wrong)
                assert not _dominates(wrong, right)


def test_no_fixed_answer_passes_the_dominated_checks() -> None:
    for name in ("holt-laury", "mixed-gambles"):
        checks = [check for check in specification.find(name).checks if check.kind == "dominated"]
        assert len({check.correct for check in checks}) == 2


def test_there_are_read_backs_and_their_answer_is_said(experiment: Experiment) -> None:
    read_backs = [check for check in experiment.checks if check.kind == "read-back"]
    assert read_backs
    for check in read_backs:
        assert check.correct in check.options


# The plan and the people


def test_the_primary_estimates() -> None:
    plans = {name: specification.find(name).analysis.primary for name in NAMES}
    assert {name: (p.theory, p.noise, p.parameter, p.rope) for name, p in plans.items()} == {
        "holt-laury": ("crra", "contextual", "risk_aversion", 0.1),
        "mixed-gambles": ("loss-aversion", "contextual", "loss_aversion", 0.1),
        "dictator": ("giving", "none", "mean_share", 0.05),
        "asian-disease": ("contrast", "none", "risk_difference", 0.1),
        "beauty-contest": ("cognitive-hierarchy", "none", "thinking_steps", 0.25),
        "money-request": ("level-k", "none", "thinking_steps", 0.25),
    }


def test_other_utilities_and_noises_stand_beside_the_primary_ones() -> None:
    plans = {name: specification.find(name).analysis.fits[1:] for name in NAMES}
    assert {name: {(f.theory, f.noise, f.parameter) for f in plan} for name, plan in plans.items()} == {
        "holt-laury": {("crra", "logit", "risk_aversion")},
        "mixed-gambles": {
            ("loss-aversion-power", "logit", "loss_aversion"),
            ("loss-aversion", "logit", "loss_aversion"),
        },
        "dictator": set(),
        "asian-disease": set(),
        "beauty-contest": {("cognitive-hierarchy", "none", "response_spread")},
        "money-request": set(),
    }


def test_human_references_exist_and_their_items_are_the_experiments(experiment: Experiment) -> None:
    assert experiment.humans
    known = references()
    items = {item.id for item in experiment.items}
    for name in experiment.humans:
        assert set(known[name].items or {}) <= items


def test_shared_wordings_follow_their_schema() -> None:
    for path in (resources.root() / "experiments" / "wordings").glob("*.json"):
        document = documents.read(path)
        assert schema_faults(document, resources.schema("wordings")) == []
        assert document.value["family"] == path.stem


def _by_option(outcomes: tuple[Outcome, ...]) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.option, []).append(outcome)
    return found


def _dominates(one: list[Outcome], other: list[Outcome]) -> bool:
    """First-order stochastic dominance: at every amount, at least the chance of getting that much."""
    return all(
        sum(o.probability_low for o in one if o.amount >= level)
        >= sum(o.probability_low for o in other if o.amount >= level) - 1e-9
        for level in {o.amount for o in (*one, *other)}
    )
