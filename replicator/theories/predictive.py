"""What the priors of the fits imply in units that an economist reads.

`python -m replicator.theories.predictive` prints the tables of `docs/priors.md`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from replicator import theories
from replicator.theories import predictive_games, priors
from replicator.theories.noise import equivalent
from replicator.theories.theory import Stimuli, Theory

QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)

GAMBLE = (100.0, 10.0)
"""The even gamble of whose certainty equivalent the priors of risk aversion are told."""

LOSS = 10.0
"""The loss against which the smallest acceptable gain is told."""

LATER = (100.0, 30.0)
"""The amount and delay in days of whose present value the priors of discounting are told."""

UNKNOWN = 100.0
"""The prize, with a probability of which nothing is known, of whose certainty equivalent ambiguity is told."""

SENT = (10.0, 3.0)
"""The amount sent, and what it is multiplied by, of whose worth trust is told."""

CONTRIBUTED = (20.0, 10.0)
"""The endowment, and what others contribute on average, for which the schedule of contributions is told."""

CHANCE = (100.0, 0.1)
"""The prize and its probability of whose certainty equivalent the priors of weighting are told."""

PRIOR_DRAWS = 200_000

_EVEN = f"certainty equivalent of an even gamble for {GAMBLE[0]:g} or {GAMBLE[1]:g}"


@dataclass(frozen=True)
class Predictive:
    """Prior quantiles of one quantity."""

    theory: str
    quantity: str
    unit: str
    quantiles: tuple[float, ...]
    """At QUANTILES."""


def prior_draws(theory: Theory, size: int = PRIOR_DRAWS) -> dict[str, np.ndarray]:
    """Seeded draws of every parameter and derived quantity from the prior, natural scale."""
    rng = np.random.default_rng(20021)
    # Each draw with its mirror image, so that a prior centred on zero has a mean of zero.
    half = {p.name: rng.normal(0.0, p.prior.sd, size // 2) for p in theory.parameters}
    coordinates = {p.name: p.prior.mean + np.concatenate([half[p.name], -half[p.name]]) for p in theory.parameters}
    return {name: np.asarray(values) for name, values in theory.natural(np, coordinates).items()}


def predictive(theory: Theory) -> list[Predictive]:
    """Quantiles of a theory's parameters under its prior, and of what they mean in money."""
    natural = prior_draws(theory)
    rows = [_row(theory, name, theory.parameter(name).unit or "", values) for name, values in natural.items()]
    if theory.name in ("crra", "certainty-equivalent"):
        rows.append(_row(theory, _EVEN, "USD", certainty_equivalent(natural["risk_aversion"])))
    elif theory.name in ("expected-value", "expo-power"):
        rows.append(_row(theory, _EVEN, "USD", _even_gamble(theory, natural)))
    elif theory.name == "ambiguity":
        label = f"certainty equivalent of an unknown chance of {UNKNOWN:g}"
        rows.append(_row(theory, label, "USD", _unknown(theory, natural)))
    elif theory.name == "trust":
        label = f"what sending {SENT[0]:g}, multiplied by {SENT[1]:g}, is worth"
        rows.append(_row(theory, label, "USD", natural["expected_return"] * SENT[0] * SENT[1]))
    elif theory.name == "conditional-cooperation":
        endowment, others = CONTRIBUTED
        label = f"contributed of {endowment:g} where others contribute {others:g}"
        schedule = natural["contribution_level"] * endowment + natural["contribution_slope"] * others
        rows.append(_row(theory, label, "USD", np.clip(schedule, 0.0, endowment)))
    elif "loss_aversion" in natural:
        label = f"smallest gain accepted against an even chance of losing {LOSS:g}"
        curvature = natural.get("curvature", np.ones(PRIOR_DRAWS))
        rows.append(_row(theory, label, "USD", LOSS * natural["loss_aversion"] ** (1.0 / curvature)))
    elif "delay" in theory.reads:
        label = f"what {LATER[0]:g} in {LATER[1]:g} days is worth today"
        rows.append(_row(theory, label, "USD", _present_value(theory, natural)))
    elif theory.weight is not None:
        label = f"certainty equivalent of a chance of {CHANCE[1]:.0%} of {CHANCE[0]:g}"
        rows.append(_row(theory, label, "USD", _equivalent(theory, natural)))
    elif theory.name in predictive_games.GAMES:
        game = predictive_games.GAMES[theory.name]
        rows.append(_row(theory, game.quantity, game.unit, game.of(theory, natural)))
    return rows


