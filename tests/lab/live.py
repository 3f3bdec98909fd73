"""A made-up engine host for tests of the viewer's path: real frames, sent at will."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from channels.layers import get_channel_layer
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator

from lab.messages import (
    LAB_GROUP,
    EngineStatus,
    MemorySample,
    RequestEvent,
    RequestReport,
    frames_group,
    keyframes_group,
    memory_group,
    request_group,
)
from lab.routing import websocket_urlpatterns
from lab.tracing.frames import FrameEncoder
from lab.tracing.trace import decode
from lab.viewer.hub import Hub
from lab.viewer.mailbox import Viewer
from tests.lab.step_traces import Traffic

READY = EngineStatus(
    engine_host_id="one",
    state="ready",
    updated_at=0.0,
    model="smollm2",
    device="CPU engine",
    block_size=32,
    num_blocks=364,
    max_model_len=2048,
    max_output_tokens=512,
    max_concurrent_requests=32,
    engine_run=1,
)

TURNS, TURN_S = 10, 0.005


def frame_messages(
    host: str = "one", run: int = 1, seed: int = 0, keyframe_every: int = 1_000_000
) -> Iterator[dict[str, Any]]:
    """Endless messages as the publisher sends them; the first is a keyframe."""
    traffic = Traffic(seed=seed)
    encoder = FrameEncoder(host, run, traffic.num_blocks, traffic.block_size)
    encoder.apply(decode(traffic.snapshot()))
    number = 0
    while True:
        for record in traffic.step():
            encoder.apply(decode(record))
        is_keyframe = number % keyframe_every == 0
        frame = encoder.next_frame(keyframe=is_keyframe)
        number += 1
        if frame is not None:
            yield {
                "type": "lab.frame",
                "engine_host_id": host,
                "engine_run": run,
                "seq": encoder.seq,
                "is_keyframe": is_keyframe,
                "frame": frame,
            }


class FakeHosts:
    """What the hub asks of Redis and Celery, and what it was told."""

    def __init__(self, *statuses: EngineStatus) -> None:
        self.statuses = list(statuses)
        self.num_keyframes_asked = 0
        self.is_redis_down = False

    async def read_status(self) -> list[EngineStatus]:
        if self.is_redis_down:
            raise ConnectionError("connection refused")
        return self.statuses

    async def ask_keyframe(self) -> None:
        self.num_keyframes_asked += 1

    def hub(self) -> Hub:
        """A hub that asks these hosts."""
        return Hub(self.read_status, self.ask_keyframe)


async def send(message: dict[str, Any]) -> None:
    """As the publisher sends it."""
    await get_channel_layer().group_send(group_of(message), message)


def group_of(message: dict[str, Any]) -> str:
    """Where the publisher sends it."""
    match message["type"]:
        case "lab.frame":
            group = keyframes_group if message["is_keyframe"] else frames_group
            return group(message["engine_host_id"])
        case "memory.sample":
            return memory_group(message["engine_host_id"])
        case "request.event":
            return request_group(message["request_id"])
    return LAB_GROUP


async def send_memory(host: str = "one") -> None:
    """A memory sample of a CPU engine."""
    sample = MemorySample(host, 1.0, "CPU engine", False, used_bytes=2**31)
    await send(sample.message())


async def send_event(request_id: str, phase: str, **fields: Any) -> None:
    """Progress of a request; "finished" carries a report of these figures."""
    event = RequestEvent(request_id, "one", phase, short_id=fields.pop("short_id", 9))
    if phase == "finished":
        event = replace(event, report=report(request_id, **fields))
    await send(event.message())


def report(request_id: str, **figures: Any) -> RequestReport:
    """A report as the engine host makes it."""
    known = {"num_prompt_tokens": 200, "num_output_tokens": 32, "num_blocks": 8}
    reason = figures.pop("finish_reason", "length")
    return RequestReport(request_id, "one", reason, short_id=9, **known | figures)


async def taken(viewer: Viewer) -> list[dict[str, Any] | bytes]:
    """All that waits for the viewer now: until this loop has had its turns, however
    long they take, and nothing more came."""
    messages = []
    while True:
        coming = asyncio.ensure_future(viewer.next())
        for _ in range(TURNS):
            if not coming.done():
                await asyncio.wait({coming}, timeout=TURN_S)
        if not coming.done():
            coming.cancel()
            await asyncio.wait({coming})
            return messages
        messages.append(coming.result())


async def settled() -> None:
    """Whatever waits in this loop has had its turns."""
    for _ in range(TURNS):
        await asyncio.sleep(TURN_S)


async def first_frame(viewer: Viewer) -> bytes:
    """The next frame for the viewer; messages are passed over."""
    async with asyncio.timeout(60):
        while not isinstance(message := await viewer.next(), bytes):
            continue
    return message


def frames_of(messages: list[dict[str, Any] | bytes]) -> list[bytes]:
    """Only the frames."""
    return [message for message in messages if isinstance(message, bytes)]


class Browser:
    """One browser on the lab's socket."""

    def __init__(self, learner_id: str | None) -> None:
        self._socket = WebsocketCommunicator(
            URLRouter(websocket_urlpatterns), "/ws/lab/"
        )
        session = {"learner_id": learner_id} if learner_id else {}
        self.scope: dict[str, Any] = self._socket.scope
        self.scope["session"] = session

    async def connect(self) -> "Browser":
        connected, _ = await self._socket.connect(timeout=60)
        assert connected
        return self

    async def output(self) -> dict[str, Any]:
        """The next thing sent, as ASGI has it."""
        return await self._socket.receive_output(timeout=60)

    async def say(self, **command: Any) -> None:
        await self._socket.send_to(text_data=json.dumps(command))

    async def say_raw(self, **data: Any) -> None:
        await self._socket.send_to(**data)

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next JSON message of this type; others are passed over."""
        while True:
            output = await self.output()
            if output.get("text") is not None:
                message = json.loads(output["text"])
                if message["type"] == kind:
                    return message

    async def frame(self) -> bytes:
        """The next frame; messages are passed over."""
        while True:
            output = await self.output()
            if output.get("bytes") is not None:
                return output["bytes"]

    async def leave(self) -> None:
        # A test that failed while it waited has ended the socket already.
        with contextlib.suppress(asyncio.CancelledError):
            await self._socket.disconnect(timeout=60)


def new_id() -> str:
    """A learner or request id."""
    return uuid.uuid4().hex


async def until(is_so: Callable[[], object]) -> None:
    """Wait for what happens in another task or thread."""
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110  no event tells of it
            await asyncio.sleep(0.01)
