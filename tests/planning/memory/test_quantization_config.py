"""Weights in the format that the quantisation config gives to each module."""

import json

import pytest

from planning.errors import BadConfig
from planning.memory.architecture import model_from_config
from planning.memory.compact import compact
from planning.memory.config_json import read_config
from planning.memory.model import Model
from planning.memory.module_names import folded
from planning.memory.quantization_config import merged
from planning.memory.weights import (
    Split,
    num_params,
    weight_bytes,
    weight_bytes_by_part,
)
from tests.planning.shared_data import shared

DENSE = {
    "model_type": "llama",
    "hidden_size": 1024,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
    "intermediate_size": 4096,
    "vocab_size": 1024,
}
MOE = {
    **DENSE,
    "model_type": "qwen3_moe",
    "num_experts": 16,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 512,
}
NVFP4 = {"quant_method": "modelopt", "quant_algo": "NVFP4"}
WEIGHTS_4 = {"num_bits": 4, "type": "float", "group_size": 16}
WEIGHTS_8 = {"num_bits": 8, "type": "float"}
ATTENTION = 4 * 1024 * 1024
MLP = 3 * 1024 * 4096


def read(config: dict, quantization: dict | None = None) -> Model:
    whole = {**config, "quantization_config": quantization} if quantization else config
    return model_from_config(read_config(json.dumps(whole)))


def part(model: Model, name: str) -> float:
    return weight_bytes_by_part(model)[name] / model.num_hidden_layers


@pytest.mark.parametrize(
    "quantization",
    [
        {**NVFP4, "ignore": [f"model.layers.{i}.self_attn*" for i in range(12)]},
        {**NVFP4, "exclude_modules": ["*self_attn*", "lm_head"]},
        {
            "quant_method": "compressed-tensors",
            "config_groups": {"a": {"targets": ["Linear"], "weights": WEIGHTS_4}},
            "ignore": ["lm_head", r"re:.*self_attn.*"],
        },
        {
            "quant_method": "modelopt",
            "quant_algo": "MIXED_PRECISION",
            "quantized_layers": {
                f"model.layers.{i}.mlp.{leaf}": {"quant_algo": "NVFP4"}
                for i in range(12)
                for leaf in ("gate_proj", "up_proj", "down_proj")
            },
        },
        {
            "quant_method": "compressed-tensors",
            "config_groups": {
                "a": {"targets": [r"re:.*mlp\..*"], "weights": WEIGHTS_4},
            },
        },
    ],
)
def test_attention_that_is_left_out_stays_in_16_bit(quantization):
    found = read(DENSE, quantization)
    assert part(found, "attention") == pytest.approx(2 * ATTENTION, rel=1e-3)
    assert part(found, "MLP") == pytest.approx(0.5625 * MLP, rel=1e-3)


@pytest.mark.parametrize(
    "quantization",
    [
        {
            "quant_method": "compressed-tensors",
            "config_groups": {
                "a": {"targets": [r"re:.*self_attn.*"], "weights": WEIGHTS_8},
                "b": {"targets": [r"re:.*mlp.*"], "weights": WEIGHTS_4},
            },
        },
        {
            "quant_method": "modelopt",
            "quant_algo": "MIXED_PRECISION",
            "quantized_layers": {
                name: {"quant_algo": algo}
                for i in range(12)
                for name, algo in (
                    (f"model.language_model.layers.{i}.self_attn.q_proj", "FP8"),
                    (f"model.language_model.layers.{i}.self_attn.o_proj", "FP8"),
                    (f"model.language_model.layers.{i}.mlp.up_proj", "NVFP4"),
                    (f"model.language_model.layers.{i}.mlp.down_proj", "W4A16_NVFP4"),
                )
            },
        },
    ],
)
def test_groups_of_modules_have_a_format_each(quantization):
    found = read(DENSE, quantization)
    assert part(found, "attention") == pytest.approx(ATTENTION, rel=0.01)
    assert part(found, "MLP") == pytest.approx(0.5625 * MLP, rel=1e-3)


def test_some_layers_may_be_left_out():
    ignore = ["model.layers.0*", "model.layers.1.mlp*"]
    found = read(DENSE, {**NVFP4, "ignore": ignore})
    assert found.scheme.of("mlp.down_proj", 1).bits == 16
    assert found.scheme.of("self_attn.o_proj", 1).bits == 4
    assert found.scheme.of("mlp.down_proj", 10).bits == 4


def test_gptq_has_its_rules_by_module():
    rules = {"-:.*self_attn.*": {}, r"+:model\.layers\.0\.mlp.*": {"bits": 8}}
    base = {"quant_method": "gptq", "bits": 4, "group_size": 128, "dynamic": rules}
    found = read(DENSE, base)
    assert found.scheme.of("self_attn.qkv_proj", 3).bits == 16
    assert found.scheme.of("mlp.down_proj", 0).bits == 8
    assert found.scheme.of("mlp.down_proj", 1).bits == 4


def test_bitsandbytes_in_8_bit_is_not_4():
    eight = read(DENSE, {"quant_method": "bitsandbytes", "load_in_8bit": True})
    four = read(DENSE, {"quant_method": "bitsandbytes", "load_in_4bit": True})
    assert part(eight, "MLP") == pytest.approx(MLP, rel=0.01)
    assert part(four, "MLP") < 0.6 * MLP
    skipped = {"quant_method": "bitsandbytes", "llm_int8_skip_modules": ["self_attn"]}
    assert part(read(DENSE, skipped), "attention") == 2 * ATTENTION


