"""What a design can tell before anybody is asked: expected Fisher information of a theory's parameters.

At the centre of the prior, and one and two standard deviations to each side of every parameter, the log odds of each
question move with the parameters by slopes G (finite differences). Means of a question over u units scatter with

    V = (G T G' + R) / u + misfit,   information = G' V^-1 G + prior

where T is how units differ, R the scatter of one unit's mean answer, and misfit how far single questions lie off any
theory's curve. Scales that no design knows beforehand are taken at their priors' means. The expected posterior is
normal with that information (Chaloner & Verdinelli 1995, doi:10.1214/ss/1177009939, review such designs).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import linalg, special

from replicator import theories
from replicator.errors import UsageError
from replicator.experiment import Experiment, Fit, condition_name
from replicator.inference.structure import DEGREES_OF_FREEDOM
from replicator.inference.tabulation import sensitivity_unit, stake, valued
from replicator.theories import priors
from replicator.theories.noise import lapsed
from replicator.theories.stimuli import check_domain, stimuli
from replicator.theories.theory import Parameter, Theory

CANNOT_TELL = 0.8
"""An expected posterior sd of more than this fraction of the prior's tells next to nothing: the answers take away less
than 36% of the prior's variance."""

TELLS = 0.5
"""Up to here the answers take away 75% of the prior's variance, which an estimate needs to be identified."""

TRADE_OFF = 0.7
"""Correlation in absolute value from which two parameters are said to trade off."""

CORNERS = (-2.0, -1.0, 1.0, 2.0)
"""Prior standard deviations from the centre at which the design is looked at again."""

MOST_ITEMS = 5
"""Items that are named as carrying the information."""

_STEP = 1e-4
_MEAN_OF_HALF_NORMAL = float(np.sqrt(2.0 / np.pi))

Kind = Literal["probabilities", "choices"]


@dataclass(frozen=True)
class Answers:
    """What is to be collected: every question of every unit, so many times."""

    kind: Kind
    """Exact probabilities, which scatter around the curve as prompts do, or choices, which are drawn."""
    units: int
    """Wordings, or persons."""
    times: int
    """Orders x label sets of each wording, or choices of each person."""

    @property
    def words(self) -> str:
        if self.kind == "choices":
            return f"{self.units} persons who choose {self._often} in every question"
        return f"exact probabilities in {self.units} wordings, {self.times} presentations of each question"

    @property
    def _often(self) -> str:
        return "once" if self.times == 1 else f"{self.times} times"


@dataclass(frozen=True)
class Point:
    """What the design tells at one place."""

    parameter: str | None
    """The parameter that lies away from the prior's centre; None at the centre."""
    shift: float
    """In prior standard deviations."""
    values: Mapping[str, float]
    """Natural scale."""
    ratio: Mapping[str, float]
    """Parameter -> expected posterior sd over prior sd, both of its coordinate."""


@dataclass(frozen=True)
class Audit:
    experiment: str
    theory: str
    noise: str
    condition: str
    answers: Answers
    points: tuple[Point, ...]
    """The centre first."""
    sd: Mapping[str, float]
    """Expected posterior sd at the centre, of the coordinate."""
    correlations: Mapping[str, float]
    """ "curvature, loss_aversion" -> expected posterior correlation at the centre."""
    items: Mapping[str, Mapping[str, float]]
    """Parameter -> item -> share of what leaving the item out would cost, at the centre; the largest first."""
    words: tuple[str, ...]

    @property
    def centre(self) -> Point:
        return self.points[0]

    @property
    def document(self) -> dict[str, Any]:
        return {
            **vars(self),
            "answers": {**vars(self.answers), "words": self.answers.words},
            "points": [vars(point) for point in self.points],
        }


def audit(experiment: Experiment, fit: Fit, answers: Answers) -> list[Audit]:
    """What the experiment's design tells of a fit's parameters, condition by condition: each has its own.

    Raises UsageError for answers in numbers and for theories without parameters of choice, DataError where the theory
    cannot read the outcomes.
    """
    theory = theories.get(fit.theory)
    remedy = None
    if experiment.response.type != "choice":
        remedy = "Name an experiment with choices; `replicator list experiments --json` tells."
    elif fit.noise == "none":
        remedy = "`replicator recover` shows what a design tells by simulation."
    elif not theory.parameters:
        remedy = "Name a theory that has some; `replicator list theories` tells."
    if remedy is not None:
        raise UsageError(
            f'"{theory.name}" and "{experiment.name}" cannot be audited: an audit is of choices between options, by '
            "theories of what options are worth, with parameters.",
            remedy=remedy,
        )
    return [_condition(experiment, fit, answers, levels) for levels in experiment.conditions()]


