"""What is known about people: reference estimates with their citations, and populations drawn from them.

Every document in `priors/humans` (JSON, see `schema/reference.json`) holds the references of one experiment
and the people that `participants:human` draws. References are never the prior of a fit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from replicator import documents, resources
from replicator.errors import Fault, SpecError
from replicator.experiment import Family, Value
from replicator.schema_faults import schema_faults

Basis = Literal["data", "judgement", "none"]

_SHARE_TOLERANCE = 0.005
"""How far published shares may miss a sum of one, which rounding to two or three digits explains."""


@dataclass(frozen=True)
class Reference:
    """One estimate about people, with what is needed to compare like with like. Unknown numbers are None."""

    id: str
    family: Family
    parameter: str | None
    """Name of the parameter that it estimates; None where it is no estimate of one."""
    symbol: str
    definition: str
    estimand: Literal["representative_agent", "typical_person", "choice_shares", "other"]
    statistic: Literal["mean", "median", "share", "distribution"]
    """What `value` summarises."""
    value: float | None
    """On its natural scale; None where `items` or `distribution` say it."""
    standard_error: float | None
    """Of `value`, natural scale."""
    between_study_sd: float | None
    """Between studies, on `spread_scale`."""
    between_study_basis: Basis
    person_sd: float | None
    """Between people, on `spread_scale`."""
    person_basis: Basis
    spread_scale: Literal["identity", "log"]
    distribution: Mapping[str, Any] | None
    """{"name", "of": studies or persons}: normal (mean, sd), lognormal (median, sigma_log) or categorical."""
    n_participants: int | None
    n_studies: int | None
    items: Mapping[str, Mapping[str, float]] | None
    """Item id -> option -> share of people."""
    conditions: Mapping[str, Sequence[Value]] | None
    """Factor -> levels that the estimate speaks of; None where it is tied to none."""
    theory: str | None
    noise: str | None
    """With `theory` and `intercept`: how it was estimated, where that is known and one of ours."""
    intercept: bool | None
    stimulus_range: Mapping[str, Sequence[float]] | None
    """Quantity -> (lowest, highest); estimates that depend on it compare only inside the same range."""
    incentive: Literal["real", "hypothetical", "mixed"]
    sample: str
    design: str
    status: Literal["verified", "secondary", "partial", "memory"]
    evidence: str
    """How the status was established."""
    citation: Mapping[str, Any]
    notes: str
    experiment: str
    """The experiment in whose document it stands."""

    @property
    def spread_basis(self) -> Basis:
        """The weakest basis among the spreads that are given; "none" where none is."""
        given = {self.between_study_basis, self.person_basis} - {"none"}
        if "judgement" in given:
            return "judgement"
        return "data" if given else "none"


@dataclass(frozen=True)
class Distribution:
    """How one parameter is spread over people, on its natural scale."""

    name: Literal["normal", "lognormal", "constant"]
    location: float
    """Mean (normal), median (lognormal) or the value (constant)."""
    spread: float
    """sd (normal), sd of the logarithm (lognormal), 0 (constant)."""
    basis: Literal["data", "judgement"]
    source: str


@dataclass(frozen=True)
class Population:
    """The people that `participants:human` draws for one experiment."""

    experiment: str
    theory: str
    noise: Literal["contextual", "equivalent", "none"]
    parameters: Mapping[str, Distribution]
    """Parameter (or "sensitivity") -> its distribution over people, independent of the others."""
    lapse: float
    basis: str
    """Which part is data and which is judgement, and how the judged part was chosen."""
    references: tuple[str, ...]
    document: Mapping[str, Any]
    """As written; part of the identity of simulated answers."""


@dataclass(frozen=True)
class Document:
    path: str
    experiment: str
    references: tuple[Reference, ...]
    population: Population | None


PUBLISHED = "published:"
"""Begins the name of a population that is a published table of people's choice shares."""


@cache
def references() -> Mapping[str, Reference]:
    """Every shipped reference by id. Raises SpecError with all faults of all documents."""
    return {reference.id: reference for document in _shipped() for reference in document.references}


@cache
def population(experiment: str) -> Population | None:
    """The people of an experiment, or None where its document draws none."""
    return next((d.population for d in _shipped() if d.experiment == experiment), None)


def load_document(path: Path | str) -> Document:
    """Read one document. Raises SpecError with every fault: file, JSON pointer, problem and remedy."""
    return load_documents([Path(path)])[0]


