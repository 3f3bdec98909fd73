"""Grading: what an answer is worth. Pure and total.

``grade(key, submitted)`` takes what a form sent, however odd, and always returns a
Grade. An answer that cannot be read (a missing field, two numbers in one box) is
UNREADABLE with a sentence for the learner and is not counted; it is never right.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

MAX_NUMBER_CHARS = 64
MAX_TEXT_CHARS = 200

Submitted = Mapping[str, Sequence[str]]
"""A form's fields; each with all its values."""


class Outcome(StrEnum):
    """How an answer was."""

    RIGHT = "right"
    PARTLY = "partly"
    WRONG = "wrong"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Grade:
    """An answer's worth."""

    outcome: Outcome
    score: Fraction = Fraction(0)
    """0 to 1."""
    given: Mapping[str, str] | None = None
    """What was understood, by part: option, item, field. None when unreadable."""
    right_parts: frozenset[str] = frozenset()
    sentence: str = ""
    """Why it cannot be read, for the learner."""


@dataclass(frozen=True, slots=True)
class ChoiceKey:
    """Field "choice": one option, or for ``is_multiple`` any number of them."""

    options: Mapping[str, bool]
    is_multiple: bool = False


@dataclass(frozen=True, slots=True)
class NumericKey:
    """Field "value": a number, with or without a unit of the same dimension."""

    value: Fraction
    tolerance: Fraction = Fraction(0)
    """Greatest difference that still counts, in ``unit``."""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class OrderKey:
    """Fields "place-<item>": the item's place, from 1; ``order`` is the right one."""

    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MatchKey:
    """Fields "match-<left>": the chosen right; several lefts may share one."""

    pairs: Mapping[str, str]
    rights: frozenset[str]


@dataclass(frozen=True, slots=True)
class TextKey:
    """Field "text": one of the accepted answers, apart from case and spaces."""

    accepted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeasuredKey:
    """Fields "ask-<name>": a prediction for each number that was measured."""

    asks: Mapping[str, NumericKey]


Key = ChoiceKey | NumericKey | OrderKey | MatchKey | TextKey | MeasuredKey

