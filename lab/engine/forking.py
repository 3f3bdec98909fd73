"""Forks a CPU's engine process from one that has imported vLLM already.

Left alone, vLLM spawns two processes on a CPU, one after the other (EngineCore, then
its worker), and each imports PyTorch and vLLM again. Python's fork server does that
once, beside the host's own import; later starts find it warm (ADR 22).
"""

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from typing import Any

from lab.engine.config import PROJECT_DIR, EngineConfig

PRELOAD = "lab.engine.preload"
EXECUTOR = "lab.engine.in_process_executor.InProcessExecutor"


def is_forked(config: EngineConfig, device: str) -> bool:
    """Whether the engine process of ``device`` is forked: on a CPU under Linux with
    Intel's OpenMP, the only one whose threads may be set anew after a fork."""
    return (
        config.is_preloading
        and device == "cpu"
        and sys.platform == "linux"
        and "iomp" in os.environ.get("LD_PRELOAD", "")
    )


def set_python_path() -> None:
    """Let the processes of vLLM find this project."""
    paths = [str(PROJECT_DIR), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, paths)))


def warm_up(config: EngineConfig, device: str) -> None:
    """Start the fork server, which begins to import at once; returns without waiting.
    Does nothing where one runs already, or none is wanted."""
    if not is_forked(config, device):
        return
    set_python_path()
    multiprocessing.set_forkserver_preload([PRELOAD])
    forkserver.ensure_running()


@contextmanager
def engine_process(config: EngineConfig, device: str) -> Iterator[None]:
    """Within it vLLM makes its engine process by the fork server.

    vLLM's own setting knows "fork" and "spawn" only, and its CPU platform insists on
    the latter, so the one function that reads it is replaced meanwhile.
    """
    if not is_forked(config, device):
        yield
        return
    from vllm.v1.engine import utils

    engine: Any = utils
    before = engine.get_mp_context
    engine.get_mp_context = lambda: multiprocessing.get_context("forkserver")
    try:
        yield
    finally:
        engine.get_mp_context = before
