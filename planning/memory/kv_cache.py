"""The KV cache: bytes a token, blocks of the pool, and what a request takes of it.

What each layer keeps is told in ``layer_caches``, how layers share block tables and the
pool in ``kv_groups``, what vLLM reserves for a request in ``kv_reserve``.
"""

import math
from dataclasses import dataclass

from planning.errors import BadSetting
from planning.interval import Interval
from planning.memory.engine_settings import EngineSettings
from planning.memory.kv_groups import Group, Kind, groups_of
from planning.memory.kv_packed import packed_groups, slot_bytes
from planning.memory.kv_reserve import in_flight_tokens, state_pages
from planning.memory.layer_caches import caches_of, state_bytes_of
from planning.memory.versions import version_of
from planning.memory.weights import stage_layers

TOKENS_BY_CONCURRENCY_SINCE = (0, 21)
"""Since about then "KV cache size" is the concurrency times the context (read in
0.26.0 and fitting a log of 0.29; 0.19 still divided the blocks by the groups)."""
PACKED_ANEW_SINCE = (0, 27)
"""Since then DeepSeek V4's groups are those read in 0.32; a report of 0.28.1 shows them
(vLLM issue 54703, 2026-09)."""


@dataclass(frozen=True)
class KvLayout:
    """How one GPU of one pipeline stage keeps the cache."""

    bytes_per_token: int
    """In all layers of this GPU while no window has passed over it; without states."""
    state_bytes: int
    """Of a request in all layers of this GPU that keep a state, without padding."""
    groups: tuple[Group, ...]
    layers: range
    """Of this stage."""
    in_flight: int
    """Tokens of the steps not yet settled."""
    state_pages: Interval
    """Pages of a state that a request holds, whole numbers."""
    max_model_len: int
    is_size_by_concurrency: bool
    slot_bytes: int = 0
    """Of a block of DeepSeek V4 up to 0.26, which counts blocks by bytes; else 0."""

    @property
    def num_layers(self) -> int:
        """Layers of this stage."""
        return len(self.layers)

    @property
    def num_groups(self) -> int:
        """Block tables of a request."""
        return len(self.groups)

    @property
    def group_size(self) -> int:
        """Layers of a group, padding included."""
        return max(len(group.caches) for group in self.groups)

    def num_groups_of(self, kind: Kind) -> int:
        """Block tables of that kind."""
        return sum(1 for group in self.groups if group.kind is kind)

    @property
    def block_size(self) -> int:
        """Tokens of the smallest block."""
        return min(group.block_size for group in self.groups)

    @property
    def block_bytes(self) -> int:
        """Bytes of one physical block on this GPU: of the largest group."""
        if self.slot_bytes:
            return self.slot_bytes
        return max(1, *(group.page_bytes(self.layers) for group in self.groups), 0)

    def num_blocks(self, pool_bytes: float) -> int:
        """Whole blocks of a pool."""
        return max(0, int(pool_bytes // self.block_bytes))

    def blocks_per_request(
        self, num_tokens: int, in_flight: int, state_pages: int | None = None
    ) -> int:
        """Blocks of a request of that length, over all groups."""
        pages = int(self.state_pages.value) if state_pages is None else state_pages
        return sum(g.blocks(num_tokens, in_flight, pages) for g in self.groups)

    @property
    def blocks_per_user(self) -> Interval:
        """Of a request of the whole context; whole numbers."""
        low, value, high = (
            self.blocks_per_request(self.max_model_len, self.in_flight, int(pages))
            for pages in (
                self.state_pages.low,
                self.state_pages.value,
                self.state_pages.high,
            )
        )
        return Interval(low, value, high)

    def concurrency(self, num_blocks: int) -> float:
        """What vLLM logs as "Maximum concurrency"."""
        if self.slot_bytes:
            return num_blocks / self._blocks_by_bytes()
        return num_blocks / self.blocks_per_user.value

    def _blocks_by_bytes(self) -> int:
        """Of a request of the whole context, in pages of the first group."""
        whole = range(max(one.layer for one in self.groups[0].caches) + 1)
        pages = [
            (group.blocks(self.max_model_len, self.in_flight, 1), group)
            for group in self.groups
        ]
        used = sum(number * group.page_bytes(whole) for number, group in pages)
        return math.ceil(used / self.groups[0].page_bytes(whole))

    def num_tokens(self, num_blocks: int) -> int:
        """What vLLM logs as "KV cache size"."""
        if self.is_size_by_concurrency:
            return int(self.concurrency(num_blocks) * self.max_model_len)
        return num_blocks // self.num_groups * self.block_size


def kv_layout(settings: EngineSettings, rank: int = 0) -> KvLayout:
    """The layout on the GPUs of pipeline stage ``rank`` (from 0); raises BadSetting.

    vLLM forms the groups of all stages' layers together.
    """
    model = settings.model
    version = version_of(settings.vllm_version)
    is_old = version < PACKED_ANEW_SINCE
    caches = caches_of(settings)
    try:
        if model.compressed:
            groups = packed_groups(caches, is_old=is_old)
        else:
            groups = groups_of(caches)
    except ValueError as error:
        reason = f"of {model.name} do not come to one size: {error}."
        raise BadSetting("kv_cache_dtype", f"gives pages that {reason}") from error
    first, end = stage_layers(model.num_hidden_layers, settings.pp)[rank]
    if rank == settings.pp - 1:
        end = max(end, *(one.layer + 1 for one in caches), 0)  # the drafter's too
    layers = range(first, end)
    mine = [one.spec for one in caches if one.layer in layers]
    state = model.state
    return KvLayout(
        bytes_per_token=sum(
            s.page_bytes // s.block_size for s in mine if s.kind is not Kind.STATE
        ),
        state_bytes=(
            state_bytes_of(settings) * len(state.layers.intersection(layers))
            if state
            else 0
        ),
        groups=groups,
        layers=layers,
        in_flight=in_flight_tokens(settings),
        state_pages=state_pages(settings),
        max_model_len=settings.max_model_len,
        is_size_by_concurrency=version >= TOKENS_BY_CONCURRENCY_SINCE,
        slot_bytes=slot_bytes(groups, layers) if model.compressed and is_old else 0,
    )
