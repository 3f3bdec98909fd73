"""Looks at the tap of the engine that runs: each StepTrace to the mirror, and on."""

import asyncio
import logging
import time

from lab.engine.launch import resolve_device
from lab.engine.serving import Serving
from lab.engine.state import HostState
from lab.tracing.mirror import PoolMirror
from lab.tracing.replay_notes import is_replay_note
from lab.tracing.trace import SteadyReader, decode

logger = logging.getLogger(__name__)

POLL_S = 0.02
"""How often the tap is looked at; each look takes a core from the model."""
BUSY_RUNNING = 12
"""From so many running requests on a CPU engine's step is longer than that, and"""
BUSY_POLL_S = 0.05
"""the pause too."""
STATUS_EVERY_S = 1.0


class TapLook:
    """Reads on in the host's loop; what is lost is made up for by a snapshot."""

    def __init__(
        self, state: HostState, serving: Serving, retry_pause_s: float
    ) -> None:
        """``retry_pause_s``: after a look that failed."""
        self._state = state
        self._serving = serving
        self._retry_pause_s = retry_pause_s
        self._yields_when_busy = resolve_device(state.config) == "cpu"
        self._steady = SteadyReader()
        self._nudge: asyncio.Task[None] | None = None

    async def poll(self) -> None:
        """Look for ever, and tell the status every second."""
        status_due = 0.0
        while True:
            if not self.look():
                await asyncio.sleep(self._retry_pause_s)
            now = time.monotonic()
            if now >= status_due:
                status_due = now + STATUS_EVERY_S
                run = self._state.run
                phases = run.phases() if run else self._state.status.phases
                self._state.tell_status(phases=phases)
            await asyncio.sleep(self.pause_s)

    @property
    def pause_s(self) -> float:
        """Until the next look, by what the engine does."""
        header = self._state.mirror.header if self._state.mirror else None
        is_busy = header is not None and header.num_running >= BUSY_RUNNING
        return BUSY_POLL_S if is_busy and self._yields_when_busy else POLL_S

    def look(self) -> bool:
        """Read the tap; False when that failed: no answer and no look may end by it."""
        try:
            self._read()
            self._state.listener.on_poll(self._state.mirror)
        except Exception:
            logger.exception("A look at the tap failed")
            return False
        return True

    def ask_snapshot(self) -> None:
        """The next record will be a snapshot; an idle engine is nudged to write it."""
        run = self._state.run
        if run is not None and self._state.mirror is not None:
            run.tap.ask_snapshot()
            self._nudge = asyncio.get_running_loop().create_task(run.nudge())

    def _read(self) -> None:
        run, mirror = self._state.run, self._state.mirror
        if run is None or mirror is None:
            return
        num_laps = run.tap.num_laps
        records = run.tap.read()
        if run.tap.num_laps > num_laps:
            self.ask_snapshot()
        for record in records:
            self._take(record, mirror)
        self._serving.look(mirror)

    def _take(self, record: bytes, mirror: PoolMirror) -> None:
        if is_replay_note(record):
            self._state.listener.on_replay_note(record)
            return
        full = self._steady.expand(record)
        if full is None or not mirror.follows(trace := decode(full)):
            self.ask_snapshot()
            return
        finished = mirror.apply(trace)
        self._serving.note(trace, finished)
        self._state.listener.on_trace(full, trace, finished)
