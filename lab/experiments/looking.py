"""Looking at an engine again and again while something runs."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

EVERY_S = 0.1


class Looking:
    """Calls ``look()`` until its context ends."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.look()
        self._task = asyncio.create_task(self._look_for_ever())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            self.look()

    def look(self) -> None:
        """Note what is new."""
        raise NotImplementedError
