"""The compiled model's likelihood is the one written down: here once more by hand, with scipy, row by row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pymc as pm
import pytest
import scattered_answers
from builder_cases import (
    CASES,
    Fit,
    Point,
    exact_lotteries,
    exact_triples,
    fit,
    peoples_gambles,
    some_of_peoples_gambles,
)
from choice_designs import answered, by_wording, made, random_stimuli
from scipy import linalg, special, stats
from small_experiments import lotteries

from replicator import theories
from replicator.inference import builder, simulation
from replicator.inference.replay import Replay
from replicator.inference.structure import can_have_intercept, structure
from replicator.inference.tabulation import sensitivity_unit, stake
from replicator.theories import noise, priors

FLOOR = 0.05
"""Of the residual scale of exact probabilities, in logits."""


@pytest.fixture(scope="module", params=list(CASES))
def case(request: pytest.FixtureRequest) -> Fit:
    return fit(*CASES[request.param]())


def scale(point: Point, name: str) -> float:
    return float(np.exp(point[f"{name}_log__"]))


def effects(point: Point, name: str, around: np.ndarray | float, weight: float) -> np.ndarray:
    """Deviations from the sampler's coordinates, centred (1) or not (0)."""
    raw = point[f"{name}_raw"]
    return raw - around if weight else scale(point, f"{name}_sd") * raw


def log_odds(fitted: Fit, point: Point, weight: float) -> np.ndarray:
    """(row, contrast) predicted log odds, from the definition and without the tables of the builder."""
    data, shape = fitted.data, fitted.structure
    theory = theories.get(shape.theory)
    units, q, k = len(data.units), len(data.questions), len(data.options)
    ways = max(len(data.wordings), 1)
    unit_scale = sensitivity_unit(shape.noise, data.stimuli, data.condition)
    stakes = stake(data.stimuli, data.condition)
    lapse = special.expit(point["lapse_logodds__"])
    names = [p.name for p in theory.parameters] + ["sensitivity"] + ["response_intercept"] * shape.intercept
    value: dict[str, np.ndarray] = {}
    for name in names:
        first = point[f"{name}_first"]
        contrasts = point.get(f"{name}_contrast", np.zeros(0))
        location = first + np.concatenate([[0.0], contrasts])
        deviation = effects(point, name, first, weight) if units > 1 else np.zeros(1)
        if data.wordings:  # the location holds what wordings share, and their effects sum to zero
            apart = linalg.helmert(ways).T @ effects(point, f"{name}_wording", 0.0, weight)
            assert apart.sum() == pytest.approx(0.0)
            deviation = np.add.outer(deviation, apart).ravel()
        value[name] = location[None, data.condition] + deviation[:, None]  # (unit, question)
    answers = data.stimuli.amount.shape[1]
    eta = np.zeros((units * ways, q, answers - 1))
    for u in range(units * ways):
        for i in range(q):
            natural = theory.natural(np, {p.name: value[p.name][u, i] for p in theory.parameters})
            worth = noise.values(np, shape.noise, theory, natural, data.stimuli, stake=stakes)[i]
            noisy = np.exp(-2 * value["sensitivity"][u, i]) + shape.noise_floor**2
            sensitivity = unit_scale[i] / np.sqrt(noisy)
            eta[u, i] = sensitivity * (worth[:-1] - worth[-1])
            if shape.intercept:
                leaves = ~data.status_quo
                tilt = leaves[:-1].astype(float) - float(leaves[-1])
                eta[u, i] += value["response_intercept"][u, i] * tilt
    eta = classed(eta, data.classes)
    sizes = np.full(k, 1 / k) if data.classes is None else np.bincount(data.classes) / answers
    typical = with_lapse(eta.mean(axis=0), lapse, sizes) if shape.curve_seen else 0.0
    misfit = effects(point, "item_misfit", typical, weight) if shape.item_misfit else np.zeros((q, k - 1))
    predicted = np.zeros((len(data.unit), k - 1))
    pair = data.unit * ways + data.wording if data.wordings else data.unit
    for n, (u, i) in enumerate(zip(pair, data.question, strict=True)):
        before = eta[u, i].copy()
        if shape.position:
            assert data.position is not None
            free = point["position_effect"][data.label_set[n]]
            constants = slot_constants(free)
            here = constants[data.position[n]]
            before += here[:-1] - here[-1]
        predicted[n] = with_lapse(before[None], lapse, sizes)[0] + misfit[i]
        if shape.prompts_sampled:
            raw = point["cell_raw"][n]
            predicted[n] = raw if weight else predicted[n] + (FLOOR + scale(point, "residual")) * raw
    return predicted


