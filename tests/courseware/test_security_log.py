"""The security log: each event once, who and where, and nothing that is secret."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from channels.testing import WebsocketCommunicator
from django.core import mail
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from config.asgi import application
from config.body_limit import BodyLimit
from config.charset import OnlyUtf8
from courseware import letters
from courseware.models import User
from courseware.security_log import EVENTS
from tests.config.test_logs import lines
from tests.repository import ROOT

__all__ = ["lines"]
EMAIL, PASSWORD = "ann@example.org", "a-long-sentence"
RIGHT = {"username": EMAIL, "password": PASSWORD}
WRONG = {**RIGHT, "password": "a-wrong-sentence"}
NEW = {"new_password1": "another-sentence", "new_password2": "another-sentence"}
HERE = "203.0.113.5"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def ann(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(
        letters, "beside", lambda send, *args, **more: send(*args, **more)
    )
    cache.clear()
    yield User.objects.create_user(EMAIL, PASSWORD)


def browser() -> Client:
    return Client(HTTP_USER_AGENT=AGENT, REMOTE_ADDR=HERE)


def signed_in() -> Client:
    client = browser()
    assert client.post("/account/sign-in/", RIGHT).status_code == 302
    return client


def events(said: list[dict[str, Any]]) -> list[str]:
    return [one["event"] for one in said if one["logger"] == "servelab.security"]


def the(event: str, said: list[dict[str, Any]]) -> dict[str, Any]:
    [found] = [one for one in said if one["event"] == event]
    return found


def refused(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Requests that an operator looks for."""
    return [
        one
        for one in said
        if one["logger"] == "servelab.web" and one["level"] == "warning"
    ]


