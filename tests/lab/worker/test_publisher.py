"""Publisher against a real server: what arrives, what is dropped, what survives."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import redis.asyncio
from channels.layers import channel_layers, get_channel_layer
from django.conf import settings as django_settings
from kombu import Connection

from config.layer import GroupLayer
from lab import client
from lab.messages import (
    LAB_GROUP,
    METRICS_KEY_PREFIX,
    STATUS_KEY_PREFIX,
    EngineStatus,
    MemorySample,
    RequestEvent,
    RequestReport,
    frames_group,
    keyframes_group,
    memory_group,
    request_group,
)
from lab.worker import publisher as publisher_module
from lab.worker.publisher import LIFE_KEY_PREFIX, Publisher, say_last
from tests.lab.redis_server import RedisServer

HOST = "host-a"
FRAMES = keyframes_group(HOST), frames_group(HOST)


class Lost:
    """Counts how often a keyframe was asked for."""

    def __init__(self) -> None:
        self.count = 0
        self.has_happened = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self.has_happened.set()


@pytest.fixture
def lost() -> Lost:
    return Lost()


@pytest.fixture
async def publisher(lost: Lost) -> AsyncIterator[Publisher]:
    publisher = Publisher(django_settings.REDIS_URL, lost, life="life-1")
    task = asyncio.create_task(publisher.run())
    yield publisher
    task.cancel()
    await get_channel_layer().flush()


async def listen(*groups: str) -> Any:
    """A channel in the groups; returns what receives its next message."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    for group in groups:
        await layer.group_add(group, channel)

    async def hear() -> dict[str, Any]:
        async with asyncio.timeout(60):
            message: dict[str, Any] = await layer.receive(channel)
            return message

    return hear


def put_frame(publisher: Publisher, seq: int, frame: bytes = b"frame") -> None:
    publisher.frame(HOST, 7, seq, seq == 1, frame)


async def test_a_frame_arrives_as_it_is_with_its_host_and_its_place(
    publisher: Publisher,
) -> None:
    hear = await listen(*FRAMES)
    put_frame(publisher, 1, bytes(range(256)))
    put_frame(publisher, 2)
    assert await hear() == {
        "type": "lab.frame",
        "engine_host_id": HOST,
        "engine_run": 7,
        "seq": 1,
        "is_keyframe": True,
        "frame": bytes(range(256)),
    }
    message = await hear()
    assert (message["seq"], message["is_keyframe"]) == (2, False)


async def test_a_request_event_reaches_its_own_group_only(publisher: Publisher) -> None:
    request_id = uuid.uuid4().hex
    hear = await listen(request_group(request_id))
    publisher.request_event(RequestEvent("f" * 32, HOST, "decode", text="not yours"))
    event = RequestEvent(request_id, HOST, "waiting", short_id=3, place=2)
    publisher.request_event(event)
    assert await hear() == event.message()


async def test_of_a_request_only_the_newest_event_waits_to_be_sent(
    publisher: Publisher,
) -> None:
    """Else 64 answers at once put the queue behind the engine, and a learner hears of
    the words only when the answer has ended."""
    request_ids = [uuid.uuid4().hex for _ in range(64)]
    hear = await listen(*(request_group(one) for one in request_ids))
    texts = ["One", "One two", "One two three"]
    for text in texts:
        for request_id in request_ids:
            publisher.request_event(RequestEvent(request_id, HOST, "decode", text=text))
    heard = [await hear() for _ in request_ids]
    assert [one["request_id"] for one in heard] == request_ids
    assert {one["text"] for one in heard} == {texts[-1]}
    publisher.request_event(RequestEvent(request_ids[0], HOST, "decode", text="Four"))
    assert (await hear())["text"] == "Four", "nothing else came in between"


async def test_a_status_is_sent_and_kept_for_a_while(publisher: Publisher) -> None:
    hear = await listen(LAB_GROUP, memory_group(HOST))
    status = EngineStatus(HOST, "ready", time.time(), num_blocks=364)
    publisher.status(status)
    publisher.memory(MemorySample(HOST, 1.0, "CPU engine", False, used_bytes=5))
    assert EngineStatus.from_json(await hear()) == status
    sample = await hear()
    assert (sample["type"], sample["used_bytes"]) == ("memory.sample", 5)
    async with redis.asyncio.Redis.from_url(django_settings.REDIS_URL) as server:
        keys = (STATUS_KEY_PREFIX + HOST, LIFE_KEY_PREFIX + "life-1")
        for key in keys:
            assert 0 < await server.ttl(key) <= publisher_module.STATUS_EXPIRES_S
        kept = json.loads(await server.get(keys[0]))
        assert EngineStatus.from_json(kept) == status
        await server.delete(*keys)