def classed(eta: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    """Log odds of classes against the last one, by adding up what their members are chosen with."""
    if classes is None:
        return eta
    chosen = special.softmax(np.concatenate([eta, np.zeros_like(eta[..., :1])], axis=-1), axis=-1)
    each = np.stack([chosen[..., classes == c].sum(axis=-1) for c in range(classes.max() + 1)], axis=-1)
    return np.asarray(np.log(each[..., :-1]) - np.log(each[..., -1:]))


def with_lapse(eta: np.ndarray, lapse: float, sizes: np.ndarray) -> np.ndarray:
    chosen = special.softmax(np.column_stack([eta, np.zeros(len(eta))]), axis=1)
    probability = (1 - lapse) * chosen + lapse * sizes
    return np.asarray(np.log(probability[:, :-1]) - np.log(probability[:, -1:]))


def slot_constants(free: np.ndarray) -> np.ndarray:
    """Constants of the displayed positions; with two options +b/2 and -b/2."""
    return np.append(free, -free.sum()) / 2.0


def by_hand(fitted: Fit, point: Point, weight: float) -> np.ndarray:
    """Log likelihood row by row.

    Of counts it is the multinomial's without its coefficient, which no parameter moves.
    """
    data, predicted = fitted.data, log_odds(fitted, point, weight)
    if fitted.structure.likelihood == "probabilities":
        sigma = FLOOR + scale(point, "residual")
        if len(data.options) == 2:
            return np.asarray(stats.t.logpdf(data.logits, df=4, loc=predicted, scale=sigma))
        # Options scatter alike, each with half of the variance of a contrast.
        alike = stats.multivariate_t(shape=sigma**2 / 2 * (np.eye(predicted.shape[1]) + 1.0), df=4)
        return np.array([alike.logpdf(row) for row in data.logits - predicted])
    total = data.counts.sum(axis=1)
    if fitted.structure.prompts_summed:
        sigma = FLOOR + scale(point, "residual")
        rows = zip(*data.counts.T, predicted[:, 0], strict=True)
        return np.array([scattered_answers.log_likelihood(*row, sigma) for row in rows])
    if len(data.options) == 2:
        p = special.expit(predicted[:, 0])
        return np.asarray(stats.binom.logpmf(data.counts[:, 0], total, p) - log_ways(data.counts))
    shares = special.softmax(np.column_stack([predicted, np.zeros(len(predicted))]), axis=1)
    rows = [
        stats.multinomial.logpmf(count, int(n), share)
        for count, n, share in zip(data.counts, total, shares, strict=True)
    ]
    return np.asarray(rows - log_ways(data.counts))


def log_ways(counts: np.ndarray) -> np.ndarray:
    """(row,) log of the number of orders in which choices counted like this can come."""
    return np.asarray(special.gammaln(counts.sum(axis=1) + 1) - special.gammaln(counts + 1).sum(axis=1))


def test_the_designs_carry_every_part_of_the_model_somewhere() -> None:
    shapes = [make()[1] for make in CASES.values()]
    for part in ("position", "intercept", "item_misfit", "grid"):
        assert {getattr(shape, part) for shape in shapes} == {True, False}
    assert {shape.cells > 0 for shape in shapes} == {True, False}
    assert {shape.units > 1 for shape in shapes} == {True, False}
    assert {shape.conditions for shape in shapes} == {1, 2}
    assert {(shape.likelihood, shape.options) for shape in shapes} == {
        ("probabilities", 2), ("probabilities", 3), ("counts", 2), ("counts", 3), ("probabilities", 11), ("counts", 11),
    }  # fmt: skip


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_the_likelihood_is_the_one_written_down(case: Fit, weight: float) -> None:
    case.centre(weight)
    for seed in range(4):
        point = case.point(seed)
        found, expected = np.asarray(case.rows(point)), by_hand(case, point, weight)
        assert found.size == expected.size
        assert len(expected) == len(case.data.unit)
        # What answers say of their prompt's own log odds is replaced by a spline.
        tolerance = 2e-3 if case.structure.prompts_summed else 1e-7
        np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=tolerance, atol=tolerance / 10)


