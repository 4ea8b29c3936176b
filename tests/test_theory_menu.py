"""What holds of every theory: complete entries, slopes, more money is better, priors that leave room for answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy.special import softmax

from replicator.cli.show import _theories
from replicator.experiment import Outcome
from replicator.inference.tabulation import sensitivity_unit, stake
from replicator.references import references
from replicator.theories import THEORIES, Stimuli, Theory, noise, priors
from replicator.theories.stimuli import stimuli

VALUED = [
    theory
    for theory in THEORIES.values()
    if theory.response in ("choice", "number") and theory.log_probabilities is None and "state" not in theory.reads
]
"""Whatever values options without another player's action."""
ANSWERS = tuple(str(answer) for answer in range(0, 101, 10))


def paid(option: str, amount: float, low: float = 1.0, high: float | None = None, **more: Any) -> Outcome:
    return Outcome(option, amount, low, low if high is None else high, **more)


def lotteries(*, losses: bool = False, unknown: bool = False) -> Stimuli:
    """Ten pairs at four stakes, as in Holt & Laury 2002; with losses the risky one's worse outcome is one."""
    asked = []
    for stakes in (1, 20, 50, 90):
        for p in (0.1, 0.3, 0.5, 0.7, 0.9):
            width = 0.1 if unknown else 0.0
            safe = [paid("a", 2.0 * stakes, p), paid("a", 1.6 * stakes, 1 - p)]
            worse = (-0.8 if losses else 0.1) * stakes
            risky = [
                paid("b", 3.85 * stakes, p - width, p + width), paid("b", worse, 1 - p - width, 1 - p + width),
            ]  # fmt: skip
            asked.append([*safe, *risky])
    return stimuli(asked, ["a", "b"])


def payments(*, lottery: bool = False) -> Stimuli:
    """Smaller sooner against larger later, the sooner today or in five weeks; half of the later ones perhaps not."""
    asked = [
        [
            paid("a", 40.0, delay=start), paid("b", 40.0 * gain, chance, delay=start + wait),
            paid("b", 0.0, 1 - chance, delay=start + wait),
        ]
        for start in (0.0, 35.0)
        for wait in (14.0, 60.0, 180.0)
        for gain in (1.05, 1.3, 2.0)
        for chance in ((1.0, 0.8) if lottery else (1.0,))
    ]  # fmt: skip
    return stimuli(asked, ["a", "b"])


def budgets() -> Stimuli:
    """100 divided between two dates in steps of 10, at three rates of interest."""
    asked = [
        [
            outcome
            for kept in ANSWERS
            for outcome in (
                paid(kept, float(kept), delay=start),
                paid(kept, (100 - float(kept)) * (1 + rate), delay=start + 70.0),
            )
        ]
        for start in (0.0, 35.0)
        for rate in (0.02, 0.15, 0.6)
    ]
    return numbered(stimuli(asked, ANSWERS))


def divisions() -> Stimuli:
    """100 divided between oneself and another at four prices of giving."""
    asked = [
        [o for kept in ANSWERS for o in (paid(kept, float(kept)), paid(kept, (100 - float(kept)) * factor, to="other"))]
        for factor in (0.5, 1.0, 2.0, 4.0)
    ]
    return numbered(stimuli(asked, ANSWERS))


def numbered(given: Stimuli) -> Stimuli:
    grid = np.tile([float(answer) for answer in ANSWERS], (len(given.largest), 1))
    return replace(given, answers=grid, variables={"others": np.linspace(0.0, 100.0, len(given.largest))})


def stated() -> Stimuli:
    """A lottery over 100 and nothing, as the outcomes of every answer from 0 to 100."""
    chances = (0.1, 0.5, 0.9)
    return numbered(
        stimuli([[o for a in ANSWERS for o in (paid(a, 100.0, p), paid(a, 0.0, 1 - p))] for p in chances], ANSWERS)
    )


DESIGNS: Mapping[str, Stimuli] = {
    "loss-aversion": lotteries(losses=True),
    "loss-aversion-power": lotteries(losses=True),
    "cpt": lotteries(losses=True),
    "ambiguity": lotteries(unknown=True),
    "certainty-equivalent": stated(),
    "exponential": payments(),
    "hyperbolic": payments(),
    "quasi-hyperbolic": payments(),
    "convex-budget": budgets(),
    "discounted-utility": payments(lottery=True),
    "ces": divisions(),
    "acceptance-threshold": divisions(),
    "fehr-schmidt": divisions(),
    "trust": divisions(),
    "conditional-cooperation": divisions(),
}
"""Theory -> a design that it reads; others read lotteries over gains."""

CURVED = [
    pytest.param(THEORIES[name], kind, id=f"{name}-{kind}")
    for name, kinds in {
        "expo-power": ("contextual", "logit"),
        "ambiguity": ("contextual", "equivalent"),
        "certainty-equivalent": ("logit",),
        "convex-budget": ("logit",),
        "discounted-utility": ("equivalent",),
        "ces": ("logit",),
        "trust": ("logit",),
        "conditional-cooperation": ("equivalent",),
    }.items()
    for kind in kinds
]
"""Others are held to the same elsewhere, on lotteries."""


def design(theory: Theory) -> Stimuli:
    return DESIGNS.get(theory.name) or lotteries()


