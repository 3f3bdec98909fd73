"""Moodle XML: read back by a reader of the tests, nothing missing but what is named."""

from xml.etree import ElementTree

from quizzes.bank import read_bank
from quizzes.formats.moodle_export import WRITERS, to_moodle_xml
from quizzes.variants import variant_of


def test_every_question_comes_back_as_it_was() -> None:
    bank = read_bank()
    exported = to_moodle_xml(bank.questions.values())
    rows = {
        row.findtext("idnumber"): row for row in ElementTree.fromstring(exported.text)
    }
    for name, question in bank.questions.items():
        lost = [loss for loss in exported.losses if loss.startswith(f"{name}: ")]
        if question.kind == "measured":
            assert name not in rows and any("whole question" in loss for loss in lost)
            continue
        row, variant = rows[name], variant_of(question, 0)
        assert row.get("type") == WRITERS[question.kind][0]
        assert row.findtext("questiontext/text") == variant.text
        assert (row.findtext("generalfeedback/text") or "") == variant.explanation()
        assert [h.findtext("text") for h in row.findall("hint")] == list(variant.hints)
        tags = [tag.findtext("text") for tag in row.findall("tags/tag")]
        assert tags == list(question.tags)
        assert any("section" in loss for loss in lost) == bool(question.section)
        if question.choices:
            told = [
                (a.findtext("text"), float(a.get("fraction", "0")) > 0,
                 a.findtext("feedback/text"))
                for a in row.findall("answer")
            ]  # fmt: skip
            wanted = [(c.text, c.is_right, c.because) for c in question.choices]
            if question.kind == "truefalse":
                wanted = [(text.lower(), right, why) for text, right, why in wanted]
            assert told == wanted
        if question.pairs:
            told = [
                (s.findtext("text"), s.findtext("answer/text"))
                for s in row.findall("subquestion")
            ]
            pairs = [(p.left, p.right) for p in question.pairs]
            assert [(a or "", b) for a, b in told] == [
                *pairs, *(("", d) for d in question.decoys)
            ]  # fmt: skip
        if question.kind == "numeric":
            key = variant.key()
            answer = row.find("answer")
            assert answer is not None
            assert abs(float(answer.findtext("text")) - key.value) <= max(
                float(key.tolerance), abs(float(key.value)) * 1e-5
            )
            assert (row.findtext("units/unit/unit_name") or "") == question.unit
        if question.kind == "ordering":
            told = [answer.findtext("text") for answer in row.findall("answer")]
            assert told == [item.text for item in question.items]
