"""The channel layer: Redis's publish and subscribe, where a socket opens without it."""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer


class GroupLayer(RedisPubSubChannelLayer):  # type: ignore[misc]
    """A layer of groups: nobody here sends to a channel alone.

    Upstream subscribes each new channel under its own name, before the handshake: a
    socket that opens while Redis is away would be refused by HTTP 500. Groups are
    subscribed when one joins them, which may fail and be tried again.
    """

    async def new_channel(self, prefix: str = "specific.") -> str:
        """A name with a queue of its own in this process."""
        layer = self._get_layer()
        channel = f"{layer.prefix}{prefix}{uuid.uuid4().hex}"
        layer.channels[channel] = asyncio.Queue()
        return channel

    async def group_send_all(self, told: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """group_send() of each group and message, in order and in one go: all are
        written at once, and answered at once."""
        layer = self._get_layer()
        by_shard: dict[Any, list[tuple[str, bytes]]] = {}
        for group, message in told:
            channel = layer._get_group_channel_name(group)
            row = channel, self.serialize(message)
            by_shard.setdefault(layer._get_shard(channel), []).append(row)
        for shard, rows in by_shard.items():
            async with shard._lock:
                shard._ensure_redis()
                async with shard._redis.pipeline(transaction=False) as pipeline:
                    for row in rows:
                        pipeline.publish(*row)
                    await pipeline.execute()
