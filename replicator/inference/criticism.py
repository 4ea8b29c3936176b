"""What speaks against a fit, and which of several fits of the same answers foretells better: `fits` of the results.

One document a fit: whether the theory can produce the observed shares (`predictive_check`), how well it foretells a
wording, persona or person that it has not seen (`left_out`), and which other fits are the same model on this design
(`same_model`) or can be told from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from replicator import theories
from replicator.inference import left_out, predictive_check
from replicator.inference.data import ChoiceData
from replicator.inference.entries import Label
from replicator.inference.identification import best_shares
from replicator.inference.posterior import Posterior
from replicator.inference.replay import replay
from replicator.inference.same_model import Model, related
from replicator.inference.same_model import words as relation_words
from replicator.inference.sensitivity import Sensitivity
from replicator.inference.structure import Structure
from replicator.theories.theory import Stimuli

Document = dict[str, Any]

_SAME_ANSWERS = ("population", "estimand", "sampling_unit", "pooling", "elicitation")
"""Fits that are alike in these are of the same answers, in the same units."""


def of_sampled(label: Label, found: Posterior, shape: Structure, data: ChoiceData, *, seed: int) -> Document:
    """The criticism of a fit with a posterior."""
    size = max(predictive_check.DRAWS, left_out.draws_for(data))
    played = replay(found, shape, data, size=size)
    check = predictive_check.of_draws(played, seed=seed)
    why_not = left_out.unavailable(data)
    if why_not is not None:
        loo = left_out.silent(why_not)
    else:
        some = np.unique(np.linspace(0, played.size - 1, left_out.draws_for(data)).astype(int))
        loo = left_out.leave_out(played.some(some), seed=seed).document
    return _document(label, check.document, loo, [check.words, *loo["words"]])


def of_sets(label: Label, data: ChoiceData) -> Document:
    """The criticism of a deterministic chooser: of the values that explain most of its choices."""
    check = predictive_check.of_sets(data, *best_shares(theories.get(label.theory), label.noise, data))
    loo = left_out.silent("Choices are deterministic: there is no likelihood to predict with.")
    return _document(label, check.document, loo, [check.words])


def short(fit: Mapping[str, Any]) -> Document:
    """What stands beside an estimate of the fit's check."""
    return {"passed": fit["check"]["passed"], "words": fit["check"]["words"]}


def told(entry: Mapping[str, Any], words: Sequence[str], fit: Mapping[str, Any], moved: Sensitivity | None) -> Document:
    """An estimate with its fit's check, its sensitivity to the prior, and what a reader must know of both."""
    check = short(fit)
    said = [*entry["words"], *words]
    if not check["passed"]:
        said.insert(0, check["words"])
    if moved is not None and moved.words is not None:
        said.append(moved.words)
    return {**entry, "check": check, "sensitivity": None if moved is None else moved.document, "words": said}


def across(
    fits: Sequence[Mapping[str, Any]], stimuli: Stimuli, condition: np.ndarray, items: Sequence[str]
) -> list[Document]:
    """The fits with what relates them: the same models under other names, and which foretells the answers better.

    `stimuli` are all questions of the experiment, of the (q,) conditions and items.
    """
    result: list[Document] = [{**fit, "same_as": [], "compared": [], "words": list(fit["words"])} for fit in fits]
    known: dict[tuple[Model, Model], Any] = {}
    for one, other in _pairs(result):
        a, b = (Model(f["theory"], f["noise"], bool(f["intercept"])) for f in (one, other))
        if (a, b) not in known:
            known[a, b] = related(a, b, stimuli, condition)
        found = known[a, b]
        said = relation_words(a, b, found, items)
        if found.relation == "same":
            for here, there in ((one, other), (other, one)):
                here["same_as"].append({"theory": there["theory"], "noise": there["noise"], "words": said,
                                        "but_for": list(dict.fromkeys(items[q] for q in found.but_for))})  # fmt: skip
        if said:
            one["words"].append(said)
        if found.relation == "same" and not found.but_for:
            continue
        _compare(one, other)
    return result


def _compare(one: Document, other: Document) -> None:
    """The difference in what is left out, written into both."""
    if not (one["loo"]["available"] and other["loo"]["available"]) or one["loo"]["units"] != other["loo"]["units"]:
        return
    for here, there, told in ((one, other, True), (other, one, False)):
        found = left_out.compared(here["loo"], there["loo"], (_name(here, there), _name(there, here)))
        here["compared"].append({"theory": there["theory"], "noise": there["noise"], **found})
        if told:
            here["words"].append(found["words"])


def _name(fit: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """What tells a fit from another."""
    if fit["theory"] == other["theory"]:
        return f"{fit['noise']} noise"
    return str(fit["theory"]) if fit["noise"] == other["noise"] else f"{fit['theory']} under {fit['noise']} noise"


def _pairs(fits: Sequence[Document]) -> Iterator[tuple[Document, Document]]:
    for one, other in combinations(fits, 2):
        if all(one[key] == other[key] for key in _SAME_ANSWERS):
            yield one, other


def _document(label: Label, check: Document, loo: Document, words: list[str]) -> Document:
    return {
        "population": label.population,
        "theory": label.theory,
        "noise": label.noise,
        "elicitation": label.elicitation,
        "estimand": label.estimand,
        "sampling_unit": label.sampling_unit,
        "pooling": label.pooling,
        "intercept": label.intercept,
        "check": check,
        "loo": loo,
        "same_as": [],
        "compared": [],
        "words": words,
    }
