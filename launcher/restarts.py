"""When a process that ended starts again, and what the page is told of each.

The web server may be a restarted one itself, so what it tells lies in a file.
"""

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.receipts.parts import PROCESSES_NAME

PAUSES_S = (1.0, 1.0, 2.0, 5.0, 10.0)
"""Before the first, second, … start within CALM_S."""
CALM_S = 120.0
"""What is older counts no more."""
KEEPS_ENDING = 3
"""From so many ends within CALM_S on there is something to say."""


@dataclass
class ProcessState:
    """One process as the page has it."""

    state: str = "running"
    """running, or "starts again" while it pauses."""
    num_ends: int = 0
    """Within CALM_S."""
    sentence: str = ""
    """Why, where it keeps ending."""


class Restarts:
    """What ended when; writes each change into ``DATA_DIR/processes.json``."""

    def __init__(
        self, data_dir: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = data_dir / PROCESSES_NAME
        self._clock = clock
        self._ends: dict[str, list[float]] = {}
        self._due: dict[str, float] = {}
        self._states: dict[str, ProcessState] = {}

    def note_start(self, name: str) -> None:
        """It runs; one that kept ending is not well yet."""
        self._due.pop(name, None)
        known = self._states.setdefault(name, ProcessState())
        known.state = "running"
        self._write()

    def note_end(self, name: str, code: int | None, log: Path) -> float:
        """It ended by itself; the seconds until it is due again."""
        now = self._clock()
        ends = [t for t in self._ends.get(name, []) if t > now - CALM_S]
        pause_s = PAUSES_S[min(len(ends), len(PAUSES_S) - 1)]
        self._ends[name] = [*ends, now]
        self._due[name] = now + pause_s
        number = len(ends) + 1
        sentence = (
            f"The {name} process ended {number} times within {CALM_S:.0f} s, the last "
            f"time {_how(code)}, and is started again each time. Its log is {log.name}."
        )
        self._states[name] = ProcessState(
            "starts again", number, sentence if number >= KEEPS_ENDING else ""
        )
        self._write()
        return pause_s

    def due(self) -> list[str]:
        """Names of the processes whose pause is over; and what has run calmly since is
        well again."""
        now = self._clock()
        for name, state in self._states.items():
            ends = [t for t in self._ends.get(name, []) if t > now - CALM_S]
            if state.num_ends and not ends:
                self._states[name] = ProcessState(state.state)
                self._write()
        return [name for name, due in self._due.items() if due <= now]

    def forget(self, name: str) -> None:
        """It has done what it was for."""
        self._states.pop(name, None)
        self._write()

    def close(self) -> None:
        """Nothing runs any more."""
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        text = json.dumps({name: asdict(s) for name, s in self._states.items()})
        part = self._path.with_suffix(".part")
        with contextlib.suppress(OSError):  # a full disk ends nothing that runs
            part.write_text(text)
            part.replace(self._path)


def _how(code: int | None) -> str:
    if code is None:
        return "before it ran"
    return f"by signal {-code}" if code < 0 else f"with code {code}"
