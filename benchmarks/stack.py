"""The whole stack for a bench, as ``make run`` starts it, in a directory of its own.

Only the engine worker differs: it also answers benchmarks.engine_worker's tasks.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from celery import Celery

from lab.engine import model_files
from lab.engine.config import EngineConfig
from lab.engine.events import STATUS_KEY_PREFIX
from launcher import valkey
from launcher.address import Address
from launcher.stack import Stack

READY_TIMEOUT_S = 240.0
ANSWER_TIMEOUT_S = 300


class BenchStack(Stack):
    """The product's stack with the observed engine worker."""

    def _command(self, name: str) -> list[str]:
        command = super()._command(name)
        if name == "engine":
            command[command.index("-A") + 1] = "benchmarks.engine_worker"
        return command


class Running:
    """A stack that is up: its address, and questions to its engine worker."""

    def __init__(self, url: str, redis_url: str) -> None:
        self.url = url
        self._redis = redis.Redis.from_url(redis_url, decode_responses=True)
        self._celery = Celery("bench", broker=redis_url)

    def is_ready(self) -> bool:
        """Whether an engine host says so; raises RuntimeError when it gave up."""
        for key in self._redis.scan_iter(match=f"{STATUS_KEY_PREFIX}*"):
            status = json.loads(self._redis.get(key) or "{}")
            if status.get("state") in ("failed", "unavailable"):
                raise RuntimeError(f"The engine did not start: {status.get('reason')}")
            if status.get("state") == "ready":
                return True
        return False

    def ask_engine(self, task: str, **arguments: Any) -> dict[str, Any]:
        """What a task of benchmarks.engine_worker answers."""
        key = f"bench:{uuid.uuid4().hex}"
        self._celery.send_task(task, kwargs={**arguments, "key": key}, queue="engine")
        answer = self._redis.blpop([key], timeout=ANSWER_TIMEOUT_S)
        if answer is None:
            raise RuntimeError(f"{task} did not answer in {ANSWER_TIMEOUT_S} s.")
        return dict(json.loads(answer[1]))


def model_settings() -> dict[str, str]:
    """The model for a DATA_DIR of its own; its files are made here if need be."""
    config = EngineConfig.from_env()
    model_files.make(config)
    return {"ENGINE_MODEL": config.model, "ENGINE_LOAD_FORMAT": config.load_format}


@contextmanager
def running(settings: dict[str, str]) -> Iterator[Running]:
    """Start a stack with ``settings`` as environment variables; ends it after."""
    model = model_settings()
    with tempfile.TemporaryDirectory(prefix="servelab-bench-") as directory:
        port = valkey.free_port()
        environment = {k: v for k, v in os.environ.items() if k != "REDIS_URL"}
        environment |= {"DATA_DIR": directory, "PORT": str(port), **model}
        environment |= {"DATABASE_URL": "", "BIND_ADDRESS": "127.0.0.1", **settings}
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.stack"], env=environment
        )
        try:
            yield _wait_ready(process, Path(directory), port)
        finally:
            process.terminate()
            process.wait()


def _wait_ready(process: "subprocess.Popen[bytes]", data: Path, port: int) -> Running:
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + READY_TIMEOUT_S
    stack: Running | None = None
    while time.monotonic() < until and process.poll() is None:
        time.sleep(0.5)
        if stack is None and (data / "redis_url").exists():
            stack = Running(url, (data / "redis_url").read_text())
        try:
            if stack and stack.is_ready():
                urllib.request.urlopen(f"{url}/healthz").read()
                return stack
        except (redis.RedisError, urllib.error.URLError, ConnectionError):
            continue
    raise RuntimeError(f"The stack was not ready after {READY_TIMEOUT_S:.0f} s.")


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
