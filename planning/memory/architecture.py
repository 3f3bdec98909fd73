"""From the fields of a config.json to a Model: attention, experts, windows, towers."""

from collections.abc import Mapping
from typing import Any

from planning.errors import BadConfig
from planning.memory.config_json import Fields, shown
from planning.memory.families import ENCODERS, SAME_AS, STATEFUL, traits_of
from planning.memory.kv_format import declared_format
from planning.memory.layer_types import (
    LayerTypes,
    compressed_of,
    indexers_of,
    layer_types_of,
)
from planning.memory.model import GroupedOutput, KvHeads, Mla, Model, Moe, Traits
from planning.memory.quantization_config import missing_file_doubt, scheme_of_config
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
_MTP_NAMES = ("num_nextn_predict_layers", "mtp_num_hidden_layers")
_WIDTHS = ("hidden_size", "n_embd", "d_model")
TEXT_PARTS = (
    *("text_config", "llm_config", "language_config", "thinker_config"),
    *("language_model_config", "text_model_config"),
)


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
    quantization = text.part("quantization_config") or whole.part(
        "quantization_config", "compression_config"
    )
    doubt = missing_file_doubt(config, name, quantization is not None)
    doubts += [doubt] if doubt else []
    expert_dtype = "fp4" if model_type == "deepseek_v4" else ""
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
        num_mtp_layers=text.optional(*_MTP_NAMES, most=64, least=0) or 0,
        state=kinds.state,
        attention_layers=kinds.attention,
        mlp_layers=kinds.mlp,
        vision_params=vision_params,
        grouped_output=_grouped_output(text),
        has_mlp_beside_experts=model_type == "gemma4_text",
        scheme=scheme_of_config(
            quantization,
            shape["num_hidden_layers"],
            text.text("expert_dtype", default=expert_dtype),
        ),
        kv_format=declared_format(quantization),
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
    part = whole.part(*TEXT_PARTS)
    if part is None:
        return whole
    return _text_part(Fields({**_outer(whole), **part.config}, part.prefix))


def _outer(whole: Fields) -> dict[str, Any]:
    """Without the parts, of which the inner ones count."""
    return {k: v for k, v in whole.config.items() if k not in TEXT_PARTS}


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
        is_list_passed=True,
    )
    if inner and model_type == "lfm2":
        inner = _adjusted(text, inner)
    blocks = _blocks(text, kinds.number, hidden, heads)
    inner = inner or max(blocks.get("mlp_sizes", ()), default=None)
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
        "num_key_value_heads": _kv_heads(text, heads, model_type, kinds.number),
        "head_dim": head_dim,
        "intermediate_size": inner or (moe.intermediate_size if moe else 4 * hidden),
        "vocab_size": text.whole("vocab_size", most=MAX_VOCAB),
        "max_position_embeddings": text.optional(
            *("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"),
            most=MAX_POSITIONS,
        )
        or 2048,
        **blocks,
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


def _blocks(
    text: Fields, number: int, hidden: int, heads: int
) -> dict[str, tuple[int, ...]]:
    """Sizes that differ by layer: as lists, or in nemotron-nas's ``block_configs``."""
    found = {
        "mlp_sizes": text.whole_list("intermediate_size", number, MAX_SIZE),
        "kv_heads_by_layer": text.whole_list("num_key_value_heads", number, heads),
    }
    blocks = text.config.get("block_configs")
    if isinstance(blocks, list) and len(blocks) == number:
        pairs = [_block(text, i, one, hidden, heads) for i, one in enumerate(blocks)]
        found["mlp_sizes"] = tuple(size for size, _ in pairs)
        found["kv_heads_by_layer"] = tuple(kv for _, kv in pairs)
    elif blocks is not None:
        reason = f"describes each of the {number} layers, not {shown(blocks)}."
        raise BadConfig(text.prefix + "block_configs", reason)
    return {name: sizes for name, sizes in found.items() if sizes}


