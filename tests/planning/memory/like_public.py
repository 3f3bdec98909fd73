"""Made-up configs, each with the shape of a public model's attention and states.

Only what decides the KV cache and what both readers need is there; MLPs are tiny.
"""

from typing import Any

_BASE = {"intermediate_size": 256, "vocab_size": 1024, "max_position_embeddings": 2**20}


def _config(
    model_type: str, layers: int, hidden: int, heads: int, kv_heads: int, **more: Any
) -> dict[str, Any]:
    return {
        "model_type": model_type,
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        **_BASE,
        **more,
    }


def _mixed(layers: int, every: int, narrow: str, wide: str) -> list[str]:
    return [wide if (i + 1) % every == 0 else narrow for i in range(layers)]


_MLA = {
    "kv_lora_rank": 512,
    "q_lora_rank": 1536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "first_k_dense_replace": 64,
}


def _gated_delta(layers: int, value_heads: int, key_heads: int = 16) -> dict[str, Any]:
    return {
        "layer_types": _mixed(layers, 4, "linear_attention", "full_attention"),
        "linear_num_value_heads": value_heads,
        "linear_num_key_heads": key_heads,
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4,
        "head_dim": 256,
    }


def _nemotron(pattern: str, heads: int) -> dict[str, Any]:
    return {
        "hybrid_override_pattern": pattern,
        "mamba_num_heads": heads,
        "mamba_head_dim": 64,
        "n_groups": 8,
        "ssm_state_size": 128,
        "conv_kernel": 4,
        "head_dim": 128,
    }


def _granite(
    layers: int, attention: set[int], heads: int, **more: Any
) -> dict[str, Any]:
    return {
        "layer_types": [
            "attention" if i in attention else "mamba" for i in range(layers)
        ],
        "mamba_n_heads": heads,
        "mamba_d_head": 64,
        "mamba_n_groups": 1,
        "mamba_d_state": 128,
        "mamba_d_conv": 4,
        "mamba_expand": 2,
        "num_local_experts": 0,
        "shared_intermediate_size": 256,
        **more,
    }


_KIMI = {
    **_MLA,
    "linear_attn_config": {
        "full_attn_layers": [4, 8, 12, 16, 20, 24, 27],
        "kda_layers": [i for i in range(1, 28) if i not in (4, 8, 12, 16, 20, 24, 27)],
        "head_dim": 128,
        "num_heads": 32,
        "short_conv_kernel_size": 4,
    },
}

DEEPSEEK_V4 = _config(
    *("deepseek_v4", 43, 4096, 64, 1),
    head_dim=512,
    sliding_window=128,
    index_head_dim=128,
    qk_rope_head_dim=64,
    compress_ratios=[0, 0, *(4, 128) * 20, 4, 0],
)
"""Compressed rows beside windows."""

