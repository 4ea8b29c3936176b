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
    "expo-power": "paired lotteries at small and large stakes",
    "ambiguity": "known and unknown chances",
    "convex-budget": "budgets over two dates",
    "discounted-utility": "chances and delays",
    "ces": "budgets for two",
    "trust": "sending",
    "quantal-response": "two-by-two games",
    "certainty-equivalent": "stated worth",
    "conditional-cooperation": "contributions",
    "cognitive-hierarchy": "guesses",
    "level-k": "requests",
}

_SURE_OR_CHANCE = (
    # what is sure; the larger amount, its probability, the smaller amount
    (1, 100, 0.02, 0), (7, 100, 0.02, 0), (18, 100, 0.10, 0), (15, 100, 0.25, 0), (6, 20, 0.50, 0), (14, 20, 0.50, 0),
    (60, 100, 0.50, 0), (55, 100, 0.75, 0), (97, 100, 0.90, 0), (85, 100, 0.98, 0), (30, 80, 0.50, 20),
    (40, 80, 0.10, 20),
)  # fmt: skip
"""Chances from .02 to .98 at stakes of 20 to 100, worth clearly more or less than what is sure: curvature, elevation
and bend of the weights apart, and sensitivity."""

_EVEN_GAMBLES = ((10, 5), (10, 10), (10, 20), (20, 5), (20, 20), (40, 10), (40, 20), (40, 60))
"""Gain and loss, against nothing; ratios from .5 to 4 at small and large stakes."""

_GAINS = ((8, 20, 0.5), (30, 100, 0.5), (40, 80, 0.5))
"""What is sure; the amount and its chance: curvature without losses."""

_WEIGHTED = ((12, 60, 0.1), (20, 60, 0.5), (45, 60, 0.9), (-12, -60, 0.1), (-40, -60, 0.9), (-3, -60, 0.1))

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

_UNKNOWN = (
    # what is sure; the amount and the limits of its probability
    (6, 20, 0.5, 0.5), (14, 20, 0.5, 0.5), (40, 100, 0.25, 0.25), (30, 100, 0.5, 0.5), (55, 100, 0.75, 0.75),
    (7, 20, 0.25, 0.75), (60, 100, 0.25, 0.75), (30, 100, 0.0, 1.0), (40, 100, 0.0, 0.5), (55, 100, 0.5, 1.0),
)  # fmt: skip

_BUDGETS = ((100, 1.05, 0, 30), (100, 1.2, 0, 30), (100, 1.5, 0, 30), (100, 1.1, 0, 180), (100, 1.5, 0, 180),
            (100, 1.05, 30, 60), (100, 1.2, 30, 60), (100, 1.1, 30, 210), (100, 1.5, 30, 210))  # fmt: skip
"""What there is at the earlier date, what it becomes at the later one, and the two dates in days."""

_PRICES = (0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 3.0, 4.0)
"""What giving one unit costs."""

_MULTIPLIERS = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 8.0, 0.5)

_PENNIES = ((10, 10), (20, 10), (40, 10), (80, 10), (10, 20), (10, 40), (40, 40), (5, 10))
"""What matching on the first action pays oneself, and what the other gets for not matching it; all else that is won is
10. The equilibrium is unique (Goeree & Holt 2001, doi:10.1257/aer.91.5.1402)."""

_WORTH = ((100, 0.05, 0), (100, 0.25, 0), (100, 0.5, 0), (100, 0.75, 0), (100, 0.95, 0), (100, 0.25, 50),
          (100, 0.75, 50))  # fmt: skip
"""The amount, its chance and what there is otherwise; stated in fives or in fours."""

