"""What a replay needs of a model with KV-cache groups, inside vLLM's scheduler."""

from collections.abc import Iterable, Iterator
from math import gcd
from typing import Any

from vllm.v1.core.kv_cache_utils import get_group_id
from vllm.v1.kv_cache_interface import MambaSpec
from vllm.v1.request import Request

from lab.tracing.endless_lookup import hits_of
from lab.tracing.group_notes import Hits
from lab.tracing.groups import Groups
from lab.tracing.replay_notes import ReplayGroup

STATE_MODES = ("none", "all", "align")


class KeyContents:
    """Of each hash in the prefix cache: whose beginning of how many tokens it stands
    for. Told by the pool as it hashes."""

    def __init__(self) -> None:
        self._made: dict[Any, tuple[Any, int]] = {}

    def made(self, key: Any, whose: Any, num_tokens: int) -> None:
        """A block got this hash."""
        self._made[key] = whose, num_tokens

    def lost(self, keys: Iterable[Any], pool: Any) -> None:
        """A block has these no more."""
        for key in keys:
            if pool.cached_block_hash_to_block.get_one_block(key) is None:
                self._made.pop(key, None)

    def clear(self) -> None:
        """The prefix cache is empty."""
        self._made.clear()

    def of(self, key: Any) -> tuple[Any, int] | None:
        """Whose, and the tokens."""
        return self._made.get(key)


def granule_size(scheduler: Any) -> int:
    """Tokens that both a hash and each group's block are a multiple of."""
    pool = scheduler.kv_cache_manager.block_pool
    managers = scheduler.kv_cache_manager.coordinator.single_type_managers
    sizes = [manager.block_size for manager in managers]
    return gcd(pool.hash_block_size, scheduler.block_size, *sizes)


def replay_groups(scheduler: Any, groups: Groups) -> tuple[ReplayGroup, ...]:
    """The groups; none where a replay does not know all that their blocks go by."""
    if hits_of(scheduler, groups) is not Hits.TOLD:
        return ()
    config = scheduler.kv_cache_config
    specs = [group.kv_cache_spec for group in config.kv_cache_groups]
    size = scheduler.cache_config.block_size
    if getattr(config, "prefix_cache_retention_interval", None) is not None:
        return ()
    if any(_has_more(spec, size) for spec in specs):
        return ()
    return tuple(
        ReplayGroup(
            group.kind,
            group.block_size,
            group.window,
            STATE_MODES.index(getattr(spec, "mamba_cache_mode", "none")),
            specs.index(spec),
        )
        for group, spec in zip(groups, specs, strict=True)
    )


def _has_more(spec: Any, block_size: int) -> bool:
    if not isinstance(spec, MambaSpec):
        return bool(getattr(spec, "extra_retained_tokens", 0))
    mode = spec.mamba_cache_mode
    return (
        mode not in STATE_MODES
        or (mode == "align" and spec.block_size != block_size)
        or spec.num_speculative_blocks > 0
        or getattr(spec, "num_prefill_checkpoint_blocks", 0) > 0
    )


def cached_keys(pool: Any) -> Iterator[tuple[int, int, Any]]:
    """Block id, group and hash, in the order in which vLLM would find those of one
    hash; of each block its first hash before the others."""
    later = []
    for key, found in pool.cached_block_hash_to_block._cache.items():
        for block in found.values() if isinstance(found, dict) else (found,):
            row = block.block_id, get_group_id(key), key
            if block.block_hash == key:
                yield row
            else:
                later.append(row)
    yield from later


def group_live_words(scheduler: Any, request: Request, short_id: int) -> list[int]:
    """The rows of GROUP_LIVE of a running request."""
    words: list[int] = []
    managers = scheduler.kv_cache_manager.coordinator.single_type_managers
    request_id = request.request_id
    for group, manager in enumerate(managers):
        num_cached = manager.num_cached_block.get(request_id)
        last_state = getattr(manager, "last_state_block_idx", {}).get(request_id)
        words += (
            short_id,
            group,
            0 if num_cached is None else num_cached + 1,
            0 if last_state is None else last_state + 1,
            getattr(manager, "_num_retired_blocks", {}).get(request_id, -1) + 1,
            int(request_id in getattr(manager, "_allocated_block_reqs", ())),
            getattr(request, "shared_prefix_boundary", 0) or 0,
        )
    return words
