"""A session of staff ends twelve hours after it began; a learner's goes on."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from courseware.door import LearnerSocket, ended
from courseware.loader import Report
from courseware.models import User
from tests.courseware.conftest import BROWSER

PASSWORD = "a-long-sentence"
STAFF, ANN = "staff@example.org", "ann@example.org"


class Clock:
    """Django's, set forward."""

    def __init__(self, now: datetime) -> None:
        self.ahead, self._real = timedelta(), now

    def now(self) -> datetime:
        return self._real + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock(timezone.now())
    monkeypatch.setattr(timezone, "now", made.now)
    return made


@pytest.fixture(autouse=True)
def accounts(course: Report, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()
    User.objects.create_superuser(STAFF, PASSWORD)
    User.objects.create_user(ANN, PASSWORD)


def signed_in(account: str, door: str = "/account/sign-in/") -> Client:
    client = Client(**BROWSER)
    client.get("/")
    answer = client.post(door, {"username": account, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


@pytest.mark.parametrize("door", ["/account/sign-in/", "/admin/login/"])
def test_staff_are_signed_out_after_twelve_hours_however_busy(
    door: str, clock: Clock
) -> None:
    client = signed_in(STAFF, door)
    assert 0 < client.cookies["sessionid"]["max-age"] <= 12 * 3600
    for hours in (4, 8, 11.9):
        clock.ahead = timedelta(hours=hours)
        assert is_in(client)
        client.post("/chapters/deploying-ai-models/read/")
    clock.ahead = timedelta(hours=12.1)
    assert not is_in(client)
    assert client.get("/admin/").status_code == 302


def test_a_learner_is_not_signed_out_with_them(clock: Clock) -> None:
    client = signed_in(ANN)
    clock.ahead = timedelta(days=29)
    assert is_in(client)


def test_who_becomes_staff_has_twelve_hours_from_then(clock: Clock) -> None:
    client = signed_in(ANN)
    clock.ahead = timedelta(days=3)
    User.objects.filter(email=ANN).update(is_staff=True)
    assert is_in(client)
    clock.ahead += timedelta(hours=12.1)
    assert not is_in(client)


def test_their_open_sockets_end_with_the_session(clock: Clock) -> None:
    client = signed_in(STAFF)
    socket = LearnerSocket()
    socket.session_key = str(client.session.session_key)
    assert ended([socket]) == []
    clock.ahead = timedelta(hours=12.1)
    assert Session.objects.exists() and ended([socket]) == [socket]


def test_the_privacy_page_says_so(client: Client) -> None:
    assert "12 hours after signing in" in client.get("/privacy/").text
