"""QTI 3: items read back by a reader of the tests, which scores as QTI says."""

import io
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from django.core.management import CommandError, call_command

from quizzes.bank import read_bank
from quizzes.expressions import fill
from quizzes.formats.qti_export import Package, to_qti
from quizzes.formats.qti_item import NAMESPACE
from quizzes.questions import Question
from quizzes.variants import variant_of
from tests.quizzes.formats.test_round_trips import generated

QTI = f"{{{NAMESPACE}}}qti-"


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return generated(5)[:280]


@pytest.fixture(scope="module")
def package(questions: list[Question]) -> Package:
    return to_qti(questions)


def item(package: Package, question: Question) -> Element:
    return ElementTree.fromstring(package.items[f"items/{question.name}.xml"])


def texts(root: Element, tag: str) -> list[str]:
    return [node.text or "" for node in root.iter(f"{QTI}{tag}")]


def correct(root: Element) -> list[str]:
    return [
        node.text or ""
        for node in root.findall(f"{QTI}response-declaration/{QTI}correct-response/*")
    ]


def mapped(root: Element) -> dict[str, float]:
    return {
        node.attrib["map-key"]: float(node.attrib["mapped-value"])
        for node in root.iter(f"{QTI}map-entry")
    }


def test_every_question_is_there_with_its_texts(package, questions) -> None:
    assert len(package.items) == len(questions)
    for question in questions:
        root, variant = item(package, question), variant_of(question, 0)
        lines = [row.text for row in root.findall(f"{QTI}item-body/")][:1]
        assert variant.text.strip("`") in (lines[0] or "", f"`{lines[0]}`", *lines)
        said = texts(root, "feedback-inline")
        assert said == [fill(choice.because, {}) for choice in question.choices]
        modal = [p.text for p in root.findall(f"{QTI}modal-feedback//{{{NAMESPACE}}}p")]
        wanted = [fill(mistake.because, {}) for mistake in question.mistakes]
        assert modal == wanted + [variant.explanation()] * bool(variant.explanation())


def choice(root: Element, question: Question) -> None:
    told = texts(root, "simple-choice")
    rows = question.choices or question.items
    assert told == [fill(row.text, {}) for row in rows]


def single(root: Element, question: Question) -> None:
    choice(root, question)
    [right] = [n for n, c in enumerate(question.choices, 1) if c.is_right]
    assert correct(root) == [f"choice-{right}"]


def multiple(root: Element, question: Question) -> None:
    choice(root, question)
    share = 1 / sum(c.is_right for c in question.choices)
    assert mapped(root) == {
        f"choice-{n}": pytest.approx(share if c.is_right else -share, rel=1e-5)
        for n, c in enumerate(question.choices, 1)
    }


def numeric(root: Element, question: Question) -> None:
    assert [Fraction(text) for text in correct(root)] == [Fraction(question.answer)]
    equal = next(root.iter(f"{QTI}equal"))
    assert equal.attrib["tolerance"] == f"{question.tolerance} {question.tolerance}"


def shorttext(root: Element, question: Question) -> None:
    assert mapped(root) == {fill(text, {}): 1 for text in question.accepted}


def ordering(root: Element, question: Question) -> None:
    choice(root, question)
    assert correct(root) == [f"line-{n}" for n in range(1, len(question.items) + 1)]


def matching(root: Element, question: Question) -> None:
    told = {
        node.attrib["identifier"]: node.text
        for node in root.iter(f"{QTI}simple-associable-choice")
    }
    pairs = [tuple(told[name] for name in key.split()) for key in mapped(root)]
    assert pairs == [(fill(p.left, {}), fill(p.right, {})) for p in question.pairs]
    assert {fill(decoy, {}) for decoy in question.decoys} <= set(told.values())
    assert sum(mapped(root).values()) == pytest.approx(1)


READERS: dict[str, Callable[[Element, Question], None]] = {
    "single": single,
    "truefalse": single,
    "multiple": multiple,
    "numeric": numeric,
    "shorttext": shorttext,
    "ordering": ordering,
    "matching": matching,
}


def test_what_is_right_comes_back(package, questions) -> None:
    for question in questions:
        READERS[question.kind](item(package, question), question)


def test_the_bank_is_a_package_and_each_loss_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bank.zip"
    err = io.StringIO()
    call_command("exportquizzes", "qti", output=path, stderr=err)
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        manifest = ElementTree.fromstring(file.read("imsmanifest.xml"))
        named = [
            node.attrib["href"] for node in manifest.iter() if "href" in node.attrib
        ]
        assert set(named) == set(file.namelist()) - {"imsmanifest.xml"}
    for name, question in read_bank().questions.items():
        if question.kind == "measured":
            assert f"{name}: the whole question" in err.getvalue()
        else:
            assert f"items/{name}.xml" in named
        assert (f"{name}: hints" in err.getvalue()) == bool(
            question.hints and question.kind != "measured"
        )


def test_the_same_questions_give_the_same_package(questions) -> None:
    assert to_qti(questions).zipped() == to_qti(questions).zipped()


def test_a_package_needs_a_file() -> None:
    with pytest.raises(CommandError, match="--output"):
        call_command("exportquizzes", "qti")
