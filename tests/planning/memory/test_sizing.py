"""Weights, KV cache and what fits, by the front door: estimate and rank."""

import json
from dataclasses import replace
from datetime import date

import pytest

from planning.catalog.gpus import gpu, gpu_of_device, load_gpus
from planning.errors import BadSetting, BrokenCatalog
from planning.interval import GIB, Interval
from planning.memory.architecture import model_from_config
from planning.memory.compact import compact
from planning.memory.engine_settings import EngineSettings
from planning.memory.kv_cache import kv_layout
from planning.memory.kv_groups import Kind
from planning.memory.model_catalog import find_model, load_models, model
from planning.memory.quantization import FP8, INT4, SCHEMES
from planning.memory.ranking import Need, cheapest_offer, rank, settings_for
from planning.memory.reported import Reported, check
from planning.memory.sizing import _users, estimate_memory
from planning.memory.startup_log import estimate_of
from planning.memory.verdict import card_notes, reasons, verdict
from planning.memory.weights import Split, stage_layers, weight_bytes

TODAY = date(2026, 11, 24)
H100 = EngineSettings(model("llama-3.1-8b"), Interval.exact(79.19))
GB = 10**9


def need(model_id="llama-3.1-8b", **fields) -> Need:
    return Need(model(model_id), **fields)


@pytest.mark.parametrize(
    ("model_id", "tp", "kv", "expected"),
    [
        ("llama-3.1-8b", 1, "auto", 131_072),
        ("llama-3.1-8b", 1, "fp8", 65_536),
        ("llama-3.1-70b", 4, "auto", 81_920),
        ("qwen2.5-0.5b", 8, "auto", 6_144),  # 2 KV heads: kept more than once
        ("deepseek-v3", 8, "auto", 70_272),  # MLA is not divided
        ("gemma-2b", 1, "auto", 18_432),  # MQA
        ("smollm2-135m", 1, "auto", 23_040),
        ("qwen3-0.6b", 1, "auto", 114_688),
    ],
)
def test_a_token_takes_its_bytes_exactly(model_id, tp, kv, expected):
    settings = replace(H100, model=model(model_id), tp=tp, kv_cache_dtype=kv)
    assert kv_layout(settings).bytes_per_token == expected


def test_blocks_are_whole_and_users_take_whole_blocks():
    found = estimate_memory(replace(H100, max_model_len=8_191, num_users=3))
    assert found.blocks_per_user == 512
    assert found.num_blocks.value == found.pool.value // (16 * 131_072)
    assert found.users.value == found.num_blocks.value // 512
    assert found.users.low <= found.users.value <= found.users.high


