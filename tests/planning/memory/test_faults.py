"""Faults that were found against public figures, each with its own test.

They are named by what they are about; where a fuller test exists, it is beside.
"""

from typing import Any

import pytest

from planning.errors import BadConfig
from planning.interval import GIB, Interval
from planning.memory.architecture import model_from_config
from planning.memory.config_json import read_config
from planning.memory.engine_settings import EngineSettings
from planning.memory.kv_cache import kv_layout
from planning.memory.model_catalog import find_model
from planning.memory.quantization_config import merged
from planning.memory.sizing import estimate_memory
from planning.memory.startup_log import estimate_of
from planning.memory.verdict import reasons, verdict
from planning.memory.weights import weight_bytes

LLAMA = {
    **{"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32},
    **{"num_attention_heads": 32, "num_key_value_heads": 8},
    **{"intermediate_size": 14336, "vocab_size": 128256},
    "max_position_embeddings": 131072,
}


@pytest.mark.parametrize(
    ("name", "context", "step", "surplus_pct"),
    [
        ("google/gemma-3-27b-it", 32_768, 8_192, 56),
        ("google/gemma-3-27b-it", 16_384, 2_048, 35),
        ("google/gemma-3-1b-it", 32_768, 8_192, 58),
        ("openai/gpt-oss-20b", 32_768, 8_192, 20),
    ],
)
def test_users_of_models_with_windows_reckon_with_two_steps_under_way(
    name: str, context: int, step: int, surplus_pct: int
) -> None:
    """vLLM 0.32 holds the blocks of two steps; with one, users were so many too many
    (the figures were taken from vLLM's own spec classes)."""
    settings = EngineSettings(
        find_model(name),
        Interval.exact(80),
        max_model_len=context,
        max_num_batched_tokens=step,
        vllm_version="0.32",
    )
    layout = kv_layout(settings)
    assert layout.in_flight == 2 * step
    with_one = layout.blocks_per_request(context, step)
    surplus = 100 * (layout.blocks_per_user.value / with_one - 1)
    assert surplus == pytest.approx(surplus_pct, abs=0.5)


def quantized(**fields: Any) -> float:
    config = {**LLAMA, "quantization_config": fields}
    return weight_bytes(model_from_config(config)).value


def test_modules_that_a_list_leaves_out_stay_in_16_bit() -> None:
    all_packed = quantized(quant_method="modelopt_fp4")
    left_out = quantized(quant_method="modelopt_fp4", ignore=["*self_attn*"])
    attention = 32 * (4096 * 6144 + 4096 * 4096)
    assert left_out - all_packed == pytest.approx(
        attention * (2 - 0.5 - 1 / 16), rel=1e-2
    )


def test_eight_bits_of_bitsandbytes_are_not_four() -> None:
    four = quantized(quant_method="bitsandbytes", load_in_4bit=True)
    eight = quantized(quant_method="bitsandbytes", load_in_8bit=True)
    assert eight - four > 0.4 * 32 * 4096 * (14336 * 3 + 6144 + 4096)


def test_experts_have_the_format_that_stands_beside_the_quantisation() -> None:
    experts = {"num_experts": 64, "num_experts_per_tok": 4}
    config = {**LLAMA, **experts, "moe_intermediate_size": 1024}
    config |= {
        "model_type": "qwen3_moe",
        "quantization_config": {"quant_method": "fp8"},
    }
    plain = weight_bytes(model_from_config(config)).value
    four = weight_bytes(model_from_config({**config, "expert_dtype": "fp4"})).value
    values = 32 * 64 * 3 * 4096 * 1024
    assert plain - four == pytest.approx(values * (1 - 0.5 - 1 / 32), rel=1e-2)


def test_the_second_file_of_modelopt_is_not_taken_for_16_bit() -> None:
    file = {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "NVFP4"}}
    packed = weight_bytes(model_from_config(merged(LLAMA, file))).value
    assert packed < 0.45 * weight_bytes(model_from_config(LLAMA)).value


@pytest.mark.parametrize(
    "fields",
    [
        {"shared_expert_intermediate_size": 0},
        {"moe_layer_freq": [0, *[1] * 31]},
        {"num_shared_experts": 0},
    ],
)
def test_zero_and_lists_are_legal_where_they_are(fields: dict[str, Any]) -> None:
    experts = {"num_experts": 8, "num_experts_per_tok": 2, **fields}
    config = {**LLAMA, "model_type": "qwen3_moe", "moe_intermediate_size": 1024}
    assert model_from_config({**config, **experts}).moe is not None


def test_infinity_in_a_field_of_no_matter_is_passed_over() -> None:
    text = '{"time_step_limit": [0.0, Infinity], ' + str(LLAMA)[1:].replace("'", '"')
    assert model_from_config(read_config(text)).hidden_size == 4096


def test_a_log_of_0_29_that_ran_the_old_runner_lies_in_the_interval() -> None:
    row = {"model": "Qwen/Qwen3-8B-FP8", "vllm_version": "0.29.0", "gpu": "L4"}
    row |= {"total_gpu_memory_gib": 22.03, "gpu_memory_utilization": 0.9}
    row |= {"max_model_len": 8192, "max_num_batched_tokens": 8192, "max_num_seqs": 128}
    untold, old = estimate_of(row), estimate_of({**row, "model_runner": 1})
    assert untold.settings.model_runners == (2, 1)
    assert untold.pool.contains(9.14 * GIB) and untold.pool.contains(old.pool.value)


def test_a_cold_compile_cache_is_known_to_the_interval() -> None:
    """The same start had 4.34 and 5.47 GiB of cache, cold and warm."""
    row = {"model": "Qwen/Qwen3-8B-FP8", "vllm_version": "0.29.0", "gpu": "L4"}
    row |= {"total_gpu_memory_gib": 22.03, "max_model_len": 8192}
    warm, cold = (estimate_of({**row, "is_cold": told}) for told in (False, True))
    assert warm.pool.value - cold.pool.low >= (5.47 - 4.34) * GIB


def test_a_context_beyond_the_positions_fits_nobody_and_is_refused_in_one_voice() -> (
    None
):
    """Llama 2 at 32k said "1 user fits" above "vLLM refuses"."""
    settings = EngineSettings(
        find_model("meta-llama/Llama-2-7b-hf"),
        Interval.exact(79.19),
        max_model_len=32_768,
    )
    found = estimate_memory(settings)
    assert "does not start" in verdict(found) and found.users.high == 0
    assert "vLLM refuses" in " ".join(reasons(found))


def test_a_field_that_stands_twice_is_told() -> None:
    with pytest.raises(BadConfig, match="hidden_size' twice"):
        read_config('{"hidden_size": 1, "hidden_size": 2}')
