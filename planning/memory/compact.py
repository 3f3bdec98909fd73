"""The few fields of a config.json that decide memory, short enough for a link."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from planning.errors import BadConfig
from planning.memory.architecture import TEXT_PARTS
from planning.memory.config_json import WHOLE
from planning.memory.module_names import folded, one_expert
from planning.memory.quantization_config import IGNORED

MAX_CHARS = 4_000
"""Of the compact text: with the rest of the query it stays a link that travels."""
_KEPT = frozenset(
    "model_type hidden_size n_embd d_model num_attention_heads n_head n_heads "
    "num_heads num_hidden_layers n_layer n_layers num_layers num_key_value_heads "
    "num_kv_heads n_head_kv multi_query new_decoder_architecture head_dim "
    "intermediate_size intermediate_size_mlp ffn_dim n_inner ffn_hidden_size "
    "vocab_size max_position_embeddings n_positions max_seq_len seq_length "
    "tie_word_embeddings attention_bias mlp_bias use_bias use_qk_norm "
    "partial_rotary_factor rotary_pct qk_rope_head_dim qk_nope_head_dim v_head_dim "
    "kv_lora_rank q_lora_rank num_local_experts num_experts n_routed_experts "
    "moe_num_experts num_experts_per_tok moe_topk moe_k moe_intermediate_size "
    "shared_expert_intermediate_size shared_intermediate_size n_shared_experts "
    "first_k_dense_replace moe_layer_freq decoder_sparse_step "
    "interleave_moe_layer_step mlp_only_layers sliding_window use_sliding_window "
    "sliding_window_pattern attention_chunk_size layer_types is_encoder_decoder "
    "cross_attention_layers _name_or_path model_max_length layers_block_type "
    "hybrid_override_pattern "
    "full_attention_interval attn_layer_indices attn_layer_period attn_layer_offset "
    "attn_type_list layer_group_size linear_attn_config linear_num_value_heads "
    "linear_value_head_dim linear_key_head_dim linear_num_key_heads "
    "linear_conv_kernel_dim mamba_ssm_dtype mamba_num_heads mamba_n_heads mamba_d_ssm "
    "mamba_expand mamba_head_dim mamba_d_head mamba_ssm_cache_dtype ssm_state_size "
    "mamba_d_state n_groups mamba_n_groups conv_kernel mamba_d_conv mamba_proj_bias "
    "use_conv_bias mamba_conv_bias mamba_dt_rank conv_dim conv_L_cache conv_bias "
    "num_kv_shared_layers global_head_dim num_global_key_value_heads "
    "block_ff_dim block_auto_adjust_ff_dim block_ffn_dim_multiplier "
    "block_multiple_of num_dense_layers attention_k_eq_v index_n_heads "
    "index_head_dim compress_ratios "
    "indexer_types attn_output_gate position_embedding_type expert_layer_period "
    "expert_layer_offset num_experts_per_token num_shared_experts moe_latent_size "
    "routed_expert_hidden_size moe_shared_expert_intermediate_size "
    "o_lora_rank o_groups hc_mult expert_dtype top_k_experts "
    "expert_intermediate_size moe_top_k share_expert_dim mlp_layer_types "
    "moe_layers_enum num_nextn_predict_layers mtp_num_hidden_layers "
    "hidden_size_per_layer_input vocab_size_per_layer_input use_double_wide_mlp".split()
)
_VISION = frozenset(
    "hidden_size embed_dim width num_hidden_layers depth num_layers layers "
    "intermediate_size patch_size image_size vt_hidden_size vt_num_hidden_layers "
    "vt_intermediate_size".split()
)
_QUANTIZATION = frozenset(
    "quant_method bits w_bit group_size q_group_size weight_block_size quant_algo "
    "layer_quant_config layer_type_quant_config lm_head load_in_8bit moe_quant_algo "
    "dynamic kv_cache_quant_algo".split()
)
_TELLING_KINDS = frozenset(
    "sliding_window attention_chunk_size linear_attn_config linear_num_value_heads "
    "attn_layer_indices attn_layer_period attn_type_list layer_group_size "
    "hybrid_override_pattern layers_block_type".split()
)
"""Fields that tell kinds of layers where no list does: beside them a list that says
all layers see everything is kept."""
_PLAIN = ("full_attention", "deepseek_sparse_attention")
_BLOCK = frozenset("no_op replace_with_linear n_heads_in_group ffn_mult".split())
_ROPE = frozenset(
    "rope_type type factor original_max_position_embeddings "
    "partial_rotary_factor".split()
)


def compact(config: Mapping[str, Any]) -> str:
    """JSON of the fields that are read, nested as they were; raises BadConfig."""
    text = json.dumps(_of(config), separators=(",", ":"), sort_keys=True)
    if len(text) > MAX_CHARS:
        reason = f"has {len(text):,} characters of fields that matter: at most "
        raise BadConfig(WHOLE, f"{reason}{MAX_CHARS:,} are kept.")
    return text


def _of(config: Mapping[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in config.items() if k in _KEPT and v is not None}
    if _is_plain(kept.get("layer_types")) and not kept.keys() & _TELLING_KINDS:
        del kept["layer_types"]
    for name in TEXT_PARTS:
        if isinstance(part := config.get(name), Mapping):
            kept[name] = _of(part)
    for name, fields in (
        ("vision_config", _VISION),
        ("rope_scaling", _ROPE),
    ):
        if isinstance(part := config.get(name), Mapping):
            kept[name] = {k: v for k, v in part.items() if k in fields}
    if isinstance(blocks := config.get("block_configs"), list):
        kept["block_configs"] = [_of_block(one) for one in blocks]
    for name, shorten in _SHORTENED.items():
        if isinstance(part := config.get(name), Mapping):
            kept[name] = shorten(part)
    return kept


def _quantization(part: Mapping[str, Any]) -> dict[str, Any]:
    """Lists of modules with one entry for many layers."""
    kept = {k: v for k, v in part.items() if k in _QUANTIZATION}
    for name in IGNORED:
        if isinstance(listed := part.get(name), list):
            kept[name] = _shortened(listed)
    layers = part.get("quantized_layers")
    if isinstance(layers, Mapping):
        kept["quantized_layers"] = _by_format(layers)
    elif isinstance(groups := part.get("config_groups"), Mapping):
        kept["config_groups"] = {
            name: _group(one)
            for name, one in groups.items()
            if isinstance(one, Mapping)
        }
    if isinstance(cached := part.get("kv_cache_scheme"), Mapping):
        names = ("num_bits", "type", "dynamic")
        kept["kv_cache_scheme"] = {k: v for k, v in cached.items() if k in names}
    if isinstance(rules := part.get("extra_config"), Mapping):
        kept["extra_config"] = _by_format(rules)
    if isinstance(whole := part.get("global_quant_config"), Mapping):
        kept["global_quant_config"] = {"weight": _dtype(whole.get("weight"))}
    if isinstance(maker := part.get("producer"), Mapping):
        kept["producer"] = {"name": maker.get("name")}
    return kept


def _shortened(names: Iterable[Any]) -> list[str]:
    """Without norms and layers of prediction, which have no matrices of the model."""
    texts = [one_expert(name) for name in names if isinstance(name, str)]
    return folded([name for name in dict.fromkeys(texts) if "norm" not in name])


def _by_format(layers: Mapping[str, Any]) -> dict[str, Any]:
    """``quantized_layers``, whose values are few."""
    names: dict[str, list[str]] = {}
    for name, one in layers.items():
        names.setdefault(json.dumps(one, sort_keys=True), []).append(name)
    return {
        name: json.loads(one) for one, all in names.items() for name in _shortened(all)
    }


def _dtype(weight: Any) -> dict[str, Any]:
    """Of Quark's format of the weights; of several the last is stored."""
    last = weight[-1] if isinstance(weight, list) and weight else weight
    return {"dtype": last.get("dtype")} if isinstance(last, Mapping) else {}


