"""Data and expert parallelism: what each does to weights, KV cache and users."""

import pytest

from planning.errors import BadSetting
from planning.memory.engine_settings import EngineSettings
from planning.memory.model_catalog import find_model
from planning.memory.sizing import MemoryEstimate, estimate_memory
from planning.memory.split import Split
from planning.memory.startup_log import estimate_of
from planning.memory.verdict import reasons, verdict
from planning.memory.weights import weight_bytes_by_part

MOE = "Qwen/Qwen3-30B-A3B"
ROW = {
    **{"model": MOE, "vllm_version": "0.32.0", "gpu": "H100"},
    **{"total_gpu_memory_gib": 79.19, "max_model_len": 8192},
}


def with_(**changes: object) -> MemoryEstimate:
    return estimate_of({**ROW, **changes})


@pytest.mark.parametrize("is_expert_parallel", [False, True])
def test_engines_side_by_side_share_the_experts_and_repeat_attention(
    is_expert_parallel: bool,
) -> None:
    model = find_model(MOE)
    alone = weight_bytes_by_part(model)
    apart = weight_bytes_by_part(model, Split(1, 1, 4, is_expert_parallel))
    assert apart["experts"] == pytest.approx(alone["experts"] / 4, rel=1e-3)
    assert apart["attention"] == alone["attention"]
    assert apart["router"] == alone["router"]


def test_a_model_without_experts_is_whole_in_each_engine() -> None:
    row = {"model": "meta-llama/Llama-3.1-8B-Instruct"}
    alone, apart = with_(**row), with_(**row, dp=4)
    assert apart.weights == alone.weights
    assert apart.pool == alone.pool
    assert apart.users.value == 4 * alone.users.value
    assert apart.settings.num_gpus == 4


def test_whole_experts_of_several_gpus_are_as_many_bytes_as_parts_of_all() -> None:
    model = find_model(MOE)
    parts = weight_bytes_by_part(model, Split(2, 1, 2))
    whole = weight_bytes_by_part(model, Split(2, 1, 2, is_expert_parallel=True))
    assert parts["experts"] == pytest.approx(whole["experts"], rel=1e-3)


def test_the_fullest_gpu_has_the_experts_left_over() -> None:
    assert Split(3, is_expert_parallel=True).num_local_experts(128) == 43
    assert Split(3).num_local_experts(128) == 128


@pytest.mark.engine
@pytest.mark.parametrize(("number", "gpus"), [(128, 8), (60, 8), (257, 16), (8, 3)])
def test_vllm_gives_the_fullest_gpu_as_many_experts(number: int, gpus: int) -> None:
    from vllm.model_executor.layers.fused_moe.expert_map_manager import (
        determine_expert_map,
    )

    theirs = max(determine_expert_map(gpus, i, number)[0] for i in range(gpus))
    assert Split(gpus, is_expert_parallel=True).num_local_experts(number) == theirs


def test_users_of_all_engines_are_counted_and_each_has_its_share() -> None:
    found = with_(dp=2)
    settings = EngineSettings(**{**vars(found.settings), "num_users": 7})
    asked = estimate_memory(settings)
    assert asked.kv_bytes_asked == 4 * asked.kv_bytes_per_user
    assert asked.users.value % 2 == 0


def test_requests_at_work_are_those_of_all_engines() -> None:
    found = with_(dp=2, max_num_seqs=4, max_model_len=512)
    settings = EngineSettings(**{**vars(found.settings), "num_users": 10})
    asked = estimate_memory(settings)
    assert "8 at work at once" in verdict(asked)
    assert "at most 8 requests" in " ".join(reasons(asked))


def test_tokens_of_all_engines_meet_at_the_experts_so_the_interval_widens() -> None:
    alone, apart = with_(tp=2), with_(dp=2)
    assert apart.overhead.budgeted.width > alone.overhead.budgeted.width
    assert apart.overhead.activation.contains(alone.overhead.activation.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dp": 0}, "dp: is a whole number from 1"),
        ({"dp": 65}, "dp: is a whole number"),
        (
            {"model": "Qwen/Qwen3-8B", "is_expert_parallel": True},
            "is for models with experts",
        ),
        ({"dp": 7}, "dp: gives 7 GPUs a part of each expert"),
    ],
)
def test_what_vllm_refuses_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(BadSetting, match=message):
        with_(**changes)


def test_whole_experts_need_no_equal_parts() -> None:
    assert with_(dp=7, is_expert_parallel=True).weights.value > 0
