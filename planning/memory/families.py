"""What the code of a model family does that its config.json leaves unsaid.

As in the model definitions of vLLM 0.32 and transformers 5 (read 2026-11).
"""

from dataclasses import replace
from typing import Any

from planning.memory.model import QkNorm, Traits

_LLAMA = Traits()
_TIED = Traits(ties_embeddings=True)
_GATED = Traits(qk_norm="head", has_output_gate=True, shared_expert_gate=True)
_ALL_BIASED = Traits(
    qkv_bias=True, o_bias=True, mlp_bias=True, is_gated=False, norm_bias=True
)

FAMILIES: dict[str, Traits] = {
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "ministral": _LLAMA,
    "mixtral": _LLAMA,
    "granite": _LLAMA,
    "granitemoe": _LLAMA,
    "internlm2": _LLAMA,
    "internlm3": _LLAMA,
    "phi3": _LLAMA,
    "deepseek": _LLAMA,
    "deepseek_v2": _LLAMA,
    "deepseek_v3": _LLAMA,
    "kimi_k2": _LLAMA,
    "llama4_text": _LLAMA,
    "seed_oss": Traits(qkv_bias=True),
    "smollm3": _TIED,
    "qwen2": Traits(qkv_bias=True),
    "qwen2_vl_text": Traits(qkv_bias=True),
    "qwen2_5_vl_text": Traits(qkv_bias=True),
    "qwen2_moe": Traits(qkv_bias=True, shared_expert_gate=True),
    "qwen3": Traits(qk_norm="head"),
    "qwen3_vl_text": Traits(qk_norm="head"),
    "qwen3_moe": Traits(qk_norm="head"),
    "qwen3_vl_moe_text": Traits(qk_norm="head"),
    "gemma": _TIED,
    "gemma2": Traits(norms_per_layer=4, ties_embeddings=True),
    "gemma3_text": Traits(norms_per_layer=4, qk_norm="head", ties_embeddings=True),
    "gemma4_text": Traits(norms_per_layer=4, qk_norm="head", ties_embeddings=True),
    "deepseek_v32": _LLAMA,
    "deepseek_v4": _LLAMA,
    "glm_moe_dsa": _LLAMA,
    "minimax_m2": Traits(qk_norm="full"),
    "nemotron-nas": _LLAMA,
    "mimo": Traits(qkv_bias=True),
    "glm": Traits(qkv_bias=True),
    "glm4": Traits(qkv_bias=True, norms_per_layer=4),
    "glm4_moe": Traits(qkv_bias=True),
    "olmo2": Traits(qk_norm="full"),
    "olmo3": Traits(qk_norm="full"),
    "olmoe": Traits(qk_norm="full"),
    "cohere": Traits(norms_per_layer=1, ties_embeddings=True),
    "cohere2": Traits(norms_per_layer=1, ties_embeddings=True),
    "gpt_oss": Traits(
        qkv_bias=True, o_bias=True, mlp_bias=True, router_bias=True, has_sinks=True
    ),
    "phimoe": Traits(qkv_bias=True, o_bias=True, norm_bias=True, lm_head_bias=True),
    "phi": replace(_ALL_BIASED, norms_per_layer=1, lm_head_bias=True),
    "starcoder2": replace(_ALL_BIASED, ties_embeddings=True),
    "stablelm": Traits(norm_bias=True),
    "nemotron": Traits(is_gated=False, norm_bias=True),
    "gpt_neox": _ALL_BIASED,
    "gpt2": replace(
        _ALL_BIASED, ties_embeddings=True, has_rope=False, has_positions=True
    ),
    "gpt_bigcode": replace(
        _ALL_BIASED, ties_embeddings=True, has_rope=False, has_positions=True
    ),
    "opt": replace(
        _ALL_BIASED, ties_embeddings=True, has_rope=False, has_positions=True
    ),
    "qwen3_next": _GATED,
    "qwen3_5_text": _GATED,
    "qwen3_5_moe_text": _GATED,
    "nemotron_h": Traits(is_gated=False, norms_per_layer=1, has_rope=False),
    "granitemoehybrid": _LLAMA,
    "bamba": _LLAMA,
    "jamba": Traits(has_rope=False),
    "falcon_h1": _LLAMA,
    "kimi_linear": Traits(has_rope=False),
    "lfm2": Traits(qk_norm="head", ties_embeddings=True),
    "lfm2_moe": Traits(qk_norm="head", ties_embeddings=True),
    "minimax": _LLAMA,
    "minimax_text_01": _LLAMA,
    "falcon": Traits(
        is_gated=False, norm_bias=True, norms_per_layer=1, ties_embeddings=True
    ),
}
"""By ``model_type``; of a nested one, the text model's."""

