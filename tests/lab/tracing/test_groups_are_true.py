"""Models with sliding windows, chunks and states: traces against vLLM's own pool.

Block for block, table for table of each KV-cache group, after every record, with every
supported vLLM (tests/everything.py).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lab.recordings.columns import from_columns, to_columns
from lab.tracing.group_tables import UntraceableModel, groups_of_model
from lab.tracing.groups import GroupKind
from lab.tracing.replay_notes import is_replay_note
from lab.tracing.tap import TapReader
from lab.tracing.trace import SteadyReader, decode
from tests.lab.tracing import group_shapes

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]

FULL, WINDOW, CHUNK, STATE = list(GroupKind)[:4]
KINDS = {
    "window": [WINDOW],
    "full and window": [FULL, WINDOW],
    "full and five windows": [FULL, *[WINDOW] * 5],
    "windows of two block sizes": [FULL, WINDOW],
    "chunk": [CHUNK],
    "full and chunk": [FULL, CHUNK],
    "full and states that are cached": [FULL, STATE],
    "full, a window and states": [FULL, WINDOW, STATE],
    "full and a state": [FULL, STATE],
}

NEVER_FULL = {"chunk", "windows of two block sizes"}
"""Whoever is admitted finds room to the end."""


@pytest.fixture
def tap(tmp_path: Path) -> Iterator[TapReader]:
    reader = TapReader(tmp_path / "tap")
    yield reader
    reader.close()


def _traces(tap: TapReader, steady: SteadyReader) -> list[bytes]:
    """The records since the last look, written out."""
    traces = [record for record in tap.read() if not is_replay_note(record)]
    return [full for one in traces if (full := steady.expand(one)) is not None]


@pytest.mark.parametrize("shape", KINDS)
def test_each_groups_tables_equal_vllms(
    shape: str, tap: TapReader, tmp_path: Path
) -> None:
    scheduler = group_shapes.make_scheduler(tmp_path, shape)
    drive = group_shapes.Drive(scheduler)
    records: list[bytes] = []
    steady = SteadyReader()
    turn = 0
    while scheduler.check is None or scheduler.check.counts["blocks"] < 52_000:
        turn += 1
        if turn % 31 == 30:
            drive.abort_one()
        if turn == 200:
            tap.ask_snapshot()
        drive.turn()
        records += _traces(tap, steady)
    check = scheduler.check
    assert check.mismatches == []
    assert [group.kind for group in check.mirror.groups] == KINDS[shape]
    assert check.counts["blocks"] >= 50_000
    assert check.counts["snapshots"] >= 2
    assert check.counts["finished"] >= 15
    if shape not in NEVER_FULL:
        assert check.mirror.header.num_preemptions >= 1
    if shape not in group_shapes.CACHES_NOTHING:
        assert check.mirror.header.num_evictions >= 10
        assert check.mirror.header.prefix_hit_tokens >= 100
        assert check.counts["given up"] >= 50
    # As a recording keeps them.
    sample = [decode(r).tables for r in from_columns(to_columns(records[:200]))]
    true = [decode(record).tables for record in records[:200]]
    assert [[t.place for t in ts] for ts in sample] == [
        [t.place for t in ts] for ts in true
    ]


def test_a_window_that_moves_on_is_told_by_the_blocks_that_leave(
    tap: TapReader, tmp_path: Path
) -> None:
    scheduler = group_shapes.make_scheduler(tmp_path, "full and window")
    drive = group_shapes.Drive(scheduler)
    records: list[bytes] = []
    steady = SteadyReader()
    for _ in range(200):
        drive.turn()
        records += _traces(tap, steady)
    tables = [table for record in records for table in decode(record).tables]
    left = [table for table in tables if table.replaces]
    assert len(left) >= 20
    assert {table.group for table in left} == {1}
    assert not np.concatenate([table.block_ids for table in left]).any()
    assert max(len(table.block_ids) for table in left) <= 96 // 16 + 1


def test_blocks_of_another_pool_are_refused_with_a_sentence(
    tap: TapReader, tmp_path: Path
) -> None:
    scheduler = group_shapes.make_scheduler(tmp_path, "full and window")
    managers = scheduler.kv_cache_manager.coordinator.single_type_managers
    with pytest.raises(UntraceableModel, match="more than one pool"):
        groups_of_model(scheduler.kv_cache_config, managers, pool=object())
