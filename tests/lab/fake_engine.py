"""The one fake engine: a Transport that keeps what client sends, and answers as an
engine host and the default worker would.

It answers with what a real engine told of one request: its events and its report, in
tests/data/request.json (recorded by tests/data/record_request.py). A test that needs
another figure overrides that one field.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import redis
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from lab import client
from lab.messages import (
    EngineStatus,
    RequestEvent,
    RequestPhase,
    RequestReport,
    request_group,
)
from lab.models import EngineRequest

HOST = "fake-host"
READY = EngineStatus(
    engine_host_id=HOST,
    state="ready",
    updated_at=0.0,
    model="SmolLM2-135M-Instruct",
    device="CPU engine",
    block_size=32,
    max_model_len=2_048,
    max_output_tokens=256,
)
_RECORDED = json.loads(
    (Path(__file__).parents[1] / "data" / "request.json").read_text()
)
EVENTS = [RequestEvent(**event) for event in _RECORDED["events"]]
"""What a real engine host told of one request, in order, up to its report,"""
REPORT = RequestReport.from_json(_RECORDED["report"])
"""and how that request ended."""


class FakeEngine:
    """What was submitted and commanded; play(), report() and finish() answer."""

    def __init__(self, *hosts: EngineStatus) -> None:
        self.hosts = list(hosts)
        self.submitted: list[dict[str, Any]] = []
        self.queues: list[str] = []
        """Of each task sent."""
        self.seconds: list[dict[str, Any]] = []
        """Second engines that were asked for."""
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.replies: list[dict[str, Any]] = []
        self.families: dict[str, list[dict[str, Any]]] = {}
        """Metric families by host."""
        self.broken: Exception | None = None
        """What all of it raises, as when the broker is away."""
        self.refusal: Exception | None = None
        """What sending a request raises."""

    # Transport

    def send(
        self,
        task: str,
        arguments: dict[str, Any],
        priority: int,
        queue: str = "engine",
    ) -> None:
        if error := self.broken or self.refusal:
            raise error
        self.queues.append(queue)
        if task in ("lab.second_engine", "lab.plain_transformers", "lab.rehearsal"):
            self.seconds.append(arguments["payload"])
            return
        assert task == "lab.generate"
        self.submitted.append(arguments["payload"])

    def command(self, name: str, arguments: dict[str, Any]) -> None:
        if self.broken:
            raise self.broken
        self.commands.append((name, arguments))

    def ask(
        self,
        name: str,
        arguments: dict[str, Any],
        num_replies: int | None = None,
        within_s: float = 1.0,
    ) -> list[dict[str, Any]]:
        self.command(name, arguments)
        return self.replies

    def statuses(self, max_age_s: float = 0.0) -> list[EngineStatus]:
        if isinstance(self.broken, redis.RedisError):
            raise self.broken
        return list(self.hosts)

    def metrics(self) -> dict[str, list[dict[str, Any]]]:
        if isinstance(self.broken, redis.RedisError):
            raise self.broken
        return dict(self.families)

    # What was sent

    @property
    def aborted(self) -> list[str]:
        """Ids of the requests that were aborted."""
        return [args["request_id"] for name, args in self.commands if "abort" in name]

    def request_id(self, number: int = -1) -> str:
        """Id of a submitted request, the last by default."""
        return self.submitted[number]["request_id"]

    def prompt(self, number: int = -1) -> list[dict[str, str]]:
        """Messages of a submitted request."""
        return self.submitted[number]["messages"]

    # What comes back

    async def play(self, request_id: str, phase: RequestPhase, **fields: Any) -> None:
        """Send the recorded event of a phase on the request's group; a phase that was
        not recorded has only what is given."""
        blank = RequestEvent("", HOST, phase)
        event = next((event for event in EVENTS if event.phase == phase), blank)
        await self._tell(replace(event, **fields), request_id)

    async def play_all(self, request_id: str) -> None:
        """Send all that was recorded, from the queue to the report."""
        for event in EVENTS:
            await self._tell(event, request_id)
        await self.report(request_id, REPORT.text)

    async def _tell(self, event: RequestEvent, request_id: str) -> None:
        event = replace(event, request_id=request_id, engine_host_id=HOST)
        await get_channel_layer().group_send(request_group(request_id), event.message())

    async def report(self, request_id: str, text: str = "", **fields: Any) -> None:
        """Send the final event on the request's group."""
        report = finished(request_id, text, **fields)
        await self.play(request_id, "finished", text=text, report=report)

    async def store(self, request_id: str, text: str = "", **fields: Any) -> None:
        """What the default worker does with the report."""
        await sync_to_async(deliver)(finished(request_id, text, **fields))

    def finish(self, number: int = -1, **fields: Any) -> None:
        """The same, of a submitted request, where there is no event loop."""
        deliver(finished(self.request_id(number), **fields))


def finished(request_id: str, text: str = "", **fields: Any) -> RequestReport:
    """The recorded report, of another request and with this text."""
    ids = {"request_id": request_id, "engine_host_id": HOST, "text": text}
    return replace(REPORT, **ids | fields)


def deliver(report: RequestReport, purpose: str | None = None) -> None:
    """Do what the default worker does with a report, also where it would not: with
    one that came before (receivers must bear it), and with one of ``purpose``."""
    EngineRequest.finish(report)
    known = EngineRequest.objects.filter(request_id=report.request_id).first()
    purpose = purpose or (known.purpose if known else "mentor")
    client.request_finished.send(sender=FakeEngine, report=report, purpose=purpose)
