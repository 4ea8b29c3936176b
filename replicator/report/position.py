"""Whether it mattered where an option stood on the page.

Of two options the bias to the first says it all. Of three or more it does not: a population that shuns the
first place may favour any other, so the share of every place is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from replicator.report.dots import Dot, dots
from replicator.report.drawing import Figure, Key, Panel, Panels, draw
from replicator.report.forest import bias_figure
from replicator.report.formats import percent
from replicator.report.options import has_many_options
from replicator.report.palette import Style
from replicator.report.sources import Section
from replicator.report.terms import listed
from replicator.report.words import options_of

_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def position_bias(section: Section, styles: Mapping[str, Style]) -> Figure | Panels | None:
    """The bias of every population that was shown options in several orders; None where nobody was."""
    positions = section.positions if has_many_options(section) else {}
    if not positions:
        return bias_figure(section.results["populations"], styles)
    places = [_place(i) for i in range(len(options_of(section.results["choices"])))]
    drawn = [
        Dot(
            row=place,
            who=name,
            share=float(found.share[i]),
            interval=None if math.isnan(found.low[i]) else (float(found.low[i]), float(found.high[i])),
            about=f"{name}, displayed {place}:",
        )
        for name, found in positions.items()
        for i, place in enumerate(places)
    ]
    chance = 1.0 / len(places)
    chart = dots(places, drawn, [], styles, lanes=list(positions), chance=chance)
    firsts = [f"{name} {percent(float(found.share[0]))}" for name, found in positions.items()]
    caption = (
        "How often the option displayed in each place was chosen, whatever it was, with 95% intervals over wordings. "
        "Every option stood in every place equally often, so that what is preferred cancels: where the place does "
        f"not matter, all lie on the dashed line at {percent(chance)}."
    )
    picture = draw(chart, f"Share of the option displayed first: {listed(firsts)}")
    key = tuple(Key(name, styles[name]) for name in positions)
    return Panels("Position bias", key, (Panel("Share chosen by displayed place", picture),), caption)


def _place(i: int) -> str:
    return _PLACES[i] if i < len(_PLACES) else f"place {i + 1}"
