"""Differences in value between the options of a design: tabulated over its distinct amounts where that serves.

Expected utility is linear in the utilities of amounts, so the differences in value between the options of every
question are one matrix product with the utilities of the few amounts that occur. `theories.noise` says what is
computed; this says the same faster (a test holds them equal). Where values are no mean of utilities, because
probabilities are distorted, or payments are later or another person's, they are computed option by option.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from replicator.theories import noise as noises
from replicator.theories.theory import Array, Parameters, Stimuli, Theory

SPARSE = 32
"""Distinct amounts, per amount that occurs in a question, beyond which a matrix product is mostly with zeros: there the
utilities that occur are looked up instead (`python benchmarks/estimation.py --costs-only`)."""


@dataclass(frozen=True)
class Direct:
    """A design whose values are computed option by option."""

    noise: str
    stimuli: Stimuli
    stake: np.ndarray
    """(q,) typical amount of the question's condition."""

    def of(self, questions: np.ndarray) -> Direct:
        """The same for some of its questions."""
        kept: dict[str, Any] = {name: array[questions] for name, array in self._arrays().items()}
        variables = {name: np.asarray(values)[questions] for name, values in self.stimuli.variables.items()}
        return Direct(self.noise, Stimuli(**kept, variables=variables), self.stake[questions])

    def arrays(self) -> tuple[np.ndarray, ...]:
        """All that distinguishes two designs."""
        parts = (self._arrays().get(name, np.zeros(0)) for name in Stimuli.__dataclass_fields__ if name != "variables")
        variables = self.stimuli.variables
        return (*parts, *(np.asarray(variables[name]) for name in sorted(variables)), self.stake)

    def _arrays(self) -> dict[str, np.ndarray]:
        """What is given of the stimuli, apart from declared variables."""
        given = {name: getattr(self.stimuli, name) for name in Stimuli.__dataclass_fields__ if name != "variables"}
        return {name: np.asarray(array) for name, array in given.items() if array is not None}

    def differences(self, xp: ModuleType, theory: Theory, parameters: Parameters) -> Array:
        """(u, q, a - 1) value of every answer but the last, less that of the last, or its log odds against the last
        where the theory says probabilities itself; parameters are (u, 1)."""
        value = self.values(xp, theory, parameters)
        return value[:, :, :-1] - value[:, :, -1:]

    def values(self, xp: ModuleType, theory: Theory, parameters: Parameters) -> Array:
        """(u, q, a) value of every answer, or the logarithm of its probability; parameters are (u, 1)."""
        each = {name: value[:, :, None, None] for name, value in parameters.items()}
        if theory.log_probabilities is not None:
            return theory.log_probabilities(xp, each, self.stimuli)
        value = noises.values(xp, self.noise, theory, each, self.stimuli, stake=self.stake)
        return value if each else value[None]  # without parameters everybody is alike


@dataclass(frozen=True)
class Table:
    """A design whose expected utilities are tabulated."""

    noise: str
    amount: np.ndarray
    """(m,) distinct amounts, in units of each question's largest stake (contextual) or of `stake` (logit)."""
    contrast: np.ndarray
    """(m, q * (k - 1)) probability of each amount under option k, less that under the last option."""
    span: np.ndarray
    """(m, q) 1 at the question's largest amount, -1 at its smallest."""
    flat: np.ndarray
    """(q,) whether all amounts of the question are equal."""
    options: int
    stake: np.ndarray
    """(q,) typical amount of the question's condition."""

    def of(self, questions: np.ndarray) -> Table:
        """The same table for some of its questions."""
        if len(questions) == len(self.flat):
            return self
        contrast = self.contrast.reshape((len(self.amount), -1, self.options - 1))[:, questions]
        used = contrast.any(axis=(1, 2)) | self.span[:, questions].any(axis=1)
        return Table(
            noise=self.noise,
            amount=self.amount[used],
            contrast=contrast[used].reshape((int(used.sum()), -1)),
            span=self.span[used][:, questions],
            flat=self.flat[questions],
            options=self.options,
            stake=self.stake[questions],
        )

    def arrays(self) -> tuple[np.ndarray, ...]:
        """All that distinguishes two designs."""
        return self.amount, self.contrast, self.span, self.stake

    def differences(self, xp: ModuleType, theory: Theory, parameters: Parameters) -> Array:
        """(u, q, k - 1) value of every option but the last, less that of the last; parameters are (u, 1).

        Of a theory without parameters u is 1. See `theories.noise.values`.
        """
        assert theory.utility is not None
        assert theory.marginal_utility is not None
        utility = theory.utility(xp, parameters, self.amount[None, :])
        difference = combined(xp, utility, self.contrast).reshape((-1, len(self.flat), self.options - 1))
        if self.noise == "logit":
            slope = theory.marginal_utility(xp, parameters, np.ones((1, 1)))
            return self.stake[None, :, None] * difference / slope[:, :, None]
        span = xp.where(self.flat[None, :], 1.0, combined(xp, utility, self.span))
        return xp.where(self.flat[None, :, None], 0.0, difference / span[:, :, None])


