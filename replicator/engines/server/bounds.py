"""Log probabilities that a server leaves open, as bounds.

A list of the most likely tokens says nothing about the others but that all of them together have what is
missing to 1, and that none is likelier than the least likely one listed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from replicator.engines.engine import Answer
from replicator.engines.server.replies import Next, Token

MOST_TOKENS = 300_000
"""More tokens than a vocabulary in use has; what lies beyond a list is at most so many times its last entry."""
ROUNDING = 1e-5
"""A missing probability as small as that is rounding (log probabilities come in single precision)."""
WIDEST = 0.1
"""The widest bounds of an option's share at which an answer is still one: beyond, a report's intervals would
rest on the server's list and not on the model."""
EXACT = 1e-6
"""Bounds of a share as close as that are no bounds."""

Pair = tuple[float, float]
"""Lower and upper bound."""


@dataclass(frozen=True)
class Listing:
    """A list of likely tokens and what it leaves open."""

    tokens: Mapping[str, float]
    """Probability of each listed text."""
    missing: float
    """Probability of what is not in the list."""
    unlisted: float
    """The largest part of it that tokens beyond the list can have; the rest are listed tokens whose text another
    has too (special ones and parts of characters are all written as nothing)."""
    last: float
    """The largest probability that any one token beyond the list can have."""

    @classmethod
    def of(cls, found: Next, *, complete: bool) -> Listing:
        """`complete`: whether the list names every token there is; an empty one names none."""
        complete = complete and len(found.listed) > 0
        tokens: dict[str, float] = {}
        for token in found.listed:
            tokens[token.text] = tokens.get(token.text, 0.0) + math.exp(token.logp)
        missing = max(0.0, 1.0 - math.fsum(tokens.values()))
        missing = 0.0 if missing < ROUNDING else missing
        drawn = found.chosen.text if found.chosen else None
        # The drawn token is listed even where it is not among the likely ones.
        likely = [math.exp(token.logp) for token in found.listed if token.text != drawn]
        least = min(likely, default=1.0)
        unlisted = 0.0 if complete else min(missing, MOST_TOKENS * least)
        return cls(tokens, missing, unlisted, 0.0 if complete else min(missing, least))

    def token(self, text: str | None) -> Pair:
        """Probability of the token with this text; None is a text that is not known, so that it may be any listed."""
        if text is None:
            return 0.0, max(self.last, *self.tokens.values(), 0.0)
        return (self.tokens[text],) * 2 if text in self.tokens else (0.0, self.last)

    def end(self, continues: Callable[[str], bool], onward: Mapping[str, float | None], unwritten: float = 0.0) -> Pair:
        """Probability that an answer ends here: of all tokens that do not go on with it.

        `onward` are the tokens that lead to another option, each with its probability where it is known;
        `unwritten` is the largest probability of those among them whose text is not known.
        """
        hidden = self._hides(continues, onward)
        ending = math.fsum(p for text, p in self.tokens.items() if not continues(text) and text not in onward)
        # An option's next token may be missing from the list though it looks like an ending.
        elsewhere = math.fsum(p or 0.0 for text, p in onward.items() if not continues(text) and text not in self.tokens)
        unlisted = self.missing if hidden else self.unlisted
        low = ending + max(0.0, self.missing - unlisted - elsewhere) - unwritten
        return max(0.0, low), min(1.0, ending + self.missing)

    def _hides(self, continues: Callable[[str], bool], onward: Mapping[str, float | None]) -> bool:
        """Whether a token that goes on stands in the list with another's probability."""
        return any(
            p is not None and text in self.tokens and continues(text) and abs(self.tokens[text] - p) > 0.01 * p + 1e-6
            for text, p in onward.items()
        )


def first_token(listing: Listing, answers: Sequence[str]) -> list[Pair]:
    """Probability of each answer where only the texts of first tokens are known: its token, spelled " A" or "A".

    A token that is the beginning of an answer may lead to it, or a part of its first character, which servers write
    in many ways; and a likely spelling may be missing.
    """
    found: list[Pair] = []
    for answer in answers:
        low = math.fsum(p for text, p in listing.tokens.items() if text.strip() == answer)
        begun = math.fsum(p for text, p in listing.tokens.items() if _begins(text.strip(), answer))
        spelled = sum(text in listing.tokens for text in (answer, f" {answer}"))
        open_spellings = min(listing.missing, (2 - spelled) * listing.last)
        found.append((low, min(1.0, low + begun + open_spellings)))
    return found


def answer(options: Sequence[Pair]) -> Answer:
    """The answer that bounds of every option's probability make.

    An option's share lies between its lowest value with all others at their highest and the reverse; what is
    reported is the middle of its bounds, shares of their sum. Where a share is left open by more than WIDEST the
    answer is not valid.
    """
    middles = [(low + high) / 2 for low, high in options]
    total = math.fsum(middles)
    if not math.isfinite(total):
        return failed("the server's log probabilities are no numbers")
    if total <= 0.0:
        return failed("the server gives no option any probability")
    shares = [middle / total for middle in middles]
    pairs = [_share(options, place) for place in range(len(options))]
    open_by = max(high - low for low, high in pairs)
    if open_by > WIDEST:
        widest = max(pairs, key=lambda pair: pair[1] - pair[0])
        reason = f"the server lists too few tokens: a share lies between {widest[0]:.2f} and {widest[1]:.2f}"
        return Answer(None, None, "invalid", reason)
    bounds = tuple(
        (min(low, share), min(1.0, max(high, share))) for (low, high), share in zip(pairs, shares, strict=True)
    )
    return Answer(tuple(shares), min(1.0, total), "valid", bounds=bounds if open_by > EXACT else None)


def failed(reason: str) -> Answer:
    """An answer that is none, to be asked for again next time."""
    return Answer(None, None, "error", reason)


def values(tokens: Collection[Token]) -> dict[int, float]:
    """Log probability by id, of tokens that have one."""
    return {token.id: token.logp for token in tokens if token.id is not None}


def _share(options: Sequence[Pair], place: int) -> Pair:
    low, high = options[place]
    lows = math.fsum(pair[0] for index, pair in enumerate(options) if index != place)
    highs = math.fsum(pair[1] for index, pair in enumerate(options) if index != place)
    return low / (low + highs) if low else 0.0, high / (high + lows) if high else 0.0


def _begins(text: str, answer: str) -> bool:
    if not answer.isascii() and (not text or "\ufffd" in text or text.startswith("bytes:")):
        return True
    return bool(text) and text != answer and answer.startswith(text)
