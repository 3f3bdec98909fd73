"""PoolMirror against made-up traffic whose truth is known, and a real trace."""

from array import array

import numpy as np
import pytest

from lab.tracing.mirror import PoolMirror
from lab.tracing.trace import (
    Finish,
    RequestState,
    StepChanges,
    StepTrace,
    TraceKind,
    decode,
    encode,
)
from tests.data.make_golden import source
from tests.lab.step_traces import Request, Traffic, header


def busy(seed: int) -> Traffic:
    """Traffic that shares, preempts, evicts and aborts."""
    return Traffic(num_blocks=40, seed=seed, arrivals_per_step=0.6)


def assert_equal(mirror: PoolMirror, traffic: Traffic) -> None:
    """Every block and every request as the traffic itself has them."""
    assert mirror.ref_cnt.tolist() == traffic.ref_cnt
    hashed = [block in traffic.keys for block in range(traffic.num_blocks)]
    assert mirror.has_hash.tolist() == hashed
    assert mirror.waiting == [request.short_id for request in traffic.waiting]
    true = {r.short_id: r for r in (*traffic.running, *traffic.waiting)}
    assert set(mirror.requests) == set(true)
    for short_id, request in true.items():
        assert_same(mirror, short_id, request)


def assert_same(mirror: PoolMirror, short_id: int, request: Request) -> None:
    told = mirror.requests[short_id]
    assert told.state is request.state
    assert list(told.block_ids) == request.blocks
    assert told.num_computed_tokens == request.computed
    assert told.num_prompt_tokens == request.num_prompt
    assert told.num_preemptions == request.num_preemptions
    if request.state is RequestState.RUNNING:
        assert told.num_cached_tokens == request.cached


@pytest.mark.parametrize("num_priorities", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_after_every_step_it_holds_what_the_traffic_holds(
    seed: int, num_priorities: int
) -> None:
    traffic = busy(seed)
    traffic.num_priorities = num_priorities
    mirror = PoolMirror(traffic.num_blocks, traffic.block_size)
    mirror.apply(decode(traffic.snapshot()))
    for _ in range(300):
        for record in traffic.step():
            trace = decode(record)
            assert mirror.follows(trace)
            mirror.apply(trace)
        assert_equal(mirror, traffic)
    assert traffic.counters["preemptions"] and traffic.counters["evictions"]
    assert traffic.counters["hits"]


def test_a_snapshot_in_the_middle_makes_up_for_all_that_was_missed() -> None:
    traffic = busy(seed=1)
    mirror = PoolMirror(traffic.num_blocks, traffic.block_size)
    for record in traffic.records(60):
        mirror.apply(decode(record))
    traffic.step()
    traffic.step()
    late = decode(traffic.step()[0])
    assert not mirror.follows(late)
    snapshot = decode(traffic.snapshot())
    assert mirror.follows(snapshot)
    mirror.apply(snapshot)
    assert_equal(mirror, traffic)


def test_nothing_follows_before_the_first_snapshot() -> None:
    traffic = busy(seed=0)
    traffic.snapshot()
    mirror = PoolMirror(traffic.num_blocks, traffic.block_size)
    assert not mirror.follows(decode(traffic.step()[0]))


def test_the_real_trace_is_consistent_from_beginning_to_end() -> None:
    records, num_blocks, block_size = source()
    mirror = PoolMirror(num_blocks, block_size)
    finished: list[int] = []
    for record in records:
        trace = decode(record)
        assert mirror.follows(trace)
        for request in mirror.apply(trace):
            assert request.finish is not Finish.NONE
            finished.append(request.short_id)
        assert_consistent(mirror, trace)
    assert len(finished) == len(set(finished)) == 43
    assert not mirror.requests and not mirror.ref_cnt[1:].any()
    assert mirror.has_hash.any(), "full blocks stay cached"


def assert_consistent(mirror: PoolMirror, trace: StepTrace) -> None:
    """ref_cnt counts the tables that list a block; the header counts the same."""
    counts = np.zeros(mirror.num_blocks, np.uint32)
    for request in mirror.requests.values():
        np.add.at(counts, np.array(request.block_ids, np.uint32), 1)
    assert (counts[1:] == mirror.ref_cnt[1:]).all()
    header = trace.header
    assert header.num_free_blocks == int((mirror.ref_cnt[1:] == 0).sum())
    assert header.num_waiting == len(mirror.waiting)
    states = [request.state for request in mirror.requests.values()]
    assert header.num_running == states.count(RequestState.RUNNING)


def test_the_place_in_the_queue_counts_from_one_and_preempted_stand_in_front() -> None:
    mirror = PoolMirror(8, 4)
    waiting, running = RequestState.WAITING, RequestState.RUNNING
    mirror.apply(_trace(1, TraceKind.SNAPSHOT, [(1, waiting), (2, waiting)]))
    assert (mirror.place(1), mirror.place(2), mirror.place(9)) == (1, 2, None)
    mirror.apply(_trace(2, TraceKind.SCHEDULE, [(1, running)]))
    assert (mirror.place(1), mirror.place(2)) == (None, 1)
    mirror.apply(_trace(3, TraceKind.SCHEDULE, [(1, RequestState.PREEMPTED)]))
    assert (mirror.place(1), mirror.place(2)) == (1, 2)


def test_the_sequence_goes_on_after_the_largest_number() -> None:
    mirror = PoolMirror(8, 4)
    mirror.apply(_trace(0xFFFFFFFF, TraceKind.SNAPSHOT, []))
    assert mirror.follows(_trace(0, TraceKind.UPDATE, []))
    assert not mirror.follows(_trace(1, TraceKind.UPDATE, []))


def test_a_request_that_came_and_went_unseen_is_left_out() -> None:
    mirror = PoolMirror(8, 4)
    mirror.apply(_trace(1, TraceKind.SNAPSHOT, []))
    gone = _trace(2, TraceKind.UPDATE, [(7, RequestState.FINISHED)])
    assert mirror.apply(gone) == [] and not mirror.requests


def test_fill_is_the_tokens_computed_in_each_block() -> None:
    mirror = PoolMirror(8, 4)
    mirror.apply(_trace(1, TraceKind.SNAPSHOT, [(1, RequestState.RUNNING)]))
    request = mirror.requests[1]
    request.block_ids = array("I", [5, 6, 7])
    request.num_computed_tokens = 6
    assert [request.fill(index, 4) for index in range(3)] == [4, 2, 0]


def _trace(
    sequence: int, kind: TraceKind, requests: list[tuple[int, RequestState]]
) -> StepTrace:
    rows = [word for one, state in requests for word in (one, state, 10, 0)]
    return decode(
        encode(
            header(kind, sequence=sequence, num_free_blocks=7),
            StepChanges(requests=rows),
        )
    )
