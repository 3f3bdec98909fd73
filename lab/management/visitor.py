"""Visitor: on the lab's socket without a browser; runs experiments as a learner would.

All that holds for a learner holds for it: limits, the line for a second engine, what is
aborted when it leaves.
"""

import asyncio
import contextlib
import json
import uuid
from typing import Any
from urllib.parse import urlencode

from channels.db import database_sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore

from courseware.learner import SESSION_KEY, forget_learner
from courseware.models import Learner
from lab.consumers import LabConsumer
from lab.experiments.experiment import Experiment

HELLO_S = 20.0
RUN_S = 900.0
"""Longer than a run may take and wait for a second engine."""


class VisitFailed(Exception):
    """The run did not come to a result: ``str(error)`` is a sentence."""


class Visitor:
    """``async with Visitor() as visitor``: a learner as long as the context lasts."""

    def __init__(self) -> None:
        self._inward: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._outward: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._learner_id = uuid.uuid4().hex
        self._session_key = ""

    async def __aenter__(self) -> "Visitor":
        session = await database_sync_to_async(self._become)()
        scope = {
            "type": "websocket", "path": "/ws/lab/", "session": session,
            "user": AnonymousUser(), "client": ["", 0], "headers": [],
        }  # fmt: skip
        socket = LabConsumer.as_asgi()
        self._task = asyncio.create_task(
            socket(scope, self._inward.get, self._outward.put)
        )
        await self._inward.put({"type": "websocket.connect"})
        await self._until(lambda told: told.get("type") == "hello", HELLO_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._inward.put({"type": "websocket.disconnect", "code": 1000})
        assert self._task is not None
        with contextlib.suppress(TimeoutError, asyncio.CancelledError, Exception):
            await asyncio.wait_for(self._task, 10)
        await database_sync_to_async(self._leave)()

    def _become(self) -> SessionStore:
        Learner.objects.create(learner_id=self._learner_id)
        session = SessionStore()
        session[SESSION_KEY] = self._learner_id
        session.create()
        self._session_key = session.session_key or ""
        return session

    def _leave(self) -> None:
        SessionStore(self._session_key).delete()
        forget_learner(self._learner_id)

    async def run(self, experiment: Experiment, engine_host_id: str) -> str:
        """Run it on this host with the settings as they are offered; what it says in
        the end. Raises VisitFailed."""
        await self._say({"type": "follow", "engine_host_id": engine_host_id})
        options = list(experiment.question.options)
        query = urlencode(
            {
                "experiment": experiment.id,
                **experiment.defaults,
                "prediction": options[0] if options else "0",
            }
        )
        await self._say({"type": "experiment", "query": query})
        ends = ("experiment.end", "error")
        told = await self._until(lambda told: told.get("type") in ends, RUN_S)
        if told.get("state") != "done":
            raise VisitFailed(str(told["sentence"]))
        return str(told["sentence"])

    async def _say(self, command: dict[str, Any]) -> None:
        await self._inward.put(
            {"type": "websocket.receive", "text": json.dumps(command)}
        )

    async def _until(self, is_it: Any, within_s: float) -> dict[str, Any]:
        """The next message of this kind; frames and all else are passed over."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    event = await self._outward.get()
                    if event["type"] == "websocket.close":
                        raise VisitFailed("The lab's socket was closed.")
                    told = json.loads(event.get("text") or "{}")
                    if is_it(told):
                        found: dict[str, Any] = told
                        return found
        except TimeoutError:
            raise VisitFailed(f"Nothing came within {within_s:g} s.") from None
