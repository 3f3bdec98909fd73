r"""GIFT as docs.moodle.org describes it: every case written by us after that page."""

from typing import Any

import pytest

from quizzes.bank import read_bank
from quizzes.errors import BrokenQuestion
from quizzes.formats.gift import read_gift
from quizzes.formats.gift_export import escaped, to_gift
from quizzes.questions import question_from


def only(source: str) -> dict[str, Any]:
    """The one question of a source, checked."""
    imported = read_gift(source)
    assert len(imported.bodies) == 1
    question_from(imported.bodies[0])
    return imported.bodies[0]


def rights(body: dict[str, Any]) -> list[str]:
    return [row["text"] for row in body["choices"] if row["right"]]


KINDS = [
    ("Is it so? {T}", "truefalse"),
    ("Is it so? {TRUE}", "truefalse"),
    ("Is it so? {F}", "truefalse"),
    ("Is it so? {FALSE}", "truefalse"),
    ("Is it so? {true}", "truefalse"),
    ("Is it so? { T }", "truefalse"),
    ("Which? {=a ~b ~c}", "single"),
    ("Which? {~b =a ~c}", "single"),
    ("Which? {\n=a\n~b\n~c\n}", "single"),
    ("Which? {~%50%a ~%50%b ~%-100%c}", "multiple"),
    ("Which? {~%33.333%a ~%33.333%b ~%33.333%c ~d}", "multiple"),
    ("Which? {=a =b ~c}", "multiple"),
    ("Which? {=a ~%50%b ~c}", "single"),
    ("What? {=one =two}", "shorttext"),
    ("What? {=one}", "shorttext"),
    ("What? {=%100%one =%50%two}", "shorttext"),
    ("How many? {#5}", "numeric"),
    ("How many? {#-5}", "numeric"),
    ("How many? {#5:0.1}", "numeric"),
    ("How many? {#1..5}", "numeric"),
    ("How many? {#-1.5..1.5}", "numeric"),
    ("How many? {#1e3:10}", "numeric"),
    ("How many? {#=5:0 =%50%5:1}", "numeric"),
    ("Match {=a -> 1 =b -> 2}", "matching"),
    ("Match {=a->1 =b->2 =c->1}", "matching"),
    ("Match {=a -> 1 =b -> 2 = -> 3}", "matching"),
]


@pytest.mark.parametrize(("source", "kind"), KINDS)
def test_each_kind_is_known_by_its_braces(source: str, kind: str) -> None:
    assert only(source)["kind"] == kind


FIELDS = [
    ("Is it? {T#no#yes}", "because", {"true": "yes", "false": "no"}),
    ("Is it? {F#no#yes}", "because", {"true": "no", "false": "yes"}),
    ("Is it? {T#no}", "because", {"true": "Right.", "false": "no"}),
    ("Is it? {F}", "answer", False),
    ("How many? {#5}", "answer", "5"),
    ("How many? {#5}", "tolerance", "0"),
    ("How many? {#5:0.1}", "tolerance", "0.1"),
    ("How many? {#1..5}", "answer", "(1 + 5) / 2"),
    ("How many? {#1..5}", "tolerance", "(5 - 1) / 2"),
    ("How many? {#=5:0#well done}", "explanation", "well done"),
    ("How many? {#=5 =%0%6#no}", "mistakes", [{"answer": "6", "because": "no"}]),
    ("What? {=one =two}", "accepted", ["one", "two"]),
    ("What? {=one =%0%two#no}", "mistakes", [{"answer": "two", "because": "no"}]),
    ("What? {=one####because}", "explanation", "because"),
    ("Match {=a -> 1 =b -> 2}", "pairs",
     [{"left": "a", "right": "1"}, {"left": "b", "right": "2"}]),
    ("Match {=a -> 1 =b -> 2 = -> 3}", "decoys", ["3"]),
    ("::My title:: What? {=one}", "id", "my-title"),
    ("::My title:: What? {=one}", "text", "What?"),
    ("// [id:abc]\nWhat? {=one}", "id", "abc"),
    ("// [tag:x] [tag:y]\nWhat? {=one}", "tags", ["x", "y"]),
    ("// a comment\nWhat? {=one}", "text", "What?"),
    ("$CATEGORY: course/part\n\nWhat? {=one}", "tags", ["part"]),
    ("It is {=one ~two} here.", "text", "It is _____ here."),
    ("Two\nlines? {=one}", "text", "Two lines?"),
    (r"What is 1 \= 1\? {=one}", "text", r"What is 1 = 1\?"),
    (r"Braces \{\} here? {=one}", "text", "Braces {} here?"),
    (r"A \~ and a \# and a \: {=one}", "text", "A ~ and a # and a :"),
    (r"First\nsecond {=one}", "text", "First\nsecond"),
    (r"Back \\ slash {=one}", "text", "Back \\ slash"),
    ("[html]<b>Bold</b>? {=one}", "text", "Bold?"),
    ("[markdown]*Bold*? {=one}", "text", "*Bold*?"),
    ("::t::[plain]Bold? {=one}", "text", "Bold?"),
    ("\ufeffWhat? {=one}", "text", "What?"),
    ("What?\r\n{=one\r\n=two}", "accepted", ["one", "two"]),
    ("What? {\n=one\n\n=two\n}", "accepted", ["one", "two"]),
]  # fmt: skip


