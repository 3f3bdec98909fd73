"""Frames, from StepTraces through Python and JavaScript to the state of a pool."""

import json
import struct
from random import Random
from typing import Any

import pytest

from lab.tracing import trace
from lab.tracing.frames import FrameEncoder
from lab.tracing.mirror import PoolMirror
from tests.lab.node import run_node
from tests.lab.pool_state import pool_state
from tests.lab.step_traces import Traffic, header

pytestmark = pytest.mark.slow

MIXES = {
    "plain": {},
    "short pool": {"num_blocks": 24, "arrivals_per_step": 0.8},
    "shared prefixes": {"num_prefixes": 1, "abort_chance": 0.0, "num_blocks": 200},
    "long queue": {"arrivals_per_step": 2.0, "max_running": 4, "abort_chance": 0.2},
    "priorities": {"arrivals_per_step": 1.0, "max_running": 4, "num_priorities": 3},
    "wide numbers": {
        "num_blocks": 70_000 // 64,
        "block_size": 64,
        "prompt": (1, 2000),
        "budget": 512,
        "first_short_id": (1 << 32) - 2000,
    },
}


def in_browser(frames: list[bytes]) -> list[dict[str, Any]]:
    """What the browser's pool says after each frame."""
    stdin = b"".join(struct.pack("<I", len(frame)) + frame for frame in frames)
    result = run_node("tests/js/round_trip.js", stdin=stdin)
    assert result.returncode == 0, result.stderr.decode()
    return [json.loads(line) for line in result.stdout.splitlines()]


def encoder_for(traffic: Traffic) -> FrameEncoder:
    return FrameEncoder("host-a", 3, traffic.num_blocks, traffic.block_size)


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("seed", range(3))
def test_the_browsers_pool_equals_the_mirror_after_every_frame(mix, seed) -> None:
    traffic = Traffic(seed=seed, **MIXES[mix])
    mirror = PoolMirror(traffic.num_blocks, traffic.block_size)
    encoder, random = encoder_for(traffic), Random(seed)
    frames, states, finishes = [], [], []
    finished: dict[int, int] = {}
    for number in range(250):
        records = traffic.step()
        if number == 0 or random.random() < 0.01:
            records = [traffic.snapshot()]
            finished.clear()
        for record in records:
            step = trace.decode(record)
            assert encoder.apply(step)
            finished |= {one.short_id: one.finish for one in mirror.apply(step)}
            if random.random() < 0.4:
                frame = encoder.next_frame(keyframe=random.random() < 0.03)
                if frame is not None:
                    frames.append(frame)
                    states.append(pool_state(mirror))
                    finishes.append(sorted([*one] for one in finished.items()))
                    finished.clear()

    answers = in_browser(frames)

    assert len(answers) == len(states) > 100
    for answer, state, ended in zip(answers, states, finishes, strict=True):
        assert answer["result"] == "applied"
        assert answer["state"] == state
        assert answer["wrong"] == []
        assert sorted(answer["finished"]) == ended


def test_the_traffic_of_these_tests_shares_preempts_and_evicts() -> None:
    traffic = Traffic(**MIXES["short pool"])
    traffic.records(250)

    assert traffic.counters["preemptions"] > 10
    assert traffic.counters["evictions"] > 200
    assert traffic.counters["hits"] > 100


def test_a_viewer_that_lost_a_frame_waits_and_heals_at_the_next_keyframe() -> None:
    traffic = Traffic()
    encoder = encoder_for(traffic)
    frames, states = [], []
    for number, record in enumerate(traffic.records(40)):
        encoder.apply(trace.decode(record))
        frame = encoder.next_frame(keyframe=number == 60)
        assert frame is not None
        frames.append(frame)
        states.append(pool_state(encoder.mirror))
    del frames[20], states[20]

    answers = in_browser(frames)

    results = [answer["result"] for answer in answers]
    assert results == ["applied"] * 20 + ["needs-keyframe"] * 39 + ["applied"] * 21
    assert answers[40]["state"] == states[19]
    assert answers[-1]["state"] == states[-1]
    assert answers[-1]["wrong"] == []


