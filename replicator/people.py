"""People beside populations: whose shares stand at an item, which estimates of people an estimate may meet.

Published references come first; where they say nothing of an item, people recorded in the same results;
then people simulated from published estimates, named as such. Everything here works on the parts of
`results.json` alone, so that several runs of an experiment can be put side by side after the fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from replicator import fidelity, human_questions
from replicator.experiment import format_value
from replicator.human_questions import (
    Entry,
    Estimate,
    Setting,
    blank_entry,
    difference,
    estimands_apart,
    range_apart,
)
from replicator.references import PUBLISHED, Reference

Document = dict[str, Any]
"""An object of `results.json`."""

SIMULATED_PEOPLE = "participants:human"

IN_RESULTS = "population:"
"""Begins the name of a reference that is a population of the same results."""


def is_recorded(population: Mapping[str, Any]) -> bool:
    """Whether a population is people whose choices were recorded."""
    return bool(population["population"] == "human")


def are_people(population: Mapping[str, Any]) -> bool:
    """Whether a population may stand for people: recorded, or simulated from published estimates of them."""
    return is_recorded(population) or str(population["name"]).startswith(SIMULATED_PEOPLE)


def may_stand_beside(population: Mapping[str, Any], people: Mapping[str, Any]) -> bool:
    """Nobody is compared with themselves, nor recorded people with simulated ones."""
    return (
        are_people(people)
        and people["name"] != population["name"]
        and (is_recorded(people) or not are_people(population))
    )


def published_shares(rows: Iterable[Document], items: Sequence[Document], references: Sequence[Reference]) -> None:
    """Fill `human_share`, `human_n` and `reference` from references that give shares at these items and
    conditions."""
    levels = {(item["item"], item["condition"]): item["factors"] for item in items}
    for row in rows:
        here = levels[row["item"], row["condition"]]
        for reference in references:
            shares = (reference.items or {}).get(row["item"])
            if shares is None or reference.estimand != "choice_shares" or not _speaks_of(reference, here):
                continue
            row |= {
                "human_share": float(shares.get(row["option"], 0.0)),
                "human_n": reference.n_participants,
                "reference": reference.id,
            }
            break


def shares_in_results(rows: list[Document], populations: Sequence[Document]) -> list[Document]:
    """The rows with people of the same results beside them wherever no published reference is.

    Grid options that were left out of a population's rows as too rare come back where people chose them.
    """
    cells: dict[tuple[str, str, str], dict[str, Document]] = {}
    for row in rows:
        cells.setdefault((row["population"], row["item"], row["condition"]), {})[row["option"]] = row
    for population in populations:
        candidates = sorted(
            (other for other in populations if may_stand_beside(population, other)),
            key=lambda other: not is_recorded(other),
        )
        for (name, item, condition), cell in cells.items():
            if name != population["name"] or any(row["reference"] for row in cell.values()):
                continue
            for people in candidates:
                theirs = cells.get((people["name"], item, condition), {})
                if any(row["share"] is not None for row in theirs.values()):
                    _put_beside(cell, theirs, f"{IN_RESULTS}{people['name']}")
                    break
    return [row for cell in cells.values() for row in cell.values()]


def without_people_in_results(rows: Iterable[Document], estimates: Iterable[Document]) -> None:
    """Forget people of the same results, so that better ones may take their place; references stay."""
    for row in rows:
        if str(row["reference"]).startswith(IN_RESULTS):
            row |= {"human_share": None, "human_n": None, "reference": None}
    for estimate in estimates:
        estimate["human"] = [e for e in estimate["human"] if not e["reference"].startswith(IN_RESULTS)]


def human_entries(
    estimates: Sequence[Document],
    populations: Sequence[Document],
    rows: Sequence[Document],
    items: Sequence[Document],
    *,
    ropes: Mapping[tuple[str, str, str], float | None],
    references: Sequence[Reference],
) -> None:
    """Add to each estimate's `human` the three questions for every reference, and people of the same results.

    `ropes` maps (theory, noise, parameter) to the declared region. Entries that are there already are kept.
    """
    by_name = {
        population["name"]: population
        for population in sorted(populations, key=lambda population: not is_recorded(population))
    }
    people = {name: _people(by_name[name], estimates, rows, items) for name in by_name if are_people(by_name[name])}
    for estimate in estimates:
        population = by_name[estimate["population"]]
        own = _items_of(population["name"], rows)
        setting = Setting(
            levels=_levels(estimate["condition"], items),
            ranges=_ranges(own, items),
            rope=ropes.get((estimate["theory"], estimate["noise"], estimate["parameter"])),
            obstacle=human_questions.obstacle(estimate, population),
            incentive=population["incentive"],
        )
        human = estimate.setdefault("human", [])
        if estimate["population"].startswith(PUBLISHED):
            continue  # a reference itself
        known = {entry["reference"] for entry in human}
        for reference in references:
            if reference.parameter == estimate["parameter"] and reference.id not in known:
                human += human_questions.beside_reference(estimate, reference, setting)
        for name, some in people.items():
            if may_stand_beside(population, by_name[name]) and f"{IN_RESULTS}{name}" not in known:
                entry = _beside_people(estimate, some, setting, own)
                human += [entry] if entry else []


def fidelity_rows(rows: Sequence[Document], items: Sequence[Document]) -> list[Document]:
    """Every population's distance from people's shares, over all items where both are known."""
    options = {(item["item"], item["condition"]): item["options"] for item in items}
    numeric = {key for key, names in options.items() if all(_is_number(name) for name in names)}
    pairs: dict[str, list[fidelity.Pair]] = {}
    for (name, *key), cell in _cells(rows):
        here = (key[0], key[1])
        known = [row for row in cell.values() if row["human_share"] is not None]
        if not known or any(row["share"] is None for row in cell.values()):
            continue
        model, people = (
            np.array([float((cell.get(option) or {}).get(side) or 0.0) for option in options[here]])
            for side in ("share", "human_share")
        )
        pairs.setdefault(name, []).append(
            fidelity.Pair(
                people=people / people.sum(),
                model=model / model.sum(),
                amounts=np.array([float(option) for option in options[here]]) if here in numeric else None,
                human_n=known[0]["human_n"],
                reference=known[0]["reference"],
            )
        )
    return [row for name, some in pairs.items() for row in fidelity.rows(name, some)]


@dataclass(frozen=True)
class _People:
    """Choices of people in the same results, with the estimates made from them."""

    name: str
    recorded: bool
    """False for people simulated from published estimates."""
    estimates: Sequence[Estimate]
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    items: frozenset[str] = frozenset()


def _beside_people(estimate: Estimate, people: _People, setting: Setting, items: frozenset[str]) -> Entry | None:
    """The question of the mean put to one estimate and to people in the same results; None without a like
    theory.

    Items are those that the estimate's population met.
    """
    same = [
        other
        for other in people.estimates
        if (other["parameter"], other["theory"]) == (estimate["parameter"], estimate["theory"])
    ]
    if not same:
        return None
    kind = "recorded" if people.recorded else "simulated"
    caveats = [] if people.recorded else ["These people are simulated from published estimates; nobody was asked."]
    if people.items and items != people.items:  # published shares have no rows of their own
        caveats.append(f"{len(items & people.items)} of the {len(items)} items were put to both.")
    entry = {**blank_entry(f"{IN_RESULTS}{people.name}", people.name, kind, caveats), "question": "mean"}
    best = min(same, key=lambda other: _mismatch(estimate, other))
    why = (
        setting.obstacle
        or _unlike_people(estimate, best)
        or range_apart(setting.ranges, people.ranges)
        or human_questions.obstacle(best, {})
    )
    if why is None and (estimate.get("sd") is None or best.get("sd") is None):
        why = "one of the two estimates has no standard error"
    if best.get("mean") is not None:
        entry |= {"value": best["mean"], "interval": best.get("interval")}
    if why is not None:
        return {**entry, "why_not": why}
    return {
        **entry,
        "available": True,
        "spread_basis": "data" if people.recorded else "judgement",
        "difference": difference(estimate, float(best["mean"]), float(best["sd"]), setting.rope),
    }


def _unlike_people(estimate: Estimate, other: Estimate) -> str | None:
    if other["estimand"] != estimate["estimand"]:
        return estimands_apart(str(estimate["estimand"]), str(other["estimand"]))
    if other["condition"] != estimate["condition"]:
        return f"people were asked at {other['condition']}, this estimate is of {estimate['condition']}"
    if other["noise"] != estimate["noise"]:
        return f"people's choice rule is {other['noise']}, this estimate's {estimate['noise']}"
    if bool(other.get("intercept")) != bool(estimate.get("intercept")):
        return "one of the two has a response intercept and the other has none"
    return None


def _mismatch(estimate: Estimate, other: Estimate) -> tuple[bool, ...]:
    """Sorts people's estimates: the most alike first; a maximum-likelihood one after one with a posterior."""
    return (
        other["estimand"] != estimate["estimand"],
        other["condition"] != estimate["condition"],
        other["noise"] != estimate["noise"],
        bool(other.get("intercept")) != bool(estimate.get("intercept")),
        other.get("pooling") == "none",
    )


