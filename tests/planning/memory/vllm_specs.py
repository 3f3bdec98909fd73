"""vLLM's own KVCacheSpecs for a config.json, without a model, weights or a GPU.

Layers are vLLM's classes without their weights: each tells its own spec. The block size
is vLLM's own alignment for a platform whose attention takes blocks of 16 tokens, as
FlashAttention, FlashInfer and Triton do on a GPU.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from transformers import PretrainedConfig
from vllm.config import VllmConfig
from vllm.engine.arg_utils import EngineArgs
from vllm.model_executor.layers.attention import (
    Attention,
    ChunkedLocalAttention,
    MLAAttention,
)
from vllm.model_executor.layers.quantization.turboquant.config import TurboQuantConfig
from vllm.model_executor.models.config import MODELS_CONFIG_MAP, MambaModelConfig
from vllm.platforms.interface import Platform
from vllm.transformers_utils.config import get_config
from vllm.utils.torch_utils import (
    kv_cache_dtype_str_to_dtype,
    nvfp4_kv_cache_full_dim,
)
from vllm.v1.attention.backend import AttentionType
from vllm.v1.attention.backends.mla.triton_mla import TritonMLABackend
from vllm.v1.attention.backends.triton_attn import TritonAttentionBackend
from vllm.v1.attention.backends.turboquant_attn import TurboQuantAttentionBackend
from vllm.v1.core import kv_cache_utils
from vllm.v1.kv_cache_interface import FullAttentionSpec

from tests.planning.memory.vllm_states import STATES, state_layer

DTYPE = torch.bfloat16
BLOCK_SIZE = 16
_SPARSE_BLOCK = 64
_CONFIGS = {
    "nemotron_h": "NemotronHForCausalLM",
    "qwen3_5_text": "Qwen3_5ForConditionalGeneration",
    "qwen3_5_moe_text": "Qwen3_5MoeForConditionalGeneration",
}
"""Whose configuration hook sets the precision of the state."""


@dataclass(frozen=True)
class Capacity:
    """What vLLM makes of a pool."""

    num_blocks: int
    num_tokens: int
    max_concurrency: float


class Gpu(Platform):
    """A platform whose attention takes blocks of 16 tokens."""

    backend: Any = TritonAttentionBackend

    @classmethod
    def _find_non_ssm_backends(cls, vllm_config: Any) -> list[Any]:
        return [cls.backend]

    @classmethod
    def _find_non_ssm_backend(cls, vllm_config: Any) -> Any:
        return cls.backend


class Nvfp4Backend(TritonAttentionBackend):
    """As FlashInfer's backend packs NVFP4, which is not installed without a GPU."""

    @classmethod
    def customize_spec(cls, spec: Any) -> Any:
        if not spec.kv_quant_mode.is_nvfp4:
            return spec
        return replace(
            spec,
            num_head_slots=2 * spec.num_kv_heads,
            state_content_bytes=nvfp4_kv_cache_full_dim(spec.head_size),
        )


class RowGpu(Gpu):
    """The same for MLA."""

    backend = TritonMLABackend


def capacity(
    config: dict[str, Any],
    directory: Path,
    *,
    tp: int,
    max_model_len: int,
    step_budget: int,
    pool_bytes: int,
    kv_cache_dtype: str = "auto",
    num_drafted: int = 0,
    draft_heads: tuple[int, int] = (0, 0),
    arch: str = "hopper",
) -> Capacity:
    """By vLLM's own code, from its layers' specs to the logged concurrency.

    ``draft_heads``: KV heads and their size in the one layer of a drafter. ``arch``:
    of the card, which decides the kernel of a gated delta net.
    """
    hf = _hf_config(config, directory)
    vllm = _vllm_config(
        *(hf, tp, max_model_len, step_budget, kv_cache_dtype, num_drafted),
        arch,
        directory,
    )
    if hf.model_type == "deepseek_v4":
        _pack(vllm)
    specs = _specs(hf, vllm)
    if draft_heads[0]:
        specs["draft.attention"] = _draft_spec(vllm, *draft_heads)
    made = _kv_cache_config(vllm, specs, pool_bytes)
    tokens, concurrency = kv_cache_utils.get_kv_cache_capacity(vllm, made)
    return Capacity(made.num_blocks, tokens, concurrency)


