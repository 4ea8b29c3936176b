"""When two fits are one model under two names on the design at hand.

Choices see differences in value times a sensitivity. Where the differences of one theory and noise can be had from
another's by other parameters and one factor a condition, at whatever parameters, the two have the same likelihood:
contextual utility and utility in money in lotteries of one range (Wilcox 2011, doi:10.1016/j.jeconom.2009.10.012), or
two theories of fairness where one's second parameter is never at stake. No answers can tell such models apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize

from replicator import theories
from replicator.inference.tabulation import stake, valued
from replicator.theories.theory import Stimuli, Theory

POINTS = 6
"""Values of the one model's parameters, drawn from its prior, that the other is asked to match."""

TOLERANCE = 1e-4
"""Of what is left of the differences in value, as a fraction of them: far below any sensitivity that choices show."""

FEW = 0.1
"""Of the questions may differ between models that are called the same but for them."""

_STARTS = 3
_REACH = 8.0
_SEED = 20020


@dataclass(frozen=True)
class Model:
    theory: str
    noise: str
    intercept: bool = False
    """Whether a tendency to leave the status quo is estimated beside it."""


Relation = Literal["same", "within", "holds", "different"]
"""The one says what the other says, is a special case of it, has it as a special case, or neither."""


@dataclass(frozen=True)
class Related:
    relation: Relation
    but_for: tuple[int, ...] = ()
    """Questions in which the two differ all the same, by their index: few of many, or none."""


def related(one: Model, other: Model, stimuli: Stimuli, condition: np.ndarray) -> Related:
    """How two models stand to each other in questions with these `stimuli`, whose conditions are (q,) `condition`."""
    if "none" in (one.noise, other.noise):  # theories that say probabilities themselves have no sensitivity to rescale
        return Related("different")
    forth = unmatched(one, other, stimuli, condition)
    back = unmatched(other, one, stimuli, condition)
    if forth is None and back is None:
        return Related("different")
    apart = np.zeros(len(condition), dtype=bool)
    for found in (forth, back):
        apart |= found if found is not None else False
    relation: Relation = "same" if forth is not None and back is not None else "holds" if forth is None else "within"
    return Related(relation, tuple(int(q) for q in np.flatnonzero(apart)))


def unmatched(one: Model, other: Model, stimuli: Stimuli, condition: np.ndarray) -> np.ndarray | None:
    """(q,) questions in which the second model cannot say what the first says, at `POINTS` values of the first's
    parameters; None where they are many, or where the first has no finite values to be matched."""
    if one.intercept and not other.intercept:
        return None
    theirs, ours = theories.get(one.theory), theories.get(other.theory)
    rng = np.random.default_rng(_SEED)
    apart, tried = np.zeros(len(condition), dtype=bool), 0
    for _ in range(POINTS):
        drawn = {p.name: rng.normal(p.prior.mean, p.prior.sd) for p in theirs.parameters}
        wanted = _differences(theirs, one.noise, drawn, stimuli, condition)
        if not np.isfinite(wanted).all():
            continue
        tried += 1
        starts = [np.array([drawn.get(p.name, p.prior.mean) for p in ours.parameters])]
        starts += [rng.normal([p.prior.mean for p in ours.parameters], 1.0) for _ in range(_STARTS - 1)]
        for start in starts:
            found = _off(wanted, ours, other.noise, start, stimuli, condition)
            if found.mean() <= FEW:
                break
        else:
            return None
        apart |= found
    return apart if tried and apart.mean() <= FEW else None


def words(one: Model, other: Model, found: Related, items: Sequence[str]) -> str:
    """The relation in a sentence; `items` name the questions. Empty where the two differ."""
    if found.relation == "holds":
        return words(other, one, Related("within", found.but_for), items)
    a, b = (f"{model.theory} under {model.noise} noise" for model in (one, other))
    if one.theory == other.theory:
        a, b = (f"{model.noise} noise" for model in (one, other))
    if one.noise == other.noise:
        a, b = one.theory, other.theory
    named = list(dict.fromkeys(items[q] for q in found.but_for))
    but = f" but for {_listed(named)}" if named else ""
    if found.relation == "same":
        end = (
            ", on which alone a comparison of the two rests."
            if named
            else " up to the scale of its parameters: no answers tell them apart, and estimates differ by priors alone."
        )
        return f"On this design {a} and {b} are the same model{but}{end}"
    return f"On this design {a} is a special case of {b}{but}." if found.relation == "within" else ""


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _off(
    wanted: np.ndarray, theory: Theory, noise: str, start: np.ndarray, stimuli: Stimuli, condition: np.ndarray
) -> np.ndarray:
    """(q,) questions whose wanted differences the theory does not reach, from where it starts and at its best."""
    names = [p.name for p in theory.parameters]
    middle = np.array([p.prior.mean for p in theory.parameters])

    def left(theta: np.ndarray) -> np.ndarray:
        given = dict(zip(names, theta, strict=True))
        with np.errstate(all="ignore"):
            rest = _beyond_factor(wanted, _differences(theory, noise, given, stimuli, condition), condition)
        return np.asarray(np.where(np.isfinite(rest), rest, 1.0))

    def off(theta: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(left(theta).reshape(wanted.shape)).max(axis=1) > TOLERANCE)

    here = off(start)
    if here.mean() <= FEW:
        return here
    if not names:
        return here
    inside = np.clip(start, middle - _REACH + 1e-6, middle + _REACH - 1e-6)
    found = optimize.least_squares(
        left, inside, bounds=(middle - _REACH, middle + _REACH), loss="soft_l1", f_scale=TOLERANCE, xtol=1e-12,
        ftol=1e-12, gtol=1e-12, max_nfev=60,
    )  # fmt: skip
    return off(found.x)


def _beyond_factor(wanted: np.ndarray, ours: np.ndarray, condition: np.ndarray) -> np.ndarray:
    """What is left of the wanted differences beyond a positive factor of ours in every condition, as a fraction of
    the largest of them. The factor is the median of those of single questions: few may differ."""
    rest = np.empty_like(wanted)
    for c in np.unique(condition):
        asked = condition == c
        there = np.abs(ours[asked]) > 1e-12
        factor = max(float(np.median(wanted[asked][there] / ours[asked][there])), 0.0) if there.any() else 0.0
        scale = float(np.abs(wanted[asked]).max()) or 1.0
        rest[asked] = (wanted[asked] - factor * ours[asked]) / scale
    return rest.ravel()


def _differences(
    theory: Theory, noise: str, coordinates: dict[str, float], stimuli: Stimuli, condition: np.ndarray
) -> np.ndarray:
    """(q, k - 1) differences in value at one point."""
    natural = theory.natural(np, {name: np.array([[value]]) for name, value in coordinates.items()})
    table = valued(theory, noise, stimuli, stake=stake(stimuli, condition))
    differences: np.ndarray = np.asarray(table.differences(np, theory, natural))
    return np.asarray(differences[0])
