"""Small experiments written by hand, for tests of the stages between a specification and its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from replicator.experiment import (
    Analysis,
    Check,
    Experiment,
    Factor,
    Fit,
    Item,
    Option,
    OutcomeSpec,
    Presentation,
    Response,
)
from replicator.expression import parse

LOTTERY = "Two lotteries are offered.\n\n{{ options }}\n\nWhich do you choose? Answer {{ labels }} only."
GIFT = (
    "You have {{ endowment }} {{ unit }}. Give any amount from {{ minimum }} to {{ maximum }} in steps of {{ step }}."
)


def outcome(amount: str, probability: str = "1", to: str = "self", delay: str = "0") -> OutcomeSpec:
    return OutcomeSpec(parse(amount), parse(probability), parse(probability), to, parse(delay), None)


def lotteries(**changes: Any) -> Experiment:
    """Ten paired lotteries with stakes as a factor."""
    return _experiment(
        **{
            "name": "small-lotteries",
            "factors": (Factor("stakes", (1, 20, 50), (1, 20), "treatment", "within", ""),),
            "items": tuple(Item(f"row-{row}", {"p": row / 10}) for row in range(1, 11)),
            "options": (
                Option("safe", _lottery("2.00", "1.60"), None, False),
                Option("risky", _lottery("3.85", "0.10"), None, False),
            ),
            "wordings": {"plain": LOTTERY, "other": f"Imagine you are in a laboratory. {LOTTERY}"},
            "checks": (
                Check("better", "dominated", {"p": 1.0}, None, {}, "risky"),
                Check(
                    "chance", "read-back", {"p": 0.3}, "What is {{ p | percent }} of $10?",
                    {"three": "$3", "seven": "$7", "ten": "$10"}, "three",
                ),
            ),
            **changes,
        }
    )  # fmt: skip


def gifts(endowment: int = 100, step: str = "1", **changes: Any) -> Experiment:
    """An amount from 0 to the endowment."""
    return _experiment(
        **{
            "name": "small-gifts",
            "items": (Item("only", {"endowment": endowment}),),
            "options": (Option("give", (outcome("endowment - answer"), outcome("answer", to="other")), None, False),),
            "unit": "points",
            "wordings": {"plain": GIFT},
            "response": Response("amount", parse(0), parse("endowment"), parse(step)),
            "presentation": Presentation("all", (), ("single",)),
            **changes,
        }
    )


def labelled(labels: Sequence[tuple[str, ...]], **changes: Any) -> Experiment:
    """The lotteries with other labels."""
    return lotteries(presentation=Presentation("all", tuple(labels), ("single",)), **changes)


def _lottery(high: str, low: str) -> tuple[OutcomeSpec, ...]:
    return outcome(f"{high} * stakes", "p"), outcome(f"{low} * stakes", "1 - p")


def _experiment(**parts: Any) -> Experiment:
    whole: Mapping[str, Any] = {
        "title": "",
        "family": "risky-choice",
        "version": 1,
        "citation": {},
        "factors": (),
        "unit": "USD",
        "response": Response("choice"),
        "presentation": Presentation("all", (("A", "B"), ("1", "2")), ("single",)),
        "checks": (),
        "analysis": Analysis(Fit("crra", "contextual", "risk_aversion", None), (), (), {}),
        "humans": (),
        "source": "{}",
        "hash": "0",
        "path": "small.json",
        **parts,
    }
    return Experiment(**whole)