_BYTES = {"kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BYTES |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
UNITS: dict[str, tuple[str, Fraction]] = {
    "": ("number", Fraction(1)),
    **{name: ("bytes", Fraction(factor)) for name, factor in _BYTES.items()},
    **{name: ("bytes", Fraction(1)) for name in ("B", "byte", "bytes")},
    "ms": ("time", Fraction(1, 1000)),
    **{name: ("time", Fraction(1)) for name in ("s", "second", "seconds")},
    **{name: ("time", Fraction(60)) for name in ("min", "minute", "minutes")},
    **{name: ("time", Fraction(3600)) for name in ("h", "hour", "hours")},
    "%": ("share", Fraction(1)),
    **{name: ("money", Fraction(1)) for name in ("$", "USD")},
    **{name: ("tokens", Fraction(1)) for name in ("token", "tokens")},
    **{name: ("blocks", Fraction(1)) for name in ("block", "blocks")},
    **{name: ("requests", Fraction(1)) for name in ("request", "requests")},
    **{name: ("users", Fraction(1)) for name in ("user", "users")},
    "tokens/s": ("speed", Fraction(1)),
}
"""Units by name: dimension, and size in the dimension's base unit."""

_SPACES = " \u00a0\u2009\u202f"
_NUMBER = re.compile(
    rf"(\$[{_SPACES}]?)?"
    r"([+\-\u2212]?)"
    rf"([0-9]{{1,3}}(?:[,{_SPACES}][0-9]{{3}})+|[0-9]+)?(\.[0-9]+)?"
    r"(?:[eE]([+-]?[0-9]{1,2}))?"
    rf"[{_SPACES}]?([A-Za-z%$/]*)"
)


def grade(key: Key, submitted: Submitted) -> Grade:
    """What the submitted fields are worth; never raises."""
    match key:
        case ChoiceKey():
            return _grade_choice(key, submitted)
        case NumericKey():
            return _grade_number(key, submitted)
        case OrderKey():
            return _grade_order(key, submitted)
        case MatchKey():
            return _grade_match(key, submitted)
        case TextKey():
            return _grade_text(key, submitted)
        case MeasuredKey():
            return _grade_measured(key, submitted)


def marks(score: Fraction, certainty: int | None) -> Fraction:
    """Certainty-based marking: right earns 1, 2 or 3, wrong costs 0, 2 or 6.

    Without a certainty the score itself. Source: A. R. Gardner-Medwin, "Confidence-
    based marking", 2006; an answer that is partly right lies in proportion between.
    """
    scale = {1: (1, 0), 2: (2, -2), 3: (3, -6)}
    if certainty not in scale:
        return score
    earned, lost = scale[certainty]
    return score * earned + (1 - score) * lost


def number_in(text: str, unit: str) -> Fraction | str:
    """The number that ``text`` says, in ``unit``; else a sentence that says why not.

    Read are ASCII digits with a decimal point, thousands set apart by commas or
    spaces, an exponent, and a unit of the same dimension.
    """
    text = text.strip()
    if not text:
        return "Write a number."
    if len(text) > MAX_NUMBER_CHARS:
        return f"A number has at most {MAX_NUMBER_CHARS} characters."
    found = _NUMBER.fullmatch(text)
    if found is None or not (found[3] or found[4]):
        return "Write one number with a decimal point, such as 1,456 or 0.5."
    dollar, sign, whole, decimals, exponent, named = found.groups()
    if dollar and named:
        return "Write the unit once."
    digits = re.sub(rf"[,{_SPACES}]", "", whole or "0")
    number = Fraction(digits + (decimals or "")) * Fraction(10) ** int(exponent or 0)
    number = -number if sign in ("-", "\u2212") else number
    return _in_unit(number, "$" if dollar else named, unit)


def _in_unit(number: Fraction, named: str, unit: str) -> Fraction | str:
    if not named:
        return number
    dimension, size = UNITS[unit]
    known = [name for name in UNITS if UNITS[name][0] == dimension and name]
    if named not in known:
        if not known:
            return "Write the number alone, without a unit."
        return f"The unit is one of {', '.join(known)}, not {named[:20]}."
    return number * UNITS[named][1] / size


def _only(submitted: Submitted, field: str) -> str | None:
    """The one value of a field; None if there is none, or more than one."""
    values = submitted.get(field, ())
    return values[0] if len(values) == 1 else None


def _unreadable(sentence: str) -> Grade:
    return Grade(Outcome.UNREADABLE, sentence=sentence)


def _graded(score: Fraction, given: Mapping[str, str], right: frozenset[str]) -> Grade:
    if score == 1:
        return Grade(Outcome.RIGHT, score, given, right)
    outcome = Outcome.PARTLY if score > 0 else Outcome.WRONG
    return Grade(outcome, score, given, right)


def _grade_choice(key: ChoiceKey, submitted: Submitted) -> Grade:
    values = submitted.get("choice", ())
    chosen = frozenset(values)
    if not chosen:
        return _unreadable("Choose an answer first.")
    if not chosen <= key.options.keys() or len(values) != len(chosen):
        return _unreadable("Choose from the answers on the page.")
    if len(chosen) > 1 and not key.is_multiple:
        return _unreadable("Choose one answer only.")
    right = frozenset(name for name, is_right in key.options.items() if is_right)
    num_hits = len(chosen & right) - len(chosen - right)
    score = Fraction(max(0, num_hits), len(right)) if right else Fraction(0)
    return _graded(score, dict.fromkeys(sorted(chosen), "chosen"), chosen & right)


def _is_close(number: Fraction, key: NumericKey) -> bool:
    return abs(number - key.value) <= key.tolerance


def _grade_number(key: NumericKey, submitted: Submitted) -> Grade:
    text = _only(submitted, "value")
    if text is None:
        return _unreadable("Write a number.")
    number = number_in(text, key.unit)
    if isinstance(number, str):
        return _unreadable(number)
    is_right = _is_close(number, key)
    right = frozenset({"value"} if is_right else ())
    return _graded(Fraction(is_right), {"value": text.strip()}, right)


def _grade_order(key: OrderKey, submitted: Submitted) -> Grade:
    places: dict[str, str] = {}
    for item in key.order:
        place = _only(submitted, f"place-{item}")
        if place is None:
            return _unreadable("Give every line a place.")
        places[item] = place
    wanted = {item: str(place) for place, item in enumerate(key.order, 1)}
    if sorted(places.values()) != sorted(wanted.values()):
        return _unreadable(f"Use each place from 1 to {len(key.order)} once.")
    right = frozenset(item for item in key.order if places[item] == wanted[item])
    return _graded(_share(len(right), len(key.order)), places, right)


def _grade_match(key: MatchKey, submitted: Submitted) -> Grade:
    chosen: dict[str, str] = {}
    for left in key.pairs:
        right_name = _only(submitted, f"match-{left}")
        if right_name not in key.rights or right_name is None:
            return _unreadable("Choose a partner for every line.")
        chosen[left] = right_name
    right = frozenset(left for left in key.pairs if chosen[left] == key.pairs[left])
    return _graded(_share(len(right), len(key.pairs)), chosen, right)


def _share(number: int, total: int) -> Fraction:
    return Fraction(number, total) if total else Fraction(0)


def folded(text: str) -> str:
    """``text`` as it is compared: composed, without case, single spaces, no full stop.

    Letters of other scripts that look alike, and invisible ones, stay what they are.
    """
    words = unicodedata.normalize("NFC", text).casefold().replace("\u2019", "'").split()
    return " ".join(words).removesuffix(".").rstrip()


def _grade_text(key: TextKey, submitted: Submitted) -> Grade:
    text = _only(submitted, "text")
    if text is None or not text.strip():
        return _unreadable("Write an answer first.")
    if len(text) > MAX_TEXT_CHARS:
        return _unreadable(f"A short answer has at most {MAX_TEXT_CHARS} characters.")
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        return _unreadable("Write letters and digits on one line.")
    is_right = folded(text) in {folded(accepted) for accepted in key.accepted}
    right = frozenset({"text"} if is_right else ())
    return _graded(Fraction(is_right), {"text": text.strip()}, right)


def predictions(
    units: Mapping[str, str], submitted: Submitted
) -> dict[str, Fraction] | str:
    """The numbers predicted, by name, before the truth is known; else a sentence."""
    numbers: dict[str, Fraction] = {}
    for name, unit in units.items():
        text = _only(submitted, f"ask-{name}")
        if text is None:
            return "Write a prediction in every box."
        number = number_in(text, unit)
        if isinstance(number, str):
            return number
        numbers[name] = number
    return numbers


def _grade_measured(key: MeasuredKey, submitted: Submitted) -> Grade:
    numbers = predictions({name: a.unit for name, a in key.asks.items()}, submitted)
    if isinstance(numbers, str):
        return _unreadable(numbers)
    right = frozenset(
        name for name, ask in key.asks.items() if _is_close(numbers[name], ask)
    )
    given = {name: submitted[f"ask-{name}"][0].strip() for name in numbers}
    return _graded(_share(len(right), len(key.asks)), given, right)
