"""Who a learner is to us, what is kept, and how it goes."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from courseware.learner import SEEN_EVERY_S, SEEN_KEY, forget, learner_id_of
from courseware.loader import Report
from courseware.models import Learner, User

FORGET = "/privacy/forget/"
SENT = "/lab/class/predict/"
"""A form, whatever becomes of it."""


@pytest.fixture
def forgotten():
    """The ids for which every app was told to delete its rows."""
    ids: list[str] = []

    def note(learner_id: str, **_: object) -> None:
        ids.append(learner_id)

    forget.connect(note)
    yield ids
    forget.disconnect(note)


def test_a_page_makes_a_learner_and_keeps_it(reader: Client, course: Report) -> None:
    reader.get("/")
    learner_id = learner_id_of(reader.session)
    assert learner_id is not None and len(learner_id) == 32
    reader.get("/privacy/")
    assert learner_id_of(reader.session) == learner_id
    reader.post(SENT)
    assert learner_id_of(reader.session) == learner_id
    assert Learner.objects.get().learner_id == learner_id
    assert reader.session.session_key == Session.objects.get().session_key


def test_a_sockets_scope_has_the_same_learner(reader: Client, course: Report) -> None:
    reader.get("/")
    scope = {"type": "websocket", "session": reader.session}
    assert learner_id_of(scope) == learner_id_of(reader.session)
    assert learner_id_of({"type": "websocket", "session": {}}) is None
    assert learner_id_of({"type": "websocket"}) is None


@pytest.mark.parametrize("agent", ["Googlebot/2.1", "curl/8.0", "python-requests/2"])
def test_a_bot_reads_without_becoming_a_learner(agent: str, course: Report) -> None:
    response = Client(HTTP_USER_AGENT=agent).get("/")
    assert response.status_code == 200
    assert not Learner.objects.exists() and "sessionid" not in response.cookies


def test_a_health_check_makes_no_learner(reader: Client, db) -> None:
    assert reader.get("/healthz").status_code == 200
    assert not Learner.objects.exists()


def test_the_last_visit_is_written_once_an_hour(reader: Client, course: Report) -> None:
    reader.get("/")
    reader.post(SENT)
    first = Learner.objects.get().last_seen_at
    reader.get("/")
    assert Learner.objects.get().last_seen_at == first
    session = reader.session
    session[SEEN_KEY] -= SEEN_EVERY_S
    session.save()
    reader.get("/")
    assert Learner.objects.get().last_seen_at > first


def test_a_learner_is_kept_through_sign_in(reader: Client, course: Report) -> None:
    reader.get("/")
    learner_id = learner_id_of(reader.session)
    user = User.objects.create_user("a@example.org", "pw")
    reader.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert learner_id_of(reader.session) == learner_id


def test_one_click_deletes_everything(
    reader: Client, course: Report, forgotten: list[str]
) -> None:
    reader.get("/")
    learner_id = learner_id_of(reader.session)
    response = reader.post(FORGET)
    assert "Your data is deleted" in response.text
    assert forgotten == [learner_id]
    assert not Learner.objects.exists()
    assert learner_id_of(reader.session) is None


def test_after_deletion_a_page_begins_somebody_new(
    reader: Client, course: Report
) -> None:
    reader.get("/")
    old = learner_id_of(reader.session)
    reader.post(FORGET)
    reader.get("/")
    assert learner_id_of(reader.session) not in (None, old)


def test_deleting_without_data_says_so(
    reader: Client, db, forgotten: list[str]
) -> None:
    assert "There was nothing of yours" in reader.post(FORGET).text
    assert forgotten == []


def test_deletion_is_not_a_link(reader: Client, db) -> None:
    assert reader.get(FORGET).status_code == 405


def test_deletion_needs_the_forms_token(course: Report) -> None:
    strict = Client(enforce_csrf_checks=True, HTTP_USER_AGENT="Firefox")
    page = strict.get("/privacy/").text
    refused = strict.post(FORGET)
    assert refused.status_code == 403 and "This is not allowed" in refused.text
    assert learner_id_of(strict.session) is not None
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    assert strict.post(FORGET, {"csrfmiddlewaretoken": token}).status_code == 200
    assert Learner.objects.count() == 0


def test_the_learner_stays_when_an_app_could_not_delete(
    reader: Client, course: Report
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("not now")

    forget.connect(fail)
    try:
        reader.get("/")
        with pytest.raises(RuntimeError):
            reader.post(FORGET)
        assert Learner.objects.count() == 1
    finally:
        forget.disconnect(fail)


def _learner(name: str, idle_days: int, user: User | None = None) -> None:
    seen = timezone.now() - timedelta(days=idle_days)
    Learner.objects.create(learner_id=name, last_seen_at=seen, user=user)


def test_anonymous_learners_expire_and_others_stay(db, forgotten: list[str]) -> None:
    _learner("idle", 31)
    _learner("recent", 29)
    _learner("account", 300, User.objects.create_user("a@example.org", "pw"))
    call_command("expire_learners")
    assert forgotten == ["idle"]
    assert set(Learner.objects.values_list("learner_id", flat=True)) == {
        "recent",
        "account",
    }


def test_expiry_runs_every_day(settings) -> None:
    tasks = [row["task"] for row in settings.CELERY_BEAT_SCHEDULE.values()]
    assert "courseware.expire_learners" in tasks


@pytest.mark.parametrize(
    "words",
    ["30 days", "mentor", "cache", "Delete my data", "never a word", "sessionid"],
)
def test_the_privacy_page_names_what_matters(words: str, reader: Client, db) -> None:
    assert words in reader.get("/privacy/").text
