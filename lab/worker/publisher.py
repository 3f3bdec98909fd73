"""Publisher: what an engine host tells, out to Redis; the only caller of group_send.

All methods are called from the host's loop and return at once: messages wait in a
bounded queue that a task in the same loop drains. Frames that find it full are
dropped, and the next frame is a keyframe; nothing ever waits for a viewer. An event of
a request that is still in the queue gives way to the next one, which carries all of it:
so many answers at once do not put the queue behind the engine. What waits together goes
out together: one write and one answer for the words of all requests of a step.
"""

import asyncio
import base64
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import redis.asyncio
from celery import Celery, current_app
from channels.layers import get_channel_layer

from courseware.redis_connections import options
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
from lab.receipts.custody import (
    HELD_S,
    KEPT_S,
    LIFE_KEY_PREFIX,
    held_key,
    kept_report,
)
from lab.worker.metrics import Family

logger = logging.getLogger(__name__)

MAX_QUEUED = 2000
MAX_QUEUED_FRAMES = 8
MOST_AT_ONCE = 64
KEPT = ("engine.metrics", "engine.status", "held")
"""Messages that Redis keeps, or keeps too."""
STATUS_EXPIRES_S = 15
METRICS_EXPIRE_S = 30
RETRY_PAUSE_S = 1.0
REPORT_RETRIES = 300
"""Pauses for which a report waits for a broker that is away."""


