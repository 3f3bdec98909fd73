"""vLLM's scheduler, step by step, over any cost of a step: what each request sees.

A step has a budget of tokens. Requests at work come first, in the order of their
arrival: one token for each that decodes, what is left of its prompt for one that does
not yet; then waiting ones while there is budget and room (vLLM, v1/core/sched/
scheduler.py, schedule). The simulator of fleets takes the same as a fluid
(planning.fleet.batch); this is the exact count for bursts of some requests.
"""

from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class StepCost(Protocol):
    """What says how long a step takes."""

    def seconds(
        self, chunks: Sequence[tuple[int, int]], contexts: Sequence[float]
    ) -> float:
        """Of chunks of prompts (first token, one past the last) and one token for each
        request that decodes, by the tokens it has cached."""


@dataclass
class Request:
    """One request and how far it is; times in seconds."""

    arrival_s: float
    prompt: int
    output: int
    computed: int = 0
    """Tokens of the prompt."""
    written: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    gaps_s: list[float] = field(default_factory=list)
    """Before each token but the first."""

    @property
    def ttft_s(self) -> float:
        """Arrival to first token."""
        return self.first_s - self.arrival_s

    @property
    def itl_s(self) -> float:
        """Mean time between its tokens; 0 with one alone."""
        return (self.last_s - self.first_s) / max(self.output - 1, 1)


@dataclass
class _Step:
    chunks: list[tuple[Request, int, int]] = field(default_factory=list)
    decoding: list[Request] = field(default_factory=list)


Then = Callable[[Request], Request | None]
"""Who comes after one that has ended, not earlier than that; None: nobody."""


def _nobody(_: Request) -> None:
    """An open loop: who comes does not depend on who ends."""


def replay(
    cost: StepCost,
    requests: Sequence[Request],
    budget: int,
    max_num_seqs: int,
    then: Then = _nobody,
) -> None:
    """Serve ``requests``, in the order of their arrivals, and in a closed loop those
    that ``then`` says come after them; fills in their times."""
    waiting, running = list(requests), list[Request]()
    now = 0.0
    while waiting or running:
        if not running and waiting[0].arrival_s > now:
            now = waiting[0].arrival_s
        while waiting and waiting[0].arrival_s <= now and len(running) < max_num_seqs:
            running.append(waiting.pop(0))
        step = _schedule(running, budget)
        now += cost.seconds(
            [(first, last) for _, first, last in step.chunks],
            [float(one.prompt + one.written) for one in step.decoding],
        )
        _settle(step, now)
        for one in running:
            if one.written == one.output and (after := then(one)) is not None:
                insort(waiting, after, key=lambda other: other.arrival_s)
        running = [one for one in running if one.written < one.output]


def _schedule(running: Sequence[Request], budget: int) -> _Step:
    step = _Step()
    for one in running:
        if budget == 0:
            break
        if one.computed == one.prompt:
            step.decoding.append(one)
            budget -= 1
        else:
            last = min(one.prompt, one.computed + budget)
            step.chunks.append((one, one.computed, last))
            budget -= last - one.computed
    return step


def _settle(step: _Step, now: float) -> None:
    for one, _, last in step.chunks:
        one.computed = last
    done = [one for one, _, last in step.chunks if last == one.prompt]
    for one in (*step.decoding, *done):
        one.written += 1
        if one.written == 1:
            one.first_s = now
        else:
            one.gaps_s.append(now - one.last_s)
        one.last_s = now
