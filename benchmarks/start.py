"""Median seconds of a second make run to the page served and the engine ready, and
that as a ratio to a plain ``vllm serve`` of the same model, in turns on one machine."""

import fcntl
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks import vllm_serve
from benchmarks.interval import bootstrap_interval
from lab.engine.config import BUNDLED_MODEL, COURSE_MODEL, PROJECT_DIR
from launcher.valkey import free_port

NUM_STARTS = 5
TIMEOUT_S = 300
OWN = ("REDIS_URL", "DATABASE_URL", "MAKELEVEL", "MAKEFLAGS", "MFLAGS")
"""Variables that the measured start must not inherit."""


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """One start that prepares, then ``options["repeats"]`` (5) that are measured, each
    with a ``vllm serve`` after it (``serve=0``: without)."""
    page_s, engine_ready_s, serve_s = [], [], []
    with tempfile.TemporaryDirectory(prefix="servelab-start-") as name:
        data_dir = Path(name)
        borrow_model(data_dir)
        start(data_dir)
        for _ in range(int(options.get("repeats", NUM_STARTS))):
            page, engine = start(data_dir)
            page_s.append(page)
            engine_ready_s.append(engine)
            if int(options.get("serve", 1)):
                serve_s.append(vllm_serve.start_s(data_dir))
                print(f"{engine:.1f} s, vllm serve {serve_s[-1]:.1f} s", flush=True)
    return results(page_s, engine_ready_s, serve_s)


def results(
    page_s: list[float], engine_ready_s: list[float], serve_s: list[float]
) -> list[dict[str, Any]]:
    """Medians; the ratio is of each start to the ``vllm serve`` after it."""
    found = [_result("page_s", page_s), _result("engine_ready_s", engine_ready_s)]
    if serve_s:
        ratios = [
            ours / plain for ours, plain in zip(engine_ready_s, serve_s, strict=True)
        ]
        ratio = _result("ratio_to_vllm_serve", ratios, "make run / vllm serve")
        found += [_result("vllm_serve_s", serve_s), ratio]
    return found


def _result(name: str, values: list[float], unit: str = "s") -> dict[str, Any]:
    value, low, high = bootstrap_interval(values, statistics.median)
    return {"name": name, "value": value, "unit": unit, "interval": [low, high]}


def borrow_model(data_dir: Path) -> None:
    """The converted model of an earlier run, so that the first start is short."""
    for name in (BUNDLED_MODEL, COURSE_MODEL):
        source = PROJECT_DIR / "var" / "models" / name
        if source.is_dir():
            shutil.copytree(source, data_dir / "models" / name)


def start(data_dir: Path) -> tuple[float, float]:
    """Seconds from ``make run`` to the page and to the engine; ends the stack."""
    port = free_port()
    with _make_run(data_dir, port) as process:
        began = time.monotonic()
        url = f"http://127.0.0.1:{port}/"
        page_s = _wait(process, began, lambda: _answers(url))
        engine_s = _wait(process, began, lambda: _engine_is_ready(url))
    return page_s, engine_s


@contextmanager
def _make_run(data_dir: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    inherited = {k: v for k, v in os.environ.items() if k not in OWN}
    process = subprocess.Popen(
        ["make", "run", f"PORT={port}", f"DATA_DIR={data_dir}"],
        cwd=PROJECT_DIR,
        env=inherited,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        _wait_for_lock(data_dir)


def _wait_for_lock(data_dir: Path) -> None:
    """make may go first: the stack has ended when its lock is free."""
    with (data_dir / "launcher.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def _wait(
    process: "subprocess.Popen[bytes]", began: float, is_true: Callable[[], bool]
) -> float:
    while not is_true():
        if process.poll() is not None:
            raise RuntimeError(f"make run ended with code {process.returncode}.")
        if time.monotonic() > began + TIMEOUT_S:
            raise RuntimeError(f"make run was not ready after {TIMEOUT_S} s.")
        time.sleep(0.02)
    return time.monotonic() - began


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _engine_is_ready(url: str) -> bool:
    time.sleep(0.2)
    with urlopen(f"{url}readyz", timeout=10) as answer:
        return bool(json.load(answer)["engine"] == "ready")
