"""Structured output and stop: what a grammar costs a token, and what stopping frees.

With structured output vLLM masks, before each token, all tokens that cannot follow; the
grammar is compiled once, while its request waits.
"""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lab.experiments.bench import NOT_SEEN, Bench
from lab.experiments.experiment import (
    Choice,
    Experiment,
    Number,
    Question,
    Values,
    Words,
)
from lab.experiments.outcome import Figure, Outcome, Plot, Series, Table
from lab.experiments.percentiles import all_itls, ms, percentile
from lab.experiments.prompts import ask, text_of
from lab.experiments.words import shown
from lab.messages import EngineStatus, RequestReport

STATES = ["free", "cached", "used", "shared"]
STOP_PROMPT_TOKENS = 200
LIST_BLOCKS = "List blocks and states."
JSON, REGEX = "json", "regex"
NO_GRAMMAR = (
    "This server does not say that it is vLLM: whether it takes a grammar is unknown."
)
PATTERN = r"(block [0-9]{1,3} is (free|cached|used|shared); ){8}"
SCHEMA: dict[str, Any] = {
    "type": "array",
    "minItems": 6,
    "maxItems": 6,
    "items": {
        "type": "object",
        "properties": {
            "block": {"type": "integer"},
            "state": {"enum": STATES},
        },
        "required": ["block", "state"],
        "additionalProperties": False,
    },
}
GRAMMARS: dict[str, dict[str, Any]] = {
    JSON: {"json": SCHEMA},
    REGEX: {"regex": PATTERN},
}


@dataclass(frozen=True)
class Stopped:
    """One request that was stopped while it answered."""

    report: RequestReport
    told_s: float
    """From the command to the report, over the broker and back."""


async def run(bench: Bench, values: Values) -> Outcome:
    """Freely, under the grammar, under it again; then a request that is stopped."""
    grammar = GRAMMARS[str(values["grammar"])]
    number = int(values["at_once"])
    output = min(int(values["output"]), bench.room.max_output_tokens)
    question = values["own"] or LIST_BLOCKS
    free = [
        ask(f"{text_of(40, bench.nonce, index)} {question}", output)
        for index in range(number)
    ]
    bound = [replace(one, ignore_eos=False, structured=grammar) for one in free]
    await bench.say("Without a grammar.")
    freely = await bench.wave(free)
    await bench.say("Under the grammar, which is compiled first.")
    first = await bench.wave(bound)
    await bench.say("Under it again.")
    again = await bench.wave(bound)
    await bench.say("A long answer, to be stopped.")
    stopped = await _stop(bench)
    return outcome(str(values["grammar"]), freely, first, again, stopped)


async def _stop(bench: Bench) -> Stopped:
    room = bench.room
    prompt = min(STOP_PROMPT_TOKENS, room.longest_prompt_tokens(room.max_output_tokens))
    text = text_of(prompt, bench.nonce, 99)
    request_id = await bench.send(ask(text, _long_answer(bench)))
    await bench.decoding(request_id)
    began = time.monotonic()
    await bench.abort(request_id)
    (report,) = await bench.ended([request_id])
    return Stopped(report, time.monotonic() - began)


