"""From the fields of a config.json to a Model: attention, experts, windows, towers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from planning.errors import BadConfig
from planning.memory.config_json import Fields, shown
from planning.memory.families import ENCODERS, SAME_AS, STATEFUL, traits_of
from planning.memory.layer_types import (
    LayerTypes,
    compressed_of,
    indexers_of,
    layer_types_of,
)
from planning.memory.model import KvHeads, Mla, Model, Moe, Traits
from planning.memory.quantization import (
    FP8,
    FP8_BLOCK,
    INT4,
    INT8,
    NVFP4,
    UNQUANTIZED,
    Scheme,
    scheme_of_method,
    with_group_size,
)
from planning.memory.rope import (
    MAX_POSITIONS,
    rope_factor,
    rotary_dim,
    scaled_positions,
)
from planning.memory.windows import window_of

MAX_LAYERS = 1_000
MAX_SIZE = 1_000_000
"""Of hidden and intermediate sizes, and of a head."""
MAX_HEADS = 8_192
MAX_VOCAB = 10_000_000
MAX_EXPERTS = 8_192
_WIDTHS = ("hidden_size", "n_embd", "d_model")
_TEXT_PARTS = ("text_config", "llm_config", "language_config")


def model_from_config(
    config: Mapping[str, Any], *, id: str = "uploaded", name: str = ""
) -> Model:
    """The model that a config.json describes.

    Raises BadConfig with the field and its limit. A ``model_type`` that is not known
    here is taken for a Llama-like decoder and says so in ``doubts``.
    """
    whole = Fields(config)
    text = _text_part(whole)
    model_type = _model_type(whole, text)
    traits = traits_of(model_type, dict(text.config))
    is_guessed = traits is None
    doubts = [_unknown(model_type)] if is_guessed else []
    traits = traits or Traits()
    text.whole(*_WIDTHS, most=MAX_SIZE)
    kinds = layer_types_of(text, model_type)
    moe = _moe(text, model_type, kinds)
    vision = whole.part("vision_config")
    if vision and (vision_params := _vision_params(vision, text)):
        doubts.append("The vision tower is computed as a plain one from vision_config.")
    else:
        vision_params = 0
    compressed = compressed_of(text, kinds.number)
    if compressed:
        doubts.append(
            "Its cache is computed with FlashMLA's rows of 584 bytes, whatever the KV "
            "cache's format: other kernels keep others."
        )
    shape = _shape(text, moe, model_type, kinds)
    return Model(
        id=id,
        name=name or whole.text("_name_or_path") or f"{model_type} from config.json",
        model_type=model_type,
        tie_word_embeddings=_is_tied(whole, text, traits),
        traits=traits,
        moe=moe,
        mla=_mla(text),
        window=window_of(text, model_type, kinds.number),
        compressed=compressed,
        full_heads=_full_heads(text),
        num_kv_shared_layers=text.optional(
            "num_kv_shared_layers", most=kinds.number, least=0
        )
        or 0,
        state=kinds.state,
        attention_layers=kinds.attention,
        mlp_layers=kinds.mlp,
        vision_params=vision_params,
        scheme=_scheme(whole, text),
        is_guessed=is_guessed,
        doubts=tuple(doubts),
        rotary_dim=rotary_dim(text, shape["head_dim"]) if traits.has_rope else 0,
        rope_factor=rope_factor(text),
        scaled_positions=scaled_positions(text, shape["max_position_embeddings"]),
        **shape,
    )


def _unknown(model_type: str) -> str:
    return (
        f"The model_type {model_type!r} is not known here: it is taken for a decoder "
        "like Llama, so biases and extra norms may be missing."
    )


def _text_part(whole: Fields) -> Fields:
    """The text model's fields over those of the whole, which it may leave out."""
    part = whole.part(*_TEXT_PARTS)
    if part is None:
        return whole
    return Fields({**whole.config, **part.config}, part.prefix)


def _model_type(whole: Fields, text: Fields) -> str:
    named = text.text("model_type") or whole.text("model_type")
    outer = whole.text("model_type")
    model_type = SAME_AS.get(named, named) if named != outer else named
    model_type = SAME_AS.get(model_type, model_type)
    for one in (outer, model_type):
        if one in STATEFUL:
            reason = (
                f"is {one!r}: its layers hold a state besides a KV cache, in a way "
                "that this calculator does not know."
            )
            raise BadConfig("model_type", reason)
        if one in ENCODERS:
            raise BadConfig("model_type", f"is {one!r}, which is no decoder of text.")
    if whole.flag("is_encoder_decoder", default=False):
        raise BadConfig("is_encoder_decoder", "is true: only decoders are computed.")
    if "cross_attention_layers" in text.config:
        reason = "are there: layers that attend to an image are not computed."
        raise BadConfig("cross_attention_layers", reason)
    return model_type or "unnamed"