def test_a_model_with_windows_has_groups_of_as_many_layers_as_vllm_forms():
    layout = kv_layout(replace(H100, model=model("gemma-3-27b")))
    assert (layout.group_size, layout.num_groups_of(Kind.FULL)) == (10, 1)
    assert layout.num_groups_of(Kind.WINDOW) == 6
    assert layout.block_bytes == 2 * 16 * 128 * 2 * 16 * 10
    short, long = (layout.blocks_per_request(n, 8_192) for n in (1_024, 131_072))
    assert short == 64 + 6 * 65
    assert long == 8_192 + 6 * (-(-(1_023 + 8_192) // 16) + 1)


def test_a_window_in_all_layers_bounds_what_a_request_takes():
    layout = kv_layout(replace(H100, model=model("mistral-7b-v0.1")))
    assert layout.num_groups == 1
    bound = -(-(4_095 + 2_048) // 16) + 1
    assert layout.blocks_per_request(32_768, 2_048) == bound


def test_the_seventy_billion_rule_of_thumb_comes_out():
    card = gpu("h200-sxm")
    alone = estimate_memory(settings_for(need("llama-3.1-70b", scheme=INT4), card))
    assert alone.weights.value / GB == pytest.approx(40, abs=1)
    group = replace(alone.settings, scheme=INT4, num_users=13)
    assert estimate_memory(group).needed.value / GB == pytest.approx(80, abs=2)


def test_weights_are_split_over_tensor_and_pipeline_stages():
    big = model("llama-3.1-70b")
    whole = weight_bytes(big).value
    assert weight_bytes(big, Split(tp=4)).value == pytest.approx(whole / 4, rel=0.01)
    stages = [weight_bytes(big, Split(pp=2), rank).value for rank in (0, 1)]
    assert sum(stages) == pytest.approx(whole, rel=0.01)
    assert stage_layers(61, 4) == [(0, 15), (15, 30), (30, 46), (46, 61)]


def test_the_tightest_pipeline_stage_decides():
    found = estimate_memory(replace(H100, model=model("llama-3.1-70b"), pp=4))
    assert found.layout.num_layers == 20
    assert found.overhead.activation.value > 0


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=lambda s: s.id)
def test_fewer_bits_take_fewer_bytes(scheme):
    found = estimate_memory(replace(H100, scheme=scheme))
    assert found.weights.value <= estimate_memory(H100).weights.value
    assert found.weights.width > 0


def test_graphs_count_against_the_cache_only_since_they_are_budgeted():
    before, since = (
        estimate_memory(replace(H100, vllm_version=version))
        for version in ("0.19", "0.21")
    )
    assert not before.overhead.are_graphs_budgeted
    assert before.pool.value > since.pool.value
    eager = estimate_memory(replace(H100, enforce_eager=True))
    assert eager.overhead.cuda_graphs.value == 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tp": 3}, "tp: is 3: vLLM divides the 32 attention heads"),
        ({"tp": 0}, "tp: is a whole number from 1 to 64, not 0"),
        ({"num_users": 10**30}, "num_users: is a whole number from 1 to 1,000,000"),
        ({"max_model_len": -1}, "max_model_len: is a whole number"),
        ({"gpu_memory_utilization": float("nan")}, "gpu_memory_utilization: is a num"),
        ({"kv_cache_dtype": "int3"}, "kv_cache_dtype: is one of auto"),
        ({"pp": 33}, "pp: is 33: the model has 32 layers"),
        ({"total_gib": Interval.exact(float("inf"))}, "total_gib: is over 0"),
        ({"vllm_version": "new"}, "vllm_version: is a version of vLLM"),
    ],
)
def test_a_setting_that_cannot_be_is_a_sentence(fields, said):
    with pytest.raises(BadSetting) as told:
        estimate_memory(replace(H100, **fields))
    assert str(told.value).startswith(said)


def test_what_does_not_fit_says_what_is_missing():
    found = estimate_memory(replace(H100, model=model("llama-3.1-70b")))
    assert verdict(found).startswith("It does not start")
    assert "GiB are missing" in reasons(found)[0]
    found = estimate_memory(replace(H100, num_users=500))
    assert verdict(found).startswith("Not 500: ")
    assert "KV cache of 500 users" in reasons(found)[0]
    found = estimate_memory(
        replace(H100, total_gib=Interval.exact(22.49), max_model_len=131072)
    )
    assert verdict(found) == "Not even one user fits at this context."
    assert "needs 8,192 blocks" in reasons(found)[0]


def test_all_cards_are_ranked_by_fit_and_then_price():
    ranking = rank(need(num_users=20), TODAY)
    assert {choice.gpu.id for choice in ranking} == {card.id for card in load_gpus()}
    fits = [choice.estimate.fits_surely for choice in ranking if choice.estimate]
    assert fits == sorted(fits, reverse=True)
    prices = [
        c.offer.usd_per_hour for c in ranking if c.offer and c.estimate.fits_surely
    ]
    assert prices == sorted(prices)


def test_a_machine_has_to_hold_all_the_gpus():
    offer = cheapest_offer("a100-40", 4, TODAY)
    assert offer and offer.price.num_gpus == 8 and offer.num_offers == 1
    pods = cheapest_offer("h100-sxm", 2, TODAY)
    assert pods and pods.num_offers == 2 and pods.usd_per_hour == pytest.approx(5.38)


