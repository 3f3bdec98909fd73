"""TracingBlockPool: vLLM's block pool, marking each block that changes hands."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from vllm.v1.core.block_pool import BlockPool
from vllm.v1.core.kv_cache_utils import BlockHashWithGroupId, KVCacheBlock
from vllm.v1.request import Request

OnHashed = Callable[[Request, Sequence[KVCacheBlock], int, int], None]
"""A request's block table, and from where to where its blocks have hashes now."""


class TracingBlockPool(BlockPool):
    """Marks each block whose ref_cnt or hash changed; made from a BlockPool in place.

    ``dirty`` holds block ids, ``evicted`` those that lost their hash to make room.
    ``hook_ns`` adds up the time spent marking, in nanoseconds; ``on_hashed`` is called
    when blocks of a request are put into the prefix cache.
    """

    dirty: set[int]
    evicted: set[int]
    num_evictions: int
    hook_ns: int
    on_hashed: OnHashed

    @staticmethod
    def attach(pool: BlockPool, on_hashed: OnHashed) -> "TracingBlockPool":
        """Turn vLLM's own pool into a tracing one, without rebuilding it."""
        pool.__class__ = TracingBlockPool
        assert isinstance(pool, TracingBlockPool)
        pool.dirty, pool.evicted = set(), set()
        pool.num_evictions = pool.__dict__.get("num_evictions", 0)
        pool.hook_ns = 0
        pool.on_hashed = on_hashed
        return pool

    def detach(self) -> None:
        """Turn back into vLLM's class: no hook runs any more."""
        self.__class__ = BlockPool

    def _mark(self, blocks: Iterable[KVCacheBlock]) -> None:
        start = time.perf_counter_ns()
        self.dirty.update([block.block_id for block in blocks])
        self.hook_ns += time.perf_counter_ns() - start

    def get_new_blocks(self, num_blocks: int) -> list[KVCacheBlock]:
        blocks = super().get_new_blocks(num_blocks)
        self._mark(blocks)
        return blocks

    def _maybe_evict_cached_block(self, block: KVCacheBlock) -> bool:
        is_evicted = super()._maybe_evict_cached_block(block)
        if is_evicted:
            self.evicted.add(block.block_id)
            self.num_evictions += 1
        return is_evicted

    def touch(self, blocks: Sequence[KVCacheBlock]) -> None:
        super().touch(blocks)
        self._mark(blocks)

    def free_blocks(self, ordered_blocks: Iterable[KVCacheBlock]) -> None:
        blocks = list(ordered_blocks)
        super().free_blocks(blocks)
        self._mark(blocks)

    def cache_full_blocks(
        self,
        request: Request,
        blocks: list[KVCacheBlock],
        num_cached_blocks: int,
        num_full_blocks: int,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().cache_full_blocks(
            request, blocks, num_cached_blocks, num_full_blocks, *args, **kwargs
        )
        start = time.perf_counter_ns()
        self.on_hashed(request, blocks, num_cached_blocks, num_full_blocks)
        self.hook_ns += time.perf_counter_ns() - start

    def unpin_blocks(self, blocks: Iterable[KVCacheBlock], on_reuse: Any) -> None:
        pinned = list(blocks)
        super().unpin_blocks(pinned, on_reuse)
        self._mark(pinned)

    def _insert_block_hash(
        self,
        block_hash_with_group_id: BlockHashWithGroupId,
        block: KVCacheBlock,
        num_tokens: int | None,
    ) -> None:
        super()._insert_block_hash(block_hash_with_group_id, block, num_tokens)
        self._mark((block,))

    def _remove_cached_block_hashes(
        self, block: KVCacheBlock
    ) -> list[BlockHashWithGroupId]:
        removed = super()._remove_cached_block_hashes(block)
        if removed:
            self._mark((block,))
        return removed

    def reset_prefix_cache(self) -> bool:
        hashed = [block for block in self.blocks if block.block_hash is not None]
        is_reset = super().reset_prefix_cache()
        if is_reset:
            self._mark(hashed)
        return is_reset
