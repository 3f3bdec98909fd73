"""EngineHost: owns AsyncLLM and the event loop it runs in.

One thread runs the loop. It starts the engine, watches it, starts it again when its
process dies, reads the tap, and serves requests. Nothing here knows Celery, Redis or
Django: what happens is told to a HostListener.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Coroutine, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Protocol

from lab.engine.config import EngineConfig
from lab.engine.generation import GenerationRequest, check, num_common
from lab.engine.in_flight import CLEARED, INTERRUPTED, RESTARTED, InFlightRequest
from lab.engine.launch import EngineRun, last_start_s
from lab.engine.pulse import SILENT_S, Pulse
from lab.engine.waiting import WaitingLine
from lab.errors import EngineUnavailable, SettingError
from lab.messages import EngineStatus, RequestEvent, RequestReport
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.replay_notes import is_replay_note
from lab.tracing.trace import SteadyReader, StepTrace, decode

logger = logging.getLogger(__name__)

POLL_S = 0.02
"""How often the tap is looked at; each look takes a core from the model."""
STATUS_EVERY_S = 1.0
ABORTED_KEPT = 1000
"""Ids of requests that were aborted before they arrived."""
LAST_TRACE_S = 1.0
"""How long a report waits for the trace in which its request ended; an abort is traced
when the step in flight is over."""
LAST_REPORTS_S = 3.0
"""How long an engine that is to start again waits for the ends of its requests."""
EVENTS_PER_S = 30
"""Token events of all requests together; each request gets its share,"""
MAX_EVENT_PAUSE_S = 0.5
"""but is heard of at least so often."""


class HostListener(Protocol):
    """What the host tells; all calls come from the loop's thread and must not block."""

    def on_engine_start(self, run: EngineRun, mirror: PoolMirror) -> None:
        """A new engine run begins: an empty pool, mirrored by ``mirror``."""

    def on_trace(
        self, record: bytes, trace: StepTrace, finished: list[RequestMirror]
    ) -> None:
        """One StepTrace, in order, when the mirror has applied it."""

    def on_replay_note(self, record: bytes) -> None:
        """What a replay needs beside the StepTrace that comes next."""

    def on_poll(self, mirror: PoolMirror | None) -> None:
        """After every look at the tap, also when there was nothing new."""

    def on_status(self, status: EngineStatus) -> None:
        """State, phases or numbers changed, and every second."""

    def on_request_event(self, event: RequestEvent) -> None:
        """Progress of one request."""

    def on_report(self, report: RequestReport) -> None:
        """One request ended; told exactly once each."""


