"""What a stranger's page loads may leave behind."""

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client

from courseware.models import Learner, User
from tests.courseware.conftest import BROWSER


@pytest.fixture(autouse=True)
def nothing_counted(db: None) -> None:
    cache.clear()


SENT = "/lab/class/predict/"


def visit(address: str = "203.0.113.5") -> Client:
    client = Client(**BROWSER, REMOTE_ADDR=address)
    assert client.get("/privacy/").status_code == 200
    return client


def test_an_address_makes_so_many_learners_a_minute_and_reads_on(settings: Any) -> None:
    settings.LIMITS = replace(settings.LIMITS, visitors_address=3)
    visitors = [visit() for _ in range(6)]
    assert sum("sessionid" in one.cookies for one in visitors) == 3
    for one in [*visitors, visit("203.0.113.6")]:
        one.post(SENT)
    assert Learner.objects.count() == Session.objects.count() == 4


def test_who_has_a_session_is_not_counted(settings: Any) -> None:
    settings.LIMITS = replace(settings.LIMITS, visitors_address=1)
    known = visit()
    assert all(known.get("/privacy/").status_code == 200 for _ in range(5))
    cache.clear()
    assert "sessionid" in visit().cookies


def test_a_class_of_a_hundred_opens_the_course_at_once() -> None:
    assert all("sessionid" in visit().cookies for _ in range(100))


def test_a_session_from_before_a_new_password_is_nobodys() -> None:
    user = User.objects.create_user("ada@example.org", "a-long-sentence")
    client = visit()
    form = {"username": "ada@example.org", "password": "a-long-sentence"}
    client.post("/account/sign-in/", form)
    own = client.session["learner_id"]
    user.set_password("another-sentence")
    user.save()
    client.get("/mentor/")
    assert client.session.get("learner_id") != own
