"""What asks nothing of the course gets a sentence of its own; one word a definition or
a choice."""

from collections.abc import Iterator

import pytest

from mentor.knowing import course_answer, find
from mentor.knowing import talk as said
from mentor.knowing.finding import DECLINED, in_course
from mentor.knowing.knowledge import Knowledge
from mentor.knowing.passages import Passage
from mentor.knowing.talk import talk
from tests.mentor.knowing_course import NOTES, PASSAGES, note

TERM = Passage("Goodput", "/glossary/#goodput", "Goodput: Requests in time.", "term")
MORE = [
    note(
        "card-size", "How large a GPU do I need?|which card fits|what size", "A.", "c"
    ),
    note("card-many", "When is one GPU not enough?|two cards|more cards", "B.", "c"),
    note("quant", "What is quantisation?|fewer bits|smaller numbers", "C.", "c"),
]


@pytest.fixture(scope="module", autouse=True)
def course() -> Iterator[None]:
    with in_course(Knowledge([*NOTES, *MORE], [*PASSAGES, TERM])):
        yield


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ("Hello!", said.HELLO),
        ("hi there, how are you?", said.HELLO),
        ("Thanks a lot!", said.THANKS),
        ("ok thank you so much", said.THANKS),
        ("bye", said.BYE),
        ("okay", said.AGREED),
        ("Who are you?", said.WHO),
        ("are you a robot", said.WHO),
        ("what can you do?", said.HELP),
        ("help", said.HELP),
        ("you are stupid", said.FEELING),
        ("😀🎉", said.NO_WORDS),
        ("???", said.NO_WORDS),
        ("Was ist der KV-Cache?", said.NOT_ENGLISH),
        ("Qu'est-ce que le cache KV ?", said.NOT_ENGLISH),
        ("¿Qué es el caché KV?", said.NOT_ENGLISH),
        ("什么是KV缓存？", said.NOT_ENGLISH),
        ("что такое KV-кэш", said.NOT_ENGLISH),
        ("def f(x):\n    return x + 1", said.CODE),
        ("SELECT * FROM users;", said.CODE),
        ('{"a": [1, 2], "b": {"c": null}}', said.CODE),
        ("xkq pwz vvb qqj " * 60, said.NOISE),
        ("a" * 1_000, said.NOISE),
        ("what is 17 * 23", said.SUM),
        ("btw what's 17*23", said.SUM),
        ("One last thing: what is 12% of 85?", said.SUM),
        ("and what's 15% of 80?", said.SUM),
        ("(3+4)*5=?", said.SUM),
        ("is 91 a prime number", said.SUM),
        ("why?", said.SHORT),
    ],
)
def test_talk_is_answered_kindly_and_asks_no_engine(message: str, reply: str) -> None:
    found = find(message)
    assert (found.kind, found.words) == ("talk", reply)
    assert course_answer(found).text == ""


@pytest.mark.parametrize(
    "message",
    [
        "Hi, what is a cold start?",
        "thanks, and what is the KV cache?",
        "help me understand preemption",
        "what does `vllm serve --max-model-len 8192 {}` do?",
        "kv cach?",
        "Is it die-to-die?",
        "what is 3 x 16 GiB",
        "2 x H100?",
        "28 % to 174 %",
        "24/7",
        "what about 4,096?",
    ],
)
def test_a_question_with_talk_around_it_is_a_question(message: str) -> None:
    assert talk(message, lambda word: True) == ""
    assert find(message).kind != "talk"


def test_a_term_is_defined_by_its_note_or_by_the_glossary() -> None:
    for question in (
        "preemption",
        "What is preemption?",
        "premption??",
        "wat is premption",
    ):
        found = find(question)
        assert found.kind == "answer", question
        assert [one.note_id for one in found.notes] == ["preemption"]
    assert course_answer(find("define quantization")).note_id == "quant"
    goodput = course_answer(find("goodput?"))
    assert goodput.text == "Goodput: Requests in time."
    assert goodput.sentences[0].url == TERM.url


@pytest.mark.parametrize("question", ["GPU?", "what is a GPU", "gpu", "explain GPUs"])
def test_a_word_without_a_definition_is_never_answered_beside_the_point(
    question: str,
) -> None:
    found = find(question)
    assert found.kind == "offer" and course_answer(found).text == ""
    assert {one.note_id for one in found.offers} == {"card-size", "card-many"}


@pytest.mark.parametrize("question", ["pizza", "what is football", "redis"])
def test_a_word_of_elsewhere_is_declined(question: str) -> None:
    found = find(question)
    assert (found.kind, found.words) == ("decline", DECLINED)


def test_a_word_that_follows_on_a_question_is_read_with_it() -> None:
    found = find("and the GPU?", before=["What is a cold start?"])
    assert found.words != said.SHORT
    assert find("drawbacks?", before=["What is a cold start?"]).kind == "answer"
    assert find("why?", before=["What is a cold start?"]).kind != "talk"


@pytest.mark.parametrize(
    "question",
    [
        "from which size are the weights as long as the setup",
        "what was as slow as that, die or card",
        "kv_cache_usage_perc close to one",
        "what is /dev/shm in the manifest",
    ],
)
def test_english_with_words_of_other_languages_and_names_is_a_question(
    question: str,
) -> None:
    assert talk(question, lambda word: True) == ""
