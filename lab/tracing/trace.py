"""StepTrace: what one scheduler step did to blocks and requests.

The scheduler, in vLLM's EngineCore process, writes each trace as a record of
little-endian uint32 words; the engine host reads it back. A record holds no text
and no request id: requests appear as *short ids*, numbers made up per engine run.

Layout of a record, in words::

    0  length of the record in words         10 evictions so far in this run
    1  kind | STEADY | VERSION << 8          11 preemptions so far in this run
    2  sequence: +1 with every record        12 prefix-cache query tokens so far, low
    3  step: calls of schedule() so far      13 .. high word
    4  time.time_ns() at emission, low       14 prefix-cache hit tokens so far, low
    5  .. high word                          15 .. high word
    6  tracing cost since the last one, ns   16 R, number of changed requests
    7  blocks in the free block queue        17 T, number of block-table changes
    8  requests waiting (with preempted)     18 S, number of scheduled requests
    9  requests running                      19 B, number of changed blocks

    then  R x (short_id, state | finish << 8 | num_preemptions << 16,
               num_prompt_tokens, num_cached_tokens)
          T x (short_id, start | group << 24 | REPLACES, n, n block ids)
          S short ids, S num_scheduled_tokens, S num_computed_tokens after the step
          B block ids, B words of ref_cnt | EVICTED | HAS_HASH
          where NOTED is in word 1: N words of notes (lab/tracing/notes.py), and N

A reader applies the parts in that order. A request that turns preempted or finished
gives up its whole block table; a finished one is gone. A request that begins to wait
stands last in the queue, a preempted one first; where vLLM put it elsewhere, by its
priority, a second row with PLACED says so: (short_id, state | PLACED,
num_prompt_tokens, number of requests before it). ``start`` is the logical
index of the first block id listed: the table is cut there, then extended; with REPLACES
the ids take the places of those that stood there, and the table goes on as it was. A
request has a table for each KV-cache group (lab/tracing/groups.py).
A STEADY record schedules what the SCHEDULE record before it did, one token each, and
leaves S and its columns out, since the scheduler's thread must do as little as it can;
SteadyReader puts them back before it is decoded.
A SNAPSHOT lists every live request (waiting ones in queue order), every block
table and every block that is referenced or hashed: the reader forgets all else.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

VERSION = 1
HEADER_WORDS = 20
STEADY = 1 << 7
NOTED = 1 << 6
"""In a record's kind: it ends with notes."""
PLACED = 1 << 7
"""In the state of a request's row: its last word is its place in the queue, from 0."""
STATE_MASK = PLACED - 1
REPLACES = 1 << 31
"""In the place of a table change: the table is not cut."""
_GROUP_SHIFT = 24
_START_MASK = (1 << _GROUP_SHIFT) - 1
HAS_HASH = 1 << 31
EVICTED = 1 << 30
REF_CNT_MASK = EVICTED - 1
LOW_WORD = (1 << 32) - 1
_HEADER = Struct(f"<{HEADER_WORDS}I")
_STAMP = Struct("<Q")

# Where each word of the header stands; of two words the lower one.
_LENGTH, _KIND, _SEQUENCE, _STEP, _STAMP_NS, _COST_NS = 0, 1, 2, 3, 4, 6
_NUM_FREE, _NUM_WAITING, _NUM_RUNNING, _NUM_EVICTIONS, _NUM_PREEMPTIONS = range(7, 12)
_QUERY_TOKENS, _HIT_TOKENS = 12, 14
_NUM_REQUESTS, _NUM_TABLES, _NUM_SCHEDULED, _NUM_BLOCKS = range(16, 20)
_COUNTS = slice(_NUM_REQUESTS, HEADER_WORDS)

Words = npt.NDArray[np.uint32]


class TraceKind(IntEnum):
    """After which call of the scheduler the trace was taken."""

    SNAPSHOT = 0
    SCHEDULE = 1
    UPDATE = 2
    """update_from_output() or finish_requests()."""


class RequestState(IntEnum):
    """vLLM's RequestStatus, as far as a viewer tells them apart."""

    WAITING = 0
    RUNNING = 1
    PREEMPTED = 2
    FINISHED = 3


class Finish(IntEnum):
    """Why a request finished; NONE while it lives."""

    NONE = 0
    STOPPED = 1
    LENGTH = 2
    ABORTED = 3
    ERROR = 4
    REPETITION = 5
    """It began to repeat itself; see vLLM's RepetitionDetectionParams."""


