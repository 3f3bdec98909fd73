"""How the steps of recorded runs were shared: prefill, decode, and how long they took.

A step lasts from its SCHEDULE record to the next one, where that serves one of the same
requests: else the engine may have waited between them. A request decodes in a step that
computes one token beyond its prompt; all else is prefill, also what is computed again
after a preemption.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, quantiles
from typing import Any

from lab.recordings.recording import Recording
from lab.tracing.trace import StepTrace, TraceKind

LEAST_STEPS = 10
"""Of a number of requests, below which no quartiles are told."""


@dataclass(frozen=True)
class Share:
    """One request's part of a step."""

    short_id: int
    num_tokens: int
    num_held: int
    """Tokens of its KV cache after the step."""
    is_prefill: bool


@dataclass(frozen=True)
class Step:
    """One step, and who had a part in it."""

    number: int
    shares: tuple[Share, ...]
    num_waiting: int
    milliseconds: float

    @property
    def decode_tokens(self) -> int:
        """One for each request that decodes."""
        return sum(one.num_tokens for one in self.shares if not one.is_prefill)

    @property
    def prefill_tokens(self) -> int:
        """Of all chunks of prompts."""
        return sum(one.num_tokens for one in self.shares if one.is_prefill)

    @property
    def num_tokens(self) -> int:
        """What the step's budget bounds."""
        return self.decode_tokens + self.prefill_tokens


def steps_of(recording: Recording) -> list[Step]:
    """The steps whose duration is known, in order."""
    steps: list[Step] = []
    prompts: dict[int, int] = {}
    scheduled = (
        trace
        for trace in recording.traces()
        if trace.header.kind is TraceKind.SCHEDULE and trace.scheduled.shape[1]
    )
    for this, after in pairwise(scheduled):
        prompts |= _prompts(this)
        if _is_directly_before(this, after):
            steps.append(_step(this, after, prompts))
    return steps


def step_sharing(
    recordings: Mapping[str, Recording], stretch_of: str, num_steps: int
) -> dict[str, Any]:
    """What the chapter's figure draws; ``stretch_of`` names the recording of its bars.

    The stretch begins with the first step that both prefills and decodes, three before.
    """
    steps = {name: steps_of(recording) for name, recording in recordings.items()}
    series = [
        _series(name, recordings[name].header.traffic, found)
        for name, found in steps.items()
    ]
    shared = steps[stretch_of]
    first = next(i for i, one in enumerate(shared) if _is_mixed(one))
    stretch = shared[max(0, first - 3) :][:num_steps]
    return {
        "most_tokens": max(one.num_tokens for found in steps.values() for one in found),
        "series": [one for one in series if one["points"]],
        "stretch_of": stretch_of,
        "stretch": [_row(one) for one in stretch],
        "mixed_ms": round(median(s.milliseconds for s in shared if _is_mixed(s)), 1),
    }


def _prompts(trace: StepTrace) -> dict[int, int]:
    rows: Iterator[list[int]] = iter(trace.requests.tolist())
    return {short_id: num_tokens for short_id, _, num_tokens, _ in rows}


def _is_directly_before(this: StepTrace, after: StepTrace) -> bool:
    is_next = after.header.step == this.header.step + 1
    return is_next and bool(set(_ids(this)) & set(_ids(after)))


def _ids(trace: StepTrace) -> list[int]:
    ids: list[int] = trace.scheduled[0].tolist()
    return ids


def _step(this: StepTrace, after: StepTrace, prompts: Mapping[int, int]) -> Step:
    shares = tuple(
        Share(short_id, num, held, num > 1 or held <= prompts.get(short_id, 0))
        for short_id, num, held in this.scheduled.T.tolist()
    )
    lasted_ns = after.header.stamp_ns - this.header.stamp_ns
    return Step(this.header.step, shares, this.header.num_waiting, lasted_ns / 1e6)


def _is_mixed(step: Step) -> bool:
    return bool(step.prefill_tokens and step.decode_tokens)


def _series(name: str, traffic: str, steps: Iterable[Step]) -> dict[str, Any]:
    """Durations of steps of decoding alone, by the requests in them."""
    by_number: dict[int, list[Step]] = {}
    for step in steps:
        if not step.prefill_tokens:
            by_number.setdefault(step.decode_tokens, []).append(step)
    held = [
        s.num_held for found in by_number.values() for one in found for s in one.shares
    ]
    return {
        "recording": name,
        "traffic": traffic,
        "median_held": round(median(held)) if held else 0,
        "points": [
            _point(number, [one.milliseconds for one in found])
            for number, found in sorted(by_number.items())
            if len(found) >= LEAST_STEPS
        ],
    }


def _point(number: int, milliseconds: list[float]) -> dict[str, Any]:
    low, middle, high = quantiles(milliseconds, n=4, method="inclusive")
    return {
        "requests": number,
        "steps": len(milliseconds),
        "low_ms": round(low, 1),
        "median_ms": round(middle, 1),
        "high_ms": round(high, 1),
        "tokens_per_s": round(1000 * number / middle, 1),
    }


def _row(step: Step) -> dict[str, Any]:
    return {
        "decode": step.decode_tokens,
        "chunks": [one.num_tokens for one in step.shares if one.is_prefill],
        "waiting": step.num_waiting,
        "ms": round(step.milliseconds, 1),
    }
