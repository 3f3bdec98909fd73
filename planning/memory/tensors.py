"""The tensors of a model on one GPU, as vLLM's model definitions lay them out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from planning.memory.model import Mla, Model
from planning.memory.module_names import (
    DOWN,
    EXPERTS,
    INDEXER,
    KV_B,
    LATENT,
    LM_HEAD,
    OUT,
    OUT_A,
    Q_A,
    Q_B,
    QKV,
    SHARED_DOWN,
    SHARED_UP,
    STATE,
    UP,
)
from planning.memory.quantization import Scheme
from planning.memory.split import ALONE, Split
from planning.memory.state_layers import state_tensors

ELEMENT_BYTES = 2
"""Of a 16-bit value."""
VOCAB_PADDING = 64
"""vLLM pads the rows of embedding and lm_head to a multiple of this."""


@dataclass(frozen=True)
class Tensor:
    """A tensor of one GPU: its part of the model, its values and its bytes."""

    part: str
    num_values: float
    num_bytes: float
    linear: "Linear | None" = None
    """Of a layer that an adapter can be laid beside."""


@dataclass(frozen=True)
class Linear:
    """A linear layer on one GPU: ``rows`` outputs of ``columns`` inputs."""

    rows: float
    columns: float
    num_slices: int = 1
    """Projections fused into it, such as q, k and v."""
    number: int = 1
    """As many of them, as of experts."""


def padded_vocab(model: Model) -> int:
    """Rows of the embedding as vLLM keeps it."""
    return padded(model.vocab_size)


def padded(vocab_size: int) -> int:
    """Rows of a table of so many."""
    return math.ceil(vocab_size / VOCAB_PADDING) * VOCAB_PADDING


def layer_tensors(
    model: Model, split: Split = ALONE, layers: range | None = None
) -> Iterator[Tensor]:
    """The tensors of these layers (all by default) on one GPU."""
    tp = split.tp
    for i in layers if layers is not None else range(model.num_hidden_layers):
        if model.state and i in model.state.layers:
            yield from _state(model, tp, i)
        if model.has_attention(i):
            if model.grouped_output:
                yield from _grouped_attention(model, tp, i)
            elif model.mla:
                yield from _mla(model, tp, i)
            elif model.kv_heads(i)[0]:
                yield from _attention(model, tp, i)
        if model.moe and i in model.moe.layers:
            yield from _experts(model, split, i)
        if model.has_mlp(i) and model.has_dense_mlp(i):
            yield from _mlp(model, model.mlp_size(i), tp, i, (UP, DOWN))
        yield from _around(model)


def _matrix(
    part: str, rows: float, columns: float, scheme: Scheme, num_slices: int = 1
) -> Tensor:
    packed = scheme.matrix_bytes(round(rows), round(columns))
    return Tensor(part, rows * columns, packed, Linear(rows, columns, num_slices))


def _vector(part: str, size: float, width: float = ELEMENT_BYTES) -> Tensor:
    return Tensor(part, size, size * width)


def _around(model: Model) -> Iterator[Tensor]:
    """Norms, and what a layer makes of the embedding that is its own."""
    for _ in range(model.traits.norms_per_layer):
        yield _vector("norms", model.hidden_size * _norm_width(model))
    if model.per_layer_size:
        yield from _per_layer(model)


def _per_layer(model: Model) -> Iterator[Tensor]:
    """A gate and a projection for the layer's own embedding, whole on every GPU."""
    size, hidden = model.per_layer_size, model.hidden_size
    for rows, columns in ((size, hidden), (hidden, size)):
        linear = Linear(rows, columns)
        values = rows * columns
        yield Tensor("embedding", values, values * ELEMENT_BYTES, linear)
    yield _vector("norms", hidden)


def _norm_width(model: Model) -> int:
    return 2 if model.traits.norm_bias else 1


def _state(model: Model, tp: int, layer: int) -> Iterator[Tensor]:
    """Of a layer with a state; what the repository does not quantise stays as it is."""
    assert model.state is not None
    scheme = model.scheme.of(STATE, layer)
    for one in state_tensors(model.state, model.hidden_size, tp):
        if one.columns and one.is_quantizable:
            yield _matrix("state", one.rows, one.columns, scheme)
        else:
            size = one.rows * (one.columns or 1)
            width = 2 * ELEMENT_BYTES if one.is_float32 else ELEMENT_BYTES
            yield Tensor("state", size, size * width)


