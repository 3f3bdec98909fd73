"""observe(): the LiveState of a mirror and its chronicle. Pure."""

import time
from array import array
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lab.live_state import (
    MINUTE_S,
    BlockFacts,
    BlockState,
    Eviction,
    Holding,
    LiveState,
    Minute,
    Preemption,
    RequestFacts,
    RequestPhase,
    SharedBlock,
)
from lab.reasons import Lookup
from lab.tracing.chronicle import NOBODY, Chronicle, Ended, Life
from lab.tracing.groups import NULL_BLOCK, Group, GroupKind
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.prefix_tree import prefix_tree
from lab.tracing.trace import RequestState

MOST_SHARED = 8
SHORT_S = 10.0


class Observer:
    """Looks at one engine run; ``mirror`` and ``chronicle`` have the same traces."""

    def __init__(
        self,
        engine_host_id: str,
        engine_run: int,
        mirror: PoolMirror,
        chronicle: Chronicle,
    ) -> None:
        self._host, self._run = engine_host_id, engine_run
        self._mirror, self._chronicle = mirror, chronicle

    def observe(
        self,
        own: Collection[int] = (),
        block_id: int | None = None,
        now_s: float | None = None,
    ) -> LiveState | None:
        """The state now; None before the first trace. ``own`` are the short ids of
        whoever asks; ``now_s`` is time.time() by default."""
        mirror, chronicle = self._mirror, self._chronicle
        header = mirror.header
        if header is None:
            return None
        now = int((time.time() if now_s is None else now_s) * 1e9)
        ref, has_hash = mirror.ref_cnt[1:], mirror.has_hash[1:]
        untold = "" if mirror.has_plain_tables else chronicle.ledger.untold
        mine = sorted(set(own))
        return LiveState(
            engine_host_id=self._host,
            engine_run=self._run,
            step=header.step,
            at=now / 1e9,
            block_size=mirror.block_size,
            num_blocks=mirror.num_blocks,
            num_free=header.num_free_blocks,
            num_cached=int(((ref == 0) & has_hash).sum()),
            num_used=int((ref == 1).sum()),
            num_shared=int((ref >= 2).sum()),
            num_evictions=header.num_evictions,
            num_preemptions=header.num_preemptions,
            prefix_query_tokens=header.prefix_query_tokens,
            prefix_hit_tokens=header.prefix_hit_tokens,
            requests=[self._live(one, now) for one in self._in_order()],
            ended=[self._ended(one, now) for one in chronicle.ended],
            evictions=[
                Eviction(e.block_id, e.step, _ago(e.stamp_ns, now), e.taken_by)
                for e in chronicle.evictions
            ],
            preemptions=[
                Preemption(p.short_id, p.step, _ago(p.stamp_ns, now))
                for p in chronicle.preemptions
            ],
            most_shared=self._most_shared(),
            minute=self._minute(now),
            step_ms=None if chronicle.step_ns is None else chronicle.step_ns / 1e6,
            step_tokens=chronicle.step_tokens,
            step_requests=chronicle.step_requests,
            block=self._block(block_id),
            own=mine,
            own_blocks=self._blocks_of(mine),
            lookups=self._lookups(),
            refusal=chronicle.ledger.refusal,
            compiling=self._compiling(),
            bill=chronicle.ledger.bill(),
            tells_hits=not untold,
            untold=untold,
            tree=prefix_tree(mirror.requests.values(), mirror.whole_group),
            has_whole_tables=mirror.whole_group is not None,
            candidates=chronicle.ledger.candidates(),
            choices=list(chronicle.ledger.choices),
        )

    def _lookups(self) -> list[Lookup]:
        """Of the requests that are told of."""
        ended = {one.request.short_id for one in self._chronicle.ended}
        told = ended.union(self._mirror.requests)
        lookups = self._chronicle.ledger.lookups
        return [one for one in lookups.values() if one.short_id in told]

    def _compiling(self) -> list[int] | None:
        told, waiting = self._chronicle.ledger.compiling, self._mirror.waiting
        return None if told is None else [one for one in waiting if one in told]

    def _in_order(self) -> list[RequestMirror]:
        requests, waiting = self._mirror.requests, self._mirror.waiting
        running = [r for r in requests.values() if r.short_id not in waiting]
        return running + [requests[short_id] for short_id in waiting]

    def _live(self, request: RequestMirror, now: int) -> RequestFacts:
        life = self._chronicle.lives.get(request.short_id) or Life()
        reached = self._chronicle.sampled.reached(request.short_id)
        return self._facts(request, life, reached, now, _phase(request))

    def _ended(self, ended: Ended, now: int) -> RequestFacts:
        facts = self._facts(
            ended.request, ended.life, ended.num_reached_tokens, now, "finished"
        )
        return replace(
            facts,
            num_blocks_shared=0,
            finish=ended.request.finish.name.lower(),
            ended_step=ended.step,
            ended_ago_s=_ago(ended.stamp_ns, now),
        )

    def _facts(
        self,
        request: RequestMirror,
        life: Life,
        num_reached: int,
        now: int,
        phase: RequestPhase,
    ) -> RequestFacts:
        arrived, began = life.arrived_ns, life.began_ns
        is_new = phase == "waiting" and not request.num_preemptions
        ids = request.held_ids()
        return RequestFacts(
            short_id=request.short_id,
            phase=phase,
            num_prompt_tokens=request.num_prompt_tokens,
            num_computed_tokens=request.num_computed_tokens,
            num_output_tokens=max(0, num_reached - request.num_prompt_tokens + 1),
            num_cached_tokens=None if is_new else request.num_cached_tokens,
            num_blocks=len(ids),
            num_blocks_shared=int((self._mirror.ref_cnt[ids] >= 2).sum()),
            num_preemptions=request.num_preemptions,
            place=self._mirror.place(request.short_id),
            arrived_ago_s=None if arrived is None else _ago(arrived, now),
            waited_s=(began - arrived) / 1e9 if began and arrived else None,
        )

    # Blocks

    def _block(self, block_id: int | None) -> BlockFacts | None:
        mirror, chronicle = self._mirror, self._chronicle
        if block_id is None or not 0 <= block_id < mirror.num_blocks:
            return None
        held_by = [
            Holding(r.short_id, index, r.fill_of(group, index), _room(group))
            for r in self._in_order()
            for group, table in zip(mirror.groups, r.tables(), strict=False)
            for index in np.flatnonzero(_ids(table) == block_id).tolist()
            if block_id != NULL_BLOCK
        ]
        ref_cnt, has_hash = mirror.ref_cnt[block_id], mirror.has_hash[block_id]
        return BlockFacts(
            block_id=block_id,
            state=_state(block_id, int(ref_cnt), bool(has_hash)),
            ref_cnt=int(ref_cnt),
            has_hash=bool(has_hash),
            held_by=held_by,
            taken_by=_known(chronicle.taken_by[block_id]),
            taken_step=_known(chronicle.taken_step[block_id]),
            evicted_step=_known(chronicle.evicted_step[block_id]),
        )

    def _most_shared(self) -> list[SharedBlock]:
        ref_cnt = self._mirror.ref_cnt.copy()
        ref_cnt[NULL_BLOCK] = 0
        order = np.argsort(-ref_cnt.astype(np.int64), kind="stable")[:MOST_SHARED]
        shared = [int(block_id) for block_id in order if ref_cnt[block_id] >= 2]
        tables = (
            [(r.short_id, r.held_ids()) for r in self._in_order()] if shared else []
        )
        return [
            SharedBlock(
                block_id, [one for one, ids in tables if (ids == block_id).any()]
            )
            for block_id in shared
        ]

    def _blocks_of(self, own: Sequence[int]) -> list[int]:
        requests = self._mirror.requests
        ids = [requests[one].held_ids() for one in own if one in requests]
        return np.unique(np.concatenate(ids)).tolist() if ids else []

    def _minute(self, now: int) -> Minute:
        chronicle = self._chronicle
        since = now - int(MINUTE_S * 1e9)
        rows = [row for row in chronicle.moments if since <= row.stamp_ns <= now]
        began = chronicle.began_ns or now
        short = now - int(SHORT_S * 1e9)
        return Minute(
            seconds=min(MINUTE_S, _ago(began, now)),
            num_steps=sum(row.num_steps for row in rows),
            num_sampled_tokens=sum(row.num_sampled for row in rows),
            num_evictions=sum(row.num_evictions for row in rows),
            num_preemptions=sum(row.num_preemptions for row in rows),
            num_arrived=sum(row.num_arrived for row in rows),
            num_finished=sum(row.num_finished for row in rows),
            last_10_s_tokens=sum(r.num_sampled for r in rows if r.stamp_ns >= short),
        )


def _phase(request: RequestMirror) -> RequestPhase:
    if request.state is RequestState.PREEMPTED:
        return "preempted"
    if request.state is RequestState.WAITING:
        return "waiting"
    is_reading = request.num_computed_tokens < request.num_prompt_tokens
    return "reading" if is_reading else "answering"


def _state(block_id: int, ref_cnt: int, has_hash: bool) -> BlockState:
    if block_id == NULL_BLOCK:
        return "null"
    if ref_cnt == 0:
        return "cached" if has_hash else "free"
    return "used" if ref_cnt == 1 else "shared"


def _room(group: Group) -> int | None:
    return None if group.kind is GroupKind.STATE else group.block_size


def _ids(table: "array[int]") -> npt.NDArray[np.uint32]:
    return np.frombuffer(table.tobytes(), np.uint32)


def _ago(stamp_ns: int, now: int) -> float:
    return max(0.0, (now - stamp_ns) / 1e9)


def _known(number: np.int64) -> int | None:
    return None if number == NOBODY else int(number)
