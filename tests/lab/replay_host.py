"""A stand-in for an engine host: publishes made-up or recorded traffic as a real one.

    python -m tests.lab.replay_host [--host-id a] [--blocks 400] [--seconds 600]

The same path as the real host from StepTrace on: FrameEncoder, Publisher. For
looking at the viewer, and for tests; it serves no requests.
"""

import argparse
import asyncio
import os
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402

from lab.messages import EngineStatus, MemorySample, PhaseTiming  # noqa: E402
from lab.tracing.frames import FrameEncoder  # noqa: E402
from lab.tracing.trace import decode  # noqa: E402
from lab.worker.publisher import Publisher  # noqa: E402
from tests.lab.step_traces import Traffic  # noqa: E402

GIB = 2**30
PHASES = (
    ("import vLLM", 0.0, 6.2),
    ("spawn the engine process", 6.2, 3.1),
    ("load weights", 9.3, 1.4),
    ("warm-up", 10.7, None),
)


class ReplayHost:
    """One made-up engine host; run() publishes until it is cancelled."""

    def __init__(
        self, host_id: str, traffic: Traffic, *, keyframe_every_s: float = 5.0
    ) -> None:
        self.host_id = host_id
        self.traffic = traffic
        self.keyframe_every_s = keyframe_every_s
        self.encoder = FrameEncoder(host_id, 1, traffic.num_blocks, traffic.block_size)
        self.publisher = Publisher(settings.REDIS_URL, lambda: None)

    def status(self, state: str = "ready") -> EngineStatus:
        """What a real host would say of itself."""
        return EngineStatus(
            engine_host_id=self.host_id,
            state=state,  # type: ignore[arg-type]
            updated_at=time.time(),
            started_at=time.time() - 14.0,
            phases=[PhaseTiming(*phase) for phase in PHASES],
            expected_start_s=21.0,
            model="smollm2-135m-instruct",
            device="CPU engine",
            dtype="bfloat16",
            block_size=self.traffic.block_size,
            num_blocks=self.traffic.num_blocks,
            max_model_len=2048,
            max_output_tokens=512,
            max_concurrent_requests=self.traffic.max_running,
            engine_run=1,
        )

    def memory(self) -> MemorySample:
        """A sample as of a CPU engine."""
        return MemorySample(
            engine_host_id=self.host_id,
            stamp=time.time(),
            device="CPU engine",
            is_gpu=False,
            total_bytes=16 * GIB,
            used_bytes=2 * GIB,
            process_bytes=2 * GIB,
            weights_bytes=GIB // 4,
            kv_cache_bytes=GIB // 4,
            gap_bytes=3 * GIB // 2,
        )

    async def run(self, seconds: float = 600.0, frames_per_s: float = 20.0) -> None:
        """Publish frames, a status and a memory sample until the time is up."""
        sender = asyncio.create_task(self.publisher.run())
        ends_at = time.monotonic() + seconds
        keyframe_at = beat_at = 0.0
        self.encoder.apply(decode(self.traffic.snapshot()))
        while (now := time.monotonic()) < ends_at:
            if now >= beat_at:
                beat_at = now + 1.0
                self.publisher.status(self.status())
                self.publisher.memory(self.memory())
            is_key = now >= keyframe_at
            if is_key:
                keyframe_at = now + self.keyframe_every_s
            self._step(is_key)
            await asyncio.sleep(1 / frames_per_s)
        sender.cancel()

    def _step(self, is_key: bool) -> None:
        self.traffic.stamp_ns = time.time_ns() - self.traffic.step_ns
        for record in self.traffic.step():
            self.encoder.apply(decode(record))
        frame = self.encoder.next_frame(keyframe=is_key)
        if frame is not None:
            run, seq = self.encoder.engine_run, self.encoder.seq
            self.publisher.frame(self.host_id, run, seq, is_key, frame)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host-id", default="replay")
    parser.add_argument("--blocks", type=int, default=365)
    parser.add_argument("--block-size", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=600.0)
    options = parser.parse_args()
    traffic = Traffic(
        num_blocks=options.blocks,
        block_size=options.block_size,
        max_running=12,
        budget=512,
        arrivals_per_step=0.1,
        prompt=(40, 900),
        output=(20, 200),
        abort_chance=0.0005,
    )
    asyncio.run(ReplayHost(options.host_id, traffic).run(options.seconds))


if __name__ == "__main__":
    main()
