"""What a process says again and again of what it alone has, while it has it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asgiref.sync import sync_to_async
from redis.exceptions import RedisError

from lab.receipts.custody import HELD_S, Kind, custody

logger = logging.getLogger(__name__)

AGAIN_S = HELD_S / 4


@asynccontextmanager
async def held(kind: Kind, one: str) -> AsyncIterator[None]:
    """While this lasts lab.sweeping knows that somebody has it."""
    saying = asyncio.create_task(_say_for_ever(kind, one))
    try:
        yield
    finally:
        saying.cancel()


async def _say_for_ever(kind: Kind, one: str) -> None:
    while True:
        try:
            hold = sync_to_async(custody().hold, thread_sensitive=False)
            await hold(kind, one)
        except RedisError as error:  # it may be back before anybody looks
            logger.warning("Nobody was told of the %s %s: %s", kind, one, error)
        await asyncio.sleep(AGAIN_S)
