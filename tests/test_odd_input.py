"""Whatever a stranger sends gets an answer: never 500, never a traceback in the log.

In the long form, once before a release:

    ODD_MESSAGES=100000 ODD_FORMS=10000 ODD_SEED=16 pytest tests/test_odd_input.py
"""

import asyncio
import logging
import os
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings as django_settings
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.test import Client
from django.test.client import MULTIPART_CONTENT

from config.asgi import application
from courseware.models import Learner, User
from lab import client as engine_client
from lab.models import EngineRequest
from mentor import course
from mentor.models import Conversation
from tests.lab.fake_engine import READY, FakeEngine
from tests.lab.shelf.conftest import file, storage
from tests.mentor.fake_course import FakeCourse
from tests.odd_forms import (
    AS_THEY_ARE,
    BACKEND,
    FORMS,
    PLAN,
    Stranger,
    example_of,
    unlisted,
)
from tests.odd_input import MESSAGES, Generator
from tests.quizzes.conftest import BROWSER, bank
from tests.test_security_rules import paths

__all__ = ["bank", "file", "storage"]
NUM_MESSAGES = int(os.environ.get("ODD_MESSAGES", "1000"))
"""On each socket."""
NUM_FORMS = int(os.environ.get("ODD_FORMS", "20"))
"""To each form."""
SEED = int(os.environ.get("ODD_SEED", "15"))
"""Another one makes other messages and forms."""
A_SOCKET = 15
"""Messages before a new one: more at once are refused unread."""
A_STRANGER = 20
"""Forms before a new one: each has limits."""
HEADERS = [(b"host", b"localhost"), (b"origin", b"http://localhost")]


@pytest.fixture(autouse=True)
def surroundings(settings: Any, db: None) -> Iterator[None]:
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    engine = FakeEngine(READY)
    engine.replies = [{"state": "recording", "error": ""}]
    with engine_client.transport(engine), course.taught_by(FakeCourse()):
        yield


