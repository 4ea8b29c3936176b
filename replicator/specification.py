"""A specification (JSON, see `schema/experiment.json`) becomes an Experiment, or a list of all its faults.

    read the text -> check the schema -> check what a schema cannot say -> build frozen objects

The second and third step collect every fault before anything is raised.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from replicator import documents, expression, files, resources
from replicator.documents import Document, closest, did_you_mean
from replicator.errors import Fault, SpecError, UsageError
from replicator.experiment import (
    Analysis,
    Check,
    Contrast,
    Experiment,
    Factor,
    Fit,
    Item,
    Option,
    OutcomeSpec,
    Presentation,
    Response,
)
from replicator.response import ResponseType
from replicator.schema_faults import schema_faults
from replicator.thresholds import WORDINGS
from replicator.validation import Draft, examine, words


def find(name_or_path: str) -> Experiment:
    """A shipped experiment by its name, or a specification by its path (ending in .json).

    Raises UsageError where there is no such experiment or file, SpecError where the file has faults.
    """
    shipped = resources.experiment_files()
    if name_or_path in shipped:
        return load(shipped[name_or_path])
    if name_or_path.endswith(".json"):
        if not files.is_missing(Path(name_or_path)):
            return load(name_or_path)
        raise UsageError(f'there is no file "{name_or_path}".', remedy="Give the path of a specification.")
    remedy = did_you_mean(name_or_path, shipped)
    if closest(name_or_path, shipped) is None:
        remedy = f"{remedy} A specification of your own is given as a path ending in .json."
    raise UsageError(f'unknown experiment "{name_or_path}".', remedy=remedy)


def load(path: Path | str) -> Experiment:
    """Read a specification. Raises SpecError with every fault at once."""
    return _experiment(documents.read(path))


def loads(text: str, file: str) -> Experiment:
    """Read a specification from its text, as a run's manifest keeps it; `file` is its name in faults."""
    return _experiment(documents.parse(text, file))


def _experiment(document: Document) -> Experiment:
    draft, faults = examine(document)
    shared, more = _family_wordings(draft)
    faults += [*more, *words.shared(draft, shared)]
    if faults:
        raise SpecError(documents.shortened(faults))
    return _build(document, shared)


def load_wordings(path: Path | str) -> Mapping[str, Mapping[str, str]]:
    """Read the wordings of a family: type of answer -> name -> template. Raises SpecError with every fault."""
    document = documents.read(path)
    wrong = [*document.faults, *schema_faults(document, resources.schema("wordings"))]
    if wrong:
        raise SpecError(documents.shortened([fault.fault for fault in wrong if fault.told]))
    wordings: Mapping[str, Mapping[str, str]] = document.value["wordings"]
    return wordings


def cautions(experiment: Experiment) -> tuple[Fault, ...]:
    """What makes a valid specification say less than it could."""
    return (*_few_wordings(experiment), *_only_sampled(experiment))


def _few_wordings(experiment: Experiment) -> tuple[Fault, ...]:
    wordings = len(experiment.wordings)
    if wordings >= WORDINGS:
        return ()
    problem = (
        f"only {wordings} wording{'s' if wordings > 1 else ''} in all, shared ones included. The wording is the "
        f"sampling unit of a model's estimate: with fewer than {WORDINGS}, results are about these wordings alone "
        "(wording-limited) and give no verdict."
    )
    place = documents.pointer(("prompt", "wordings"))
    return (Fault(experiment.path, place, problem, f"Write {WORDINGS - wordings} more."),)


def _only_sampled(experiment: Experiment) -> tuple[Fault, ...]:
    if not experiment.response.is_open:
        return ()
    place = documents.pointer(("response",))
    problem = 'this number can only be sampled: probability elicitation needs "min", "max" and "step".'
    return (Fault(experiment.path, place, problem, "Give all three where the answers lie on a grid."),)


# Wordings that a family shares


def _family_wordings(draft: Draft) -> tuple[Mapping[str, str], list[Fault]]:
    family = draft.get("prompt", "shared_wordings")
    if family is None:
        return {}, []
    place = ("prompt", "shared_wordings")
    known = [path.stem for path in resources.wordings_file("any").parent.glob("*.json")]
    if family not in known:
        return {}, [draft.fault(place, f'no wordings are shared as "{family}".', did_you_mean(family, known))]
    try:
        wordings = load_wordings(resources.wordings_file(family)).get(draft.response or "", {})
    except SpecError as error:
        return {}, list(error.faults)
    if not wordings and draft.response is not None:
        problem = f'the wordings shared as "{family}" have none for answers of type "{draft.response}".'
        return {}, [draft.fault(place, problem, "Write the experiment's own wordings only.")]
    return wordings, []


