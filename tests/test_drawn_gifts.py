"""Amounts that are drawn, or given after a trace, say what exact distributions say, less surely: by as much as few
answers leave open."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_line import called
from scipy import special, stats

from replicator import specification
from replicator.inference import gift_tables, gifts, posterior
from replicator.inference.crossed_gifts import from_personas
from replicator.inference.estimate import estimate_job
from replicator.inference.jobs import Job
from replicator.inference.posterior import Posterior
from replicator.runs import Run
from replicator.theories import giving

GRID = np.arange(101) / 100.0
ONE = np.eye(101)
NOTHING = 0.3
WORDINGS = 10

Answer = tuple[str, str, np.ndarray, np.ndarray]


def distribution(nothing: float = NOTHING) -> np.ndarray:
    """Of those who give, a quarter half, 15% three quarters and the others 20 or 30."""
    probability = np.zeros(101)
    probability[[0, 50, 75, 20, 30]] = nothing, *(np.array([0.25, 0.15, 0.4, 0.2]) * (1 - nothing))
    return probability


def typical(seed: int, scatter: float) -> np.ndarray:
    """(w,) P(0) of wordings around `NOTHING`."""
    return special.expit(special.logit(NOTHING) + scatter * np.random.default_rng(seed).normal(size=WORDINGS))


def drawn(nothing: Sequence[float] | np.ndarray, repeats: int, seed: int) -> list[Answer]:
    """So many answers in every wording."""
    rng = np.random.default_rng(seed)
    return [
        ("all", f"w{w}", GRID, ONE[amount])
        for w, p in enumerate(nothing)
        for amount in rng.choice(101, size=repeats, p=distribution(p))
    ]


def fitted(answers: Sequence[Answer], seed: int = 0) -> Posterior:
    return posterior.of_gifts(gifts.from_draws(answers, ("all",)), seed=seed)


# Wordings


def test_a_hand_of_answers_by_hand() -> None:
    """Two wordings: nothing and a fifth; half, three quarters and a fifth."""
    amounts = [("a", 0), ("a", 20), ("b", 50), ("b", 75), ("b", 20)]
    found = gifts.from_draws([("all", w, GRID, ONE[amount]) for w, amount in amounts], ("all",))
    assert found.units == 2
    np.testing.assert_allclose(found.successes[0, :, :3], [[1, 0, 0], [0, 1, 1]])
    np.testing.assert_allclose(found.trials[0, :, :3], [[2, 1, 1], [3, 3, 2]])
    # One gift a wording lets no variance be known: each counts like one from anywhere, a third of yes and no's.
    np.testing.assert_allclose(found.trials[0, :, 3:], [[3, 0], [3, 3]])
    np.testing.assert_allclose(found.successes[0, :, 3:], [[3 * 0.4, 0], [3 * 0.4, 3 * 0.5]])


def test_gifts_count_by_how_little_they_vary_within_a_wording() -> None:
    """The error of the mean is that of the gifts, whatever the wordings do."""
    rng = np.random.default_rng(1)
    amounts = rng.integers(15, 26, size=(WORDINGS, 400)) + 10 * (np.arange(WORDINGS)[:, None] % 2)
    rows = [("all", str(w), GRID, ONE[a]) for w, some in enumerate(amounts) for a in some]
    found = gifts.from_draws(rows, ("all",))
    mean = 2 * amounts.mean() / 100
    error = np.sqrt(mean * (1 - mean) / found.trials[0, :, 3])
    assert error == pytest.approx(2 * amounts[0].std() / 100 / np.sqrt(400), rel=0.05)


def test_the_likelihood_of_drawn_answers_is_binomial_around_student_wordings() -> None:
    """Centred or not, the density of the same log odds is the same."""
    data = gifts.from_draws(drawn(typical(3, 0.5), 40, 4), ("all",))
    given = gifts.arrays(data)
    rng = np.random.default_rng(5)
    location, log_sd = rng.normal(size=(1, 5)), rng.normal(-1, 0.3, size=5)
    scale, logit = 0.05 + np.exp(log_sd), rng.normal(size=(1, WORDINGS, 5))
    by_hand = stats.t.logpdf(logit, df=4, loc=location[:, None, :], scale=scale).sum()
    by_hand += (data.successes * logit - data.trials * np.logaddexp(0, logit)).sum()
    means, sds = zip(*((p.prior.mean, p.prior.sd) for p in giving.PARAMETERS), strict=True)
    by_hand += stats.norm.logpdf(location[0], means, sds).sum() + (stats.halfnorm.logpdf(np.exp(log_sd)) + log_sd).sum()
    for centred in (0.0, 1.0):
        model = gifts.build(data, given | {"centred": np.full_like(given["centred"], centred)})
        raw = logit if centred else (logit - location[:, None, :]) / scale
        jacobian = 0.0 if centred else -WORDINGS * np.log(scale).sum()
        found = model.compile_logp(mode="FAST_COMPILE")(
            {"location": location, "wording_sd_log__": log_sd, "wording_raw": raw}
        )
        assert float(found) + jacobian == pytest.approx(by_hand, rel=1e-7)


@pytest.mark.parametrize(
    "repeats", [pytest.param(1, marks=pytest.mark.validate), 3, pytest.param(20, marks=pytest.mark.validate)]
)
def test_a_known_probability_to_give_nothing_comes_out_again(repeats: int) -> None:
    """Of four data sets each, .30 lies in all 95% intervals but at most one, and their middle is not off to one side
    (of 60 each: `benchmarks/drawn_amounts.py`)."""
    truth = float(GRID @ distribution())
    hits, means = np.zeros(2), []
    for seed in range(4):
        found = fitted(drawn(typical(seed, 0.4), repeats, seed + 50), seed)
        assert found.diagnostics.passed
        for i, (name, value) in enumerate((("p_zero", NOTHING), ("mean_share", truth))):
            low, high = np.quantile(found.natural[name], [0.025, 0.975])
            hits[i] += low < value < high
        means.append(found.natural["p_zero"].mean())
    assert (hits >= 3).all()
    assert np.mean(means) == pytest.approx(NOTHING, abs=0.06)


def test_ten_thousand_answers_a_wording_say_what_its_distribution_says() -> None:
    nothing = typical(1, 0.4)
    known = gifts.from_distributions([("all", GRID, distribution(p)) for p in nothing], ("all",))
    exact, told = posterior.of_gifts(known, seed=1), fitted(drawn(nothing, 10_000, 2), 1)
    assert told.diagnostics.passed
    for name in ("p_zero", "p_half", "mean_share"):
        one, other = exact.natural[name], told.natural[name]
        assert other.mean() == pytest.approx(one.mean(), abs=0.3 * one.std())
        assert other.std() == pytest.approx(one.std(), rel=0.2)


def test_traces_that_all_say_the_same_claim_no_more_than_as_many_answers() -> None:
    """Three traces a wording, each with the distribution itself: the error is that of three answers."""
    traces = [("all", f"w{w}", GRID, distribution(p)) for w, p in enumerate(typical(1, 0.4)) for _ in range(3)]
    found = gifts.from_draws(traces, ("all",))
    np.testing.assert_allclose(found.trials[0, :, 0], 3)
    np.testing.assert_allclose(found.successes[0, :, 0], 3 * typical(1, 0.4))
    assert fitted(traces).natural["p_zero"].std() > 0.5 * np.sqrt(NOTHING * (1 - NOTHING) / (3 * WORDINGS))


# Personas


def as_personas(answers: Sequence[Answer], people: int) -> list[tuple[str, str, str, np.ndarray, np.ndarray]]:
    return [(c, f"p{i % people}", wording, share, p) for i, (c, wording, share, p) in enumerate(answers)]


def test_personas_that_never_gave_nothing_are_as_many_as_there_are_and_no_millions() -> None:
    """12 personas in 10 wordings, one answer each: none in ten, for whatever differs between the wordings."""
    rng = np.random.default_rng(1)
    rows = [("all", f"p{p}", f"w{w}", GRID, ONE[rng.choice([20, 30, 50])]) for p in range(12) for w in range(WORDINGS)]
    found = from_personas(rows, ("all",), drawn=True)
    assert (found.successes[0, 0], found.trials[0, 0]) == (0, WORDINGS)
    halves = sum(share_of[50] for *_, share_of in rows)
    assert found.successes[0, 1] / found.trials[0, 1] == pytest.approx(halves / 120)
    assert 20 < found.trials[0, 1] <= 120
    assert (found.successes[0, 2], found.trials[0, 2]) == (0, WORDINGS)
    traces = [(*row[:4], 0.999 * row[4] + 0.001 * ONE[0]) for row in rows]
    few = from_personas(traces, ("all",), drawn=True)
    assert few.trials[0, 0] == WORDINGS  # as many answers would hardly have shown it
    assert few.successes[0, 0] == pytest.approx(0.001 * WORDINGS)
    same = [(*row[:4], distribution()) for row in rows]
    assert from_personas(same, ("all",), drawn=True).trials[0, 0] == pytest.approx(120)


def test_the_effective_number_of_drawn_answers_covers_what_personas_and_wordings_do() -> None:
    """Of 200 data sets of 12 personas x 10 wordings, about 95% of intervals hold the mean of the distributions."""
    rng = np.random.default_rng(7)
    wide = special.expit(-0.85 + rng.normal(0, 0.8, (20_000, 1)) + rng.normal(0, 0.4, (20_000, 1))).mean()
    hits = 0
    for _ in range(200):
        p = special.expit(-0.85 + rng.normal(0, 0.8, (12, 1)) + rng.normal(0, 0.4, (1, WORDINGS)))
        rows = [
            ("all", f"p{i}", f"w{w}", GRID, ONE[0 if rng.random() < p[i, w] else 20])
            for i in range(12)
            for w in range(WORDINGS)
        ]
        found = from_personas(rows, ("all",), drawn=True)
        k, n = found.successes[0, 0], found.trials[0, 0]
        low, high = stats.beta.ppf([0.025, 0.975], k + 0.5, n - k + 0.5)
        hits += low < wide < high
    assert 0.9 <= hits / 200 <= 0.99


def test_the_spread_of_personas_is_not_that_of_their_draws() -> None:
    """Personas that give 20 to 40 on average, and each anything from 20 less to 20 more, over 30 data sets."""
    rng = np.random.default_rng(8)
    centre = np.linspace(20, 40, 12)
    known, raw = [], []
    for _ in range(30):
        rows = [
            ("all", f"p{i}", f"w{w}", GRID, ONE[round(centre[i]) + rng.integers(-20, 21)])
            for i in range(12)
            for w in range(WORDINGS)
        ]
        known.append(from_personas(rows, ("all",), drawn=True).person_sd[0])
        raw.append(from_personas(rows, ("all",)).person_sd[0])
    truth = centre.var(ddof=1) / 100**2
    assert np.mean(np.square(known)) == pytest.approx(truth, rel=0.15)
    assert np.mean(np.square(raw)) > 1.25 * truth


# Tables and runs


CELLS = {
    ("split", condition): [
        vars(outcome) for outcome in specification.find("dictator").outcomes({"endowment": endowment})
    ]
    for condition, endowment in (("endowment=10", 10), ("endowment=100", 100))
}


def table(amounts: Sequence[int], **changes: Any) -> pd.DataFrame:
    """Sampled gifts of 100, one a wording."""
    options = [str(amount) for amount in range(101)]
    rows = [
        {
            "item": "split", "condition": "endowment=100", "wording": f"w{w}", "labels": None, "order": None,
            "subject": None, "elicitation": "sample", "options": options,
            "probabilities": ONE[amount], "label_mass": np.nan, "status": "valid", "model": "m",
            "population": "model",
        } | changes
        for w, amount in enumerate(amounts)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def job(**changes: Any) -> Job:
    (fit,) = specification.find("dictator").analysis.fits
    return Job("m", "model", fit, "partial", **changes)


def test_answers_that_all_agree_bound_what_was_not_seen() -> None:
    """Exact distributions that agree are certain; samples are only as many as they are, and one persona's are one."""
    known = gift_tables.read(table([50] * 30), CELLS, job())
    assert "No variation in 30" in known.why_not
    assert "with certainty" in gift_tables.read(table([50] * 3, elicitation="probability"), CELLS, job()).why_not
    alone = gift_tables.read(table([50] * 30, subject="p1"), CELLS, job(personas="averaged"))
    assert "No variation in 1:" in alone.why_not
    person = table([50] * 30, elicitation="recorded", subject="p1")
    assert "No variation in 1:" in gift_tables.read(person, CELLS, job()).why_not


