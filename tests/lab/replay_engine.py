"""An engine without vLLM: it replays tests/data/real.steptraces on demand.

ReplayHost is an EngineHost whose run is a ReplayRun; the host's own code, its tap and
all that hangs on them run. A request of the host takes the place of the next
request in the recording: its short id is written into the recorded traces, and tokens
of a fixed answer come as the recorded request computed them. Recorded requests that
nobody sent go on as ghosts, with short ids from GHOSTS on. While nobody asks, nothing
is written, as in an idle engine. Reports say ``is_recorded``.
"""

import asyncio
import dataclasses
import logging
import os
import time
from collections import deque
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

from lab.engine import phases
from lab.engine.host import EngineHost
from lab.engine.in_flight import InFlightRequest
from lab.engine.launch import EngineRun, machine_name, versions
from lab.messages import RequestReport
from lab.tracing.mirror import PoolMirror
from lab.tracing.tap import TapWriter
from lab.tracing.trace import (
    HAS_HASH,
    Finish,
    RequestState,
    StepChanges,
    StepTrace,
    TraceHeader,
    TraceKind,
    decode,
    encode,
)
from tests.data.make_golden import source

GHOSTS = 1_000_000_000
FIRST_TOKEN = 1
"""Recorded short id of the request that ended the cold start."""
ANSWER = (
    "PagedAttention cuts the KV cache of every request into blocks of a fixed number "
    "of tokens and a block table maps the logical blocks to physical ones so that no "
    "memory is reserved for tokens that never come and equal beginnings are shared"
).split()
START_S = float(os.environ.get("REPLAY_START_S", "0.01"))
STEP_S = float(os.environ.get("REPLAY_STEP_S", "0.01"))


class Stream:
    """One request of the host, and the outputs that wait for it."""

    def __init__(self, short_id: int, prompt: list[int], max_tokens: int) -> None:
        self.short_id = short_id
        self.prompt = prompt
        self.max_tokens = max_tokens
        self.num_tokens = 0
        self.outputs: asyncio.Queue[Any] = asyncio.Queue()

    def tell(self, num_cached: int, finish_reason: str | None = None) -> None:
        """An output as vLLM's RequestOutput, cumulative."""
        words = [ANSWER[i % len(ANSWER)] for i in range(self.num_tokens)]
        completion = SimpleNamespace(
            text=" ".join(words),
            token_ids=list(range(self.num_tokens)),
            finish_reason=finish_reason,
        )
        self.outputs.put_nowait(
            SimpleNamespace(
                outputs=[completion],
                finished=finish_reason is not None,
                prompt_token_ids=self.prompt,
                num_cached_tokens=num_cached,
            )
        )