def _kv_cache_config(vllm: VllmConfig, specs: dict[str, Any], pool_bytes: int) -> Any:
    """A pool of so many bytes; since 0.33 the platform's builder lays it out."""
    try:
        from vllm.v1.core import kv_cache_config_builder, kv_cache_planning
    except ImportError:
        groups = kv_cache_utils.get_kv_cache_groups(vllm, specs)
        return kv_cache_utils.get_kv_cache_config_from_groups(vllm, groups, pool_bytes)
    groups = kv_cache_planning.get_global_kv_cache_groups(vllm, [specs])
    builder = kv_cache_config_builder.get_kv_cache_config_builder(vllm)
    block_bytes = kv_cache_planning._pool_bytes_per_block_from_builder(
        builder, vllm, groups
    )
    num_blocks = pool_bytes // block_bytes
    return builder.get_kv_cache_config_from_groups(vllm, groups, num_blocks)


def _hf_config(config: dict[str, Any], directory: Path) -> Any:
    """By the family's own class; one that ships its class with its weights, as is."""
    if config["model_type"] in ("bailing_moe_linear", "deepseek_v4"):
        return PretrainedConfig.from_dict(config)
    (directory / "config.json").write_text(json.dumps(config))
    return get_config(directory, trust_remote_code=False)


def _vllm_config(
    hf: Any,
    tp: int,
    max_model_len: int,
    step_budget: int,
    kv_cache_dtype: str,
    num_drafted: int,
    arch: str,
    directory: Path,
) -> VllmConfig:
    vllm = VllmConfig()
    if num_drafted:
        vllm.speculative_config = _speculative(num_drafted)
    vllm.scheduler_config.async_scheduling = True
    vllm.scheduler_config.max_num_batched_tokens = step_budget
    vllm.scheduler_config.disable_hybrid_kv_cache_manager = False
    vllm.parallel_config.tensor_parallel_size = tp
    model = _model_config(hf, tp, max_model_len)
    vllm.model_config = model
    cache = vllm.cache_config
    cache.cache_dtype = kv_cache_dtype
    if kv_cache_dtype.startswith("turboquant_"):
        skipped = TurboQuantConfig.get_boundary_skip_layers(model)
        cache.kv_cache_dtype_skip_layers = sorted(skipped)
    is_sparse = getattr(hf, "index_topk", None) is not None
    cache.block_size = _SPARSE_BLOCK if is_sparse else BLOCK_SIZE
    cache.user_specified_block_size = True
    cache.mamba_block_size = None
    cache.mamba_ssm_cache_dtype = "auto"  # vLLM's CPU platform has set float32
    if hasattr(cache, "kv_cache_layout"):
        cache.kv_cache_layout = "LBNHC"  # what backends with no wish get
    # With a path: where HF_HUB_OFFLINE is set, a name has to lie in the hub's cache.
    told = EngineArgs(model=str(directory))
    told._set_default_chunked_prefill_and_prefix_caching_args(model)
    cache.enable_prefix_caching = bool(told.enable_prefix_caching)
    if model.is_hybrid:
        if (name := _CONFIGS.get(hf.model_type)) is not None:
            MODELS_CONFIG_MAP[name].verify_and_update_config(vllm)
        MambaModelConfig.verify_and_update_config(vllm)
        layer = state_layer(hf, vllm, arch)
        vllm.compilation_config.static_forward_context["state"] = layer
    platform = RowGpu if model.use_mla else Gpu
    platform.backend = _backend(model, kv_cache_dtype)
    platform.update_block_size_for_backend(vllm)
    return vllm


def _speculative(num_tokens: int) -> Any:
    """A drafter without an annotated group, as a draft model is."""
    return SimpleNamespace(
        method="draft_model",
        num_speculative_tokens=num_tokens,
        use_eagle=lambda: False,
        use_eagle_block_drop=lambda: False,
        uses_draft_model=lambda: True,
        use_dflash=lambda: False,
        use_dspark=lambda: False,
    )


def _draft_spec(vllm: VllmConfig, heads: int, size: int) -> Any:
    return FullAttentionSpec(
        block_size=vllm.cache_config.block_size,
        num_kv_heads=heads // vllm.parallel_config.tensor_parallel_size,
        head_size=size,
        dtype=DTYPE,
    )


