"""Templates fill in and choose words; they compute nothing and reach nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replicator import template
from replicator.amounts import format_amount, format_money, format_percent
from replicator.template import TemplateError


def test_filling_in_and_choosing_words() -> None:
    text = (
        "{% if stakes >= 20 and frame == 'gain' %}High{% elif stakes > 5 %}Middle{% else %}Low{% endif %}"
        ": {{ stakes | money }}"
    )
    assert template.check(text) == []
    assert template.names(text) == {"stakes", "frame"}
    assert template.render(text, {"stakes": 20, "frame": "gain"}) == "High: $20"
    assert template.render(text, {"stakes": 6, "frame": "gain"}) == "Middle: $6"
    assert template.render(text, {"stakes": 2.5, "frame": "loss"}) == "Low: $2.50"


def test_numbers_are_printed_as_people_write_them() -> None:
    assert template.render("{{ p }} {{ n }} {{ w }}", {"p": 0.1 + 0.2, "n": 50.0, "w": "two"}) == "0.3 50 two"
    assert template.render("{{ p | percent }} {{ n | number }}", {"p": 0.125, "n": 1e6}) == "12.5% 1000000"


@pytest.mark.parametrize(
    ("amount", "money"),
    [
        (2.5, "$2.50"),
        (20, "$20"),
        (20.0, "$20"),
        (346.5, "$346.50"),
        (-5, "-$5"),
        (-0.1, "-$0.10"),
        (0, "$0"),
        (-0.0, "$0"),
        (1500, "$1,500"),
        (0.005, "$0.005"),
        (0.1 + 0.2, "$0.30"),
    ],
)
def test_money(amount: float, money: str) -> None:
    assert format_money(amount) == money


def test_percentages_and_amounts_carry_no_noise() -> None:
    assert [format_percent(i / 10) for i in range(11)] == [f"{10 * i}%" for i in range(11)]
    assert format_amount(-1e-12) == "0"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{ item.p }}", "attribute"),
        ("{{ ''.__class__.__mro__ }}", "attribute"),
        ("{{ item['p'] }}", "reaches into"),
        ("{{ p | attr('real') }}", "filter 'attr'"),
        ("{{ p | upper }}", "filter 'upper'"),
        ("{{ p | money(3) }}", "arguments"),
        ("{{ p() }}", "calls"),
        ("{{ range(10) }}", "calls"),
        ("{{ p + 1 }}", "computes"),
        ("{{ 'a' * 1000000000 }}", "computes"),
        ("{{ p ~ p }}", "may not"),
        ("{{ [p] }}", "may not"),
        ("{{ p if p else 1 }}", "`if` inside"),
        ("{{ p is defined }}", "test"),
        ("{% if 'a' in p %}x{% endif %}", "`in`"),
        ("{% for x in p %}{{ x }}{% endfor %}", "loop"),
        ("{% set x = 1 %}", "sets"),
        ("{% set x %}y{% endset %}", "sets"),
        ("{% macro m() %}{% endmacro %}", "macro"),
        ("{% include 'x' %}", "includes"),
        ("{% import 'x' as x %}", "imports"),
        ("{% from 'x' import y %}", "imports"),
        ("{% extends 'x' %}", "extends"),
        ("{% block x %}{% endblock %}", "block"),
        ("{% filter money %}x{% endfilter %}", "filter block"),
        ("{% with x = 1 %}{% endwith %}", "may not"),
        ("{{ self }}", "reserved name"),
        ("{{ __builtins__ }}", "reserved name"),
        ("{{ p", "line 1"),
        ("a\n{% if p %}b", "line 2"),
        ("{% nonsense %}", "line 1"),
        ("{{ " + "(" * 5000 + "p", "too deep"),
        ("{% if p %}" * 30 + "{% endif %}" * 30, "too deep"),
        ("{% if p %}" + "{% elif p %}" * 600 + "{% endif %}", "intricate"),
        ("x" * 20_001, "characters"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    problems = template.check(text)
    assert problems
    assert any(problem in each for each in problems)
    with pytest.raises(TemplateError):
        template.render(text, {"p": 1, "item": {"p": 1}, "x": 1})


def test_every_problem_is_named_once() -> None:
    problems = template.check("{{ a.b.c() }}\n{{ d.e }}\n{% for x in y %}{{ x.z }}{% endfor %}")
    assert sorted(problems) == [
        "line 1 calls something.",
        "line 2 reaches for an attribute.",
        "line 3 has a loop.",
    ]


def test_an_unknown_name_is_an_error_and_not_an_empty_word() -> None:
    with pytest.raises(TemplateError, match="'stake' is undefined") as caught:
        template.render("{{ stake }}", {"stakes": 1})
    assert "stakes" in str(caught.value)
    with pytest.raises(TemplateError, match="'stake' is undefined"):
        template.render("{{ stake | money }}", {"stakes": 1})
    with pytest.raises(TemplateError, match="'stake' is undefined"):
        template.render("{% if stake %}x{% endif %}", {"stakes": 1})


def test_filters_need_numbers_and_comparisons_need_likes() -> None:
    with pytest.raises(TemplateError, match="needs a number"):
        template.render("{{ p | money }}", {"p": "two"})
    with pytest.raises(TemplateError):
        template.render("{% if p > 1 %}x{% endif %}", {"p": "two"})


def test_output_is_capped() -> None:
    with pytest.raises(TemplateError, match="more than"):
        template.render("{{ p }}" * 100, {"p": "x" * 1000})


def test_variables_are_not_templates() -> None:
    assert template.render("{{ p }}", {"p": "{{ q.r }} {% for %} <b>"}) == "{{ q.r }} {% for %} <b>"


def test_trailing_white_space_is_kept_for_the_checks_to_see() -> None:
    assert template.render("a\n", {}) == "a\n"


_PIECES = [
    "{{",
    "}}",
    "{%",
    "%}",
    " p ",
    "if",
    "endif",
    "|",
    "money",
    ".",
    "[",
    "]",
    "(",
    ")",
    "'",
    "for",
    "in",
    "1",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=20).map(" ".join))
def test_any_mixture_of_symbols_is_rendered_or_refused(text: str) -> None:
    try:
        template.render(text, {"p": 1})
    except TemplateError:
        return
    assert template.check(text) == []
