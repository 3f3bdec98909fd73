"""A variant: one question with its numbers drawn and its parts shuffled by a seed.

Pure: the same question and seed always give the same variant. What a page shows before
the answer is ``text`` and the parts; ``key`` and ``reasons`` never leave the server
before. Letters name the parts in the order shown, so they tell nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from fractions import Fraction
from random import Random
from string import ascii_lowercase

from quizzes import form_fields
from quizzes.errors import BrokenExpression, BrokenQuestion
from quizzes.expressions import Values, check_braces, draw, evaluate, fill
from quizzes.grading import (
    ChoiceKey,
    Key,
    MatchKey,
    MeasuredKey,
    NumericKey,
    OrderKey,
    TextKey,
)
from quizzes.near_misses import near_miss
from quizzes.questions import RUN_NAMES, Question
from quizzes.reports import REPORT_NUMBERS, Numbers
from quizzes.spelling import is_same
from quizzes.units import number_in


@dataclass(frozen=True, slots=True)
class Part:
    """A choice, an item or a line: its letter, its text, its place with the author."""

    letter: str
    text: str
    index: int


@dataclass(frozen=True, slots=True)
class Variant:
    """A question ready to be asked."""

    question: Question
    values: Values
    text: str
    parts: tuple[Part, ...]
    partners: tuple[Part, ...]
    """Right-hand sides of a matching question."""
    hints: tuple[str, ...]

    def key(self, reports: Mapping[str, Numbers] | None = None) -> Key:
        """What grades it; a measured question needs its runs' reports by name."""
        question = self.question
        match question.kind:
            case "single" | "multiple" | "truefalse":
                rights = {
                    p.letter: question.choices[p.index].is_right for p in self.parts
                }
                return ChoiceKey(rights, question.kind == "multiple")
            case "numeric":
                return NumericKey(
                    evaluate(question.answer, self.values),
                    self._tolerance(),
                    question.unit,
                )
            case "ordering":
                ordered = sorted(self.parts, key=lambda part: part.index)
                return OrderKey(tuple(part.letter for part in ordered))
            case "matching":
                return self._match_key()
            case "shorttext":
                return TextKey(tuple(fill(t, self.values) for t in question.accepted))
        return self._measured_key(reports or {})

    def _tolerance(self) -> Fraction:
        """What the author allows, and half a unit of the last place asked for."""
        allowed = evaluate(self.question.tolerance, self.values)
        if self.question.decimals is None:
            return allowed
        return max(allowed, Fraction(1, 2 * 10**self.question.decimals))

    def _match_key(self) -> MatchKey:
        letters = {part.text: part.letter for part in self.partners}
        pairs = {
            part.letter: letters[
                fill(self.question.pairs[part.index].right, self.values)
            ]
            for part in self.parts
        }
        return MatchKey(pairs, frozenset(letters.values()))

    def _measured_key(self, reports: Mapping[str, Numbers]) -> MeasuredKey:
        numbers: dict[str, Fraction | str] = dict(self.values)
        for run, report in reports.items():
            numbers |= {f"{run}.{name}": Fraction(n) for name, n in report.items()}
        return MeasuredKey(
            {
                ask.name: NumericKey(
                    evaluate(ask.value, numbers), ask.tolerance, ask.unit, ask.within
                )
                for ask in self.question.asks
            }
        )

    def explanation(self) -> str:
        """What holds for every answer."""
        return fill(self.question.explanation, self.values)

    def because(self, part: Part) -> str:
        """The author's reason about a part."""
        question = self.question
        rows = question.choices or question.items or question.pairs
        return fill(rows[part.index].because, self.values)

    def mistake(self, given: Mapping[str, str]) -> str:
        """The reason about a foreseen wrong answer, or one in another notation; "" if
        it is neither."""
        key = self.key() if self.question.kind == "numeric" else None
        text = given.get(form_fields.NUMBER, "")
        if isinstance(key, NumericKey):
            number = number_in(text, key.unit)
            if not isinstance(number, Fraction) or key.is_right(number):
                return ""
        for mistake in self.question.mistakes:
            if self._is_same(mistake.answer, given):
                return fill(mistake.because, self.values)
        if isinstance(key, NumericKey):
            return near_miss(text, key.unit, key.is_right)
        return ""

    def _is_same(self, answer: str, given: Mapping[str, str]) -> bool:
        if self.question.kind == "shorttext":
            said = given.get(form_fields.TEXT, "")
            return is_same(fill(answer, self.values), said)
        number = number_in(given.get(form_fields.NUMBER, ""), self.question.unit)
        wrong = evaluate(answer, self.values)
        if not isinstance(number, Fraction):
            return False
        return abs(number - wrong) <= max(self._tolerance(), abs(wrong) * ROUNDED)

    def prompts(self) -> dict[str, str]:
        """A measured question's prompts by the name of their run."""
        return {
            name: fill(run.prompt, self.values)
            for name, run in zip(RUN_NAMES, self.question.runs, strict=False)
        }


