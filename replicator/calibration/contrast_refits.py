"""Fits of simulated contrasts: exact log odds of an option at two levels of a factor, over items and wordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pymc as pm
from scipy import special, stats

from replicator.inference import contrast, contrast_model, posterior
from replicator.inference.contrast_data import SIDES, ContrastData, Way
from replicator.inference.contrast_terms import TILT
from replicator.inference.data import LOGIT_LIMIT
from replicator.inference.posterior import Posterior
from replicator.inference.structure import DEGREES_OF_FREEDOM
from replicator.theories import priors
from replicator.theories.contrast import BASELINE, LOG_ODDS_RATIO, RISK_DIFFERENCE

ITEMS = 6
WORDINGS = 5
LABEL_SETS = ("A|B", "1|2")

CONDITION = "all"

_POINTS = (np.arange(400) + 0.5) / 400
"""Equally likely, over which the truth's shares are averaged."""


@dataclass(frozen=True)
class Truth:
    """Log odds; a spread is that of a term ("tilt" or "log_odds_ratio") over the members of a way."""

    tilt: float
    difference: float
    spread: Mapping[tuple[str, str], float]
    position: np.ndarray
    """(label set,) what being displayed first adds, and being displayed last takes off."""
    residual: float
    """Scale of the Student-t of a prompt, without its floor."""

    @property
    def scatter(self) -> float:
        return float(_residual()["floor"] + self.residual)

    def shares(self) -> tuple[float, float]:
        """E P at the first level and at the second, over items, wordings, presentations and prompts:

        logit P = tilt + difference x + N(0, sum of s_tilt^2 + x^2 s_difference^2) +- position + t_4(scatter)
        """
        prompts = self.scatter * stats.t.ppf(_POINTS, DEGREES_OF_FREEDOM)
        shown = np.concatenate([self.position, -self.position])
        share = []
        for side in SIDES:
            variance = sum((sd if name == TILT else side * sd) ** 2 for (name, _), sd in self.spread.items())
            questions = self.tilt + side * self.difference + np.sqrt(variance) * stats.norm.ppf(_POINTS)
            share.append(special.expit(np.add.outer(np.add.outer(questions, prompts), shown)).mean())
        return float(share[0]), float(share[1])


def simulated(rng: np.random.Generator) -> tuple[Truth, ContrastData]:
    """A truth from the priors, and its exact answers to every question in every presentation."""
    sizes = (ITEMS, WORDINGS, len(LABEL_SETS), 2, len(SIDES))
    item, wording, label_set, turned, level = np.indices(sizes).reshape(5, -1)
    side = np.array(SIDES)[level]
    design = ContrastData(
        kind="probabilities",
        side=side,
        ways={
            "item": Way(tuple(f"item-{n + 1}" for n in range(ITEMS)), item, moves=True),
            "wording": Way(tuple(f"wording-{n + 1}" for n in range(WORDINGS)), wording, moves=True),
        },
        label_sets=LABEL_SETS,
        label_set=label_set,
        position=np.column_stack([turned, 1 - turned]),
        logits=np.empty((len(side), 1)),
        counts=np.empty((0, 2)),
        is_model=True,
    )
    scales = contrast_model.spreads(design)
    truth = Truth(
        tilt=rng.normal(BASELINE.prior.mean, BASELINE.prior.sd),
        difference=rng.normal(LOG_ODDS_RATIO.prior.mean, LOG_ODDS_RATIO.prior.sd),
        spread={
            (name, way): abs(rng.normal(0.0, scale)) for name, widths in scales.items() for way, scale in widths.items()
        },
        position=rng.normal(0.0, priors.prior("common", "position").sd, size=len(LABEL_SETS)),
        residual=abs(rng.normal(0.0, _residual()["sd"])),
    )
    logits = truth.tilt + truth.difference * side + truth.position[label_set] * np.where(turned == 0, 1.0, -1.0)
    for (name, way), sd in truth.spread.items():
        members = design.ways[way]
        effect = rng.normal(0.0, sd, size=len(members.names))[members.index]
        logits = logits + (effect if name == TILT else effect * side)
    logits = logits + truth.scatter * rng.standard_t(DEGREES_OF_FREEDOM, size=len(side))
    design.logits[:, 0] = np.clip(logits, -LOGIT_LIMIT, LOGIT_LIMIT)
    return truth, design


def model(rng: np.random.Generator) -> pm.Model:
    """The model of answers that `rng` draws."""
    _, data = simulated(rng)
    return contrast_model.build(data, contrast_model.arrays(data), contrast_model.coords(data, CONDITION))


def refitted(rng: np.random.Generator) -> tuple[Posterior, Mapping[str, tuple[float, np.ndarray]]]:
    """The fit, and quantity -> its true value and (draws,), on the logit scale; the risk difference as a share.

    The log odds ratio that is reported is that of the two shares; its coordinate is that of a single question.
    """
    truth, data = simulated(rng)
    found = contrast.fit(data, seed=int(rng.integers(2**31)), condition=CONDITION).found

    first, second = truth.shares()

    def draws(variable: str) -> np.ndarray:
        values = posterior.of_coordinate(found, variable)
        return np.asarray(values.reshape(len(values), -1))

    known = {
        BASELINE.name: (truth.tilt, draws(f"{TILT}_coordinate")[:, 0]),
        f"{LOG_ODDS_RATIO.name}_coordinate": (truth.difference, draws(f"{LOG_ODDS_RATIO.name}_coordinate")[:, 0]),
        LOG_ODDS_RATIO.name: (
            float(special.logit(first) - special.logit(second)),
            np.asarray(found.natural[LOG_ODDS_RATIO.name])[:, 0],
        ),
        RISK_DIFFERENCE.name: (first - second, np.asarray(found.natural[RISK_DIFFERENCE.name])[:, 0]),
        "residual": (truth.residual, draws("residual")[:, 0]),
    }
    known |= {f"{name}_{way}_sd": (sd, draws(f"{name}_{way}_sd")[:, 0]) for (name, way), sd in truth.spread.items()}
    effects = draws("position_effect")
    return found, known | {f"position_effect[{n}]": (float(b), effects[:, n]) for n, b in enumerate(truth.position)}


def _residual() -> dict[str, float]:
    return dict(priors.document("common")["parameters"]["residual"])
