"""A learner, a small chapter, a fake engine and sockets to the mentor."""

import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator

from courseware.models import Chapter, Learner, Section
from lab import client
from mentor import consumers
from mentor.routing import websocket_urlpatterns
from tests.lab.fake_engine import READY, FakeEngine

SECTIONS = {
    "PagedAttention": "PagedAttention cuts the KV cache into blocks of fixed size. "
    "A request takes a block when it needs one.",
    "Cold starts": "A cold start loads weights before the first token.",
    "Hardware": "GPU memory must hold the weights and the KV cache.",
}


@pytest.fixture(autouse=True)
def in_memory_channels(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    fake = FakeEngine(READY)
    with client.transport(fake):
        yield fake


@pytest.fixture
def make_learner(db: None) -> Callable[[], str]:
    return lambda: Learner.objects.create(learner_id=uuid.uuid4().hex).learner_id


@pytest.fixture
def learner(make_learner: Callable[[], str]) -> str:
    return make_learner()


@pytest.fixture
def chapter(db: None) -> Chapter:
    chapter = Chapter.objects.create(
        slug="deploying", title="Deploying", summary="", position=1, minutes=1
    )
    for position, (title, text) in enumerate(SECTIONS.items()):
        text = " ".join([text] * 9)
        anchor = title.lower().replace(" ", "-")
        Section.objects.create(
            chapter=chapter,
            position=position,
            anchor=anchor,
            title=title,
            text=text,
        )
    return chapter


class Browser:
    """One browser on the mentor's socket."""

    def __init__(self, learner_id: str | None) -> None:
        self._socket = WebsocketCommunicator(
            URLRouter(websocket_urlpatterns), "/ws/mentor/"
        )
        session = {"learner_id": learner_id} if learner_id else {}
        self._socket.scope["session"] = session

    async def connect(self) -> "Browser":
        connected, _ = await self._socket.connect()
        assert connected
        return self

    async def closing(self) -> dict[str, Any]:
        return await self._socket.receive_output()

    async def say(self, **message: Any) -> None:
        await self._socket.send_to(text_data=json.dumps(message))

    async def say_raw(self, **data: Any) -> None:
        await self._socket.send_to(**data)

    async def hear(self, kind: str | None = None) -> dict[str, Any]:
        message = json.loads(await self._socket.receive_from(timeout=5))
        assert kind in (None, message["type"]), message
        return message

    async def hears_nothing(self) -> bool:
        return await self._socket.receive_nothing(timeout=0.1)

    async def ask(self, question: str, conversation: str | None = None) -> Any:
        await self.say(type="ask", conversation=conversation, question=question, ref=1)
        return await self.hear()

    async def leave(self) -> None:
        await self._socket.disconnect()


@pytest.fixture
async def browse(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[str | None], Awaitable[Browser]]]:
    monkeypatch.setattr(consumers, "HEAL_S", 0.05)
    browsers: list[Browser] = []

    async def open_socket(learner_id: str | None) -> Browser:
        browsers.append(await Browser(learner_id).connect())
        return browsers[-1]

    yield open_socket
    for browser in browsers:
        await browser.leave()


@pytest.fixture
def later() -> Callable[[Callable[..., Any]], Callable[..., Awaitable[Any]]]:
    """Run a database call from an async test."""
    return lambda function: sync_to_async(function, thread_sensitive=True)
