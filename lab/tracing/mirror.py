"""PoolMirror: the block pool and the requests as told by the StepTraces so far.

Kept by the engine host (place in the queue, blocks used), the frame encoder and the
recorder. Block states are derived, never stored: null, free (ref 0, no hash),
cached (ref 0, hash), used (ref 1), shared (ref >= 2).
"""

from array import array
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lab.tracing.groups import NULL_BLOCK, Group, GroupKind, Groups, plain, told_groups
from lab.tracing.held import Held
from lab.tracing.trace import (
    HAS_HASH,
    LOW_WORD,
    PLACED,
    REF_CNT_MASK,
    STATE_MASK,
    Finish,
    RequestState,
    StepTrace,
    TableChange,
    TraceHeader,
    TraceKind,
)


@dataclass(slots=True)
class RequestMirror:
    """One live request: token counts and its block table."""

    short_id: int
    state: RequestState
    num_prompt_tokens: int
    num_cached_tokens: int = 0
    """Prompt tokens taken from the prefix cache at the (last) admission."""
    num_computed_tokens: int = 0
    """Tokens whose KV is computed, or scheduled to be in the step in flight."""
    num_scheduled_tokens: int = 0
    """Tokens in the last step that had this request."""
    num_preemptions: int = 0
    num_lost_tokens: int = 0
    """Computed tokens that it gave up when it was preempted, all times together."""
    block_ids: "array[int]" = field(default_factory=lambda: array("I"))
    """Block table of the first KV-cache group, or the only one: physical block id per
    logical index; the null block where a block was given up."""
    more_tables: "list[array[int]]" = field(default_factory=list)
    """Those of the other groups, as far as they were told."""
    finish: Finish = Finish.NONE
    held: Held | None = None
    """None where records were lost while it may have held blocks."""

    def tables(self) -> "list[array[int]]":
        """Block tables by KV-cache group."""
        return [self.block_ids, *self.more_tables]

    def table(self, group: int) -> "array[int]":
        """The block table of a group; it grows with the list."""
        while group > len(self.more_tables):
            self.more_tables.append(array("I"))
        return self.more_tables[group - 1] if group else self.block_ids

    def held_ids(self) -> npt.NDArray[np.uint32]:
        """Physical ids of what it holds in all groups, the null block left out."""
        ids = np.frombuffer(b"".join(one.tobytes() for one in self.tables()), np.uint32)
        held: npt.NDArray[np.uint32] = ids[ids != NULL_BLOCK]
        return held

    @property
    def num_blocks(self) -> int:
        """Blocks that it holds in all groups."""
        return sum(len(one) - one.count(NULL_BLOCK) for one in self.tables())

    def change(self, table: TableChange) -> None:
        """Cut a block table and let it go on, or put blocks in others' places."""
        block_ids = self.table(table.group)
        end = table.start + len(table.block_ids) if table.replaces else len(block_ids)
        block_ids[table.start : end] = array("I", table.block_ids.tolist())

    def give_up(self) -> None:
        """It holds nothing any more."""
        for one in self.tables():
            del one[:]

    def fill_of(self, group: Group, logical_index: int) -> int:
        """Tokens in its block at ``logical_index``; a block with a state is full."""
        if group.kind is GroupKind.STATE:
            return group.block_size
        return self.fill(logical_index, group.block_size)

    def fill(self, logical_index: int, block_size: int) -> int:
        """Tokens whose KV lies in the block at ``logical_index``, 0..block_size."""
        computed = self.num_computed_tokens - logical_index * block_size
        return max(0, min(block_size, computed))