class EngineHost:
    """Owns one engine; ``generate`` and ``abort`` may be called from any thread."""

    run_class = EngineRun
    request_class = InFlightRequest
    retry_pause_s = 1.0
    restart_pauses_s = (0.0, 2.0, 10.0)
    """Pauses before the first, second and third start; then the host gives up."""

    def __init__(self, config: EngineConfig, listener: HostListener) -> None:
        self.config = config
        self.listener = listener
        self.loop = asyncio.new_event_loop()
        self.run: EngineRun | None = None
        self.mirror: PoolMirror | None = None
        self.status = EngineStatus(
            engine_host_id=config.engine_host_id,
            state="starting",
            updated_at=time.time(),
            max_output_tokens=config.max_output_tokens,
            max_concurrent_requests=config.max_concurrent_requests,
            beside=config.beside,
        )
        self._stopping = asyncio.Event()
        self._restarting = asyncio.Event()
        self._in_flight: dict[str, InFlightRequest] = {}
        self._by_short_id: dict[int, InFlightRequest] = {}
        self._aborted: dict[str, str] = {}
        """Why: see InFlightRequest.interrupted_by."""
        self._why_restart = RESTARTED
        self._next_short_id = 1
        self._steady = SteadyReader()
        self._line = WaitingLine(config.max_concurrent_requests, 1)
        self._nudge: asyncio.Task[None] | None = None
        self._is_hung = False
        self._thread = threading.Thread(
            target=self._run_loop, name="engine-host", daemon=True
        )

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
        return self._from_thread(self.generate(request))

    def abort(self, request_id: str) -> None:
        """End a generation in the engine; unknown ids are remembered for a while."""
        self._from_thread(self._abort(request_id))

    def count_tokens(
        self, chats: list[list[dict[str, str]]]
    ) -> "Future[dict[str, list[int]] | None]":
        """See lab.client.count_tokens(); None while no engine is ready."""
        return self._from_thread(self._count_tokens(chats))

    def interrupt_all(self) -> None:
        """End all requests, and report that nobody asked for it (shutdown)."""
        self._from_thread(self._interrupt_all())

    def restart(self, why: str = "") -> None:
        """End the engine and start it again; requests under way end "interrupted", and
        their reports say why."""
        self._why_restart = why or RESTARTED
        self.loop.call_soon_threadsafe(self._restarting.set)

    def clear_queue(self, request_ids: Sequence[str]) -> None:
        """End all that wait for their first step, and those of ``request_ids`` that
        have not come yet; what runs goes on."""
        self._from_thread(self._clear_queue(request_ids))

    def reset_prefix_cache(self) -> "Future[bool | None]":
        """Whether vLLM emptied it: not while blocks are in use; None without engine."""
        return self._from_thread(self._reset_prefix_cache())

    def short_ids(self, request_ids: Iterable[str]) -> list[int]:
        """Of those of the requests that the engine has."""
        known = (self._in_flight.get(request_id) for request_id in request_ids)
        return [one.short_id for one in known if one and one.short_id is not None]

    def ask_snapshot(self) -> None:
        """The next record will be a snapshot; an idle engine is nudged to write it.
        From the loop's thread only."""
        if self.run is not None:
            self.run.tap.ask_snapshot()
            self._nudge = self.loop.create_task(self.run.nudge())

    def _from_thread(self, coroutine: Coroutine[Any, Any, Any]) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    # The engine's life

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._live())
        self.loop.close()

    async def _live(self) -> None:
        poll = asyncio.create_task(self._poll())
        live = asyncio.create_task(self._keep_running())
        await self._stopping.wait()
        live.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await live
        await self._close_run()
        self._tell_status(state="stopped")
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
            self._tell_status(
                state="starting" if self.status.engine_run == 0 else "restarting",
                engine_run=max(int(time.time()), self.status.engine_run + 1),
                started_at=time.time(),
                expected_start_s=last_start_s(self.config),
                phases=[],
            )
            try:
                await self._start()
            except EngineUnavailable as error:
                logger.error("No engine runs here: %s", error)
                self._tell_status(state="unavailable", reason=str(error))
                return
            except SettingError as error:
                logger.error("The engine did not start: %s", error)
                self._tell_status(state="failed", reason=str(error))
                return
            except Exception as error:
                failures += 1
                logger.exception("The engine did not start")
                self._tell_status(state="restarting", reason=_sentence(error))
                await self._close_run()
                continue
            failures = 0
            reason = await self._until_over()
            self._tell_status(state="restarting", reason=reason)
            await self._end_requests()
            await self._close_run()
        self._tell_status(state="failed")

    async def _start(self) -> None:
        run = self.run_class(self.config, self.status.engine_run)
        self.run = run
        await run.start()
        self.mirror = PoolMirror(run.num_blocks, run.block_size)
        self.listener.on_engine_start(run, self.mirror)
        await self._first_token(run)
        run.finish_start()
        self._tell_status(state="ready", reason=None, **run.facts())
        budget = self.status.max_num_batched_tokens or run.max_model_len
        self._line = WaitingLine(self.config.max_concurrent_requests, budget)

    async def _first_token(self, run: EngineRun) -> None:
        """The cold start ends with a token: one token, too short to be cached."""
        short_id = self._take_short_id()
        async for _ in run.stream([1, 2, 3], run.sampling(1, 0.0, True), short_id):
            pass

    async def _until_over(self) -> str:
        """Until the engine process is dead, or to be started anew; which, in words."""
        assert self.run is not None
        run, pulse, self._is_hung = self.run, Pulse(self.run.beat), False
        try:
            while not run.is_dead:
                with contextlib.suppress(TimeoutError):  # vLLM has no event for it
                    await asyncio.wait_for(self._restarting.wait(), 0.2)
                    self._restarting.clear()
                    return "The engine is being started again, as it was asked to."
                silent_s = pulse.look()
                self._tell_silence(silent_s)
                if silent_s >= self.config.hung_s:
                    self._is_hung = True
                    await asyncio.to_thread(run.kill)
                    logger.error("The engine process hung and was killed")
                    return f"{self._hung_words} it is being started again."
        finally:
            await pulse.end()
        logger.error("The engine process died")
        return "The engine process died; it is being started again."

    @property
    def _hung_words(self) -> str:
        return f"The engine did not answer for {self.config.hung_s} s and was ended;"

    def _tell_silence(self, silent_s: float) -> None:
        """Ready is who answers: said of the step loop, not of its process."""
        if silent_s >= SILENT_S and self.status.state == "ready":
            sentence = (
                f"The engine has not answered for {SILENT_S:.0f} s. After "
                f"{self.config.hung_s} s it is ended and started again."
            )
            self._tell_status(state="not answering", reason=sentence)
        elif silent_s < SILENT_S and self.status.state == "not answering":
            self._tell_status(state="ready", reason=None)

    async def _end_requests(self) -> None:
        """Before a living engine is ended: vLLM's streams would wait for ever."""
        if self.run is None or self.run.is_dead:
            return
        await self._interrupt_all(self._why_restart)
        ends = time.monotonic() + LAST_REPORTS_S
        while self._in_flight and time.monotonic() < ends:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)

    async def _close_run(self) -> None:
        run, self.run, self.mirror = self.run, None, None
        if run is not None:
            await asyncio.to_thread(run.close)

    # Requests

    async def generate(self, request: GenerationRequest) -> RequestReport:
        """Serve one request to its end; what goes wrong is in the report."""
        in_flight = self.request_class(request, self.config.engine_host_id)
        self._in_flight[request.request_id] = in_flight
        in_flight.log("request accepted", num_messages=len(request.messages))
        in_flight.is_aborted = request.request_id in self._aborted
        in_flight.interrupted_by = self._aborted.get(request.request_id, "")
        try:
            await self._wait_ready(in_flight)  # a start is not the engine's answer
            async with asyncio.timeout(self.config.request_deadline_s):
                report = await self._serve(in_flight)
        except TimeoutError:
            seconds = self.config.request_deadline_s
            report = in_flight.report(
                "error", f"Not finished within {seconds} s, the limit here."
            )
            await self._abort(request.request_id)
        except Exception as error:
            report = in_flight.report("error", self._explain(error))
        finally:
            self._in_flight.pop(request.request_id, None)
            if in_flight.short_id is not None:
                self._by_short_id.pop(in_flight.short_id, None)
                self._line.leave(in_flight.short_id)
        in_flight.log(
            "finished",
            finish_reason=report.finish_reason,
            num_output_tokens=report.num_output_tokens,
            num_cached_tokens=report.num_cached_tokens,
            e2el_s=report.e2el_s,
        )
        self._tell(in_flight, in_flight.event("finished", report=report))
        self.listener.on_report(report)
        return report

    def _explain(self, error: Exception) -> str:
        """Our own words and vLLM's about a wrong request are sentences already."""
        if isinstance(error, ValueError | EngineUnavailable):
            return str(error)
        if self._is_hung:
            return f"{self._hung_words} it starts again by itself: ask again."
        if self.run is None or self.run.is_dead:
            return (
                "The engine process died while it answered; it starts again by "
                "itself. What came so far is kept: ask again."
            )
        logger.error("A request failed", exc_info=error)
        return f"The engine refused this request: {_sentence(error)}."

    async def _serve(self, in_flight: InFlightRequest) -> RequestReport:
        if in_flight.is_aborted:
            return in_flight.report(in_flight.finish_reason())
        assert self.run is not None and self.mirror is not None
        run, request, block_size = self.run, in_flight.request, self.mirror.block_size
        prompt = check(request, run, self.config)
        in_flight.short_id = self._take_short_id()
        self._by_short_id[in_flight.short_id] = in_flight
        self._line.join(in_flight.short_id, request)
        self._tell(in_flight, in_flight.event("waiting"))
        sampling = run.sampling(
            request.max_tokens,
            request.temperature,
            request.ignore_eos,
            request.structured,
        )
        stream = run.stream(
            prompt,
            sampling,
            in_flight.short_id,
            request.cache_salt,
            request.priority,
        )
        async for output in stream:
            in_flight.take(output)
            pause_s = min(MAX_EVENT_PAUSE_S, len(self._by_short_id) / EVENTS_PER_S)
            self._tell(in_flight, in_flight.token_event(pause_s))
            if in_flight.is_aborted and not output.finished:
                await run.abort(in_flight.short_id)  # the abort came before the request
        if run.is_tracing:
            self._look()  # the trace was written before the last output was sent
            await in_flight.wait_for_end(LAST_TRACE_S)
        return in_flight.report(in_flight.finish_reason(), block_size=block_size)

    async def _wait_ready(self, in_flight: InFlightRequest) -> None:
        """Until an engine can take the request, it is aborted, or none will come."""
        while not (self._is_ready or in_flight.is_aborted):
            if self._has_given_up:
                raise EngineUnavailable(self.status.reason or "No engine runs here.")
            self._tell(in_flight, in_flight.event("engine_starting"))
            await asyncio.sleep(0.1)

    @property
    def _is_ready(self) -> bool:
        return (
            self.status.state == "ready"
            and self.run is not None
            and not self.run.is_dead
        )

    @property
    def _has_given_up(self) -> bool:
        return self.status.state in ("failed", "unavailable")

    async def _abort(self, request_id: str) -> None:
        in_flight = self._in_flight.get(request_id)
        if in_flight is None:
            self._note_aborted(request_id, "")
            return
        in_flight.is_aborted = True
        in_flight.aborted_at = in_flight.aborted_at or time.time()
        if in_flight.short_id is not None and self.run is not None:
            await self.run.abort(in_flight.short_id)

    async def _count_tokens(
        self, chats: list[list[dict[str, str]]]
    ) -> dict[str, list[int]] | None:
        """In the loop: the tokenizer is for one thread."""
        if self.run is None or not self._is_ready:
            return None
        prompts = [self.run.prompt_token_ids(chat) for chat in chats]
        return {
            "num_tokens": [len(prompt) for prompt in prompts],
            "num_common": [num_common(prompts[0], prompt) for prompt in prompts],
        }

    def _note_aborted(self, request_id: str, why: str) -> None:
        """It has not come yet: it ends when it does."""
        self._aborted[request_id] = why
        while len(self._aborted) > ABORTED_KEPT:
            self._aborted.pop(next(iter(self._aborted)))

    async def _interrupt_all(self, why: str = INTERRUPTED) -> None:
        for request_id in list(self._in_flight):
            await self._interrupt(request_id, why)

    async def _interrupt(self, request_id: str, why: str) -> None:
        in_flight = self._in_flight.get(request_id)
        if in_flight is None:
            return
        if not in_flight.is_aborted:
            in_flight.interrupted_by = why
        await self._abort(request_id)

    async def _clear_queue(self, request_ids: Sequence[str]) -> None:
        for request_id in request_ids:
            if request_id not in self._in_flight:
                self._note_aborted(request_id, CLEARED)
        for request_id, in_flight in list(self._in_flight.items()):
            if not in_flight.has_begun(self.mirror):
                await self._interrupt(request_id, CLEARED)

    async def _reset_prefix_cache(self) -> bool | None:
        if self.run is None or not self._is_ready:
            return None
        return await self.run.reset_prefix_cache()

    def _take_short_id(self) -> int:
        self._next_short_id += 1
        return self._next_short_id - 1

    # What is told

    def _tell(self, in_flight: InFlightRequest, event: RequestEvent | None) -> None:
        if event is not None and in_flight.is_news(event):
            in_flight.note_told(event)
            self.listener.on_request_event(event)

    def _tell_status(self, **changes: Any) -> None:
        self.status = replace(
            self.status,
            updated_at=time.time(),
            num_requests=len(self._in_flight),
            **changes,
        )
        self.listener.on_status(self.status)

    # The tap

    async def _poll(self) -> None:
        status_due = 0.0
        while True:
            if not self._look():
                await asyncio.sleep(self.retry_pause_s)
            now = time.monotonic()
            if now >= status_due:
                status_due = now + STATUS_EVERY_S
                phases = self.run.phases() if self.run else self.status.phases
                self._tell_status(phases=phases)
            await asyncio.sleep(POLL_S)

    def _look(self) -> bool:
        """Read the tap; False when that failed: no answer and no look may end by it."""
        try:
            self._read_tap()
            self.listener.on_poll(self.mirror)
        except Exception:
            logger.exception("A look at the tap failed")
            return False
        return True

    def _read_tap(self) -> None:
        run, mirror = self.run, self.mirror
        if run is None or mirror is None:
            return
        num_laps = run.tap.num_laps
        records = run.tap.read()
        if run.tap.num_laps > num_laps:
            self.ask_snapshot()
        for record in records:
            self._take_record(record, mirror)
        self._line.look(mirror)
        for in_flight in self._by_short_id.values():
            in_flight.note_first_schedule(mirror)
            self._tell(in_flight, in_flight.place_event(mirror, self._line))

    def _take_record(self, record: bytes, mirror: PoolMirror) -> None:
        if is_replay_note(record):
            self.listener.on_replay_note(record)
            return
        full = self._steady.expand(record)
        if full is None or not mirror.follows(trace := decode(full)):
            self.ask_snapshot()
            return
        finished = mirror.apply(trace)
        self._line.note(trace, finished)
        for request in finished:
            in_flight = self._by_short_id.get(request.short_id)
            if in_flight is not None and not in_flight.finished.done():
                in_flight.freed_at = trace.header.stamp_ns / 1e9
                in_flight.finished.set_result(request)
        self.listener.on_trace(full, trace, finished)


def _sentence(error: BaseException) -> str:
    """The error's text in one line of at most 300 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:300].rstrip(".")