MODELS: dict[str, dict[str, Any]] = {
    "dense, 8 KV heads": _config("llama", 32, 4096, 32, 8),
    "dense, as many KV heads": _config("llama", 32, 4096, 32, 32),
    "dense, 2 KV heads": _config("qwen2", 24, 896, 14, 2),
    "dense, wide heads": _config("qwen3", 28, 1024, 16, 8, head_dim=128),
    "MQA": _config("gemma", 18, 2048, 8, 1, head_dim=256),
    "MLA": _config("deepseek_v3", 61, 7168, 128, 128, **_MLA),
    "MLA with an indexer": _config(
        *("deepseek_v32", 61, 7168, 128, 128),
        **_MLA,
        index_head_dim=128,
        index_n_heads=64,
        index_topk=2048,
    ),
    "MLA, indexers shared": _config(
        *("glm_moe_dsa", 78, 6144, 64, 64),
        **_MLA,
        index_head_dim=128,
        index_n_heads=32,
        index_topk=2048,
        indexer_types=["full" if i % 4 in (0, 2) else "shared" for i in range(78)],
    ),
    "DeepSeek V4": DEEPSEEK_V4,
    "a window everywhere": _config("mistral", 32, 4096, 32, 8, sliding_window=4096),
    "Gemma 2": _config("gemma2", 42, 3584, 16, 8, head_dim=256, sliding_window=4096),
    "Gemma 3, 26 layers": _config(
        "gemma3_text", 26, 1152, 4, 1, head_dim=256, sliding_window=512
    ),
    "Gemma 3, 62 layers": _config(
        "gemma3_text", 62, 5376, 32, 16, head_dim=128, sliding_window=1024
    ),
    "Gemma 4": _config(
        *("gemma4_text", 60, 5376, 32, 16),
        head_dim=256,
        global_head_dim=512,
        num_global_key_value_heads=4,
        attention_k_eq_v=True,
        sliding_window=1024,
        layer_types=_mixed(60, 6, "sliding_attention", "full_attention"),
    ),
    "gpt-oss": _config(
        *("gpt_oss", 24, 2880, 64, 8),
        head_dim=64,
        sliding_window=128,
        num_local_experts=4,
        num_experts_per_tok=2,
    ),
    "Llama 4": _config(
        *("llama4_text", 48, 5120, 40, 8),
        head_dim=128,
        attention_chunk_size=8192,
        intermediate_size_mlp=256,
        num_local_experts=4,
        num_experts_per_tok=1,
    ),
    "Command R7B": _config("cohere2", 32, 4096, 32, 8, sliding_window=4096),
    "Olmo 3": _config("olmo3", 32, 4096, 32, 32, sliding_window=4096),
    "Qwen3-Next": _config("qwen3_next", 48, 2048, 16, 2, **_gated_delta(48, 32)),
    "Qwen3.5, small": _config(
        *("qwen3_5_text", 32, 2560, 16, 4),
        **_gated_delta(32, 32),
        mamba_ssm_dtype="float32",
    ),
    "Qwen3.5, dense": _config(
        *("qwen3_5_text", 64, 5120, 24, 4),
        **_gated_delta(64, 48),
        mamba_ssm_dtype="float32",
    ),
    "Qwen3.5, experts": _config(
        *("qwen3_5_moe_text", 48, 3072, 32, 2),
        **_gated_delta(48, 64),
        mamba_ssm_dtype="float32",
        num_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=128,
        shared_expert_intermediate_size=128,
    ),
    "Nemotron-H, dense": _config(
        *("nemotron_h", 52, 4096, 32, 8),
        **_nemotron("M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-", 128),
    ),
    "Nemotron 3, experts": _config(
        *("nemotron_h", 52, 2688, 32, 2),
        **_nemotron("MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME", 64),
        mamba_ssm_cache_dtype="float32",
        n_routed_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=128,
        moe_shared_expert_intermediate_size=128,
        n_shared_experts=1,
    ),
    "Nemotron 3, 16-bit states": _config(
        *("nemotron_h", 8, 4096, 32, 2),
        **_nemotron("MEMEM*ME", 128),
        mamba_ssm_cache_dtype="bfloat16",
        n_routed_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=128,
        moe_shared_expert_intermediate_size=128,
        n_shared_experts=1,
    ),
    "Granite 4, small": _config(
        "granitemoehybrid", 40, 4096, 32, 8, **_granite(40, {5, 15, 25, 35}, 128)
    ),
    "Granite 4, tiny": _config(
        "granitemoehybrid", 40, 1536, 12, 4, **_granite(40, {5, 15, 25, 35}, 48)
    ),
    "Jamba": _config(
        *("jamba", 32, 4096, 32, 8),
        attn_layer_period=8,
        attn_layer_offset=4,
        expert_layer_period=2,
        expert_layer_offset=1,
        num_experts=4,
        num_experts_per_tok=2,
        mamba_d_state=16,
        mamba_d_conv=4,
        mamba_expand=2,
        mamba_dt_rank=256,
    ),
    "Falcon-H1": _config(
        *("falcon_h1", 36, 2048, 8, 2),
        head_dim=128,
        mamba_d_ssm=3072,
        mamba_n_heads=48,
        mamba_d_head=64,
        mamba_n_groups=1,
        mamba_d_state=256,
        mamba_d_conv=4,
        mamba_expand=2,
    ),
    "LFM2": _config(
        *("lfm2", 16, 2048, 32, 8),
        conv_dim=2048,
        conv_L_cache=3,
        conv_bias=False,
        layer_types=[
            "full_attention" if i in (2, 5, 8, 10, 12, 14) else "conv"
            for i in range(16)
        ],
    ),
    "Kimi Linear": _config("kimi_linear", 27, 2304, 32, 32, **_KIMI),
    "lightning attention": _config(
        "bailing_moe_linear", 32, 4096, 32, 32, head_dim=128, layer_group_size=8, **_MLA
    ),
}
"""By what it looks like. All heads divide by 2, but for the one of MQA."""
