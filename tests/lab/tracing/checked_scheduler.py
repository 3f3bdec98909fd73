"""A TracingScheduler that checks itself against vLLM's own block pool.

After each record it decodes what was written, applies it to a PoolMirror, and compares
that with the pool and the block tables that vLLM itself keeps. Runs inside the
EngineCore process; ``report`` writes the counts as JSON.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.tracing.mirror import PoolMirror
from lab.tracing.replay_notes import is_replay_note
from lab.tracing.scheduler import TracingScheduler
from lab.tracing.trace import SteadyReader, TraceKind, decode


class Check:
    """Compares a mirror with a scheduler; counts comparisons and keeps mismatches."""

    def __init__(self, num_blocks: int, block_size: int) -> None:
        self.mirror = PoolMirror(num_blocks, block_size)
        self.counts = dict.fromkeys(
            (
                *("records", "steady", "snapshots", "finished"),
                *("blocks", "owners", "shared", "given up"),
            ),
            0,
        )
        self.mismatches: list[str] = []
        self._steady = SteadyReader()

    def take(self, record: bytes, scheduler: TracingScheduler) -> None:
        """Apply one record and compare everything."""
        full = self._steady.expand(record)
        if full is None:
            self.mismatches.append("a steady record has nothing to go on from")
            return
        trace = decode(full)
        self.counts["steady"] += full is not record
        if not self.mirror.follows(trace):
            self.mismatches.append(f"record {trace.header.sequence} does not follow")
        self.counts["finished"] += len(self.mirror.apply(trace))
        self.counts["records"] += 1
        self.counts["snapshots"] += trace.header.kind is TraceKind.SNAPSHOT
        self._compare_blocks(scheduler)
        self._compare_tables(scheduler)
        self._compare_header(scheduler)

    def _differ(self, what: str, told: object, true: object) -> None:
        if told != true and len(self.mismatches) < 20:
            self.mismatches.append(f"{what}: told {told}, vLLM has {true}")

    def _compare_blocks(self, scheduler: TracingScheduler) -> None:
        mirror = self.mirror
        null, *blocks = scheduler.kv_cache_manager.block_pool.blocks
        told_null = int(mirror.ref_cnt[null.block_id]), bool(mirror.has_hash[0])
        self._differ("null block", told_null, (0, False))
        for block in blocks:
            told = (
                int(mirror.ref_cnt[block.block_id]),
                bool(mirror.has_hash[block.block_id]),
            )
            true = (block.ref_cnt, block.block_hash is not None)
            self._differ(f"block {block.block_id}", told, true)
            self.counts["blocks"] += 1
            self.counts["shared"] += block.ref_cnt > 1

    def _compare_tables(self, scheduler: TracingScheduler) -> None:
        """Owners and logical order: block table by block table, both ways."""
        managers = scheduler.kv_cache_manager.coordinator.single_type_managers
        sizes = [group.block_size for group in self.mirror.groups]
        self._differ("groups", sizes, [manager.block_size for manager in managers])
        for group, manager in enumerate(managers):
            true_tables = {
                scheduler._traced[request_id].short_id: [b.block_id for b in blocks]
                for request_id, blocks in manager.req_to_blocks.items()
                if blocks
            }
            told_tables = {
                short_id: list(request.table(group))
                for short_id, request in self.mirror.requests.items()
                if request.table(group)
            }
            self._differ(f"block tables of group {group}", told_tables, true_tables)
            self.counts["owners"] += sum(map(len, true_tables.values()))
            self.counts["given up"] += sum(ids.count(0) for ids in told_tables.values())
        for request in scheduler.requests.values():
            if request.is_finished():
                continue
            traced = scheduler._traced[request.request_id]
            told = self.mirror.requests[traced.short_id]
            self._differ(
                f"computed tokens of {traced.short_id}",
                told.num_computed_tokens,
                request.num_computed_tokens,
            )

    def _compare_header(self, scheduler: TracingScheduler) -> None:
        header = self.mirror.header
        assert header is not None
        pool = scheduler.kv_cache_manager.block_pool
        self._differ("free", header.num_free_blocks, pool.get_num_free_blocks())
        self._differ("running", header.num_running, len(scheduler.running))
        queue = [*scheduler._first_waiting, *scheduler.waiting]
        true = [scheduler._traced[r.request_id].short_id for r in queue]
        self._differ("waiting", self.mirror.waiting, true)


class CheckedScheduler(TracingScheduler):
    """Checks every record that it writes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.check: Check | None = None
        self._written: list[bytes] = []
        super().__init__(*args, **kwargs)

    def schedule(self, *args: Any, **kwargs: Any) -> Any:
        with self._watched():
            return super().schedule(*args, **kwargs)

    def _emit(self, *args: Any, **kwargs: Any) -> None:
        with self._watched():
            super()._emit(*args, **kwargs)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Check what is written within, as soon as it tells all that is."""
        tap = self._tap
        assert tap is not None
        write = tap.write
        is_watched = "write" in tap.__dict__
        if not is_watched:
            tap.write = lambda record: (  # type: ignore[method-assign]
                self._written.append(record),
                write(record),
            )
        try:
            yield
        finally:
            if not is_watched:
                del tap.write
        self._check_written()

    def _check_written(self) -> None:
        written, self._written = self._written, []
        pool = self.kv_cache_manager.block_pool
        for record in written:
            if is_replay_note(record):
                continue
            if self.check is None:
                self.check = Check(pool.num_gpu_blocks, self.block_size)
            self.check.take(record, self)
            path = self.vllm_config.additional_config.get("report_path")
            if path:
                self._report(Path(path))

    def _report(self, path: Path) -> None:
        assert self.check is not None
        header = self.check.mirror.header
        assert header is not None
        report = {
            **self.check.counts,
            "evictions": header.num_evictions,
            "preemptions": header.num_preemptions,
            "hit_tokens": header.prefix_hit_tokens,
            "mismatches": self.check.mismatches,
        }
        path.write_text(json.dumps(report))
