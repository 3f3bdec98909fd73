"""A rehearsal of a recording, in a process of its own beside the engine.

The recording arrives in the ticket's settings as base64, with what is to change; the
result goes back in the ticket (lab/second/line.py).
"""

import base64
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.engine.config import PROJECT_DIR
from lab.recordings import limits
from lab.rehearsal.process import FAILED, FOUND, STAGE
from lab.second.line import Standing, Turn
from lab.worker.beside import DIED, Beside

MODULE = "lab.rehearsal.process"
NO_FILE = "There is no recording in this message."
STAGES = {
    "check": "It goes through the recorded settings: {:.0%}.",
    "run": "It goes through yours: {:.0%}.",
}


class Rehearsals(Beside):
    """One at a time; beside an engine that others own too, which it asks nothing."""

    module = MODULE

    @property
    def memory_mb(self) -> int:
        """Its own."""
        return self._config.rehearsal_memory_mb

    def _serve(self, turn: Turn, settings: Mapping[str, Any]) -> Standing:
        self.check_room()
        file = base64.b64decode(str(settings.get("file", "")))
        if not 0 < len(file) <= limits.MAX_BYTES:
            return Standing("refused", reason=NO_FILE)
        with tempfile.TemporaryDirectory(dir=self._config.data_dir) as name:
            directory = Path(name)
            (directory / "recording.svlr").write_bytes(file)
            asked = directory / "asked.json"
            asked.write_text(json.dumps(settings.get("what_if", {})))
            command = [sys.executable, "-m", self.module, name]
            ends_at, deadline, told = self.ends_at, self.deadline, ""
            with self.process(command, self._environment()) as process:
                while not (why := self.why_end(process, turn, deadline)):
                    if (sentence := _stage(directory)) != told:
                        told = sentence
                        turn.tell(Standing("ready", reason=told, ends_at=ends_at))
                    self.pause()
            return _ended(directory, why)

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(PROJECT_DIR),
            "OMP_NUM_THREADS": "1",
            "VLLM_LOGGING_LEVEL": "ERROR",
        }


def _stage(directory: Path) -> str:
    """How far it is; "" before it says so."""
    try:
        stage, done, of = json.loads((directory / STAGE).read_text())
    except (OSError, ValueError):
        return ""
    return STAGES[stage].format(done / max(1, of))


def _ended(directory: Path, why: str) -> Standing:
    found, failed = directory / FOUND, directory / FAILED
    if found.exists():
        return Standing("ended", result=json.loads(found.read_text()))
    if failed.exists() and why == DIED:
        why = failed.read_text()
    return Standing("ended", reason=why)
