"""Drives a scheduler through a script, as vLLM's EngineCore drives its own.

One turn is ``EngineCore.step`` or ``step_with_batch_queue``: schedule, and take in the
output of the oldest step unless another one may be scheduled before it. The output is
made up: a token for each request that samples one, the last of which ends it where the
recorded one ended.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from vllm.v1.core.sched.output import SchedulerOutput
from vllm.v1.outputs import ModelRunnerOutput
from vllm.v1.request import Request, RequestStatus

from lab.rehearsal.script import Cue, Deed, Script
from lab.rehearsal.settings import WhatIfRefused
from lab.rehearsal.stage import (
    OTHER_TOKEN,
    STOP_TOKEN,
    Tap,
    request_of,
    set_up,
)
from lab.rehearsal.start import begin
from lab.tracing.replay_notes import ReplaySettings, is_replay_note
from lab.tracing.trace import Finish, SteadyReader, StepTrace, decode

MOST_LONGER = 20
"""A rehearsal may take so many times the recorded steps, and"""
MORE_STEPS = 2_000
TELL_EVERY = 200
ENDLESS = (
    "Under these settings the requests did not get to their end within {} steps: the "
    "rehearsal was stopped."
)
BY_OUTPUT = (Finish.STOPPED, Finish.REPETITION, Finish.LENGTH)

Tell = Callable[[int, int], None]
"""Steps gone through, of how many recorded ones."""


def rehearse(
    script: Script, settings: ReplaySettings, tell: Tell = lambda *_: None
) -> list[StepTrace]:
    """What the scheduler tells under these settings, from a snapshot on; raises
    WhatIfRefused where it gets to no end."""
    drive = _Drive(script, settings)
    for number, cue in enumerate(script.cues):
        drive.play(cue)
        if number % TELL_EVERY == 0:
            tell(number, len(script.cues))
    drive.finish()
    steady = SteadyReader()
    records = [one for one in drive.tap.records if not is_replay_note(one)]
    full = [steady.expand(record) for record in records]
    return [decode(record) for record in full if record is not None]


class _Drive:
    def __init__(self, script: Script, settings: ReplaySettings) -> None:
        self.tap = Tap()
        self._script = script
        self._settings = settings
        self._scheduler = set_up(settings)
        self._depth = settings.steps_in_flight
        self._in_flight = deque(begin(self._scheduler, script, settings))
        self._scheduler.begin(self.tap, script.traces[0].header.step)
        self._num_turns = 0
        self._most_turns = MOST_LONGER * len(script.cues) + MORE_STEPS
        if len(self._in_flight) >= self._depth:
            self._take_output(script.opening)

    def play(self, cue: Cue) -> None:
        """What happened around one recorded call of schedule()."""
        for _ in range(cue.num_idle):
            if not self._has_work:
                break
            self._turn([])
        self._drain()
        for deed in cue.before:
            self._do(deed)
        self._turn(cue.after)

    def finish(self) -> None:
        """Until all that ended in the recording have ended."""
        awaited = {
            f"{short_id}-00000000"
            for short_id, part in self._script.parts.items()
            if part.finish is not Finish.NONE
        }
        while awaited & self._scheduler.requests.keys():
            self._turn([])
        # What waits for its output is in the record of a longer recording.

    @property
    def _has_work(self) -> bool:
        return bool(self._in_flight) or self._scheduler.has_requests()

    def _drain(self) -> None:
        while self._in_flight and not self._scheduler.has_requests():
            self._take_output([])

    def _turn(self, deeds: list[Deed]) -> None:
        self._num_turns += 1
        if self._num_turns > self._most_turns:
            raise WhatIfRefused(ENDLESS.format(f"{self._most_turns:,}"))
        scheduler = self._scheduler
        if scheduler.has_requests():
            output = scheduler.schedule()
            self._in_flight.append((output, self._sampling(output)))
            is_executed = output.total_num_scheduled_tokens > 0
            has_room = len(self._in_flight) < self._depth
            if has_room and (is_executed or scheduler.has_requests()):
                for deed in deeds:
                    self._do(deed)
                return
        self._take_output(deeds)

    def _sampling(self, output: SchedulerOutput) -> set[str]:
        requests = self._scheduler.requests
        return {
            request_id
            for request_id in output.num_scheduled_tokens
            if not requests[request_id].is_prefill_chunk
        }

    def _take_output(self, deeds: list[Deed]) -> None:
        for deed in deeds:
            self._do(deed)
        if not self._in_flight:
            return
        step, sampling = self._in_flight.popleft()
        request_ids = list(step.num_scheduled_tokens)
        tokens = [self._tokens(one) if one in sampling else [] for one in request_ids]
        index = {request_id: at for at, request_id in enumerate(request_ids)}
        output = ModelRunnerOutput(request_ids, index, sampled_token_ids=tokens)
        self._scheduler.update_from_output(step, output)

    def _tokens(self, request_id: str) -> list[int]:
        request = self._scheduler.requests.get(request_id)
        if request is None:
            return [OTHER_TOKEN]
        return [STOP_TOKEN if self._is_last(request) else OTHER_TOKEN]

    def _is_last(self, request: Request) -> bool:
        part = self._script.parts[int(request.request_id.split("-")[0])]
        if part.num_tokens is None or part.finish not in BY_OUTPUT:
            return False
        return part.finish is not Finish.LENGTH and (
            request.num_tokens + 1 >= part.num_tokens
        )

    def _do(self, deed: Deed) -> None:
        scheduler: Any = self._scheduler
        if deed is None:
            scheduler.reset_prefix_cache()
        elif isinstance(deed, int):
            request_id = f"{deed}-00000000"
            if request_id in scheduler.requests:
                scheduler.finish_requests(request_id, RequestStatus.FINISHED_ABORTED)
        else:
            part = self._script.parts[deed.short_id]
            scheduler.add_request(request_of(part, self._settings))
