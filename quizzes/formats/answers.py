"""Answers of foreign questions as fields of the bank: what GIFT and Moodle XML share.

A reader brings ``Row``s, their texts plain; each function here makes the fields of one
kind and says what it loses. Raises BrokenQuestion for what cannot be asked.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from quizzes.errors import BrokenQuestion
from quizzes.expressions import evaluate
from quizzes.formats.letters import HIDING_LAST
from quizzes.formats.plain_text import has_html
from quizzes.spelling import is_same

Losses = list[str]
RIGHT, WRONG = "Right.", "No."
"""Said where an author gave no reason."""
_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:[.,]([0-9]*))?(?:[eE]([+-]?[0-9]{1,2}))?")


@dataclass(frozen=True, slots=True)
class Row:
    """An answer: its text, what it earns in per cent, and what is said about it."""

    text: str
    weight: float
    feedback: str = ""


def choice_fields(
    rows: Sequence[Row], is_single: bool, losses: Losses
) -> dict[str, Any]:
    """A single or multiple choice; of the right ones each earns the same here."""
    kept = _different(rows, losses)
    if is_single:
        right = [row for row in kept if row.weight == 100]
        for row in kept:
            if row.weight not in (0, 100):
                losses.append(f"the weight {row.weight:g} % of {row.text!r}: no credit")
        if len(right) > 1:
            losses.append(
                f"any one of {len(right)} right choices is enough there; here all are "
                "to be ticked"
            )
    else:
        right = [row for row in kept if row.weight > 0]
        _lose_weights(kept, right, losses)
    if not right:
        raise BrokenQuestion(
            (), "no choice is right: none begins with = or earns 100 %."
        )
    choices = [
        {
            "text": row.text,
            "right": row in right,
            "because": row.feedback or (RIGHT if row in right else WRONG),
        }
        for row in kept
    ]
    kind = "single" if is_single and len(right) == 1 else "multiple"
    return {"kind": kind, "choices": choices}


def _different(rows: Sequence[Row], losses: Losses) -> list[Row]:
    kept: dict[str, Row] = {}
    for row in rows:
        if not row.text:
            if row.feedback or row.weight:
                losses.append(f"an empty choice of {row.weight:g} %, {row.feedback!r}")
            else:
                losses.append("an empty choice")
        elif row.text not in kept:
            kept[row.text] = row
        elif (kept[row.text].weight > 0) != (row.weight > 0):
            raise BrokenQuestion(
                (),
                f"the choice {row.text!r} is right and wrong (in GIFT an = of a text "
                r"is written \=).",
            )
        else:
            losses.append(f"the second choice {row.text!r}")
    return list(kept.values())


def _lose_weights(rows: list[Row], right: list[Row], losses: Losses) -> None:
    """Here each right choice earns 1/n and each wrong one costs it."""
    share = 100 / len(right) if right else 0
    if any(abs(row.weight - share) > 0.5 for row in right):
        weights = ", ".join(f"{row.weight:g} %" for row in right)
        losses.append(f"the weights {weights}: each right choice earns the same")
    wrong = [row for row in rows if row not in right]
    if any(abs(row.weight + share) > 0.5 for row in wrong):
        weights = ", ".join(dict.fromkeys(f"{row.weight:g} %" for row in wrong))
        losses.append(
            f"the weights of wrong choices, {weights}: each costs what a right one "
            "earns"
        )


def shorttext_fields(rows: Sequence[Row], losses: Losses) -> dict[str, Any]:
    """A short text: what does not earn all is a foreseen mistake."""
    right = [_without_star(row, losses) for row in rows if row.weight == 100]
    accepted = list(dict.fromkeys(row.text for row in right if row.text))
    if not accepted:
        raise BrokenQuestion((), "no answer is right.")
    losses += [f"{said!r} is to be typed with its HTML, as in Moodle" for said in
               accepted if has_html(said)]  # fmt: skip
    fields: dict[str, Any] = {"kind": "shorttext", "accepted": accepted}
    mistakes = []
    for row in (row for row in rows if row.weight != 100):
        text = row.text.replace(STAR, "*")
        if STAR in row.text or not text:
            if row.feedback:
                losses.append(f"the feedback {row.feedback!r} to any {text!r}")
            continue
        if any(is_same(text, other) for other in accepted):
            losses.append(f"the wrong answer {text!r}: it reads as a right one")
            continue
        if row.weight:
            losses.append(f"the weight {row.weight:g} % of {text!r}: no credit")
        mistakes.append({"answer": text, "because": row.feedback or WRONG})
    if mistakes:
        fields["mistakes"] = mistakes
    return fields | _shared_feedback(right, losses)


STAR = chr(HIDING_LAST)
"""Any letters, which a ``*`` of Moodle's short answers stands for."""
_PRODUCT = re.compile(r"[0-9)\]]\s?\*|\*\s?[0-9(\[]|\([^()*]{1,80}\*")
"""A star that multiplies: beside a number or a bracket, or within brackets."""


def starred(row: Row) -> Row:
    r"""A short answer with its wildcards as STAR; ``\*`` is a star itself."""
    text = row.text.replace("\\*", "\0").replace("*", STAR).replace("\0", "*")
    return Row(text, row.weight, row.feedback)


def _without_star(row: Row, losses: Losses) -> Row:
    """A star at an end goes; elsewhere the answer cannot be said by one text."""
    if STAR not in row.text:
        return row
    said = row.text.replace(STAR, "*")
    rest = row.text.strip(STAR).strip()
    if rest == row.text and _PRODUCT.search(said):
        # The text itself is among those that Moodle accepts.
        losses.append(f"any letters for the * of {said!r}: it is read as a sign")
        return Row(said, row.weight, row.feedback)
    if not rest or STAR in rest:
        raise BrokenQuestion(
            (), f"{said!r} accepts any letters for the *: no text does."
        )
    losses.append(f"any letters for the * of {said!r}: {rest!r} alone is right")
    return Row(rest, row.weight, row.feedback)


