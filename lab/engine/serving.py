"""The requests of an engine host, each from its message to its report.

All of it runs in the loop of the host. What goes wrong with a request is in its report.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from lab.engine.generation import GenerationRequest, check, num_common
from lab.engine.in_flight import CLEARED, INTERRUPTED, InFlightRequest
from lab.engine.prompts import Prompts
from lab.engine.state import HostState, sentence_of
from lab.engine.waiting import WaitingLine
from lab.errors import EngineUnavailable
from lab.messages import RequestEvent, RequestReport
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import StepTrace

logger = logging.getLogger(__name__)

ABORTED_KEPT = 1000
"""Ids of requests that were aborted before they arrived."""
LAST_TRACE_S = 1.0
"""How long a report waits for the trace in which its request ended; an abort is traced
when the step in flight is over."""
LAST_REPORTS_S = 3.0
"""How long an engine that is to start again waits for the ends of its requests."""
END_EVERY_S = 0.02
"""How often it looks whether they have come."""
EVENTS_PER_S = 20
"""Token events of all requests together; each request gets its share,"""
MAX_EVENT_PAUSE_S = 0.75
"""but is heard of at least so often."""


class Serving:
    """Who is in the engine, who waits for one, and who was aborted before it came."""

    def __init__(
        self,
        state: HostState,
        request_class: type[InFlightRequest],
        look: Callable[[], object],
    ) -> None:
        """``look`` reads the tap now."""
        self._state = state
        self._request_class = request_class
        self._look = look
        self._in_flight = state.in_flight
        self._by_short_id: dict[int, InFlightRequest] = {}
        self._line = WaitingLine(state.config.max_concurrent_requests, 1)
        self._aborted: dict[str, str] = {}
        """Why: see InFlightRequest.interrupted_by."""
        self._next_short_id = 1
        self.prompts = Prompts()
        """The words of each request, for its own learner."""

    def begin(self, budget: int) -> None:
        """An engine takes requests from now on, ``budget`` tokens a step."""
        self._line = WaitingLine(self._state.config.max_concurrent_requests, budget)

    async def generate(self, request: GenerationRequest) -> RequestReport:
        """Serve one request to its end; what goes wrong is in the report."""
        in_flight = self._request_class(request, self._state.config.engine_host_id)
        self._in_flight[request.request_id] = in_flight
        in_flight.log("request accepted", num_messages=len(request.messages))
        in_flight.is_aborted = request.request_id in self._aborted
        in_flight.interrupted_by = self._aborted.get(request.request_id, "")
        try:
            await self._wait_ready(in_flight)  # a start is not the engine's answer
            async with asyncio.timeout(self._state.config.request_deadline_s):
                report = await self._serve(in_flight)
        except TimeoutError:
            seconds = self._state.config.request_deadline_s
            report = in_flight.report(
                "error", f"Not finished within {seconds} s, the limit here."
            )
            await self.abort(request.request_id)
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
        self._state.listener.on_report(report)
        return report

    def _explain(self, error: Exception) -> str:
        """Our own words and vLLM's about a wrong request are sentences already."""
        if isinstance(error, ValueError | EngineUnavailable):
            return str(error)
        if self._state.is_hung:
            return f"{self._state.hung_words} it starts again by itself: ask again."
        if self._state.run is None or self._state.run.is_dead:
            return (
                "The engine process died while it answered; it starts again by "
                "itself. What came so far is kept: ask again."
            )
        logger.error("A request failed", exc_info=error)
        return f"The engine refused this request: {sentence_of(error)}."

    async def _serve(self, in_flight: InFlightRequest) -> RequestReport:
        if in_flight.is_aborted:
            return in_flight.report(in_flight.finish_reason())
        assert self._state.run is not None and self._state.mirror is not None
        run, block_size = self._state.run, self._state.mirror.block_size
        request = in_flight.request
        prompt = check(request, run, self._state.config)
        in_flight.short_id = self.take_short_id()
        self._by_short_id[in_flight.short_id] = in_flight
        self._line.join(in_flight.short_id, request)
        self.prompts.add(
            in_flight.short_id, prompt, request.cache_salt, request.request_id
        )
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
            request.order,
        )
        async for output in stream:
            in_flight.take(output)
            self.prompts.answered(in_flight.short_id, output.outputs[0].token_ids)
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
        while not (self._state.is_ready or in_flight.is_aborted):
            if self._state.has_given_up:
                why = self._state.status.reason
                raise EngineUnavailable(why or "No engine runs here.")
            self._tell(in_flight, in_flight.event("engine_starting"))
            await asyncio.sleep(0.1)

    async def abort(self, request_id: str) -> None:
        """End one in the engine; unknown ids are remembered for a while."""
        in_flight = self._in_flight.get(request_id)
        if in_flight is None:
            self._note_aborted(request_id, "")
            return
        in_flight.is_aborted = True
        in_flight.aborted_at = in_flight.aborted_at or time.time()
        if in_flight.short_id is not None and self._state.run is not None:
            await self._state.run.abort(in_flight.short_id)

    async def count_tokens(
        self, chats: list[list[dict[str, str]]]
    ) -> dict[str, list[int]] | None:
        """See lab.client.count_tokens(). In the loop: the tokenizer is for one
        thread."""
        if self._state.run is None or not self._state.is_ready:
            return None
        prompts = [self._state.run.prompt_token_ids(chat) for chat in chats]
        return {
            "num_tokens": [len(prompt) for prompt in prompts],
            "num_common": [num_common(prompts[0], prompt) for prompt in prompts],
        }

    def _note_aborted(self, request_id: str, why: str) -> None:
        """It has not come yet: it ends when it does."""
        self._aborted[request_id] = why
        while len(self._aborted) > ABORTED_KEPT:
            self._aborted.pop(next(iter(self._aborted)))

    async def interrupt_all(self, why: str = INTERRUPTED) -> None:
        """End all; ``why`` nobody asked for it, a sentence."""
        for request_id in list(self._in_flight):
            await self._interrupt(request_id, why)

    async def _interrupt(self, request_id: str, why: str) -> None:
        in_flight = self._in_flight.get(request_id)
        if in_flight is None:
            return
        if not in_flight.is_aborted:
            in_flight.interrupted_by = why
        await self.abort(request_id)

    async def clear_queue(self, request_ids: Sequence[str]) -> None:
        """End those that wait for their first step, and of ``request_ids`` also those
        that have not come yet."""
        for request_id in request_ids:
            if request_id not in self._in_flight:
                self._note_aborted(request_id, CLEARED)
        for request_id, in_flight in list(self._in_flight.items()):
            if not in_flight.has_begun(self._state.mirror):
                await self._interrupt(request_id, CLEARED)

    def take_short_id(self) -> int:
        """The next one of this host."""
        self._next_short_id += 1
        return self._next_short_id - 1

    async def end_all(self, why: str) -> None:
        """Interrupt all, and wait a while for their reports."""
        await self.interrupt_all(why)
        await self.wait_until_ended()

    async def wait_until_ended(self) -> None:
        """A while, until each has its report."""
        ends = time.monotonic() + LAST_REPORTS_S
        while self._in_flight and time.monotonic() < ends:  # noqa: ASYNC110
            await asyncio.sleep(END_EVERY_S)

    # What the tap tells

    def note(self, trace: StepTrace, finished: list[RequestMirror]) -> None:
        """A trace that the mirror has applied, and who ended in it."""
        self._line.note(trace, finished)
        for request in finished:
            in_flight = self._by_short_id.get(request.short_id)
            if in_flight is not None and not in_flight.finished.done():
                in_flight.freed_at = trace.header.stamp_ns / 1e9
                in_flight.finished.set_result(request)

    def look(self, mirror: PoolMirror) -> None:
        """Tell where each is by now, after all new traces."""
        self._line.look(mirror)
        for in_flight in self._by_short_id.values():
            in_flight.note_first_schedule(mirror)
            self._tell(in_flight, in_flight.place_event(mirror, self._line))

    def _tell(self, in_flight: InFlightRequest, event: RequestEvent | None) -> None:
        if event is not None and in_flight.is_news(event):
            in_flight.note_told(event)
            self._state.listener.on_request_event(event)
