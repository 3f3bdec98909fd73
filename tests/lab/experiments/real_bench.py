"""A bench on a real engine: what the socket wires for a run, without the broker."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lab.engine.generation import GenerationRequest
from lab.engine.host import EngineHost
from lab.engine.launch import EngineRun
from lab.experiments.bench import Bench, Chat, TokenCounts
from lab.experiments.experiment import Experiment
from lab.experiments.outcome import Outcome
from lab.messages import Generation, RequestEvent, RequestReport, priority_of
from lab.tracing.frame_counters import FrameCounters
from lab.tracing.frames import FrameEncoder
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import StepTrace
from tests.lab.engine_host import Listener


class Ear(Listener):
    """A listener that hands request events to the bench of the run that goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.bench: Bench | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.encoder: FrameEncoder | None = None
        self.frames: list[bytes] = []
        """As the hub keeps them: the newest keyframe, and every delta since."""
        self.said: list[str] = []
        """What the runs have told of their progress."""

    def on_engine_start(self, run: EngineRun, mirror: PoolMirror) -> None:
        super().on_engine_start(run, mirror)
        self.encoder = FrameEncoder(
            "host", run.number, run.num_blocks, run.block_size, mirror
        )

    def on_trace(
        self, record: bytes, trace: StepTrace, finished: list[RequestMirror]
    ) -> None:
        super().on_trace(record, trace, finished)
        assert self.encoder is not None
        self.encoder.note(trace, finished)

    def on_poll(self, mirror: PoolMirror | None) -> None:
        super().on_poll(mirror)
        frame = None if self.encoder is None else self.encoder.next_frame()
        if frame is not None:
            assert self.encoder is not None
            before = [] if self.encoder.is_keyframe else self.frames
            self.frames = [*before, frame]

    def on_request_event(self, event: RequestEvent) -> None:
        super().on_request_event(event)
        if self.bench is not None and self.loop is not None:
            note = self.bench.under_way.note
            self.loop.call_soon_threadsafe(note, asdict(event))


def counters_of(mirror: PoolMirror | None) -> FrameCounters | None:
    """What a frame of this moment would say."""
    if mirror is None or mirror.header is None:
        return None
    header = mirror.header
    return FrameCounters(
        stamp_s=header.stamp_ns / 1e9,
        num_blocks=mirror.num_blocks,
        num_free_blocks=header.num_free_blocks,
        num_waiting=header.num_waiting,
        num_running=header.num_running,
        num_evictions=header.num_evictions,
        num_preemptions=header.num_preemptions,
    )


async def run(
    experiment: Experiment,
    host: EngineHost,
    ear: Ear,
    shown: list[Outcome] | None = None,
    **values: Any,
) -> tuple[Outcome, list[RequestReport]]:
    """Run it with these settings and the defaults of others; the outcome, and the
    engine's reports of all that was sent. ``shown`` gets what is shown meanwhile."""

    async def submit(request_id: str, generation: Generation) -> None:
        host.submit(
            GenerationRequest.from_payload(
                {
                    "request_id": request_id,
                    "priority": priority_of("experiment", generation.steps_back),
                    **asdict(generation),
                }
            )
        )

    async def abort(request_id: str) -> None:
        host.abort(request_id)

    async def count(chats: Sequence[Chat]) -> TokenCounts | None:
        counts = await asyncio.wrap_future(host.count_tokens(list(chats)))
        return None if counts is None else TokenCounts(**counts)

    async def tell(message: dict[str, Any]) -> None:
        ear.said.append(message["sentence"])

    async def keep(outcome: Outcome) -> None:
        if shown is not None:
            shown.append(outcome)

    bench = Bench(
        host.status,
        learner_id="anna",
        nonce=uuid.uuid4().hex[:6],
        max_requests=64,
        submit=submit,
        abort=abort,
        count=count,
        counters=lambda: counters_of(ear.mirror),
        tell=tell,
        frames=lambda: ear.frames,
        keep=keep,
    )
    ear.bench, ear.loop = bench, asyncio.get_running_loop()
    try:
        outcome = await experiment.run(bench, experiment.defaults | values)
    finally:
        ear.bench = ear.loop = None  # what else this engine serves is not the run's
    told = [RequestReport.from_json(report or {}) for report in bench.under_way.reports]
    return outcome, told
