"""What the benches measure with: sizes by device, settings that follow, results."""

import asyncio
import dataclasses
import json
from typing import Any

import pytest

from benchmarks import blocks, coldstart, transformers
from benchmarks.engines import first_token
from benchmarks.process import answer
from benchmarks.scale import NotMeasured, scale_of
from lab.engine.config import EngineConfig
from lab.engine.nap import nap as nap_of
from tests.lab.live import READY

CARD = dataclasses.replace(
    READY,
    model="qwen2.5-7b",
    has_random_weights=True,
    device="NVIDIA H100 80GB HBM3",
    dtype="bfloat16",
    versions={"vllm": "0.32.0"},
    block_size=16,
    num_blocks=64_000,
    max_model_len=2_048,
    max_concurrent_requests=256,
    max_num_batched_tokens=8_192,
    kv_cache_bytes=None,
    gpu_memory_utilization=0.9,
)
BLOCK_BYTES = 57_344 * 16
"""Of Qwen2.5-7B in bfloat16."""


def by_name(results: list[dict[str, Any]]) -> dict[str, Any]:
    return {result["name"]: result["value"] for result in results}


def test_a_cpu_engine_keeps_the_small_sizes_and_the_default_settings() -> None:
    trace = scale_of("trace", {}, "cpu")
    assert (trace["requests"], trace["tokens"], trace["pairs"]) == (32, 192, 10)
    assert scale_of("viewer", {}, "cpu")["chats"] == 4
    assert scale_of("mentor", {}, "cpu")["chats"] == 16

    defaults = EngineConfig.from_env({})
    for bench in ("trace", "viewer", "mentor", "transformers", "blocks", "coldstart"):
        found = EngineConfig.from_env(scale_of(bench, {}, "cpu").environment({}))
        assert found == defaults, bench


def test_a_card_serves_256_requests_of_an_8b_shape_to_a_viewer_of_30_frames() -> None:
    for bench in ("trace", "viewer", "mentor", "transformers", "blocks", "coldstart"):
        config = EngineConfig.from_env(scale_of(bench, {}, "cuda").environment({}))
        assert config.shape == "llama-3.1-8b" and config.frames_per_s == 30, bench
        assert config.max_concurrent_requests == 256, bench
        assert config.max_in_flight >= 512, "replays need room beside the chats"


def test_what_the_operator_sets_stays() -> None:
    given = {"ENGINE_MODEL": "shape:qwen2.5-7b", "ENGINE_FRAMES_PER_S": "", "X": "1"}
    found = scale_of("trace", {}, "cuda").environment(given)
    assert found["ENGINE_MODEL"] == "shape:qwen2.5-7b" and found["X"] == "1"
    assert found["ENGINE_FRAMES_PER_S"] == "30"


def test_options_change_sizes_and_the_settings_that_follow() -> None:
    scale = scale_of("trace", {"requests": "64", "url": "http://a", "tokens": 8}, "cpu")
    assert (scale["requests"], scale["tokens"], scale["pairs"]) == (64, 8, 10)
    assert scale.environment({})["ENGINE_MAX_CONCURRENT_REQUESTS"] == "64"
    for wrong in ("x", "-1", "1.5"):
        with pytest.raises(NotMeasured, match=f"pairs={wrong}: allowed is a whole"):
            scale_of("mentor", {"pairs": wrong}, "cuda")


def test_a_pool_that_is_too_small_for_the_bench_is_a_sentence() -> None:
    scale_of("trace", {}, "cpu").require_blocks(364)
    scale_of("trace", {}, "cuda").require_blocks(50_000)
    scale_of("viewer", {"blocks": "0"}, "cuda").require_blocks(27_818)
    with pytest.raises(NotMeasured, match=r"has 27,818 blocks; .* 50,000 or more"):
        scale_of("trace", {}, "cuda").require_blocks(27_818)


def test_a_card_s_blocks_are_exact_by_the_pool_and_off_by_the_configuration() -> None:
    results = blocks.compared(CARD, 64_000 * BLOCK_BYTES)
    found = by_name(results)
    assert found["num_blocks"] == 64_000 and found["pool_exact"] == 1
    assert 0 < found["config_error_pct"] < 5
    low, high = results[1]["interval"]
    assert low < 64_000 < high
    assert "qwen2.5-7b, random weights, bfloat16, NVIDIA H100" in str(results[0])

    assert by_name(blocks.compared(CARD, 64_001 * BLOCK_BYTES))["pool_exact"] == 0


def test_a_model_that_the_calculator_does_not_know_is_a_sentence() -> None:
    unknown = dataclasses.replace(CARD, model="my-own")
    with pytest.raises(NotMeasured, match="my-own"):
        blocks.compared(unknown, 64_000 * BLOCK_BYTES)