def test_simulated_answers_lie_around_the_same_curve(case: Fit) -> None:
    """What calibration lets truths answer is what the likelihood expects. (Personas in wordings are not simulated.)"""
    data, shape = case.data, case.structure
    if data.wordings:
        return
    point = case.point(3)
    names = [p.name for p in theories.get(shape.theory).parameters] + ["sensitivity"]
    names += ["response_intercept"] * shape.intercept
    several, no_cells = len(data.units) > 1, dict.fromkeys(["cell_raw"], np.zeros((len(data.unit), shape.options - 1)))
    contrasts = {name: np.append(0.0, point.get(f"{name}_contrast", np.zeros(0))) for name in names}
    truth = simulation.Truth(
        location={name: point[f"{name}_first"] + contrasts[name] for name in names},
        spread={},
        deviation={name: effects(point, name, 0.0, 0.0) if several else np.zeros(1) for name in names},
        lapse=float(special.expit(point["lapse_logodds__"])),
        position=point.get("position_effect", np.zeros((1, shape.options - 1))),
        misfit_sd=0.0,
        misfit=effects(point, "item_misfit", 0.0, 0.0)
        if shape.item_misfit
        else np.zeros((shape.questions, shape.options - 1)),
        residual=0.0,
    )
    expected = log_odds(case, point | no_cells, 0.0)
    np.testing.assert_allclose(simulation.log_odds(shape, data, truth), expected, rtol=1e-9)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_fit_replayed_in_numpy_has_the_same_likelihood(case: Fit, weight: float) -> None:
    case.centre(weight)
    centring = {n.removeprefix("centring_"): case.model[n].get_value() for n in case.model.named_vars
                if n.startswith("centring_")}  # fmt: skip
    points = [case.point(seed) for seed in range(2)]
    values = {}
    for name in points[0]:
        free = np.stack([point[name] for point in points])
        if name.endswith("_log__"):
            name, free = name.removesuffix("_log__"), np.exp(free)
        elif name.endswith("_logodds__"):
            name, free = name.removesuffix("_logodds__"), special.expit(free)
        values[name] = free
    told = zip(case.model.deterministics, *map(case.told, points), strict=True)
    values |= {part.name: np.stack(found) for part, *found in told}
    seen = Replay(case.structure, case.data, case.fixed, centring, values).seen()
    for found, point in zip(seen, points, strict=True):
        rows = np.asarray(case.rows(point))
        expected = rows.reshape(len(case.data.unit), -1).sum(axis=1)
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8)