class RecordedEngine:
    """Plays the recorded traces into a tap while there are streams."""

    def __init__(self, tap: TapWriter, step_s: float) -> None:
        self.step_s = step_s
        records, self.num_blocks, self.block_size = source()
        self.traces = [decode(record) for record in records]
        self.errored = False
        self._tap = tap
        self._mirror = PoolMirror(self.num_blocks, self.block_size)
        """What the tap has been told."""
        self._aborted_once = _aborted(self.traces)
        self._at = 0
        self._sequence = 0
        self._names: dict[int, int] = {}
        self._num_ghosts = 0
        self._waiting: deque[Stream] = deque()
        self._streams: dict[int, Stream] = {}
        """By the recorded short id that each has the place of."""
        self._work = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._player = asyncio.create_task(self._play())
        self._player.add_done_callback(self._note_end)

    # The front, as AsyncLLM has it

    async def generate(
        self, prompt: list[int], max_tokens: int, short_id: int
    ) -> AsyncIterator[Any]:
        """Outputs until the finished one."""
        stream = Stream(short_id, prompt, max_tokens)
        self._waiting.append(stream)
        if self._mirror.header is not None:
            row = (short_id, int(RequestState.WAITING), len(prompt), 0)
            self._write(_made_up(self._mirror.header, [row]))
        self._work.set()
        while True:
            output = await stream.outputs.get()
            yield output
            if output.finished:
                return

    def abort(self, short_id: int) -> None:
        """End a stream now."""
        for stream in [*self._waiting, *self._streams.values()]:
            if stream.short_id == short_id:
                self._end(stream, Finish.ABORTED, "abort")

    def close(self) -> None:
        """Stop playing; from any thread."""
        self._loop.call_soon_threadsafe(self._player.cancel)

    def _note_end(self, player: "asyncio.Task[None]") -> None:
        self.errored = True
        if not player.cancelled() and player.exception() is not None:
            logging.error("The recorded engine broke", exc_info=player.exception())

    # The engine

    async def _play(self) -> None:
        while True:
            if not (self._waiting or self._streams) and not self._has_ghosts:
                self._work.clear()
                await self._work.wait()
            self._step()
            await asyncio.sleep(self.step_s / 2 if self._streams else 0)

    @property
    def _has_ghosts(self) -> bool:
        return any(short_id >= GHOSTS for short_id in self._mirror.requests)

    def _step(self) -> None:
        trace = self.traces[self._at]
        self._at = (self._at + 1) % len(self.traces)
        for short_id, word, _, _ in trace.requests.tolist():
            if word & 0xFF == RequestState.WAITING:
                self._arrive(short_id)
        self._write(self._renamed(trace))
        self._tell_tokens()
        for short_id, word, _, num_cached in trace.requests.tolist():
            if word & 0xFF == RequestState.FINISHED and short_id in self._streams:
                reason = "stop" if word >> 8 & 0xFF == Finish.STOPPED else "length"
                self._streams.pop(short_id).tell(num_cached, reason)

    def _arrive(self, recorded_id: int) -> None:
        if self._waiting and self._fits(recorded_id, self._waiting[0]):
            stream = self._waiting.popleft()
            self._streams[recorded_id] = stream
            self._names[recorded_id] = stream.short_id
        else:
            self._names[recorded_id] = self._take_ghost()

    def _fits(self, recorded_id: int, stream: Stream) -> bool:
        """Not one that was aborted; the first one has a single token."""
        if recorded_id == FIRST_TOKEN:
            return stream.max_tokens == 1
        return recorded_id not in self._aborted_once

    def _take_ghost(self) -> int:
        self._num_ghosts += 1
        return GHOSTS + self._num_ghosts

    def _tell_tokens(self) -> None:
        for stream in list(self._streams.values()):
            request = self._mirror.requests.get(stream.short_id)
            if request is None or request.state is not RequestState.RUNNING:
                continue
            num_tokens = request.num_computed_tokens - request.num_prompt_tokens + 1
            if num_tokens <= stream.num_tokens:
                continue
            stream.num_tokens = num_tokens
            if num_tokens >= stream.max_tokens:
                self._end(stream, Finish.LENGTH, "length")
            else:
                stream.tell(request.num_cached_tokens)

    def _end(self, stream: Stream, finish: Finish, reason: str) -> None:
        """End a stream before its recorded request: that goes on as a ghost."""
        header = self._mirror.header
        request = self._mirror.requests.get(stream.short_id)
        num_cached = 0 if request is None else request.num_cached_tokens
        if request is not None and header is not None:
            word = int(RequestState.FINISHED) | finish << 8
            prompt = request.num_prompt_tokens
            rows = [(stream.short_id, word, prompt, num_cached)]
            tables: list[int] = []
            scheduled: list[tuple[int, int, int]] = []
            for recorded_id, one in list(self._streams.items()):
                if one is stream:
                    ghost = self._names[recorded_id] = self._take_ghost()
                    rows.append((ghost, int(request.state), prompt, num_cached))
                    tables = [ghost, 0, len(request.block_ids), *request.block_ids]
                    scheduled = [(ghost, 0, request.num_computed_tokens)]
                    del self._streams[recorded_id]
            self._write(_made_up(header, rows, tables, scheduled))
        if stream in self._waiting:
            self._waiting.remove(stream)
        stream.tell(num_cached, reason)
        self._work.set()

    # Traces

    def _renamed(self, trace: StepTrace) -> StepTrace:
        rows = [(self._names[row[0]], *row[1:]) for row in trace.requests.tolist()]
        tables: list[int] = []
        for table in trace.tables:
            blocks = table.block_ids.tolist()
            name = self._names[table.short_id]
            tables += (name, table.start, len(blocks), *blocks)
        scheduled = trace.scheduled.tolist()
        scheduled[0] = [self._names[short_id] for short_id in scheduled[0]]
        changes = StepChanges(
            requests=[word for row in rows for word in row],
            tables=tables,
            num_tables=len(trace.tables),
            scheduled=[word for column in scheduled for word in column],
            blocks=trace.blocks.ravel().tolist(),
        )
        return decode(encode(trace.header, changes))

    def _write(self, trace: StepTrace) -> None:
        """Into the tap, next in the sequence and stamped now."""
        self._write_one(trace)
        if self._tap.is_snapshot_wanted:
            self._tap.mark_snapshot_served()
            self._write_one(_snapshot(self._mirror))

    def _write_one(self, trace: StepTrace) -> None:
        self._sequence += 1
        header = trace.header._replace(sequence=self._sequence, stamp_ns=time.time_ns())
        tables: list[int] = []
        for table in trace.tables:
            blocks = table.block_ids.tolist()
            tables += (table.short_id, table.start, len(blocks), *blocks)
        changes = StepChanges(
            requests=trace.requests.ravel().tolist(),
            tables=tables,
            num_tables=len(trace.tables),
            scheduled=trace.scheduled.ravel().tolist(),
            blocks=trace.blocks.ravel().tolist(),
        )
        words = encode(header, changes)
        waiting = [(stream.short_id, stream.prompt) for stream in self._waiting]
        self._mirror.apply(decode(words))
        self._tap.write(words)
        if header.kind is TraceKind.SNAPSHOT and trace is not None and waiting:
            self._tell_waiting(waiting)

    def _tell_waiting(self, waiting: list[tuple[int, list[int]]]) -> None:
        """The recording begins anew with a snapshot: who waits still waits."""
        assert self._mirror.header is not None
        known = self._mirror.requests
        rows = [
            (short_id, int(RequestState.WAITING), len(prompt), 0)
            for short_id, prompt in waiting
            if short_id not in known
        ]
        if rows:
            self._write_one(_made_up(self._mirror.header, rows))


