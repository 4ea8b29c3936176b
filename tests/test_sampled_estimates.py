"""One likelihood for each kind of data, and the same parameters: samples say what exact probabilities say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from choice_designs import answered, by_wording
from scipy import special
from small_experiments import LOTTERY, lotteries

from replicator.inference import posterior
from replicator.inference.data import ChoiceData
from replicator.inference.posterior import Posterior
from replicator.inference.structure import structure

SCATTER = 0.3
"""Scale of the Student-t by which prompts leave the curve, in logits."""


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> ChoiceData:
    """A chooser of r = .5 whose wordings differ and whose prompts scatter; every probability in .01 to .99."""
    experiment = lotteries(wordings={f"w{i}": f"{i}. {LOTTERY}" for i in range(6)})
    chooser = ("participants:crra", {"r": "0.5", "noise": "5", "wording_sd": "0.2"}, {"stakes": [1]})
    data = by_wording(*answered(experiment, tmp_path_factory.mktemp("exact"), *chooser))
    rng = np.random.default_rng(8)
    scatter = SCATTER * rng.standard_t(4, size=data.logits.shape)
    return replace(data, logits=np.clip(data.logits + scatter, -4.59, 4.59))


def sampled(exact: ChoiceData, repeats: int) -> ChoiceData:
    """As many answers to every prompt, drawn with its probability."""
    chosen = np.random.default_rng(9).binomial(repeats, special.expit(exact.logits))
    counts = np.column_stack([chosen, repeats - chosen]).astype(float)
    return replace(exact, kind="counts", logits=np.empty((len(counts), 0)), counts=counts)


@pytest.fixture(scope="module")
def known(exact: ChoiceData) -> Posterior:
    return fitted(exact)


def fitted(data: ChoiceData) -> Posterior:
    shape = structure("crra", "contextual", data, intercept=False)
    return posterior.of_choices(shape, data, seed=3)


@pytest.mark.validate
def test_ten_thousand_samples_a_prompt_say_what_its_probability_says(exact: ChoiceData, known: Posterior) -> None:
    counted = fitted(sampled(exact, 10_000))
    assert known.diagnostics.passed
    assert counted.diagnostics.passed
    r, sampled_r = known.natural["risk_aversion"], counted.natural["risk_aversion"]
    assert np.all(np.abs(sampled_r.mean(axis=0) - r.mean(axis=0)) < 0.2 * r.std(axis=0))
    assert np.all((sampled_r.std(axis=0) / r.std(axis=0) > 0.8) & (sampled_r.std(axis=0) / r.std(axis=0) < 1.25))


@pytest.mark.validate
def test_few_samples_say_the_same_less_surely(exact: ChoiceData, known: Posterior) -> None:
    counted = fitted(sampled(exact, 10))
    assert counted.diagnostics.passed
    r, sampled_r = known.natural["risk_aversion"], counted.natural["risk_aversion"]
    assert np.all(np.abs(sampled_r.mean(axis=0) - r.mean(axis=0)) < 2.5 * sampled_r.std(axis=0))
    assert np.all(sampled_r.std(axis=0) > 0.9 * r.std(axis=0))
