"""A quiz answer explained by the mentor, and no open question given away."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from django.utils import timezone

from courseware.answered import (
    Explained,
    Explanation,
    OpenQuestion,
    Option,
    answered_by,
)
from mentor import last_answer
from tests.mentor.fake_course import FACT

URL = "/chapters/deploying/#batching"
WRONG = Explained(
    answer_id=7,
    question="What does a decoding step read?",
    said="“Only the prompt”",
    outcome="wrong",
    title="Batching",
    url=URL,
    answered_at=timezone.now(),
    reasons=("The prompt lies in the cache already.",),
    right="“All the weights”",
    explanation="So the bandwidth limits one answer.",
    options=(
        Option("a", "All the weights", "Each token needs them.", True),
        Option("b", "Only the prompt", "The prompt lies in the cache.", False),
        Option("c", "The disk", "It was read at the start.", False),
    ),
)
OPEN = replace(WRONG, is_open=True, reasons=(), right="", explanation="", options=())


@dataclass
class FakeQuizzes:
    """The answers of one learner."""

    answers: list[Explained] = field(default_factory=list)
    open: list[OpenQuestion] = field(default_factory=list)

    def explained(self, learner_id: str, answer_id: int | None) -> Explained | None:
        known = [a for a in self.answers if answer_id in (None, a.answer_id)]
        return known[-1] if known else None

    def open_questions(self, learner_id: str) -> list[OpenQuestion]:
        return self.open

    def explanations(self) -> Sequence[Explanation]:
        return ()


@pytest.fixture(autouse=True)
def quizzes() -> Iterator[FakeQuizzes]:
    fake = FakeQuizzes([WRONG])
    with answered_by(fake):
        yield fake


def said(question: str, answer_id: int | None = None, selected: str = "") -> str:
    found = last_answer.find("a" * 32, question, selected, answer_id)
    if found is None:
        return ""
    words = found[1]["words"]
    return " ".join([words, *(row["text"] for row in found[1]["sentences"])]).strip()


@pytest.mark.parametrize(
    "question",
    [
        "Why was that wrong?",
        "why is this wrong",
        "Explain my last answer",
        "why was my answer wrong?",
        "What did I get wrong?",
        "explain my mistake in the last question's answer",
        "what was my mistake",
        "What is the right answer?",
        "why?",
        "Why was my answer right or wrong?",
    ],
)
def test_the_last_answer_is_explained_in_its_authors_words(question: str) -> None:
    text = said(question)
    assert "You answered “Only the prompt”. That was not right." in text
    assert "The prompt lies in the cache already." in text
    assert "Right is “All the weights”. So the bandwidth limits" in text


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("why not C?", "“The disk” is not right. It was read at the start."),
        ("Why isn't it the disk?", "“The disk” is not right. It was read"),
        ("why is option b wrong", "“Only the prompt” is not right. The prompt lies"),
        ("And why was “all the weights” right?", "“All the weights” is right. Each"),
    ],
)
def test_another_choice_is_explained_too(question: str, reason: str) -> None:
    text = said(question)
    assert reason in text
    assert "So the bandwidth" not in text


@pytest.mark.parametrize(
    "question",
    [
        "why not a smaller block size?",
        "Why is my answer so slow?",
        "why is the KV cache large",
        "What is the right batch size?",
        "What about serverless?",
        "why is it wrong to cache everything for ever",
    ],
)
def test_other_questions_go_to_the_course(question: str) -> None:
    assert said(question) == ""


def test_an_old_answer_is_meant_only_where_it_is_named(quizzes: FakeQuizzes) -> None:
    old = timezone.now() - timedelta(hours=2)
    quizzes.answers = [replace(WRONG, answered_at=old)]
    assert said("Why was that wrong?") == ""
    assert said("Why was my last answer wrong?")
    assert said("Why was that wrong?", answer_id=7)


@pytest.mark.parametrize("question", ["Why was that wrong?", "why not b?"])
def test_of_an_open_question_nothing_is_given_away(
    question: str, quizzes: FakeQuizzes
) -> None:
    quizzes.answers = [OPEN]
    text = said(question, answer_id=7)
    assert text in ("", f"{last_answer.AGAIN} The part to read is “Batching”.")
    for secret in ("weights", "cache already", "bandwidth", "in the cache"):
        assert secret not in text


@pytest.mark.parametrize(
    "question",
    [
        "What does a decoding step read?",
        "what does a decoding step read: all the weights, only the prompt or the disk",
    ],
)
def test_a_question_of_a_quiz_under_way_is_left_to_the_learner(
    question: str, quizzes: FakeQuizzes
) -> None:
    quizzes.open = [OpenQuestion(WRONG.question, "Batching", URL)]
    assert said(question).startswith(last_answer.YOURS)
    assert said("Explain this", selected=WRONG.question).startswith(last_answer.YOURS)
    assert said("How does batching work in vLLM?") == ""


def test_without_an_answer_it_is_said_that_there_is_none(quizzes: FakeQuizzes) -> None:
    quizzes.answers = []
    assert said("Why was my quiz answer wrong?") == last_answer.NONE
    assert said("why was my answer wrong?") == "", "the course may know"


@pytest.mark.django_db(transaction=True)
async def test_the_socket_explains_it_and_the_engine_gets_the_explanation(
    learner, chapter, engine, teacher, browse
):
    browser = await browse(learner)
    await browser.ask("Why was my answer right or wrong?", quiz_answer=7)
    assert "The prompt lies in the cache already." in browser.course["html"]
    assert f'href="{URL}"' in browser.course["html"]
    assert teacher.asked == [], "the course was not searched"
    assert "The prompt lies in the cache already." in engine.prompt()[1]["content"]
    await engine.report(engine.request_id(), "The prompt lies in the cache already.")
    turn = (await browser.hear("turn"))["turn"]
    assert (turn["quiz_answer"], turn["num_supported"]) == (7, 1)
    await browser.ask("why not C?", turn["conversation"])
    assert "It was read at the start." in browser.course["html"]
    await engine.report(engine.request_id(), "Yes.")
    await browser.hear("turn")
    await browser.ask("What is PagedAttention?", turn["conversation"])
    assert FACT.split("`")[0] in browser.course["html"]
