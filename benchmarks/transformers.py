"""Tokens/s of vLLM ÷ Hugging Face Transformers, one model, card and set of prompts.

Same model, dtype, device, prompts and lengths of answers; greedy, and the end token is
ignored. Each runs in a process of its own, one after the other in alternating order, so
that each has all of the memory. vLLM is AsyncLLM with the product's arguments, without
tracing, given all prompts at once. Transformers is ``generate`` with static batching:
prompts as they come, padded to the longest, in batches as large as fit (halved when
memory runs out); a batch goes on until its longest answer is done. Only tokens that
were asked for count. Lengths are lognormal, as those of chats are.

The published 24 × (14 to 24, vLLM's announcement of 2023) is against the Transformers
of then: LLaMA-7B on an A10G, LLaMA-13B on an A100 40 GB, ShareGPT's lengths.
"""

import asyncio
import math
import statistics
import time
from collections.abc import Mapping
from functools import partial
from importlib import metadata
from random import Random
from typing import Any

from benchmarks.engines import plain_engine
from benchmarks.interval import mean_interval
from benchmarks.process import Ask, answer, engine_environment, measured
from benchmarks.scale import Scale, scale_of
from lab.engine.config import EngineConfig
from lab.engine.launch import device_name
from lab.engine.plain_transformers import Task, generate, halve_until_it_fits, load

SIDES = ("vllm", "transformers")
"""The first one says which dtype the model is served in."""
SIGMA = 0.8
"""Of the logarithm of lengths."""
TOKENS = range(100, 30_000)
"""Ids that every vocabulary has, without the special ones."""


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """``prompts``, ``input``, ``output`` (mean tokens) and ``pairs`` in ``options``
    change sizes and repeats."""
    scale = scale_of("transformers", options)
    return compare(scale, engine_environment(scale))


def compare(
    scale: Scale, environment: Mapping[str, str], ask: Ask = measured
) -> list[dict[str, Any]]:
    """Both sides in turn, each in a process that ``ask`` starts."""
    asked: dict[str, Any] = {**scale.sizes}
    pairs: list[dict[str, Any]] = []
    for number in range(scale["pairs"]):
        order = SIDES[::-1] if number % 2 else SIDES
        found = {}
        for side in order:
            asked["side"] = side
            found[side] = ask("benchmarks.transformers", environment, asked)
            asked["dtype"] = found[side]["dtype"]
        pairs.append(found)
        ours, theirs = (found[side]["tokens_per_s"] for side in SIDES)
        print(
            f"pair {number + 1}: {ours:.1f} tokens/s with vLLM, {theirs:.1f} with "
            f"Transformers, {ours / theirs:.4f}",
            flush=True,
        )
    config = EngineConfig.from_env(environment)
    return results(pairs, conditions(scale, config, pairs[-1]))


def results(pairs: list[dict[str, Any]], conditions: str) -> list[dict[str, Any]]:
    """The ratio over all pairs, and each side's own figure."""
    sides = {side: [pair[side]["tokens_per_s"] for pair in pairs] for side in SIDES}
    ratios = [a / b for a, b in zip(*sides.values(), strict=True)]
    ratio = _result("ratio", ratios, "vLLM / Transformers")
    return [
        {**ratio, "conditions": conditions},
        *(_result(f"{side}_tokens_per_s", v, "tokens/s") for side, v in sides.items()),
        {
            "name": "transformers_batch",
            "value": min(pair["transformers"]["batch"] for pair in pairs),
            "unit": "prompts",
        },
    ]


def _result(name: str, values: list[float], unit: str) -> dict[str, Any]:
    value, low, high = mean_interval(values)
    result = {"name": name, "value": value, "unit": unit}
    return result | ({"interval": [low, high]} if len(values) > 1 else {})


def conditions(scale: Scale, config: EngineConfig, pair: dict[str, Any]) -> str:
    """Model, device, versions, prompts and batches, in words."""
    tasks = draw(scale["prompts"], scale["input"], scale["output"], config, seed=0)
    means = [
        statistics.fmean(len(task.prompt) for task in tasks),
        statistics.fmean(task.num_output_tokens for task in tasks),
    ]
    theirs = pair["transformers"]
    weights = ", random weights" if config.has_random_weights else ""
    return (
        f"{config.shape or config.model.rpartition('/')[2]}{weights}, "
        f"{theirs['dtype']}, {pair['vllm']['device']}; {len(tasks)} prompts of "
        f"{means[0]:.0f} tokens, answers of {means[1]:.0f} (means); Transformers "
        f"{theirs['version']}, batches of {theirs['batch']}; vLLM at most "
        f"{config.max_concurrent_requests} at once"
    )


def draw(
    number: int, mean_input: int, mean_output: int, config: EngineConfig, seed: int
) -> list[Task]:
    """Prompts of random tokens; lengths lognormal, at most half the model's length."""
    random, most = Random(seed), config.max_model_len // 2

    def length(mean: int) -> int:
        drawn = random.lognormvariate(math.log(mean) - SIGMA**2 / 2, SIGMA)
        return min(max(round(drawn), 2), most)

    return [
        Task(
            random.choices(TOKENS, k=length(mean_input)),
            length(mean_output),
        )
        for _ in range(number)
    ]


def measure(asked: dict[str, Any]) -> dict[str, Any]:
    """One side's tokens/s, after a warm-up with other prompts."""
    config = EngineConfig.from_env()
    sizes = asked["prompts"], asked["input"], asked["output"], config
    warm_up, tasks = draw(*sizes, seed=1), draw(*sizes, seed=0)
    if asked["side"] == "vllm":
        return asyncio.run(_with_vllm(warm_up, tasks))
    return _with_transformers(config, asked["dtype"], warm_up, tasks)


async def _with_vllm(warm_up: list[Task], tasks: list[Task]) -> dict[str, Any]:
    async with plain_engine() as (llm, config):
        await _serve(llm, warm_up, "warm-up")
        began = time.perf_counter()
        num_tokens = await _serve(llm, tasks, "task")
        seconds = time.perf_counter() - began
        return {
            "tokens_per_s": num_tokens / seconds,
            "dtype": str(llm.vllm_config.model_config.dtype).removeprefix("torch."),
            "device": device_name(config),
        }


async def _serve(llm: Any, tasks: list[Task], name: str) -> int:
    """All prompts at once; output tokens of them."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    async def serve(number: int, task: Task) -> int:
        sampling = SamplingParams(
            max_tokens=task.num_output_tokens,
            temperature=0.0,
            ignore_eos=True,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        prompt = {"prompt_token_ids": task.prompt}
        num_tokens = 0
        async for output in llm.generate(prompt, sampling, f"{name}-{number}"):
            num_tokens = len(output.outputs[0].token_ids)
        return num_tokens

    served = await asyncio.gather(*(serve(n, task) for n, task in enumerate(tasks)))
    if (got := sum(served)) != (wanted := sum(t.num_output_tokens for t in tasks)):
        raise RuntimeError(f"vLLM made {got} tokens where {wanted} were asked for.")
    return sum(served)


def _with_transformers(
    config: EngineConfig, dtype: str, warm_up: list[Task], tasks: list[Task]
) -> dict[str, Any]:
    make = partial(generate, load(config, dtype))
    batch, seconds = halve_until_it_fits(make, warm_up, tasks)
    return {
        "tokens_per_s": sum(task.num_output_tokens for task in tasks) / seconds,
        "dtype": dtype,
        "batch": batch,
        "version": metadata.version("transformers"),
    }


if __name__ == "__main__":
    answer(measure)
