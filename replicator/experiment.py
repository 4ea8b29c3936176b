"""An experiment as data: what is offered, to whom, how it may be asked, and how it will be analysed.

A specification (JSON, see `schema/experiment.json`) is read by `specification.load`; everything after it
sees only these frozen objects.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from replicator.amounts import format_amount as format_amount
from replicator.expression import Expression
from replicator.response import Form
from replicator.response import Response as Response
from replicator.response import ResponseType as ResponseType
from replicator.response import Value as Value

Family = Literal["risky-choice", "intertemporal-choice", "social-preference", "strategic", "bias-probe"]


@dataclass(frozen=True)
class Outcome:
    """One thing that an option gives: one branch, to one recipient, at one date."""

    option: str
    """Name of the option; of an answer in numbers its text ("50", "60, 40")."""
    amount: float
    """In `unit`s; losses are negative."""
    probability_low: float
    """Equal to `probability_high` unless the probability is ambiguous."""
    probability_high: float
    to: str = "self"
    delay: float = 0.0
    """Days from the decision."""
    unit: str = ""
    state: str | None = None
    """Another player's action that this outcome depends on."""
    status_quo: bool = False
    """Whether the option leaves things as they are."""


@dataclass(frozen=True)
class OutcomeSpec:
    """An outcome whose numbers are expressions over item variables, factors and what is answered: `answer`, or
    the accounts of an allocation."""

    amount: Expression
    probability_low: Expression
    probability_high: Expression
    to: str
    delay: Expression
    state: str | None


@dataclass(frozen=True)
class Option:
    name: str
    outcomes: tuple[OutcomeSpec, ...]
    text: str | None
    """A template that describes the option; None: described from its outcomes."""
    status_quo: bool


@dataclass(frozen=True)
class Factor:
    name: str
    levels: tuple[Value, ...]
    default: tuple[Value, ...]
    """The levels run when the user names none."""
    role: Literal["treatment", "nuisance"]
    assignment: Literal["within", "between"]
    description: str


@dataclass(frozen=True)
class Item:
    id: str
    variables: Mapping[str, Value]


@dataclass(frozen=True)
class Presentation:
    order: Literal["all", "fixed"]
    """`all`: every permutation of the options or accounts, a scale both ways; `fixed`: as the specification
    lists them."""
    labels: tuple[tuple[str, ...], ...]
    """Label sets; each has one label per displayed position. Only for a choice."""
    layout: tuple[str, ...]
    """The layouts offered, the one that runs by default first: `single` questions, or the whole `list` of items
    with one row asked about."""
    answers: tuple[str, ...] = ("labels",)
    """The answer formats offered, the default first: an option is named by one of the `labels`, or by its own
    name (`names`)."""


@dataclass(frozen=True)
class Check:
    """A comprehension check, asked beside the items and never used in estimation."""

    id: str
    kind: Literal["dominated", "read-back"]
    variables: Mapping[str, Value]
    """A full set of item variables."""
    question: str | None
    """A template (read-back only); a dominated check asks the experiment's own question."""
    options: Mapping[str, str]
    """Option name -> template of its text (read-back only)."""
    correct: str
    """Name of the right option."""


@dataclass(frozen=True)
class Contrast:
    """What is compared: answers at the first of two levels of a factor with answers at the second."""

    factor: str
    levels: tuple[Value, Value]
    option: str | None
    """Of a choice the option whose share is compared; None for numbers."""
    anchors: tuple[str, str] | None = None
    """Of numbers the item variables that hold the anchors shown at the two levels; None where there are none, or the
    levels themselves are numbers."""

    @property
    def is_anchored(self) -> bool:
        """Whether a number was shown at both levels, so that answers can be told in fractions of how far it moved."""
        return self.anchors is not None or all(
            isinstance(level, int | float) and not isinstance(level, bool) for level in self.levels
        )

    def headline(self, response: ResponseType) -> str:
        """The parameter that verdicts are about where a plan names none."""
        if response == "choice":
            return "risk_difference"
        return "anchoring_index" if response != "rating" and self.is_anchored else "difference"


