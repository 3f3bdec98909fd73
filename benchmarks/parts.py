"""The parts of a running stack by name: their processes, processor time, memory."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil

PARTS: dict[str, Callable[[str], bool]] = {
    "redis": lambda line: "valkey-server" in line or "redis-server" in line,
    "web": lambda line: "uvicorn" in line,
    "default worker": lambda line: "-Q default" in line or "default@" in line,
    "engine host": lambda line: "-Q engine" in line or "engine@" in line,
    "engine core": lambda line: "EngineCore" in line,
}
OTHERS = "others"
"""The launcher itself, and helpers that a part has started."""


def parts_of(process_id: int) -> dict[str, list[psutil.Process]]:
    """The processes below a launcher by part, the eldest first; those of no part, and
    the launcher, among the others."""
    found: dict[str, list[psutil.Process]] = {}
    launcher = psutil.Process(process_id)
    children = launcher.children(recursive=True)
    for child in [launcher, *sorted(children, key=lambda one: one.pid)]:
        with contextlib.suppress(psutil.Error):
            line = " ".join(child.cmdline()) or child.name()
            fitting = (part for part, fits in PARTS.items() if fits(line))
            found.setdefault(next(fitting, OTHERS), []).append(child)
    return found


@dataclass
class Usage:
    """What each part has used of a processor so far, and has in memory now."""

    at: float = field(default_factory=time.monotonic)
    cpu_s: dict[str, float] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)
    """Resident; what processes share counts for each of them."""
    num_files: dict[str, int] = field(default_factory=dict)

    @classmethod
    def now(cls, process_id: int) -> "Usage":
        """Of the parts below a launcher."""
        usage = cls()
        for part, processes in parts_of(process_id).items():
            usage.cpu_s[part] = sum(_read(processes, _cpu_s))
            usage.memory_mb[part] = sum(_read(processes, _memory_mb))
            usage.num_files[part] = int(sum(_read(processes, psutil.Process.num_fds)))
        return usage

    def cpu_pct_since(self, before: "Usage") -> dict[str, float]:
        """Per cent of a core by part."""
        seconds = self.at - before.at
        return {
            part: 100 * (now - before.cpu_s.get(part, 0.0)) / seconds
            for part, now in self.cpu_s.items()
        }


def _read(
    processes: Sequence[psutil.Process], read: Callable[[psutil.Process], float]
) -> list[float]:
    found = []
    for process in processes:
        with contextlib.suppress(psutil.Error):
            found.append(read(process))
    return found


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _memory_mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6