class TraceError(ValueError):
    """A record that is not a StepTrace of this version."""


class TraceHeader(NamedTuple):
    """The counters of one record; times in nanoseconds, counts since engine start."""

    kind: TraceKind
    sequence: int
    step: int
    stamp_ns: int
    cost_ns: int
    num_free_blocks: int
    num_waiting: int
    num_running: int
    num_evictions: int
    num_preemptions: int
    prefix_query_tokens: int
    prefix_hit_tokens: int


def place_word(start: int, group: int) -> int:
    """Where in which group's table a change begins."""
    return start | group << _GROUP_SHIFT


@dataclass(slots=True, frozen=True)
class TableChange:
    """A block table of a request from logical index ``start`` on."""

    short_id: int
    start: int
    block_ids: Words
    """Physical block ids, shape [n]."""
    group: int = 0
    """Of which KV-cache group."""
    replaces: bool = False
    """Whether the table goes on behind them as it was."""

    @property
    def place(self) -> int:
        """The second word of the change."""
        return place_word(self.start, self.group) | self.replaces * REPLACES


@dataclass(slots=True, frozen=True)
class StepTrace:
    """One record, decoded; the arrays are views of the record's words."""

    header: TraceHeader
    requests: Words
    """Shape [R, 4]: short_id, state | finish << 8 | num_preemptions << 16,
    num_prompt_tokens, num_cached_tokens; or of a place, see PLACED."""
    tables: tuple[TableChange, ...]
    scheduled: Words
    """Shape [3, S]: short ids, num_scheduled_tokens, num_computed_tokens after."""
    blocks: Words
    """Shape [2, B]: block ids, ref_cnt | EVICTED | HAS_HASH."""
    notes: Words = field(default_factory=lambda: np.zeros(0, np.uint32))
    """Shape [N]: what lab.tracing.notes reads."""


@dataclass(slots=True)
class StepChanges:
    """What a record tells below its header: flat lists of words, laid out as above."""

    requests: Sequence[int] = ()
    tables: Sequence[int] = ()
    num_tables: int = 0
    """Number of table changes, whose records vary in length."""
    scheduled: Sequence[int] = ()
    """Empty when the step is steady."""
    blocks: Sequence[int] = ()
    notes: Sequence[int] = ()
    is_steady: bool = False


def encode(header: TraceHeader, changes: StepChanges) -> bytes:
    """One record."""
    requests, tables = changes.requests, changes.tables
    scheduled, blocks = changes.scheduled, changes.blocks
    (kind, sequence, step, stamp_ns, cost_ns, num_free, num_waiting, num_running,
     num_evictions, num_preemptions, query_tokens, hit_tokens) = header  # fmt: skip
    notes = (*changes.notes, len(changes.notes)) if changes.notes else ()
    num_words = len(requests) + len(tables) + len(scheduled) + len(blocks) + len(notes)
    head = _HEADER.pack(
        HEADER_WORDS + num_words,
        kind | changes.is_steady * STEADY | bool(notes) * NOTED | VERSION << 8,
        sequence & LOW_WORD,
        step & LOW_WORD,
        stamp_ns & LOW_WORD,
        stamp_ns >> 32,
        min(cost_ns, LOW_WORD),
        num_free,
        num_waiting,
        num_running,
        num_evictions & LOW_WORD,
        num_preemptions & LOW_WORD,
        query_tokens & LOW_WORD,
        query_tokens >> 32,
        hit_tokens & LOW_WORD,
        hit_tokens >> 32,
        len(requests) // 4,
        changes.num_tables,
        len(scheduled) // 3,
        len(blocks) // 2,
    )
    if not num_words:
        return head
    return (
        head + array("I", [*requests, *tables, *scheduled, *blocks, *notes]).tobytes()
    )


