"""Designs that between them carry every part of the choice model, and their compiled models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pymc as pm
import pytensor
from choice_designs import made, random_stimuli

from replicator import theories
from replicator.inference import answer_classes, builder
from replicator.inference.builder import Design
from replicator.inference.data import ChoiceData
from replicator.inference.geometry import geometry
from replicator.inference.structure import Structure, structure
from replicator.inference.tabulation import Direct
from replicator.theories import Stimuli

MODE = pytensor.compile.mode.Mode("py", "fast_run").excluding("BlasOpt", "fusion", "inplace")
"""Rewritten for numerical stability as in sampling, but not compiled."""

Point = dict[str, np.ndarray]


def exact_lotteries() -> tuple[ChoiceData, Structure]:
    """Exact probabilities: 3 wordings x 4 lotteries in each of 2 treatments x 2 label sets x 2 orders."""
    rng = np.random.default_rng(1)
    q, grid = 8, np.indices((3, 8, 2, 2)).reshape(4, -1)
    unit, question, labels, order = grid
    stimuli = random_stimuli(rng, q, 2, 2, losses=False)
    data = made(
        stimuli,
        kind="probabilities",
        unit_name="wording",
        units=("plain", "lab", "brief"),
        conditions=("stakes=1", "stakes=20"),
        condition=np.arange(q) % 2,
        unit=unit,
        question=question,
        label_sets=("A|B", "1|2"),
        label_set=labels,
        position=np.column_stack([order, 1 - order]),
        logits=rng.normal(0, 2, size=(len(unit), 1)),
    )
    return data, structure("crra", "contextual", data, intercept=False)


def peoples_gambles() -> tuple[ChoiceData, Structure]:
    """Choices of 4 people who accept or reject 6 gambles, half at 20 times the stakes, with an intercept."""
    rng = np.random.default_rng(2)
    unit, question = np.indices((4, 6)).reshape(2, -1)
    stimuli = random_stimuli(rng, 6, 2, 2, losses=True)
    gamble = np.where(np.arange(2)[None, :, None] == 1, 0.0, stimuli.amount)
    gamble[3:] *= 20.0
    stimuli = replace(
        stimuli,
        amount=gamble,
        largest=gamble.max(axis=(1, 2)),
        smallest=gamble.min(axis=(1, 2)),
    )
    times = rng.integers(1, 3, size=len(unit))
    accepted = rng.binomial(times, 0.5)
    data = made(
        stimuli,
        unit_name="person",
        conditions=("stakes=1", "stakes=20"),
        condition=np.arange(6) // 3,
        units=("ann", "bob", "cat", "dan"),
        unit=unit,
        question=question,
        label_set=np.zeros(len(unit), dtype=int),
        counts=np.column_stack([accepted, times - accepted]).astype(float),
        status_quo=np.array([False, True]),
    )
    return data, structure("loss-aversion", "logit", data, intercept=True)


def some_of_peoples_gambles() -> tuple[ChoiceData, Structure]:
    """The same people, who left five gambles out, in another order."""
    data, _ = peoples_gambles()
    kept = np.random.default_rng(12).permutation(len(data.unit))[:-5]
    rows = {name: getattr(data, name)[kept] for name in ("unit", "question", "label_set", "counts")}
    data = replace(data, **rows)
    return data, structure("loss-aversion", "logit", data, intercept=True)


def few_of_peoples_gambles() -> tuple[ChoiceData, Structure]:
    """The same people, each asked one or two of the gambles, so that values are worked out answer by answer."""
    data, _ = peoples_gambles()
    kept = np.array([19, 0, 4, 10, 8, 15])
    rows = {name: getattr(data, name)[kept] for name in ("unit", "question", "label_set", "counts")}
    data = replace(data, **rows)
    shape = structure("loss-aversion", "logit", data, intercept=True)
    assert shape.sparse
    return data, shape


def few_of_peoples_delays() -> tuple[ChoiceData, Structure]:
    """Five people, of whom each was asked one of 8 sooner and later payments, or two."""
    payments, _ = delayed_payments()
    eight = Direct("equivalent", payments.stimuli, np.ones(5)).of(np.array([0, 1, 2, 3, 4, 0, 1, 2])).stimuli
    data = made(
        eight,
        unit_name="person",
        units=("ann", "bob", "cat", "dan", "eve"),
        unit=np.array([3, 3, 0, 1, 2, 4]),
        question=np.array([7, 1, 4, 0, 2, 3]),
        label_set=np.zeros(6, dtype=int),
        counts=np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]),
    )
    shape = structure("hyperbolic", "equivalent", data, intercept=False)
    assert shape.sparse
    return data, shape


def gambles_shown_to_people() -> tuple[ChoiceData, Structure]:
    """The same people, of whom it is known what they were shown first."""
    data, _ = peoples_gambles()
    first = np.random.default_rng(13).integers(0, 2, size=len(data.unit))
    data = replace(data, position=np.column_stack([first, 1 - first]))
    return data, structure("loss-aversion", "logit", data, intercept=True)


def curved_gambles() -> tuple[ChoiceData, Structure]:
    """The same choices with power utility, whose two parameters leave no room for an intercept."""
    data, _ = peoples_gambles()
    return data, structure("loss-aversion-power", "logit", data, intercept=False)


def sampled_triples() -> tuple[ChoiceData, Structure]:
    """Sampled answers with three options: 2 wordings x 5 questions x 3 rotations, a residual a cell."""
    rng = np.random.default_rng(3)
    unit, question, shift = np.indices((2, 5, 3)).reshape(3, -1)
    data = made(
        random_stimuli(rng, 5, 3, 3, losses=True),
        unit_name="wording",
        units=("plain", "lab"),
        unit=unit,
        question=question,
        label_set=np.zeros(len(unit), dtype=int),
        position=(np.arange(3)[None, :] + shift[:, None]) % 3,
        counts=rng.multinomial(20, [0.5, 0.3, 0.2], size=len(unit)).astype(float),
        status_quo=np.array([False, False, True]),
    )
    return data, structure("loss-aversion", "contextual", data, intercept=True)


def exact_triples() -> tuple[ChoiceData, Structure]:
    """Exact probabilities of three options in one wording: no unit effects, no position, no intercept."""
    rng = np.random.default_rng(4)
    data = made(
        random_stimuli(rng, 6, 3, 2, losses=False),
        kind="probabilities",
        unit_name="wording",
        units=("plain",),
        logits=rng.normal(0, 2, size=(6, 2)),
    )
    return data, structure("crra", "logit", data, intercept=False)


def published_shares() -> tuple[ChoiceData, Structure]:
    """One pooled unit, one answer a question: nothing but the theory, the lapse and a binomial."""
    rng = np.random.default_rng(5)
    first = rng.binomial(1, 0.5, size=7)
    data = made(random_stimuli(rng, 7, 2, 2, losses=False), counts=np.column_stack([first, 1 - first]).astype(float))
    return data, structure("crra", "contextual", data, intercept=False)


def personas_by_wordings() -> tuple[ChoiceData, Structure]:
    """Exact probabilities of 4 personas in each of 3 wordings, 5 lotteries at two stakes."""
    rng = np.random.default_rng(8)
    unit, wording, question = np.indices((4, 3, 5)).reshape(3, -1)
    data = made(
        random_stimuli(rng, 5, 2, 2, losses=False),
        kind="probabilities",
        unit_name="persona",
        conditions=("stakes=1", "stakes=20"),
        condition=np.array([0, 1, 0, 1, 1]),
        units=("ada", "bo", "cy", "di"),
        unit=unit,
        wordings=("plain", "lab", "brief"),
        wording=wording,
        question=question,
        label_set=np.zeros(len(unit), dtype=int),
        logits=rng.normal(0, 2, size=(len(unit), 1)),
    )
    return data, structure("crra", "contextual", data, intercept=False)


def answers_of_prompts() -> tuple[ChoiceData, Structure]:
    """One to a thousand samples of every prompt: 3 wordings x 5 lotteries x 2 orders, whose own log odds are summed
    over. Those of some prompts are all alike, and others, of weighted traces of reasoning, are not whole."""
    rng = np.random.default_rng(14)
    unit, question, order = np.indices((3, 5, 2)).reshape(3, -1)
    total = rng.choice([1, 2, 5, 20, 1000], size=len(unit))
    first = rng.binomial(total, 0.6) - rng.choice([0.0, 0.3], size=len(unit))
    first = np.where(np.arange(len(unit)) % 7 == 0, total, np.clip(first, 0.0, total))
    data = made(
        random_stimuli(rng, 5, 2, 2, losses=False),
        unit_name="wording",
        units=("plain", "lab", "brief"),
        unit=unit,
        question=question,
        label_set=np.zeros(len(unit), dtype=int),
        position=np.column_stack([order, 1 - order]),
        counts=np.column_stack([first, total - first]).astype(float),
    )
    shape = structure("crra", "contextual", data, intercept=False)
    assert shape.prompts_summed
    return data, shape


def sampled_personas() -> tuple[ChoiceData, Structure]:
    """Samples of 3 personas in each of 2 wordings, 4 lotteries: counts with the scatter of a model's prompts."""
    rng = np.random.default_rng(9)
    unit, wording, question = np.indices((3, 2, 4)).reshape(3, -1)
    data = made(
        random_stimuli(rng, 4, 2, 2, losses=False),
        kind="counts",
        unit_name="persona",
        units=("ada", "bo", "cy"),
        unit=unit,
        wordings=("plain", "lab"),
        wording=wording,
        question=question,
        label_set=np.zeros(len(unit), dtype=int),
        counts=rng.integers(0, 9, size=(len(unit), 2)).astype(float) + 1.0,
    )
    return data, structure("crra", "contextual", data, intercept=False)


