"""The one fake engine: a Transport that keeps what client sends, and answers as an
engine host and the default worker would."""

from dataclasses import replace
from typing import Any

import redis
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from lab import client
from lab.messages import EngineStatus, RequestEvent, RequestReport, request_group
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
EVENT = RequestEvent(request_id="", engine_host_id=HOST, phase="accepted")


class FakeEngine:
    """What was submitted and commanded; play(), report() and finish() answer."""

    def __init__(self, *hosts: EngineStatus) -> None:
        self.hosts = list(hosts)
        self.submitted: list[dict[str, Any]] = []
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.replies: list[dict[str, Any]] = []
        self.broken: Exception | None = None
        """What all of it raises, as when the broker is away."""
        self.refusal: Exception | None = None
        """What sending a request raises."""

    # Transport

    def send(self, task: str, arguments: dict[str, Any]) -> None:
        if error := self.broken or self.refusal:
            raise error
        assert task == "lab.generate"
        self.submitted.append(arguments["payload"])

    def command(self, name: str, arguments: dict[str, Any]) -> None:
        if self.broken:
            raise self.broken
        self.commands.append((name, arguments))

    def ask(self, name: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        self.command(name, arguments)
        return self.replies

    def statuses(self, max_age_s: float = 0.0) -> list[EngineStatus]:
        if isinstance(self.broken, redis.RedisError):
            raise self.broken
        return list(self.hosts)

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

    def finish(self, number: int = -1, **fields: Any) -> None:
        """The same, of a submitted request, where there is no event loop."""
        deliver(finished(self.request_id(number), **fields))


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


def deliver(report: RequestReport, purpose: str | None = None) -> None:
    """Do what the default worker does with a report, also where it would not: with
    one that came before (receivers must bear it), and with one of ``purpose``."""
    EngineRequest.finish(report)
    known = EngineRequest.objects.filter(request_id=report.request_id).first()
    purpose = purpose or (known.purpose if known else "mentor")
    client.request_finished.send(sender=FakeEngine, report=report, purpose=purpose)
