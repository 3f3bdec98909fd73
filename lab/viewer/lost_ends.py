"""Ends of requests that nobody heard: told once over Redis, which may be away then.

The engine's host repeats itself while a request is under way, but an end is told once.
So a request that is silent is looked up, and one that has ended in the database for two
looks in a row, its event on no way any more, is told from there.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from channels.db import database_sync_to_async

from lab import client
from lab.messages import RequestEvent, RequestReport

logger = logging.getLogger(__name__)

HEAL_S = 3.0
"""For so long a request may be silent before it is looked up."""


class LostEnds:
    """Of one viewer; ``watched`` are the requests whose events it is to hear."""

    def __init__(
        self,
        watched: Collection[str],
        take: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """``take`` gets the last event of a request as it should have come, but for
        its text; ``is_looked_up`` is True in it."""
        self._watched, self._take = watched, take
        self._heard_at: dict[str, float] = {}
        self._ended: set[str] = set()
        """At the last look."""

    def heard(self, request_id: str) -> None:
        """Anything came."""
        self._heard_at[request_id] = time.monotonic()

    async def look_for_ever(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(HEAL_S)
            try:
                await self._look()
            except Exception as error:  # the database's: it may be back
                logger.warning("Ends of requests were not looked up: %s", error)

    async def _look(self) -> None:
        watched = set(self._watched)
        self._heard_at = {i: at for i, at in self._heard_at.items() if i in watched}
        since = time.monotonic() - HEAL_S
        silent = {i for i in watched if self._heard_at.get(i, 0.0) <= since}
        ended = await database_sync_to_async(client.ended)(silent) if silent else {}
        lost, self._ended = self._ended & ended.keys(), set(ended)
        for request_id in lost:
            logger.info("The end of request %s was not heard", request_id)
            await self._take(_event_of(ended[request_id]))


def _event_of(report: RequestReport) -> dict[str, Any]:
    event = RequestEvent(
        report.request_id,
        report.engine_host_id,
        "finished",
        short_id=report.short_id,
        num_output_tokens=report.num_output_tokens,
        report=report,
    )
    return event.message() | {"is_looked_up": True}