def certainty_equivalent(risk_aversion: np.ndarray) -> np.ndarray:
    """CE of the even gamble under CRRA: ((h^(1-r) + l^(1-r)) / 2)^(1/(1-r)), the geometric mean at r = 1."""
    exponent = 1.0 - risk_aversion
    near_one = np.abs(exponent) < 1e-6
    safe = np.where(near_one, 1.0, exponent)
    high, low = (np.power(amount, safe) for amount in GAMBLE)
    return np.where(near_one, np.sqrt(GAMBLE[0] * GAMBLE[1]), np.power((high + low) / 2.0, 1.0 / safe))


def _present_value(theory: Theory, natural: dict[str, np.ndarray]) -> np.ndarray:
    amount, delay = (np.full((1, 1, 1), number) for number in LATER)
    later = Stimuli(amount, np.ones((1, 1, 1)), amount[:, 0, 0], amount[:, 0, 0], delay=delay)
    assert theory.value is not None
    return np.asarray(theory.value(np, _each(natural), later))[:, 0, 0]


def _equivalent(theory: Theory, natural: dict[str, np.ndarray]) -> np.ndarray:
    return _of_lottery(theory, natural, CHANCE[0], 0.0, CHANCE[1])


def _even_gamble(theory: Theory, natural: dict[str, np.ndarray]) -> np.ndarray:
    return _of_lottery(theory, natural, *GAMBLE, 0.5)


def _unknown(theory: Theory, natural: dict[str, np.ndarray]) -> np.ndarray:
    return _of_lottery(theory, natural, UNKNOWN, 0.0, 0.5, ambiguity=1.0)


def _of_lottery(
    theory: Theory, natural: dict[str, np.ndarray], high: float, low: float, chance: float, ambiguity: float = 0.0
) -> np.ndarray:
    """(draws,) certainty equivalents of a chance of the high amount, else the low one; the high amount is what theories
    count in that are not free of scale."""
    probability = np.array([[[chance, 1.0 - chance]]])
    lottery = Stimuli(
        np.array([[[high, low]]]), probability, np.array([high]), np.array([low]),
        ambiguity=np.full_like(probability, ambiguity), reference=np.array([high]),
    )  # fmt: skip
    found = high * np.asarray(equivalent(np, theory, _each(natural), lottery))[..., 0, 0]
    return np.broadcast_to(found, (PRIOR_DRAWS,))


def _each(natural: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values[:, None, None, None] for name, values in natural.items()}


def markdown() -> str:
    """All tables, and every prior with its source."""
    lines = [
        "| theory | quantity | " + " | ".join(f"{q:.1%}" for q in QUANTILES) + " |",
        "|---|---|" + "---|" * len(QUANTILES),
    ]
    for theory in theories.THEORIES.values():
        for row in predictive(theory):
            name = row.quantity.replace("_", " ") + (f" ({row.unit})" if row.unit else "")
            lines.append(f"| {theory.name} | {name} | " + " | ".join(_figure(v) for v in row.quantiles) + " |")
    lines += [
        "",
        "| theory | parameter | prior of the coordinate | between people (natural scale) | source |",
        "|---|---|---|---|---|",
    ]
    for theory in theories.THEORIES.values():
        for p in (*theory.parameters, *(q for q in theory.derived if _has_prior(theory, q.name))):
            prior = f"normal({p.prior.mean:g}, {p.prior.sd:g}), {_scale(theory, p.name)}"
            lines.append(
                f"| {theory.name} | {p.name.replace('_', ' ')} | {prior} | {p.prior.person_sd:g} | {p.prior.source} |"
            )
    return "\n".join(lines)


def _has_prior(theory: Theory, parameter: str) -> bool:
    """Whether a quantity has a prior of its own and does not only follow from others."""
    return bool(priors.document(theory.name)["parameters"].get(parameter, {}).get("distribution") == "normal")


def _scale(theory: Theory, parameter: str) -> str:
    """What the prior stands on, in words: "log", "log(lambda) / rho"."""
    scale = str(priors.document(theory.name)["parameters"][parameter]["scale"])
    return scale.replace("|", "\\|")


def _figure(value: float) -> str:
    return f"{value:.2f}" if abs(value) >= 0.005 or abs(value) < 1e-9 else f"{value:.1g}"


def _row(theory: Theory, quantity: str, unit: str, values: np.ndarray) -> Predictive:
    return Predictive(theory.name, quantity, unit, tuple(float(q) for q in np.quantile(values, QUANTILES)))


if __name__ == "__main__":
    import sys

    sys.stdout.write(markdown() + "\n")
