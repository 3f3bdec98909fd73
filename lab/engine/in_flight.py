"""InFlightRequest: one request in the engine host, from its arrival to its report."""

import asyncio
import logging
import time
from dataclasses import replace
from typing import Any

from lab.engine.generation import GenerationRequest
from lab.engine.latency import RequestClock
from lab.engine.waiting import WaitingLine
from lab.messages import FinishReason, RequestEvent, RequestPhase, RequestReport
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import RequestState

logger = logging.getLogger(__name__)

REPEAT_EVENT_EVERY_S = 2.0
"""An event may be lost, and a viewer may come late: the last one is told again."""
MIN_EVENT_PAUSE_S = 0.04
INTERRUPTED = "The engine host stopped while it answered: ask again."
CLEARED = "Course staff cleared the queue while this waited in it. Ask again."
RESTARTED = "The engine is being started again, as it was asked to. Ask again."
_FINISH: dict[str | None, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "repetition": "repetition",
    "abort": "aborted",
    "error": "error",
}


class InFlightRequest:
    """What is known of one request; makes its events and its report."""

    def __init__(self, request: GenerationRequest, engine_host_id: str) -> None:
        self.request = request
        self.engine_host_id = engine_host_id
        self.clock = RequestClock(time.monotonic())
        self.arrived_at = time.time()
        self.aborted_at: float | None = None
        self.freed_at: float | None = None
        """time.time() of the command to abort, and of the trace with its end."""
        self.short_id: int | None = None
        self.is_aborted = False
        self.interrupted_by = ""
        """A sentence where it was not its learner who had it aborted."""
        self.finished: asyncio.Future[RequestMirror] = (
            asyncio.get_running_loop().create_future()
        )
        """Resolved by the trace in which the request finished."""
        self._output: Any = None
        self._last_event: RequestEvent | None = None
        self._told_at = 0.0

    def log(self, event: str, **fields: Any) -> None:
        """One line of the request's way, by the id that the browser knows; no text."""
        ids = {"log_id": self.request.log_id, "short_id": self.short_id}
        logger.info(event, extra=ids | fields)

    # Events: None where there is nothing to tell

    def event(self, phase: RequestPhase, **fields: Any) -> RequestEvent:
        """The event of a phase."""
        return RequestEvent(
            request_id=self.request.request_id,
            engine_host_id=self.engine_host_id,
            phase=phase,
            short_id=self.short_id,
            **fields,
        )

    def is_news(self, event: RequestEvent) -> bool:
        """Whether it says what the last one did not, or that one is old."""
        is_old = time.monotonic() - self._told_at >= REPEAT_EVENT_EVERY_S
        return is_old or event != self._last_event

    def note_told(self, event: RequestEvent) -> None:
        """``event`` was told just now."""
        self._last_event, self._told_at = event, time.monotonic()

    def place_event(self, mirror: PoolMirror, line: WaitingLine) -> RequestEvent | None:
        """Waiting at its place, or reading the prompt; None after the first token."""
        assert self.short_id is not None
        request = mirror.requests.get(self.short_id)
        if request is None or self.clock.first_token is not None:
            return None
        if request.state is not RequestState.RUNNING:
            return self._waiting_event(mirror.place(self.short_id), line)
        return self.event(
            "prefill",
            num_prompt_tokens=request.num_prompt_tokens,
            num_cached_tokens=request.num_cached_tokens,
        )

    def _waiting_event(self, place: int | None, line: WaitingLine) -> RequestEvent:
        assert self.short_id is not None
        wait = line.wait_of(self.short_id)
        return self.event(
            "waiting",
            place=place,
            num_waiting=place and max(place, line.num_waiting),
            least_wait_s=wait and wait.least_s,
            wait_s=wait and wait.most_s,
            is_wait_bound=wait is not None and wait.is_bound,
        )

    def note_first_schedule(self, mirror: PoolMirror, ago_s: float = 0.0) -> None:
        """Its time in the queue ends when the mirror first shows it running, by a trace
        that was written ``ago_s`` ago; its first token may have come meanwhile."""
        assert self.short_id is not None
        clock, request = self.clock, mirror.requests.get(self.short_id)
        if request is None or clock.first_scheduled is not None:
            return
        if request.state is RequestState.RUNNING:
            clock.first_scheduled = time.monotonic() - max(0.0, ago_s)

    def has_begun(self, mirror: PoolMirror | None) -> bool:
        """Whether a step had it."""
        clock = self.clock
        if clock.first_scheduled is not None or clock.first_token is not None:
            return True
        known = mirror.requests.get(self.short_id or 0) if mirror else None
        return known is not None and known.state is RequestState.RUNNING

    def take(self, output: Any) -> None:
        """A RequestOutput of vLLM: all text so far."""
        is_first = self.clock.first_token is None
        self._output = output
        self.clock.tokens(time.monotonic(), len(output.outputs[0].token_ids))
        if is_first and self.clock.first_token is not None:
            self.log("first token", ttft_s=self.clock.ttft_s)

    def token_event(self, pause_s: float) -> RequestEvent | None:
        """The text so far: at once with the first token, then after each pause."""
        output = self._output
        is_first = self._last_event is None or self._last_event.phase != "decode"
        pause_s = max(MIN_EVENT_PAUSE_S, pause_s)
        is_early = time.monotonic() - self._told_at < pause_s
        if output.finished or (is_early and not is_first):
            return None
        return self.event(
            "decode",
            text=output.outputs[0].text,
            num_output_tokens=len(output.outputs[0].token_ids),
            num_prompt_tokens=len(output.prompt_token_ids),
            num_cached_tokens=output.num_cached_tokens,
        )

    async def wait_for_end(self, timeout_s: float) -> None:
        """Until the finishing trace came, or not in time. The future outlives that:
        one that was cancelled would raise where the report asks for its result."""
        await asyncio.wait([self.finished], timeout=timeout_s)

    # The report

    @property
    def _stop_s(self) -> float | None:
        """From the command to abort until its blocks were free."""
        if self.aborted_at is None or self.freed_at is None:
            return None
        return max(0.0, self.freed_at - self.aborted_at)

    def finish_reason(self) -> FinishReason:
        """Why the stream ended."""
        if self.interrupted_by:
            return "interrupted"
        if self.is_aborted or self._output is None:
            return "aborted"
        return _FINISH.get(self._output.outputs[0].finish_reason, "stop")

    def report(
        self, reason: FinishReason, error: str | None = None, block_size: int = 0
    ) -> RequestReport:
        """How it ended, with the text and figures so far; blocks where the finishing
        trace is known and ``block_size`` is given."""
        clock, output = self.clock, self._output
        report = RequestReport(
            request_id=self.request.request_id,
            engine_host_id=self.engine_host_id,
            finish_reason=reason,
            error=self.interrupted_by if reason == "interrupted" else error,
            short_id=self.short_id,
            num_output_tokens=clock.num_output_tokens,
            ttft_s=clock.ttft_s,
            queue_s=clock.queue_s,
            e2el_s=clock.e2el_s,
            output_tokens_per_s=clock.output_tokens_per_s,
            itls_s=[round(gap, 4) for gap in clock.itls],
            arrived_at=self.arrived_at,
            stop_s=self._stop_s,
        )
        if output is not None:
            report = replace(
                report,
                text=output.outputs[0].text,
                num_prompt_tokens=len(output.prompt_token_ids),
                num_cached_tokens=output.num_cached_tokens,
            )
        if block_size and self.finished.done():
            mirrored = self.finished.result()
            if report.num_cached_tokens is None:
                report = replace(report, num_cached_tokens=mirrored.num_cached_tokens)
            report = replace(
                report,
                num_preemptions=mirrored.num_preemptions,
                num_lost_tokens=mirrored.num_lost_tokens,
                num_blocks=mirrored.num_blocks,
                num_blocks_shared=mirrored.num_cached_tokens // block_size,
            )
            if held := mirrored.held:
                report = replace(
                    report,
                    num_blocks=held.max_blocks,
                    block_seconds=held.block_seconds,
                    mean_running=held.mean_running,
                )
        return report
