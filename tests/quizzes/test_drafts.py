"""A quiz of a chapter in draft is closed to all but staff."""

from django.test import Client

from courseware.models import Chapter
from quizzes.models import Quiz


def test_a_quiz_of_a_draft_is_for_staff(
    db, client: Client, admin_client: Client
) -> None:
    Quiz.objects.create(name="birds", title="Birds", chapter="birds", anchor="a")
    assert client.get("/quiz/birds/").status_code == 200
    Chapter.objects.create(
        slug="birds", title="B", summary="B.", position=9, minutes=1, is_draft=True
    )
    assert client.get("/quiz/birds/").status_code == 404
    assert client.post("/quiz/birds/start/").status_code == 404
    assert admin_client.get("/quiz/birds/").status_code == 200
