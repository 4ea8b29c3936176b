"""The report's references: one entry for every work, with each figure that was taken from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from replicator.report import terms
from replicator.report.formats import number
from replicator.report.sources import Section
from replicator.report.terms import Document


@dataclass(frozen=True)
class Use:
    """A reference of the results: one figure, or one table of shares."""

    id: str
    status: str
    about: str


@dataclass(frozen=True)
class Citation:
    """A work as the last chapter lists it."""

    text: str
    doi: str | None
    uses: tuple[Use, ...]


def citations(sections: Sequence[Section]) -> list[Citation]:
    """Every work that the results refer to, by its text."""
    works: dict[tuple[str, str | None], list[Use]] = {}
    merged: dict[str, Document] = {}
    for section in sections:
        merged.update(section.results.get("references") or {})
    for name, reference in sorted(merged.items()):
        status = terms.STATUS.get(str(reference.get("status")), "verification unknown")
        work = (_text(reference), _doi(reference.get("doi")))
        works.setdefault(work, []).append(Use(name, status, _about(reference)))
    return [
        Citation(text, doi, tuple(uses)) for (text, doi), uses in sorted(works.items(), key=lambda work: work[0][0])
    ]


def _text(reference: Document) -> str:
    citation = reference.get("citation") or ""
    if isinstance(citation, str):
        return citation
    order = ("authors", "year", "title", "journal", "publisher", "source")
    return ". ".join(str(citation[key]).rstrip(".") for key in order if citation.get(key)) + "."


def _doi(doi: object) -> str | None:
    """A DOI that is safe to stand in a link, or None."""
    text = str(doi or "")
    return text if re.fullmatch(r"10\.\d{4,9}/[\w.;()/:<>+-]+", text) else None


def _about(reference: Document) -> str:
    sizes = [
        f"{number(reference[key])} {one if reference[key] == 1 else several}"
        for key, one, several in (("n_participants", "participant", "participants"), ("n_studies", "study", "studies"))
        if reference.get(key)
    ]
    parts = [
        terms.estimand_name(reference) if reference.get("estimand") else "",
        ", ".join(sizes),
        str(reference.get("design") or ""),
        str(reference.get("notes") or ""),
    ]
    return ". ".join(part[:1].upper() + part[1:].rstrip(".") for part in parts if part)
