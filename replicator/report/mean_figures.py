"""Pictures of numbers, ratings and allocations: the mean of every question, and how answers are distributed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from replicator.report.dots import Dot, dots
from replicator.report.drawing import Figure, Key, Measure, Panel, Panels, draw
from replicator.report.formats import number, percent
from replicator.report.histogram import histogram
from replicator.report.options import MOST_TOGETHER
from replicator.report.palette import Style
from replicator.report.sources import Section, natural_order
from replicator.report.terms import Document, listed
from replicator.response import SEPARATOR, read_division

MOST_DRAWN = 24
"""Distributions drawn, one for every population, condition and question; with more the means must do."""
CLASSES = 20
"""Classes of a distribution whose answers are more than that."""
_NUMBERS = ",.4~r"


def mean_figures(section: Section, styles: Mapping[str, Style]) -> list[Panels]:
    """Means with their intervals: a row for every question, condition or account, a lane for every population."""
    rows = section.results.get("means") or []
    names = list(dict.fromkeys(str(row["population"]) for row in rows))
    return [
        figure
        for start in range(0, len(names), MOST_TOGETHER)
        for figure in _together(rows, names[start : start + MOST_TOGETHER], section, styles)
    ]


def distribution_figures(section: Section, styles: Mapping[str, Style]) -> list[Figure]:
    """How answers are distributed: one small picture for every population, condition and question.

    Of an allocation between two accounts what the first got; with more accounts, as with answers that cannot be
    listed, there is none.
    """
    cells: dict[tuple[str, str, str], list[Document]] = {}
    for row in section.results["choices"]:
        if row.get("share") is not None:
            cells.setdefault((str(row["condition"]), str(row["item"]), str(row["population"])), []).append(row)
    if len(cells) > MOST_DRAWN or any(row["option"].count(SEPARATOR) > 1 for rows in cells.values() for row in rows):
        return []
    ranges = {(str(m["condition"]), str(m["item"])): m for m in reversed(section.results.get("means") or [])}
    options = {(str(i["condition"]), str(i["item"])): len(i["options"]) for i in section.results["items"]}
    drawn = [
        (key, _classes(rows, ranges[key[:2]], options[key[:2]])) for key, rows in cells.items() if key[:2] in ranges
    ]
    tallest = max((max([*own, *people]) for _, (own, people) in drawn), default=1.0)
    several = len({key[1] for key, _ in drawn}) > 1
    return [
        _distribution(key, own, people, section, styles[key[2]], tallest, several=several)
        for key, (own, people) in drawn
    ]


def _together(
    rows: Sequence[Document], names: Sequence[str], section: Section, styles: Mapping[str, Style]
) -> Iterator[Panels]:
    shown = [row for row in rows if row["population"] in names]
    fraction = section.results["response"] == "allocation"
    low, high = _ends(rows)
    panels = []
    for title, group in _panel_rows(shown).items():
        labels = list(dict.fromkeys(label for label, _ in group))
        marks = [_dot(label, row, (0.0, float(row["maximum"])) if fraction else (low, high)) for label, row in group]
        chart = dots(labels, marks, (), styles, lanes=names, measure=_measure(section, low, high))
        panels.append(Panel(title, draw(chart, _said(title, group))))
    caption = "Dots are mean answers, lines their 95% intervals."
    answered = {str(row["population"]) for row in rows}
    silent = [str(p["name"]) for p in section.results["populations"] if p["name"] not in answered]
    if silent:
        caption += f" No answer that can be used: {listed(silent)}."
    yield Panels("", tuple(Key(name, styles[name]) for name in names), tuple(panels), caption)


def _panel_rows(rows: Sequence[Document]) -> dict[str, list[tuple[str, Document]]]:
    """Title of a picture -> its rows with their labels: questions of a condition, or conditions of one question;
    the accounts of every question."""
    items = {str(row["item"]) for row in rows}
    groups: dict[str, list[tuple[str, Document]]] = {}
    for row in sorted(rows, key=lambda row: natural_order(str(row["item"]))):
        condition, item = str(row["condition"]), str(row["item"])
        if row["account"] is not None:
            title = item if condition == "all" else f"{item}, {condition}"
            groups.setdefault(title, []).append((str(row["account"]), row))
        elif len(items) == 1:
            groups.setdefault(item, []).append((item if condition == "all" else condition, row))
        else:
            groups.setdefault("" if condition == "all" else condition, []).append((item, row))
    return groups


def _ends(rows: Sequence[Document]) -> tuple[float, float]:
    """Of the axis: what could be answered, or as far as the answers reach."""
    values = [
        float(value)
        for row in rows
        for value in (row["minimum"], row["maximum"], *row["quartiles"], *(row.get("interval") or ()), row["mean"])
        if value is not None
    ]
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 1.0, high + 1.0)


def _dot(label: str, row: Document, ends: tuple[float, float]) -> Dot:
    low, high = ends
    place = [(float(value) - low) / (high - low) for value in (row["mean"], *(row.get("interval") or ()))]
    bounds = (place[1], place[2]) if len(place) == 3 else None
    told = f"{row['population']}, {row['item']}: {label} {number(row['mean'])}"
    return Dot(label, str(row["population"]), place[0], bounds, told, words=told)


def _measure(section: Section, low: float, high: float) -> Measure:
    if section.results["response"] == "allocation":
        return Measure("share of the total")
    rating = section.results["response"] == "rating"
    return Measure("mean rating" if rating else f"mean answer ({section.results['unit']})", low, high, _NUMBERS)


def _said(title: str, group: Sequence[tuple[str, Document]]) -> str:
    parts = [f"{row['population']} {label} {number(row['mean'])}" for label, row in group]
    return f"Mean answers{': ' + title if title else ''}: {'; '.join(parts)}"


# Distributions


def _classes(rows: Sequence[Document], about: Document, possible: int) -> tuple[list[float], list[float]]:
    """Own and people's shares in classes from the smallest to the largest of the possible answers."""
    low, high = _range(about)
    places = [(_answer(str(row["option"])) - low) / (high - low) for row in rows]
    count = max(1, min(CLASSES, possible - 1))
    own, people = [0.0] * (count + 1), [0.0] * (count + 1)
    for place, row in zip(places, rows, strict=True):
        own[int(count * place + 0.5)] += float(row["share"])
        people[int(count * place + 0.5)] += float(row.get("human_share") or 0.0)
    return own, people if any(row.get("human_share") is not None for row in rows) else []


