"""Behavioural theories as pure functions. Adding one is one file and one entry here."""

from __future__ import annotations

from collections.abc import Mapping

from replicator.documents import did_you_mean
from replicator.errors import UsageError
from replicator.theories.altruism import CES, TRUST
from replicator.theories.ambiguity import AMBIGUITY
from replicator.theories.certainty_equivalent import CERTAINTY_EQUIVALENT
from replicator.theories.cognitive_hierarchy import COGNITIVE_HIERARCHY
from replicator.theories.contrast import CONTRAST
from replicator.theories.crra import CRRA
from replicator.theories.dated_utility import CONVEX_BUDGET, DISCOUNTED_UTILITY
from replicator.theories.discounting import EXPONENTIAL, HYPERBOLIC, QUASI_HYPERBOLIC
from replicator.theories.expected_value import EXPECTED_VALUE
from replicator.theories.expo_power import EXPO_POWER
from replicator.theories.giving import GIVING
from replicator.theories.inequity import ACCEPTANCE_THRESHOLD, FEHR_SCHMIDT
from replicator.theories.level_k import LEVEL_K
from replicator.theories.loss_aversion import LINEAR, POWER
from replicator.theories.prospect import CUMULATIVE, RANK_DEPENDENT, RANK_DEPENDENT_TK, RANK_DEPENDENT_TWO
from replicator.theories.public_goods import CONDITIONAL_COOPERATION
from replicator.theories.quantal_response import QUANTAL_RESPONSE
from replicator.theories.theory import Parameter, Prior, Stimuli, Theory

THEORIES: Mapping[str, Theory] = {
    theory.name: theory
    for theory in (
        EXPECTED_VALUE, CRRA, EXPO_POWER, RANK_DEPENDENT, RANK_DEPENDENT_TWO, RANK_DEPENDENT_TK, LINEAR, POWER,
        CUMULATIVE, AMBIGUITY, CERTAINTY_EQUIVALENT,
        EXPONENTIAL, HYPERBOLIC, QUASI_HYPERBOLIC, CONVEX_BUDGET, DISCOUNTED_UTILITY,
        GIVING, CES, ACCEPTANCE_THRESHOLD, FEHR_SCHMIDT, TRUST, CONDITIONAL_COOPERATION,
        COGNITIVE_HIERARCHY, LEVEL_K, QUANTAL_RESPONSE,
        CONTRAST,
    )
}  # fmt: skip

__all__ = ["THEORIES", "Parameter", "Prior", "Stimuli", "Theory", "get"]


def get(name: str) -> Theory:
    """The theory called `name`. Raises UsageError for an unknown one."""
    try:
        return THEORIES[name]
    except KeyError:
        raise UsageError(
            f'unknown theory "{name}".', remedy=f"{did_you_mean(name, THEORIES)} All of them: replicator list theories."
        ) from None
