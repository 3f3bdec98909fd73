"""What each layer keeps on one GPU, as vLLM's layers tell it (get_kv_cache_spec)."""

import math
from dataclasses import replace
from functools import cache

from planning.memory.engine_settings import EngineSettings
from planning.memory.kv_format import (
    FP8_NAMES,
    TURBOQUANT,
    format_of,
    head_bytes,
    is_16_bit_at_the_ends,
    row_bytes,
)
from planning.memory.kv_groups import Cache, Kind, Spec
from planning.memory.kv_packed import compressed_caches
from planning.memory.kv_reserve import block_multiple, settled_pages
from planning.memory.model import Model
from planning.memory.versions import version_of

_ROW_BLOCK_SINCE = (0, 27)
_HYBRID_ROW_BLOCK = 128
"""Tokens that blocks of MLA beside states are a multiple of since then."""
_SPARSE_BLOCK = 64
"""FlashMLA's sparse kernel takes no other (v1/attention/backends/mla)."""
_SPARSE_ROW_BYTES = 656
"""Of a row of sparse attention in the format fp8_ds_mla, with its scales."""
_TURBOQUANT_BLOCK = 16
"""The smallest block of its kernel."""
_BLACKWELL_ROW_BLOCK = 32
"""FlashInfer's MLA kernel takes no smaller one."""
_INDEX_SCALE_VALUES = 128
"""Values of the indexer's row that share one 32-bit scale; each value has 8 bit."""


def caches_of(settings: EngineSettings) -> list[Cache]:
    """What all layers of the model keep, in their order, and then the drafter's."""
    size = _block_size(settings)
    found = _of_model(settings, size)
    drafter, number = settings.drafter, settings.model.num_hidden_layers
    layers = drafter.layers_of(settings.model) if drafter else None
    if layers:
        name = format_of(settings)
        drafting = replace(settings, model=layers, drafter=None, kv_cache_dtype=name)
        found += [
            replace(one, layer=number + one.layer) for one in _of_model(drafting, size)
        ]
    return found


def _of_model(settings: EngineSettings, size: int) -> list[Cache]:
    """Of one model's layers, in blocks of so many tokens."""
    model = settings.model
    if model.compressed:
        return list(compressed_caches(model.compressed, model.num_hidden_layers))
    windowed = model.window.layers if model.window else frozenset()
    own = model.num_hidden_layers - model.num_kv_shared_layers
    page = size * _token_bytes(settings, _full_layer(model))
    found = []

    @cache
    def spec_of(is_windowed: bool, token_bytes: int, heads: tuple[int, int]) -> Spec:
        """Made once for all layers that are alike."""
        if is_windowed:
            return replace(_window_spec(model, size, token_bytes), heads=heads)
        row = bool(model.mla)
        return Spec(Kind.FULL, size, size * token_bytes, is_row=row, heads=heads)

    for i in range(model.num_hidden_layers):
        if model.state and i in model.state.layers:
            found.append(Cache(i, _state_spec(settings, size, page)))
        if not model.has_attention(i) or i >= own:
            continue
        if token_bytes := _token_bytes(settings, i):
            heads = (0, 0) if model.mla else model.kv_heads(i)
            found.append(Cache(i, spec_of(i in windowed, token_bytes, heads)))
        if model.mla and model.mla.has_indexer(i):
            row = model.mla.index_head_dim * (1 + 4 / _INDEX_SCALE_VALUES)
            found.append(Cache(i, Spec(Kind.FULL, size, size * int(row), is_row=True)))
    return found


def state_bytes_of(settings: EngineSettings) -> int:
    """Of one layer's state of one request on one GPU, without padding."""
    assert settings.model.state is not None
    width, drafted = settings.element_bytes, settings.num_drafted_tokens
    return settings.model.state.state_bytes(settings.tp, width, drafted)


def _full_layer(model: Model) -> int:
    """The first layer that sees everything; 0 where none does."""
    windowed = model.window.layers if model.window else frozenset()
    layers = range(model.num_hidden_layers)
    sees_all = (i for i in layers if model.has_attention(i) and i not in windowed)
    return next(sees_all, 0)


def _token_bytes(settings: EngineSettings, layer: int) -> int:
    """Of a token in that layer, from 0: K and V of the heads on one GPU, or MLA's row,
    which all GPUs repeat; 0: it has no attention."""
    model, name = settings.model, format_of(settings)
    if is_16_bit_at_the_ends(name, layer, model.num_hidden_layers):
        name = "auto"
    if model.mla:
        if model.mla.index_head_dim and name in FP8_NAMES:
            return _SPARSE_ROW_BYTES
        return row_bytes(name, model.mla.row_size)
    number, head_dim = model.kv_heads(layer)
    return max(1, number // settings.tp) * head_bytes(name, head_dim) if number else 0


def _window_spec(model: Model, block_size: int, token_bytes: int) -> Spec:
    assert model.window is not None
    kind = Kind.CHUNK if model.window.is_chunked else Kind.WINDOW
    return Spec(kind, block_size, block_size * token_bytes, model.window.size)


def _state_spec(settings: EngineSettings, block_size: int, page_bytes: int) -> Spec:
    """A state's page, padded to that of attention where the model has both."""
    model = settings.model
    assert model.state is not None
    own = state_bytes_of(settings)
    if model.attention_layers == frozenset():
        return Spec(Kind.STATE, settings.max_model_len, own)
    is_aligned = settled_pages(settings).value > 1
    tokens = block_size if is_aligned else settings.max_model_len
    return Spec(Kind.STATE, tokens, page_bytes)


def _block_size(settings: EngineSettings) -> int:
    """Tokens of a block of attention: more where a page must hold a whole state, or a
    layer that TurboQuant leaves in 16 bit.

    vLLM, platforms/interface.py (_align_hybrid_block_size and beside it).
    """
    model = settings.model
    size = _kernel_block_size(settings)
    first, middle = 0, model.num_hidden_layers // 2
    if format_of(settings) in TURBOQUANT and first != middle:
        wide, narrow = _token_bytes(settings, first), _token_bytes(settings, middle)
        return size * max(1, math.ceil(_TURBOQUANT_BLOCK * wide / (size * narrow)))
    if model.state is None or model.attention_layers == frozenset():
        return size
    token_bytes = _token_bytes(settings, _full_layer(model))
    state = state_bytes_of(settings)
    unit = size
    if model.mla and version_of(settings.vllm_version) >= _ROW_BLOCK_SINCE:
        unit = max(unit, _HYBRID_ROW_BLOCK)
    unit = math.lcm(unit, block_multiple(settings))
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
