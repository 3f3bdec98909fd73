"""What tracing costs the engine: throughput with ÷ without, and time per step.

One engine, in this process; tracing is switched in it between rounds of the same
traffic. "With" is tap, mirror, encoder, Redis, web server and one viewer on a
WebSocket; "without" leaves all of them running with nothing to do. The cost of a step
is what the scheduler's thread spent on it, hooks included, as the records tell; only
steps with all requests running count. Processor time is told by process, of both, to
say where the rest of a loss goes. Sizes are benchmarks.scale's.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cpu_time import CpuTime, compared
from benchmarks.interval import mean_interval
from benchmarks.process import answer, engine_environment, measured
from benchmarks.scale import Scale, scale_of
from benchmarks.stack import model_settings
from benchmarks.viewing import open_viewer
from lab.engine.config import EngineConfig
from launcher import valkey


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Measure in a process that has the engine's environment."""
    with prepared(scale_of("trace", options)) as environment:
        results: list[dict[str, Any]] = measured(
            "benchmarks.trace", environment, options
        )
    return results


@contextmanager
def prepared(scale: Scale, **more: str) -> Iterator[dict[str, str]]:
    """The environment of an engine with a Redis and a migrated database of its own, and
    ``more``."""
    environment = engine_environment(scale)
    with tempfile.TemporaryDirectory(prefix="servelab-bench-") as directory:
        environment |= model_settings(environment)
        environment |= {"DATA_DIR": directory, "DATABASE_URL": "", **more}
        with redis_server(Path(directory)) as url:
            environment["REDIS_URL"] = url
            migrate = [sys.executable, "manage.py", "migrate", "-v0"]
            subprocess.run(migrate, env=environment, check=True)
            yield environment


@contextmanager
def redis_server(directory: Path) -> Iterator[str]:
    port, password = valkey.free_port(), "bench"
    command = valkey.command(port, directory, password, keeps=False)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        valkey.wait_until_ready(process, port, password)
        yield valkey.url(port, password)
    finally:
        process.terminate()
        process.wait()


def measure(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Start the engine and a viewer, run the interleaved pairs."""
    import django

    django.setup()
    from lab.worker.listener import EngineListener

    scale = scale_of("trace", options)
    costs: list[tuple[int, int]] = []

    class CostedListener(EngineListener):
        def on_trace(self, record: Any, trace: Any, finished: Any) -> None:
            super().on_trace(record, trace, finished)
            header = trace.header
            if header.num_running == scale["requests"]:
                costs.append((header.step, header.cost_ns))

    host = CostedListener(EngineConfig.from_env()).host
    host.start()
    try:
        wait_ready(host, scale.ready_timeout_s)
        status = host.status
        scale.require_blocks(status.num_blocks or 0)
        ratios, cpu = _ratios(host, scale)
    finally:
        host.stop()
    if not costs:
        raise RuntimeError(f"Never did {scale['requests']} requests run at once.")
    conditions = (
        f"{scale['requests']} requests of {scale['tokens']} tokens, "
        f"{status.num_blocks:,} blocks, {status.model_in_words} on {status.device}"
    )
    return [
        {**_ratio(ratios), "conditions": conditions},
        *_costs(costs),
        *compared(cpu, {True: "with", False: "without"}),
    ]


def _ratios(host: Any, scale: Scale) -> tuple[list[float], dict[bool, list[CpuTime]]]:
    """Tokens/s with tracing ÷ without, order alternating, while a viewer looks on; and
    what all processes spent meanwhile, with and without."""
    ratios = []
    cpu: dict[bool, list[CpuTime]] = {True: [], False: []}
    with open_viewer() as viewer:
        serve_round(host, scale, "warm-up")
        for pair in range(scale["pairs"]):
            order = (True, False) if pair % 2 else (False, True)
            speeds = {}
            for on in order:
                before = CpuTime.now()
                speeds[on] = _switched_round(host, scale, on, pair)
                cpu[on].append(CpuTime.now() - before)
            ratios.append(speeds[True] / speeds[False])
            print(
                f"pair {pair + 1}: {speeds[True]:.1f} tokens/s with, "
                f"{speeds[False]:.1f} without, {ratios[-1]:.4f}",
                flush=True,
            )
        num_frames = viewer()
    print(f"The viewer got {num_frames} frames.")
    if not num_frames:
        raise RuntimeError("The viewer got no frames: nothing was measured.")
    return ratios, cpu


def wait_ready(host: Any, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while host.status.state != "ready":
        if host.status.state in ("failed", "unavailable") or time.monotonic() > end:
            raise RuntimeError(f"The engine did not start: {host.status.reason}")
        time.sleep(0.1)


def _switched_round(host: Any, scale: Scale, on: bool, pair: int) -> float:
    host.run.enable_tracing(on)
    return serve_round(host, scale, f"{pair}-{on}")


def serve_round(host: Any, scale: Scale, name: str) -> float:
    """Output tokens/s of concurrent requests, from the first to the last token."""
    from lab.engine.generation import GenerationRequest

    began = time.perf_counter()
    futures = [
        host.submit(
            GenerationRequest(
                request_id=f"{name}-{index}",
                log_id="bench",
                messages=[{"role": "user", "content": f"Write down number {index}."}],
                max_tokens=scale["tokens"],
                ignore_eos=True,
            )
        )
        for index in range(scale["requests"])
    ]
    reports = [future.result() for future in futures]
    seconds = time.perf_counter() - began
    wrong = [report.error for report in reports if report.error]
    if wrong:
        raise RuntimeError(f"{len(wrong)} requests failed: {wrong[0]}")
    num_tokens: int = sum(report.num_output_tokens for report in reports)
    return num_tokens / seconds


def _ratio(ratios: list[float]) -> dict[str, Any]:
    value, low, high = mean_interval(ratios)
    return {
        "name": "throughput_ratio",
        "value": value,
        "unit": "with / without",
        "interval": [low, high],
    }


def _costs(costs: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """Costs of one step may be told by two records (schedule and update)."""
    by_step: dict[int, int] = {}
    for step, cost_ns in costs:
        by_step[step] = by_step.get(step, 0) + cost_ns
    values = np.array(list(by_step.values())) / 1e3
    draws = np.random.default_rng(0).choice(values, (500, len(values)))
    results = []
    for name, percent in (("step_cost_us_p50", 50), ("step_cost_us_p99", 99)):
        resampled = np.percentile(draws, percent, axis=1)
        results.append(
            {
                "name": name,
                "value": float(np.percentile(values, percent)),
                "unit": "us",
                "interval": [float(q) for q in np.percentile(resampled, (2.5, 97.5))],
            }
        )
    return results


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    answer(measure)
