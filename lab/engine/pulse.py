"""Whether the engine's own step loop still answers.

A call goes through EngineCore's input queue, which its loop empties between two steps:
a core that is stopped, or that hangs within a step, does not answer, though its process
lives and nothing else tells.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

BEAT_S = 2.0
SILENT_S = 10.0
"""From then on it is said; no step of a healthy engine takes so long."""
MOST_A_LOOK_S = 1.0
"""A host that was frozen itself has not listened meanwhile: that counts as so much."""


class Pulse:
    """Asks one run again and again; look() says for how long it has been silent."""

    def __init__(
        self,
        beat: Callable[[], Awaitable[object]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``beat`` returns when the loop has answered."""
        self._beat = beat
        self._clock = clock
        self._is_waiting = False
        self._silent_s = 0.0
        self._looked_at = clock()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            self._is_waiting = True
            try:
                await self._beat()
            except Exception as error:  # vLLM's, of a dead engine: others tell that
                logger.info("The engine's pulse ended: %s", error)
                return
            finally:
                self._is_waiting, self._silent_s = False, 0.0
            await asyncio.sleep(BEAT_S)

    def look(self) -> float:
        """Seconds for which it has not answered, as far as this host listened."""
        now = self._clock()
        if self._is_waiting:
            self._silent_s += min(now - self._looked_at, MOST_A_LOOK_S)
        self._looked_at = now
        return self._silent_s

    async def end(self) -> None:
        """Ask no more."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