def _long_answer(bench: Bench) -> int:
    return min(bench.room.max_output_tokens, bench.room.max_model_len // 2)


def matches(grammar: str, text: str) -> bool:
    """Whether an answer that ended by itself is what the grammar demands."""
    if grammar == REGEX:
        return re.fullmatch(PATTERN, text) is not None
    try:
        rows = json.loads(text)
    except ValueError:
        return False
    return (
        isinstance(rows, list)
        and len(rows) == SCHEMA["minItems"]
        and all(
            isinstance(row, dict)
            and set(row) == {"block", "state"}
            and isinstance(row["block"], int)
            and row["state"] in STATES
            for row in rows
        )
    )


def outcome(
    grammar: str,
    freely: Sequence[RequestReport],
    first: Sequence[RequestReport],
    again: Sequence[RequestReport],
    stopped: Stopped,
) -> Outcome:
    """What the three waves and the stop come to."""
    plain = percentile(all_itls(freely), 50)
    masked = percentile(all_itls([*first, *again]), 50)
    cost = 100 * (masked / plain - 1) if plain and masked else None
    ended = [r for r in (*first, *again) if r.finish_reason == "stop"]
    valid = sum(matches(grammar, report.text) for report in ended)
    stop = stopped.report
    waves = (("freely", freely), ("grammar, first time", first), ("again", again))
    return Outcome(
        answer=None if cost is None else max(0.0, cost),
        says=_says(cost, ended, valid, [*first, *again], stopped),
        figures=[
            Figure("ITL without a grammar, median", ms(plain), "ms"),
            Figure("ITL under it, median", ms(masked), "ms"),
            Figure("difference", cost, "%", "derived"),
            Figure("TTFT without", ms(_ttft(freely)), "ms"),
            Figure("TTFT under it, first time (compiled)", ms(_ttft(first)), "ms"),
            Figure("TTFT under it, again", ms(_ttft(again)), "ms"),
            Figure("answers that ended by themselves", len(ended)),
            Figure("of them what the grammar demands", valid),
            Figure("stop: until its blocks were free", ms(stop.stop_s), "ms"),
            Figure("stop: until the page was told", ms(stopped.told_s), "ms"),
            Figure("stop: blocks in its table", stop.num_blocks, "blocks"),
        ],
        tables=[_table(waves)],
        plots=[_plot(waves)],
    )


def _ttft(reports: Sequence[RequestReport]) -> float | None:
    return percentile((report.ttft_s for report in reports), 50)


def _says(
    cost: float | None,
    ended: Sequence[RequestReport],
    valid: int,
    bound: Sequence[RequestReport],
    stopped: Stopped,
) -> str:
    report = stopped.report
    parts = []
    if cost is None:
        parts.append("The gaps between tokens were not told.")
    elif cost >= 0:
        parts.append(f"A token took {cost:.0f} % longer under the grammar.")
    else:
        parts.append(
            f"A token took {-cost:.0f} % less under the grammar: the difference is "
            "smaller than what steps vary by here, so it counts as 0."
        )
    parts.append(
        f"{len(ended)} of {len(bound)} answers under it ended by themselves, and "
        f"{valid} of these match it; the rest was cut by its length."
    )
    if report.stop_s is not None:
        parts.append(
            f"Stopping freed {report.num_blocks} blocks within "
            f"{shown(1000 * report.stop_s, 'ms')}: full ones stay cached."
        )
    elif report.short_id is None:
        parts.append(f"What the stop freed is unknown: {NOT_SEEN}")
    return " ".join(parts)


Waves = Sequence[tuple[str, Sequence[RequestReport]]]


def _table(waves: Waves) -> Table:
    return Table(
        "Each wave, medians",
        ["", "requests", "TTFT, ms", "ITL, ms", "output tokens"],
        [
            [
                name,
                len(reports),
                ms(_ttft(reports)),
                ms(percentile(all_itls(reports), 50)),
                sum(report.num_output_tokens for report in reports),
            ]
            for name, reports in waves
        ],
    )


def _plot(waves: Waves) -> Plot:
    points = [
        (float(at), 1000 * itl)
        for at, (_, reports) in enumerate(waves)
        if (itl := percentile(all_itls(reports), 50)) is not None
    ]
    return Plot(
        "Time between tokens, median",
        "wave",
        "ms",
        [Series("ITL", points, "used")],
        look="bars",
        names=[name for name, _ in waves],
    )


def _unable(status: EngineStatus) -> str:
    is_vllm = not status.by_address or "vllm" in status.versions
    return "" if is_vllm else NO_GRAMMAR


STRUCTURED = Experiment(
    id="structured",
    title="Grammar and stop",
    why=(
        "A grammar makes every answer parse, by masking what cannot follow before each "
        "token. What does a token cost then? And what does stopping an answer free?"
    ),
    question=Question(
        asks="How much longer does a token take under a grammar?", unit="%", most=10_000
    ),
    settings=(
        Choice(
            "grammar",
            "The answer has to be",
            {JSON: "JSON of a schema", REGEX: "text of a regular expression"},
            JSON,
        ),
        Number("at_once", "Requests at once", 4, 1, 16),
        Number("output", "Answer of each, at most", 160, 16, 512, "tokens"),
        Words("own", "Ask something of your own", help=f"Instead of “{LIST_BLOCKS}”"),
    ),
    button="Ask under a grammar",
    watch=(
        "The same prompts three times: freely, under the grammar, again. Then watch "
        "one long answer give its blocks back the moment it is stopped."
    ),
    run=run,
    unable=_unable,
    changes=(
        "A larger vocabulary: the mask has a bit for each token of it.",
        "A larger batch: a mask for each request, made while the card computes.",
        "A grammar that was used before: it is compiled once and kept.",
        "On a GPU a step is shorter, so that the same work on the CPU weighs more.",
    ),
)
