"""Expected value: the risk-neutral baseline, which has no parameter of its own."""

from __future__ import annotations

from types import ModuleType

from replicator.theories.theory import Array, Parameters, Theory, by_scale


def utility(xp: ModuleType, parameters: Parameters, amount: Array) -> Array:
    """u(x) = x."""
    return amount


def marginal_utility(xp: ModuleType, parameters: Parameters, amount: Array) -> Array:
    """u'(x) = 1."""
    return xp.ones_like(amount)


def inverse(xp: ModuleType, parameters: Parameters, utility: Array) -> Array:
    """x = u."""
    return utility


EXPECTED_VALUE = Theory(
    name="expected-value",
    title="Expected value",
    equation="u(x) = x; value of a lottery = sum of p x",
    response="choice",
    parameters=(),
    derived=(),
    natural=by_scale(()),
    utility=utility,
    marginal_utility=marginal_utility,
    inverse=inverse,
    losses=True,
    humans=("hl_safe_byrow", "bret_boxes", "ig_share"),
    needs="options that differ in expected value; what is estimated is the sensitivity to it, and other theories are "
    "compared with this one",
    citation="Bernoulli 1738, doi:10.2307/1909829, from whom it departs",
)
