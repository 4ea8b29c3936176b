"""The summary in words: what every population did, how sure that is, and where people stand.

Pure functions from the dictionaries of `results.json` to sentences. The command line prints the same
sentences as the report. A verdict about behaviour is given only where nothing in the results forbids it, and
an interval that overlaps people's is never a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from replicator.people import IN_RESULTS
from replicator.report.averages import answered, is_told_by_means
from replicator.report.contrasts import by_level
from replicator.report.formats import interval_text, number, percent, signed, whole_percent
from replicator.report.giving import giving
from replicator.report.terms import (
    Document,
    estimand_name,
    interval_name,
    join,
    listed,
    parameter_name,
    place,
    points,
    questions_of,
    status_of,
    who,
)
from replicator.thresholds import LABEL_MASS
from replicator.verdicts import against_estimate, against_population, has_random_weights, is_forecast

CERTAINTY = 0.95
"""Posterior probability from which a comparison with people is called."""

NO_PLAN = "No estimate was planned."

POSITION_BIAS = 0.05
"""Position biases smaller than this are not worth a sentence of the summary."""


def summary(results: Document) -> list[str]:
    """One paragraph of a few sentences for every population of an experiment, in the file's order."""
    return [describe(results, population) for population in results.get("populations") or []]


def describe(results: Document, population: Document) -> str:
    """What one population is, what it did, what that says of its parameter, and where people stand."""
    options = options_of([row for row in results.get("choices") or [] if row["population"] == population["name"]])
    parts = [
        f"{population['name']} ({kind(population)}) {behaviour(results, population)}",
        variation(population),
        position(population, len(options)),
        verdict(results, population),
    ]
    return " ".join(part for part in parts if part)


def people(count: int) -> str:
    """ "1 person" or "16 people"."""
    return "1 person" if count == 1 else f"{number(count)} people"


def kind(population: Document) -> str:
    """What sort of thing answered, said plainly."""
    if facts(population).get("reference"):
        return f"{people(population['people'])}, published shares"
    if population["population"] == "human":
        subjects = population.get("people")
        return f"{people(subjects)}, recorded choices" if subjects else "people, recorded choices"
    if population["population"] == "simulated":
        if str(population["name"]).startswith("participants:human"):
            return "simulated people, drawn from published estimates; nobody was asked"
        return "simulated responder following a rule, not a language model"
    if has_random_weights(population):
        return "a model with random weights, which does not choose meaningfully"
    if "recorded" in (population.get("limits") or ()):
        return "a language model, recorded answers"
    what = "a language model's forecast of people" if is_forecast(population) else "a language model"
    personas = population.get("personas")
    if not personas:
        return what
    which = "one" if personas["number"] == 1 else f"each of {number(personas['number'])}"
    who = f"{which} {personas['asked_as']}{'s' * (personas['number'] != 1)}"
    return f"{what} like {who}" if is_forecast(population) else f"{what}, asked to be {who}"


def facts(population: Document) -> Document:
    return population.get("facts") or {}


def behaviour(results: Document, population: Document) -> str:
    """The theory-free headline: choices or gifts, beside people's at the same items."""
    rows = [row for row in results.get("choices") or [] if row["population"] == population["name"]]
    rows = [row for row in rows if row.get("share") is not None]
    if not rows and facts(population).get("reference"):
        return "went through the same estimator as the models, from their published shares."
    mass = population.get("label_mass")
    if mass is not None and mass < LABEL_MASS:
        left = "no answer" if not rows else "next to no answer"
        return (
            f"does not choose meaningfully: it put so little probability on its options ({percent(mass)} on average) "
            f"that {left} can be used."
        )
    if is_told_by_means(results):
        return answered(results, str(population["name"]), rows)
    if not rows:
        return "gave no answer that could be used."
    if results.get("response") == "amount":
        gave = giving(results, rows)
        return f"forecasts that people give{gave.removeprefix('gave')}" if is_forecast(population) else gave
    compared = None if is_forecast(population) else by_level(results, str(population["name"]), rows)
    return compared or _choosing(rows, beside=not has_random_weights(population), forecast=is_forecast(population))


def options_of(rows: Sequence[Document]) -> list[str]:
    """The options of shares, in the experiment's own order, which is the order of the results."""
    return list(dict.fromkeys(str(row["option"]) for row in rows))


