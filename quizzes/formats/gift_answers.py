"""The part of a GIFT question between its braces, read as Moodle reads it."""

import re
from dataclasses import dataclass
from typing import Any

from quizzes.errors import BrokenQuestion
from quizzes.formats.answers import (
    NumberRow,
    Row,
    choice_fields,
    matching_fields,
    number_of,
    numeric_fields,
    shorttext_fields,
    starred,
    truefalse_fields,
)
from quizzes.formats.cloze import gap_rows, gap_type, unknown_gap
from quizzes.formats.gift_marks import (
    hide_in_tags,
    name_divided,
    name_open_weight,
    name_sharp,
)
from quizzes.formats.gift_texts import GiftReader, on_one_line, shown

_WEIGHT = re.compile(r"%\s*+(-*+[0-9]{1,3}(?:[.,][0-9]*+)?)\s*+%")
_ARROW = re.compile(r"[\u2192\u27f6\u21d2]|[\u2013\u2014]>")
"""What word processors make of ``->``."""
_FULL_WIDTH = re.compile("[\uff1d\uff5e\u223c]")
"""How keyboards of Chinese and Japanese write = and ~."""
_TRUTH = re.compile(r"(TRUE|FALSE|T|F)\s*(?=#|$)", re.IGNORECASE)


@dataclass
class Answers:
    """What stands between the braces, escapes hidden, and who reads its texts."""

    source: str
    reader: GiftReader

    @property
    def losses(self) -> list[str]:
        """Where losses are named."""
        return self.reader.losses

    def row(self, piece: str, default: float, form: str = "") -> Row:
        """An answer, ``%weight%text#feedback``."""
        piece = piece.strip()
        weight = default
        if found := _WEIGHT.match(piece):
            if not found[0][1:-1].replace(".", "").lstrip("-").isdigit():
                read = found[1].replace(",", ".")
                self.losses.append(f"the weight {found[0]!r} is read as %{read}%")
            weight = float(found[1].replace(",", "."))
            piece = piece[found.end() :].strip()
        else:
            name_open_weight(piece, self.losses)
            name_sharp(piece, self.losses)
        raw, _, feedback = piece.partition("#")
        text = self.reader.answer(raw, form)
        return Row(text, weight, self.reader.answer(feedback))


def fields_of(answers: Answers) -> dict[str, Any]:
    """Kind and own fields of the question."""
    source = hide_in_tags(answers.source, answers.losses)
    bare, mark, general = source.strip().rpartition("####")
    if not mark:
        bare, general = general, ""
    fields = _fields(Answers(bare.strip(), answers.reader))
    explanation = answers.reader.answer(general)
    if explanation:
        if fields.get("explanation", explanation) != explanation:
            answers.losses.append(
                f"the feedback {fields['explanation']!r} to the right answer"
            )
        fields["explanation"] = explanation
    return fields


def _fields(answers: Answers) -> dict[str, Any]:
    source = answers.source
    if gap_type(source):
        return _gap(answers)
    if kind := unknown_gap(source):
        raise BrokenQuestion((), f"{kind!r} begins no kind of gap that Moodle has.")
    if source.startswith("#"):
        return _numeric(answers)
    if "~" in source:
        return _choices(answers)
    answers.source = source = _with_arrows(source, answers.losses)
    if "=" in source and any("->" in p.split("#")[0] for p in source.split("=")):
        return _matching(answers)
    if found := _TRUTH.match(source):
        return _truefalse(answers, found)
    return _shorttext(answers)


def _with_arrows(source: str, losses: list[str]) -> str:
    """Arrows of word processors as ``->``, where each line has one."""
    pieces = [piece.partition("#")[0] for piece in _pieces(source, "=")]
    found = [_ARROW.search(piece) for piece in pieces]
    if "->" in source or len(found) < 2 or not all(found):
        return source
    losses.append("its arrows are read as '->', where Moodle reads short answers")
    return "=".join(_ARROW.sub("->", piece, count=1) for piece in source.split("="))


def _pieces(source: str, mark: str) -> list[str]:
    """The answers between marks; what stands before the first is one too."""
    first, *rest = source.split(mark)
    return [first, *rest] if first.strip() else rest


def _choices(answers: Answers) -> dict[str, Any]:
    is_single = "=" in answers.source
    name_divided(answers.source, answers.losses)
    # Moodle's own step: so "~=" gives an empty choice, which it drops when it saves.
    pieces = re.sub(r"~\s*=", "=", answers.source).replace("=", "~=")
    rows = []
    for number, piece in enumerate(_pieces(pieces, "~")):
        piece = piece.strip()
        is_right = piece.startswith("=")
        row = answers.row(piece.removeprefix("="), 100 if is_right else 0)
        if is_right and row.weight != 100:
            answers.losses.append(f"the weight {row.weight:g} % after =: it is right")
            row = Row(row.text, 100, row.feedback)
        if number == 0 and not answers.source.startswith(("~", "=")):
            answers.losses.append(
                f"{row.text!r} stands before the first mark: a wrong choice, as in "
                "Moodle"
            )
        rows.append(row)
    return choice_fields(rows, is_single, answers.losses)


