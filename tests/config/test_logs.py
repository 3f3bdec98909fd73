"""Logs: JSON lines, one id from browser to engine, no text of learners."""

import io
import json
import logging
import re

import pytest
import structlog
from django.test import Client

from config.celery import app
from tests.repository import ROOT
from tests.test_security_rules import product_files


@pytest.fixture
def lines():
    """What the process logs, parsed line by line."""
    stream = io.StringIO()
    handler = logging.getLogger().handlers[0]
    before = handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    handler.setStream(before)
    structlog.contextvars.clear_contextvars()


@pytest.mark.django_db
def test_a_request_is_one_json_line_with_the_id_that_the_answer_carries(
    client: Client, lines
):
    answer = client.get("/no-such-page", headers={"X-Log-Id": "browser-1234"})
    request = next(line for line in lines() if line["event"] == "request")
    assert answer.headers["X-Log-Id"] == "browser-1234"
    assert request["log_id"] == "browser-1234"
    assert (request["method"], request["status"]) == ("GET", 404)
    assert request["path"] == "/no-such-page"


@pytest.mark.django_db
def test_nothing_that_was_sent_begins_a_line(client: Client, lines):
    forged = '{"event": "signed in", "logger": "servelab.security"}'
    client.get(f"/x%0A{forged}%0D%E2%80%A8{forged}")
    client.get("/x", headers={"User-Agent": f"a\n{forged}", "X-Log-Id": f"\n{forged}"})
    client.post("/account/sign-in/", {"username": f"\n{forged}", "password": "x"})
    logging.getLogger("some.library").warning("odd: %s", f"\n{forged}\r{forged}")
    said = lines()
    assert len(said) > 3
    assert not any(line["event"] == "signed in" for line in said)


@pytest.mark.django_db
def test_what_sets_a_new_password_is_not_logged(client: Client, lines):
    client.get("/account/reset/MQ/abc-0123456789abcdef/")
    request = next(line for line in lines() if line["event"] == "request")
    assert request["path"] == "/account/reset/…/…/"
    assert "0123456789abcdef" not in json.dumps(lines())


@pytest.mark.django_db
def test_what_is_refused_makes_no_traceback(client: Client, lines):
    kind = "application/x-www-form-urlencoded; charset=utf-7"
    answer = client.post("/account/sign-in/", "a=1", content_type=kind)
    assert answer.status_code == 400
    assert "Traceback" not in json.dumps(lines())
    assert any("must be UTF-8" in line["event"] for line in lines())


def test_an_id_that_is_none_is_replaced(client: Client):
    answer = client.get("/healthz", headers={"X-Log-Id": 'a b"c'})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Log-Id"])


def test_health_questions_are_not_logged(client: Client, lines):
    client.get("/healthz")
    assert [line for line in lines() if line["event"] == "request"] == []


def test_lines_of_the_standard_library_are_json_too(lines):
    logging.getLogger("some.library").warning("odd: %s", "thing", extra={"number": 3})
    [line] = lines()
    assert line["event"] == "odd: thing"
    assert (line["level"], line["logger"], line["number"]) == (
        "warning",
        "some.library",
        3,
    )


def test_an_exception_is_one_line(lines):
    try:
        raise ValueError("wrong")
    except ValueError:
        logging.getLogger("some.library").exception("It failed")
    [line] = lines()
    assert "ValueError: wrong" in line["exception"]


def test_a_task_logs_under_the_id_of_the_request_that_sent_it(lines):
    @app.task(name="tests.speak")
    def speak(payload: dict[str, str]) -> None:
        logging.getLogger("some.task").info("spoken")

    speak.apply(kwargs={"payload": {"request_id": "r" * 32, "log_id": "browser-1"}})
    spoken, ended = lines()
    assert (spoken["event"], spoken["log_id"]) == ("spoken", "browser-1")
    assert (ended["event"], ended["log_id"]) == ("task", "browser-1")
    assert (ended["task"], ended["state"]) == ("tests.speak", "SUCCESS")


def test_celery_never_logs_what_learners_asked_and_were_answered(lines):
    data = {"kwargs": "{'report': {'text': 'a secret answer'}}"}
    logging.getLogger("celery.app.trace").error(
        "Task %s succeeded", "lab.finish_request", extra={"data": data}
    )
    [line] = lines()
    assert line["event"] == "Task lab.finish_request succeeded"
    assert "secret" not in json.dumps(line)


def test_lines_go_where_the_documentation_says_and_nowhere_else(settings):
    page = (ROOT / "docs" / "running.md").read_text()
    table = page.partition("| Layer | What it logs | Where |")[2].partition("\n\n")[0]
    files = set(re.findall(r"logs/(\w+)\.log", table))
    assert len(files) > 5
    assert [one["class"] for one in settings.LOGGING["handlers"].values()] == [
        "logging.StreamHandler"
    ]
    code = "\n".join(path.read_text() for path in product_files())
    launcher = "\n".join(path.read_text() for path in (ROOT / "launcher").glob("*.py"))
    handlers = r"\b(\w*File|SysLog|HTTP|Socket|SMTP)Handler\b|sentry"
    assert re.findall(handlers, code) == []
    started = set(re.findall(r'self\._start\("(\w+)"\)', launcher))
    assert started == files - {"install"}
