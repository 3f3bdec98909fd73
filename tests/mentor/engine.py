"""A fake engine at the seam of Celery: takes what client.submit() sends, and replays
request events and reports through the channel layer as an engine host would."""

from dataclasses import replace
from typing import Any

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from lab.engine import client
from lab.engine.events import (
    EngineStatus,
    RequestEvent,
    RequestReport,
    request_group,
)
from lab.models import EngineRequest

HOST = "fake-host"
STATUS = EngineStatus(
    engine_host_id=HOST,
    state="ready",
    updated_at=0.0,
    model="SmolLM2-135M-Instruct",
    device="CPU engine",
    max_model_len=2_048,
    max_output_tokens=256,
)
EVENT = RequestEvent(request_id="", engine_host_id=HOST, phase="accepted")


class FakeEngine:
    """What was submitted and aborted; play() and report() answer."""

    def __init__(self) -> None:
        self.submitted: list[dict[str, Any]] = []
        self.aborted: list[str] = []
        self.statuses: list[EngineStatus] = [STATUS]
        self.broken: Exception | None = None

    def send_task(
        self, name: str, kwargs: dict[str, Any], queue: str, **_: object
    ) -> None:
        """Stands for Celery's send_task."""
        if self.broken:
            raise self.broken
        assert (name, queue) == ("lab.generate", "engine")
        self.submitted.append(kwargs["payload"])

    def broadcast(self, command: str, arguments: dict[str, str], **_: object) -> None:
        """Stands for Celery's control.broadcast."""
        if self.broken:
            raise self.broken
        assert command == "lab_abort"
        self.aborted.append(arguments["request_id"])

    def request_id(self, number: int = -1) -> str:
        """Id of a submitted request, the last by default."""
        return self.submitted[number]["request_id"]

    def prompt(self, number: int = -1) -> list[dict[str, str]]:
        """Messages of a submitted request."""
        return self.submitted[number]["messages"]

    async def play(self, request_id: str, **fields: Any) -> None:
        """Send one event on the request's group."""
        event = replace(EVENT, request_id=request_id, **fields)
        await get_channel_layer().group_send(request_group(request_id), event.message())

    async def report(self, request_id: str, text: str = "", **fields: Any) -> None:
        """Send the final event on the request's group."""
        report = finished(request_id, text, **fields)
        await self.play(request_id, phase="finished", text=text, report=report)

    async def store(self, request_id: str, text: str = "", **fields: Any) -> None:
        """What the default worker does with the report."""
        await sync_to_async(deliver)(finished(request_id, text, **fields))


def finished(request_id: str, text: str = "", **fields: Any) -> RequestReport:
    """A report as the engine host makes it."""
    numbers: dict[str, Any] = {
        "finish_reason": "stop",
        "short_id": 7,
        "num_prompt_tokens": 300,
        "num_cached_tokens": 256,
        "num_output_tokens": 12,
        "num_blocks": 10,
        "num_blocks_shared": 8,
        "ttft_s": 0.25,
        "e2el_s": 0.5,
        "output_tokens_per_s": 44.0,
    }
    return RequestReport(
        request_id=request_id, engine_host_id=HOST, text=text, **numbers | fields
    )


def deliver(report: RequestReport, purpose: str = "mentor") -> None:
    """Do what the default worker does with a report."""
    EngineRequest.finish(report)
    client.request_finished.send(sender=FakeEngine, report=report, purpose=purpose)
