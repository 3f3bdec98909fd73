"""A config.json from a stranger: bounded, each fault a sentence with its field."""

import json

import pytest

from planning.errors import BadConfig
from planning.interval import Interval
from planning.memory.architecture import model_from_config
from planning.memory.compact import MAX_CHARS, compact
from planning.memory.config_json import MAX_BYTES, read_config
from planning.memory.engine_settings import EngineSettings
from planning.memory.layer_caches import caches_of
from planning.memory.weights import num_params

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
}
MLA = {
    **LLAMA,
    "model_type": "deepseek_v3",
    "num_key_value_heads": 32,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
}
MOE = {
    **LLAMA,
    "model_type": "mixtral",
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
}
ABSENT = object()


def read(config: dict) -> object:
    return model_from_config(read_config(json.dumps(config)))


@pytest.mark.parametrize(
    ("base", "field", "value", "said"),
    [
        (
            LLAMA,
            "hidden_size",
            ABSENT,
            "hidden_size: is missing: a whole number from 1",
        ),
        (LLAMA, "vocab_size", ABSENT, "vocab_size: is missing"),
        (LLAMA, "intermediate_size", ABSENT, "intermediate_size: is missing"),
        (
            LLAMA,
            "num_hidden_layers",
            10**30,
            "num_hidden_layers: is a whole number from",
        ),
        (LLAMA, "num_hidden_layers", -1, "1 to 1,000, not -1"),
        (LLAMA, "num_hidden_layers", 1.5, "not 1.5"),
        (LLAMA, "num_hidden_layers", True, "not True"),
        (LLAMA, "hidden_size", "4096", "not '4096'"),
        (LLAMA, "hidden_size", [1], "not [1]"),
        (LLAMA, "hidden_size", 1e400, "not inf"),
        (LLAMA, "hidden_size", float("nan"), "not nan"),
        (LLAMA, "hidden_size", 8, "hidden_size: is 8, less than one value"),
        (LLAMA, "num_key_value_heads", 7, "num_key_value_heads: is 7: it divides"),
        (LLAMA, "tie_word_embeddings", "no", "is true or false, not 'no'"),
        (LLAMA, "model_type", "x" * 1000, "is a text of at most 100 characters"),
        (LLAMA, "model_type", "mamba2", "hold a state besides a KV cache"),
        (LLAMA, "model_type", "whisper", "which is no decoder of text"),
        (LLAMA, "is_encoder_decoder", True, "only decoders are computed"),
        (LLAMA, "cross_attention_layers", [3], "layers that attend to an image"),
        (LLAMA, "partial_rotary_factor", 7, "is a number over 0 and up to 1, not 7"),
        (LLAMA, "text_config", 3, "text_config: is an object, not 3"),
        (LLAMA, "layer_types", ["dreaming"], "layer_types: lists"),
        (LLAMA, "quantization_config", "fp8", "quantization_config: is an object"),
        (
            LLAMA,
            "quantization_config",
            {"quant_method": "secret"},
            "are not known here",
        ),
        (LLAMA, "quantization_config", {"quant_method": "gptq", "bits": 99}, "bits"),
        (MLA, "v_head_dim", ABSENT, "v_head_dim: is missing"),
        (MOE, "num_experts_per_tok", ABSENT, "num_experts_per_tok: is missing"),
        (MOE, "num_local_experts", 10**9, "num_local_experts: is a whole number"),
        (MOE, "mlp_only_layers", "all", "mlp_only_layers: is a list"),
    ],
)
def test_a_hostile_or_missing_field_is_named_with_its_limit(base, field, value, said):
    config = {**base, "sliding_window": 4} if field == "layer_types" else dict(base)
    config.pop(field, None)
    if value is not ABSENT:
        config[field] = value
    with pytest.raises(BadConfig) as told:
        read(config)
    assert said in str(told.value)
    assert len(str(told.value)) < 400


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is empty"),
        (b"{", "is not JSON: .* at line 1, column 2"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"[1]", "not an array"),
        (b"7", "not a number"),
        (b'{"a":' * 20 + b"1" + b"}" * 20, "nested deeper than 16"),
        (b"[" * 100_000, "nested deeper than 16"),
        (b'{"hidden_size":' + b"9" * 5000 + b"}", "a number that is too long"),
        (b" " * (MAX_BYTES + 1), "at most 262,144 are read"),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole(raw, said):
    with pytest.raises(BadConfig, match=said):
        read_config(raw)


def test_a_nested_text_config_is_read_over_the_whole():
    inner = {k: v for k, v in LLAMA.items() if k != "model_type"}
    vision = {"hidden_size": 1152, "num_hidden_layers": 27, "intermediate_size": 4304}
    whole = {
        "model_type": "gemma3",
        "tie_word_embeddings": True,
        "text_config": {**inner, "model_type": "gemma3_text"},
        "vision_config": {**vision, "patch_size": 14, "image_size": 896},
    }
    found = read(whole)
    assert found.tie_word_embeddings and found.model_type == "gemma3_text"
    assert found.vision_params == pytest.approx(420e6, rel=0.02)


