"""Formats of the KV cache: what a repository declares, and what each takes."""

from typing import Any

import pytest

from planning.errors import BadSetting
from planning.interval import Interval
from planning.memory.architecture import model_from_config
from planning.memory.compact import compact
from planning.memory.config_json import read_config
from planning.memory.engine_settings import EngineSettings
from planning.memory.kv_cache import kv_layout
from planning.memory.kv_format import KV_FORMATS, format_of, head_bytes
from planning.memory.model import Model
from planning.memory.quantization import AWQ
from planning.memory.quantization_config import merged
from planning.memory.sizing import MemoryEstimate, estimate_memory

CONFIG = {
    **{"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32},
    **{"num_attention_heads": 32, "num_key_value_heads": 8},
    **{"intermediate_size": 14336, "vocab_size": 128256},
    "max_position_embeddings": 131072,
}
STATIC = {"dynamic": False, "num_bits": 8, "type": "float"}


def with_quantization(**fields: Any) -> Model:
    config = {**CONFIG, "quantization_config": fields}
    return model_from_config(read_config(compact(config)))


def found(model: Model, **changes: Any) -> MemoryEstimate:
    settings = EngineSettings(model, Interval.exact(79.19), **changes)
    return estimate_memory(settings)


@pytest.mark.parametrize(
    ("fields", "declared"),
    [
        ({"quant_method": "fp8"}, "auto"),
        ({"quant_method": "compressed-tensors", "kv_cache_scheme": STATIC}, "fp8"),
        ({"quant_method": "compressed-tensors", "kv_cache_scheme": None}, "auto"),
        (
            {"quant_method": "modelopt", "quant_algo": "NVFP4"}
            | {"kv_cache_scheme": STATIC},
            "fp8",
        ),
        (
            {"quant_method": "modelopt", "quant_algo": "NVFP4"}
            | {"kv_cache_scheme": {"num_bits": 4, "type": "float"}},
            "nvfp4",
        ),
        (
            {"quant_method": "modelopt", "quant_algo": "NVFP4"}
            | {"kv_cache_scheme": {**STATIC, "dynamic": True}},
            "auto",
        ),
        (
            {"quant_method": "modelopt", "quant_algo": "FP8"}
            | {"kv_cache_quant_algo": "FP8"},
            "fp8",
        ),
        (
            {"quant_method": "modelopt", "quant_algo": "FP8"}
            | {"kv_cache_quant_algo": "something else"},
            "auto",
        ),
    ],
)
def test_the_cache_has_the_format_that_the_repository_declares(
    fields: dict[str, Any], declared: str
) -> None:
    model = with_quantization(**fields)
    assert model.kv_format == declared
    assert format_of(EngineSettings(model, Interval.exact(80))) == declared


def test_modelopts_second_file_declares_it_too() -> None:
    file = {
        "producer": {"name": "modelopt"},
        "quantization": {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8"},
    }
    assert model_from_config(merged(CONFIG, file)).kv_format == "fp8"


def test_what_is_asked_for_and_other_weights_go_before_what_is_declared() -> None:
    model = with_quantization(
        quant_method="modelopt", quant_algo="FP8", kv_cache_quant_algo="FP8"
    )
    plain = model_from_config(CONFIG)
    shipped, asked = found(model), found(model, kv_cache_dtype="bfloat16")
    other = found(model, scheme=AWQ)
    whole = found(plain).layout.bytes_per_token
    assert shipped.layout.bytes_per_token == whole / 2
    assert asked.layout.bytes_per_token == other.layout.bytes_per_token == whole


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("auto", 512),
        ("fp8", 256),
        ("int8_per_token_head", 264),
        ("int4_per_token_head", 136),
        ("nvfp4", 144),
        ("turboquant_k8v4", 128 + 64 + 4),
        ("turboquant_4bit_nc", 66 + 68),
        ("turboquant_3bit_nc", 50 + 52),
    ],
)
def test_a_head_of_128_takes_so_many_bytes(name: str, expected: int) -> None:
    assert head_bytes(name, 128) == expected


def test_turboquant_leaves_layers_at_both_ends_in_16_bit() -> None:
    model = model_from_config(CONFIG)
    packed = found(model, kv_cache_dtype="turboquant_4bit_nc").layout
    assert packed.bytes_per_token == 8 * (4 * 512 + 28 * (66 + 68))


WINDOWED = {**CONFIG, "model_type": "gemma2", "sliding_window": 4096}


@pytest.mark.parametrize(
    ("config", "changes", "reason"),
    [
        (CONFIG, {"kv_cache_dtype": "int2"}, "is one of"),
        (CONFIG, {"kv_cache_dtype": "nvfp4", "vllm_version": "0.19"}, "from vLLM 0.26"),
        (
            CONFIG,
            {"kv_cache_dtype": "nvfp4_4over6", "vllm_version": "0.26"},
            "from vLLM 0.27",
        ),
        (WINDOWED, {"kv_cache_dtype": "turboquant_k8v4"}, "is not computed here"),
    ],
)
def test_a_format_that_is_not_known_is_refused_with_its_reason(
    config: dict[str, Any], changes: dict[str, str], reason: str
) -> None:
    with pytest.raises(BadSetting, match=reason):
        found(model_from_config(config), **changes)


def test_all_formats_offered_are_computed() -> None:
    model = model_from_config(CONFIG)
    widths = {n: found(model, kv_cache_dtype=n).layout for n in KV_FORMATS}
    assert all(kv_layout_bytes > 0 for kv_layout_bytes in _bytes(widths))
    whole = kv_layout(EngineSettings(model, Interval.exact(80))).bytes_per_token
    assert all(size <= whole for size in _bytes(widths))


def _bytes(layouts: dict[str, Any]) -> list[int]:
    return [layout.bytes_per_token for layout in layouts.values()]
