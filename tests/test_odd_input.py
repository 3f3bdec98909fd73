"""Whatever a stranger sends gets an answer: never 500, never a traceback in the log.

In the long form, once before a release:

    ODD_MESSAGES=100000 ODD_FORMS=10000 pytest tests/test_odd_input.py
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

from config.asgi import application
from courseware.learner import learner_id_of
from courseware.models import Learner, User
from lab import client as engine_client
from lab.models import EngineRequest
from mentor import course
from mentor.models import Conversation
from tests.lab.fake_engine import READY, FakeEngine
from tests.mentor.fake_course import FakeCourse
from tests.odd_input import MESSAGES, Generator
from tests.quizzes.conftest import BROWSER, bank

__all__ = ["bank"]
NUM_MESSAGES = int(os.environ.get("ODD_MESSAGES", "1000"))
"""On each socket."""
NUM_FORMS = int(os.environ.get("ODD_FORMS", "40"))
"""To each form."""
A_SOCKET = 15
"""Messages before a new one: more at once are refused unread."""
HEADERS = [(b"host", b"localhost"), (b"origin", b"http://localhost")]


@pytest.fixture(autouse=True)
def surroundings(settings: Any, db: None) -> Iterator[None]:
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with engine_client.transport(FakeEngine(READY)), course.taught_by(FakeCourse()):
        yield


def troubles(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged as an error since the last call: what has a traceback in our
    lines. The rest is let go of: a long run logs a line for most of its forms."""
    found = [
        record
        for record in caplog.records
        if record.levelno >= logging.ERROR
        # An answer of 503 is a sentence of ours: no engine, no room.
        and getattr(record, "status_code", 0) != 503
    ]
    words = [f"{r.getMessage()}\n{r.exc_text or r.exc_info or ''}" for r in found]
    caplog.clear()
    return words


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", MESSAGES)
async def test_a_socket_survives_whatever_it_hears(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = Generator(seed=15)
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


PASSWORDS = {"new_password1": "a-long-sentence-1", "new_password2": "a-long-sentence-1"}
SIGN_UP = {"email": "bob@example.org", "password1": "a-b-c-d-e-f-1"}
PLAN = {"pattern": "poisson", "rate_per_s": "1", "mode": "serverless", "shape": "chat"}
POSTS: dict[str, dict[str, Any]] = {
    "/account/sign-up/": {**SIGN_UP, "password2": "a-b-c-d-e-f-1"},
    "/account/sign-in/": {"username": "ann@example.org", "password": "x", "next": "/"},
    "/account/sign-out/": {},
    "/account/sign-out/everywhere/": {},
    "/account/sign-up/token/": {**SIGN_UP, "password2": "a-b-c-d-e-f-1"},
    "/account/password/": {"old_password": "pw", **PASSWORDS},
    "/account/reset/": {"email": "ann@example.org"},
    "/account/reset/MQ/set-password/": PASSWORDS,
    "/admin/login/": {"username": "ann@example.org", "password": "x", "next": "/"},
    "/chapters/deploying-ai-models/read/": {"anchor": "hardware"},
    "/privacy/forget/": {"password": "pw"},
    "/quiz/names/": {"agree": "yes", "name": "Ann"},
    "/quiz/deploying-ai-models/start/": {},
    "{attempt}1/answer/": {"try": "1", "certainty": "2", "choice": "a", "value": "4"},
    "{attempt}2/answer/": {"try": "1", "certainty": "1", "text": "x", "place-1": "1"},
    "{attempt}1/hint/": {"try": "1"},
    "{attempt}1/retry/": {"try": "1"},
    "{attempt}finish/": {},
    "{conversation}rename/": {"title": "Blocks"},
    "{conversation}delete/": {},
    "/lab/hardware/config/": {"pasted": '{"hidden_size": 8}', "users": "1"},
    "/lab/fleet/file/": {**PLAN, "requests": "a,b\n1,2"},
    "/lab/fleet/rates/": PLAN,
    "/lab/challenge/name/": {"name": "Ann"},
    "/lab/challenge/{scenario}/hand-in/": {"instances": "1", "mode": "provisioned"},
    "/lab/staff/pause/": {"paused": "yes"},
    "/lab/staff/stop/": {},
}
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


class Stranger:
    """A browser with an attempt and a conversation of its own."""

    def __init__(self) -> None:
        self.client = Client(**BROWSER, raise_request_exception=False)
        self.client.get("/privacy/")
        self.client.post("/quiz/deploying-ai-models/start/")
        self.known: dict[str, str] = {}

    def path(self, template: str) -> str:
        if "{attempt}" in template:
            answer = self.client.post("/quiz/deploying-ai-models/start/")
            attempt = answer.headers["Location"].split("/")[3]
            self.known["attempt"] = f"/quiz/attempts/{attempt}/"
        if "{conversation}" in template:
            mine = learner_id_of(self.client.session)
            row = Conversation.objects.create(learner_id=mine or "x", title="t")
            self.known["conversation"] = f"/mentor/conversations/{row.pk}/"
        return template.format(**{"scenario": "bursty-chat", **self.known})


@pytest.mark.usefixtures("bank")
@pytest.mark.parametrize("template", POSTS)
def test_a_form_survives_whatever_is_sent(
    template: str, caplog: pytest.LogCaptureFixture
) -> None:
    User.objects.create_user("ann@example.org", "pw")
    made, stranger = Generator(seed=15), Stranger()
    for at in range(NUM_FORMS):
        if at % 40 == 0:
            cache.clear()
            stranger = Stranger()
        path, form = stranger.path(template), made.form(POSTS[template])
        kind = made.random.randrange(10)
        data: Any = urlencode(form, doseq=True)
        content = "application/x-www-form-urlencoded"
        if kind == 0:
            data, content = made.random.randbytes(80), "multipart/form-data; boundary=x"
        elif kind == 1:
            data, content = "a" * 50 + "&=&%ff&;" * 20, content + "; charset=utf-7"
        answer = stranger.client.post(path, data, content_type=content)
        assert answer.status_code < 500 or answer.status_code == 503, (path, data)
        assert troubles(caplog) == [], (path, data)


@pytest.mark.parametrize("template", POSTS)
def test_a_form_without_its_token_is_refused(template: str) -> None:
    nobodys = "00000000-0000-4000-8000-000000000000"
    path = template.format(
        attempt=f"/quiz/attempts/{nobodys}/",
        conversation=f"/mentor/conversations/{nobodys}/",
        scenario="bursty-chat",
    )
    client = Client(**BROWSER, enforce_csrf_checks=True)
    client.get("/privacy/")
    assert client.post(path, POSTS[template]).status_code == 403


@pytest.mark.usefixtures("bank")
@pytest.mark.parametrize("template", GETS)
def test_a_page_survives_whatever_it_is_asked(
    template: str, caplog: pytest.LogCaptureFixture
) -> None:
    made, stranger = Generator(seed=15), Stranger()
    for at in range(NUM_FORMS // 2):
        if at % 40 == 0:
            cache.clear()
        query = urlencode(made.form(GETS[template]), doseq=True)
        answer = stranger.client.get(f"{template}?{query[:8000]}")
        assert answer.status_code < 500, query
        assert troubles(caplog) == [], query
