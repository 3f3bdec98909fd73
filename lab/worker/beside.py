"""A process beside the main engine, within a budget: what all such have in common.

The thread that started it watches it to its end: its time, its memory, its learner,
this worker. It has a lower priority, and its processes are one group that ends whole.
"""

import contextlib
import logging
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import redis

from lab.engine.config import EngineConfig
from lab.engine.launch import resolve_device
from lab.errors import EngineError, SecondRefused
from lab.second.line import Standing, Turn
from lab.worker import process_group
from lab.worker.memory import free_bytes

logger = logging.getLogger(__name__)

MIB = 1 << 20
LOOK_S = 0.5
END_S = 12.0
"""After SIGTERM it gets so long; then all of its processes are killed."""
NICE = 10
"""Lower than the main engine's priority, so that this one answers as before."""
ON_ITS_WAY = "It is on its way."
LEFT = "Nobody waits for it any more."
OVERTAKEN = "The next one has its turn: this machine was silent for too long."
BROKEN = "It failed on the engine's machine: the log of the engine worker says why."
DIED = "Its process ended by itself; the log of the engine worker says why."
STOPPED = "The main engine's host ends, and this one with it."

Process = subprocess.Popen[bytes]


class Beside:
    """At most one at a time; run() blocks, stop() may come from any thread."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._stopping = threading.Event()
        self._one = threading.Lock()

    @property
    def record_path(self) -> Path:
        """Which process group runs, if one does."""
        return self._config.data_dir / "second_engine.json"

    def run(self, payload: Mapping[str, Any]) -> None:
        """One ticket's process, from its start to its end."""
        turn = Turn(self._config.redis_url, str(payload["ticket"]))
        if not turn.take():
            return
        with self._one:
            try:
                turn.tell(Standing("starting", reason=ON_ITS_WAY))
                turn.tell(self._serve(turn, payload["settings"]))
            except EngineError as error:
                turn.tell(Standing("refused", reason=str(error)))
            except Exception:  # its disk is full, say: who waits is told all the same
                turn.tell(Standing("ended", reason=BROKEN))
                raise
            finally:
                turn.end()

    def stop(self) -> None:
        """This worker ends."""
        self._stopping.set()

    @property
    def is_stopping(self) -> bool:
        """Whether this worker ends."""
        return self._stopping.is_set()

    def _serve(self, turn: Turn, settings: Mapping[str, Any]) -> Standing:
        """Run it; how it ended. Raises EngineError where it cannot begin."""
        raise NotImplementedError

    @property
    def memory_mb(self) -> int:
        """MiB that it may take; 0: nothing may run."""
        return self._config.second_memory_mb

    def check_room(self) -> None:
        """Raises SecondRefused unless the whole budget is free."""
        budget = self.memory_mb
        if not budget:
            raise SecondRefused(
                "Nothing may run beside the engine here (ENGINE_SECOND_MEMORY_MB=0)."
            )
        free = free_bytes(resolve_device(self._config))
        if free is not None and free < budget * MIB:
            raise SecondRefused(
                f"What runs beside the engine may take {budget:,} MiB here, and "
                f"{free // MIB:,} are free: it is not started, so that the engine "
                "stays usable."
            )

    @contextlib.contextmanager
    def process(
        self, command: list[str], environment: Mapping[str, str]
    ) -> Iterator[Process]:
        """The process in a group of its own, which has ended after the block."""
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        process_group.record(self.record_path, process.pid)
        with contextlib.suppress(psutil.Error):
            psutil.Process(process.pid).nice(NICE)
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_S)
            process_group.kill(process.pid)
            process.wait()
            self.record_path.unlink(missing_ok=True)

    @property
    def deadline(self) -> float:
        """time.monotonic() at which what starts now has used up its time: the clock of
        the machine may be set forward meanwhile."""
        return time.monotonic() + self._config.second_time_s

    @property
    def ends_at(self) -> float:
        """The same as time.time(), for those who are told."""
        return time.time() + self._config.second_time_s

    def why_end(self, process: Process, turn: Turn, deadline: float) -> str:
        """A sentence, or "" while it may go on."""
        if process.poll() is not None:
            return DIED
        if self._stopping.is_set():
            return STOPPED
        if time.monotonic() > deadline:
            seconds = self._config.second_time_s
            return f"Its time is up: it has {seconds} s here."
        budget = self.memory_mb
        used = process_group.resident_bytes(process.pid)
        if used > budget * MIB:
            return f"It took {used // MIB:,} MiB; allowed are {budget:,} here."
        try:
            if not turn.is_wanted():
                return LEFT
            return "" if turn.keep() else OVERTAKEN
        except redis.RedisError as error:  # it may be back: time and memory still hold
            logger.warning("The ticket cannot be read: %s", error)
            return ""

    def pause(self) -> None:
        """Between two looks; ends early when this worker does."""
        self._stopping.wait(LOOK_S)
