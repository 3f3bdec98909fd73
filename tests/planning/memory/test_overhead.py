"""What changes with versions, cards and formats: the overhead's rules one by one."""

import pytest

from planning.catalog.gpus import arch_of, load_gpus, step_limits
from planning.errors import BadSetting
from planning.interval import GIB
from planning.memory.architecture import model_from_config
from planning.memory.compact import compact
from planning.memory.config_json import read_config
from planning.memory.model_catalog import find_model
from planning.memory.overhead import num_captured
from planning.memory.startup_log import estimate_of, settings_of
from planning.memory.versions import Regime, regime_of

LLAMA = {
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "vllm_version": "0.19.0",
    "gpu": "H100",
    "total_gpu_memory_gib": 79.19,
    "max_model_len": 8192,
}


def with_(**changes):
    return estimate_of({**LLAMA, **changes})


@pytest.mark.parametrize(
    ("version", "regime"),
    [
        ("0.6.3", Regime.V0),
        ("0.7.3", Regime.V0),
        ("0.8.0", Regime.OLD_SAMPLER),
        ("v0.16.0rc1", Regime.OLD_SAMPLER),
        ("0.17.0", Regime.GRAPHS_OUTSIDE),
        ("0.20.2", Regime.GRAPHS_OUTSIDE),
        ("0.21.0", Regime.GRAPHS_BUDGETED),
        ("0.28.1", Regime.GRAPHS_BUDGETED),
        ("0.29.0", Regime.NEW_RUNNER),
        ("1.0", Regime.NEW_RUNNER),
    ],
)
def test_a_version_belongs_to_one_regime(version, regime):
    assert regime_of(version) is regime


@pytest.mark.parametrize(
    ("version", "gpu", "engine", "regime"),
    [
        ("0.9.2", "Tesla T4", None, Regime.V0),
        ("0.11.0", "Tesla T4", None, Regime.OLD_SAMPLER),
        ("0.9.2", "NVIDIA L4", None, Regime.OLD_SAMPLER),
        ("0.8.5", "RTX 3090", "v0", Regime.V0),
    ],
)
def test_cards_before_ampere_kept_the_v0_engine_longer(version, gpu, engine, regime):
    row = {**LLAMA, "vllm_version": version, "gpu": gpu, "engine": engine}
    assert settings_of(row).regime is regime


def test_v0_profiles_the_whole_context_up_to_the_length_it_chunks_at():
    row = {**LLAMA, "vllm_version": "0.7.2"}
    whole = settings_of({**row, "max_model_len": 32_768})
    chunked = settings_of({**row, "max_model_len": 32_769})
    assert (whole.max_num_batched_tokens, whole.max_num_seqs) == (32_768, 256)
    assert chunked.max_num_batched_tokens == 2_048
    peak = estimate_of({**row, "max_model_len": 131_072}).overhead.activation
    assert peak.contains(0.22 * GIB)


@pytest.mark.parametrize(
    ("gpu", "gib", "limits"),
    [
        ("NVIDIA A100-SXM4-80GB", 79.25, (2_048, 256)),
        ("NVIDIA H100 80GB HBM3", 79.19, (8_192, 1_024)),
        ("NVIDIA B200", 178.35, (16_384, 1_024)),
        ("NVIDIA L4", 22.03, (2_048, 256)),
    ],
)
def test_a_step_is_as_large_as_the_card_is_by_default(gpu, gib, limits):
    assert step_limits(gib, gpu) == limits
    settings = settings_of({**LLAMA, "gpu": gpu, "total_gpu_memory_gib": gib})
    assert (settings.max_num_batched_tokens, settings.max_num_seqs) == limits


def test_the_share_of_memory_is_092_by_default_in_later_versions():
    assert settings_of({**LLAMA, "vllm_version": "0.19"}).gpu_memory_utilization == 0.9
    assert settings_of({**LLAMA, "vllm_version": "0.29"}).gpu_memory_utilization == 0.92


@pytest.mark.parametrize("card", load_gpus(), ids=lambda card: card.id)
def test_the_architecture_is_known_from_what_a_card_is_called(card):
    expected = card.arch if card.vendor == "nvidia" else "amd"
    assert arch_of(card.name) == expected
    assert not card.device or arch_of(card.device) == expected