def planned(experiment: Experiment) -> Answers:
    """What a run asks of a language model by default: every wording in every order and with all labels."""
    presentation = experiment.presentation
    orders = 1 if presentation.order == "fixed" else math.factorial(len(experiment.options))
    return Answers("probabilities", len(experiment.wordings), orders * max(len(presentation.labels), 1))


def cannot_tell(found: Audit, name: str) -> str | None:
    """Why the design does not tell a parameter, at the prior's centre; None where it does."""
    parameter = theories.get(found.theory).parameter(name)
    ratio = found.centre.ratio[parameter.name]
    if ratio <= CANNOT_TELL:
        return None
    where = "" if found.condition == "all" else f" at {found.condition}"
    return (
        f"This design cannot tell {_plain(parameter)}{where}: with {found.answers.words}, its expected posterior sd is "
        f"{ratio:.0%} of its prior's."
    )


def _condition(experiment: Experiment, fit: Fit, answers: Answers, levels: Mapping[str, Any]) -> Audit:
    theory = theories.get(fit.theory)
    options = [option.name for option in experiment.options]
    offered = stimuli([experiment.outcomes({**levels, **item.variables}) for item in experiment.items], options)
    check_domain(theory, offered)
    curve = _Curve(theory, fit.noise, offered, len(options))
    centre = np.array([mean for mean, _ in curve.priors])
    expected = curve.posterior(centre, answers)
    points = [_point(curve, None, 0.0, answers)]
    points += [_point(curve, p, shift, answers) for p in theory.parameters for shift in CORNERS]
    names = [p.name for p in theory.parameters]
    sds = np.sqrt(np.diag(expected))
    correlation = expected / np.outer(sds, sds)
    pairs = [(i, j) for i in range(len(names)) for j in range(i)]
    found = Audit(
        experiment=experiment.name,
        theory=theory.name,
        noise=fit.noise,
        condition=condition_name(levels),
        answers=answers,
        points=tuple(points),
        sd={name: float(sd) for name, sd in zip(names, sds, strict=False)},
        correlations={f"{names[j]}, {names[i]}": float(correlation[i, j]) for i, j in pairs},
        items=_items(curve, centre, answers, [item.id for item in experiment.items]),
        words=(),
    )
    return Audit(**{**vars(found), "words": tuple(_words(theory, found))})


class _Curve:
    """Log odds of every question as a function of the coordinates (parameters, log sensitivity, logit of lapse)."""

    def __init__(self, theory: Theory, noise: str, offered: Any, options: int) -> None:
        one = np.zeros(len(offered.largest), dtype=int)
        self.theory, self.options = theory, options
        self.table = valued(theory, noise, offered, stake=stake(offered, one))
        self.unit = sensitivity_unit(noise, offered, one)[0]
        common = priors.document("common")["parameters"]
        usual = priors.prior("common", f"sensitivity_{noise}")
        alpha, beta = common["lapse"]["alpha"], common["lapse"]["beta"]
        # The logit of a Beta(a, b) has mean digamma(a) - digamma(b) and variance trigamma(a) + trigamma(b).
        lapse = (float(special.digamma(alpha) - special.digamma(beta)),
                 float(np.sqrt(special.polygamma(1, alpha) + special.polygamma(1, beta))))  # fmt: skip
        self.priors = [(p.prior.mean, p.prior.sd) for p in theory.parameters] + [(usual.mean, usual.sd), lapse]
        between = priors.prior("common", "between_units").sd
        spread = [p.prior.sd for p in theory.parameters] + [between, 0.0]
        self.spread = _MEAN_OF_HALF_NORMAL * np.array(spread)
        self.misfit = _MEAN_OF_HALF_NORMAL * float(common["item_misfit"]["sd"])
        self.scatter = float(common["residual"]["floor"]) + _MEAN_OF_HALF_NORMAL * float(common["residual"]["sd"])

    def __call__(self, theta: np.ndarray) -> np.ndarray:
        """(q, k - 1)"""
        parameters = {p.name: theta[i].reshape(1, 1) for i, p in enumerate(self.theory.parameters)}
        with np.errstate(all="ignore"):
            value = np.asarray(self.table.differences(np, self.theory, self.theory.natural(np, parameters)))[0]
        eta = self.unit * np.exp(theta[-2]) * np.nan_to_num(value, posinf=1e6, neginf=-1e6)
        return np.asarray(lapsed(np, eta, special.expit(theta[-1]), self.options))

    def posterior(self, theta: np.ndarray, answers: Answers, kept: np.ndarray | None = None) -> np.ndarray:
        """(d, d) expected posterior covariance at `theta`, from all questions or those `kept` (q,)."""
        here = self(theta)
        steps = _STEP * np.eye(len(theta))
        slopes = np.stack([(self(theta + step) - self(theta - step)) / (2 * _STEP) for step in steps], axis=-1)
        asked = np.ones(len(here), dtype=bool) if kept is None else kept
        slope = slopes[asked].reshape(-1, len(theta))
        noise = linalg.block_diag(*(self._scatter(odds, answers) for odds in here[asked]))
        units = slope @ np.diag(self.spread**2 if answers.units > 1 else 0.0 * self.spread) @ slope.T
        several = answers.units * answers.times > 1
        variance = (units + noise) / answers.units + several * self.misfit**2 * np.eye(len(slope))
        information = slope.T @ linalg.solve(variance, slope, assume_a="pos")
        return np.asarray(linalg.inv(information + np.diag([1.0 / sd**2 for _, sd in self.priors])))

    def _scatter(self, odds: np.ndarray, answers: Answers) -> np.ndarray:
        """(k - 1, k - 1) variance of one unit's mean log odds in a question.

        Of probabilities that of a Student-t, whose information is (nu + n) / (nu + n + 2) of the normal's with n
        contrasts; of choices the inverse of the multinomial's information, diag(p) - p p'.
        """
        n, nu = len(odds), DEGREES_OF_FREEDOM
        if answers.kind == "probabilities":
            shape = (np.eye(n) + np.ones((n, n))) / 2.0
            return np.asarray(self.scatter**2 * (nu + n + 2.0) / (nu + n) * shape / answers.times)
        p = special.softmax(np.append(odds, 0.0))[:-1]
        p = np.clip(p, 1e-9, 1.0 - 1e-9)
        return np.asarray(linalg.inv((np.diag(p) - np.outer(p, p)) * answers.times + 1e-9 * np.eye(n)))


