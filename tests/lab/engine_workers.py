"""Real engine workers (Celery, threads pool, bootstep, broker) that replay."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from celery import Celery
from channels_redis.pubsub import RedisPubSubChannelLayer
from kombu import Connection

from lab.engine.config import PROJECT_DIR
from lab.messages import (
    STATUS_KEY_PREFIX,
    RequestReport,
    frames_group,
    keyframes_group,
    request_group,
)
from tests.lab.redis_server import RedisServer

READY_TIMEOUT_S = 150.0
EVENT_TIMEOUT_S = 120.0


class EngineWorker:
    """One engine worker process; its log lies beside its data."""

    def __init__(
        self,
        url: str,
        directory: Path,
        name: str,
        threads: int,
        variables: Any,
        app: str = "tests.lab.replay_app",
    ) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        data = directory / name
        data.mkdir(exist_ok=True)
        command = (
            f"-m celery -A {app} worker -Q engine -P threads "
            f"-c {threads} -n engine@{name} --without-mingle --without-gossip "
            "--loglevel INFO"
        )
        environment = os.environ | {
            "REDIS_URL": url,
            "DATA_DIR": str(data),
            "ENGINE_HOST_ID": name,
            "ENGINE_DRAIN_S": "5",
            "ENGINE_PRELOAD": "on" if app == "config" else "off",
            **variables,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command.split()],
                cwd=PROJECT_DIR,
                env=environment,
                stdout=log,
                stderr=log,
            )

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def log_lines(self) -> list[str]:
        return [line for line in self.log_text().splitlines() if line.startswith("{")]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """As the kernel would."""
        self.process.kill()
        self.process.wait()

    def end(self, timeout_s: float = 120.0) -> int:
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.process.wait(timeout_s)


class Bench:
    """A broker, the workers on it, and what a web process would do."""

    def __init__(self, server: RedisServer, directory: Path) -> None:
        self.server = server
        self.directory = directory
        self.redis = redis.Redis.from_url(server.url, decode_responses=True)
        self.celery = Celery("tests", broker=server.url, set_as_current=False)
        self.workers: list[EngineWorker] = []

    def start(self, name: str, *, threads: int = 16, **variables: str) -> EngineWorker:
        """A worker, not waited for."""
        url = self.server.url
        worker = EngineWorker(url, self.directory, name, threads, variables)
        self.workers.append(worker)
        return worker

    def start_ready(
        self, name: str, *, threads: int = 16, **variables: str
    ) -> EngineWorker:
        """A worker whose engine is ready."""
        worker = self.start(name, threads=threads, **variables)
        self.wait_for(lambda: self.status(name).get("state") == "ready", worker)
        return worker

    def environment(self) -> dict[str, str]:
        """What other processes of the same installation need."""
        return {
            **os.environ,
            "REDIS_URL": self.server.url,
            "DATA_DIR": str(self.directory),
            "DATABASE_URL": f"sqlite:///{self.directory / 'database.sqlite3'}",
        }

    def run(self, *command: str) -> "subprocess.Popen[str]":
        """A Python process of the same installation."""
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=PROJECT_DIR,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def status(self, name: str) -> dict[str, Any]:
        text = self.redis.get(STATUS_KEY_PREFIX + name)
        return json.loads(text) if text else {}

    def wait_for(
        self,
        condition: Callable[[], Any],
        worker: EngineWorker | None = None,
        timeout_s: float = READY_TIMEOUT_S,
    ) -> Any:
        deadline = time.monotonic() + timeout_s
        while not (result := condition()):
            log = worker.log_text()[-3000:] if worker else ""
            assert time.monotonic() < deadline, f"it did not come to that\n{log}"
            assert not worker or worker.process.poll() is None, log
            time.sleep(0.05)
        return result

    def send(self, request_id: str, queue: str = "engine", **changes: Any) -> None:
        """What client.submit() sends."""
        payload = {
            "request_id": request_id,
            "log_id": f"log-{request_id[:8]}",
            "messages": [{"role": "user", "content": "A secret question"}],
            "max_tokens": 20,
        }
        self.celery.send_task(
            "lab.generate", kwargs={"payload": payload | changes}, queue=queue
        )

    def command(self, name: str, **arguments: Any) -> None:
        """What client.abort() and client.request_keyframe() send."""
        self.celery.control.broadcast(
            name, arguments=arguments, pattern="engine@*", matcher="glob"
        )

    def has_heard(self) -> None:
        """Until a worker has dealt with the commands that were sent before."""
        assert self.celery.control.broadcast("ping", reply=True, limit=1, timeout=60)

    def reports(self, number: int, timeout_s: float = 120.0) -> list[RequestReport]:
        """So many reports, as the default worker would take them."""
        with Connection(self.server.url) as broker:
            queue = broker.SimpleQueue("default")
            messages = [queue.get(timeout=timeout_s) for _ in range(number)]
            for message in messages:
                message.ack()
            queue.close()
        return [RequestReport(**message.payload[1]["report"]) for message in messages]

    def num_reports(self) -> int:
        """Reports that nobody has taken."""
        return int(self.redis.llen("default"))

    def ear(self, *groups: str) -> "Ear":
        return Ear(self.server.url, groups)

    def close(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()
        self.redis.close()


class Ear:
    """Listens to groups: ``async with bench.ear(group) as ear``."""

    def __init__(self, url: str, groups: tuple[str, ...]) -> None:
        self._layer = RedisPubSubChannelLayer(hosts=[url], prefix="servelab")
        self._groups = groups
        self.heard: list[dict[str, Any]] = []

    async def __aenter__(self) -> "Ear":
        self._channel = await self._layer.new_channel()
        for group in self._groups:
            await self._layer.group_add(group, self._channel)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._layer.flush()

    async def until(self, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The first message for which ``condition`` holds; all are in ``heard``."""
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            while True:
                message: dict[str, Any] = await self._layer.receive(self._channel)
                self.heard.append(message)
                if condition(message):
                    return message

    async def until_finished(self, request_id: str) -> dict[str, Any]:
        return await self.until(
            lambda m: m.get("request_id") == request_id and m["phase"] == "finished"
        )

    async def silence(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        try:
            async with asyncio.timeout(seconds):
                self.heard.append(await self._layer.receive(self._channel))
        except TimeoutError:
            return True
        return False


@contextmanager
def bench_in(directory: Path) -> Iterator[Bench]:
    """A broker of its own; everything is ended afterwards."""
    (directory / "redis").mkdir()
    server = RedisServer(directory / "redis")
    server.start()
    bench = Bench(server, directory)
    try:
        yield bench
    finally:
        bench.close()
        server.stop()


def frame_groups(host: str) -> tuple[str, str]:
    """The groups of all frames of a host."""
    return keyframes_group(host), frames_group(host)


def new_id() -> str:
    return uuid.uuid4().hex


__all__ = [
    "Bench",
    "EngineWorker",
    "bench_in",
    "frame_groups",
    "new_id",
    "request_group",
]
