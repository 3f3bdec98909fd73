"""The whole stack for a bench, as ``make run`` starts it, in a directory of its own.

Only the engine worker differs: it also answers benchmarks.engine_worker's tasks; and
the mentor's check of sentences can be switched off (benchmarks.checks).
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import redis
from celery import Celery

from benchmarks.scale import Scale
from lab.engine import model_files
from lab.engine.config import EngineConfig
from lab.messages import STATUS_KEY_PREFIX
from launcher import valkey
from launcher.address import Address
from launcher.stack import Stack

ANSWER_TIMEOUT_S = 300
ENGINE_APP = "BENCH_ENGINE_APP"
"""Variable that names another Celery application for the engine worker (tests)."""
MAX_FILES = 16_384
"""Each chat is a socket in this process and one in the web server."""


class BenchStack(Stack):
    """The product's stack with the observed engine worker."""

    def _command(self, name: str) -> list[str]:
        command = super()._command(name)
        if name == "engine":
            command[command.index("-A") + 1] = os.environ.get(
                ENGINE_APP, "benchmarks.engine_worker"
            )
        elif name == "default":
            command[command.index("-A") + 1] = "benchmarks.checks"
        elif name == "web":
            at = command.index("config.asgi:application")
            command[at] = "benchmarks.checks:application"
        return command


class Running:
    """A stack that is up: its address, and questions to its engine worker."""

    def __init__(
        self, url: str, redis_url: str, data_dir: Path, process_id: int
    ) -> None:
        self.url = url
        self.process_id = process_id
        self.data_dir = data_dir
        self._redis = redis.Redis.from_url(redis_url, decode_responses=True)
        self._celery = Celery("bench", broker=redis_url)

    def ready_status(self) -> dict[str, Any] | None:
        """EngineStatus of a ready engine host; raises RuntimeError when it gave up."""
        for key in self._redis.scan_iter(match=f"{STATUS_KEY_PREFIX}*"):
            kept = cast("str | None", self._redis.get(key))
            status = json.loads(kept or "{}")
            if status.get("state") in ("failed", "unavailable"):
                raise RuntimeError(f"The engine did not start: {status.get('reason')}")
            if status.get("state") == "ready":
                return dict(status)
        return None

    def ask_engine(self, task: str, **arguments: Any) -> dict[str, Any]:
        """What a task of benchmarks.engine_worker answers."""
        key = f"bench:{uuid.uuid4().hex}"
        self._celery.send_task(task, kwargs={**arguments, "key": key}, queue="engine")
        answer = cast(
            "list[str] | None", self._redis.blpop([key], timeout=ANSWER_TIMEOUT_S)
        )
        if answer is None:
            raise RuntimeError(f"{task} did not answer in {ANSWER_TIMEOUT_S} s.")
        return dict(json.loads(answer[1]))


def model_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The model for a DATA_DIR of its own; its files are made here if need be."""
    config = EngineConfig.from_env(environment)
    model_files.make(config)
    return {"ENGINE_MODEL": config.model, "ENGINE_LOAD_FORMAT": config.load_format}


@contextmanager
def running(scale: Scale, settings: Mapping[str, str]) -> Iterator[Running]:
    """Start a stack for ``scale``, with ``settings`` as environment variables; ends it
    after."""
    _allow_files()
    given = scale.environment(os.environ)
    model = {} if "ENGINE_MODEL" in settings else model_settings(given)
    with tempfile.TemporaryDirectory(prefix="servelab-bench-") as directory:
        port = valkey.free_port()
        environment = {k: v for k, v in given.items() if k != "REDIS_URL"}
        environment |= {"DATA_DIR": directory, "PORT": str(port), **model}
        environment |= {"DATABASE_URL": "", "BIND_ADDRESS": "127.0.0.1", **settings}
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.stack"], env=environment
        )
        try:
            yield _wait_ready(process, Path(directory), port, scale.ready_timeout_s)
        finally:
            process.terminate()
            process.wait()


def _allow_files() -> None:
    """As many open files as the system allows this process and those it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    infinite = resource.RLIM_INFINITY
    most = MAX_FILES if hard == infinite else min(hard, MAX_FILES)
    if soft != infinite and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _wait_ready(
    process: "subprocess.Popen[bytes]", data: Path, port: int, timeout_s: float
) -> Running:
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + timeout_s
    stack: Running | None = None
    while time.monotonic() < until and process.poll() is None:
        time.sleep(0.5)
        if stack is None and (data / "redis_url").exists():
            redis_url = (data / "redis_url").read_text()
            stack = Running(url, redis_url, data, process.pid)
        try:
            if stack and stack.ready_status():
                urllib.request.urlopen(f"{url}/healthz").read()
                return stack
        except (redis.RedisError, urllib.error.URLError, ConnectionError):
            continue
    raise RuntimeError(f"The stack was not ready after {timeout_s:.0f} s.")


def main() -> None:
    """Run the stack until SIGTERM."""
    stack = BenchStack(
        EngineConfig.from_env(), Address("127.0.0.1", int(os.environ["PORT"]))
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stack.on_signal)
    try:
        stack.run()
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
