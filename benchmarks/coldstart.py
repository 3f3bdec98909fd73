"""Seconds of an engine's start by phase, with a cold and a warm compile cache; sleep.

Cold: VLLM_CACHE_ROOT and the cache directories of Inductor and Triton are new and
empty. Warm: the start after it, with what the first one left there. The system's file
cache is left as it is, so the weights are read from memory in both. Phases are those
that the product shows (``cold_compile_s``, ``warm_capture_graphs_s``, …); ``total`` is
from the first import to the first token.

Sleep: AsyncLLM with the product's arguments and ``enable_sleep_mode``, asleep at level
1 (weights go to the host's memory) and 2 (weights are dropped, and read again after):
seconds to sleep, memory of the card freed, seconds from waking to the first token.
"""

import asyncio
import re
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.engines import first_token, plain_engine, product_engine
from benchmarks.interval import bootstrap_interval
from benchmarks.process import Ask, answer, engine_environment, measured
from benchmarks.scale import Scale, scale_of
from lab.engine.nap import LEVELS, nap
from lab.messages import NapTiming
from lab.worker.memory import EngineSplit, open_memory

CACHES = {
    "VLLM_CACHE_ROOT": "vllm",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
}
NEEDS_CUDA = "Sleep mode needs CUDA: only starts are measured here."
GIB = 1 << 30


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """``starts`` cold ones, each with a warm one after it; ``naps`` of each level."""
    scale = scale_of("coldstart", options)
    return measure_starts(scale, engine_environment(scale))


def measure_starts(
    scale: Scale, environment: Mapping[str, str], ask: Ask = measured
) -> list[dict[str, Any]]:
    """Starts and naps, each in a process that ``ask`` starts."""
    starts: dict[str, list[dict[str, Any]]] = {"cold": [], "warm": []}
    naps: list[dict[str, Any]] = []
    for _ in range(scale["starts"]):
        with tempfile.TemporaryDirectory(prefix="servelab-bench-") as directory:
            cached = {**environment, **_caches(Path(directory))}
            for kind, found in starts.items():
                asked = {"naps": 0, "data_dir": directory}
                told = ask("benchmarks.coldstart", cached, asked)
                found.append(told)
                print(f"{kind}: {told['seconds']['total']:.1f} s", flush=True)
    if scale.device == "cpu":
        print(NEEDS_CUDA)
    elif scale["naps"]:
        naps = ask("benchmarks.coldstart", environment, {"naps": scale["naps"]})
    return [*start_results(starts), *nap_results(naps)]


def _caches(directory: Path) -> dict[str, str]:
    return {name: str(directory / place) for name, place in CACHES.items()}


def start_results(starts: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Medians of each phase, cold and warm."""
    results = []
    for kind, found in starts.items():
        names = dict.fromkeys(name for one in found for name in one["seconds"])
        for name in names:
            seconds = [one["seconds"].get(name, 0.0) for one in found]
            word = re.sub(r"\W", "_", name.lower())
            results.append(_result(f"{kind}_{word}_s", seconds, "s"))
        if found:
            results[-1]["conditions"] = found[-1]["conditions"]
    return results


def nap_results(naps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Medians of each level's figures."""
    results = []
    for level in LEVELS:
        found = [nap for nap in naps if nap["level"] == level]
        for name in ("sleep_s", "freed_gib", "wake_s"):
            values = [nap[name] for nap in found if nap[name] is not None]
            if values:
                unit = "GiB" if name == "freed_gib" else "s"
                results.append(_result(f"level_{level}_{name}", values, unit))
        if found:
            results[-1]["conditions"] = found[-1]["conditions"]
    return results


def _result(name: str, values: list[float], unit: str) -> dict[str, Any]:
    value, low, high = bootstrap_interval(values, statistics.median)
    result = {"name": name, "value": value, "unit": unit}
    return result | ({"interval": [low, high]} if len(values) > 1 else {})


def measure(asked: dict[str, Any]) -> Any:
    """One start, or one engine that sleeps ``naps`` times at each level."""
    naps = asked["naps"]
    return asyncio.run(_sleep(naps) if naps else _start(asked["data_dir"]))


async def _start(data_dir: str) -> dict[str, Any]:
    async with product_engine(data_dir) as engine:
        facts = engine.facts()
        seconds = {phase.name: phase.seconds for phase in facts["phases"]}
        seconds["total"] = (engine.ended_start_at or 0) - engine.started_at
        weights = ", random weights" if facts["has_random_weights"] else ""
        conditions = f"{facts['model']}{weights} on {facts['device']}"
    return {"seconds": seconds, "conditions": conditions}


async def _sleep(number: int) -> list[dict[str, Any]]:
    from vllm import SamplingParams

    memory = open_memory("cuda")

    def used_bytes() -> int | None:
        sample = memory.sample("bench", EngineSplit())
        return sample.used_bytes if sample.is_gpu else None

    sampling = SamplingParams(max_tokens=1, temperature=0.0)
    async with plain_engine(enable_sleep_mode=True) as (llm, config):
        await first_token(llm, sampling)
        return [
            told_of(
                await nap(
                    llm,
                    level,
                    config.has_random_weights,
                    lambda: first_token(llm, sampling),
                    used_bytes,
                )
            )
            for level in LEVELS
            for _ in range(number)
        ]


def told_of(nap: NapTiming) -> dict[str, Any]:
    """A nap as the bench's process hands it on."""
    told = {1: "weights kept in the host's memory", 2: "weights not read again: random"}
    freed = nap.freed_bytes
    return {
        "level": nap.level,
        "sleep_s": nap.sleep_s,
        "freed_gib": None if freed is None else freed / GIB,
        "wake_s": nap.wake_s,
        "conditions": "weights read again" if nap.reads_weights else told[nap.level],
    }


if __name__ == "__main__":
    answer(measure)
