"""Cold-start phases and their timings.

Phases are marked in three processes (engine host, EngineCore, vLLM's worker), so
each appends one JSON line to a file that the host reads: {"name": …, "at": epoch s}.
A phase lasts until the next mark. Where cards share a model each has a worker that
marks: a phase begins when the first of them reaches it.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

IMPORT = "import vLLM"
SPAWN = "spawn the engine process"
DEVICE = "init device"
WEIGHTS = "load weights"
PROFILE = "profile memory"
KV_CACHE = "allocate KV cache"
WARM_UP = "warm-up"
CONNECT = "connect"
FIRST_TOKEN = "first token"
ORDER = (
    IMPORT,
    SPAWN,
    DEVICE,
    WEIGHTS,
    PROFILE,
    KV_CACHE,
    WARM_UP,
    CONNECT,
    FIRST_TOKEN,
)


@dataclass(frozen=True)
class Phase:
    """One phase; times in seconds since the start began, seconds None while it runs."""

    name: str
    started_s: float
    seconds: float | None


def mark(path: Path, name: str) -> None:
    """A phase begins now; safe to call from any process."""
    line = json.dumps({"name": name, "at": time.time()}) + "\n"
    with path.open("a") as file:
        file.write(line)


def read(path: Path, started_at: float, ended_at: float | None = None) -> list[Phase]:
    """The phases marked so far; ``ended_at`` (epoch seconds) ends the last one."""
    if not path.exists():
        return []
    lines = [line for line in path.read_text().splitlines() if line.endswith("}")]
    latest_first = sorted(map(json.loads, lines), key=lambda mark: -mark["at"])
    first = {mark["name"]: mark for mark in latest_first}
    marks = sorted(first.values(), key=lambda mark: mark["at"])
    ends = [mark["at"] for mark in marks[1:]] + [ended_at]
    return [
        Phase(
            name=mark["name"],
            started_s=round(mark["at"] - started_at, 3),
            seconds=None if end is None else round(end - mark["at"], 3),
        )
        for mark, end in zip(marks, ends, strict=True)
    ]
