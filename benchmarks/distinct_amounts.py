"""Where utilities tabulated over distinct amounts pay: seconds of one gradient of the differences in value.

Sixteen people and 256 even gambles whose gains and losses are so many distinct amounts: as a dense matrix product with
the table of their utilities, with those looked up that occur, and computed option by option.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from statistics import median

import numpy as np
import pytensor
import pytensor.tensor as pt

from replicator import theories
from replicator.inference import tabulation
from replicator.theories import Stimuli

DISTINCT = (16, 32, 64, 128, 256)
PEOPLE, QUESTIONS = 16, 256
BLOCKS, CALLS = 9, 50
WAYS = ("dense", "looked up", "option by option")
THEORY, NOISE = "loss-aversion-power", "logit"


def seconds() -> dict[str, dict[int, float]]:
    """Way -> number of distinct amounts -> seconds of a gradient."""
    return {way: {count: _gradient(way, count) for count in DISTINCT} for way in WAYS}


def pays_up_to(found: Mapping[str, Mapping[int, float]], one: str, other: str) -> int:
    """The most distinct amounts at which, and below which, `one` is not slower than `other`; 0 where it never is."""
    pays = 0
    for count in sorted(found[one]):
        if found[one][count] > found[other][count]:
            break
        pays = count
    return pays


def gambles(distinct: int) -> Stimuli:
    """Even gambles or nothing, over `distinct` amounts of which half are gains."""
    half = distinct // 2
    which = np.arange(QUESTIONS)
    gain, loss = 10.0 + 30.0 * (which % half) / half, 5.0 + 15.0 * ((which * 7 + which // half) % half) / half
    amount = np.stack([np.stack([gain, -loss], axis=1), np.zeros((QUESTIONS, 2))], axis=1)
    return Stimuli(amount, np.full(amount.shape, 0.5), gain, -loss)


def _gradient(way: str, distinct: int) -> float:
    stimuli, theory = gambles(distinct), theories.get(THEORY)
    stake = tabulation.stake(stimuli, np.zeros(QUESTIONS, dtype=int))
    coordinates = {p.name: pt.matrix(p.name, shape=(PEOPLE, 1)) for p in theory.parameters}
    direct = tabulation.Direct(NOISE, stimuli, stake)
    table = direct if way == "option by option" else tabulation.valued(theory, NOISE, stimuli, stake=stake)
    before = tabulation.SPARSE
    try:
        tabulation.SPARSE = QUESTIONS if way == "dense" else 0
        value = table.differences(pt, theory, theory.natural(pt, coordinates))
        wanted = pt.grad((value**2).sum(), list(coordinates.values()))
        compute = pytensor.function(list(coordinates.values()), wanted, mode="NUMBA", trust_input=True)
    finally:
        tabulation.SPARSE = before
    given = [np.full((PEOPLE, 1), 0.1) for _ in coordinates]
    compute(*given)
    times = []
    for _ in range(BLOCKS):
        begun = time.perf_counter()
        for _ in range(CALLS):
            compute(*given)
        times.append((time.perf_counter() - begun) / CALLS)
    return median(times)
