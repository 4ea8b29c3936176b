"""Three questions about an estimate and people, kept apart because they are different statistics.

*mean*: does it differ from people's mean? Interval of the difference, probability inside the declared
region of practical equivalence. *study*: where would it rank among the means of new studies of people? Only
where the spread between studies is known from data. *person*: which percentile of people does it sit at,
and does it vary as people do? Each is answered only like with like; otherwise the entry says why not, and
what would make it so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from replicator import verdicts
from replicator.experiment import Value, format_value
from replicator.references import Reference

Estimate = Mapping[str, Any]
"""An entry of `results.json`'s estimates."""

Entry = dict[str, Any]
"""An entry of an estimate's `human`."""

RANGE_TOLERANCE = 0.1
"""How far the ends of two stimulus ranges may lie apart, as a fraction of the reference's range. The same
task gave a median loss aversion of 1.43 with gains up to 40 and 1.00 with gains up to 20 (Botvinik-Nezer et
al. 2019)."""

_STANDARD = NormalDist()
_REACH = _STANDARD.inv_cdf(0.975)


@dataclass(frozen=True)
class Setting:
    """What an estimate was made on."""

    levels: Mapping[str, Value]
    """Factor -> level of its condition; empty where it pools them or there are none."""
    ranges: Mapping[str, tuple[float, float]]
    """Item variable -> lowest and highest value that the population met."""
    rope: float | None
    """Half-width of the region of practical equivalence, in the parameter's unit."""
    obstacle: str | None
    """Why nothing may be concluded from the estimate, if so."""
    incentive: str | None = None


def obstacle(estimate: Estimate, population: Mapping[str, Any]) -> str | None:
    """Why there is no verdict on this estimate, whatever it is compared with; None where there may be one."""
    reasons = verdicts.against_population(population)
    if not reasons and (estimate.get("mean") is None or not estimate.get("identified")):
        return f"the estimate is not identified: {verdicts.against_estimate(estimate)[0]}"
    return next(iter(reasons or verdicts.against_estimate(estimate)), None)


def beside_reference(estimate: Estimate, reference: Reference, setting: Setting) -> list[Entry]:
    """The three questions put to one estimate and one published reference of the same parameter."""
    unlike = setting.obstacle or _unlike(estimate, reference, setting)
    blank = blank_entry(reference.id, label(reference), reference.status, _caveats(estimate, reference, setting))
    blank |= {"value": reference.value}
    answers = (
        ("mean", "data", _mean_question),
        ("study", reference.between_study_basis, _study_question),
        ("person", reference.person_basis, _person_question),
    )
    entries = []
    for question, basis, answer in answers:
        found = {"why_not": unlike} if unlike else answer(estimate, reference, setting)
        basis = basis if question != "mean" or reference.standard_error is not None else "none"
        entries.append(
            {
                **blank,
                "question": question,
                "spread_basis": basis,
                "available": "why_not" not in found,
                **found,
            }
        )
    return entries


def label(reference: Reference) -> str:
    """Authors and year: "Filippin & Crosetto 2016", "Andersen et al. 2008"."""
    authors, year = str(reference.citation["authors"]), reference.citation["year"]
    names = [part.split(",")[0].strip() for part in authors.split(";")]
    several = len(names) > 2 or authors.endswith("et al.")
    return f"{names[0]} et al. {year}" if several else f"{' & '.join(names)} {year}"


def _mean_question(estimate: Estimate, reference: Reference, setting: Setting) -> Entry:
    value, error = _known(reference.value), reference.standard_error
    if error is None:
        return {"why_not": "the reference gives no standard error of its mean"}
    if estimate.get("sd") is None:
        return {"why_not": "the estimate has no standard error"}
    return {
        "interval": [value - _REACH * error, value + _REACH * error],
        "difference": difference(estimate, value, error, setting.rope),
    }


def _study_question(estimate: Estimate, reference: Reference, setting: Setting) -> Entry:
    """Rank: the share of new studies' means below the estimate, under a normal (or lognormal) predictive
    distribution whose variance is that between studies plus the squared standard error of the mean."""
    between = reference.between_study_sd
    if between is None:
        return {"why_not": "the spread between studies is not known"}
    if reference.between_study_basis != "data":
        return {"why_not": "the spread between studies is a judgement; a rank among studies needs it from data"}
    value, error = _known(reference.value), reference.standard_error or 0.0
    if reference.spread_scale == "log":
        error /= value
    spread = math.hypot(between, error)
    rank, ends = _position(estimate, value, spread, reference.spread_scale)
    return {"interval": _interval(value, spread, reference.spread_scale), "rank": rank, "rank_interval": ends}


def _person_question(estimate: Estimate, reference: Reference, setting: Setting) -> Entry:
    """Percentile: the share of people below the estimate in per cent; variance ratio: the population's
    variance between persons over people's."""
    if estimate["estimand"] != "typical_person":
        return {"why_not": "one representative agent has no place among persons and no spread between them"}
    person_sd = reference.person_sd
    if person_sd is None or reference.person_basis == "none":
        return {"why_not": "the reference gives no spread between persons"}
    value = _known(reference.value)
    place, ends = _position(estimate, value, person_sd, reference.spread_scale)
    own = estimate.get("person_sd")
    return {
        "interval": _interval(value, person_sd, reference.spread_scale),
        "percentile": 100.0 * place,
        "percentile_interval": None if ends is None else [100.0 * end for end in ends],
        "variance_ratio": None if own is None else (float(own) / _natural_sd(value, person_sd, reference)) ** 2,
    }