def values(xp: Any, kind: str, theory: Theory, natural: Mapping[str, Any], given: Stimuli) -> Any:
    each = {p.name: natural[p.name] for p in theory.parameters}
    return noise.values(xp, kind, theory, each, given, stake=stake(given, np.zeros(len(given.largest), dtype=int)))


def test_every_theory_is_told_in_full() -> None:
    known = references()
    for row in _theories():
        assert row["equation"], row["name"]
        assert row["needs"], row["name"]
        assert "doi:" in row["citation"] or row["citation"].endswith("1987"), row["name"]
        assert set(row["humans"]) <= set(known), row["name"]
        assert row["humans"] or row["name"] in WITHOUT_HUMANS, row["name"]
        assert set(row["derived"]) == {p["name"] for p in row["parameters"] if p["derived"]}
        for parameter in row["parameters"]:
            assert parameter["symbol"], parameter
            assert parameter["description"], parameter
            assert len(parameter["prior"]["source"]) > 20, parameter
            assert parameter["prior"]["person_sd"] > 0, parameter


WITHOUT_HUMANS: frozenset[str] = frozenset()


@pytest.mark.parametrize(("theory", "kind"), CURVED)
def test_numpy_and_pytensor_agree_and_slopes_are_those_of_small_steps(theory: Theory, kind: str) -> None:
    """At the prior's centre and at two draws from it."""
    given, rng = design(theory), np.random.default_rng(8)
    names = [p.name for p in theory.parameters]
    symbols = {name: pt.scalar(name) for name in names}
    total = values(pt, kind, theory, theory.natural(pt, symbols), given)
    weight = rng.normal(size=given.amount.shape[:2])
    compute = pytensor.function(
        list(symbols.values()), [total, *pytensor.grad((weight * total).sum(), list(symbols.values()))],
        mode=pytensor.compile.mode.Mode("py", "fast_compile"),
    )  # fmt: skip

    def of(point: np.ndarray) -> np.ndarray:
        natural = theory.natural(np, dict(zip(names, point, strict=True)))
        return np.asarray(values(np, kind, theory, natural, given))

    centre = np.array([p.prior.mean for p in theory.parameters])
    width = np.array([p.prior.sd for p in theory.parameters])
    for point in (centre + 1e-3, centre + 0.7 * width, centre - 0.7 * width):
        found, *slopes = compute(*point)
        np.testing.assert_allclose(found, of(point), rtol=1e-9, atol=1e-10)
        for i, slope in enumerate(slopes):
            step = 1e-5 * np.eye(len(names))[i]
            by_steps = (weight * (of(point + step) - of(point - step))).sum() / 2e-5
            assert np.isfinite(slope)
            assert slope == pytest.approx(by_steps, rel=2e-4, abs=2e-5 * max(1.0, np.abs(of(point)).max()))


@pytest.mark.parametrize("theory", [t for t in VALUED if "number" not in t.reads], ids=lambda t: t.name)
def test_more_money_is_never_worse(theory: Theory) -> None:
    """Every own amount a tenth larger, against the same design; where nobody envies or minds being ahead."""
    rng = np.random.default_rng(9)
    given = design(theory)
    more = replace(given, amount=given.amount + 0.1 * np.abs(given.amount), other=given.other)
    for _ in range(20):
        drawn = {p.name: np.float64(rng.normal(p.prior.mean, p.prior.sd)) for p in theory.parameters}
        if theory.name == "fehr-schmidt":
            drawn = {"envy": abs(drawn["envy"]), "guilt": -abs(drawn["guilt"])}
        if theory.name == "acceptance-threshold":
            drawn = {"minimum_acceptable_offer": np.minimum(drawn["minimum_acceptable_offer"], 0.9)}
        natural = theory.natural(np, drawn)
        before, after = (
            values(np, theory.noises[-1], theory, natural, s)
            for s in (given, replace(more, largest=given.largest, smallest=given.smallest))
        )
        # The equivalent is a fraction of what is at stake, which grows with the amounts.
        grown = (noise.at_stake(more) / noise.at_stake(given))[:, None]
        assert (after * grown >= before - 1e-9).all()


@pytest.mark.parametrize(("theory", "kind"), [pytest.param(t, k, id=f"{t.name}-{k}") for t in VALUED for k in t.noises])
def test_priors_leave_room_for_answers(theory: Theory, kind: str) -> None:
    """Neither is nearly every answer of nearly every chooser certain beforehand, nor any answer never given."""
    given, rng = design(theory), np.random.default_rng(10)
    draws = 400
    coordinates = {p.name: rng.normal(p.prior.mean, p.prior.sd, draws)[:, None, None, None] for p in theory.parameters}
    common = priors.prior("common", f"sensitivity_{kind}")
    condition = np.zeros(len(given.largest), dtype=int)
    unit = sensitivity_unit(kind, given, condition)[None, :, None]
    sensitivity = unit * np.exp(rng.normal(common.mean, common.sd, draws))[:, None, None]
    value = values(np, kind, theory, theory.natural(np, coordinates), given)
    chosen = softmax(sensitivity * value, axis=-1)
    assert np.isfinite(chosen).all()
    certain = (chosen.max(axis=-1) > 0.98).mean()
    assert certain < 0.6
    options = chosen.shape[-1]
    share = chosen.mean(axis=(0, 1))
    if options == 2:
        assert ((share > 0.05) & (share < 0.95)).all()
    else:  # of eleven amounts each, and the half above the middle
        assert (share > 0.05 / options).all()
        assert 0.05 < share[options // 2 :].sum() < 0.95