def _full_heads(text: Fields) -> KvHeads | None:
    """Of layers without a window where they have a shape of their own (Gemma 4)."""
    size = text.optional("global_head_dim", most=MAX_SIZE)
    if size is None:
        return None
    names = ["num_key_value_heads"]
    if text.flag("attention_k_eq_v", default=False):
        names.insert(0, "num_global_key_value_heads")
    return KvHeads(text.whole(*names, most=MAX_HEADS), size)


def _shape(
    text: Fields, moe: Moe | None, model_type: str, kinds: LayerTypes
) -> dict[str, Any]:
    hidden = text.whole(*_WIDTHS, most=MAX_SIZE)
    heads = text.whole(
        "num_attention_heads", "n_head", "n_heads", "num_heads", most=MAX_HEADS
    )
    inner = text.optional(
        *_INNER_NAMES.get(model_type, ()),
        *("intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size"),
        most=MAX_SIZE,
    )
    if inner and model_type == "lfm2":
        inner = _adjusted(text, inner)
    if inner is None and moe is None and model_type not in _FOUR_TIMES:
        text.whole("intermediate_size", most=MAX_SIZE)
    head_dim = text.optional("head_dim", most=MAX_SIZE) or hidden // heads
    if head_dim < 1:
        reason = f"is {hidden}, less than one value for each of {heads} heads."
        raise BadConfig(text.prefix + "hidden_size", reason)
    return {
        "num_hidden_layers": kinds.number,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_key_value_heads": _kv_heads(text, heads, model_type),
        "head_dim": head_dim,
        "intermediate_size": inner or (moe.intermediate_size if moe else 4 * hidden),
        "vocab_size": text.whole("vocab_size", most=MAX_VOCAB),
        "max_position_embeddings": text.optional(
            *("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"),
            most=MAX_POSITIONS,
        )
        or 2048,
    }