def _attention(model: Model, tp: int, layer: int) -> Iterator[Tensor]:
    hidden, scheme = model.hidden_size, model.scheme
    heads = model.num_attention_heads / tp
    number, size = model.kv_heads(layer)
    kv_heads = max(1.0, number / tp)
    if model.model_type == "gemma4_text" and not model.has_own_cache(layer):
        kv_heads = 0.0  # Gemma 4 reads keys and values of an earlier layer
    gated = 2 if model.traits.has_output_gate else 1
    qkv = (gated * heads + 2 * kv_heads) * size
    yield _matrix("attention", qkv, hidden, scheme.of(QKV, layer), 3)
    yield _matrix("attention", hidden, heads * size, scheme.of(OUT, layer))
    if model.traits.qkv_bias:
        yield _vector("attention", qkv)
    if model.traits.o_bias:
        yield _vector("attention", hidden)
    if model.traits.has_sinks:
        yield _vector("attention", heads)
    if model.traits.qk_norm != "none":
        is_full = model.traits.qk_norm == "full"
        yield _vector("norms", heads * size if is_full else size)
        yield _vector("norms", kv_heads * size if is_full else size)


def _mla(model: Model, tp: int, layer: int) -> Iterator[Tensor]:
    """Down-projections on every GPU, up-projections by heads, and the two copies of
    the up-projection that decoding multiplies into the query and the output."""
    mla, hidden, of = model.mla, model.hidden_size, model.scheme.of
    assert mla is not None
    heads = model.num_attention_heads / tp
    query = heads * (mla.qk_nope_head_dim + mla.qk_rope_head_dim)
    if mla.q_lora_rank:
        down = mla.q_lora_rank + mla.row_size
        yield _matrix("attention", down, hidden, of(Q_A, layer))
        yield _vector("norms", mla.q_lora_rank)
        yield _matrix("attention", query, mla.q_lora_rank, of(Q_B, layer))
    else:
        yield _matrix("attention", query, hidden, of(Q_B, layer))
        yield _matrix("attention", mla.row_size, hidden, of(Q_A, layer))
    yield _vector("norms", mla.kv_lora_rank)
    both = heads * (mla.qk_nope_head_dim + mla.v_head_dim)
    yield _matrix("attention kv_b", both, mla.kv_lora_rank, of(KV_B, layer))
    copies = both * mla.kv_lora_rank * ELEMENT_BYTES
    yield Tensor("attention copies", 0, copies)
    yield _matrix("attention", hidden, heads * mla.v_head_dim, of(OUT, layer))
    if mla.has_indexer(layer):
        yield from _indexer(model, mla, layer)


def _indexer(model: Model, mla: Mla, layer: int) -> Iterator[Tensor]:
    """Of sparse attention, whole on every GPU (vLLM, deepseek_v2.py, Indexer)."""
    rows = mla.num_index_heads * mla.index_head_dim
    scheme = model.scheme.of(INDEXER, layer)
    yield _matrix("attention", rows, mla.q_lora_rank or model.hidden_size, scheme)
    keys = (mla.index_head_dim + mla.num_index_heads) * model.hidden_size
    yield _vector("attention", keys)
    yield _vector("norms", 2 * mla.index_head_dim, 4)


def _grouped_attention(model: Model, tp: int, layer: int) -> Iterator[Tensor]:
    """DeepSeek V4: one key of ``head_dim`` for all heads, a low-rank output by groups.

    vLLM 0.32, models/deepseek_v4/attention.py and compressor.py.
    """
    low, of, size = model.grouped_output, model.scheme.of, model.head_dim
    assert low is not None
    hidden, heads = model.hidden_size, model.num_attention_heads
    yield _matrix("attention", low.q_lora_rank + size, hidden, of(Q_A, layer))
    yield _matrix("attention", heads * size / tp, low.q_lora_rank, of(Q_B, layer))
    middle = low.num_groups * low.rank
    wide = heads * size / low.num_groups
    yield _matrix("attention", middle / tp, wide, of(OUT_A, layer))
    yield _matrix("attention", hidden, middle / tp, of(OUT, layer))
    yield _vector("attention", heads / tp, 4)
    yield _vector("norms", low.q_lora_rank + size)
    for width in low.compressed(layer, size):
        yield _vector("attention", 2 * width * hidden)
    if low.has_indexer(layer):
        rows = low.num_index_heads * low.index_head_dim
        yield _matrix("attention", rows, low.q_lora_rank, of(INDEXER, layer))
        yield _vector("attention", low.num_index_heads * hidden)
    mixed = (2 + low.num_streams) * low.num_streams
    yield _vector("norms", 2 * mixed * low.num_streams * hidden, 4)


