"""docs/validation.md: what was planned, what is done, and what came out, failures included."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable, Sequence
from datetime import date

import replicator
from replicator.calibration import contrast_refits, gift_refits, plan
from replicator.calibration.statistics import FAMILYWISE, LEAST, NOMINAL, POOLED, RANK_DRAWS, exact_interval
from replicator.calibration.verdicts import (
    Rows,
    Verdict,
    calibration,
    fits_of,
    pooled,
    pooled_word,
    recovery,
    together,
)

_VERSIONS = ("pymc", "nutpie", "numpy", "scipy", "arviz")


def passes(rows: Rows) -> bool:
    """Whether no gate fails on the fits that are done."""
    found = calibration(rows)
    return all(v.passed for v in [*found, *recovery(rows)]) and pooled_word(rows, *pooled(found)) != "fails"


def page(rows: Rows, references: str) -> str:
    """The whole page; `references` is its part on reference posteriors."""
    found, fixed = calibration(rows), recovery(rows)
    return "\n".join([*_head(), *_done(rows), *_calibrated(rows, found), *_recovered(fixed), references, ""])


def _head() -> list[str]:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _VERSIONS)
    return [
        "# Validation",
        "",
        f"Made by `make validate` on {date.today().isoformat()}: replicator {replicator.__version__}, {versions},",
        f"Python {platform.python_version()}. A run takes hours, may be stopped at any time and goes on from there;",
        "`make validate ONLY=crra` makes a part. Rows, one a fit and quantity, are in `docs/validation/`.",
        "",
        "Answers are simulated in numpy from the equations of [estimation.md](estimation.md)",
        "(`replicator/inference/simulation.py`), not by the model that is tested. Everything is drawn: locations,",
        "spreads over wordings or persons, sensitivity, lapse, effects of position, misfit of questions and scatter of",
        "prompts. The answers are fitted as recorded answers are. What is fitted, on which design and from which seed",
        f"({plan.SEED}) is fixed in `replicator/calibration/plan.py`. A fit whose diagnostics fail is sampled at",
        "most twice more, as always; where those fail too, it is counted here like any other, and shown.",
        "",
        f"- exact: probabilities of {plan.WORDINGS} wordings x {len(plan.LABEL_SETS)} sets of labels x 2 orders x "
        "questions;",
        f"- samples: {plan.SAMPLES} answers to each of the same prompts;",
        f"- persons: {plan.PERSONS} persons who answer each question once;",
        "- classes: exact probabilities of 26 numbers, put together into 11 classes;",
        f"- thresholds: the least that each of {plan.PERSONS} persons accepts, as an interval;",
        f"- gifts: exact distributions of gifts in {gift_refits.WORDINGS} wordings;",
        f"- contrast: exact probabilities of an option at two levels of a text, {contrast_refits.ITEMS} items x "
        f"{contrast_refits.WORDINGS} wordings x",
        f"  {len(contrast_refits.LABEL_SETS)} sets of labels x 2 orders.",
        "",
        "Numbers that are named (stated worth, contributions, guesses, requests) have neither labels nor orders.",
        "",
    ]


def _done(rows: Rows) -> list[str]:
    lines = [
        "## What is done",
        "",
        "| theory | noise | answers | design | fits, truths from the prior | fits, fixed truths | failed diagnostics | "
        "median seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for cell, here in rows.items():
        drawn, fixed = fits_of(here, "prior"), fits_of(here, "fixed")
        fits = [*drawn.values(), *fixed.values()]
        failed = sum(not row.passed for row in fits)
        seconds = sorted(row.seconds for row in fits)
        told = f"{seconds[len(seconds) // 2]:.0f}" if seconds else ""
        lines.append(
            f"| {cell.theory} | {cell.noise} | {cell.kind} | {cell.design} | {len(drawn)} of {cell.fits} | "
            f"{f'{len(fixed)} of {cell.fixed}' if cell.fixed else ''} | {failed} of {len(fits)} | {told} |"
        )
    return [*lines, "", "Seconds are of a busy or an idle machine, as it came.", ""]


def _together(rows: Rows) -> list[str]:
    lines = [
        f"Coverage of the {NOMINAL:.0%} intervals by kind of answers, with its standard error over fits: quantities of",
        "one fit are not independent. Nothing is tested here: the tests are of single rows, and of all locations.",
        "Estimates whose diagnostics failed are never shown as known.",
        "",
        "| of | fits | all quantities | standard error | locations |",
        "|---|---|---|---|---|",
        *(
            f"| {t.of} | {t.fits} | {t.covered} of {t.intervals}, {t.covered / t.intervals:.1%} | {t.error:.1%} | "
            f"{t.locations[0]} of {t.locations[1]} |"
            for t in together(rows)
        ),
    ]
    return [*lines, ""]


def _calibrated(rows: Rows, found: Sequence[Verdict]) -> list[str]:
    covered, intervals = pooled(found)
    word = pooled_word(rows, covered, intervals)
    lines = [
        "## Truths from the prior",
        "",
        f"`covered` counts the {NOMINAL:.0%} intervals that hold their truth, with the two-sided exact binomial test;",
        f"`ranks` tests whether truths rank uniformly among {RANK_DRAWS} draws, over the whole curve at once (sorted",
        "uniform variables against their Beta distributions). p-values are adjusted for all rows (Holm); below "
        f"{FAMILYWISE} a row fails.",
        "",
        f"Locations of all cells together: {covered} of {intervals} intervals hold their truth"
        + _share(covered, intervals)
        + f". Of all planned fits it must be {POOLED[0]:.1%} to {POOLED[1]:.1%}: "
        + (f"**{word}**." if word == "fails" else f"{word}."),
        "",
        *_together(rows),
        "| theory | noise | answers | quantity | covered | p (coverage) | p (ranks) | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for v in found:
        assert v.rank_p is not None
        lines.append(
            f"| {v.cell.theory} | {v.cell.noise} | {v.cell.kind} | {v.quantity} | {v.covered} of {v.fits} | "
            f"{v.coverage_p:.3g} | {v.rank_p:.3g} | {_word(v)} |"
        )
    return [*lines, ""]


def _recovered(found: Sequence[Verdict]) -> list[str]:
    lines = [
        "## Fixed truths",
        "",
        f"Every parameter {plan.OFFSET:g} prior sd above or below its prior's centre, in all combinations in turn. An",
        "interval that leans on a prior covers less than its name says where the truth is far from the prior's centre:",
        f"the gate is that coverage is not below {LEAST:g} (one-sided exact binomial test, Holm, {FAMILYWISE}).",
        "",
        "| theory | noise | quantity | covered | p | |",
        "|---|---|---|---|---|---|",
        *(
            f"| {v.cell.theory} | {v.cell.noise} | {v.quantity} | {v.covered} of {v.fits} | {v.coverage_p:.3g} | "
            f"{_word(v)} |"
            for v in found
        ),
    ]
    return [*lines, ""]


def _word(verdict: Verdict) -> str:
    return "" if verdict.passed else "**fails**"


def _share(covered: int, intervals: int) -> str:
    if intervals == 0:
        return ""
    low, high = exact_interval(covered, intervals)
    return f", {covered / intervals:.1%} ({low:.1%} to {high:.1%}, were they independent)"


def failing(verdicts: Iterable[Verdict]) -> list[str]:
    """In words, for the terminal."""
    return [f"{v.cell.name}: {v.quantity}, {v.covered} of {v.fits} covered" for v in verdicts if not v.passed]
