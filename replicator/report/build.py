"""One page from the results of one run, or of several side by side.

The page is a single file that opens offline: its style is inline, its pictures are SVG drawn when it is
built, and it has no scripts. Whatever came from outside (names, prompts, replies, citations) is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from replicator import __version__, resources
from replicator.errors import ReplicatorError
from replicator.files import explained, write_text
from replicator.report import forest, provenance, tables, terms, words
from replicator.report.cells import Table
from replicator.report.drawing import Figure
from replicator.report.figures import amount_figures, choice_figures
from replicator.report.formats import number
from replicator.report.palette import Style, styles
from replicator.report.provenance import Example
from replicator.report.questions import questions as three_questions
from replicator.report.sources import Reply, Section, Source, read, sections
from replicator.report.terms import Document
from replicator.runs import Run, open_run


@dataclass(frozen=True)
class Population:
    """A line of an experiment's legend."""

    name: str
    kind: str
    description: str
    style: Style


@dataclass(frozen=True)
class Paragraph:
    """A population's lines of the summary, its name set apart."""

    name: str
    text: str
    style: Style


@dataclass(frozen=True)
class Origin:
    """How one run came about."""

    name: str
    command: str | None
    facts: list[tuple[str, str]]


@dataclass(frozen=True)
class Chapter:
    """All that is shown of one experiment."""

    anchor: str
    title: str
    name: str
    about: str
    summary: list[Paragraph]
    populations: list[Population]
    choices: list[Figure]
    amounts: bool
    nearness: Table | None
    forests: list[Figure]
    remarks: list[str]
    bias: Figure | None
    estimates: Table | None
    questions: Table | None
    theories: Table | None
    validity: Table | None
    no_variation: list[str]
    unidentified: Table | None
    diagnostics: Table | None
    prompts: list[Example]
    prompts_note: str
    replies: list[Reply]
    origins: list[Origin]


@dataclass(frozen=True)
class Citation:
    """A reference as the last chapter lists it."""

    id: str
    text: str
    doi: str | None
    status: str
    about: str


def build(runs: Sequence[Run | str | PathLike[str]], out: Path) -> Path:
    """Write the report of runs (or their folders) to `out` and return it.

    Reads `results.json`, `choices.parquet` and `manifest.json` of every run. Raises DataError where one is
    missing or unreadable.
    """
    sources = [read(run.folder if isinstance(run, Run) else Path(run)) for run in runs]
    grouped = sections(sources)
    chosen = styles([p for section in grouped for p in section.results["populations"]])
    chapters = [_chapter(section, chosen) for section in grouped]
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            title=_title(chapters),
            chapters=chapters,
            citations=_citations(grouped),
            style=Markup((resources.report_folder() / "style.css").read_text(encoding="utf-8")),
            version=__version__,
        )
    )
    with explained(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, page)
    return out


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(resources.report_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _title(chapters: Sequence[Chapter]) -> str:
    if len(chapters) == 1:
        return chapters[0].title
    words_for = {2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six"}
    return f"{words_for.get(len(chapters), len(chapters))} experiments, set beside people"


def _chapter(section: Section, chosen: dict[str, Style]) -> Chapter:
    results = section.results
    populations = results["populations"]
    prompts, note = _prompts(section)
    return Chapter(
        anchor=_anchor(section.experiment),
        title=str(results.get("experiment_title") or section.experiment),
        name=section.experiment,
        about=_about(section),
        summary=[_paragraph(results, p, chosen) for p in populations],
        populations=[
            Population(p["name"], words.kind(p), str(p.get("description") or ""), chosen[p["name"]])
            for p in populations
        ],
        choices=amount_figures(section, chosen) if section.amounts else choice_figures(section, chosen),
        amounts=section.amounts,
        nearness=tables.nearness(results),
        forests=forest.forests(results, chosen),
        remarks=tables.remarks(results),
        bias=forest.bias_figure(populations, chosen),
        estimates=tables.estimates(results),
        questions=three_questions(results),
        theories=tables.theories(results),
        validity=tables.validity(results),
        no_variation=[f"{p['name']}: {words.variation(p)}" for p in populations if p.get("no_variation")],
        unidentified=tables.unidentified(results),
        diagnostics=tables.diagnostics(results),
        prompts=prompts,
        prompts_note=note,
        replies=[reply for source in section.sources for reply in source.replies],
        origins=[_origin(source) for source in section.sources],
    )


def _paragraph(results: Document, population: Document, chosen: dict[str, Style]) -> Paragraph:
    name = str(population["name"])
    return Paragraph(name, words.describe(results, population).removeprefix(name).strip(), chosen[name])


def _about(section: Section) -> str:
    rows = section.results["choices"]
    items = len({row["item"] for row in rows})
    conditions = [c for c in dict.fromkeys(str(row["condition"]) for row in rows) if c != "all"]
    text = f"{number(items)} {'question' if items == 1 else 'questions'}"
    return f"{text} under {', '.join(conditions)}" if conditions else text


def _origin(source: Source) -> Origin:
    name = source.folder.resolve().name
    return Origin(name, provenance.command(source.manifest), provenance.facts(source.manifest))


def _prompts(section: Section) -> tuple[list[Example], str]:
    """The prompts, rendered again from the specification that the manifest carries."""
    used = {wording for source in section.sources for wording in source.wordings}
    if used <= {provenance.RECORDED}:
        return (
            [],
            "These choices were recorded elsewhere and imported: this program did not put the questions.",
        )
    for source in section.sources:
        if set(source.wordings) <= {provenance.RECORDED}:
            continue
        try:
            return provenance.examples(open_run(source.folder).experiment(), section), ""
        except ReplicatorError as error:
            return [], f"The prompts cannot be rendered again from the manifest: {error}"
    return [], ""


def _citations(grouped: Sequence[Section]) -> list[Citation]:
    merged: dict[str, Document] = {}
    for section in grouped:
        merged.update(section.results.get("references") or {})
    return [
        Citation(
            id=name,
            text=_citation_text(reference),
            doi=_doi(reference.get("doi")),
            status=terms.STATUS.get(str(reference.get("status")), "verification unknown"),
            about=_reference_about(reference),
        )
        for name, reference in sorted(merged.items())
    ]


def _citation_text(reference: Document) -> str:
    citation = reference.get("citation") or ""
    if isinstance(citation, str):
        return citation
    order = ("authors", "year", "title", "journal", "publisher", "source")
    return ". ".join(str(citation[key]).rstrip(".") for key in order if citation.get(key)) + "."


def _doi(doi: object) -> str | None:
    """A DOI that is safe to stand in a link, or None."""
    text = str(doi or "")
    return text if re.fullmatch(r"10\.\d{4,9}/[\w.;()/:<>+-]+", text) else None


def _reference_about(reference: Document) -> str:
    sizes = [
        f"{number(reference[key])} {name}"
        for key, name in (("n_participants", "participants"), ("n_studies", "studies"))
        if reference.get(key)
    ]
    parts = [
        terms.estimand_name(reference) if reference.get("estimand") else "",
        ", ".join(sizes),
        str(reference.get("design") or ""),
        str(reference.get("notes") or ""),
    ]
    return ". ".join(part.rstrip(".") for part in parts if part)


def _anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "experiment"
