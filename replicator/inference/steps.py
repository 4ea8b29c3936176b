"""Residuals of answers around a rough curve, and what one weighted least-squares step makes of them."""

from __future__ import annotations

import numpy as np
from scipy import special

from replicator.inference.data import ChoiceData
from replicator.inference.walk import WIDTH

STEP = 1e-4
"""Of coordinates, for slopes by finite differences."""

FLOOR = 0.05
"""Least residual sd of exact log odds."""


def pooled(data: ChoiceData) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Questions (r,), observed logits (r, contrast) and their weights, for one agent.

    Exact probabilities stand row by row; counts are summed by question and smoothed by half an answer an option.
    """
    if data.kind == "probabilities":
        return data.question, data.logits, np.ones_like(data.logits)
    total = by_question(data, data.question, data.counts)
    smooth = total + 0.5
    return np.arange(len(total)), smoothed(total), 1.0 / (1.0 / smooth[:, :-1] + 1.0 / smooth[:, -1:])


def smoothed(counts: np.ndarray) -> np.ndarray:
    """(row, contrast) log odds of counts, with half an answer more of every option."""
    return np.asarray(np.log(counts[:, :-1] + 0.5) - np.log(counts[:, -1:] + 0.5))


def by_row(data: ChoiceData, curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(row, contrast) residuals around a (q, contrast) curve, and their precisions."""
    if data.kind == "probabilities":
        left = data.logits - curve[data.question]
        return left, exact_precision(left)
    return working(data.counts, curve[data.question])


def working(counts: np.ndarray, here: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(row, contrast) working residuals of (row, k) counts around (row, contrast) log odds, and their precisions.

    Those of one Fisher scoring step: (k - n p) / (n p (1 - p)) with precision n p (1 - p).
    """
    pair = counts[:, :-1] + counts[:, -1:]
    p = special.expit(here)
    precision = np.maximum(pair * p * (1.0 - p), 1e-9)
    return (counts[:, :-1] - pair * p) / precision, precision


def by_question(data: ChoiceData, question: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(q, column) sum of (row, column) values."""
    total = np.zeros((len(data.questions), rows.shape[1]))
    np.add.at(total, question, rows)
    return total


def position_effects(data: ChoiceData, left: np.ndarray) -> np.ndarray:
    """(label set, contrast) rough position effects: the mean residual of the first option where it is shown first,
    and of the opposite sign where it is not. With more than two options the start is zero."""
    found = np.zeros((len(data.label_sets), left.shape[1]))
    if left.shape[1] == 1 and data.position is not None:
        first = data.position[:, 0] == 0
        for label in range(len(data.label_sets)):
            here = data.label_set == label
            if (here & first).any() and (here & ~first).any():
                found[label, 0] = (left[here & first].mean() - left[here & ~first].mean()) / 2.0
    return found


def shown_first(data: ChoiceData, effect: np.ndarray) -> np.ndarray:
    """(row, contrast) what rough position effects add to the log odds; zero with more than two options."""
    if data.position is None or effect.shape[1] > 1:
        return np.zeros((len(data.question), 1))
    return np.asarray(np.where(data.position[:, :1] == 0, 1.0, -1.0) * effect[data.label_set])


def group_steps(
    ways: list[tuple[np.ndarray, int]], slopes: np.ndarray, left: np.ndarray, precision: np.ndarray
) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """One step for every way of grouping the rows, each from what the one before it left; and what is left at last."""
    found = []
    for group, count in ways:
        deviation, error = group_step(group, count, slopes, left, precision)
        left = left - np.einsum("rcj,rj->rc", slopes, deviation[group])
        found.append((deviation, error))
    return found, left


def group_step(
    group: np.ndarray, count: int, slopes: np.ndarray, left: np.ndarray, precision: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(unit, coordinate) deviations of one weighted least-squares step, and their variances."""
    size = slopes.shape[-1]
    deviations, errors = np.zeros((2, count, size))
    for unit in range(count):
        rows = group == unit
        columns = slopes[rows].reshape(-1, size)
        weight = precision[rows].reshape(-1)
        inverse = np.linalg.inv(columns.T @ (weight[:, None] * columns) + np.eye(size))
        deviations[unit] = inverse @ (columns.T @ (weight * left[rows].reshape(-1)))
        errors[unit] = np.diag(inverse)
    return deviations, errors


def exact_precision(left: np.ndarray) -> np.ndarray:
    """(row, contrast) precision of exact answers, alike for all, from what is left of them."""
    return np.full_like(left, 1.0 / (WIDTH * max(_scale(left), FLOOR) ** 2))


def excess(rest: np.ndarray, precision: np.ndarray) -> float:
    """Variance of residuals beyond that of sampling: what Pearson's chi squared has over its expectation."""
    return float((precision * rest**2 - 1.0).sum() / precision.sum())


def _scale(left: np.ndarray) -> float:
    """Robust standard deviation of residuals around zero."""
    return float(np.median(np.abs(left)) / 0.6745)
