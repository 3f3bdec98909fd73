"""Grading case by case: each kind of question, its edges, and its sentences."""

from fractions import Fraction

import pytest

from quizzes.grading import (
    ChoiceKey,
    Grade,
    MatchKey,
    MeasuredKey,
    NumericKey,
    OrderKey,
    Outcome,
    TextKey,
    grade,
    marks,
    read_predictions,
)
from quizzes.near_misses import near_miss
from quizzes.spelling import folded
from quizzes.units import UNITS, number_in

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
    ("text", "unit", "number"),
    [
        ("0,63", "GiB", Fraction(63, 100)), ("0,625", "GiB", Fraction(5, 8)),
        ("1.234,5", "", Fraction(2469, 2)), ("1 234,5", "", Fraction(2469, 2)),
        ("1.234.567", "", 1_234_567), ("1,456", "", 1456), ("1’456", "", 1456),
        ("1.5×10^6", "", 1_500_000), ("3 x 10^-3", "", Fraction(3, 1000)),
        ("1.25 GiB", "MiB", 1280), ("8 Gbit", "GB", 1), ("8 Gb", "GB", 1),
        ("1 Gibit", "MiB", 128), ("64 bits", "bytes", 8), ("2 gigabytes", "GB", 2),
        ("2 gibibytes", "GiB", 2), ("128 KiB", "bytes", 131_072),
        ("250 µs", "ms", Fraction(1, 4)), ("3 sec", "s", 3), ("3 sec.", "s", 3),
        ("2 hrs", "h", 2), ("1.5 Hours", "min", 90), ("64 per cent", "%", 64),
        ("64 percent", "%", 64), ("5 ‰", "%", Fraction(1, 2)),
        ("5 per mille", "%", Fraction(1, 2)), ("42 ¢", "$", Fraction(21, 50)),
        ("42 cents", "$", Fraction(21, 50)), ("US$3", "$", 3), ("3 dollars", "$", 3),
        ("209 tok/s", "tokens/s", 209), ("209 tokens per second", "tokens/s", 209),
        ("209 tokens / s", "tokens/s", 209), ("60 tokens/min", "tokens/s", 1),
        ("3 GPUs", "cards", 3), ("2 people", "users", 2), ("3x", "×", 3),
        ("3 times", "×", 3), ("3-fold", "×", 3), ("7 Tokens", "tokens", 7),
        ("1,340 MB", "GB", Fraction(134, 100)),
    ],
)  # fmt: skip
def test_common_notations_are_read(text, unit, number) -> None:
    assert number_in(text, unit) == number


KV = NumericKey(Fraction(131_072), Fraction(655), "bytes")


@pytest.mark.parametrize(
    ("text", "outcome", "says"),
    [
        ("131072", Outcome.RIGHT, ""), ("131,072 B", Outcome.RIGHT, ""),
        ("128 KiB", Outcome.RIGHT, ""), ("131 kB", Outcome.RIGHT, ""),
        ("0.131 MB", Outcome.RIGHT, ""), ("0.125 MiB", Outcome.RIGHT, ""),
        ("128 kB", Outcome.WRONG, ""),
        ("128 KB", Outcome.UNREADABLE, "128 kB is 128,000 bytes, 128 KiB is 131,072"),
        ("7 KB", Outcome.UNREADABLE, "7 KiB is 7,168 bytes"),
        ("131.072", Outcome.UNREADABLE, "write 131,072"),
        ("131.072 B", Outcome.UNREADABLE, "write 131,072"),
        ("131.072 kB", Outcome.RIGHT, ""), ("7.072", Outcome.WRONG, ""),
    ],
)  # fmt: skip
def test_kilobytes_are_asked_about_and_kibibytes_are_right(text, outcome, says) -> None:
    found = grade(KV, {"value": [text]})
    assert found.outcome is outcome
    assert says in found.sentence and bool(says) == bool(found.sentence)


@pytest.mark.parametrize(
    ("text", "unit", "value", "says"),
    [
        ("128 kB", "bytes", 131_072, "128 KiB would be 131,072 bytes"),
        ("131.072 KiB", "bytes", 131_072, "131.072 kB would be 131,072 bytes"),
        ("1.25 GB", "GiB", Fraction(5, 4), "GB and GiB are mixed up"),
        ("1.342", "GiB", Fraction(5, 4), "GiB and GB are mixed up"),
        ("0.64", "%", 64, "as a fraction"), ("90 s", "ms", 90, "mixed up"),
        ("7", "bytes", 131_072, ""), ("x", "bytes", 131_072, ""),
    ],
)  # fmt: skip
def test_a_right_sum_in_another_notation_is_told_apart(text, unit, value, says) -> None:
    key = NumericKey(Fraction(value), Fraction(value) / 200, unit)
    found = near_miss(text, unit, key.is_right)
    assert says in found and bool(says) == bool(found)


