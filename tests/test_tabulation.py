"""Utilities tabulated over distinct amounts give the differences in value that theories give option by option."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from choice_designs import random_stimuli

from replicator import theories
from replicator.inference import tabulation
from replicator.inference.tabulation import Table, sensitivity_unit, stake, valued
from replicator.theories import THEORIES, Stimuli, Theory, noise

CHOICE = [
    theory
    for theory in THEORIES.values()
    if theory.response == "choice" and theory.parameters and theory.log_probabilities is None
]
"""Theories that value options of any design; those of games have tests of their own."""
VALUED = [pytest.param(t, kind, id=f"{t.name}-{kind}") for t in CHOICE for kind in t.noises]
SHAPES = [(1, 2, 1), (10, 2, 2), (7, 3, 4), (25, 2, 3)]
"""(questions, options, branches)"""


def coordinates(theory: Theory, seed: int, agents: int = 4) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {p.name: rng.normal(p.prior.mean, p.prior.sd, size=(agents, 1)) for p in theory.parameters}


def typical(stimuli: Stimuli) -> np.ndarray:
    """Stakes where every second question belongs to another condition."""
    return stake(stimuli, np.arange(len(stimuli.largest)) % 2)


def direct(kind: str, theory: Theory, parameters: dict[str, np.ndarray], stimuli: Stimuli) -> np.ndarray:
    spread = {name: value[:, :, None, None] for name, value in parameters.items()}
    value = noise.values(np, kind, theory, spread, stimuli, stake=typical(stimuli))
    return np.asarray(value[..., :-1] - value[..., -1:])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("theory", "kind"), VALUED)
def test_the_table_says_what_the_theory_says(theory: Theory, kind: str, shape: tuple[int, int, int]) -> None:
    for seed in range(5):
        stimuli = random_stimuli(np.random.default_rng(seed), *shape, losses=theory.losses)
        natural = theory.natural(np, coordinates(theory, seed))
        table = valued(theory, kind, stimuli, stake=typical(stimuli))
        found = table.differences(np, theory, natural)
        assert found.shape == (4, shape[0], shape[1] - 1)
        np.testing.assert_allclose(found, direct(kind, theory, natural, stimuli), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("theory", "kind"), VALUED)
def test_a_table_of_some_questions_is_that_of_a_design_of_them(theory: Theory, kind: str) -> None:
    stimuli = random_stimuli(np.random.default_rng(11), 9, 3, 2, losses=theory.losses)
    natural = theory.natural(np, coordinates(theory, 11))
    whole = valued(theory, kind, stimuli, stake=typical(stimuli))
    for some in (np.array([0, 3, 4]), np.array([8]), np.arange(9)):
        part = whole.of(some)
        np.testing.assert_allclose(
            part.differences(np, theory, natural), whole.differences(np, theory, natural)[:, some], atol=1e-12
        )
        if isinstance(whole, Table):
            assert isinstance(part, Table)
            assert len(part.amount) <= len(whole.amount)


@pytest.mark.parametrize("xp", [np, pt], ids=["numpy", "pytensor"])
def test_looking_utilities_up_sums_what_the_product_sums(xp: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(13)
    weights = np.where(rng.random((30, 12)) < 0.1, rng.normal(size=(30, 12)), 0.0)
    weights[:, 3] = 0.0
    utility = rng.normal(size=(4, 30))
    monkeypatch.setattr(tabulation, "SPARSE", 0)
    found = tabulation.combined(xp, xp.as_tensor(utility) if xp is pt else utility, weights)
    found = found.eval(mode="FAST_COMPILE") if xp is pt else found
    np.testing.assert_allclose(found, utility @ weights, atol=1e-12)
    assert tabulation.combined(np, utility, np.zeros((30, 12))).shape == (4, 12)


def test_amounts_are_tabulated_once() -> None:
    """One stake of 2 and ten of 20 are the same lottery of 1 once each is divided by its largest amount."""
    amount = np.array([[[2.0, 1.0], [1.5, 1.5]]]) * np.array([1.0] + [10.0] * 10)[:, None, None]
    stimuli = Stimuli(amount, np.full(amount.shape, 0.5), amount.max(axis=(1, 2)), amount.min(axis=(1, 2)))
    table = valued(theories.get("crra"), "contextual", stimuli, stake=typical(stimuli))
    assert isinstance(table, Table)
    np.testing.assert_allclose(table.amount, [0.5, 0.75, 1.0])


def test_the_options_of_a_question_without_a_range_do_not_differ() -> None:
    amount = np.array([[[3.0, 3.0], [3.0, 3.0]], [[4.0, 1.0], [2.0, 2.0]]])
    stimuli = Stimuli(amount, np.full((2, 2, 2), 0.5), amount.max(axis=(1, 2)), amount.min(axis=(1, 2)))
    theory = theories.get("crra")
    table = valued(theory, "contextual", stimuli, stake=typical(stimuli))
    found = table.differences(np, theory, {"risk_aversion": np.array([[0.3]])})
    np.testing.assert_array_equal(found[0, 0], 0.0)
    assert found[0, 1, 0] != 0.0


@pytest.mark.parametrize(("theory", "kind"), VALUED)
def test_the_same_in_pytensor(theory: Theory, kind: str) -> None:
    stimuli = random_stimuli(np.random.default_rng(12), 6, 2, 2, losses=theory.losses)
    given = coordinates(theory, 12)
    table = valued(theory, kind, stimuli, stake=typical(stimuli))
    symbols = {name: pt.matrix(name, shape=(None, 1)) for name in given}
    compute = pytensor.function(
        list(symbols.values()), table.differences(pt, theory, theory.natural(pt, symbols)), mode="FAST_COMPILE"
    )
    np.testing.assert_allclose(
        compute(**given), table.differences(np, theory, theory.natural(np, given)), rtol=1e-10, atol=1e-12
    )


def test_a_theory_of_amounts_has_no_values() -> None:
    stimuli = random_stimuli(np.random.default_rng(13), 2, 2, 2, losses=False)
    with pytest.raises(ValueError, match='giving has no values under the noise "contextual"'):
        valued(theories.get("giving"), "contextual", stimuli, stake=typical(stimuli))


def test_sensitivity_to_money_is_counted_in_the_spread_of_the_design() -> None:
    """Expected values of 0, 2, 4, 6 and 8 against nothing: an interquartile range of 4, 1 logit a unit."""
    amount = np.zeros((5, 2, 1))
    amount[:, 0, 0] = [0, 2, 4, 6, 8]
    stimuli = Stimuli(amount, np.ones_like(amount), amount.max(axis=(1, 2)), amount.min(axis=(1, 2)))
    one = np.zeros(5, dtype=int)
    np.testing.assert_allclose(sensitivity_unit("logit", stimuli, one), 1.0)
    np.testing.assert_allclose(sensitivity_unit("contextual", stimuli, one), 1.0)
    np.testing.assert_allclose(stake(stimuli, one), 5.0)
    cents = Stimuli(amount * 100, np.ones_like(amount), stimuli.largest * 100, stimuli.smallest * 100)
    np.testing.assert_allclose(sensitivity_unit("logit", cents, one), 0.01)


@pytest.mark.parametrize("theory", [t for t in CHOICE if t.scale_free], ids=lambda t: t.name)
def test_a_condition_with_all_amounts_times_twenty_is_the_same_design(theory: Theory) -> None:
    """Stakes and units belong to a condition, so that one prior of sensitivity serves all of them."""
    small = random_stimuli(np.random.default_rng(14), 6, 2, 2, losses=theory.losses)
    both = Stimuli(
        np.concatenate([small.amount, 20 * small.amount]),
        np.concatenate([small.probability] * 2),
        np.concatenate([small.largest, 20 * small.largest]),
        np.concatenate([small.smallest, 20 * small.smallest]),
    )
    condition = np.repeat([0, 1], 6)
    natural = theory.natural(np, coordinates(theory, 14))
    table = valued(theory, "logit", both, stake=stake(both, condition))
    scaled = table.differences(np, theory, natural) * sensitivity_unit("logit", both, condition)[:, None]
    np.testing.assert_allclose(scaled[:, :6], scaled[:, 6:], rtol=1e-9, atol=1e-12)