def distorted_gambles() -> tuple[ChoiceData, Structure]:
    """The same choices as `curved_gambles` with distorted probabilities, which no table of amounts holds."""
    data, _ = peoples_gambles()
    return data, structure("cpt", "contextual", data, intercept=False)


def delayed_payments() -> tuple[ChoiceData, Structure]:
    """Exact probabilities of 2 wordings for 5 sooner and later payments at two multiples."""
    rng = np.random.default_rng(10)
    unit, question = np.indices((2, 5)).reshape(2, -1)
    amount = rng.integers(5, 60, size=(5, 2, 1)).astype(float)
    stimuli = replace(
        random_stimuli(rng, 5, 2, 1, losses=False),
        amount=amount,
        largest=amount.max(axis=(1, 2)),
        smallest=amount.min(axis=(1, 2)),
        delay=np.array([0.0, 1.0])[None, :, None] * rng.integers(5, 120, size=(5, 1, 1)),
    )
    data = made(
        stimuli,
        kind="probabilities",
        unit_name="wording",
        units=("plain", "lab"),
        conditions=("multiple=1", "multiple=10"),
        condition=np.array([0, 1, 0, 1, 1]),
        unit=unit,
        question=question,
        label_set=np.zeros(len(unit), dtype=int),
        logits=rng.normal(0, 2, size=(len(unit), 1)),
    )
    return data, structure("hyperbolic", "equivalent", data, intercept=False)


