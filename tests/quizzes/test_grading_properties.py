"""Grading under generated keys and answers: nothing raises, nothing wrong is right."""

import math
import string
from collections.abc import Iterator
from fractions import Fraction
from random import Random

import pytest

from quizzes.form_fields import Submitted
from quizzes.grading import (
    ChoiceKey,
    Key,
    MatchKey,
    MeasuredKey,
    NumericKey,
    OrderKey,
    Outcome,
    TextKey,
    grade,
    grade_given,
)
from quizzes.units import UNITS

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


def test_what_is_kept_of_an_answer_earns_what_the_form_earned() -> None:
    random = Random(6)
    for _ in range(NUM_CASES // 10):
        for key in keys(random):
            for sent in (right_answer(key), disturbed(random, right_answer(key))):
                found = grade(key, sent)
                if found.given is not None:
                    assert grade_given(key, found.given) == found
