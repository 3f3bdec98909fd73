"""A running demonstration: sends its waves, follows its requests, sums up.

The figures come from the engine's RequestReports; what only frames tell (evictions,
requests running at once) the browser adds.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from lab.errors import EngineError
from lab.messages import Generation
from lab.traffic.demos import Demo, Wave
from lab.traffic.wave_figures import wave_figures

WAVE_DEADLINE_S = 240.0
STOPPED = "Stopped: the rest was not sent."

Submit = Callable[[str, Generation], Awaitable[None]]
"""Sends a generation under a request id; raises EngineError."""
Tell = Callable[[dict[str, Any]], Awaitable[None]]


class DemoRun:
    """One demonstration of one learner; note() takes its request events in."""

    def __init__(
        self,
        demo: Demo,
        waves: tuple[Wave, ...],
        submit: Submit,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.demo = demo
        self._clock = clock
        self._wave_seconds: list[float] = []
        self._waves = waves
        self._submit = submit
        self._events: dict[str, dict[str, Any]] = {}
        self._changed = asyncio.Event()
        self._max_waiting = 0
        self.is_running = True

    @property
    def request_ids(self) -> list[str]:
        """The requests sent so far, in order."""
        return list(self._events)

    @property
    def open_request_ids(self) -> list[str]:
        """Those that have not ended."""
        return [name for name, event in self._events.items() if not _has_ended(event)]

    def note(self, event: dict[str, Any]) -> None:
        """A request event (lab.messages.RequestEvent as JSON)."""
        if event["request_id"] in self._events:
            self._events[event["request_id"]] = event
            phases = [event.get("phase") for event in self._events.values()]
            self._max_waiting = max(self._max_waiting, phases.count("waiting"))
            self._changed.set()

    async def run(self, tell: Tell) -> None:
        """Send wave after wave; tells "demo.begin", then "demo.end"."""
        num_requests = sum(map(len, self._waves))
        await tell(
            {
                "type": "demo.begin",
                "name": self.demo.name,
                "watch": self.demo.watch,
                "num_requests": num_requests,
            }
        )
        trouble = None
        try:
            async with asyncio.timeout(WAVE_DEADLINE_S * len(self._waves)):
                for wave in self._waves:
                    began = self._clock()
                    await self._send(wave)
                    await self._until_ended()
                    self._wave_seconds.append(self._clock() - began)
                    if self._is_stopped(len(wave)):
                        trouble = STOPPED
                        break
        except TimeoutError:
            trouble = "Some requests did not end in time; their figures are missing."
        except EngineError as error:
            trouble = str(error)
            await self._until_ended()
        finally:
            self.is_running = False
        await tell({**self._summary(), "num_planned": num_requests, "trouble": trouble})

    def _is_stopped(self, num_last: int) -> bool:
        """Whether all of the last requests were: then no more are sent."""
        last = list(self._events.values())[-num_last:]
        reasons = {(event.get("report") or {}).get("finish_reason") for event in last}
        return reasons == {"aborted"} and len(self._wave_seconds) < len(self._waves)

    async def _send(self, wave: Wave) -> None:
        for generation in wave:
            request_id = uuid.uuid4().hex
            self._events[request_id] = {}
            try:
                await self._submit(request_id, generation)
            except Exception:
                del self._events[request_id]
                raise

    async def _until_ended(self) -> None:
        while self.open_request_ids:
            self._changed.clear()
            await self._changed.wait()

    def _summary(self) -> dict[str, Any]:
        reports = [event.get("report") for event in self._events.values()]
        return {
            "type": "demo.end",
            "name": self.demo.name,
            "requests": [_figures(report) for report in reports if report],
            "waves": self._wave_figures(),
            "max_waiting": self._max_waiting,
        }

    def _wave_figures(self) -> list[dict[str, Any]]:
        """Of the waves that ended, in order; all of their requests have reports."""
        events = iter(self._events.values())
        figures = []
        for wave, seconds in zip(self._waves, self._wave_seconds, strict=False):
            reports = [next(events).get("report") or {} for _ in wave]
            figures.append(wave_figures(reports, seconds))
        return figures


def _has_ended(event: dict[str, Any]) -> bool:
    return event.get("phase") == "finished"


FIGURES = (
    "short_id",
    "finish_reason",
    "num_prompt_tokens",
    "num_cached_tokens",
    "num_output_tokens",
    "num_preemptions",
    "num_blocks",
    "num_blocks_shared",
    "ttft_s",
    "queue_s",
    "e2el_s",
)


def _figures(report: dict[str, Any]) -> dict[str, Any]:
    """A report without text and ids."""
    return {name: report.get(name) for name in FIGURES}
