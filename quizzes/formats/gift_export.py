"""Questions as GIFT; what GIFT has no place for is named in ``losses``."""

import re
from collections.abc import Callable, Iterable

from quizzes.expressions import evaluate, fill
from quizzes.formats.losses import (
    Exported,
    common_losses,
    exported_variant,
    plain_number,
)
from quizzes.grading import NumericKey
from quizzes.questions import Question
from quizzes.variants import Variant

CARRIED = frozenset({"tags", "decoys"})


def to_gift(questions: Iterable[Question]) -> Exported:
    """One file of all questions that GIFT can ask."""
    exported = Exported()
    parts = []
    for question in questions:
        if question.kind not in WRITERS:
            exported.lose(question, f"the whole question: GIFT has no {question.kind}")
            continue
        common_losses(exported, question, CARRIED)
        variant = exported_variant(question)
        marks = "".join(f" [tag:{tag}]" for tag in question.tags)
        answers = WRITERS[question.kind](exported, variant)
        general = variant.explanation()
        tail = f"\n####{escaped(general)}" if general else ""
        head = f"// [id:{question.name}]{marks}\n::{escaped(question.name)}:: "
        parts.append(f"{head}{escaped(variant.text)} {{{answers}{tail}\n}}\n")
    exported.text = "\n".join(parts)
    return exported


def escaped(text: str) -> str:
    """``text`` with GIFT's own characters escaped, on one line."""
    return re.sub(r"([\\~=#{}:])", r"\\\1", text).replace("\n", "\\n")


def _choices(exported: Exported, variant: Variant) -> str:
    question = variant.question
    num_right = sum(choice.is_right for choice in question.choices)
    rows = []
    for part in sorted(variant.parts, key=lambda part: part.index):
        is_right = question.choices[part.index].is_right
        if question.kind == "single":
            sign = "=" if is_right else "~"
        elif is_right:
            sign = f"~%{100 / num_right:.5g}%"
        else:
            sign = "~%-100%"
        rows.append(f"\n{sign}{escaped(part.text)} #{escaped(variant.because(part))}")
    return "".join(rows)


def _truefalse(exported: Exported, variant: Variant) -> str:
    true, false = variant.question.choices
    right, wrong = (true, false) if true.is_right else (false, true)
    word = "TRUE" if true.is_right else "FALSE"
    return f"{word}#{escaped(wrong.because)}#{escaped(right.because)}"


def _numeric(exported: Exported, variant: Variant) -> str:
    key = variant.key()
    assert isinstance(key, NumericKey)
    if key.unit:
        exported.lose(variant.question, f"the unit {key.unit}")
    rows = [f"\n={plain_number(key.value)}:{plain_number(key.tolerance)}"]
    for mistake in variant.question.mistakes:
        wrong = evaluate(mistake.answer, variant.values)
        because = escaped(fill(mistake.because, variant.values))
        rows.append(f"\n=%0%{plain_number(wrong)}:0#{because}")
    return "#" + "".join(rows)


def _matching(exported: Exported, variant: Variant) -> str:
    question = variant.question
    if any(pair.because for pair in question.pairs):
        exported.lose(question, "the reasons of its pairs")
    rows = [f"\n={escaped(p.left)} -> {escaped(p.right)}" for p in question.pairs]
    rows += [f"\n= -> {escaped(decoy)}" for decoy in question.decoys]
    return "".join(rows)


def _shorttext(exported: Exported, variant: Variant) -> str:
    question = variant.question
    rows = [f"\n={escaped(text)}" for text in question.accepted]
    rows += [
        f"\n=%0%{escaped(m.answer)} #{escaped(m.because)}" for m in question.mistakes
    ]
    return "".join(rows)


WRITERS: dict[str, Callable[[Exported, Variant], str]] = {
    "single": _choices,
    "multiple": _choices,
    "truefalse": _truefalse,
    "numeric": _numeric,
    "matching": _matching,
    "shorttext": _shorttext,
}
