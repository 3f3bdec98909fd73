"""Throughput against latency: a sweep over the load, closed loop or open.

A closed loop keeps so many requests under way and sends the next when one has ended; an
open one sends at a rate, whatever has ended. The planning model's curve is drawn first.
"""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lab.experiments.arrivals import BURSTINESS, arrivals
from lab.experiments.bench import Bench, RunRefused, pause
from lab.experiments.curve import Load, Point, outcome, served, so_far
from lab.experiments.expected import (
    Shape,
    as_they_come,
    calibrated,
    card_cost,
    in_lockstep,
)
from lab.experiments.experiment import Choice, Experiment, Number, Question, Values
from lab.experiments.outcome import Outcome
from lab.experiments.prompts import ask, text_of
from lab.messages import Generation, RequestReport
from lab.traffic.demos import TEMPLATE_TOKENS
from planning.service.steps import StepCost

ROUNDS = 2
"""Of a closed loop: how many requests one after the other each place sends."""
FEWEST = 8
"""Requests of one rate, and half as many of one place alone."""
RATE_HALVINGS = (8, 4, 2, 1)

BY_CARD = (
    "The planning model’s curve comes from the card’s figures, before anything was "
    "measured."
)
BY_PROBES = (
    "The planning model knows no processor: its constants were fitted to {probes} of "
    "this run, so its error is that of the other points."
)
UNKNOWN = "The planning model could not be fitted here: what it expects is unknown."


@dataclass(frozen=True)
class Sweep:
    """What is sent, and how a load is called."""

    loads: tuple[Load, ...]
    shape: Shape
    unit: str
    crowd: int
    """Requests at once, of the load that calibrates."""

    @property
    def is_open(self) -> bool:
        return bool(self.loads[0].arrivals)


