"""A model is compiled once for all data of its design."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytensor
import pytest
from builder_cases import answers_of_prompts
from choice_designs import made, random_stimuli

from replicator.inference import posterior, sampling
from replicator.inference.data import ChoiceData
from replicator.inference.diagnostics import Diagnostics
from replicator.inference.structure import structure


class SampledError(Exception):
    """Raised where draws would be taken: what a test wants to know is known by then."""


@dataclass
class Compiled:
    """In the place of a compiled model."""

    shared_data: dict[str, np.ndarray]
    _coords: dict[str, Any] = field(default_factory=dict)

    def with_data(self, **given: np.ndarray) -> Compiled:
        return replace(self, shared_data={**self.shared_data, **given})


def people(seed: int, questions: int = 5) -> ChoiceData:
    """Four people who each answered the same lotteries, each in their own way."""
    unit, question = np.indices((4, questions)).reshape(2, -1)
    first = np.random.default_rng(seed).binomial(1, 0.5, size=len(unit))
    return made(
        random_stimuli(np.random.default_rng(0), questions, 2, 2, losses=True),
        unit_name="person",
        units=("ann", "bob", "cat", "dan"),
        unit=unit,
        question=question,
        counts=np.column_stack([first, 1 - first]).astype(float),
    )


def test_nothing_is_compiled_anew_where_only_answers_change(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, read = [], []

    def compile_model(model: Any, **_: Any) -> Compiled:
        compiled.append(model)
        return Compiled({"observed": np.zeros(0), "total": np.zeros(0)})

    def sample(model: Compiled, *_: Any, **__: Any) -> None:
        read.append(model.shared_data["observed"])
        raise SampledError

    monkeypatch.setattr(sampling, "_compiled", {})
    monkeypatch.setattr(sampling.nutpie, "compile_pymc_model", compile_model)
    monkeypatch.setattr(sampling, "_sample", sample)

    def fit(data: ChoiceData) -> None:
        with pytest.raises(SampledError):
            posterior.of_choices(structure("loss-aversion", "logit", data, intercept=False), data, seed=1)

    several = [people(seed) for seed in range(3)]
    for data in (*several, replace(several[0], counts=several[0].counts * 1_000.0)):
        fit(data)
        np.testing.assert_array_equal(read[-1].reshape(data.counts.shape), data.counts)
    assert len(compiled) == 1
    fit(people(0, questions=6))
    assert len(compiled) == 2
    # What a model's drawn answers say is written down in more or fewer places, as many as there are.
    drawn, _ = answers_of_prompts()
    for times in (1.0, 40.0):
        more = replace(drawn, counts=times * drawn.counts)
        with pytest.raises(SampledError):
            posterior.of_choices(structure("crra", "contextual", more, intercept=False), more, seed=1)
    assert len(compiled) == 3


@pytest.mark.validate
def test_a_run_that_compiles_agrees_to_the_last_digit_with_one_that_finds_all_compiled(tmp_path: Path) -> None:
    flags = f"base_compiledir={tmp_path / 'compiled'}"
    script = "import test_sampling; test_sampling.print_draws()"
    runs = [
        subprocess.run(
            [sys.executable, "-c", script], env=os.environ | {"PYTENSOR_FLAGS": flags}, cwd=Path(__file__).parent,
            capture_output=True, text=True, check=True,
        ).stdout
        for _ in range(2)
    ]  # fmt: skip
    assert len(list((tmp_path / "compiled").rglob("*.nbc"))) > 10, "the first run was to fill the cache"
    assert runs[0] == runs[1] != ""


def print_draws() -> None:
    """A few draws of a sampled model's risk aversion, with all digits."""
    data, shape = answers_of_prompts()
    posterior._ATTEMPTS = 1
    sampling.BENT = sampling.Length(chains=2, warmup=100, draws=100, accept=0.9)
    found = posterior.of_choices(shape, data, seed=1)
    sys.stdout.write(" ".join(float(value).hex() for value in found.natural["risk_aversion"][-10:, 0]))


def test_sums_are_not_rearranged() -> None:
    """One run would rearrange them and the next would not: the slow test above shows it."""
    assert pytensor.config.numba__fastmath is False


GOOD = Diagnostics(r_hat=1.0, ess_bulk=900.0, ess_tail=900.0, divergences=0, e_bfmi=0.8, passed=True)
MIXED_BADLY = replace(GOOD, r_hat=1.2, passed=False)
OFTEN = replace(GOOD, divergences=11, passed=False)
DIVERGED = replace(GOOD, divergences=2, passed=False)
FUNNEL = replace(GOOD, e_bfmi=0.2, passed=False)


def test_steps_stay_as_small_where_drawn_choices_did_not_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    told = iter([MIXED_BADLY, GOOD])
    monkeypatch.setattr(sampling, "draw", lambda *_, length, **__: drawn.append(length))
    monkeypatch.setattr(posterior, "diagnose", lambda *_: next(told))
    posterior.careful("key", None, {}, {}, [], 0, first=sampling.BENT)
    assert drawn == [sampling.BENT, sampling.BENT_LONGER]
    assert sampling.BENT_LONGER.accept == sampling.BENT.accept
    assert sampling.BENT_LONGER.draws > sampling.BENT.draws


@pytest.mark.parametrize(
    ("exact", "found", "lengths"),
    [
        (False, [GOOD], ["USUAL"]),
        (False, [MIXED_BADLY, GOOD], ["USUAL", "LONGER"]),
        (False, [DIVERGED, GOOD], ["USUAL", "SMALLER"]),
        (False, [FUNNEL, FUNNEL, GOOD], ["USUAL", "SMALLER", "CAREFUL"]),
        (False, [DIVERGED, MIXED_BADLY, GOOD], ["USUAL", "SMALLER", "LONGER"]),
        (False, [DIVERGED, DIVERGED, DIVERGED], ["USUAL", "SMALLER", "CAREFUL"]),
        (False, [OFTEN, OFTEN], ["USUAL", "CAREFUL"]),
        (False, [MIXED_BADLY, MIXED_BADLY], ["USUAL", "LONGER"]),
        (True, [GOOD], ["NARROW"]),
        (True, [MIXED_BADLY, DIVERGED, GOOD], ["NARROW", "LONGER", "CAREFUL"]),
        (True, [DIVERGED, DIVERGED], ["NARROW", "CAREFUL"]),
    ],
)
def test_what_failed_is_sampled_again_as_it_failed(
    exact: bool, found: list[Diagnostics], lengths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer where chains did not mix, with smaller steps where more draws would not help; always with correlations."""
    drawn: list[tuple[Any, bool]] = []

    def draw(*_: Any, length: Any, together: bool, **__: Any) -> None:
        drawn.append((length, together))

    told = iter(found)
    monkeypatch.setattr(sampling, "draw", draw)
    monkeypatch.setattr(posterior, "diagnose", lambda *_: next(told))
    _, last = posterior.careful("key", None, {}, {}, [], 0, together=exact)
    assert [length for length, _ in drawn] == [getattr(sampling, name) for name in lengths]
    assert [together for _, together in drawn] == [exact, True, True][: len(drawn)]
    assert last is found[-1]
    drawn.clear()
    told = iter(found)
    posterior.careful("key", None, {}, {}, [], 0, first=sampling.NARROW if exact else None, many=True)
    assert drawn == [(getattr(sampling, name), False) for name in lengths]
