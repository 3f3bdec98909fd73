"""FrameEncoder: StepTraces in, frames for the browser out. Pure.

A frame is a keyframe (everything) or a delta (what changed since the frame before it,
which may be several steps). docs/frame-format.md draws every byte;
static/js/lab/frame.js reads them. Owners, logical index and fill of a block are not
sent: the reader derives them from the block tables and num_computed_tokens.

Layout::

    0   "SVLF"                        32  time of emission, Unix ms, float64
    4   CRC-32 of byte 8 on           40  prefix-cache query tokens, float64
    8   version, kind (2 x uint8)     48  prefix-cache hit tokens, float64
    10  block size, uint16            56  free, waiting, running, evictions,
    12  number of blocks                  preemptions (5 x uint32)
    16  engine run                    76  tokens scheduled, tokens sampled since
    20  seq, base seq, step           84  length of the host id, then the host id

    then, in format 2, which is that of models whose layers do not all use full
    attention, the KV-cache groups: kind, tokens a block, window, layers

    then sections, each a count and columns of so many numbers:
        requests  short_id, state | finish << 4, prompt, cached, preemptions
        tables    short_id, start, length, source, copied; then the block ids
                  in format 2 for each group, with short_id, index, block id of the
                  places before ``start`` that another block has now
        progress  short_id, scheduled tokens, increment of computed tokens
        waiting   short ids put in front, short ids put at the back
        blocks    delta: id, ref_cnt, flags
                  keyframe: has-hash bits, then id and ref_cnt of the blocks whose
                  ref_cnt is not the number of block tables that list them
"""

import struct
import zlib

import numpy as np
import numpy.typing as npt

from lab.tracing.frame_sections import (
    NO_ROWS,
    groups_section,
    list_section,
    request_section,
    section,
)
from lab.tracing.frame_tables import TableChanges, whole_tables
from lab.tracing.groups import NULL_BLOCK
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.sampled_tokens import SampledTokens
from lab.tracing.trace import (
    EVICTED,
    LOW_WORD,
    RequestState,
    StepTrace,
    TraceHeader,
    TraceKind,
)

FORMAT_VERSION = 2
"""The newest: of models with one block table a request frames are of format 1."""
PLAIN_VERSION = 1
MAGIC = b"SVLF"
HEADER = struct.Struct("<4s I BBH I I III ddd 5I II B")
CHECKED_FROM = 8
KEYFRAME = 0
DELTA = 1
FLAG_HAS_HASH = 1
FLAG_EVICTED = 2

_U32 = struct.Struct("<I")


