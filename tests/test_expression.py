"""Expressions compute what arithmetic says, on single values and on columns, and admit nothing else."""

from __future__ import annotations

import math
import pickle
import random
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replicator.errors import ReplicatorError
from replicator.expression import ExpressionError, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2.00 * stakes", 40.0),
        ("1 - p", 0.75),
        ("-p + 1", 0.75),
        ("2 ** 3 ** 2", 512.0),
        ("-2 ** 2", -4.0),
        ("(1 + p) / 5", 0.25),
        ("0 < p <= 0.25 < stakes", True),
        ("0 < p < 0.25", False),
        ("not p > 1 and stakes == 20", True),
        ("frame == 'gain' or 1 / 0 > 1", True),
        ("min(p, stakes, 3) + max(1, 2)", 2.25),
        ("round(2.567, 1) + floor(-1.5) + ceil(1.2) + abs(-3)", 5.6),
        ("10 * (p < 1)", 10),
        ("'gain' != frame", False),
    ],
)
def test_arithmetic(text: str, value: object) -> None:
    assert parse(text).evaluate({"p": 0.25, "stakes": 20, "frame": "gain"}) == pytest.approx(value)


def test_a_number_is_an_expression() -> None:
    assert parse(0.1).evaluate({}) == 0.1
    assert parse(3).names == frozenset()


def test_names_are_the_variables_and_not_the_functions() -> None:
    assert parse("max(gain, 2) - loss * (frame == 'x')").names == {"gain", "loss", "frame"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "1 +",
        "p = 1",
        "p ^ 2",
        "p // 2",
        "p % 2",
        "p @ p",
        "~p",
        "+p",
        "p & p",
        "p is 1",
        "p in 'abc'",
        "p.real",
        "p[0]",
        "[p]",
        "(p, p)",
        "{p}",
        "{'a': p}",
        "lambda: 1",
        "f'{p}'",
        "(x := 1)",
        "p if p else 1",
        "[x for x in p]",
        "*p",
        "2j",
        "b'x'",
        "None",
        "...",
        "1e999",
        "min(p)",
        "abs(1, 2)",
        "min(*p)",
        "round(p, digits=1)",
        "round(p, p)",
        "round(p, -400000000)",
        "eval('1')",
        "__import__('os').system('true')",
        "().__class__.__mro__",
        "open('x')",
        "await p",
        "yield p",
        "1; 2",
        "import os",
        "p\n\n+ q;",
        "\x00",
        "(" * 300 + "1" + ")" * 300,
        "-" * 600 + "1",
        "1" * 5_000,
    ],
)
def test_outside_the_grammar(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.parametrize("source", [True, None, [1], math.inf, math.nan, 10**400])
def test_not_an_expression_at_all(source: object) -> None:
    with pytest.raises(ExpressionError):
        parse(source)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("'a' * 9", "text is used as a number"),
        ("word * 999999999", "text is used as a number"),
        ("-word", "text is used as a number"),
        ("1 / (p - p)", "divides by zero"),
        ("10.0 ** 400", "too large"),
        ("((10 ** 60) ** 60) ** 60", "too large"),
        ("(0 - 8) ** 0.5", "negative number"),
        ("p and 1", "join comparisons"),
        ("word < 1", "compared with text"),
        ("q + 1", "unknown name 'q'"),
        ("huge * 10", "not a finite number"),
        ("pair == 1", "neither a number"),
    ],
)
def test_no_value(text: str, reason: str) -> None:
    variables = {"p": 1, "word": "a", "huge": 1e308, "pair": (1, 2)}
    with pytest.raises(ExpressionError, match=reason) as caught:
        parse(text).evaluate(variables)
    assert "Traceback" not in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("column", [pd.Series, np.array])
def test_columns_give_what_their_elements_give(column: type) -> None:
    gains, words = [10.0, 20.0, 30.0], ["a", "b", "a"]
    columns = {"gain": column(gains), "word": column(words)}
    for text in (
        "gain * 2 - 1",
        "0 < gain - 10 <= 20 and not word == 'b'",
        "word == 'b' or gain > 25",
        "max(gain, 15) + min(gain, 12, 25) + abs(-gain)",
        "round(gain / 7, 2) + floor(gain / 7) + ceil(gain / 7) + round(gain / 7)",
        "(-gain) ** 2",
    ):
        expression = parse(text)
        single = [expression.evaluate({"gain": g, "word": w}) for g, w in zip(gains, words, strict=True)]
        assert list(expression.evaluate(columns)) == pytest.approx(single)


def test_columns_of_text_take_no_part_in_arithmetic() -> None:
    with pytest.raises(ExpressionError, match="text is used as a number"):
        parse("word * 1000000000").evaluate({"word": pd.Series(["a", "b"])})
    with pytest.raises(ExpressionError, match="text is used as a number"):
        parse("word + word").evaluate({"word": pd.Series(["a", 1], dtype=object)})


def test_an_expression_survives_pickling() -> None:
    expression = parse("2 * p")
    again = pickle.loads(pickle.dumps(expression))
    assert again == expression
    assert again.evaluate({"p": 3}) == 6


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ReplicatorError):
        parse(text).evaluate({"p": 0.5, "x": 3})


_PIECES = [
    "p",
    "x",
    "1",
    "0.5",
    "+",
    "-",
    "*",
    "/",
    "**",
    "(",
    ")",
    "<",
    "==",
    " and ",
    " or ",
    "not ",
    "min(",
    ",",
]
_PIECES += ["abs(", "round(", "'a'", ".", "[", "]", " if ", " else ", "lambda ", ":", "9" * 30]


@given(st.lists(st.sampled_from(_PIECES), max_size=25).map("".join))
def test_any_mixture_of_symbols_is_read_or_refused(text: str) -> None:
    try:
        value = parse(text).evaluate({"p": 0.5, "x": 3})
    except ReplicatorError:
        return
    assert isinstance(value, bool | int | float | str)


def _random_arithmetic(source: random.Random, depth: int) -> str:
    if depth == 0:
        return source.choice(["p", "x", "2", "0.5"])
    left, right = (_random_arithmetic(source, depth - 1) for _ in range(2))
    return source.choice(
        [
            f"({left} + {right})",
            f"({left} - {right})",
            f"({left} * {right})",
            f"min({left}, {right})",
            f"-({left})",
        ]
    )


@given(st.integers(0, 10_000))
def test_agrees_with_python_where_both_speak(seed: int) -> None:
    text = _random_arithmetic(random.Random(seed), 5)
    variables = {"p": 0.3, "x": 7}
    assert parse(text).evaluate(variables) == pytest.approx(eval(text, {"min": min}, variables))