@dataclass(frozen=True)
class Fit:
    """One planned estimate."""

    theory: str
    noise: str
    """"contextual", "logit", "equivalent", or "none" for amounts and contrasts."""
    parameter: str
    """Name of the parameter that the plan is about."""
    rope: float | None
    """Half-width of the region of practical equivalence, in the parameter's own unit."""
    contrast: Contrast | None = None
    """What the theory "contrast" compares; None for every other theory."""


@dataclass(frozen=True)
class Analysis:
    primary: Fit | None
    """None where no theory speaks about the answers: nothing is estimated then."""
    also: tuple[Fit, ...]
    exclusions: tuple[str, ...]
    document: Mapping[str, Any]
    """As written in the specification; hashed into the manifest before collection."""

    @property
    def fits(self) -> tuple[Fit, ...]:
        return () if self.primary is None else (self.primary, *self.also)


@dataclass(frozen=True)
class Experiment:
    name: str
    title: str
    family: Family
    version: int
    citation: Mapping[str, Any]
    factors: tuple[Factor, ...]
    items: tuple[Item, ...]
    options: tuple[Option, ...]
    unit: str
    wordings: Mapping[str, str]
    """Wording name -> template; the experiment's own first, then its family's."""
    response: Response
    presentation: Presentation
    checks: tuple[Check, ...]
    analysis: Analysis
    humans: tuple[str, ...]
    """Ids of the references in `priors/humans`."""
    source: str = field(repr=False)
    """The specification's text."""
    hash: str
    """sha256 of the specification's text and of the shared wordings it uses."""
    path: str

    def option_names(self, variables: Mapping[str, Value]) -> tuple[str, ...]:
        """Options in the experiment's own order; of answers in numbers, all that may be given, as text."""
        if self.response.type == "choice":
            return tuple(option.name for option in self.options)
        return tuple(text for text, _ in self.response.answers(variables))

    def outcomes(self, variables: Mapping[str, Value]) -> tuple[Outcome, ...]:
        """What every option gives for one item and one set of factor levels.

        Of answers in numbers each one is an option, computed with `answer`, or the accounts, set to it.
        """
        if self.response.type == "choice":
            return tuple(
                self._outcome(option, option.name, spec, variables)
                for option in self.options
                for spec in option.outcomes
            )
        if not any(option.outcomes for option in self.options):
            return ()
        return tuple(
            self._outcome(option, text, spec, {**variables, **answered})
            for text, answered in self.response.answers(variables)
            for option in self.options
            for spec in option.outcomes
        )

    def form(self, variables: Mapping[str, Value]) -> Form:
        """How answers in numbers look."""
        return self.response.form(variables, self.unit)

    def _outcome(self, option: Option, name: str, spec: OutcomeSpec, variables: Mapping[str, Value]) -> Outcome:
        return Outcome(
            option=name,
            amount=float(spec.amount.evaluate(variables)),
            probability_low=float(spec.probability_low.evaluate(variables)),
            probability_high=float(spec.probability_high.evaluate(variables)),
            to=spec.to,
            delay=float(spec.delay.evaluate(variables)),
            unit=self.unit,
            state=spec.state,
            status_quo=option.status_quo,
        )

    def conditions(self, levels: Mapping[str, Sequence[Value]] | None = None) -> tuple[Mapping[str, Value], ...]:
        """Every treatment cell as factor -> level, for the chosen levels (defaults where none are given)."""
        chosen = [tuple((levels or {}).get(f.name) or f.default) for f in self.factors]
        names = [f.name for f in self.factors]
        return tuple(dict(zip(names, cell, strict=True)) for cell in itertools.product(*chosen))


ALL = "all"
"""The condition's name in an experiment without factors."""


def condition_name(levels: Mapping[str, Value]) -> str:
    """Name of a treatment cell: "stakes=20", "stakes=1,frame=gain", or "all" without factors."""
    return ",".join(f"{name}={format_value(value)}" for name, value in levels.items()) or ALL


def format_value(value: Value) -> str:
    numeric = isinstance(value, float | int) and not isinstance(value, bool)
    return format_amount(float(value)) if numeric else str(value)
