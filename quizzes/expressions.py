"""Formulas and parameters of questions: exact, bounded, and never ``eval``.

A formula is read with ``ast`` and computed node by node from a short list; every
number is a Fraction, so ceil(n / b) is exact. A parameter is drawn from a seed: the
same seed and the same name always give the same value.
"""

import ast
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

from quizzes.errors import BrokenExpression

MAX_CHARS = 400
MAX_NODES = 120
MAX_DEPTH = 40
MAX_BITS = 4_096
"""Size of a numerator or denominator anywhere on the way."""
MAX_EXPONENT = 256
DECIMAL = re.compile(r"-?[0-9_]*[0-9](\.[0-9]+)?([eE][+-]?[0-9]{1,2})?")
PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
"""A formula inside a text, "{ceil(n / b)}" or with decimals "{n / b:2}"; "{{" and "}}"
are the braces themselves."""

Values = Mapping[str, Fraction | str]
"""Drawn values by name; fields of a drawn row as "name.field"."""


def _approximate(function: Callable[[float], float]) -> Callable[..., Fraction]:
    """A function that has no exact value, by its nearest double."""
    return lambda x: Fraction(function(float(x)))


FUNCTIONS: dict[str, Callable[..., Fraction]] = {
    "abs": abs,
    "ceil": lambda x: Fraction(math.ceil(x)),
    "exp": _approximate(math.exp),
    "floor": lambda x: Fraction(math.floor(x)),
    "log": _approximate(math.log),
    "max": max,
    "min": min,
    "round": lambda x, digits=Fraction(0): Fraction(round(x, int(digits))),
    "sqrt": _approximate(math.sqrt),
}
OPERATORS: dict[type[ast.AST], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: Fraction(a // b),
    ast.Mod: lambda a, b: a % b,
    ast.Pow: lambda a, b: _power(a, b),
}


def evaluate(formula: str, values: Values) -> Fraction:
    """The formula's value; raises BrokenExpression with a sentence."""
    if len(formula) > MAX_CHARS:
        raise BrokenExpression(
            f"a formula has {len(formula):,} characters: at most {MAX_CHARS}."
        )
    try:
        tree = ast.parse(formula.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise BrokenExpression(f"{_short(formula)} is not a formula.") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise BrokenExpression(f"{_short(formula)} has more than {MAX_NODES} parts.")
    try:
        return _Reader(formula.strip(), values).value(tree.body, 0)
    except ZeroDivisionError:
        raise BrokenExpression(f"{_short(formula)} divides by zero.") from None
    except (OverflowError, ValueError, TypeError):
        raise BrokenExpression(f"{_short(formula)} has no finite value.") from None


class _Reader:
    """Computes one formula."""

    def __init__(self, formula: str, values: Values) -> None:
        self._formula = formula
        self._values = values

    def value(self, node: ast.AST, depth: int) -> Fraction:
        """The value of a node, within the bounds."""
        if depth > MAX_DEPTH:
            raise BrokenExpression("a formula is nested too deeply.")
        number = self._value(node, depth + 1)
        size = max(number.numerator.bit_length(), number.denominator.bit_length())
        if size > MAX_BITS:
            raise BrokenExpression("a formula's value grows too large.")
        return number

    def _value(self, node: ast.AST, depth: int) -> Fraction:
        match node:
            case ast.Constant(value=bool()):
                raise BrokenExpression("a formula has no true or false.")
            case ast.Constant(value=int() | float()):
                return self._constant(node)
            case ast.Name(id=name):
                return self._named(name)
            case ast.Attribute(value=ast.Name(id=row), attr=field):
                return self._named(f"{row}.{field}")
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.value(operand, depth)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                operator = OPERATORS[type(op)]
                return operator(self.value(left, depth), self.value(right, depth))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments, depth)
        raise BrokenExpression(
            f"{type(node).__name__} is not allowed in a formula: numbers, names, "
            f"+ - * / // % ** and {', '.join(FUNCTIONS)} are."
        )

    def _constant(self, node: ast.Constant) -> Fraction:
        written = ast.get_source_segment(self._formula, node) or str(node.value)
        return _exact(written)

    def _named(self, name: str) -> Fraction:
        value = self._values.get(name)
        if isinstance(value, Fraction):
            return value
        if value is None:
            known = ", ".join(sorted(self._values)) or "none"
            raise BrokenExpression(
                f"there is no parameter {name!r}: known are {known}."
            )
        raise BrokenExpression(f"{name!r} is a word, not a number.")

    def _call(self, name: str, arguments: list[ast.expr], depth: int) -> Fraction:
        if name not in FUNCTIONS:
            raise BrokenExpression(
                f"there is no function {name!r}: known are {', '.join(FUNCTIONS)}."
            )
        return Fraction(FUNCTIONS[name](*[self.value(a, depth) for a in arguments]))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > MAX_EXPONENT:
        raise BrokenExpression(
            f"an exponent is a whole number of at most {MAX_EXPONENT}."
        )
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if size * abs(exponent) > MAX_BITS:
        raise BrokenExpression("a formula's value grows too large.")
    return Fraction(base ** int(exponent))


def _short(formula: str) -> str:
    return repr(formula if len(formula) <= 40 else formula[:39] + "…")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a value is drawn from: whole steps of a range, or a list."""

    first: Fraction = Fraction(0)
    last: Fraction = Fraction(0)
    step: Fraction = Fraction(1)
    rows: tuple[Mapping[str, Fraction | str], ...] = ()
    """Drawn instead of the range where there are any; "" is the field of a plain
    value."""

    def draw(self, random: Random) -> Mapping[str, Fraction | str]:
        """The drawn value's fields."""
        if self.rows:
            return self.rows[random.randrange(len(self.rows))]
        num_steps = int((self.last - self.first) / self.step)
        return {"": self.first + self.step * random.randrange(num_steps + 1)}


def draw(parameters: Mapping[str, Parameter], seed: int) -> dict[str, Fraction | str]:
    """One value for each parameter; the same seed gives the same values."""
    values: dict[str, Fraction | str] = {}
    for name, parameter in parameters.items():
        for field, value in parameter.draw(Random(f"{seed}:{name}")).items():
            values[f"{name}.{field}" if field else name] = value
    return values


def fill(text: str, values: Values) -> str:
    """``text`` with its formulas replaced by their values, and ``{{`` by ``{``."""
    return PLACE.sub(
        lambda match: match[0][0] if match[1] is None else _filled(match[1], values),
        text,
    )


def literal(text: str) -> str:
    """``text`` so that fill() gives it back: every brace is doubled."""
    return text.replace("{", "{{").replace("}", "}}")


def check_braces(text: str) -> None:
    """Raises BrokenExpression for a brace that belongs to no formula."""
    rest = PLACE.sub("", text)
    for brace in "{}":
        if brace in rest:
            raise BrokenExpression(
                f"a {brace} stands alone in {_short(text)}: a brace itself is "
                f"written {brace}{brace}."
            )


def _filled(place: str, values: Values) -> str:
    formula, colon, decimals = place.rpartition(":")
    if not colon:
        formula, decimals = place, ""
    word = values.get(formula.strip())
    if isinstance(word, str):
        return word
    if decimals and not decimals.strip().isdecimal():
        raise BrokenExpression(f"{place!r}: after the colon stands how many decimals.")
    number = evaluate(formula, values)
    return written(number, int(decimals) if decimals else None)


def written(number: Fraction, decimals: int | None = None) -> str:
    """A number as prose has it: 1,456 or 0.955; six digits where it does not end."""
    if decimals is not None:
        return _rounded(number, min(decimals, 9))
    if number.denominator == 1:
        return f"{number.numerator:,}"
    return f"{float(number):,.6g}"


def _rounded(number: Fraction, decimals: int) -> str:
    """Halves away from zero, as people round: 0.625 is 0.63."""
    units = math.floor(abs(number) * 10**decimals + Fraction(1, 2))
    whole, rest = divmod(units, 10**decimals)
    sign = "-" if number < 0 and units else ""
    return f"{sign}{whole:,}" + (f".{rest:0{decimals}}" if decimals else "")


def number_of(value: Any) -> Fraction:
    """A number of YAML or JSON, exactly as it was written; raises BrokenExpression."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BrokenExpression(f"{value!r} is not a number.")
    return _exact(str(value))


def _exact(written: str) -> Fraction:
    """The number as it is written. Its size is bounded before anything is computed."""
    if len(written) > 40 or not DECIMAL.fullmatch(written):
        raise BrokenExpression(f"{_short(written)} is not a number.")
    return Fraction(written.replace("_", ""))
