"""What all parts of an engine host share, and whom they tell."""

import time
from dataclasses import replace
from typing import Any, Protocol

from lab.engine.config import EngineConfig
from lab.engine.in_flight import InFlightRequest
from lab.engine.launch import EngineRun
from lab.messages import EngineStatus, RequestEvent, RequestReport
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import StepTrace

DRAINING = (
    "This engine host is being stopped: it ends what it has under way, and takes no "
    "more."
)


class HostListener(Protocol):
    """What the host tells; all calls come from the loop's thread and must not block."""

    def on_engine_start(self, run: EngineRun, mirror: PoolMirror) -> None:
        """A new engine run begins: an empty pool, mirrored by ``mirror``."""

    def on_trace(
        self, record: bytes, trace: StepTrace, finished: list[RequestMirror]
    ) -> None:
        """One StepTrace, in order, when the mirror has applied it."""

    def on_replay_note(self, record: bytes) -> None:
        """What a replay needs beside the StepTrace that comes next."""

    def on_poll(self, mirror: PoolMirror | None) -> None:
        """After every look at the tap, also when there was nothing new."""

    def on_status(self, status: EngineStatus) -> None:
        """State, phases or numbers changed, and every second."""

    def on_request_event(self, event: RequestEvent) -> None:
        """Progress of one request."""

    def on_report(self, report: RequestReport) -> None:
        """One request ended; told exactly once each."""


class HostState:
    """The engine that runs, the mirror of its pool, and the host's status."""

    def __init__(self, config: EngineConfig, listener: HostListener) -> None:
        self.config = config
        self.listener = listener
        self.run: EngineRun | None = None
        self.mirror: PoolMirror | None = None
        self.in_flight: dict[str, InFlightRequest] = {}
        """By request id: all that have come and not ended."""
        self.is_draining = False
        """Whether it says that it takes no more."""
        self.is_hung = False
        """Whether the engine was ended because it did not answer."""
        self.status = EngineStatus(
            engine_host_id=config.engine_host_id,
            state="starting",
            updated_at=time.time(),
            max_output_tokens=config.max_output_tokens,
            max_concurrent_requests=config.max_concurrent_requests,
            beside=config.beside,
        )

    @property
    def is_ready(self) -> bool:
        """Whether an engine serves what this host has."""
        return (
            self.status.state in ("ready", "draining")
            and self.run is not None
            and not self.run.is_dead
        )

    @property
    def has_given_up(self) -> bool:
        """Whether none will come."""
        return self.status.state in ("failed", "unavailable")

    @property
    def hung_words(self) -> str:
        """The beginning of a sentence on an engine that was ended."""
        return f"The engine did not answer for {self.config.hung_s} s and was ended;"

    def tell_status(self, **changes: Any) -> None:
        """Change the status and tell it."""
        if self.is_draining and changes.get("state") == "ready":
            changes = {**changes, "state": "draining", "reason": DRAINING}
        self.status = replace(
            self.status,
            updated_at=time.time(),
            num_requests=len(self.in_flight),
            **changes,
        )
        self.listener.on_status(self.status)


def sentence_of(error: BaseException) -> str:
    """The error's text in one line of at most 300 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:300].rstrip(".")
