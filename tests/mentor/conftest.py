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
from mentor import consumers, course
from mentor.routing import websocket_urlpatterns
from tests.lab.fake_engine import READY, FakeEngine
from tests.mentor.fake_course import FakeCourse

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


@pytest.fixture(autouse=True)
def teacher() -> Iterator[FakeCourse]:
    """What stands for the course's knowledge in all tests here."""
    fake = FakeCourse()
    with course.taught_by(fake):
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

    def __init__(self, learner_id: str | None, session: Any = None) -> None:
        self._socket = WebsocketCommunicator(
            URLRouter(websocket_urlpatterns), "/ws/mentor/"
        )
        self._heard: list[dict[str, Any]] = []
        self.course: dict[str, Any] = {}
        known = {"learner_id": learner_id} if learner_id else {}
        self._socket.scope["session"] = known if session is None else session

    async def connect(self) -> "Browser":
        connected, _ = await self._socket.connect(timeout=60)
        assert connected
        return self

    async def closing(self) -> dict[str, Any]:
        return await self._socket.receive_output(timeout=60)

    async def say(self, **message: Any) -> None:
        await self._socket.send_to(text_data=json.dumps(message))

    async def say_raw(self, **data: Any) -> None:
        await self._socket.send_to(**data)

    async def hear(self, kind: str | None = None) -> dict[str, Any]:
        message = self._heard.pop(0) if self._heard else await self._next()
        assert kind in (None, message["type"]), message
        return message

    async def _next(self) -> dict[str, Any]:
        return dict(json.loads(await self._socket.receive_from(timeout=60)))

    async def hears_nothing(self) -> bool:
        return not self._heard and await self._socket.receive_nothing(timeout=0.1)

    async def ask(
        self, question: str, conversation: str | None = None, **more: Any
    ) -> Any:
        """Ask and hear whether it was taken; what the course says is kept."""
        asked = {"conversation": conversation, "question": question, "ref": 1}
        await self.say(type="ask", **asked | more)
        outcome = await self.hear()
        if outcome["type"] == "asked" and outcome["turn"]["course"] is None:
            self.course = await self.hear("course")
            await self._handled()
        return outcome

    async def _handled(self) -> None:
        """Wait until all that was said so far is done: commands come one by one."""
        await self.say(type="are you there?")
        while (message := await self._next())["type"] != "refused":
            self._heard.append(message)

    async def ask_to_the_end(self, question: str, **more: Any) -> Any:
        """Ask what no engine answers."""
        await self.ask(question, **more)
        return (await self.hear("turn"))["turn"]

    async def leave(self) -> None:
        await self._socket.disconnect(timeout=60)


@pytest.fixture
async def browse(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Awaitable[Browser]]]:
    monkeypatch.setattr(consumers, "HEAL_S", 0.05)
    browsers: list[Browser] = []

    async def open_socket(learner_id: str | None, session: Any = None) -> Browser:
        browsers.append(await Browser(learner_id, session).connect())
        return browsers[-1]

    yield open_socket
    for browser in browsers:
        await browser.leave()


@pytest.fixture
def later() -> Callable[[Callable[..., Any]], Callable[..., Awaitable[Any]]]:
    """Run a database call from an async test."""
    return lambda function: sync_to_async(function, thread_sensitive=True)