def test_experts_may_have_a_type_of_their_own():
    fp8 = {"quant_method": "fp8", "weight_block_size": [128, 128]}
    plain, four = read(MOE, fp8), read({**MOE, "expert_dtype": "fp4"}, fp8)
    assert part(four, "experts") == pytest.approx(
        17 / 32 * part(plain, "experts"), 0.01
    )
    assert part(four, "attention") == part(plain, "attention")
    listed = {**fp8, "quant_algo": "MIXED_PRECISION", "moe_quant_algo": "NVFP4"}
    assert part(read(MOE, listed), "experts") > part(four, "experts")


def test_a_head_is_quantised_only_where_it_is_named():
    plain = read(DENSE, NVFP4)
    named = {
        "quant_method": "modelopt",
        "quant_algo": "MIXED_PRECISION",
        "quantized_layers": {"lm_head": {"quant_algo": "NVFP4"}},
    }
    assert weight_bytes_by_part(plain)["lm_head"] == 2 * 1024 * 1024
    assert weight_bytes_by_part(read(DENSE, named))["lm_head"] < 1024 * 1024


def test_a_file_of_its_own_says_the_format():
    file = {
        "producer": {"name": "modelopt", "version": "0.33"},
        "quantization": {"quant_algo": "NVFP4", "exclude_modules": ["*self_attn*"]},
    }
    found = model_from_config(merged(DENSE, file))
    assert found == read(DENSE, {**NVFP4, "exclude_modules": ["*self_attn*"]})
    with pytest.raises(BadConfig, match="quant_algo: is missing"):
        merged(DENSE, {"hidden_size": 3})


def test_a_name_that_promises_a_format_warns_where_none_is_said():
    found = model_from_config(DENSE, name="nvidia/Some-8B-NVFP4")
    assert "hf_quant_config.json" in found.doubts[-1]
    assert not model_from_config(DENSE, name="some/8B").doubts


@pytest.mark.parametrize(
    ("quantization", "said"),
    [
        ({**NVFP4, "ignore": "lm_head"}, "ignore: is a list of modules"),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"a": {"targets": ["Linear"], "weights": WEIGHTS_4}},
                "ignore": ["re:(a+)+$"],
            },
            "repeated groups",
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"a": {"targets": ["Linear"], "weights": WEIGHTS_4}},
                "ignore": ["re:.*1.*.*.*.*.*x"] * 99,
            },
            "take too long",
        ),
        ({"quant_method": "modelopt", "quant_algo": "Q9"}, "quant_algo: is 'Q9'"),
        *(
            (
                {
                    "quant_method": "compressed-tensors",
                    "config_groups": {
                        "a": {"targets": ["Linear"], "weights": WEIGHTS_4}
                    },
                    "ignore": [f"re:{part * 40}!"],
                },
                "take too long",
            )
            for part in (".?", "(?:.|m)", "(|.)", "[|].?")
        ),
    ],
)
def test_a_hostile_list_is_refused(quantization, said):
    with pytest.raises(BadConfig, match=said):
        read(DENSE, quantization)


def test_names_of_many_layers_are_folded_into_one():
    names = [f"model.layers.{i}.self_attn*" for i in (0, 1, 2, 5)]
    assert folded(names) == ["model.layers.{0-2,5}.self_attn*"]
    quantization = {**NVFP4, "ignore": names}
    short = compact({**DENSE, "quantization_config": quantization})
    assert len(short) < 400
    assert model_from_config(read_config(short)) == read(DENSE, quantization)


SIZES = {
    "Qwen--Qwen3-235B-A22B": 235,
    "Qwen--Qwen3-Coder-480B-A35B-Instruct": 480,
    "deepseek-ai--DeepSeek-R1": 671,
    "deepseek-ai--DeepSeek-V3.2": 671,
    "deepseek-ai--DeepSeek-V4-Flash": 284,
    "moonshotai--Kimi-K2-Instruct": 1026,
    "MiniMaxAI--MiniMax-M2.5": 229,
    "zai-org--GLM-5": 744,
    "nvidia--Gemma-4-31B-IT-NVFP4": 31,
    "openai--gpt-oss-20b": 20.9,
    "meta-llama--Llama-4-Maverick-17B-128E-Instruct": 400,
}
"""Published totals, in billions."""


@pytest.mark.parametrize(("name", "billions"), SIZES.items())
def test_the_published_size_comes_out(name, billions):
    path = shared(f"../review/planning/configs/{name}_config.json")
    found = model_from_config(read_config(path.read_bytes()))
    assert num_params(found) / 1e9 == pytest.approx(billions, rel=0.02)


def test_two_gpus_hold_experts_of_four_bit_as_a_log_says():
    """75.86 GiB on each of two GPUs: DeepSeek-V4-Flash, vLLM's log."""
    name = "deepseek-ai--DeepSeek-V4-Flash_config.json"
    path = shared(f"../review/planning/configs/{name}")
    found = model_from_config(read_config(path.read_bytes()))

    assert weight_bytes(found, Split(tp=2)).contains(75.86 * 2**30)


def test_what_a_list_repeats_changes_nothing():
    names = [f"model.layers.{i}.self_attn.q_proj" for i in range(12)]
    mxfp4 = {"quant_method": "mxfp4", "modules_to_not_convert": names}
    assert read(MOE, mxfp4).scheme == read(MOE, {"quant_method": "mxfp4"}).scheme
