"""Scheduling: what one long prompt does to the tokens of everybody else.

vLLM puts decodes first into a step and fills its token budget with a chunk of the
prompt (chunked prefill): a step that reads takes longer for all who are in it. Short
questions come with it, half before and half behind: who of them is read first is a
matter of arrival, or of priority.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lab.experiments.bench import Bench, RunRefused, pause
from lab.experiments.experiment import Choice, Experiment, Number, Question, Values
from lab.experiments.other_engine import TOKEN_BUDGET, on_its_engine
from lab.experiments.outcome import Figure, Outcome, Plot, Series, Span, Table
from lab.experiments.percentiles import ms, percentile
from lab.experiments.prompts import ask, text_of
from lab.experiments.waited import last_ttft, late_figures, table, who_was_first
from lab.messages import Generation, RequestReport

SHORT_PROMPT_TOKENS = 40
LONG_OUTPUT_TOKENS = 4
LATE_OUTPUT_TOKENS = 8
PRIORITY_ELSEWHERE = (
    "This engine is asked by its address: who goes first there is its operator's to "
    "say. Choose “nobody: as they come”."
)
QUIET_S = 1.5
"""Between the first tokens of the short ones and the long prompt: what is usual."""


async def run(bench: Bench, values: Values) -> Outcome:
    """Let the short ones decode, then send the long prompts among them."""
    short, long, late = _requests(bench, values)
    await bench.say(f"{len(short)} short requests begin to answer.")
    ids = [await bench.send(one) for one in short]
    for request_id in ids:
        await bench.decoding(request_id)
    await pause(QUIET_S)
    await bench.say("The long prompt comes: watch its chunks in the steps.")
    before, behind = late[: len(late) // 2], late[len(late) // 2 :]
    came = await bench.wave([*before, *long, *behind])
    readers = came[len(before) : len(before) + len(long)]
    others = [*came[: len(before)], *came[len(before) + len(long) :]]
    reports = await bench.ended(ids)
    budget = bench.status.max_num_batched_tokens
    return outcome(reports, readers, budget, others, str(values["first"]))


def _requests(
    bench: Bench, values: Values
) -> tuple[list[Generation], list[Generation], list[Generation]]:
    """Those that decode, the long ones, and the short ones that come with them."""
    room, nonce = bench.room, bench.nonce
    output = min(room.max_output_tokens, room.max_model_len // 4)
    long_tokens, at_once = int(values["long"]), int(values["at_once"])
    most = room.longest_prompt_tokens(LONG_OUTPUT_TOKENS)
    if long_tokens > most:
        raise RunRefused(
            f"A prompt of {long_tokens:,} tokens does not fit this engine, whose "
            f"requests hold {room.max_model_len:,}: choose at most {most:,}."
        )
    num_late, first = int(values["late"]), values["first"]
    if first != "none" and bench.status.by_address:
        raise RunRefused(PRIORITY_ELSEWHERE)
    total = at_once + int(values["longs"]) + num_late
    if total > min(room.max_running, room.max_requests):
        raise RunRefused(f"At most {room.max_running} requests run at once here.")
    short = [
        ask(text_of(SHORT_PROMPT_TOKENS, nonce, index), output)
        for index in range(at_once)
    ]
    long = [
        ask(text_of(long_tokens, nonce, at_once + num_late + index), LONG_OUTPUT_TOKENS)
        for index in range(int(values["longs"]))
    ]
    late = [
        ask(text_of(SHORT_PROMPT_TOKENS, nonce, at_once + index), LATE_OUTPUT_TOKENS)
        for index in range(num_late)
    ]
    return short, _back(long, first == "short"), _back(late, first == "long")


def _back(generations: list[Generation], do_step_back: bool) -> list[Generation]:
    """With the largest of vLLM's priorities here: all others go first."""
    return [replace(one, steps_back=do_step_back) for one in generations]


def token_times(report: RequestReport) -> Iterator[tuple[float, float]]:
    """(when, gap before it) of each output after the first, on the host's clock."""
    if report.arrived_at is None or report.ttft_s is None:
        return
    at = report.arrived_at + report.ttft_s
    for gap in report.itls_s:
        at += gap
        yield at, gap


def reading(reports: Sequence[RequestReport]) -> tuple[float, float] | None:
    """When the long prompts were read: first scheduled to last first token."""
    begins, ends = [], []
    for report in reports:
        if report.arrived_at is None or report.ttft_s is None:
            return None
        begins.append(report.arrived_at + (report.queue_s or 0.0))
        ends.append(report.arrived_at + report.ttft_s)
    return (min(begins), max(ends)) if begins else None


