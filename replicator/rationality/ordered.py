"""Ordered questions: how often a population switches more than once in a list, and how many pairs it reverses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from replicator.rationality import switching
from replicator.rationality.bundles import Bools, Floats
from replicator.rationality.finding import Average, Finding, Measure, Responders, pooled
from replicator.rationality.order import Pair, better_placed, lists
from replicator.rationality.questions import Question

LEAST_WHOLE = 0.5
"""Where fewer responders than this part answered any list whole, nobody was shown lists."""

CONSTANT = 0.005
"""With fewer switches than this the choice is the same in every row."""

MOST_QUESTIONS = 1000
"""More questions than this are not compared two by two."""


def findings(questions: Sequence[Question], condition: str) -> list[Finding]:
    """Switching in the ordered lists of one condition, or reversals of ordered pairs where it is not one list.

    Only choices between the same two options by name; none where nothing is ordered.
    """
    binary = [q for q in questions if q.response == "choice" and len(q.options) == 2 and q.bundles is not None]
    found: list[Finding] = []
    for names in dict.fromkeys(q.options for q in binary):
        found += _of_options([q for q in binary if q.options == names], condition)
    return found


def _of_options(questions: Sequence[Question], condition: str) -> list[Finding]:
    pairs = tuple(sorted({(q.bundles[0], q.bundles[1]) for q in questions if q.bundles is not None}))
    places = {pair: place for place, pair in enumerate(pairs)}
    if len(places) > MOST_QUESTIONS:
        words = f"More than {MOST_QUESTIONS} different questions: they were not compared two by two."
        return [Finding(condition, "monotonicity", words)]
    better = better_placed(pairs)
    if not better.any():
        return []
    answers = _answers(questions, places)
    if answers is None:
        return []
    who, second = answers
    people = _people(questions, places)
    ordered = lists(pairs, better)
    if ordered and _whole(second, ordered).mean() < LEAST_WHOLE:
        ordered = []
    found = _switching(condition, ordered, who, second, people) if ordered else []
    if not (len(ordered) == 1 and len(ordered[0]) == len(pairs)):
        found += _reversals(condition, better, who, second, people)
    return found


def _answers(questions: Sequence[Question], places: dict[Pair, int]) -> tuple[Responders, Floats] | None:
    """Who gave usable answers, and the probability of the second option by responder and place."""
    rows = pd.concat([question.usable for question in questions])
    if rows.empty:
        return None
    place = [places[q.bundles[0], q.bundles[1]] for q in questions if q.bundles is not None]
    column = np.repeat(place, [len(question.usable) for question in questions])
    chosen = np.concatenate([question.probabilities[:, 1] for question in questions])
    who = Responders.of(rows)
    return who, who.table(chosen, column, len(places))


def _people(questions: Sequence[Question], places: dict[Pair, int]) -> tuple[Floats, str] | None:
    """People's published share of the second option by place (1, n), where it is known everywhere."""
    shares = np.full(len(places), np.nan)
    name = ""
    for question in questions:
        assert question.bundles is not None
        if question.people is not None:
            shares[places[question.bundles[0], question.bundles[1]]] = question.people[0][1]
            name = question.people[1]
    return None if np.isnan(shares).any() else (shares[None, :], name)


def _switching(
    condition: str,
    ordered: Sequence[NDArray[np.int64]],
    who: Responders,
    second: Floats,
    people: tuple[Floats, str] | None,
) -> list[Finding]:
    random = np.mean([switching.rows_at_random(len(one)) for one in ordered], axis=0)
    longest = max(len(one) for one in ordered) - 1
    found = []
    measures: list[tuple[Measure, float, float]] = [
        ("multiple-switching", 1.0, random[1]),
        ("switches", longest, random[0]),
    ]
    for measure, most, baseline in measures:
        own = who.average(_over_lists(second, ordered, measure), most)
        alone = own.unit in ("person", "persona")
        ways = [(own, None if alone else people)]
        if alone:
            value = float(_over_lists(pooled(second), ordered, measure)[0])
            ways.append((Average(value, np.nan, np.nan, who.people, "share"), people))
        for average, beside in ways:
            if np.isnan(average.value):
                continue
            found.append(
                Finding(
                    condition,
                    measure,
                    _list_words(measure, ordered, second, average),
                    average.value,
                    average.low,
                    average.high,
                    average.n,
                    average.unit,
                    len(ordered),
                    float(baseline),
                    float(_over_lists(beside[0], ordered, measure)[0]) if beside else np.nan,
                    beside[1] if beside else None,
                )
            )
    return found


