"""What a config does not tell widens the interval, or is refused with its reason."""

from typing import Any

import pytest

from planning.errors import BadConfig
from planning.memory.architecture import model_from_config
from planning.memory.compact import compact
from planning.memory.config_json import read_config
from planning.memory.model import Model
from planning.memory.module_names import DOWN, EXPERTS, QKV
from planning.memory.quantization import NVFP4, UNQUANTIZED
from planning.memory.weights import weight_bytes, weight_bytes_by_part

LLAMA = {
    **{"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32},
    **{"num_attention_heads": 32, "num_key_value_heads": 8},
    **{"intermediate_size": 14336, "vocab_size": 128256},
    "max_position_embeddings": 131072,
}
VISION = {"hidden_size": 1152, "num_hidden_layers": 27, "intermediate_size": 4304}


def read(config: dict[str, Any], name: str = "") -> Model:
    """As uploaded, and as the link has it."""
    whole = model_from_config(config, name=name)
    linked = model_from_config(read_config(compact(config)), name=name)
    assert weight_bytes(whole) == weight_bytes(linked)
    assert (whole.window, whole.state) == (linked.window, linked.state)
    return whole


def test_a_name_that_promises_a_format_without_a_file_reaches_down_to_it() -> None:
    found = read(LLAMA, "nvidia/Llama-3.1-8B-Instruct-NVFP4")
    assert found.possible_scheme == NVFP4
    told = read({**LLAMA, "quantization_config": {"quant_method": "modelopt_fp4"}})
    interval = weight_bytes(found)
    assert interval.value == weight_bytes(read(LLAMA)).value
    assert interval.contains(weight_bytes(told).value)
    assert weight_bytes(read(LLAMA)).low > weight_bytes(told).value
    assert "interval reaches down" in " ".join(found.doubts)


def test_a_tower_that_may_be_left_out_is_in_the_interval() -> None:
    quantized = {"quantization_config": {"quant_method": "modelopt_fp4"}}
    found = read({**LLAMA, **quantized, "vision_config": VISION})
    without = read({**LLAMA, **quantized})
    assert weight_bytes(found).contains(weight_bytes(without).value)


@pytest.mark.parametrize(
    "more",
    [
        {"model_type": "gemma2", "sliding_window": 4096},
        {"model_type": "qwen3_next", "linear_num_value_heads": 32},
    ],
)
def test_a_list_that_says_all_layers_see_everything_stays_where_it_decides(
    more: dict[str, Any],
) -> None:
    found = read({**LLAMA, **more, "layer_types": ["full_attention"] * 32})
    assert found.window is None and found.state is None


def test_such_a_list_is_left_out_of_the_link_where_nothing_else_tells() -> None:
    config = {**LLAMA, "layer_types": ["full_attention"] * 32}
    assert "layer_types" not in compact(config)


def test_auto_round_has_its_bits_and_leaves_modules_out() -> None:
    quantization = {
        "quant_method": "auto-round",
        "bits": 4,
        "group_size": 128,
        "extra_config": {
            "model.layers.3.self_attn.q_proj": {"bits": 16},
            "model.layers.4.mlp.down_proj": {"bits": 8, "group_size": 64},
            r".*layers\.5\.mlp\.down_proj": {"bits": 16},
        },
    }
    scheme = read({**LLAMA, "quantization_config": quantization}).scheme
    assert (scheme.bits, scheme.group_size) == (4, 128)
    assert scheme.of(QKV, 3) == UNQUANTIZED and scheme.of(QKV, 2).bits == 4
    assert (scheme.of(DOWN, 4).bits, scheme.of(DOWN, 4).group_size) == (8, 64)
    assert scheme.of(DOWN, 5) == UNQUANTIZED


def test_quark_has_one_format_for_all_and_a_list_left_out() -> None:
    quantization = {
        "quant_method": "quark",
        "global_quant_config": {"weight": {"dtype": "fp4", "group_size": 32}},
        "exclude": ["lm_head", "model.layers.0.self_attn.q_proj"],
    }
    scheme = read({**LLAMA, "quantization_config": quantization}).scheme
    assert scheme.bits == 4 and scheme.of(QKV, 0) == UNQUANTIZED
    moved = {**quantization, "layer_quant_config": {"*.down_proj": {}}}
    with pytest.raises(BadConfig, match="layer_quant_config"):
        read({**LLAMA, "quantization_config": moved})
    strange = {**quantization, "global_quant_config": {"weight": {"dtype": "int3"}}}
    with pytest.raises(BadConfig, match="int3"):
        read({**LLAMA, "quantization_config": strange})


def test_a_mixed_scheme_is_quantised_though_most_of_it_is_16_bit() -> None:
    quantization = {
        "quant_method": "modelopt",
        "quant_algo": "MIXED_PRECISION",
        "quantized_layers": {
            f"model.layers.{i}.mlp.down_proj": {"quant_algo": "FP8"} for i in range(32)
        },
    }
    scheme = read({**LLAMA, "quantization_config": quantization}).scheme
    assert scheme.id == UNQUANTIZED.id and scheme.is_quantized
    assert not UNQUANTIZED.is_quantized and scheme.of(EXPERTS).bits == 16


def test_an_embedding_of_each_layer_is_computed_for_gemma_4_and_refused_else() -> None:
    layers = {"hidden_size_per_layer_input": 256, "vocab_size_per_layer_input": 262144}
    gemma = {**LLAMA, **layers, "model_type": "gemma4_text"}
    plain = {**LLAMA, "model_type": "gemma4_text"}
    parts = (weight_bytes_by_part(read(c))["embedding"] for c in (gemma, plain))
    more = next(parts) - next(parts)
    table, projections = 262144 * 256 * 32, 3 * 256 * 4096 * 32
    assert more == pytest.approx(2 * (table + projections), rel=1e-3)
    with pytest.raises(BadConfig, match="embeddings of each layer"):
        read({**LLAMA, **layers, "model_type": "gemma3n_text"})


def test_layers_that_read_anothers_cache_may_have_twice_the_mlp() -> None:
    shared = {"num_kv_shared_layers": 12, "use_double_wide_mlp": True}
    found = read({**LLAMA, **shared, "model_type": "gemma4_text"})
    assert found.mlp_size(19) == 14336 and found.mlp_size(20) == 28672