class PoolMirror:
    """Applies StepTraces in order; a gap in their sequence needs a snapshot."""

    def __init__(self, num_blocks: int, block_size: int) -> None:
        self.num_blocks = num_blocks
        self.block_size = block_size
        self.groups: Groups = plain(block_size)
        """The model's KV-cache groups, as the last snapshot told them."""
        self.header: TraceHeader | None = None
        self.ref_cnt: npt.NDArray[np.uint32] = np.zeros(num_blocks, np.uint32)
        self.has_hash: npt.NDArray[np.bool_] = np.zeros(num_blocks, np.bool_)
        self.requests: dict[int, RequestMirror] = {}
        self.waiting: list[int] = []
        """Short ids in the order in which vLLM will take them."""
        self._stamp_ns = 0
        self._company = 0
        """Running requests x nanoseconds, since the first record."""
        self._held_before: dict[int, Held | None] | None = None
        """While a snapshot is applied: what is known from before; None: nothing is."""

    def follows(self, trace: StepTrace) -> bool:
        """Whether ``trace`` can be applied: a snapshot, or the next in sequence."""
        if trace.header.kind is TraceKind.SNAPSHOT:
            return True
        return self._is_next(trace)

    def _is_next(self, trace: StepTrace) -> bool:
        return (
            self.header is not None
            and trace.header.sequence == (self.header.sequence + 1) & LOW_WORD
        )

    def apply(self, trace: StepTrace) -> list[RequestMirror]:
        """Take one trace in; returns the requests that finished in it."""
        self._pass_time(trace.header.stamp_ns)
        if trace.header.kind is TraceKind.SNAPSHOT:
            known = {one.short_id: one.held for one in self.requests.values()}
            self._held_before = known if self._is_next(trace) else None
            self.groups = told_groups(trace.notes) or plain(self.block_size)
            self.ref_cnt[:] = 0
            self.has_hash[:] = False
            self.requests.clear()
            self.waiting.clear()
        is_snapshot = trace.header.kind is TraceKind.SNAPSHOT
        finished = [
            request
            for short_id, state, num_prompt, num_cached in trace.requests.tolist()
            if (
                request := self._apply_request(
                    short_id, state, num_prompt, num_cached, is_snapshot
                )
            )
            is not None
        ]
        for table in trace.tables:
            request = self.requests[table.short_id]
            request.change(table)
            self._note_held(request)
        for short_id, num_scheduled, num_computed in trace.scheduled.T.tolist():
            request = self.requests[short_id]
            request.num_scheduled_tokens = num_scheduled
            request.num_computed_tokens = num_computed
        block_ids, states = trace.blocks
        self.ref_cnt[block_ids] = states & REF_CNT_MASK
        self.has_hash[block_ids] = (states & HAS_HASH) != 0
        self.header = trace.header
        return finished

    def _apply_request(
        self,
        short_id: int,
        state_word: int,
        num_prompt: int,
        num_cached: int,
        is_snapshot: bool,
    ) -> RequestMirror | None:
        if state_word & PLACED:
            self._put(short_id, num_cached)
            return None
        state = RequestState(state_word & STATE_MASK)
        request = self.requests.get(short_id)
        if request is None:
            if state is RequestState.FINISHED:
                return None
            request = RequestMirror(short_id, state, num_prompt, num_cached)
            request.held = self._held_so_far(request, state_word >> 16, is_snapshot)
            self.requests[short_id] = request
        request.state = state
        request.num_prompt_tokens = num_prompt
        request.num_cached_tokens = num_cached
        request.num_preemptions = state_word >> 16
        if short_id in self.waiting:
            self.waiting.remove(short_id)
        if state is RequestState.WAITING:
            self.waiting.append(short_id)
        elif state is RequestState.PREEMPTED:
            # A snapshot lists the queue in order.
            self.waiting.insert(len(self.waiting) if is_snapshot else 0, short_id)
            if not is_snapshot:
                request.num_lost_tokens += request.num_computed_tokens
            request.num_computed_tokens = 0
            request.give_up()
            self._note_held(request)
        elif state is RequestState.FINISHED:
            request.finish = Finish(state_word >> 8 & 0xFF)
            self._note_held(request)
            return self.requests.pop(short_id)
        return None

    def _pass_time(self, stamp_ns: int) -> None:
        if self.header is not None:
            lasted_ns = max(0, stamp_ns - self._stamp_ns)
            self._company += self.header.num_running * lasted_ns
        self._stamp_ns = stamp_ns

    def _held_so_far(
        self, request: RequestMirror, num_preemptions: int, is_snapshot: bool
    ) -> Held | None:
        """Of a request that is new here: nothing yet, unless it is in a snapshot that
        makes up for lost records."""
        fresh = Held(self._stamp_ns, self._company)
        if not is_snapshot:
            return fresh
        if self._held_before is not None:
            return self._held_before.get(request.short_id, fresh)
        has_held = request.state is not RequestState.WAITING or num_preemptions
        return None if has_held else fresh

    def _note_held(self, request: RequestMirror) -> None:
        if request.held is not None:
            request.held.change(request.num_blocks, self._stamp_ns, self._company)

    def _put(self, short_id: int, num_before: int) -> None:
        """Move a waiting request to where vLLM put it."""
        if short_id in self.waiting:
            self.waiting.remove(short_id)
            self.waiting.insert(num_before, short_id)

    @property
    def has_plain_tables(self) -> bool:
        """Whether it is a model of full attention alone: one table a request, that
        gives no block up."""
        return self.groups == plain(self.block_size)

    @property
    def whole_group(self) -> int | None:
        """The first KV-cache group that gives no block up; None: there is none."""
        kinds = [group.kind for group in self.groups]
        return kinds.index(GroupKind.FULL) if GroupKind.FULL in kinds else None

    def place(self, short_id: int) -> int | None:
        """Place in the waiting queue, from 1; None when not waiting."""
        try:
            return self.waiting.index(short_id) + 1
        except ValueError:
            return None