def _over_lists(second: Floats, ordered: Sequence[NDArray[np.int64]], measure: str) -> Floats:
    """(r,) The mean over the lists that a responder answered whole; NaN where there is none."""
    counted = {
        "multiple-switching": switching.multiple_switching,
        "switches": switching.expected_switches,
        "wrong-way": switching.wrong_way,
    }[measure]
    values = np.stack([counted(second[:, one]) for one in ordered])
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    means: Floats = np.divide(total, known.sum(axis=0), out=np.full(len(second), np.nan), where=known.any(axis=0))
    return means


def _whole(second: Floats, ordered: Sequence[NDArray[np.int64]]) -> Bools:
    """(r,) Whether a responder answered any list whole."""
    return np.asarray(~np.all([np.isnan(second[:, one]).any(axis=1) for one in ordered], axis=0), dtype=np.bool_)


def _list_words(measure: str, ordered: Sequence[NDArray[np.int64]], second: Floats, average: Average) -> str:
    lengths = sorted({len(one) for one in ordered})
    rows = f"{lengths[0]} to {lengths[-1]}" if len(lengths) > 1 else f"{lengths[0]}"
    which = f"one list of {rows} rows" if len(ordered) == 1 else f"{len(ordered)} lists of {rows} rows"
    text = f"In {which} one option grows better from row to row, so that any taste switches once at most. "
    if average.unit in ("person", "persona"):
        who = "persons" if average.unit == "person" else "personas, asked row by row,"
        text += f"Counted for {who} who answered a whole list."
        missing = int((~_whole(second, ordered)).sum())
        text += f" {missing} answered none." if missing else ""
    elif average.unit == "share":
        text += "Of one responder who chooses by everybody's pooled shares, row by row."
    else:
        text += "Of one responder who chooses by these probabilities, row by row."
    source = pooled(second) if average.unit == "share" else second
    if average.value < CONSTANT and measure == "switches":
        text += (
            " The choice is the same in every row of a presentation, or nearly: it follows the option or its position."
        )
    if measure == "multiple-switching":
        wrong = np.nanmean(_over_lists(source, ordered, "wrong-way"))
        if wrong >= 0.005:
            text += f" Another {100 * wrong:.0f}% switch once, but the wrong way."
    return text


def _reversals(
    condition: str, better: Bools, who: Responders, second: Floats, people: tuple[Floats, str] | None
) -> list[Finding]:
    pairs = int(better.sum())
    own = who.average(switching.reversals(second, better))
    words = (
        f"{pairs} pairs of questions are ordered: one option is better placed in one of the two, so that whoever takes "
        "it in the other takes it there too. The value is how often a pair is answered the other way round"
    )
    alone = own.unit in ("person", "persona")
    ways = [(own, ".", None if alone else people)]
    if alone:
        value = float(switching.reversals(pooled(second), better)[0])
        share = Average(value, np.nan, np.nan, who.people, "share")
        ways.append((share, " by one responder who chooses by everybody's pooled shares.", people))
    return [
        Finding(
            condition,
            "monotonicity",
            words + end,
            average.value,
            average.low,
            average.high,
            average.n,
            average.unit,
            pairs,
            0.25,
            float(switching.reversals(beside[0], better)[0]) if beside else np.nan,
            beside[1] if beside else None,
        )
        for average, end, beside in ways
        if not np.isnan(average.value)
    ]
