"""The KV cache: bytes a token, blocks of the pool, and what a request takes of it.

What each layer keeps is told here, as vLLM's layers tell it (get_kv_cache_spec); how
the layers then share block tables and the pool, in ``kv_groups``.
"""

import math
from dataclasses import dataclass

from planning.errors import BadSetting
from planning.interval import Interval
from planning.memory.engine_settings import EngineSettings, version_of
from planning.memory.kv_groups import Cache, Group, Kind, Spec, groups_of
from planning.memory.kv_packed import compressed_caches, packed_groups, slot_bytes
from planning.memory.model import KvHeads, Model
from planning.memory.state_layers import StateKind
from planning.memory.weights import stage_layers

SETTLED_SINCE = (0, 26)
"""Since then the blocks of steps under way count as held, two with asynchronous
scheduling; before, of one step (vLLM pull request 47728, 2026-07; 0.26.0 and 0.32)."""
TOKENS_BY_CONCURRENCY_SINCE = (0, 21)
"""Since about then "KV cache size" is the concurrency times the context (read in
0.26.0 and fitting a log of 0.29; 0.19 still divided the blocks by the groups)."""
STATE_CACHING_SINCE = (0, 27)
"""Since then prefix caching is on for layers with a state too, which takes two pages
(vLLM pull request 50991, merged 2026-08; read in 0.32, opt-in in 0.26.0)."""
STATES_READ = ((0, 26), (0, 32))
"""Versions whose pages of a state were read; between them either may hold."""
_NEW_RUNNER_SINCE = (0, 27)
_ROW_BLOCK_SINCE = (0, 27)
_SPARSE_BLOCK = 64
"""FlashMLA's sparse kernel takes no other (v1/attention/backends/mla)."""
_SPARSE_ROW_BYTES = 656
"""Of a row of sparse attention in the format fp8_ds_mla, with its scales."""
PACKED_ANEW_SINCE = (0, 27)
"""Since then DeepSeek V4's groups are those read in 0.32; a report of 0.28.1 shows them
(vLLM issue 54703, 2026-09)."""
_BLACKWELL_ROW_BLOCK = 32
_HYBRID_ROW_BLOCK = 128
_INDEX_SCALE_VALUES = 128
"""Values of the indexer's row that share one 32-bit scale; each value has 8 bit."""


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
    caches = list(_caches(settings))
    try:
        if model.compressed:
            groups = packed_groups(caches, is_old=is_old)
        else:
            groups = groups_of(caches)
    except ValueError as error:
        reason = f"of {model.name} do not come to one size: {error}."
        raise BadSetting("kv_cache_dtype", f"gives pages that {reason}") from error
    layers = range(*stage_layers(model.num_hidden_layers, settings.pp)[rank])
    mine = [one.spec for one in caches if one.layer in layers]
    state = model.state
    return KvLayout(
        bytes_per_token=sum(
            s.page_bytes // s.block_size for s in mine if s.kind is not Kind.STATE
        ),
        state_bytes=(
            state.state_bytes(settings.tp, settings.element_bytes)
            * len(state.layers.intersection(layers))
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


def in_flight_tokens(settings: EngineSettings) -> int:
    """Tokens that may be scheduled and not yet settled.

    vLLM, config/vllm.py (max_concurrent_batches): two steps with asynchronous
    scheduling, one a stage and one more with several; the old model runner, which
    0.26 keeps for experts, has no asynchronous scheduling with several stages.
    """
    version = version_of(settings.vllm_version)
    if version < SETTLED_SINCE:
        return settings.max_num_batched_tokens
    is_old_runner = version < _NEW_RUNNER_SINCE and (
        settings.model.moe is not None or settings.model.state is not None
    )
    steps = settings.pp
    if settings.pp == 1 or not is_old_runner:
        steps += 1
    return steps * settings.max_num_batched_tokens


def state_pages(settings: EngineSettings) -> Interval:
    """Pages of a state that one request holds: of vLLM's modes none and align.

    vLLM, v1/kv_cache_interface.py (MambaSpec.max_memory_usage_bytes) and
    model_executor/models/config.py (MambaModelConfig).
    """
    model, version = settings.model, version_of(settings.vllm_version)
    if model.state is None or model.attention_layers == frozenset():
        return Interval.exact(1)
    is_cached = settings.enable_prefix_caching
    if is_cached is None:
        is_cached = version >= STATE_CACHING_SINCE
    if not is_cached:
        return Interval.exact(1)
    most = 2 + (model.state.kind in (StateKind.MAMBA2, StateKind.KDA))
    if version >= STATES_READ[1]:
        is_sure = model.state.kind is not StateKind.KDA
        return Interval.exact(most) if is_sure else Interval(2, most, most)
    if version <= STATES_READ[0]:
        return Interval.exact(2)
    least = 2 if settings.enable_prefix_caching else 1
    return Interval(least, 2, most)


def bytes_per_token_and_layer(model: Model, tp: int, element_bytes: int) -> int:
    """K and V of the heads on one GPU; of MLA one row that all GPUs repeat."""
    if model.mla:
        if model.mla.index_head_dim and element_bytes == 1:
            return _SPARSE_ROW_BYTES
        return model.mla.row_size * element_bytes
    heads = KvHeads(model.num_key_value_heads, model.head_dim)
    return _bytes_of(heads, tp, element_bytes)


def _bytes_of(heads: KvHeads, tp: int, element_bytes: int) -> int:
    return 2 * max(1, heads.number // tp) * heads.head_dim * element_bytes


def _caches(settings: EngineSettings) -> list[Cache]:
    """What all layers of the model keep, in their order."""
    model = settings.model
    if model.compressed:
        return list(compressed_caches(model.compressed, model.num_hidden_layers))
    windowed = model.window.layers if model.window else frozenset()
    own = model.num_hidden_layers - model.num_kv_shared_layers
    narrow = bytes_per_token_and_layer(model, settings.tp, settings.kv_bytes)
    full = narrow
    if model.full_heads:
        full = _bytes_of(model.full_heads, settings.tp, settings.kv_bytes)
    size = _block_size(settings, full)
    page = size * full
    found = []
    for i in range(model.num_hidden_layers):
        if model.state and i in model.state.layers:
            found.append(Cache(i, _state_spec(settings, size, page)))
        if not model.has_attention(i) or i >= own:
            continue
        if i in windowed:
            found.append(Cache(i, _window_spec(model, size, narrow)))
        else:
            found.append(Cache(i, Spec(Kind.FULL, size, page, is_row=bool(model.mla))))
        if model.mla and model.mla.has_indexer(i):
            row = model.mla.index_head_dim * (1 + 4 / _INDEX_SCALE_VALUES)
            found.append(Cache(i, Spec(Kind.FULL, size, size * int(row), is_row=True)))
    return found


def _window_spec(model: Model, block_size: int, token_bytes: int) -> Spec:
    assert model.window is not None
    kind = Kind.CHUNK if model.window.is_chunked else Kind.WINDOW
    return Spec(kind, block_size, block_size * token_bytes, model.window.size)


def _state_spec(settings: EngineSettings, block_size: int, page_bytes: int) -> Spec:
    """A state's page, padded to that of attention where the model has both."""
    model = settings.model
    assert model.state is not None
    own = model.state.state_bytes(settings.tp, settings.element_bytes)
    if model.attention_layers == frozenset():
        return Spec(Kind.STATE, settings.max_model_len, own)
    is_aligned = state_pages(settings).value > 1
    tokens = block_size if is_aligned else settings.max_model_len
    return Spec(Kind.STATE, tokens, page_bytes)


def _block_size(settings: EngineSettings, token_bytes: int) -> int:
    """Tokens of a block of attention: more where a page must hold a whole state.

    vLLM, platforms/interface.py (_align_hybrid_block_size).
    """
    model = settings.model
    size = _kernel_block_size(settings)
    if model.state is None or model.attention_layers == frozenset():
        return size
    state = model.state.state_bytes(settings.tp, settings.element_bytes)
    unit = size
    if model.mla and version_of(settings.vllm_version) >= _ROW_BLOCK_SINCE:
        unit = max(unit, _HYBRID_ROW_BLOCK)
    return max(size, unit * math.ceil(state / (unit * token_bytes)))


def _kernel_block_size(settings: EngineSettings) -> int:
    """What the attention kernels take, at least."""
    mla = settings.model.mla
    if mla is None:
        return settings.block_size
    if mla.index_head_dim:
        return max(settings.block_size, _SPARSE_BLOCK)
    if settings.arch == "blackwell":
        return max(settings.block_size, _BLACKWELL_ROW_BLOCK)
    return settings.block_size