SAME_AS = {
    "gemma3": "gemma3_text",
    "gemma4": "gemma4_text",
    "llama4": "llama4_text",
    "mistral3": "mistral",
    "pixtral": "mistral",
    "qwen2_vl": "qwen2",
    "qwen2_5_vl": "qwen2",
    "qwen3_vl": "qwen3",
    "qwen3_vl_moe": "qwen3_moe",
    "kimi_vl": "deepseek_v3",
    "kimi_k25": "deepseek_v3",
    "deepseek_vl_v2": "deepseek_v2",
    "qwen3_5": "qwen3_5_text",
    "qwen3_5_moe": "qwen3_5_moe_text",
    "kimi_k3": "kimi_linear",
    "minimax_m1": "minimax_text_01",
    "llava": "llama",
    "llava_next": "mistral",
    "idefics3": "llama",
    "smolvlm": "llama",
}
"""Model types of a whole that stand for a text family where it names none itself."""

STATEFUL = frozenset(
    "mamba mamba2 falcon_mamba zamba zamba2 rwkv recurrent_gemma plamo2".split()
)
"""Families with a state that are not computed: without attention, or unlike others."""

ENCODERS = frozenset(
    "bert roberta xlm-roberta modernbert t5 bart mbart whisper mllama siglip clip vit "
    "deberta-v2 electra distilbert".split()
)
"""Families that are no decoders of text, or have layers that attend to an image."""


def traits_of(model_type: str, config: dict[str, Any]) -> Traits | None:
    """The family's traits with what config.json overrides; None: not known here."""
    base = FAMILIES.get(SAME_AS.get(model_type, model_type))
    if base is None:
        return None
    if model_type in ("llama", "mistral", "granite", "qwen3", "qwen3_moe", "gemma"):
        is_biased = bool(config.get("attention_bias"))
        base = replace(base, qkv_bias=is_biased, o_bias=is_biased)
    if model_type in ("cohere", "starcoder2", "phimoe", "glm4_moe"):
        base = _by_switch(model_type, base, config)
    if base.has_output_gate:
        base = replace(
            base, has_output_gate=config.get("attn_output_gate") is not False
        )
    if model_type == "granitemoehybrid":
        is_roped = config.get("position_embedding_type") == "rope"
        base = replace(base, has_rope=is_roped)
    if model_type == "falcon" and config.get("new_decoder_architecture"):
        base = replace(base, norms_per_layer=2)
    return replace(base, mlp_bias=bool(config.get("mlp_bias", base.mlp_bias)))


def _by_switch(model_type: str, base: Traits, config: dict[str, Any]) -> Traits:
    if model_type == "cohere":
        return replace(base, qk_norm="full" if config.get("use_qk_norm") else "none")
    if model_type == "glm4_moe":
        is_biased = bool(config.get("attention_bias"))
        qk_norm: QkNorm = "head" if config.get("use_qk_norm") else "none"
        return replace(base, qkv_bias=is_biased, qk_norm=qk_norm)
    name = "use_bias" if model_type == "starcoder2" else "attention_bias"
    is_biased = bool(config.get(name, True))
    return replace(base, qkv_bias=is_biased, o_bias=is_biased)
