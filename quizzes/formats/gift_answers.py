r"""The part of a GIFT question between its braces.

Escapes are hidden first: each ``\x`` becomes one character of a private area, so that
the rest may split at ``= ~ # { } :`` without looking back.
"""

import re
from typing import Any

from quizzes.errors import BrokenQuestion

ESCAPED = "~=#{}:\\n"
_PRIVATE = 0xE100
_ANSWER = re.compile(r"([=~])(?:%(-?[0-9.]+)%)?([^=~]*)")
_TRUTH = re.compile(r"^(TRUE|FALSE|T|F)\b", re.IGNORECASE)


def hidden(text: str) -> str:
    """``text`` with its escapes as private characters."""
    return re.sub(
        r"\\([~=#{}:\\n])",
        lambda match: chr(_PRIVATE + ESCAPED.index(match[1])),
        text,
    )


def shown(text: str) -> str:
    """The reverse of hidden(), without the backslashes."""
    for at, letter in enumerate(ESCAPED):
        text = text.replace(chr(_PRIVATE + at), "\n" if letter == "n" else letter)
    return text.strip()


def answer_fields(name: str, answers: str, losses: list[str]) -> dict[str, Any]:
    """Kind and own fields of the question; what is lost goes to ``losses``."""
    answers, _, general = answers.partition("####")
    fields = _fields(name, answers.strip(), losses)
    if general.strip():
        fields["explanation"] = shown(general)
    return fields


def _fields(name: str, answers: str, losses: list[str]) -> dict[str, Any]:
    if _TRUTH.match(answers):
        return _truefalse(answers)
    if answers.startswith("#"):
        return _numeric(name, answers[1:].strip(), losses)
    rows = [_row(found) for found in _ANSWER.finditer(answers)]
    if not rows:
        raise BrokenQuestion((), f"{name}: no answer begins with = or ~.")
    if all(row["sign"] == "=" and "->" in row["text"] for row in rows):
        return _matching(name, rows, losses)
    if any(row["sign"] == "~" for row in rows):
        return _choices(name, rows, losses)
    return _shorttext(name, rows, losses)


def _row(found: "re.Match[str]") -> dict[str, Any]:
    text, _, feedback = found[3].partition("#")
    return {
        "sign": found[1],
        "weight": float(found[2]) if found[2] is not None else None,
        "text": text.strip(),
        "feedback": shown(feedback),
    }


def _truefalse(answers: str) -> dict[str, Any]:
    word, _, feedback = answers.partition("#")
    is_true = word.strip().upper().startswith("T")
    # The first feedback is for the wrong answer, the second for the right one.
    wrong, _, right = feedback.partition("#")
    because = {
        "true": shown(right if is_true else wrong) or ("Right." if is_true else "No."),
        "false": shown(wrong if is_true else right) or ("No." if is_true else "Right."),
    }
    return {"kind": "truefalse", "answer": is_true, "because": because}


def _choices(
    name: str, rows: list[dict[str, Any]], losses: list[str]
) -> dict[str, Any]:
    has_equals = any(row["sign"] == "=" for row in rows)
    kind = "single" if has_equals else "multiple"
    choices: list[dict[str, Any]] = []
    for row in rows:
        weight = row["weight"]
        is_right = row["sign"] == "=" or (not has_equals and (weight or 0) > 0)
        if has_equals and weight not in (None, 0, 100):
            losses.append(f"{name}: the weight {weight:g} % of {shown(row['text'])!r}")
        because = row["feedback"] or ("Right." if is_right else "No.")
        choices.append(
            {"text": shown(row["text"]), "right": is_right, "because": because}
        )
    if kind == "single" and sum(choice["right"] for choice in choices) > 1:
        kind = "multiple"
    return {"kind": kind, "choices": choices}


def _matching(
    name: str, rows: list[dict[str, Any]], losses: list[str]
) -> dict[str, Any]:
    pairs, decoys = [], []
    for row in rows:
        left, _, right = row["text"].partition("->")
        if row["feedback"]:
            losses.append(f"{name}: feedback of a pair, which GIFT does not have")
        if shown(left):
            pairs.append({"left": shown(left), "right": shown(right)})
        else:
            decoys.append(shown(right))
    fields: dict[str, Any] = {"kind": "matching", "pairs": pairs}
    return fields | ({"decoys": decoys} if decoys else {})


def _shorttext(
    name: str, rows: list[dict[str, Any]], losses: list[str]
) -> dict[str, Any]:
    accepted: list[str] = []
    fields: dict[str, Any] = {"kind": "shorttext", "accepted": accepted}
    for row in rows:
        weight = row["weight"]
        if weight == 0:
            because = row["feedback"] or "No."
            mistake = {"answer": shown(row["text"]), "because": because}
            fields.setdefault("mistakes", []).append(mistake)
            continue
        if weight not in (None, 100):
            losses.append(f"{name}: the weight {weight:g} % of {shown(row['text'])!r}")
        accepted.append(shown(row["text"]))
        if row["feedback"]:
            fields.setdefault("explanation", row["feedback"])
    if not accepted:
        raise BrokenQuestion((), f"{name}: no answer is right.")
    return fields


def _numeric(name: str, answers: str, losses: list[str]) -> dict[str, Any]:
    rows = [_row(found) for found in _ANSWER.finditer(answers)]
    if not rows:
        text, _, feedback = answers.partition("#")
        rows = [{"weight": None, "text": text, "feedback": shown(feedback)}]
    fields: dict[str, Any] = {"kind": "numeric"}
    for row in rows:
        if row["weight"] == 0:
            text = row["text"].strip()
            fields.setdefault("mistakes", []).append(
                {"answer": _span(name, text)[0], "because": row["feedback"] or "No."}
            )
        elif "answer" in fields or row["weight"] not in (None, 100):
            losses.append(f"{name}: the second right answer {shown(row['text'])!r}")
        else:
            fields["answer"], fields["tolerance"] = _span(name, row["text"].strip())
            if row["feedback"]:
                fields["explanation"] = row["feedback"]
    if "answer" not in fields:
        raise BrokenQuestion((), f"{name}: no number is right.")
    return fields


def _span(name: str, text: str) -> tuple[str, str]:
    """Answer and tolerance of ``5``, ``5:0.1`` or ``4.9..5.1``."""
    number = r"\s*(-?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*"
    if found := re.fullmatch(rf"{number}\.\.{number}", text):
        low, high = found[1], found[2]
        return f"({low} + {high}) / 2", f"({high} - {low}) / 2"
    if found := re.fullmatch(rf"{number}(?::{number})?", text):
        return found[1], found[2] or "0"
    raise BrokenQuestion((), f"{name}: {shown(text)!r} is not a number or a range.")
