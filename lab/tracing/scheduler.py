"""TracingScheduler: vLLM's scheduler, telling what each step did.

vLLM resolves ``scheduler_cls="lab.tracing.scheduler.TracingScheduler"`` inside its
EngineCore process. The scheduler interface is not public: everything that knows it
is in this module and in traced_pool, what differs between the supported versions is in
vllm_versions, and tests/lab/tracing/test_trace_is_true.py compares every trace with
vLLM's own block pool.

When blocks change: they are taken, and prompt blocks hashed, inside ``schedule()``;
finished requests free theirs in ``update_from_output()``, aborted ones in
``finish_requests()``, preempted ones inside ``schedule()``. So a trace is written
after each of the three. Only what changed is touched: the pool marks blocks as they
change hands, and nothing is scanned.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import add
from pathlib import Path
from typing import Any

from vllm import __version__ as vllm_version
from vllm.v1.core.kv_cache_utils import KVCacheBlock
from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.core.sched.output import CachedRequestData, SchedulerOutput
from vllm.v1.core.sched.request_queue import PriorityRequestQueue
from vllm.v1.engine import EngineCoreOutputs
from vllm.v1.outputs import ModelRunnerOutput
from vllm.v1.request import Request, RequestStatus

from lab.tracing.group_tables import (
    GroupTables,
    UntraceableModel,
    groups_of_model,
    is_plain,
)
from lab.tracing.groups import NULL_BLOCK, Groups, groups_note
from lab.tracing.note_taker import NoteTaker
from lab.tracing.replay_notes import encode_note
from lab.tracing.replay_teller import ReplayTeller, Sections
from lab.tracing.steady_steps import SteadySteps
from lab.tracing.tap import REFUSAL_NAME, TapWriter
from lab.tracing.trace import (
    EVICTED,
    HAS_HASH,
    PLACED,
    Finish,
    RequestState,
    StepChanges,
    TraceHeader,
    TraceKind,
    encode,
)
from lab.tracing.traced_pool import TracingBlockPool
from lab.tracing.vllm_versions import first_queue

UNNAMED_SHORT_IDS = 1 << 31
"""Short ids from here on go to requests whose vLLM id names none."""

_FINISH = {
    RequestStatus.FINISHED_STOPPED: Finish.STOPPED,
    RequestStatus.FINISHED_LENGTH_CAPPED: Finish.LENGTH,
    RequestStatus.FINISHED_ABORTED: Finish.ABORTED,
    RequestStatus.FINISHED_REPETITION: Finish.REPETITION,
}


@dataclass(slots=True)
class _Traced:
    """What the tracer keeps of a live request."""

    short_id: int
    num_cached_tokens: int = 0
    num_blocks: int = 0
    """Length of the block table as last told."""


class TracingScheduler(AsyncScheduler):
    """AsyncScheduler that writes a StepTrace into the tap after every change.

    ``additional_config["tap_path"]`` names the ring; without it nothing is traced.
    Raises EngineUnavailable when vLLM is of another version than those supported.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        queue_name = first_queue(vllm_version)
        super().__init__(*args, **kwargs)
        self._first_waiting = getattr(self, queue_name)
        self._groups: Groups = ()
        self._tap: TapWriter | None = self._open_tap()
        self._traced: dict[str, _Traced] = {}
        self._short_ids: dict[str, int] = {}
        """The same ids as in ``_traced``, for the hot path."""
        self._tables: GroupTables | None = None
        """None for a model of full attention alone: its tables only grow, by what the
        step's output says."""
        if self._groups and not is_plain(self._groups):
            self._tables = GroupTables(self._managers, self._short_ids)
        self.has_plain_tables = self._tables is None
        self._pool: TracingBlockPool | None = None
        """vLLM's own while it is traced; None while nobody wants traces."""
        self._notes: NoteTaker | None = None
        """The same of notes."""
        self._teller: ReplayTeller | None = None
        """With the pool: what a replay needs beside the traces."""
        self._steps = self._steps_told()
        self._next_unnamed = UNNAMED_SHORT_IDS
        self._num_preemptions = 0
        self._prefix_query_tokens = 0
        self._prefix_hit_tokens = 0
        self._follow_switch()

    def _open_tap(self) -> TapWriter | None:
        """The ring that this engine's owner made; raises UntraceableModel."""
        tap_path = self.vllm_config.additional_config.get("tap_path")
        try:
            self._groups = self._read_groups()
        except UntraceableModel as error:
            if tap_path:
                Path(tap_path).with_name(REFUSAL_NAME).write_text(str(error))
            raise
        return TapWriter(Path(tap_path)) if tap_path else None

    def _steps_told(self) -> SteadySteps:
        """What writes the records of steps that repeat the last one."""
        return SteadySteps(self._tap)

    def _read_groups(self) -> Groups:
        """How the model's layers keep their blocks; raises UntraceableModel."""
        pool = self.kv_cache_manager.block_pool
        return groups_of_model(self.kv_cache_config, self._managers, pool)

    @property
    def _managers(self) -> Sequence[Any]:
        """vLLM's, one a group."""
        return self.kv_cache_manager.coordinator.single_type_managers

    # vLLM's calls

    def add_request(self, request: Request) -> None:
        super().add_request(request)
        if request.request_id in self._traced:
            return
        traced = self._trace_from_now(request)
        if self._teller is not None:
            self._teller.arrived(request, traced.short_id)
        self._tell(request, traced, RequestState.WAITING)
        self._tell_place(request, traced, RequestState.WAITING)

    def schedule(self, *args: Any, **kwargs: Any) -> SchedulerOutput:
        output = super().schedule(*args, **kwargs)
        start = time.perf_counter_ns()
        if not self._steps.wrote(output):
            self._follow_switch()
            if self._pool is not None:
                self._trace_schedule(output)
        self._steps.cost_ns += time.perf_counter_ns() - start
        return output

    def update_from_output(
        self, scheduler_output: SchedulerOutput, model_runner_output: ModelRunnerOutput
    ) -> dict[int, EngineCoreOutputs]:
        outputs = super().update_from_output(scheduler_output, model_runner_output)
        if self._teller is not None:
            self._teller.updated()
        self._trace_update()
        return outputs

    def finish_requests(
        self, request_ids: str | Iterable[str] | None, finished_status: RequestStatus
    ) -> list[Request]:
        finished = super().finish_requests(request_ids, finished_status)
        self._trace_update()
        return finished

    def reset_prefix_cache(self, *args: Any, **kwargs: Any) -> bool:
        is_reset = super().reset_prefix_cache(*args, **kwargs)
        if is_reset and self._teller is not None:
            self._teller.reset()
            self._steps.forget()
        self._trace_update()
        return is_reset

    def _preempt_request(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super()._preempt_request(request, *args, **kwargs)
        self._num_preemptions += 1
        if self._teller is not None:
            self._teller.paused(request)
        if self._tables is not None:
            self._tables.forget(request.request_id)
        traced = self._traced[request.request_id]
        self._tell(request, traced, RequestState.PREEMPTED)
        self._tell_place(request, traced, RequestState.PREEMPTED)

    def _free_request(
        self, request: Request, *args: Any, **kwargs: Any
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        result = super()._free_request(request, *args, **kwargs)
        if self._tables is not None:
            self._tables.forget(request.request_id)
        traced = self._traced.pop(request.request_id, None)
        self._short_ids.pop(request.request_id, None)
        if traced is not None:
            if self._teller is not None:
                self._teller.ended(request)
            self._tell(request, traced, RequestState.FINISHED)
        return result

    # Traces

    def _follow_switch(self) -> None:
        """Attach the pool, with a snapshot, or detach it when the reader says so."""
        is_on = self._tap is not None and self._tap.is_enabled
        if is_on and self._pool is None:
            groups = None if self._tables is None else self._groups
            self._teller = ReplayTeller(self, groups)
            self._pool = TracingBlockPool.attach(
                self.kv_cache_manager.block_pool,
                self._teller.hashed,
                None if groups is None else self._teller,
            )
            self._notes = NoteTaker(self, self._pool, self._short_ids, groups)
            self._steps.attach(
                self._pool.dirty, self._notes.lookups, self._teller.in_flight
            )
            self._trace_snapshot()
        elif not is_on and self._pool is not None:
            assert self._notes is not None
            self._notes.detach()
            self._pool.detach()
            self._pool = self._notes = self._teller = None
            self._steps.forget()
            self._steps.pending.clear()

    def _trace_from_now(self, request: Request) -> _Traced:
        traced = _Traced(self._take_short_id(request.request_id))
        self._traced[request.request_id] = traced
        self._short_ids[request.request_id] = traced.short_id
        return traced

    def _take_short_id(self, request_id: str) -> int:
        """The engine host names requests ``<short id>``; vLLM adds ``-<8 hex>``."""
        name = request_id.split("-", 1)[0]
        if name.isdecimal() and int(name) < UNNAMED_SHORT_IDS:
            return int(name)
        self._next_unnamed += 1
        return self._next_unnamed - 1

    def _tell(self, request: Request, traced: _Traced, state: RequestState) -> None:
        if self._pool is None or self._notes is None:
            return
        self._notes.heard(request)
        word: int = state | min(request.num_preemptions, 0xFFFF) << 16
        if state is RequestState.FINISHED:
            word |= _FINISH.get(request.status, Finish.ERROR) << 8
        self._steps.pending += (
            traced.short_id,
            word,
            request.num_prompt_tokens,
            traced.num_cached_tokens,
        )

    def _tell_place(
        self, request: Request, traced: _Traced, state: RequestState
    ) -> None:
        """Where a request stands that begins to wait, unless it is where every reader
        expects it: a waiting one last, a preempted one first.

        The queue by priority is a heap; to iterate it is to sort it, so the heap's own
        list is counted, once each time that a request begins to wait.
        """
        queue = self.waiting
        if self._pool is None or not isinstance(queue, PriorityRequestQueue):
            return
        num_before = len(self._first_waiting)
        num_before += sum(other < request for other in queue._heap)
        is_last = num_before == len(self._first_waiting) + len(queue) - 1
        if is_last if state is RequestState.WAITING else num_before == 0:
            return
        self._steps.pending += (
            traced.short_id,
            state | PLACED,
            request.num_prompt_tokens,
            num_before,
        )

    def _trace_schedule(self, output: SchedulerOutput) -> None:
        assert self._teller is not None
        self._teller.scheduled(output)
        tables: list[int] = []
        num_tables = 0
        for new in output.scheduled_new_reqs:
            num_tables += 1
            self._admit(new.req_id, new.num_computed_tokens, new.block_ids[0], tables)
        if any(output.scheduled_cached_reqs.new_block_ids):
            num_tables += self._grow(output.scheduled_cached_reqs, tables)
        is_steady = self._steps.is_steady(output)
        if is_steady:
            self._steps.repeated(output)
            scheduled = []
        else:
            scheduled = self._take_columns(output)
        assert self._notes is not None
        changes = StepChanges(
            tables=tables,
            num_tables=num_tables,
            scheduled=scheduled,
            notes=self._notes.of_step(output),
            is_steady=is_steady,
        )
        self._write(TraceKind.SCHEDULE, changes)

    def _grow(self, cached: CachedRequestData, tables: list[int]) -> int:
        """Blocks that requests took beside those they had; how many requests did."""
        num_tables = 0
        for index, block_ids in enumerate(cached.new_block_ids):
            if block_ids is None:
                continue
            req_id = cached.req_ids[index]
            num_tables += 1
            if req_id in cached.resumed_req_ids:
                num_hit = cached.num_computed_tokens[index]
                self._admit(req_id, num_hit, block_ids[0], tables)
                continue
            entry, taken = self._traced[req_id], block_ids[0]
            tables += (entry.short_id, entry.num_blocks, len(taken), *taken)
            entry.num_blocks += len(taken)
        return num_tables

    def _take_columns(self, output: SchedulerOutput) -> list[int]:
        """Short ids, scheduled tokens, computed tokens after the step; the next step
        is compared with them."""
        counts, cached = output.num_scheduled_tokens, output.scheduled_cached_reqs
        new = output.scheduled_new_reqs
        req_ids = [*cached.req_ids, *[request.req_id for request in new]]
        before = [
            *cached.num_computed_tokens,
            *[request.num_computed_tokens for request in new],
        ]
        num_scheduled = [counts[req_id] for req_id in req_ids]
        computed = list(map(add, before, num_scheduled))
        self._steps.differed(req_ids, sum(computed))
        short_ids = self._short_ids
        return [
            *[short_ids[req_id] for req_id in req_ids],
            *num_scheduled,
            *computed,
        ]

    def _admit(
        self, req_id: str, num_hit: int, block_ids: list[int], tables: list[int]
    ) -> None:
        """A waiting or preempted request runs: its whole table, its prefix hit."""
        request, entry = self.requests[req_id], self._traced[req_id]
        entry.num_cached_tokens = min(num_hit, request.num_prompt_tokens)
        entry.num_blocks = len(block_ids)
        self._prefix_query_tokens += request.num_tokens
        self._prefix_hit_tokens += num_hit
        self._tell(request, entry, RequestState.RUNNING)
        tables += (entry.short_id, 0, len(block_ids))
        tables += block_ids

    def _trace_update(self) -> None:
        """After a call that frees or hashes blocks: write if anything changed."""
        self._follow_switch()
        if self._pool is None:
            return
        assert self._tap is not None
        if self._pool.dirty or self._steps.pending or self._tap.is_snapshot_wanted:
            start = time.perf_counter_ns()
            self._write(TraceKind.UPDATE, StepChanges())
            self._steps.cost_ns += time.perf_counter_ns() - start

    def _write(self, kind: TraceKind, changes: StepChanges) -> None:
        """Add what was told of requests and what the pool marked; or all anew."""
        assert self._pool is not None and self._tap is not None
        assert self._notes is not None
        if kind is TraceKind.UPDATE:
            changes.notes = self._notes.of_blocks()
        if self._tap.is_snapshot_wanted:
            self._trace_snapshot(changes.notes)
            return
        pool = self._pool
        if self._tables is not None and (pool.dirty or changes.num_tables):
            pool.dirty.discard(NULL_BLOCK)
            changes.tables, changes.num_tables = self._tables.changes(self.running)
        blocks = list(pool.dirty)
        blocks += self._block_words([pool.blocks[block_id] for block_id in blocks])
        changes.requests, changes.blocks = self._steps.pending, blocks
        assert self._teller is not None
        self._write_note(self._teller.take())
        self._emit(kind, changes)

    def _write_note(self, sections: Sections) -> None:
        """What a replay needs, before the StepTrace that comes next."""
        if sections:
            assert self._tap is not None
            self._tap.write(encode_note(self._steps.sequence + 1, sections))

    def _block_words(self, blocks: list[KVCacheBlock]) -> list[int]:
        assert self._pool is not None
        words: list[int] = []
        for block in blocks:
            word = block.ref_cnt
            words.append(word if block.block_hash is None else word | HAS_HASH)
        if evicted := self._pool.evicted:
            for index, block in enumerate(blocks):
                if block.block_id in evicted:
                    words[index] |= EVICTED
        return words

    def _trace_snapshot(self, notes: Sequence[int] = ()) -> None:
        """Everything that is not free or empty, so that a reader can start here;
        ``notes`` are those of the record in whose stead it is written."""
        assert self._notes is not None
        assert self._pool is not None and self._tap is not None
        self._tap.mark_snapshot_served()
        self._steps.pending.clear()
        self._steps.forget()
        self._pool.evicted.clear()
        tables: list[int] = []
        scheduled: tuple[list[int], list[int], list[int]] = ([], [], [])
        live_requests = [*self.running, *self._first_waiting, *self.waiting]
        for request in live_requests:
            entry = self._traced.get(request.request_id)
            if entry is None:
                entry = self._trace_from_now(request)
            self._tell(request, entry, _live_state(request))
            if self._tables is None:
                block_ids = self.kv_cache_manager.get_block_ids(request.request_id)[0]
                entry.num_blocks = len(block_ids)
                tables += (entry.short_id, 0, len(block_ids), *block_ids)
            scheduled[0].append(entry.short_id)
            scheduled[1].append(0)
            scheduled[2].append(request.num_computed_tokens)
        num_tables = len(live_requests)
        notes = [*notes, *self._notes.of_all()]
        if self._tables is not None:
            tables, num_tables = self._tables.all(live_requests)
            notes = [*groups_note(self._groups), *notes]
        live = [
            block
            for block in self._pool.blocks
            if (block.ref_cnt or block.block_hash is not None) and not block.is_null
        ]
        blocks = [block.block_id for block in live]
        blocks += self._block_words(live)
        requests = self._steps.pending
        assert self._teller is not None
        told = [(one, self._traced[one.request_id].short_id) for one in live_requests]
        self._write_note(self._teller.tell_all(told))
        changes = StepChanges(
            requests=requests,
            tables=tables,
            num_tables=num_tables,
            scheduled=[*scheduled[0], *scheduled[1], *scheduled[2]],
            blocks=blocks,
            notes=notes,
        )
        self._emit(TraceKind.SNAPSHOT, changes)

    def _emit(self, kind: TraceKind, changes: StepChanges) -> None:
        assert self._pool is not None and self._tap is not None
        pool = self._pool
        self._steps.sequence += 1
        header = TraceHeader(
            kind=kind,
            sequence=self._steps.sequence,
            step=self._steps.step,
            stamp_ns=time.time_ns(),
            cost_ns=self._steps.cost_ns + pool.hook_ns,
            num_free_blocks=pool.get_num_free_blocks(),
            num_waiting=len(self.waiting) + len(self._first_waiting),
            num_running=len(self.running),
            num_evictions=pool.num_evictions,
            num_preemptions=self._num_preemptions,
            prefix_query_tokens=self._prefix_query_tokens,
            prefix_hit_tokens=self._prefix_hit_tokens,
        )
        record = encode(header, changes)
        self._tap.write(record)
        assert self._notes is not None
        may_repeat = changes.is_steady and not self._notes.must_look
        self._steps.written(record, may_repeat=may_repeat)
        pool.hook_ns = 0
        pool.dirty.clear()
        pool.evicted.clear()


def _live_state(request: Request) -> RequestState:
    if request.status == RequestStatus.RUNNING:
        return RequestState.RUNNING
    if request.status == RequestStatus.PREEMPTED:
        return RequestState.PREEMPTED
    return RequestState.WAITING
