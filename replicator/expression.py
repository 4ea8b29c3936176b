"""The arithmetic in which specifications, `--where` and `--derive` are written.

An expression is text such as `3.85 * stakes`, `1 - p` or `round == 1 and total == 100`. It is parsed with
Python's own parser and then rebuilt from a whitelist, so nothing is ever handed to `eval`:

    numbers, 'text', True, False, names        x, 2.5, 'gain'
    + - * / ** and unary -                     1 - p
    == != < <= > >=, also chained              0 < p <= 1
    and, or, not, parentheses                  not (p > 0.5)
    min max abs round floor ceil               min(gain, 20), round(x, 2)

Powers are computed in floating point, so that no expression can grow without limit. The same expression
works on single values and, elementwise, on numpy arrays and pandas columns.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from replicator.errors import ReplicatorError

LENGTH_LIMIT = 1_000
"""Characters in one expression."""
DEPTH_LIMIT = 40
"""Nesting of one expression."""
ROUNDING_LIMIT = 10
"""Decimal places that `round` may keep."""

GRAMMAR = "It may use numbers, names, 'text', + - * / **, comparisons, and, or, not, min, max, abs, round, floor, ceil."

_Run = Callable[[Mapping[str, Any]], Any]


class ExpressionError(ReplicatorError):
    """An expression is outside the grammar, or has no value for the variables given (exit code 3)."""

    exit_code = 3


@dataclass(frozen=True)
class Expression:
    """A checked expression, ready to be evaluated any number of times."""

    text: str
    names: frozenset[str] = field(compare=False)
    """Variables that it needs."""
    _run: _Run = field(repr=False, compare=False)

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """Value for these variables: a float, bool or str, or an array where a variable is an array.

        Raises ExpressionError for an unknown name, text used as a number, a division by zero, or a single
        result that is not a finite number.
        """
        try:
            value = self._run(variables)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise ExpressionError(f"{self.text!r} cannot be computed: {_reason(error)}.") from None
        if isinstance(value, float) and not math.isfinite(value):
            raise ExpressionError(f"{self.text!r} is not a finite number here.")
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return parse, (self.text,)


def parse(source: str | float | int) -> Expression:
    """Check an expression; a plain number is one too. Raises ExpressionError."""
    if isinstance(source, bool) or not isinstance(source, str | float | int):
        raise ExpressionError(f"{source!r} is neither a number nor an expression.", remedy=GRAMMAR)
    text = source.strip() if isinstance(source, str) else _number_text(source)
    tree = _tree(text)
    names: set[str] = set()
    try:
        run = _compile(tree, names, 0)
    except ExpressionError as error:
        problem = f"{_excerpt(text)} is not an expression: {error.problem}"
        raise ExpressionError(problem, remedy=error.remedy) from None
    return Expression(text, frozenset(names), run)


# From text to a syntax tree


def _number_text(number: float | int) -> str:
    try:
        if math.isfinite(number):
            return repr(number)
    except OverflowError:
        pass
    raise ExpressionError("a number is infinite or too large.", remedy="Write a finite number.")


def _tree(text: str) -> ast.expr:
    if len(text) > LENGTH_LIMIT:
        raise ExpressionError(f"an expression has {len(text)} characters; at most {LENGTH_LIMIT} are read.")
    if not text:
        raise ExpressionError("an expression is empty.", remedy=GRAMMAR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ExpressionError(f"{_excerpt(text)} is not an expression.", remedy=_advice(text)) from None


def _advice(text: str) -> str:
    if "=" in text and not any(sign in text for sign in ("==", "<=", ">=", "!=")):
        return "Write == for a comparison."
    if "&&" in text or "||" in text:
        return "Write `and` and `or`."
    return GRAMMAR


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


def _reason(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError):
        return "it divides by zero"
    if isinstance(error, OverflowError):
        return "it is too large"
    return str(error).rstrip(".") or type(error).__name__


# From a syntax tree to a function of the variables

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: lambda base, exponent: _real((base * 1.0) ** exponent),
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _compile(node: ast.expr, names: set[str], depth: int) -> _Run:
    if depth > DEPTH_LIMIT:
        raise ExpressionError(f"it is nested more than {DEPTH_LIMIT} deep.")
    match node:
        case ast.Constant(value=value):
            return _constant(value)
        case ast.Name(id=name):
            return _variable(name, names)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            negated = _compile(inner, names, depth + 1)
            return lambda v: -_number(negated(v))
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            denied = _compile(inner, names, depth + 1)
            return lambda v: _not(_condition(denied(v)))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
            apply = _ARITHMETIC[type(sign)]
            a, b = _compile(left, names, depth + 1), _compile(right, names, depth + 1)
            return lambda v: apply(_number(a(v)), _number(b(v)))
        case ast.BoolOp(op=joint, values=parts):
            return _joined(isinstance(joint, ast.And), [_compile(part, names, depth + 1) for part in parts])
        case ast.Compare(left=left, ops=signs, comparators=rest) if _all_known(signs):
            terms = [_compile(term, names, depth + 1) for term in (left, *rest)]
            return _compared([_COMPARISONS[type(s)] for s in signs], terms)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _call(name, arguments, names, depth)
    raise ExpressionError(_refusal(node), remedy=GRAMMAR)


def _all_known(signs: list[ast.cmpop]) -> bool:
    return all(type(sign) in _COMPARISONS for sign in signs)


def _refusal(node: ast.expr) -> str:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return f"{name}() is not a function here."
        case ast.Attribute() | ast.Subscript():
            return "it reaches into a value with . or [ ]."
        case ast.BinOp(op=ast.BitXor()):
            return "^ is not an operator here; a power is written **."
        case ast.BinOp() | ast.UnaryOp() | ast.Compare():
            return "it uses an operator outside the grammar."
    return "it uses something outside the grammar."


def _constant(value: object) -> _Run:
    if isinstance(value, bool | int | float | str):
        if isinstance(value, bool | str):
            return lambda v: value
        _number_text(value)
        return lambda v: value
    raise ExpressionError(f"{value!r} is neither a number nor text.", remedy=GRAMMAR)


def _variable(name: str, names: set[str]) -> _Run:
    names.add(name)  # also "round" or "min": called functions are matched before, and columns may bear such names

    def run(variables: Mapping[str, Any]) -> Any:
        if name not in variables:
            known = ", ".join(sorted(variables)) or "none"
            raise ExpressionError(f"unknown name {name!r}.", remedy=f"Names that may be used: {known}.")
        value = variables[name]
        if isinstance(value, bool | int | float | str) or _is_array(value):
            return value
        raise TypeError(f"{name} is neither a number, a word, nor a column of them")

    return run


def _joined(conjunction: bool, parts: list[_Run]) -> _Run:
    """`and` / `or`: short-circuits on single values, elementwise on arrays."""

    def run(variables: Mapping[str, Any]) -> Any:
        result: Any = conjunction
        for part in parts:
            if not _is_array(result) and bool(result) is not conjunction:
                return result
            value = _condition(part(variables))
            if _is_array(result) or _is_array(value):
                result = result & value if conjunction else result | value
            else:
                result = value
        return result

    return run


def _compared(tests: list[Callable[[Any, Any], Any]], terms: list[_Run]) -> _Run:
    def run(variables: Mapping[str, Any]) -> Any:
        values = [term(variables) for term in terms]
        result: Any = True
        for test, left, right in zip(tests, values, values[1:], strict=False):
            try:
                outcome = test(left, right)
            except TypeError:
                raise TypeError("a number is compared with text") from None
            elementwise = _is_array(outcome) or _is_array(result)
            result = result & outcome if elementwise else bool(result and outcome)
        return result

    return run


# Functions


def _call(name: str, arguments: list[ast.expr], names: set[str], depth: int) -> _Run:
    fewest, most, apply = _FUNCTIONS[name]
    if not fewest <= len(arguments) <= most:
        wanted = "two or more values" if fewest == 2 else "one value"
        raise ExpressionError(f"{name}() takes {wanted}.")
    if name == "round" and len(arguments) == 2:
        return _round(_compile(arguments[0], names, depth + 1), arguments[1])
    parts = [_compile(argument, names, depth + 1) for argument in arguments]
    return lambda v: apply(*(_number(part(v)) for part in parts))


def _round(inner: _Run, places: ast.expr) -> _Run:
    if isinstance(places, ast.Constant) and type(places.value) is int and 0 <= places.value <= ROUNDING_LIMIT:
        digits = places.value
        return lambda v: _rounded(_number(inner(v)), digits)
    raise ExpressionError(f"round() keeps a written number of places from 0 to {ROUNDING_LIMIT}.")


def _rounded(value: Any, digits: int | None = None) -> Any:
    return value.round(digits or 0) if _is_array(value) else round(value, digits)


def _extreme(single: Callable[..., Any], array: str) -> Callable[..., Any]:
    def apply(*values: Any) -> Any:
        if not any(_is_array(value) for value in values):
            return single(values)
        import numpy  # only where a caller has brought arrays

        result = values[0]
        for value in values[1:]:
            result = getattr(numpy, array)(result, value)
        return result

    return apply


def _whole(single: Callable[[Any], int], array: str) -> Callable[[Any], Any]:
    def apply(value: Any) -> Any:
        if not _is_array(value):
            return single(value)
        import numpy

        return getattr(numpy, array)(value)

    return apply


_FUNCTIONS: dict[str, tuple[int, float, Callable[..., Any]]] = {
    "min": (2, math.inf, _extreme(min, "minimum")),
    "max": (2, math.inf, _extreme(max, "maximum")),
    "abs": (1, 1, abs),
    "round": (1, 2, _rounded),
    "floor": (1, 1, _whole(math.floor, "floor")),
    "ceil": (1, 1, _whole(math.ceil, "ceil")),
}
FUNCTIONS = frozenset(_FUNCTIONS)
"""Names that are functions, and so cannot be variables."""


# Values


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and not isinstance(value, float)


def _number(value: Any) -> Any:
    """The value if it is a number (or a column of numbers); text never takes part in arithmetic."""
    if isinstance(value, bool | int | float) or (_is_array(value) and value.dtype.kind in "biuf"):
        return value
    raise TypeError("text is used as a number")


def _condition(value: Any) -> Any:
    if isinstance(value, bool) or (_is_array(value) and value.dtype.kind == "b"):
        return value
    raise TypeError("and, or, not join comparisons, not numbers or text")


def _not(value: Any) -> Any:
    return ~value if _is_array(value) else not value


def _real(value: Any) -> Any:
    if isinstance(value, complex):
        raise ValueError("a negative number is raised to a fraction")
    return value
