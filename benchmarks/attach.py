"""What an attached lab costs somebody's own vLLM: tokens/s with it ÷ without.

Two servers, as ``vllm serve`` starts them: one plain, one with the tracing package,
whose tap an attached host reads, encodes and publishes. The same traffic goes to one
and to the other in interleaved rounds; who has none is idle. ATTACH_PYTHON names the
interpreter of an environment that has vLLM and nothing of the lab.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from benchmarks import vllm_serve
from benchmarks.attach_reader import attached
from benchmarks.interval import bootstrap_interval
from benchmarks.scale import Scale, scale_of
from benchmarks.trace import prepared
from lab.attached.package import write_wheel
from lab.engine.config import EngineConfig
from lab.tracing.own_tap import TAP_VARIABLE, read_facts
from launcher.engine_environment import engine_variables
from launcher.machine import this_machine
from launcher.valkey import free_port

SCHEDULER = ("--scheduler-cls", "servelab_tracing.TracingScheduler")
PYTHON_VARIABLE = "ATTACH_PYTHON"
ANSWER_S = 600


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Start both servers, run the interleaved pairs."""
    scale = scale_of("attach", options)
    with prepared(scale) as environment, tempfile.TemporaryDirectory() as directory:
        tap = Path(directory) / "tap"
        config = EngineConfig.from_env(environment)
        if scale.device == "cuda":  # two servers on one card
            share = config.gpu_memory_utilization / 2
            config = replace(config, gpu_memory_utilization=share)
        environment |= engine_variables(this_machine(), config, environment)
        ports = {is_attached: free_port() for is_attached in (False, True)}
        traced = environment | traced_by(Path(directory), tap)
        words = {on: command(config, port) for on, port in ports.items()}
        words[True] += SCHEDULER
        with (
            vllm_serve.started(words[False], environment, ports[False]) as plain,
            _first(scale, plain),
            vllm_serve.started(words[True], traced, ports[True]) as own,
            attached(environment | {"ENGINE_ATTACH": str(tap)}) as end,
        ):
            plain()
            own()
            ratios = _pairs(scale, ports, config.model)
            read = end()
            facts = read_facts(tap) or {}
    if not (read["traces"] and read["frames"]):
        raise RuntimeError(f"Nothing was traced: {read}.")
    value, low, high = bootstrap_interval(ratios, statistics.median)
    return [
        {
            "name": "attached_ratio",
            "value": round(value, 4),
            "unit": "ratio",
            "interval": [round(low, 4), round(high, 4)],
            "conditions": (
                f"median of {len(ratios)} pairs, {scale['requests']} requests of "
                f"{scale['tokens']} tokens, vLLM {facts['versions']['vllm']}, "
                f"{read['traces']:,} traces read, {read['frames']:,} frames sent"
            ),
        }
    ]


@contextmanager
def _first(scale: Scale, ready: Callable[[], object]) -> Iterator[None]:
    """Each measures a card's free memory when it starts: one after the other there."""
    if scale.device == "cuda":
        ready()
    yield


def command(config: EngineConfig, port: int) -> list[str]:
    """``vllm serve`` of the environment that is measured."""
    python = os.environ.get(PYTHON_VARIABLE) or sys.executable
    return [python, *vllm_serve.command(config, port)[1:]]


def traced_by(directory: Path, tap: Path) -> dict[str, str]:
    """Variables of a server that has the tracing package."""
    return {TAP_VARIABLE: str(tap), "PYTHONPATH": str(write_wheel(directory))}


def _pairs(scale: Scale, ports: dict[bool, int], model: str) -> list[float]:
    ratios = []
    for is_attached in (False, True):
        serve_round(scale, ports[is_attached], model, "warm-up")
    for pair in range(scale["pairs"]):
        order = (True, False) if pair % 2 else (False, True)
        speeds = {
            is_attached: serve_round(scale, ports[is_attached], model, str(pair))
            for is_attached in order
        }
        ratios.append(speeds[True] / speeds[False])
        print(
            f"pair {pair + 1}: {speeds[True]:.1f} tokens/s attached, "
            f"{speeds[False]:.1f} without, {ratios[-1]:.4f}",
            flush=True,
        )
    return ratios


def serve_round(scale: Scale, port: int, model: str, name: str) -> float:
    """Output tokens a second of concurrent requests."""
    began = time.perf_counter()
    with ThreadPoolExecutor(scale["requests"]) as pool:
        asked = [
            pool.submit(
                complete, port, model, f"{name}: write {index}.", scale["tokens"]
            )
            for index in range(scale["requests"])
        ]
        num_tokens = sum(one.result()["usage"]["completion_tokens"] for one in asked)
    return float(num_tokens / (time.perf_counter() - began))


def complete(port: int, model: str, prompt: str, max_tokens: int) -> dict[str, Any]:
    """One completion of exactly so many tokens."""
    body = {
        "model": model,
        "prompt": prompt,
        "max_tokens": max_tokens,
        "ignore_eos": True,
        "temperature": 0,
    }
    request = Request(
        f"http://127.0.0.1:{port}/v1/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=ANSWER_S) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found
