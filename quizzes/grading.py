"""Grading: what an answer is worth. Pure and total.

``grade(key, submitted)`` takes what a form sent, however odd, and always returns a
Grade. An answer that cannot be read (a missing field, two numbers in one box) is
UNREADABLE with a sentence for the learner and is not counted; it is never right.

    form ── read ──► given, which is kept ── grade_given ──► Grade
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from quizzes import form_fields
from quizzes.form_fields import Submitted, only
from quizzes.near_misses import doubt
from quizzes.spelling import is_same
from quizzes.units import number_in

MAX_TEXT_CHARS = 200

Given = Mapping[str, str]
"""What was understood of an answer, by part: option, item, line, field or number."""


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
    given: Given | None = None
    """None when unreadable."""
    right_parts: frozenset[str] = frozenset()
    sentence: str = ""
    """Why it cannot be read, for the learner."""


@dataclass(frozen=True, slots=True)
class ChoiceKey:
    """One option, or for ``is_multiple`` any number of them."""

    options: Mapping[str, bool]
    is_multiple: bool = False


@dataclass(frozen=True, slots=True)
class NumericKey:
    """A number, with or without a unit of the same dimension."""

    value: Fraction
    tolerance: Fraction = Fraction(0)
    """Greatest difference that still counts, in ``unit``."""
    unit: str = ""
    within: Fraction = Fraction(0)
    """A prediction counts within this factor, up or down; 0 where only the tolerance
    does."""

    def is_right(self, number: Fraction) -> bool:
        """Whether a number in ``unit`` is close enough."""
        if abs(number - self.value) <= self.tolerance:
            return True
        if not self.within or number <= 0 or self.value <= 0:
            return False
        return self.value / self.within <= number <= self.value * self.within


@dataclass(frozen=True, slots=True)
class OrderKey:
    """Each item's place, from 1; ``order`` is the right one."""

    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MatchKey:
    """The chosen right for each left; several lefts may share one."""

    pairs: Mapping[str, str]
    rights: frozenset[str]


@dataclass(frozen=True, slots=True)
class TextKey:
    """One of the accepted answers, apart from case, spaces and spelling."""

    accepted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeasuredKey:
    """A prediction for each number that was measured."""

    asks: Mapping[str, NumericKey]


Key = ChoiceKey | NumericKey | OrderKey | MatchKey | TextKey | MeasuredKey


def grade(key: Key, submitted: Submitted) -> Grade:
    """What the submitted fields are worth; never raises."""
    given = _read(key, submitted)
    if isinstance(given, str):
        return Grade(Outcome.UNREADABLE, sentence=given)
    return grade_given(key, given)


def _read(key: Key, submitted: Submitted) -> Given | str:
    """What was understood, or a sentence that says why it cannot be read."""
    match key:
        case ChoiceKey():
            return _read_choice(key, submitted)
        case NumericKey():
            return _read_number(key, submitted)
        case OrderKey():
            return _read_order(key, submitted)
        case MatchKey():
            return _read_match(key, submitted)
        case TextKey():
            return _read_text(submitted)
        case MeasuredKey():
            units = {name: ask.unit for name, ask in key.asks.items()}
            return read_predictions(units, submitted)


def grade_given(key: Key, given: Given) -> Grade:
    """What an answer that was understood is worth, also one that was kept."""
    match key:
        case ChoiceKey():
            return _grade_choice(key, given)
        case NumericKey():
            return _grade_number(key, given)
        case OrderKey():
            return _grade_parts(_places_of(key), given)
        case MatchKey():
            return _grade_parts(key.pairs, given)
        case TextKey():
            return _grade_text(key, given)
        case MeasuredKey():
            return _grade_measured(key, given)


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


def _read_choice(key: ChoiceKey, submitted: Submitted) -> Given | str:
    values = submitted.get(form_fields.CHOICE, ())
    chosen = frozenset(values)
    if not chosen:
        return "Choose an answer first."
    if not chosen <= key.options.keys() or len(values) != len(chosen):
        return "Choose from the answers on the page."
    if len(chosen) > 1 and not key.is_multiple:
        return "Choose one answer only."
    return dict.fromkeys(sorted(chosen), "chosen")


