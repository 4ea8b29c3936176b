"""Social preference over what oneself and one other person get."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from replicator.theories.priors import prior
from replicator.theories.theory import Array, Parameter, Parameters, Stimuli, Theory, by_scale


def fehr_schmidt_value(xp: ModuleType, parameters: Parameters, stimuli: Stimuli) -> Array:
    """V = s - alpha max(o - s, 0) - beta max(s - o, 0), expected over own branches; s is one's own amount, o the
    other's (Fehr & Schmidt 1999, doi:10.1162/003355399556151).

    It is the amount that is as good if both get it. Charness and Rabin's model without reciprocity is the same with
    rho = beta and sigma = -alpha, see `fehr_schmidt_natural`.
    """
    own, other = stimuli.amount, _other(stimuli)
    behind, ahead = np.maximum(other - own, 0.0), np.maximum(own - other, 0.0)
    value = own - parameters["envy"] * behind - parameters["guilt"] * ahead
    return (stimuli.probability * value).sum(axis=-1)


def fehr_schmidt_natural(xp: ModuleType, coordinates: Parameters) -> dict[str, Array]:
    """alpha and beta, and the same as weights of the other's payoff (Charness & Rabin 2002,
    doi:10.1162/003355302760193904): V = (1 - w) s + w o with w = rho = beta ahead and w = sigma = -alpha behind."""
    envy, guilt = coordinates["envy"], coordinates["guilt"]
    return {"envy": envy, "guilt": guilt, "weight_when_ahead": guilt, "weight_when_behind": -envy}


def threshold_value(xp: ModuleType, parameters: Parameters, stimuli: Stimuli) -> Array:
    """V = s - m (s + o): an offer is as good as nothing at the share m of what is divided.

    For offers of less than half it is Fehr and Schmidt's value over 1 + 2 alpha, m = alpha / (1 + 2 alpha); m is
    nearly orthogonal to the sensitivity, alpha is not.
    """
    own, other = stimuli.amount, _other(stimuli)
    return (stimuli.probability * (own - parameters["minimum_acceptable_offer"] * (own + other))).sum(axis=-1)


def _other(stimuli: Stimuli) -> np.ndarray:
    """(q, k, 1)"""
    shape = np.shape(stimuli.amount)[:-1]
    other = np.zeros(shape) if stimuli.other is None else np.asarray(stimuli.other)
    return other[..., None]


_INEQUITY = (
    Parameter(
        name="envy",
        symbol="alpha",
        scale="identity",
        unit="",
        description="aversion to having less than the other: 0 is none, negative is liking it",
        neutral=0.0,
        prior=prior("fehr-schmidt", "envy"),
    ),
    Parameter(
        name="guilt",
        symbol="beta",
        scale="identity",
        unit="",
        description="aversion to having more than the other: 0 is none, negative is liking it",
        neutral=0.0,
        prior=prior("fehr-schmidt", "guilt"),
    ),
)

_CHARNESS_RABIN = (
    Parameter(
        name="weight_when_ahead",
        symbol="rho",
        scale="identity",
        unit="",
        description="weight of the other's payoff where one has more, in Charness and Rabin's terms: the same as guilt",
        neutral=0.0,
        prior=prior("fehr-schmidt", "weight_when_ahead"),
    ),
    Parameter(
        name="weight_when_behind",
        symbol="sigma",
        scale="identity",
        unit="",
        description="weight of the other's payoff where one has less, in Charness and Rabin's terms: minus envy",
        neutral=0.0,
        prior=prior("fehr-schmidt", "weight_when_behind"),
    ),
)

FEHR_SCHMIDT = Theory(
    name="fehr-schmidt",
    title="Inequity aversion",
    equation="value of s for oneself and o for the other = s - alpha max(o - s, 0) - beta max(s - o, 0)",
    response="choice",
    parameters=_INEQUITY,
    derived=_CHARNESS_RABIN,
    natural=fehr_schmidt_natural,
    value=fehr_schmidt_value,
    losses=True,
    reads=frozenset({"other"}),
    humans=("trust_return", "trust_moblab_return"),
    needs="alternatives in which one gets less than the other (envy) and others in which one gets more (guilt), at "
    "different costs",
    citation="Fehr & Schmidt 1999, doi:10.1162/003355399556151; Charness & Rabin 2002, doi:10.1162/003355302760193904",
)

_THRESHOLD = (
    Parameter(
        name="minimum_acceptable_offer",
        symbol="m",
        scale="identity",
        unit="share",
        description="share of the pie at which accepting and rejecting an offer are equally good: 0 accepts anything",
        neutral=0.0,
        prior=prior("acceptance-threshold", "minimum_acceptable_offer"),
    ),
)

ACCEPTANCE_THRESHOLD = Theory(
    name="acceptance-threshold",
    title="Minimum acceptable offer",
    equation="value of s of a pie of s + o = s - m (s + o)",
    response="choice",
    parameters=_THRESHOLD,
    derived=(),
    natural=by_scale(_THRESHOLD),
    value=threshold_value,
    thresholds=True,
    reads=frozenset({"other"}),
    needs="offers on both sides of m, against rejecting them and nobody getting anything",
    citation="Fehr & Schmidt 1999, doi:10.1162/003355399556151, for offers below half",
)
