"""The service model against the engine: TTFT and ITL of bursts, predicted and measured.

Bursts of 1, 4, 16 and 32 requests with prompts of 50, 500 and 1,500 tokens, each prompt
of its own, are served by the engine host of a stack that is started for it. The
constants of a step are fitted to four of the twelve bursts and predict all of them. A
burst during which other processes took a tenth of the cores or more is not counted
(Linux); where all are, nothing is. ``--option trace=FILE`` keeps what was measured.
"""

import json
import os
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

from benchmarks.scale import NotMeasured, scale_of
from benchmarks.stack import Running, running
from planning.service.fitted import Burst, Engine, Seen, burst_of, fit

AT_ONCE = (1, 4, 16, 32)
PROMPTS = (50, 500, 1_500)
SETTINGS = {
    "ENGINE_KV_CACHE_MB": "1536",
    "ENGINE_MAX_MODEL_LEN": "2048",
    "ENGINE_REQUEST_DEADLINE_S": "240",
}
"""A pool that holds 32 requests of 1,564 tokens: none is preempted."""
FITTED = (Burst(50, 1), Burst(1_500, 1), Burst(50, 32), Burst(1_500, 4))
"""Calibration: alone and many, short and long."""
MOST_FOREIGN = 0.1


def measure(stack: Running, rounds: int, output: int) -> list[dict[str, Any]]:
    """A row a burst: how many at once, and of each request TTFT and ITL [ms].

    ``foreign``: of the time of all cores, what others took of it meanwhile.
    """
    around = _around(stack)
    serve(stack, 2, 50 - around, output)
    rows = []
    for _ in range(rounds):
        for prompt in PROMPTS:
            for at_once in AT_ONCE:
                others = Others()
                found = serve(stack, at_once, prompt - around, output)
                row = {"prompt": prompt, "at_once": at_once, "foreign": others.share()}
                rows.append(row | found)
                print(
                    f"{prompt:>5} x {at_once:>2}: "
                    f"TTFT {statistics.median(found['ttft_ms']):.1f} ms, "
                    f"ITL {statistics.median(found['itl_ms']):.2f} ms, "
                    f"others {row['foreign']:.0%}",
                    flush=True,
                )
    return rows


STAT = Path("/proc/stat")


class Others:
    """Time of the cores that goes to other processes, from now on; 0 where the system
    does not tell (it is not Linux)."""

    def __init__(self) -> None:
        self._began, self._busy = time.monotonic(), self._foreign_s()

    def share(self) -> float:
        """Of all cores, since the beginning."""
        elapsed = time.monotonic() - self._began
        cores = os.cpu_count() or 1
        return round((self._foreign_s() - self._busy) / (elapsed * cores), 3)

    @staticmethod
    def _foreign_s() -> float:
        """Seconds of all cores busy, less those of this process and its children."""
        if not STAT.exists():
            return 0.0
        first = STAT.read_text().split("\n", 1)[0].split()[1:]
        ticks = [int(one) for one in first]
        busy = (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
        return busy - _own_s()


def _own_s() -> float:
    """Seconds of this process and of all that descend from it."""
    parents: dict[int, int] = {}
    seconds: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        parents[pid] = int(fields[1])
        ticks = sum(int(one) for one in fields[11:15])
        seconds[pid] = ticks / os.sysconf("SC_CLK_TCK")
    mine = {os.getpid()}
    for _ in range(8):
        mine |= {pid for pid, parent in parents.items() if parent in mine}
    return sum(seconds.get(pid, 0.0) for pid in mine)


def serve(
    stack: Running, at_once: int, digits: int, output: int
) -> dict[str, list[float]]:
    """Send so many prompts of so many digits (a token each) at once."""
    reports = _reports(stack, at_once, digits, output)
    return {
        "ttft_ms": [round(1e3 * one["ttft_s"], 1) for one in reports],
        "itl_ms": [round(1e3 / one["output_tokens_per_s"], 2) for one in reports],
    }


def _reports(
    stack: Running, at_once: int, digits: int, output: int
) -> list[dict[str, Any]]:
    answer = stack.ask_engine(
        "bench.serve",
        payloads=[
            {
                "messages": [
                    {
                        "role": "user",
                        "content": "".join(random.choices("0123456789", k=digits)),
                    }
                ],
                "max_tokens": output,
                "ignore_eos": True,
                "cache_salt": f"{random.getrandbits(64):x}",
            }
            for _ in range(at_once)
        ],
    )
    failed = [one["error"] for one in answer["reports"] if one["error"]]
    if failed or any(one["num_preemptions"] for one in answer["reports"]):
        raise RuntimeError(f"A request failed or was preempted: {failed[:1]}")
    return list(answer["reports"])


def _around(stack: Running) -> int:
    """Tokens that the chat template puts around a prompt."""
    return int(_reports(stack, 1, 10, 2)[0]["num_prompt_tokens"]) - 10


def seen_of(rows: list[dict[str, Any]]) -> dict[Burst, Seen]:
    """Medians over all requests of a burst in all quiet rounds [s]."""
    ttft, itl = defaultdict[Burst, list[float]](list), defaultdict[Any, Any](list)
    for row in rows:
        if row["foreign"] < MOST_FOREIGN:
            burst = Burst(row["prompt"], row["at_once"])
            ttft[burst] += row["ttft_ms"]
            itl[burst] += row["itl_ms"]
    return {
        burst: Seen(statistics.median(times) / 1e3, statistics.median(itl[burst]) / 1e3)
        for burst, times in ttft.items()
    }


def errors(
    seen: Mapping[Burst, Seen], engine: Engine
) -> dict[Burst, tuple[float, float]]:
    """Of TTFT and ITL, predicted ÷ measured − 1, with constants fitted to FITTED."""
    cost = fit({burst: seen[burst] for burst in FITTED}, engine)
    found = {}
    for burst, truth in seen.items():
        guess = astuple(burst_of(cost, burst, engine))
        pairs = zip(guess, astuple(truth), strict=True)
        ttft, itl = (told / measured - 1 for told, measured in pairs)
        found[burst] = ttft, itl
    return found


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """``rounds`` and ``output`` in ``options`` change repeats and answers."""
    scale = scale_of("service", options)
    with running(scale, SETTINGS) as stack:
        rows = measure(stack, scale["rounds"], scale["output"])
        status = stack.ready_status() or {}
    if "trace" in options:
        kept = {"engine": status, "output": scale["output"], "bursts": rows}
        Path(options["trace"]).write_text(json.dumps(kept))
    seen = seen_of(rows)
    if len(seen) < len(AT_ONCE) * len(PROMPTS):
        raise NotMeasured(
            "Other processes took a tenth of the cores or more in every round of some "
            "burst: measure on a quiet machine, or more often (--option rounds=6)."
        )
    engine = Engine(
        int(status["max_num_batched_tokens"]),
        int(status["max_concurrent_requests"]),
        scale["output"],
    )
    return _results(errors(seen, engine))


def _results(found: Mapping[Burst, tuple[float, float]]) -> list[dict[str, Any]]:
    every = [abs(one) for pair in found.values() for one in pair]
    unseen = [abs(one) for burst in found.keys() - set(FITTED) for one in found[burst]]
    return [
        {"name": name, "value": 100 * value, "unit": "%"}
        for name, value in (
            ("error_pct_worst", max(every)),
            ("error_pct_median", statistics.median(every)),
            ("error_pct_worst_unseen", max(unseen)),
            ("error_pct_median_unseen", statistics.median(unseen)),
        )
    ]
