"""A running demonstration: sends its waves, follows its requests, sums up.

The figures come from the engine's RequestReports; what only frames tell (evictions,
requests running at once) the browser adds.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any

from lab.errors import EngineError
from lab.traffic.demos import Demo, Wave
from lab.traffic.under_way import Submit, UnderWay
from lab.traffic.wave_figures import wave_figures

WAVE_DEADLINE_S = 240.0
STOPPED = "Stopped: the rest was not sent."
FAILED = ("error", "interrupted")
SOME_FAILED = "{} of {} requests failed: {}"
NO_REASON = "The engine, or its host, went away while it answered."

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
        self._under_way = UnderWay(submit)
        self.is_running = True
        self._is_stopping = False

    @property
    def request_ids(self) -> list[str]:
        """The requests sent so far, in order."""
        return self._under_way.request_ids

    @property
    def open_request_ids(self) -> list[str]:
        """Those that have not ended."""
        return self._under_way.open_request_ids

    def note(self, event: dict[str, Any]) -> None:
        """A request event (lab.messages.RequestEvent as JSON)."""
        self._under_way.note(event)

    def stop(self) -> None:
        """Send no more; what is under way has to be aborted."""
        self._is_stopping = True

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
                    for generation in wave:
                        if not self._is_stopping:
                            await self._under_way.send(generation)
                    await self._under_way.until_ended()
                    self._wave_seconds.append(self._clock() - began)
                    trouble = self._why_end(len(wave))
                    if trouble is not None:
                        break
        except TimeoutError:
            trouble = "Some requests did not end in time; their figures are missing."
        except EngineError as error:
            trouble = str(error)
            await self._under_way.until_ended()
        finally:
            self.is_running = False
        await tell({**self._summary(), "num_planned": num_requests, "trouble": trouble})

    def _why_end(self, num_last: int) -> str | None:
        """Why no more are sent after the last wave: some of it failed, and the next
        would wait for the engine's next start; it was told to stop, or all of the wave
        was. None where it goes on."""
        last = [report or {} for report in self._under_way.reports[-num_last:]]
        failed = [one for one in last if one.get("finish_reason") in FAILED]
        if failed:
            why = next(filter(None, (one.get("error") for one in failed)), NO_REASON)
            return SOME_FAILED.format(len(failed), len(last), why)
        is_over = len(self._wave_seconds) == len(self._waves)
        were_all = {one.get("finish_reason") for one in last} == {"aborted"}
        return STOPPED if self._is_stopping or (were_all and not is_over) else None

    def _summary(self) -> dict[str, Any]:
        reports = self._under_way.reports
        return {
            "type": "demo.end",
            "name": self.demo.name,
            "requests": [_figures(report) for report in reports if report],
            "waves": self._wave_figures(),
            "max_waiting": self._under_way.max_waiting,
        }

    def _wave_figures(self) -> list[dict[str, Any]]:
        """Of the waves that ended, in order; all of their requests have reports."""
        reports_of_all = iter(self._under_way.reports)
        figures = []
        for wave, seconds in zip(self._waves, self._wave_seconds, strict=False):
            reports = [report or {} for report in islice(reports_of_all, len(wave))]
            figures.append(wave_figures(reports, seconds))
        return figures


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
