"""EngineDesk: listens to an EngineHost, and wires it to frames, publisher, recorder.

Its front is Celery's threads (serve, abort, stop), its back the host's loop.
"""

import asyncio
import contextlib
import dataclasses
import logging
import time
import uuid
from typing import Any

import redis
from django.conf import settings

from lab.engine.config import EngineConfig
from lab.engine.generation import GenerationRequest
from lab.engine.host import EngineHost
from lab.engine.launch import EngineRun, resolve_device
from lab.messages import EngineStatus, MemorySample, RequestEvent, RequestReport
from lab.recordings.recorder import Recorder
from lab.tracing.frames import FrameEncoder
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import StepTrace
from lab.worker.lease import Claims
from lab.worker.memory import EngineSplit, open_memory
from lab.worker.publisher import Publisher, say_last

logger = logging.getLogger(__name__)

KEYFRAME_EVERY_S = 2.0
IDLE_KEYFRAME_EVERY_S = 10.0
BUSY_RUNNING = 12
"""From so many running requests on, a CPU engine's viewers get"""
BUSY_FRAMES_PER_S = 8
"""frames a second: each frame takes the model's cores for a moment."""
MEMORY_EVERY_S = 1.0
STATUS_EVERY_S = 5.0
"""Unless something changed that viewers see."""
LAST_WORDS_S = 4.0
"""How long reports and messages may take to get out at the end."""
INTERRUPTED = "The engine host stopped while it answered: ask again."