def _shared_feedback(right: Sequence[Row], losses: Losses) -> dict[str, str]:
    """What is said of every right answer is the explanation; of some, a loss."""
    said = [row.feedback for row in right]
    if said and said[0] and len(set(said)) == 1:
        return {"explanation": said[0]}
    losses += [
        f"the feedback {row.feedback!r} to the right answer {row.text!r}"
        for row in right
        if row.feedback
    ]
    return {}


@dataclass(frozen=True, slots=True)
class NumberRow:
    """A number that is right or wrong; ``answer`` and ``tolerance`` are formulas."""

    answer: str
    tolerance: str
    weight: float
    feedback: str = ""

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest number that counts."""
        middle, off = (_value(text) for text in (self.answer, self.tolerance))
        return middle - off, middle + off


def _value(formula: str) -> float:
    return float(evaluate(formula, {}))


def numeric_fields(rows: Sequence[NumberRow], losses: Losses) -> dict[str, Any]:
    """One right number; wrong ones are foreseen mistakes."""
    right = [row for row in rows if row.weight == 100]
    if not right:
        raise BrokenQuestion((), "no number is right.")
    if len({row.bounds for row in right}) > 1:
        numbers = ", ".join(row.answer for row in right)
        raise BrokenQuestion((), f"{len(right)} numbers are right, {numbers}: one is.")
    key = right[0]
    fields: dict[str, Any] = {
        "kind": "numeric",
        "answer": key.answer,
        "tolerance": key.tolerance,
    }
    wrong = [row for row in rows if row.weight != 100]
    if mistakes := [row for row in wrong if _is_mistake(row, key, losses)]:
        fields["mistakes"] = [
            {"answer": row.answer, "because": row.feedback or WRONG} for row in mistakes
        ]
    if key.feedback:
        fields["explanation"] = key.feedback
    return fields


def _is_mistake(row: NumberRow, key: NumberRow, losses: Losses) -> bool:
    """Whether a wrong number can be foreseen: not if it counts as right here."""
    is_range = row.bounds[1] > row.bounds[0]
    said = f"{row.answer} ± {row.tolerance}" if is_range else row.answer
    if row.weight:
        losses.append(f"the second right answer {said} of {row.weight:g} %")
    low, high = key.bounds
    if low <= _value(row.answer) <= high:
        if row.feedback:
            losses.append(f"the feedback {row.feedback!r} to {said}")
        return False
    if row.weight and not row.feedback:
        return False
    if is_range:
        losses.append(f"the range of the wrong answer {said}: {row.answer} is foreseen")
    return True


def _in_ascii(text: str) -> str:
    """Digits of other scripts, and the minus sign, as a keyboard writes them."""
    digits = (str(unicodedata.decimal(letter, letter)) for letter in text)
    return "".join(digits).replace("\u2212", "-").replace("\u066b", ".")


def number_of(text: str, losses: Losses) -> str:
    """A number of a foreign file as the bank writes it; raises BrokenQuestion."""
    if (said := _in_ascii(text)) != text:
        losses.append(f"{text.strip()!r} is read as {said.strip()!r}")
        text = said
    found = _NUMBER.fullmatch(text.strip())
    if not found or not (found[2] or found[3]):
        raise BrokenQuestion((), f"{text.strip()[:40]!r} is not a number or a range.")
    sign, whole, part, power = found.groups()
    if "," in text:
        if len(part or "") == 3 and whole.strip("0"):
            raise BrokenQuestion(
                (), f"{text.strip()!r} may be thousands or decimals: write a point."
            )
        losses.append(f"the comma of {text.strip()!r} is read as a decimal point")
    number = (whole.lstrip("0") or "0") + (f".{part}" if part else "")
    return ("-" if sign == "-" else "") + number + (f"e{power}" if power else "")


def matching_fields(pairs: Sequence[tuple[str, str]], losses: Losses) -> dict[str, Any]:
    """Lines with their partners; a pair without a left is a decoy."""
    lines: dict[str, str] = {}
    decoys: list[str] = []
    losses += [f"the partner {right!r} is shown with its HTML" for _, right in pairs
               if has_html(right)]  # fmt: skip
    for left, right in pairs:
        if not right:
            raise BrokenQuestion((), f"the line {left!r} has no partner.")
        if not left:
            decoys.append(right)
        elif lines.get(left, right) != right:
            raise BrokenQuestion(
                (),
                f"the line {left!r} has two partners, {lines[left]!r} and {right!r}.",
            )
        elif left in lines:
            losses.append(f"the second pair {left!r}, {right!r}")
        else:
            lines[left] = right
    fields: dict[str, Any] = {
        "kind": "matching",
        "pairs": [{"left": left, "right": right} for left, right in lines.items()],
    }
    # Moodle too shows a partner that is also a decoy once.
    decoys = [decoy for decoy in dict.fromkeys(decoys) if decoy not in lines.values()]
    return fields | ({"decoys": decoys} if decoys else {})


def truefalse_fields(is_true: bool, true: str, false: str) -> dict[str, Any]:
    """True or false, and what is said about each."""
    because = {
        "true": true or (RIGHT if is_true else WRONG),
        "false": false or (WRONG if is_true else RIGHT),
    }
    return {"kind": "truefalse", "answer": is_true, "because": because}