def load_documents(paths: Iterable[Path | str]) -> tuple[Document, ...]:
    """Read documents that belong together: an id may stand in one only. Raises SpecError with every fault."""
    sound: list[documents.Document] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            document = documents.read(path)
        except SpecError as error:
            faults += error.faults
            continue
        schema = resources.schema("reference")
        placed = (*document.faults, *schema_faults(document, schema))
        found = [place.fault for place in placed if place.told]
        found = found or list(_sense_faults(document.file, document.value))
        faults += found
        if not found:
            sound.append(document)
    faults += _identity_faults(sound)
    if faults:
        raise SpecError(documents.shortened(faults))
    return tuple(_document(document.file, document.value) for document in sound)


@cache
def _shipped() -> tuple[Document, ...]:
    return load_documents(resources.human_files())


def _document(file: str, document: Mapping[str, Any]) -> Document:
    experiment = document["experiment"]
    return Document(
        path=file,
        experiment=experiment,
        references=tuple(_reference(entry, experiment) for entry in document["references"]),
        population=_population(document["population"], experiment),
    )


def _reference(entry: Mapping[str, Any], experiment: str) -> Reference:
    return Reference(**entry, experiment=experiment)


def _population(entry: Mapping[str, Any] | None, experiment: str) -> Population | None:
    if entry is None:
        return None
    return Population(
        experiment=experiment,
        theory=entry["theory"],
        noise=entry["noise"],
        parameters={name: _distribution(value) for name, value in entry["parameters"].items()},
        lapse=float(entry["lapse"]),
        basis=entry["basis"],
        references=tuple(entry["references"]),
        document=entry,
    )


def _distribution(entry: Mapping[str, Any]) -> Distribution:
    name = entry["distribution"]
    location, spread = {
        "normal": ("mean", "sd"),
        "lognormal": ("median", "sigma_log"),
        "constant": ("value", None),
    }[name]
    return Distribution(
        name=name,
        location=float(entry[location]),
        spread=float(entry[spread]) if spread else 0.0,
        basis=entry["basis"],
        source=entry["source"],
    )


def _sense_faults(file: str, document: Mapping[str, Any]) -> Iterator[Fault]:
    """What a schema cannot say about one document."""
    for index, entry in enumerate(document["references"]):
        at = f"/references/{index}"
        for spread, basis in (("between_study_sd", "between_study_basis"), ("person_sd", "person_basis")):
            if (entry[spread] is None) != (entry[basis] == "none"):
                yield Fault(
                    file,
                    f"{at}/{basis}",
                    f'"{entry[basis]}" does not fit {spread} = {json.dumps(entry[spread])}.',
                    'A spread is from "data" or a "judgement"; where none is given its basis is "none".',
                )
        if entry["value"] is None and entry["items"] is None and entry["distribution"] is None:
            yield Fault(file, f"{at}/value", "it says nothing.", "Give a value, items or a distribution.")
        for item, shares in (entry["items"] or {}).items():
            yield from _share_faults(file, f"{at}/items{documents.pointer([item])}", shares)
        probabilities = (entry["distribution"] or {}).get("probabilities")
        if probabilities is not None:
            yield from _share_faults(file, f"{at}/distribution/probabilities", probabilities)


def _share_faults(file: str, pointer: str, shares: Mapping[str, float]) -> Iterator[Fault]:
    total = math.fsum(shares.values())
    if abs(total - 1.0) > _SHARE_TOLERANCE:
        yield Fault(file, pointer, f"the shares sum to {total:.4g}.", "They must sum to 1.")


def _identity_faults(sound: Sequence[documents.Document]) -> Iterator[Fault]:
    """Ids and experiments that stand twice, and populations that rest on references nobody wrote."""
    ids: dict[str, str] = {}
    experiments: dict[str, str] = {}
    for document in sound:
        name = document.value["experiment"]
        if name in experiments:
            problem = f'"{name}" has a document already: {experiments[name]}.'
            yield Fault(document.file, "/experiment", problem, "Join them.")
        experiments.setdefault(name, document.file)
        for index, entry in enumerate(document.value["references"]):
            at = f"/references/{index}/id"
            if entry["id"] in ids:
                problem = f'"{entry["id"]}" stands already at {ids[entry["id"]]}.'
                yield Fault(document.file, at, problem, "Give each reference an id of its own.")
            ids.setdefault(entry["id"], f"{document.file}#{at}")
    for document in sound:
        for index, reference in enumerate((document.value["population"] or {}).get("references", ())):
            if reference not in ids:
                at = f"/population/references/{index}"
                problem = f'no reference is called "{reference}".'
                yield Fault(document.file, at, problem, documents.did_you_mean(reference, ids))
