"""Exact distributions over numbers, scales and divisions on real checkpoints, and samples that agree with them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from number_specifications import Spec, budgets, estimates, public_good, ratings
from taught_checkpoint import teach
from test_huggingface import TOLERANCE, Reference
from transformers import AutoTokenizer

from replicator import specification
from replicator.collect import collect
from replicator.design import Trial, repeated, trials
from replicator.engines.chat import context_text
from replicator.engines.engine import Question
from replicator.engines.huggingface import open_model
from replicator.engines.sampled import SampledText, Sampling
from replicator.experiment import Experiment
from replicator.prompt import render
from replicator.store import AnswerStore

REPEATS = 300


def _read(spec: Spec) -> Experiment:
    return specification.loads(json.dumps(spec), "spec.json")


def _question(experiment: Experiment, trial: Trial) -> Question:
    return Question(trial, render(experiment, trial))


@pytest.fixture(params=["gpt2", "llama"])
def checkpoint(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(f"{request.param}_checkpoint")
    return path


def _short(make: Callable[[], Spec], **response: object) -> Experiment:
    spec = make()
    spec["response"] |= response
    return _read(spec)


@pytest.mark.parametrize(
    "experiment",
    [
        _short(estimates, min=0, max=12, step=1),
        _short(estimates, min=-1, max=1, step=0.5),
        _short(ratings),
        _short(budgets, step=2),
        _short(public_good, step=10),
    ],
    ids=["number", "decimals", "rating", "allocation", "three accounts"],
)
def test_answers_in_numbers_equal_plain_forward_passes(checkpoint: Path, experiment: Experiment) -> None:
    asked = trials(experiment)
    questions = [_question(experiment, trial) for trial in (asked[0], asked[-1])]
    answers = list(open_model("tiny", str(checkpoint), {}, device="cpu").answer(questions))
    reference = Reference(checkpoint)
    for question, answer in zip(questions, answers, strict=True):
        probabilities, mass = reference.answer(question, closed=True)
        # Where all answers together are next to impossible, their ratios keep the rounding of float32.
        assert answer.probabilities == pytest.approx(probabilities, rel=1e-4, abs=TOLERANCE)
        assert answer.label_mass == pytest.approx(mass, rel=1e-4, abs=TOLERANCE)
        assert math.fsum(answer.probabilities or ()) == pytest.approx(1, abs=1e-12)


def test_a_thousand_may_be_written_with_a_comma_and_is_no_one(checkpoint: Path) -> None:
    experiment = _short(estimates, min=1, max=1000, step=999)
    question = _question(experiment, trials(experiment)[0])
    (answer,) = open_model("tiny", str(checkpoint), {}, device="cpu").answer([question])
    reference = Reference(checkpoint)
    text = reference._text(question.prompt)
    context = reference.tokenizer(text, add_special_tokens=reference.tokenizer.chat_template is None).input_ids
    spelled = {form: reference._continuation(text, form) for form in (" 1", "1", " 1000", "1000", " 1,000", "1,000")}
    ends = set(reference._ends(question.trial))
    masses = {form: reference._probability(context, ids, ends, []) for form, ids in spelled.items()}
    for space in (" ", ""):
        one, thousand = spelled[f"{space}1"], spelled[f"{space}1,000"]
        assert thousand[: len(one)] == one
        steps = reference._next(context + one)[thousand[len(one)]]  # the comma goes on, and ends nothing
        path = math.prod(float(reference._next(context + one[:i])[one[i]]) for i in range(len(one)))
        masses[f"{space}1"] -= path * float(steps)
    total = sum(masses.values())
    assert answer.label_mass == pytest.approx(total, abs=TOLERANCE)
    assert answer.probabilities == pytest.approx(
        [sum(mass for form, mass in masses.items() if form.strip() == "1") / total,
         sum(mass for form, mass in masses.items() if form.strip() != "1") / total], abs=TOLERANCE
    )  # fmt: skip


SAID = {"rating": ("2", "5", "5", "7"), "allocation": ("6, 4", "6, 4", "2, 8", "10, 0")}


@pytest.fixture(scope="module")
def writer(gpt2_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model that was taught to rate and to divide, each in several ways."""
    tokenizer = AutoTokenizer.from_pretrained(gpt2_checkpoint)
    texts = []
    for make, said in ((ratings, SAID["rating"]), (budgets, SAID["allocation"])):
        experiment = _read(make())
        context = context_text(tokenizer, render(experiment, trials(experiment)[0]), "plain")
        texts += [(context, f" {reply}\n") for reply in said]
    return teach(gpt2_checkpoint, tmp_path_factory.mktemp("writer"), texts, steps=50)


@pytest.mark.parametrize("make", [ratings, budgets], ids=["rating", "allocation"])
def test_samples_agree_with_probabilities(make: Callable[[], Spec], writer: Path, tmp_path: Path) -> None:
    experiment = _read(make())
    asked = trials(experiment)[:1]
    model = open_model("writer", str(writer), {}, device="cpu")
    (exact,) = model.answer([_question(experiment, asked[0])])
    assert exact.probabilities is not None
    assert exact.label_mass is not None
    assert exact.label_mass > 0.3
    with AnswerStore(tmp_path / "a.sqlite") as store:
        table = collect(experiment, [SampledText(model, Sampling())], repeated(asked, REPEATS), store)
    valid = [row for row in table["probabilities"].to_pylist() if row is not None]
    # This model knows each part better than their sum: what does not make up the total is no answer.
    error = math.sqrt(exact.label_mass * (1 - exact.label_mass) / REPEATS) + 1 / REPEATS
    assert abs(len(valid) / REPEATS - exact.label_mass) < 3.5 * error
    assert set(table["status"].to_pylist()) <= {"valid", "invalid"}
    shares = [sum(row[option] for row in valid) / len(valid) for option in range(len(exact.probabilities))]
    assert sum(p > 0.1 for p in exact.probabilities) >= 2
    for share, p in zip(shares, exact.probabilities, strict=True):
        assert abs(share - p) < 3.5 * math.sqrt(p * (1 - p) / len(valid)) + 1 / len(valid)
