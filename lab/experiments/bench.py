"""The bench: what an experiment's run has at hand, and all that it may do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from lab.experiments.following import Following, Frames
from lab.experiments.outcome import Outcome
from lab.experiments.watching import Counters, Watching
from lab.messages import EngineStatus, Generation, RequestReport
from lab.traffic.demos import DemoRefused, Limits, Room
from lab.traffic.under_way import Submit, UnderWay

Chat = list[dict[str, str]]
Tell = Callable[[dict[str, Any]], Awaitable[None]]
Abort = Callable[[str], Awaitable[None]]
Keep = Callable[[Outcome], Awaitable[None]]
Hear = Callable[[str], AbstractAsyncContextManager[None]]
"""Hears the frames of an engine host while its context lasts."""


@dataclass(frozen=True)
class TokenCounts:
    """Of some chats, as the engine's own tokenizer and template make tokens of them."""

    num_tokens: list[int]
    num_common: list[int]
    """Tokens that each has in common with the first chat, from the beginning on."""


Count = Callable[[Sequence[Chat]], Awaitable[TokenCounts | None]]


class RunEnded(Exception):
    """The run cannot go on: ``str(error)`` is a sentence for the learner."""


class RunStopped(RunEnded):
    """Its learner, or a teacher, stopped it."""


class RunRefused(RunEnded):
    """These settings cannot show it on this engine; nothing was sent."""


NOT_SEEN = "this engine's blocks are not seen."
UNSEEN = f"Unknown here: {NOT_SEEN}"
"""Of what needs the blocks of an engine that is asked by its address."""
SHOWN_ONLY = (
    "This engine is somebody else's and is only shown: the lab sends it nothing."
)
TAKEN_OUT = "A request of the run was stopped, so nothing was measured."


def trouble_of(report: RequestReport) -> str:
    """What ended a run whose request ended so; "" where it ended well. What is said to
    who waits for an answer begins with what happened: that is kept."""
    if report.finish_reason not in ("error", "interrupted"):
        return ""
    happened = (report.error or "A request failed in the engine.").partition(". ")[0]
    return f"{happened.rstrip('.')}. Nothing was measured."


def limits_of(status: EngineStatus, max_requests: int) -> Limits:
    """Of an engine that takes requests, with its blocks where they are seen; raises
    DemoRefused where nothing can be sent."""
    if status.reads_only:
        raise DemoRefused(SHOWN_ONLY)
    if status.by_address and status.is_asked:
        return Limits.by_address(status, max_requests)
    if status.by_address:
        raise DemoRefused(status.reason or f"The engine is {status.state}.")
    return Room.of(status, max_requests)


async def forget(outcome: Outcome) -> None:
    """Where nobody looks at a run before its end."""


def hear_nothing(engine_host_id: str) -> AbstractAsyncContextManager[None]:
    """Where nobody hands frames on."""
    return nullcontext()


class Bench:
    """One run's way to the engine: send, wait, abort, say how far it is."""

    def __init__(
        self,
        status: EngineStatus,
        *,
        learner_id: str,
        nonce: str,
        max_requests: int,
        submit: Submit,
        abort: Abort,
        count: Count,
        counters: Counters,
        tell: Tell,
        frames: Frames = tuple,
        keep: Keep = forget,
        hear: Hear = hear_nothing,
    ) -> None:
        """``nonce`` goes into prompts, so that nothing of an earlier run is cached;
        ``frames`` has none where nobody hands them on. Submit, count, counters and
        frames are of the engine in ``status`` as it is then, see on(). Raises
        DemoRefused where the engine is not ready, and where it is only shown."""
        self.status = status
        self.learner_id = learner_id
        self.nonce = nonce
        self.room = limits_of(status, max_requests)
        self.under_way = UnderWay(submit)
        self._abort = abort
        self._count = count
        self._counters = counters
        self._tell = tell
        self._frames = frames
        self._keep = keep
        self._hear = hear
        self._aborted: set[str] = set()

    @property
    def pool(self) -> Room:
        """The room with the engine's blocks; raises RunRefused where none is seen."""
        if not isinstance(self.room, Room):
            raise RunRefused(UNSEEN)
        return self.room

    @property
    def block_size(self) -> int | None:
        """Tokens of a block; None where none is seen."""
        return self.room.block_size if isinstance(self.room, Room) else None

    @asynccontextmanager
    async def on(self, status: EngineStatus) -> AsyncIterator[None]:
        """The same bench at another engine, until the block ends: all that is asked
        and seen is that one's. Raises DemoRefused where it is not ready."""
        room = limits_of(status, self.room.max_requests)
        before = self.status, self.room
        async with self._hear(status.engine_host_id):
            self.status, self.room = status, room
            try:
                yield
            finally:
                self.status, self.room = before

    # What runs do

    async def send(self, generation: Generation) -> str:
        """Send one request; returns its id."""
        return await self.under_way.send(generation)

    async def ended(self, request_ids: Sequence[str]) -> list[RequestReport]:
        """The reports of these requests, in order, when all have ended.

        Raises RunEnded when one of them failed, with what its report says, and
        RunStopped when its learner took one out.
        """
        await self.under_way.until_ended(request_ids)
        reports = [self._report(request_id) for request_id in request_ids]
        for report in reports:
            if trouble := trouble_of(report):
                raise RunEnded(trouble)
            if (
                report.finish_reason == "aborted"
                and report.request_id not in self._aborted
            ):
                raise RunStopped(TAKEN_OUT)
        return reports

    async def wave(self, generations: Sequence[Generation]) -> list[RequestReport]:
        """Send these at once, and wait for all of them."""
        return await self.ended([await self.send(one) for one in generations])

    async def decoding(self, request_id: str) -> None:
        """Wait until a request has its first token, or has ended."""
        first = ("decode", "finished")
        await self.under_way.until(
            lambda: self.under_way.event(request_id).get("phase") in first
        )

    async def abort(self, request_id: str) -> None:
        """End one request of this run in the engine; its report says "aborted"."""
        self._aborted.add(request_id)
        await self._abort(request_id)

    async def tokens(self, chats: Sequence[Chat]) -> TokenCounts | None:
        """Counted by the engine; None where it did not answer: unknown."""
        return await self._count(chats)

    def watching(self) -> Watching:
        """``async with bench.watching() as seen``: the engine's own counters meanwhile,
        of all requests in it, also of others."""
        return Watching(self._counters)

    def following(self) -> Following:
        """``async with bench.following() as seen``: every frame of the engine
        meanwhile, read: who holds which blocks, and how many tokens."""
        return Following(self._frames)

    async def say(self, sentence: str) -> None:
        """How far the run is, shown beside the blocks."""
        await self._tell({"type": "experiment.progress", "sentence": sentence})

    async def show(self, outcome: Outcome) -> None:
        """What there is so far: drawn on the page as the result will be, and gone when
        there is none. Its sentence says how far the run is."""
        await self._keep(outcome)
        await self._tell(
            {
                "type": "experiment.progress",
                "sentence": outcome.says,
                "is_drawn": True,
            }
        )

    async def abort_all(self) -> None:
        """End what is still under way (the run is over)."""
        for request_id in self.under_way.open_request_ids:
            await self._abort(request_id)

    def _report(self, request_id: str) -> RequestReport:
        return RequestReport.from_json(self.under_way.event(request_id)["report"])


async def pause(seconds: float) -> None:
    """Let the engine go on for a while."""
    await asyncio.sleep(seconds)
