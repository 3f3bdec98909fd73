"""Moodle XML in: what Moodle writes, and what strangers may send."""

import base64
import time

import pytest

from quizzes.bank import Bank
from quizzes.errors import BrokenQuestion
from quizzes.formats.checking import for_bank
from quizzes.formats.imported import Imported
from quizzes.formats.moodle_import import read_moodle_xml

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 20).decode()


def quiz(*questions: str) -> Imported:
    text = "\n".join(questions)
    return read_moodle_xml(f"<?xml version='1.0'?>\n<quiz>\n{text}\n</quiz>".encode())


def question(kind: str, inner: str, text: str = "What?", name: str = "Q") -> str:
    return (
        f'<question type="{kind}"><name><text>{name}</text></name>'
        f'<questiontext format="html"><text><![CDATA[{text}]]></text></questiontext>'
        f"{inner}</question>"
    )


def answer(fraction: float, text: str, feedback: str = "", more: str = "") -> str:
    return (
        f'<answer fraction="{fraction}" format="html"><text>{text}</text>'
        f"<feedback><text>{feedback}</text></feedback>{more}</answer>"
    )


KINDS = [
    (question("multichoice", "<single>true</single>" + answer(100, "a", "yes")
              + answer(0, "b")), "single"),
    (question("multichoice", "<single>false</single>" + answer(50, "a")
              + answer(50, "b") + answer(-50, "c")), "multiple"),
    (question("truefalse", answer(100, "true") + answer(0, "false")), "truefalse"),
    (question("shortanswer", answer(100, "a") + answer(0, "b", "no")), "shorttext"),
    (question("numerical", answer(100, "5", "", "<tolerance>0.1</tolerance>")),
     "numeric"),
    (question("matching", "".join(
        f"<subquestion><text>{a}</text><answer><text>{b}</text></answer></subquestion>"
        for a, b in (("a", "1"), ("b", "2"), ("", "3")))), "matching"),
    (question("ordering", answer(2, "second") + answer(1, "first")), "ordering"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "kind"), KINDS)
def test_each_kind_is_read(source: str, kind: str) -> None:
    imported = quiz(source)
    [body] = for_bank(imported, Bank())
    assert (body["kind"], body["id"], body["title"]) == (kind, "q", "Q")
    assert (imported.refused, imported.losses) == ([], [])


def test_what_belongs_to_a_question_comes_with_it() -> None:
    inner = (
        '<generalfeedback format="html"><text><![CDATA[<p>Why<br>so</p>]]></text>'
        "</generalfeedback><idnumber>Nr 7</idnumber>"
        "<hint><text>Look.</text></hint><tags><tag><text>x</text></tag></tags>"
        "<units><unit><multiplier>1</multiplier><unit_name>GiB</unit_name></unit>"
        "</units>" + answer(100, "5") + answer(0, "6", "no")
    )
    category = (
        '<question type="category"><category><text>$course$/top/A</text></category>'
        "</question>"
    )
    [body] = quiz(category, question("numerical", inner)).bodies
    assert (body["id"], body["title"], body["unit"]) == ("nr-7", "Q", "GiB")
    assert (body["explanation"], body["hints"]) == ("Why\nso", ["Look."])
    assert body["tags"] == ["x", "A"]
    assert body["mistakes"] == [{"answer": "6", "because": "no"}]


@pytest.mark.parametrize(
    ("source", "loss"),
    [
        (question("essay", ""), "an essay"),
        (question("description", ""), "a description"),
        (question("shortanswer", "<usecase>1</usecase>" + answer(100, "a")),
         "capital letters"),
        (question("shortanswer", answer(100, "*a*")), "any letters for the *"),
        (question("shortanswer", answer(100, "a") + answer(25, "b")), "25 % of 'b'"),
        (question("numerical", answer(100, "5") + answer(0, "*", "no")),
         "'no' to any other answer"),
        (question("numerical", answer(100, "5") + "<units><unit><multiplier>1"
                  "</multiplier><unit_name>ell</unit_name></unit></units>"),
         "the unit ell"),
        (question("shortanswer", answer(100, "a") + "<defaultgrade>2</defaultgrade>"),
         "its mark, 2"),
        (question("shortanswer", answer(100, "a"), "<p>A <b>b</b></p>"), "without <b>"),
        (question("multichoice", answer(100, "a") + answer(0, "b")
                  + "<shuffleanswers>false</shuffleanswers>"), "the order"),
        (question("multichoice", answer(100, "a") + answer(0, "b")
                  + "<correctfeedback><text>Bravo</text></correctfeedback>"),
         "its correctfeedback"),
    ],
)  # fmt: skip
def test_what_is_not_taken_over_is_named_by_line_and_title(
    source: str, loss: str
) -> None:
    imported = quiz(question("truefalse", ""), source)
    assert any(
        said.startswith("line 4, 'Q': ") and loss in said for said in imported.losses
    ), imported.losses


