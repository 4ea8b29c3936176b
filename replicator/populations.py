"""What one population is and whether its answers can be believed: an entry of `results.json`'s
`populations`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from replicator import positions, shares
from replicator.personas import ASKED_AS
from replicator.references import Reference
from replicator.thresholds import COMPREHENSION_SHARE, LABEL_MASS, VALID_SHARE, WORDINGS

FAINT_SHARE = 0.2
"""With more than this share of answers excluded for their label mass, what is left no longer speaks for the
model."""


def summary(name: str, table: pd.DataFrame, facts: Mapping[str, Any], correct: Mapping[str, str]) -> dict[str, Any]:
    """The entry of one population from its table of choices.

    `facts` are the manifest's; `correct` maps the item of a comprehension check to its right option.
    """
    asked = shares.asked(table)
    subjects = int(asked["subject"].nunique())
    recorded = "recorded" in set(asked["elicitation"])
    entry: dict[str, Any] = {
        "name": name,
        "population": str(table["population"].iloc[0]),
        "model_family": facts.get("model_family", facts.get("family")),
        "parameters": facts.get("parameters"),
        "tuning": facts.get("tuning"),
        "facts": dict(facts),
        "description": None,
        "valid_share": shares.valid_share(table),
        "label_mass": shares.label_mass(table),
        "position_bias": positions.position_bias(table),
        "questions": len(asked),
        "wordings": int(asked["wording"].nunique()),
        "people": subjects or None if recorded else None,
        "personas": None if recorded or not subjects else _personas(asked, subjects),
        "incentive": _most_common(asked["incentive"]),
        "elicitation": sorted(set(asked["elicitation"])),
        "status_counts": shares.status_counts(table),
        "comprehension": shares.comprehension(table, correct),
        "no_variation": shares.no_variation(table),
    }
    if entry["population"] != "model" or not isinstance(entry["parameters"], int | float):
        # This is a model's size; the parameters of a simulated population stand among its facts.
        entry["parameters"] = None
    return {**entry, "description": _description(entry), "limits": _limits(entry, table)}


def published(name: str, reference: Reference) -> dict[str, Any]:
    """The entry of people who are known by a published table of shares alone."""
    return {
        "name": name,
        "population": "human",
        "model_family": None,
        "parameters": None,
        "tuning": None,
        "facts": {"reference": reference.id},
        "description": f"Published choice shares of {reference.n_participants:,} people "
        f"({reference.citation['authors'].split(';')[0].split(',')[0]} et al. {reference.citation['year']}).",
        "valid_share": None,
        "label_mass": None,
        "position_bias": None,
        "questions": None,
        "wordings": None,
        "people": reference.n_participants,
        "personas": None,
        "incentive": reference.incentive if reference.incentive != "mixed" else None,
        "elicitation": ["recorded"],
        "status_counts": {},
        "comprehension": None,
        "no_variation": None,
        "limits": ["recorded"],
    }


def _personas(asked: pd.DataFrame, number: int) -> dict[str, Any]:
    """How many personas a model was asked to be, and whether as persons or as groups."""
    return {"number": number, "asked_as": str(asked[f"attribute.{ASKED_AS}"].dropna().iloc[0])}


def _description(entry: Mapping[str, Any]) -> str:
    told = entry["facts"].get("description")
    if told:
        forecast = "; it says what people do, and makes no choice of its own" if _is_forecast(entry) else ""
        return f"{told}{forecast}"
    if entry["population"] == "human":
        if entry["people"] == 1:
            return "Recorded choices of one person."
        return f"Recorded choices of {entry['people']:,} people." if entry["people"] else "Recorded choices of people."
    if entry["population"] == "simulated":
        return "A simulated population."
    if _is_forecast(entry):
        return "What a language model says that people do."
    recorded = "recorded" in entry["elicitation"]
    return "Recorded answers of a language model." if recorded else "A language model."


def _is_forecast(entry: Mapping[str, Any]) -> bool:
    """Whether it says what people do: in shares that it states, or by answering for a group of them."""
    return "verbalised" in entry["elicitation"] or (entry["personas"] or {}).get("asked_as") == "group"


def _limits(entry: Mapping[str, Any], table: pd.DataFrame) -> list[str]:
    """What limits the conclusions from a population, as words that programs can read."""
    left_out, valid = shares.excluded(table), entry["status_counts"].get("valid", 0)
    faint = (entry["label_mass"] is not None and entry["label_mass"] < LABEL_MASS) or (left_out > FAINT_SHARE * valid)
    checks = entry["comprehension"]
    found = {
        "random-weights": bool(entry["facts"].get("random_weights")),
        "recorded": "recorded" in entry["elicitation"],
        "wording-limited": entry["population"] == "model" and entry["wordings"] < WORDINGS,
        "low-valid-share": entry["valid_share"] is not None and entry["valid_share"] < VALID_SHARE,
        "low-label-mass": faint,
        "answers-excluded": left_out > 0,
        "comprehension-failed": checks is not None and checks["correct_share"] < COMPREHENSION_SHARE,
        "no-variation": entry["no_variation"] is not None,
        "forecast": _is_forecast(entry),
    }
    return [name for name, applies in found.items() if applies]


def _most_common(column: pd.Series[Any]) -> str | None:
    counts = column.dropna().value_counts()
    return str(counts.index[0]) if len(counts) else None
