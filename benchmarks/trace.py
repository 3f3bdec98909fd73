"""What tracing costs the engine: throughput with ÷ without, and time per step.

One engine, in this process; tracing is switched in it between rounds of the same
traffic. "With" is tap, mirror, encoder, Redis, web server and one viewer on a
WebSocket; "without" leaves all of them running with nothing to do. The cost of a step
is what the scheduler's thread spent on it, hooks included, as the records tell.
"""

import json
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

from benchmarks.interval import mean_interval
from benchmarks.stack import model_settings
from benchmarks.viewing import open_viewer
from lab.engine.config import EngineConfig
from launcher import valkey
from launcher.engine_environment import engine_variables

NUM_REQUESTS = 32
NUM_TOKENS = 192
NUM_PAIRS = 10
READY_TIMEOUT_S = 180.0


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Measure in a process that has the engine's environment."""
    with tempfile.TemporaryDirectory(prefix="servelab-bench-") as directory:
        out = Path(directory) / "results.json"
        environment = {
            **os.environ,
            "DATA_DIR": directory,
            "DATABASE_URL": "",
            **model_settings(),
        }
        with _redis(Path(directory)) as url:
            environment["REDIS_URL"] = url
            _python(environment, "manage.py", "migrate", "-v0")
            environment |= engine_variables(EngineConfig.from_env(), os.environ)
            pairs = str(options.get("pairs", NUM_PAIRS))
            _python(environment, "-m", "benchmarks.trace", pairs, str(out))
        results: list[dict[str, Any]] = json.loads(out.read_text())
        return results


def _python(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], env=environment, check=True)


@contextmanager
def _redis(directory: Path) -> Iterator[str]:
    port, password = valkey.free_port(), "bench"
    command = valkey.command(port, directory, password, keeps=False)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        valkey.wait_until_ready(process, port, password)
        yield valkey.url(port, password)
    finally:
        process.terminate()
        process.wait()


def measure(num_pairs: int) -> list[dict[str, Any]]:
    """Start the engine and a viewer, run the interleaved pairs."""
    from lab.desk import EngineDesk

    costs: list[tuple[int, int]] = []

    class CostedDesk(EngineDesk):
        def on_trace(self, record: Any, trace: Any, finished: Any) -> None:
            super().on_trace(record, trace, finished)
            header = trace.header
            if header.num_running == NUM_REQUESTS:
                costs.append((header.step, header.cost_ns))

    desk = CostedDesk(EngineConfig.from_env())
    desk.host.start()
    _wait_ready(desk.host)
    with open_viewer() as viewer:
        _round(desk.host, "warm-up")
        ratios = []
        for pair in range(num_pairs):
            order = (True, False) if pair % 2 else (False, True)
            speeds = {on: _switched_round(desk.host, on, pair) for on in order}
            ratios.append(speeds[True] / speeds[False])
            print(
                f"pair {pair + 1}: {speeds[True]:.1f} tokens/s with, "
                f"{speeds[False]:.1f} without, {ratios[-1]:.4f}",
                flush=True,
            )
        num_frames = viewer()
    desk.host.stop()
    print(f"The viewer got {num_frames} frames.")
    if not num_frames:
        raise RuntimeError("The viewer got no frames: nothing was measured.")
    return [_ratio(ratios), *_costs(costs)]


def _wait_ready(host: Any) -> None:
    end = time.monotonic() + READY_TIMEOUT_S
    while host.status.state != "ready":
        if host.status.state in ("failed", "unavailable") or time.monotonic() > end:
            raise RuntimeError(f"The engine did not start: {host.status.reason}")
        time.sleep(0.1)


def _switched_round(host: Any, on: bool, pair: int) -> float:
    host.run.enable_tracing(on)
    return _round(host, f"{pair}-{on}")


def _round(host: Any, name: str) -> float:
    """Output tokens/s of 32 concurrent requests, from the first to the last token."""
    from lab.engine.generation import GenerationRequest

    began = time.perf_counter()
    futures = [
        host.submit(
            GenerationRequest(
                request_id=f"{name}-{index}",
                log_id="bench",
                messages=[{"role": "user", "content": f"Write down number {index}."}],
                max_tokens=NUM_TOKENS,
                ignore_eos=True,
            )
        )
        for index in range(NUM_REQUESTS)
    ]
    reports = [future.result() for future in futures]
    seconds = time.perf_counter() - began
    wrong = [report.error for report in reports if report.error]
    if wrong:
        raise RuntimeError(f"{len(wrong)} requests failed: {wrong[0]}")
    return sum(report.num_output_tokens for report in reports) / seconds


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


def main(pairs: str, out: str) -> None:
    """The measuring process."""
    import django

    django.setup()
    Path(out).write_text(json.dumps(measure(int(pairs))))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main(*sys.argv[1:])