def test_a_bad_question_is_refused_by_line_and_the_others_are_read() -> None:
    imported = quiz(
        question("ddwtos", "", name="Drag"),
        question("multichoice", answer(0, "a") + answer(0, "b"), name="None"),
        question("truefalse", answer(100, "true") + answer(0, "false")),
    )
    assert [body["id"] for body in imported.bodies] == ["q"]
    assert imported.refused == [
        "line 3, 'Drag': Moodle's kind 'ddwtos' cannot be asked here.",
        "line 4, 'None': no choice is right: none begins with = or earns 100 %.",
    ]


def test_images_become_files() -> None:
    file = f'<file name="a card.png" path="/" encoding="base64">{PNG}</file>'
    script = '<file name="x.svg" encoding="base64">PHN2Zy8+</file>'
    source = question("shortanswer", answer(100, "a"))
    source = source.replace("</text></questiontext>", f"</text>{file}{script}</questiontext>")  # fmt: skip # noqa: E501
    source = source.replace("What?", '<img src="@@PLUGINFILE@@/a%20card.png" alt="">?')
    imported = quiz(source)
    assert imported.bodies[0]["text"] == "[image: a card.png]?"
    assert imported.files["a-card.png"].startswith(b"\x89PNG")
    assert any("'a card.png' is not shown" in said for said in imported.losses)
    assert any("the file 'x.svg'" in said for said in imported.losses)
    assert list(imported.files) == ["a-card.png"]


def test_cloze_gaps_become_questions() -> None:
    text = r"<p>Set {1, 2} \alpha: {1:SA:=ten~%50%x} and {1:MCV:=a\}~b}.</p>"
    first, second = quiz(question("cloze", "", text)).bodies
    assert first["text"] == r"Set {1, 2} \alpha: _____ and […]."
    assert first["accepted"] == ["ten"]
    assert second["choices"][0]["text"] == "a}"
    assert (first["id"], second["id"]) == ("q-1", "q-2")


def test_what_a_cloze_text_has_beside_its_gaps_is_kept_or_named() -> None:
    inner = "<generalfeedback><text>Why.</text></generalfeedback><hidden>1</hidden>"
    inner += f"<image>old.png</image><image_base64>{PNG}</image_base64>"
    text = "A {2:SA:=a} or {1:MULTIRESPONSE:=b~=c~d}."
    imported = quiz(question("cloze", inner, text))
    assert [body["explanation"] for body in imported.bodies] == ["Why.", "Why."]
    said = "".join(imported.losses)
    assert "the weights 2, 1 of its gaps" in said and "that it is hidden" in said
    assert list(imported.files) == ["old.png"]
    assert "the image 'old.png'" in said and "weights 100" not in said


BOMB = "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12)
)  # fmt: skip


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (f'<!DOCTYPE q [<!ENTITY l0 "x">{BOMB}]><quiz>&l11;</quiz>', "document type"),
        ('<!DOCTYPE q [<!ENTITY x SYSTEM "file:///etc/passwd">]><quiz>&x;</quiz>',
         "document type"),
        ('<!DOCTYPE quiz SYSTEM "http://example.org/q.dtd"><quiz/>', "document type"),
        ("<quiz>" + "<a>" * 500 + "</a>" * 500 + "</quiz>", "in each other"),
        ("<quiz>&x;</quiz>", "undefined entity"),
        ("<quiz><question>", "line 1: not XML"),
        ("<html/>", "not <html>"),
        ("<?xml version='1.0' encoding='elvish'?><quiz/>", "not XML"),
        ("", "not XML"),
    ],
)  # fmt: skip
def test_what_is_no_quiz_is_refused_at_once(source: str, says: str) -> None:
    start = time.monotonic()
    with pytest.raises(BrokenQuestion, match=says):
        read_moodle_xml(source.encode())
    assert time.monotonic() - start < 2
