"""A run from its beginning to its end: told to the page, and kept."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from lab.errors import EngineError
from lab.experiments.bench import Bench, RunEnded, RunStopped, trouble_of
from lab.experiments.chosen import Chosen
from lab.experiments.outcome import Outcome
from lab.messages import EngineStatus, RequestReport
from lab.traffic.demos import DemoRefused

logger = logging.getLogger(__name__)

RUN_DEADLINE_S = 600.0
LOOK_EVERY_S = 2.0
GONE = (
    "The engine went away during the run, so there is no result. It starts again by "
    "itself: run the experiment again when it is ready."
)
UNHEARD = (
    "The message broker was away while an answer came: its text and times got lost on "
    "the way, so nothing was measured. Run the experiment again."
)
STOPPED = "Stopped: what was under way was aborted, and nothing was measured."
LATE = f"Not finished within {RUN_DEADLINE_S:g} s, the limit of a run."
BROKEN = "The run failed by a fault of this product; the log says which."

End = Callable[[str, str, Outcome | None], Awaitable[None]]
"""Keeps how the run ended: "done", "stopped" or "failed", a sentence, the outcome."""


class Conduct:
    """One run of one learner; stop() may be called while it goes on."""

    def __init__(
        self,
        chosen: Chosen,
        bench: Bench,
        *,
        run_id: str,
        end: End,
        tell: Callable[[dict[str, Any]], Awaitable[None]],
        is_alive: Callable[[], bool],
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        """``is_alive``: whether the engine that the run began on still answers."""
        self.chosen, self.bench, self.run_id = chosen, bench, run_id
        self._end, self._tell, self._is_alive = end, tell, is_alive
        self._look_every_s = look_every_s
        self._ending: asyncio.Future[RunEnded] = (
            asyncio.get_running_loop().create_future()
        )
        self.is_running = True

    def note(self, event: dict[str, Any]) -> None:
        """A request event (lab.messages.RequestEvent as JSON). One of its requests that
        failed ends the run, whatever it waits for: the rest would wait for the engine's
        next start."""
        self.bench.under_way.note(event)
        if event["request_id"] in self.bench.under_way.request_ids and (
            report := event.get("report")
        ):
            trouble = trouble_of(RequestReport.from_json(report))
            self._end_with(trouble or (UNHEARD if event.get("is_looked_up") else ""))

    def stop(self, sentence: str = STOPPED) -> None:
        """End it now."""
        if not self._ending.done():
            self._ending.set_result(RunStopped(sentence))

    async def run(self) -> None:
        """Tell "experiment.begin", run, keep, tell "experiment.end"."""
        experiment = self.chosen.experiment
        await self._tell(
            {
                "type": "experiment.begin",
                "run_id": self.run_id,
                "experiment": experiment.id,
                "watch": experiment.watch,
            }
        )
        outcome: Outcome | None = None
        state, sentence = "failed", BROKEN
        try:
            outcome = await self._run_or_end()
            state, sentence = "done", outcome.says
        except RunStopped as stop:
            state, sentence = "stopped", str(stop)
        except (RunEnded, EngineError, DemoRefused) as error:
            sentence = str(error)
        except TimeoutError:
            sentence = LATE
        except Exception:
            logger.exception("The experiment %s failed", experiment.id)
        finally:
            self.is_running = False
        await self.bench.abort_all()
        await self._end(state, sentence, outcome)
        await self._tell(
            {
                "type": "experiment.end",
                "run_id": self.run_id,
                "experiment": experiment.id,
                "state": state,
                "sentence": sentence,
            }
        )

    async def _run_or_end(self) -> Outcome:
        """The outcome; raises what ended the run before there was one."""
        work = asyncio.ensure_future(
            self.chosen.experiment.run(self.bench, self.chosen.values)
        )
        watch = asyncio.create_task(self._watch())
        try:
            async with asyncio.timeout(RUN_DEADLINE_S):
                ends: list[asyncio.Future[Any]] = [work, self._ending]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            raise self._ending.result()
        finally:
            watch.cancel()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _watch(self) -> None:
        """End the run when its engine is gone: nobody would report its requests."""
        while self._is_alive():  # noqa: ASYNC110 (a heartbeat's expiry tells nobody)
            await asyncio.sleep(self._look_every_s)
        self._end_with(GONE)

    def _end_with(self, trouble: str) -> None:
        """End the run where there is trouble, once."""
        if trouble and not self._ending.done():
            self._ending.set_result(RunEnded(trouble))


def engine_facts(status: EngineStatus) -> dict[str, Any]:
    """What a result is labelled with: the engine that it was measured on."""
    return {
        "model": status.model_in_words,
        "device": status.device,
        "machine": status.machine,
        "dtype": status.dtype,
        "versions": status.versions,
        "block_size": status.block_size,
        "num_blocks": status.num_blocks,
        "by_address": status.by_address,
    }
