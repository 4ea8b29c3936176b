"""One colour and one shape for every population, the same in all figures; people are always dark grey.

The colours are told apart under the common colour-vision deficiencies (after Okabe & Ito 2008), darkened
until each stands out from white by at least 4.5 to 1; the shapes carry the same distinction without colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from replicator.report.terms import Document

PEOPLE = "#3d4148"
PRIOR = "#c9cdd4"
GRID = "#e8eaee"
AXIS = "#8b919c"
TEXT = "#23262d"
QUIET = "#5a606c"

_COLOURS = ("#0068a8", "#bf4100", "#00785a", "#a03480", "#866000", "#5340b0", "#0f7482", "#8c2f39")
_SHAPES = ("square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right", "triangle-left")
_PEOPLE_SHAPES = ("circle", "square", "triangle-up", "diamond")

_PATHS = {
    "circle": "M8 2.5a5.5 5.5 0 1 0 .001 0Z",
    "square": "M3 3h10v10H3Z",
    "triangle-up": "M8 2 14 13H2Z",
    "triangle-down": "M8 14 2 3h12Z",
    "triangle-right": "M14 8 3 14V2Z",
    "triangle-left": "M2 8 13 2v12Z",
    "diamond": "M8 1.5 13.5 8 8 14.5 2.5 8Z",
    "bar": "M6 1h4v14H6Z",
    "cross": "M6 2h4v4h4v4h-4v4H6v-4H2V6h4Z",
}


PUBLISHED_STYLE = "bar"
"""How published shares of people are drawn: a grey bar across a question, which is no symbol of Vega's."""


@dataclass(frozen=True)
class Style:
    """How a population is drawn."""

    colour: str
    shape: str
    """One of Vega's symbol names."""

    @property
    def path(self) -> str:
        """The shape as an SVG path in a 16 by 16 box, for legends."""
        return _PATHS[self.shape]


def styles(populations: Sequence[Document]) -> dict[str, Style]:
    """A style for every population by name, in order of first appearance."""
    chosen: dict[str, Style] = {}
    people = others = 0
    for population in populations:
        name = str(population["name"])
        if name in chosen:
            continue
        if population["population"] == "human":
            chosen[name] = Style(PEOPLE, _PEOPLE_SHAPES[people % len(_PEOPLE_SHAPES)])
            people += 1
        else:
            chosen[name] = Style(_COLOURS[others % len(_COLOURS)], _SHAPES[others % len(_SHAPES)])
            others += 1
    return chosen
