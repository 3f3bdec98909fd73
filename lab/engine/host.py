"""EngineHost: owns AsyncLLM and the event loop it runs in.

One thread runs the loop. It starts the engine, watches it, starts it again when its
process dies, reads the tap (lab.engine.tap_look) and serves requests
(lab.engine.serving). Nothing here knows Celery, Redis or Django: what happens is told
to a HostListener (lab.engine.state).
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from typing import Any

from lab.engine.config import EngineConfig
from lab.engine.generation import GenerationRequest
from lab.engine.in_flight import RESTARTED, InFlightRequest
from lab.engine.launch import EngineRun, last_start_s
from lab.engine.nap import UsedBytes, nap
from lab.engine.prompts import Prompts
from lab.engine.pulse import SILENT_S, Pulse
from lab.engine.serving import Serving
from lab.engine.state import HostListener, HostState, sentence_of
from lab.engine.tap_look import TapLook
from lab.errors import EngineUnavailable, SettingError
from lab.messages import EngineStatus, NapTiming, RequestReport
from lab.tracing.mirror import PoolMirror

logger = logging.getLogger(__name__)


class EngineHost:
    """Owns one engine; ``submit`` and ``abort`` may be called from any thread."""

    run_class = EngineRun
    request_class = InFlightRequest
    serving_class: type[Serving] = Serving
    retry_pause_s = 1.0
    restart_pauses_s = (0.0, 2.0, 10.0)
    """Pauses before the first, second and third start; then the host gives up."""

    def __init__(self, config: EngineConfig, listener: HostListener) -> None:
        self.config = config
        self.listener = listener
        self.loop = asyncio.new_event_loop()
        self._state = HostState(config, listener)
        self._serving = self.serving_class(
            self._state, self.request_class, lambda: self._tap.look()
        )
        self._tap = TapLook(self._state, self._serving, self.retry_pause_s)
        self._stopping = asyncio.Event()
        self._restarting = asyncio.Event()
        self._why_restart = RESTARTED
        self._thread = threading.Thread(
            target=self._run_loop, name="engine-host", daemon=True
        )

    @property
    def status(self) -> EngineStatus:
        """As it was last told."""
        return self._state.status

    @property
    def run(self) -> EngineRun | None:
        """The engine's present life; None between two."""
        return self._state.run

    @property
    def mirror(self) -> PoolMirror | None:
        """Its pool, as the tap has told it; None before it is ready."""
        return self._state.mirror

    @property
    def prompts(self) -> Prompts:
        """The words of the last requests, each for its own learner."""
        return self._serving.prompts

    # Called from other threads

    def start(self) -> None:
        """Start the loop's thread; the engine comes up in the background."""
        self._thread.start()

    def stop(self, timeout_s: float = 20.0) -> None:
        """Shut the engine down first, then the loop."""
        self.loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout_s)

    def submit(self, request: GenerationRequest) -> "Future[RequestReport]":
        """Serve one request; the future holds its report and never raises."""
        return self._from_thread(self._serving.generate(request))

    def abort(self, request_id: str) -> None:
        """End a generation in the engine; unknown ids are remembered for a while."""
        self._from_thread(self._serving.abort(request_id))

    def count_tokens(
        self, chats: list[list[dict[str, str]]]
    ) -> "Future[dict[str, list[int]] | None]":
        """See lab.client.count_tokens(); None while no engine is ready."""
        return self._from_thread(self._serving.count_tokens(chats))

    def drain(self) -> None:
        """From now on say that it takes no more; what it has goes on."""
        self._from_thread(self._drain())

    def interrupt_all(self) -> None:
        """End all requests, and report that nobody asked for it (shutdown)."""
        self._from_thread(self._serving.interrupt_all())

    def restart(self, why: str = "") -> None:
        """End the engine and start it again; requests under way end "interrupted", and
        their reports say why."""
        self._why_restart = why or RESTARTED
        self.loop.call_soon_threadsafe(self._restarting.set)

    def clear_queue(self, request_ids: Sequence[str]) -> None:
        """End all that wait for their first step, and those of ``request_ids`` that
        have not come yet; what runs goes on."""
        self._from_thread(self._serving.clear_queue(request_ids))

    def reset_prefix_cache(self) -> "Future[bool | None]":
        """Whether vLLM emptied it: not while blocks are in use; None without engine."""
        return self._from_thread(self._reset_prefix_cache())

    def nap(self, level: int, used_bytes: UsedBytes) -> None:
        """Sleep at a level of vLLM's and wake again; the status tells how it went."""
        self._from_thread(self._nap(level, used_bytes))

    def ask_snapshot(self) -> None:
        """The next record will be a snapshot. From the loop's thread only."""
        self._tap.ask_snapshot()

    async def _drain(self) -> None:
        self._state.is_draining = True
        if self.status.state == "ready":
            self._state.tell_status(state="ready")

    async def _reset_prefix_cache(self) -> bool | None:
        if self.run is None or not self._state.is_ready:
            return None
        return await self.run.reset_prefix_cache()

    async def _nap(self, level: int, used_bytes: UsedBytes) -> None:
        run = self.run
        if run is None or not self._state.is_ready:
            return
        told, is_random = NapTiming(level), self.config.has_random_weights

        async def first_token() -> None:
            await self._first_token(run)

        try:
            if self.config.can_sleep:
                told = await nap(run.llm, level, is_random, first_token, used_bytes)
        except Exception:  # of vLLM or the driver; a death is seen elsewhere
            logger.exception("The engine did not sleep and wake")
        self._state.tell_status(naps=[*self.status.naps, told])

    def _from_thread(self, coroutine: Coroutine[Any, Any, Any]) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    # The engine's life

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._live())
        self.loop.close()

    async def _live(self) -> None:
        poll = asyncio.create_task(self._tap.poll())
        live = asyncio.create_task(self._keep_running())
        await self._stopping.wait()
        live.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await live
        await self._close_run()
        self._state.tell_status(state="stopped")
        poll.cancel()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:  # the listener's own
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _keep_running(self) -> None:
        """Start, wait until the engine dies, start again; give up after three."""
        failures = 0
        while failures < len(self.restart_pauses_s):
            await asyncio.sleep(self.restart_pauses_s[failures])
            self._state.tell_status(
                state="starting" if self.status.engine_run == 0 else "restarting",
                engine_run=max(int(time.time()), self.status.engine_run + 1),
                started_at=time.time(),
                expected_start_s=last_start_s(self.config),
                phases=[],
                naps=[],
            )
            try:
                await self._start()
            except EngineUnavailable as error:
                logger.error("No engine runs here: %s", error)
                self._state.tell_status(state="unavailable", reason=str(error))
                return
            except SettingError as error:
                logger.error("The engine did not start: %s", error)
                self._state.tell_status(state="failed", reason=str(error))
                return
            except Exception as error:
                failures += 1
                logger.exception("The engine did not start")
                self._state.tell_status(state="restarting", reason=sentence_of(error))
                await self._close_run()
                continue
            failures = 0
            reason = await self._until_over()
            self._state.tell_status(state="restarting", reason=reason)
            await self._end_requests()
            await self._close_run()
        self._state.tell_status(state="failed")

    async def _start(self) -> None:
        await self._begin(self.run_class(self.config, self.status.engine_run))

    async def _begin(self, run: EngineRun) -> None:
        self._state.run = run
        await run.start()
        self._state.mirror = mirror = PoolMirror(run.num_blocks, run.block_size)
        self._serving.prompts.clear()
        self.listener.on_engine_start(run, mirror)
        await self._first_token(run)
        run.finish_start()
        self._state.tell_status(state="ready", reason=None, **run.facts())
        budget = self.status.max_num_batched_tokens or run.max_model_len
        self._serving.begin(budget)

    async def _first_token(self, run: EngineRun) -> None:
        """The cold start ends with a token: one token, too short to be cached."""
        short_id = self._serving.take_short_id()
        async for _ in run.stream([1, 2, 3], run.sampling(1, 0.0, True), short_id):
            pass

    async def _until_over(self) -> str:
        """Until the engine process is dead, or to be started anew; which, in words."""
        assert self.run is not None
        run, pulse, self._state.is_hung = self.run, Pulse(self.run.beat), False
        try:
            while not run.is_dead:
                with contextlib.suppress(TimeoutError):  # vLLM has no event for it
                    await asyncio.wait_for(self._restarting.wait(), 0.2)
                    self._restarting.clear()
                    return "The engine is being started again, as it was asked to."
                silent_s = pulse.look()
                self._tell_silence(silent_s)
                if silent_s >= self.config.hung_s:
                    self._state.is_hung = True
                    await asyncio.to_thread(run.kill)
                    logger.error("The engine process hung and was killed")
                    return f"{self._state.hung_words} it is being started again."
        finally:
            await pulse.end()
        logger.error("The engine process died")
        return "The engine process died; it is being started again."

    def _tell_silence(self, silent_s: float) -> None:
        """Ready is who answers: said of the step loop, not of its process."""
        if silent_s >= SILENT_S and self._state.is_ready:
            sentence = (
                f"The engine has not answered for {SILENT_S:.0f} s. After "
                f"{self.config.hung_s} s it is ended and started again."
            )
            self._state.tell_status(state="not answering", reason=sentence)
        elif silent_s < SILENT_S and self.status.state == "not answering":
            self._state.tell_status(state="ready", reason=None)

    async def _end_requests(self) -> None:
        """Before a living engine is ended: vLLM's streams would wait for ever."""
        if self.run is None or self.run.is_dead:
            return
        if self._state.is_hung:  # killed, which vLLM notices and its streams tell
            await self._serving.wait_until_ended()
        await self._serving.end_all(self._why_restart)

    async def _close_run(self) -> None:
        run, self._state.run, self._state.mirror = self.run, None, None
        if run is not None:
            await asyncio.to_thread(run.close)