def _put_beside(cell: dict[str, Document], theirs: Mapping[str, Document], reference: str) -> None:
    blank = next(iter(cell.values()))
    for option, other in theirs.items():
        if option not in cell and other["share"]:
            share = None if blank["share"] is None else 0.0
            cell[option] = {**blank, "option": option, "share": share, "interval": None, "bounds": None}
    n = next((row["n"] for row in theirs.values() if row["unit"] == "person"), None)
    for option, row in cell.items():
        other_share = (theirs.get(option) or {}).get("share")
        row |= {"human_share": other_share or 0.0, "human_n": n, "reference": reference}


def _cells(rows: Sequence[Document]) -> Iterator[tuple[tuple[str, str, str], dict[str, Document]]]:
    cells: dict[tuple[str, str, str], dict[str, Document]] = {}
    for row in rows:
        cells.setdefault((row["population"], row["item"], row["condition"]), {})[row["option"]] = row
    yield from cells.items()


def _people(
    population: Document, estimates: Sequence[Document], rows: Sequence[Document], items: Sequence[Document]
) -> _People:
    own = _items_of(population["name"], rows)
    return _People(
        name=population["name"],
        recorded=is_recorded(population),
        estimates=[estimate for estimate in estimates if estimate["population"] == population["name"]],
        ranges=_ranges(own, items),
        items=own,
    )


def _items_of(name: str, rows: Sequence[Document]) -> frozenset[str]:
    return frozenset(row["item"] for row in rows if row["population"] == name)


def _ranges(own: frozenset[str], items: Sequence[Document]) -> dict[str, tuple[float, float]]:
    """Lowest and highest value of every numeric item variable among the items of a population."""
    values: dict[str, list[float]] = {}
    for item in items:
        if item["item"] in own:
            for name, value in item["stimulus"].items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    values.setdefault(name, []).append(float(value))
    return {name: (min(some), max(some)) for name, some in values.items()}


def _levels(condition: str, items: Sequence[Document]) -> dict[str, Any]:
    return next((item["factors"] for item in items if item["condition"] == condition), {})


def _speaks_of(reference: Reference, levels: Mapping[str, Any]) -> bool:
    return all(
        factor in levels and format_value(levels[factor]) in map(format_value, spoken)
        for factor, spoken in (reference.conditions or {}).items()
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
