"""The roofline's arithmetic, by numbers that can be counted by hand."""

import math
from dataclasses import replace
from random import Random

import pytest

from planning.catalog.gpus import gpu, load_gpus
from planning.interval import Interval
from planning.memory.engine_settings import EngineSettings
from planning.memory.model_catalog import load_models, model
from planning.memory.quantization import AWQ
from planning.service.model_cost import Attention, ModelCost, model_cost
from planning.service.roofline import Machine, Roofline
from planning.service.shares import SHARES, peak_flops

GB = 1e9


def cost_of(name: str, **settings: object) -> ModelCost:
    return model_cost(
        EngineSettings(model(name), Interval.exact(80), **settings)  # type: ignore[arg-type]
    )


def test_a_dense_model_reads_its_weights_once_and_multiplies_them_once_a_token() -> (
    None
):
    cost = cost_of("llama-3.1-8b")
    table = 128_256 * 4096
    assert cost.weight_bytes == pytest.approx(2 * (8.03e9 - table), rel=0.01)
    assert cost.token_flops == pytest.approx(2 * (8.03e9 - 2 * table), rel=0.01)
    assert cost.sample_flops == pytest.approx(2 * table, rel=0.01)
    assert cost.read_cache(1000) == 32 * 8 * 128 * 2 * 2 * 1000
    assert cost.prompt_flops(0, 1000) == 32 * 4 * 32 * 128 * 1000 * 1000 / 2


def test_tensor_parallel_gpus_read_the_same_together() -> None:
    one, two = cost_of("llama-3.1-8b"), cost_of("llama-3.1-8b", tp=2)
    assert two.weight_bytes == pytest.approx(one.weight_bytes, rel=0.01)
    assert two.read_cache(100) == one.read_cache(100)


def test_a_tied_embedding_is_read_as_the_head() -> None:
    cost = cost_of("qwen2.5-0.5b")
    assert cost.weight_bytes == pytest.approx(2 * 494e6, rel=0.01)


def test_experts_are_read_by_how_many_are_chosen() -> None:
    cost = cost_of("mixtral-8x7b")
    assert cost.read_experts(1) == pytest.approx(cost.expert_bytes / 4)
    assert cost.read_experts(2) == pytest.approx(cost.expert_bytes * (1 - 0.75**2))
    assert cost.read_experts(64) == pytest.approx(cost.expert_bytes, rel=1e-6)
    assert cost.token_flops + cost.expert_flops == pytest.approx(2 * 12.6e9, rel=0.02)


def test_a_window_bounds_what_is_read_and_computed() -> None:
    near = Attention(reach=100, token_bytes=2, pair_flops=3)
    assert near.seen(50) == 50 and near.seen(1000) == 100
    assert near.pairs(100) == 5000
    assert near.pairs(300) == pytest.approx(5000 + 200 * 100)
    gemma = cost_of("gemma-3-27b")
    assert gemma.read_cache(100_000) < 100 * gemma.read_cache(1000) / 3


def test_a_step_is_bound_by_what_it_lacks() -> None:
    line = Roofline(cost_of("llama-3.1-8b"), Machine(1e15, 1e12, 0.001))
    alone = line.step_s(1, 0)
    assert alone == pytest.approx(0.001 + line.cost.weight_bytes / 1e12, rel=0.001)
    prompt = line.seconds([(0, 8192)], ())
    flops = line.cost.token_flops * 8192 + line.cost.prompt_flops(0, 8192)
    assert prompt == pytest.approx(0.001 + flops / 1e15, rel=0.01)


def test_a_step_of_equals_is_the_same_counted_one_by_one() -> None:
    line = Roofline(cost_of("gpt-oss-20b"), SHARES.machine(gpu("h100-sxm")))
    assert line.step_s(7, 900) == pytest.approx(line.seconds((), [900.0] * 7))


def test_more_gpus_wait_for_each_other() -> None:
    card = gpu("h200-sxm")
    cost = cost_of("llama-3.1-70b", tp=4)
    four = SHARES.machine(card, 4)
    free = Roofline(cost, replace(four, sync_s=0.0)).step_s(1, 100)
    assert Roofline(cost, four).step_s(1, 100) - free == pytest.approx(
        2 * 80 * four.sync_s
    )


def test_packed_weights_take_longer_than_their_bytes() -> None:
    machine = SHARES.machine(gpu("a100-80-sxm"))
    packed = cost_of("qwen2.5-32b", scheme=None)
    awq = model_cost(
        EngineSettings(replace(model("qwen2.5-32b"), scheme=AWQ), Interval.exact(80))
    )
    full = Roofline(packed, machine).step_s(1, 100)
    small = Roofline(awq, machine).step_s(1, 100)
    assert 0.25 * full < small < 0.5 * full


def test_no_model_of_the_catalogue_exceeds_a_card() -> None:
    """Random steps of random models on random cards, dense peak and bandwidth."""
    random = Random(4)
    cards, models = load_gpus(), load_models()
    for _ in range(300):
        card, shape = random.choice(cards), random.choice(models)
        cost = model_cost(EngineSettings(shape, Interval.exact(80)))
        line = Roofline(cost, SHARES.machine(card))
        last = random.randrange(1, 20_000)
        contexts = [random.uniform(1, 1e5) for _ in range(random.randrange(50))]
        seconds = line.seconds([(0, last)], contexts)
        tokens = last + len(contexts)
        flops = (cost.token_flops + cost.expert_flops) * tokens
        flops += cost.prompt_flops(0, last) + sum(map(cost.decode_flops, contexts))
        read = cost.weight_bytes + sum(map(cost.read_cache, contexts))
        assert flops <= seconds * peak_flops(card, "fp16"), (card.id, shape.id)
        assert read <= seconds * card.mem_bw_gbs * GB, (card.id, shape.id)
        assert math.isfinite(seconds)


def test_an_unknown_architecture_has_the_wider_interval() -> None:
    low, high = SHARES.doubt("hopper")
    wide_low, wide_high = SHARES.doubt("amd")
    assert (low, high) == (0.75, 1.25)
    assert wide_low < low and wide_high > high
