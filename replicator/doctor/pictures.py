"""What people would rather look at than read: mass by wording, places, checks, wordings, and samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import altair as alt
from scipy import stats

from replicator.doctor import wordings
from replicator.doctor.answered import Mass
from replicator.doctor.bias import Placed, place_name
from replicator.doctor.examine import Evidence
from replicator.doctor.limits import COMPREHENSION_SHARE, LABEL_MASS
from replicator.doctor.probe import Asked, about
from replicator.doctor.samples import Sampled
from replicator.doctor.understood import Understood
from replicator.doctor.wordings import Put
from replicator.report.dots import Dot, dots
from replicator.report.drawing import WIDTH, Chart, Figure, Measure, draw
from replicator.report.formats import whole_percent
from replicator.report.palette import AXIS, Style

_MODEL = Style("#0068a8", "diamond")
_WHO = "model"
_STYLES = {_WHO: _MODEL}


def pictures(evidence: Evidence) -> list[Figure]:
    """In the order of the findings; those with nothing to show are left out."""
    each: list[Callable[[Asked], Figure | None]] = [
        lambda one: _masses(one, about(one, evidence.masses)),
        lambda one: _understood(one, about(one, evidence.understood)),
        lambda one: _places(one, about(one, evidence.placed)),
        lambda one: _wordings(one, about(one, evidence.put)),
    ]
    found = [make(one) for one in evidence.asked for make in each]
    found.append(_samples(evidence.sampled))
    return [figure for figure in found if figure is not None]


def _masses(one: Asked, found: Sequence[Mass]) -> Figure | None:
    if not found:
        return None
    drawn = [_dot(mass.wording, mass.mean, (mass.low, mass.high)) for mass in found]
    lowest = min(found, key=lambda mass: mass.mean)
    caption = (
        "How much of the model's probability the options hold, wording by wording: the mean over questions, and the "
        f"range of single questions. Left of the dashed line ({LABEL_MASS:g}) an answer is left out."
    )
    label = f"Lowest label mass {lowest.mean:.2g}, in the wording {lowest.wording}"
    return _shares(f"Label mass: {one.name}", drawn, LABEL_MASS, "label mass", label, caption)


def _understood(one: Asked, found: Sequence[Understood]) -> Figure | None:
    if not found:
        return None
    drawn = [_dot(check.check.removeprefix("check-"), check.right, (check.low, check.high)) for check in found]
    guessed = ", ".join(sorted({whole_percent(check.chance) for check in found}))
    caption = (
        f"Probability of the right answer to each comprehension check; guessing gives {guessed}. The lines reach from "
        "all probability outside the options being wrong to its being right. On average a run needs what the dashed "
        f"line shows, {whole_percent(COMPREHENSION_SHARE)}."
    )
    label = "; ".join(f"{check.check} {whole_percent(check.right)}" for check in found)
    return _shares(f"Comprehension: {one.name}", drawn, COMPREHENSION_SHARE, "right", label, caption)


def _places(one: Asked, found: Sequence[Placed]) -> Figure | None:
    if not found:
        return None
    two = all(place.chance == 0.5 for place in found)
    shown = [place for place in found if place.place == 0] if two else list(found)
    drawn = [
        _dot(
            place.labels.replace("|", "/") + ("" if two else f", {place_name(place.place)}"),
            place.share,
            place.interval,
        )
        for place in shown
    ]
    caption = (
        f"How often the option {'shown first' if two else 'in each place'} is chosen, whatever it is, under each set "
        "of labels, with 95% intervals over wordings. Where the place does not matter, all lie on the dashed line."
    )
    label = "; ".join(f"{dot.row} {whole_percent(dot.share)}" for dot in drawn)
    return _shares(f"Position bias: {one.name}", drawn, shown[0].chance, "share chosen", label, caption)


def _wordings(one: Asked, found: Sequence[Put]) -> Figure | None:
    if not found:
        return None
    drawn = [_dot(put.item, put.share, None, put.wording) for put in found]
    caption = (
        f"The {wordings.what(one)}, a mark for every wording. Marks of one row that lie far apart say that "
        "the wording decides; rows that lie far apart say that the question does."
    )
    label = f"Shares of {len({put.item for put in found})} items in {len({put.wording for put in found})} wordings"
    return _shares(f"Wordings: {one.name}", drawn, None, wordings.what(one), label, caption)


def _samples(found: Sequence[Sampled]) -> Figure | None:
    points = []
    for sample in found:
        for option, probability, count in sample.shown if sample.valid else ():
            bounds = stats.binomtest(count, sample.valid).proportion_ci(0.95)
            share = count / sample.valid
            told = f"{sample.name}: {option}, probability {whole_percent(probability)}, sampled {whole_percent(share)}"
            points.append({"x": probability, "y": share, "low": bounds.low, "high": bounds.high, "told": told})
    if not points:
        return None
    caption = (
        "Every option's share among readable replies against the probability that is read off, with exact 95% "
        "intervals. On the dashed line the two agree; one interval in twenty misses it by chance."
    )
    label = f"Sampled shares of {len(points)} options against their probabilities"
    return Figure(draw(_scatter(points), label), caption, "Sample against probability")


def _scatter(points: Sequence[dict[str, Any]]) -> Chart:
    data = alt.Chart(alt.InlineData(values=list(points)))
    whole = alt.Scale(domain=[0, 1], nice=False)
    ticks = [0, 0.25, 0.5, 0.75, 1]
    x = alt.X("x:Q", scale=whole, axis=alt.Axis(title="probability", format="%", values=ticks))

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=whole, axis=alt.Axis(title="share of replies", format="%", values=ticks))

    same = alt.Chart(alt.InlineData(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
    side = WIDTH - 40
    layers: Chart = alt.layer(
        same.mark_line(color=AXIS, strokeDash=[4, 3], strokeWidth=1).encode(x=x, y=y("y")),
        data.mark_rule(color=_MODEL.colour, strokeWidth=1.6).encode(x=x, y=y("low"), y2="high:Q"),
        data.mark_point(filled=True, size=50, opacity=1, color=_MODEL.colour, shape=_MODEL.shape, aria=True).encode(
            x=x, y=y("y"), description="told:N"
        ),
    ).properties(width=side, height=side)
    return layers


def _dot(row: str, share: float, interval: tuple[float, float] | None, about: str = "") -> Dot:
    return Dot(row, _WHO, share, interval, f"{about or row}:")


def _shares(title: str, drawn: Sequence[Dot], chance: float | None, axis: str, label: str, caption: str) -> Figure:
    rows = list(dict.fromkeys(dot.row for dot in drawn))
    chart = dots(rows, drawn, [], _STYLES, lanes=[_WHO], chance=chance, measure=Measure(axis))
    return Figure(draw(chart, label), caption, title)