async def test_metrics_are_kept_for_a_while_and_sent_to_nobody(
    publisher: Publisher,
) -> None:
    hear = await listen(LAB_GROUP)
    families = [{"name": "a", "help": "", "type": "gauge", "samples": [["a", {}, 1]]}]
    publisher.metrics(HOST, families)
    publisher.status(EngineStatus(HOST, "ready", time.time()))
    assert (await hear())["type"] == "engine.status"
    assert client.metrics() == {HOST: families}
    async with redis.asyncio.Redis.from_url(django_settings.REDIS_URL) as server:
        key = METRICS_KEY_PREFIX + HOST
        assert 0 < await server.ttl(key) <= publisher_module.METRICS_EXPIRE_S
        await server.delete(key)


async def test_the_last_status_is_told_after_the_loop_has_ended(
    publisher: Publisher,
) -> None:
    hear = await listen(LAB_GROUP)
    publisher.status(EngineStatus(HOST, "ready", time.time()))
    assert (await hear())["state"] == "ready"
    stopped = EngineStatus(HOST, "stopped", time.time())
    url = django_settings.REDIS_URL
    await asyncio.to_thread(lambda: asyncio.run(say_last(url, stopped, "life-1")))
    assert (await hear())["state"] == "stopped"
    async with redis.asyncio.Redis.from_url(url) as server:
        assert not await server.exists(LIFE_KEY_PREFIX + "life-1")
        await server.delete(STATUS_KEY_PREFIX + HOST)


async def test_a_full_queue_drops_frames_and_asks_for_a_keyframe(lost: Lost) -> None:
    publisher = Publisher(django_settings.REDIS_URL, lost)
    hear = await listen(*FRAMES)
    for seq in range(1, publisher_module.MAX_QUEUED_FRAMES + 4):
        assert publisher.has_room == (seq <= publisher_module.MAX_QUEUED_FRAMES)
        put_frame(publisher, seq)
    assert lost.count == 3
    task = asyncio.create_task(publisher.run())
    heard = [(await hear())["seq"] for _ in range(publisher_module.MAX_QUEUED_FRAMES)]
    assert heard == list(range(1, publisher_module.MAX_QUEUED_FRAMES + 1))
    assert publisher.has_room
    put_frame(publisher, 99)
    assert (await hear())["seq"] == 99
    task.cancel()
    await get_channel_layer().flush()


async def test_other_messages_are_bounded_too(lost: Lost) -> None:
    publisher = Publisher(django_settings.REDIS_URL, lost, max_queued=5)
    request_ids = [uuid.uuid4().hex for _ in range(50)]
    hear = await listen(*(request_group(one) for one in request_ids))
    for number, request_id in enumerate(request_ids):
        event = RequestEvent(request_id, HOST, "decode", num_output_tokens=number)
        publisher.request_event(event)
    put_frame(publisher, 1)
    task = asyncio.create_task(publisher.run())
    assert [(await hear())["num_output_tokens"] for _ in range(5)] == [0, 1, 2, 3, 4]
    await publisher.flush()
    task.cancel()
    await get_channel_layer().flush()


async def test_a_message_that_cannot_be_sent_is_left_out_and_the_next_one_is_not(
    publisher: Publisher,
) -> None:
    hear = await listen(*FRAMES)
    publisher.frame(HOST, 7, 1, True, object())  # type: ignore[arg-type]
    put_frame(publisher, 2)
    assert (await hear())["seq"] == 2


class CountingLayer(GroupLayer):
    """Counts how often messages went out together, and how many."""

    together: ClassVar[list[int]] = []

    async def group_send_all(self, told: Sequence[tuple[str, dict[str, Any]]]) -> None:
        await super().group_send_all(told)
        self.together.append(len(told))


