"""The scatter of prompts is summed over: what a spline says of their answers is what the integral says."""

from __future__ import annotations

import numpy as np
import pytest
import scattered_answers
from scipy import integrate, stats

from replicator.inference import scatter

PROMPTS = [(0, 1), (1, 0), (1, 1), (0, 5), (1, 4), (3, 7), (10, 10), (20, 0), (30, 970), (0, 1000), (5000, 5000)]


def summed(first: float, other: float, logit: float, scale: float) -> float:
    given = scatter.splines(np.array([[first, other], [3.0, 2.0]]))
    return float(scatter.log_likelihood(np, given, np.array([logit, 0.0]), scale)[0])


@pytest.mark.parametrize(("first", "other"), PROMPTS)
@pytest.mark.parametrize("scale", [0.06, 0.3, 1.0, 4.0])
def test_the_sum_is_the_integral_whatever_the_scale(first: int, other: int, scale: float) -> None:
    """To within a hundredth where answers are as good as likely, and a fifth of what is a ten-thousandth as likely;
    where prompts scatter least, four times that."""
    seen = np.log((first + 0.5) / (other + 0.5))
    best = scattered_answers.log_likelihood(first, other, seen, scale)
    error = np.sqrt(1.0 / (first + 0.5) + 1.0 / (other + 0.5) + scale**2)
    less = 4.0 if scale < 0.1 else 1.0
    for apart in (-6.0, -4.0, -2.5, -1.2, -0.3, 0.0, 0.6, 1.7, 3.0, 5.0):
        logit = float(seen + apart * error)
        expected = scattered_answers.log_likelihood(first, other, logit, scale)
        if expected > best - 9.0:
            tolerance = less * (0.01 if expected > best - 4.0 else 0.2)
            assert summed(first, other, logit, scale) == pytest.approx(expected, abs=tolerance), apart


def test_means_beyond_a_place_are_those_of_students_t() -> None:
    for place in (0.0, 0.4, 3.0, 60.0):
        for power, found in ((1, scatter.beyond), (2, scatter.squares_beyond)):
            mean, _ = integrate.quad(
                lambda t, x=place, n=power: (t - x) ** n / n * stats.t.pdf(t, 4), place, np.inf, epsabs=1e-14, limit=500
            )
            assert float(found(np.array(place))) == pytest.approx(mean, rel=1e-5)


def test_prompts_that_scatter_by_nothing_are_binomial() -> None:
    logit = 0.4
    expected = 7 * logit - 10 * np.logaddexp(0.0, logit)
    assert summed(7, 3, logit, 1e-6) == pytest.approx(expected, abs=0.01)


def test_what_no_answer_would_be_is_unlikely_and_finite() -> None:
    """However far a proposal of the sampler lies off the answers."""
    found = [summed(500, 500, logit, 0.05) for logit in (1.0, 5.0, 50.0, 300.0)]
    assert np.isfinite(found).all()
    assert (np.diff(found) < 0.0).all()
    # Student's tail falls with the fifth power of the distance, once the binomial's has fallen far more.
    assert found[1] - found[2] == pytest.approx(5.0 * np.log(10.0), abs=0.1)


def test_no_answer_says_nothing() -> None:
    given = scatter.splines(np.array([[0.0, 0.0]]))
    assert float(scatter.log_likelihood(np, given, np.array([3.0]), 0.5)[0]) == pytest.approx(0.0, abs=1e-6)


def test_what_a_theory_cannot_value_stays_unknown_and_stops_nothing() -> None:
    given = scatter.splines(np.array([[3.0, 2.0], [1.0, 4.0]]))
    found = scatter.log_likelihood(np, given, np.array([np.nan, np.inf]), 0.5)
    assert np.isnan(found[0])
    assert np.isfinite(found[1])