def test_a_card_that_nobody_knows_has_no_architecture():
    assert arch_of("some card") == ""


def test_the_workspace_of_the_fused_all_reduce_is_newer_hoppers_alone():
    new = with_(tp=2).overhead.non_torch
    old = with_(tp=2, vllm_version="0.11.0").overhead.non_torch
    between = with_(tp=2, vllm_version="0.14.0").overhead.non_torch
    ampere = with_(tp=2, gpu="A100").overhead.non_torch
    assert new.contains(2.07 * GIB) and not new.contains(0.55 * GIB)
    assert old == ampere
    assert old.contains(0.55 * GIB) and not old.contains(2.07 * GIB)
    assert between.contains(0.55 * GIB) and between.contains(2.07 * GIB)


def test_pipeline_stages_of_one_card_have_no_such_workspace():
    assert with_(pp=2).overhead.non_torch.contains(0.07 * GIB)


def test_flashinfer_makes_the_peak_lower_and_may_do_so_untold_up_to_0_10():
    row = {"vllm_version": "0.10.1"}
    told = with_(**row, has_flashinfer_sampler=True).overhead.activation
    untold = with_(**row).overhead.activation
    later = with_(vllm_version="0.11.0").overhead.activation
    assert told.value < untold.value
    assert untold.contains(told.value)
    assert not later.contains(told.value)


def test_the_new_runner_samples_with_less():
    old = with_(vllm_version="0.24.0").overhead.activation
    new = with_(vllm_version="0.32.0").overhead.activation
    assert new.value < old.value
    told = with_(vllm_version="0.32.0", model_runner=1).overhead.activation
    assert told.value == pytest.approx(old.value)
    assert new.contains(told.value)


MOE = "Qwen/Qwen3-30B-A3B"


@pytest.mark.parametrize(
    ("version", "model", "told", "runners"),
    [
        ("0.19.0", LLAMA["model"], None, (1,)),
        ("0.24.0", MOE, None, (1,)),
        ("0.25.0", LLAMA["model"], None, (1, 2)),
        ("0.26.0", LLAMA["model"], None, (2,)),
        ("0.28.0", MOE, None, (1, 2)),
        ("0.29.0", MOE, None, (2, 1)),
        ("0.29.0", MOE, 1, (1,)),
        ("0.32.0", LLAMA["model"], 2, (2,)),
    ],
)
def test_which_model_runner_serves_is_known_or_left_open(version, model, told, runners):
    row = {**LLAMA, "model": model, "vllm_version": version, "model_runner": told}
    assert settings_of(row).model_runners == runners


def test_a_runner_that_there_is_not_is_refused():
    with pytest.raises(BadSetting, match="model_runner: is 1 or 2, not 3"):
        with_(model_runner=3)


def test_the_second_runner_budgets_its_graphs_only_since_0_29():
    assert with_(vllm_version="0.24.0").overhead.are_graphs_budgeted
    assert not with_(vllm_version="0.26.0").overhead.are_graphs_budgeted
    assert with_(vllm_version="0.29.0").overhead.are_graphs_budgeted
    assert not with_(vllm_version="0.28.0", model_runner=2).overhead.are_graphs_budgeted
    either = with_(vllm_version="0.28.0", model=MOE).overhead
    assert either.are_graphs_budgeted and either.cuda_graphs.low == 0


def test_a_cold_compile_cache_is_a_part_of_the_interval():
    row = {"vllm_version": "0.30.0", "gpu": "L4", "total_gpu_memory_gib": 22.03}
    untold, warm = with_(**row), with_(**row, is_cold=False)
    cold, eager = with_(**row, is_cold=True), with_(**row, enforce_eager="True")
    assert untold.pool.value == warm.pool.value > cold.pool.value
    assert cold.pool.low < untold.pool.low < warm.pool.low
    assert eager.overhead.cold_start.high == 0
    assert with_(vllm_version="0.20.0").overhead.cold_start.high == 0


