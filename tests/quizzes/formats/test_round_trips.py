"""Generated questions through each format and back: the same, or the loss is named."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
import yaml

from quizzes.bank import Bank, read_bank
from quizzes.expressions import fill
from quizzes.formats.bank_yaml import to_bank_yaml
from quizzes.formats.checking import for_bank
from quizzes.formats.gift import read_gift
from quizzes.formats.gift_export import to_gift
from quizzes.formats.imported import Imported
from quizzes.formats.moodle_export import to_moodle_xml
from quizzes.formats.moodle_import import read_moodle_xml
from quizzes.questions import Question, question_from

NUM_QUESTIONS = 700
WORDS = [
    "block", "Größe", "вопрос", "問題", "سؤال", "{", "}", "{{", "}}", "{n}", "{1, 2}",
    "{value a b}", "\\", "\\n", "\\neq", "\\frac{a}{b}", "$x^2$", "=", "~", "#", "####",
    ":", "::", "//", "%50%", "%", "*", "a*b", "<b>", "</b>", "<!-- x -->", "&amp;", "&",
    "[html]", "[id:x]", "]]>", "$CATEGORY: x", "ANSWER: A", "'", '"', "- ", "? ", "`x`",
    "é", "𝕏", "yes", "12:30", "010", "T", "TRUE", "1,024",
]  # fmt: skip


def text(random: Random, most: int = 5) -> str:
    """Words of every kind, on one line."""
    return " ".join(random.choices(WORDS, k=random.randint(1, most))).strip()


def different(random: Random, number: int) -> list[str]:
    """So many texts that no reader could take for each other."""
    return [f"{text(random, 3)} {letter}" for letter in "abcdefgh"[:number]]


def bodies(random: Random) -> Iterator[dict[str, Any]]:
    """A body of each kind, with texts as they are read: a brace is a brace."""
    common: dict[str, Any] = {"text": text(random), "tags": ["x]y", "z"]}
    if random.random() < 0.5:
        common |= {"explanation": text(random), "title": text(random)}
    number = random.randint(2, 5)
    right = random.randrange(number)
    choices = [
        {"text": said, "right": at == right, "because": text(random)}
        for at, said in enumerate(different(random, number))
    ]
    yield common | {"kind": "single", "choices": choices}
    many = [choice | {"right": at % 2 == 0} for at, choice in enumerate(choices)]
    yield common | {"kind": "multiple", "choices": many}
    yield common | {
        "kind": "truefalse",
        "answer": random.random() < 0.5,
        "because": {"true": text(random), "false": text(random)},
    }
    yield common | {
        "kind": "numeric",
        "answer": str(random.randint(-500, 500) / 8),
        "tolerance": random.choice(["0", "0.125"]),
        "mistakes": [{"answer": "1000", "because": text(random)}],
    }
    yield common | {
        "kind": "shorttext",
        "accepted": different(random, 2),
        "mistakes": [{"answer": f"{text(random)} zz", "because": text(random)}],
    }
    lefts, rights = different(random, number), different(random, number + 1)
    yield common | {
        "kind": "matching",
        "pairs": [
            {"left": left, "right": partner}
            for left, partner in zip(lefts, rights, strict=False)
        ],
        "decoys": rights[number:],
    }
    yield common | {"kind": "ordering", "items": [{"text": t} for t in lefts]}


def generated(seed: int) -> list[Question]:
    """Questions as the bank has them, checked."""
    random = Random(seed)
    found = Imported()
    for number in range(NUM_QUESTIONS // 7):
        for body in bodies(random):
            found.bodies.append({"id": f"q-{number}-{body['kind']}", **body})
    written = for_bank(found, Bank())
    assert len(written) == len(found.bodies), found.refused
    return [question_from(body) for body in written]


def plain(question: Question) -> dict[str, Any]:
    """What learners read and what is right, without the bank's doubled braces."""
    texts = [question.text, question.explanation, question.title]
    return {
        "kind": question.kind,
        "texts": [fill(said, {}) for said in texts],
        "tags": question.tags,
        "choices": [(fill(c.text, {}), c.is_right, fill(c.because, {}))
                    for c in question.choices],
        "pairs": [(fill(p.left, {}), fill(p.right, {})) for p in question.pairs],
        "decoys": [fill(decoy, {}) for decoy in question.decoys],
        "items": [fill(item.text, {}) for item in question.items],
        "accepted": [fill(said, {}) for said in question.accepted],
        "number": (question.answer and float(question.answer), question.tolerance),
        "mistakes": [(m.answer if question.kind == "numeric" else fill(m.answer, {}),
                      fill(m.because, {})) for m in question.mistakes],
    }  # fmt: skip


def through_gift(questions: list[Question]) -> tuple[Imported, list[str]]:
    exported = to_gift(questions)
    return read_gift(exported.text), exported.losses


def through_moodle(questions: list[Question]) -> tuple[Imported, list[str]]:
    exported = to_moodle_xml(questions)
    return read_moodle_xml(exported.text.encode()), exported.losses


@pytest.mark.parametrize("through", [through_gift, through_moodle])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_question_comes_back_as_it_was(
    through: Callable[[list[Question]], tuple[Imported, list[str]]], seed: int
) -> None:
    questions = generated(seed)
    imported, lost = through(questions)
    back = {body["id"]: question_from(body) for body in for_bank(imported, Bank())}
    assert imported.refused == []
    for question in questions:
        named = [loss for loss in lost if loss.startswith(f"{question.name}: ")]
        if question.name not in back:
            assert any("the whole question" in loss for loss in named)
            continue
        if not named:
            assert plain(back[question.name]) == plain(question)


@pytest.mark.parametrize("seed", [3, 4])
def test_a_question_is_written_as_yaml_that_the_bank_loads(tmp_path, seed) -> None:
    found = Imported()
    for body in bodies(Random(seed)):
        found.bodies.append({"id": f"q-{body['kind']}", **body})
    written = for_bank(found, Bank())
    (tmp_path / "mine.yaml").write_text(to_bank_yaml(written), encoding="utf-8")
    bank = read_bank(tmp_path)
    assert bank.broken == []
    assert list(bank.bodies.values()) == written
    assert yaml.safe_load(to_bank_yaml(written))["questions"] == written


@pytest.mark.parametrize("seed", range(20))
def test_whatever_a_file_holds_is_asked_or_named(seed: int) -> None:
    """Rows of GIFT's own marks at random: nothing raises, and every question that is
    taken can be asked."""
    random = Random(seed)
    marks = [*WORDS, "{", "}", "=", "~", "#", "::", "\n", "\n\n", "->", "{T}",
             "{=a ~b}", "{1:SA:=a}", "%-50%", "..", "[html]", "<p>", "\0"]  # fmt: skip
    source = " ".join(random.choices(marks, k=2_000))
    imported = read_gift(source)
    for body in for_bank(imported, Bank()):
        question_from(body)
    assert len(imported.bodies) + len(imported.refused) + len(imported.losses) > 5