class EngineDesk:
    """HostListener of an engine worker: encodes frames, publishes what is told."""

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.host = EngineHost(config, self)
        self.life = uuid.uuid4().hex
        """Names this process: the same host started again has another life."""
        self._claims = Claims(config.redis_url, config.engine_host_id, self.life)
        self.publisher = Publisher(config.redis_url, self.ask_keyframe, self.life)
        self.encoder: FrameEncoder | None = None
        self.recorder = Recorder(settings.DATA_DIR / "recordings", self._ask_snapshot)
        self._serving: set[str] = set()
        self._interrupted: set[str] = set()
        self._publishing: asyncio.Task[None] | None = None
        self._sampling: asyncio.Task[None] | None = None
        device = resolve_device(config)
        self._memory = open_memory(device)
        self._yields_when_busy = device == "cpu"
        self._memory_due = 0.0
        self._frame_due = 0.0
        self._keyframe_due = 0.0
        self._wants_keyframe = False
        self._told: EngineStatus | None = None
        self._status_due = 0.0

    # Called from Celery's threads

    def serve(self, payload: dict[str, Any]) -> None:
        """Serve one message to its end, once.

        It comes again when its host died: then it ends "interrupted". It also comes
        again when a living host lost its connection to the broker for a moment: that
        one serves it on, and nothing is said here.
        """
        try:
            request = GenerationRequest.from_payload(payload)
        except ValueError as error:
            self._refuse(str(payload.get("request_id", ""))[:64], "error", str(error))
            return
        claimed_by = self._claims.claim(request.request_id)
        if claimed_by == "the dead":
            self._refuse(request.request_id, "interrupted", INTERRUPTED)
        if claimed_by != "us":
            return
        self._serving.add(request.request_id)
        try:
            self.host.submit(request).result()
        finally:
            self._serving.discard(request.request_id)

    def tell_orphans(self) -> None:
        """What the last life of this host had under way ended with it; the broker
        would deliver it again only after its visibility_timeout."""
        try:
            for request_id in self._claims.take_over():
                self._refuse(request_id, "interrupted", INTERRUPTED)
        except redis.RedisError as error:
            logger.warning("The last life's requests were not told: %s", error)

    def abort(self, request_id: str) -> None:
        """Its learner pressed stop."""
        self._serving.discard(request_id)
        self.host.abort(request_id)

    def interrupt_all(self) -> None:
        """End what still runs, and say that nobody asked for it."""
        self._interrupted |= self._serving
        self.host.abort_all()

    def stop(self) -> None:
        """Let what is under way get out, shut the engine down, say that it is gone."""
        flushing = asyncio.run_coroutine_threadsafe(
            self.publisher.flush(LAST_WORDS_S), self.host.loop
        )
        with contextlib.suppress(TimeoutError):
            flushing.result(LAST_WORDS_S + 1)
        self.host.stop()
        try:
            asyncio.run(say_last(self.config.redis_url, self.host.status, self.life))
        except (OSError, redis.RedisError) as error:
            logger.warning("Nobody was told that this host stopped: %s", error)
        self.recorder.close()

    def _refuse(self, request_id: str, reason: Any, sentence: str) -> None:
        report = RequestReport(
            request_id=request_id,
            engine_host_id=self.config.engine_host_id,
            finish_reason=reason,
            error=sentence,
        )
        event = RequestEvent(
            request_id=request_id,
            engine_host_id=self.config.engine_host_id,
            phase="finished",
            report=report,
        )
        self.host.loop.call_soon_threadsafe(self.on_request_event, event)
        self.host.loop.call_soon_threadsafe(self.on_report, report)

    def ask_keyframe(self) -> None:
        """The next frame will be a keyframe, at once."""
        self._wants_keyframe = True

    # Called from the host's loop

    def _ask_snapshot(self) -> None:
        """The recorder begins with one; called from Celery's thread."""
        self.host.loop.call_soon_threadsafe(self.host.ask_snapshot)

    def on_engine_start(self, run: EngineRun, mirror: PoolMirror) -> None:
        self.encoder = FrameEncoder(
            self.config.engine_host_id,
            run.number,
            run.num_blocks,
            run.block_size,
            mirror,
        )
        self.recorder.on_engine_start()
        self.ask_keyframe()

    def on_trace(
        self, record: bytes, trace: StepTrace, finished: list[RequestMirror]
    ) -> None:
        if self.encoder is not None:
            self.encoder.note(trace, finished)
        self.recorder.on_trace(record, trace)

    def on_poll(self, mirror: PoolMirror | None) -> None:
        if self._publishing is None:
            self._publishing = asyncio.create_task(self.publisher.run())
        self.recorder.on_poll()
        now = time.monotonic()
        if self.encoder is not None and now >= self._frame_due:
            self._emit_frame(self.encoder, now)
        is_sampling = self._sampling is not None and not self._sampling.done()
        if now >= self._memory_due and not is_sampling:
            self._memory_due = now + MEMORY_EVERY_S
            self._sampling = asyncio.create_task(self._emit_memory())

    def _emit_frame(self, encoder: FrameEncoder, now: float) -> None:
        due = self._keyframe_due
        if now < due and not self.publisher.has_room:
            return  # Redis is slow or away: changes add up, no frame is made in vain
        wants_keyframe = (
            self._wants_keyframe
            or now >= due + IDLE_KEYFRAME_EVERY_S
            or (encoder.has_news and now >= due)
        )
        frame = encoder.frame(keyframe=wants_keyframe)
        if frame is None:
            return
        if encoder.is_keyframe:
            self._wants_keyframe = False
            self._keyframe_due = now + KEYFRAME_EVERY_S
        self._frame_due = now + 1 / self._frames_per_s(encoder.mirror)
        self.publisher.frame(
            self.config.engine_host_id,
            encoder.engine_run,
            encoder.seq,
            encoder.is_keyframe,
            frame,
        )

    def _frames_per_s(self, mirror: PoolMirror) -> int:
        header = mirror.header
        is_busy = header is not None and header.num_running >= BUSY_RUNNING
        if is_busy and self._yields_when_busy:
            return min(BUSY_FRAMES_PER_S, self.config.frames_per_s)
        return self.config.frames_per_s

    def _sample_memory(self) -> MemorySample:
        run = self.host.run
        split = EngineSplit.read(run.split_path) if run else EngineSplit()
        return self._memory.sample(self.config.engine_host_id, split)

    async def _emit_memory(self) -> None:
        """In a thread: to look at all processes takes milliseconds."""
        try:
            sample = await asyncio.to_thread(self._sample_memory)
        except Exception:  # psutil's or the driver's: the next one may succeed
            logger.exception("The memory could not be read")
            return
        self.publisher.memory(sample)
        self.recorder.on_memory(sample)

    def on_status(self, status: EngineStatus) -> None:
        self.recorder.on_status(status)
        now = time.monotonic()
        if _visible(status) == _visible(self._told) and now < self._status_due:
            return
        self._told = status
        self._status_due = now + STATUS_EVERY_S
        self.publisher.status(status)

    def on_request_event(self, event: RequestEvent) -> None:
        if event.report is not None:
            event = dataclasses.replace(event, report=self._reworded(event.report))
        self.publisher.request_event(event)

    def on_report(self, report: RequestReport) -> None:
        self.publisher.report(self._reworded(report))

    def _reworded(self, report: RequestReport) -> RequestReport:
        """What no learner stopped was not "aborted" but "interrupted"."""
        if (
            report.finish_reason != "aborted"
            or report.request_id not in self._interrupted
        ):
            return report
        return dataclasses.replace(
            report, finish_reason="interrupted", error=INTERRUPTED
        )


def _visible(status: EngineStatus | None) -> Any:
    """What viewers see of a status: all but its age and the running phase's seconds."""
    if status is None:
        return None
    return dataclasses.replace(status, updated_at=0.0, num_requests=0)