# From a faultless document to an Experiment


def _build(document: Document, shared: Mapping[str, str]) -> Experiment:
    spec = document.value
    return Experiment(
        name=spec["name"],
        title=spec["title"],
        family=spec["family"],
        version=int(spec["version"]),
        citation=_plain(spec["citation"]),
        factors=tuple(_factor(name, factor) for name, factor in spec.get("factors", {}).items()),
        items=tuple(Item(item["id"], {k: v for k, v in item.items() if k != "id"}) for item in spec["items"]),
        options=tuple(_option(name, option) for name, option in spec.get("options", {}).items()),
        unit=spec["unit"],
        wordings={**spec["prompt"]["wordings"], **shared},
        response=_response(spec["response"]),
        presentation=_presentation(spec.get("presentation", {})),
        checks=tuple(_check(check) for check in spec.get("checks", [])),
        analysis=_analysis(spec.get("analysis", {}), spec["response"]["type"]),
        humans=tuple(spec.get("humans", [])),
        source=document.text,
        hash=_hash(document.text, shared),
        path=document.file,
    )


def _factor(name: str, factor: Mapping[str, Any]) -> Factor:
    return Factor(
        name=name,
        levels=tuple(factor["levels"]),
        default=tuple(factor.get("default", factor["levels"])),
        role=factor.get("role", "treatment"),
        assignment=factor.get("assignment", "within"),
        description=factor.get("description", ""),
    )


def _option(name: str, option: Mapping[str, Any]) -> Option:
    return Option(
        name=name,
        outcomes=tuple(_outcome(outcome) for outcome in option.get("outcomes", [])),
        text=option.get("text"),
        status_quo=option.get("status_quo", False),
    )


def _outcome(outcome: Mapping[str, Any]) -> OutcomeSpec:
    probability = outcome.get("probability", 1)
    low, high = probability if isinstance(probability, list) else (probability, probability)
    return OutcomeSpec(
        amount=expression.parse(outcome["amount"]),
        probability_low=expression.parse(low),
        probability_high=expression.parse(high),
        to=outcome.get("to", "self"),
        delay=expression.parse(outcome.get("delay", 0)),
        state=outcome.get("state"),
    )


def _response(response: Mapping[str, Any]) -> Response:
    low, high, step, total = (
        expression.parse(response[key]) if key in response else None for key in ("min", "max", "step", "total")
    )
    to = response.get("to", {})
    return Response(
        response["type"],
        low,
        high,
        step,
        points=tuple(float(point) for point in response.get("points", [])),
        anchors=_plain(response.get("anchors", {})),
        total=total,
        accounts=dict.fromkeys(to) if isinstance(to, list) else _plain(to),
    )


def _presentation(presentation: Mapping[str, Any]) -> Presentation:
    return Presentation(
        order=presentation.get("order", "all"),
        labels=tuple(tuple(labels) for labels in presentation.get("labels", [])),
        layout=tuple(presentation.get("layout", ["single"])),
        answers=tuple(presentation.get("answers", ["labels"])),
    )


def _check(check: Mapping[str, Any]) -> Check:
    return Check(
        id=check["id"],
        kind=check["kind"],
        variables=_plain(check["variables"]),
        question=check.get("question"),
        options=_plain(check.get("options", {})),
        correct=check["correct"],
    )


def _analysis(analysis: Mapping[str, Any], response: ResponseType) -> Analysis:
    return Analysis(
        primary=None if analysis.get("primary") is None else _fit(analysis["primary"], response),
        also=tuple(_fit(fit, response) for fit in analysis.get("also", [])),
        exclusions=tuple(analysis.get("exclusions", [])),
        document=_plain(analysis),
    )


def _fit(fit: Mapping[str, Any], response: ResponseType) -> Fit:
    if "factor" not in fit:
        return Fit(fit["theory"], fit["noise"], fit["parameter"], fit.get("rope"))
    first, second = fit["levels"]
    anchors = tuple(fit["anchors"]) if "anchors" in fit else None
    contrast = Contrast(fit["factor"], (first, second), fit.get("option"), anchors)
    return Fit(fit["theory"], "none", fit.get("parameter", contrast.headline(response)), fit.get("rope"), contrast)


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """The same as ordinary dictionaries and lists, free of the reader's own kind of object."""
    copied: dict[str, Any] = json.loads(json.dumps(value))
    return copied


def _hash(text: str, shared: Mapping[str, str]) -> str:
    return hashlib.sha256((text + "\0" + json.dumps(shared, sort_keys=True)).encode()).hexdigest()