def test_doubts_of_the_parts_add_up_as_squares():
    found = with_(vllm_version="0.30.0", is_cold=False).overhead
    parts = (found.activation, found.non_torch, found.cuda_graphs)
    assert found.budgeted.value == pytest.approx(sum(part.value for part in parts))
    worst = sum(part.high - part.value for part in parts)
    assert max(part.high - part.value for part in parts) < (
        found.budgeted.high - found.budgeted.value
    ) < worst  # fmt: skip


def test_mxfp4_on_cards_before_hopper_leaves_more_behind():
    row = {"model": "openai/gpt-oss-20b", "vllm_version": "0.29.0"}
    small = {**row, "gpu": "L4", "total_gpu_memory_gib": 22.03}
    same = {"max_num_seqs": 256, "max_num_batched_tokens": 2048}
    ada, hopper = with_(**small, **same), with_(**row, **same)
    gap = ada.overhead.activation.value - hopper.overhead.activation.value
    assert gap == pytest.approx(0.9 * GIB)


def test_float32_doubles_weights_and_cache():
    half, whole = with_(), with_(dtype="float32")
    assert whole.weights.value == 2 * half.weights.value
    assert sum(whole.weight_parts.values()) == whole.weights.value
    assert whole.layout.bytes_per_token == 2 * half.layout.bytes_per_token


def test_float32_of_a_quantised_model_is_refused():
    with pytest.raises(BadSetting, match="quantised"):
        with_(dtype="float32", quantization="awq")


def test_the_kernels_that_pad_experts_need_more_memory():
    row = {"model": "openai/gpt-oss-120b", "max_model_len": 16_384}
    hopper, ampere = with_(**row), with_(**row, gpu="A100", tp=4)
    assert hopper.weights.value / GIB == pytest.approx(64.38, rel=0.001)
    assert ampere.weights.value / GIB == pytest.approx(17.2217, rel=0.005)


@pytest.mark.parametrize(
    "rope",
    [
        {"rope_scaling": {"rope_type": "linear", "factor": 8.0}},
        {"rope_scaling": {"type": "linear", "factor": 8}},
        {"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8.0}}},
    ],
)
def test_linear_scaling_lengthens_the_table_of_positions(rope):
    config = {
        **{"model_type": "gemma3_text", "num_hidden_layers": 34, "hidden_size": 2560},
        **{"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256},
        **{"intermediate_size": 10240, "vocab_size": 262208},
        **{"max_position_embeddings": 131072, "sliding_window": 1024},
    }
    scaled = model_from_config({**config, **rope})
    assert scaled.rope_factor == 8
    kept = read_config(compact({**config, **rope}).encode())
    assert model_from_config(kept).rope_factor == 8
    assert model_from_config(config).rope_factor == 1


def test_other_scalings_leave_the_table_as_long_as_it_is():
    for scaling in ({"rope_type": "llama3", "factor": 8.0}, {"type": "linear"}):
        assert find_model(LLAMA["model"]).rope_factor == 1
        config = {**CONFIG, "rope_scaling": scaling}
        assert model_from_config(config).rope_factor == 1


CONFIG = {
    **{"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32},
    **{"num_attention_heads": 32, "num_key_value_heads": 8},
    **{"intermediate_size": 14336, "vocab_size": 128256},
    "max_position_embeddings": 131072,
}


def test_an_ending_after_a_dot_says_the_format_as_one_after_a_hyphen():
    found = find_model("nytopop/Qwen3-30B-A3B.w4a16")
    assert (found.id, found.scheme.id) == ("qwen3-30b-a3b", "int4")
    assert find_model("Qwen/Qwen2.5-7B-Instruct").id == "qwen2.5-7b"


@pytest.mark.parametrize(
    ("most", "number"), [(512, 51), (256, 35), (128, 19), (64, 11), (16, 5), (1, 1)]
)
def test_so_many_batch_sizes_are_captured_as_logs_say(most, number):
    assert num_captured(most) == number


def test_few_requests_at_once_leave_few_graphs():
    row = {"model": "Qwen/Qwen3-8B", "vllm_version": "0.24.0", "gpu": "RTX 4090"}
    few = with_(**row, max_num_seqs=8).overhead.cuda_graphs
    most = with_(**row, max_num_seqs=256).overhead.cuda_graphs
    assert few.high < most.value
    assert most.contains(0.52 * GIB)
    assert few.contains(0.17 * GIB)
