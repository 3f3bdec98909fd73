"""Block-seconds against made-up traffic, added up step by step beside the mirror."""

from collections import defaultdict

import pytest

from lab.tracing.held import Held
from lab.tracing.mirror import PoolMirror
from lab.tracing.trace import TraceKind, decode
from tests.lab.step_traces import Traffic


def test_blocks_are_added_up_over_time_and_steps_by_who_shares_them() -> None:
    held = Held(since_ns=0, company_at=0)
    held.change(2, 10, 0)  # nothing held before
    held.change(3, 20, 40)  # 2 blocks for 10 ns, four requests in the batch
    held.change(0, 30, 60)  # preempted: 3 blocks for 10 ns, two requests
    held.change(1, 90, 600)
    held.change(1, 100, 610)  # alone
    assert held.block_ns == 20 + 30 + 10
    assert held.max_blocks == 3
    assert held.mean_running == pytest.approx((40 + 20 + 10) / 30)
    assert Held(0, 0).mean_running is None


@pytest.mark.parametrize("seed", range(3))
def test_block_seconds_are_what_the_traffic_held(seed: int) -> None:
    traffic = Traffic(num_blocks=40, seed=seed, arrivals_per_step=0.6)
    mirror = PoolMirror(traffic.num_blocks, traffic.block_size)
    told: dict[int, int] = {}
    true: dict[int, int] = defaultdict(int)
    before, stamp_ns = {}, 0
    for record in _records(traffic):
        trace = decode(record)
        for short_id, num_blocks in before.items():
            true[short_id] += num_blocks * (trace.header.stamp_ns - stamp_ns)
        stamp_ns = trace.header.stamp_ns
        for request in mirror.apply(trace):
            assert request.held is not None
            told[request.short_id] = request.held.block_ns
        before = {i: len(one.block_ids) for i, one in mirror.requests.items()}
    assert len(told) > 50 and traffic.counters["preemptions"]
    assert told == {short_id: true[short_id] for short_id in told}


def _records(traffic: Traffic) -> list[bytes]:
    """With snapshots in place of records, as a viewer's or a recorder's wish has it."""
    records = traffic.records(150)
    for _ in range(5):
        records.append(traffic.snapshot())
        for _ in range(30):
            records += traffic.step()
    return records


def test_after_lost_records_it_is_unknown_what_was_held() -> None:
    traffic = Traffic(num_blocks=40, seed=1, arrivals_per_step=0.6)
    mirror = PoolMirror(traffic.num_blocks, traffic.block_size)
    for record in traffic.records(40):
        mirror.apply(decode(record))
    traffic.step()  # lost
    mirror.apply(decode(traffic.snapshot()))
    running = [one for one in mirror.requests.values() if one.block_ids]
    assert running and all(one.held is None for one in running)
    later = {one.short_id for one in mirror.requests.values() if one.held is not None}
    assert later <= set(mirror.waiting)
    for record in [r for _ in range(60) for r in traffic.step()]:
        trace = decode(record)
        assert trace.header.kind is not TraceKind.SNAPSHOT
        for request in mirror.apply(trace):
            is_known = request.short_id not in {one.short_id for one in running}
            assert is_known or request.held is None
