"""A database that cannot be used is a sentence and 503; what can be read is read on."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test import Client

from courseware.learner import SEEN_KEY
from courseware.models import User

FORM = {
    "email": "ada@example.org",
    "password1": "a-long-sentence",
    "password2": "a-long-sentence",
}


@contextmanager
def read_only() -> Iterator[None]:
    """SQLite refuses every write, as it does on a disk that is full or read-only."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
        try:
            yield
        finally:
            cursor.execute("PRAGMA query_only = OFF")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a PRAGMA")
@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_kept_is_said_and_pages_are_read_on() -> None:
    reader = Client(raise_request_exception=False)
    with read_only():
        answer = reader.post("/account/sign-up/", FORM)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert "its disk is full or read-only" in answer.text
        assert reader.get("/").status_code == 200
    assert reader.post("/account/sign-up/", FORM).status_code == 302
    assert User.objects.get().email == FORM["email"]
    session = reader.session
    session[SEEN_KEY] = 0  # so that this visit is due to be noted
    session.save()
    with read_only():
        assert "ada@example.org" in reader.get("/account/").text
    reader.get("/account/")
    assert reader.session[SEEN_KEY] > 0