def test_the_documentation_has_every_event() -> None:
    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    table = page.partition("| Event | When |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert {name for cell in cells for name in re.findall("`([^`]+)`", cell)} == set(
        EVENTS
    )


def test_signing_in_and_out_says_who_where_how_and_when(
    ann: User, lines: Lines
) -> None:
    client = signed_in()
    client.post("/account/sign-out/")
    said = lines()
    assert events(said) == ["signed in", "signed out"]
    for event in events(said):
        line = the(event, said)
        assert (line["account"], line["address"]) == (ann.pk, HERE)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line["timestamp"])
        assert re.fullmatch("[0-9a-f]{32}", line["log_id"])
    assert the("signed in", said)["factors"] == "password"


def test_a_wrong_password_is_put_together_with_the_right_one(lines: Lines) -> None:
    client = browser()
    client.post("/account/sign-in/", WRONG | {"username": " ANN@example.org"})
    client.post("/account/sign-in/", RIGHT)
    said = lines()
    wrong = the("wrong password", said)
    assert wrong["address"] == HERE and wrong["level"] == "warning"
    assert wrong["tried"] == the("signed in", said)["tried"]


def test_a_wait_is_told_and_so_are_the_guesses_within_it(lines: Lines) -> None:
    client = browser()
    for _ in range(6):
        client.post("/account/sign-in/", WRONG)
    said = lines()
    assert events(said).count("wrong password") == 6
    assert events(said).count("held up") == 2
    assert [one["status"] for one in refused(said)] == [429, 429]


def test_a_second_factor_from_its_beginning_to_its_end(ann: User, lines: Lines) -> None:
    client = signed_in()
    client.post("/account/second-factor/begin/", {"password": PASSWORD})
    key = bytes.fromhex(client.session["second_factor_key"])
    code = f"{totp(key):06d}"
    page = client.post("/account/second-factor/confirm/", {"code": code}).text
    backup = re.findall(r"<li><code>([a-z2-7-]+)</code>", page)
    other = browser()
    other.post("/account/sign-in/", RIGHT)
    other.post("/account/sign-in/code/", {"code": "000000"})
    other.post("/account/sign-in/code/", {"code": backup[0]})
    form = {"password": PASSWORD, "code": backup[1]}
    other.post("/account/second-factor/remove/", form)
    said = lines()
    kinds = [one for one in events(said) if "code" in one or "factor" in one]
    assert kinds == ["second factor set up", "wrong code", "second factor removed"]
    assert the("wrong code", said)["account"] == ann.pk
    factors = [one["factors"] for one in said if one["event"] == "signed in"]
    assert factors == ["password", "password and backup code"]
    written = json.dumps(said)
    assert not any(one in written for one in (code, *backup, key.hex()))


def test_what_changes_an_account_is_told(ann: User, lines: Lines) -> None:
    client = signed_in()
    client.post("/account/sign-out/everywhere/")
    client.post("/account/password/", {"old_password": PASSWORD, **NEW})
    browser().post("/account/reset/", {"email": EMAIL})
    letter = re.search(r"/account/reset/\S+", str(mail.outbox[0].body))
    assert letter is not None
    reader = browser()
    form = reader.get(letter[0]).headers["Location"]
    reader.post(form, {"new_password1": PASSWORD, "new_password2": PASSWORD})
    TOTPDevice.objects.create(user=ann)
    call_command("removefactor", EMAIL)
    signed_in().post("/privacy/forget/", {"password": PASSWORD})
    said = lines()
    kept = [one for one in events(said) if one not in ("signed in", "signed out")]
    assert kept == [
        *("other browsers signed out", "new password", "letter for a new password"),
        *("new password", "second factor removed", "account deleted"),
    ]
    by = [one["by"] for one in said if one["event"] == "new password"]
    assert by == ["password", "letter"]
    written = json.dumps(said)
    assert not any(one in written for one in (EMAIL, PASSWORD, "another-sentence"))


def test_who_makes_an_account_is_signed_in_to_it(lines: Lines, settings: Any) -> None:
    settings.SIGNUP_BY_LETTER = False
    form = {"email": "bob@example.org", "password1": "x-y-z-x-y-z-1"}
    browser().post("/account/sign-up/", {**form, "password2": form["password1"]})
    assert events(lines()) == ["account made", "signed in"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/lab/staff/clear/", 302),
        ("/mentor/questions/", 302),
        ("/admin/", 302),
        (f"/lab/recordings/{'0' * 32}/", 404),
        ("/metrics", 403),
    ],
)
def test_a_page_that_is_not_theirs_is_told_with_who_asked(
    path: str, status: int, ann: User, lines: Lines
) -> None:
    client = signed_in()
    assert client.get(path).status_code == status
    [line] = refused(lines())
    assert (line["path"], line["status"]) == (path, status)
    assert (line["account"], line["address"]) == (ann.pk, HERE)


def test_a_form_without_its_token_is_told(lines: Lines) -> None:
    client = Client(HTTP_USER_AGENT=AGENT, REMOTE_ADDR=HERE, enforce_csrf_checks=True)
    assert client.post("/account/sign-in/", RIGHT).status_code == 403
    [line] = refused(lines())
    assert (line["status"], line["address"]) == (403, HERE)


def test_an_ordinary_page_names_nobody(lines: Lines) -> None:
    client = signed_in()
    client.get("/privacy/")
    client.get("/nothing")
    pages = [one for one in lines() if one.get("method") == "GET"]
    assert [one["level"] for one in pages] == ["info", "info"]
    assert "account" not in pages[0] and "address" not in pages[0]


def test_what_fails_here_is_told_with_its_place_and_shown_without(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("courseware.views.design_language", fail)
    client = Client(HTTP_USER_AGENT=AGENT, raise_request_exception=False)
    answer = client.get("/design/")
    assert answer.status_code == 500 and "secret" not in answer.text
    [line] = [one for one in lines() if "exception" in one]
    assert line["level"] == "error" and "RuntimeError: a secret" in line["exception"]
    assert line["log_id"] == answer.headers["X-Log-Id"]


def test_a_server_whose_certificate_is_not_taken_is_told(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise redis.ConnectionError("[SSL: CERTIFICATE_VERIFY_FAILED] expired")

    monkeypatch.setattr(redis.Redis, "ping", fail)
    answer = browser().get("/readyz")
    assert answer.status_code == 503 and "CERTIFICATE" not in answer.text
    [line] = [one for one in lines() if "CERTIFICATE_VERIFY_FAILED" in one["event"]]
    assert line["level"] == "warning"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ((b"content-length", str(2**30).encode()), 413),
        ((b"content-type", b"text/plain; charset=utf-7"), 415),
    ],
)
def test_what_django_never_sees_is_told(
    header: tuple[bytes, bytes], status: int, lines: Lines
) -> None:
    async def nothing(*args: Any) -> None:
        """No application, no browser."""

    scope = {"type": "http", "path": "/x", "client": (HERE, 1), "headers": [header]}
    asyncio.run(OnlyUtf8(BodyLimit(nothing))(scope, nothing, nothing))  # type: ignore[arg-type]
    line = the("refused before it was read", lines())
    assert (line["status"], line["address"], line["path"]) == (status, HERE, "/x")


@pytest.mark.parametrize(
    ("origin", "why"),
    [
        (b"https://evil.example", "another site's page"),
        (b"http://localhost", "no session"),
    ],
)
async def test_a_socket_that_is_refused_is_told(
    origin: bytes, why: str, lines: Lines
) -> None:
    headers = [(b"host", b"localhost"), (b"origin", origin)]
    socket = WebsocketCommunicator(application, "/ws/lab/", headers=headers)
    socket.scope["client"] = [HERE, 1]
    await socket.connect(timeout=60)
    await socket.disconnect()
    line = the("socket refused", lines())
    assert (line["why"], line["address"]) == (why, HERE)
