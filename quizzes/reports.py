"""A run's numbers, from the reports of the requests that it sent at once. Pure."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

COUNTS = (
    "num_blocks",
    "num_blocks_shared",
    "num_cached_tokens",
    "num_output_tokens",
    "num_preemptions",
    "num_prompt_tokens",
)
"""Of the first request of a run."""
TIMES_MS = ("ttft_ms", "itl_ms", "queue_ms", "e2el_ms")
"""Milliseconds, of each request: to the first token, between two tokens in the mean,
in the queue, and in all. Of a run the median over its requests."""
OF_ENGINE = ("block_size", "max_num_seqs")
OF_RUN = ("num_requests", "num_waited", "longest_queue_ms", "tokens_per_s")
"""How many requests were sent at once; how many of them waited at least half as long
as the one that waited longest; all their tokens by the time that the last took."""
REPORT_NUMBERS = (*OF_ENGINE, *COUNTS, *TIMES_MS, *OF_RUN)
"""What a measured answer may name, as "first.num_blocks" or "second.itl_ms"."""

Numbers = Mapping[str, float]


def numbers_of(report: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of one request's RequestReport; what it does not know is missing."""
    speed = report.get("output_tokens_per_s")
    seconds = {
        "ttft_ms": report.get("ttft_s"),
        "itl_ms": 1 / speed if speed else None,
        "queue_ms": report.get("queue_s"),
        "e2el_ms": report.get("e2el_s"),
    }
    counts = {name: report[name] for name in COUNTS}
    found = {name: count for name, count in counts.items() if count is not None}
    for name, value in seconds.items():
        if value is not None:
            found[name] = round(1000 * value, 3)
    return found


def of_run(requests: Sequence[Numbers]) -> dict[str, float]:
    """One run's numbers from those of its requests; a recorded run has them already."""
    first = dict(requests[0])
    if "num_requests" in first:
        return first
    found = {name: first[name] for name in (*OF_ENGINE, *COUNTS) if name in first}
    found["num_requests"] = len(requests)
    for name in TIMES_MS:
        if values := _all(requests, name):
            found[name] = round(statistics.median(values), 3)
    if queued := _all(requests, "queue_ms"):
        longest = max(queued)
        found["longest_queue_ms"] = longest
        found["num_waited"] = sum(2 * value >= longest > 0 for value in queued)
    slowest_ms = max(_all(requests, "e2el_ms"), default=0)
    if slowest_ms > 0:
        num_tokens = sum(request["num_output_tokens"] for request in requests)
        found["tokens_per_s"] = round(1000 * num_tokens / slowest_ms, 3)
    return found


def _all(requests: Sequence[Numbers], name: str) -> list[float]:
    """A number of every request; none of them where one does not know it."""
    values = [request[name] for request in requests if name in request]
    return values if len(values) == len(requests) else []