def _unlike(estimate: Estimate, reference: Reference, setting: Setting) -> str | None:
    """Why the reference is about something else than the estimate; None where they are alike."""
    if reference.value is None:
        return "the reference gives no single value"
    if reference.estimand != estimate["estimand"]:
        return estimands_apart(str(estimate["estimand"]), str(reference.estimand))
    for factor, levels in (reference.conditions or {}).items():
        if factor not in setting.levels or format_value(setting.levels[factor]) not in map(format_value, levels):
            spoken = " or ".join(f"{factor}={format_value(level)}" for level in levels)
            return f"the reference speaks of {spoken}, this estimate of {estimate['condition']}"
    if reference.theory is not None and reference.theory != estimate["theory"]:
        return f"the reference was estimated under {reference.theory}, this under {estimate['theory']}"
    if reference.intercept is not None and reference.intercept != bool(estimate.get("intercept")):
        other = "with" if reference.intercept else "without"
        return f"the reference was estimated {other} a response intercept, this the other way"
    return range_apart(setting.ranges, reference.stimulus_range or {})


def _caveats(estimate: Estimate, reference: Reference, setting: Setting) -> list[str]:
    """What is unlike without forbidding the comparison, or is not known to be alike."""
    words = [f"Design: {str(reference.design).rstrip('.')}."]
    if reference.theory is None:
        words.append("Its theory is none of ours, or several.")
    elif reference.noise is not None and reference.noise != estimate["noise"]:
        words.append(f"Its choice rule is {reference.noise}, this estimate's {estimate['noise']}.")
    if reference.statistic == "median" and estimate["estimand"] == "typical_person":
        words.append("It is a median over people.")
    if setting.incentive is not None and reference.incentive not in (setting.incentive, "mixed"):
        words.append(f"Its choices were {_paid(reference.incentive)}, these {_paid(setting.incentive)}.")
    if reference.status == "memory":
        words.append("Its figure is cited from memory and has not been checked.")
    return words


def _paid(incentive: str) -> str:
    return {"real": "paid", "hypothetical": "hypothetical", "none": "without consequences"}.get(incentive, incentive)


def estimands_apart(own: str, other: str) -> str:
    """Why two estimands may not be compared, and what would make them alike."""
    names = {
        "representative_agent": "one agent fitted to shares",
        "typical_person": "the typical person",
        "choice_shares": "shares of choices",
        "other": "another quantity, or a mixture of several",
    }
    apart = f"the reference is {names.get(other, other)}, this estimate {names.get(own, own)}"
    if (own, other) == ("representative_agent", "typical_person"):
        return (
            f"{apart}; a perfect copy of these people would not return it. For like with like, import "
            "people's choices (`replicator import`) and compare with their pooled estimate"
        )
    if (own, other) == ("typical_person", "representative_agent"):
        return f"{apart}; compare the estimate pooled to shares instead"
    return apart


def range_apart(own: Mapping[str, tuple[float, float]], other: Mapping[str, Sequence[float]]) -> str | None:
    """Why an estimate that depends on the range of stimuli may not be compared; None where the ranges
    agree."""
    for name, (low, high) in other.items():
        if name not in own:
            continue
        slack = RANGE_TOLERANCE * (high - low)
        if abs(own[name][0] - low) > slack + 1e-9 or abs(own[name][1] - high) > slack + 1e-9:
            here, there = (f"{format_value(a)} to {format_value(b)}" for a, b in (own[name], (low, high)))
            return f"{name} ran from {there} there and from {here} here, and the estimate depends on the range"
    return None


def difference(estimate: Estimate, value: float, error: float, rope: float | None) -> Entry:
    """Estimate less people, as a normal with the two variances added."""
    gap = float(estimate["mean"]) - value
    spread = math.hypot(float(estimate["sd"]), error)
    inside = None
    if rope is not None and spread > 0.0:
        around = NormalDist(gap, spread)
        inside = around.cdf(rope) - around.cdf(-rope)
    elif rope is not None:
        inside = float(abs(gap) <= rope)
    return {
        "mean": gap,
        "interval": [gap - _REACH * spread, gap + _REACH * spread],
        "probability_in_rope": inside,
        "rope": rope,
    }


def _position(estimate: Estimate, value: float, spread: float, scale: str) -> tuple[float, list[float] | None]:
    """Share of a normal (on `scale`) below the estimate's mean, and below the ends of its interval."""

    def below(x: float) -> float:
        if scale == "identity":
            return _STANDARD.cdf((x - value) / spread)
        return 0.0 if x <= 0.0 else _STANDARD.cdf((math.log(x) - math.log(value)) / spread)

    ends = estimate.get("interval")
    return below(float(estimate["mean"])), None if ends is None else [below(float(end)) for end in ends]


def _interval(value: float, spread: float, scale: str) -> list[float]:
    if scale == "identity":
        return [value - _REACH * spread, value + _REACH * spread]
    return [value * math.exp(-_REACH * spread), value * math.exp(_REACH * spread)]


def _natural_sd(value: float, person_sd: float, reference: Reference) -> float:
    """Standard deviation between people on the natural scale; for a lognormal with median `value`."""
    if reference.spread_scale == "identity":
        return person_sd
    return value * math.exp(person_sd**2 / 2.0) * math.sqrt(math.expm1(person_sd**2))


def _known(value: float | None) -> float:
    assert value is not None  # `_unlike` has refused references without a value
    return value


def blank_entry(reference: str, name: str, status: str, caveats: list[str]) -> Entry:
    """An entry that answers nothing yet."""
    return {
        "reference": reference,
        "label": name,
        "question": "mean",
        "available": False,
        "why_not": None,
        "spread_basis": "none",
        "status": status,
        "value": None,
        "interval": None,
        "difference": None,
        "rank": None,
        "rank_interval": None,
        "percentile": None,
        "percentile_interval": None,
        "variance_ratio": None,
        "caveats": caveats,
    }