def _group(group: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    if isinstance(targets := group.get("targets"), list):
        kept["targets"] = _shortened(targets)
    if isinstance(weights := group.get("weights"), Mapping):
        names = ("num_bits", "type", "group_size", "strategy")
        kept["weights"] = {k: v for k, v in weights.items() if k in names}
    return kept


def _of_block(block: Any) -> dict[str, Any]:
    if not isinstance(block, Mapping):
        return {}
    return {
        part: {k: v for k, v in fields.items() if k in _BLOCK and v}
        for part in ("attention", "ffn")
        if isinstance(fields := block.get(part), Mapping)
    }


def _rope(part: Mapping[str, Any]) -> dict[str, Any]:
    """Those of all layers, and of each kind of layer."""
    kept = {k: v for k, v in part.items() if k in _ROPE}
    for name, inner in part.items():
        if name.endswith("_attention") and isinstance(inner, Mapping):
            kept[name] = {k: v for k, v in inner.items() if k in _ROPE}
    return kept


def _is_plain(kinds: Any) -> bool:
    """Whether all layers see everything, as if nothing were said."""
    is_list = isinstance(kinds, list) and bool(kinds)
    return is_list and kinds[0] in _PLAIN and all(kind == kinds[0] for kind in kinds)


_SHORTENED = {
    "quantization_config": _quantization,
    "compression_config": _quantization,
    "rope_parameters": _rope,
}
