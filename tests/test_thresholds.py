"""The least offer that somebody accepts tells the same parameters as accepting and rejecting offers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from command_line import called
from recorded import real
from scipy import optimize, special

from replicator import choices, design, prompt, runs, specification, theories
from replicator.exchange.importing import import_run
from replicator.exchange.mapping import read_options
from replicator.experiment import Experiment
from replicator.inference import answer_classes, censored, simulation
from replicator.inference.data import COLUMNS, ChoiceData, choice_data
from replicator.inference.geometry import geometry
from replicator.inference.identification import no_response
from replicator.inference.jobs import jobs_of
from replicator.inference.simulation import Truth
from replicator.inference.structure import structure
from replicator.inference.tabulation import sensitivity_unit, stake
from replicator.shares import usable

MINIMUM, SENSITIVITY = 0.32, 18.0
"""Of simulated responders: the share of the pie at which they are indifferent, and how sharply they turn there."""


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return specification.find("minimum-acceptable-offer")


def accepted(offer: np.ndarray) -> np.ndarray:
    """P(accept) of a share of the pie."""
    return np.asarray(special.expit(SENSITIVITY * (offer - MINIMUM)))


def test_a_threshold_is_the_difference_between_neighbouring_offers() -> None:
    """P(a) = F(a) - F(a - h) with open ends, however many answers are put together."""
    grid = np.arange(101)
    odds = SENSITIVITY * (grid / 100 - MINIMUM)
    expected = np.diff(np.concatenate([[0.0], accepted(grid[:-1] / 100), [1.0]]))
    whole = special.softmax(np.append(censored.log_odds(np, odds[None, :], None)[0], 0.0))
    np.testing.assert_allclose(whole, expected, rtol=1e-9)
    index = answer_classes.classes(grid.astype(float))
    assert index is not None
    together = special.softmax(np.append(censored.log_odds(np, odds[None, :], index)[0], 0.0))
    np.testing.assert_allclose(together, np.bincount(index, expected), rtol=1e-9)
    assert together[0] == pytest.approx(accepted(np.array(0.04)), rel=1e-9)


def test_the_graph_computes_what_numpy_does_and_has_a_gradient_far_away() -> None:
    odds = np.stack([30.0 * (np.linspace(0, 1, 21) - middle) for middle in (0.3, 0.9, 6.0)])[:, None, :]
    x = pt.tensor3("x", shape=(None, None, 21))
    built = censored.log_odds(pt, x, None)
    compiled = pytensor.function([x], [built, pt.grad(built.sum(), x)], mode="FAST_COMPILE")
    value, gradient = compiled(odds)
    np.testing.assert_allclose(value, censored.log_odds(np, odds, None), rtol=1e-12)
    assert np.isfinite(gradient).all()


def imported(folder: Path, experiment: Experiment, header: str, rows: list[str], maps: list[str]) -> ChoiceData:
    folder.mkdir()
    (folder / "choices.csv").write_text("\n".join([header, *rows]) + "\n")
    run = import_run(folder / "choices.csv", experiment, read_options(map=maps), folder / "run")
    return pooled(run)


def pooled(run: runs.Run) -> ChoiceData:
    table = choices.read(run.choices, [*COLUMNS])
    cells = {(row["item"], row["condition"]): row["outcomes"] for row in choices.cells(run.choices).to_dict("records")}
    found = choice_data(usable(table), cells, "pooled")
    given = {name: getattr(found, name) for name in ChoiceData.__dataclass_fields__}
    return ChoiceData(**{**given, "thresholds": run.experiment().response.type == "threshold"})


def optimum(data: ChoiceData) -> tuple[float, float]:
    """Minimum acceptable offer and sensitivity of one agent, where the sampler of a fit starts."""
    shape = structure("acceptance-threshold", "equivalent", data, intercept=False)
    unit = sensitivity_unit("equivalent", data.stimuli, data.condition)
    walk = geometry(shape, data, stake=stake(data.stimuli, data.condition), sensitivity_unit=unit)
    return float(walk.start["minimum_acceptable_offer_first"]), float(np.exp(walk.start["sensitivity_first"]))


def test_thresholds_and_single_decisions_of_the_same_people_agree(experiment: Experiment, tmp_path: Path) -> None:
    """Simulated answers of both kinds, through import and the estimator's likelihood: the same m and sensitivity."""
    rng = np.random.default_rng(4)
    offers = np.repeat(np.arange(5, 60, 5), 400)
    took = rng.random(len(offers)) < accepted(offers / 100)
    decided = [f"p{i},{offer},{100 - offer},{'accept' if yes else 'reject'}"
               for i, (offer, yes) in enumerate(zip(offers, took, strict=True))]  # fmt: skip
    ultimatum = specification.find("ultimatum-responder")
    maps = ["subject=who", "stimulus.offer=offer", "stimulus.rest=rest", "value=took"]
    one = optimum(imported(tmp_path / "one", ultimatum, "who,offer,rest,took", decided, maps))
    # Each names the least offer that they accept: the first on the grid above a logistic draw of their indifference.
    draws = np.ceil(100 * (MINIMUM + special.logit(rng.random(4_000)) / SENSITIVITY)).clip(0, 100)
    named = [f"p{i},{int(least)}" for i, least in enumerate(draws)]
    answered = imported(tmp_path / "other", experiment, "who,least", named, ["subject=who", "value=least"])
    assert no_response(answered) is None
    other = optimum(answered)
    assert one[0] == pytest.approx(MINIMUM, abs=0.01)
    assert other[0] == pytest.approx(MINIMUM, abs=0.01)
    assert one[1] == pytest.approx(SENSITIVITY, rel=0.15)
    assert other[1] == pytest.approx(SENSITIVITY, rel=0.15)