def test_a_viewer_that_joins_late_waits_for_a_keyframe() -> None:
    traffic = Traffic()
    encoder = encoder_for(traffic)
    frames = []
    for record in traffic.records(10):
        encoder.apply(trace.decode(record))
        frames.append(encoder.next_frame())

    answers = in_browser(frames[5:])

    assert {answer["result"] for answer in answers} == {"needs-keyframe"}
    assert answers[-1]["state"] is None


def test_a_frame_that_comes_twice_changes_nothing() -> None:
    traffic = Traffic()
    encoder = encoder_for(traffic)
    frames = []
    for record in traffic.records(10):
        encoder.apply(trace.decode(record))
        frames.append(encoder.next_frame())

    answers = in_browser([*frames, *frames[1:]])

    assert {answer["result"] for answer in answers[21:]} == {"stale"}
    assert answers[-1]["state"] == answers[20]["state"]


def test_the_encoder_refuses_a_trace_after_a_gap_and_goes_on_at_a_snapshot() -> None:
    traffic = Traffic()
    encoder = encoder_for(traffic)
    for record in traffic.records(5):
        assert encoder.apply(trace.decode(record))
    encoder.next_frame()
    traffic.step()
    late = traffic.step()

    assert not encoder.apply(trace.decode(late[0]))
    assert encoder.next_frame() is None
    assert encoder.apply(trace.decode(traffic.snapshot()))
    frame = encoder.next_frame()
    assert frame is not None
    [answer] = in_browser([frame])
    assert answer["state"]["requests"] == pool_state(encoder.mirror)["requests"]


def test_no_frame_comes_before_the_first_trace_nor_when_nothing_changed() -> None:
    traffic = Traffic()
    encoder = encoder_for(traffic)

    assert encoder.next_frame(keyframe=True) is None
    encoder.apply(trace.decode(traffic.snapshot()))
    assert encoder.next_frame() is not None
    assert encoder.next_frame() is None
    assert encoder.next_frame(keyframe=True) is not None


def test_a_frame_counts_the_tokens_of_all_steps_since_the_one_before() -> None:
    traffic = Traffic(abort_chance=0.0, num_blocks=400, output=(40, 40))
    encoder = encoder_for(traffic)
    encoder.apply(trace.decode(traffic.snapshot()))
    encoder.next_frame()
    num_scheduled = 0
    for _ in range(20):
        for record in traffic.step():
            step = trace.decode(record)
            encoder.apply(step)
            num_scheduled += int(step.scheduled[1].sum())
    num_sampled = sum(request.sampled for request in traffic.running)

    frame = encoder.next_frame(keyframe=True)

    assert frame is not None and not traffic.counters["preemptions"]
    [answer] = in_browser([frame])
    assert answer["tokens"] == [num_scheduled, num_sampled]


def test_a_preempted_request_does_not_count_its_tokens_twice() -> None:
    traffic = Traffic(num_blocks=24, abort_chance=0.0, arrivals_per_step=0.3)
    encoder = encoder_for(traffic)
    num_sampled = 0
    for record in traffic.records(300):
        encoder.apply(trace.decode(record))
    frame = encoder.next_frame()
    live = (*traffic.running, *traffic.waiting)
    num_sampled = traffic.num_sampled + sum(one.sampled for one in live)

    assert frame is not None and traffic.counters["preemptions"] > 5
    assert in_browser([frame])[0]["tokens"][1] == num_sampled


def test_evicted_blocks_are_named_in_the_next_frame() -> None:
    traffic = Traffic(num_blocks=24)
    encoder = encoder_for(traffic)
    frames, evictions = [], []
    for record in traffic.records(200):
        step = trace.decode(record)
        encoder.apply(step)
        frames.append(encoder.next_frame())
        ids, states = step.blocks
        evictions.append(sorted(ids[(states & trace.EVICTED) != 0].tolist()))

    answers = in_browser(frames)

    assert sum(map(len, evictions)) > 100
    assert [answer["evicted"] for answer in answers] == evictions