def test_prompts_are_the_same_for_both_sides_and_fit_the_model() -> None:
    config = EngineConfig.from_env({})
    tasks = transformers.draw(400, 161, 338, config, seed=0)
    assert tasks == transformers.draw(400, 161, 338, config, seed=0)
    assert tasks != transformers.draw(400, 161, 338, config, seed=1)
    lengths = [len(task.prompt) for task in tasks]
    assert 140 < sum(lengths) / 400 < 180 and max(lengths) <= 1024
    assert max(task.num_output_tokens for task in tasks) <= 1024


def test_the_ratio_to_transformers_comes_with_its_conditions() -> None:
    asked = []

    def measured(module: str, environment: Any, wanted: dict[str, Any]) -> Any:
        asked.append((wanted["side"], wanted.get("dtype")))
        side = {"dtype": "bfloat16", "device": "CPU engine"}
        if wanted["side"] == "vllm":
            return {**side, "tokens_per_s": 90.0}
        return {**side, "tokens_per_s": 30.0, "batch": 4, "version": "5.0"}

    scale = scale_of("transformers", {"pairs": "2", "prompts": "8"})
    results = transformers.compare(scale, {}, measured)

    assert [side for side, _ in asked] == [
        *("vllm", "transformers"),
        *("transformers", "vllm"),
    ]
    assert all(dtype == "bfloat16" for _, dtype in asked[1:])
    assert by_name(results)["ratio"] == 3.0
    assert by_name(results)["transformers_batch"] == 4
    told = results[0]["conditions"]
    for part in ("smollm2-135m-course", "bfloat16", "8 prompts", "batches of 4"):
        assert part in told


def test_a_cold_and_a_warm_start_share_a_cache_that_was_empty() -> None:
    caches = []

    def measured(module: str, environment: Any, wanted: dict[str, Any]) -> Any:
        caches.append(environment["VLLM_CACHE_ROOT"])
        seconds = {"compile": 30.0 / len(caches), "total": 60.0}
        return {"seconds": seconds, "conditions": "m on d"}

    scale = scale_of("coldstart", {"starts": "2", "naps": "0"})
    found = by_name(coldstart.measure_starts(scale, {}, measured))

    assert list(found) == [
        *("cold_compile_s", "cold_total_s", "warm_compile_s", "warm_total_s")
    ]
    assert caches[0] == caches[1] != caches[2] == caches[3]
    assert found["cold_compile_s"] > found["warm_compile_s"]


class SleepyEngine:
    """AsyncLLM's calls of sleep mode; remembers them and what of a card is in use."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.used = 70 << 30

    async def sleep(self, level: int) -> None:
        self.calls.append(("sleep", level))
        self.used -= 65 << 30

    async def wake_up(self, tags: list[str] | None = None) -> None:
        self.calls.append(("wake_up", tags))
        self.used = 70 << 30

    async def collective_rpc(self, method: str) -> None:
        self.calls.append((method,))

    async def generate(self, prompt: Any, sampling: Any, request_id: str) -> Any:
        self.calls.append(("generate",))
        yield None


@pytest.mark.parametrize(
    ("level", "is_random", "waking", "told"),
    [
        (1, False, [("wake_up", None)], "host's memory"),
        (2, True, [("wake_up", None)], "not read again: random"),
        (
            2,
            False,
            [("wake_up", ["weights"]), ("reload_weights",), ("wake_up", ["kv_cache"])],
            "weights read again",
        ),
    ],
)
def test_a_nap_ends_with_a_token_and_level_2_reads_the_weights_again(
    level: int, is_random: bool, waking: list[Any], told: str
) -> None:
    llm = SleepyEngine()
    asleep = nap_of(
        llm, level, is_random, lambda: first_token(llm, None), lambda: llm.used
    )
    nap = coldstart.told_of(asyncio.run(asleep))
    assert llm.calls == [("sleep", level), *waking, ("generate",)]
    assert nap["freed_gib"] == 65 and told in nap["conditions"]

    results = coldstart.nap_results([nap, {**nap, "freed_gib": None}])
    assert [result["name"] for result in results] == [
        f"level_{level}_{name}" for name in ("sleep_s", "freed_gib", "wake_s")
    ]


def test_a_measuring_process_answers_or_refuses_with_a_sentence(tmp_path) -> None:
    out = tmp_path / "answer.json"
    arguments = [json.dumps({"pairs": 2}), str(out)]

    answer(lambda asked: asked["pairs"] + 1, arguments)
    assert json.loads(out.read_text()) == {"found": 3}

    def refuse(asked: dict[str, Any]) -> None:
        raise NotMeasured("There is too little of it.")

    answer(refuse, arguments)
    assert json.loads(out.read_text()) == {"refusal": "There is too little of it."}