def test_a_prediction_may_be_off_by_a_factor() -> None:
    key = NumericKey(Fraction(6), unit="×", within=Fraction(3, 2))
    for text, is_right in [
        ("4", True), ("9", True), ("3.9", False), ("9.1", False), ("0", False),
        ("-6", False), ("6x", True),
    ]:  # fmt: skip
        assert (grade(key, {"value": [text]}).outcome is Outcome.RIGHT) == is_right


@pytest.mark.parametrize(
    ("accepted", "said"),
    [
        ("preemption", "pre-emption"), ("preemption", "Pre-emptions"),
        ("quantisation", "quantization"), ("quantization", "quantisations"),
        ("tensor parallelism", "tensor-parallelism"), ("replica", "the replicas"),
        ("KV cache", "KV-cache"), ("batch", "batches"), ("a cache", "caches"),
        ("behaviour", "behavior"), ("labelled", "labeled"), ("centre", "center"),
        ("utilisation", "utilization"), ("catalogue", "catalog"), ("query", "queries"),
        ("latency", "latencies"), ("programme", "program"), ("licence", "license"),
        ("on‑demand", "on demand"),
    ],
)  # fmt: skip
def test_spelling_is_not_what_is_asked(accepted, said) -> None:
    for one, other in ((accepted, said), (said, accepted)):
        found = grade(TextKey((one,)), {"text": [other]})
        assert found.outcome is Outcome.RIGHT


@pytest.mark.parametrize(
    ("accepted", "said"),
    [("preemption", "emption"), ("block", "blocked"), ("bus", "bu"), ("loss", "los"),
     ("prefill", "refill"), ("prefix cache", "prefix"), ("eviction", "preemption")],
)  # fmt: skip
def test_another_word_is_another_word(accepted, said) -> None:
    assert grade(TextKey((accepted,)), {"text": [said]}).outcome is Outcome.WRONG


@pytest.mark.parametrize(
    ("text", "unit", "says"),
    [
        ("", "", "Write a number."), ("5 s", "GiB", "not s"), ("5 GiB", "", "alone"),
        ("5 gib", "GiB", "not gib"), ("$5", "s", "not $"), ("$5 USD", "$", "once"),
        ("1,5,6", "", "one number"), ("12 13", "", "one num"), ("x", "", "one number"),
        ("1" * 65, "", "at most 64"), ("1e100", "", "one number"),
        ("%", "%", "one num"),
        ("$", "$", "one number"), ("5 tokens", "blocks", "is one of block, blocks"),
    ],
)  # fmt: skip
def test_what_is_no_number_says_why(text, unit, says) -> None:
    answer = number_in(text, unit)
    assert isinstance(answer, str) and says in answer


SIZES = {
    "number": {"": 1},
    "bytes": {
        "B": 1, "byte": 1, "bytes": 1, "kB": 1000, "KB": 1000, "MB": 1000**2,
        "GB": 1000**3, "TB": 1000**4, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3,
        "TiB": 1024**4,
    },
    "time": {
        "ms": Fraction(1, 1000), "s": 1, "second": 1, "seconds": 1, "min": 60,
        "minute": 60, "minutes": 60, "h": 3600, "hour": 3600, "hours": 3600,
    },
    "share": {"%": 1},
    "money": {"$": 1, "USD": 1},
    "tokens": {"token": 1, "tokens": 1},
    "blocks": {"block": 1, "blocks": 1},
    "requests": {"request": 1, "requests": 1},
    "users": {"user": 1, "users": 1},
    "cards": {"card": 1, "cards": 1},
    "replicas": {"replica": 1, "replicas": 1},
    "factor": {"×": 1},
    "speed": {"tokens/s": 1},
}  # fmt: skip
"""Written again by hand, so that a slip in grading's own table shows."""


def test_every_unit_is_turned_into_every_other_of_its_dimension_only() -> None:
    dimensions = {name: d for d, names in SIZES.items() for name in names}
    assert dimensions.keys() == UNITS.keys()
    for named in filter(None, dimensions):
        for unit, dimension in dimensions.items():
            read = number_in(f"3 {named}", unit)
            if named in SIZES[dimension]:
                assert read == 3 * Fraction(SIZES[dimension][named]) / Fraction(
                    SIZES[dimension][unit]
                )
            else:
                assert isinstance(read, str)