def compared(
    table: Table | Direct, xp: ModuleType, theory: Theory, parameters: Parameters, *, thresholds: bool
) -> Array:
    """What sensitivity multiplies: differences in value from the last answer, (u, q, a - 1); of thresholds the value of
    every offer less that of refusing it, which is nothing, (u, q, a)."""
    if not thresholds:
        return table.differences(xp, theory, parameters)
    if isinstance(table, Table):
        raise ValueError(f"{theory.name} does not say what is accepted")
    return table.values(xp, theory, parameters)


def combined(xp: ModuleType, utility: Array, weights: np.ndarray) -> Array:
    """(u, c) sums of (u, m) utilities by (m, c) weights: a matrix product, or where most weights are zero a sum over
    those that are not."""
    used = weights != 0.0
    filled = max(int(used.sum(axis=0).max(initial=0)), 1)
    if len(weights) <= SPARSE * filled:
        return xp.dot(utility, weights)
    amount = np.argsort(~used, axis=0, kind="stable")[:filled]  # (filled, c) amounts with a weight, then others
    weight = np.take_along_axis(weights, amount, axis=0)
    looked_up = utility.T[amount.ravel()].reshape((*amount.shape, -1))  # (filled, c, u)
    return (looked_up * weight[:, :, None]).sum(axis=0).T


def valued(theory: Theory, noise: str, stimuli: Stimuli, *, stake: np.ndarray) -> Table | Direct:
    """The design as a theory values it. Raises ValueError for a noise that the theory does not go with."""
    if noise not in theory.noises or theory.response == "amount":
        raise ValueError(f'{theory.name} has no values under the noise "{noise}"')
    linear = theory.utility is not None and theory.weight is None and theory.decision_weights is None
    if not linear or not theory.scale_free or noise == "equivalent":
        return Direct(noise, stimuli, stake)
    return _tabulated(noise, stimuli, stake)


def stake(stimuli: Stimuli, condition: np.ndarray) -> np.ndarray:
    """(q,) typical stake of each question's condition: mean absolute amount that is not zero."""
    size = np.abs(np.asarray(stimuli.amount))

    def typical(amounts: np.ndarray) -> float:
        return float(amounts[amounts > 0].mean()) if (amounts > 0).any() else 1.0

    return _by_condition(condition, lambda questions: typical(size[questions]))


def sensitivity_unit(noise: str, stimuli: Stimuli, condition: np.ndarray) -> np.ndarray:
    """(q,) what a sensitivity of exp(coordinate) is counted in: 1 for fractions of what is at stake; for money, the
    sensitivity at which one interquartile range of the condition's expected-value differences moves the logit by 4."""
    if noise != "logit":
        return np.ones(len(condition))
    expected = (stimuli.probability * stimuli.amount).sum(axis=-1)
    differences = expected[:, :-1] - expected[:, -1:]
    stakes = stake(stimuli, condition)

    def unit(questions: np.ndarray) -> float:
        spread = float(np.subtract(*np.percentile(differences[questions].ravel(), [75, 25])))
        return 4.0 / spread if spread > 0 else 4.0 / float(stakes[questions][0])

    return _by_condition(condition, unit)


def _by_condition(condition: np.ndarray, of: Callable[[np.ndarray], float]) -> np.ndarray:
    found = np.zeros(len(condition))
    for c in np.unique(condition):
        questions = np.flatnonzero(condition == c)
        found[questions] = of(questions)
    return found


def _tabulated(noise: str, stimuli: Stimuli, stake: np.ndarray) -> Table:
    q, k, b = stimuli.amount.shape
    size = np.maximum(np.abs(stimuli.largest), np.abs(stimuli.smallest))
    scale = np.where(size > 0, size, 1.0) if noise == "contextual" else stake
    scaled = np.round(stimuli.amount / scale[:, None, None], 12)
    amount, index = np.unique(scaled, return_inverse=True)
    expected = np.zeros((len(amount), q * k))
    np.add.at(expected, (index.ravel(), np.repeat(np.arange(q * k), b)), stimuli.probability.ravel())
    expected = expected.reshape((-1, q, k))
    contrast = (expected[:, :, :-1] - expected[:, :, -1:]).reshape((len(amount), -1))
    questions = np.arange(q)
    span = np.zeros((len(amount), q))
    span[np.searchsorted(amount, np.round(stimuli.largest / scale, 12)), questions] += 1.0
    span[np.searchsorted(amount, np.round(stimuli.smallest / scale, 12)), questions] -= 1.0
    return Table(noise, amount, contrast, span, stimuli.largest <= stimuli.smallest, k, stake)
