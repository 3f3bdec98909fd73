"""The KV cache: bytes a token, blocks of the pool, and what a request takes of it.

All layers of a model with one kind of attention share one block table, and a block
holds its tokens in every layer. Where kinds mix, vLLM forms groups of equally many
layers, each with a block table of its own, out of one pool (vLLM 0.32,
v1/core/kv_cache_utils.py, _get_kv_cache_groups_uniform_page_size):

    10 layers that see all, 52 with a window:   group size 10
    group 0  full  full  …  (10)          a block = 16 tokens × 10 layers
    group 1  wind. wind. …  (10)
      …                                    a request takes blocks in all 7 groups
    group 6  wind. wind. pad. …  (2 + 8 of padding)
"""

import math
from dataclasses import dataclass

from planning.memory.engine_settings import EngineSettings
from planning.memory.model import Model
from planning.memory.weights import stage_layers

_LOPSIDED = 1.5
"""Up to this ratio of layers of both kinds the larger number is the group size."""


@dataclass(frozen=True)
class KvLayout:
    """How one GPU of one pipeline stage keeps the cache."""

    bytes_per_token_and_layer: int
    block_size: int
    group_size: int
    """Layers of a group, padding included."""
    num_full_groups: int
    num_window_groups: int
    window: int | None
    num_layers: int

    @property
    def num_groups(self) -> int:
        """Block tables of a request."""
        return self.num_full_groups + self.num_window_groups

    @property
    def block_bytes(self) -> int:
        """Bytes of one physical block on this GPU."""
        return self.bytes_per_token_and_layer * self.block_size * self.group_size

    @property
    def bytes_per_token(self) -> int:
        """Bytes a token takes in all layers while no window has passed over it."""
        return self.bytes_per_token_and_layer * self.num_layers

    def num_blocks(self, pool_bytes: float) -> int:
        """Whole blocks of a pool."""
        return max(0, int(pool_bytes // self.block_bytes))

    def blocks_per_request(self, num_tokens: int, max_num_batched_tokens: int) -> int:
        """Blocks of a request of that length, over all groups.

        A window keeps its tokens and those of the step under way, and may begin in
        the middle of a block.
        """
        full = math.ceil(num_tokens / self.block_size)
        if self.window is None:
            return full * self.num_groups
        kept = min(self.window - 1 + max_num_batched_tokens, num_tokens)
        windowed = min(full, math.ceil(kept / self.block_size) + 1)
        return full * self.num_full_groups + windowed * self.num_window_groups

    def num_tokens(self, num_blocks: int) -> int:
        """What vLLM logs as "KV cache size": tokens if every group had as many."""
        return num_blocks // self.num_groups * self.block_size


def bytes_per_token_and_layer(model: Model, tp: int, element_bytes: int) -> int:
    """K and V of the heads on one GPU; of MLA one row that all GPUs repeat."""
    if model.mla:
        return model.mla.row_size * element_bytes
    kv_heads = max(1, model.num_key_value_heads // tp)
    return 2 * kv_heads * model.head_dim * element_bytes


def kv_layout(settings: EngineSettings, rank: int = 0) -> KvLayout:
    """The layout on the GPUs of pipeline stage ``rank`` (from 0)."""
    model = settings.model
    first, last = stage_layers(model.num_hidden_layers, settings.pp)[rank]
    windowed = model.window.layers if model.window else frozenset()
    num_windowed = sum(1 for i in range(first, last) if i in windowed)
    num_full = last - first - num_windowed
    size = _group_size(num_full, num_windowed)
    return KvLayout(
        bytes_per_token_and_layer(model, settings.tp, settings.kv_bytes),
        settings.block_size,
        size,
        math.ceil(num_full / size),
        math.ceil(num_windowed / size),
        model.window.size if model.window else None,
        last - first,
    )


def _group_size(num_full: int, num_windowed: int) -> int:
    fewer, more = sorted((num_full, num_windowed))
    if fewer == 0 or more < fewer * _LOPSIDED:
        return max(1, more)
    return fewer
