"""Choices among three options or more: the share of every option, side by side, and all of them as a table.

Where there are more questions than options every option has a picture with a row for each question, so that
a question's shares lie on one line across the pictures; otherwise every question has one with a row for each
option.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from replicator.people import IN_RESULTS
from replicator.report import terms
from replicator.report.cells import Cell, Table, table
from replicator.report.dots import Dot, dots
from replicator.report.drawing import Key, Panel, Panels, draw
from replicator.report.formats import number, percent, whole_percent
from replicator.report.palette import PEOPLE, PUBLISHED_STYLE, Style
from replicator.report.sources import Section, natural_order
from replicator.report.terms import Document
from replicator.report.words import options_of

MANY = 3
"""From so many options on, one picture of the first option no longer says what was chosen."""

MOST_POINTS = 11
"""A scale with more points than this is drawn as a distribution."""

MOST_SHOWN = 16
"""With more questions than this their means come first, and the questions are folded away."""

MOST_TOGETHER = 6
"""Populations drawn in one picture; more go into further pictures."""


def has_many_options(section: Section) -> bool:
    """Whether one option's share leaves the others open."""
    count = len(options_of(section.results["choices"]))
    kind = section.results["response"]
    return count >= MANY and (kind == "choice" or (kind == "rating" and count <= MOST_POINTS))


def option_figures(section: Section, styles: Mapping[str, Style]) -> list[Panels]:
    """Every option's share at every question: one set of pictures for a condition and up to six populations."""
    rows = section.results["choices"]
    return [
        figure
        for condition in dict.fromkeys(str(row["condition"]) for row in rows)
        for figure in _figures([row for row in rows if row["condition"] == condition], condition, section, styles)
    ]


def shares_table(results: Document) -> Table | None:
    """Every share with its interval: a line for each question and population, people's published shares first."""
    rows = results["choices"]
    options = options_of(rows)
    several = len({row["condition"] for row in rows}) > 1
    lines = [
        (
            Cell(item),
            *((Cell(condition, "quiet"),) if several else ()),
            Cell(who),
            *(Cell(_share(shares.get(option)), "number") for option in options),
        )
        for (condition, item), question in _questions(rows).items()
        for who, shares in _lines(question, results)
    ]
    columns = ("question", *(("condition",) if several else ()), "population", *options)
    notes = ("Shares of answers with 95% intervals, where answers differ between wordings or people.",)
    return table("Share of every option", columns, lines, notes)


def _figures(
    rows: Sequence[Document], condition: str, section: Section, styles: Mapping[str, Style]
) -> Iterator[Panels]:
    known = [row for row in rows if row.get("share") is not None]
    names = list(dict.fromkeys(str(row["population"]) for row in known))
    people = [name for name in names if styles[name].colour == PEOPLE]
    others = [name for name in names if name not in people]
    silent = [name for name in dict.fromkeys(str(row["population"]) for row in rows) if name not in names]
    questions = len({row["item"] for row in rows})
    size = max(MOST_TOGETHER - len(people), 1)
    for chunk in [others[i : i + size] for i in range(0, len(others), size)] or ([[]] if people else []):
        shown = [*people, *chunk]
        if questions > MOST_SHOWN:
            means = _means(rows, f"All {questions} questions together")
            yield _panels(means, condition, shown, silent, section, styles, together=True)
            yield _panels(rows, condition, shown, silent, section, styles, folded="Question by question")
        else:
            yield _panels(rows, condition, shown, silent, section, styles)


def _means(rows: Sequence[Document], name: str) -> list[Document]:
    """Shares, interval ends and people's shares of every population and option, averaged over the questions."""
    groups: dict[tuple[str, str], list[Document]] = {}
    for row in rows:
        if row.get("share") is not None:
            groups.setdefault((str(row["population"]), str(row["option"])), []).append(row)
    means: list[Document] = []
    for group in groups.values():
        ends = [row.get("interval") or (row["share"], row["share"]) for row in group]
        people = [row for row in group if row.get("human_share") is not None]
        known = people[0] if people else group[0]
        means.append(
            {
                **known,
                "item": name,
                "share": _mean([row["share"] for row in group]),
                "interval": [_mean([end[i] for end in ends]) for i in (0, 1)],
                "human_share": _mean([row["human_share"] for row in people]) if people else None,
            }
        )
    return means


def _mean(values: Sequence[float]) -> float:
    return float(sum(values)) / len(values)