class FrameEncoder:
    """Follows one engine run; every frame builds on the one before it."""

    def __init__(
        self,
        engine_host_id: str,
        engine_run: int,
        num_blocks: int,
        block_size: int,
        mirror: PoolMirror | None = None,
    ) -> None:
        """``mirror`` shares one that somebody else applies traces to (see note)."""
        self._host = engine_host_id.encode()
        if len(self._host) > 255:
            raise ValueError(
                f"Engine host id {engine_host_id!r} has {len(self._host)} bytes: "
                "at most 255."
            )
        self.engine_run = engine_run
        self.seq = 0
        """seq of the last frame."""
        self.is_keyframe = False
        """Whether the last frame was a keyframe."""
        self.mirror = mirror or PoolMirror(num_blocks, block_size)
        self._needs_keyframe = True
        self._sampled = SampledTokens()
        self._computed_sent: dict[int, int] = {}
        self._waiting_sent: list[int] = []
        self._forget_changes()

    def _forget_changes(self) -> None:
        """What changed since the last frame: nothing."""
        self._has_news = False
        self._changed_requests: set[int] = set()
        self._finished: dict[int, RequestMirror] = {}
        self._tables = TableChanges()
        self._scheduled: set[int] = set()
        self._changed_blocks: list[npt.NDArray[np.uint32]] = []
        self._evicted: list[npt.NDArray[np.uint32]] = []
        self._num_scheduled_tokens = 0
        self._num_sampled_tokens = 0

    @property
    def has_news(self) -> bool:
        """Whether a trace came since the last frame."""
        return self._has_news

    def apply(self, trace: StepTrace) -> bool:
        """Take one trace in. False, and nothing taken, when traces before it were
        lost: a SNAPSHOT is needed to go on."""
        if not self.mirror.follows(trace):
            return False
        self.note(trace, self.mirror.apply(trace))
        return True

    def note(self, trace: StepTrace, finished: list[RequestMirror]) -> None:
        """Take one trace in that ``mirror`` has applied already, for whoever shares
        its mirror with this encoder; ``finished`` is what the mirror returned."""
        self._has_news = True
        if trace.header.kind is TraceKind.SNAPSHOT:
            self._needs_keyframe = True
            self._finished.clear()
            self._sampled.begin(self.mirror.requests)
            return
        self._note_requests(trace, finished)
        if trace.header.kind is TraceKind.SCHEDULE:
            self._count_tokens(trace)
        block_ids, states = trace.blocks
        if len(block_ids):
            self._changed_blocks.append(block_ids)
            evicted = block_ids[(states & EVICTED) != 0]
            if len(evicted):
                self._evicted.append(evicted)

    def _note_requests(self, trace: StepTrace, finished: list[RequestMirror]) -> None:
        self._changed_requests.update(trace.requests[:, 0].tolist())
        self._tables.note(trace.tables)
        self._scheduled.update(trace.scheduled[0].tolist())
        for request in finished:
            self._finished[request.short_id] = request
            self._sampled.forget(request.short_id)

    def _count_tokens(self, trace: StepTrace) -> None:
        self._num_scheduled_tokens += int(trace.scheduled[1].sum())
        self._num_sampled_tokens += self._sampled.count(trace, self.mirror.requests)

    def next_frame(self, *, keyframe: bool = False) -> bytes | None:
        """The next frame: a delta, or a keyframe when asked for or needed. None when
        nothing changed (and no keyframe is asked for), or before the first trace."""
        header = self.mirror.header
        if header is None or not (self._has_news or keyframe):
            return None
        is_keyframe = keyframe or self._needs_keyframe
        base_seq = self.seq
        self.seq = (self.seq + 1) & LOW_WORD
        if is_keyframe:
            body = self._keyframe_body()
            base_seq = self.seq
        else:
            body = self._delta_body()
        frame = self._with_header(header, is_keyframe, base_seq, body)
        self.is_keyframe = is_keyframe
        self._needs_keyframe = False
        self._waiting_sent = list(self.mirror.waiting)
        self._forget_changes()
        return frame

    def _with_header(
        self, header: TraceHeader, is_keyframe: bool, base_seq: int, body: bytes
    ) -> bytes:
        head = HEADER.pack(
            MAGIC,
            0,
            PLAIN_VERSION if self.mirror.has_plain_tables else FORMAT_VERSION,
            KEYFRAME if is_keyframe else DELTA,
            self.mirror.block_size,
            self.mirror.num_blocks,
            self.engine_run,
            self.seq,
            base_seq,
            header.step,
            header.stamp_ns / 1e6,
            header.prefix_query_tokens,
            header.prefix_hit_tokens,
            header.num_free_blocks,
            header.num_waiting,
            header.num_running,
            header.num_evictions,
            header.num_preemptions,
            self._num_scheduled_tokens & LOW_WORD,
            self._num_sampled_tokens & LOW_WORD,
            len(self._host),
        )
        groups = b""
        if not self.mirror.has_plain_tables:
            groups = groups_section(self.mirror.groups)
        rest = b"".join((head[CHECKED_FROM:], self._host, groups, body))
        return MAGIC + _U32.pack(zlib.crc32(rest)) + rest

    def _delta_body(self) -> bytes:
        live = self.mirror.requests
        changed = [
            request
            for short_id in sorted(self._changed_requests)
            if (request := live.get(short_id) or self._finished.get(short_id))
        ]
        front, back = self._waiting_changes()
        return b"".join(
            (
                request_section(changed),
                *self._tables.sections(self.mirror),
                self._progress_section(),
                list_section(front),
                list_section(back),
                self._block_section(),
            )
        )

    def _progress_section(self) -> bytes:
        """Scheduled requests, and those whose count changed otherwise."""
        live, finished, sent = self.mirror.requests, self._finished, self._computed_sent
        for short_id in self._changed_requests:
            request = live.get(short_id)
            if request and request.state is RequestState.PREEMPTED:
                sent[short_id] = 0
        short_ids, scheduled, increments = [], [], []
        for short_id in sorted(self._scheduled | self._changed_requests):
            request = live.get(short_id) or finished.get(short_id)
            if request is None:
                continue
            increment = request.num_computed_tokens - sent.get(short_id, 0)
            if increment or short_id in self._scheduled:
                short_ids.append(short_id)
                scheduled.append(request.num_scheduled_tokens)
                increments.append(increment & LOW_WORD)
                sent[short_id] = request.num_computed_tokens
        for short_id in finished:
            sent.pop(short_id, None)
        return section(short_ids, scheduled, increments)

    def _waiting_changes(self) -> tuple[list[int], list[int]]:
        """Short ids in front of and behind those that still stand where they did."""
        waiting = self.mirror.waiting
        if waiting == self._waiting_sent:
            return [], []
        moved = self._changed_requests
        first, end = 0, len(waiting)
        while first < end and waiting[first] in moved:
            first += 1
        while end > first and waiting[end - 1] in moved:
            end -= 1
        front, back = waiting[:first], waiting[end:]
        gone = set(front).union(back)
        still = set(waiting) - gone
        if waiting[first:end] != [i for i in self._waiting_sent if i in still]:
            return list(waiting), []
        return front, back

    def _block_section(self) -> bytes:
        if not self._changed_blocks:
            return NO_ROWS
        ids = np.unique(np.concatenate(self._changed_blocks))
        flags = self.mirror.has_hash[ids].astype(np.uint32)
        if self._evicted:
            flags[np.isin(ids, np.concatenate(self._evicted))] |= FLAG_EVICTED
        return section(ids, self.mirror.ref_cnt[ids], flags)

    def _keyframe_body(self) -> bytes:
        mirror = self.mirror
        requests = sorted(mirror.requests.values(), key=_short_id)
        told = sorted((*requests, *self._finished.values()), key=_short_id)
        self._computed_sent = {
            request.short_id: request.num_computed_tokens for request in requests
        }
        listed = np.frombuffer(
            b"".join(
                table.tobytes() for request in requests for table in request.tables()
            ),
            np.uint32,
        )
        counts = np.bincount(listed, minlength=mirror.num_blocks)
        counts[NULL_BLOCK] = 0
        odd = np.flatnonzero(counts != mirror.ref_cnt)
        return b"".join(
            (
                request_section(told),
                *whole_tables(mirror, requests),
                section(
                    [request.short_id for request in told],
                    [request.num_scheduled_tokens for request in told],
                    [request.num_computed_tokens for request in told],
                ),
                list_section(mirror.waiting),
                NO_ROWS,
                np.packbits(mirror.has_hash, bitorder="little").tobytes(),
                section(odd, mirror.ref_cnt[odd]),
            )
        )


def _short_id(request: RequestMirror) -> int:
    return request.short_id