async def test_the_words_of_all_requests_of_a_step_go_out_in_one_go(
    lost: Lost, settings: Any
) -> None:
    """One message at a time cost a write, an answer and two turns of the loop each."""
    config = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {
        "default": {**config, "BACKEND": f"{__name__}.{CountingLayer.__name__}"}
    }
    CountingLayer.together.clear()
    publisher = Publisher(django_settings.REDIS_URL, lost)
    request_ids = [uuid.uuid4().hex for _ in range(32)]
    hear = await listen(*(request_group(one) for one in request_ids))
    for request_id in request_ids:
        publisher.request_event(RequestEvent(request_id, HOST, "decode", text="One"))
    task = asyncio.create_task(publisher.run())
    heard = [(await hear())["request_id"] for _ in request_ids]
    task.cancel()
    await get_channel_layer().flush()
    assert heard == request_ids
    assert CountingLayer.together == [32]


async def test_of_messages_that_go_out_together_a_wrong_one_is_left_out(
    lost: Lost,
) -> None:
    publisher = Publisher(django_settings.REDIS_URL, lost)
    hear = await listen(memory_group(HOST), *FRAMES)
    publisher.memory(MemorySample(HOST, 1.0, "CPU engine", False, used_bytes=5))
    publisher._put(memory_group(HOST), {"type": "memory.sample", "wrong": object()})
    put_frame(publisher, 1)
    task = asyncio.create_task(publisher.run())
    assert (await hear())["used_bytes"] == 5
    assert (await hear())["seq"] == 1
    task.cancel()
    await get_channel_layer().flush()


async def test_reports_that_come_together_go_out_one_after_the_other(
    lost: Lost,
) -> None:
    """Else each takes a connection and a thread of its own, just as a step ends."""
    at_once, most = 0, 0

    class Celery:
        def send_task(self, name: str, **_: Any) -> None:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            time.sleep(0.01)  # in a thread: others would come meanwhile
            at_once -= 1

    celery: Any = Celery()
    publisher = Publisher(django_settings.REDIS_URL, lost, celery=celery)
    for number in range(8):
        publisher.report(RequestReport(f"r{number}", HOST, "stop"))
    await publisher.flush(60)
    assert most == 1


async def test_a_report_goes_to_the_default_queue(publisher: Publisher) -> None:
    report = RequestReport(uuid.uuid4().hex, HOST, "stop", text="So.", ttft_s=0.2)
    with Connection(django_settings.REDIS_URL) as broker:
        queue = broker.SimpleQueue("default")
        queue.clear()
        publisher.report(report)
        await publisher.flush()
        message = await asyncio.to_thread(queue.get, timeout=60)
        message.ack()
        queue.close()
    assert message.headers["task"] == "lab.finish_request"
    (_, kwargs, _) = message.payload
    assert RequestReport(**kwargs["report"]) == report


class ReluctantCelery:
    """Its broker is away for the first three times."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send_task(self, name: str, **_: Any) -> None:
        self.sent.append(name)
        if len(self.sent) < 4:
            raise ConnectionError("away")


async def test_a_report_waits_for_a_broker_that_is_away(lost: Lost) -> None:
    celery: Any = ReluctantCelery()
    url = django_settings.REDIS_URL
    publisher = Publisher(url, lost, celery=celery, retry_pause_s=0.01)
    publisher.report(RequestReport("r", HOST, "stop"))
    await publisher.flush()
    assert celery.sent == ["lab.finish_request"] * 4


async def test_redis_may_go_away_and_come_back(
    lost: Lost, tmp_path: Path, settings: Any
) -> None:
    server = RedisServer(tmp_path)
    server.start()
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [server.url]},
        }
    }
    assert channel_layers.backends == {}
    publisher = Publisher(server.url, lost, retry_pause_s=0.05)
    task = asyncio.create_task(publisher.run())
    hear = await listen(*FRAMES)
    put_frame(publisher, 1)
    assert (await hear())["seq"] == 1
    server.stop()
    put_frame(publisher, 2)
    publisher.status(EngineStatus(HOST, "ready", time.time()))
    await asyncio.wait_for(lost.has_happened.wait(), 60)
    server.start()
    seq = 3
    message = None
    while message is None:  # until the listener's own connection is back as well
        seq += 1
        put_frame(publisher, seq)
        try:
            async with asyncio.timeout(0.2):
                message = await hear()
        except TimeoutError:
            continue
    assert message["seq"] > 2 and not task.done()
    publisher.status(EngineStatus(HOST, "ready", time.time()))
    await publisher.flush()
    async with redis.asyncio.Redis.from_url(server.url) as own:
        assert await own.exists(STATUS_KEY_PREFIX + HOST)
    task.cancel()
    await get_channel_layer().flush()
    server.stop()
