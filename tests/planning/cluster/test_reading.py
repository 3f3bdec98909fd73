"""What a step reads and computes, against sums by hand and published figures."""

import pytest

from planning.catalog.gpus import gpu
from planning.cluster.decode_step import batch_curve, decode_step
from planning.cluster.reading import kv_read_bytes, weight_read_bytes
from planning.errors import BadSetting
from planning.memory.architecture import model_from_config
from planning.memory.model_catalog import model
from planning.memory.quantization import SCHEMES
from planning.memory.ranking import Need, settings_for
from planning.service.model_cost import weight_cost
from tests.planning.memory.like_public import MODELS

H100 = gpu("h100-sxm")
LLAMA_8B = Need(model("llama-3.1-8b"), context=8_192)


def test_a_step_alone_reads_the_weights_without_the_input_embeddings() -> None:
    """8,030,261,248 parameters less 128,256 × 4,096 of the table, in 2 bytes."""
    read = weight_read_bytes(LLAMA_8B.model)
    assert read == pytest.approx(2 * (8_030_261_248 - 128_256 * 4_096), rel=1e-6)
    alone = decode_step(LLAMA_8B, H100, batch=1, tokens_each=0)
    assert alone.tokens_per_s == pytest.approx(3_350e9 / 15.01e9, rel=1e-3)
    assert round(alone.tokens_per_s) == 223


@pytest.mark.parametrize(
    ("tokens", "times"), [(500, 1.13), (2_000, 1.5), (4_096, 2.0), (8_192, 2.9)]
)
def test_thirty_requests_make_a_step_longer_by_their_cache(tokens, times) -> None:
    """15.01 GB of weights, and 131,072 bytes a token of each request."""
    one = decode_step(LLAMA_8B, H100, 1, tokens)
    thirty = decode_step(LLAMA_8B, H100, 30, tokens)
    by_hand = (15.01e9 + 30 * tokens * 131_072) / (15.01e9 + tokens * 131_072)
    assert thirty.seconds / one.seconds == pytest.approx(by_hand, rel=1e-3)
    digits = 2 if times < 1.2 else 1
    assert round(thirty.seconds / one.seconds, digits) == times


def test_a_tied_table_is_read_as_the_output_head() -> None:
    tied = model("qwen2.5-0.5b")
    assert tied.tie_word_embeddings
    assert weight_read_bytes(tied) == pytest.approx(2 * 494_032_768, rel=0.001)


@pytest.mark.parametrize(
    ("model_id", "billions"),
    [("qwen3-30b-a3b", 3.04), ("gpt-oss-120b", 5.13), ("mixtral-8x7b", 12.75)],
)
def test_of_experts_the_chosen_are_computed(model_id, billions) -> None:
    """Published: 3.3, 5.1 and 12.9 billion, some with the input embeddings."""
    assert weight_cost(model(model_id)).active_params / 1e9 == pytest.approx(
        billions, abs=0.01
    )


def test_more_tokens_choose_more_experts_up_to_all() -> None:
    sparse = model("qwen3-30b-a3b")
    read = [weight_read_bytes(sparse, batch) for batch in (1, 2, 8, 64, 4_096)]
    assert read == sorted(read)
    assert read[0] == pytest.approx(2 * weight_cost(sparse).active_params, rel=0.01)
    per_expert = 48 * 3 * 768 * 2_048 * 2
    two = 128 * (1 - (1 - 8 / 128) ** 2)
    assert read[1] - read[0] == pytest.approx((two - 8) * per_expert, rel=1e-6)
    assert read[-1] - read[0] == pytest.approx(120 * per_expert, rel=1e-6)


def test_a_window_is_read_as_far_as_it_reaches() -> None:
    gemma = model("gemma-3-27b")
    settings = settings_for(Need(gemma, context=32_768), H100)
    longer = kv_read_bytes(settings, 20_000) - kv_read_bytes(settings, 10_000)
    full = gemma.num_hidden_layers - len(gemma.window.layers)
    number, size = gemma.kv_heads(5)
    assert longer == 10_000 * full * 2 * number * size * 2


def test_a_state_is_read_and_written_at_any_length() -> None:
    """Qwen3-Next: 12 of 48 layers attend, with 2 KV heads of 128 values."""
    hybrid = model_from_config(MODELS["Qwen3-Next"])
    settings = settings_for(Need(hybrid, context=4_096), H100)
    state = hybrid.state
    assert state is not None and len(state.layers) == 36
    states = 2 * 36 * state.state_bytes(1, 2)
    number, size = hybrid.kv_heads(47)
    for tokens in (100, 1_000):
        cache = 12 * 2 * number * size * 2 * tokens
        assert kv_read_bytes(settings, tokens) == states + cache


def test_two_cards_read_half_each() -> None:
    one, two = (
        weight_read_bytes(LLAMA_8B.model),
        weight_read_bytes(LLAMA_8B.model, 1, 2),
    )
    assert two == pytest.approx(one / 2, rel=0.001)


def test_the_cache_overtakes_the_weights_where_both_are_as_large() -> None:
    curve = batch_curve(LLAMA_8B, H100, (1, 55, 56), 2_048)
    assert [step.is_kv_larger for step in curve.steps] == [False, False, True]
    assert curve.kv_overtakes_at == 56
    # Each request reads longer than it computes: 268 MB against 15 GFLOP.
    assert curve.arithmetic_overtakes_at is None


def test_without_a_cache_arithmetic_overtakes_at_the_cards_own_ratio() -> None:
    """FLOP/s ÷ bandwidth ÷ (2 FLOP for 2 bytes)."""
    curve = batch_curve(LLAMA_8B, H100, (1,), 0)
    ratio = H100.bf16_dense_tflops * 1e12 / (H100.mem_bw_gbs * 1e9)
    assert curve.arithmetic_overtakes_at == int(ratio) + 1
    assert curve.kv_overtakes_at is None


def test_fp8_weights_are_read_in_half_and_computed_twice_as_fast() -> None:
    half = Need(LLAMA_8B.model, SCHEMES["fp8"], context=8_192)
    plain, short = (decode_step(need, H100, 1, 0) for need in (LLAMA_8B, half))
    assert short.compute_s == pytest.approx(plain.compute_s / 2, rel=0.01)
    # The output head stays in 16 bit.
    assert 0.5 < short.read_s / plain.read_s < 0.55


def test_a_batch_of_none_is_refused() -> None:
    with pytest.raises(BadSetting, match="from 1 to 65,536, not 0"):
        decode_step(LLAMA_8B, H100, 0)


def test_decoding_reads_the_copies_of_mla_in_place_of_their_source() -> None:
    """In FP8 the up-projection has 1 byte a value, and its copies keep 2."""
    latent = model("deepseek-v3")
    up = 61 * 128 * (128 + 128) * 512
    cost = weight_cost(latent)
    rest = cost.active_params - cost.expert_flops / 2 - up
    head = latent.vocab_size * latent.hidden_size
    assert cost.weight_bytes == pytest.approx(rest - head + 2 * (head + up), rel=0.01)
