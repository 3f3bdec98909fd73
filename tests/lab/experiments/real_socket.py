"""A real engine behind the viewer's socket, without broker and default worker."""

import asyncio
import contextvars
from typing import Any

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from lab.engine.generation import GenerationRequest
from lab.engine.host import EngineHost
from lab.messages import (
    LAB_GROUP,
    EngineStatus,
    RequestEvent,
    RequestReport,
    request_group,
)
from lab.models import EngineRequest
from tests.lab.engine_host import Listener
from tests.lab.fake_engine import FakeEngine


class SocketEar(Listener):
    """Brings what a host tells to the sockets and the database."""

    loop: asyncio.AbstractEventLoop | None = None
    """Of the test that runs."""
    context: contextvars.Context | None = None

    def on_status(self, status: EngineStatus) -> None:
        super().on_status(status)
        self._do(get_channel_layer().group_send, LAB_GROUP, status.message())

    def on_request_event(self, event: RequestEvent) -> None:
        super().on_request_event(event)
        group = request_group(event.request_id)
        self._do(get_channel_layer().group_send, group, event.message())

    def on_report(self, report: RequestReport) -> None:
        super().on_report(report)
        self._do(sync_to_async(EngineRequest.finish), report)

    def _do(self, asked: Any, *arguments: Any) -> None:
        """In the test's own context: the caller's is of a thread that waits."""
        if self.loop is not None:
            self.loop.call_soon_threadsafe(
                lambda: asyncio.ensure_future(asked(*arguments)), context=self.context
            )


class RealEngine(FakeEngine):
    """A transport to an engine host of this process."""

    def __init__(self, host: EngineHost) -> None:
        super().__init__()
        self.host = host

    def send(
        self,
        task: str,
        arguments: dict[str, Any],
        priority: int,
        queue: str = "engine",
    ) -> None:
        super().send(task, arguments, priority, queue)
        self.host.submit(GenerationRequest.from_payload(arguments["payload"]))

    def command(self, name: str, arguments: dict[str, Any]) -> None:
        super().command(name, arguments)
        if name == "lab_abort":
            self.host.abort(arguments["request_id"])

    def ask(
        self,
        name: str,
        arguments: dict[str, Any],
        num_replies: int | None = None,
        within_s: float = 1.0,
    ) -> list[dict[str, Any]]:
        super().command(name, arguments)
        assert name == "lab_tokens"
        counts = self.host.count_tokens(arguments["chats"]).result(120)
        return [counts] if counts else []

    def statuses(self, max_age_s: float = 0.0) -> list[EngineStatus]:
        return [self.host.status]
