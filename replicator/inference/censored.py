"""Thresholds: the least offer that somebody says to accept, as an interval in which their indifference lies.

Whoever names the threshold a accepts the offer a and refuses the next smaller one, a - h on a grid with steps of h. If
an offer is accepted with probability F(a), rising in a,

    P(threshold = a) = F(a) - F(a - h),        logit F(a) = s (V(a) - V(refusal))

with the ends open: the smallest threshold stands for every offer, the largest for none below it. Parameters are those
of accepting and rejecting single offers, and a refusal gives nothing, which is worth nothing.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from replicator.theories.theory import Array

_LEAST_STEP = 1e-9
"""By how much the log odds of acceptance rise at least from one answer to the next."""


def log_odds(xp: ModuleType, acceptance: Array, index: np.ndarray | None) -> Array:
    """(..., k - 1) log odds of thresholds against the last one, from (..., a) log odds x of accepting each offer.

    Answers may be put together into classes of neighbours, `index` (a,); the largest of each is what bounds it:

        log P_c = log F(x_c) + log(1 - F(x_(c-1))) + log(1 - exp(x_(c-1) - x_c)),      F the logistic function
    """
    answers = int(acceptance.type.shape[-1] or 0) if hasattr(acceptance, "type") else acceptance.shape[-1]
    index = np.arange(answers) if index is None else index
    ends = [int(np.flatnonzero(index == c)[-1]) for c in range(int(index.max()))]
    bound = acceptance[..., ends]
    accepted, refused = -xp.logaddexp(0.0, -bound), -xp.logaddexp(0.0, bound)
    step = xp.maximum(bound[..., 1:] - bound[..., :-1], _LEAST_STEP)
    between = accepted[..., 1:] + refused[..., :-1] + xp.log(-xp.expm1(-step))
    return xp.concatenate([accepted[..., :1], between], axis=-1) - refused[..., -1:]
