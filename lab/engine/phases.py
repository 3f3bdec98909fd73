"""Cold-start phases and their timings.

Phases are marked in three processes (engine host, EngineCore, vLLM's worker), so
each appends one JSON line to a file that the host reads: {"name": …, "at": epoch s}.
A phase lasts until the next mark.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

IMPORT = "import vLLM"
SPAWN = "spawn the engine process"
DEVICE = "init device"
WEIGHTS = "load weights"
COMPILE = "compile"
PROFILE = "profile memory"
KV_CACHE = "allocate KV cache"
WARM_UP = "warm-up"
GRAPHS = "capture graphs"
CONNECT = "connect"
FIRST_TOKEN = "first token"
ORDER = (
    IMPORT,
    SPAWN,
    DEVICE,
    WEIGHTS,
    COMPILE,
    PROFILE,
    KV_CACHE,
    WARM_UP,
    GRAPHS,
    CONNECT,
    FIRST_TOKEN,
)


@dataclass(frozen=True)
class Phase:
    """One phase; times in seconds since the start began, seconds None while it runs."""

    name: str
    started_s: float
    seconds: float | None


def mark(path: Path, name: str, at: float | None = None) -> None:
    """A phase begins now, or began ``at`` (epoch seconds); safe from any process."""
    line = json.dumps({"name": name, "at": time.time() if at is None else at}) + "\n"
    with path.open("a") as file:
        file.write(line)


def read(path: Path, started_at: float, ended_at: float | None = None) -> list[Phase]:
    """The phases marked so far; ``ended_at`` (epoch seconds) ends the last one."""
    if not path.exists():
        return []
    lines = [line for line in path.read_text().splitlines() if line.endswith("}")]
    marks = sorted((json.loads(line) for line in lines), key=lambda mark: mark["at"])
    ends = [mark["at"] for mark in marks[1:]] + [ended_at]
    return [
        Phase(
            name=mark["name"],
            started_s=round(mark["at"] - started_at, 3),
            seconds=None if end is None else round(end - mark["at"], 3),
        )
        for mark, end in zip(marks, ends, strict=True)
    ]
