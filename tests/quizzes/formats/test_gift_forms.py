r"""The odd forms that teachers write: understood as Moodle does, refused or named.

Every case is written by us after what the files of teachers hold.
"""

import time
from typing import Any

import pytest

from quizzes.bank import Bank
from quizzes.formats.checking import for_bank
from quizzes.formats.gift import read_gift
from quizzes.questions import question_from
from quizzes.variants import variant_of


def only(source: str) -> dict[str, Any]:
    imported = read_gift(source)
    assert not imported.refused
    [body] = imported.bodies
    [written] = for_bank(imported, Bank())
    assert variant_of(question_from(written), 0).text == body["text"]
    return body


def rights(body: dict[str, Any]) -> list[str]:
    return [row["text"] for row in body["choices"] if row["right"]]


@pytest.mark.parametrize(
    ("source", "field", "value"),
    [
        ("A {~cheap~=slow} start.", "text", "A _____ start."),
        ("One {~a =b}, and a dot.", "text", "One _____, and a dot."),
        ("One {~a =b}.", "text", "One _____."),
        ("{=Asia} is large.", "text", "_____ is large."),
        ("[html]{=Asia} is large.", "text", "_____ is large."),
        ("Write 1 as a word. {One}", "accepted", ["One"]),
        ("Who wrote it? {True Smith}", "accepted", ["True Smith"]),
        ("Is it? {true}", "answer", True),
        ("Which? {a =b}", "accepted", ["a", "b"]),
        ("Pi? {#3,14:0,005}", "answer", "3.14"),
        ("Pi? {#3,14:0,005}", "tolerance", "0.005"),
        ("How many? {#.5}", "answer", "0.5"),
        ("How many? {#007}", "answer", "7"),
        ("How many? {#=3:2 ~#Not at all}", "answer", "3"),
        ("What is $x^\\{2\\}$? {#9}", "text", "What is $x^{2}$?"),
        ("Is \\{1, 2\\} larger than \\{\\}? {T}", "text",
         "Is {1, 2} larger than {}?"),
        ("$\\\\frac\\{a\\}\\{b\\}$? {=1}", "text", "$\\frac{a}{b}$?"),
        ("Is {value x y} here? {T}".replace("{v", "\\{v").replace("y}", "y\\}"),
         "text", "Is {value x y} here?"),
        ("[html]<p>One<br>two</p> {=a}", "text", "One\ntwo"),
        ("[html]Use <code>f(x)</code> {=a}", "text", "Use `f(x)`"),
        ("[html]m<sup>2</sup> and H<sub>2</sub>O {=a}", "text", "m^2 and H_2O"),
        ("<p>No mark</p>&nbsp;here {=a}", "text", "No mark\nhere"),
        ("Is List<String> one? {T}", "text", "Is List<String> one?"),
        ("Is 1 < 2 > 0 & so? {T}", "text", "Is 1 < 2 > 0 & so?"),
        ("[plain]Is <b> a tag? {T}", "text", "Is <b> a tag?"),
        ("Prints?\nfor i in x\\:\n    go()\n{=1}", "text",
         "Prints?\n`for i in x:`\n`    go()`"),
        ("Two\n   wrapped\n   lines? {T}", "text", "Two wrapped lines?"),
        ("::Größe::Wie groß? {#5}", "id", "grosse"),
        ("::Größe::Wie groß? {#5}", "title", "Größe"),
        ("::Вопрос 7::Что? {#5}", "id", "vopros-7"),
        ("::問題::何? {#5}", "title", "問題"),
        ("// [tag:a\\]b]\nIs it? {T}", "tags", ["a]b"]),
        ("What? {=*mild*}", "accepted", ["mild"]),
        ("What? {=2\\\\*3}", "accepted", ["2*3"]),
        ("What? {=a#yes =b#yes}", "explanation", "yes"),
    ],
)  # fmt: skip
def test_it_is_understood(source: str, field: str, value: object) -> None:
    assert only(source)[field] == value


