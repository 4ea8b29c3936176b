"""Ways of asking on real checkpoints: what is forecast and what is thought first, and what becomes of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_experiments import gifts, lotteries
from taught_checkpoint import teach
from transformers import AutoTokenizer

from replicator.collect import collect
from replicator.design import repeated, trials
from replicator.engines import elicited, open_engine
from replicator.engines.chat import STEPS, context_text
from replicator.engines.engine import Engine, Question
from replicator.engines.huggingface import open_model
from replicator.engines.reasoned import ReasonedText
from replicator.engines.sampled import Drawn, Sampling
from replicator.errors import UsageError
from replicator.prompt import render
from replicator.store import AnswerStore

REPEATS = 120
SAFE, BOLD = " I like what is safe.", " I like what is bold."


def _question(elicitation: str, repeats: int = 1) -> tuple[Any, ...]:
    return repeated(trials(lotteries(checks=()), limit=1)[:1], repeats, elicitation)


def _context(source: Path, elicitation: str) -> str:
    prompt = render(lotteries(checks=()), _question(elicitation)[0])
    return context_text(AutoTokenizer.from_pretrained(source), prompt, "plain")


def _asked(checkpoint: Path, elicitation: Drawn, repeats: int, folder: Path, batch_size: int = 32) -> Any:
    engine: Engine = open_model("taught", str(checkpoint), {}, device="cpu", batch_size=batch_size)
    engine = elicited(engine, Sampling(0, 1.0, elicitation))
    with AnswerStore(folder / "answers.sqlite") as store:
        return collect(lotteries(checks=()), [engine], _question(elicitation, repeats), store)


@pytest.fixture(scope="module")
def thinker(gpt2_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thinks of what is safe three times in four, and answers as it thought."""
    asked = _context(gpt2_checkpoint, "reasoning").removesuffix("Answer:")
    ends = [f"{SAFE}\n\nAnswer: A"] * 3 + [f"{BOLD}\n\nAnswer: B"]
    texts = [(asked + STEPS, end) for end in ends]
    return teach(gpt2_checkpoint, tmp_path_factory.mktemp("thinker"), texts, steps=240)


def test_stated_shares_become_a_distribution_in_the_experiments_own_order(
    gpt2_checkpoint: Path, tmp_path: Path
) -> None:
    context = _context(gpt2_checkpoint, "verbalised")
    assert context.endswith("Forecast:")
    checkpoint = teach(gpt2_checkpoint, tmp_path / "taught", [(context, " A: 70\nB: 30\n\n")])
    table = _asked(checkpoint, "verbalised", 10, tmp_path)
    stated = [p for p in table["probabilities"].to_pylist() if p is not None]
    assert len(stated) >= 8
    assert np.median(stated, axis=0) == pytest.approx([0.7, 0.3])
    assert set(table["elicitation"].to_pylist()) == {"verbalised"}
    assert set(table["label_mass"].to_pylist()) == {None}
    assert "A: 70\nB: 30" in [text.strip() for text in table["text"].to_pylist()]


def test_the_mean_over_traces_is_how_often_they_lead_to_an_answer(thinker: Path, tmp_path: Path) -> None:
    table = _asked(thinker, "reasoning", REPEATS, tmp_path)
    rows = list(zip(table["text"].to_pylist(), table["probabilities"].to_pylist(), strict=True))
    ended = [(text, p) for text, p in rows if p is not None]
    assert len(ended) > 0.9 * REPEATS
    led = {text: p[0] for text, p in ended}
    assert led[SAFE] > 0.9
    assert led[BOLD] < 0.1
    mean = float(np.mean([p[0] for _, p in ended]))
    assert mean == pytest.approx(np.mean([text == SAFE for text, _ in ended]), abs=0.05)
    assert abs(mean - 0.75) < 0.15
    assert table["repeat"].to_pylist() == list(range(REPEATS))
    assert min(mass for mass in table["label_mass"].to_pylist() if mass is not None) > 0.5


def test_traces_are_the_same_in_any_batch(thinker: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    together = _asked(thinker, "reasoning", 6, tmp_path)
    alone = _asked(thinker, "reasoning", 6, tmp_path / "one", batch_size=1)
    assert together["text"].equals(alone["text"])
    ours, theirs = together["probabilities"].to_pylist(), alone["probabilities"].to_pylist()
    assert np.allclose(np.array(ours, dtype=float), np.array(theirs, dtype=float), atol=1e-5)


def test_a_trace_that_does_not_end_is_never_scored(gpt2_checkpoint: Path) -> None:
    class Hasty(ReasonedText):
        most = 3

    engine = Hasty(open_model("hasty", str(gpt2_checkpoint), {}, device="cpu"), Sampling(0, 1.0, "reasoning"))
    trial = _question("reasoning")[0]
    answer = next(engine.answer([Question(trial, render(lotteries(checks=()), trial))]))
    assert (answer.status, answer.probabilities) == ("truncated", None)
    assert answer.text


@pytest.mark.parametrize("elicitation", ["verbalised", "reasoning"])
def test_participants_neither_forecast_nor_think(elicitation: Drawn) -> None:
    with pytest.raises(UsageError, match="simulated participants do not"):
        open_engine("participants:crra", {}, experiment=lotteries(), sampling=Sampling(0, 1.0, elicitation))


def test_many_amounts_are_not_forecast_and_few_are() -> None:
    few = gifts(4)
    (trial,) = repeated(trials(few), 1, "verbalised")
    user = render(few, trial).user
    assert "0, 1, 2, 3 and 4" in user
    assert "The 5 numbers sum to 100." in user
    with pytest.raises(UsageError, match="101 values cannot be forecast"):
        repeated(trials(gifts(100)), 1, "verbalised")


def test_comprehension_checks_are_not_forecast() -> None:
    assert any(trial.check for trial in repeated(trials(lotteries()), 1, "reasoning"))
    assert not any(trial.check for trial in repeated(trials(lotteries()), 1, "verbalised"))
