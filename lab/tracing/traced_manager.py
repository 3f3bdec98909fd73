"""TracingCacheManager: vLLM's KVCacheManager, remembering each lookup of a step.

vLLM looks a waiting request up in the prefix cache when it stands first in the queue,
in each step anew until it is admitted. What the cache held at that moment is gone a
moment later, when blocks are taken.
"""

import time
from dataclasses import dataclass
from typing import Any

from vllm.v1.core.kv_cache_manager import KVCacheManager
from vllm.v1.request import Request

from lab.tracing.traced_pool import TracingBlockPool


@dataclass(slots=True)
class Looked:
    """One lookup, as it was then."""

    request: Request
    num_hit_tokens: int
    hit_blocks: Any
    """Of each KV-cache group: KVCacheBlocks in order."""
    log_length: int
    """Words in the pool's log before it."""
    next_number: int
    """Numbers of hashes from here on were cached after it."""
    max_length: int
    """Tokens that may be hit: the last one is always computed."""
    num_needed: int | None = None
    """Free blocks that vLLM wanted for it in vain; None: it did not say."""


class TracingCacheManager(KVCacheManager):
    """``lookups`` has those since it was last emptied, by request id, in order; made
    from a KVCacheManager in place, whose block pool is traced already."""

    lookups: dict[str, Looked]

    @staticmethod
    def attach(manager: KVCacheManager) -> "TracingCacheManager":
        """Turn vLLM's own manager into a tracing one, without rebuilding it."""
        manager.__class__ = TracingCacheManager
        assert isinstance(manager, TracingCacheManager)
        manager.lookups = {}
        return manager

    def detach(self) -> None:
        """Turn back into vLLM's class."""
        self.__class__ = KVCacheManager

    def get_computed_blocks(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        found = super().get_computed_blocks(request, *args, **kwargs)
        start = time.perf_counter_ns()
        pool = self.block_pool
        assert isinstance(pool, TracingBlockPool)
        self.lookups.pop(request.request_id, None)
        self.lookups[request.request_id] = Looked(
            request,
            found[1],
            found[0].blocks,
            len(pool.log),
            pool.numbers.next_number,
            _max_length(request, *args, **kwargs),
        )
        pool.hook_ns += time.perf_counter_ns() - start
        return found

    def was_looked_up(self, request: Request) -> bool:
        """Whether the prefix cache may serve it: it is on, and may be read."""
        return self.enable_caching and not request.skip_reading_prefix_cache

    def num_needed(self, looked: Looked, num_tokens: int) -> int:
        """Free blocks that vLLM wants for so many tokens of a request: those that it
        hits and nobody holds are taken out of the free ones too, and so many stay
        free as its watermark says."""
        total = -(-num_tokens // self.block_pool.hash_block_size)
        held = sum(block.ref_cnt > 0 for block in looked.hit_blocks[0])
        return max(0, total - held) + self.watermark_blocks


def _max_length(request: Request, max_cache_hit_length: int | None = None) -> int:
    """As vLLM 0.33 is told it; the others always take this."""
    return (
        request.num_tokens - 1
        if max_cache_hit_length is None
        else (max_cache_hit_length)
    )
