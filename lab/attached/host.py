"""AttachedHost: an engine host that reads a tap, and owns no engine.

It publishes frames, statuses and recordings of a vLLM that somebody else started with
the tracing package, and sends nothing to it: no request, no command, no signal.
"""

import asyncio
import logging
import time
from pathlib import Path

from lab.attached.run import AttachedRun
from lab.engine.host import EngineHost
from lab.engine.in_flight import InFlightRequest
from lab.engine.serving import Serving
from lab.errors import EngineUnavailable
from lab.tracing.own_tap import read_refusal
from lab.tracing.tap import TapError

logger = logging.getLogger(__name__)

LOOK_S = 0.3
"""How often it looks whether an engine is there, or still is."""
READS_ONLY = (
    "This lab is attached to an engine that it does not own: it shows what that does, "
    "and sends it nothing. Ask the engine itself."
)
WAITS = "No engine writes into {directory} now; this page follows the next one."
ENDED = "The attached engine has ended. {waits}"


class ReadingOnly(Serving):
    """Takes no request."""

    async def _wait_ready(self, in_flight: InFlightRequest) -> None:
        raise EngineUnavailable(READS_ONLY)

    async def count_tokens(
        self, chats: list[list[dict[str, str]]]
    ) -> dict[str, list[int]] | None:
        """It has no tokenizer."""
        return None


class AttachedHost(EngineHost):
    """Follows whatever engine writes the tap, one after the other, for ever."""

    run_class = AttachedRun
    serving_class = ReadingOnly

    def restart(self, why: str = "") -> None:
        """It is not ours."""

    async def _reset_prefix_cache(self) -> bool | None:
        return None

    async def _first_token(self, run: object) -> None:
        """Nothing is asked of it."""

    async def _keep_running(self) -> None:
        self._state.tell_status(reads_only=True, max_output_tokens=None)
        ended = False
        while True:
            self._tell_waiting(ended)
            run_number = max(int(time.time()), self.status.engine_run + 1)
            if not await self._attach(run_number):
                await asyncio.sleep(LOOK_S)
                continue
            await self._until_over()
            ended = True
            await self._close_run()

    async def _attach(self, run_number: int) -> bool:
        """Whether an engine is there, and is followed from now on."""
        try:
            run = self.run_class(self.config, run_number)
        except TapError as error:
            logger.debug("Nothing to attach to: %s", error)
            return False
        self._state.tell_status(
            engine_run=run_number, started_at=run.started_at, phases=[]
        )
        await self._begin(run)
        logger.info("Attached to the engine of %s", self.config.attach)
        return True

    async def _until_over(self) -> str:
        assert self.run is not None
        while not self.run.is_dead:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        self._tap.look()  # what it wrote last
        logger.info("The attached engine has ended")
        return "The attached engine has ended."

    def _tell_waiting(self, has_ended: bool) -> None:
        directory = Path(self.config.attach)
        waits = WAITS.format(directory=directory)
        reason = read_refusal(directory) or (
            ENDED.format(waits=waits) if has_ended else waits
        )
        state = "restarting" if has_ended else "starting"
        if (self.status.state, self.status.reason) != (state, reason):
            self._state.tell_status(state=state, reason=reason)
