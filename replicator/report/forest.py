"""Forests: estimates of one parameter with one estimand, their priors, and people's values of that kind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from replicator.errors import UsageError
from replicator.report import terms
from replicator.report.drawing import WIDTH, Chart, Figure, draw, fitted
from replicator.report.formats import interval_text, number, set_text, signed
from replicator.report.palette import AXIS, PEOPLE, PRIOR, QUIET, TEXT, Style
from replicator.report.terms import Document
from replicator.theories import get
from replicator.verdicts import against_estimate

_ROW = 50
_FULL = WIDTH + 45
"""A forest has its labels above its rows and no vertical axis, so that it may use the whole width."""
_LETTER, _DIGIT = 7.3, 6.6
"""Mean width in pixels of a character of a label and of the numbers beside it."""
_Z = 1.96


@dataclass(frozen=True)
class Row:
    """One line of a forest, on the natural scale."""

    label: str
    detail: str
    value: float | None
    interval: tuple[float, float] | None
    colour: str
    shape: str
    solid: bool
    """Whether it is identified and its diagnostics passed."""
    people: bool = False
    wide: tuple[float, float] | None = None
    """Where a new human study would fall."""
    prior: tuple[float, float] | None = None
    consistent: tuple[float, float] | None = None

    @property
    def numbers(self) -> str:
        if self.value is None:
            return set_text(self.consistent) if self.consistent else "no value"
        return number(self.value) + (f" ({interval_text(self.interval)})" if self.interval else "")


def forests(results: Document, styles: Mapping[str, Style]) -> list[Figure]:
    """One picture for every parameter and estimand: unlike estimands never share a scale."""
    groups: dict[tuple[str, str], list[Document]] = {}
    estimates = results.get("estimates") or []
    for estimate in sorted(estimates, key=lambda e: not e.get("primary")):
        groups.setdefault((str(estimate["parameter"]), str(estimate["estimand"])), []).append(estimate)
    return [_forest(results, group, styles) for group in groups.values()]


def bias_figure(populations: Sequence[Document], styles: Mapping[str, Style]) -> Figure | None:
    """Position bias of every population that was shown options in several orders."""
    known = [p for p in populations if (p.get("position_bias") or {}).get("estimate") is not None]
    if not known:
        return None
    rows = [
        Row(
            label=str(p["name"]),
            detail="",
            value=float(p["position_bias"]["estimate"]),
            interval=_pair(p["position_bias"].get("interval")),
            colour=styles[str(p["name"])].colour,
            shape=styles[str(p["name"])].shape,
            solid=True,
        )
        for p in known
    ]
    reach = max(0.2, *(abs(v) for row in rows for v in (row.value, *(row.interval or ())) if v is not None))
    svg = draw(
        _chart(rows, (-reach * 1.1, reach * 1.1), "none", 0.0),
        "Position bias: " + ", ".join(f"{p['name']} {signed(p['position_bias']['estimate'])}" for p in known),
    )
    caption = (
        "Position bias with 95% intervals. 0: where an option stands on the page does not matter; to "
        "the right: whatever is displayed first is chosen more often; to the left: less often."
    )
    return Figure(svg, caption, "Position bias")


def _forest(results: Document, estimates: Sequence[Document], styles: Mapping[str, Style]) -> Figure:
    first = estimates[0]
    rows = _references(results, estimates) + [_row(e, styles[str(e["population"])]) for e in estimates]
    neutral = _neutral(first)
    title = terms.parameter_name(first)
    estimand = terms.estimand_name(first)
    unit = f", {first['unit']}" if first.get("unit") else ""
    svg = draw(
        _chart(rows, _domain(rows, neutral), f"{title}{unit}", neutral),
        f"Estimates of {title} ({estimand}): " + "; ".join(f"{row.label} {row.numbers}" for row in rows),
    )
    return Figure(svg, _caption(rows, neutral), f"{title[:1].upper()}{title[1:]}: {estimand}")


def _row(estimate: Document, style: Style) -> Row:
    doubts = against_estimate(estimate)
    spread = estimate.get("prior_sd")
    centre = estimate.get("prior_mean")
    return Row(
        label=str(estimate["population"]),
        detail=_detail(estimate),
        value=estimate.get("mean"),
        interval=_pair(estimate.get("interval")),
        colour=style.colour,
        shape=style.shape,
        solid=not doubts,
        prior=None if spread is None or centre is None else (centre - _Z * spread, centre + _Z * spread),
        consistent=_pair(estimate.get("consistent_set")),
    )


def _detail(estimate: Document) -> str:
    condition = estimate.get("condition")
    parts = [] if condition in (None, "all") else [str(condition)]
    noise = estimate.get("noise")
    parts.append(str(estimate["theory"]) + (f", {noise} noise" if noise not in (None, "none") else ""))
    if estimate.get("pooling") == "none":
        parts.append("each person alone")
    if not estimate.get("primary"):
        parts.append("exploratory")
    if against_estimate(estimate):
        failed = (estimate.get("diagnostics") or {}).get("passed") is False
        parts.append(
            "diagnostics failed" if failed else "weak data" if estimate.get("identified") else "not identified"
        )
    return " · ".join(parts)


def _references(results: Document, estimates: Sequence[Document]) -> list[Row]:
    """People's published values of the same parameter and estimand, once each."""
    known = results.get("references") or {}
    people = [h for e in estimates for h in e.get("human") or []]
    entries = {h["reference"]: h for h in people if h.get("question") == "mean"}
    rows = []
    for name, entry in entries.items():
        reference = known.get(name) or {}
        value = reference.get("value") if reference.get("value") is not None else entry.get("value")
        if value is None or reference.get("estimand") != estimates[0]["estimand"]:
            continue
        error = reference.get("standard_error")
        study: Document = next((h for h in people if h["reference"] == name and h.get("question") == "study"), {})
        basis = study.get("spread_basis")
        rows.append(
            Row(
                label=f"People: {entry.get('label') or name}",
                detail=terms.status_of(results, entry)
                + (f" · spread from {basis}" if basis in ("data", "judgement") else " · no spread known"),
                value=float(value),
                interval=(value - _Z * error, value + _Z * error) if error else _pair(entry.get("interval")),
                colour=PEOPLE,
                shape="circle",
                solid=True,
                people=True,
                wide=_pair(study.get("interval")),
            )
        )
    return rows


