"""Plain Transformers in a process beside the main engine, with the same prompts."""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.engine.config import PROJECT_DIR
from lab.second.line import Standing, Turn
from lab.worker.beside import Beside

MODULE = "lab.engine.plain_transformers"


class Rival(Beside):
    """Answers chats one by one and in static batches; see MODULE for both."""

    module = MODULE

    def _serve(self, turn: Turn, settings: Mapping[str, Any]) -> Standing:
        self.check_room()
        with tempfile.TemporaryDirectory(dir=self._config.data_dir) as directory:
            asked, out = Path(directory) / "asked.json", Path(directory) / "answer.json"
            asked.write_text(json.dumps(dict(settings)))
            command = [sys.executable, "-m", self.module, str(asked), str(out)]
            deadline = self.deadline
            turn.tell(Standing("ready", ends_at=self.ends_at))
            with self.process(command, self._environment()) as process:
                while not (why := self.why_end(process, turn, deadline)):
                    self.pause()
            if process.returncode == 0 and out.exists():
                return Standing("ended", result=json.loads(out.read_text()))
            return Standing("ended", reason=why)

    def _environment(self) -> dict[str, str]:
        """The engine's model and device, and all of its cores."""
        return {
            **os.environ,
            "PYTHONPATH": str(PROJECT_DIR),
            "DATA_DIR": str(self._config.data_dir),
            "TQDM_DISABLE": "1",
            "TRANSFORMERS_VERBOSITY": "error",
        }
