"""Small designs on which a theory's parameters can be told apart.

Where a shipped experiment does, its own questions are asked, or some of them; elsewhere questions are written out. A
theory that is not named here gets a design by what it reads.
"""

from __future__ import annotations

from replicator import specification
from replicator.experiment import Outcome
from replicator.inference.unanswered import Questions, of_experiment, written
from replicator.theories.theory import Theory

_BY_THEORY = {
    "crra": "paired lotteries",
    "loss-aversion": "even gambles",
    "loss-aversion-power": "even gambles and gains",
    "hyperbolic": "delays",
    "exponential": "delays",
    "quasi-hyperbolic": "delays with and without a front end",
    "acceptance-threshold": "offers",
}

_SURE_OR_CHANCE = (
    # what is sure; the larger amount, its probability, the smaller amount
    (4, 100, 0.02, 0), (12, 100, 0.10, 0), (25, 100, 0.25, 0), (9, 20, 0.50, 0), (45, 100, 0.50, 0),
    (70, 100, 0.75, 0), (88, 100, 0.90, 0), (96, 100, 0.98, 0), (45, 80, 0.50, 20), (26, 80, 0.10, 20),
)  # fmt: skip
"""Chances from .02 to .98 at stakes of 20 to 100: curvature, elevation and bend of the weights apart."""

_EVEN_GAMBLES = ((10, 5), (10, 10), (10, 20), (20, 5), (20, 20), (40, 10), (40, 20), (40, 60))
"""Gain and loss, against nothing; ratios from .5 to 4 at small and large stakes."""

_GAINS = ((8, 20, 0.5), (30, 100, 0.5), (40, 80, 0.5))
"""What is sure; the amount and its chance: curvature without losses."""

_WEIGHTED = ((8, 60, 0.1), (25, 60, 0.5), (52, 60, 0.9), (-8, -60, 0.1), (-52, -60, 0.9))

_FRONT_ENDS = (
    # sooner amount and its delay, later amount and its delay, in days
    (95, 0, 100, 30), (80, 0, 100, 30), (60, 0, 100, 30), (80, 0, 100, 180), (40, 0, 100, 365),
    (95, 30, 100, 60), (80, 30, 100, 60), (80, 30, 100, 210), (40, 30, 100, 395), (60, 30, 100, 120),
)  # fmt: skip

_DIVISIONS = (
    # oneself and the other under the first option, and under the second
    ((10, 10), (11, 20)), ((10, 10), (14, 20)), ((10, 10), (20, 40)), ((8, 8), (9, 30)), ((4, 4), (8, 30)),
    ((10, 10), (11, 5)), ((10, 10), (12, 2)), ((10, 10), (18, 2)), ((8, 8), (9, 0)), ((20, 20), (24, 10)),
)  # fmt: skip
"""Equal or unequal: four costs of being behind, four of being ahead."""

_OFFERS = ("offer-5", "offer-10", "offer-20", "offer-25", "offer-30", "offer-40", "offer-50", "offer-60")


def design_name(theory: Theory) -> str:
    """Name of the theory's design."""
    if theory.name in _BY_THEORY:
        return _BY_THEORY[theory.name]
    if "other" in theory.reads:
        return "divisions"
    if "delay" in theory.reads:
        return "delays"
    return "gambles, gains and chances" if theory.losses else "sure or chance"


def questions(name: str) -> Questions:
    """The questions of a design."""
    if name == "paired lotteries":
        return _of("holt-laury", tuple(f"row-{n}" for n in range(2, 10)), condition="stakes=1")
    if name == "delays":
        kept = tuple(item.id for item in specification.find("delay-discounting").items[::3])
        return _of("delay-discounting", kept)
    if name == "offers":
        return _of("ultimatum-responder", _OFFERS)
    if name == "divisions":
        return written(("equal", "unequal"), [_shared("equal", *a) + _shared("unequal", *b) for a, b in _DIVISIONS])
    if name == "delays with and without a front end":
        return written(
            ("sooner", "later"),
            [(_paid("sooner", x, delay=s), _paid("later", y, delay=t)) for x, s, y, t in _FRONT_ENDS],
        )
    if name == "sure or chance":
        return written(
            ("sure", "chance"),
            [(_paid("sure", s), *_lottery("chance", x, p, y)) for s, x, p, y in _SURE_OR_CHANCE],
        )
    gambles = [(*_lottery("accept", gain, 0.5, -loss), _nothing(0)) for gain, loss in _EVEN_GAMBLES]
    gains = [(*_lottery("accept", x, p, 0), _nothing(sure)) for sure, x, p in _GAINS]
    weighted = [(*_lottery("accept", x, p, 0), _nothing(sure)) for sure, x, p in _WEIGHTED]
    asked = {
        "even gambles": gambles,
        "even gambles and gains": gambles + gains,
        "gambles, gains and chances": gambles + weighted,
    }
    return written(("accept", "decline"), asked[name])


def _of(experiment: str, items: tuple[str, ...], condition: str | None = None) -> Questions:
    return of_experiment(specification.find(experiment), items, condition)


def _paid(option: str, amount: float, *, p: float = 1.0, delay: float = 0.0, to: str = "self") -> Outcome:
    return Outcome(option, float(amount), p, p, to=to, delay=float(delay))


def _lottery(option: str, amount: float, p: float, otherwise: float) -> tuple[Outcome, Outcome]:
    return _paid(option, amount, p=p), _paid(option, otherwise, p=1.0 - p)


def _shared(option: str, own: float, other: float) -> tuple[Outcome, Outcome]:
    return _paid(option, own), _paid(option, other, to="other")


def _nothing(sure: float) -> Outcome:
    """What there is without the gamble."""
    return Outcome("decline", float(sure), 1.0, 1.0, status_quo=True)