@pytest.mark.parametrize(("source", "field", "value"), FIELDS)
def test_each_part_comes_where_it_belongs(source, field, value) -> None:
    assert only(source)[field] == value


CHOICES = [
    ("Which? {=a ~b}", ["a"], ["Right.", "No."]),
    ("Which? {=a#yes ~b#no}", ["a"], ["yes", "no"]),
    ("Which? {~%50%a#A ~%50%b#B ~%-100%c#C}", ["a", "b"], ["A", "B", "C"]),
    (r"Which? {=a \= b#x ~c \~ d}", ["a = b"], ["x", "No."]),
    (r"Which? {=a\#1 ~b}", ["a#1"], ["Right.", "No."]),
    (r"Which? {=\{a\} ~b}", ["{a}"], ["Right.", "No."]),
    ("Which? {=a ~b####all}", ["a"], ["Right.", "No."]),
    ("Which? {=a ~b -> c}", ["a"], ["Right.", "No."]),
]


@pytest.mark.parametrize(("source", "right", "because"), CHOICES)
def test_choices_keep_what_is_right_and_why(source, right, because) -> None:
    body = only(source)
    assert rights(body) == right
    assert [row["because"] for row in body["choices"]] == because


LOST = [
    ("Just a description.", "description"),
    ("Write an essay. {}", "essay"),
    ("Which? {=a ~%50%b ~c}", "the weight 50 %"),
    ("What? {=one =%50%two}", "the weight 50 %"),
    ("How many? {#=5 =%50%6}", "second right answer"),
    ("[html]<b>x</b> {=a}", "HTML"),
    ("Match {=a -> 1#why =b -> 2}", "feedback of a pair"),
]


@pytest.mark.parametrize(("source", "what"), LOST)
def test_what_is_not_taken_over_is_named(source: str, what: str) -> None:
    assert any(what in loss for loss in read_gift(source).losses)


@pytest.mark.parametrize(
    ("source", "says"),
    [("A\n\nB {=a", "line 3, 'B {=a': braces"), ("B =a}", "line 1, 'B =a}': braces"),
     ("B {one\ntwo}", "no answer begins"), ("B {#x}", "not a number"),
     ("B {=%0%a}", "no answer is right"), ("B {#=%0%5}", "no number is right")],
)  # fmt: skip
def test_a_broken_question_is_refused_by_line(source: str, says: str) -> None:
    imported = read_gift(source)
    assert imported.bodies == []
    assert says in "".join(imported.refused)


def test_a_file_that_is_too_long_is_refused() -> None:
    with pytest.raises(BrokenQuestion, match="1,000,000"):
        read_gift("a" * 1_000_001)


def test_several_questions_and_categories_follow_each_other() -> None:
    source = "$CATEGORY: a/b\n\n// one\nOne? {T}\n\n$CATEGORY: c\nTwo? {F}\n"
    bodies = read_gift(source).bodies
    assert [(body["text"], body["tags"]) for body in bodies] == [
        ("One?", ["b"]),
        ("Two?", ["c"]),
    ]


def test_the_bank_goes_to_gift_and_back_and_every_loss_is_named() -> None:
    bank = read_bank()
    exported = to_gift(bank.questions.values())
    back = read_gift(exported.text)
    assert back.losses == []
    by_name = {body["id"]: body for body in back.bodies}
    for name, question in bank.questions.items():
        lost = [loss for loss in exported.losses if loss.startswith(f"{name}: ")]
        if name not in by_name:
            assert any("the whole question" in loss for loss in lost)
            assert question.kind in ("ordering", "measured")
            continue
        again = question_from(by_name[name])
        assert (again.kind, again.tags) == (question.kind, question.tags)
        if question.parameters:
            assert any("variants" in loss for loss in lost)
        else:
            assert again.text == question.text
            assert again.choices == question.choices
            assert again.accepted == question.accepted
            assert again.explanation == question.explanation
            assert again.mistakes == question.mistakes
        kept = [(pair.left, pair.right) for pair in again.pairs]
        assert kept == [(pair.left, pair.right) for pair in question.pairs]
        assert bool(question.hints) == any("hints" in loss for loss in lost)
        assert bool(question.unit) == any("the unit" in loss for loss in lost)
    assert to_gift(question_from(body) for body in back.bodies).text


def test_escapes_survive_the_round_trip() -> None:
    text = "a = b ~ c # d { e } : f \\ g"
    assert only(f"{escaped(text)} {{={escaped(text)}}}")["accepted"] == [text]
    assert only(f"{escaped(text)} {{={escaped(text)}}}")["text"] == text


def test_the_corpus_has_sixty_different_sources_and_more() -> None:
    rows = [*KINDS, *FIELDS, *CHOICES, *LOST]
    assert len({row[0] for row in rows}) >= 60
