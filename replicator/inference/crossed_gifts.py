"""Amounts that a model gives as personas, each in every wording: what is estimated is the mean of their distributions.

Personas are like people, and so the likelihood is that of recorded gifts (`gifts`). The effective number of answers,
and the errors of the means, are those that leave the variance over personas and wordings, both drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special, stats

from replicator import intervals
from replicator.inference.data import LOGIT_LIMIT
from replicator.inference.gifts import RARE, UNKNOWN_SD, Gifts, functionals

_LEAST_ERROR = 0.05
"""Of log odds, as of exact answers."""
_LEAST_SEEN = 0.5
"""Answers of a kind, as expected after traces, of which fewer are taken for none."""
_INSIDE = (special.expit(-LOGIT_LIMIT), special.expit(LOGIT_LIMIT))

Row = tuple[str, str, str, np.ndarray, np.ndarray]
"""Condition, subject, wording, shares (k,), probabilities (k,)."""


def from_personas(rows: Sequence[Row], conditions: tuple[str, ...], *, drawn: bool = False) -> Gifts:
    """From one row for every persona in every wording; or, `drawn`, for every answer of theirs.

    Drawn answers, and distributions given a trace, tell no more than there are of them. Where all or none are of a
    kind, spread says nothing of the error, and they count as often as there are personas, or wordings, whichever are
    fewer.
    """
    c = len(conditions)
    successes, trials = np.zeros((c, 3)), np.zeros((c, 3))
    means, errors = np.full((c, 2), np.nan), np.full((c, 2), np.nan)
    spread: list[float | None] = []
    for i, name in enumerate(conditions):
        here = [row[1:] for row in rows if row[0] == name]
        who, wording = (pd.factorize(np.array([row[j] for row in here]))[0] for j in (0, 1))
        expected = np.array([share @ probability for _, _, share, probability in here])
        spread.append((_spread_of_draws if drawn else _spread)(expected, who, wording))
        grids = {id(share): share for _, _, share, _ in here}
        columns = {which: functionals(share) for which, share in grids.items()}
        of_kind = np.array([probability @ columns[id(share)] for _, _, share, probability in here])
        answers = None
        if drawn:
            of_kind, who, wording, answers = _pairs(of_kind, who, wording)
        left = np.ones(len(of_kind))
        for j in range(3):
            successes[i, j], trials[i, j] = _counted(of_kind[:, j], left, who, wording, answers)
            left = left - of_kind[:, j]
        for j, (total, kind) in enumerate(((4, 3), (5, 2))):
            means[i, j], errors[i, j] = _mean(of_kind[:, total], of_kind[:, kind], who, wording, answers)
    return Gifts("records", conditions, 1, np.empty((c, 0, 5)), successes, trials, means, errors, tuple(spread))


def _pairs(
    values: np.ndarray, who: np.ndarray, wording: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Means of (row, column) values by persona and wording, whose each is, and how many answers it has."""
    both, pair, answers = np.unique(np.column_stack([who, wording]), axis=0, return_inverse=True, return_counts=True)
    total = np.zeros((len(both), values.shape[1]))
    np.add.at(total, pair.ravel(), values)
    return total / answers[:, None], both[:, 0], both[:, 1], answers.astype(float)


def _counted(
    part: np.ndarray, whole: np.ndarray, who: np.ndarray, wording: np.ndarray, answers: np.ndarray | None
) -> tuple[float, float]:
    """Effective hits and trials of a share of what is left, with so many drawn answers a pair, or exact ones."""
    p, error = _ratio(part, whole, who, wording)
    # As of exact answers to wordings, no error of a log odds is below the floor.
    n = 1.0 / (p * (1.0 - p) * max(error / (p * (1.0 - p)), _LEAST_ERROR) ** 2)
    if answers is None:
        return p * n, n
    given, hits = float(answers @ whole), float(answers @ part)
    if min(hits, given - hits) < _LEAST_SEEN:
        n = float(_clusters(whole, who, wording))
        p = float(np.clip(hits / max(given, 1e-300), 0.0, 1.0))
    n = min(n, given)
    return p * n, n


def _mean(
    total: np.ndarray, kind: np.ndarray, who: np.ndarray, wording: np.ndarray, answers: np.ndarray | None
) -> tuple[float, float]:
    """The mean of the gifts of one kind and its standard error; nan where they hardly occur."""
    if kind.mean() <= RARE or (answers is not None and answers @ kind < _LEAST_SEEN):
        return np.nan, np.nan
    mean, error = _ratio(total, kind, who, wording)
    error = max(error, _LEAST_ERROR * mean * (1.0 - mean))
    if answers is None:
        return mean, error
    # As with people: at least what one more of them, whose gift may lie anywhere, would move the mean by.
    return mean, max(error, UNKNOWN_SD / max(1.0, min(float(answers @ kind), _clusters(kind, who, wording))))


def _clusters(weight: np.ndarray, *ways: np.ndarray) -> int:
    """Personas or wordings with any weight, whichever are fewer; of one wording nothing varies but personas."""
    counts = [len(np.unique(way[weight > RARE])) for way in ways if int(way.max()) > 0]
    return min(counts, default=1)


def _ratio(part: np.ndarray, whole: np.ndarray, persona: np.ndarray, wording: np.ndarray) -> tuple[float, float]:
    """sum(part) / sum(whole), inside (0, 1), and its standard error over personas and wordings (linearised).

    The error is widened so that a normal interval covers what t's would with so few.
    """
    ratio = float(np.clip(part.sum() / max(whole.sum(), 1e-300), *_INSIDE))
    influence = (part - ratio * whole) / max(whole.mean(), 1e-300)
    variance, degrees = intervals.crossed_variance(influence[:, None], persona, wording)
    if degrees == 0:
        return ratio, 0.0
    return ratio, float(np.sqrt(variance[0]) * stats.t.ppf(0.975, degrees) / stats.norm.ppf(0.975))


def _spread(expected: np.ndarray, who: np.ndarray, wording: np.ndarray) -> float | None:
    """Sd between personas of the share that each gives."""
    by_persona = np.bincount(who, expected) / np.bincount(who)
    return float(by_persona.std(ddof=1)) if len(by_persona) > 1 else None


def _spread_of_draws(given: np.ndarray, who: np.ndarray, wording: np.ndarray) -> float | None:
    """The same without what draws add to it, where personas answered more than once.

    A persona's mean of n answers has a variance of s^2 / n, s^2 being that of answers around the sum of the persona's
    and the wording's effects.
    """
    raw, count, shown = _spread(given, who, wording), np.bincount(who), np.bincount(wording)
    degrees = len(given) - len(count) - len(shown) + 1
    if raw is None or degrees < 1:
        return raw
    rest = given - (np.bincount(wording, given) / shown)[wording]
    rest = rest - (np.bincount(who, rest) / count)[who]
    noise = float(rest @ rest) / degrees * float(np.mean(1.0 / count))
    return float(np.sqrt(max(raw**2 - noise, 0.0)))