def sweep(bench: Bench, values: Values) -> Sweep:
    """The loads in the order of their size; raises RunRefused."""
    room = bench.room
    prompt, output = int(values["prompt"]), int(values["output"])
    if output > room.max_output_tokens:
        raise RunRefused(
            f"This engine answers with at most {room.max_output_tokens:,} tokens."
        )
    longest = room.longest_prompt_tokens(output)
    if prompt > longest:
        raise RunRefused(
            f"Prompt and answer together do not fit this engine, whose requests hold "
            f"{room.max_model_len:,} tokens: choose a prompt of at most {longest:,}."
        )
    each = prompt + TEMPLATE_TOKENS + output
    fit = min(room.max_running, room.max_requests, room.pool_tokens // each)
    most = int(values["most"])
    if most > fit:
        raise RunRefused(
            f"At most {fit} such requests run at once on this engine, so that none "
            "waits or is preempted."
        )
    budget = bench.status.max_num_batched_tokens or room.max_model_len
    shape = Shape(prompt, output, budget, room.max_running)
    if values["loop"] == "closed":
        powers = (2**power for power in range(most.bit_length()))
        numbers = sorted({*powers, most})
        return Sweep(tuple(map(Load, numbers)), shape, "at once", most)
    return Sweep(_rates(bench, values), shape, "requests/s", most)


def _rates(bench: Bench, values: Values) -> tuple[Load, ...]:
    top, seconds = int(values["rate"]), int(values["seconds"])
    burstiness = BURSTINESS[str(values["loop"])]
    loads = []
    for rate in (top / halving for halving in RATE_HALVINGS):
        number = min(bench.room.max_requests, max(FEWEST, round(rate * seconds)))
        seed = f"{bench.nonce} {rate}"
        loads.append(Load(rate, arrivals(rate, number, burstiness, seed)))
    return tuple(loads)


async def run(bench: Bench, values: Values) -> Outcome:
    """Warm up, draw what is expected, measure the loads, draw each as it comes."""
    plan = sweep(bench, values)
    requests = _requests(bench, plan.shape)
    await bench.say("One request to warm up, which is not counted.")
    warm = await bench.wave([next(requests)])
    shape = replace(plan.shape, prompt=warm[0].num_prompt_tokens or plan.shape.prompt)
    plan = replace(plan, shape=shape)
    points, probes, basis = await _expect(bench, plan, requests)
    await bench.show(so_far(points, basis))
    for at, point in enumerate(points):
        if point.served is None:
            points[at] = await _measure(bench, point, requests)
            name = f"{point.load.name} {plan.unit}"
            await bench.show(so_far(points, f"Measured: {name}."))
    return outcome(points, plan.unit, basis, probes)


def _requests(bench: Bench, shape: Shape) -> Iterator[Generation]:
    """Alike, and none begins as another: nothing is taken from the prefix cache."""
    for index in itertools.count():
        yield ask(text_of(shape.prompt, bench.nonce, index), shape.output)


async def _expect(
    bench: Bench, plan: Sweep, requests: Iterator[Generation]
) -> tuple[list[Point], list[Point], str]:
    """All points with what is expected of each; the loads that only calibrated it;
    and what it rests on. In a closed loop the smallest and the largest load calibrate
    it and are points of the curve."""
    points = [Point(load) for load in plan.loads]
    if cost := card_cost(bench.status):
        return [_with(cost, plan, point) for point in points], [], BY_CARD
    ends = [Point(Load(1.0)), Point(Load(float(plan.crowd)))]
    probes = []
    for end in ends:
        await bench.say(
            f"The planning model knows no processor: {end.load.name} at once "
            "calibrates it."
        )
        probes.append(
            replace(await _measure(bench, end, requests), is_calibration=True)
        )
    alone, crowd = (probe.served for probe in probes)
    assert alone is not None and crowd is not None
    fitted = calibrated(alone, crowd, plan.crowd, plan.shape.prompt)
    if not plan.is_open:
        points = [probes[0], *points[1:-1], probes[1]]
        probes = []
    if fitted is None:
        return points, probes, UNKNOWN
    names = f"the loads of 1 and {plan.crowd} at once"
    basis = BY_PROBES.format(probes=names)
    return [_with(fitted, plan, point) for point in points], probes, basis


def _with(cost: StepCost, plan: Sweep, point: Point) -> Point:
    load = point.load
    found = (
        as_they_come(cost, load.arrivals, plan.shape)
        if load.arrivals
        else in_lockstep(cost, int(load.number), plan.shape)
    )
    return replace(point, expected=found)


async def _measure(bench: Bench, point: Point, requests: Iterator[Generation]) -> Point:
    load = point.load
    if load.arrivals:
        reports = await _open(bench, load.arrivals, requests)
    else:
        at_once = int(load.number)
        number = max(FEWEST // 2, ROUNDS * at_once)
        sent = list(itertools.islice(requests, number))
        reports = await _closed(bench, at_once, sent)
    return replace(point, served=served(reports), reports=tuple(reports))


async def _closed(
    bench: Bench, at_once: int, generations: Sequence[Generation]
) -> list[RequestReport]:
    """So many places, each of which sends the next one when its own has ended."""
    left = iter(generations)

    async def place() -> list[RequestReport]:
        found: list[RequestReport] = []
        for generation in left:
            found += await bench.wave([generation])
        return found

    places = [asyncio.ensure_future(place()) for _ in range(at_once)]
    try:
        return [one for found in await asyncio.gather(*places) for one in found]
    finally:
        for one in places:
            one.cancel()


async def _open(
    bench: Bench, when: Sequence[float], requests: Iterator[Generation]
) -> list[RequestReport]:
    """Each at its time, whether or not others have ended."""
    clock = asyncio.get_running_loop().time
    begin, ids = clock(), []
    for at in when:
        await pause(max(0.0, begin + at - clock()))
        ids.append(await bench.send(next(requests)))
    return await bench.ended(ids)


THROUGHPUT = Experiment(
    id="throughput",
    title="Throughput against latency",
    why=(
        "More requests in a step make more tokens a second, and each waits longer for "
        "its own. Where does more load stop paying?"
    ),
    question=Question(
        asks="How many times the tokens a second of the smallest load does the "
        "largest get?",
        unit="×",
        most=10_000,
    ),
    settings=(
        Choice(
            "loop",
            "How requests come",
            {
                "closed": "closed loop: so many at once",
                "poisson": "open loop: Poisson, at a rate",
                "bursts": "open loop: in bursts, at a rate",
            },
            "closed",
        ),
        Number(
            "most",
            "Most at once",
            16,
            2,
            64,
            help="The loads are 1, 2, 4, … up to it. In an open loop it calibrates "
            "the planning model.",
        ),
        Number(
            "rate",
            "Highest rate",
            8,
            1,
            64,
            "requests/s",
            "Of an open loop: an eighth of it, a quarter, half, and it.",
        ),
        Number("seconds", "Each rate for", 6, 2, 30, "s"),
        Number(
            "prompt",
            "Prompt of each",
            64,
            16,
            4_000,
            "tokens",
            "About: the engine counts them.",
        ),
        Number("output", "Answer of each", 32, 4, 512, "tokens"),
    ),
    button="Sweep the load",
    watch=(
        "Watch the requests running and the tokens a second: with each load more run, "
        "and each gets its next token later."
    ),
    run=run,
    claims=("step-time", "paper-2-4"),
    changes=(
        "A card whose arithmetic is far quicker than its memory: the knee comes at "
        "tens or hundreds of requests instead of a few.",
        "Longer prompts: reading them takes the steps that others decode in.",
        "An open loop beyond what the engine can do: its queue grows as long as the "
        "requests come, and so does every time.",
        "Another definition. Here the knee is the largest throughput ÷ response time "
        "(Ramakrishnan and Jain, 1988); with an objective for the ITL, it is the "
        "largest load that keeps it.",
    ),
    recording="smollm2-cpu-mixed",
    demo="batch",
)
