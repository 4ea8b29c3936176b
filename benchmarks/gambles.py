"""People who accepted or rejected even gambles: recorded choices, as estimation and as hBayesDM read them.

The recorded choices lie beside the project and not in it; `REPLICATOR_REAL_DATA` says where.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import click
import numpy as np

from replicator import choices, specification
from replicator.exchange.importing import import_run
from replicator.exchange.mapping import read_options
from replicator.inference.data import COLUMNS, ChoiceData, choice_data
from replicator.shares import usable

FILES = {
    "tom": "human/tom2007_mixed_gambles/tom2007_choices.csv",
    "narps": "human/narps_mixed_gambles/narps_choices.csv",
}
"""Tom et al. 2007 (doi:10.1126/science.1134239); Botvinik-Nezer et al. 2019 (doi:10.1038/s41597-019-0113-7)."""

PEOPLE = {"tom": "Tom et al. 2007", "narps": "NARPS"}


@dataclass(frozen=True)
class Gambles:
    """Choices of people, one row for a person and a gamble."""

    data: ChoiceData

    @property
    def people(self) -> int:
        return len(self.data.units)

    @property
    def person(self) -> np.ndarray:
        """(n,) index of the row's person."""
        return self.data.unit

    @cached_property
    def gain(self) -> np.ndarray:
        """(n,) what may be won."""
        return self.data.stimuli.largest[self.data.question]

    @cached_property
    def loss(self) -> np.ndarray:
        """(n,) what may be lost, as a positive amount."""
        return -self.data.stimuli.smallest[self.data.question]

    @cached_property
    def accepted(self) -> np.ndarray:
        """(n,) how often the gamble was accepted."""
        return self.data.counts[:, self.data.options.index("accept")]

    @cached_property
    def asked(self) -> np.ndarray:
        """(n,) how often it was answered."""
        return self.data.counts.sum(axis=1)

    def of(self, people: Sequence[int]) -> Gambles:
        """Some of the people, in their order, with the same questions."""
        people = sorted(people)
        data, kept = self.data, np.isin(self.person, people)
        return Gambles(
            replace(
                data,
                units=tuple(data.units[person] for person in people),
                unit=np.searchsorted(people, data.unit[kept]),
                question=data.question[kept],
                label_set=data.label_set[kept],
                position=None if data.position is None else data.position[kept],
                counts=data.counts[kept],
            )
        )

    def without(self, person: int) -> Gambles:
        """All people but one."""
        return self.of([other for other in range(self.people) if other != person])

    def trials(self) -> dict[str, np.ndarray]:
        """Single answers as hBayesDM takes them: person, gain, loss, certain amount and whether it was accepted."""
        times = self.asked.astype(int)
        row = np.repeat(np.arange(len(times)), times)
        first = np.repeat(np.cumsum(times) - times, times)
        nth = np.arange(len(row)) - first
        return {
            "person": self.person[row],
            "gain": self.gain[row],
            "loss": self.loss[row],
            "cert": np.zeros(len(row)),
            "gamble": (nth < self.accepted[row]).astype(int),
        }


def recorded(name: str) -> Gambles:
    """The choices of `FILES[name]`, imported as a run is; unanswered trials are left out."""
    file = Path(os.environ.get("REPLICATOR_REAL_DATA", "../shared/data")) / FILES[name]
    if not file.is_file():
        raise click.ClickException(f"{file} is missing: set REPLICATOR_REAL_DATA to the folder of recorded choices.")
    mapping = read_options(
        map=["subject=participant_id", "stimulus.gain=gain", "stimulus.loss=loss", "value=accept"],
        values=["1=accept,0=reject"],
        model="people",
    )
    with tempfile.TemporaryDirectory() as folder:
        run = import_run(file, specification.find("mixed-gambles"), mapping, Path(folder) / "run")
        cells = {
            (row["item"], row["condition"]): row["outcomes"] for row in choices.cells(run.choices).to_dict("records")
        }
        table = choices.read(run.choices, [*COLUMNS])
    return Gambles(choice_data(usable(table), cells, "person"))
