"""For staff: what answers say about questions, and names only with consent."""

import csv
import io

import pytest
from django.test import Client

from courseware.models import User
from quizzes.models import NameConsent
from quizzes.staff_views import plain
from quizzes.statistics import discrimination
from tests.quizzes.conftest import BROWSER, Learner, right_fields

PATHS = ("", "deploying-ai-models/", "deploying-ai-models/answers.csv")


@pytest.fixture
def staff(db: None) -> Client:
    user = User.objects.create_user("staff@example.org", "words", is_staff=True)
    client = Client(**BROWSER)
    client.force_login(user)
    return client


def table(client: Client) -> list[dict[str, str]]:
    answer = client.get("/quiz/statistics/deploying-ai-models/answers.csv")
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_only_staff_see_statistics(learner: Learner, staff: Client) -> None:
    for path in PATHS:
        assert learner.client.get(f"/quiz/statistics/{path}").status_code == 302
        assert staff.get(f"/quiz/statistics/{path}").status_code == 200


def test_difficulty_wrong_answers_and_time_are_shown(
    learner: Learner, staff: Client
) -> None:
    attempt = learner.start()
    learner.page(1)
    learner.answer(1, **right_fields(attempt, 1))
    letters = {part.letter for part in attempt.latest(2).variant().parts}
    wrong = min(letters - set(right_fields(attempt, 2)["choice"]))
    learner.answer(2, choice=wrong)
    learner.finish()
    page = staff.get("/quiz/statistics/deploying-ai-models/").content.decode()
    assert "1.00" in page and "0.00" in page and "1 × " in page and "0 s" in page
    assert "By learning goal" in page and "You can decide between serverless" in page
    rows = table(staff)
    assert rows[0]["goal"] == "paged-memory"
    assert [row["outcome"] for row in rows] == ["right", "wrong"]
    assert rows[0]["wrong"] == "" and len(rows[1]["wrong"]) > 5


def test_names_are_shown_only_of_who_agreed(learner: Learner, staff: Client) -> None:
    user = User.objects.create_user("reader@example.org", "words")
    learner.client.force_login(user)
    attempt = learner.start()
    learner.answer(1, **right_fields(attempt, 1))
    learner.finish()
    assert table(staff)[0]["learner"] == "learner 1"
    learner.client.post("/quiz/names/", {"agree": "yes"})
    assert table(staff)[0]["learner"] == "reader@example.org"
    learner.client.post("/quiz/names/", {"agree": "no"})
    assert table(staff)[0]["learner"] == "learner 1"
    assert not NameConsent.objects.exists()


def test_discrimination_is_the_correlation_with_the_rest() -> None:
    assert discrimination([0, 0, 1, 1, 1], [0, 1, 2, 3, 3]) == pytest.approx(
        0.9102, abs=1e-3
    )
    assert discrimination([1, 1, 1, 1, 1], [0, 1, 2, 3, 3]) is None
    assert discrimination([0, 1], [0, 1]) is None


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert plain(text) == f"'{text}"
    assert plain("fine") == "fine"
