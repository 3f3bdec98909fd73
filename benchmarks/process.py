"""Processes that measure: each has the engine's environment, and its memory, to itself.

    environment = engine_environment(scale)
    found = measured("benchmarks.blocks", environment, {"pairs": 3})

The module's ``__main__`` hands its measuring function to answer().
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.scale import NotMeasured, Scale
from lab.engine import model_files
from lab.engine.config import EngineConfig
from lab.errors import EngineError
from launcher.engine_environment import engine_variables
from launcher.machine import this_machine

Ask = Callable[[str, Mapping[str, str], Mapping[str, Any]], Any]
"""Asks a measuring process of a module, as measured() does."""


def engine_environment(scale: Scale) -> dict[str, str]:
    """The operator's variables, the scale's and the launcher's for an engine; the
    files of its model are made here if need be."""
    environment = scale.environment(os.environ)
    config = EngineConfig.from_env(environment)
    model_files.make(config)
    return environment | engine_variables(this_machine(), config, environment)


def measured(
    module: str, environment: Mapping[str, str], asked: Mapping[str, Any]
) -> Any:
    """What ``python -m module`` answers to ``asked``; raises NotMeasured with its
    sentence, or RuntimeError when it broke: its traceback is printed then."""
    with tempfile.TemporaryDirectory(prefix="servelab-bench-") as directory:
        out = Path(directory) / "answer.json"
        command = [sys.executable, "-m", module, json.dumps(dict(asked)), str(out)]
        subprocess.run(command, env=dict(environment))
        if not out.exists():
            raise RuntimeError(f"{module} broke: what it said is above.")
        answer = json.loads(out.read_text())
    if "refusal" in answer:
        raise NotMeasured(answer["refusal"])
    return answer["found"]


def answer(
    measure: Callable[[dict[str, Any]], Any], arguments: Sequence[str] | None = None
) -> None:
    """The measuring process: answer what was asked in ``arguments``, by default those
    of its command line."""
    asked, out = sys.argv[1:] if arguments is None else arguments
    try:
        told = {"found": measure(json.loads(asked))}
    except (NotMeasured, EngineError) as error:
        told = {"refusal": str(error)}
    Path(out).write_text(json.dumps(told))
