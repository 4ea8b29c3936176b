"""A contrast of texts: what is answered under one level of a factor and under another.

No utility enters. A question in its wording has a tilt toward an option, and the factor's level moves it:

    logit P = tilt + (log odds ratio) x,    x = 1/2 at the first level and -1/2 at the second

The risk difference P(first) - P(second) is what verdicts are about: averaged over unlike questions it stays what it
is, whereas odds ratios do not collapse (Greenland, Robins & Pearl 1999, doi:10.1214/ss/1009211805). Of numbers it is
the difference of the answers, or the anchoring index where a number was shown at both levels:

    index = (answer under the first - answer under the second) / (first anchor - second anchor)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import ModuleType

from replicator.theories.priors import prior
from replicator.theories.theory import Array, Parameter, Parameters, Theory, from_scale

NAME = "contrast"

LOGISTIC_SD = math.pi / math.sqrt(3.0)
"""Standard deviation of the logistic distribution: what a log odds ratio is divided by to be in standard deviations of
what people differ by (Chinn 2000, doi:10.1002/1097-0258(20001130)19:22<3127::AID-SIM784>3.0.CO;2-M)."""

LOG_ODDS_RATIO = Parameter(
    name="log_odds_ratio",
    symbol="lor",
    scale="identity",
    unit="logit",
    description="log odds of the option at the first level less those at the second: 0 is no difference",
    neutral=0.0,
    prior=prior(NAME, "log_odds_ratio"),
)

BASELINE = Parameter(
    name="baseline",
    symbol="a",
    scale="identity",
    unit="logit",
    description="log odds of the option half way between the two levels: its share is even at 0",
    neutral=None,
    prior=prior(NAME, "baseline"),
)

RISK_DIFFERENCE = Parameter(
    name="risk_difference",
    symbol="RD",
    scale="identity",
    unit="share",
    description="share of the option at the first level less that at the second: 0 is no difference",
    neutral=0.0,
    prior=prior(NAME, "risk_difference"),
)

D = Parameter(
    name="d",
    symbol="d",
    scale="identity",
    unit="sd between people",
    description="the difference in standard deviations between people: log odds ratio x sqrt(3) / pi",
    neutral=0.0,
    prior=prior(NAME, "d"),
)

ANCHORING_INDEX = Parameter(
    name="anchoring_index",
    symbol="AI",
    scale="identity",
    unit="",
    description="how far answers follow the anchors, as a fraction of the distance between them: 0 not at all, 1 all "
    "the way (Jacowitz & Kahneman 1995, doi:10.1177/01461672952111004)",
    neutral=0.0,
    prior=prior(NAME, "anchoring_index"),
)

DIFFERENCE = Parameter(
    name="difference",
    symbol="D",
    scale="identity",
    unit="unit of the answers",
    description="answers in numbers at the first level less those at the second",
    neutral=0.0,
    prior=prior(NAME, "difference"),
)

LATENT_DIFFERENCE = Parameter(
    name="latent_difference",
    symbol="L",
    scale="identity",
    unit="logit",
    description="log odds of a rating above any point at the first level less those at the second",
    neutral=0.0,
    prior=prior(NAME, "latent_difference"),
)

PARAMETERS: Mapping[str, tuple[Parameter, ...]] = {
    "choice": (RISK_DIFFERENCE, LOG_ODDS_RATIO, D),
    "number": (DIFFERENCE, ANCHORING_INDEX, D),
    "amount": (DIFFERENCE, ANCHORING_INDEX, D),
    "rating": (DIFFERENCE, LATENT_DIFFERENCE, D),
}
"""Kind of answer -> what may be estimated of it."""


def natural(xp: ModuleType, coordinates: Parameters) -> dict[str, Array]:
    """What is told of the choice of one option in one question, from its coordinates, elementwise."""
    tilt, moved = coordinates["baseline"], coordinates["log_odds_ratio"]
    first, second = (from_scale(xp, "logit", tilt + side * moved) for side in (0.5, -0.5))
    return {
        "log_odds_ratio": moved,
        "baseline": tilt,
        "risk_difference": first - second,
        "d": moved / LOGISTIC_SD,
    }


CONTRAST = Theory(
    name=NAME,
    title="Contrast of two texts",
    equation="logit P(option) = tilt + (log odds ratio) x, x = 1/2 at the first level and -1/2 at the second",
    response="any",
    parameters=(LOG_ODDS_RATIO, BASELINE),
    derived=(RISK_DIFFERENCE, D, DIFFERENCE, ANCHORING_INDEX, LATENT_DIFFERENCE),
    natural=natural,
    needs="the same questions at two levels of a factor; several questions and wordings",
    citation="Clark 1973, doi:10.1016/S0022-5371(73)80014-3 (questions are a sample, too)",
)