def _block(
    text: Fields, i: int, block: Any, hidden: int, heads: int
) -> tuple[int, int]:
    """Width of the MLP and KV heads of one layer; 0 where it has none.

    Source: vLLM, models/nemotron_nas.py (_ffn_mult_to_intermediate_size).
    """
    one = Fields(block if isinstance(block, dict) else {}, f"block_configs.{i}.")
    mlp, attention = one.part("ffn"), one.part("attention")
    size = kv_heads = 0
    if mlp and not mlp.flag("no_op", default=False):
        multiple = mlp.config.get("ffn_mult")
        if not isinstance(multiple, int | float) or not 0 < multiple < 100:
            reason = f"is a number over 0 and below 100, not {shown(multiple)}."
            raise BadConfig(mlp.prefix + "ffn_mult", reason)
        size = -(-int(2 * multiple * hidden / 3) // 256) * 256
    is_linear = attention and attention.flag("replace_with_linear", default=False)
    if attention and not is_linear and not attention.flag("no_op", default=False):
        kv_heads = heads // attention.whole("n_heads_in_group", most=heads)
    return size, kv_heads


def _grouped_output(text: Fields) -> GroupedOutput | None:
    rank = text.optional("o_lora_rank", most=MAX_SIZE)
    if rank is None:
        return None
    ratios = text.config.get("compress_ratios") or []
    if not isinstance(ratios, list) or not all(
        isinstance(one, int) and 0 <= one <= MAX_SIZE for one in ratios[:MAX_LAYERS]
    ):
        reason = f"is a list of whole numbers, one a layer, not {shown(ratios)}."
        raise BadConfig(text.prefix + "compress_ratios", reason)
    return GroupedOutput(
        q_lora_rank=text.whole("q_lora_rank", most=MAX_SIZE),
        rank=rank,
        num_groups=text.whole("o_groups", most=MAX_HEADS),
        index_head_dim=text.optional("index_head_dim", most=MAX_SIZE) or 0,
        num_index_heads=text.optional("index_n_heads", most=MAX_HEADS) or 0,
        num_streams=text.optional("hc_mult", most=64) or 1,
        ratios=tuple(ratios[:MAX_LAYERS]),
    )


_INNER_NAMES = {
    "llama4_text": ("intermediate_size_mlp",),
    "lfm2": ("block_ff_dim",),
    "granitemoehybrid": ("shared_intermediate_size",),
}
"""What a family calls the width of its dense MLP, before the common names."""
_FOUR_TIMES = frozenset({"gpt2", "gpt_bigcode", "falcon", "gpt_neox", "opt"})
"""Families whose MLP is four times the hidden size where they do not say."""


def _kv_heads(text: Fields, heads: int, model_type: str, number: int) -> int:
    is_new = bool(text.config.get("new_decoder_architecture"))
    is_one = bool(text.config.get("multi_query")) and not is_new
    if is_one or (model_type == "gpt_bigcode" and "multi_query" not in text.config):
        return 1
    names = ("num_key_value_heads", "num_kv_heads", "n_head_kv")
    listed = text.config.get("num_key_value_heads")
    if isinstance(listed, list):
        return max(1, *text.whole_list("num_key_value_heads", number, heads))
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
        *("num_experts_per_tok", "num_experts_per_token", "top_k_experts"),
        *("moe_topk", "moe_k", "moe_top_k"),
        most=MAX_EXPERTS,
    )
    inner = text.whole(
        *("moe_intermediate_size", "expert_intermediate_size", "intermediate_size"),
        most=MAX_SIZE,
    )
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
        *("shared_expert_intermediate_size", "shared_intermediate_size"),
        "share_expert_dim",
        most=MAX_SIZE,
        least=0,
    )
    if shared is None:
        shared = inner * (1 if model_type == "llama4_text" else count)
    return shared


def _moe_layers(text: Fields, kinds: LayerTypes) -> frozenset[int]:
    if kinds.experts is not None:
        return kinds.experts
    number = kinds.number
    words = text.config.get("mlp_layer_types")
    if isinstance(words, list) and len(words) == number:
        return frozenset(i for i, word in enumerate(words) if word == "sparse")
    if (period := text.optional("expert_layer_period", most=MAX_LAYERS)) is not None:
        offset = text.optional("expert_layer_offset", most=MAX_LAYERS, least=0) or 0
        return frozenset(i for i in range(number) if i % period == offset)
    names = ("first_k_dense_replace", "num_dense_layers")
    first = text.optional(*names, most=MAX_LAYERS, least=0) or 0
    layers = set(range(first, number))
    flags = text.whole_list("moe_layer_freq", number, MAX_LAYERS)
    if flags:
        layers &= {i for i, flag in enumerate(flags) if flag}
    else:
        every = text.optional("moe_layer_freq", most=MAX_LAYERS, least=0) or 1
        layers = {i for i in layers if i % every == 0}
    step = text.optional("decoder_sparse_step", most=MAX_LAYERS, least=0)
    step = step or text.optional("interleave_moe_layer_step", most=MAX_LAYERS, least=0)
    layers = {i for i in layers if (i + 1) % (step or 1) == 0}
    dense = text.config.get("mlp_only_layers") or []
    if not isinstance(dense, list) or not all(isinstance(i, int) for i in dense):
        reason = f"is a list of layer numbers, not {shown(dense)}."
        raise BadConfig(text.prefix + "mlp_only_layers", reason)
    listed = text.config.get("moe_layers_enum")
    if isinstance(listed, str) and listed:
        layers &= {int(i) for i in listed.split(",") if i.strip().isdecimal()}
    return frozenset(layers - set(dense))


def _vision_params(vision: Fields, text: Fields) -> int:
    """A vision transformer: attention, MLP, patches, positions and a projector."""
    hidden = vision.optional(
        "hidden_size", "embed_dim", "width", "vt_hidden_size", most=MAX_SIZE
    )
    layers = vision.optional(
        "num_hidden_layers",
        "depth",
        "num_layers",
        "layers",
        "vt_num_hidden_layers",
        most=MAX_LAYERS,
    )
    if hidden is None or layers is None:
        return 0
    inner = (
        vision.optional("intermediate_size", "vt_intermediate_size", most=MAX_SIZE)
        or 4 * hidden
    )
    patch = vision.optional("patch_size", most=1024) or 14
    image = vision.optional("image_size", most=65_536) or patch
    block = 4 * hidden**2 + 2 * hidden * inner + 9 * hidden + inner
    positions = (image // patch) ** 2 * hidden
    wide = text.optional("hidden_size", "n_embd", "d_model", most=MAX_SIZE) or hidden
    return layers * block + 3 * patch**2 * hidden + positions + hidden * wide
