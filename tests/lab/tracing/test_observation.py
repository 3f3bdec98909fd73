"""What the trace says of one moment, at the numbers of a recording and of made-up
traffic."""

import json
from dataclasses import replace

import numpy as np

from lab.live_state import NUM_EVENTS, LiveState
from lab.recordings.still import StillEngine
from lab.tracing.chronicle import Chronicle
from lab.tracing.mirror import PoolMirror
from lab.tracing.observation import Observer
from lab.tracing.trace import EVICTED, StepTrace, decode
from tests.lab.step_traces import Traffic


def test_a_moment_of_a_recording_has_the_numbers_that_the_engine_told() -> None:
    state = StillEngine().look(block_id=23)
    assert (state.step, state.block_size, state.num_blocks) == (1900, 32, 364)
    assert (state.num_free, state.num_cached) == (15, 15)
    assert (state.num_used, state.num_shared) == (347, 1)
    assert (state.num_evictions, state.num_preemptions) == (398, 1)
    assert [r.short_id for r in state.running] == list(range(45, 53))
    assert [(r.short_id, r.place, r.phase) for r in state.waiting] == [
        (53, 1, "preempted"), (54, 2, "waiting"), (55, 3, "waiting"),
    ]  # fmt: skip
    assert state.own == [52, 55] and len(state.own_blocks) == 44
    assert (state.evictions[-1].block_id, state.evictions[-1].taken_by) == (1, 47)
    assert [(p.short_id, p.step) for p in state.preemptions] == [(53, 1804)]
    assert state.step_ms is not None and round(state.step_ms, 1) == 42.6
    assert (state.step_tokens, state.step_requests) == (8, 8)


def test_a_shared_block_has_all_of_its_holders() -> None:
    block = StillEngine().look(block_id=23).block
    assert block is not None and (block.state, block.ref_cnt) == ("shared", 8)
    assert [one.short_id for one in block.held_by] == list(range(45, 53))
    assert {one.logical_index for one in block.held_by} == {0}
    assert {one.num_tokens for one in block.held_by} == {32}


def test_a_request_has_its_tokens_blocks_and_times() -> None:
    running = StillEngine().look().request(46)
    assert running is not None
    assert (running.num_prompt_tokens, running.num_computed_tokens) == (1184, 1411)
    assert (running.num_output_tokens, running.num_cached_tokens) == (228, 32)
    assert (running.num_blocks, running.num_blocks_shared) == (45, 1)
    assert running.waited_s is not None and round(running.waited_s, 2) == 0.22


def test_a_block_that_is_not_there_is_none_and_the_null_block_is_named() -> None:
    engine = StillEngine()
    assert engine.look(block_id=364).block is None
    null = engine.look(block_id=0).block
    assert null is not None and null.state == "null"


def test_a_state_is_the_same_after_its_way_as_json() -> None:
    state = StillEngine().look(block_id=17)
    assert LiveState.from_json(json.loads(json.dumps(state.to_json()))) == state


def test_what_is_counted_is_what_the_traces_say() -> None:
    traffic = Traffic(seed=3, num_blocks=40, arrivals_per_step=0.8)
    mirror, chronicle = PoolMirror(40, traffic.block_size), Chronicle(40)
    observer = Observer("host-a", 1, mirror, chronicle)
    assert observer.observe() is None
    traces = [traffic.snapshot(), *(r for _ in range(400) for r in traffic.step())]
    evicted: list[tuple[int, int]] = []
    ended: list[int] = []
    for number, record in enumerate(traces):
        trace = _stamped(decode(record), number)
        finished = mirror.apply(trace)
        chronicle.note(trace, finished, mirror)
        ids, states = trace.blocks
        step = trace.header.step
        evicted += [(int(one), step) for one in ids[(states & EVICTED) != 0]]
        ended += [request.short_id for request in finished]
    state = observer.observe(now_s=len(traces) / 100)
    assert state is not None and len(evicted) > NUM_EVENTS < len(ended)
    assert [(e.block_id, e.step) for e in state.evictions] == evicted[-NUM_EVENTS:]
    assert [r.short_id for r in state.ended] == ended[-NUM_EVENTS:]
    assert state.minute.num_evictions == len(evicted) == state.num_evictions
    assert state.minute.num_finished == len(ended)
    assert state.minute.num_preemptions == state.num_preemptions > 0
    assert all(e.taken_by is not None for e in state.evictions)
    counts = [state.num_used, state.num_shared, state.num_free]
    assert sum(counts) == state.num_blocks - 1
    for request in mirror.requests.values():
        seen = state.request(request.short_id)
        assert seen is not None and seen.num_blocks == len(request.block_ids)
        for block_id in request.block_ids:
            assert chronicle.taken_by[block_id] >= 0 < chronicle.taken_step[block_id]
        ids = np.array(request.block_ids, np.int64)
        shared = int((mirror.ref_cnt[ids] >= 2).sum()) if len(ids) else 0
        assert seen.num_blocks_shared == shared


def test_the_last_minute_forgets_what_is_older() -> None:
    traffic = Traffic(seed=1, num_blocks=40)
    mirror, chronicle = PoolMirror(40, traffic.block_size), Chronicle(40)
    for number, record in enumerate(r for _ in range(100) for r in traffic.step()):
        trace = _stamped(decode(record), 100 * number)
        chronicle.note(trace, mirror.apply(trace), mirror)
    last_s = float(number)
    at_end = Observer("a", 1, mirror, chronicle).observe(now_s=last_s)
    later = Observer("a", 1, mirror, chronicle).observe(now_s=last_s + 61)
    assert at_end is not None and later is not None
    assert 0 < at_end.minute.num_steps <= 61 < 100
    assert later.minute.num_steps == later.minute.num_sampled_tokens == 0


def _stamped(trace: StepTrace, hundredths: int) -> StepTrace:
    header = trace.header._replace(stamp_ns=hundredths * 10_000_000)
    return replace(trace, header=header)
