"""Grading is pure and total: whatever a form sends, and never right when it is not."""

import math
import string
from collections.abc import Iterator
from fractions import Fraction
from random import Random

import pytest

from quizzes.grading import (
    UNITS,
    ChoiceKey,
    Grade,
    Key,
    MatchKey,
    MeasuredKey,
    NumericKey,
    OrderKey,
    Outcome,
    Submitted,
    TextKey,
    folded,
    grade,
    marks,
    number_in,
    predictions,
)

NUM_CASES = 3_000
ODD = [
    "", " ", "nan", "NaN", "inf", "-inf", "Infinity", "1e400", "1e99", "-0", "+", "-",
    ".", ",", "1,5", "1,45", "1..2", "1 2", "0x10", "１２", "١٢", "²", "½", "1_000",
    "12 parsecs", "12 GiB GiB", "$ 5 $", "1e", "e5", "\x00", "\ud800", "a\u0301",
    "\u200b12", "12\u200b", "a" * 1_000_000, "9" * 1_000_000, "true", "None", "[]",
    "12;drop", "1/2", "−5", "--5", "1,2345", "1 2345", "1.5.5",
]  # fmt: skip


def keys(random: Random) -> Iterator[Key]:
    """One key of each kind with made-up contents."""
    letters = random.sample(string.ascii_lowercase, 5)
    rights = set(random.sample(letters, random.randint(1, 3)))
    yield ChoiceKey({letter: letter == letters[0] for letter in letters})
    yield ChoiceKey({letter: letter in rights for letter in letters}, True)
    value = Fraction(random.randint(-5000, 5000), random.choice([1, 2, 10, 1000]))
    tolerance = Fraction(random.choice([0, 0, 1]), 10)
    yield NumericKey(value, tolerance, random.choice(list(UNITS)))
    yield OrderKey(tuple(letters))
    names = ["a", "b", "c"]
    yield MatchKey({n: random.choice(letters) for n in names}, frozenset(letters))
    yield TextKey(("prefix cache", "KV cache"))
    yield MeasuredKey({"n": NumericKey(value), "m": NumericKey(Fraction(3))})


def fields_of(key: Key) -> list[str]:
    match key:
        case ChoiceKey():
            return ["choice"]
        case NumericKey():
            return ["value"]
        case OrderKey():
            return [f"place-{item}" for item in key.order]
        case MatchKey():
            return [f"match-{left}" for left in key.pairs]
        case TextKey():
            return ["text"]
    return [f"ask-{name}" for name in key.asks]


def right_answer(key: Key) -> dict[str, list[str]]:
    """What to send to be right."""
    match key:
        case ChoiceKey():
            return {"choice": [o for o, is_right in key.options.items() if is_right]}
        case NumericKey():
            return {"value": [str(float(key.value))]}
        case OrderKey():
            return {f"place-{item}": [str(n)] for n, item in enumerate(key.order, 1)}
        case MatchKey():
            return {f"match-{left}": [right] for left, right in key.pairs.items()}
        case TextKey():
            return {"text": [key.accepted[0]]}
    return {f"ask-{n}": [str(float(a.value))] for n, a in key.asks.items()}


def disturbed(random: Random, fields: dict[str, list[str]]) -> dict[str, list[str]]:
    """The fields with some missing, doubled, swapped, odd, or extra."""
    found = {name: list(values) for name, values in fields.items()}
    for _ in range(random.randint(1, 3)):
        name = random.choice([*fields, "extra", "value", "choice"])
        change = random.randrange(5)
        if change == 0:
            found.pop(name, None)
        elif change == 1:
            found[name] = [random.choice(ODD)]
        elif change == 2:
            found[name] = [*found.get(name, ["x"]), random.choice(ODD[:30])]
        elif change == 3:
            found[name] = []
        else:
            found[name] = [random.choice("abcdefghijklmnopqrstuvwxyz0123456789")]
    return found


def is_truly_right(key: Key, sent: Submitted) -> bool:
    """An oracle of its own: compares what was sent with the key by other means."""
    values = {name: list(sent.get(name, [])) for name in fields_of(key)}
    match key:
        case ChoiceKey():
            wanted = sorted(o for o, is_right in key.options.items() if is_right)
            return sorted(values["choice"]) == wanted
        case OrderKey() | MatchKey():
            return values == right_answer(key)
        case TextKey():
            texts = values["text"]
            said = " ".join(texts[0].lower().split()).rstrip(". ") if texts else ""
            return len(texts) == 1 and said in ("prefix cache", "kv cache")
        case NumericKey():
            return _is_number(values["value"], key)
    return all(_is_number(values[f"ask-{n}"], ask) for n, ask in key.asks.items())


def _is_number(texts: list[str], key: NumericKey) -> bool:
    if len(texts) != 1 or len(texts[0]) > 64:
        return False
    try:
        number = float(texts[0].replace("−", "-"))
    except ValueError:
        return False
    is_close = abs(number - float(key.value)) <= float(key.tolerance) + 1e-9
    return math.isfinite(number) and is_close