def _mlp(
    model: Model, inner: float, tp: int, layer: int, modules: tuple[str, str]
) -> Iterator[Tensor]:
    up = (2 if model.traits.is_gated else 1) * inner / tp
    first, second = (model.scheme.of(module, layer) for module in modules)
    num_slices = 2 if model.traits.is_gated else 1
    yield _matrix("MLP", up, model.hidden_size, first, num_slices)
    yield _matrix("MLP", model.hidden_size, inner / tp, second)
    if model.traits.mlp_bias and not model.moe:
        yield _vector("MLP", up)
        yield _vector("MLP", model.hidden_size)


def _experts(model: Model, split: Split, layer: int) -> Iterator[Tensor]:
    moe, hidden = model.moe, model.hidden_size
    assert moe is not None
    inner = moe.intermediate_size / split.expert_tp
    up = (2 if model.traits.is_gated else 1) * inner
    number = split.num_local_experts(moe.num_experts)
    width = moe.latent_size or hidden
    if moe.latent_size:
        latent = model.scheme.of(LATENT, layer)
        yield _matrix("experts", width, hidden, latent)
        yield _matrix("experts", hidden, width, latent)
    slices = 2 if model.traits.is_gated else 1
    for rows, columns, num_slices in ((up, width, slices), (width, inner, 1)):
        one = _matrix("experts", rows, columns, model.scheme.of(EXPERTS, layer))
        yield Tensor(
            "experts",
            one.num_values * number,
            one.num_bytes * number,
            Linear(rows, columns, num_slices, number),
        )
        if model.traits.mlp_bias:
            yield _vector("experts", rows * number)
    router = moe.num_experts * hidden
    beside = Linear(moe.num_experts, hidden)
    yield Tensor("router", router, router * ELEMENT_BYTES, beside)
    if model.traits.router_bias:
        yield _vector("router", moe.num_experts)
    if moe.shared_intermediate_size:
        shared = (SHARED_UP, SHARED_DOWN)
        shared_tp, size = split.shared_expert_tp, moe.shared_intermediate_size
        yield from _mlp(model, size, shared_tp, layer, shared)
        if model.traits.shared_expert_gate:
            yield _vector("router", hidden)


def end_tensors(
    model: Model, split: Split, rank: int = 0, *, is_padded: bool = True
) -> Iterator[Tensor]:
    """Embedding on the first stage, norm and lm_head on the last, positions on all."""
    rows = padded_vocab(model) if is_padded else model.vocab_size
    table = _vector("embedding", rows / split.tp * model.hidden_size)
    is_first, is_last = rank == 0, rank == split.pp - 1
    if is_first or (is_last and model.tie_word_embeddings):
        yield table
    if is_last and not model.tie_word_embeddings:
        scheme = model.scheme.of(LM_HEAD)
        head = _matrix("lm_head", rows / split.tp, model.hidden_size, scheme)
        yield replace(head, linear=None)  # adapters have it whole: see lora
    if is_last:
        yield _vector("norms", model.hidden_size * _norm_width(model))
        if model.traits.lm_head_bias:
            yield _vector("lm_head", rows / split.tp)
    if model.per_layer_size:
        width = model.per_layer_size * model.num_hidden_layers
        vocab = padded(model.per_layer_vocab) if is_padded else model.per_layer_vocab
        yield _vector("embedding", vocab / split.tp * width)
        yield _vector("embedding", width / split.tp * model.hidden_size)
        yield _vector("norms", model.per_layer_size)
    if model.traits.has_positions and is_first:
        yield _vector("embedding", model.max_position_embeddings * model.hidden_size)
    if model.rotary_dim:
        width = 2 * ELEMENT_BYTES if model.mla else ELEMENT_BYTES
        table_bytes = model.max_position_embeddings * model.rotary_dim * width
        yield Tensor("rope", 0, table_bytes * model.rope_factor)
        if model.model_type == "gemma3_text":
            yield Tensor("rope", 0, table_bytes)  # of its local layers, not scaled
