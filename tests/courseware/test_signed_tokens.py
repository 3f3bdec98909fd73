"""What a token of ours says is believed for its own use, its own time and our key."""

from typing import Any

import pytest
from django.core import signing
from django.test import Client

from courseware import guesses, sessions, sign_up
from courseware.models import User
from courseware.sessions import MARK, key_of_reader, reader_of
from tests.courseware.conftest import BROWSER

ADDRESS, PASSWORD = "ada@example.org", "correct horse battery"
LEARNER = "a" * 32


def finished(token: str) -> int:
    return Client(**BROWSER).get(f"/account/sign-up/{token}/").status_code


@pytest.mark.django_db
def test_a_link_of_a_letter_is_taken_as_such_alone(settings: Any) -> None:
    good = signing.dumps(ADDRESS, salt=sign_up.SALT)
    assert finished(good) == 200
    assert finished(signing.dumps(ADDRESS, salt=guesses.COOKIE)) == 404
    assert finished(signing.dumps(ADDRESS, key="k" * 50, salt=sign_up.SALT)) == 404
    assert finished(good[:-1] + ("A" if good[-1] != "A" else "B")) == 404


@pytest.mark.django_db
def test_a_readers_cookie_is_taken_as_such_alone() -> None:
    salt = sessions._SALT
    assert reader_of(key_of_reader(LEARNER)) == LEARNER
    forged = [
        signing.TimestampSigner(salt=sign_up.SALT).sign(LEARNER),
        signing.TimestampSigner(salt=salt, algorithm="sha1").sign(LEARNER),
        signing.TimestampSigner(key="k" * 50, salt=salt).sign(LEARNER),
        LEARNER,
        f"{LEARNER}:1w:",
    ]
    assert [reader_of(MARK + one) for one in forged] == [None] * len(forged)


@pytest.mark.django_db
def test_a_link_of_a_letter_ends_after_its_day(monkeypatch: Any) -> None:
    from django.core.signing import time

    began = time.time()
    token = signing.dumps(ADDRESS, salt=sign_up.SALT)
    monkeypatch.setattr(time, "time", lambda: began + sign_up.HOLDS_S - 5)
    assert finished(token) == 200
    monkeypatch.setattr(time, "time", lambda: began + sign_up.HOLDS_S + 5)
    assert finished(token) == 404


@pytest.mark.django_db
def test_another_key_ends_every_session_and_no_account(settings: Any) -> None:
    User.objects.create_user(ADDRESS, PASSWORD)
    form = {"username": ADDRESS, "password": PASSWORD}
    one = Client(**BROWSER)
    one.post("/account/sign-in/", form)
    assert one.get("/account/").status_code == 200
    cookie = key_of_reader(LEARNER)
    settings.SECRET_KEY = "another key " * 5
    assert one.get("/account/").status_code == 302
    assert reader_of(cookie) is None
    one.post("/account/sign-in/", form)
    assert one.get("/account/").status_code == 200


@pytest.mark.django_db
def test_with_the_old_key_beside_the_new_one_nobody_is_signed_out(
    settings: Any,
) -> None:
    user = User.objects.create_user(ADDRESS, PASSWORD)
    one = Client(**BROWSER)
    one.force_login(user)
    cookie = key_of_reader(LEARNER)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another key " * 5
    settings.SECRET_KEY_FALLBACKS = [old]
    assert one.get("/account/").status_code == 200
    assert reader_of(cookie) == LEARNER
