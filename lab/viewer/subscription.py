"""One channel-layer subscription for a whole process, renewed when it breaks."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Set
from typing import Any

from channels.layers import get_channel_layer

from lab.messages import LAB_GROUP

logger = logging.getLogger(__name__)

MAX_BACKOFF_S = 5.0
JOIN_AGAIN_S = 1.0
"""After a group could not be joined: Redis may have been slow for a moment only."""


class Subscription:
    """Joins the groups that are asked for; hands their messages to ``take``."""

    def __init__(
        self,
        take: Callable[[dict[str, Any]], None],
        on_join: Callable[[Set[str]], None],
    ) -> None:
        """``on_join`` is told which of the groups of want() are newly heard."""
        self.is_on = False
        """Whether messages arrive; they may still be lost while Redis is away."""
        self._take = take
        self._on_join = on_join
        self._channel: str | None = None
        self._groups: set[str] = {LAB_GROUP}
        self._joined: set[str] = set()
        """Of those."""
        self._wanted: frozenset[str] = frozenset()
        self._heard: set[str] = set()
        """Of those that are, or were, wanted."""
        self._settling = asyncio.Lock()
        self._changed = asyncio.Event()
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
        self._heard.clear()
        self.is_on = False

    def hears(self, group: str) -> bool:
        """Whether messages of one of the groups of want() arrive."""
        return self.is_on and group in self._heard

    def want(self, groups: Iterable[str]) -> None:
        """These instead of those asked for here before, soon."""
        self._wanted = frozenset(groups)
        self._changed.set()

    async def follow_wishes(self) -> None:
        """Join and leave what want() says, until cancelled; what cannot be joined is
        tried again."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._settle()
            if self._channel is not None and self._lacks:
                self._changed.set()
                await asyncio.sleep(JOIN_AGAIN_S)

    @property
    def _lacks(self) -> bool:
        return bool(self._groups - self._joined or self._wanted - self._heard)

    async def _settle(self) -> None:
        async with self._settling:
            if self._channel is None:
                return
            for group in sorted(self._groups - self._joined):
                if await self._add(group):
                    self._joined.add(group)
            new = self._wanted - self._heard
            joined = {group for group in sorted(new) if await self._add(group)}
            self._heard.update(joined)
            for group in self._heard - self._wanted:
                self._heard.discard(group)
                self._discard(group)
        if joined and self.is_on:
            self._on_join(joined)

    async def join(self, group: str) -> None:
        """Messages of this group too, now and after a renewal."""
        self._groups.add(group)
        if await self._add(group):
            self._joined.add(group)
        else:
            self._changed.set()

    def leave(self, group: str) -> None:
        """The opposite of join(), soon."""
        self._groups.discard(group)
        self._joined.discard(group)
        self._discard(group)

    def _discard(self, group: str) -> None:
        if self._channel is not None:
            task = asyncio.create_task(_layer().group_discard(group, self._channel))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def join_again(self) -> None:
        """After Redis was away; joining twice does no harm."""
        self._joined.clear()
        for group in list(self._heard):
            await self._add(group)
        await self._settle()
        if self._lacks:
            self._changed.set()

    async def _begin(self) -> None:
        self._channel = await _layer().new_channel()
        self._heard.clear()
        self.is_on = True
        await self.join_again()

    async def _add(self, group: str) -> bool:
        if self._channel is None:
            return False
        try:
            await _layer().group_add(group, self._channel)
        except Exception as error:  # Redis is away; joined again when it is back
            logger.warning("The group %s cannot be joined now: %s", group, error)
            return False
        return True

    def _take_safely(self, message: dict[str, Any]) -> None:
        try:
            self._take(message)
        except Exception:  # one bad message must not end everybody's view
            logger.exception("A message of an engine host was left out")


def _layer() -> Any:
    return get_channel_layer()