def variation(population: Document) -> str:
    """ "No variation in n" with what n equal answers still leave possible."""
    none = population.get("no_variation")
    if not none:
        return ""
    answered = population.get("people")
    answers = f"the answers of {people(none['n'])}" if answered else f"{number(none['n'])} answers"
    return (
        f"There is no variation in {answers}; with 95% confidence, other answers may "
        f"still make up to {percent(none['bound'])} of what {'such people' if answered else 'it'} would say."
    )


def position(population: Document, options: int = 2) -> str:
    """A bias to a displayed position, where there is one that is clear and not tiny."""
    bias = population.get("position_bias")
    if not bias or bias.get("estimate") is None or not bias.get("interval"):
        return ""
    low, high = bias["interval"]
    if low <= 0 <= high or abs(bias["estimate"]) < POSITION_BIAS:
        return ""
    leaning = "It leans to whatever is displayed first"
    if bias["estimate"] < 0:
        # Of more than two options, those that are not first stand in several places.
        last = "It leans to whatever is displayed last"
        leaning = last if options == 2 else "It avoids whatever is displayed first"
    return f"{leaning} (position bias {signed(bias['estimate'])}, 95% interval {interval_text(bias['interval'])})."


def primary(results: Document, population: Document) -> list[Document]:
    """The population's planned estimates."""
    return [
        estimate
        for estimate in results.get("estimates") or []
        if estimate["population"] == population["name"] and estimate.get("primary")
    ]


def is_planned(results: Document) -> bool:
    """Whether the analysis plan names an estimate."""
    return results.get("ropes") != []


def verdict(results: Document, population: Document) -> str:
    """The planned estimates in words, or why there is no verdict."""
    if has_random_weights(population):
        return "No verdict: its weights are random, so what it chose says nothing about behaviour."
    reasons = against_population(population)
    if reasons:
        return f"No verdict about its behaviour: {join(reasons)}."
    estimates = primary(results, population)
    if not estimates:
        return "No planned estimate was made." if is_planned(results) else NO_PLAN
    known = [estimate for estimate in estimates if not against_estimate(estimate)]
    unknown = [estimate for estimate in estimates if against_estimate(estimate)]
    parts = [*_values(known), people_words(results, known), *_not_known(unknown)]
    return " ".join(part for part in parts if part)


def people_words(results: Document, estimates: Sequence[Document]) -> str:
    """How the means of identified estimates stand to people's, or why nothing can be set beside them."""
    if not estimates:
        return ""
    several = len(estimates) > 1
    sentences = []
    reasons = []
    for estimate in estimates:
        entries = [entry for entry in estimate.get("human") or [] if entry.get("question") == "mean"]
        known = [entry for entry in entries if entry.get("available") and entry.get("difference")]
        # People who went through the same estimator come before figures from other studies.
        known.sort(key=lambda entry: not str(entry["reference"]).startswith(IN_RESULTS))
        entry = next(iter(known), None)
        if entry is None:
            reasons += [str(other["why_not"]).rstrip(".") for other in entries if other.get("why_not")]
            continue
        whose = "people's" if entry.get("value") is None else f"people's {number(entry['value'])}"
        source = f"{entry.get('label') or entry['reference']}, {status_of(results, entry)}"
        gap = difference_words(entry["difference"], f"{whose} ({source})")
        sentences.append(f"{_upper(f'{place(estimate)} it' if several else 'it')} {gap}.".replace("  ", " "))
    if sentences:
        return " ".join(sentences)
    return f"It is set beside no figure of people: {reasons[0]}." if reasons else ""


def difference_words(gap: Document, people: str = "people's") -> str:
    """The verdict on a difference from people; only the probability of the declared region makes equality."""
    inside, rope = gap.get("probability_in_rope"), gap.get("rope")
    low, high = gap["interval"]
    margin = "" if rope is None else f"±{number(rope)}"
    if inside is not None and margin and inside >= CERTAINTY:
        return f"agrees with {people} to within {margin} (probability {percent(inside)})"
    apart = f"by {number(abs(gap['mean']))} (difference {interval_text(gap['interval'])})"
    if low > 0 or high < 0:
        way = "higher" if gap["mean"] > 0 else "lower"
        hedge = ""
        if inside is not None and inside > 1 - CERTAINTY:
            hedge = f", though perhaps by no more than the negligible {margin}"
        return f"is {way} than {people} {apart}{hedge}"
    chance = "" if inside is None else f", within {margin} with a probability of {percent(round(inside, 3))}"
    gap_text = f"difference {interval_text(gap['interval'])}{chance}"
    return f"cannot be told from {people}, nor shown to agree ({gap_text})"


