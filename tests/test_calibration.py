"""What `make validate` counts and how it goes on; one cell of its plan is fitted there and not here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from replicator import theories
from replicator.calibration import contrast_refits, gift_refits, page, plan, refits, rows
from replicator.calibration.plan import Cell
from replicator.calibration.refits import Row
from replicator.calibration.statistics import (
    RANK_DRAWS,
    coverage_p_value,
    holm,
    rank_p_value,
    stays_within,
    too_low_p_value,
)
from replicator.calibration.verdicts import calibration, pooled_word, recovery, together
from replicator.errors import DataError
from replicator.inference.simulation import answered, drawn, log_odds, usual

CELLS = plan.cells()


def conjugate(fits: int, seed: int, width: float = 1.0, off: float = 0.0) -> list[int]:
    """Ranks of truths from N(0, 1) among draws of their posterior given one observation with unit error.

    It is N(y / 2, 1 / 2), whose sd is made `width` times too large and whose mean is off.
    """
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=fits)
    mean = (truth + rng.normal(size=fits)) / 2 + off
    draws = rng.normal(mean[:, None], width * np.sqrt(0.5), size=(fits, RANK_DRAWS))
    return [int(rank) for rank in (draws < truth[:, None]).sum(axis=1)]


def test_ranks_of_a_right_posterior_are_uniform_and_of_wrong_ones_are_not() -> None:
    p_values = [rank_p_value(conjugate(25, seed)) for seed in range(100)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    for wrong in ({"width": 0.6}, {"width": 1.8}, {"off": 0.35}):
        assert np.median([rank_p_value(conjugate(100, seed, **wrong)) for seed in range(5)]) < 0.001
    assert rank_p_value([0] * 30) < 1e-12  # small enough for any number of cells


def test_the_probability_to_stay_within_bands_is_exact() -> None:
    """By hand for two, by counting for eight."""
    assert stays_within(np.zeros(2), np.array([0.5, 1.0])) == pytest.approx(0.75)
    assert stays_within(np.array([0.0, 0.5]), np.array([0.5, 1.0])) == pytest.approx(0.5)
    low = stats.beta.ppf(0.02, np.arange(1, 9), np.arange(8, 0, -1))
    high = stats.beta.isf(0.02, np.arange(1, 9), np.arange(8, 0, -1))
    drawn_ones = np.sort(np.random.default_rng(1).random((100_000, 8)), axis=1)
    inside = ((drawn_ones > low) & (drawn_ones < high)).all(axis=1).mean()
    assert stays_within(low, high) == pytest.approx(inside, abs=4 * np.sqrt(inside * (1 - inside) / 100_000))


def test_coverage_is_tested_exactly() -> None:
    assert coverage_p_value(95, 100) == 1.0
    likely = stats.binom.pmf(np.arange(101), 100, 0.95)
    assert coverage_p_value(84, 100) == pytest.approx(likely[likely <= likely[84] * (1 + 1e-7)].sum())
    assert too_low_p_value(30, 40) == pytest.approx(stats.binom.cdf(30, 40, 0.9))
    assert too_low_p_value(40, 40) == 1.0


def test_many_cells_are_tested_together() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def row(number: int, *, covered: bool = True, rank: int = 50, purpose: plan.Purpose = "prior", **more: object) -> Row:
    low = -1.0 if covered else 0.5
    made = Row(purpose, number, "risk_aversion", 0.0, 0.1, 0.5, low, 1.0, rank, True, 1.001, 900.0, 0, 3.25, "0123abcd")
    return replace(made, **more)  # type: ignore[arg-type]


def calibrated(covered: int, fits: int, purpose: plan.Purpose = "prior") -> list[Row]:
    ranks = np.linspace(0, RANK_DRAWS, fits).round().astype(int)
    return [row(n, covered=n < covered, rank=int(ranks[n]), purpose=purpose) for n in range(fits)]


def test_a_cell_that_covers_too_little_fails_and_the_page_says_so() -> None:
    crra = CELLS[0]
    good, bad = calibrated(95, 100), calibrated(80, 100)
    assert all(v.passed for v in calibration({crra: good}))
    assert page.passes({crra: good})
    assert not page.passes({crra: bad})
    told = page.page({crra: bad}, "")
    assert "80 of 100" in told
    assert "**fails**" in told
    assert "**fails**" not in page.page({crra: good[:43]}, "").split("## Truths")[0]
    assert "43 of 100" in page.page({crra: good[:43]}, "")


def test_pooled_coverage_is_judged_by_the_whole_plan_and_before_that_only_where_it_is_beyond_chance() -> None:
    crra = replace(CELLS[0], fits=1000)
    assert pooled_word({crra: calibrated(944, 1000)}, 944, 1000) == "holds"
    assert pooled_word({crra: calibrated(930, 1000)}, 930, 1000) == "fails"
    assert pooled_word({crra: calibrated(5, 5)}, 5, 5) == "too few fits to tell"
    assert pooled_word({crra: calibrated(80, 100)}, 80, 100) == "fails"
    assert pooled_word({crra: []}, 0, 0) == "too few fits to tell"


def test_a_fixed_truth_may_be_covered_too_often_but_not_too_rarely() -> None:
    crra = CELLS[0]
    assert page.passes({crra: calibrated(40, 40, "fixed")})
    (verdict,) = recovery({crra: calibrated(28, 40, "fixed")})
    assert not verdict.passed


def test_a_fit_that_failed_its_diagnostics_is_counted_and_shown() -> None:
    crra = CELLS[0]
    some = [replace(r, passed=r.number != 3) for r in calibrated(95, 100)]
    assert "| 1 of 100 |" in page.page({crra: some}, "")
    assert calibration({crra: some})[0].fits == 100


def test_coverage_by_kind_of_answers_has_its_error_over_fits() -> None:
    """Two quantities of one fit that are always covered together are one: their share errs as that of fits does."""
    crra, persons = CELLS[0], next(cell for cell in CELLS if cell.kind == "persons")
    here = calibrated(80, 100)
    here = [replace(r, passed=r.number % 2 == 0) for r in here]
    both = here + [replace(r, quantity="lapse") for r in here]
    of_kind, of_persons, passed, failed = together({crra: both, persons: calibrated(25, 25)})
    assert (of_kind.of, of_kind.fits, of_kind.covered, of_kind.intervals) == ("exact", 100, 160, 200)
    assert of_kind.error == pytest.approx(np.sqrt(0.8 * 0.2 / 99), rel=1e-6)
    assert of_kind.locations == (80, 100)
    assert (of_persons.of, of_persons.covered, of_persons.error) == ("persons", 25, 0.0)
    assert (passed.fits, failed.fits) == (75, 50)
    assert "| diagnostics failed | 50 | 80 of 100, 80.0% | 5.7% | 40 of 50 |" in page.page({crra: both}, "")


def test_rows_come_back_from_the_disk_and_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "validation" / "crra.csv"
    given = [row(1, purpose="fixed"), row(2), row(1, covered=False, passed=False)]
    rows.write(path, given)
    assert rows.read(path) == [given[2], given[1], given[0]]
    assert rows.read(tmp_path / "none.csv") == []
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="does not hold rows of a validation"):
        rows.read(path)


def test_every_theory_has_a_cell_and_the_six_have_all_kinds() -> None:
    assert {cell.theory for cell in CELLS} == set(theories.THEORIES)
    assert len(plan.CORE) == 6
    for name in plan.CORE:
        fits = {(cell.kind, cell.fits) for cell in CELLS if cell.theory == name}
        assert {("exact", 100), ("persons", 25)} <= fits
    assert len({cell.name for cell in CELLS}) == len(CELLS)
    every = list(plan.tasks(CELLS))
    assert len(set(every)) == len(every) == sum(cell.fits + cell.fixed for cell in CELLS)


@pytest.mark.parametrize(
    "cell", [cell for cell in CELLS if cell.kind not in ("gifts", "contrast")], ids=lambda cell: cell.name
)
def test_drawn_truths_answer_every_design(cell: Cell) -> None:
    """One fit's answers are the same whenever they are made, finite, and not another fit's."""

    def made(number: int) -> np.ndarray:
        rng, data = cell.random("prior", number), cell.data()
        shape = cell.structure(replace(data, counts=np.ones((len(data.question), len(data.options)))))
        with_answers = answered(shape, data, drawn(shape, rng), rng)
        return with_answers.logits if data.kind == "probabilities" else with_answers.counts

    first = made(0)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, made(0))
    assert not np.array_equal(first, made(1))


def test_fixed_truths_take_all_sides_of_the_centre() -> None:
    cell = next(cell for cell in CELLS if cell.theory == "cpt" and cell.kind == "exact")
    shape = cell.structure(cell.data())
    priors = usual(shape)
    places = set()
    for number in range(8):
        truth = refits.fixed(shape, number, cell.random("fixed", number))
        names = [p.name for p in theories.get("cpt").parameters]
        at = tuple(round(float((truth.location[n][0] - priors[n][0]) / priors[n][1]), 6) for n in names)
        assert set(at) <= {plan.OFFSET, -plan.OFFSET}
        places.add(at)
    assert len(places) == 8


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.kind == "exact"], ids=lambda cell: cell.theory)
def test_every_design_tells_its_parameters_apart(cell: Cell) -> None:
    """No direction of one prior sd, at the prior's centre, moves the questions' log odds by less than .1 (root mean
    square)."""
    data = cell.data()
    shape = cell.structure(data)
    priors, truth = usual(shape), drawn(shape, np.random.default_rng(0))
    still = {name: np.zeros(shape.units) for name in priors}
    here = replace(truth, deviation=still, lapse=0.02, position=0 * truth.position, misfit=0 * truth.misfit)
    asked_first = [int(np.flatnonzero(data.question == question)[0]) for question in range(shape.questions)]

    def at(name: str, step: float) -> np.ndarray:
        places = {n: np.full(1, mean + step * sd * (n == name)) for n, (mean, sd, _) in priors.items()}
        return log_odds(shape, data, replace(here, location=places))[asked_first].ravel()

    slopes = np.column_stack([(at(name, 0.05) - at(name, -0.05)) / 0.1 for name in priors])
    assert np.linalg.svd(slopes / np.sqrt(len(slopes)), compute_uv=False).min() > 0.1


def test_gifts_are_drawn_around_their_locations_and_their_model_has_a_fingerprint() -> None:
    (cell,) = [cell for cell in CELLS if cell.kind == "gifts"]
    apart = []
    for number in range(300):
        location, scale, gifts = gift_refits.simulated(cell.random("prior", number))
        apart.append((np.median(gifts.logits[0], axis=0) - location) / (0.05 + scale))
    assert np.abs(np.mean(apart, axis=0)).max() < 0.15
    assert refits.fingerprint(cell) == refits.fingerprint(cell)


def test_contrasts_are_drawn_as_their_model_says() -> None:
    """Around its tilt and difference an answer varies by the spreads, and the truth's shares are those of answers: the
    observed difference regressed on the true one has a slope of one."""
    (cell,) = [cell for cell in CELLS if cell.kind == "contrast"]
    apart, shares = [], []
    for number in range(400):
        truth, data = contrast_refits.simulated(cell.random("prior", number))
        first = data.side > 0
        moved = data.logits[first].mean() - data.logits[~first].mean()
        of_means = [sd**2 / len(data.ways[way].names) for (name, way), sd in truth.spread.items() if name != "tilt"]
        error = np.sqrt(sum(of_means) + 4 * 2 * truth.scatter**2 / len(data.side))
        apart.append((moved - truth.difference) / error)
        first, second = truth.shares()
        shares.append((first, second, data.share_at(0.5), data.share_at(-0.5)))
    assert np.std(apart) == pytest.approx(1.0, abs=0.12)
    first, second, seen_first, seen_second = np.transpose(shares)
    assert np.polyfit(first - second, seen_first - seen_second, 1)[0] == pytest.approx(1.0, abs=0.04)
    assert np.polyfit(first, seen_first, 1)[0] == pytest.approx(1.0, abs=0.04)
    assert refits.fingerprint(cell) == refits.fingerprint(cell)


def test_a_fingerprint_tells_priors_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of a model with other priors are made anew."""
    cell = next(cell for cell in CELLS if cell.name == "crra--contextual--persons")
    before = refits.fingerprint(cell)
    theory = theories.get("crra")
    (risk,) = theory.parameters
    wider = replace(risk, prior=replace(risk.prior, sd=2 * risk.prior.sd))
    monkeypatch.setitem(theories.THEORIES, "crra", replace(theory, parameters=(wider,)))  # type: ignore[arg-type]
    assert refits.fingerprint(cell) != before
