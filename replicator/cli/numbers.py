"""Numbers on the command line, called by the names that people have for them."""

from __future__ import annotations

import math
from typing import Any

import click


class WholeNumber(click.IntRange):
    """click's own, called by its name."""

    name = "whole number"


class Temperature(click.FloatRange):
    """Above 0 and at most 10."""

    name = "temperature"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=10)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        # Every comparison with "nan" is false, so that no range refuses it.
        return self.fail(f"{value} is not a number.", param, ctx) if math.isnan(number) else number


class BatchSize(WholeNumber):
    """A whole number, or None for "auto"."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return None if value == "auto" else super().convert(value, param, ctx)
