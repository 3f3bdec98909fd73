"""EngineListener: listens to an EngineHost; wires it to frames, publisher, recorder."""

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings

from lab.engine.config import EngineConfig
from lab.engine.host import EngineHost
from lab.engine.launch import EngineRun, resolve_device
from lab.engine.tap_look import BUSY_RUNNING
from lab.live_state import LiveState
from lab.messages import EngineStatus, MemorySample, RequestEvent, RequestReport
from lab.recordings.recorder import Recorder
from lab.tracing.chronicle import Chronicle
from lab.tracing.frames import FrameEncoder
from lab.tracing.groups import token_sizes
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.observation import Observer
from lab.tracing.trace import StepTrace
from lab.worker.cards import engine_uuids
from lab.worker.keeping import Keeper
from lab.worker.memory import EngineSplit, open_memory
from lab.worker.metrics import HostMetrics
from lab.worker.publisher import Publisher
from lab.worker.showing import Showing

logger = logging.getLogger(__name__)

KEYFRAME_EVERY_S = 2.0
IDLE_KEYFRAME_EVERY_S = 10.0
BUSY_FRAMES_PER_S = 8
"""What a CPU engine's viewers get while BUSY_RUNNING requests run: each frame takes the
model's cores for a moment."""
MEMORY_EVERY_S = 1.0
METRICS_EVERY_S = 5.0
STATUS_EVERY_S = 5.0
"""Unless something changed that viewers see."""


