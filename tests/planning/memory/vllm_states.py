"""vLLM's own layers that keep a state, without their weights."""

import importlib
from typing import Any
from unittest.mock import patch

from vllm.config import VllmConfig
from vllm.model_executor.models import ModelRegistry
from vllm.platforms.interface import DeviceCapability, Platform, PlatformEnum

_GATED_DELTA_NET = "gdn.qwen_gdn_linear_attn:QwenGatedDeltaNetAttention"
STATES = {
    "qwen3_next": ("Qwen3NextForCausalLM", _GATED_DELTA_NET),
    "qwen3_5_text": ("Qwen3NextForCausalLM", _GATED_DELTA_NET),
    "qwen3_5_moe_text": ("Qwen3NextForCausalLM", _GATED_DELTA_NET),
    "nemotron_h": ("NemotronHForCausalLM", "mamba_mixer2:MambaMixer2"),
    "granitemoehybrid": ("GraniteMoeHybridForCausalLM", "mamba_mixer2:MambaMixer2"),
    "falcon_h1": ("FalconH1ForCausalLM", "mamba_mixer2:MambaMixer2"),
    "jamba": ("JambaForCausalLM", "mamba_mixer:MambaMixer"),
    "lfm2": ("Lfm2ForCausalLM", "short_conv:ShortConv"),
    "kimi_linear": ("KimiLinearForCausalLM", "gdn.base:GatedDeltaNetAttention"),
    "bailing_moe_linear": ("BailingMoeV2_5ForCausalLM", "abstract:MambaBase"),
}
"""The class that tells a state's shapes, and the layer that keeps it, by model_type.

Qwen3.5's own class needs torchvision; its state has the shapes of Qwen3-Next.
"""
_COMPUTE_CAPABILITY = {
    **{"ampere": (8, 0), "ada": (8, 9), "hopper": (9, 0)},
    **{"blackwell": (10, 0), "blackwell-rtx": (12, 0)},
}


def state_layer(hf: Any, vllm: VllmConfig, arch: str) -> Any:
    """One that stands for all of the model's; vLLM asks it for more than its spec."""
    name, place = STATES[hf.model_type]
    model, _ = ModelRegistry.resolve_model_cls(name, model_config=vllm.model_config)
    shapes = model.get_mamba_state_shape_from_config(vllm)
    dtypes = model.get_mamba_state_dtype_from_config(vllm)
    layer_class = _layer_class(hf.model_type, place)

    class Layer(layer_class):  # type: ignore[misc, valid-type]
        """The layer without its weights."""

        mamba_type = "of no matter here"
        kda_prefill_backend = "flashkda"
        vllm_config = vllm
        _checkpoint_alignment = _checkpoint_tokens(place, vllm, arch)

        def get_state_shape(self) -> Any:
            return shapes

        def get_state_dtype(self) -> Any:
            return dtypes

    return object.__new__(Layer)


def _checkpoint_tokens(place: str, vllm: VllmConfig, arch: str) -> int | None:
    """Of a gated delta net since 0.33: as its layer says that is built on such a card.

    The choice of the kernel is vLLM's.
    """
    if place != _GATED_DELTA_NET or vllm.cache_config.mamba_cache_mode != "align":
        return None
    from vllm.model_executor.layers.mamba.gdn import qwen_gdn_linear_attn as gdn

    tokens = getattr(gdn, "FLASHINFER_GDN_CHECKPOINT_ALIGNMENT", None)
    with patch.object(gdn, "current_platform", _card(arch)):
        _, kernel = gdn._resolve_gdn_prefill_backend(vllm)
    return tokens if kernel == "flashinfer" else None


def _layer_class(model_type: str, place: str) -> Any:
    module, _, name = place.partition(":")
    if model_type == "kimi_linear":
        try:
            kda = importlib.import_module("vllm.models.kimi_k3.nvidia.kda")
            return kda.KimiK3DeltaAttention
        except ImportError:
            pass
    layers = importlib.import_module(f"vllm.model_executor.layers.mamba.{module}")
    return getattr(layers, name)


def _card(arch: str) -> Platform:
    """A card of NVIDIA's, as vLLM asks it when it picks a kernel."""

    class Card(Platform):
        _enum = PlatformEnum.CUDA

        @classmethod
        def get_device_capability(cls, device_id: int = 0) -> DeviceCapability:
            return DeviceCapability(*_COMPUTE_CAPABILITY[arch])

        @classmethod
        def get_cuda_runtime_major(cls) -> int:
            return 13

    return Card()
