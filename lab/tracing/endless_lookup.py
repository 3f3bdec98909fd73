"""EndlessLookup: what vLLM itself would have found if no block were ever evicted.

vLLM's coordinator looks for the longest hit that all KV-cache groups agree on. A twin
of it asks the same of a pool that has every block that was ever cached, by its number,
so that the rules are vLLM's own in each version.
"""

from collections.abc import Sequence
from copy import copy
from typing import Any

from vllm.v1.core.kv_cache_utils import (
    BlockHash,
    make_block_hash_with_group_id,
    resolve_block_hashes,
)
from vllm.v1.core.single_type_kv_cache_manager import (
    ChunkedLocalAttentionManager,
    FullAttentionManager,
    MambaManager,
    SlidingWindowManager,
)
from vllm.v1.request import Request

from lab.tracing.group_notes import Hits, group_note
from lab.tracing.groups import GroupKind, Groups, step_of_hits
from lab.tracing.hash_numbers import HashNumbers
from lab.tracing.traced_manager import Looked
from lab.tracing.traced_pool import TracingBlockPool

_MANAGERS = {
    GroupKind.FULL: FullAttentionManager,
    GroupKind.WINDOW: SlidingWindowManager,
    GroupKind.CHUNK: ChunkedLocalAttentionManager,
    GroupKind.STATE: MambaManager,
}


def hits_of(scheduler: Any, groups: Groups) -> Hits:
    """Whether the lookups of this scheduler's groups can be told exactly."""
    config = scheduler.vllm_config
    coordinator = scheduler.kv_cache_manager.coordinator
    managers = coordinator.single_type_managers
    kinds = [group.kind for group in groups]
    if any(
        type(manager) is not _MANAGERS.get(kind)
        for kind, manager in zip(kinds, managers, strict=True)
    ):
        return Hits.KIND
    if config.speculative_config is not None or coordinator.eagle_group_ids:
        return Hits.DRAFTS
    if getattr(coordinator, "enable_partial_hash_hits", False):
        return Hits.PARTS
    if config.kv_transfer_config is not None:
        return Hits.CONNECTOR
    parallel = config.parallel_config
    ranks = ("decode_context_parallel_size", "prefill_context_parallel_size")
    if any(getattr(parallel, name, 1) > 1 for name in ranks):
        return Hits.RANKS
    return Hits.TOLD


class _EverCached:
    """A block pool as far as a lookup asks one; its blocks are numbers of hashes."""

    null_block = 0

    def __init__(self, pool: TracingBlockPool) -> None:
        self.hash_block_size = pool.hash_block_size
        self.end = 0
        """Numbers from here on were cached after the lookup."""
        self._numbers: HashNumbers = pool.numbers

    def get_cached_block(
        self, block_hash: BlockHash, kv_cache_group_ids: Sequence[int]
    ) -> list[int] | None:
        """Numbers of the block in each group, or None where one never had it."""
        found = [self.number(block_hash, group) for group in kv_cache_group_ids]
        return found if all(found) else None

    def number(self, block_hash: BlockHash, group: int) -> int:
        """Of the block in one group; 0 where it was never cached."""
        key = make_block_hash_with_group_id(block_hash, group)
        number = self._numbers.known(key)
        return number if number < self.end else 0


class EndlessLookup:
    """Of one traced pool."""

    def __init__(
        self, coordinator: Any, groups: Groups, traced_pool: TracingBlockPool
    ) -> None:
        self._groups = groups
        self._step = step_of_hits(groups)
        self._traced_pool = traced_pool
        self._pool = _EverCached(traced_pool)
        self._twin = copy(coordinator)
        self._twin.block_pool = self._pool
        self._twin.single_type_managers = tuple(
            map(self._twin_of, coordinator.single_type_managers)
        )

    def _twin_of(self, manager: Any) -> Any:
        twin = copy(manager)
        twin.block_pool = self._pool
        return twin

    def notes(self, looked: Looked) -> list[int]:
        """The words of GROUP_LOOKUP of each group."""
        self._pool.end = looked.next_number
        hashes = looked.request.block_hashes
        blocks, num_known = self._twin.find_longest_cache_hit(
            hashes, looked.max_length
        )[:2]
        words = []
        for group, found in enumerate(blocks):
            hits = self._hits(looked, group)
            known = [(at, number) for at, number in enumerate(found) if number]
            if num_known < looked.num_hit_tokens:  # it forgot what is cached still
                known = hits
            if self._groups[group].kind is GroupKind.FULL:
                known = self._from_the_first(looked, group, known)
            missing = self._missing(looked, group, num_known + self._step)
            most = max(num_known, looked.num_hit_tokens)
            words += group_note(group, most, missing, hits, known)
        return words

    def _hits(self, looked: Looked, group: int) -> list[tuple[int, int]]:
        """What it hit it holds, so that the numbers are those of the lookup."""
        number_of = self._traced_pool.number_of
        return [
            (at, number_of.get(block.block_id, 0))
            for at, block in enumerate(looked.hit_blocks[group])
            if not block.is_null
        ]

    def _from_the_first(
        self, looked: Looked, group: int, known: list[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        """All that was ever cached up to the first that never was."""
        hashes = self._hashes(looked.request, group)
        most = looked.max_length // self._groups[group].block_size
        for at in range(len(known), most):
            number = self._pool.number(hashes[at], group)
            if not number:
                break
            known.append((at, number))
        return known

    def _missing(self, looked: Looked, group: int, num_tokens: int) -> int | None:
        """The first block that the group was never given of those it needs."""
        if num_tokens > looked.max_length:
            return None
        hashes = self._hashes(looked.request, group)
        for at in self._groups[group].needed(num_tokens):
            if not self._pool.number(hashes[at], group):
                return at
        return None

    def _hashes(self, request: Request, group: int) -> Any:
        """Of the request's blocks in this group, in order."""
        size = self._groups[group].block_size
        hash_size = self._pool.hash_block_size
        return resolve_block_hashes(request.block_hashes, hash_size, size)