def log_prior(fitted: Fit, point: Point) -> float:
    """Of a point that is not centred, with the Jacobians of the unconstrained scales."""
    shape = fitted.structure
    common = priors.document("common")["parameters"]
    located = {p.name: (p.prior.mean, p.prior.sd, p.prior.sd) for p in theories.get(shape.theory).parameters}
    noisy = common[f"sensitivity_{shape.noise}"]
    located["sensitivity"] = (noisy["mean"], noisy["sd"], common["between_units"]["sd"])
    if shape.intercept:
        tilt = common["response_intercept"]
        located["response_intercept"] = (tilt["mean"], tilt["sd"], common["between_units_tilt"]["sd"])
    spreads = {
        "residual": common["residual"]["sd"],
        "item_misfit_sd": common["item_misfit"]["sd"],
        **{f"{name}_sd": width for name, (_, _, width) in located.items()},
        **{f"{name}_wording_sd": width for name, (_, _, width) in located.items()},
    }
    total = 0.0
    for name, value in point.items():
        if name == "lapse_logodds__":
            lapse = special.expit(value)
            total += stats.beta.logpdf(lapse, common["lapse"]["alpha"], common["lapse"]["beta"])
            total += np.log(lapse * (1 - lapse))
        elif name.endswith("_log__"):
            total += stats.halfnorm.logpdf(np.exp(value), scale=spreads[name.removesuffix("_log__")]) + value
        elif name.endswith(("_first", "_contrast")):
            parameter = name.rsplit("_", 1)[0]
            mean, sd, _ = located[parameter]
            at = value if name.endswith("_first") else point[f"{parameter}_first"] + value
            if fitted.data.wordings:
                shared = scale(point, f"{parameter}_wording_sd") * point[f"{parameter}_wording_mean"]
                at = at - shared / np.sqrt(len(fitted.data.wordings))
            total += stats.norm.logpdf(at, mean, sd).sum()
        elif name == "position_effect":
            total += stats.norm.logpdf(value, common["position"]["mean"], common["position"]["sd"]).sum()
        elif name == "cell_raw":
            apart = np.eye(value.shape[1]) + 1.0
            total += sum(stats.multivariate_t.logpdf(row, shape=apart / 2, df=4) for row in value)
        else:
            total += stats.norm.logpdf(value).sum()
    return float(total)


def test_the_priors_are_those_of_the_files(case: Fit) -> None:
    case.centre(0.0)
    for seed in range(3):
        point = case.point(40 + seed)
        found = float(case.density(point)) - float(np.sum(case.rows(point)))
        assert found == pytest.approx(log_prior(case, point), abs=1e-5)


def test_the_gradient_is_the_slope_of_the_density(case: Fit) -> None:
    case.centre(0.0)
    names = [variable.name for variable in case.model.value_vars]
    for seed in range(3):
        point = case.point(10 + seed)
        gradient = np.asarray(case.gradient(point))
        assert np.isfinite(gradient).all()
        rng, step = np.random.default_rng(seed), 1e-5
        direction = {name: rng.normal(size=np.shape(point[name])) for name in names}
        flat = np.concatenate([np.ravel(direction[name]) for name in names])
        ahead, behind = (
            case.density({name: point[name] + sign * step * direction[name] for name in names}) for sign in (1, -1)
        )
        slope = float(ahead - behind) / (2 * step)
        assert float(gradient @ flat) == pytest.approx(slope, rel=1e-5, abs=1e-4)


def test_the_gradient_is_finite_where_answers_are_beyond_doubt(case: Fit) -> None:
    """Far out the sampler must still know the way back."""
    point = case.point(20)
    for name in point:
        if name == "sensitivity_first":
            point[name] = np.asarray(4.0)
        elif name == "lapse_logodds__":
            point[name] = np.asarray(-14.0)
        elif name.endswith("_first"):
            point[name] = np.asarray(1.5)
    assert np.isfinite(case.density(point))
    assert np.isfinite(np.asarray(case.gradient(point))).all()


def test_centring_changes_the_samplers_coordinates_and_not_the_model(case: Fit) -> None:
    """Equal effects have equal likelihoods; the densities differ by the Jacobian, log sd for each effect."""
    named = [name for name in case.model.named_vars if name.startswith("centring_") and name != "centring_cell"]
    if not named:
        assert case.structure.units == 1
        assert not case.structure.item_misfit
        return
    for seed in range(3):
        free = case.point(30 + seed)
        around: dict[str, np.ndarray | float] = {}
        centred = dict(free)
        for name in sorted(named, key=lambda name: name == "centring_item_misfit"):
            effect = name.removeprefix("centring_")
            if effect == "item_misfit":
                around[effect] = typical_curve(case, free) if case.structure.curve_seen else 0.0
            else:
                around[effect] = 0.0 if effect.endswith("_wording") else free[f"{effect}_first"]
            centred[f"{effect}_raw"] = around[effect] + effects(free, effect, 0.0, 0.0)
        jacobian = sum(np.log(scale(free, f"{effect}_sd")) * np.size(free[f"{effect}_raw"]) for effect in around)
        if case.structure.prompts_sampled:
            centred["cell_raw"] = log_odds(case, free, 0.0)
            jacobian += np.log(FLOOR + scale(free, "residual")) * np.size(free["cell_raw"])
        case.centre(0.0)
        apart, apart_rows = float(case.density(free)), np.asarray(case.rows(free))
        case.centre(1.0)
        np.testing.assert_allclose(np.asarray(case.rows(centred)), apart_rows, rtol=1e-7, atol=1e-8)
        assert float(case.density(centred)) == pytest.approx(apart - jacobian, abs=1e-6)


