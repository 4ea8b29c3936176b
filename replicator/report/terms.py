"""The report's vocabulary: what economists call the parameters, estimands and references in the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from replicator import people
from replicator.references import PUBLISHED
from replicator.report.formats import number, percent

Document = Mapping[str, Any]
"""An object of `results.json`."""

SIMULATED_PEOPLE = f"{people.IN_RESULTS}{people.SIMULATED_PEOPLE}"
"""How `reference` names people simulated from published estimates."""

PUBLISHED_SHARES = f"{people.IN_RESULTS}{PUBLISHED}"
"""How `reference` names people whose published shares went through the estimator."""


def status_of(results: Document, entry: Document) -> str:
    """How well a reference was verified, in words."""
    if str(entry.get("reference")).startswith(PUBLISHED_SHARES):
        return "their published shares, through the same estimator"
    reference = (results.get("references") or {}).get(entry.get("reference")) or {}
    return STATUS.get(entry.get("status") or reference.get("status") or "", "verification unknown")


STATUS = {
    "verified": "verified",
    "secondary": "taken from a secondary source",
    "partial": "partly verified",
    "memory": "cited from memory, not verified",
    "recorded": "people recorded in these results",
    "simulated": "simulated from published estimates",
}


def place(estimate: Document) -> str:
    """ "at stakes=20", or nothing where there is only one condition."""
    condition = estimate.get("condition")
    return "" if condition in (None, "all") else f"at {condition}"


def parameter_name(estimate: Document) -> str:
    """ "risk aversion r", "loss aversion λ", "share giving nothing", "risk aversion on age" of a regression."""
    if estimate["parameter"] in NAMES:
        return NAMES[str(estimate["parameter"])]
    name = str(estimate["parameter"]).replace("_", " ")
    if estimate.get("regressed_on"):
        return name.replace(":", " on ", 1)
    mark = symbol(estimate)
    return f"{name} {mark}" if mark and mark != estimate["parameter"] and len(mark) <= 2 else name


def symbol(estimate: Document) -> str:
    """The parameter's symbol as economists write it."""
    text = str(estimate.get("symbol") or "")
    return GREEK.get(text, text)


NAMES = {
    "d": "difference d in standard deviations",
    "mean_share": "mean share given",
    "p_zero": "share giving nothing",
    "p_half": "share giving half",
    "p_above": "share giving more than half",
    "interior_mean": "mean gift between nothing and half",
    "above_mean": "mean gift above half",
}

GREEK = {
    "lambda": "λ",
    "rho": "ρ",
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "mu": "μ",
    "sigma": "σ",
}


def estimand_name(estimate: Document) -> str:
    """What the number is a number of."""
    return ESTIMANDS.get(str(estimate.get("estimand")), str(estimate.get("estimand")).replace("_", " "))


ESTIMANDS = {
    "representative_agent": "one representative agent",
    "typical_person": "the typical person",
    "choice_shares": "shares of choices",
    "other": "another quantity",
}


def interval_name(estimate: Document) -> str:
    return f"{percent(estimate.get('interval_probability') or 0.95)} interval"


def join(parts: Sequence[str]) -> str:
    """ "a", "a; b", for reasons that are clauses."""
    return "; ".join(parts)


def listed(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def points(gap: float) -> str:
    """A distance between shares in percentage points."""
    value = round(100 * gap, 1)
    return f"{number(value)} percentage point{'' if value == 1 else 's'}"


def questions_of(n: int) -> str:
    """ "1 question", "20 questions"."""
    return f"{number(n)} question{'' if n == 1 else 's'}"


def who(rows: Sequence[Document]) -> str:
    """Whose shares stand beside these: people's, or those of simulated people, who must be named as such."""
    simulated = [str(row.get("reference") or "").startswith(SIMULATED_PEOPLE) for row in rows]
    if all(simulated):
        return "simulated people"
    return "people (partly simulated)" if any(simulated) else "people"
