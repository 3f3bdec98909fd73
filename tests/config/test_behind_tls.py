"""What a browser is told where a proxy speaks TLS (BEHIND_TLS)."""

import asyncio
from typing import Any

import pytest
from django.test import Client

from config.body_limit import refuse
from config.protected import ProtectedAnswers
from courseware.models import User
from tests.config.test_settings import all_settings_with

NAMES = [
    *("BEHIND_TLS", "COOKIE_PREFIX", "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME"),
    *("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT"),
    *("SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS"),
    "SECURE_REDIRECT_EXEMPT",
]
YEAR_S = 31_536_000
HSTS = f"max-age={YEAR_S}; includeSubDomains"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0"
ACCOUNT = {"username": "ann@example.org", "password": "a-long-sentence"}


@pytest.fixture(scope="module")
def read() -> dict[str, Any]:
    """The settings of such an installation."""
    return all_settings_with(NAMES, BEHIND_TLS="on")


@pytest.fixture(autouse=True)
def behind_tls(read: dict[str, Any], settings: Any, db: None) -> None:
    for name, value in read.items():
        setattr(settings, name, value)


def signed_in() -> Client:
    """A browser with every cookie that the server gives."""
    User.objects.create_user(ACCOUNT["username"], ACCOUNT["password"])
    client = Client(HTTP_USER_AGENT=BROWSER)
    client.get("/account/sign-in/", secure=True)
    answer = client.post("/account/sign-in/", ACCOUNT, secure=True)
    assert answer.status_code == 302
    return client


def test_every_cookie_is_for_this_host_by_tls_and_for_no_script() -> None:
    cookies = signed_in().cookies
    assert set(cookies) == {
        *("__Host-sessionid", "__Host-csrftoken", "__Host-known_device"),
    }
    for cookie in cookies.values():
        assert cookie["secure"] and cookie["httponly"] and cookie["path"] == "/"
        assert cookie["samesite"] == "Lax" and not cookie["domain"]


def test_who_signed_in_by_them_is_in_and_is_told_their_names() -> None:
    client = signed_in()
    assert "ann@example.org" in client.get("/account/", secure=True).text
    page = client.get("/privacy/", secure=True).text
    assert all(f"<code>{name}</code>" in page for name in client.cookies)


def test_the_theme_is_read_from_such_a_cookie_alone() -> None:
    client = Client(HTTP_USER_AGENT=BROWSER)
    client.cookies["theme"] = "dark"
    page = client.get("/privacy/", secure=True).text
    assert 'data-cookie="__Host-theme"' in page and "data-theme" not in page
    client.cookies["__Host-theme"] = "dark"
    assert 'data-theme="dark"' in client.get("/privacy/", secure=True).text


@pytest.mark.parametrize("path", ["/privacy/", "/nothing", "/static/css/site.css"])
def test_every_answer_wants_tls_for_a_year_and_for_subdomains(path: str) -> None:
    answer = Client().get(path, secure=True)
    assert answer.headers["Strict-Transport-Security"] == HSTS


@pytest.mark.parametrize(("scheme", "said"), [("https", HSTS), ("http", None)])
def test_a_refusal_before_django_wants_it_too(scheme: str, said: str | None) -> None:
    sent: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await refuse(send, 413, "Too large.")

    async def send(message: Any) -> None:
        sent.append(message)

    guarded: Any = ProtectedAnswers(application)
    asyncio.run(guarded({"type": "http", "scheme": scheme}, None, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert headers.get("strict-transport-security") == said
    assert headers["referrer-policy"] == "same-origin"


def test_a_page_in_plain_is_led_to_tls() -> None:
    answer = Client().get("/privacy/")
    assert answer.status_code == 301
    assert answer.headers["Location"] == "https://testserver/privacy/"


def test_what_programs_ask_is_not_led_on(settings: Any) -> None:
    settings.METRICS_TOKEN = "t" * 32
    token = {"Authorization": f"Bearer {settings.METRICS_TOKEN}"}
    assert Client().get("/healthz").status_code == 200
    far = Client(REMOTE_ADDR="203.0.113.5")
    answer = far.get("/metrics", headers=token)
    assert answer.status_code == 403 and "sent in plain" in answer.text
    assert far.get("/metrics", headers=token, secure=True).status_code == 200
    assert Client().get("/metrics", headers=token).status_code == 200
    assert Client().get("/metrics").status_code == 403