@pytest.mark.parametrize(
    ("source", "right"),
    [
        ("A {~cheap~=slow} start.", ["slow"]),
        ("A {~=slow~cheap} start.", ["slow"]),
        ("A {\n~ cheap\n~ = slow\n} start.", ["slow"]),
        ("Which? {~%100%a ~%0%b}", ["a"]),
        ("Which? {~%50%a ~%50%b ~%-50%c}", ["a", "b"]),
        ("Which? {=[moodle]a#[html]<p>Yes</p> ~[plain]b}", ["a"]),
        ("Which? {stray =a ~b}", ["a"]),
    ],
)
def test_its_right_choices_are_found(source: str, right: list[str]) -> None:
    assert rights(only(source)) == right


@pytest.mark.parametrize(
    ("source", "loss"),
    [
        ("What? {=a =%25%b}", "the weight 25 % of 'b': no credit"),
        ("Which? {~%70%a ~%30%b ~%-100%c}", "weights 70 %, 30 %"),
        ("Which? {~%50%a ~%50%b ~c}", "weights of wrong choices, 0 %"),
        ("Which? {=a =b ~c}", "any one of 2 right choices"),
        ("Which? {=a ~b ~}", "an empty choice"),
        ("Which? {=a ~b ~b}", "the second choice 'b'"),
        ("Which? {stray =a ~b}", "'stray' stands before the first mark"),
        ("What? {=ten#digits =10#figures}", "feedback 'figures'"),
        ("What? {=ten#said####general}", "the feedback 'said'"),
        ("What? {=*mild*}", "any letters for the * of '*mild*'"),
        ("What? {=mild =%0%*#Not at all}", "feedback 'Not at all' to any '*'"),
        ("How? {#=3:2 ~#Not at all}", "'Not at all' to any other answer"),
        ("How? {#=3 =%0%*#Not at all}", "'Not at all' to any other answer"),
        ("Which? {=a ~b}\nPoints\\: 2", "'Points: 2', a line after its answers"),
        ("Pi? {#3,14}", "comma of '3,14'"),
        ("Is it? {true}", "'true' is read as TRUE"),
        ("[html]<p>A <em>b</em></p> {T}", "without <em>"),
        ("Which? {=<b>a</b> ~b}", "without <b>"),
        ('[html]<img src\\="@@PLUGINFILE@@/c.png"> {T}', "image 'c.png'"),
        ("<!-- x -->[html]<p>A</p> {T}", "the comment before [html]"),
        ("[html]A<!-- x --> {T}", "<!-- -->"),
        ('[html]<a href\\="@@PLUGINFILE@@/a.mp3">Listen</a> {T}', "without <a>"),
        ("[html]A<script>x()</script> {T}", "<script>"),
        ("Prints?\nx\\:\n    go()\n{=1}", "indented lines"),
        ("Is $a \\neq b$? {T}", "'\\neq' is read as the end of a line"),
        ("Is $\\\\alpha^2$ it? {T}", "LaTeX"),
        ("[markdown]Is **it**? {T}", "Markdown"),
        ("$CATEGORY: $course$/top/A/B\n\nIs it? {T}", "category 'A/B'"),
        ("Match {=a -> 1#why =b -> 2}", "the feedback of a pair"),
        ("Match {=a -> 1 =a -> 1 =b -> 2}", "the second pair"),
        ("{1:MULTICHOICE:=is~are} it {1:SA:=so}?", "its 2 gaps become 2 questions"),
    ],
)
def test_its_loss_is_named_by_line_and_title(source: str, loss: str) -> None:
    imported = read_gift(source)
    assert imported.bodies and not imported.refused
    assert any(loss in said for said in imported.losses), imported.losses
    assert all(said.startswith("line ") for said in imported.losses)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("::X::Which? {~a ~b ~c}", "no choice is right"),
        ("::X::Which? {\n=a\n~b\n\n::Y::Next? {T}", "before line 5"),
        ("::X::Which? {\n=a\n~b\n\nNext? {T}", "before line 5"),
        ("::X::Which? =a}", "braces are not closed"),
        ("::X::" + "a {=b} " * 101, "101 pairs of braces, of at most 100"),
        ("::X::Is $\\frac{a}{b}$ it? {T}", "'{a}' is no answer"),
        ("::X::What? {=f() { return } ~b}", "braces are not closed"),
        ("::X::Is it? {T}\nIs it not? {F}", "without a blank line"),
        ("::X::Is it? {TRUE\nFALSE}", "no answer begins"),
        ("::X::Match {=a -> 1 =b}", "has no '->'"),
        ("::X::Match {=a -> 1 =a -> 2}", "two partners"),
        ("::X::Match {=a -> 1 =b -> }", "no partner"),
        ("::X::What? {=a*b}", "any letters"),
        ("::X::What? {=%50%a}", "no answer is right"),
        ("::X::How? {#1,000}", "thousands or decimals"),
        ("::X::How? {#5 =7}", "numbers are right"),
        ("::X::How? {#five}", "not a number"),
        ("::X::How? {#*}", "any number is right"),
        ("::X::How? {#5..1}", "downwards"),
        ("::X::Which? {=a ~a}", "right and wrong"),
        ("::X::Which? {=a ~}", "2 to 26 choices"),
    ],
)
def test_it_is_refused_by_line_and_title_and_the_next_is_read(
    source: str, reason: str
) -> None:
    imported = read_gift(f"{source}\n\n::Last::Is it? {{T}}\n")
    bodies = for_bank(imported, Bank())
    assert bodies[-1]["id"] == "last"
    assert len(imported.refused) == 1
    assert imported.refused[0].startswith("line 1, 'X")
    assert reason in imported.refused[0]


