"""Requests of one run: sent, followed by their events, waited for."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from lab.messages import Generation

Submit = Callable[[str, Generation], Awaitable[None]]
"""Sends a generation under a request id; raises EngineError."""


class UnderWay:
    """The newest event of each request; note() takes them in."""

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._events: dict[str, dict[str, Any]] = {}
        self._changed = asyncio.Event()
        self.max_waiting = 0

    @property
    def request_ids(self) -> list[str]:
        """The requests sent so far, in order."""
        return list(self._events)

    @property
    def open_request_ids(self) -> list[str]:
        """Those that have not ended."""
        return [name for name, event in self._events.items() if not _has_ended(event)]

    @property
    def reports(self) -> list[dict[str, Any] | None]:
        """The RequestReport (as JSON) of each in order; None where none came."""
        return [event.get("report") for event in self._events.values()]

    def event(self, request_id: str) -> dict[str, Any]:
        """The newest event (lab.messages.RequestEvent as JSON); empty before one."""
        return self._events[request_id]

    def note(self, event: dict[str, Any]) -> None:
        """A request event; those of other requests are left out."""
        if event["request_id"] in self._events:
            self._events[event["request_id"]] = event
            phases = [event.get("phase") for event in self._events.values()]
            self.max_waiting = max(self.max_waiting, phases.count("waiting"))
            self._changed.set()

    async def send(self, generation: Generation) -> str:
        """Send one; returns its id. Raises what ``submit`` raises."""
        request_id = uuid.uuid4().hex
        self._events[request_id] = {}
        try:
            await self._submit(request_id, generation)
        except Exception:
            del self._events[request_id]
            raise
        return request_id

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for events until it is so."""
        while not is_so():
            self._changed.clear()
            await self._changed.wait()

    async def until_ended(self, request_ids: Sequence[str] | None = None) -> None:
        """Wait for the reports of these requests; of all that were sent by default."""
        wanted = self.request_ids if request_ids is None else request_ids
        await self.until(lambda: all(_has_ended(self._events[i]) for i in wanted))


def _has_ended(event: dict[str, Any]) -> bool:
    return event.get("phase") == "finished"
