"""Whatever stands in the headers of a request, its answer is none of 500."""

import logging
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.cache import cache
from django.test import Client

from config.asgi import application
from lab import client as engine_client
from mentor import course
from tests.lab.fake_engine import READY, FakeEngine
from tests.mentor.fake_course import FakeCourse
from tests.quizzes.conftest import BROWSER, bank

__all__ = ["bank"]
CODECS = ("hex", "rot13", "zlib", "undefined", "idna", "punycode", "utf-7", "utf-16",
          "unicode_escape", "raw_unicode_escape", "uu", "cp037", "x" * 300)  # fmt: skip
HEADERS: list[dict[str, str]] = [
    {"CONTENT_TYPE": "multipart/form-data"},
    {"CONTENT_TYPE": "multipart/form-data; boundary=" + "x" * 300},
    {"HTTP_HOST": "localhost:99999"},
    {"HTTP_HOST": "["},
    {"HTTP_HOST": "evil.example"},
    {"HTTP_HOST": "localhost\x00"},
    {"HTTP_ORIGIN": "null"},
    {"HTTP_ORIGIN": "http://["},
    {"HTTP_REFERER": "http://["},
    {"HTTP_REFERER": "\xff\x00"},
    {"HTTP_COOKIE": "csrftoken=\x00; sessionid=;;=; messages=[[]]; known_device=x"},
    {"HTTP_COOKIE": "sessionid=" + "é" * 4_000},
    {"HTTP_COOKIE": "messages=" + "x:" * 2_000},
    {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "http://["},
    {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "%ff", "HTTP_HX_TRIGGER": "%"},
    {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "%00", "HTTP_HX_BOOSTED": "x",
     "HTTP_HX_CURRENT_URL_URI_AUTOENCODED": "true"},
    {"HTTP_IF_MODIFIED_SINCE": "Thu, 99 Xyz 99999 99:99:99 GMT"},
    {"HTTP_IF_NONE_MATCH": '"' * 500},
    {"HTTP_IF_NONE_MATCH": "*"},
    {"HTTP_RANGE": "bytes=-1-,9999999999999999999-"},
    {"HTTP_ACCEPT": ",;q=\x00"},
    {"HTTP_ACCEPT_ENCODING": "gzip;q=x, *;q=-1"},
    {"HTTP_ACCEPT_LANGUAGE": "xx-" * 900},
    {"HTTP_USER_AGENT": "\x00\r\nX: y"},
    {"HTTP_X_FORWARDED_FOR": "x, 999.1.1.1, ::::"},
    {"HTTP_X_FORWARDED_PROTO": "javascript", "HTTP_X_FORWARDED_HOST": "evil.example"},
    {"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"},
    {"HTTP_AUTHORIZATION": "Basic \xff"},
    {"HTTP_AUTHORIZATION": "Bearer \x00"},
]  # fmt: skip
PAGES = ("/", "/search/", "/quiz/", "/mentor/", "/admin/login/", "/healthz", "/readyz",
         "/metrics", "/privacy/", "/nothing/", "/account/sign-in/")  # fmt: skip
FORMS = ("/account/sign-in/", "/lab/hardware/config/", "/lab/fleet/file/",
         "/lab/recordings/upload/", "/privacy/forget/")  # fmt: skip
"""Each reads its form in another way."""


@pytest.fixture(autouse=True)
def surroundings(settings: Any, db: None) -> Any:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with engine_client.transport(FakeEngine(READY)), course.taught_by(FakeCourse()):
        yield


def visitor() -> Client:
    made = Client(**BROWSER, raise_request_exception=False)
    made.get("/privacy/")
    return made


def troubles(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged as an error, but for what Django refuses as suspicious."""
    words = [
        f"{record.getMessage()}\n{record.exc_text or record.exc_info or ''}"
        for record in caplog.records
        if record.levelno >= logging.ERROR
        and (getattr(record, "status_code", 0) != 503 or record.exc_info)
        and not record.name.startswith("django.security")
    ]
    caplog.clear()
    return words


@pytest.mark.usefixtures("bank")
@pytest.mark.parametrize("path", PAGES)
def test_a_page_survives_whatever_headers(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    browser = visitor()
    for headers in HEADERS:
        answer = browser.get(f"{path}?q=%41&name=%e9&x=%00", **headers)
        assert answer.status_code < 500 or answer.status_code == 503, headers
        assert troubles(caplog) == [], headers


HEAD = b"--x\r\nContent-Disposition: form-data; "
PARTS = (
    HEAD + b'name="email"\r\n\r\na%41\xff\r\n--x--\r\n',
    HEAD + b'name="file"; filename="../../a\x00"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n!!!!=\r\n--x--\r\n",
    HEAD + b"name*=utf-9''%ff; filename*=x'y'z\r\n\r\na\r\n--x--\r\n",
    b"--x\r\n" * 2_000,
    (HEAD + b'name="a"; filename="b"\r\n\r\n\r\n') * 300,
    (HEAD + b'name="a"\r\n\r\n\r\n') * 2_000,
    HEAD + b"name=" + b"a" * 5_000 + b"\r\n\r\nb\r\n--x--",
)


@pytest.mark.usefixtures("bank")
@pytest.mark.parametrize("path", FORMS)
def test_a_form_survives_whatever_parts_and_charsets(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    browser = visitor()
    kinds = ("multipart/form-data; boundary=x", "multipart/mixed; boundary=x")
    for part in PARTS:
        for kind in kinds:
            cache.clear()
            answer = browser.post(path, part, content_type=kind)
            assert answer.status_code < 500 or answer.status_code == 503, (kind, part)
            assert troubles(caplog) == [], (kind, part[:80])


@pytest.mark.parametrize("kind", [
    *(f"text/plain; charset={name}" for name in CODECS),
    *(f"multipart/form-data; boundary=x; charset={name}" for name in CODECS),
    "text/plain; charset*=hex''%41", "text/plain; x*=undefined''%ff",
    "application/json; charset=\x00", "text/plain" + ";a=b" * 200, ";=;", "\xff",
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_charset_that_is_no_text_is_refused(kind: str, method: str) -> None:
    """Through the door: Django raises before any of its own answers it."""
    scope = {
        **{"type": "http", "method": method, "path": "/account/sign-in/"},
        **{"query_string": b"q=%41", "http_version": "1.1", "scheme": "http"},
        "headers": [(b"host", b"localhost"), (b"content-type", kind.encode("latin-1"))],
    }
    browser = ApplicationCommunicator(application, scope)
    await browser.send_input({"type": "http.request", "body": b"email=%41"})
    answer = await browser.receive_output(timeout=60)
    assert answer["status"] < 500
    names = {name.lower() for name, _ in answer["headers"]}
    assert b"content-security-policy" in names
