"""Which parts of the installation are there: what /readyz and the page say of them.

The default worker says so with every sweep, engine hosts by their heartbeats, and the
launcher writes down what it had to start again.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.messages import EngineStatus

PROCESSES_NAME = "processes.json"
"""In DATA_DIR; see launcher.restarts."""
DEFAULT_WORKER = "default worker"
AWAY_AFTER_S = 20.0
"""Without a word."""
WORKER_AWAY = (
    "The default worker is away: answers still arrive, but what gets lost is not found "
    "until it is back."
)


@dataclass(frozen=True)
class Part:
    """One part; ``sentence`` says what is wrong with it, "" where nothing is."""

    name: str
    state: str
    """up, away or "not seen yet"; of an engine host its own state."""
    seen_s: float | None = None
    """Seconds since it was heard of."""
    sentence: str = ""


def worker_part(seen: Mapping[str, float], now: float | None = None) -> Part:
    """The default worker; ``seen`` is Custody.parts()."""
    at = seen.get(DEFAULT_WORKER)
    if at is None:
        return Part(DEFAULT_WORKER, "not seen yet", None, WORKER_AWAY)
    age_s = round(max(0.0, (now or time.time()) - at), 1)
    is_away = age_s > AWAY_AFTER_S
    return Part(
        DEFAULT_WORKER,
        "away" if is_away else "up",
        age_s,
        WORKER_AWAY if is_away else "",
    )


def engine_part(status: EngineStatus, now: float | None = None) -> Part:
    """One engine host."""
    age_s = round((now or time.time()) - status.updated_at, 1)
    is_well = status.state in ("ready", "starting")
    name = f"engine host {status.engine_host_id}"
    return Part(name, status.state, age_s, "" if is_well else status.reason or "")


def processes(data_dir: Path) -> dict[str, Any]:
    """What the launcher started here, by name: launcher.restarts.ProcessState as JSON;
    nothing where another supervisor runs them."""
    try:
        found = json.loads((data_dir / PROCESSES_NAME).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def notice(seen: Mapping[str, float], data_dir: Path) -> str:
    """What a reader should know of parts that are not well; "" when all are."""
    known = [one.get("sentence", "") for one in processes(data_dir).values()]
    worker = worker_part(seen)
    said = worker.sentence if worker.state == "away" else ""
    return " ".join(filter(None, [*known, said]))
