"""Full house: requests that together need more blocks than the KV cache has."""

import math

from lab.experiments.bench import Bench, RunRefused
from lab.experiments.experiment import Experiment, Number, Question, Values, seen_engine
from lab.experiments.other_engine import NUM_BLOCKS, on_its_engine
from lab.experiments.outcome import Figure, Outcome, Plot, Series
from lab.experiments.percentiles import (
    Slo,
    all_itls,
    mean_itl_s,
    ms,
    percentile,
    share_kept,
    table,
    throughput,
)
from lab.experiments.prompts import ask, text_of
from lab.experiments.watching import Watching
from lab.messages import Generation, RequestReport


def plan(bench: Bench, values: Values) -> list[Generation]:
    """As many requests of one length as ask for the chosen share of the pool."""
    room = bench.pool
    prompt, output = int(values["prompt"]), int(values["output"])
    if output > room.max_output_tokens:
        raise RunRefused(
            f"This engine answers with at most {room.max_output_tokens:,} tokens."
        )
    if prompt > room.longest_prompt_tokens(output):
        raise RunRefused(
            f"Prompt and answer together do not fit this engine, whose requests hold "
            f"{room.max_model_len:,} tokens."
        )
    number = math.ceil(
        room.pool_tokens * int(values["share"]) / 100 / (prompt + output)
    )
    if number > room.max_requests:
        raise RunRefused(
            f"This pool holds {room.pool_tokens:,} tokens: it takes {number:,} such "
            f"requests, and {room.max_requests} at a time are allowed. Choose longer "
            "ones or a smaller share."
        )
    return [
        ask(text_of(prompt, bench.nonce, index), output)
        for index in range(max(2, number))
    ]


async def run(bench: Bench, values: Values) -> Outcome:
    """Send all at once, watch the engine's counters until the last has ended."""
    generations = plan(bench, values)
    await bench.say(f"{len(generations)} requests at once.")
    async with bench.watching() as seen:
        reports = await bench.wave(generations)
    slo = Slo(int(values["ttft"]) / 1000, int(values["itl"]) / 1000)
    return outcome(reports, seen, slo)


def outcome(reports: list[RequestReport], seen: Watching, slo: Slo) -> Outcome:
    """What the reports and the counters come to."""
    kept = share_kept(reports, slo)
    preempted = sum(report.num_preemptions for report in reports)
    lost = sum(report.num_lost_tokens for report in reports)
    ttft = percentile((report.ttft_s for report in reports), 99)
    itl = percentile(all_itls(reports), 99)
    return Outcome(
        answer=kept,
        says=_says(reports, preempted, lost, slo),
        figures=[
            Figure("of the requests kept both objectives", kept, "%"),
            *throughput(reports, slo),
            Figure("TTFT, p99", ms(ttft), "ms"),
            Figure("ITL, p99", ms(itl), "ms"),
            Figure("preemptions of these requests", preempted),
            Figure("computed tokens given up by them", lost, "tokens"),
            Figure("blocks evicted meanwhile", seen.num_evictions, "blocks"),
            Figure("running at once, most seen", seen.max_running),
            Figure("waiting at once, most seen", seen.max_waiting),
        ],
        tables=[table(reports)],
        plots=[
            _ttft_plot(reports, slo),
            _itl_plot(reports, slo),
            *_over_time(reports, seen),
        ],
    )


def _says(reports: list[RequestReport], preempted: int, lost: int, slo: Slo) -> str:
    kept = sum(map(slo.is_kept, reports))
    met = f"{kept} of {len(reports)} requests kept both objectives."
    if not preempted:
        return f"{met} None was preempted: those that did not fit waited."
    times = "once" if preempted == 1 else f"{preempted} times"
    return (
        f"{met} A running request was preempted {times}: {lost:,} computed tokens were "
        "given up, and computed again unless their blocks were still cached."
    )


def _ttft_plot(reports: list[RequestReport], slo: Slo) -> Plot:
    times = sorted(1000 * r.ttft_s for r in reports if r.ttft_s is not None)
    return Plot(
        "Time to the first token",
        "request, the quickest first",
        "ms",
        [Series("TTFT", [(float(n), t) for n, t in enumerate(times)], "link")],
        look="bars",
        level=1000 * slo.ttft_s,
        level_label="SLO",
        names=[str(number) for number in range(1, len(times) + 1)],
    )


def _itl_plot(reports: list[RequestReport], slo: Slo) -> Plot:
    means = sorted(mean for r in reports if (mean := mean_itl_s(r)) is not None)
    points = [(float(n), 1000 * mean) for n, mean in enumerate(means)]
    return Plot(
        "Mean time between tokens",
        "request, the quickest first",
        "ms",
        [Series("mean ITL", points, "used")],
        look="bars",
        level=1000 * slo.itl_s,
        level_label="SLO",
        names=[str(number) for number in range(1, len(means) + 1)],
    )


def _over_time(reports: list[RequestReport], seen: Watching) -> list[Plot]:
    begins = [r.arrived_at for r in reports if r.arrived_at is not None]
    return [seen.plot(min(begins))] if begins else []


FULL_HOUSE = Experiment(
    id="full-house",
    title="Full house",
    why=(
        "When requests need more blocks than there are, some wait and some that run "
        "lose theirs. How many of them still get what you promised?"
    ),
    question=Question(
        asks="How many of the requests keep both objectives?", unit="%", most=100
    ),
    settings=(
        Number("share", "Of the KV cache they ask for", 150, 20, 300, "%"),
        Number(
            "prompt",
            "Prompt of each",
            320,
            40,
            4_000,
            "tokens",
            "About: the engine counts them.",
        ),
        Number("output", "Answer of each", 160, 2, 512, "tokens"),
        Number("ttft", "Objective: TTFT at most", 4_000, 50, 60_000, "ms"),
        Number("itl", "Objective: mean ITL at most", 200, 5, 5_000, "ms"),
        NUM_BLOCKS,
    ),
    button="Fill it",
    watch=(
        "Watch the grid fill, requests wait, cached blocks being evicted, and a "
        "running request lose its blocks and be computed again later."
    ),
    run=on_its_engine(run),
    unable=seen_engine,
    claims=("paper-batched", "paper-2-4"),
    changes=(
        "A KV cache of twice the size, or keys and values in 8 bit: twice the blocks.",
        "Shorter answers: a preemption comes from growth, not from prompts.",
        "A smaller max_num_seqs: more wait, fewer are preempted.",
        "Longer objectives raise the goodput without any change of the engine.",
    ),
    recording="smollm2-cpu-overflow",
    demo="overflow",
)
