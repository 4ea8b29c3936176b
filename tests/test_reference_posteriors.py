"""Usual runs agree with reference posteriors from long ones; all but one of them in `make validate`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from replicator.calibration import references
from replicator.calibration.plan import Cell
from replicator.calibration.refits import of_posterior
from replicator.inference import sampling

FOLDER = Path(__file__).parent.parent / references.FOLDER
KEPT = references.read(FOLDER)
CELLS = references.cells()
SMALLEST = "acceptance-threshold"


@pytest.mark.validate
def test_four_theories_have_a_reference() -> None:
    assert {cell.name for cell in CELLS} == set(KEPT)
    assert len(KEPT) == 4


def test_references_passed_their_checks() -> None:
    assert any(name.startswith(SMALLEST) for name in KEPT)
    for document in KEPT.values():
        assert document["checks"]["passed"], document["cell"]
        chosen = document["chosen"]
        assert 0.1 < np.mean(chosen) < 0.9


@pytest.mark.parametrize("cell", [c for c in CELLS if c.name in KEPT], ids=lambda cell: cell.theory)
def test_references_are_of_the_answers_and_the_model_that_there_are_now(cell: Cell) -> None:
    document = KEPT[cell.name]
    assert document["chosen"] == [int(np.argmax(row)) for row in references.data(cell).counts]
    assert document["model"] == of_posterior(cell)


@pytest.mark.parametrize(
    "cell",
    [pytest.param(c, id=c.theory, marks=() if c.theory == SMALLEST else pytest.mark.validate) for c in CELLS],
)
def test_a_usual_run_agrees_with_the_reference(cell: Cell) -> None:
    found = references.draws(cell, references.data(cell), sampling.NARROW, seed=1)
    assert references.disagreements(KEPT[cell.name], references.summaries(found, references.names(cell))) == []


def test_other_posteriors_do_not_agree() -> None:
    """A mean that is off by a fifth of the sd, or an sd that is three tenths too large."""
    document = KEPT[CELLS[0].name]
    same = {
        name: references.Summary(s["mean"], s["sd"] / 40, s["sd"], s["sd"] / 50, s["quantiles"])
        for name, s in document["summaries"].items()
    }
    assert references.disagreements(document, same) == []
    name, given = next(iter(document["summaries"].items()))
    moved = references.Summary(given["mean"] + 0.2 * given["sd"], given["sd"] / 40, given["sd"], 0.0, {})
    wider = references.Summary(given["mean"], given["sd"] / 40, 1.3 * given["sd"], 0.04 * given["sd"], {})
    assert "Monte Carlo errors apart" in references.disagreements(document, same | {name: moved})[0]
    assert "ratio of sds 1.30" in references.disagreements(document, same | {name: wider})[0]