def test_a_right_answer_is_right_and_earns_all() -> None:
    random = Random(1)
    for _ in range(NUM_CASES // 10):
        for key in keys(random):
            found = grade(key, right_answer(key))
            assert (found.outcome, found.score) == (Outcome.RIGHT, 1), key
            assert found.given is not None and found.sentence == ""


def test_nothing_raises_and_nothing_wrong_is_right() -> None:
    random = Random(2)
    for _ in range(NUM_CASES):
        for key in keys(random):
            sent = disturbed(random, right_answer(key))
            found = grade(key, sent)
            assert 0 <= found.score <= 1
            assert (found.outcome is Outcome.RIGHT) == (found.score == 1)
            if found.outcome is Outcome.RIGHT:
                assert is_truly_right(key, sent), (key, sent)
            if found.outcome is Outcome.UNREADABLE:
                assert found.sentence and found.given is None and found.score == 0


@pytest.mark.parametrize("odd", ODD)
def test_odd_text_in_every_field_is_never_right(odd: str) -> None:
    for key in keys(Random(3)):
        if isinstance(key, NumericKey):
            key = NumericKey(Fraction(777), unit=key.unit)
        assert grade(key, {name: [odd] for name in fields_of(key)}).score < 1


def test_nothing_at_all_and_too_much_are_unreadable() -> None:
    for key in keys(Random(4)):
        assert grade(key, {}).outcome is Outcome.UNREADABLE
        doubled = {name: [*v, *v] for name, v in right_answer(key).items()}
        assert grade(key, doubled).outcome is Outcome.UNREADABLE


def test_fields_that_do_not_belong_change_nothing() -> None:
    for key in keys(Random(5)):
        sent = {**right_answer(key), "score": ["1"], "seed": ["5"], "is_right": ["1"]}
        assert grade(key, sent) == grade(key, right_answer(key))


CHOICES = {"a": True, "b": True, "c": False, "d": False}


@pytest.mark.parametrize(
    ("chosen", "score"),
    [("ab", 1), ("a", Fraction(1, 2)), ("abc", Fraction(1, 2)), ("ac", 0), ("c", 0),
     ("abcd", 0), ("cd", 0)],
)  # fmt: skip
def test_a_wrong_choice_takes_away_what_a_right_one_earns(chosen, score) -> None:
    found = grade(ChoiceKey(CHOICES, True), {"choice": list(chosen)})
    assert found.score == score
    assert found.right_parts == set(chosen) & {"a", "b"}
    assert found.given == dict.fromkeys(chosen, "chosen")


def test_one_of_two_choices_where_one_is_asked_is_unreadable() -> None:
    key = ChoiceKey({"a": True, "b": False})
    assert grade(key, {"choice": ["a", "b"]}).sentence == "Choose one answer only."
    assert grade(key, {"choice": ["z"]}).sentence == (
        "Choose from the answers on the page."
    )
    assert grade(key, {"choice": ["b"]}) == Grade(
        Outcome.WRONG, Fraction(0), {"b": "chosen"}
    )
    assert grade(ChoiceKey({"a": False}), {"choice": ["a"]}).score == 0


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("12", "", 12), (" 12 ", "", 12), ("+12", "", 12), ("-12", "", -12),
        ("−12", "", -12), ("1,456", "", 1456), ("1 456", "", 1456),
        ("1\u202f456\u202f000", "", 1_456_000), ("0.5", "", Fraction(1, 2)),
        (".5", "", Fraction(1, 2)), ("1e3", "", 1000), ("1.5e-2", "", Fraction(3, 200)),
        ("1E+2", "", 100), ("1.5 GiB", "MiB", 1536), ("1,000 MB", "GB", 1),
        ("1 KiB", "B", 1024), ("2 bytes", "bytes", 2), ("90 s", "min", Fraction(3, 2)),
        ("500 ms", "s", Fraction(1, 2)), ("2 h", "minutes", 120), ("64%", "%", 64),
        ("$3.99", "$", Fraction(399, 100)), ("$ 3.99", "USD", Fraction(399, 100)),
        ("3 USD", "$", 3), ("12 blocks", "blocks", 12), ("1 block", "blocks", 1),
        ("7 tokens", "tokens", 7), ("4 users", "users", 4),
        ("9 tokens/s", "tokens/s", 9),
        ("1 TB", "GB", 1000), ("1 TiB", "GiB", 1024), ("1 kB", "B", 1000),
        ("1 KB", "B", 1000), ("5 requests", "requests", 5), ("60 seconds", "min", 1),
    ],
)  # fmt: skip
def test_numbers_are_read_with_their_units(text, unit, number) -> None:
    assert number_in(text, unit) == number


@pytest.mark.parametrize(
    ("text", "unit", "says"),
    [
        ("", "", "Write a number."), ("5 s", "GiB", "not s"), ("5 GiB", "", "alone"),
        ("5 gib", "GiB", "not gib"), ("$5", "s", "not $"), ("$5 USD", "$", "once"),
        ("1,5", "", "one number"), ("12 13", "", "one number"), ("x", "", "one number"),
        ("1" * 65, "", "at most 64"), ("1e100", "", "one number"),
        ("%", "%", "one num"),
        ("$", "$", "one number"), ("5 tokens", "blocks", "is one of block, blocks"),
    ],
)  # fmt: skip
def test_what_is_no_number_says_why(text, unit, says) -> None:
    answer = number_in(text, unit)
    assert isinstance(answer, str) and says in answer