def variant_of(question: Question, seed: int) -> Variant:
    """The variant that a seed gives; raises BrokenQuestion where it has none."""
    values = draw(question.parameters, seed)
    random = Random(f"{seed}:parts")
    rows: Sequence[str] = ()
    if question.choices:
        rows = [choice.text for choice in question.choices]
    elif question.items:
        rows = [item.text for item in question.items]
    elif question.pairs:
        rows = [pair.left for pair in question.pairs]
    rights = dict.fromkeys([*(pair.right for pair in question.pairs), *question.decoys])
    is_fixed = question.kind in ("truefalse", "matching")
    return Variant(
        question=question,
        values=values,
        text=fill(question.text, values),
        parts=_parts(rows, values, None if is_fixed else random),
        partners=_parts(list(rights), values, random),
        hints=tuple(fill(hint, values) for hint in question.hints),
    )


def _parts(
    texts: Sequence[str], values: Values, random: Random | None
) -> tuple[Part, ...]:
    order = list(range(len(texts)))
    if random is not None:
        random.shuffle(order)
    return tuple(
        Part(letter, fill(texts[index], values), index)
        for letter, index in zip(ascii_lowercase, order, strict=False)
    )


ROUNDED = Fraction(1, 200)
"""A foreseen mistake is known by three digits of it."""
NUM_TRIED = 24
"""Variants that check_variants() makes."""


def check_variants(question: Question) -> None:
    """Make some variants whole; raises BrokenQuestion if one cannot be asked."""
    for path, text in _texts(question):
        try:
            check_braces(text)
        except BrokenExpression as error:
            raise BrokenQuestion(path, error.reason) from None
    for seed in range(NUM_TRIED if question.parameters else 1):
        try:
            _check(variant_of(question, seed))
        except BrokenExpression as error:
            raise BrokenQuestion((), f"{error.reason} (seed {seed})") from None


def _texts(question: Question) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text that learners read, with the path to it."""
    yield ("text",), question.text
    yield ("explanation",), question.explanation
    rows: dict[str, Sequence[object]] = {
        "hints": question.hints,
        "decoys": question.decoys,
        "accepted": question.accepted,
        "choices": question.choices,
        "items": question.items,
        "pairs": question.pairs,
        "mistakes": question.mistakes,
        "runs": question.runs,
    }
    for field, found in rows.items():
        for row in found:
            parts = row if isinstance(row, str) else astuple(row)  # type: ignore[call-overload]
            for text in [parts] if isinstance(parts, str) else parts:
                if isinstance(text, str):
                    yield (field,), text


def _check(variant: Variant) -> None:
    question = variant.question
    for parts in (variant.parts, variant.partners):
        if len({part.text for part in parts}) != len(parts):
            raise BrokenExpression("two parts of a variant say the same")
    numbers = dict.fromkeys(REPORT_NUMBERS, 64)
    runs = {name: numbers for name in variant.prompts()}
    variant.key(runs)
    variant.explanation()
    variant.mistake({form_fields.NUMBER: "1", form_fields.TEXT: "a"})
    for part in variant.parts:
        variant.because(part)
    if question.kind == "numeric":
        key = variant.key()
        wrong = [evaluate(m.answer, variant.values) for m in question.mistakes]
        if isinstance(key, NumericKey) and any(
            abs(number - key.value) <= key.tolerance for number in wrong
        ):
            raise BrokenExpression("a foreseen mistake is right")
    if question.kind == "shorttext":
        for mistake in question.mistakes:
            wrong_text = fill(mistake.answer, variant.values)
            if any(is_same(wrong_text, accepted) for accepted in question.accepted):
                raise BrokenExpression("a foreseen mistake is right")
