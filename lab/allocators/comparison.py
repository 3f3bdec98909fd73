"""Paged against contiguous: one recorded run, and the same requests in regions.

What the chapter's stepper shows. The paged side is what the engine did, block by block;
the contiguous side is computed (contiguous.py) from the same arrivals, lengths and
steps. Regions are compared at equal numbers of steps, not of seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.allocators.contiguous import Moment, Work, replay
from lab.tracing.mirror import PoolMirror
from lab.tracing.trace import RequestState, StepTrace

NUM_MOMENTS = 40
POLICIES = ("max", "oracle")
"""What the figure offers: pow2 takes regions of the same size as oracle."""


@dataclass
class Life:
    """One request of the recorded run."""

    first_step: int
    tokens: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Observed:
    """The pool of the engine at one step: block ids and tokens by request."""

    tables: dict[int, tuple[list[int], int]]
    alive: frozenset[int]
    """Short ids in the engine, running or waiting."""


def observe(
    traces: Sequence[StepTrace], num_blocks: int, block_size: int
) -> tuple[dict[int, Life], list[Observed]]:
    """Lives by short id, and the pool after each scheduled step of the run."""
    mirror = PoolMirror(num_blocks, block_size)
    lives: dict[int, Life] = {}
    moments: list[Observed] = []
    step = -1
    for trace in traces:
        mirror.apply(trace)
        if trace.header.step == step:
            continue
        step = trace.header.step
        tables = {}
        for short_id, request in mirror.requests.items():
            life = lives.setdefault(short_id, Life(len(moments)))
            if request.state is RequestState.RUNNING and request.block_ids:
                tables[short_id] = (
                    list(request.block_ids),
                    request.num_computed_tokens,
                )
                life.tokens.append(request.num_computed_tokens)
            elif request.state is RequestState.PREEMPTED:
                life.tokens.clear()
        moments.append(Observed(tables, frozenset(mirror.requests)))
    return lives, moments


def compare(
    traces: Sequence[StepTrace], num_blocks: int, block_size: int, longest: int
) -> dict[str, Any]:
    """JSON for the figure: sampled moments of the busy stretch, and of each policy.

    A paged moment is {"tables": [[request, tokens, block ids]], "waiting", "finished"};
    a contiguous one {"regions": [[request, tokens, final tokens, start, size]], …}.
    Requests are numbered from 0 in the order in which they came.
    """
    lives, observed = observe(traces, num_blocks, block_size)
    short_ids = _busiest(lives)
    first = lives[short_ids[0]].first_step
    number = {short_id: index for index, short_id in enumerate(short_ids)}
    works = [Work(lives[s].first_step - first, lives[s].tokens) for s in short_ids]
    last = max(lives[s].first_step + len(lives[s].tokens) for s in short_ids)
    end = max(
        index
        for index, moment in enumerate(observed)
        if any(short_id in number for short_id in moment.tables)
    )
    end = max(end, min(last, len(observed)) - 1)
    steps = [first + (end - first) * i // (NUM_MOMENTS - 1) for i in range(NUM_MOMENTS)]
    paged = [
        _paged(
            observed[step],
            number,
            [s for s in short_ids if lives[s].first_step <= step],
        )
        for step in steps
    ]
    contiguous, num_steps = {}, {}
    for policy in POLICIES:
        moments = replay(works, num_blocks, block_size, longest, policy)
        num_steps[policy] = len(moments)
        contiguous[policy] = [
            _contiguous(moments[min(s - first, len(moments) - 1)]) for s in steps
        ]
    return {
        "num_blocks": num_blocks,
        "block_size": block_size,
        "longest": longest,
        "num_requests": len(works),
        "steps": [step - first for step in steps],
        "num_steps": {"paged": end - first + 1, **num_steps},
        "paged": paged,
        "contiguous": contiguous,
    }


def _busiest(lives: dict[int, Life]) -> list[int]:
    """Short ids of the requests that came in the busiest stretch and were answered."""
    served = sorted((s for s in lives if lives[s].tokens), key=lambda s: s)
    starts = [lives[s].first_step for s in served]
    busiest = max(starts, key=lambda start: sum(abs(start - o) <= 5 for o in starts))
    return [s for s in served if abs(lives[s].first_step - busiest) <= 5]


def _paged(
    moment: Observed, number: dict[int, int], arrived: list[int]
) -> dict[str, Any]:
    tables = [
        [number[short_id], tokens, block_ids]
        for short_id, (block_ids, tokens) in moment.tables.items()
        if short_id in number
    ]
    num_alive = sum(short_id in moment.alive for short_id in arrived)
    return {
        "tables": tables,
        "waiting": num_alive - len(tables),
        "finished": len(arrived) - num_alive,
    }


def _contiguous(moment: Moment) -> dict[str, Any]:
    regions = [
        [h.request, h.num_tokens, h.num_final_tokens, h.region.start, h.region.size]
        for h in moment.holdings
    ]
    return {
        "regions": regions,
        "waiting": moment.num_waiting,
        "finished": moment.num_finished,
    }
