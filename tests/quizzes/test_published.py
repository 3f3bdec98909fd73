"""What the quizzes tell others of an answer: what the page shows, and no more."""

from typing import Any

import pytest

from courseware.answered import answered
from courseware.words import words
from quizzes.errors import BrokenQuestion
from quizzes.models import Answer, Attempt
from quizzes.questions import question_from
from quizzes.rules import check_question
from tests.quizzes.conftest import Learner, shipped_bank

SINGLE = {
    "kind": "single",
    "text": "What does a decoding step read?",
    "choices": [
        {"text": "All the weights", "right": True, "because": "Each token needs them."},
        {"text": "Only the prompt", "right": False, "because": "It lies in the cache."},
        {"text": "The disk", "right": False, "because": "It was read at the start."},
    ],
    "explanation": "So the bandwidth limits one answer.",
}


def letters(attempt: Attempt) -> dict[str, str]:
    """The letters of the choices as they stand on the page, by text."""
    return {part.text: part.letter for part in attempt.latest(1).variant().parts}


def answer(learner: Learner, quiz: str, text: str) -> Answer:
    attempt = learner.start(quiz)
    learner.answer(1, choice=letters(attempt)[text])
    return attempt.latest(1)


def test_an_answer_is_told_as_the_page_explains_it(
    learner: Learner, make_quiz: Any
) -> None:
    given = answer(learner, make_quiz(**SINGLE).name, "Only the prompt")
    told = answered().explained(learner.learner_id, None)
    assert told is not None
    assert (told.answer_id, told.outcome) == (given.pk, "wrong")
    assert told.said == "“Only the prompt”"
    assert told.reasons == ("It lies in the cache.",)
    assert told.right == "“All the weights”"
    assert told.explanation == "So the bandwidth limits one answer."
    assert {o.text: o.letter for o in told.options} == letters(given.attempt)


@pytest.mark.parametrize("how", ["another variant", "another attempt"])
def test_of_a_question_that_is_open_again_nothing_is_told(
    how: str, learner: Learner, make_quiz: Any
) -> None:
    quiz = make_quiz(**SINGLE).name
    given = answer(learner, quiz, "The disk")
    if how == "another variant":
        given.attempt.retry(1)
    else:
        learner.finish()
        learner.start(quiz)
    told = answered().explained(learner.learner_id, given.pk)
    assert told is not None and told.is_open
    assert (told.reasons, told.right, told.explanation) == ((), "", "")
    assert told.options == ()


def test_nobody_hears_of_an_answer_that_is_not_theirs(
    learner: Learner, make_quiz: Any
) -> None:
    given = answer(learner, make_quiz(**SINGLE).name, "The disk")
    assert answered().explained("f" * 32, given.pk) is None
    assert answered().explained("f" * 32, None) is None
    assert answered().open_questions("f" * 32) == []


def test_questions_under_way_are_open_until_they_are_answered(
    learner: Learner, make_quiz: Any
) -> None:
    attempt = learner.start(make_quiz(**SINGLE).name)
    (one,) = answered().open_questions(learner.learner_id)
    assert one.text == SINGLE["text"]
    learner.answer(1, choice=letters(attempt)["The disk"])
    assert answered().open_questions(learner.learner_id) == []


def test_every_kind_of_the_bank_can_be_told(learner: Learner) -> None:
    kinds = set()
    for quiz in ("deploying-ai-models", "hardware", "cold-starts"):
        if quiz not in {plan.name for plan in shipped_bank().quizzes}:
            continue
        attempt = learner.start(quiz)
        for row in attempt.first_tries():
            if row.question.kind == "measured":
                continue
            variant = row.variant()
            given = {part.letter: "1" for part in variant.parts} or {"number": "1"}
            Answer.objects.filter(pk=row.pk).update(
                state="done", outcome="wrong", submitted=given
            )
            told = answered().explained(learner.learner_id, row.pk)
            assert told is not None and told.question
            kinds.add(row.question.kind)
    assert kinds


def test_passages_are_the_concepts_and_no_explanation(bank: None) -> None:
    passages = {one.text for one in answered().explanations()}
    concepts = {q.concept for q in shipped_bank().questions.values() if q.concept}
    assert passages and passages <= concepts
    assert all(one.url and one.title for one in answered().explanations())


def test_a_concept_with_a_word_of_the_answer_is_refused() -> None:
    told = {**SINGLE, "id": "q", "goal": "g", "concept": "A step reads the weights."}
    with pytest.raises(BrokenQuestion, match="weights"):
        check_question(question_from(told), {"g"})
    assert "weights" not in words(SINGLE["explanation"])
