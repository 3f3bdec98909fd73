"""A driven scheduler of several KV-cache groups, and what its lookups have to find.

That is worked out anew at each lookup, from what attention reads: the longest prefix of
whole blocks after which every group still has all that its next token looks at, in what
is cached now, and in what was ever cached.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.tracing.grouped_manager import GroupedCacheManager
from lab.tracing.groups import Group, GroupKind
from lab.tracing.scheduler import TracingScheduler
from lab.tracing.traced_pool import TracingBlockPool
from tests.lab.driven_scheduler import Driven
from tests.lab.tracing import group_shapes


@dataclass
class Truth:
    """Of one lookup."""

    num_hit: int
    """Tokens that all groups have now,"""
    num_ever: int
    """and of all that was ever cached."""
    lacking: dict[int, int]
    """By group: the first block that it never had of those that a longer hit needs."""
    had: list[int]
    """By group: blocks from the first on that are cached now."""


class _Remembering(TracingBlockPool):
    ever: set[Any]

    def _insert_block_hash(self, key: Any, *args: Any, **kwargs: Any) -> None:
        super()._insert_block_hash(key, *args, **kwargs)
        self.ever.add(key)


class _Watched(GroupedCacheManager):
    truths: dict[int, Truth]
    groups: tuple[Group, ...]

    def get_computed_blocks(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        if self.was_looked_up(request):
            short_id = int(request.request_id.split("-")[0])
            self.truths[short_id] = self._truth(request)
        return super().get_computed_blocks(request, *args, **kwargs)

    def _truth(self, request: Any) -> Truth:
        pool: Any = self.block_pool
        now = set(pool.cached_block_hash_to_block._cache)
        step = self.coordinator.scheduler_block_size
        most = (request.num_tokens - 1) // step * step
        num_hit = self._longest(request, most, step, now)
        num_ever = self._longest(request, most, step, pool.ever)
        lacking = {}
        for group in range(len(self.groups)) if num_ever < most else ():
            blocks = self._looked_at(group, num_ever + step)
            missing = self._missing(request, group, blocks, pool.ever)
            if missing:
                lacking[group] = missing[0]
        had = []
        for group, of in enumerate(self.groups):
            blocks = range((request.num_tokens - 1) // of.block_size)
            missing = self._missing(request, group, blocks, now)
            had.append(missing[0] if missing else len(blocks))
        return Truth(num_hit, num_ever, lacking, had)

    def _longest(self, request: Any, most: int, step: int, cached: set[Any]) -> int:
        for num_tokens in range(most, 0, -step):
            if not any(
                self._missing(request, at, self._looked_at(at, num_tokens), cached)
                for at in range(len(self.groups))
            ):
                return num_tokens
        return 0

    def _looked_at(self, group: int, num_tokens: int) -> range:
        """Blocks of the group that hold what its token at ``num_tokens`` looks at."""
        of = self.groups[group]
        first = {
            GroupKind.FULL: 0,
            GroupKind.WINDOW: max(0, num_tokens - of.window + 1),
            GroupKind.CHUNK: of.window and num_tokens // of.window * of.window,
            GroupKind.STATE: num_tokens - 1,
        }[of.kind]
        return range(first // of.block_size, num_tokens // of.block_size)

    def _missing(
        self, request: Any, group: int, blocks: Iterable[int], cached: set[Any]
    ) -> list[int]:
        from vllm.v1.core.kv_cache_utils import make_block_hash_with_group_id

        scale = self.groups[group].block_size // self.block_pool.hash_block_size
        hashes = request.block_hashes
        return [
            at
            for at in blocks
            if make_block_hash_with_group_id(hashes[(at + 1) * scale - 1], group)
            not in cached
        ]


class GroupsDriven(Driven):
    """Of a shape of tests.lab.tracing.group_shapes."""

    def make(self, directory: Path, **settings: Any) -> Any:
        made = group_shapes.make_scheduler(directory, kind=TracingScheduler, **settings)
        pool = made.kv_cache_manager.block_pool
        pool.__class__, pool.ever = _Remembering, set()
        manager = made.kv_cache_manager
        manager.__class__, manager.truths = _Watched, {}
        manager.groups = made._groups
        return made

    @property
    def truths(self) -> dict[int, Truth]:
        """Of each request's last lookup, by short id."""
        truths: dict[int, Truth] = self.scheduler.kv_cache_manager.truths
        return truths