def _chart(rows: Sequence[Row], domain: tuple[float, float], title: str, neutral: float | None) -> Chart:
    detailed = any(row.detail for row in rows)
    height = _ROW if detailed else _ROW - 14
    scale = alt.Scale(domain=list(domain), nice=False, clamp=True)
    axis = alt.Axis(title=None if title == "none" else title, tickCount=6)
    data = [_record(row, i, domain) for i, row in enumerate(rows)]
    rank = alt.Scale(domain=[0, len(rows)], nice=False, reverse=True)
    chart = alt.Chart(alt.InlineData(values=data))
    down = 0.80 if detailed else 0.72

    def at(fraction: float) -> alt.Y:
        return alt.Y(f"y{int(100 * fraction)}:Q", scale=rank, axis=None)

    for record in data:
        record.update({f"y{int(100 * f)}": record["i"] + f for f in (down, 0.20, 0.50)})
    colour = alt.Color("colour:N", scale=None)

    def span(low: str, high: str) -> dict[str, Any]:
        return {"x": alt.X(f"{low}:Q", scale=scale, axis=axis), "x2": f"{high}:Q", "y": at(down)}

    layers: list[alt.Chart] = []
    if neutral is not None and domain[0] < neutral < domain[1]:
        # Only beside the marks: it would run through the words above them.
        ends = [{"x": neutral, "y": i + down - 0.16, "y2": i + down + 0.16} for i in range(len(rows))]
        line = alt.Chart(alt.InlineData(values=ends)).mark_rule(color=AXIS, strokeDash=[2, 3])
        beside = alt.X("x:Q", scale=scale, axis=axis)
        layers.append(line.encode(x=beside, y=alt.Y("y:Q", scale=rank, axis=None), y2="y2:Q"))
    layers += [
        chart.transform_filter("isValid(datum.prior_low)")
        .mark_rule(strokeWidth=11, color=PRIOR, opacity=0.45)
        .encode(**span("prior_low", "prior_high")),
        chart.transform_filter("isValid(datum.wide_low)")
        .mark_rule(strokeWidth=1.2)
        .encode(color=colour, **span("wide_low", "wide_high")),
        chart.transform_filter("isValid(datum.low) && datum.solid")
        .mark_rule(strokeWidth=3)
        .encode(color=colour, **span("low", "high")),
        chart.transform_filter("isValid(datum.low) && !datum.solid")
        .mark_rule(strokeWidth=1.6, strokeDash=[3, 3])
        .encode(color=colour, **span("low", "high")),
        chart.transform_filter("isValid(datum.set_low)")
        .mark_rule(strokeWidth=5, strokeDash=[7, 4])
        .encode(color=colour, **span("set_low", "set_high")),
    ]
    for filled, test in ((True, "datum.solid && !datum.people"), (False, "!datum.solid || datum.people")):
        layers.append(
            chart.transform_filter(f"isValid(datum.value) && ({test})")
            .mark_point(filled=filled, size=75, opacity=1, strokeWidth=2, fill=alt.Undefined if filled else "white")
            .encode(
                x=alt.X("value:Q", scale=scale, axis=axis),
                y=at(down),
                color=colour,
                shape=alt.Shape("shape:N", scale=None),
            )
        )
    layers += [
        chart.mark_text(align="left", color=TEXT, fontSize=12.5, fontWeight=600).encode(
            x=alt.value(0), y=at(0.20), text="label:N"
        ),
        chart.mark_text(align="right", color=TEXT, fontSize=12).encode(
            x=alt.value(_FULL), y=at(0.20), text="numbers:N"
        ),
    ]
    if detailed:
        layers.append(
            chart.mark_text(align="left", color=QUIET, fontSize=11, limit=_FULL).encode(
                x=alt.value(0), y=at(0.50), text="detail:N"
            )
        )
    return alt.layer(*layers).properties(width=_FULL, height=height * len(rows))