_OTHERS = (0, 4, 8, 12, 16, 20)
"""On average, of an endowment of 20; one of two members gets half of what is contributed."""

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
    if name == "paired lotteries at small and large stakes":
        return written(
            ("safe", "risky"),
            [
                (*_lottery("safe", 2.0 * x, p, 1.6 * x), *_lottery("risky", 3.85 * x, p, 0.1 * x))
                for x in (1, 5, 25)
                for p in (0.3, 0.5, 0.7, 0.9)
            ],
        )
    if name == "known and unknown chances":
        return written(
            ("sure", "chance"),
            [(_paid("sure", s), *_unknown("chance", x, low, high)) for s, x, low, high in _UNKNOWN],
        )
    if name == "budgets over two dates":
        return written(("sooner", "both", "later"), [_budget(*budget) for budget in _BUDGETS])
    if name == "chances and delays":
        chances = [(_paid("first", s), *_lottery("second", x, p, y)) for s, x, p, y in _SURE_OR_CHANCE[2:8]]
        delays = [(_paid("first", x), _paid("second", y, delay=t)) for x, _, y, t in _FRONT_ENDS[:5]]
        return written(("first", "second"), [*chances, *delays])
    if name == "budgets for two":
        return written(
            ("keep", "share", "give"),
            [
                (*_shared("keep", 90, 10 / price), *_shared("share", 50, 50 / price), *_shared("give", 10, 90 / price))
                for price in _PRICES
            ],
        )
    if name == "two-by-two games":
        return written(("up", "down"), [_pennies(own, other) for own, other in _PENNIES])
    if name == "sending":
        return written(
            ("keep", "half", "all"),
            [(*_shared("keep", 10, 0), *_shared("half", 5, 5 * m), *_shared("all", 0, 10 * m)) for m in _MULTIPLIERS],
        )
    if name == "guesses":
        multiples = [item.variables for item in specification.find("beauty-contest").items]
        return written([str(guess) for guess in range(0, 101, 10)], [()] * len(multiples), multiples)
    if name == "requests":
        return _of("money-request", ())
    if name == "least acceptable offers":
        return _of("minimum-acceptable-offer", ())
    if name in ("stated worth", "worth stated in fours"):
        grid = [str(amount) for amount in range(0, 101, 5 if name == "stated worth" else 4)]
        return written(grid, [[branch for c in grid for branch in _lottery(c, *lottery)] for lottery in _WORTH])
    if name == "contributions":
        grid = [str(amount) for amount in range(0, 21, 2)]
        pays = [outcome for c in grid for outcome in _shared(c, 20 - int(c) / 2, int(c) / 2)]
        return written(grid, [pays] * len(_OTHERS), [{"others": others} for others in _OTHERS])
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


def _unknown(option: str, amount: float, low: float, high: float) -> tuple[Outcome, Outcome]:
    """A chance that is known to lie between two numbers, of an amount or else nothing."""
    return Outcome(option, float(amount), low, high), Outcome(option, 0.0, 1.0 - high, 1.0 - low)


def _budget(total: float, rate: float, sooner: float, later: float) -> tuple[Outcome, ...]:
    """All at the sooner date, half at each, all at the later one."""
    return (
        _paid("sooner", total, delay=sooner),
        _paid("both", total / 2, delay=sooner),
        _paid("both", rate * total / 2, delay=later),
        _paid("later", rate * total, delay=later),
    )


def _pennies(own: float, other: float) -> tuple[Outcome, ...]:
    """Oneself wins where both take the first action or both the second, the other where they do not."""
    won = {("up", "left"): (own, 0), ("up", "right"): (0, other), ("down", "left"): (0, 10), ("down", "right"): (10, 0)}
    return tuple(
        Outcome(option, float(amount), 1.0, 1.0, to=to, state=state)
        for (option, state), amounts in won.items()
        for to, amount in zip(("self", "other"), amounts, strict=True)
    )


def _shared(option: str, own: float, other: float) -> tuple[Outcome, Outcome]:
    return _paid(option, own), _paid(option, other, to="other")


def _nothing(sure: float) -> Outcome:
    """What there is without the gamble."""
    return Outcome("decline", float(sure), 1.0, 1.0, status_quo=True)