def test_simulated_thresholds_follow_the_same_curve(experiment: Experiment, tmp_path: Path) -> None:
    data = imported(tmp_path / "run", experiment, "who,least", ["ann,20", "bob,50"], ["subject=who", "value=least"])
    shape = structure("acceptance-threshold", "equivalent", data, intercept=False)
    nothing = np.zeros((1, len(data.options) - 1))
    truth = Truth(
        location={"minimum_acceptable_offer": np.array([MINIMUM]), "sensitivity": np.log([SENSITIVITY])}, spread={},
        deviation={"minimum_acceptable_offer": np.zeros(1), "sensitivity": np.zeros(1)}, lapse=0.0,
        position=np.zeros((1, 1)), misfit_sd=0.0, misfit=nothing, residual=0.0,
    )  # fmt: skip
    ours = censored.log_odds(np, SENSITIVITY * (np.arange(101) / 100 - MINIMUM)[None, :], data.classes)
    np.testing.assert_allclose(simulation.log_odds(shape, data, truth), ours, rtol=1e-8)


def test_answers_without_variation_are_told(experiment: Experiment, tmp_path: Path) -> None:
    alike = [f"p{i},50" for i in range(30)]
    data = imported(tmp_path / "alike", experiment, "who,least", alike, ["subject=who", "value=least"])
    assert "names a threshold of 45 to 54" in str(no_response(data))


def test_a_threshold_is_asked_for_like_an_amount(experiment: Experiment) -> None:
    trials = [trial for trial in design.trials(experiment) if trial.check is None]
    assert len(trials) == 10
    assert trials[0].options == tuple(str(dollars) for dollars in range(101))
    for trial in trials:
        rendered = prompt.render(experiment, trial)
        assert "$100" in rendered.user
        assert "{" not in rendered.user


