"""The socket of one measured request: which short id is yours, and when it ended."""

from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from courseware.learner import learner_id_of
from courseware.sockets import NO_LEARNER, NOT_YOURS
from lab import client
from lab.errors import NotYours
from lab.messages import request_group


class MeasuringConsumer(AsyncJsonWebsocketConsumer):
    """Forwards a request's events to the learner who owns it."""

    group: str | None = None

    async def connect(self) -> None:
        """Join the request's group after the ownership check."""
        await self.accept()
        learner_id = await database_sync_to_async(learner_id_of)(self.scope)
        if learner_id is None:
            await self.close(NO_LEARNER)
            return
        request_id = self.scope["url_route"]["kwargs"]["request_id"]
        try:
            await database_sync_to_async(client.owned)(request_id, learner_id)
        except NotYours:
            await self.close(NOT_YOURS)
            return
        self.group = request_group(request_id)
        await self.channel_layer.group_add(self.group, self.channel_name)

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def request_event(self, message: dict[str, Any]) -> None:
        """A RequestEvent of lab.messages."""
        await self.send_json(
            {
                "engineHostId": message["engine_host_id"],
                "shortId": message.get("short_id"),
                "phase": message["phase"],
            }
        )
