"""Recordings of vLLM's own scheduler under made-up traffic, without a model."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lab.recordings.recording import Recording, RecordingHeader
from lab.tracing.replay_notes import ReplaySettings, is_replay_note
from lab.tracing.trace import SteadyReader

SETTINGS = ReplaySettings(
    granule=8,
    block_size=16,
    num_blocks=40,
    max_num_seqs=8,
    max_num_batched_tokens=64,
    max_model_len=256,
    has_prefix_caching=1,
    is_by_priority=0,
    is_async=0,
    has_chunked_prefill=1,
    has_v2_runner=0,
    long_prefill_token_threshold=0,
    watermark_ppm=0,
    steps_in_flight=1,
    has_more=0,
)


def header_of(settings: ReplaySettings) -> RecordingHeader:
    return RecordingHeader(
        engine_host_id="made-up",
        engine_run=1,
        num_blocks=settings.num_blocks,
        block_size=settings.block_size,
        machine="",
        device="no model",
        model="no model",
        versions={},
        date="2026-11-26T00:00:00+00:00",
        traffic="made up",
        phases=[],
    )


@dataclass
class Comes:
    """One request: before which call of schedule(), and with what."""

    turn: int
    short_id: int
    prompt: list[int]
    output: list[int]
    priority: int = 0
    abort_at: int | None = None
    max_tokens: int | None = None


@dataclass
class Engine:
    """Does what EngineCore does, with tokens that are forced."""

    settings: ReplaySettings
    coming: list[Comes]
    asks_at: int = 0
    """The recording begins with a snapshot that is asked for at this turn."""
    reset_at: int | None = None
    _outputs: dict[str, list[int]] = field(default_factory=dict)
    _in_flight: deque[Any] = field(default_factory=deque)

    def record(self, num_turns: int) -> Recording:
        from vllm.utils.hashing import sha256
        from vllm.v1.core.kv_cache_utils import init_none_hash

        from lab.rehearsal.stage import Tap, set_up

        init_none_hash(sha256)  # once: each call may draw another one
        self.scheduler = set_up(self.settings)
        tap = Tap()
        self.scheduler.begin(tap, 0)
        for turn in range(num_turns):
            if turn and turn == self.asks_at:
                tap.is_snapshot_wanted = True
                tap.mark_snapshot_served = lambda: _served(tap)  # type: ignore[method-assign]
            self._turn(turn)
        return recording_of(tap.records, self.settings, self.asks_at > 0)

    def _turn(self, turn: int) -> None:
        from vllm.v1.request import RequestStatus

        scheduler = self.scheduler
        for one in self.coming:
            if one.turn == turn:
                self._outputs[f"{one.short_id}-0123abcd"] = one.output
                scheduler.add_request(self._request(one))
        if turn == self.reset_at:
            scheduler.reset_prefix_cache()
        is_waited_for = True
        if scheduler.has_requests():
            step = scheduler.schedule()
            sampling = [
                one
                for one in step.num_scheduled_tokens
                if not scheduler.requests[one].is_prefill_chunk
            ]
            self._in_flight.append((step, sampling))
            is_full = len(self._in_flight) >= self.settings.steps_in_flight
            is_waited_for = is_full or not scheduler.has_requests()
        for one in self.coming:
            if one.abort_at == turn:
                scheduler.finish_requests(
                    f"{one.short_id}-0123abcd", RequestStatus.FINISHED_ABORTED
                )
        if is_waited_for and self._in_flight:
            step, sampling = self._in_flight.popleft()
            scheduler.update_from_output(step, self._output(step, sampling))

    def _output(self, step: Any, sampling: list[str]) -> Any:
        from vllm.v1.outputs import ModelRunnerOutput

        ids = list(step.num_scheduled_tokens)
        tokens = [[self._token(one)] if one in sampling else [] for one in ids]
        index = {one: at for at, one in enumerate(ids)}
        return ModelRunnerOutput(ids, index, sampled_token_ids=tokens)

    def _token(self, request_id: str) -> int:
        request = self.scheduler.requests.get(request_id)
        output = self._outputs[request_id]
        if request is None or request.num_output_tokens >= len(output):
            return 5
        return output[request.num_output_tokens]

    def _request(self, one: Comes) -> Any:
        from vllm import SamplingParams
        from vllm.utils.hashing import sha256
        from vllm.v1.core.kv_cache_utils import get_request_block_hasher
        from vllm.v1.request import Request

        return Request(
            request_id=f"{one.short_id}-0123abcd",
            prompt_token_ids=one.prompt,
            sampling_params=SamplingParams(
                max_tokens=one.max_tokens or len(one.output),
                ignore_eos=True,
                stop_token_ids=[2],
            ),
            pooling_params=None,
            arrival_time=1000.0 + one.short_id,
            priority=one.priority,
            block_hasher=get_request_block_hasher(self.settings.hash_size, sha256),
        )


def _served(tap: Any) -> None:
    tap.is_snapshot_wanted = False


def recording_of(
    records: list[bytes], settings: ReplaySettings, skips_first: bool
) -> Recording:
    """What a recorder would keep: from a snapshot on, steady records written out."""
    recording = Recording(header_of(settings))
    steady = SteadyReader()
    first_note = None
    has_begun = False
    num_snapshots = 0
    for record in records:
        if is_replay_note(record):
            if has_begun:
                recording.notes.append(record)
            first_note = record
            continue
        full = steady.expand(record)
        assert full is not None
        is_snapshot = int.from_bytes(full[4:8], "little") & 0x3F == 0
        num_snapshots += is_snapshot
        if not has_begun and is_snapshot and num_snapshots > skips_first:
            has_begun = True
            assert first_note is not None
            recording.notes.append(first_note)
        if has_begun:
            recording.records.append(full)
    return recording


def traffic(
    seed: int,
    num_turns: int,
    rate: float = 0.35,
    sharing: tuple[int, ...] = (0, 32, 64, 77),
    prompt: tuple[int, int] = (1, 90),
    output: tuple[int, int] = (1, 90),
    going_on: float = 0.2,
) -> list[Comes]:
    """Requests that begin alike at times, are aborted at times, and go on from what an
    earlier one answered."""
    draw = random.Random(seed)
    token: Callable[[], int] = lambda: draw.randrange(3, 120)  # noqa: E731
    shared = [token() for _ in range(max(sharing))]
    coming: list[Comes] = []
    for turn in range(num_turns):
        if draw.random() >= rate:
            continue
        short_id = len(coming) + 1
        beginning = shared[: draw.choice(sharing)]
        if coming and draw.random() < going_on:
            earlier = draw.choice(coming)
            beginning = (earlier.prompt + earlier.output)[:120]
        tail = [token() for _ in range(draw.randrange(*prompt))]
        answer = [token() for _ in range(draw.randrange(*output))]
        is_stopped = draw.random() < 0.5
        if is_stopped:
            answer[-1] = 2
        coming.append(
            Comes(
                turn=turn,
                short_id=short_id,
                prompt=(beginning + tail)[:160],
                output=answer,
                priority=draw.randrange(3),
                abort_at=turn + draw.randrange(60) if draw.random() < 0.1 else None,
                max_tokens=95 if is_stopped else None,
            )
        )
    return coming
