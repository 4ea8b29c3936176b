"""What is fitted, fixed before it is: cells of theory, noise and kind of answer, how many fits each, and their seeds.

Six theories get 100 fits of exact answers, all others 25; two of the six get 50 of drawn answers. The six are one of
each kind of model that the builder makes: one parameter under contextual utility (CRRA), two that trade off (power
utility with loss aversion), three with distorted probabilities (CPT), delays, accepting offers, and two parameters of
social preference.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from replicator import theories
from replicator.calibration.designs import design_name, questions
from replicator.inference.data import ChoiceData
from replicator.inference.structure import Structure, can_have_intercept, structure
from replicator.inference.unanswered import to_a_model, to_persons
from replicator.theories.theory import Theory

SEED = 20261126
"""Of all truths, answers and chains."""

CORE = ("crra", "loss-aversion-power", "cpt", "hyperbolic", "acceptance-threshold", "fehr-schmidt")
CORE_FITS = 100
FITS = 25
SAMPLE_FITS = 50
"""Of drawn answers: 25 at first, whose intervals covered 92.0%, and 25 more to tell whether that was chance."""
FIXED_FITS = 40
"""Of truths that are not drawn, for each of the six."""

OFFSET = 1.0
"""Prior sds that the parameters of fixed truths lie off the prior's centre, to either side."""

WORDINGS = 4
LABEL_SETS = ("A|B", "1|2")
PERSONS = 12
SAMPLES = 5
"""Answers a prompt, where a model is sampled."""

_NOISE = {"loss-aversion": "logit", "loss-aversion-power": "logit", "fehr-schmidt": "logit"}
"""Where it is not the theory's first noise, or its experiment's."""

_BLOCK = 10
"""Fits of one cell that are made in a row."""

Kind = Literal["exact", "samples", "persons", "classes", "thresholds", "gifts", "contrast"]
_OF_THEIR_OWN: dict[Kind, str] = {
    "classes": "worth stated in fours",
    "thresholds": "least acceptable offers",
    "gifts": "distributions of gifts",
    "contrast": "two levels of a text",
}
"""Kinds of answers with a design of their own: long grids, whose answers are put together into classes; the least
that is accepted; and two that no theory of choice is about, `gift_refits` and `contrast_refits`."""
Purpose = Literal["prior", "fixed"]
PURPOSES: tuple[Purpose, ...] = ("prior", "fixed")


@dataclass(frozen=True)
class Cell:
    """Fits that share a design and a compiled model."""

    theory: str
    noise: str
    kind: Kind
    fits: int
    """With truths from the prior."""
    fixed: int
    """With truths at fixed places."""

    @property
    def name(self) -> str:
        """Of its file of rows."""
        return f"{self.theory}--{self.noise}--{self.kind}"

    @property
    def design(self) -> str:
        """Name of its design."""
        if self.kind in _OF_THEIR_OWN:
            return _OF_THEIR_OWN[self.kind]
        return design_name(theories.get(self.theory))

    def data(self) -> ChoiceData:
        """The design, not yet answered."""
        asked = questions(self.design)
        if self.kind == "persons":
            return to_persons(asked, PERSONS)
        if self.kind == "thresholds":
            return replace(to_persons(asked, PERSONS), thresholds=True)
        return to_a_model(asked, WORDINGS, LABEL_SETS, exact=self.kind != "samples")

    def structure(self, data: ChoiceData) -> Structure:
        """The model that such data get."""
        theory = theories.get(self.theory)
        return structure(self.theory, self.noise, data, intercept=can_have_intercept(theory, self.noise, data))

    def random(self, purpose: Purpose, number: int) -> np.random.Generator:
        """Of the truth and the answers of one fit."""
        return np.random.default_rng([SEED, zlib.crc32(self.name.encode()), int(purpose == "fixed"), number])


@dataclass(frozen=True)
class Task:
    cell: Cell
    purpose: Purpose
    number: int


def cells() -> tuple[Cell, ...]:
    """All cells, those of the six theories first."""
    core = [Cell(name, _noise(theories.get(name)), "exact", CORE_FITS, FIXED_FITS) for name in CORE]
    elsewhere = {*CORE, "giving", "contrast"}
    known = [theory for theory in theories.THEORIES.values() if theory.name not in elsewhere]
    others = [Cell(theory.name, _noise(theory), "exact", FITS, 0) for theory in known]
    persons = [Cell(name, _noise(theories.get(name)), "persons", FITS, 0) for name in CORE]
    samples = [Cell(name, _noise(theories.get(name)), "samples", SAMPLE_FITS, 0) for name in ("crra", "hyperbolic")]
    numbers = [
        Cell("certainty-equivalent", "equivalent", "classes", FITS, 0),
        Cell("acceptance-threshold", "equivalent", "thresholds", FITS, 0),
    ]
    own = [*numbers, Cell("giving", "none", "gifts", FITS, 0), Cell("contrast", "none", "contrast", FITS, 0)]
    return (*core, *others, *persons, *samples, *own)


def tasks(chosen: tuple[Cell, ...]) -> Iterator[Task]:
    """Every fit, in blocks, so that all cells get on together."""
    longest = max((max(cell.fits, cell.fixed) for cell in chosen), default=0)
    for start in range(0, longest, _BLOCK):
        for purpose in PURPOSES:
            for cell in chosen:
                planned = cell.fits if purpose == "prior" else cell.fixed
                for number in range(start, min(start + _BLOCK, planned)):
                    yield Task(cell, purpose, number)


def _noise(theory: Theory) -> str:
    usual = next(noise for noise in ("contextual", "equivalent", "none") if noise in theory.noises)
    return _NOISE.get(theory.name, usual)
