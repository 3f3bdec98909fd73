"""Formulas are exact, bounded, and run nothing."""

from fractions import Fraction
from random import Random

import pytest

from quizzes.errors import BrokenExpression
from quizzes.expressions import (
    Parameter,
    check_braces,
    draw,
    evaluate,
    fill,
    literal,
    number_of,
)

VALUES = {
    "n": Fraction(100),
    "b": Fraction(16),
    "m.layers": Fraction(32),
    "m.name": "X",
}


@pytest.mark.parametrize(
    ("formula", "value"),
    [("ceil(n / b)", 7), ("ceil(n / b) * b - n", 12), ("0.1 + 0.2", Fraction(3, 10)),
     ("-n // 3", -34), ("n % b", 4), ("2 ** 10", 1024), ("m.layers * 2", 64),
     ("max(n, b, 3)", 100), ("min(n, b)", 16), ("abs(-2.5)", Fraction(5, 2)),
     ("round(2.567, 1)", Fraction(13, 5)), ("floor(2.9)", 2), ("sqrt(16)", 4),
     ("1_000", 1000), ("2 ** -2", Fraction(1, 4))],
)  # fmt: skip
def test_a_formula_has_its_exact_value(formula, value) -> None:
    assert evaluate(formula, VALUES) == value


@pytest.mark.parametrize(
    "formula",
    ["__import__('os')", "n.__class__", "(1).real", "[1]", "'a'", "True", "None",
     "lambda: 1", "1 if 1 else 2", "x := 1", "n if", "", "unknown", "m.name", "1 / 0",
     "9 ** 9 ** 9", "2 ** 300", "exp(1e9)", "log(0)", "sqrt(-1)", "f(1)", "max()",
     "round(1, 2, 3)", "round(1, n=2)", "1j", "0x10", "1e99999999", "n[0]", "n < 1",
     "1+" * 150 + "1", "-" * 50 + "1", "9" * 41, "@", "\x00",
     "abs(*[1])", "n ** n ** n", "((9**99)**9)**9", "print(1)", "exec('1')", "1" * 401],
)  # fmt: skip
def test_what_is_no_formula_says_so_and_runs_nothing(formula) -> None:
    with pytest.raises(BrokenExpression) as refusal:
        evaluate(formula, VALUES)
    assert refusal.value.reason


def test_made_up_formulas_end_in_a_number_or_a_sentence() -> None:
    random = Random(1)
    pieces = [
        "n",
        "b",
        "1",
        "2.5",
        "+",
        "-",
        "*",
        "/",
        "**",
        "(",
        ")",
        "ceil",
        ",",
        "%",
    ]
    for _ in range(5_000):
        formula = " ".join(random.choices(pieces, k=random.randint(1, 12)))
        try:
            assert isinstance(evaluate(formula, VALUES), Fraction)
        except BrokenExpression as refusal:
            assert refusal.reason


def test_the_same_seed_draws_the_same_values_and_others_differ() -> None:
    parameters = {
        "n": Parameter(Fraction(1), Fraction(1000)),
        "h": Parameter(Fraction(0), Fraction(1), Fraction(1, 10)),
        "m": Parameter(rows=({"name": "A"}, {"name": "B"})),
    }
    assert draw(parameters, 5) == draw(parameters, 5)
    drawn = [draw(parameters, seed) for seed in range(200)]
    assert len({values["n"] for values in drawn}) > 100
    assert {values["m.name"] for values in drawn} == {"A", "B"}
    assert {values["h"] for values in drawn} == {Fraction(i, 10) for i in range(11)}
    alone = draw({"n": parameters["n"]}, 5)
    assert alone["n"] == draw(parameters, 5)["n"]


def test_texts_are_filled_with_words_and_numbers() -> None:
    text = "{m.name}: {n * b} in {n / b:2}, {n / b}, {n / 3}"
    assert fill(text, VALUES) == "X: 1,600 in 6.25, 6.25, 33.3333"
    for bad in ("{n:x}", "{nobody}", "{}"):
        with pytest.raises(BrokenExpression):
            fill(bad, VALUES)


@pytest.mark.parametrize(
    "value", [True, None, [], "x", "1/2", "nan", "1e999", "9" * 50]
)
def test_only_numbers_are_numbers(value) -> None:
    with pytest.raises(BrokenExpression):
        number_of(value)
    assert number_of(0.955) == Fraction(955, 1000)


@pytest.mark.parametrize(
    "text",
    ["{1, 2}", "{}", "x^{2}", "\\frac{a}{b}", "{{x}}", "}{", "{ {n} }", "{value a b}",
     "int main() { return {}; }", "{n", "n}"],
)  # fmt: skip
def test_doubled_braces_stand_for_themselves(text: str) -> None:
    written = literal(text)
    check_braces(written)
    assert fill(written, {"n": Fraction(5)}) == text
    assert fill(f"{written}{{n}}", {"n": Fraction(5)}) == f"{text}5"


@pytest.mark.parametrize("text", ["{n", "n}", "{{n}", "{n}}", "{n} } {n}"])
def test_a_brace_alone_is_named(text: str) -> None:
    with pytest.raises(BrokenExpression, match="stands alone"):
        check_braces(text)
