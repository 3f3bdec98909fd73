"""A real engine for tests: the bundled model, a listener that keeps all it is told."""

import dataclasses
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from lab.checkpoints import bundled
from lab.engine.config import PROJECT_DIR, EngineConfig, bundled_model_dir
from lab.engine.generation import GenerationRequest
from lab.engine.host import EngineHost
from lab.engine.launch import EngineRun
from lab.messages import EngineStatus, RequestEvent, RequestReport
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import StepTrace
from launcher.engine_environment import preloads
from launcher.machine import this_machine

READY_TIMEOUT_S = 480


class Listener:
    """Keeps everything; ``wait_for`` waits until a condition holds."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.notes: list[bytes] = []
        self.traces: list[StepTrace] = []
        self.statuses: list[EngineStatus] = []
        self.events: list[RequestEvent] = []
        self.reports: list[RequestReport] = []
        self.runs: list[int] = []
        self.mirror: PoolMirror | None = None
        self._changed = threading.Condition()

    def on_engine_start(self, run: EngineRun, mirror: PoolMirror) -> None:
        self.runs.append(run.number)

    def on_trace(
        self, record: bytes, trace: StepTrace, finished: list[RequestMirror]
    ) -> None:
        self.records.append(record)
        self.traces.append(trace)

    def on_replay_note(self, record: bytes) -> None:
        self.notes.append(record)

    def on_poll(self, mirror: PoolMirror | None) -> None:
        self.mirror = mirror
        with self._changed:
            self._changed.notify_all()

    def on_status(self, status: EngineStatus) -> None:
        self.statuses.append(status)

    def on_request_event(self, event: RequestEvent) -> None:
        self.events.append(event)

    def on_report(self, report: RequestReport) -> None:
        self.reports.append(report)

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = 120) -> Any:
        deadline = time.monotonic() + timeout_s
        while not (result := condition()):
            left = deadline - time.monotonic()
            assert left > 0, "the engine host did not get there in time"
            with self._changed:
                self._changed.wait(min(left, 0.1))
        return result


def model_dir() -> Path:
    """The converted bundled model, shared by all test runs of this checkout."""
    directory = bundled_model_dir(PROJECT_DIR / "var")
    if not bundled.is_converted(directory):
        bundled.convert(directory)
    return directory


def config(**changes: Any) -> EngineConfig:
    """A small engine of the bundled model."""
    defaults = EngineConfig.from_env(
        {**os.environ, "ENGINE_MODEL": str(model_dir()), "ENGINE_HOST_ID": "test"}
    )
    return dataclasses.replace(defaults, **changes)


def start(
    listener: Listener, host_class: type[EngineHost] = EngineHost, **changes: Any
) -> EngineHost:
    """An engine host that is ready."""
    os.environ.setdefault("VLLM_CPU_NUM_OF_RESERVED_CPU", "0")
    if libraries := preloads(this_machine()):  # as the launcher does: else no fork
        os.environ.setdefault("LD_PRELOAD", ":".join(map(str, libraries)))
    host = host_class(config(**changes), listener)
    host.start()
    listener.wait_for(lambda: host.status.state == "ready", READY_TIMEOUT_S)
    return host


def core_of(host: EngineHost) -> psutil.Process:
    """The EngineCore of the run that is up."""
    assert host.run is not None
    [core] = host.run.llm.engine_core.resources.engine_manager.processes
    return psutil.Process(core.pid)


def question(request_id: str, text: str, max_tokens: int, **more: Any) -> Any:
    """One chat request."""
    return GenerationRequest(
        request_id=request_id,
        log_id=request_id,
        messages=[{"role": "user", "content": text}],
        max_tokens=max_tokens,
        **more,
    )


def transformers_environment() -> dict[str, str]:
    """What a process that loads the same model needs."""
    return {**os.environ, "ENGINE_MODEL": str(model_dir()), "HF_HUB_OFFLINE": "1"}
