"""From the fields of a config.json to a Model: attention, experts, windows, towers."""

from collections.abc import Mapping
from typing import Any

from planning.errors import BadConfig
from planning.memory.attention_config import (
    full_heads_of,
    grouped_output_of,
    kv_heads_of,
    mla_of,
)
from planning.memory.config_json import Fields
from planning.memory.config_limits import MAX_HEADS, MAX_SIZE, MAX_VOCAB
from planning.memory.experts_config import moe_of
from planning.memory.families import ENCODERS, SAME_AS, STATEFUL, traits_of
from planning.memory.kv_format import declared_format
from planning.memory.layer_sizes import adjusted, blocks_of, double_wide
from planning.memory.layer_types import (
    LayerTypes,
    compressed_of,
    layer_types_of,
)
from planning.memory.model import Model, Moe, Traits
from planning.memory.quantization import scheme_of_name
from planning.memory.quantization_config import scheme_of_config
from planning.memory.quantization_doubt import missing_file_doubt
from planning.memory.rope import (
    MAX_POSITIONS,
    rope_factor,
    rotary_dim,
    scaled_positions,
)
from planning.memory.vision_config import vision_params_of
from planning.memory.windows import window_of

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
    moe = moe_of(text, model_type, kinds)
    vision = whole.part("vision_config")
    if vision and (vision_params := vision_params_of(vision, text)):
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
    per_layer = text.optional("hidden_size_per_layer_input", most=MAX_SIZE, least=0)
    if per_layer and model_type != "gemma4_text":
        reason = (
            f"is {per_layer}: embeddings of each layer, with what {model_type!r} makes "
            "of them, are computed for Gemma 4 only."
        )
        raise BadConfig(text.prefix + "hidden_size_per_layer_input", reason)
    expert_dtype = "fp4" if model_type == "deepseek_v4" else ""
    return Model(
        id=id,
        name=name or whole.text("_name_or_path") or f"{model_type} from config.json",
        model_type=model_type,
        tie_word_embeddings=_is_tied(whole, text, traits),
        traits=traits,
        moe=moe,
        mla=mla_of(text),
        window=window_of(text, model_type, kinds.number),
        compressed=compressed,
        full_heads=full_heads_of(text),
        num_kv_shared_layers=text.optional(
            "num_kv_shared_layers", most=kinds.number, least=0
        )
        or 0,
        per_layer_size=per_layer or 0,
        per_layer_vocab=text.optional("vocab_size_per_layer_input", most=MAX_VOCAB)
        or shape["vocab_size"],
        possible_scheme=scheme_of_name(_named(config, name)) if doubt else None,
        num_mtp_layers=text.optional(*_MTP_NAMES, most=64, least=0) or 0,
        state=kinds.state,
        attention_layers=kinds.attention,
        mlp_layers=kinds.mlp,
        vision_params=vision_params,
        grouped_output=grouped_output_of(text),
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


def _named(config: Mapping[str, Any], name: str) -> str:
    """Name and path, whichever says a format."""
    return f"{name} {config.get('_name_or_path', '')}".strip()


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
        inner = adjusted(text, inner)
    blocks = blocks_of(text, kinds.number, hidden, heads)
    if inner and text.flag("use_double_wide_mlp", default=False):
        blocks["mlp_sizes"] = double_wide(text, kinds.number, inner)
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
        "num_key_value_heads": kv_heads_of(text, heads, model_type, kinds.number),
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


_INNER_NAMES = {
    "llama4_text": ("intermediate_size_mlp",),
    "lfm2": ("block_ff_dim",),
    "granitemoehybrid": ("shared_intermediate_size",),
}
"""What a family calls the width of its dense MLP, before the common names."""
_FOUR_TIMES = frozenset({"gpt2", "gpt_bigcode", "falcon", "gpt_neox", "opt"})
"""Families whose MLP is four times the hidden size where they do not say."""


def _is_tied(whole: Fields, text: Fields, traits: Traits) -> bool:
    tied = whole.flag("tie_word_embeddings", default=traits.ties_embeddings)
    return text.flag("tie_word_embeddings", default=tied)