@pytest.mark.parametrize(
    ("config", "architecture", "cached"),
    [
        (LLAMA, "GQA", 2 * 8 * 128),
        ({**LLAMA, "num_key_value_heads": 32}, "MHA", 2 * 32 * 128),
        ({**LLAMA, "num_key_value_heads": 1}, "MQA", 2 * 128),
        (MLA, "MLA", 576),
        (MOE, "GQA, 8 experts", 2 * 8 * 128),
    ],
)
def test_each_kind_of_attention_caches_its_values(config, architecture, cached):
    found = read(config)
    assert found.architecture == architecture
    settings = EngineSettings(found, Interval.exact(80), kv_cache_dtype="fp8")
    spec = caches_of(settings)[0].spec
    assert spec.page_bytes == spec.block_size * cached


def test_tied_embeddings_are_counted_once():
    tied, apart = (read({**LLAMA, "tie_word_embeddings": t}) for t in (True, False))
    assert num_params(apart) - num_params(tied) == 128256 * 4096


@pytest.mark.parametrize(
    ("config", "bits"),
    [
        ({"quant_method": "gptq", "bits": 8, "group_size": 32}, 8),
        ({"quant_method": "awq", "bits": 4, "group_size": 64}, 4),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, 8),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, 4),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {
                    "group_0": {"weights": {"num_bits": 4, "group_size": 128}}
                },
            },
            4,
        ),
    ],
)
def test_the_quantisation_is_that_of_the_file(config, bits):
    found = read({**LLAMA, "quantization_config": config})
    assert found.scheme.bits == bits


def test_what_goes_into_a_link_gives_the_same_model_and_is_short():
    config = {
        **MOE,
        "rope_scaling": {"a": 1},
        "architectures": ["X"],
        "pad": "x" * 9999,
    }
    text = compact(config)
    assert len(text) < 500
    assert read(json.loads(text)) == read(config)


def test_a_link_is_not_filled_beyond_its_limit():
    kinds = ["full_attention", "sliding_attention"]
    config = {**LLAMA, "layer_types": kinds * 500}
    with pytest.raises(BadConfig, match=f"at most {MAX_CHARS:,} are kept"):
        compact(config)


@pytest.mark.parametrize(
    ("base", "fields"),
    [
        (MOE, {"shared_expert_intermediate_size": 0}),
        (MOE, {"shared_intermediate_size": 0, "first_k_dense_replace": 0}),
        (MOE, {"moe_layer_freq": [1] * 32}),
        (MOE, {"decoder_sparse_step": 0}),
        (LLAMA, {"intermediate_size": [14336] * 32}),
        (LLAMA, {"num_key_value_heads": [8] * 32}),
        (LLAMA, {"time_step_limit": [0.0, float("inf")], "layer_norm": float("nan")}),
        (LLAMA, {"layer_types": ["full_attention"] * 32}),
    ],
)
def test_zeros_lists_and_what_does_not_matter_change_nothing(base, fields):
    assert num_params(read({**base, **fields})) == num_params(read(base))


def test_a_list_gives_each_layer_its_own_size():
    half = {**LLAMA, "intermediate_size": [14336, 7168] * 16}
    missing = num_params(read(LLAMA)) - num_params(read(half))
    assert missing == 16 * 3 * 4096 * 7168
    experts = {**MOE, "moe_layer_freq": [0] * 3 + [1] * 29}
    assert read(experts).moe.layers == frozenset(range(3, 32))
    with pytest.raises(BadConfig, match="has 3 values for 32 layers"):
        read({**LLAMA, "intermediate_size": [14336] * 3})


def test_blocks_of_nemotron_nas_may_lack_attention_or_an_mlp():
    block = {"attention": {"n_heads_in_group": 4}, "ffn": {"ffn_mult": 5.25}}
    none = {"attention": {"no_op": True}, "ffn": {"no_op": True}}
    config = {**LLAMA, "model_type": "nemotron-nas", "block_configs": [block] * 32}
    del config["intermediate_size"], config["num_key_value_heads"]
    whole = num_params(read(config))
    assert whole == num_params(read(LLAMA))
    config["block_configs"] = [block] * 30 + [none] * 2
    layer = 2 * 4096 * (4096 + 1024) + 3 * 4096 * 14336
    assert whole - num_params(read(config)) == 2 * layer
    assert read(json.loads(compact(config))) == read(config)


def test_a_field_that_stands_twice_is_refused():
    with pytest.raises(BadConfig, match="'hidden_size' twice in one object"):
        read_config('{"hidden_size": 1, "hidden_size": 2}')


def test_a_part_within_a_part_is_the_text_model():
    nested = {"thinker_config": {"text_config": LLAMA}, "model_type": "some_omni"}
    assert num_params(read(nested)) == num_params(read(LLAMA))


def test_layers_without_a_window_may_have_heads_of_their_own():
    kinds = ["sliding_attention", "full_attention"] * 16
    config = {**LLAMA, "model_type": "gemma4_text", "layer_types": kinds}
    config |= {"sliding_window": 1024, "head_dim": 128}
    wide = {"global_head_dim": 256, "num_global_key_value_heads": 2}
    found = read({**config, **wide, "attention_k_eq_v": True})
    assert found.kv_heads(0) == (8, 128) and found.kv_heads(1) == (2, 256)