@pytest.mark.parametrize(
    ("text", "number"),
    [("123,456", 123_456), ("12,345", 12_345), ("1e12", 10**12), ("5  ", 5),
     ("5\n", 5), ("$\u00a05", 5), ("1\u20095", None), ("1234,567", None),
     (",456", None), ("1e", None), ("5.", None), ("1X456", None), ("12X", None),
     ("$X5", None), ("1,456 000", 1_456_000), ("1e-", None), ("- 5", None),
     ("1e1.5", None)],
)  # fmt: skip
def test_digits_are_grouped_by_three_or_not_at_all(text, number) -> None:
    found = number_in(text, "$")
    assert isinstance(found, str) if number is None else found == number


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


def test_without_a_tolerance_only_the_number_itself_is_right() -> None:
    for text, score in [("5", 1), ("5.01", 0), ("4", 0), ("6", 0)]:
        found = grade(NumericKey(Fraction(5)), {"value": [f" {text} "]})
        assert (found.score, found.given) == (score, {"value": text})


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
     ("prefix-cache", True), ("prefixcache", False), (" kv cache", True),
     ("рrefix cache", False), ("prefix\u200b cache", False),
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
    assert folded("STRA\u1e9eE") == folded("strasse")


def test_each_prediction_counts_for_itself() -> None:
    key = MeasuredKey(
        {"n": NumericKey(Fraction(9), unit="blocks"), "t": NumericKey(Fraction(288))}
    )
    found = grade(key, {"ask-n": ["9 blocks"], "ask-t": [" 296 "]})
    assert (found.score, found.right_parts) == (Fraction(1, 2), {"n"})
    assert found.given == {"n": "9 blocks", "t": "296"}
    assert "every box" in grade(key, {"ask-n": ["9"]}).sentence
    assert "one number" in grade(key, {"ask-n": ["x"], "ask-t": ["1"]}).sentence
    assert read_predictions({"n": "MiB"}, {"ask-n": [" 1 GiB"]}) == {"n": "1 GiB"}
    sized = MeasuredKey({"n": NumericKey(Fraction(1024), unit="MiB")})
    assert grade(sized, {"ask-n": ["1 GiB"]}).outcome is Outcome.RIGHT
    assert grade(MeasuredKey({}), {}).score == 0


@pytest.mark.parametrize(
    ("score", "certainty", "earned"),
    [(1, 1, 1), (1, 2, 2), (1, 3, 3), (0, 1, 0), (0, 2, -2), (0, 3, -6),
     (1, None, 1), (0, None, 0), (Fraction(1, 2), 3, Fraction(-3, 2)), (1, 4, 1),
     (Fraction(1, 2), 2, 0), (Fraction(1, 2), None, Fraction(1, 2)), (1, 0, 1)],
)  # fmt: skip
def test_certainty_raises_the_stakes(score, certainty, earned) -> None:
    assert marks(Fraction(score), certainty) == earned


def test_what_was_chosen_is_told_in_one_order() -> None:
    options = dict.fromkeys("hgfedcba", True)
    found = grade(ChoiceKey(options, True), {"choice": list(options)})
    assert found.given is not None and list(found.given) == sorted(options)


def test_outcomes_are_stored_by_these_names() -> None:
    assert list(Outcome) == ["right", "partly", "wrong", "unreadable"]


NUMBER = NumericKey(Fraction(1))


@pytest.mark.parametrize(
    ("key", "sent", "sentence"),
    [
        (ChoiceKey({"a": True}), {}, "Choose an answer first."),
        (NUMBER, {}, "Write a number."),
        (NUMBER, {"value": [" "]}, "Write a number."),
        (NUMBER, {"value": ["1" * 65]}, "A number has at most 64 characters."),
        (NUMBER, {"value": ["x"]},
         "Write one number with a decimal point, such as 1,456 or 0.5."),
        (NUMBER, {"value": ["$1 USD"]}, "Write the unit once."),
        (NUMBER, {"value": ["1 s"]}, "Write the number alone, without a unit."),
        (NumericKey(Fraction(1), unit="$"), {"value": [f"1 {'y' * 30}"]},
         f"The unit is one of $, USD, not {'y' * 20}."),
        (OrderKey(("a",)), {}, "Give every line a place."),
        (OrderKey(("a",)), {"place-a": ["2"]}, "Use each place from 1 to 1 once."),
        (MatchKey({"a": "x"}, frozenset("x")), {}, "Choose a partner for every line."),
        (TextKey(("a",)), {}, "Write an answer first."),
        (TextKey(("a",)), {"text": ["a" * 201]},
         "A short answer has at most 200 characters."),
        (TextKey(("a",)), {"text": ["a\n"]}, "Write letters and digits on one line."),
        (MeasuredKey({"n": NUMBER}), {}, "Write a prediction in every box."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_in_a_whole_sentence(key, sent, sentence) -> None:
    assert grade(key, sent) == Grade(Outcome.UNREADABLE, sentence=sentence)