def typical_curve(fitted: Fit, point: Point) -> np.ndarray:
    """(question, contrast) log odds of the units' mean curve, without position or misfit."""
    shape = replace(fitted.structure, position=False, item_misfit=False, cells=0, likelihood="probabilities")
    data = fitted.data
    unit, wording, question = np.indices((len(data.units), max(len(data.wordings), 1), len(data.questions)))
    every = replace(data, unit=unit.ravel(), wording=wording.ravel(), question=question.ravel(), position=None)
    certain = point | {"lapse_logodds__": np.asarray(-40.0)}
    eta = log_odds(Fit(every, shape, fitted.fixed, fitted.model), certain, 0.0)
    mean = eta.reshape((-1, len(data.questions), eta.shape[1])).mean(axis=0)
    k = len(data.options)
    sizes = np.full(k, 1 / k) if data.classes is None else np.bincount(data.classes) / len(data.classes)
    return with_lapse(mean, float(special.expit(point["lapse_logodds__"])), sizes)


@pytest.mark.parametrize("options", [2, 3])
def test_counting_the_same_answers_together_loses_nothing(options: int) -> None:
    """Ten people's answers to a question are one count.

    The likelihoods are equal, because both are without the coefficient that counts the orders of answers.
    """
    rng = np.random.default_rng(6)
    stimuli = random_stimuli(rng, 5, options, 2, losses=False)
    single = rng.multinomial(1, np.arange(1, options + 1) / sum(range(options + 1)), size=50).astype(float)
    question = np.tile(np.arange(5), 10)
    summed = np.zeros((5, options))
    np.add.at(summed, question, single)
    shape = structure("crra", "contextual", made(stimuli, counts=summed), intercept=False)
    together = fit(made(stimuli, counts=summed), shape)
    apart = fit(made(stimuli, counts=single, question=question), replace(shape, grid=False))
    for seed in range(3):
        point = together.point(seed)
        by_question = np.zeros(5)
        np.add.at(by_question, question, np.asarray(apart.rows(point)).ravel())
        np.testing.assert_allclose(together.rows(point), by_question, rtol=1e-8)


def test_each_condition_counts_in_its_own_stake_and_sensitivity() -> None:
    """The same gambles at 20 times the stakes: money is counted in units 20 times as large."""
    low = random_stimuli(np.random.default_rng(7), 3, 2, 2, losses=True)
    both = replace(
        low,
        amount=np.concatenate([low.amount, low.amount * 20.0]),
        probability=np.concatenate([low.probability, low.probability]),
    )
    condition = np.array([0, 0, 0, 1, 1, 1])
    stakes, units = stake(both, condition), sensitivity_unit("logit", both, condition)
    np.testing.assert_allclose(stakes, stakes[0] * np.array([1, 1, 1, 20, 20, 20]))
    np.testing.assert_allclose(units, units[0] / np.array([1, 1, 1, 20, 20, 20]))
    np.testing.assert_array_equal(sensitivity_unit("contextual", both, condition), np.ones(6))


def test_an_intercept_stands_only_beside_linear_utility_of_money() -> None:
    """Where curvature or a ratio of utilities already sets the level of acceptance, none is estimated."""
    data, _ = peoples_gambles()
    linear, power = theories.get("loss-aversion"), theories.get("loss-aversion-power")
    assert can_have_intercept(linear, "logit", data)
    assert not can_have_intercept(linear, "contextual", data)
    assert not can_have_intercept(power, "logit", data)
    assert not can_have_intercept(power, "contextual", data)
    lotteries_without_status_quo = replace(data, status_quo=np.array([False, False]))
    assert not can_have_intercept(linear, "logit", lotteries_without_status_quo)


