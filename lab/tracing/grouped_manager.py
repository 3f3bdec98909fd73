"""GroupedCacheManager: also remembers how many blocks vLLM wanted in vain.

With several KV-cache groups that depends on what each of them may skip, so that vLLM's
coordinator counts them; the count is kept as it makes it.
"""

from functools import cache
from typing import Any

from vllm.v1.core.kv_cache_manager import KVCacheManager
from vllm.v1.request import Request

from lab.tracing.traced_manager import TracingCacheManager


@cache
def _counting(kind: type) -> type:
    """A coordinator's class that keeps its last count of blocks in ``num_wanted``."""

    def count(self: Any, *args: Any, **kwargs: Any) -> int:
        wanted: int = kind.get_num_blocks_to_allocate(  # type: ignore[attr-defined]
            self, *args, **kwargs
        )
        self.num_wanted = wanted
        return wanted

    names = {"get_num_blocks_to_allocate": count}
    return type(f"Counting{kind.__name__}", (kind,), names)


class GroupedCacheManager(TracingCacheManager):
    """Made from a KVCacheManager in place, and its coordinator with it."""

    @staticmethod
    def attach(manager: KVCacheManager) -> "GroupedCacheManager":
        """Turn vLLM's own manager into a tracing one, without rebuilding it."""
        TracingCacheManager.attach(manager)
        manager.__class__ = GroupedCacheManager
        assert isinstance(manager, GroupedCacheManager)
        coordinator: Any = manager.coordinator
        kind: Any = type(coordinator)
        coordinator.__class__ = _counting(kind)
        return manager

    def detach(self) -> None:
        """Turn both back into vLLM's classes."""
        coordinator: Any = self.coordinator
        coordinator.__class__ = type(coordinator).__base__
        super().detach()

    def allocate_slots(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        blocks = super().allocate_slots(request, *args, **kwargs)
        coordinator: Any = self.coordinator
        # More than there are is no count: a state that is computed in this very step
        # cannot be gone on from before the next one.
        is_count = blocks is None and (
            coordinator.num_wanted <= self.block_pool.num_gpu_blocks
        )
        if is_count and (looked := self.lookups.get(request.request_id)):
            kept = self.watermark_blocks * kwargs.get("has_scheduled_reqs", True)
            kept += kwargs.get("reserved_blocks", 0)
            looked.num_needed = coordinator.num_wanted + kept
        return blocks
