"""The shape of a choice model: everything that decides its graph and its parameters, apart from the data.

Two fits of one structure share a compiled model; only the data are swapped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from replicator import theories
from replicator.inference.data import ChoiceData
from replicator.theories import priors
from replicator.theories.theory import Theory

DEGREES_OF_FREEDOM = 4.0
"""Of the Student-t around log odds: heavy enough that a few odd prompts do not bend the curve."""


@dataclass(frozen=True)
class Structure:
    theory: str
    noise: str
    likelihood: str
    """"probabilities" (logits of exact probabilities) or "counts"."""
    conditions: int
    units: int
    questions: int
    options: int
    answers: int
    """Possible answers: more than options where these are classes of a long grid."""
    branches: int
    label_sets: int
    position: bool
    """Whether displayed position has an effect: only where the order is known and varied."""
    intercept: bool
    """Whether there is a tendency to leave the status quo, over and above the outcomes."""
    item_misfit: bool
    """Whether single questions may lie off the theory's curve. Not of thresholds: one question holds the whole curve of
    acceptance, and would be explained without the theory."""
    cells: int
    """Number of cells whose own log odds scatter (sampled answers in several presentations); else 0."""
    wordings: int = 0
    """Number of wordings that the units (personas) are crossed with; 0 where they are not."""
    thresholds: bool = False
    """Whether an answer is the least that is accepted, see `censored`."""
    regressors: int = 0
    """Number of columns on which the units' parameters are regressed."""
    grid: bool = False
    """Whether counts are of most pairs of a unit and a question, once each, and in no other way told apart."""
    sparse: bool = False
    """Whether persons were asked few of the questions each, whose values are then worked out answer by answer."""
    shared: bool = False
    """Whether the theory's parameters are the same in all conditions; each keeps a sensitivity of its own."""

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the theory's parameters."""
        return frozenset(p.name for p in theories.get(self.theory).parameters)

    @property
    def curve_seen(self) -> bool:
        """Whether answers show the units' mean curve with the questions' misfit in it: exact ones do, many samples of a
        prompt and the choices of one agent. Several people's choices do not: their mean log odds move with everyone
        who never errs, whose own may be anything beyond some."""
        return self.likelihood == "probabilities" or self.cells > 0 or self.units == 1

    @property
    def noise_floor(self) -> float:
        """Least noise, 1 / sensitivity, of people who chose; none where the curve itself is seen, and its noise."""
        if self.curve_seen or not self.sensitive:
            return 0.0
        return float(priors.document("common")["parameters"][f"sensitivity_{self.noise}"]["floor"])

    @property
    def prompts_summed(self) -> bool:
        """Whether prompts' own log odds are summed over: of answers drawn between two options (see `scatter`)."""
        return self.cells > 0 and self.options == 2

    @property
    def prompts_sampled(self) -> bool:
        """Whether they are among what is sampled: of answers drawn among more options."""
        return self.cells > 0 and self.options > 2

    @property
    def sensitive(self) -> bool:
        """Whether there is a sensitivity: not where the theory says probabilities itself."""
        return self.noise != "none"


_FEW = 4
"""Questions, per question that a person was asked, from which a design is sparse: below, values of all are worked out
at once, and those of expected utility by a matrix product."""


def structure(theory: str, noise: str, data: ChoiceData, *, intercept: bool) -> Structure:
    """The structure that the design of `data` can carry."""
    repeated = np.bincount(data.question, minlength=len(data.questions))
    answers = repeated if data.kind == "probabilities" else _answers(data)
    several_units = len(data.units) > 1
    a_model = data.unit_name in ("wording", "persona")
    cells = len(data.question) if data.kind == "counts" and a_model and several_units else 0
    return Structure(
        theory=theory,
        noise=noise,
        likelihood=data.kind,
        conditions=len(data.conditions),
        units=len(data.units),
        questions=len(data.questions),
        options=len(data.options),
        answers=data.stimuli.amount.shape[1],
        branches=data.stimuli.amount.shape[2],
        label_sets=len(data.label_sets) if data.position is not None else 1,
        position=data.position is not None,
        intercept=intercept,
        item_misfit=bool((answers >= 2).all()) and not data.thresholds,
        cells=cells,
        wordings=len(data.wordings),
        thresholds=data.thresholds,
        regressors=len(data.regressors),
        grid=data.kind == "counts" and not a_model and len(data.options) == 2 and _fills(data),
        sparse=data.kind == "counts" and not a_model and len(data.units) * len(data.questions) >= _FEW * len(data.unit),
    )


def contrasts(count: int) -> np.ndarray:
    """(count, count - 1) orthonormal columns that sum to zero (Helmert's): effects apart from their mean."""
    return np.asarray(linalg.helmert(count).T)


def can_have_intercept(theory: Theory, noise: str, data: ChoiceData) -> bool:
    """Whether a tendency to accept as such can be told from the theory.

    It takes one status quo among the options, noise in money, and linear utility, so that gains and losses move the
    logit each on its own. Contextual utility of a 50-50 gamble depends on their ratio alone, and with curvature the
    level of acceptance is what curvature explains: there an intercept would only trade off against the theory.
    """
    linear = len(theory.parameters) == 1 and theory.losses and theory.utility is not None
    return linear and noise == "logit" and int(data.status_quo.sum()) == 1 and len(data.questions) > 2


def _fills(data: ChoiceData) -> bool:
    """Whether rows are units by questions, each pair at most once and most of them there."""
    if data.position is not None or data.wordings:
        return False
    times = np.bincount(data.unit * len(data.questions) + data.question)
    return bool(times.max(initial=0) == 1 and 2 * len(data.unit) > len(data.units) * len(data.questions))


def _answers(data: ChoiceData) -> np.ndarray:
    total = np.zeros(len(data.questions))
    np.add.at(total, data.question, data.counts.sum(axis=1))
    return total