def _values(estimates: Sequence[Document]) -> list[str]:
    """Identified estimates, those of one parameter and estimand in one sentence."""
    groups: dict[tuple[str, str], list[Document]] = {}
    for estimate in estimates:
        groups.setdefault((parameter_name(estimate), estimand_name(estimate)), []).append(estimate)
    sentences = []
    for (name, estimand), group in groups.items():
        values = [
            f"{number(e['mean'])} ({interval_text(e.get('interval'))}) {place(e)}".strip()
            + (", each person alone" if e.get("pooling") == "none" else "")
            for e in group
        ]
        intervals = interval_name(group[0]) + ("s" if len(group) > 1 else "")
        sentences.append(f"{_upper(name)} ({estimand}): {', '.join(values)}, with {intervals}.")
    return sentences


def _not_known(estimates: Sequence[Document]) -> list[str]:
    """Estimates that support no verdict, those with the same reason in one sentence."""
    groups: dict[tuple[str, str], list[Document]] = {}
    for estimate in estimates:
        groups.setdefault((parameter_name(estimate), join(against_estimate(estimate))), []).append(estimate)
    sentences = []
    for (name, reasons), group in groups.items():
        where = " and ".join(dict.fromkeys(place(e) for e in group if place(e)))
        bounds = "" if len(group) > 1 else _consistent(group[0])
        sentences.append(f"Cannot tell its {name}{' ' + where if where else ''}: {_lower(reasons)}.{bounds}")
    return sentences


def _lower(text: str) -> str:
    """Without the capital of a sentence; symbols keep theirs."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _consistent(estimate: Document) -> str:
    bounds = estimate.get("consistent_set")
    if not bounds:
        return ""
    low, high = bounds
    if low is not None and low == high:
        return f" Only {number(low)} explains its choices."
    return f" Every value from {_bound(low)} to {_bound(high)} explains its choices equally well."


def _bound(value: float | None) -> str:
    return "an open end" if value is None or not math.isfinite(value) else number(value)


def _choosing(rows: Sequence[Document], *, beside: bool, forecast: bool) -> str:
    """How often each option was chosen, or is forecast to be; of two options the first says it all."""
    names = options_of(rows)
    shown = names[:1] if len(names) <= 2 else names
    cells = {(row["condition"], row["item"]) for row in rows}
    chose = "forecasts that people choose" if forecast else "chose"
    text = f"{chose} {_mean_shares(rows, shown)} of the time over {questions_of(len(cells))}"
    return text + (_beside_people(rows, shown) if beside else "") + "."


def _beside_people(rows: Sequence[Document], shown: Sequence[str]) -> str:
    """People's shares at the same questions, and how much of the choices lies elsewhere (total variation)."""
    known = [row for row in rows if row.get("human_share") is not None]
    if not known:
        return ""
    gaps: dict[tuple[str, str], float] = {}
    for row in known:
        cell = (str(row["condition"]), str(row["item"]))
        gaps[cell] = gaps.get(cell, 0.0) + abs(float(row["share"]) - float(row["human_share"])) / 2
    people = _mean_shares(known, shown, "human_share")
    if len(shown) == 1:
        people = people.removeprefix(f"{shown[0]} ")
    others = f"{who(known)} {people}"
    own = _mean_shares(known, shown).removeprefix(f"{shown[0]} " if len(shown) == 1 else "")
    everywhere = len(known) == len(rows)
    where = f"; {others}" if everywhere else f" ({own} at the {len(gaps)} where people's choices are known; {others})"
    return f"{where}, question by question {points(sum(gaps.values()) / len(gaps))} apart on average"


def _mean_shares(rows: Sequence[Document], options: Sequence[str], key: str = "share") -> str:
    """ "safe 40%", "sure 35%, gamble 43% and long-shot 22%": means over the questions of the rows."""
    parts = []
    for option in options:
        shares = [float(row[key]) for row in rows if row["option"] == option]
        parts.append(f"{option} {whole_percent(sum(shares) / len(shares))}")
    return listed(parts)
