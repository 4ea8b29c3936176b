"""Functionals of gifts are read off correctly, and gifts of one person are not independent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from replicator import specification
from replicator.errors import DataError
from replicator.inference import gifts, words
from replicator.inference.data import LOGIT_LIMIT
from replicator.theories import giving

MODE = "FAST_COMPILE"
WINSORISED = 1e-4
"""What cutting logits at 12 (6e-6) may do to a mean."""
GRID = np.arange(101) / 100.0


def natural(coordinates: np.ndarray) -> dict[str, Any]:
    return giving.natural(np, dict(zip(gifts.COORDINATES, coordinates, strict=True)))


def recorded(share: Sequence[float], subject: Sequence[str | None] | None = None) -> pd.DataFrame:
    people = [f"p{i}" for i in range(len(share))] if subject is None else list(subject)
    return pd.DataFrame({"condition": "all", "share": share, "subject": people})


# Exact distributions


def test_the_share_given_at_every_amount_of_the_grid() -> None:
    dictator = specification.find("dictator")
    outcomes = [vars(o) for o in dictator.outcomes({"endowment": 20})]
    options = [str(amount) for amount in range(21)]
    np.testing.assert_allclose(gifts.shares_of_options(outcomes, options), np.arange(21) / 20)


def test_amounts_that_split_nothing_are_refused() -> None:
    alone = {"option": "1", "amount": 0.0, "probability_low": 1.0, "to": "self"}
    with pytest.raises(DataError, match="split an endowment"):
        gifts.shares_of_options([alone], ["1"])


def test_functionals_of_a_distribution_by_hand() -> None:
    """30% give nothing, 20% half, 40% a fifth and 10% three quarters."""
    probability = np.zeros(101)
    probability[[0, 50, 20, 75]] = [0.3, 0.2, 0.4, 0.1]
    found = gifts.from_distributions([("all", GRID, probability)], ("all",))
    assert found.logits.shape == (1, 1, 5)
    expected = special.logit([0.3, 0.2 / 0.7, 0.1 / 0.5, 0.4, 0.5])
    np.testing.assert_allclose(found.logits[0, 0], expected)
    assert natural(found.logits[0, 0])["mean_share"] == pytest.approx(0.4 * 0.2 + 0.2 * 0.5 + 0.1 * 0.75)


def test_functionals_say_all_that_a_mean_needs() -> None:
    """Whatever the distribution, its mean follows from the five."""
    rng = np.random.default_rng(1)
    rows = [("all", GRID, rng.dirichlet(rng.uniform(0.05, 3, 101))) for _ in range(20)]
    found = gifts.from_distributions(rows, ("all",))
    for (_, share, probability), coordinates in zip(rows, found.logits[0], strict=True):
        values = natural(coordinates)
        kinds = probability[0], probability[50], probability[51:].sum()
        assert values["mean_share"] == pytest.approx(float(share @ probability), abs=WINSORISED)
        assert [values[name] for name in ("p_zero", "p_half", "p_above")] == pytest.approx(kinds, abs=WINSORISED)


def test_what_hardly_occurs_is_unknown_and_what_is_certain_is_bounded() -> None:
    nothing = np.eye(101)[0]
    found = gifts.from_distributions([("all", GRID, nothing)], ("all",)).logits[0, 0]
    assert found[0] == LOGIT_LIMIT
    assert np.isnan(found[1:]).all()
    all_of_it = gifts.from_distributions([("all", GRID, np.eye(101)[100])], ("all",)).logits[0, 0]
    np.testing.assert_array_equal(all_of_it[[0, 1, 2, 4]], [-LOGIT_LIMIT, -LOGIT_LIMIT, LOGIT_LIMIT, LOGIT_LIMIT])
    assert np.isnan(all_of_it[3])


def test_conditions_with_fewer_wordings_are_padded_with_what_is_unknown() -> None:
    rng = np.random.default_rng(2)
    rows = [(name, GRID, rng.dirichlet(np.ones(101))) for name in ("a", "b", "a")]
    found = gifts.from_distributions(rows, ("a", "b"))
    assert (found.units, found.logits.shape) == (2, (2, 2, 5))
    assert np.isfinite(found.logits[0]).all()
    assert np.isnan(found.logits[1, 1]).all()


# Recorded gifts


def test_one_gift_a_person_counts_as_it_is() -> None:
    share = [0.0] * 4 + [0.5] * 3 + [0.1, 0.2, 0.3, 0.4] + [0.75]
    found = gifts.from_records(recorded(share), ("all",), "gift")
    np.testing.assert_allclose(found.trials[0], [12, 8, 5])
    np.testing.assert_allclose(found.successes[0], [4, 3, 1])
    assert found.means[0, 0] == pytest.approx(0.5)
    # As fractions of half they are .2 to .8: their (population) sd over the square root of 4.
    assert found.errors[0, 0] == pytest.approx(np.std([0.2, 0.4, 0.6, 0.8]) / 2)
    assert found.person_sd[0] == pytest.approx(np.std(share, ddof=1))


@pytest.mark.parametrize("weighting", ["person", "gift"])
@pytest.mark.parametrize("times", [2, 7])
def test_repeating_every_gift_of_each_person_adds_no_information(weighting: Any, times: int) -> None:
    rng = np.random.default_rng(3)
    share = rng.choice([0.0, 0.1, 0.3, 0.5, 0.6, 1.0], size=40, p=[0.3, 0.15, 0.15, 0.2, 0.1, 0.1])
    people = [f"p{i}" for i in range(40)]
    once = gifts.from_records(recorded(share, people), ("all",), weighting)
    again = gifts.from_records(
        recorded(np.repeat(share, times), np.repeat(people, times).tolist()), ("all",), weighting
    )
    assert once.trials[0, 0] == pytest.approx(40)
    np.testing.assert_allclose(again.trials, once.trials)
    np.testing.assert_allclose(again.successes, once.successes)
    np.testing.assert_allclose(again.means, once.means)
    np.testing.assert_allclose(again.errors, once.errors)
    assert again.person_sd == pytest.approx(once.person_sd)


def test_gifts_of_nobody_known_are_taken_one_by_one() -> None:
    share = [0.0, 0.0, 0.5, 0.2, 0.2, 0.4]
    found = gifts.from_records(recorded(share, [None] * 6), ("all",), "gift")
    assert found.trials[0, 0] == pytest.approx(6)
    assert found.person_sd == (None,)


def test_people_who_change_their_mind_count_for_more_than_one_gift_each() -> None:
    """Gifts that vary within a person as they do between are nearly independent."""
    rng = np.random.default_rng(4)
    share = rng.choice([0.0, 0.3], size=3000)
    people = [f"p{i // 10}" for i in range(3000)]
    found = gifts.from_records(recorded(share, people), ("all",), "gift")
    assert 2000 < found.trials[0, 0] <= 3000


def test_a_person_who_answers_often_weighs_as_much_as_any_other() -> None:
    table = recorded([0.0] * 9 + [0.5], ["often"] * 9 + ["once"])
    by_person = gifts.from_records(table, ("all",), "person")
    by_gift = gifts.from_records(table, ("all",), "gift")
    assert by_person.successes[0, 0] / by_person.trials[0, 0] == pytest.approx(0.5)
    assert by_gift.successes[0, 0] / by_gift.trials[0, 0] == pytest.approx(0.9)


def test_conditions_are_read_apart() -> None:
    table = pd.concat(
        [
            recorded([0.0, 0.0, 0.5, 0.5]).assign(condition="endowment=100"),
            recorded([0.0, 0.5, 0.5, 0.5]).assign(condition="endowment=10"),
        ]
    )
    found = gifts.from_records(table, ("endowment=10", "endowment=100"), "gift")
    np.testing.assert_allclose(found.successes[:, 0] / found.trials[:, 0], [0.25, 0.5])


# Likelihoods


def test_the_likelihood_of_exact_distributions_is_the_one_written_down() -> None:
    """Student-t over wordings, location by location; what is unknown says nothing."""
    rng = np.random.default_rng(5)
    rows = [("all", GRID, rng.dirichlet(np.ones(101))) for _ in range(4)]
    rows.append(("all", GRID, np.eye(101)[0]))  # nothing but zeros: four unknown coordinates
    data = gifts.from_distributions(rows, ("all",))
    model = gifts.build(data, gifts.arrays(data))
    location, log_sd = rng.normal(size=(1, 5)), rng.normal(-1, 0.3, size=5)
    found = float(model.compile_logp(mode=MODE)({"location": location, "wording_sd_log__": log_sd}))
    each = stats.t.logpdf(data.logits[0], df=4, loc=location, scale=0.05 + np.exp(log_sd))
    prior = stats.norm.logpdf(
        location[0], [p.prior.mean for p in giving.PARAMETERS], [p.prior.sd for p in giving.PARAMETERS]
    )
    spread = stats.halfnorm.logpdf(np.exp(log_sd)) + log_sd
    assert found == pytest.approx(np.nansum(each) + prior.sum() + spread.sum(), rel=1e-7)
    assert np.isnan(each).sum() == 4


def test_the_likelihood_of_recorded_gifts_is_binomial_and_normal() -> None:
    rng = np.random.default_rng(6)
    share = rng.choice([0.0, 0.1, 0.3, 0.5, 0.6, 1.0], size=60)
    data = gifts.from_records(recorded(share.tolist()), ("all",), "gift")
    density = gifts.build(data, gifts.arrays(data)).compile_logp(mode=MODE)

    def by_hand(location: np.ndarray) -> float:
        counts = np.round(data.successes[0]), np.round(data.trials[0])
        total = stats.binom.logpmf(*counts, special.expit(location[:3])).sum()
        total += stats.norm.logpdf(data.means[0], special.expit(location[3:]), data.errors[0]).sum()
        means, sds = zip(*((p.prior.mean, p.prior.sd) for p in giving.PARAMETERS), strict=True)
        return float(total + stats.norm.logpdf(location, means, sds).sum())

    one, other = rng.normal(size=(2, 5))
    # Up to the binomial coefficients, which no parameter moves.
    found = float(density({"location": one[None]}) - density({"location": other[None]}))
    assert found == pytest.approx(by_hand(one) - by_hand(other), abs=1e-8)


@pytest.mark.parametrize("gift", [0.25, 0.4])
def test_a_mean_that_every_gift_agrees_on_is_known_but_not_to_the_last_digit(gift: float) -> None:
    """Twenty gifts without spread say where their mean lies, and are still only twenty."""
    data = gifts.from_records(recorded([0.0] * 20 + [gift] * 20), ("all",), "gift")
    density = gifts.build(data, gifts.arrays(data)).compile_logp(mode=MODE)
    prior = giving.PARAMETERS[3].prior

    def likelihood(mean: float) -> float:
        location = np.zeros((1, 5))
        location[0, 3] = special.logit(mean)
        log_prior = float(stats.norm.logpdf(location[0, 3], prior.mean, prior.sd))
        return float(density({"location": location})) - log_prior

    assert likelihood(2 * gift) > likelihood(2 * gift + 0.15) + 1
    assert likelihood(2 * gift) < likelihood(2 * gift + 1e-4) + 1


# No variation


def test_thirty_equal_answers_leave_a_bound_of_nine_and_a_half_percent() -> None:
    """1 - .05^(1/30): the largest share of other answers that still gives 30 of 30 once in twenty."""
    found = words.unvaried(0.5, 30)
    assert "No variation in 30" in found.why_not
    assert "At most 9.5%" in found.why_not
    bound = 1 - found.known["p_half"].low
    assert bound == pytest.approx(0.0950, abs=5e-5)
    assert stats.binom.pmf(30, 30, 1 - bound) == pytest.approx(0.05)
    assert found.known["p_half"].high == 1.0
    assert (found.known["p_zero"].low, found.known["p_zero"].high) == (0.0, pytest.approx(bound))
    mean = found.known["mean_share"]
    assert (mean.low, mean.high) == pytest.approx((0.5 * (1 - bound), 0.5 * (1 - bound) + bound))


def test_the_bound_shrinks_with_answers_and_knows_what_was_given() -> None:
    bounds = [words.unvaried(0.0, n).known["mean_share"].high for n in (1, 10, 100)]
    assert bounds == pytest.approx([0.95, 1 - 0.05**0.1, 1 - 0.05**0.01])
    nothing, most = words.unvaried(0.0, 30).known, words.unvaried(0.8, 30).known
    assert (nothing["p_zero"].high, nothing["p_half"].low) == (1.0, 0.0)
    assert (most["p_above"].high, most["p_half"].low) == (1.0, 0.0)
