"""The templates in which prompts are written: Jinja2, cut down to filling in and choosing words.

Allowed: text, `{{ name }}`, `{{ name | money }}`, `{% if ... %} {% elif ... %} {% else %} {% endif %}` with
comparisons, `and`, `or`, `not` and constants. Refused: loops, calls, arithmetic, attributes, subscripts,
assignments, macros, includes. A specification can neither compute nor reach anything that it was not handed.

Filters: `money` (2.5 -> "$2.50"), `percent` (0.1 -> "10%"), `number` (50.0 -> "50").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, Undefined, nodes
from jinja2.exceptions import SecurityError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from replicator.amounts import format_amount, format_money, format_percent
from replicator.errors import ReplicatorError

LENGTH_LIMIT = 20_000
"""Characters of a template, and of what it renders to."""
NODE_LIMIT = 1_000
DEPTH_LIMIT = 20

ALLOWED = "Templates may use {{ name }}, {{ name | filter }} and {% if %} with comparisons."


class TemplateError(ReplicatorError):
    """A template is outside the language, or cannot be filled in (exit code 3)."""

    exit_code = 3


def check(text: str) -> list[str]:
    """What is wrong with a template, in words; empty if nothing is."""
    try:
        tree = _parse(text)
    except TemplateError as error:
        return [error.problem]
    return _refusals(tree)


def names(text: str) -> frozenset[str]:
    """Variables that a template refers to. Raises TemplateError for one that cannot be read."""
    return frozenset(node.name for node in _parse(text).find_all(nodes.Name))


def render(text: str, variables: Mapping[str, Any]) -> str:
    """The template filled in. Raises TemplateError where it is refused, lacks a name or grows too long."""
    try:
        result = _compiled(text).render(dict(variables))
    except UndefinedError as error:
        known = ", ".join(sorted(variables)) or "none"
        raise TemplateError(f"{_sentence(error)}", remedy=f"Names that may be used: {known}.") from None
    except (SecurityError, TypeError, ValueError, ArithmeticError) as error:
        raise TemplateError(f"a template cannot be filled in: {_sentence(error)}") from None
    if len(result) > LENGTH_LIMIT:
        raise TemplateError(f"a template renders to {len(result)} characters, more than {LENGTH_LIMIT}.")
    return result


# The environment


def _filter(name: str, format_number: Callable[[float], str]) -> Callable[[Any], str]:
    def apply(value: Any) -> str:
        if isinstance(value, Undefined):
            str(value)  # raises, naming the variable
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise TypeError(f"the filter {name!r} needs a number")
        return format_number(value)

    return apply


def _plain(value: Any) -> Any:
    """Numbers print without floating-point noise, 0.1 + 0.2 as 0.3."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return format_amount(value)
    return value


_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, finalize=_plain
)
_ENVIRONMENT.globals = {}
_ENVIRONMENT.tests = {}
_ENVIRONMENT.filters = {
    "money": _filter("money", format_money),
    "percent": _filter("percent", format_percent),
    "number": _filter("number", format_amount),
}
FILTERS = frozenset(_ENVIRONMENT.filters)


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Template:
    problems = check(text)
    if problems:
        raise TemplateError(problems[0], remedy=ALLOWED)
    return _ENVIRONMENT.from_string(text)


@lru_cache(maxsize=1024)
def _parse(text: str) -> nodes.Template:
    if len(text) > LENGTH_LIMIT:
        raise TemplateError(f"a template has {len(text)} characters; at most {LENGTH_LIMIT} are allowed.")
    try:
        return _ENVIRONMENT.parse(text)
    except TemplateSyntaxError as error:
        raise TemplateError(f"line {error.lineno} cannot be read: {_sentence(error)}") from None
    except (RecursionError, MemoryError):
        raise TemplateError("a template is nested too deep.") from None


def _sentence(error: Exception) -> str:
    return str(error).rstrip(".") + "."


# The whitelist

_ALLOWED_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.Name, nodes.Const, nodes.Operand,
    nodes.Compare, nodes.And, nodes.Or, nodes.Not, nodes.Filter,
)  # fmt: skip
_COMPARISONS = {"eq", "ne", "lt", "lteq", "gt", "gteq"}
_SPECIAL_NAMES = {"self", "super", "caller", "loop", "varargs", "kwargs"}
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Getattr: "reaches for an attribute",
    nodes.Getitem: "reaches into a value with [ ]",
    nodes.Call: "calls something",
    nodes.For: "has a loop",
    nodes.Assign: "sets a variable",
    nodes.AssignBlock: "sets a variable",
    nodes.Macro: "defines a macro",
    nodes.CallBlock: "calls a macro",
    nodes.FilterBlock: "has a filter block",
    nodes.Include: "includes a file",
    nodes.Import: "imports a file",
    nodes.FromImport: "imports a file",
    nodes.Extends: "extends a file",
    nodes.Block: "has a block",
    nodes.Test: "has a test with `is`",
    nodes.CondExpr: "has an `if` inside {{ }}",
    nodes.Neg: "computes",
    nodes.BinExpr: "computes",
}


def _refusals(tree: nodes.Template) -> list[str]:
    problems: list[str] = []
    for count, (node, depth) in enumerate(_walk(tree)):
        if count > NODE_LIMIT or depth > DEPTH_LIMIT:
            return [*problems, f"line {node.lineno} is nested too deep, or the template is too intricate."]
        problem = _refusal(node)
        if problem:
            problems.append(f"line {node.lineno} {problem}.")
    return list(dict.fromkeys(problems))


def _walk(tree: nodes.Node) -> Iterator[tuple[nodes.Node, int]]:
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        # Nothing below a refused node: `a.b.c()` is one fault, not three.
        if _refusal(node) is None:
            waiting.extend((child, depth + 1) for child in node.iter_child_nodes())


def _refusal(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Filter):
        if node.name not in FILTERS:
            return f"uses the filter {node.name!r}; the filters are {', '.join(sorted(FILTERS))}"
        if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs or node.node is None:
            return f"hands arguments to the filter {node.name!r}"
        return None
    if isinstance(node, nodes.Operand) and node.op not in _COMPARISONS:
        return "uses `in`"
    if isinstance(node, nodes.Name) and (node.name.startswith("_") or node.name in _SPECIAL_NAMES):
        return f"uses the reserved name {node.name!r}"
    if isinstance(node, _ALLOWED_NODES):
        return None
    for refused, problem in _REFUSED.items():
        if isinstance(node, refused):
            return problem
    return f"uses {type(node).__name__.lower()}, which templates may not"