def _backend(model: Any, kv_cache_dtype: str) -> Any:
    """One that has this format."""
    if model.use_mla:
        return TritonMLABackend
    if kv_cache_dtype.startswith("nvfp4"):
        return Nvfp4Backend
    if kv_cache_dtype.startswith("turboquant_"):
        return TurboQuantAttentionBackend
    return TritonAttentionBackend


def _model_config(hf: Any, tp: int, max_model_len: int) -> Any:
    is_mla = getattr(hf, "kv_lora_rank", None) is not None
    heads, size = _heads(hf, 0, tp)
    return SimpleNamespace(
        hf_config=hf,
        hf_text_config=hf,
        dtype=DTYPE,
        max_model_len=max_model_len,
        original_max_model_len=max_model_len,
        runner_type="generate",
        is_diffusion=False,
        is_attention_free=False,
        is_moe=False,
        architectures=[],
        model_impl="vllm",
        convert_type="none",
        architecture=STATES.get(hf.model_type, ("",))[0],
        is_hybrid=hf.model_type in STATES,
        use_mla=is_mla,
        is_chunked_prefill_supported=True,
        is_prefix_caching_supported=True,
        supports_mamba_prefix_caching=False,
        supports_kv_cache_grouping=False,  # no class of 0.33.0 has its own
        get_num_kv_heads=lambda parallel: heads,
        get_head_size=lambda: size,
    )


