"""A learner's turn at a second engine, from the line to its end."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from asgiref.sync import sync_to_async

from lab import client
from lab.errors import EngineError, SecondRefused
from lab.messages import EngineStatus
from lab.second.line import ENGINE_TASK, Line, Standing
from lab.second.settings import SecondSettings

logger = logging.getLogger(__name__)

LOOK_S = 1.0
OVER = ("refused", "ended", "gone")
_NOT_LOOKED: tuple[type[Exception], ...] = (EngineError, *client.NOT_SENT)
Say = Callable[[str], Awaitable[None] | None]


class Visit:
    """A ticket that is looked at while this lasts. ``standing`` is the newest look."""

    def __init__(self, line: Line, ticket: str, learner_id: str, say: Say) -> None:
        self.standing = Standing("waiting")
        self._line = line
        self._ticket = ticket
        self._learner_id = learner_id
        self._say = say
        self._changed = asyncio.Event()

    async def until_started(self) -> Standing:
        """Until the process comes up; raises SecondRefused when none will."""
        return await self._until("starting", "ready")

    async def until_ready(self) -> EngineStatus:
        """Until it takes requests: its status; raises SecondRefused when none will."""
        standing = await self._until("ready")
        status = await self.status()
        if status is None:
            raise SecondRefused(standing.reason or "The second engine has ended.")
        return status

    async def until_result(self) -> dict[str, Any]:
        """Until it has ended: what it found; raises SecondRefused where that is
        nothing."""
        standing = await self._until("ended")
        if standing.result is None:
            raise SecondRefused(standing.reason or "It has ended without a result.")
        return standing.result

    async def until_over(self) -> None:
        """Until it has ended or will not start; raises SecondRefused with why."""
        await self._until()

    async def status(self) -> EngineStatus | None:
        """What the second engine tells of itself; None before it does."""
        name = self.standing.engine_host_id
        if name is None:
            return None
        known: list[EngineStatus] = await _aside(client.statuses)()
        return next((one for one in known if one.engine_host_id == name), None)

    async def _until(self, *states: str) -> Standing:
        while self.standing.state not in states:
            if self.standing.state in OVER:
                raise SecondRefused(self.standing.reason or "It has ended.")
            self._changed.clear()
            await self._changed.wait()
        return self.standing

    async def look_for_ever(self) -> None:
        """Look every second, which keeps the ticket."""
        while True:
            try:
                look = _aside(self._line.look)
                await self._note(await look(self._ticket, self._learner_id))
            except _NOT_LOOKED as error:
                logger.warning("A second engine's ticket was not looked at: %s", error)
            await asyncio.sleep(LOOK_S)

    async def _note(self, standing: Standing) -> None:
        if standing == self.standing:
            return
        self.standing = standing
        self._changed.set()
        if sentence := in_words(standing):
            said = self._say(sentence)
            if said is not None:
                await said


@asynccontextmanager
async def beside(
    learner_id: str, task: str, wanted: Mapping[str, Any], say: Say
) -> AsyncIterator[Visit]:
    """A place in the line for a task beside the main engine, and the turn; both are
    given back after the block. Raises LimitExceeded and EngineUnavailable; ``say`` is
    told in sentences how it stands."""
    line = Line()
    ticket = await _aside(line.enter)(learner_id, wanted, task)
    visit = Visit(line, ticket, learner_id, say)
    looking = asyncio.create_task(visit.look_for_ever())
    try:
        yield visit
    finally:
        looking.cancel()
        with contextlib.suppress(EngineError):  # it ends by itself, a little later
            await asyncio.shield(_aside(line.leave)(ticket, learner_id))


@asynccontextmanager
async def second_engine(
    learner_id: str, wanted: SecondSettings, say: Say
) -> AsyncIterator[Visit]:
    """The same for a second engine with these settings."""
    async with beside(learner_id, ENGINE_TASK, wanted.to_json(), say) as visit:
        yield visit


def in_words(standing: Standing) -> str:
    """How it stands, for the learner; "" where there is nothing to say."""
    match standing.state:
        case "waiting" if standing.place is not None:
            ahead = standing.place - 1
            others = "one learner has" if ahead == 1 else f"{ahead} learners have"
            return (
                "One thing runs beside the engine at a time for the class; "
                f"{others} the turn before you."
            )
        case "starting":
            return "It starts beside the main engine."
        case "ready":
            return "It is there, beside the main engine."
    return standing.reason or ""


def _aside(call: Any) -> Any:
    """Redis and the database wait in a thread."""
    return sync_to_async(call, thread_sensitive=False)
