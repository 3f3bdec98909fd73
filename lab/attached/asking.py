"""AddressedHost: an engine host that asks somebody else's server, over HTTP."""

import asyncio
import contextlib
import logging
import time
from concurrent.futures import Future
from contextlib import aclosing
from pathlib import PurePosixPath
from typing import Any

from lab.attached.door import Door, Served
from lab.attached.host import ReadingOnly
from lab.attached.naming import Named, checked, origin
from lab.attached.run import AddressedRun
from lab.engine.config import EngineConfig
from lab.engine.host import EngineHost
from lab.engine.in_flight import InFlightRequest
from lab.engine.serving import EVENTS_PER_S, MAX_EVENT_PAUSE_S, Serving
from lab.engine.state import HostListener
from lab.errors import EngineUnavailable, SettingError
from lab.messages import STEPPING_BACK, RequestReport

logger = logging.getLogger(__name__)

LOOK_S = 2.0
"""How often an address that does not answer is asked,"""
LOOK_AGAIN_S = 10.0
"""and one that does."""
TRY_S = 0.7
"""Less than a page waits for its host's word."""
ANOTHER = "Another engine is asked from now on: ask again."
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
        if self.served is None:
            raise EngineUnavailable(ANOTHER)
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

    def __init__(self, config: EngineConfig, listener: HostListener) -> None:
        super().__init__(config, listener)
        assert isinstance(self._serving, Asking)
        self._asking = self._serving
        self._looking = asyncio.Event()
        """Set where the address is to be looked at now."""
        self._named = Named(config.data_dir, config.engine_host_id)
        self._door = self._asking.door = self._door_of(self._first_address())

    def _first_address(self) -> str:
        """The one that was named last, while it is still listed; else the setting's."""
        try:
            return checked(self._named.read(), self.config.address_hosts)
        except SettingError:
            return self.config.address

    def _door_of(self, address: str) -> Door:
        """The key is for whom the operator set it, and nobody else."""
        is_its_own = origin(address) == origin(self.config.address)
        return Door(address, self.config.address_key if is_its_own else "")

    @property
    def address(self) -> str:
        """The one in force."""
        return self._door.address

    # Called from other threads

    def name_address(
        self, action: str, address: str = ""
    ) -> "Future[dict[str, str | bool]]":
        """ "state", "test" an address, "use" it from now on, or "drop" what was named;
        how that went and what is in force. The future never raises."""
        return self._from_thread(self._name(action, address))

    async def _name(self, action: str, address: str) -> dict[str, str | bool]:
        try:
            sentence, is_ok = await self._named_or_said(action, address), True
        except (SettingError, EngineUnavailable, OSError) as error:
            sentence, is_ok = str(error), False
        return {
            "sentence": sentence,
            "is_ok": is_ok,
            "address": self.address,
            "setting": self.config.address,
            "allowed": ", ".join(self.config.address_hosts),
        }

    async def _named_or_said(self, action: str, address: str) -> str:
        if action == "drop":
            self._named.forget()
            return await self._use(self.config.address)
        if action not in ("test", "use"):
            return ""
        checked_one = checked(address.strip(), self.config.address_hosts)
        if action == "test":
            return await self._try(checked_one)
        self._named.keep(checked_one)
        return await self._use(checked_one)

    async def _try(self, address: str) -> str:
        """Raises EngineUnavailable."""
        door = self._door_of(address)
        try:
            async with asyncio.timeout(TRY_S):
                served = await door.served()
        except TimeoutError:
            raise EngineUnavailable(
                f"{door.host} did not answer within {TRY_S} s."
            ) from None
        finally:
            await door.close()
        version = f", vLLM {served.version}" if served.version else ""
        return f"{door.host} serves {served.name}{version}."

    async def _use(self, address: str) -> str:
        """What is under way with the one before ends, and is told why."""
        before = self._door
        self._asking.served = None
        self._door = self._asking.door = self._door_of(address)
        self._state.tell_status(
            state="restarting", reason=ANOTHER, model="", versions={}, device=""
        )
        self._looking.set()
        self._after = asyncio.ensure_future(self._leave(before))
        logger.info("Asked from now on: %s", self._door.host)
        return f"{self._door.host} is asked from now on."

    async def _leave(self, door: Door) -> None:
        await self._serving.end_all(ANOTHER)
        await door.close()

    def restart(self, why: str = "") -> None:
        """It is not ours."""

    async def _reset_prefix_cache(self) -> bool | None:
        return None

    async def _keep_running(self) -> None:
        self._state.tell_status(by_address=True)
        try:
            while True:
                self._looking.clear()
                await self._look()
                is_there = self._asking.served is not None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN_S if is_there else LOOK_S):
                        await self._looking.wait()
        finally:
            await self._door.close()

    async def _look(self) -> None:
        """Ask which model it serves, and tell what has changed."""
        door, before = self._door, self._asking.served
        try:
            served = await door.served()
        except EngineUnavailable as error:
            if door is not self._door:
                return
            self._asking.served = None
            state = "restarting" if self.status.engine_run else "starting"
            self._state.tell_status(state=state, reason=str(error))
            return
        if door is not self._door:
            return  # another was named meanwhile
        self._asking.served = served
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
