"""TracingBlockPool: vLLM's block pool, marking each block that changes hands."""

from collections.abc import Callable, Iterable, Sequence
from time import perf_counter_ns
from typing import Any, Protocol

from vllm.v1.core.block_pool import BlockPool
from vllm.v1.core.kv_cache_utils import BlockHashWithGroupId, KVCacheBlock
from vllm.v1.request import Request

from lab.tracing.hash_numbers import HashNumbers
from lab.tracing.notes import REMOVED, freed_note

OnHashed = Callable[[Request, Sequence[KVCacheBlock], int, int], None]
"""A request's block table, and from where to where its blocks have hashes now."""


class Keys(Protocol):
    """Follows the hashes of the prefix cache."""

    def hashed_key(self, request: Request, key: Any, num_tokens: int | None) -> None:
        """A block got the hash of the request's beginning of so many tokens."""

    def lost_keys(self, keys: Sequence[Any], pool: BlockPool) -> None:
        """A block has these no more."""


class TracingBlockPool(BlockPool):
    """Marks each block whose ref_cnt or hash changed; made from a BlockPool in place.

    ``dirty`` holds block ids, ``evicted`` those that lost their hash to make room.
    ``hook_ns`` adds up the time spent marking, in nanoseconds. ``log`` tells which
    block got or lost which hash, in order: words as in a BLOCKS note. ``on_hashed`` is
    called when blocks of a request are put into the prefix cache.
    """

    dirty: set[int]
    evicted: set[int]
    num_evictions: int
    hook_ns: int
    log: list[int]
    freed: list[tuple[int, list[int]]]
    """FRONT and BACK notes, in order: where vLLM put blocks that came free, each with
    the length of the log then."""
    numbers: HashNumbers
    number_of: dict[int, int]
    """By block id: the number of its hash."""
    on_hashed: OnHashed
    keys: Keys | None
    """Told each hash of a model with KV-cache groups; None for any other."""
    hashes_of: Request | None
    """Whose blocks get hashes now."""

    @staticmethod
    def attach(
        pool: BlockPool, on_hashed: OnHashed, keys: "Keys | None" = None
    ) -> "TracingBlockPool":
        """Turn vLLM's own pool into a tracing one, without rebuilding it."""
        pool.__class__ = TracingBlockPool
        assert isinstance(pool, TracingBlockPool)
        pool.dirty, pool.evicted = set(), set()
        pool.num_evictions = pool.__dict__.get("num_evictions", 0)
        pool.hook_ns = 0
        pool.log, pool.freed = [], []
        pool._number_all(pool.__dict__.get("numbers"))
        pool.on_hashed, pool.keys, pool.hashes_of = on_hashed, keys, None
        return pool

    def _number_all(self, before: HashNumbers | None) -> None:
        """Numbers for what is cached; what came and went while nobody traced has none,
        so that what was known ``before`` is no longer all."""
        self.numbers = HashNumbers()
        if before is not None:
            self.numbers.next_number = before.next_number
            self.numbers.num_forgotten = before.num_forgotten + 1
        self.number_of = {
            block.block_id: self.numbers.number(block.block_hash)
            for block in self.blocks
            if block.block_hash is not None
        }

    def detach(self) -> None:
        """Turn back into vLLM's class: no hook runs any more."""
        self.__class__ = BlockPool

    def _mark(self, blocks: Iterable[KVCacheBlock]) -> None:
        start = perf_counter_ns()
        dirty = self.dirty
        for block in blocks:
            dirty.add(block.block_id)
        self.hook_ns += perf_counter_ns() - start

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
        start = perf_counter_ns()
        free = [one for one in blocks if one.ref_cnt == 0 and not one.is_null]
        self._note_freed([one for one in free if one.block_hash is None], True)
        self._note_freed([one for one in free if one.block_hash is not None], False)
        self.hook_ns += perf_counter_ns() - start

    def _note_freed(self, blocks: list[KVCacheBlock], is_front: bool) -> None:
        if blocks:
            block_ids = [block.block_id for block in blocks]
            note = freed_note(block_ids, is_front=is_front)
            self.freed.append((len(self.log), note))

    def cache_full_blocks(
        self,
        request: Request,
        blocks: list[KVCacheBlock],
        num_cached_blocks: int,
        num_full_blocks: int,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        self.hashes_of = request
        super().cache_full_blocks(
            request, blocks, num_cached_blocks, num_full_blocks, *args, **kwargs
        )
        start = perf_counter_ns()
        self.on_hashed(request, blocks, num_cached_blocks, num_full_blocks)
        self.hook_ns += perf_counter_ns() - start

    def cache_partial_block(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        self.hashes_of = request
        return super().cache_partial_block(request, *args, **kwargs)

    def unpin_blocks(self, blocks: Iterable[KVCacheBlock], on_reuse: Any) -> None:
        pinned = list(blocks)
        super().unpin_blocks(pinned, on_reuse)
        self._mark(pinned)
        self._note_freed([one for one in pinned if one.ref_cnt == 0], False)

    def _insert_block_hash(
        self,
        block_hash_with_group_id: BlockHashWithGroupId,
        block: KVCacheBlock,
        num_tokens: int | None,
    ) -> None:
        super()._insert_block_hash(block_hash_with_group_id, block, num_tokens)
        start = perf_counter_ns()
        block_id, number_of = block.block_id, self.number_of
        self.dirty.add(block_id)
        if block_id not in number_of:
            number = self.numbers.number(block_hash_with_group_id)
            number_of[block_id] = number
            self.log += (block_id, number)
        if self.keys is not None and self.hashes_of is not None:
            key = block_hash_with_group_id
            self.keys.hashed_key(self.hashes_of, key, num_tokens)
        self.hook_ns += perf_counter_ns() - start

    def _remove_cached_block_hashes(
        self, block: KVCacheBlock
    ) -> list[BlockHashWithGroupId]:
        removed = super()._remove_cached_block_hashes(block)
        if removed:
            start = perf_counter_ns()
            self._note_removed(block.block_id)
            if self.keys is not None:
                self.keys.lost_keys(removed, self)
            self.hook_ns += perf_counter_ns() - start
        return removed

    def _note_removed(self, block_id: int) -> None:
        self.dirty.add(block_id)
        number = self.number_of.pop(block_id, None)
        if number is not None:
            self.log += (block_id, number | REMOVED)

    def reset_prefix_cache(self) -> bool:
        hashed = [block for block in self.blocks if block.block_hash is not None]
        is_reset = super().reset_prefix_cache()
        if is_reset:
            for block in hashed:
                self._note_removed(block.block_id)
            self.numbers.clear()
        return is_reset
