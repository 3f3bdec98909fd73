"""GroupTables: block tables of a model whose layers do not all use full attention.

Such a model has a table a request and KV-cache group, and tables change in the middle:
blocks that slid out of a window give way to the null block, a state's block is moved.
vLLM's own tables are compared with what was told of them, from the first place on that
is not null for good; nothing is compared in a step in which no block changed hands.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vllm.v1.core.kv_cache_utils import KVCacheBlock
from vllm.v1.kv_cache_interface import (
    ChunkedLocalAttentionSpec,
    FullAttentionSpec,
    KVCacheSpec,
    MambaSpec,
    SlidingWindowSpec,
    UniformTypeKVCacheSpecs,
)
from vllm.v1.request import Request

from lab.tracing.groups import MOST_GROUPS, Group, GroupKind, Groups
from lab.tracing.trace import REPLACES, place_word


class UntraceableModel(ValueError):
    """The model's KV cache is not one pool of blocks."""


def groups_of_model(kv_cache_config: Any, managers: Sequence[Any], pool: Any) -> Groups:
    """The groups in vLLM's order; raises UntraceableModel unless all take their blocks
    out of ``pool``."""
    specs = [group.kv_cache_spec for group in kv_cache_config.kv_cache_groups]
    if not 0 < len(specs) <= MOST_GROUPS:
        raise UntraceableModel(
            f"This model has {len(specs)} KV-cache groups; the lab shows models with "
            f"1 to {MOST_GROUPS}."
        )
    if any(manager.block_pool is not pool for manager in managers):
        raise UntraceableModel(
            "This model keeps blocks of its KV cache in more than one pool; the lab "
            "shows models with one."
        )
    return tuple(
        _described(one.kv_cache_spec, manager.block_size, len(one.layer_names))
        for one, manager in zip(kv_cache_config.kv_cache_groups, managers, strict=True)
    )


def is_plain(groups: Groups) -> bool:
    """Whether it is one group of full attention that gives no block up."""
    return len(groups) == 1 and groups[0][::2] == (GroupKind.FULL, 0)


def _described(spec: KVCacheSpec, block_size: int, num_layers: int) -> Group:
    if isinstance(spec, UniformTypeKVCacheSpecs):
        spec = next(iter(spec.kv_cache_specs.values()))
    kind, window = GroupKind.OTHER, 0
    if isinstance(spec, MambaSpec):
        kind = GroupKind.STATE
    elif isinstance(spec, SlidingWindowSpec):
        kind, window = GroupKind.WINDOW, spec.sliding_window
    elif isinstance(spec, ChunkedLocalAttentionSpec):
        kind, window = GroupKind.CHUNK, spec.attention_chunk_size
    elif isinstance(spec, FullAttentionSpec) and not hasattr(spec, "rswa_window"):
        kind, window = GroupKind.FULL, spec.sliding_window or 0
    return Group(kind, block_size, window, num_layers)


@dataclass(slots=True)
class _Told:
    """One table as it was told."""

    blocks: list[KVCacheBlock] = field(default_factory=list)
    num_null: int = 0
    """Null blocks that it begins with: these stay."""


class GroupTables:
    """Of one scheduler, while it is traced."""

    def __init__(self, managers: Sequence[Any], short_ids: dict[str, int]) -> None:
        """``managers``: vLLM's, of each group; ``short_ids`` by request id, kept by
        their owner."""
        self._managers = managers
        self._short_ids = short_ids
        self._told: dict[str, list[_Told]] = {}

    def forget(self, request_id: str) -> None:
        """The request gave up all its tables."""
        self._told.pop(request_id, None)

    def changes(self, requests: Iterable[Request]) -> tuple[list[int], int]:
        """Words of the table changes of these requests, and how many there are."""
        words: list[int] = []
        count = 0
        for request in requests:
            request_id = request.request_id
            told = self._told.get(request_id)
            if told is None:
                told = self._told[request_id] = [_Told() for _ in self._managers]
            for group, manager in enumerate(self._managers):
                blocks = manager.req_to_blocks.get(request_id, ())
                one = told[group]
                first = one.num_null
                if len(blocks) != len(one.blocks) or (
                    blocks[first:] != one.blocks[first:]
                ):
                    short_id = self._short_ids[request_id]
                    count += _tell(one, blocks, short_id, group, words)
        return words, count

    def all(self, requests: Iterable[Request]) -> tuple[list[int], int]:
        """Words of all tables of these requests, which are all there are."""
        self._told.clear()
        return self.changes(requests)


def _tell(
    told: _Told,
    blocks: Sequence[KVCacheBlock],
    short_id: int,
    group: int,
    words: list[int],
) -> int:
    """Add what is new in ``blocks`` to ``words`` and ``told``; how many changes."""
    before = told.blocks
    num_common = min(len(before), len(blocks))
    count = 0
    for start, end in _runs(before, blocks, told.num_null, num_common):
        words += (short_id, place_word(start, group) | REPLACES, end - start)
        words += [block.block_id for block in blocks[start:end]]
        before[start:end] = blocks[start:end]
        count += 1
    if len(before) != len(blocks):
        rest = blocks[num_common:]
        words += (short_id, place_word(num_common, group), len(rest))
        words += [block.block_id for block in rest]
        before[num_common:] = rest
        count += 1
    while told.num_null < len(before) and before[told.num_null].is_null:
        told.num_null += 1
    return count


def _runs(
    before: Sequence[KVCacheBlock], after: Sequence[KVCacheBlock], first: int, end: int
) -> list[tuple[int, int]]:
    """Stretches of neighbours in which two tables differ."""
    runs: list[tuple[int, int]] = []
    for index in range(first, end):
        if before[index] is after[index]:
            continue
        if runs and runs[-1][1] == index:
            runs[-1] = runs[-1][0], index + 1
        else:
            runs.append((index, index + 1))
    return runs
