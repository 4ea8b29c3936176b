"""Giving in a dictator game: how often nothing, half or more is given, and how much in between.

Gifts pile up at nothing and at half (Engel 2011), so that one mean with one spread describes nobody. The gift,
as a share s of the endowment, falls into one of four kinds:

    nothing (s = 0), interior (0 < s < 1/2), half (s = 1/2), above half (s > 1/2)

and within the interior and above half its mean is a parameter of its own.
"""

from __future__ import annotations

from types import ModuleType

from replicator.theories.priors import prior
from replicator.theories.theory import Array, Parameter, Parameters, Theory, from_scale

_DESCRIPTIONS = {
    "p_zero": ("p0", "share of decisions that give nothing"),
    "p_half": ("p50", "share of decisions that give exactly half"),
    "p_above": ("p51", "share of decisions that give more than half"),
    "interior_mean": ("m", "mean of the gifts between nothing and half, as a fraction of half"),
    "above_mean": ("M", "mean of the gifts above half, as a fraction of the way from half to everything"),
}

PARAMETERS = tuple(
    Parameter(
        name=name,
        symbol=symbol,
        scale="logit",
        unit="share",
        description=description,
        neutral=None,
        prior=prior("giving", name),
    )
    for name, (symbol, description) in _DESCRIPTIONS.items()
)

MEAN_SHARE = Parameter(
    name="mean_share",
    symbol="s",
    scale="identity",
    unit="share",
    description="mean share of the endowment given to the other",
    neutral=0.0,
    prior=prior("giving", "mean_share"),
)


def natural(xp: ModuleType, coordinates: Parameters) -> dict[str, Array]:
    """Parameters and the mean share from their coordinates.

    The coordinates are continuation logits, each on its own scale: logit P(0), logit P(half | not 0),
    logit P(above | neither), logit of the two means. Then

        mean share = P(interior) m / 2 + P(half) / 2 + P(above) (1 + M) / 2
    """
    zero, half, above, interior_mean, above_mean = (
        from_scale(xp, "logit", coordinates[name]) for name in _DESCRIPTIONS
    )
    p_half = (1.0 - zero) * half
    p_above = (1.0 - zero) * (1.0 - half) * above
    return {
        "p_zero": zero,
        "p_half": p_half,
        "p_above": p_above,
        "interior_mean": interior_mean,
        "above_mean": above_mean,
        "mean_share": mean_share(zero, p_half, p_above, interior_mean, above_mean),
    }


def mean_share(p_zero: Array, p_half: Array, p_above: Array, interior_mean: Array, above_mean: Array) -> Array:
    """Mean share given, from the four kinds of gift."""
    p_interior = 1.0 - p_zero - p_half - p_above
    return p_interior * interior_mean / 2.0 + p_half / 2.0 + p_above * (1.0 + above_mean) / 2.0


GIVING = Theory(
    name="giving",
    title="Giving",
    equation="mean share = P(interior) m/2 + P(half)/2 + P(above) (1 + M)/2",
    response="amount",
    parameters=PARAMETERS,
    derived=(MEAN_SHARE,),
    natural=natural,
    needs="gifts on a grid from nothing to the whole endowment",
    citation="Engel 2011, doi:10.1007/s10683-011-9283-7",
)
