"""A fitted choice model once more in numpy: what its draws say of units, rows and answers, seen or new.

`builder` holds the one definition of the model; a test holds this equal to its compiled likelihood. Checks, leaving
units out and sensitivity to the prior all need the curve at other places than those that were sampled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import special, stats

from replicator import theories
from replicator.inference import answer_classes, builder, censored, scatter
from replicator.inference.data import ChoiceData
from replicator.inference.posterior import Posterior
from replicator.inference.structure import DEGREES_OF_FREEDOM, Structure, contrasts
from replicator.inference.tabulation import compared
from replicator.theories import priors
from replicator.theories.noise import lapsed, sensitivity
from replicator.theories.theory import Theory

Coordinates = dict[str, np.ndarray]
"""Name of a coordinate (a parameter's, the sensitivity's, the intercept's) -> values."""


@dataclass(frozen=True)
class Replay:
    """Some draws of a fit: `s` of them, over `u` units, `q` questions, `n` rows and `k` options."""

    structure: Structure
    data: ChoiceData
    fixed: builder.Design
    centring: Mapping[str, np.ndarray]
    """Of the sampler's coordinates, see `builder.effect`."""
    values: Mapping[str, np.ndarray]
    """Variable -> (s, ...)."""

    @property
    def size(self) -> int:
        return len(self.values["lapse"])

    @cached_property
    def theory(self) -> Theory:
        return theories.get(self.structure.theory)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return builder.coordinate_names(self.structure)

    @cached_property
    def _splines(self) -> dict[str, np.ndarray]:
        """What the rows' answers say of their own log odds."""
        return scatter.splines(self.data.counts)

    def some(self, draws: np.ndarray) -> Replay:
        """The same for some of its draws, (t,) indices that may recur."""
        return replace(self, values={name: value[draws] for name, value in self.values.items()})

    def centres(self) -> Coordinates:
        """(s, condition) around which units scatter: the locations, and what the wordings at hand share."""
        found = {}
        for name in self.names:
            centre = self.values[f"{name}_coordinate"]
            if self.structure.wordings:
                shared = self.values[f"{name}_wording_mean"] * self.values[f"{name}_wording_sd"]
                centre = centre + (shared / np.sqrt(self.structure.wordings))[:, None]
            found[name] = centre
        return found

    def spreads(self) -> Coordinates:
        """(s,) sd over units; zero where there is one."""
        nobody = np.zeros(self.size)
        return {name: self.values.get(f"{name}_sd", nobody) for name in self.names}

    def deviations(self) -> Coordinates:
        """(s, u) of the units that were seen."""
        if self.structure.units == 1:
            return {name: np.zeros((self.size, 1)) for name in self.names}
        return {name: self._effect(name, f"{name}_sd", centre[:, :1]) for name, centre in self.centres().items()}

    def of_wordings(self) -> Coordinates:
        """(s, w) deviations of the wordings that the units are crossed with, (s, 1) of zeros where there are none."""
        if not self.structure.wordings:
            return {name: np.zeros((self.size, 1)) for name in self.names}
        basis = contrasts(self.structure.wordings)
        nothing = np.zeros((self.size, 1))
        return {n: self._effect(f"{n}_wording", f"{n}_wording_sd", nothing) @ basis.T for n in self.names}

    def _effect(self, name: str, sd: str, around: np.ndarray) -> np.ndarray:
        """sd^(1-w) (raw - w around), the inverse of the sampler's coordinates (`builder.effect`)."""
        weight = self.centring[name]
        return np.asarray(self.values[sd][:, None] ** (1.0 - weight) * (self.values[f"{name}_raw"] - weight * around))

    def curves(self, coordinates: Coordinates) -> np.ndarray:
        """(a, q, k - 1) log odds of `a` agents before lapses; coordinates are (a, condition)."""
        fixed, structure = self.fixed, self.structure
        agents = len(next(iter(coordinates.values())))
        eta = np.empty((agents, structure.questions, structure.options - 1))
        away = fixed.leaves_status_quo
        for condition in range(structure.conditions):
            asked = np.flatnonzero(fixed.condition == condition)
            here = {name: value[:, condition : condition + 1] for name, value in coordinates.items()}
            natural = self.theory.natural(np, {p.name: here[p.name] for p in self.theory.parameters})
            offered = fixed.table.of(asked)
            value = np.asarray(compared(offered, np, self.theory, natural, thresholds=structure.thresholds))
            if structure.sensitive:
                unit, floor = fixed.sensitivity_unit[asked][0], structure.noise_floor
                value = unit * sensitivity(np, here["sensitivity"], floor)[:, :, None] * value
            put_together = censored.log_odds if structure.thresholds else answer_classes.log_odds
            eta[:, asked] = put_together(np, value, fixed.classes)
            if structure.intercept:
                eta[:, asked] += here["response_intercept"][:, :, None] * (away[:-1] - away[-1])
        return eta

    @cached_property
    def slots(self) -> np.ndarray:
        """(s, n, k - 1) what displayed positions add to the log odds: constants that sum to zero, per label set."""
        rows, options = len(self.data.question), self.structure.options
        if not self.structure.position:
            return np.zeros((self.size, 1, 1))
        assert self.fixed.position is not None
        free = self.values["position_effect"] / 2.0  # (s, label set, k - 1)
        constant = np.concatenate([free, -free.sum(axis=2, keepdims=True)], axis=2)
        shown = constant[:, self.fixed.label_set[:, None], self.fixed.position]  # (s, n, k)
        assert shown.shape == (self.size, rows, options)
        return np.asarray(shown[:, :, :-1] - shown[:, :, -1:])

    def rows(self, eta: np.ndarray, *, misfit: bool) -> np.ndarray:
        """(s, n, k - 1) log odds of the rows after position and lapses, from (s, n, k - 1) before.

        With `misfit` single questions lie off the curve as they were estimated to, where the model has that.
        """
        sizes = answer_classes.sizes(self.fixed.classes)
        lapse = np.broadcast_to(self.values["lapse"][:, None], eta.shape[:2]).reshape(-1, 1)
        shown = (eta + self.slots).reshape(-1, eta.shape[2])
        odds = np.asarray(lapsed(np, shown, lapse, self.structure.options, sizes)).reshape(eta.shape)
        if misfit and self.structure.item_misfit:
            odds = odds + self.values["item_misfit"][:, self.data.question]
        return np.asarray(odds)

    @property
    def scatter(self) -> np.ndarray:
        """(s,) scale of the log odds of prompts around the curve; zero where there is none (people's choices)."""
        if "residual" not in self.values:
            return np.zeros(self.size)
        floor = priors.document("common")["parameters"]["residual"]["floor"]
        return np.asarray(floor + self.values["residual"])

    def log_likelihood(self, odds: np.ndarray) -> np.ndarray:
        """(s, n) log likelihood of every row's answers at (s, n, k - 1) log odds, up to what depends on the answers
        alone; a prompt's own scatter is summed over where the model has it."""
        if self.structure.likelihood == "probabilities":
            return exact_log_density(self.data.logits - odds, self.scatter[:, None, None])
        if self.structure.prompts_summed:
            each = zip(odds[:, :, 0], self.scatter, strict=True)
            return np.stack([scatter.log_likelihood(np, self._splines, *one) for one in each])
        return counted(self.data.counts, odds)

    def seen(self) -> np.ndarray:
        """(s, n) log likelihood of every row given its own unit, its question's misfit and, where they were sampled,
        its own log odds: what the sampler saw."""
        odds = self.rows(self._of_rows(self.units()), misfit=True)
        return (
            counted(self.data.counts, self._cells(odds))
            if self.structure.prompts_sampled
            else self.log_likelihood(odds)
        )

    def effects(self) -> np.ndarray:
        """(s,) log density of all that deviates, given its spread: units, wordings, questions and prompts."""
        total = np.zeros(self.size)
        for name in self.names:
            if self.structure.units > 1:
                total += _normal(self.deviations()[name], self.values[f"{name}_sd"])
            if self.structure.wordings:
                total += _normal(self.of_wordings()[name], self.values[f"{name}_wording_sd"])
        if self.structure.item_misfit:
            total += _normal(self.values["item_misfit"].reshape(self.size, -1), self.values["item_misfit_sd"])
        if self.structure.prompts_sampled:
            odds = self.rows(self._of_rows(self.units()), misfit=True)
            total += exact_log_density(self._cells(odds) - odds, self.scatter[:, None, None]).sum(axis=1)
        return total

    def _cells(self, odds: np.ndarray) -> np.ndarray:
        """(s, n, k - 1) log odds of each prompt itself, scattered around `odds` (`likelihoods`)."""
        weight, sigma = self.centring["cell"], self.scatter[:, None, None]
        return np.asarray((1.0 - weight) * odds + sigma ** (1.0 - weight) * self.values["cell_raw"])

    def units(self) -> np.ndarray:
        """(s, u, q, k - 1) log odds before lapses of the units that were seen; of personas persona x wording."""
        centres, apart, by_wording = self.centres(), self.deviations(), self.of_wordings()
        each = {
            name: (
                centres[name][:, None, None, :] + (apart[name][:, :, None] + by_wording[name][:, None, :])[..., None]
            )
            for name in self.names
        }
        whole = each[self.names[0]].shape
        flat = {name: value.reshape(-1, whole[3]) for name, value in each.items()}
        return self.curves(flat).reshape(whole[0], whole[1] * whole[2], self.structure.questions, -1)

    def _of_rows(self, units: np.ndarray) -> np.ndarray:
        return units[:, self.fixed.unit, self.fixed.question]


def replay(found: Posterior, structure: Structure, data: ChoiceData, *, size: int) -> Replay:
    """At most `size` draws of a fit, evenly over its chains. Raises ValueError for a fit with a regression."""
    if structure.regressors:
        raise ValueError("fits with a regression are not replayed: the same fit without it is")
    group = found.draws.posterior
    whole = group.sizes["chain"] * group.sizes["draw"]
    kept = np.unique(np.linspace(0, whole - 1, min(size, whole)).astype(int))
    values = {}
    for name in group.data_vars:
        if not str(name).endswith("__"):
            array = np.asarray(group[name])
            values[str(name)] = array.reshape(whole, *array.shape[2:])[kept]
    fixed = builder.design(theories.get(structure.theory), structure.noise, data)
    return Replay(structure, data, fixed, found.centring, values)


def _normal(values: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """(s,) log density of (s, m) deviations ~ Normal(0, sd)."""
    return np.asarray(stats.norm.logpdf(values, 0.0, np.maximum(sd, 1e-12)[:, None]).sum(axis=1))


def exact_log_density(left: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(s, n) log density of residuals (s, n, k - 1) of exact log odds, (s, 1, 1) their scale."""
    nu, contrasts = DEGREES_OF_FREEDOM, left.shape[2]
    size = np.broadcast_to(scale, left.shape)[..., 0]
    square = (left**2).sum(axis=-1) - left.sum(axis=-1) ** 2 / (contrasts + 1.0)
    constant = special.gammaln((nu + contrasts) / 2.0) - special.gammaln(nu / 2.0) - np.log(contrasts + 1.0) / 2.0
    spread = contrasts / 2.0 * np.log(nu * np.pi * size**2 / 2.0)
    return np.asarray(constant - spread - (nu + contrasts) / 2.0 * np.log1p(2.0 * square / (nu * size**2)))


def scattered(odds: np.ndarray, scale: float, rng: np.random.Generator) -> np.ndarray:
    """(n, k - 1) log odds of prompts around those expected: every option's log probability scatters alike, so that the
    contrasts are a multivariate Student-t (`likelihoods`)."""
    rows, contrasts = odds.shape
    each = rng.normal(0.0, np.sqrt(0.5), size=(rows, contrasts + 1))
    heavy = np.sqrt(rng.chisquare(DEGREES_OF_FREEDOM, size=(rows, 1)) / DEGREES_OF_FREEDOM)
    return np.asarray(odds + scale * (each[:, :-1] - each[:, -1:]) / heavy)


def counted(counts: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """(..., n) log likelihood of (n, k) counts at (..., n, k - 1) log odds, up to the multinomial coefficient."""
    total = counts.sum(axis=1)
    if odds.shape[-1] == 1:
        return np.asarray(counts[:, 0] * odds[..., 0] - total * np.logaddexp(0.0, odds[..., 0]))
    chosen = (counts[:, :-1] * odds).sum(axis=-1)
    highest = np.maximum(odds.max(axis=-1), 0.0)
    every = highest + np.log(np.exp(odds - highest[..., None]).sum(axis=-1) + np.exp(-highest))
    return np.asarray(chosen - total * every)
