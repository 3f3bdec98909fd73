"""Taking a quiz by full page loads, and as fragments."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from courseware.learner import learner_id_of
from courseware.loader import load_chapters
from courseware.models import User
from quizzes.goals import Standing, evidence, standing
from quizzes.models import Answer, Attempt, Quiz
from tests.quizzes.conftest import BROWSER, Learner, right_fields


def test_the_chapters_quiz_asks_its_three_one_at_a_time(learner: Learner) -> None:
    attempt = learner.start()
    names = [row.question.name for row in attempt.first_tries()]
    assert names == [
        "paged-innovation",
        "provisioned-beats-serverless",
        "cold-start-made-of",
    ]
    page = learner.page(1)
    assert "Question 1 of 3" in page and "main innovation" in page
    assert "provisioned" not in page.split("quiz-form")[1]


def test_the_chapter_holds_the_quiz_and_a_link_to_it(learner: Learner) -> None:
    load_chapters()
    page = learner.client.get("/chapters/deploying-ai-models/").content.decode()
    assert 'hx-get="/quiz/deploying-ai-models/"' in page
    assert 'href="/quiz/deploying-ai-models/"' in page


def test_the_whole_quiz_without_javascript(learner: Learner) -> None:
    attempt = learner.start()
    for position in (1, 2, 3):
        page = learner.answer(position, **right_fields(attempt, position), certainty=3)
        assert "Right." in page and "Read it again" in page
    page = learner.finish()
    assert "3 of 3 right" in page and "9 of 9 marks" in page
    attempt.refresh_from_db()
    assert (attempt.score, attempt.marks) == (1.0, 9.0)


@pytest.mark.parametrize(
    "quiz", ["deploying-ai-models-all", "deploying-ai-models-arithmetic"]
)
def test_every_kind_is_answered_right_and_explained(
    learner: Learner, quiz: str
) -> None:
    attempt = learner.start(quiz)
    for row in attempt.first_tries():
        page = learner.answer(row.position, **right_fields(attempt, row.position))
        assert "Right." in page, row.question.name
    learner.finish()
    attempt.refresh_from_db()
    assert attempt.score == 1.0


def test_a_wrong_answer_says_why_each_choice_is_so(learner: Learner) -> None:
    attempt = learner.start()
    variant = attempt.latest(1).variant()
    wrong = next(
        part
        for part in variant.parts
        if not variant.question.choices[part.index].is_right
    )
    page = learner.answer(1, choice=wrong.letter)
    assert "Not right." in page and "−2" not in page and "-2 of 2" in page
    assert page.count("quiz-reason-text") == 4
    summary = learner.finish()
    assert "What to read again" in summary and "#pagedattention" in summary


def test_the_page_has_no_answer_no_seed_and_no_reason_before(
    learner: Learner,
) -> None:
    for quiz in ("deploying-ai-models", "deploying-ai-models-all"):
        attempt = learner.start(quiz)
        for row in attempt.first_tries():
            variant, page = row.variant(), learner.page(row.position)
            question = variant.question
            secrets = [question.explanation, *question.hints, str(row.seed)]
            secrets += [part.because for part in question.choices]
            secrets += [p.because for p in (*question.pairs, *question.items)]
            secrets += list(question.accepted) + [m.because for m in question.mistakes]
            for secret in secrets:
                assert not secret or secret not in page, (row.question.name, secret)
            assert attempt.cache_salt not in page


def test_the_page_is_the_same_whichever_choice_is_right(
    make_quiz: Callable[..., Quiz], learner: Learner
) -> None:
    pages = []
    for right in (0, 1, 2):
        choices = [
            {"text": f"T{n}", "because": f"B{n}", "right": n == right} for n in range(3)
        ]
        quiz = make_quiz(kind="single", choices=choices)
        attempt = learner.start(quiz.name)
        Answer.objects.filter(attempt=attempt).update(seed=42)
        page = learner.page(1)
        ids = rf"{attempt.pk}|quiz-\w+-{attempt.latest(1).pk}\b|csrf\w+|{quiz.name}"
        page = re.sub(r'value="\w{64}"', "", re.sub(ids, "", page))
        pages.append(page)
    assert pages[0] == pages[1] == pages[2]


def test_an_answer_counts_once_however_often_it_is_sent(learner: Learner) -> None:
    attempt = learner.start()
    right = right_fields(attempt, 1)
    letters = {part.letter for part in attempt.latest(1).variant().parts}
    wrong = sorted(letters - set(right["choice"]))[0]
    learner.answer(1, choice=wrong)
    learner.answer(1, **right)
    assert attempt.latest(1).score == 0.0
    assert Answer.objects.filter(attempt=attempt, position=1).count() == 1


def test_a_closed_attempt_stays_closed(learner: Learner) -> None:
    attempt = learner.start()
    learner.finish()
    before = list(Answer.objects.filter(attempt=attempt).values())
    learner.answer(1, **right_fields(attempt, 1))
    learner.client.post(f"{learner.url}1/hint/")
    learner.client.post(f"{learner.url}1/retry/")
    learner.finish()
    assert list(Answer.objects.filter(attempt=attempt).values()) == before
    assert "This attempt ended before you answered" in learner.page(1)


def test_two_starts_make_one_attempt(learner: Learner) -> None:
    assert learner.start() == learner.start()


def test_somebody_elses_attempt_does_not_exist(learner: Learner) -> None:
    learner.start()
    other = Learner()
    for path in ("", "1/"):
        assert other.client.get(learner.url + path).status_code == 404
    for path in ("1/answer/", "1/hint/", "1/retry/", "finish/"):
        assert other.client.post(learner.url + path).status_code == 404
    assert learner.client.get(f"{learner.url}9/").status_code == 404


def test_a_reload_goes_on_where_the_learner_was(learner: Learner) -> None:
    attempt = learner.start()
    learner.answer(1, **right_fields(attempt, 1))
    page = learner.client.get("/quiz/deploying-ai-models/").content.decode()
    assert "Question 2 of 3" in page


def test_hints_come_one_by_one_and_are_counted(learner: Learner) -> None:
    attempt = learner.start()
    hints = attempt.latest(1).variant().hints
    page = learner.client.post(f"{learner.url}1/hint/", follow=True).content.decode()
    assert hints[0] in page and hints[1] not in page
    for _ in range(5):
        learner.client.post(f"{learner.url}1/hint/")
    assert attempt.latest(1).num_hints == len(hints)


def test_another_variant_is_practice_and_does_not_count(learner: Learner) -> None:
    attempt = learner.start("deploying-ai-models-arithmetic")
    learner.answer(1, value="0.123")
    learner.client.post(f"{learner.url}1/retry/")
    learner.client.post(f"{learner.url}1/retry/")
    again = attempt.latest(1)
    assert again.number == 2 and again.seed != attempt.first_tries()[0].seed
    page = learner.answer(1, **right_fields(attempt, 1), **{"try": "2"})
    assert "Right." in page
    learner.finish()
    attempt.refresh_from_db()
    assert attempt.score == 0.0


def test_what_cannot_be_read_is_said_and_kept(learner: Learner) -> None:
    attempt = learner.start("deploying-ai-models-arithmetic")
    page = learner.answer(1, value="about 7")
    assert "one number" in page and 'value="about 7"' in page
    assert attempt.latest(1).state == Answer.State.OPEN
    page = learner.answer(1, value="<script>" * 3)
    assert "<script>&" not in page and "&lt;script&gt;" in page


def test_the_certainty_is_asked_where_the_quiz_wants_it(learner: Learner) -> None:
    attempt = learner.start()
    page = learner.answer(1, **right_fields(attempt, 1), certainty="")
    assert "how sure you are, then answer" in page
    assert attempt.latest(1).state == Answer.State.OPEN


def test_htmx_gets_a_fragment_and_everybody_else_a_page(learner: Learner) -> None:
    learner.start()
    assert "<html" in learner.page(1)
    fragment = learner.page(1, **{"HX-Request": "true"})
    assert "<html" not in fragment and fragment.lstrip().startswith('<div class="quiz"')
    answer = learner.client.get("/quiz/deploying-ai-models/")
    assert "no-store" in answer.headers["Cache-Control"]
    assert "HX-Request" in answer.headers["Vary"]


def test_forgetting_a_learner_takes_their_attempts(learner: Learner) -> None:
    learner.start()
    other = Learner()
    other.start()
    learner.client.post("/privacy/forget/")
    assert list(Attempt.objects.values_list("learner_id", flat=True)) == [
        other.learner_id
    ]


def test_progress_shows_best_last_and_mastery(learner: Learner) -> None:
    for is_right in (True, False):
        attempt = learner.start()
        if is_right:
            learner.answer(1, **right_fields(attempt, 1))
        learner.finish()
    page = learner.client.get("/quiz/").content.decode()
    assert "best 33 %" in page and ">0 %</a>" in page and "2 attempts" in page
    assert "quiz-goal-met" in page and "100 %" in page
    assert "You can explain how PagedAttention stores a KV cache" in page


def test_the_summary_tells_which_goals_are_met(learner: Learner) -> None:
    """Right and sure is met; by a guess or after a hint it is shaky; else not yet."""
    attempt = learner.start()
    learner.answer(1, **right_fields(attempt, 1), certainty=3)
    learner.answer(2, **right_fields(attempt, 2), certainty=1)
    summary = learner.finish()
    rows = re.findall(
        r'quiz-goal-([\w-]+)"><th scope="row">(You can [a-z ]+).*?</tr>', summary
    )
    assert [standing for standing, _ in rows] == ["not-yet", "shaky", "met"]
    assert "PagedAttention" in summary.split("quiz-goal-met")[1]
    assert 'href="/chapters/deploying-ai-models/#cold-starts">Read' in summary
    assert '#pagedattention">Read' not in summary, "what is met need not be read"


def test_a_hint_makes_a_goal_shaky(learner: Learner) -> None:
    attempt = learner.start()
    learner.client.post(f"{learner.url}1/hint/")
    learner.answer(1, **right_fields(attempt, 1), certainty=3)
    assert "quiz-goal-shaky" in learner.finish()


def test_the_standing_needs_evidence() -> None:
    assert [standing([x]) for x in (1, 0.8, 0.79, 0.4, 0.39, 0)] == [
        "met", "met", "shaky", "shaky", "not yet", "not yet",
    ]  # fmt: skip
    assert standing([]) is Standing.NOT_YET
    assert evidence(1.0, 0, None) == 1.0 and evidence(1.0, 0, 2) == 1.0
    assert evidence(1.0, 1, 3) == evidence(1.0, 0, 1) == 0.5
    assert evidence(0.25, 2, 1) == 0.25


def test_an_attempt_goes_on_at_another_device_when_signed_in(
    learner: Learner,
) -> None:
    user = User.objects.create_user("a@example.org", "secret-words")
    learner.client.force_login(user)
    attempt = learner.start()
    phone = Client(**BROWSER)
    phone.get("/")
    phone.force_login(user)
    assert phone.get(f"/quiz/attempts/{attempt.pk}/").status_code == 200
    stranger = Client(**BROWSER)
    stranger.get("/")
    assert stranger.get(f"/quiz/attempts/{attempt.pk}/").status_code == 404


def test_who_signs_in_keeps_the_attempts_made_before(learner: Learner) -> None:
    """Both have one open: the account's goes on, the other is closed behind it."""
    user = User.objects.create_user("a@example.org", "secret-words")
    learner.client.force_login(user)
    of_account = learner.start()
    phone = Client(**BROWSER)
    phone.get("/")
    phone.post("/quiz/names/")
    anonymous_id = learner_id_of(phone.session)
    anonymous = Attempt.objects.start(anonymous_id, of_account.quiz)
    phone.force_login(user)
    assert Attempt.objects.open_of(of_account.learner_id, of_account.quiz) == of_account
    kept = Attempt.objects.owned(of_account.learner_id, anonymous.pk)
    assert kept.is_closed and kept.number == 2
    assert not Attempt.objects.filter(learner_id=anonymous_id).exists()
