"""AddressedHost: an engine host that asks somebody else's server, over HTTP."""

import asyncio
import logging
import time
from contextlib import aclosing
from pathlib import PurePosixPath
from typing import Any

from lab.attached.door import Door, Served
from lab.attached.host import ReadingOnly
from lab.attached.run import AddressedRun
from lab.engine.config import EngineConfig
from lab.engine.host import EngineHost
from lab.engine.in_flight import InFlightRequest
from lab.engine.serving import EVENTS_PER_S, MAX_EVENT_PAUSE_S, Serving
from lab.engine.state import HostListener
from lab.errors import EngineUnavailable
from lab.messages import STEPPING_BACK, RequestReport

logger = logging.getLogger(__name__)

LOOK_S = 2.0
"""How often an address that does not answer is asked,"""
LOOK_AGAIN_S = 10.0
"""and one that does."""
NO_GRAMMAR = (
    "This server does not say that it is vLLM, so it is sent no grammar: nothing says "
    "that its answer would follow it."
)
NO_PRIORITY = (
    "This engine is asked by its address: its operator alone says who goes first there."
)
UNTOLD_VERSION = "of an untold version"


class Asking(ReadingOnly):
    """Questions and an experiment's requests become HTTP calls; what HTTP cannot ask
    for is refused."""

    door: Door
    served: Served | None = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._asked: dict[str, asyncio.Task[None]] = {}

    async def _wait_ready(self, in_flight: InFlightRequest) -> None:
        if self.served is None and not in_flight.is_aborted:
            raise EngineUnavailable(self._state.status.reason or "No engine answers.")
        if in_flight.request.priority == STEPPING_BACK:
            raise EngineUnavailable(NO_PRIORITY)
        is_vllm = self.served is not None and self.served.is_vllm
        if in_flight.request.structured and not is_vllm:
            raise EngineUnavailable(NO_GRAMMAR)

    async def _serve(self, in_flight: InFlightRequest) -> RequestReport:
        if in_flight.is_aborted:
            return in_flight.report(in_flight.finish_reason())
        request, most = in_flight.request, self._state.config.max_output_tokens
        if request.max_tokens > most:
            raise ValueError(
                f"{request.max_tokens:,} output tokens are asked for; this engine "
                f"allows {most:,}."
            )
        self._tell(in_flight, in_flight.event("waiting"))
        asked = asyncio.ensure_future(self._ask(in_flight))
        self._asked[request.request_id] = asked
        try:
            await asked
        except asyncio.CancelledError:
            if not in_flight.is_aborted:
                raise
        finally:
            asked.cancel()
            del self._asked[request.request_id]
        return in_flight.report(in_flight.finish_reason())

    async def _ask(self, in_flight: InFlightRequest) -> None:
        assert self.served is not None
        async with aclosing(self.door.stream(in_flight.request, self.served)) as stream:
            async for output in stream:
                in_flight.take(output)
                pause_s = min(MAX_EVENT_PAUSE_S, len(self._asked) / EVENTS_PER_S)
                self._tell(in_flight, in_flight.token_event(pause_s))

    async def abort(self, request_id: str) -> None:
        """Closes its connection, which ends it there."""
        await Serving.abort(self, request_id)
        if asked := self._asked.get(request_id):
            asked.cancel()


class AddressedHost(EngineHost):
    """Ready is while the address answers; no blocks are seen."""

    serving_class = Asking

    def __init__(
        self, config: EngineConfig, listener: HostListener, door: Door | None = None
    ) -> None:
        """``door`` stands for the one that the settings name."""
        super().__init__(config, listener)
        self._door = door or Door(config.address, config.address_key)
        assert isinstance(self._serving, Asking)
        self._asking = self._serving
        self._asking.door = self._door

    def restart(self, why: str = "") -> None:
        """It is not ours."""

    async def _reset_prefix_cache(self) -> bool | None:
        return None

    async def _keep_running(self) -> None:
        self._state.tell_status(by_address=True)
        try:
            while True:
                await self._look()
                is_there = self._asking.served is not None
                await asyncio.sleep(LOOK_AGAIN_S if is_there else LOOK_S)
        finally:
            await self._door.close()

    async def _look(self) -> None:
        """Ask which model it serves, and tell what has changed."""
        before = self._asking.served
        try:
            self._asking.served = served = await self._door.served()
        except EngineUnavailable as error:
            self._asking.served = None
            state = "restarting" if self.status.engine_run else "starting"
            self._state.tell_status(state=state, reason=str(error))
            return
        if served == before:
            return
        number = max(int(time.time()), self.status.engine_run + 1)
        self._state.run = AddressedRun(self.config, number)
        self._state.tell_status(
            state="ready",
            reason=None,
            engine_run=number,
            started_at=time.time(),
            model=PurePosixPath(served.name).name,
            device=f"at {self._door.host}",
            max_model_len=served.max_model_len,
            versions=(
                {"vllm": served.version or UNTOLD_VERSION} if served.is_vllm else {}
            ),
        )
        logger.info("%s serves %s", self._door.host, served.name)
