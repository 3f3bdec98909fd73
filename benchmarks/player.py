"""A recorded trace, played again as an engine host's frames, in a process of its own.

    python -m benchmarks.player publish FRAMES_PER_S     by the product's Publisher
    python -m benchmarks.player broadcast FRAMES_PER_S   by websockets.broadcast; its
                                                         port is the first line out

Every trace is stamped anew as it is played, so that a reader of a frame's ``stamp_ms``
knows how old the frame is. No engine runs.
"""

import asyncio
import logging
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count
from typing import NamedTuple

import uvloop
import websockets

from lab.messages import EngineStatus, MemorySample
from lab.recordings.library import SHIPPED_DIR
from lab.recordings.reader import read_recording
from lab.tracing.frames import FrameEncoder
from lab.worker.publisher import Publisher

RECORDING = SHIPPED_DIR / "smollm2-cpu-mixed.svlr"
HOST = "bench"
KEYFRAME_EVERY_S = 2.0


class Played(NamedTuple):
    """One frame as the publisher takes it."""

    engine_run: int
    seq: int
    is_keyframe: bool
    frame: bytes


async def played(frames_per_s: float) -> AsyncIterator[Played]:
    """The frames of the recording, over and over, each time as another engine run."""
    recording = read_recording(RECORDING)
    header, traces = recording.header, list(recording.traces())
    first_ns = traces[0].header.stamp_ns
    for run in count(1):
        encoder = FrameEncoder(HOST, run, header.num_blocks, header.block_size)
        began, frame_due, keyframe_due = time.monotonic(), 0.0, 0.0
        for trace in traces:
            at = (trace.header.stamp_ns - first_ns) / 1e9
            if at >= frame_due:
                frame_due = at + 1 / frames_per_s
                await asyncio.sleep(max(0.0, began + at - time.monotonic()))
                wants = at >= keyframe_due
                keyframe_due = at + KEYFRAME_EVERY_S if wants else keyframe_due
                if frame := encoder.next_frame(keyframe=wants):
                    yield Played(run, encoder.seq, encoder.is_keyframe, frame)
            now = trace.header._replace(stamp_ns=time.time_ns())
            encoder.apply(replace(trace, header=now))


async def publish(frames_per_s: float) -> None:
    """As an engine host does, with its status and its memory once a second."""
    publisher = Publisher(os.environ["REDIS_URL"], lambda: None)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publisher.run())
        tasks.create_task(_publish_figures(publisher))
        async for one in played(frames_per_s):
            publisher.frame(HOST, *one)


async def _publish_figures(publisher: Publisher) -> None:
    while True:
        now = time.time()
        publisher.status(EngineStatus(HOST, "ready", now, num_blocks=364, engine_run=1))
        for _ in range(5):
            sample = MemorySample(HOST, time.time(), "CPU engine", False)
            publisher.memory(replace(sample, used_bytes=2**31))
            await asyncio.sleep(1)


async def broadcast(frames_per_s: float) -> None:
    """The same frames to whoever connects, as websockets does it itself."""
    connected: set[websockets.ServerConnection] = set()
    logging.getLogger("websockets.server").setLevel(logging.WARNING)

    async def keep(connection: websockets.ServerConnection) -> None:
        connected.add(connection)
        await connection.wait_closed()
        connected.discard(connection)

    async with websockets.serve(
        keep, "127.0.0.1", 0, compression=None, backlog=4096
    ) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        async for one in played(frames_per_s):
            websockets.broadcast(connected, one.frame)


def main() -> None:
    """Play until SIGTERM."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    how, frames_per_s = sys.argv[1], float(sys.argv[2])
    uvloop.run({"publish": publish, "broadcast": broadcast}[how](frames_per_s))


if __name__ == "__main__":
    main()