def test_gaps_become_questions_of_their_own() -> None:
    source = "::Tense::He {1:MULTICHOICE:=is#yes~%50%was~are#no} {2:SA:=here~=there}."
    first, second = read_gift(source).bodies
    assert (first["id"], second["id"]) == ("tense-1", "tense-2")
    assert (first["text"], second["text"]) == ("He _____ […].", "He […] _____.")
    assert rights(first) == ["is"]
    assert second["accepted"] == ["here", "there"]


def test_a_gap_may_be_a_number_or_take_several() -> None:
    source = "A {1:NUMERICAL:=5:0.1~%0%6#no}.\n\nB {1:MR:=a~=b~c}."
    first, second = read_gift(source).bodies
    assert (first["answer"], first["tolerance"]) == ("5", "0.1")
    assert first["mistakes"] == [{"answer": "6", "because": "no"}]
    assert (second["kind"], rights(second)) == ("multiple", ["a", "b"])


def test_titles_end_questions_without_a_blank_line_between() -> None:
    source = "::A::Is it? {T}\n::B::A text alone.\n::C::Is it not? {F}\n"
    imported = read_gift(source)
    assert [body["id"] for body in imported.bodies] == ["a", "c"]
    assert imported.losses == ["line 2, 'B': a description without an answer"]


def test_equal_titles_get_a_suffix() -> None:
    source = "::Вопрос 1::Что? {T}\n\n::Вопрос 1.::Как? {F}\n\n::vopros 1 2::? {F}\n"
    names = [body["id"] for body in read_gift(source).bodies]
    assert names == ["vopros-1", "vopros-1-2", "vopros-1-2-2"]


def test_a_title_may_go_over_two_lines() -> None:
    [body] = read_gift("::A long\ntitle\n::Is it? {T}").bodies
    assert (body["title"], body["text"]) == ("A long title", "Is it?")


@pytest.mark.parametrize(
    "rows",
    ["=a\n", "~%50%b#c\n", "{", "}", "$_", "<p>", "<!--", "::a", "\\", "[", "%", "&",
     "$CATEGORY: x\n", "//\n", "\n "],
)  # fmt: skip
@pytest.mark.slow
def test_a_file_of_the_largest_size_is_read_in_seconds(rows: str) -> None:
    start = time.process_time()
    read_gift("Which? {" + rows * (999_000 // len(rows)))
    read_gift("Which? {=" + (rows * 50_000)[:59_000] + "}")
    assert time.process_time() - start < 20