class Publisher:
    """Drains one queue of sends; survives a Redis that goes away and comes back."""

    def __init__(
        self,
        redis_url: str,
        on_frame_lost: Callable[[], None],
        life: str = "",
        *,
        celery: Celery | None = None,
        max_queued: int = MAX_QUEUED,
        retry_pause_s: float = RETRY_PAUSE_S,
    ) -> None:
        """``life`` names this process; its key expires when the statuses cease.
        Reports go out by ``celery``, this process's application by default."""
        self._redis = redis.asyncio.Redis.from_url(
            redis_url, **options(redis_url, is_async=True)
        )
        self._life = life
        self._celery = celery or current_app
        self._max_queued = max_queued
        self._retry_pause_s = retry_pause_s
        self._layer = get_channel_layer()
        self._on_frame_lost = on_frame_lost
        self._queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._num_frames = 0
        self._newest: dict[str, RequestEvent] = {}
        """Of the requests with an event in the queue, by group."""
        self._reports: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        """Of who sends a task: requests that end in one step are told one after the
        other, by one connection and one thread."""
        self._is_down = False

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            waiting = [await self._queue.get()]
            while len(waiting) < MOST_AT_ONCE and not self._queue.empty():
                waiting.append(self._queue.get_nowait())
            told = [self._taken(*one) for one in waiting]
            is_frame = any(message["type"] == "lab.frame" for _, message in told)
            try:
                await self._send_all(told)
                self._is_down = False
            except (OSError, redis.exceptions.RedisError) as error:
                await self._lost(is_frame, error)
            finally:
                for _ in waiting:
                    self._queue.task_done()

    def _taken(self, group: str, message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """What goes out in the place of a message of the queue."""
        if message.get("type") == "lab.frame":
            self._num_frames -= 1
        event = self._newest.pop(group, None)
        return group, event.message() if event else message

    async def _send_all(self, told: list[tuple[str, dict[str, Any]]]) -> None:
        """In one go what is for groups alone, where none of it is wrong."""
        if len(told) > 1 and all(message["type"] not in KEPT for _, message in told):
            try:
                await self._layer.group_send_all(told)
                return
            except (OSError, redis.exceptions.RedisError):
                raise
            except Exception:  # which one it is shows when each is sent alone
                logger.debug("Messages are sent one by one")
        for group, message in told:
            try:
                await self._send(group, message)
            except (OSError, redis.exceptions.RedisError):
                raise
            except Exception:  # one bad message must not end all sending
                logger.exception("A message to %s was left out", group)

    async def _send(self, group: str, message: dict[str, Any]) -> None:
        if message["type"] == "engine.metrics":  # asked for, never sent around
            families = json.dumps(message["families"])
            await self._redis.set(group, families, ex=METRICS_EXPIRE_S)
            return
        if message["type"] == "held":
            await self._redis.set(group, 1, ex=HELD_S)
            return
        if message["type"] == "engine.status":
            key = STATUS_KEY_PREFIX + message["engine_host_id"]
            await self._redis.set(key, json.dumps(message), ex=STATUS_EXPIRES_S)
            if self._life:
                key = LIFE_KEY_PREFIX + self._life
                await self._redis.set(key, 1, ex=STATUS_EXPIRES_S)
        await self._layer.group_send(group, message)

    async def _lost(self, is_frame: bool, error: Exception) -> None:
        """A message may be lost: viewers heal by the next keyframe or event."""
        if is_frame:
            self._on_frame_lost()
        if not self._is_down:
            self._is_down = True
            logger.warning("Redis does not answer: %s", error)
        await asyncio.sleep(self._retry_pause_s)

    def _put(self, group: str, message: dict[str, Any]) -> bool:
        """Whether there was room for it."""
        has_room = self._queue.qsize() < self._max_queued
        if has_room:
            self._queue.put_nowait((group, message))
        return has_room

    @property
    def has_room(self) -> bool:
        """Whether the next frame would be taken."""
        return self._num_frames < MAX_QUEUED_FRAMES

    def frame(
        self, engine_host_id: str, engine_run: int, seq: int, is_key: bool, frame: bytes
    ) -> None:
        """One frame to who shows the host, or none at all when the queue is full."""
        if not self.has_room:
            self._on_frame_lost()
            return
        self._num_frames += 1
        message = {
            "type": "lab.frame",
            "engine_host_id": engine_host_id,
            "engine_run": engine_run,
            "seq": seq,
            "is_keyframe": is_key,
            "frame": frame,
        }
        group = keyframes_group if is_key else frames_group
        self._queue.put_nowait((group(engine_host_id), message))

    def status(self, status: EngineStatus) -> None:
        """State of this host: to viewers, and with an expiry into Redis."""
        self._put(LAB_GROUP, status.message())

    def memory(self, sample: MemorySample) -> None:
        """One memory sample to who shows the host."""
        self._put(memory_group(sample.engine_host_id), sample.message())

    def metrics(self, engine_host_id: str, families: list[Family]) -> None:
        """What Prometheus will be told of this host, into Redis alone."""
        message = {"type": "engine.metrics", "families": families}
        self._put(METRICS_KEY_PREFIX + engine_host_id, message)

    def hold_recording(self, recording_id: str) -> None:
        """This host still has it; to be said again before HELD_S are over."""
        self._put(held_key("recording", recording_id), {"type": "held"})

    def request_event(self, event: RequestEvent) -> None:
        """Progress of one request, on its own group."""
        group = request_group(event.request_id)
        if group in self._newest or self._put(group, {}):
            self._newest[group] = event

    def report(self, report: RequestReport) -> None:
        """The end of one request, to the worker that has the database; without the
        single gaps between its tokens, which only its event carries."""
        report = replace(report, itls_s=[])
        arguments = {"report": asdict(report)}
        self._send_task("lab.finish_request", arguments, kept_report(report))

    def recording(self, recording_id: str, file: bytes, sentence: str) -> None:
        """One learner's recording, to the worker that keeps it: the whole file, or why
        there is none."""
        text = base64.b64encode(file).decode()
        arguments = {"recording_id": recording_id, "file": text, "sentence": sentence}
        self._send_task("lab.keep_recording", arguments)

    def _send_task(
        self,
        name: str,
        arguments: dict[str, Any],
        receipt: tuple[str, str] | None = None,
    ) -> None:
        task = asyncio.create_task(self._send_surely(name, arguments, receipt))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _send_surely(
        self, name: str, arguments: dict[str, Any], receipt: tuple[str, str] | None
    ) -> None:
        """Unlike all else these are not lost while the broker is away, and one with a
        receipt not with the default worker that takes it either."""
        for _ in range(REPORT_RETRIES):
            try:
                async with self._turn:
                    if receipt is not None:
                        await self._redis.set(*receipt, ex=KEPT_S)
                    await asyncio.to_thread(
                        self._celery.send_task,
                        name,
                        kwargs=arguments,
                        queue="default",
                    )
                return
            except Exception as error:  # kombu's, redis-py's or the socket's
                logger.warning("%s waits for the broker: %s", name, error)
                await asyncio.sleep(self._retry_pause_s)

    async def flush(self, timeout_s: float = 3.0) -> None:
        """Wait for the reports and messages still under way (shutdown)."""
        waits = [asyncio.create_task(self._queue.join()), *self._reports]
        await asyncio.wait(waits, timeout=timeout_s)
        waits[0].cancel()


async def say_last(redis_url: str, status: EngineStatus, life: str) -> None:
    """The last status of a host whose own loop has ended; its life ends with it."""
    publisher = Publisher(redis_url, lambda: None)
    await publisher._send(LAB_GROUP, status.message())
    await publisher._redis.delete(LIFE_KEY_PREFIX + life)
    await publisher._redis.aclose()
