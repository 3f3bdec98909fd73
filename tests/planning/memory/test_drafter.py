"""Speculative decoding and slots for adapters: weights, layers with a cache, states."""

from typing import Any

import pytest

from planning.errors import BadSetting
from planning.interval import GIB
from planning.memory.drafter import Drafter, drafter_bytes
from planning.memory.lora import LoraSlots, slots_bytes
from planning.memory.model_catalog import find_model, model
from planning.memory.sizing import MemoryEstimate
from planning.memory.split import ALONE, Split
from planning.memory.startup_log import estimate_of
from planning.memory.weights import weight_bytes

ROW = {
    **{"model": "meta-llama/Llama-3.1-8B-Instruct", "vllm_version": "0.32.0"},
    **{"gpu": "H100", "total_gpu_memory_gib": 79.19, "max_model_len": 8192},
}
HEAD = {
    **{"model_type": "llama", "num_hidden_layers": 1, "hidden_size": 4096},
    **{"num_attention_heads": 32, "num_key_value_heads": 8},
    **{"intermediate_size": 14336, "vocab_size": 128256, "draft_vocab_size": 32000},
    "max_position_embeddings": 2048,
}
MTP = {
    **{"model_type": "qwen3_5_text", "num_hidden_layers": 8, "hidden_size": 2048},
    **{"num_attention_heads": 16, "num_key_value_heads": 4, "head_dim": 256},
    **{"intermediate_size": 8192, "vocab_size": 152064},
    "layer_types": 2 * [*["linear_attention"] * 3, "full_attention"],
    **{"linear_num_value_heads": 32, "linear_num_key_heads": 16},
    **{"linear_key_head_dim": 128, "linear_value_head_dim": 128},
    **{"linear_conv_kernel_dim": 4, "mtp_num_hidden_layers": 1},
    "max_position_embeddings": 131072,
}


def with_(own: dict[str, Any] | None = None, **told: Any) -> MemoryEstimate:
    row = {**ROW, "speculative_config": told} if told else ROW
    return estimate_of(row, own)


def test_n_grams_need_neither_weights_nor_a_cache() -> None:
    plain, found = with_(), with_(method="ngram", num_speculative_tokens=4)
    assert found.weights.value == plain.weights.value
    assert found.layout.bytes_per_token == plain.layout.bytes_per_token


def test_a_draft_model_is_a_whole_model_with_all_its_layers_in_the_cache() -> None:
    draft = find_model("meta-llama/Llama-3.2-1B-Instruct")
    told = {"model": "meta-llama/Llama-3.2-1B-Instruct", "num_speculative_tokens": 4}
    plain, found = with_(), with_(**told)
    more = found.weights.value - plain.weights.value
    assert more == pytest.approx(weight_bytes(draft).value, rel=0.02)
    token_bytes = 2 * draft.num_hidden_layers * 8 * 64 * 2
    assert found.layout.bytes_per_token == plain.layout.bytes_per_token + token_bytes


def test_an_eagle_3_head_is_one_layer_a_projection_and_an_lm_head() -> None:
    told = {"method": "eagle3", "num_speculative_tokens": 3, "config": HEAD}
    found = with_(**told)
    layer = 4096 * 6144 + 4096 * 4096 + 3 * 4096 * 14336
    expected = 2 * (layer + 4096 * 6144 + 3 * 4096**2 + 32000 * 4096)
    assert found.weight_parts["drafter"] == pytest.approx(expected, rel=1e-3)
    plain = with_().layout.bytes_per_token
    assert found.layout.bytes_per_token == plain + 2 * 8 * 128 * 2


def test_a_head_that_is_not_known_is_guessed_with_a_wide_interval() -> None:
    target = find_model(ROW["model"])
    told = {"method": "eagle3", "num_speculative_tokens": 3, "config": HEAD}
    known = with_(**told).weight_parts["drafter"]
    guess = drafter_bytes(Drafter("eagle3", 3), target, ALONE)
    assert guess.contains(known) and guess.width > 0.5 * guess.value


def test_the_cache_of_a_guessed_head_is_not_called_exact() -> None:
    told = {"method": "eagle3", "num_speculative_tokens": 3}
    guessed, known = with_(**told), with_(**told, config=HEAD)
    assert guessed.kv_of_users.width > 0 and known.kv_of_users.width == 0
    assert guessed.kv_of_users.value == guessed.kv_bytes_asked


def test_the_logits_of_drafts_widen_the_interval_of_the_peak() -> None:
    told = {"method": "ngram", "num_speculative_tokens": 3}
    plain, found = with_().overhead.activation, with_(**told).overhead.activation
    assert found.value == plain.value and found.high > plain.high


def test_layers_of_prediction_have_attention_and_states_a_page_for_each_draft() -> None:
    plain, found = with_(MTP), with_(MTP, method="mtp", num_speculative_tokens=2)
    layer = 2048 * (2 * 4096 + 2 * 1024) + 4096 * 2048 + 3 * 2048 * 8192
    expected = 2 * (layer + 2 * 2048**2)
    assert found.weight_parts["drafter"] == pytest.approx(expected, rel=1e-3)
    before, after = plain.layout, found.layout
    assert after.state_pages.value == before.state_pages.value + 2
    assert after.state_bytes - before.state_bytes == 6 * 8192 * 2 * 2
    assert after.groups[0].kind.value == "state" or after.num_groups >= 2


def test_vllms_own_names_of_mtp_mean_the_same() -> None:
    told = with_(MTP, method="qwen3_5_mtp", num_speculative_tokens=1)
    assert told.settings.drafter is not None
    assert told.settings.drafter.method == "mtp"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"method": "telepathy"}, "is one of ngram"),
        ({"method": "mtp"}, "declares no layers of prediction"),
        ({"method": "draft_model"}, "say which"),
        ({"method": "ngram", "num_speculative_tokens": 65}, "from 1 to 64"),
    ],
)
def test_what_cannot_be_computed_is_refused(told: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadSetting, match=reason):
        with_(**{"num_speculative_tokens": 1, **told})


