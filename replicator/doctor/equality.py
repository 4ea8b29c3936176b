"""Whether the same question gets the same numbers: alone and in a batch, and from two models that should be one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from replicator.doctor.finding import Finding, Verdict
from replicator.doctor.limits import AGAINST, COARSE_TOLERANCE, TOLERANCE
from replicator.doctor.probe import Asked, log_probabilities
from replicator.engines.engine import Answer, Engine, Question

ALONE = 12
"""Questions that are asked again, one at a time."""

BATCH, AGAINST_NAME = "batch equality", "against the other model"

Told = Callable[[int, int], None]


def batches(engine: Engine, asked: Sequence[Asked], told: Told) -> Finding:
    """The largest difference in log probability between a question in the probe's batches and by itself.

    The questions are spread from the shortest prompt to the longest.
    """
    if engine.batch_size <= 1:
        return Finding(BATCH, "not applicable", "everything is asked one question at a time")
    pairs = [
        pair
        for one in asked
        for pair in zip(one.questions, one.answers, strict=True)
        if pair[1].probabilities is not None
    ]
    pairs.sort(key=lambda pair: len(pair[0].prompt.user))
    chosen = [pairs[round(i * (len(pairs) - 1) / (ALONE - 1))] for i in range(ALONE)] if len(pairs) > ALONE else pairs
    if not chosen:
        return Finding(BATCH, "not applicable", "no question has an answer")
    alone: list[Answer] = []
    for question, _ in chosen:
        told(len(alone), len(chosen))
        alone += engine.answer([question])
    told(len(alone), len(chosen))
    limit = TOLERANCE if _exact(engine.facts) else COARSE_TOLERANCE
    largest = max(difference(one, other) for (_, one), other in zip(chosen, alone, strict=True))
    return _equal(engine, largest, limit, len(chosen))


def _equal(engine: Engine, largest: float, limit: float, count: int) -> Finding:
    precision = "float32" if limit == TOLERANCE else "numbers that are rounded more coarsely than float32"
    measured = (
        f"log probabilities of {count} questions differ by at most {_number(largest)} between batches of up to "
        f"{engine.batch_size} and one at a time ({limit:g} is allowed in {precision})"
    )
    numbers = {"largest_difference": _finite(largest), "limit": limit, "questions": count}
    sharing = engine.facts.get("shared_cache")
    meaning = "Answers do not depend on what else is asked."
    if sharing is False:
        meaning += " Reading prompts as one stream is not exact for this model, so it reads them apart, slower."
    if largest <= limit:
        return Finding(BATCH, "sound", measured, meaning, numbers=numbers)
    meaning = "Answers depend on what else is in their batch: prompts reach each other, or the numbers overflow."
    remedy = "Run with --batch-size 1, or with --model-args dtype=float32."
    return Finding(BATCH, "unsound", measured, meaning, remedy, numbers)


def models(
    one: Sequence[Asked], other: Sequence[Asked], facts: Mapping[str, Any], other_facts: Mapping[str, Any], name: str
) -> Finding:
    """The largest difference in log probability of any option, over the whole probe; `name` is the other model's."""
    pairs = list(_both(one, other))
    asked = sum(len(first.questions) for first in one)
    bounded = sum(bounds for _, _, _, bounds in pairs)
    pairs = [pair for pair in pairs if not pair[3]]
    if not pairs and bounded:
        why = f"all {bounded} questions are known by bounds only"
        remedy = "Start the server so that it tells more tokens' probabilities."
        return Finding(AGAINST_NAME, "doubtful", why, "Nothing could be compared.", remedy)
    if not pairs:
        why = f"no question was answered by both this model and {name}"
        return Finding(AGAINST_NAME, "unsound", why, "The two cannot be the same.", "Mend what the other lines name.")
    apart = [difference(mine, theirs) for _, mine, theirs, _ in pairs]
    largest = max(apart)
    where = pairs[apart.index(largest)][0]
    limit = AGAINST if _exact(facts) and _exact(other_facts) else COARSE_TOLERANCE
    unanswered = asked - bounded - len(pairs)
    missing = f"; {unanswered} questions have no answer from one of them" if unanswered else ""
    missing += f"; {bounded} are known by bounds only" if bounded else ""
    measured = (
        f"log probabilities of {len(pairs)} questions differ from those of {name} by at most {_number(largest)} "
        f"({_place(where)}); {AGAINST:g} is allowed{missing}"
    )
    numbers = {
        "model": name,
        "largest_difference": _finite(largest),
        "limit": AGAINST,
        "questions": len(pairs),
        "unanswered": unanswered,
        "bounded": bounded,
    }
    if largest <= AGAINST and not unanswered:
        return Finding(AGAINST_NAME, "sound", measured, "Either may stand for the other.", numbers=numbers)
    verdict: Verdict = "doubtful" if largest <= limit else "unsound"
    meaning = "They are not the same model, or are not asked in the same words."
    if verdict == "doubtful":
        meaning = "Numbers in half precision or quantised weights would explain it; it is still not the same model."
    remedy = "Compare weights, number format, chat template, BOS and the server's sampling defaults of the two."
    if not _same_beginning(facts, other_facts):
        remedy = f"Their prompts begin with different tokens: look at chat template and BOS first. {remedy}"
    return Finding(AGAINST_NAME, verdict, measured, meaning, remedy, numbers)


def _both(one: Sequence[Asked], other: Sequence[Asked]) -> Iterator[tuple[Question, Answer, Answer, bool]]:
    """Questions with an answer from both, and whether one of the two is known by bounds only."""
    for first, second in zip(one, other, strict=True):
        bounds = [a or b for a, b in zip(first.bounded, second.bounded, strict=True)]
        for question, mine, theirs, only in zip(first.questions, first.answers, second.answers, bounds, strict=True):
            if mine.probabilities is not None and theirs.probabilities is not None:
                yield question, mine, theirs, only


def difference(one: Answer, other: Answer) -> float:
    """Largest absolute difference in log probability over the options; infinite where only one has numbers."""
    mine, theirs = log_probabilities(one), log_probabilities(other)
    if mine is None or theirs is None or len(mine) != len(theirs):
        return math.inf
    return max(0.0 if a == b else abs(a - b) for a, b in zip(mine, theirs, strict=True))


def _exact(facts: Mapping[str, Any]) -> bool:
    """Whether the numbers are known to be of single precision or better."""
    return facts.get("dtype") in ("float32", "float64")


def _same_beginning(facts: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    first, second = facts.get("first_token_ids"), other.get("first_token_ids")
    return first is None or second is None or first == second


def _place(question: Question) -> str:
    trial = question.trial
    return f"{trial.experiment}, {trial.item}, {trial.wording}"


def _number(value: float) -> str:
    return f"{value:.1g}" if math.isfinite(value) else "infinitely much"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
