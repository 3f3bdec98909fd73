"""What a stranger is not told: files beside the site, faults' insides, their own
headers back."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from channels.testing import ApplicationCommunicator
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

from config.asgi import application
from tests.repository import ROOT

HIDDEN = (
    *("/.git/config", "/.git/", "/.svn/entries", "/.env", "/.dockerignore"),
    *("/static/", "/static/css/", "/static/js/mentor/", "/static/../manage.py"),
    *("/static/%2e%2e/config/settings.py", "/media/", "/var/", "/config/settings.py"),
    *("/requirements/", "/docs/", "/secret_key", "/db.sqlite3", "/admin/doc/"),
)
OPEN_TO_PROGRAMS = {"healthz", "readyz", "metrics"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", HIDDEN)
def test_no_folder_is_listed_and_no_file_beside_the_site_is_served(path: str) -> None:
    answer = Client().get(path, follow=True)
    assert answer.status_code in (200, 404)
    if answer.status_code == 200:  # the door of the admin
        assert answer.redirect_chain and b"password" in answer.content


def test_images_have_no_history_and_no_secrets_of_the_builder() -> None:
    left_out = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".env", "var"} <= set(left_out)


def test_debugging_is_off_unless_it_is_asked_for() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DEBUG"}
    asked = "import json; from config import settings as s; "
    asked += (
        "print(json.dumps([s.DEBUG, [a for a in s.INSTALLED_APPS if 'debug' in a]]))"
    )
    command = [sys.executable, "-c", asked]
    answer = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(answer.stdout) == [False, []]
    assert "DEBUG:" not in (ROOT / "docker-compose.yml").read_text()


@pytest.mark.parametrize("method", ["TRACE", "trace", "TRACK", "CONNECT"])
async def test_nothing_that_was_sent_comes_back_by_trace(method: str) -> None:
    scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"cookie", b"sessionid=secret")],
        "client": ("127.0.0.1", 1),
    }
    asked = ApplicationCommunicator(application, scope)
    await asked.send_input({"type": "http.request"})
    began = await asked.receive_output(5)
    body = await asked.receive_output(5)
    assert began["status"] == 405
    assert b"secret" not in body["body"]


def routes(patterns: list, before: str = "") -> Iterator[str]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, before + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield before + str(one.pattern)


def test_what_programs_read_is_three_addresses() -> None:
    at_the_top = {
        route for route in routes(get_resolver().url_patterns) if "/" not in route
    } - {"", "favicon.ico"}
    assert at_the_top == OPEN_TO_PROGRAMS