def _panels(
    rows: Sequence[Document],
    condition: str,
    shown: Sequence[str],
    silent: Sequence[str],
    section: Section,
    styles: Mapping[str, Style],
    *,
    together: bool = False,
    folded: str = "",
) -> Panels:
    options = options_of(rows)
    items = sorted({str(row["item"]) for row in rows}, key=natural_order)
    by_option = len(items) > len(options)
    known = [row for row in rows if row.get("share") is not None and row["population"] in shown]
    published = _published(rows)
    panels = []
    for title in options if by_option else items:
        field, other = ("option", "item") if by_option else ("item", "option")
        here = [_dot(row, other) for row in known if str(row[field]) == title]
        behind = [_published_dot(row, other, section.results) for row in published if str(row[field]) == title]
        chart = dots(items if by_option else options, here, behind, styles, lanes=shown)
        panels.append(Panel(title, draw(chart, _label(title, by_option, here, shown))))
    key = [Key(name, styles[name]) for name in shown]
    sources = dict.fromkeys(_people_name(row, section.results) for row in published)
    key += [Key(name, Style(PEOPLE, PUBLISHED_STYLE)) for name in sources]
    return Panels(
        title="" if condition == "all" else condition,
        key=tuple(key),
        panels=tuple(panels),
        caption=_caption(
            _what(by_option, len(items), together),
            bool(published),
            any(styles[n].colour == PEOPLE for n in shown),
            silent,
        ),
        folded=folded,
    )


def _dot(row: Document, place: str) -> Dot:
    interval = row.get("interval")
    bounds = None if not interval else (float(interval[0]), float(interval[1]))
    about = f"{row['population']}, {row['item']}: {row['option']}"
    return Dot(str(row[place]), str(row["population"]), float(row["share"]), bounds, about)


def _published(rows: Sequence[Document]) -> list[Document]:
    """One row for every question and option where people are known by published shares alone."""
    found = {
        (row["item"], row["option"]): row
        for row in rows
        if row.get("human_share") is not None and not str(row.get("reference")).startswith(IN_RESULTS)
    }
    return list(found.values())


def _published_dot(row: Document, place: str, results: Document) -> Dot:
    about = f"{_people_name(row, results)}, {row['item']}: {row['option']}"
    return Dot(str(row[place]), "", float(row["human_share"]), None, about)


def _people_name(row: Document, results: Document) -> str:
    reference = (results.get("references") or {}).get(row["reference"]) or {}
    return f"People: {reference.get('label') or row['reference']}"


def _label(title: str, by_option: bool, here: Sequence[Dot], shown: Sequence[str]) -> str:
    """What a screen reader says of one picture."""
    means = []
    for name in shown:
        own = [dot for dot in here if dot.who == name]
        if own and by_option:
            means.append(f"{name} {whole_percent(sum(dot.share for dot in own) / len(own))} on average")
        elif own:
            means.append(f"{name} {terms.listed([f'{dot.row} {whole_percent(dot.share)}' for dot in own])}")
    return f"{'Share choosing' if by_option else 'Shares at'} {title}: {'; '.join(means)}"


def _what(by_option: bool, questions: int, together: bool) -> str:
    if together:
        return (
            "Shares are averaged over the questions, and the ends of their intervals alike. "
            "A population's shares add up to 100%."
        )
    if by_option:
        return (
            "Every picture is one option, every row a question. A population's shares at a question add up to "
            "100% over the pictures."
        )
    several = "Every picture is one question, every row an option." if questions > 1 else "Every row is an option."
    return f"{several} A population's shares at a question add up to 100%."


def _caption(what: str, published: bool, recorded: bool, silent: Sequence[str]) -> str:
    parts = [what, "Lines are 95% intervals."]
    if published:
        parts.append("Tall grey bars: published shares of people.")
    if recorded:
        parts.append("Dark grey marks: people recorded here.")
    if not published and not recorded:
        parts.append("No shares of people are known for these questions.")
    if silent:
        parts.append(f"No answer that can be used: {terms.listed(silent)}.")
    return " ".join(parts)


def _questions(rows: Sequence[Document]) -> dict[tuple[str, str], list[Document]]:
    groups: dict[tuple[str, str], list[Document]] = {}
    for row in sorted(rows, key=lambda row: natural_order(str(row["item"]))):
        groups.setdefault((str(row["condition"]), str(row["item"])), []).append(row)
    order = list(dict.fromkeys(str(row["condition"]) for row in rows))
    return dict(sorted(groups.items(), key=lambda group: order.index(group[0][0])))


def _lines(question: Sequence[Document], results: Document) -> Iterator[tuple[str, Mapping[str, Document]]]:
    """Who chose at one question, and the row of every option."""
    published = _published(question)
    if published:
        shares = {str(row["option"]): {"share": row["human_share"]} for row in published}
        yield _people_name(published[0], results), shares
    for name in dict.fromkeys(str(row["population"]) for row in question):
        yield name, {str(row["option"]): row for row in question if row["population"] == name}


def _share(row: Document | None) -> str:
    """ "35.4% (16.1 to 61)"; without an interval that is no wider than the share itself."""
    if row is None or row.get("share") is None:
        return "no answer"
    text = percent(float(row["share"]))
    if not row.get("interval"):
        return text
    low, high = (number(round(100 * float(end), 1)) for end in row["interval"])
    return text if low == high else f"{text} ({low} to {high})"
