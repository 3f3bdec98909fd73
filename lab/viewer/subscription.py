"""One channel-layer subscription for a whole process, renewed when it breaks."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from channels.layers import get_channel_layer

from lab.messages import FRAMES_GROUP, LAB_GROUP

logger = logging.getLogger(__name__)

MAX_BACKOFF_S = 5.0


class Subscription:
    """Joins the groups of all hosts and those asked for; hands messages to ``take``."""

    def __init__(
        self, take: Callable[[dict[str, Any]], None], on_begin: Callable[[], None]
    ) -> None:
        self.is_on = False
        """Whether messages arrive; they may still be lost while Redis is away."""
        self._take = take
        self._on_begin = on_begin
        self._channel: str | None = None
        self._groups: set[str] = {FRAMES_GROUP, LAB_GROUP}
        self._leaving: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Receive until cancelled; where it cannot subscribe, try again later."""
        backoff_s = 0.2
        while True:
            try:
                await self._begin()
                backoff_s = 0.2
                while self._channel is not None:
                    self._take_safely(await _layer().receive(self._channel))
            except Exception as error:  # Redis is away: any of its errors
                logger.warning("The subscription to the engine hosts broke: %s", error)
                self.end()
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)

    def end(self) -> None:
        """No longer subscribed; run() may begin anew."""
        self._channel = None
        self.is_on = False

    async def join(self, group: str) -> None:
        """Messages of this group too, now and after a renewal."""
        self._groups.add(group)
        await self._add(group)

    def leave(self, group: str) -> None:
        """The opposite of join(), soon."""
        self._groups.discard(group)
        if self._channel is not None:
            task = asyncio.create_task(_layer().group_discard(group, self._channel))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def join_again(self) -> None:
        """After Redis was away; joining twice does no harm."""
        for group in list(self._groups):
            await self._add(group)

    async def _begin(self) -> None:
        self._channel = await _layer().new_channel()
        await self.join_again()
        self.is_on = True
        self._on_begin()

    async def _add(self, group: str) -> None:
        if self._channel is None:
            return
        try:
            await _layer().group_add(group, self._channel)
        except Exception as error:  # Redis is away; joined again when it is back
            logger.warning("The group %s cannot be joined now: %s", group, error)

    def _take_safely(self, message: dict[str, Any]) -> None:
        try:
            self._take(message)
        except Exception:  # one bad message must not end everybody's view
            logger.exception("A message of an engine host was left out")


def _layer() -> Any:
    return get_channel_layer()
