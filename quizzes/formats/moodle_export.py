"""Questions as Moodle XML. Source: docs.moodle.org, "Moodle XML format".

Parametrised questions are written as one variant and measured ones not at all; both
are named in ``losses``, as is all else that Moodle has no place for.
"""

from collections.abc import Callable, Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

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

CARRIED = frozenset({"tags", "hints", "decoys"})


def to_moodle_xml(questions: Iterable[Question]) -> Exported:
    """One ``<quiz>`` of all questions that Moodle can ask."""
    exported = Exported()
    quiz = Element("quiz")
    for question in questions:
        if question.kind not in WRITERS:
            exported.lose(
                question, f"the whole question: Moodle has no {question.kind}"
            )
            continue
        common_losses(exported, question, CARRIED)
        variant = exported_variant(question)
        kind, write = WRITERS[question.kind]
        row = SubElement(quiz, "question", type=kind)
        _text(SubElement(row, "name"), title_of(variant))
        _text(SubElement(row, "questiontext", format="plain_text"), variant.text)
        feedback = SubElement(row, "generalfeedback", format="plain_text")
        _text(feedback, variant.explanation())
        SubElement(row, "defaultgrade").text = "1"
        SubElement(row, "idnumber").text = question.name
        write(exported, row, variant)
        for hint in variant.hints:
            _text(SubElement(row, "hint", format="plain_text"), hint)
        tags = SubElement(row, "tags")
        for tag in question.tags:
            _text(SubElement(tags, "tag"), tag)
    indent(quiz)
    exported.text = tostring(quiz, encoding="unicode", xml_declaration=True)
    return exported


def _text(parent: Element, text: str) -> None:
    SubElement(parent, "text").text = text


def _answer(row: Element, text: str, fraction: float, because: str) -> Element:
    share = f"{fraction:.5f}".rstrip("0").rstrip(".")
    answer = SubElement(row, "answer", fraction=share, format="plain_text")
    _text(answer, text)
    _text(SubElement(answer, "feedback", format="plain_text"), because)
    return answer


def _choices(exported: Exported, row: Element, variant: Variant) -> None:
    question = variant.question
    SubElement(row, "single").text = str(question.kind == "single").lower()
    SubElement(row, "shuffleanswers").text = "true"
    SubElement(row, "answernumbering").text = "none"
    num_right = sum(choice.is_right for choice in question.choices)
    for part in sorted(variant.parts, key=lambda part: part.index):
        is_right = question.choices[part.index].is_right
        # Here a wrong choice costs what a right one earns.
        wrong = 0 if question.kind == "single" else -100 / num_right
        fraction = 100 / num_right if is_right else wrong
        _answer(row, part.text, fraction, variant.because(part))


def _truefalse(exported: Exported, row: Element, variant: Variant) -> None:
    for choice in variant.question.choices:
        _answer(
            row, choice.text.lower(), 100 * choice.is_right, fill(choice.because, {})
        )


def _numeric(exported: Exported, row: Element, variant: Variant) -> None:
    key = variant.key()
    assert isinstance(key, NumericKey)
    right = _answer(row, plain_number(key.value), 100, "")
    SubElement(right, "tolerance").text = plain_number(key.tolerance)
    for mistake in variant.question.mistakes:
        wrong = plain_number(evaluate(mistake.answer, variant.values))
        answer = _answer(row, wrong, 0, fill(mistake.because, variant.values))
        SubElement(answer, "tolerance").text = "0"
    if key.unit:
        units = SubElement(SubElement(row, "units"), "unit")
        SubElement(units, "multiplier").text = "1"
        SubElement(units, "unit_name").text = key.unit


def _matching(exported: Exported, row: Element, variant: Variant) -> None:
    question = variant.question
    if any(pair.because for pair in question.pairs):
        exported.lose(question, "the reasons of its pairs")
    SubElement(row, "shuffleanswers").text = "true"
    for left, right in pairs_of(variant):
        pair = SubElement(row, "subquestion", format="plain_text")
        _text(pair, left)
        _text(SubElement(pair, "answer"), right)


def _shorttext(exported: Exported, row: Element, variant: Variant) -> None:
    SubElement(row, "usecase").text = "0"
    for text in variant.question.accepted:
        _answer(row, _starless(fill(text, variant.values)), 100, "")
    for mistake in variant.question.mistakes:
        wrong = _starless(fill(mistake.answer, variant.values))
        _answer(row, wrong, 0, fill(mistake.because, variant.values))


def _starless(text: str) -> str:
    """A short answer in which no star stands for any letters."""
    return text.replace("*", "\\*")


def _ordering(exported: Exported, row: Element, variant: Variant) -> None:
    question = variant.question
    if any(item.because for item in question.items):
        exported.lose(question, "the reasons of its lines")
    SubElement(row, "layouttype").text = "VERTICAL"
    SubElement(row, "selecttype").text = "ALL"
    for place, item in enumerate(question.items, 1):
        _answer(row, fill(item.text, variant.values), place, "")


WRITERS: dict[str, tuple[str, Callable[[Exported, Element, Variant], None]]] = {
    "single": ("multichoice", _choices),
    "multiple": ("multichoice", _choices),
    "truefalse": ("truefalse", _truefalse),
    "numeric": ("numerical", _numeric),
    "matching": ("matching", _matching),
    "shorttext": ("shortanswer", _shorttext),
    "ordering": ("ordering", _ordering),
}
