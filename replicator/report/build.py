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
from replicator.report import consistency, criticism, forest, provenance, statuses, tables, terms, words
from replicator.report import questions as people
from replicator.report.averages import is_told_by_means, means_table
from replicator.report.cells import Table
from replicator.report.citations import citations
from replicator.report.drawing import Figure, Panels
from replicator.report.figures import amount_figures, choice_figures
from replicator.report.formats import number
from replicator.report.mean_figures import distribution_figures, mean_figures
from replicator.report.options import has_many_options, option_figures, shares_table
from replicator.report.palette import Style, styles
from replicator.report.position import position_bias
from replicator.report.provenance import Example
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
    heading: str
    """What was answered."""
    choices: list[Figure]
    options: list[Panels]
    """Choices among three options or more, whose `choices` are empty, and means."""
    shares: Table | None
    means: Table | None
    small: bool
    """Whether `choices` are many small pictures."""
    nearness: Table | None
    consistency: Table | None
    """In short; `measures` has all numbers."""
    measures: Table | None
    consistency_notes: list[tuple[str, str]]
    """What was counted, and the words."""
    forests: list[Figure]
    remarks: list[str]
    bias: Figure | Panels | None
    estimates: Table | None
    questions: Table | None
    unanswered: Table | None
    theories: Table | None
    checks: Table | None
    missed: Table | None
    left_out: Table | None
    same: list[str]
    validity: Table | None
    statuses: Table | None
    affected: list[str]
    worst_cases: Table | None
    no_variation: list[str]
    unidentified: Table | None
    diagnostics: Table | None
    prompts: list[Example]
    prompts_note: str
    replies: list[Reply]
    origins: list[Origin]
    planned: bool


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
        environment(resources.report_folder())
        .get_template("report.html.j2")
        .render(
            title=_title(chapters),
            chapters=chapters,
            citations=citations(grouped),
            style=Markup((resources.report_folder() / "style.css").read_text(encoding="utf-8")),
            version=__version__,
        )
    )
    with explained(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, page)
    return out


def environment(folder: Path) -> Environment:
    """Templates of pages in `folder`: whatever they are given is escaped, and nothing may be missing."""
    return Environment(
        loader=FileSystemLoader(folder),
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
        heading=HEADINGS[results["response"]],
        choices=_choices(section, chosen),
        options=_options(section, chosen),
        shares=shares_table(results) if has_many_options(section) else None,
        means=means_table(results),
        small=results["response"] != "choice",
        nearness=tables.nearness(results),
        consistency=consistency.overview(results),
        measures=consistency.consistency(results),
        consistency_notes=consistency.remarks(results),
        forests=forest.forests(results, chosen),
        remarks=tables.remarks(results),
        bias=position_bias(section, chosen),
        estimates=tables.estimates(results),
        questions=people.questions(results),
        unanswered=people.unanswered(results),
        theories=tables.theories(results),
        checks=criticism.checks(results),
        missed=criticism.missed(results),
        left_out=criticism.left_out(results),
        same=criticism.same(results),
        validity=tables.validity(results),
        statuses=statuses.statuses(results),
        affected=statuses.affected(results),
        worst_cases=statuses.worst_cases(results),
        no_variation=[f"{p['name']}: {words.variation(p)}" for p in populations if p.get("no_variation")],
        unidentified=tables.unidentified(results),
        diagnostics=tables.diagnostics(results),
        prompts=prompts,
        prompts_note=note,
        replies=[reply for source in section.sources for reply in source.replies],
        origins=[_origin(source) for source in section.sources],
        planned=words.is_planned(results),
    )


HEADINGS = {
    "choice": "Choices",
    "amount": "Amounts",
    "number": "Numbers",
    "rating": "Ratings",
    "allocation": "Allocations",
}


def _choices(section: Section, chosen: dict[str, Style]) -> list[Figure]:
    if section.amounts:
        return amount_figures(section, chosen)
    if is_told_by_means(section.results):
        return [] if has_many_options(section) else distribution_figures(section, chosen)
    return [] if has_many_options(section) else choice_figures(section, chosen)


def _options(section: Section, chosen: dict[str, Style]) -> list[Panels]:
    means = mean_figures(section, chosen) if is_told_by_means(section.results) else []
    return [*means, *(option_figures(section, chosen) if has_many_options(section) else [])]


def _paragraph(results: Document, population: Document, chosen: dict[str, Style]) -> Paragraph:
    name = str(population["name"])
    return Paragraph(name, words.describe(results, population).removeprefix(name).strip(), chosen[name])


def _about(section: Section) -> str:
    """ "20 questions: 10 under each of stakes=1 and stakes=20"; a question is an item in one condition."""
    rows = [*section.results["choices"], *(section.results.get("means") or [])]
    cells = {(str(row["condition"]), str(row["item"])) for row in rows}
    conditions = list(dict.fromkeys(str(row["condition"]) for row in rows))
    text = terms.questions_of(len(cells))
    if conditions == ["all"] or not conditions:
        return text
    if len(conditions) == 1:
        return f"{text} under {conditions[0]}"
    sizes = {sum(1 for condition, _ in cells if condition == one) for one in conditions}
    each = f"{number(sizes.pop())} under each of" if len(sizes) == 1 else "under"
    return f"{text}{':' if each != 'under' else ''} {each} {terms.listed(conditions)}"


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


def _anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "experiment"
