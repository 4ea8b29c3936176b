"""What a theory is: a pure function from parameters and outcomes to the value of each option.

A theory is written once over an array module `xp` (`numpy` or `pytensor.tensor`) and says nothing of noise,
hierarchy or likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal

Array = Any
"""A numpy array or a pytensor variable."""

Concern = Literal["delay", "other", "ambiguity", "state", "number"]
"""Payments that are made later, or to another person, or with a probability that is known within limits alone; payoffs
that hang on what another player does; the numbers that are answered, whatever they pay."""

Parameters = Mapping[str, Array]
"""Parameter name -> value on its natural scale, broadcastable against the outcomes' leading axes."""


SENSITIVITY = "sensitivity"
"""Name of the noise's parameter, which is all that is estimated of a theory without parameters."""


@dataclass(frozen=True)
class Prior:
    """Normal on the parameter's unconstrained scale (identity, log or logit)."""

    mean: float
    sd: float
    person_sd: float
    """Spread between people on the natural scale: the yardstick of identification."""
    source: str


@dataclass(frozen=True)
class Parameter:
    name: str
    """The field's word, e.g. "risk_aversion"."""
    symbol: str
    """ASCII symbol taken by `--model-args`, e.g. "r"."""
    scale: Literal["identity", "log", "logit"]
    unit: str
    description: str
    neutral: float | None
    """The value at which the behaviour is absent, on the natural scale (r = 0, lambda = 1); None: no such value."""
    prior: Prior
    limits: tuple[float, float] = (-math.inf, math.inf)
    """Open interval in which the theory makes sense, where the scale does not say it."""


@dataclass(frozen=True)
class Stimuli:
    """The outcomes of `q` questions with `k` options of at most `b` branches, padded with probability 0.

    A padded branch repeats an amount that its question really offers, so that it never widens a range.
    """

    amount: Array
    """(q, k, b) in the experiment's unit."""
    probability: Array
    """(q, k, b); sums to 1 over b."""
    largest: Array
    """(q,) the largest amount that is possible in the question."""
    smallest: Array
    """(q,) the smallest amount that is possible in the question."""
    delay: Array | None = None
    """(q, k, b) days until the amount is paid; None where everything is paid at once."""
    other: Array | None = None
    """(q, k) what another person gets for certain; None where nobody else is concerned."""
    ambiguity: Array | None = None
    """(q, k, b) width of the interval in which a branch's probability lies, `probability` being its middle; None where
    all probabilities are known."""
    payoff: Array | None = None
    """(q, k, s) own payoff where the other player chooses action s; None where nothing hangs on another's action."""
    payoff_of_other: Array | None = None
    """(q, k, s) the other player's payoff there; zero where it is not given."""
    answers: Array | None = None
    """(q, k) numbers that the options stand for, ascending; None of options that are no numbers."""
    variables: Mapping[str, Array] = field(default_factory=dict)
    """Declared item variable or factor that is a number -> (q,)."""
    reference: Array | None = None
    """(q,) the amount that theories count in which are not free of scale: the largest of all that is offered, alike
    for all questions; None: the experiment's unit."""