def test_a_card_nobody_offers_has_no_price():
    assert cheapest_offer("mi300x", 1, TODAY) is None


@pytest.mark.parametrize(
    ("name", "model_id", "scheme"),
    [
        ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "llama-3.1-70b", "fp8"),
        ("x/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "llama-3.1-8b", "int4"),
        ("Qwen/Qwen2.5-72B-Instruct-AWQ", "qwen2.5-72b", "awq"),
        ("openai/gpt-oss-20b", "gpt-oss-20b", "mxfp4"),
        ("google/gemma-3-27b-it", "gemma-3-27b", "bf16"),
        ("meta-llama/llama-3.1-8b-instruct", "llama-3.1-8b", "bf16"),
    ],
)
def test_a_repository_is_found_by_its_shape(name, model_id, scheme):
    found = find_model(name)
    assert (found.id, found.scheme.id) == (model_id, scheme)


def test_a_repository_that_is_not_known_asks_for_its_config():
    with pytest.raises(BadSetting, match=r"give its config\.json"):
        find_model("somebody/Something-9B")


def test_an_uploaded_config_is_estimated_like_the_catalog_one():
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 14336,
        "vocab_size": 128256,
        "max_position_embeddings": 131072,
    }
    row = {"model": "mine", "total_gpu_memory_gib": 79.19}
    ours = estimate_of({**row, "model": "meta-llama/Llama-3.1-8B"})
    found = estimate_of(row, config=json.loads(compact(config)))
    assert found.pool == ours.pool and found.num_blocks == ours.num_blocks


def test_the_catalog_has_more_than_thirty_models_of_all_kinds():
    kinds = {one.architecture.split(",")[0] for one in load_models()}
    assert len(load_models()) >= 31 and kinds == {"MHA", "GQA", "MQA", "MLA"}
    assert any(one.moe for one in load_models())
    assert any(one.window for one in load_models())
    assert any(one.tie_word_embeddings for one in load_models())


def test_a_broken_model_is_told_with_its_line(tmp_path):
    path = tmp_path / "models.yaml"
    path.write_text("models:\n- id: one\n  name: One\n  config:\n    hidden_size: 1\n")
    with pytest.raises(BrokenCatalog, match=r"models\.yaml:5: config: .*is missing"):
        load_models(path)


def test_an_estimate_of_an_unknown_family_says_so_and_is_wider():
    known = model_from_config(_config("llama"))
    guessed = model_from_config(_config("newfangled"))
    assert "is not known here" in guessed.doubts[0]
    assert weight_bytes(guessed).width > weight_bytes(known).width


def _config(model_type: str) -> dict[str, object]:
    return {
        "model_type": model_type,
        "hidden_size": 1024,
        "num_hidden_layers": 8,
        "num_attention_heads": 8,
        "intermediate_size": 4096,
        "vocab_size": 32000,
    }


def test_the_blocks_of_a_cpu_engine_are_exact():
    said = Reported(
        model="smollm2-135m-instruct",
        device="CPU engine",
        dtype="bfloat16",
        block_size=32,
        num_blocks=364,
        max_model_len=2048,
        kv_cache_bytes=256 * 2**20,
        gpu_memory_utilization=None,
        max_num_seqs=32,
        max_num_batched_tokens=512,
        vllm_version="0.32.0",
    )
    assert check(said).is_exact and check(said).agrees
    assert not check(replace(said, num_blocks=363)).agrees
    wide = check(replace(said, dtype="float32", num_blocks=182))
    assert wide.agrees and wide.block_bytes == 2 * 737_280


def test_a_gpu_engine_is_checked_against_the_interval():
    card = gpu_of_device("NVIDIA H100 80GB HBM3")
    assert card and card.id == "h100-sxm"
    said = Reported(
        model="Llama-3.1-8B-Instruct",
        device=card.device,
        dtype="bfloat16",
        block_size=16,
        num_blocks=29_751,
        max_model_len=8192,
        kv_cache_bytes=None,
        gpu_memory_utilization=0.95,
        max_num_seqs=1024,
        max_num_batched_tokens=8192,
        vllm_version="0.19.0",
    )
    found = check(said)
    assert found.agrees and not found.is_exact
    assert found.num_blocks.value == pytest.approx(29_751, rel=0.01)
    assert check(replace(said, device="NVIDIA X")).why_not.startswith("The catalog has")
    assert check(replace(said, num_blocks=None)).why_not
    assert "config.json" in check(replace(said, model="unknown")).why_not