def gifts_of_a_hundred() -> tuple[ChoiceData, Structure]:
    """Exact probabilities of 31 divisions in 2 wordings at 3 prices of giving, in 11 classes."""
    rng = np.random.default_rng(11)
    unit, question = np.indices((2, 3)).reshape(2, -1)
    data = made(
        budgets(),
        kind="probabilities",
        unit_name="wording",
        units=("plain", "lab"),
        options=tuple(f"class-{c}" for c in range(11)),
        unit=unit,
        question=question,
        label_set=np.zeros(len(unit), dtype=int),
        logits=rng.normal(0, 2, size=(len(unit), 10)),
        status_quo=np.zeros(11, dtype=bool),
        classes=answer_classes.classes(np.arange(31.0)),
    )
    return data, structure("fehr-schmidt", "equivalent", data, intercept=False)


def peoples_gifts() -> tuple[ChoiceData, Structure]:
    """What 3 people gave at the same prices, in classes."""
    rng = np.random.default_rng(12)
    exact, _ = gifts_of_a_hundred()
    unit, question = np.indices((3, 3)).reshape(2, -1)
    data = replace(
        exact,
        kind="counts",
        unit_name="person",
        units=("ann", "bob", "cat"),
        unit=unit,
        question=question,
        label_set=np.zeros(len(unit), dtype=int),
        logits=np.empty((len(unit), 0)),
        counts=rng.multinomial(1, np.full(11, 1 / 11), size=len(unit)).astype(float),
    )
    return data, structure("fehr-schmidt", "logit", data, intercept=False)