@dataclass(frozen=True)
class Theory:
    """A theory of behaviour: how parameters turn outcomes into the value of options, or into amounts."""

    name: str
    title: str
    equation: str
    response: Literal["choice", "amount", "number", "any"]
    """The kind of answer that it is chiefly about, see `answers`; "any" where it compares answers and reads nothing in
    them."""
    parameters: tuple[Parameter, ...]
    derived: tuple[Parameter, ...]
    """Quantities computed from the parameters that an analysis may be about; they have no prior of their own."""
    natural: Callable[[ModuleType, Parameters], dict[str, Array]]
    """(xp, coordinates) -> parameters and derived quantities on their natural scale, elementwise.

    Coordinates carry the parameters' names and are unconstrained; the priors stand on them.
    """
    needs: str
    """What a design must vary for the parameters to be identified, in words."""
    citation: str
    utility: Callable[[ModuleType, Parameters, Array], Array] | None = None
    """(xp, parameters, amount) -> utility, elementwise and increasing in the amount; theories of risk have one."""
    marginal_utility: Callable[[ModuleType, Parameters, Array], Array] | None = None
    """(xp, parameters, amount) -> derivative of `utility` at a positive amount, elementwise."""
    inverse: Callable[[ModuleType, Parameters, Array], Array] | None = None
    """(xp, parameters, utility) -> the amount that has it, elementwise."""
    weight: Callable[[ModuleType, Parameters, Array], Array] | None = None
    """(xp, parameters, probability) -> its weight, elementwise and increasing from 0 to 1, where probabilities are
    distorted; None where they count as they are."""
    decision_weights: Callable[[ModuleType, Parameters, Stimuli], Array] | None = None
    """(xp, parameters, stimuli) -> (..., q, k, b) what every branch counts for, where that is no function of known
    probabilities by rank."""
    value: Callable[[ModuleType, Parameters, Stimuli], Array] | None = None
    """(xp, parameters, stimuli) -> (..., q, k) value of every option in money, where it is no mean of utilities;
    parameters broadcast against (..., q, k, b)."""
    log_probabilities: Callable[[ModuleType, Parameters, Stimuli], Array] | None = None
    """(xp, parameters, stimuli) -> (..., q, k) natural logarithm of every answer's probability, where a theory says
    this itself and leaves no room for a noise of its own; parameters broadcast against (..., q, k, b)."""
    losses: bool = False
    """Whether negative amounts are within the theory's domain."""
    reads: frozenset[Concern] = frozenset()
    """What it reads besides own amounts paid at once."""
    variables: tuple[str, ...] = ()
    """Declared item variables or factors, numbers, that it reads besides outcomes."""
    scale_free: bool = True
    """Whether multiplying all amounts changes no preference; else utility is of amounts over `Stimuli.reference`."""
    outside: Callable[[Stimuli], str | None] | None = None
    """What of a design lies outside the theory's domain, in words that follow its name, where `reads` and `losses` do
    not say it."""
    thresholds: bool = False
    """Whether whoever accepts an offer accepts every better one, and refusing is worth nothing, so that the least that
    somebody accepts tells the same parameters as accepting and rejecting offers."""
    zero_limit: Mapping[str, float] = field(default_factory=dict)
    """Parameter -> value from which the utility of nothing is minus infinity: beyond it, whether an option can pay
    nothing decides, and the parameter hardly matters."""

    humans: tuple[str, ...] = ()
    """Ids of references in `priors/humans` that speak of it besides those that estimate one of its parameters."""

    @property
    def noises(self) -> tuple[str, ...]:
        """How differences in value may become probabilities, see `theories.noise`; "none" where the theory says
        probabilities itself, and for contrasts.

        Contextual utility is about lotteries: of two payments at different dates the range is all that they differ by.
        """
        if self.response in ("amount", "any") or self.log_probabilities is not None:
            return ("none",)
        return ("contextual", "logit", "equivalent") if self.utility is not None else ("logit", "equivalent")

    @property
    def answers(self) -> tuple[str, ...]:
        """The kinds of answers that it can read: whatever can be listed has options, and options have values."""
        if self.response == "amount":
            return ("amount",)
        if self.response == "number":
            return ("number", "amount")
        if self.response == "any":
            return ()  # a contrast is planned with what it compares
        return ("choice", "amount", "number", "allocation", *(("threshold",) if self.thresholds else ()))

    def parameter(self, name: str) -> Parameter:
        """The parameter or derived quantity called `name`, by its name or its symbol. Raises KeyError."""
        for parameter in (*self.parameters, *self.derived):
            if name in (parameter.name, parameter.symbol):
                return parameter
        raise KeyError(name)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The parameters and the derived quantities."""
        return tuple(parameter.name for parameter in (*self.parameters, *self.derived))

    @property
    def estimated(self) -> tuple[str, ...]:
        """Everything that an analysis may be about: the sensitivity where the theory has no parameters."""
        return self.parameter_names or (SENSITIVITY,)


def by_scale(parameters: tuple[Parameter, ...]) -> Callable[[ModuleType, Parameters], dict[str, Array]]:
    """Natural values parameter by parameter: identity, exp, or inverse logit of the coordinate."""

    def natural(xp: ModuleType, coordinates: Parameters) -> dict[str, Array]:
        return {p.name: from_scale(xp, p.scale, coordinates[p.name]) for p in parameters}

    return natural


def from_scale(xp: ModuleType, scale: str, coordinate: Array) -> Array:
    """The natural value of an unconstrained coordinate."""
    if scale == "log":
        return xp.exp(coordinate)
    if scale == "logit":
        return 1.0 / (1.0 + xp.exp(-coordinate))
    return coordinate
