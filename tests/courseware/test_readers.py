"""Who only reads leaves nothing behind; who sends something is kept from then on."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client

from config.asgi import application
from courseware.door import ended
from courseware.learner import learner_id_of
from courseware.loader import Report
from courseware.models import Learner, User
from courseware.sessions import SessionStore, key_of_reader, reader_of
from tests.courseware.conftest import BROWSER

PAGES = (
    *("/", "/glossary/", "/search/?q=cache", "/privacy/", "/licences/", "/account/"),
    *("/account/sign-up/", "/account/sign-in/", "/mentor/", "/quiz/", "/lab/"),
    *("/lab/hardware/", "/lab/fleet/", "/lab/challenge/", "/lab/class/"),
    *("/lab/recordings/", "/lab/recordings/menu/"),
)
SENT = "/lab/class/predict/"


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def rows() -> dict[str, int]:
    """How many of each kind the database has."""
    return {model._meta.label: model.objects.count() for model in apps.get_models()}


def test_a_crawlers_page_loads_leave_no_row(course: Report) -> None:
    before = rows()
    with_cookies = Client(**BROWSER)
    for path in PAGES:
        assert Client(**BROWSER).get(path, follow=True).status_code == 200, path
        assert with_cookies.get(path, follow=True).status_code == 200, path
        assert with_cookies.head(path).status_code in (200, 302, 405), path
    assert rows() == before
    assert learner_id_of(with_cookies.session) is not None


def test_what_a_stranger_sends_without_a_token_leaves_no_row(course: Report) -> None:
    stranger = Client(**BROWSER, enforce_csrf_checks=True)
    stranger.get("/")
    before = rows()
    assert stranger.post(SENT).status_code == 403
    assert rows() == before


def test_with_the_first_form_the_reader_is_kept_as_who_they_were(
    reader: Client, course: Report
) -> None:
    reader.get("/")
    learner_id = learner_id_of(reader.session)
    reader.post(SENT)
    assert Learner.objects.get().learner_id == learner_id
    assert learner_id_of(reader.session) == learner_id
    assert reader.session.session_key == Session.objects.get().session_key


@pytest.mark.parametrize("change", ["x", "."])
def test_a_cookie_that_we_did_not_sign_is_nobodys(change: str, db: None) -> None:
    key = key_of_reader("a" * 32)
    assert reader_of(key) == "a" * 32
    assert reader_of(key + change) is None
    assert reader_of("v." + "a" * 32) is None
    assert dict(SessionStore(key + change).items()) == {}


def test_a_readers_cookie_is_old_after_a_month(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, now = key_of_reader("a" * 32), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 31 * 86_400)
    assert reader_of(key) is None


def test_who_comes_back_each_week_keeps_it(
    reader: Client, course: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.get("/")
    learner_id, now = learner_id_of(reader.session), time.time()
    for week in range(1, 7):
        monkeypatch.setattr(time, "time", lambda week=week: now + week * 7 * 86_400)
        reader.get("/privacy/")
        assert learner_id_of(reader.session) == learner_id
    assert not Session.objects.exists()


def test_what_a_reader_was_given_is_no_key_to_the_account_that_they_made(
    reader: Client, course: Report
) -> None:
    """A copy of the cookie, in another browser, after signing up."""
    reader.get("/")
    copied = reader.cookies["sessionid"].value
    user = User.objects.create_user("a@example.org", "pw")
    learner_id = learner_id_of(reader.session)
    reader.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert learner_id_of(reader.session) == learner_id, "carried over"
    thief = Client(**BROWSER)
    thief.cookies["sessionid"] = copied
    thief.get("/mentor/")
    assert learner_id_of(thief.session) != learner_id


def socket(cookie: str) -> WebsocketCommunicator:
    headers = [
        (b"cookie", f"sessionid={cookie}".encode()),
        (b"origin", b"http://localhost"),
        (b"host", b"localhost"),
    ]
    return WebsocketCommunicator(application, "/ws/mentor/", headers=headers)


@pytest.mark.django_db(transaction=True)
async def test_the_first_word_on_a_socket_makes_a_learner_and_the_socket_no() -> None:
    key = key_of_reader("a" * 32)
    count = database_sync_to_async(Learner.objects.count)
    one = socket(key)
    connected, _ = await one.connect(timeout=60)
    assert connected and await count() == 0
    await one.send_json_to({"type": "ping"})
    assert (await one.receive_json_from(timeout=60))["type"] == "pong"
    assert await count() == 1
    await one.disconnect(timeout=60)


@pytest.mark.django_db(transaction=True)
async def test_a_readers_socket_ends_when_an_account_takes_the_learner_over() -> None:
    key = key_of_reader("a" * 32)
    one = socket(key)
    await one.connect(timeout=60)
    await one.send_json_to({"type": "ping"})
    await one.receive_json_from(timeout=60)

    def sign_up() -> None:
        user = User.objects.create_user("a@example.org", "pw")
        Learner.objects.update(user=user)

    await database_sync_to_async(sign_up)()
    await one.send_json_to({"type": "ping"})
    said: Any = await one.receive_output(timeout=60)
    assert (said["type"], said["code"]) == ("websocket.close", 4401)
    await one.disconnect(timeout=60)


def test_nothing_is_asked_of_the_database_without_readers(db: None) -> None:
    assert ended([]) == []