def test_repeats_are_not_averaged_before_they_are_fitted() -> None:
    twice = pd.concat([table([0, 20, 50]), table([20, 20, 50])])
    found = gift_tables.read(twice, CELLS, job())
    assert (found.kind, found.units, found.person_sd) == ("draws", 3, (None,))
    np.testing.assert_allclose(found.trials[0, :, 0], 2)
    np.testing.assert_allclose(found.successes[0, :, 0], [1, 0, 0])
    exact = gift_tables.read(twice.assign(elicitation="verbalised"), CELLS, job())
    assert (exact.kind, exact.units) == ("distributions", 3)


def test_a_condition_without_a_usable_answer_is_told_and_does_not_vanish(tmp_path: Path) -> None:
    refused = table([0] * 4, condition="endowment=10", status="refusal")
    rows = pd.concat([table([50] * 4), refused, refused.assign(condition="comprehension")])
    entries = estimate_job(Run(tmp_path, {}), specification.find("dictator"), job(), rows, CELLS, 0)
    told = {entry["condition"]: entry["why_not"] for entry in entries}
    assert told.keys() == {"endowment=10", "endowment=100"}
    assert told["endowment=10"] == "None of its 4 answers is valid (4 refusal)."


def test_sampled_gifts_go_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A responder that gives nothing three times in ten is found to, with the error of so many answers."""
    monkeypatch.setenv("REPLICATOR_CACHE_DIR", str(tmp_path / "cache"))
    gives = ("--model", "participants:giving", "--model-args", "p_zero=.3")
    how = ("--elicitation", "sample", "--repeats", 5, "--endowment", 100)
    assert called("run", "dictator", *gives, *how, "--out", tmp_path / "run") == 0
    estimates = json.loads((tmp_path / "run" / "results.json").read_text())["estimates"]
    (found,) = (e for e in estimates if e["parameter"] == "p_zero" and e["population"].startswith("participants"))
    assert (found["elicitation"], found["sampling_unit"], found["person_sd"]) == ("sample", "wording", None)
    assert found["interval"][0] < NOTHING < found["interval"][1]
    answers = 5 * len(specification.find("dictator").wordings)
    assert found["sd"] > 0.7 * np.sqrt(NOTHING * (1 - NOTHING) / answers)
    assert found["diagnostics"]["passed"]