def _range(about: Document) -> tuple[float, float]:
    """From the smallest to the largest possible answer; one further where there is only one."""
    low, high = float(about["minimum"]), float(about["maximum"])
    return low, (high if high > low else low + 1.0)


def _answer(option: str) -> float:
    """The number, or the first account's part."""
    return read_division(option)[0]


def _distribution(
    key: tuple[str, str, str],
    own: Sequence[float],
    people: Sequence[float],
    section: Section,
    style: Style,
    tallest: float,
    *,
    several: bool,
) -> Figure:
    condition, item, name = key
    about = next(row for row in section.results["means"] if (row["condition"], row["item"], row["population"]) == key)
    low, high = _range(about)
    account = about["account"]
    unit = "rating" if section.results["response"] == "rating" else str(section.results["unit"])
    title = f"part on {account}" if account else unit
    mean = ((float(about["mean"]) - low) / (high - low), number(about["mean"]))
    chart = histogram(own, people, style, Measure(title, low, high, _NUMBERS), tallest=tallest, mean=mean)
    where = "".join(f", {part}" for part in (item if several else "", "" if condition == "all" else condition) if part)
    peak = max(range(len(own)), key=lambda i: own[i])
    most = number(low + (high - low) * peak / (len(own) - 1))
    caption = "The dashed line is the mean."
    if len(own) > CLASSES:
        caption = f"Answers in {CLASSES + 1} classes; the dashed line is the mean."
    if people:
        caption += " Light grey behind: people at the same questions."
    label = f"Answers of {name}{where}: most often about {most} ({percent(round(own[peak], 3))})"
    return Figure(draw(chart, label), caption, f"{name}{where}")
