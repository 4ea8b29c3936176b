"""In which orders options are shown: every option stands equally often at every position."""

from __future__ import annotations

import itertools
import random

PERMUTED_OPTIONS = 4
"""Up to this many options every order is shown (24); beyond it, a Latin square with a row an option."""


def orders(count: int, seed: int) -> list[tuple[int, ...]]:
    """Orders of `count` options, each a tuple of option indices by displayed position.

    Above four options the rows of a Latin square, whose options are dealt by `seed`. With an even number it is
    Williams' square (1949, Australian Journal of Scientific Research A 2): every option also stands right
    after every other one exactly once. One square cannot do that for every odd number; there it is cyclic.
    """
    if count <= PERMUTED_OPTIONS:
        return list(itertools.permutations(range(count)))
    dealt = list(range(count))
    random.Random(seed).shuffle(dealt)
    first = _zigzag(count) if count % 2 == 0 else list(range(count))
    return [tuple(dealt[(place + row) % count] for place in first) for row in range(count)]


def in_words(count: int) -> str:
    """ "every order", or how many orders stand for all of them."""
    if count <= PERMUTED_OPTIONS:
        return "every order"
    return f"the {count} orders of a {'Williams' if count % 2 == 0 else 'cyclic Latin'} square"


def _zigzag(count: int) -> list[int]:
    """0, 1, n-1, 2, n-2, ...: all differences between neighbours differ where n is even."""
    return [(place + 1) // 2 if place % 2 else (count - place // 2) % count for place in range(count)]