def _shorttext(answers: Answers) -> dict[str, Any]:
    rows = []
    source = answers.source
    if "=" not in source and "\n" in source.partition("#")[0].strip():
        raise BrokenQuestion((), "no answer begins with = or ~.")
    if found := _FULL_WIDTH.search(source):
        answers.losses.append(
            f"{found[0]!r} is read as text, as in Moodle: the marks are = and ~"
        )
    for piece in _pieces(source, "="):
        rows.append(starred(answers.row(piece, 100, "plain")))
    return shorttext_fields(rows, answers.losses)


def _matching(answers: Answers) -> dict[str, Any]:
    pairs = []
    for piece in _pieces(answers.source, "="):
        left, arrow, right = piece.partition("->")
        if not arrow:
            raise BrokenQuestion(
                (), f"the line {shown(piece)[:40]!r} has no '->' and its partner."
            )
        right, mark, _ = right.partition("#")
        if mark:
            answers.losses.append("the feedback of a pair, which GIFT does not have")
        bare = left.rstrip("-")
        if bare != left and bare[-1:].isspace():
            answers.losses.append("'-->' is read as '->'")
            left = bare
        if weighed := _WEIGHT.match(left.strip()):
            answers.losses.append(f"the weight {weighed[0]} of a pair: all count alike")
            left = left.strip()[weighed.end() :]
        line, partner = answers.reader.answer(left), on_one_line(right)
        pairs.append((line, partner))
    return matching_fields(pairs, answers.losses)


def _truefalse(answers: Answers, found: "re.Match[str]") -> dict[str, Any]:
    word = found[1]
    if word != word.upper():
        answers.losses.append(
            f"{word!r} is read as {word.upper()}: Moodle asks for text"
        )
    is_true = word.upper().startswith("T")
    # The first feedback is for the wrong answer, the second for the right one.
    _, _, feedback = answers.source.partition("#")
    wrong, _, right = feedback.partition("#")
    said = [answers.reader.answer(text) for text in (right, wrong)]
    return truefalse_fields(is_true, *(said if is_true else reversed(said)))


def _numeric(answers: Answers) -> dict[str, Any]:
    source, tilde, others = answers.source[1:].partition("~")
    rows = [answers.row(piece, 100, "plain") for piece in _pieces(source, "=")]
    if tilde:
        rows.append(Row("*", 0, answers.row(others, 0).feedback))
    return number_fields(rows, answers.losses)


def number_fields(rows: list[Row], losses: list[str]) -> dict[str, Any]:
    """A numeric question; a ``*`` is any other answer, and only speaks."""
    for row in rows:
        if row.text == "*" and row.weight == 100:
            raise BrokenQuestion((), "any number is right: '*'.")
        if row.text == "*" and row.feedback:
            losses.append(f"the feedback {row.feedback!r} to any other answer")
    kept = [row for row in rows if row.text != "*"]
    return numeric_fields([number_row(row.text, row, losses) for row in kept], losses)


def number_row(text: str, row: Row, losses: list[str]) -> NumberRow:
    """``5``, ``5:0.1`` or ``4.9..5.1``."""
    if "..." in text:
        raise BrokenQuestion((), f"{text.strip()!r} has three dots: a range has two.")
    low, dots, high = text.partition("..")
    if dots:
        first, last = number_of(low, losses), number_of(high, losses)
        if float(last) < float(first):
            raise BrokenQuestion((), f"the range {text.strip()!r} goes downwards.")
        return NumberRow(
            f"({first} + {last}) / 2", f"({last} - {first}) / 2", row.weight,
            row.feedback,
        )  # fmt: skip
    answer, _, tolerance = text.partition(":")
    return NumberRow(
        number_of(answer, losses),
        number_of(tolerance, losses).removeprefix("-") if tolerance.strip() else "0",
        row.weight,
        row.feedback,
    )


def _gap(answers: Answers) -> dict[str, Any]:
    """A gap of a Cloze text."""
    kind = gap_type(answers.source)
    rows = []
    for piece, weight in gap_rows(answers.source):
        row = answers.row(piece, weight)
        rows.append(row)
    if kind == "NUMERICAL":
        return number_fields(rows, answers.losses)
    if kind == "SHORTANSWER":
        return shorttext_fields([starred(row) for row in rows], answers.losses)
    if kind == "MULTIRESPONSE":
        # Its weights are shares of what all right ones weigh.
        total = sum(max(row.weight, 0) for row in rows) or 100
        rows = [
            Row(row.text, row.weight * 100 / total if row.weight > 0 else row.weight,
                row.feedback)
            for row in rows
        ]  # fmt: skip
    return choice_fields(rows, kind == "MULTICHOICE", answers.losses)