class EngineListener:
    """HostListener of an engine worker: encodes frames, publishes what is told."""

    def __init__(
        self,
        config: EngineConfig,
        life: str = "",
        *,
        host_class: type[EngineHost] = EngineHost,
        publisher_class: type[Publisher] = Publisher,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``life`` names this process; see Publisher."""
        self.config = config
        self.host = host_class(config, self)
        self.publisher = publisher_class(config.redis_url, self.ask_keyframe, life)
        self._clock = clock
        self.encoder: FrameEncoder | None = None
        self._chronicle: Chronicle | None = None
        self._showing: Showing | None = None
        recordings = settings.DATA_DIR / "recordings"
        self.recorder = Recorder(recordings, self._ask_snapshot)
        self.keeper = Keeper(
            recordings / f"under-way-{config.engine_host_id}",
            self._ask_snapshot,
            self.publisher.recording,
        )
        self._publishing: asyncio.Task[None] | None = None
        self._sampling: asyncio.Task[None] | None = None
        device = resolve_device(config)
        self._memory = open_memory(
            device,
            num_cards=config.tensor_parallel,
            is_unseen=bool(config.attach or config.address),
        )
        self._yields_when_busy = device == "cpu"
        self.metrics = HostMetrics()
        self._metrics_due = 0.0
        self._memory_due = 0.0
        self._frame_due = 0.0
        self._keyframe_due = 0.0
        self._wants_keyframe = False
        self._told: EngineStatus | None = None
        self._status_due = 0.0

    def used_bytes(self) -> int | None:
        """In use on the card; None where there is none, or the driver does not tell."""
        sample = self._memory.sample(self.config.engine_host_id, EngineSplit())
        return sample.used_bytes if sample.is_gpu else None

    def ask_keyframe(self) -> None:
        """The next frame will be a keyframe, at once."""
        self._wants_keyframe = True

    def look(
        self, request_ids: Iterable[str], short_ids: Iterable[int], block_id: int | None
    ) -> LiveState | None:
        """What the trace says now; None where no engine runs. From the loop's thread.

        ``request_ids`` and ``short_ids`` are what is known of one learner's requests.
        """
        if self.encoder is None or self._chronicle is None or self.host.run is None:
            return None
        own = {*self.host.prompts.short_ids(request_ids), *short_ids}
        encoder, host_id = self.encoder, self.config.engine_host_id
        observer = Observer(
            host_id, encoder.engine_run, encoder.mirror, self._chronicle
        )
        state = observer.observe(own, block_id)
        if state is None:
            return None
        differences = self.host.prompts.differences(own)
        return dataclasses.replace(state, differences=differences)

    def why(
        self, request_ids: Iterable[str], short_ids: Iterable[int], short_id: int
    ) -> dict[str, Any] | None:
        """look(), and of a request of the learner's own the words of its blocks, and
        where it goes apart from another of theirs. From the loop's thread."""
        state, run = self.look(request_ids, short_ids, None), self.host.run
        if state is None or run is None or self.encoder is None:
            return None
        told: dict[str, Any] = {"state": state.to_json(), "blocks": {}, "apart": None}
        if short_id in state.own:
            prompts, difference = self.host.prompts, state.difference(short_id)
            told["blocks"] = {
                str(size): prompts.block_words(short_id, size, run.decode)
                for size in token_sizes(self.encoder.mirror.groups)
            }
            if difference is not None:
                told["apart"] = prompts.apart(difference, run.decode)
        return told

    def show(self, what: str, since: int) -> dict[str, Any] | None:
        """See Showing; None where no engine runs. From the loop's thread."""
        if self._showing is None or self.host.run is None:
            return None
        return self._showing.show(what, since)

    def _ask_snapshot(self) -> None:
        """The recorder begins with one; called from Celery's thread."""
        self.host.loop.call_soon_threadsafe(self.host.ask_snapshot)

    # Called from the host's loop

    def on_engine_start(self, run: EngineRun, mirror: PoolMirror) -> None:
        self.encoder = FrameEncoder(
            self.config.engine_host_id,
            run.number,
            run.num_blocks,
            run.block_size,
            mirror,
        )
        self._chronicle = Chronicle(run.num_blocks)
        self._showing = Showing(self.config.engine_host_id, run.number, self._chronicle)
        self.recorder.on_engine_start()
        self.keeper.on_engine_start()
        self.ask_keyframe()

    def on_trace(
        self, record: bytes, trace: StepTrace, finished: list[RequestMirror]
    ) -> None:
        if self.encoder is not None:
            self.encoder.note(trace, finished)
            assert self._chronicle is not None and self._showing is not None
            self._chronicle.note(trace, finished, self.encoder.mirror)
            self._showing.note(trace, finished, self.encoder.mirror)
        self.recorder.on_trace(record, trace)
        self.keeper.on_trace(record, trace)

    def on_replay_note(self, record: bytes) -> None:
        self.recorder.on_replay_note(record)
        self.keeper.on_replay_note(record)

    def on_poll(self, mirror: PoolMirror | None) -> None:
        if self._publishing is None:
            self._publishing = asyncio.create_task(self.publisher.run())
        self.recorder.on_poll()
        self.keeper.on_poll()
        now = self._clock()
        if self.encoder is not None and now >= self._frame_due:
            self._emit_frame(self.encoder, now)
        is_sampling = self._sampling is not None and not self._sampling.done()
        if now >= self._memory_due and not is_sampling:
            self._memory_due = now + MEMORY_EVERY_S
            self._sampling = asyncio.create_task(self._emit_memory())
        if now >= self._metrics_due:
            self._metrics_due = now + METRICS_EVERY_S
            self._emit_metrics(mirror)
            for recording_id in self.keeper.under_way:
                self.publisher.hold_recording(recording_id)

    def _emit_metrics(self, mirror: PoolMirror | None) -> None:
        self.metrics.note_pool(mirror)
        self.publisher.metrics(self.config.engine_host_id, self.metrics.families())

    def _emit_frame(self, encoder: FrameEncoder, now: float) -> None:
        due = self._keyframe_due
        if now < due and not self.publisher.has_room:
            return  # Redis is slow or away: changes add up, no frame is made in vain
        wants_keyframe = (
            self._wants_keyframe
            or now >= due + IDLE_KEYFRAME_EVERY_S
            or (encoder.has_news and now >= due)
        )
        frame = encoder.next_frame(keyframe=wants_keyframe)
        if frame is None:
            return
        if encoder.is_keyframe:
            self._wants_keyframe = False
            self._keyframe_due = now + KEYFRAME_EVERY_S
        pause_s = 1 / self._frames_per_s(encoder.mirror)
        is_late = now - self._frame_due >= pause_s
        # By what was due: looks at the tap come in pauses of their own.
        self._frame_due = (now if is_late else self._frame_due) + pause_s
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
        self._memory.follow(engine_uuids(run.directory) if run else [])
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
        self.keeper.on_memory(sample)

    def on_status(self, status: EngineStatus) -> None:
        self.recorder.on_status(status)
        self.keeper.on_status(status)
        self.metrics.note_status(status)
        now = self._clock()
        if _visible(status) == _visible(self._told) and now < self._status_due:
            return
        self._told = status
        self._status_due = now + STATUS_EVERY_S
        self.publisher.status(status)

    def on_request_event(self, event: RequestEvent) -> None:
        self.publisher.request_event(event)

    def on_report(self, report: RequestReport) -> None:
        self.metrics.note_report(report)
        self.publisher.report(report)


def _visible(status: EngineStatus | None) -> Any:
    """What viewers see of a status: all but its age and the running phase's seconds."""
    if status is None:
        return None
    return dataclasses.replace(status, updated_at=0.0, num_requests=0)