@pytest.mark.parametrize("theory", ["fehr-schmidt", "crra"])
def test_a_theory_that_does_not_say_what_is_accepted_cannot_read_thresholds(
    theory: str, experiment: Experiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "choices.csv").write_text("who,least\nann,30\nbob,50\n")
    mapping = read_options(map=["subject=who", "value=least"])
    run = import_run(tmp_path / "choices.csv", experiment, mapping, tmp_path / "run")
    assert called("estimate", run.folder, "--theory", theory) == 2
    assert 'asks for type "threshold"' in capsys.readouterr().err
    assert theories.get("acceptance-threshold").thresholds


@pytest.mark.real_data
def test_moblab_thresholds(experiment: Experiment, tmp_path: Path) -> None:
    """5,993 first-round answers, 34.3 of 100 on average (Mei et al. 2024, doi:10.1073/pnas.2313925121)."""
    mapping = read_options(
        map=["subject=UserID", "value=accept"],
        where="Round == 1 and Total == 100 and accept >= 0 and accept <= 100",
    )
    run = import_run(real("human/moblab/ultimatum_strategy.csv"), experiment, mapping, tmp_path / "run")
    assert run.manifest["counts"] == {"valid": 5_993}
    frame = choices.read(run.choices, ["subject", "response", "value"])
    assert set(frame["response"]) == {"threshold"}
    assert frame["subject"].nunique() == 5_291
    assert frame["value"].mean() == pytest.approx(34.3, abs=0.05)
    rows = {"people": choices.read(run.choices, [*COLUMNS])}
    # Hardly anybody answered twice, so that persons and their noise cannot be told apart: one agent is fitted to all.
    assert [job.pooling for job in jobs_of(experiment, rows, {"all"})] == ["complete"]
    data = pooled(run)
    assert not structure("acceptance-threshold", "equivalent", data, intercept=False).item_misfit
    (counts,) = data.counts
    offers = np.arange(101) / 100

    def loss(theta: np.ndarray) -> float:
        odds = censored.log_odds(np, np.exp(theta[1]) * (offers - theta[0])[None, :], data.classes)[0]
        return -float(counts @ special.log_softmax(np.append(odds, 0.0)))

    best = optimize.minimize(loss, np.array([0.5, 2.0]), method="Nelder-Mead").x
    # One agent fitted to all: indifferent where the mean threshold is, and far less consistent than single persons.
    assert best[0] == pytest.approx(0.346, abs=0.005)
    assert np.exp(best[1]) == pytest.approx(8, abs=1)
    # It does not reproduce how thresholds pile up: a fifth of them are exactly half of the pie.
    assert (frame["value"] == 50).mean() == pytest.approx(0.205, abs=0.001)
    curve = special.expit(np.exp(best[1]) * (np.array([0.5, 0.49]) - best[0]))
    assert curve[0] - curve[1] < 0.02


def test_the_likelihood_is_the_one_written_by_hand(experiment: Experiment, tmp_path: Path) -> None:
    """Maximum likelihood from F(a) - F(a - h), by scipy alone, is where the estimator starts."""
    rng = np.random.default_rng(9)
    draws = np.ceil(100 * (MINIMUM + special.logit(rng.random(3_000)) / SENSITIVITY)).clip(0, 100).astype(int)

    def loss(theta: np.ndarray) -> float:
        upper = np.where(draws == 100, 1.0, special.expit(np.exp(theta[1]) * (draws / 100 - theta[0])))
        lower = np.where(draws == 0, 0.0, special.expit(np.exp(theta[1]) * ((draws - 1) / 100 - theta[0])))
        return -float(np.log(upper - lower).sum())

    best = optimize.minimize(loss, np.array([0.5, 2.0]), method="Nelder-Mead").x
    rows = [f"p{i},{least}" for i, least in enumerate(draws)]
    found = optimum(imported(tmp_path / "run", experiment, "who,least", rows, ["subject=who", "value=least"]))
    assert found[0] == pytest.approx(best[0], abs=0.01)
    assert found[1] == pytest.approx(np.exp(best[1]), rel=0.1)
