"""Pictures of choices beside people's: shares by question, and distributions of amounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import altair as alt

from replicator.people import IN_RESULTS
from replicator.report.drawing import WIDTH, Chart, Figure, Measure, draw
from replicator.report.formats import number, percent
from replicator.report.giving import own_mean
from replicator.report.histogram import histogram
from replicator.report.palette import PEOPLE, Style
from replicator.report.sources import Section, natural_order
from replicator.report.terms import Document
from replicator.report.words import options_of

MOST_ITEMS = 16
"""With more questions than this the horizontal axis is the difference of expected values, in classes."""
CLASSES = 9
MOST_TOGETHER = 5
"""Populations drawn in one picture; more go into further pictures."""
BINS = 10
"""Amounts are shown to the nearest tenth of the endowment, so that nothing and half keep their bars."""

_SHARE = alt.Scale(domain=[0, 1], nice=False)


@dataclass(frozen=True)
class Point:
    """A share at one place of the horizontal axis."""

    x: str | float
    share: float
    low: float
    high: float


def choice_figures(section: Section, styles: Mapping[str, Style]) -> list[Figure]:
    """Share of the first of two options by question: one picture for every condition (and handful of populations)."""
    rows = section.results["choices"]
    if not rows:
        return []
    option = options_of(rows)[0]
    rows = [row for row in rows if row["option"] == option and row.get("share") is not None]
    return [
        figure
        for condition in dict.fromkeys(str(row["condition"]) for row in rows)
        for figure in _condition(section, styles, condition, option, [r for r in rows if r["condition"] == condition])
    ]


def amount_figures(section: Section, styles: Mapping[str, Style]) -> list[Figure]:
    """The distribution of amounts: one small picture for every population and condition, people's in grey."""
    rows = section.results["choices"]
    cells = [
        (
            population,
            condition,
            [r for r in rows if r["population"] == population and r["condition"] == condition],
        )
        for condition in dict.fromkeys(str(row["condition"]) for row in rows)
        for population in dict.fromkeys(str(row["population"]) for row in rows)
    ]
    drawn = [
        (name, condition, binned(cell), binned(cell, "human_share"), cell) for name, condition, cell in cells if cell
    ]
    tallest = max((max([*own, *people]) for _, _, own, people, _ in drawn if own), default=1.0)
    return [
        _histogram(name, condition, own, people, cell, styles[name], tallest, section)
        for name, condition, own, people, cell in drawn
        if own
    ]


def binned(rows: Sequence[Document], key: str = "share") -> list[float]:
    """Shares in `BINS + 1` classes centred on tenths of each question's largest amount; empty if unknown."""
    known = [row for row in rows if row.get(key) is not None]
    shares = [0.0] * (BINS + 1)
    items: dict[str, list[tuple[float, float]]] = {}
    for row in known:
        items.setdefault(row["item"], []).append((float(row["option"]), float(row[key])))
    for cell in items.values():
        top = max(amount for amount, _ in cell) or 1.0
        total = sum(share for _, share in cell) or 1.0
        for amount, share in cell:
            shares[int(BINS * amount / top + 0.5)] += share / total / len(items)
    return shares if known else []


def _condition(
    section: Section, styles: Mapping[str, Style], condition: str, option: str, rows: Sequence[Document]
) -> list[Figure]:
    items = sorted({str(row["item"]) for row in rows}, key=natural_order)
    gaps = {item: section.value_gaps.get((condition, item)) for item in items}
    by_value = len(items) > MOST_ITEMS and all(gap is not None for gap in gaps.values())
    places: dict[str, Any] = _classes({i: float(g) for i, g in gaps.items() if g is not None}) if by_value else {}
    points = {
        name: _points([row for row in rows if row["population"] == name], items, places)
        for name in dict.fromkeys(str(row["population"]) for row in rows)
    }
    # Populations are drawn with marks of their own; only published shares need another mark.
    published = [
        row
        for row in rows
        if row.get("human_share") is not None and not str(row.get("reference")).startswith(IN_RESULTS)
    ]
    people = _points([{**row, "share": row["human_share"], "interval": None} for row in published], items, places)
    humans = [name for name in points if styles[name].colour == PEOPLE]
    others = [name for name in points if name not in humans]
    chunks = [others[i : i + MOST_TOGETHER] for i in range(0, len(others), MOST_TOGETHER)] or [[]]
    title = "" if condition == "all" else condition
    names = _axis(section, by_value, option)
    return [
        Figure(
            draw(
                _shares({n: points[n] for n in [*humans, *chunk]}, people, styles, option, names),
                f"Share choosing {option} by question{', ' + title if title else ''}, {', '.join([*humans, *chunk])}",
            ),
            _caption(option, by_value, bool(people), bool(humans)),
            title,
        )
        for chunk in chunks
    ]


def _classes(gaps: Mapping[str, float]) -> dict[str, float]:
    """Item -> middle of its class on the axis of expected-value differences."""
    low, high = min(gaps.values()), max(gaps.values())
    width = (high - low) / CLASSES or 1.0
    return {item: low + (min(int((gap - low) / width), CLASSES - 1) + 0.5) * width for item, gap in gaps.items()}


