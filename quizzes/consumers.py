"""The socket of one measured request: which short id is yours, and when it ended."""

import json
from typing import Any

from channels.db import database_sync_to_async

from courseware.door import LearnerSocket
from courseware.sockets import NOT_YOURS, TOO_MANY, TokenBucket
from lab import client
from lab.errors import NotYours
from lab.messages import request_group

MESSAGES_PER_S = 1.0
MESSAGES_AT_ONCE = 10
AWAY = 1013
"""Close code of RFC 6455's registry, "try again later": the broker is away."""
ONLY_TELLS = "This socket tells how far a measured request is; it takes no messages."


class MeasuringConsumer(LearnerSocket):
    """Forwards a request's events to the learner who owns it."""

    group: str | None = None

    async def connect(self) -> None:
        """Join the request's group after the ownership check."""
        self._allowance = TokenBucket(MESSAGES_PER_S, MESSAGES_AT_ONCE)
        if not await self.admit():
            return
        request_id = self.scope["url_route"]["kwargs"]["request_id"]
        try:
            await database_sync_to_async(client.owned)(request_id, self.learner_id)
        except NotYours:
            self.note_refusal("not theirs")
            await self.close(NOT_YOURS)
            return
        self.group = request_group(request_id)
        if not await self.join(self.group):
            await self.close(AWAY)

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        if self.group:
            await self.leave(self.group)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        """Nothing is asked here: who does is told so, and closed after some times."""
        if self.group is None or await self.is_over():
            return
        if self._allowance.take():
            await self.send(text_data=json.dumps({"refused": ONLY_TELLS}))
        else:
            self.note_refusal("too many messages")
            await self.close(TOO_MANY)

    async def request_event(self, message: dict[str, Any]) -> None:
        """A RequestEvent of lab.messages."""
        yours = {
            "engineHostId": message["engine_host_id"],
            "shortId": message.get("short_id"),
            "phase": message["phase"],
        }
        await self.send(text_data=json.dumps(yours))