def test_slots_grow_with_adapters_and_rank_and_are_there_before_any_is_loaded() -> None:
    one = estimate_of({**ROW, "max_loras": 1, "max_lora_rank": 16})
    four = estimate_of({**ROW, "max_loras": 4, "max_lora_rank": 64})
    parts = one.weight_parts["LoRA slots"], four.weight_parts["LoRA slots"]
    assert parts[1] == pytest.approx(16 * parts[0])
    assert one.pool.value < estimate_of(ROW).pool.value
    assert four.weights.value - estimate_of(ROW).weights.value == parts[1]
    assert 1.3 * GIB < parts[1] < 1.8 * GIB


def test_one_buffer_of_each_layer_is_whole_on_every_gpu() -> None:
    llama, layers = model("llama-3.1-8b"), range(32)
    alone = slots_bytes(llama, LoraSlots(), ALONE, layers, is_first=False)
    half = slots_bytes(llama, LoraSlots(), Split(2), layers, is_first=False)
    assert alone.value / 2 < half.value < alone.value


def test_experts_have_slots_of_their_own_with_a_wide_interval() -> None:
    experts = model("qwen3-30b-a3b")
    found = slots_bytes(experts, LoraSlots(), ALONE, range(48), is_first=False)
    inner = 48 * 128 * 16 * (2 * 2048 + 2 * 768 + 768 + 2048) * 2
    assert found.value > inner and found.width > 0.5 * found.value


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"max_loras": 5_000}, "max_loras: is a whole number"),
        ({"max_lora_rank": 17}, "max_lora_rank: is one of 1, 8, 16"),
    ],
)
def test_slots_that_vllm_refuses_are_refused(
    changes: dict[str, int], reason: str
) -> None:
    with pytest.raises(BadSetting, match=reason):
        estimate_of({**ROW, **changes})


@pytest.mark.parametrize(
    ("pool_gib", "num_tokens"),
    [(11.08, 623_873), (11.05, 623_873), (None, 622_408), (None, 620_944)],
)
def test_starts_with_layers_of_prediction_hold_the_tokens_that_they_logged(
    pool_gib: float | None, num_tokens: int
) -> None:
    """Qwen3.6-27B on two RTX 3090s, three drafts a step, a cache of 8 bit:
    https://github.com/noonghunna/club-3090/issues/142 (vLLM 0.20.2rc1.dev129, which has
    0.21's code; 2026-05-15), /642 (2026-07-08), /294 and /295 (2026-06-01), all opened
    2026-11-26; the last two without the pool."""
    shape = {**QWEN_27B, "mtp_num_hidden_layers": 1}
    told = {"method": "mtp", "num_speculative_tokens": 3}
    row = {"vllm_version": "0.21.0", "gpu": "RTX 3090", "total_gpu_memory_gib": 23.56}
    row |= {"tp": 2, "max_model_len": 262_144, "kv_cache_dtype": "fp8_e5m2"}
    row |= {"enable_prefix_caching": True, "speculative_config": told}
    layout = estimate_of(row, shape).layout
    blocks = range(424, 428)
    if pool_gib is not None:
        ends = ((pool_gib + side) * GIB for side in (-0.005, 0.005))
        first, last = (layout.num_blocks(end) for end in ends)
        blocks = range(first, last + 1)
    assert num_tokens in {layout.num_tokens(number) for number in blocks}
    assert layout.group_size == 17 and layout.block_size == 1_600


QWEN_27B = {
    **{"model_type": "qwen3_5_text", "num_hidden_layers": 64, "hidden_size": 5120},
    **{"num_attention_heads": 24, "num_key_value_heads": 4, "head_dim": 256},
    **{"intermediate_size": 17408, "vocab_size": 248320},
    "layer_types": 16 * [*["linear_attention"] * 3, "full_attention"],
    **{"linear_num_value_heads": 48, "linear_num_key_heads": 16},
    **{"linear_key_head_dim": 128, "linear_value_head_dim": 128},
    **{"linear_conv_kernel_dim": 4, "mamba_ssm_dtype": "float32"},
    "max_position_embeddings": 262144,
}


@pytest.mark.parametrize(("pool_gib", "num_tokens"), [(5.98, 567_978), (6.01, 569_878)])
def test_a_hybrid_with_experts_holds_the_tokens_that_it_logged(
    pool_gib: float, num_tokens: int
) -> None:
    """Qwen3.6-35B-A3B on an RTX 5090, vLLM 0.24.0, a cache of 8 bit:
    https://github.com/noonghunna/club-3090/issues/612 (2026-07-06) and /652
    (2026-07-09), opened 2026-11-26."""
    shape = {
        **QWEN_27B,
        **{"num_hidden_layers": 40, "hidden_size": 2048, "num_attention_heads": 16},
        **{"num_key_value_heads": 2, "linear_num_value_heads": 32},
        "layer_types": 10 * [*["linear_attention"] * 3, "full_attention"],
    }
    row = {"vllm_version": "0.24.0", "gpu": "RTX 5090", "total_gpu_memory_gib": 31.36}
    row |= {"max_model_len": 131_072, "kv_cache_dtype": "fp8", "max_num_seqs": 1}
    row |= {"enable_prefix_caching": True}
    layout = estimate_of(row, shape).layout
    ends = ((pool_gib + side) * GIB for side in (-0.005, 0.005))
    first, last = (layout.num_blocks(end) for end in ends)
    told = {layout.num_tokens(number) for number in range(first, last + 1)}
    assert num_tokens in told
