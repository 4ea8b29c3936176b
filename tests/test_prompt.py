"""Prompts: the words say what the outcomes are, and each option's answer is the label it stands under."""

from __future__ import annotations

import pytest
from small_experiments import gifts, lotteries, outcome

from replicator.describe import describe
from replicator.design import trials
from replicator.errors import ReplicatorError
from replicator.experiment import Item, Option, Outcome
from replicator.prompt import render


def _branch(amount: float, probability: float = 1.0, **changes: object) -> Outcome:
    fixed = {"option": "x", "amount": amount, "probability_low": probability, "probability_high": probability}
    return Outcome(**{"unit": "USD", **fixed, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ([_branch(2, 0.1), _branch(1.6, 0.9)], "10% chance of $2.00 and 90% chance of $1.60"),
        ([_branch(40, 0.1), _branch(32, 0.9)], "10% chance of $40 and 90% chance of $32"),
        ([_branch(2), _branch(1.6, 1 - 1.0)], "$2 for sure"),
        ([_branch(2), _branch(3.85, option="y")], "$2.00 for sure"),
        ([_branch(20, 0.5), _branch(-10, 0.5)], "50% chance to win $20 and 50% chance to lose $10"),
        ([_branch(0, status_quo=True), _branch(-10, 0.5, option="y")], "nothing changes ($0)"),
        ([_branch(-500)], "lose $500 for sure"),
        ([_branch(1, 0.2), _branch(2, 0.3), _branch(3, 0.5)],
         "20% chance of $1, 30% chance of $2 and 50% chance of $3"),
        ([_branch(20, unit="points"), _branch(80, unit="points", to="other")],
         "20 points for you and 80 points for the other person"),
        ([_branch(5), _branch(5, to="proposer")], "$5 for you and $5 for the proposer"),
        ([_branch(100), _branch(110, delay=30, option="y")], "$100 today"),
        ([_branch(110, delay=30)], "$110 in 30 days"),
        ([_branch(1000, probability_low=0.2, probability=0.6)], "between 20% and 60% chance of $1,000"),
        ([_branch(3, state="left"), _branch(0, state="right")],
         "$3 if the other player chooses left and $0 if the other player chooses right"),
        ([_branch(1, unit="points")], "1 point for sure"),
        ([_branch(1, 1 / 3), _branch(2, 2 / 3)], "33.33% chance of $1 and 66.67% chance of $2"),
    ],
)  # fmt: skip
def test_outcomes_are_described_in_plain_words(outcomes: list[Outcome], words: str) -> None:
    assert describe("x", outcomes) == words


def test_an_options_answer_is_the_label_it_is_displayed_under() -> None:
    experiment = lotteries()
    for trial in trials(experiment):
        prompt = render(experiment, trial)
        lines = dict(line.split(": ", 1) for line in prompt.user.split("\n") if line[1:3] == ": ")
        assert [lines[label] for label in trial.labels] == list(lines.values())
        if trial.check is None:
            texts = {name: describe(name, trial.outcomes) for name in trial.options}
            by_answer = zip(trial.options, prompt.answers, strict=True)
            assert {name: lines[label] for name, label in by_answer} == texts
        assert sorted(prompt.answers) == sorted(trial.labels)


def test_the_cue_belongs_to_the_answer_and_ends_without_a_space() -> None:
    experiment = lotteries()
    prompt = render(experiment, trials(experiment)[0])
    assert prompt.cue == "Answer:"
    assert not prompt.user.rstrip().endswith("Answer:")
    assert "A or B" in prompt.user
    assert prompt.user.startswith("Two lotteries")


def test_an_amount_is_asked_with_its_range() -> None:
    experiment = gifts(endowment=10, step="0.5")
    prompt = render(experiment, trials(experiment)[0])
    assert prompt.user == "You have 10 points. Give any amount from 0 to 10 in steps of 0.5."
    assert prompt.answers[:3] == ("0", "0.5", "1")
    assert len(prompt.answers) == 21


def test_currency_is_written_before_the_answer() -> None:
    experiment = gifts(unit="USD")
    assert render(experiment, trials(experiment)[0]).cue == "Answer: $"


def test_a_read_back_check_shows_its_own_options() -> None:
    experiment = lotteries()
    trial = next(trial for trial in trials(experiment) if trial.check == "chance")
    prompt = render(experiment, trial)
    assert prompt.user.startswith("What is 30% of $10?\n\nA: $3\nB: $7\nC: $10\n")


def test_option_text_of_the_specification_is_filled_in() -> None:
    options = (
        Option("take", (outcome("stake"),), "take {{ stake | money }}", False),
        Option("leave", (outcome("0"),), None, True),
    )
    experiment = lotteries(options=options, items=(Item("one", {"stake": 2.5}),), factors=(), checks=())
    user = render(experiment, trials(experiment)[0]).user
    assert "A: take $2.50\nB: nothing changes ($0)" in user


def test_an_ifs_empty_lines_do_not_reach_the_model() -> None:
    wording = "{% if stakes == 20 %}\nStakes are high.  \n{% endif %}\n\n\n\n{{ options }}\n"
    experiment = lotteries(wordings={"plain": wording})
    texts = [render(experiment, trial).user for trial in trials(experiment, limit=1) if trial.check is None]
    assert all("\n\n\n" not in text and text == text.strip() and " \n" not in text for text in texts)
    assert any(text.startswith("Stakes are high.\n\nA: ") for text in texts)


def test_a_template_that_names_something_unknown_is_a_users_mistake() -> None:
    experiment = lotteries(wordings={"plain": "{{ colour }}"})
    with pytest.raises(ReplicatorError, match="colour"):
        render(experiment, trials(experiment)[0])
