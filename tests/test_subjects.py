"""One person at a time: the maximum likelihood of the classic papers, and who has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from choice_designs import made, read
from recorded import real
from scipy import optimize, special

from replicator import specification, theories
from replicator.exchange.importing import import_run
from replicator.exchange.mapping import read_options
from replicator.inference.data import ChoiceData, choice_data
from replicator.inference.structure import can_have_intercept
from replicator.inference.subjects import by_subject, median_interval
from replicator.shares import usable
from replicator.theories import Stimuli

LINEAR = theories.get("loss-aversion")
GAIN, LOSS = (a.ravel().astype(float) for a in np.meshgrid(np.arange(10, 41, 2), np.arange(5, 21)))


def gambles(gain: np.ndarray, loss: np.ndarray) -> Stimuli:
    amount = np.stack([np.column_stack([gain, -loss]), np.zeros((len(gain), 2))], axis=1)
    probability = np.full(amount.shape, 0.5)
    return Stimuli(amount, probability, amount.max(axis=(1, 2)), amount.min(axis=(1, 2)))


def people(accepted: np.ndarray) -> ChoiceData:
    """Choices (person, gamble) over the whole grid of gains and losses."""
    n, q = accepted.shape
    unit, question = np.indices((n, q)).reshape(2, -1)
    yes = accepted.ravel().astype(float)
    return made(
        gambles(GAIN, LOSS),
        unit_name="person",
        units=tuple(f"p{i}" for i in range(n)),
        unit=unit,
        question=question,
        label_set=np.zeros(n * q, dtype=int),
        options=("accept", "reject"),
        status_quo=np.array([False, True]),
        counts=np.column_stack([yes, 1 - yes]),
    )


def simulated(rng: np.random.Generator, loss_aversion: list[float], tilt: float) -> np.ndarray:
    weight = np.array(loss_aversion)[:, None]
    return rng.random((len(loss_aversion), len(GAIN))) < special.expit(0.25 * (GAIN - weight * LOSS) + tilt)


def logistic(accepted: np.ndarray, *columns: np.ndarray) -> np.ndarray:
    """Coefficients of a logistic regression by Newton's method, on its own."""
    x = np.column_stack(columns)
    beta = np.zeros(x.shape[1])
    for _ in range(60):
        p = special.expit(x @ beta)
        beta += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x, x.T @ (accepted - p))
    return beta


@pytest.fixture(scope="module")
def accepted() -> np.ndarray:
    return simulated(np.random.default_rng(1), [0.9, 1.4, 2.0, 2.8, 3.5], 0.4)


def test_loss_aversion_is_the_ratio_of_the_weights_of_losses_and_gains(accepted: np.ndarray) -> None:
    """lambda = -beta(loss) / beta(gain) in a logit of acceptance with an intercept (Tom et al. 2007)."""
    found = by_subject(LINEAR, "logit", people(accepted), intercept=True)
    assert (found.estimable, found.people) == (5, 5)
    for mine, person in zip(found.natural["loss_aversion"], accepted, strict=True):
        _, gain, loss = logistic(person, np.ones_like(GAIN), GAIN, LOSS)
        assert mine == pytest.approx(-loss / gain, rel=1e-4)


def test_without_an_intercept_it_is_the_regression_through_the_origin(accepted: np.ndarray) -> None:
    found = by_subject(LINEAR, "logit", people(accepted), intercept=False)
    for mine, person in zip(found.natural["loss_aversion"], accepted, strict=True):
        gain, loss = logistic(person, GAIN, LOSS)
        assert mine == pytest.approx(-loss / gain, rel=1e-4)


def test_the_currency_does_not_matter(accepted: np.ndarray) -> None:
    data = people(accepted)
    cents = made(gambles(GAIN * 100, LOSS * 100), **{
        name: getattr(data, name)
        for name in ("unit_name", "units", "unit", "question", "label_set", "options", "status_quo", "counts")
    })  # fmt: skip
    one, other = (by_subject(LINEAR, "logit", d, intercept=True) for d in (data, cents))
    np.testing.assert_allclose(one.natural["loss_aversion"], other.natural["loss_aversion"], rtol=1e-4)


def test_people_whose_choices_separate_are_left_out_and_counted(accepted: np.ndarray) -> None:
    always, never = np.ones_like(GAIN, dtype=bool), np.zeros_like(GAIN, dtype=bool)
    strict = [GAIN - weight * LOSS > shift for weight, shift in ((1.0, 0.0), (1.73, 0.4), (2.6, -3.0))]
    by_gain_alone = GAIN > 25
    separated = np.array([always, never, *strict, by_gain_alone])
    for rows in separated[2:]:
        assert 0 < rows.mean() < 1
    found = by_subject(LINEAR, "logit", people(np.vstack([accepted[:2], separated])), intercept=True)
    assert (found.estimable, found.people) == (2, 8)
    alone = by_subject(LINEAR, "logit", people(accepted[:2]), intercept=True)
    np.testing.assert_allclose(found.natural["loss_aversion"], alone.natural["loss_aversion"], rtol=1e-6)