def _adjusted(text: Fields, inner: int) -> int:
    """LFM2's width of an MLP (vLLM, models/lfm2.py, Lfm2MLP)."""
    if not text.flag("block_auto_adjust_ff_dim", default=True):
        return inner
    share = text.config.get("block_ffn_dim_multiplier", 1.0)
    is_number = isinstance(share, int | float) and 0 < share <= 16
    unit = text.optional("block_multiple_of", most=MAX_SIZE) or 256
    width = int((share if is_number else 1.0) * int(2 * inner / 3))
    return -(-width // unit) * unit


_INNER_NAMES = {
    "llama4_text": ("intermediate_size_mlp",),
    "lfm2": ("block_ff_dim",),
    "granitemoehybrid": ("shared_intermediate_size",),
}
"""What a family calls the width of its dense MLP, before the common names."""
_FOUR_TIMES = frozenset({"gpt2", "gpt_bigcode", "falcon", "gpt_neox", "opt"})
"""Families whose MLP is four times the hidden size where they do not say."""


def _kv_heads(text: Fields, heads: int, model_type: str) -> int:
    is_new = bool(text.config.get("new_decoder_architecture"))
    is_one = bool(text.config.get("multi_query")) and not is_new
    if is_one or (model_type == "gpt_bigcode" and "multi_query" not in text.config):
        return 1
    names = ("num_key_value_heads", "num_kv_heads", "n_head_kv")
    found = text.optional(*names, most=MAX_HEADS) or heads
    if found > heads or heads % found:
        reason = f"is {found}: it divides the {heads} attention heads."
        raise BadConfig(text.prefix + "num_key_value_heads", reason)
    return found


def _is_tied(whole: Fields, text: Fields, traits: Traits) -> bool:
    tied = whole.flag("tie_word_embeddings", default=traits.ties_embeddings)
    return text.flag("tie_word_embeddings", default=tied)


def _mla(text: Fields) -> Mla | None:
    rank = text.optional("kv_lora_rank", most=MAX_SIZE)
    if rank is None:
        return None
    return Mla(
        q_lora_rank=text.optional("q_lora_rank", most=MAX_SIZE),
        kv_lora_rank=rank,
        qk_nope_head_dim=text.whole("qk_nope_head_dim", most=MAX_SIZE),
        qk_rope_head_dim=text.whole("qk_rope_head_dim", most=MAX_SIZE),
        v_head_dim=text.whole("v_head_dim", most=MAX_SIZE),
        index_head_dim=text.optional("index_head_dim", most=MAX_SIZE) or 0,
        num_index_heads=text.optional("index_n_heads", most=MAX_HEADS) or 0,
        index_layers=indexers_of(text),
    )


def _moe(text: Fields, model_type: str, kinds: LayerTypes) -> Moe | None:
    num_experts = text.optional(
        *("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"),
        most=MAX_EXPERTS,
        least=0,
    )
    if not num_experts:
        return None
    top_k = text.whole(
        *("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k"),
        most=MAX_EXPERTS,
    )
    inner = text.whole("moe_intermediate_size", "intermediate_size", most=MAX_SIZE)
    return Moe(
        num_experts,
        top_k,
        inner,
        _shared_experts(text, model_type, inner),
        _moe_layers(text, kinds),
        text.optional("moe_latent_size", "routed_expert_hidden_size", most=MAX_SIZE),
    )


def _shared_experts(text: Fields, model_type: str, inner: int) -> int:
    """Width of all shared experts together."""
    names = ("n_shared_experts", "num_shared_experts")
    count = text.optional(*names, most=64, least=0) or 0
    each = text.optional("moe_shared_expert_intermediate_size", most=MAX_SIZE)
    if each is not None:
        return each * count
    shared = text.optional(
        "shared_expert_intermediate_size", "shared_intermediate_size", most=MAX_SIZE
    )
    if shared is None:
        shared = inner * (1 if model_type == "llama4_text" else count)
    return shared


def _moe_layers(text: Fields, kinds: LayerTypes) -> frozenset[int]:
    if kinds.experts is not None:
        return kinds.experts
    number = kinds.number
    if (period := text.optional("expert_layer_period", most=MAX_LAYERS)) is not None:
        offset = text.optional("expert_layer_offset", most=MAX_LAYERS, least=0) or 0
        return frozenset(i for i in range(number) if i % period == offset)
    names = ("first_k_dense_replace", "num_dense_layers")
    first = text.optional(*names, most=MAX_LAYERS, least=0) or 0
    every = text.optional("moe_layer_freq", most=MAX_LAYERS) or 1
    layers = {i for i in range(first, number) if i % every == 0}
    step = text.optional("decoder_sparse_step", most=MAX_LAYERS)
    step = step or text.optional("interleave_moe_layer_step", most=MAX_LAYERS) or 1
    layers = {i for i in layers if (i + 1) % step == 0}
    dense = text.config.get("mlp_only_layers") or []
    if not isinstance(dense, list) or not all(isinstance(i, int) for i in dense):
        reason = f"is a list of layer numbers, not {shown(dense)}."
        raise BadConfig(text.prefix + "mlp_only_layers", reason)
    return frozenset(layers - set(dense))


def _vision_params(vision: Fields, text: Fields) -> int:
    """A vision transformer: attention, MLP, patches, positions and a projector."""
    hidden = vision.optional("hidden_size", "embed_dim", "width", most=MAX_SIZE)
    layers = vision.optional(
        "num_hidden_layers", "depth", "num_layers", "layers", most=MAX_LAYERS
    )
    if hidden is None or layers is None:
        return 0
    inner = vision.optional("intermediate_size", most=MAX_SIZE) or 4 * hidden
    patch = vision.optional("patch_size", most=1024) or 14
    image = vision.optional("image_size", most=65_536) or patch
    block = 4 * hidden**2 + 2 * hidden * inner + 9 * hidden + inner
    positions = (image // patch) ** 2 * hidden
    wide = text.optional("hidden_size", "n_embd", "d_model", most=MAX_SIZE) or hidden
    return layers * block + 3 * patch**2 * hidden + positions + hidden * wide


def _scheme(whole: Fields, text: Fields) -> Scheme:
    quantization = text.part("quantization_config") or whole.part(
        "quantization_config", "compression_config"
    )
    if quantization is None:
        return UNQUANTIZED
    method = quantization.text("quant_method", default="compressed-tensors")
    if method == "compressed-tensors":
        return _compressed_tensors(quantization)
    found = scheme_of_method(method)
    if found is None:
        reason = f"is {shown(method)}, whose bytes a weight are not known here."
        raise BadConfig("quantization_config.quant_method", reason)
    if found is FP8 and quantization.config.get("weight_block_size"):
        return FP8_BLOCK
    if method == "modelopt" and "FP4" in str(quantization.config.get("quant_algo")):
        return NVFP4
    bits = quantization.optional("bits", "w_bit", most=16, least=2)
    if bits and found.scale == "group":
        found = replace(found, bits=float(bits))
    group = quantization.optional("group_size", "q_group_size", most=65_536, least=-1)
    return with_group_size(found, group) if group else found


def _compressed_tensors(quantization: Fields) -> Scheme:
    groups = quantization.config.get("config_groups")
    first = next(iter(groups.values()), None) if isinstance(groups, dict) else None
    weights = first.get("weights") if isinstance(first, dict) else None
    if not isinstance(weights, dict):
        return FP8
    fields = Fields(weights, "quantization_config.config_groups.weights.")
    bits = fields.whole("num_bits", most=16, least=2)
    is_float = fields.text("type", default="int") == "float"
    if bits == 8:
        return (FP8_BLOCK if _has_blocks(weights) else FP8) if is_float else INT8
    if is_float:
        return NVFP4
    group = fields.optional("group_size", most=65_536, least=-1) or -1
    return with_group_size(replace(INT4, bits=float(bits)), group)


def _has_blocks(weights: dict[str, Any]) -> bool:
    return weights.get("strategy") == "block"
