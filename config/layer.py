"""The channel layer: Redis's publish and subscribe, where a socket opens without it."""

import asyncio
import uuid

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