def _point(curve: _Curve, away: Parameter | None, shift: float, answers: Answers) -> Point:
    names = [p.name for p in curve.theory.parameters]
    theta = np.array([mean for mean, _ in curve.priors])
    if away is not None:
        theta[names.index(away.name)] += shift * away.prior.sd
    sds = np.sqrt(np.diag(curve.posterior(theta, answers)))
    natural = curve.theory.natural(np, {name: np.array(theta[i]) for i, name in enumerate(names)})
    return Point(
        parameter=None if away is None else away.name,
        shift=shift,
        values={name: float(natural[name]) for name in names},
        ratio={name: float(sds[i] / curve.priors[i][1]) for i, name in enumerate(names)},
    )


def _items(curve: _Curve, theta: np.ndarray, answers: Answers, ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """Parameter -> items by what leaving them out costs: the fall in 1/variance, as a share of all that falls."""
    names = [p.name for p in curve.theory.parameters]
    if len(ids) < 2:
        return {name: {ids[0]: 1.0} for name in names}
    whole = 1.0 / np.diag(curve.posterior(theta, answers))
    cost = np.array([
        whole - 1.0 / np.diag(curve.posterior(theta, answers, np.arange(len(ids)) != q)) for q in range(len(ids))
    ])  # fmt: skip
    cost = np.maximum(cost, 0.0)
    share = cost / np.maximum(cost.sum(axis=0), 1e-300)
    return {
        name: {ids[q]: float(share[q, i]) for q in np.argsort(-share[:, i], kind="stable")[:MOST_ITEMS]}
        for i, name in enumerate(names)
    }


def _words(theory: Theory, found: Audit) -> Iterator[str]:
    for p in theory.parameters:
        refused = cannot_tell(found, p.name)
        ratio = found.centre.ratio[p.name]
        if refused is not None:
            yield refused
        elif ratio > TELLS:
            yield (
                f"This design tells little of {_plain(p)}: its expected posterior sd is {ratio:.0%} of its prior's, "
                f"more than the {TELLS:.0%} that an identified estimate needs."
            )
        lost = [q for q in found.points[1:] if q.parameter == p.name and q.ratio[p.name] > CANNOT_TELL >= ratio]
        if lost:
            where = " or ".join(f"{q.values[p.name]:.3g}" for q in lost)
            yield f"Somebody whose {_plain(p)} is {where} could not be told by it: nothing there turns on {p.symbol}."
    for pair, r in found.correlations.items():
        if abs(r) >= TRADE_OFF:
            one, other = (name.replace("_", " ") for name in pair.split(", "))
            yield f"{one.capitalize()} and {other} trade off: expected posterior correlation {r:.2f}."


def _plain(parameter: Parameter) -> str:
    return f"{parameter.name.replace('_', ' ')} {parameter.symbol}"