def outcome(
    short: Sequence[RequestReport],
    long: Sequence[RequestReport],
    budget: int | None,
    late: Sequence[RequestReport] = (),
    first: str = "none",
) -> Outcome:
    """The gaps between tokens before the long prompts were read, and meanwhile."""
    span = reading(long)
    tokens = [pair for report in short for pair in token_times(report)]
    if span is None or not tokens:
        return Outcome(
            None, "The times of the tokens were not told: nothing to compare."
        )
    began, ended = span
    before = [gap for at, gap in tokens if at <= began]
    meanwhile = [gap for at, gap in tokens if began < at and at - gap < ended]
    usual, then = percentile(before, 50), percentile(meanwhile, 50)
    times = then / usual if usual and then else None
    prompt = sum(report.num_prompt_tokens for report in long)
    return Outcome(
        answer=times,
        says=" ".join(
            filter(
                None,
                (_says(usual, then, times, len(meanwhile)), who_was_first(long, late)),
            )
        ),
        figures=[
            Figure("ITL before, median", ms(usual), "ms"),
            Figure("ITL while it was read, median", ms(then), "ms"),
            Figure(
                "longest gap while it was read", ms(max(meanwhile, default=None)), "ms"
            ),
            Figure("times as long", times, "×", "derived"),
            Figure("prompt tokens read", prompt, "tokens"),
            Figure("TTFT of the long prompt", ms(last_ttft(long)), "ms"),
            *late_figures(late),
            Figure("token budget of a step", budget, "tokens"),
            Figure(
                "steps that the reading takes at least",
                _num_steps(prompt, len(short), budget),
                "",
                "derived",
            ),
        ],
        tables=[_table(before, meanwhile), table(long, late, first)],
        plots=[_plot(tokens, span)],
    )


def _num_steps(prompt: int, num_decoding: int, budget: int | None) -> int | None:
    """ceil(prompt / (budget - one token for each that decodes))."""
    if budget is None or budget <= num_decoding:
        return None
    return -(-prompt // (budget - num_decoding))


def _says(
    usual: float | None, then: float | None, times: float | None, num_gaps: int
) -> str:
    if usual is None or then is None or times is None:
        return (
            "No token of the others fell into the reading, so there is nothing to "
            "compare: take a longer prompt."
        )
    return (
        f"Before, everybody waited {1000 * usual:.0f} ms for a token; while the long "
        f"prompt was read, {1000 * then:.0f} ms, {times:.1f} times as long, for "
        f"{num_gaps} tokens of theirs. Nobody stood still for the whole prompt: it "
        "comes in chunks."
    )


def _table(before: list[float], meanwhile: list[float]) -> Table:
    rows = (("before", before), ("while it was read", meanwhile))
    return Table(
        "Gaps between tokens, in ms",
        ["", "gaps", "p50", "p90", "p99", "longest"],
        [
            [
                name,
                len(gaps),
                *(ms(percentile(gaps, percent)) for percent in (50, 90, 99)),
                ms(max(gaps, default=None)),
            ]
            for name, gaps in rows
        ],
    )


def _plot(tokens: list[tuple[float, float]], span: tuple[float, float]) -> Plot:
    begin = min(at - gap for at, gap in tokens)
    points = [
        (round(at - begin, 3), round(1000 * gap, 2)) for at, gap in sorted(tokens)
    ]
    low, high = (edge - begin for edge in span)
    return Plot(
        "Time between tokens of the short requests",
        "seconds",
        "ms",
        [Series("one gap", points, "used")],
        look="dots",
        spans=[Span("long prompt read", max(0.0, low), max(0.0, high))],
    )


SCHEDULING = Experiment(
    id="scheduling",
    title="One long prompt",
    why=(
        "A step takes as long as its longest work. While some requests get a token a "
        "step, somebody sends a long prompt: what do all others notice?"
    ),
    question=Question(
        asks="How many times as long do the others wait for a token while the long "
        "prompt is read?",
        unit="×",
        most=10_000,
    ),
    settings=(
        Number("at_once", "Short requests that answer", 6, 1, 24),
        Number(
            "long",
            "Length of the long prompt",
            1_500,
            100,
            4_000,
            "tokens",
            "About: the engine counts them.",
        ),
        Number("longs", "Long prompts at once", 1, 1, 4),
        Number(
            "late",
            "Short questions that come with it",
            4,
            0,
            16,
            help="Half of them just before it, half just behind.",
        ),
        Choice(
            "first",
            "Who goes first (priority)",
            {
                "none": "nobody: as they come",
                "short": "the short questions",
                "long": "the long prompt",
            },
            "none",
            "vLLM takes the smaller number first; who goes second gets a larger one "
            "than everybody’s.",
        ),
        TOKEN_BUDGET,
    ),
    button="Send the long prompt",
    watch=(
        "The short ones get a token each step. Watch the blocks of the long prompt "
        "come in chunks, and the tokens a second fall meanwhile."
    ),
    run=on_its_engine(run),
    claims=("step-time", "disaggregation"),
    changes=(
        "A smaller token budget (max_num_batched_tokens): shorter waits for the "
        "others, a longer TTFT for the long prompt.",
        "Without chunked prefill the whole prompt is one step: everybody waits for all "
        "of it.",
        "Reading on other cards than answering (disaggregated prefill).",
        "A hit in the prefix cache: what is cached need not be read.",
        "Priority orders those that wait. It stops nobody who is being read, and with "
        "--scheduling-policy fcfs it does nothing.",
    ),
    recording="smollm2-cpu-mixed",
    demo="eight",
)