def test_a_prefix_shared_by_many_requests_is_coded_once() -> None:
    traffic = Traffic(
        num_blocks=4000, num_prefixes=1, prompt=(1600, 1600), budget=100_000,
        max_running=64, abort_chance=0.0, output=(500, 500), arrivals_per_step=8,
    )  # fmt: skip
    encoder = encoder_for(traffic)
    for record in traffic.records(12):
        encoder.apply(trace.decode(record))

    frame = encoder.next_frame(keyframe=True)

    num_refs = sum(len(one.block_ids) for one in encoder.mirror.requests.values())
    num_used = int((encoder.mirror.ref_cnt > 0).sum())
    assert num_refs > 1.5 * num_used
    assert frame is not None and len(frame) < 2 * num_used + 3000


def snapshot(*tables: list[int], ref_cnt: dict[int, int]) -> trace.StepTrace:
    """Requests 1, 2, … running with these block tables of 4 tokens a block."""
    ids = range(1, len(tables) + 1)
    rows = [word for i in ids for word in (i, trace.RequestState.RUNNING, 9, 0)]
    words = [
        word
        for i, table in zip(ids, tables, strict=True)
        for word in (i, 0, len(table), *table)
    ]
    scheduled = [*ids, *[1] * len(tables), *[4 * len(table) for table in tables]]
    changes = trace.StepChanges(
        requests=rows,
        tables=words,
        num_tables=len(tables),
        scheduled=scheduled,
        blocks=[*ref_cnt, *ref_cnt.values()],
    )
    head = header(trace.TraceKind.SNAPSHOT, stamp_ns=10**18, num_running=len(tables))
    return trace.decode(trace.encode(head, changes))


def test_reference_counts_that_the_tables_do_not_explain_are_told_as_they_are() -> None:
    encoder = FrameEncoder("host-a", 1, 12, 4)
    encoder.apply(snapshot([1, 2], [3], ref_cnt={1: 1, 2: 3, 3: 0, 7: 2}))

    frame = encoder.next_frame()

    assert frame is not None
    [answer] = in_browser([frame])
    assert answer["state"] == pool_state(encoder.mirror)
    assert answer["state"]["refCnt"][:8] == [0, 1, 3, 0, 0, 0, 0, 2]


def test_a_table_that_mixes_the_prefixes_of_others_is_told_as_it_is() -> None:
    tables = [[1, 2, 3], [4, 5], [4, 2, 9], [1, 2, 3, 6], [1, 5], [9, 8]]
    encoder = FrameEncoder("host-a", 1, 12, 4)
    encoder.apply(snapshot(*tables, ref_cnt={}))

    frame = encoder.next_frame()

    assert frame is not None
    [answer] = in_browser([frame])
    assert [row[-1] for row in answer["state"]["requests"]] == tables


def test_a_queue_in_any_new_order_is_told_as_it_is() -> None:
    traffic = Traffic(arrivals_per_step=3, max_running=2)
    encoder = encoder_for(traffic)
    for record in traffic.records(8):
        encoder.apply(trace.decode(record))
    frames = [encoder.next_frame()]
    encoder.mirror.waiting.reverse()
    encoder.mirror.waiting.insert(3, encoder.mirror.waiting.pop())
    [record, _] = traffic.step()
    encoder.apply(trace.decode(record))
    frames.append(encoder.next_frame())

    answers = in_browser([frame for frame in frames if frame is not None])

    assert len(encoder.mirror.waiting) > 5
    assert answers[1]["state"]["waiting"] == encoder.mirror.waiting


def test_an_engine_host_id_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 255"):
        FrameEncoder("x" * 256, 1, 10, 16)