def test_one_inconsistent_choice_is_enough_for_an_estimate() -> None:
    strict = GAIN > 1.73 * LOSS
    slip = strict.copy()
    slip[np.argmax(GAIN / LOSS)] = False
    found = by_subject(LINEAR, "logit", people(slip[None]), intercept=True)
    _, gain, loss = logistic(slip, np.ones_like(GAIN), GAIN, LOSS)
    assert found.natural["loss_aversion"] == pytest.approx([-loss / gain], rel=1e-3)


def test_risk_aversion_by_person_is_the_maximum_of_its_own_likelihood() -> None:
    """CRRA with money differences, against a search over a fine grid with noise profiled out."""
    rng = np.random.default_rng(2)
    p = np.tile(np.arange(1, 10) / 10, 12)
    high, low = rng.uniform(2, 6, len(p)), rng.uniform(0.1, 1, len(p))
    sure = rng.uniform(1, 2, len(p))
    amount = np.stack([np.column_stack([sure, sure]), np.column_stack([high, low])], axis=1)
    odds = np.stack([np.column_stack([p, 1 - p])] * 2, axis=1)
    stimuli = Stimuli(amount, odds, amount.max(axis=(1, 2)), amount.min(axis=(1, 2)))

    def difference(r: float) -> np.ndarray:
        value = (odds * amount ** (1 - r) / (1 - r)).sum(axis=2)
        return np.asarray(value[:, 0] - value[:, 1])

    safe = rng.random(len(p)) < special.expit(3 * difference(0.4))
    data = made(stimuli, unit_name="person", units=("ann",), counts=np.column_stack([safe, ~safe]).astype(float))
    found = by_subject(theories.get("crra"), "logit", data, intercept=False)

    def profile(r: float) -> float:
        signed = np.where(safe, 1, -1) * difference(r)
        return float(
            optimize.minimize_scalar(
                lambda s: np.logaddexp(0, -np.exp(s) * signed).sum(), bounds=(-5, 6), method="bounded"
            ).fun
        )

    best = optimize.minimize_scalar(profile, bounds=(-1, 0.99), method="bounded", options={"xatol": 1e-7}).x
    assert found.natural["risk_aversion"] == pytest.approx([best], abs=1e-3)


def test_three_options_are_refused() -> None:
    stimuli = gambles(GAIN[:4], LOSS[:4])
    three = Stimuli(
        np.repeat(stimuli.amount, 2, axis=1)[:, :3],
        np.full((4, 3, 2), 0.5),
        stimuli.largest,
        stimuli.smallest,
    )
    with pytest.raises(ValueError, match="two options"):
        by_subject(LINEAR, "logit", made(three, counts=np.ones((4, 3))), intercept=False)


def test_the_interval_of_a_median_over_people() -> None:
    """Of a normal sample the median's standard error is 1.2533 sd / sqrt(n)."""
    values = np.random.default_rng(3).normal(2.0, 0.5, size=401)
    error, low, high = median_interval(values, seed=1)
    assert error == pytest.approx(1.2533 * 0.5 / np.sqrt(401), rel=0.3)
    assert low < np.median(values) < high
    assert high - low == pytest.approx(3.92 * error, rel=0.25)
    assert median_interval(values, seed=1) == (error, low, high)


# Real choices


@pytest.mark.real_data
def test_tom_2007_gives_the_published_median(tmp_path: Path) -> None:
    """1.93 as published (Tom et al. 2007): a logit of acceptance with an intercept, person by person."""
    file = real("human/tom2007_mixed_gambles/tom2007_choices.csv")
    mapping = read_options(
        map=["subject=participant_id", "stimulus.gain=gain", "stimulus.loss=loss", "value=accept"],
        values=["1=accept,0=reject"],
    )
    run = import_run(file, specification.find("mixed-gambles"), mapping, tmp_path / "run")
    table, cells = read(run.choices)
    data = choice_data(usable(table), cells, "person")
    assert data.counts.sum() == 3_942
    assert can_have_intercept(LINEAR, "logit", data)
    found = by_subject(LINEAR, "logit", data, intercept=True)
    assert (found.estimable, found.people) == (16, 16)
    values = found.natural["loss_aversion"]
    assert float(np.median(values)) == pytest.approx(1.937, abs=0.01)
    assert (values.min(), values.max()) == pytest.approx((0.99, 6.75), abs=0.006)
