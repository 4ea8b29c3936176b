"""Schedules of contributions have types, and people's schedules the shares that were published."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from recorded import real
from scipy import stats

from replicator.cooperation import TYPES, classify, conditional_slope, schedules, type_shares
from replicator.errors import DataError

TOKENS = np.arange(21)
"""Others' contributions in the experiment of Fischbacher, Gachter and Fehr 2001."""

NOISY = np.where(TOKENS % 2, TOKENS - 1, np.minimum(TOKENS + 2, 20))
"""Follows others without being monotone."""

FAINT = np.array([10, 0, 10, 2, 9, 3, 11, 4, 10, 5, 11, 3, 12, 4, 11, 6, 12, 5, 11, 7, 12])
"""Rises with others by a Pearson correlation of .31, and by one of ranks with a p of .07."""


@pytest.mark.parametrize(
    ("own", "thoni_volk", "fischbacher"),
    [
        (np.zeros(21), "free-rider", "free-rider"),
        (np.full(21, 7), "unconditional", "unconditional"),
        (TOKENS, "conditional", "conditional"),
        (np.where(TOKENS < 20, 0, 1), "conditional", "conditional"),
        (NOISY, "conditional", "conditional"),
        (np.minimum(TOKENS, 20 - TOKENS), "triangle", "triangle"),
        (np.where(TOKENS <= 14, NOISY[:21], 20 - TOKENS), "triangle", "triangle"),
        (20 - TOKENS, "other", "other"),
        (np.where(TOKENS % 2, 0, 10), "other", "other"),
        (FAINT, "other", "other"),
    ],
)
def test_the_type_of_a_schedule(own: Any, thoni_volk: str, fischbacher: str) -> None:
    assert classify(TOKENS, own) == thoni_volk
    assert classify(TOKENS, own, "fischbacher") == fischbacher
    # Whatever the order in which the schedule is written down, and the unit of money.
    assert classify(TOKENS[::-1] * 0.05, np.asarray(own)[::-1] * 0.05) == thoni_volk


def test_a_correlation_is_read_differently_by_the_two_rules() -> None:
    """Of five steps even a rank correlation of .9 is not significant at 1%; a Pearson correlation of .5 suffices."""
    others, own = [0, 25, 50, 75, 100], [0, 25, 75, 50, 100]
    assert stats.spearmanr(others, own).statistic == pytest.approx(0.9)
    assert classify(others, own) == "conditional"
    assert classify(others, own, "fischbacher") == "other"
    assert np.corrcoef([0, 50, 100], [0, 100, 50])[0, 1] == pytest.approx(0.5)
    assert classify([0, 50, 100], [0, 100, 50]) == "conditional"
    assert classify([0, 50, 100], [0, 100, 50], "fischbacher") == "triangle"


def test_the_slope_of_a_schedule_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(0)
    own = np.clip(0.6 * TOKENS + rng.normal(0, 2, 21), 0, 20)
    assert conditional_slope(TOKENS, own) == pytest.approx(np.polyfit(TOKENS, own, 1)[0], rel=1e-10)
    assert conditional_slope([0, 1], [0, 1]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("others", "own", "problem"),
    [
        ([0, 1], [0], "have 1 answers"),
        ([3, 3], [0, 1], "two contributions"),
        ([0, 1], [0, -1], "not negative"),
        ([0, np.nan], [0, 1], "not negative"),
    ],
)
def test_what_is_no_schedule_is_refused(others: Any, own: Any, problem: str) -> None:
    for question in (classify, conditional_slope):
        with pytest.raises(ValueError, match=problem):
            question(others, own)


def test_shares_of_types_are_a_dirichlet_posterior() -> None:
    """Against a Monte Carlo of the Dirichlet itself, and a type that nobody has stays possible."""
    types = ["conditional"] * 13 + ["free-rider"] * 6 + ["triangle"]
    found = type_shares(types)
    drawn = np.random.default_rng(1).dirichlet(np.array([13, 6, 1, 0, 0]) + 0.5, size=400_000)
    assert [share.type for share in found] == list(TYPES)
    assert [share.count for share in found] == [13, 6, 1, 0, 0]
    np.testing.assert_allclose([share.mean for share in found], drawn.mean(axis=0), atol=1e-3)
    np.testing.assert_allclose([share.low for share in found], np.quantile(drawn, 0.025, axis=0), atol=2e-3)
    np.testing.assert_allclose([share.high for share in found], np.quantile(drawn, 0.975, axis=0), atol=2e-3)
    assert sum(share.mean for share in found) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="no schedules"):
        type_shares([])


def rows(*answers: tuple[str, float, float | None]) -> pd.DataFrame:
    frame = pd.DataFrame(answers, columns=["subject", "stimulus.others", "value"])
    return frame.assign(status=np.where(frame["value"].isna(), "missing", "valid"))


def test_only_whole_schedules_are_read_from_choices() -> None:
    table = rows(("ann", 0, 0), ("ann", 50, 50), ("ann", 100, 80), ("bob", 0, 0), ("bob", 100, 0), ("bob", 50, None))
    assert list(schedules(table, "others")) == ["ann"]
    assert classify(*schedules(table, "others")["ann"]) == "conditional"
    with pytest.raises(DataError, match=r"no stimulus 'theirs'.*others"):
        schedules(table, "theirs")
    with pytest.raises(DataError, match="two contributions"):
        schedules(rows(("ann", 0, 0), ("bob", 0, 1)), "others")


# Real schedules


@pytest.mark.real_data
@pytest.mark.parametrize("rule", ["thoni-volk", "fischbacher"])
def test_conditional_cooperation_in_period_1(rule: Any) -> None:
    """64.9% of 134 are conditional cooperators and 26.1% free riders in period 1 of Andreozzi, Ploner & Saral 2020
    (Scientific Reports 10, 13610), person by person as the authors class them; their "selfish" are free riders and
    their "humped" triangles."""
    frame = pd.read_csv(real("human/conditional_coop/seqpd_choices.csv"))
    first = frame[frame["period"] == 1]
    own = first[["ccL", "ccM", "ccH"]].to_numpy()
    types = [classify([0, 50, 100], schedule, rule) for schedule in own]
    theirs = {"cond-coop": "conditional", "selfish": "free-rider", "humped": "triangle"}
    for mine, authors in zip(types, first["cond_class_narrow"], strict=True):
        assert mine == theirs.get(authors, mine)
    shares = {share.type: share for share in type_shares(types)}
    assert shares["conditional"].count / len(types) == pytest.approx(0.649, abs=0.0005)
    assert shares["free-rider"].count / len(types) == pytest.approx(0.261, abs=0.0005)
    assert shares["triangle"].count == 10
    # The 61.3% of 17 earlier studies (Thoni & Volk 2018) are within the interval.
    assert shares["conditional"].low < 0.613 < shares["conditional"].high
    slopes = [conditional_slope([0, 50, 100], schedule) for schedule in own]
    assert np.mean(slopes) == pytest.approx((own[:, 2] - own[:, 0]).mean() / 100, rel=1e-9)


@pytest.mark.real_data
def test_conditional_play_over_all_periods() -> None:
    """After little, half and all of the other: 1.8, 25.0 and 41.5 of 100 on average over ten periods."""
    frame = pd.read_csv(real("human/conditional_coop/seqpd_choices.csv"))
    assert frame[["ccL", "ccM", "ccH"]].mean().to_list() == pytest.approx([1.8, 25.0, 41.5], abs=0.06)
    uc = frame.groupby("period")["uc"].mean()
    assert (uc[1], uc[10]) == pytest.approx((51.5, 28.7), abs=0.06)