def troubles(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged as an error since the last call: what has a traceback in our
    lines. The rest is let go of: a long run logs a line for most of its forms."""
    found = [
        record
        for record in caplog.records
        if record.levelno >= logging.ERROR
        # An answer of 503 is a sentence of ours: no engine, no room. One that an error
        # of the database brought (config.failures) has it with it.
        and (getattr(record, "status_code", 0) != 503 or record.exc_info)
    ]
    words = [f"{r.getMessage()}\n{r.exc_text or r.exc_info or ''}" for r in found]
    caplog.clear()
    return words


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", MESSAGES)
async def test_a_socket_survives_whatever_it_hears(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = Generator(SEED)
    for at in range(0, NUM_MESSAGES, A_SOCKET):
        learner_id = uuid.uuid4().hex
        session = await sync_to_async(_session_of)(learner_id)
        cookie = f"{django_settings.SESSION_COOKIE_NAME}={session.session_key}"
        socket = WebsocketCommunicator(
            application, path, headers=[*HEADERS, (b"cookie", cookie.encode())]
        )
        connected, _ = await socket.connect(timeout=60)
        assert connected
        for _ in range(A_SOCKET):
            await socket.send_input({"type": "websocket.receive", **made.message(path)})
        async with asyncio.timeout(120):
            await socket.disconnect(timeout=120)
        assert troubles(caplog) == [], f"messages {at} to {at + A_SOCKET}"


def _session_of(learner_id: str) -> SessionStore:
    Learner.objects.create(learner_id=learner_id)
    EngineRequest.objects.all().delete()
    EngineRequest.objects.create(
        request_id="a" * 32, learner_id=learner_id, purpose="quiz"
    )
    session = SessionStore()
    session["learner_id"] = learner_id
    session.save()
    return session


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", MESSAGES)
@pytest.mark.parametrize(
    "cookie",
    [b"", b"\xff\x00", b"sessionid=" + b"x" * 5_000, b"sessionid=\x00;;==", b"="],
)
async def test_a_strange_cookie_is_no_session(path: str, cookie: bytes) -> None:
    headers = [*HEADERS, (b"cookie", cookie), (b"cookie", cookie)]
    socket = WebsocketCommunicator(application, path, headers=headers)
    await socket.send_input({"type": "websocket.connect"})
    heard = [await socket.receive_output(timeout=60) for _ in range(2)]
    assert heard[1]["code"] == 4401
    await socket.disconnect(timeout=60)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", MESSAGES)
async def test_who_has_no_session_is_obeyed_in_nothing(path: str) -> None:
    before = await sync_to_async(Conversation.objects.count)()
    socket = WebsocketCommunicator(application, path, headers=HEADERS)
    await socket.send_input({"type": "websocket.connect"})
    for message in MESSAGES[path]:
        await socket.send_json_to(message)
    heard = [await socket.receive_output(timeout=60) for _ in range(2)]
    assert [one["type"] for one in heard] == ["websocket.accept", "websocket.close"]
    assert heard[1]["code"] == 4401 and await socket.receive_nothing()
    assert await sync_to_async(Conversation.objects.count)() == before
    await socket.disconnect(timeout=60)


GETS: dict[str, dict[str, Any]] = {
    "/search/": {"q": "block"},
    "/figures/cards/": {"model": "llama", "users": "4", "context": "4096", "only": ""},
    "/figures/cluster/": {"model": "llama-3.1-8b", "cards": "4"},
    "/lab/": {"experiment": "prefix", "prediction": "1"},
    "/lab/hardware/": {"model": "llama-3.1-8b", "users": "4", "context": "4096"},
    "/lab/fleet/": PLAN,
    "/lab/fleet/card/": {**PLAN, "gpu": "h100-sxm", "model": "llama-3.1-8b"},
    "/lab/fleet/figures.csv": PLAN,
    "/lab/challenge/": {"name": "x"},
    "/mentor/suggestions/": {"section": "kv"},
    "/account/sign-in/": {"next": "/"},
}


@pytest.mark.usefixtures("bank", "storage")
@pytest.mark.parametrize("template", FORMS)
def test_a_form_survives_whatever_is_sent(
    template: str, file: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    User.objects.create_user("ann@example.org", "pw")
    made, stranger = Generator(SEED), Stranger(template, file)
    for at in range(NUM_FORMS):
        if at % A_STRANGER == 0:
            stranger = Stranger(template, file)
        path = stranger.path()
        fields = stranger.fields()
        form = made.form(fields)
        form |= {name: fields[name] for name in AS_THEY_ARE if name in fields}
        kind = made.random.randrange(10)
        data: Any = urlencode(form, doseq=True)
        content = "application/x-www-form-urlencoded"
        if kind == 0:
            data, content = made.random.randbytes(80), "multipart/form-data; boundary=x"
        elif kind == 1:
            data, content = "a" * 50 + "&=&%ff&;" * 20, content + "; charset=utf-7"
        elif template.endswith("/upload/"):
            data, content = stranger.upload(made.random), MULTIPART_CONTENT
        answer = stranger.client.post(path, data, content_type=content)
        assert answer.status_code < 500 or answer.status_code == 503, (path, data)
        assert troubles(caplog) == [], (path, data)


@pytest.mark.parametrize("template", FORMS)
def test_a_form_without_its_token_is_refused(template: str) -> None:
    client = Client(**BROWSER, enforce_csrf_checks=True)
    client.get("/privacy/")
    assert client.post(example_of(template), FORMS[template]).status_code == 403


def test_every_form_of_the_site_is_tried() -> None:
    """A new one fails here until tests/odd_forms.py has it."""
    staff = User.objects.create_superuser("staff@example.org", "pw")
    client = Client(**BROWSER, raise_request_exception=False)
    client.force_login(staff, BACKEND)
    assert unlisted(paths(), client) == set()


@pytest.mark.usefixtures("bank")
@pytest.mark.parametrize("template", GETS)
def test_a_page_survives_whatever_it_is_asked(
    template: str, caplog: pytest.LogCaptureFixture
) -> None:
    made, client = Generator(SEED), Client(**BROWSER)
    client.get("/privacy/")
    client.post("/quiz/deploying-ai-models/start/")
    client.raise_request_exception = False
    for at in range(NUM_FORMS // 2):
        if at % 40 == 0:
            cache.clear()
        query = urlencode(made.form(GETS[template]), doseq=True)
        answer = client.get(f"{template}?{query[:8000]}")
        assert answer.status_code < 500, query
        assert troubles(caplog) == [], query
