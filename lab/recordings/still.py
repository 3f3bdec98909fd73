"""StillEngine: a recording stopped at a step, which answers as an engine host does.

For whoever wants to know what an engine is asked and has none: an evaluation that has
to give the same figures twice.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab.live_state import LiveState, RequestFacts
from lab.messages import ENGINE_QUEUE, EngineStatus, PhaseTiming
from lab.recordings.reader import read_recording
from lab.recordings.recording import Recording, RecordingError
from lab.tracing.chronicle import Chronicle
from lab.tracing.mirror import PoolMirror
from lab.tracing.observation import Observer

SHIPPED = Path(__file__).with_name("smollm2-cpu-overflow.svlr")
SHIPPED_STEP = 1900
"""Eight requests run, three wait, one of them was preempted; blocks are evicted."""


class StillEngine:
    """A Transport (lab.client) of one host, at one step of a recording."""

    def __init__(self, path: Path = SHIPPED, step: int | None = None) -> None:
        """``step`` is the shipped one's by default, or the last of another recording.
        Raises RecordingError."""
        recording = read_recording(path, allow_cut=True)
        if step is None and path == SHIPPED:
            step = SHIPPED_STEP
        self._recording = recording
        self._name = path.stem
        self._observer, self._at = _followed(recording, step)
        state = self._observer.observe(now_s=self._at)
        if state is None:
            raise RecordingError(f"{path} has no step {step}.")
        newest = [max((r.short_id for r in some), default=0) for some in _halves(state)]
        self.own = sorted(filter(None, newest))
        """The learner's requests: the newest that runs and the newest that waits."""
        self.step = state.step

    @property
    def label(self) -> str:
        """Which recording, and the step."""
        return f"{self._name} at step {self.step:,}"

    def look(
        self, own: list[int] | None = None, block_id: int | None = None
    ) -> LiveState:
        """What an engine host would say; ``own`` as StillEngine.own by default."""
        own = self.own if own is None else own
        state = self._observer.observe(own, block_id, self._at)
        assert state is not None
        return state

    # Transport

    def send(
        self,
        task: str,
        arguments: dict[str, Any],
        priority: int,
        queue: str = ENGINE_QUEUE,
    ) -> None:
        """A recording serves nobody."""

    def command(self, name: str, arguments: dict[str, Any]) -> None:
        """A recording obeys nobody."""

    def ask(
        self,
        name: str,
        arguments: dict[str, Any],
        num_replies: int | None = None,
        within_s: float = 1.0,
    ) -> list[dict[str, Any]]:
        """The state, where that is asked for."""
        if name != "lab_look":
            return []
        return [self.look(block_id=arguments["block_id"]).to_json()]

    def metrics(self) -> dict[str, list[dict[str, Any]]]:
        """A recording counts nothing."""
        return {}

    def statuses(self, max_age_s: float = 0.0) -> list[EngineStatus]:
        """One host that is ready, as the recording's header has it."""
        header = self._recording.header
        status = EngineStatus(
            engine_host_id=header.engine_host_id,
            state="ready",
            updated_at=time.time(),
            phases=[PhaseTiming(**phase) for phase in header.phases],
            model=header.model,
            device=header.device,
            machine=header.machine,
            versions=header.versions,
            block_size=header.block_size,
            num_blocks=header.num_blocks,
            engine_run=header.engine_run,
        )
        return [replace(status, num_requests=len(self.look().requests))]


def _halves(state: LiveState) -> tuple[list[RequestFacts], list[RequestFacts]]:
    return state.running, state.waiting


def _followed(recording: Recording, step: int | None) -> tuple[Observer, float]:
    """The recording up to the end of ``step``, and the time of its last trace."""
    header = recording.header
    mirror = PoolMirror(header.num_blocks, header.block_size)
    chronicle = Chronicle(header.num_blocks)
    stamp_ns = 0
    for trace in recording.traces():
        if step is not None and trace.header.step > step:
            break
        if not mirror.follows(trace):
            continue
        chronicle.note(trace, mirror.apply(trace), mirror)
        stamp_ns = trace.header.stamp_ns
    observer = Observer(header.engine_host_id, header.engine_run, mirror, chronicle)
    return observer, stamp_ns / 1e9