def neutral_choices() -> tuple[ChoiceData, Structure]:
    """The lotteries of `exact_lotteries` under a theory without parameters: the sensitivity is all that varies."""
    data, _ = exact_lotteries()
    return data, structure("expected-value", "contextual", data, intercept=False)


def budgets() -> Stimuli:
    """31 divisions of 30 tokens that are worth more to oneself, to the other, or the same."""
    given, price = np.arange(31.0), np.array([0.5, 1.0, 2.0])
    own = np.broadcast_to((30.0 - given)[None, :, None], (3, 31, 1)).copy()
    other = given[None, :] * price[:, None]
    return Stimuli(own, np.ones_like(own), own.max(axis=(1, 2)), own.min(axis=(1, 2)), other=other)


CASES: dict[str, Callable[[], tuple[ChoiceData, Structure]]] = {
    case.__name__: case
    for case in (
        exact_lotteries, peoples_gambles, curved_gambles, sampled_triples, exact_triples, published_shares,
        personas_by_wordings, sampled_personas, answers_of_prompts, distorted_gambles, delayed_payments,
        gifts_of_a_hundred, peoples_gifts, neutral_choices, some_of_peoples_gambles, gambles_shown_to_people,
        few_of_peoples_gambles, few_of_peoples_delays,
    )
}  # fmt: skip


@dataclass
class Fit:
    """A built model with its likelihood compiled."""

    data: ChoiceData
    structure: Structure
    fixed: Design
    model: pm.Model
    given: builder.Arrays = field(default_factory=dict)

    def rows(self, point: Point) -> np.ndarray:
        """(row,) log likelihoods."""
        found = np.asarray(self._rows(point))
        return found[self.data.unit, self.data.question] if self.structure.grid else found

    @cached_property
    def _rows(self) -> Callable[[Point], Any]:
        choices = self.model["choices"]
        rows = self.model.logp(vars=[choices], sum=False)[0]
        return self.model.compile_fn(rows, inputs=self.model.value_vars, mode=MODE, on_unused_input="ignore")

    @cached_property
    def told(self) -> Callable[[Point], Any]:
        """What the model tells besides its free variables."""
        told = self.model.replace_rvs_by_values(self.model.deterministics)
        return self.model.compile_fn(told, inputs=self.model.value_vars, mode=MODE, on_unused_input="ignore")

    @cached_property
    def density(self) -> Callable[[Point], float]:
        return self.model.compile_logp(mode=MODE)

    @cached_property
    def gradient(self) -> Callable[[Point], Any]:
        return self.model.compile_dlogp(mode=MODE)

    def point(self, seed: int) -> Point:
        """Values of the free variables, near the priors' bulk, on the sampler's unconstrained scale."""
        rng = np.random.default_rng(seed)
        start = self.model.initial_point()
        return {
            name: np.asarray(rng.normal(-1.0 if name.endswith("__") else 0.2, 0.5, size=np.shape(value)))
            for name, value in start.items()
        }

    def centre(self, weight: float) -> None:
        with self.model:
            names = [name for name in self.model.named_vars if name.startswith("centring_")]
            pm.set_data({name: np.full(self.model[name].get_value().shape, weight) for name in names})


def fit(data: ChoiceData, shape: Structure) -> Fit:
    fixed = builder.design(theories.get(shape.theory), shape.noise, data)
    walk = geometry(shape, data, stake=fixed.table.stake, sensitivity_unit=fixed.sensitivity_unit)
    given = builder.arrays(shape, data, walk)
    return Fit(data, shape, fixed, builder.build(shape, fixed, given, builder.coords(shape, data)), given)
