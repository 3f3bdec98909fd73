"""Throughput against latency: a sweep over the load, closed loop or open.

A closed loop keeps so many requests under way and sends the next when one has ended; an
open one sends at a rate, whatever has ended. The planning model's curve is drawn first.
"""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lab.experiments.arrivals import BURSTINESS, arrivals
from lab.experiments.bench import NOT_SEEN, Bench, RunRefused, pause
from lab.experiments.curve import outcome, so_far
from lab.experiments.expected import Shape, card_cost
from lab.experiments.experiment import Choice, Experiment, Number, Question, Values
from lab.experiments.outcome import Outcome
from lab.experiments.planned import Planned, planned_by
from lab.experiments.points import Load, Point, served
from lab.experiments.prompts import ask, text_of
from lab.messages import Generation, RequestReport
from lab.traffic.demos import TEMPLATE_TOKENS, Room

FEWEST = 8
"""Requests of one rate."""
LONGER, NUM_LONGER, LONG_OUTPUT = 4, 3, 2
"""How many times as long the prompt is, how often sent, and with what answer, that
tells what reading takes."""
RATE_HALVINGS = (8, 4, 2, 1)

_thought = asyncio.to_thread
"""The model goes through thousands of steps: others are served meanwhile."""
BY_CARD = (
    "The planning model’s curve comes from the card’s figures, before anything was "
    "measured."
)
BY_PROBES = (
    "The planning model knows no processor: its constants were fitted to {probes} of "
    "this run, so its error is that of the other points."
)
BUSY_THEN = (
    "Other work of the machine made steps {times:.1f} times as long as undisturbed "
    "ones while they were taken, and the curve is drawn as if it went on so."
)
NO_BLOCKS = f"Whether requests waited or were preempted is unknown: {NOT_SEEN}"
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
    fit = min(room.max_running, room.max_requests)
    if isinstance(room, Room):
        fit = min(fit, room.pool_tokens // each)
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
    points, probes, model, basis = await _expect(bench, plan, requests)
    if bench.block_size is None:
        basis = f"{basis} {NO_BLOCKS}"
    await bench.show(so_far(points, basis))
    for at, point in enumerate(points):
        if point.served is None:
            measured = await _measure(bench, point, requests)
            points[at] = (
                measured if model is None else await _thought(model.compared, measured)
            )
            name = f"{point.load.name} {plan.unit}"
            await bench.show(so_far(points, f"Measured: {name}."))
    return outcome(points, plan.unit, basis, probes)


def _requests(bench: Bench, shape: Shape, first: int = 0) -> Iterator[Generation]:
    """Alike, and none begins as another: nothing is taken from the prefix cache."""
    for index in itertools.count(first):
        yield ask(text_of(shape.prompt, bench.nonce, index), shape.output)


async def _expect(
    bench: Bench, plan: Sweep, requests: Iterator[Generation]
) -> tuple[list[Point], list[Point], Planned | None, str]:
    """All points with what is expected of each; the loads that only calibrated it; the
    model; and what it rests on. In a closed loop the smallest and the largest load
    calibrate it and are points of the curve."""
    points = [Point(load) for load in plan.loads]
    if cost := card_cost(bench.status):
        by_card = Planned(cost, plan.shape)
        return await _thought(by_card.drawn_all, points), [], by_card, BY_CARD
    probes = []
    for number in (1, plan.crowd):
        await bench.say(
            f"The planning model knows no processor: {number} at once calibrates it."
        )
        end = Point(Load(float(number)), is_calibration=True)
        probes.append(await _measure(bench, end, requests))
    long, ttft_s = await _longer(bench, plan.shape)
    model = await _thought(planned_by, probes, plan.shape, long, ttft_s)
    if not plan.is_open:
        points = [probes[0], *points[1:-1], probes[1]]
        probes = []
    if model is None:
        return points, probes, None, UNKNOWN
    names = f"the loads of 1 and {plan.crowd} at once"
    basis = BY_PROBES.format(probes=names)
    if model.usually_held_up is not None:
        basis = f"{basis} {BUSY_THEN.format(times=model.usually_held_up)}"
    return await _thought(model.drawn_all, points), probes, model, basis


async def _longer(bench: Bench, shape: Shape) -> tuple[Shape | None, float | None]:
    """A longer prompt alone, some times, and its least TTFT; None where none fits."""
    room = bench.room.longest_prompt_tokens(LONG_OUTPUT)
    wanted = min(LONGER * shape.prompt, room)
    if wanted < 2 * shape.prompt:
        return None, None
    await bench.say("A longer prompt, alone: what reading takes.")
    asked = _requests(bench, replace(shape, prompt=wanted, output=LONG_OUTPUT), 10_000)
    reports = await _closed(bench, 1, list(itertools.islice(asked, NUM_LONGER)))
    prompt = reports[0].num_prompt_tokens or wanted
    return replace(shape, prompt=prompt), served(reports).least_ttft_s


async def _measure(bench: Bench, point: Point, requests: Iterator[Generation]) -> Point:
    load = point.load
    if load.arrivals:
        reports = await _open(bench, load.arrivals, requests)
    else:
        at_once = int(load.number)
        sent = list(itertools.islice(requests, load.num_requests))
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
    assumes=(
        "Expected on a card: by the card’s figures. On a processor by constants that "
        "follow from the loads of 1 and of the most at once, and from a longer prompt "
        "alone: a step grows by the same for each request and each token that is read.",
        "Undisturbed is the lower quartile of the gaps between tokens. The constants "
        "are those of undisturbed steps.",
        "Held up: how many times as long the mean step took, beyond what the model "
        "itself expects. The curve is drawn with what the first loads had; each load’s "
        "own is known when it has run.",
        "Each load is gone through step by step as vLLM’s scheduler does it, with "
        "requests that come at the pace at which they came here.",
    ),
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