def _heads(hf: Any, layer: int, tp: int) -> tuple[int, int]:
    """KV heads of that layer on one GPU, and their size; MLA has one row for all."""
    if getattr(hf, "kv_lora_rank", None) is not None:
        return 1, hf.kv_lora_rank + hf.qk_rope_head_dim
    one = hf.per_layer_config[layer] if hf.model_type == "gemma4_text" else hf
    found = getattr(one, "head_dim", None)
    size = found or one.hidden_size // one.num_attention_heads
    return max(1, one.num_key_value_heads // tp), size


def _specs(hf: Any, vllm: VllmConfig) -> dict[str, Any]:
    specs: dict[str, Any] = {}
    if hf.model_type == "deepseek_v4":
        for i in range(hf.num_hidden_layers):
            specs |= _compressed_specs(hf, vllm, i)
        return specs
    for i, word in enumerate(_words(hf)):
        if word in ("linear_attention", "mamba", "conv", "both"):
            layer = vllm.compilation_config.static_forward_context["state"]
            specs[f"{i}.state"] = layer.get_kv_cache_spec(vllm)
        if word in ("attention", "full_attention", "indexed_attention", "both"):
            specs[f"{i}.attention"] = _attention_spec(hf, vllm, i, "full_attention")
        elif word in ("sliding_attention", "chunked_attention"):
            specs[f"{i}.attention"] = _attention_spec(hf, vllm, i, word)
        if _has_indexer(hf, i):
            specs[f"{i}.index"] = _index_spec(hf, vllm)
    return specs


def _pack(vllm: VllmConfig) -> None:
    """As FlashMLA's backends for DeepSeek V4 ask for."""
    vllm.cache_config.block_size = 256
    vllm.cache_config.cache_dtype = "fp8_ds_mla"
    if hasattr(vllm.cache_config, "kv_cache_layout"):
        vllm.cache_config.kv_cache_layout = "BLHNC"


def _compressed_specs(hf: Any, vllm: VllmConfig, i: int) -> dict[str, Any]:
    """Of one layer of DeepSeek V4."""
    from vllm.models.deepseek_v4 import attention as v4
    from vllm.models.deepseek_v4.compressor import CompressorStateCache

    cache, ratio = vllm.cache_config, hf.compress_ratios[i]

    def told(cls: Any, **fields: Any) -> Any:
        layer = SimpleNamespace(cache_config=cache, **fields)
        return cls.get_kv_cache_spec(layer, vllm)

    def compressor(head_dim: int) -> Any:
        overlap = 2 if ratio == 4 else 1
        block_size, window = {4: 4, 128: 8}[ratio], overlap * ratio
        return told(
            CompressorStateCache,
            state_dim=2 * overlap * head_dim,
            dtype=torch.float32,
            sliding_window=window,
            block_size=block_size,
        )

    specs = {
        "window": told(
            v4.DeepseekV4SWACache,
            head_dim=hf.head_dim,
            window_size=hf.sliding_window,
            dtype=torch.uint8,
            block_size=64,
            packed_bytes_per_token=584,
            packed_page_alignment=576,
            packed_block_stride_alignment=None,
            bounded_replay=False,
        )
    }
    if ratio > 1:
        specs["rows"] = told(
            v4.DeepseekV4Attention,
            compress_ratio=ratio,
            head_dim=hf.head_dim,
            kv_cache_dtype="fp8_ds_mla",
        )
        specs["compressor"] = compressor(hf.head_dim)
    if ratio == 4:
        specs["index"] = told(
            v4.DeepseekV4IndexerCache,
            compress_ratio=ratio,
            head_dim=hf.index_head_dim * 33 // 32,
            dtype=torch.uint8,
        )
        specs["index compressor"] = compressor(hf.index_head_dim)
    return {f"{i}.{name}": spec for name, spec in specs.items()}


def _index_spec(hf: Any, vllm: VllmConfig) -> Any:
    """Of one indexer of sparse attention: 8 bit a value and a scale for 128."""
    from vllm.model_executor.models.deepseek_v2 import DeepseekV32IndexerCache

    layer = DeepseekV32IndexerCache.__new__(DeepseekV32IndexerCache)
    layer.__dict__.update(
        cache_config=vllm.cache_config,
        head_dim=hf.index_head_dim * 33 // 32,
        dtype=torch.uint8,
    )
    return layer.get_kv_cache_spec(vllm)


def _has_indexer(hf: Any, i: int) -> bool:
    types = getattr(hf, "indexer_types", None)
    is_sparse = getattr(hf, "index_topk", None) is not None
    return is_sparse and (types is None or types[i] == "full")


def _words(hf: Any) -> list[str]:
    """As transformers' and vLLM's own config classes tell them."""
    number = hf.num_hidden_layers
    if hf.model_type == "falcon_h1":
        return ["both"] * number
    if hf.model_type == "mistral":
        return ["sliding_attention"] * number
    if hf.model_type == "kimi_linear":
        kda = [hf.is_kda_layer(i) for i in range(number)]
        return ["linear_attention" if is_kda else "attention" for is_kda in kda]
    if hf.model_type == "bailing_moe_linear":
        from vllm.model_executor.models.bailing_moe_linear import is_linear_layer

        linear = [is_linear_layer(i, hf.layer_group_size) for i in range(number)]
        return ["linear_attention" if one else "attention" for one in linear]
    words = getattr(hf, "layers_block_type", None) or getattr(hf, "layer_types", None)
    return list(words or ["full_attention"] * number)


def _attention_spec(hf: Any, vllm: VllmConfig, i: int, word: str) -> Any:
    model = vllm.model_config
    kinds = {"chunked_attention": ChunkedLocalAttention}
    layer_class = MLAAttention if model.use_mla else kinds.get(word, Attention)
    layer = layer_class.__new__(layer_class)
    heads, size = _heads(hf, i, vllm.parallel_config.tensor_parallel_size)
    cache = vllm.cache_config
    is_skipped = str(i) in (getattr(cache, "kv_cache_dtype_skip_layers", None) or ())
    name = "auto" if is_skipped else cache.cache_dtype
    told = {
        "attn_type": AttentionType.DECODER,
        "kv_cache_dtype": name,
        "kv_cache_torch_dtype": kv_cache_dtype_str_to_dtype(name, model),
        "attn_backend": _backend(model, name),
        "num_kv_heads": heads,
        "head_size": size,
        "head_size_v": size,
        "sliding_window": None,
        "indexer": object() if _has_indexer(hf, i) else None,
        "non_causal_multi_token_decode": False,
        "topk_buffer_width": getattr(hf, "index_topk", None),
    }
    if word == "sliding_attention":
        told["sliding_window"] = hf.sliding_window
    elif word == "chunked_attention":
        told["attention_chunk_size"] = hf.attention_chunk_size
    layer.__dict__.update(told)
    spec = layer.get_kv_cache_spec(vllm)
    if name == "auto" or not hasattr(told["attn_backend"], "customize_spec"):
        return spec
    return told["attn_backend"].customize_spec(spec)  # as the worker does