def _points(rows: Sequence[Document], items: Sequence[str], places: Mapping[str, float]) -> list[Point]:
    """One point for every place on the axis, shares and interval ends averaged over the questions there."""
    rank = {item: i for i, item in enumerate(items)}

    def place(row: Document) -> Any:
        return places.get(row["item"], row["item"]) if places else row["item"]

    ordered = sorted(rows, key=lambda row: places[row["item"]] if places else rank[row["item"]])
    points = []
    for x, group in groupby(ordered, key=place):
        here = list(group)
        shares = [float(row["share"]) for row in here]
        bounds = [row.get("interval") or (row["share"], row["share"]) for row in here]
        low, high = (sum(float(b[end]) for b in bounds) / len(bounds) for end in (0, 1))
        points.append(Point(x, sum(shares) / len(shares), low, high))
    return points


def _axis(section: Section, by_value: bool, option: str) -> str:
    if by_value:
        unit = section.results.get("unit")
        return f"expected value of {option} less the other's{f' ({unit})' if unit else ''}"
    return "question"


def _shares(
    points: Mapping[str, Sequence[Point]],
    people: Sequence[Point],
    styles: Mapping[str, Style],
    option: str,
    axis: str,
) -> Chart:
    names = list(points)
    values = [p for series in points.values() for p in series] + list(people)
    nominal = all(isinstance(p.x, str) for p in values)
    order = list(dict.fromkeys(p.x for p in sorted(values, key=lambda p: natural_order(str(p.x)))))
    span = 0.0 if nominal else max(float(p.x) for p in values) - min(float(p.x) for p in values)
    shift = {name: 0.0 if nominal else (i - (len(names) - 1) / 2) * span * 0.009 for i, name in enumerate(names)}
    data = [
        {"x": p.x if nominal else float(p.x) + shift[n], "who": n, "y": p.share, "low": p.low, "high": p.high}
        for n, series in points.items()
        for p in series
    ]
    crowded = nominal and 7 * sum(len(str(x)) + 1 for x in order) > WIDTH
    if nominal:
        angle = -45 if crowded else 0
        x = alt.X("x:N", sort=[str(x) for x in order], axis=alt.Axis(title=axis, labelAngle=angle, grid=False))
    else:
        ticks = alt.Axis(title=axis, grid=False, tickCount=6)
        x = alt.X("x:Q", axis=ticks, scale=alt.Scale(zero=False, padding=12))
    offset = {"xOffset": alt.XOffset("who:N", sort=names, scale=alt.Scale(paddingOuter=0.2))} if nominal else {}
    y = alt.Y("y:Q", scale=_SHARE, axis=alt.Axis(format="%", tickCount=5, title=f"share choosing {option}"))
    colours = alt.Scale(domain=names, range=[styles[name].colour for name in names])
    shapes = alt.Scale(domain=names, range=[styles[name].shape for name in names])
    colour = alt.Color("who:N", sort=names, legend=None, scale=colours)
    shape = alt.Shape("who:N", legend=None, scale=shapes)
    base = alt.Chart(alt.InlineData(values=data))
    layers: list[alt.Chart] = [
        base.mark_line(strokeWidth=1, opacity=0.45).encode(x=x, y=y, color=colour, **offset),
        base.mark_rule(strokeWidth=1.6).encode(
            x=x, y=alt.Y("low:Q", scale=_SHARE), y2="high:Q", color=colour, **offset
        ),
        base.mark_point(filled=True, size=46, opacity=1).encode(x=x, y=y, color=colour, shape=shape, **offset),
    ]
    if people:
        marks = alt.Chart(alt.InlineData(values=[{"x": p.x, "y": p.share} for p in people]))
        # The tick spans the question's whole column, behind all populations.
        width = max(10, WIDTH / max(len(order), 1) * 0.86)
        layers.insert(0, marks.mark_tick(thickness=3.5, width=width, color=PEOPLE, opacity=0.5).encode(x=x, y=y))
    return alt.layer(*layers).properties(width=WIDTH, height=230)


def _caption(option: str, by_value: bool, published: bool, recorded: bool) -> str:
    parts = [f"Share of {option}, with 95% intervals."]
    if published:
        parts.append("Wide grey bars: published shares of people.")
    if recorded:
        parts.append("Dark grey marks: people recorded here.")
    if not published and not recorded:
        parts.append("No shares of people are known for these questions.")
    if by_value:
        parts.append(
            f"The questions are many, so they are gathered in {CLASSES} classes by how much more "
            f"{option} is worth on average than the other option; shares and interval ends are averages "
            "within a class."
        )
    return " ".join(parts)


def _histogram(
    name: str,
    condition: str,
    own: Sequence[float],
    people: Sequence[float],
    rows: Sequence[Document],
    style: Style,
    tallest: float,
    section: Section,
) -> Figure:
    mean = own_mean(section.results, rows)
    chart = histogram(
        own,
        people,
        style,
        Measure("share of the endowment given"),
        tallest=tallest,
        mean=None if mean is None else (mean[1], percent(round(mean[1], 3))),
    )
    where = "" if condition == "all" else f", {condition}"
    caption = f"Answers to the nearest {percent(1 / BINS)} of the endowment; the dashed line is the mean."
    if people:
        caption += " Light grey behind: people at the same questions."
    peak = max(range(BINS + 1), key=lambda i: own[i])
    label = f"Amounts given by {name}{where}: most often about {number(100 * peak / BINS)}% of the endowment"
    return Figure(draw(chart, label), caption, f"{name}{where}")