def test_swapping_the_answers_needs_no_new_model() -> None:
    data, shape = exact_triples()
    other = replace(data, logits=data.logits[::-1] + 1.0)
    one, two = fit(data, shape), fit(other, shape)
    assert one.fixed.key(shape) == two.fixed.key(shape)
    point = one.point(0)
    with one.model:
        pm.set_data({"observed": other.logits})
    np.testing.assert_allclose(one.rows(point), two.rows(point))


def test_designs_that_differ_never_share_a_model() -> None:
    data, shape = exact_lotteries()
    key = builder.design(theories.get(shape.theory), shape.noise, data).key(shape)
    assert data.position is not None
    others = [
        replace(data, position=data.position[:, ::-1].copy()),
        replace(data, condition=1 - data.condition),
        replace(data, unit=data.unit[::-1].copy()),
        replace(data, label_set=1 - data.label_set),
        replace(data, stimuli=replace(data.stimuli, probability=data.stimuli.probability[:, ::-1].copy())),
    ]
    keys = {builder.design(theories.get(shape.theory), shape.noise, other).key(shape) for other in others}
    assert len(keys) == len(others)
    assert key not in keys
    assert builder.design(theories.get(shape.theory), "logit", data).key(shape) != key


def test_people_who_left_out_other_gambles_share_a_model() -> None:
    """And rows in another order do: where no answer is there is a count of nothing."""
    one, two = fit(*peoples_gambles()), fit(*some_of_peoples_gambles())
    assert one.structure == two.structure
    assert one.fixed.key(one.structure) == two.fixed.key(two.structure)
    point = one.point(0)
    with one.model:
        pm.set_data({name: two.given[name] for name in ("observed", "total")})
    shared = np.asarray(one._rows(point))
    np.testing.assert_allclose(shared[two.data.unit, two.data.question], two.rows(point))
    left_out = np.ones(shared.shape, dtype=bool)
    left_out[two.data.unit, two.data.question] = False
    assert left_out.sum() == 5
    assert not shared[left_out].any()


def test_the_walk_starts_at_the_chooser_whose_exact_answers_these_are(tmp_path: Path) -> None:
    truth = {"r": "0.45", "noise": "8", "lapse": "0.03", "position": "1.5"}
    data = by_wording(*answered(lotteries(), tmp_path, "participants:crra", truth))
    found = fit(data, structure("crra", "contextual", data, intercept=False))
    start = found.model.initial_point()
    assert np.isfinite(found.density(start))
    assert start["risk_aversion_first"] == pytest.approx(0.45, abs=0.1)
    assert start["sensitivity_first"] == pytest.approx(np.log(8), abs=0.3)
    np.testing.assert_allclose(start["position_effect"], 1.5, atol=0.75)  # a rough start is enough


def test_peoples_noise_has_a_floor_and_that_of_models_has_none() -> None:
    """Whoever is noisy has the sensitivity e^x, nobody more than 1 / floor; the floor is the same for every noise in
    the unit of its prior, at whose centre it takes a tenth of one per cent off."""
    x = np.array([-3.0, 0.0, 2.3])
    np.testing.assert_allclose(noise.sensitivity(np, x, 0.005), np.exp(x), rtol=0.002)
    np.testing.assert_array_equal(noise.sensitivity(np, x, 0.0), np.exp(x))
    assert noise.sensitivity(np, np.array(20.0), 0.005) == pytest.approx(200.0)
    _, shape = peoples_gambles()
    assert shape.noise_floor == 0.05
    assert replace(shape, noise="contextual").noise_floor == 0.005
    assert replace(shape, noise="none").noise_floor == 0.0
    assert replace(shape, units=1).noise_floor == 0.0  # one agent, whose curve is seen
    for name in ("exact_lotteries", "sampled_triples", "sampled_personas"):
        assert CASES[name]()[1].noise_floor == 0.0
