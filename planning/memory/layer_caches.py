"""What each layer keeps on one GPU, as vLLM's layers tell it (get_kv_cache_spec)."""

import math

from planning.memory.engine_settings import EngineSettings, version_of
from planning.memory.kv_groups import Cache, Kind, Spec
from planning.memory.kv_packed import compressed_caches
from planning.memory.kv_reserve import state_pages
from planning.memory.model import KvHeads, Model

_ROW_BLOCK_SINCE = (0, 27)
_HYBRID_ROW_BLOCK = 128
"""Tokens that blocks of MLA beside states are a multiple of since then."""
_SPARSE_BLOCK = 64
"""FlashMLA's sparse kernel takes no other (v1/attention/backends/mla)."""
_SPARSE_ROW_BYTES = 656
"""Of a row of sparse attention in the format fp8_ds_mla, with its scales."""
_BLACKWELL_ROW_BLOCK = 32
"""FlashInfer's MLA kernel takes no smaller one."""
_INDEX_SCALE_VALUES = 128
"""Values of the indexer's row that share one 32-bit scale; each value has 8 bit."""


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


def caches_of(settings: EngineSettings) -> list[Cache]:
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
            own_page = _page_of(settings, i, size) if model.kv_heads_by_layer else page
            if own_page:
                spec = Spec(Kind.FULL, size, own_page, is_row=bool(model.mla))
                found.append(Cache(i, spec))
        if model.mla and model.mla.has_indexer(i):
            row = model.mla.index_head_dim * (1 + 4 / _INDEX_SCALE_VALUES)
            found.append(Cache(i, Spec(Kind.FULL, size, size * int(row), is_row=True)))
    return found


def _page_of(settings: EngineSettings, layer: int, block_size: int) -> int:
    """Bytes of a block in a layer whose heads are its own; 0: it has no attention."""
    number, head_dim = settings.model.kv_heads(layer)
    if not number:
        return 0
    heads = KvHeads(number, head_dim)
    return block_size * _bytes_of(heads, settings.tp, settings.kv_bytes)


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