def _grade_choice(key: ChoiceKey, given: Given) -> Grade:
    chosen = frozenset(given)
    right = frozenset(name for name, is_right in key.options.items() if is_right)
    num_hits = len(chosen & right) - len(chosen - right)
    score = Fraction(max(0, num_hits), len(right)) if right else Fraction(0)
    return _graded(score, given, chosen & right)


def _read_number(key: NumericKey, submitted: Submitted) -> Given | str:
    text = only(submitted, form_fields.NUMBER)
    if text is None:
        return "Write a number."
    number = number_in(text, key.unit)
    if isinstance(number, str):
        return number
    return doubt(text, key.unit, key.is_right) or {form_fields.NUMBER: text.strip()}


def _grade_number(key: NumericKey, given: Given) -> Grade:
    is_right = _is_close(given.get(form_fields.NUMBER, ""), key)
    right = frozenset({form_fields.NUMBER} if is_right else ())
    return _graded(Fraction(is_right), given, right)


def _is_close(text: str, key: NumericKey) -> bool:
    number = number_in(text, key.unit)
    return isinstance(number, Fraction) and key.is_right(number)


def _read_order(key: OrderKey, submitted: Submitted) -> Given | str:
    places: dict[str, str] = {}
    for item in key.order:
        place = only(submitted, form_fields.place(item))
        if place is None:
            return "Give every line a place."
        places[item] = place
    if sorted(places.values()) != sorted(_places_of(key).values()):
        return f"Use each place from 1 to {len(key.order)} once."
    return places


def _places_of(key: OrderKey) -> dict[str, str]:
    return {item: str(place) for place, item in enumerate(key.order, 1)}


def _read_match(key: MatchKey, submitted: Submitted) -> Given | str:
    chosen: dict[str, str] = {}
    for left in key.pairs:
        right_name = only(submitted, form_fields.match(left))
        if right_name not in key.rights or right_name is None:
            return "Choose a partner for every line."
        chosen[left] = right_name
    return chosen


def _grade_parts(wanted: Mapping[str, str], given: Given) -> Grade:
    """Each part earns the same."""
    right = frozenset(part for part in wanted if given.get(part) == wanted[part])
    return _graded(_share(len(right), len(wanted)), given, right)


def _graded(score: Fraction, given: Given, right: frozenset[str]) -> Grade:
    if score == 1:
        return Grade(Outcome.RIGHT, score, given, right)
    outcome = Outcome.PARTLY if score > 0 else Outcome.WRONG
    return Grade(outcome, score, given, right)


def _share(number: int, total: int) -> Fraction:
    return Fraction(number, total) if total else Fraction(0)


def _read_text(submitted: Submitted) -> Given | str:
    text = only(submitted, form_fields.TEXT)
    if text is None or not text.strip():
        return "Write an answer first."
    if len(text) > MAX_TEXT_CHARS:
        return f"A short answer has at most {MAX_TEXT_CHARS} characters."
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        return "Write letters and digits on one line."
    return {form_fields.TEXT: text.strip()}


def _grade_text(key: TextKey, given: Given) -> Grade:
    text = given.get(form_fields.TEXT, "")
    is_right = any(is_same(text, accepted) for accepted in key.accepted)
    right = frozenset({form_fields.TEXT} if is_right else ())
    return _graded(Fraction(is_right), given, right)


def read_predictions(units: Mapping[str, str], submitted: Submitted) -> Given | str:
    """The numbers predicted, by name, before the truth is known; else a sentence."""
    given: dict[str, str] = {}
    for name, unit in units.items():
        text = only(submitted, form_fields.ask(name))
        if text is None:
            return "Write a prediction in every box."
        number = number_in(text, unit)
        if isinstance(number, str):
            return number
        given[name] = text.strip()
    return given


def _grade_measured(key: MeasuredKey, given: Given) -> Grade:
    right = frozenset(
        name for name, ask in key.asks.items() if _is_close(given.get(name, ""), ask)
    )
    return _graded(_share(len(right), len(key.asks)), given, right)
