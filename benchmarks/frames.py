"""Time and bytes of a steady decode delta and of a keyframe of 60,000 blocks."""

import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import numpy as np

from benchmarks.interval import mean_interval
from lab.tracing.frames import FrameEncoder
from lab.tracing.trace import (
    HAS_HASH,
    RequestState,
    StepChanges,
    StepTrace,
    TraceHeader,
    TraceKind,
    decode,
    encode,
)

NUM_BLOCKS = 60_000
BLOCK_SIZE = 16
NUM_RUNNING = 256
PROMPT_TOKENS = (1000, 3000)
NUM_STEPS = 300
NUM_KEYFRAMES = 50


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Encode decode ``steps`` and ``keyframes``; ``repeats`` scales how many."""
    repeats = int(options.get("repeats", 1))
    num_steps = int(options.get("steps", NUM_STEPS)) * repeats
    num_keyframes = int(options.get("keyframes", NUM_KEYFRAMES)) * repeats
    delta_ms, delta_bytes = _steady_decode(num_steps)
    keyframe_ms, keyframe_bytes = _keyframes(num_keyframes)
    return [
        _result("delta_ms", delta_ms, "ms"),
        _result("delta_bytes", delta_bytes, "bytes"),
        _result("keyframe_ms", keyframe_ms, "ms"),
        _result("keyframe_bytes", keyframe_bytes, "bytes"),
    ]


def _result(name: str, values: list[float], unit: str) -> dict[str, Any]:
    value, low, high = mean_interval(values)
    return {"name": name, "value": value, "unit": unit, "interval": [low, high]}


def _timed(make: Callable[[], bytes | None]) -> tuple[float, float]:
    """Milliseconds that ``make`` took, and the bytes it gave."""
    start = time.perf_counter()
    frame = make()
    milliseconds = (time.perf_counter() - start) * 1e3
    if frame is None:
        raise RuntimeError("The encoder gave no frame.")
    return milliseconds, float(len(frame))


def _header(kind: TraceKind, sequence: int, num_running: int) -> TraceHeader:
    return TraceHeader(
        kind=kind,
        sequence=sequence,
        step=sequence,
        stamp_ns=1_790_000_000_000_000_000 + sequence * 20_000_000,
        cost_ns=30_000,
        num_free_blocks=NUM_BLOCKS // 2,
        num_waiting=0,
        num_running=num_running,
        num_evictions=0,
        num_preemptions=0,
        prefix_query_tokens=NUM_RUNNING * 2000,
        prefix_hit_tokens=NUM_RUNNING * 1000,
    )


def _steady_decode(num_steps: int) -> tuple[list[float], list[float]]:
    """256 running requests, one token each a step; a step is schedule and update.

    Every step's delta is timed with the taking in of its two traces. Ids come from a
    shuffled free queue, and every 16th token of a request takes a new block."""
    steady = _SteadyDecode()
    encoder = FrameEncoder("bench-host", 1, NUM_BLOCKS, BLOCK_SIZE)
    encoder.apply(steady.snapshot())
    encoder.next_frame()
    times, sizes = [], []
    for number in range(num_steps + 20):
        traces = steady.step()
        milliseconds, size = _timed(partial(_delta, encoder, traces))
        if number >= 20:
            times.append(milliseconds)
            sizes.append(size)
    return times, sizes


def _delta(encoder: FrameEncoder, traces: list[StepTrace]) -> bytes | None:
    for trace in traces:
        encoder.apply(trace)
    return encoder.next_frame()


def _short_ids() -> list[int]:
    """Ascending with gaps: the requests between them have finished."""
    random = Random(1)
    short_ids = [1000]
    while len(short_ids) < NUM_RUNNING:
        short_ids.append(short_ids[-1] + random.choice((1, 1, 1, 2, 5)))
    return short_ids


class _SteadyDecode:
    """The block tables and token counts of requests that only decode."""

    def __init__(self) -> None:
        random = Random(0)
        self.free = list(range(1, NUM_BLOCKS))
        random.shuffle(self.free)
        self.prompts = [random.randint(*PROMPT_TOKENS) for _ in range(NUM_RUNNING)]
        self.computed = list(self.prompts)
        self.tables = [self._take(-(-n // BLOCK_SIZE)) for n in self.prompts]
        self.short_ids = _short_ids()
        self.sequence = 0

    def _take(self, number: int) -> list[int]:
        taken = self.free[-number:]
        del self.free[-number:]
        return taken

    def _trace(self, kind: TraceKind, changes: StepChanges) -> StepTrace:
        self.sequence += 1
        header = _header(kind, self.sequence, NUM_RUNNING)
        return decode(encode(header, changes))

    def snapshot(self) -> StepTrace:
        """Everything, as after a gap."""
        rows, tables, blocks, states = [], [], [], []
        for i, prompt in enumerate(self.prompts):
            rows += [self.short_ids[i], RequestState.RUNNING, prompt, 0]
            tables += [self.short_ids[i], 0, len(self.tables[i]), *self.tables[i]]
            num_full = self.computed[i] // BLOCK_SIZE
            blocks += self.tables[i]
            states += [
                1 | (HAS_HASH if index < num_full else 0)
                for index in range(len(self.tables[i]))
            ]
        scheduled = [*self.short_ids, *[1] * NUM_RUNNING, *self.computed]
        changes = StepChanges(
            requests=rows,
            tables=tables,
            num_tables=NUM_RUNNING,
            scheduled=scheduled,
            blocks=blocks + states,
        )
        return self._trace(TraceKind.SNAPSHOT, changes)

    def step(self) -> list[StepTrace]:
        """One decode step of all: the traces after schedule and after update."""
        tables: list[int] = []
        num_tables = 0
        states: dict[int, int] = {}
        for i, table in enumerate(self.tables):
            self.computed[i] += 1
            if self.computed[i] % BLOCK_SIZE == 0:
                states[table[-1]] = 1 | HAS_HASH
            elif self.computed[i] % BLOCK_SIZE == 1:
                new = self._take(1)
                tables += [self.short_ids[i], len(table), 1, *new]
                num_tables += 1
                table += new
                states[new[0]] = 1
        changes = StepChanges(
            tables=tables,
            num_tables=num_tables,
            scheduled=[*self.short_ids, *[1] * NUM_RUNNING, *self.computed],
            blocks=[*states, *states.values()],
        )
        return [
            self._trace(TraceKind.SCHEDULE, changes),
            self._trace(TraceKind.UPDATE, StepChanges()),
        ]


def _keyframes(number: int) -> tuple[list[float], list[float]]:
    """25 % free, 25 % cached, 40 % used, 10 % shared by 4; ids shuffled."""
    encoder = FrameEncoder("bench-host", 1, NUM_BLOCKS, BLOCK_SIZE)
    encoder.apply(mixed_snapshot())
    encoder.next_frame()
    pairs = [_timed(lambda: encoder.next_frame(keyframe=True)) for _ in range(number)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def mixed_snapshot(seed: int = 0) -> StepTrace:
    """The pool of the keyframe bench: 256 requests, in fours that share a prefix."""
    ids = np.random.default_rng(seed).permutation(np.arange(1, NUM_BLOCKS)).tolist()
    shared = [ids.pop() for _ in range(NUM_BLOCKS // 10)]
    used = [ids.pop() for _ in range(NUM_BLOCKS * 4 // 10)]
    cached = [ids.pop() for _ in range(NUM_BLOCKS // 4)]
    num_groups = NUM_RUNNING // 4
    short_ids = _short_ids()
    rows: list[int] = []
    tables: list[int] = []
    progress: list[int] = []
    for i, short_id in enumerate(short_ids):
        prefix = shared[i // 4 :: num_groups]
        table = prefix + used[i::NUM_RUNNING]
        num_tokens = len(table) * BLOCK_SIZE - i % BLOCK_SIZE
        num_cached = len(prefix) * BLOCK_SIZE if i % 4 else 0
        rows += [short_id, RequestState.RUNNING, num_tokens - i, num_cached]
        tables += [short_id, 0, len(table), *table]
        progress.append(num_tokens)
    scheduled = [*short_ids, *[1] * NUM_RUNNING, *progress]
    blocks = [*shared, *used, *cached]
    states = [4 | HAS_HASH] * len(shared) + [1 | HAS_HASH] * len(used)
    states += [HAS_HASH] * len(cached)
    header = _header(TraceKind.SNAPSHOT, 1, NUM_RUNNING)
    changes = StepChanges(
        requests=rows,
        tables=tables,
        num_tables=NUM_RUNNING,
        scheduled=scheduled,
        blocks=blocks + states,
    )
    return decode(encode(header, changes))
