"""Processor time of the processes of a bench, each under the name of what it does."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

TOLD = ("engine", "host", "web", "broker")
"""The viewers' own time would be spent on other machines."""

_BY_WORD = {
    "uvicorn": "web",
    "benchmarks.viewing": "viewers",
    "valkey-server": "broker",
    "redis-server": "broker",
}


@dataclass(frozen=True)
class CpuTime:
    """Seconds of processor time by name, as of (or within) ``at`` seconds."""

    at: float
    seconds: Mapping[str, float]

    @classmethod
    def now(cls) -> "CpuTime":
        """Of this process, the host, of those that it started, and of those that its
        parent did. What has no name of its own and is ours is the engine's."""
        this = psutil.Process()
        ours = {process.pid for process in this.children(recursive=True)}
        seconds: dict[str, float] = {}
        parent = this.parent()
        around = parent.children(recursive=True) if parent else []
        for process in around:
            try:
                name = _name_of(process, this.pid, ours)
                spent = process.cpu_times()
            except psutil.Error:  # it has just ended
                continue
            if name:
                seconds[name] = seconds.get(name, 0.0) + spent.user + spent.system
        return cls(time.perf_counter(), seconds)

    def __sub__(self, before: "CpuTime") -> "CpuTime":
        spent = {
            name: now - before.seconds.get(name, 0.0)
            for name, now in self.seconds.items()
        }
        return CpuTime(self.at - before.at, spent)


def _name_of(process: psutil.Process, this: int, ours: set[int]) -> str:
    if process.pid == this:
        return "host"
    words = " ".join(process.cmdline())
    named = next((name for word, name in _BY_WORD.items() if word in words), "")
    return named or ("engine" if process.pid in ours else "")


def shares(rounds: Sequence[CpuTime], names: Sequence[str]) -> dict[str, float]:
    """Per cent of a core that each name took over all rounds."""
    seconds = sum(one.at for one in rounds)
    return {
        name: 100 * sum(one.seconds.get(name, 0.0) for one in rounds) / seconds
        for name in names
    }


def compared(
    rounds: Mapping[bool, Sequence[CpuTime]], names: Mapping[bool, str]
) -> list[dict[str, Any]]:
    """Results of a bench: cpu_<process>_<name>, of the rounds under each name."""
    return [
        {"name": f"cpu_{process}_{name}", "value": percent, "unit": "% of a core"}
        for is_on, name in names.items()
        for process, percent in shares(rounds[is_on], TOLD).items()
    ]
