"""Every socket of a learner ends with the session, and with the learner."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.contrib.auth import logout
from django.contrib.sessions.backends.db import SessionStore
from django.test import RequestFactory

from config.routing import websocket_urlpatterns
from courseware import door
from courseware.learner import forget_learner
from courseware.models import Learner, User
from courseware.sockets import NO_LEARNER
from lab import client
from lab.models import EngineRequest
from tests.lab.fake_engine import READY, FakeEngine
from tests.lab.redis_server import RedisServer

pytestmark = pytest.mark.django_db(transaction=True)
REQUEST_ID = "a" * 32
SOCKETS = ("/ws/mentor/", f"/ws/quiz/{REQUEST_ID}/", "/ws/lab/")


@pytest.fixture(autouse=True)
def engine(settings: Any) -> Iterator[FakeEngine]:
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }
    with client.transport(FakeEngine(READY)) as fake:
        yield fake


@pytest.fixture
def learner_id(db: None) -> str:
    learner_id = "b" * 32
    Learner.objects.create(learner_id=learner_id)
    EngineRequest.objects.create(
        request_id=REQUEST_ID, learner_id=learner_id, purpose="quiz"
    )
    return learner_id


class Socket:
    """A socket with a session of its own in the database."""

    def __init__(self, path: str, learner_id: str) -> None:
        self.session = SessionStore()
        self.session["learner_id"] = learner_id
        self._path = path

    async def open(self) -> "Socket":
        await sync_to_async(self.session.save)()
        router = URLRouter(websocket_urlpatterns)
        self._socket = WebsocketCommunicator(router, self._path)
        self._socket.scope["session"] = self.session
        connected, _ = await self._socket.connect(timeout=60)
        assert connected
        await asyncio.sleep(0.05)
        return self

    async def closing(self) -> int:
        """The code it is closed with; what it says before is passed over."""
        while True:
            output = await self._socket.receive_output(timeout=60)
            if output["type"] == "websocket.close":
                return int(output["code"])

    async def say(self, text: str) -> None:
        await self._socket.send_to(text_data=text)

    async def is_open(self) -> bool:
        while not await self._socket.receive_nothing(timeout=0.1):
            output = await self._socket.receive_output(timeout=60)
            if output["type"] == "websocket.close":
                return False
        return True

    async def leave(self) -> None:
        await self._socket.disconnect(timeout=60)


def sign_out(session: SessionStore) -> None:
    request = RequestFactory().post("/account/sign-out/")
    request.session = session
    request.user = User.objects.create_user("ann@example.org", "secret words")
    logout(request)


@pytest.mark.parametrize("path", SOCKETS)
async def test_signing_out_closes_the_sockets_of_that_session_only(
    path: str, learner_id: str
) -> None:
    here = await Socket(path, learner_id).open()
    elsewhere = await Socket(path, learner_id).open()
    await sync_to_async(sign_out)(here.session)
    assert await here.closing() == NO_LEARNER
    assert await elsewhere.is_open()
    for socket in (here, elsewhere):
        await socket.leave()


@pytest.mark.parametrize("path", SOCKETS)
async def test_whoever_is_forgotten_is_not_read_on_in_any_browser(
    path: str, learner_id: str
) -> None:
    here = await Socket(path, learner_id).open()
    elsewhere = await Socket(path, learner_id).open()
    other = await Socket("/ws/mentor/", "c" * 32).open()
    await sync_to_async(forget_learner)(learner_id)
    assert await here.closing() == await elsewhere.closing() == NO_LEARNER
    assert await other.is_open()
    for socket in (here, elsewhere, other):
        await socket.leave()


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("of", ["session", "learner"])
async def test_where_no_message_comes_the_door_looks_itself(
    path: str, of: str, learner_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "LOOK_S", 0.05)
    socket = await Socket(path, learner_id).open()
    gone: dict[str, Callable[[], Any]] = {
        "session": SessionStore(socket.session.session_key).delete,
        "learner": Learner.objects.filter(learner_id=learner_id).delete,
    }
    assert await socket.is_open()
    await sync_to_async(gone[of])()
    assert await socket.closing() == NO_LEARNER
    await socket.leave()


@pytest.mark.parametrize("path", ["/ws/mentor/", "/ws/lab/"])
async def test_what_is_said_after_the_end_is_not_obeyed(
    path: str, learner_id: str
) -> None:
    socket = await Socket(path, learner_id).open()
    await sync_to_async(SessionStore(socket.session.session_key).delete)()
    await socket.say('{"type": "demo", "name": "twice", "question": "What?"}')
    assert await socket.closing() == NO_LEARNER
    assert await sync_to_async(EngineRequest.objects.count)() == 1
    await socket.leave()


@pytest.mark.slow
async def test_over_a_real_broker_the_door_hears(
    learner_id: str, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "LOOK_S", 60)
    server = RedisServer(tmp_path)
    server.start()
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [server.url]},
        }
    }
    try:
        first = await Socket("/ws/lab/", learner_id).open()
        await asyncio.sleep(0.5)
        await sync_to_async(sign_out)(first.session)
        assert await first.closing() == NO_LEARNER
        await first.leave()
    finally:
        server.stop()


def test_the_broker_does_not_hear_a_session_key_or_a_learner_id() -> None:
    assert "secret" not in door.name_of("secret")
    assert door.name_of("secret") == door.name_of("secret") != door.name_of("other")


class _Hearing(door.LearnerSocket):
    async def something_new(self, message: dict[str, Any]) -> None:
        self.heard = message["what"]


def test_what_a_group_is_told_reaches_a_socket_without_a_thread() -> None:
    """Nothing is waited for but what the handler waits for: a thread for each message
    would cost more than the message."""
    socket = _Hearing()
    telling = socket.dispatch({"type": "something.new", "what": "a word"})
    with pytest.raises(StopIteration):
        telling.send(None)
    assert socket.heard == "a word"