def _aborted(traces: list[StepTrace]) -> set[int]:
    return {
        short_id
        for trace in traces
        for short_id, word, _, _ in trace.requests.tolist()
        if word >> 8 & 0xFF == Finish.ABORTED
    }


def _made_up(
    header: TraceHeader,
    rows: list[tuple[int, ...]],
    table: list[int] | None = None,
    scheduled: list[tuple[int, int, int]] | None = None,
) -> StepTrace:
    """A trace of what the recording does not have."""
    columns = zip(*(scheduled or []), strict=True)
    changes = StepChanges(
        requests=[word for row in rows for word in row],
        tables=table or [],
        num_tables=1 if table else 0,
        scheduled=[word for column in columns for word in column],
    )
    return decode(encode(header._replace(kind=TraceKind.UPDATE), changes))


def _snapshot(mirror: PoolMirror) -> StepTrace:
    assert mirror.header is not None
    queued = [mirror.requests[short_id] for short_id in mirror.waiting]
    running = [r for r in mirror.requests.values() if r not in queued]
    requests = [*running, *queued]
    tables = [
        word
        for one in requests
        for word in (one.short_id, 0, len(one.block_ids), *one.block_ids)
    ]
    ids = [
        i for i in range(mirror.num_blocks) if mirror.ref_cnt[i] or mirror.has_hash[i]
    ]
    states = [
        int(mirror.ref_cnt[i]) | (HAS_HASH if mirror.has_hash[i] else 0) for i in ids
    ]
    columns = (
        [one.short_id for one in requests],
        [0] * len(requests),
        [one.num_computed_tokens for one in requests],
    )
    changes = StepChanges(
        requests=[
            word
            for one in requests
            for word in (
                one.short_id,
                one.state | one.num_preemptions << 16,
                one.num_prompt_tokens,
                one.num_cached_tokens,
            )
        ],
        tables=tables,
        num_tables=len(requests),
        scheduled=[number for column in columns for number in column],
        blocks=[*ids, *states],
    )
    header = mirror.header._replace(kind=TraceKind.SNAPSHOT)
    return decode(encode(header, changes))


class ReplayRun(EngineRun):
    """EngineRun with a RecordedEngine in the place of AsyncLLM."""

    step_s = STEP_S

    async def start(self) -> None:
        """The same phases, in no time."""
        for name in phases.ORDER:
            phases.mark(self.phases_path, name)
            await asyncio.sleep(START_S / len(phases.ORDER))
        self.llm = RecordedEngine(TapWriter(self.directory / "tap"), self.step_s)
        self.num_blocks, self.block_size = self.llm.num_blocks, self.llm.block_size

    def prompt_token_ids(self, messages: list[dict[str, str]]) -> list[int]:
        """One token a word."""
        words = " ".join(message["content"] for message in messages).split()
        return list(range(len(words)))

    def sampling(
        self,
        max_tokens: int,
        temperature: float,
        ignore_eos: bool,
        structured: dict[str, Any] | None = None,
    ) -> Any:
        """Only the number of tokens counts."""
        return max_tokens

    def stream(
        self,
        prompt: list[int],
        sampling: Any,
        short_id: int,
        salt: str | None = None,
        priority: int = 0,
    ) -> AsyncIterator[Any]:
        """Outputs as vLLM gives them; the recording's queue is what it was."""
        outputs: AsyncIterator[Any] = self.llm.generate(prompt, sampling, short_id)
        return outputs

    async def abort(self, short_id: int) -> None:
        """End one stream."""
        self.llm.abort(short_id)

    async def beat(self) -> None:
        """A replay answers at once."""

    def kill(self) -> None:
        """It has no process."""
        self.llm.errored = True

    async def nudge(self) -> None:
        """A replay that nobody asks has no step to write."""

    def facts(self) -> dict[str, Any]:
        """What the recording was made with is in its label, not here."""
        return {
            "phases": self.phases(),
            "model": "recorded",
            "device": "CPU engine",
            "machine": machine_name(),
            "dtype": "bfloat16",
            "versions": versions(),
            "block_size": self.block_size,
            "num_blocks": self.num_blocks,
            "max_model_len": self.max_model_len,
        }

    def close(self) -> None:
        """Called from a thread, as the real one."""
        if self.llm is not None:
            self.llm.close()
            self.llm = None
        super().close()


class ReplayRequest(InFlightRequest):
    """InFlightRequest whose reports say that they are of a recording."""

    def report(self, *args: Any, **kwargs: Any) -> RequestReport:
        report = super().report(*args, **kwargs)
        return dataclasses.replace(report, is_recorded=True)


class ReplayHost(EngineHost):
    """EngineHost of a RecordedEngine."""

    run_class = ReplayRun
    request_class = ReplayRequest