def decode(record: bytes | bytearray | memoryview) -> StepTrace:
    """The StepTrace of one record; raises TraceError when it is not one."""
    if len(record) % 4 or len(record) < 4 * HEADER_WORDS:
        raise TraceError(f"A trace record of {len(record)} bytes is cut short.")
    words = np.frombuffer(record, dtype="<u4")
    head = [int(word) for word in words[:HEADER_WORDS]]
    version, kind = head[_KIND] >> 8, head[_KIND] & 0xFF & ~NOTED
    if head[_LENGTH] != len(words) or version != VERSION or kind > TraceKind.UPDATE:
        raise TraceError(
            f"Not a trace record of version {VERSION}: length {head[_LENGTH]} words "
            f"(have {len(words)}), kind and version {head[_KIND]:#x}."
        )
    num_requests, num_tables, num_scheduled, num_blocks = head[_COUNTS]
    at = HEADER_WORDS + 4 * num_requests
    requests = words[HEADER_WORDS:at].reshape(-1, 4)
    tables = []
    for _ in range(num_tables):
        if at + 3 > len(words):
            raise TraceError("A trace record ends inside its block tables.")
        short_id, place, count = (int(word) for word in words[at : at + 3])
        block_ids = words[at + 3 : at + 3 + count]
        if place > _START_MASK:
            group = (place & ~REPLACES) >> _GROUP_SHIFT
            start, replaces = place & _START_MASK, place >= REPLACES
            change = TableChange(short_id, start, block_ids, group, replaces)
        else:
            change = TableChange(short_id, place, block_ids)
        tables.append(change)
        at += 3 + count
    end = _end_of_blocks(words)
    if at + 3 * num_scheduled + 2 * num_blocks != end:
        raise TraceError("A trace record's counts do not add up to its length.")
    return StepTrace(
        header=TraceHeader(
            kind=TraceKind(kind),
            sequence=head[_SEQUENCE],
            step=head[_STEP],
            stamp_ns=_joined(head, _STAMP_NS),
            cost_ns=head[_COST_NS],
            num_free_blocks=head[_NUM_FREE],
            num_waiting=head[_NUM_WAITING],
            num_running=head[_NUM_RUNNING],
            num_evictions=head[_NUM_EVICTIONS],
            num_preemptions=head[_NUM_PREEMPTIONS],
            prefix_query_tokens=_joined(head, _QUERY_TOKENS),
            prefix_hit_tokens=_joined(head, _HIT_TOKENS),
        ),
        requests=requests,
        tables=tuple(tables),
        scheduled=words[at : at + 3 * num_scheduled].reshape(3, -1),
        blocks=words[at + 3 * num_scheduled : end].reshape(2, -1),
        notes=words[end:-1] if end < len(words) else words[end:],
    )


def stamp_ns(record: bytes) -> int:
    """A record's stamp, of one that decode() would take."""
    return int(_STAMP.unpack_from(record, 4 * _STAMP_NS)[0])


def _end_of_blocks(words: Words) -> int:
    """Where a record's notes begin, or it ends."""
    return len(words) - 1 - int(words[-1]) if words[_KIND] & NOTED else len(words)


def _joined(head: list[int], low: int) -> int:
    """A number of two words, the lower one first."""
    return head[low] | head[low + 1] << 32


class SteadyReader:
    """Writes steady records out in full, from the step before."""

    def __init__(self) -> None:
        self._sequence: int | None = None
        self._columns: Words | None = None
        """Of the last SCHEDULE record, shape [3, S]; None when it was lost."""

    def expand(self, record: bytes) -> bytes | None:
        """The record as decode() reads it; None when it is a steady one and
        the record before it was lost: a snapshot is needed to go on."""
        words = np.frombuffer(record, dtype="<u4")
        if len(words) < HEADER_WORDS:
            raise TraceError(f"A trace record of {len(record)} bytes is cut short.")
        kind, sequence = int(words[_KIND]) & 0xFF & ~NOTED, int(words[_SEQUENCE])
        if self._sequence is None or sequence != (self._sequence + 1) & LOW_WORD:
            self._columns = None
        self._sequence = sequence
        if kind & STEADY:
            return self._written_out(words)
        if kind == TraceKind.SCHEDULE:
            self._columns = _columns(words)
        elif kind == TraceKind.SNAPSHOT:
            self._columns = None
        return record

    def _written_out(self, words: Words) -> bytes | None:
        if self._columns is None:
            return None
        short_ids, _, computed = self._columns
        ones = np.ones_like(short_ids)
        self._columns = np.stack((short_ids, ones, computed + ones))
        before_blocks = _end_of_blocks(words) - 2 * int(words[_NUM_BLOCKS])
        full = np.concatenate(
            (words[:before_blocks], self._columns.ravel(), words[before_blocks:])
        )
        full[_LENGTH] = len(full)
        full[_KIND] &= LOW_WORD ^ STEADY
        full[_NUM_SCHEDULED] = len(short_ids)
        return full.tobytes()


def _columns(words: Words) -> Words:
    """The scheduled columns of a full record, shape [3, S]."""
    end = _end_of_blocks(words) - 2 * int(words[_NUM_BLOCKS])
    return words[end - 3 * int(words[_NUM_SCHEDULED]) : end].reshape(3, -1)