def test_a_card_that_lacks_a_precision_says_so():
    found = estimate_memory(replace(H100, scheme=FP8))
    assert "no bfloat16" in card_notes(gpu("t4"), found)[0]
    assert "no FP8" in card_notes(gpu("a10g"), found)[0]
    assert card_notes(gpu("h100-sxm"), found) == ()
    assert "No log of MI300X" in card_notes(gpu("mi300x"), found)[0]


def test_memory_that_is_wanting_never_gets_negative():
    found = estimate_memory(replace(H100, total_gib=Interval.exact(1.0)))
    assert found.pool.low == found.pool.value == 0 == found.users.high
    assert found.missing.value > 13 * GIB


def test_a_context_beyond_the_models_positions_fits_nobody_anywhere():
    """Llama 2 has 4,096 positions; 32,768 tokens of it would fit into any card."""
    found = estimate_memory(
        replace(H100, model=model("llama-2-7b"), max_model_len=32_768)
    )
    assert verdict(found) == (
        "It does not start: the model has positions for 4,096 tokens only."
    )
    assert not (found.fits or found.fits_surely or found.fits_perhaps)
    assert found.users == Interval.exact(0)
    assert "vLLM refuses a context of 32,768" in " ".join(reasons(found))
    ranked = rank(need("llama-2-7b", context=32_768), TODAY)
    assert {one.why_not for one in ranked} == {"context over the model's 4,096"}


@pytest.mark.parametrize(
    ("fields", "longest"),
    [
        ({}, 32_768),
        ({"rope_scaling": {"type": "linear", "factor": 4}}, 131_072),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8}}, 32_768),
        (
            {
                "rope_scaling": {
                    "type": "yarn",
                    "factor": 4.0,
                    "original_max_position_embeddings": 32_768,
                }
            },
            131_072,
        ),
        ({"model_max_length": 65_536}, 65_536),
        ({"rope_scaling": {"type": "linear", "factor": None}}, 32_768),
    ],
)
def test_scaled_positions_allow_a_longer_context(fields, longest):
    config = {
        "model_type": "llama",
        "hidden_size": 512,
        "intermediate_size": 1024,
        "num_hidden_layers": 2,
        "num_attention_heads": 8,
        "vocab_size": 1024,
        "max_position_embeddings": 32_768,
        **fields,
    }
    assert model_from_config(config).longest_context == longest
    kept = json.loads(compact(config))
    assert model_from_config(kept).longest_context == longest


def test_what_a_verdict_says_no_reason_denies():
    """At every context and number of users: who fits is refused nowhere."""
    for name in ("llama-2-7b", "gemma-3-27b", "llama-3.1-70b", "deepseek-v3"):
        for length in (1_024, 4_096, 4_112, 131_072, 10_000_000):
            for users in (1, 40, 3_000):
                found = estimate_memory(
                    replace(
                        H100, model=model(name), max_model_len=length, num_users=users
                    )
                )
                said, why = verdict(found), " ".join(reasons(found))
                if " fit" in said.split(".")[0] and not said.startswith("Not"):
                    assert "vLLM refuses" not in why, (name, length, users)
                if "at most 1,024 requests" in why and found.fits:
                    assert "1,024 at work at once" in said
                assert found.fits == (found.users.value >= users)


def test_one_request_and_the_null_block_must_fit_since_the_check_counts_it():
    per_user = estimate_memory(H100).blocks_per_user
    for version, users in (("0.26", 1), ("0.32", 0)):
        found = _users(
            replace(H100, vllm_version=version),
            Interval.exact(per_user),
            Interval.exact(per_user),
        )
        assert found == Interval.exact(users)