def test_the_longest_number_is_still_read() -> None:
    assert number_in("1" * 64, "") == Fraction(int("1" * 64))


def test_the_tolerance_counts_to_its_edge_and_not_beyond() -> None:
    key = NumericKey(Fraction(100), Fraction(1, 10), "%")
    for text, outcome in [
        ("100.1", Outcome.RIGHT), ("99.9 %", Outcome.RIGHT), ("100.11", Outcome.WRONG),
        ("99.89", Outcome.WRONG), ("-100", Outcome.WRONG),
    ]:  # fmt: skip
        found = grade(key, {"value": [text]})
        assert found.outcome is outcome
        assert found.given == {"value": text}
        assert found.right_parts == ({"value"} if outcome is Outcome.RIGHT else set())


def test_every_place_is_used_once() -> None:
    key = OrderKey(("b", "a", "c"))
    sent = {"place-b": ["1"], "place-a": ["3"], "place-c": ["2"]}
    found = grade(key, sent)
    assert (found.outcome, found.score) == (Outcome.PARTLY, Fraction(1, 3))
    assert found.right_parts == {"b"}
    assert found.given == {"b": "1", "a": "3", "c": "2"}
    assert "from 1 to 3" in grade(key, {**sent, "place-c": ["3"]}).sentence
    assert "a place" in grade(key, {"place-b": ["1"]}).sentence
    assert "from 1 to 3" in grade(key, {**sent, "place-c": ["4"]}).sentence
    assert grade(OrderKey(()), {}).score == 0


def test_every_line_has_one_partner_that_is_on_the_page() -> None:
    key = MatchKey({"a": "x", "b": "x", "c": "y"}, frozenset("xyz"))
    sent = {"match-a": ["x"], "match-b": ["z"], "match-c": ["y"]}
    found = grade(key, sent)
    assert (found.score, found.right_parts) == (Fraction(2, 3), {"a", "c"})
    assert found.given == {"a": "x", "b": "z", "c": "y"}
    for bad in (["q"], [], ["x", "y"]):
        assert "partner" in grade(key, {**sent, "match-b": bad}).sentence


@pytest.mark.parametrize(
    ("text", "is_right"),
    [("Prefix  Cache.", True), ("prefix cache", True), ("PREFIX CACHE . ", True),
     ("prefix-cache", False), ("рrefix cache", False), ("prefix\u200b cache", False),
     ("prefix cache..", False), ("ｐrefix cache", False), ("kv cache", True)],
)  # fmt: skip
def test_texts_are_compared_apart_from_case_and_spaces(text, is_right) -> None:
    found = grade(TextKey(("prefix cache", "KV cache")), {"text": [text]})
    assert (found.score == 1) == is_right
    assert found.given == {"text": text.strip()}
    assert found.right_parts == ({"text"} if is_right else set())


def test_a_text_is_short_and_on_one_line() -> None:
    key = TextKey(("a",))
    assert "at most 200" in grade(key, {"text": ["a" * 201]}).sentence
    assert grade(key, {"text": ["b" * 200]}).outcome is Outcome.WRONG
    for text in ("a\n", "a\x00", "a\ud800"):
        assert "one line" in grade(key, {"text": [text]}).sentence
    assert "first" in grade(key, {"text": ["  "]}).sentence
    assert folded("It\u2019s") == folded("it's")
    assert folded("e\u0301") == folded("\u00e9")


def test_each_prediction_counts_for_itself() -> None:
    key = MeasuredKey(
        {"n": NumericKey(Fraction(9), unit="blocks"), "t": NumericKey(Fraction(288))}
    )
    found = grade(key, {"ask-n": ["9 blocks"], "ask-t": [" 296 "]})
    assert (found.score, found.right_parts) == (Fraction(1, 2), {"n"})
    assert found.given == {"n": "9 blocks", "t": "296"}
    assert "every box" in grade(key, {"ask-n": ["9"]}).sentence
    assert "one number" in grade(key, {"ask-n": ["x"], "ask-t": ["1"]}).sentence
    assert predictions({"n": "MiB"}, {"ask-n": ["1 GiB"]}) == {"n": 1024}
    assert grade(MeasuredKey({}), {}).score == 0


@pytest.mark.parametrize(
    ("score", "certainty", "earned"),
    [(1, 1, 1), (1, 2, 2), (1, 3, 3), (0, 1, 0), (0, 2, -2), (0, 3, -6),
     (1, None, 1), (0, None, 0), (Fraction(1, 2), 3, Fraction(-3, 2)), (1, 4, 1),
     (Fraction(1, 2), 2, 0), (Fraction(1, 2), None, Fraction(1, 2)), (1, 0, 1)],
)  # fmt: skip
def test_certainty_raises_the_stakes(score, certainty, earned) -> None:
    assert marks(Fraction(score), certainty) == earned
