"""Verbalised shares: a model says how many of 100 people would give each answer.

That is a forecast of what others do, in the model's words, and no choice of its own.
"""

from __future__ import annotations

from replicator.engines.engine import Answer, Question, Written
from replicator.engines.sampled import SampledText
from replicator.forecasts import parse_shares

MAX_FORECAST_TOKENS = 256
PARSER = 2
"""Raised when the same reply would be read differently; part of the identity."""


class VerbalisedText(SampledText):
    """A model that writes shares. Drawn at the run's temperature; repeats are forecasts of one kind."""

    most = MAX_FORECAST_TOKENS
    reader = PARSER

    def read(self, question: Question, reply: Written) -> Answer:
        """The shares that a written reply states."""
        if reply.end == "failed":
            return Answer(None, None, "error", reply.text)
        parsed = parse_shares(reply.text, question.prompt.answers, truncated=reply.end == "length")
        return Answer(parsed.shares, None, parsed.status, reply.text)