def _record(row: Row, i: int, domain: tuple[float, float]) -> dict[str, Any]:
    """Values for Vega; what lies wholly outside the picture is not drawn at its edge."""
    record: dict[str, Any] = {
        "i": i,
        "label": fitted(row.label, _FULL - _DIGIT * len(row.numbers) - 12, _LETTER),
        "detail": row.detail,
        "numbers": row.numbers,
        "colour": row.colour,
        "shape": row.shape,
        "solid": row.solid,
        "people": row.people,
        "value": row.value if row.value is not None and domain[0] <= row.value <= domain[1] else None,
    }
    for name, bounds in (
        ("", row.interval),
        ("wide_", row.wide),
        ("prior_", row.prior),
        ("set_", row.consistent),
    ):
        inside = bounds is not None and bounds[1] >= domain[0] and bounds[0] <= domain[1]
        # A set of one value would have no length.
        room = 0.01 * (domain[1] - domain[0]) if name == "set_" and bounds and bounds[0] == bounds[1] else 0.0
        record[f"{name}low"] = max(bounds[0] - room, domain[0]) if bounds and inside else None
        record[f"{name}high"] = min(bounds[1] + room, domain[1]) if bounds and inside else None
    return record


def _domain(rows: Sequence[Row], neutral: float | None) -> tuple[float, float]:
    """Wide enough for what is known; priors and unidentified intervals are cut at the edge."""
    solid = [row for row in rows if row.solid] or list(rows)
    ends = [v for row in solid for v in (row.value, *(row.interval or ()), *(row.wide or ())) if v is not None]
    ends += [row.value for row in rows if row.value is not None]
    ends += [v for row in rows for v in (row.consistent or ()) if math.isfinite(v)]
    ends += [] if neutral is None else [neutral]
    if not ends:
        ends = [v for row in rows for v in (row.prior or ())] or [0.0, 1.0]
    low, high = min(ends), max(ends)
    room = 0.12 * (high - low) or 0.5
    return low - room, high + room


def _neutral(estimate: Document) -> float | None:
    if estimate.get("regressed_on"):
        return 0.0
    try:
        theory = get(str(estimate["theory"]))
    except UsageError:
        return None
    parameters = (*theory.parameters, *getattr(theory, "derived", ()))
    return next((p.neutral for p in parameters if p.name == estimate["parameter"]), None)


def _pair(bounds: Sequence[float | None] | None) -> tuple[float, float] | None:
    if not bounds:
        return None
    low = -math.inf if bounds[0] is None else float(bounds[0])
    high = math.inf if bounds[1] is None else float(bounds[1])
    return low, high


def _caption(rows: Sequence[Row], neutral: float | None) -> str:
    parts = ["Means with 95% intervals."]
    if any(row.people for row in rows):
        parts.append(
            "Open grey circles: people, with the interval of their mean (thick) and where a new study "
            "would fall (thin)."
        )
    if any(row.prior for row in rows):
        parts.append("Pale bands: the prior before any answer was seen, cut at the picture's edge.")
    if any(not row.solid for row in rows):
        parts.append("Open marks on thin dashes: not identified, or otherwise without a verdict.")
    if any(row.consistent for row in rows):
        parts.append("Thick dashes: every value there explains the choices equally well.")
    if neutral is not None:
        parts.append(f"Dotted line: {number(neutral)}, where the behaviour is absent.")
    return " ".join(parts)
