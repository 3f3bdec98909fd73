"""Questions as GIFT; what GIFT has no place for is named in ``losses``."""

import re
from collections.abc import Callable, Iterable

from quizzes.expressions import evaluate, fill
from quizzes.formats.losses import (
    Exported,
    common_losses,
    exported_variant,
    pairs_of,
    plain_number,
    title_of,
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
        marks = "".join(f" [tag:{_in_mark(tag)}]" for tag in question.tags)
        answers = WRITERS[question.kind](exported, variant)
        general = variant.explanation()
        tail = f"\n####{_text(general)}" if general else ""
        head = (
            f"// [id:{question.name}]{marks}\n::{escaped(title_of(variant))}::[plain]"
        )
        parts.append(f"{head}{escaped(variant.text)} {{{answers}{tail}\n}}\n")
    exported.text = "\n".join(parts)
    return exported


def escaped(text: str) -> str:
    """``text`` with GIFT's own characters escaped, on one line."""
    return re.sub(r"([\\~=#{}:])", r"\\\1", text).replace("\n", "\\n")


def _text(text: str) -> str:
    """A text whose "[html]" or "%50%" at the beginning is no mark."""
    return ("[plain]" if text.startswith(("[", "%")) else "") + escaped(text)


def _in_mark(tag: str) -> str:
    return tag.replace("\\", "\\\\").replace("]", "\\]")


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
            # Here a wrong choice costs what a right one earns.
            sign = f"~%-{100 / num_right:.5g}%"
        rows.append(f"\n{sign}{_text(part.text)} #{_text(variant.because(part))}")
    return "".join(rows)


def _truefalse(exported: Exported, variant: Variant) -> str:
    true, false = variant.question.choices
    right, wrong = (true, false) if true.is_right else (false, true)
    word = "TRUE" if true.is_right else "FALSE"
    said = [_text(fill(choice.because, {})) for choice in (wrong, right)]
    return f"{word}#{said[0]}#{said[1]}"


def _numeric(exported: Exported, variant: Variant) -> str:
    key = variant.key()
    assert isinstance(key, NumericKey)
    if key.unit:
        exported.lose(variant.question, f"the unit {key.unit}")
    rows = [f"\n={plain_number(key.value)}:{plain_number(key.tolerance)}"]
    for mistake in variant.question.mistakes:
        wrong = evaluate(mistake.answer, variant.values)
        because = _text(fill(mistake.because, variant.values))
        rows.append(f"\n=%0%{plain_number(wrong)}:0#{because}")
    return "#" + "".join(rows)


def _matching(exported: Exported, variant: Variant) -> str:
    question = variant.question
    if any(pair.because for pair in question.pairs):
        exported.lose(question, "the reasons of its pairs")
    pairs = [[_arrowless(exported, variant, t) for t in p] for p in pairs_of(variant)]
    return "".join(f"\n={_text(left)} -> {escaped(right)}" for left, right in pairs)


def _arrowless(exported: Exported, variant: Variant, text: str) -> str:
    """``->`` stands between a line and its partner, and cannot be escaped."""
    if "->" in text:
        exported.lose(variant.question, "its '->', which GIFT cannot escape: now '→'")
    return text.replace("->", "→")


def _shorttext(exported: Exported, variant: Variant) -> str:
    question = variant.question
    answers = [(fill(text, variant.values), "") for text in question.accepted]
    answers += [
        (fill(mistake.answer, variant.values), fill(mistake.because, variant.values))
        for mistake in question.mistakes
    ]
    rows = []
    for at, texts in enumerate(answers):
        text, because = (_arrowless(exported, variant, said) for said in texts)
        weight = "" if at < len(question.accepted) else "%0%"
        # A star stands for any letters.
        rows.append(f"\n={weight}{_text(text.replace('*', chr(92) + '*'))}")
        rows[-1] += f" #{_text(because)}" if because else ""
    return "".join(rows)


WRITERS: dict[str, Callable[[Exported, Variant], str]] = {
    "single": _choices,
    "multiple": _choices,
    "truefalse": _truefalse,
    "numeric": _numeric,
    "matching": _matching,
    "shorttext": _shorttext,
}
